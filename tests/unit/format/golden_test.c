/*
 * Golden vectors: tests/golden holds a small snapshot as the first release wrote it, with its keys. Every later version
 * must read it. These tests decode the files and compare them field by field with golden.h, encode the fields again and
 * compare the bytes.
 *
 * "golden_test --write FOLDER" makes the files (with random numbers that are none, so that they are the same each
 * time). That is done once for each version of the format, never to make a failing test pass.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <glob.h>

#include "base/alloc.h"
#include "base/hex.h"
#include "base/io.h"
#include "crypto/passphrase.h"
#include "crypto/unseal.h"
#include "format/blob.h"
#include "format/names.h"
#include "format/pack.h"
#include "format/signed.h"
#include "golden.h"
#include "golden_write.h"

#define GOLDEN     "tests/golden"
#define ZONE       GOLDEN "/zone/"
#define CHUNK_KEYS GOLDEN "/chunk-keys.txt"
#define PADDED     GOLDEN "/padded-blobs.txt"

static struct buf load(const char *path, size_t max)
{
	struct buf b;

	buf_init(&b, max, "golden file");
	if (io_load(path, &b) < 0)
		fail_msg("%s", err_message());
	return b;
}

static struct buf load_object(const char *name)
{
	char path[OBJECT_NAME_MAX + sizeof ZONE];

	snprintf(path, sizeof path, ZONE "%s", name);
	return load(path, INDEX_MAX);
}

static struct secret_key *load_key(const char *role, passphrase_source ask)
{
	char path[64];
	struct secret_key *key = NULL;

	snprintf(path, sizeof path, GOLDEN "/keys/%s.key", role);
	/* Not key_load(): git keeps no mode of 0600. */
	struct buf text = load(path, KEY_FILE_MAX);
	if (key_parse((const char *)text.data, text.len, path, ask, NULL, &key) < 0)
		fail_msg("%s", err_message());
	buf_release(&text);
	return key;
}

static int golden_passphrase(void *context, const char *path, struct buf *out)
{
	(void)context, (void)path;
	return buf_append(out, GOLDEN_PASSPHRASE, strlen(GOLDEN_PASSPHRASE));
}

/* The body of a signed object, its signature checked. The caller keeps `object`. */
static struct signed_view open_signed(enum signed_type type, const struct buf *object)
{
	struct public_key agent;
	struct signed_view view;

	assert_int_equal(key_load_public(GOLDEN "/keys/agent.pub", &agent), 0);
	if (signed_decode(type, object->data, object->len, "golden", &view) < 0 ||
	    signed_verify(type, &view, &agent) < 0)
		fail_msg("%s", err_message());
	return view;
}

/* What was encoded again is what was read. */
static void assert_same_body(const struct signed_view *view, struct buf *again)
{
	assert_int_equal(again->len, view->body_len);
	assert_memory_equal(again->data, view->body, view->body_len);
	buf_release(again);
}

static struct header load_header(void)
{
	char name[OBJECT_NAME_MAX];
	struct buf object = load_object(name_header(GOLDEN_DATASET, GOLDEN_TAKEN_AT, snapshot_id, name));
	struct header h;

	struct signed_view view = open_signed(SIGNED_HEADER, &object);
	assert_int_equal(header_decode(view.body, view.body_len, &h), 0);
	buf_release(&object);
	return h;
}

/* The index object with this sequence number; its own hash in *hash. */
static struct buf load_index(unsigned seq, uint8_t hash[DIGEST_SIZE])
{
	char pattern[64], *slash;
	uint8_t signer[KEY_ID_SIZE], named[DIGEST_SIZE];
	uint64_t named_seq;
	glob_t found;

	snprintf(pattern, sizeof pattern, ZONE GOLDEN_DATASET "/index/*/%016u-*", seq);
	assert_int_equal(glob(pattern, 0, NULL, &found), 0);
	assert_int_equal(found.gl_pathc, 1);
	struct buf object = load(found.gl_pathv[0], INDEX_MAX);

	slash = found.gl_pathv[0] + strlen(ZONE);
	assert_int_equal(name_parse_index(slash, GOLDEN_DATASET, signer, &named_seq, named), 0);
	sha256(object.data, object.len, hash);
	assert_memory_equal(named, hash, DIGEST_SIZE);
	assert_int_equal(named_seq, seq);
	globfree(&found);
	return object;
}

static void chunk_keys_and_ids_follow_from_content(void **state)
{
	struct buf text = load(CHUNK_KEYS, 4096);
	char *line = NULL, *rest = NULL;
	size_t row = 0;

	(void)state;
	assert_int_equal(buf_terminate(&text), 0);
	for (line = strtok_r((char *)text.data, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
		char hex[5][DIGEST_HEX], expected[5][DIGEST_HEX];
		uint8_t parent[KEY_SIZE], content[DIGEST_SIZE], digest[DIGEST_SIZE], key[KEY_SIZE], id[ID_SIZE];
		char kind[2], suite[2];

		if (line[0] == '#')
			continue;
		assert_int_equal(sscanf(line, "%64s %1[12] %1[12] %64s %64s %64s %64s", hex[0], kind, suite, hex[1],
					expected[2], expected[3], expected[4]),
				 7);
		size_t len = strcmp(hex[1], "-") == 0 ? 0 : strlen(hex[1]) / 2;
		assert_int_equal(hex_decode(hex[0], 64, parent, KEY_SIZE), 0);
		assert_int_equal(hex_decode(hex[1], 2 * len, content, len), 0);

		sha256(content, len, digest);
		chunk_key(parent, (enum kind)(kind[0] - '0'), (enum suite)(suite[0] - '0'), digest, key, id);
		assert_string_equal(hex_encode(digest, DIGEST_SIZE, hex[2]), expected[2]);
		assert_string_equal(hex_encode(key, KEY_SIZE, hex[3]), expected[3]);
		assert_string_equal(hex_encode(id, ID_SIZE, hex[4]), expected[4]);
		chunk_id(key, id);
		assert_string_equal(hex_encode(id, ID_SIZE, hex[4]), expected[4]);
		row++;
	}
	assert_int_equal(row, CHUNK_KEY_ROWS);
	buf_release(&text);
}

/* One word of a line: hexadecimal of `len` bytes at most. */
static size_t next_hex(char **rest, uint8_t *out, size_t max)
{
	const char *word = strtok_r(NULL, " ", rest);

	assert_non_null(word);
	size_t len = strlen(word) / 2;
	assert_true(len <= max);
	assert_int_equal(hex_decode(word, 2 * len, out, len), 0);
	return len;
}

static void padded_blobs_open_to_their_content(void **state)
{
	struct buf text = load(PADDED, 1u << 16);
	struct blob_codec *codec = blob_codec_new(GOLDEN_PADDED_MAX, 3);
	char *lines = NULL;
	size_t row = 0;

	(void)state;
	assert_int_equal(buf_terminate(&text), 0);
	for (char *line = strtok_r((char *)text.data, "\n", &lines); line != NULL;
	     line = strtok_r(NULL, "\n", &lines)) {
		uint8_t key[KEY_SIZE], made[KEY_SIZE], id[ID_SIZE], content[GOLDEN_PADDED_MAX],
			expected[GOLDEN_PADDED_MAX], stored[4 * GOLDEN_PADDED_MAX], out[GOLDEN_PADDED_MAX];
		struct blob_info info = { .compression = COMPRESSION_PADDED };
		char *rest = NULL;

		if (line[0] == '#')
			continue;
		info.kind = (enum kind)strtoul(strtok_r(line, " ", &rest), NULL, 10);
		info.suite = (enum suite)strtoul(strtok_r(NULL, " ", &rest), NULL, 10);
		size_t len = next_hex(&rest, content, sizeof content);
		assert_int_equal(next_hex(&rest, key, sizeof key), KEY_SIZE);
		assert_int_equal(next_hex(&rest, info.id, sizeof info.id), ID_SIZE);
		info.plain = (uint32_t)strtoul(strtok_r(NULL, " ", &rest), NULL, 10);
		size_t stored_len = next_hex(&rest, stored, sizeof stored), got = sizeof out;

		assert_int_equal(len, golden_padded[row].size);
		golden_padded_content(row, expected);
		assert_memory_equal(content, expected, len);
		key_of(info.kind, info.suite, content, len, made, id);
		assert_memory_equal(key, made, KEY_SIZE);
		assert_memory_equal(info.id, id, ID_SIZE);
		assert_int_equal(info.plain, golden_padded[row].plain);
		assert_int_equal(blob_decode(codec, GOLDEN_DATASET, key, &info, stored, stored_len, out, &got), 0);
		assert_int_equal(got, len);
		assert_memory_equal(out, content, len);
		row++;
	}
	assert_int_equal(row, GOLDEN_PADDED);
	blob_codec_free(codec);
	buf_release(&text);
}

static void the_header_says_what_was_written(void **state)
{
	char name[OBJECT_NAME_MAX];
	uint8_t seal_hash[DIGEST_SIZE];
	struct buf again, seal = load_object(name_seal(GOLDEN_DATASET, snapshot_id, 1, name));
	struct buf object = load_object(name_header(GOLDEN_DATASET, GOLDEN_TAKEN_AT, snapshot_id, name));
	struct signed_view view = open_signed(SIGNED_HEADER, &object);
	struct header h;
	struct head first = { .seq = 1 };

	(void)state;
	assert_int_equal(header_decode(view.body, view.body_len, &h), 0);
	sha256(seal.data, seal.len, seal_hash);
	buf_release(&seal);
	seal = load_index(1, first.hash);
	memcpy(first.signer, view.signer, KEY_ID_SIZE);
	struct header e = golden_header(h.root_id, seal_hash, &first);

	assert_string_equal(h.dataset, e.dataset);
	assert_string_equal(h.product, e.product);
	assert_string_equal(h.tool, e.tool);
	assert_int_equal(h.class, e.class);
	assert_memory_equal(h.id, e.id, SNAPSHOT_ID_SIZE);
	assert_int_equal(h.seq, e.seq);
	assert_memory_equal(h.previous, e.previous, DIGEST_SIZE);
	assert_int_equal(h.taken_at, e.taken_at);
	assert_int_equal(h.consistent_at, e.consistent_at);
	assert_int_equal(h.expires_at, e.expires_at);
	assert_int_equal(h.suite, e.suite);
	assert_memory_equal(h.seal, e.seal, DIGEST_SIZE);
	assert_true(h.files == e.files && h.folders == e.folders && h.others == e.others && h.bytes == e.bytes);
	assert_true(h.new_bytes == e.new_bytes && h.new_stored == e.new_stored);
	assert_true(h.skipped == e.skipped && h.changed == e.changed);
	assert_int_equal(h.head_count, 1);
	assert_memory_equal(h.heads[0].signer, first.signer, KEY_ID_SIZE);
	assert_int_equal(h.heads[0].seq, 1);
	assert_memory_equal(h.heads[0].hash, first.hash, DIGEST_SIZE);

	buf_init(&again, HEADER_MAX, "header");
	assert_int_equal(header_encode(&h, &again), 0);
	assert_same_body(&view, &again);
	buf_release(&object);
	buf_release(&seal);
}

static void the_indexes_form_a_chain_that_names_the_packs(void **state)
{
	uint8_t first_hash[DIGEST_SIZE], second_hash[DIGEST_SIZE], header_hash[DIGEST_SIZE], zero[DIGEST_SIZE] = { 0 };
	char name[OBJECT_NAME_MAX];
	struct buf first = load_index(1, first_hash), second = load_index(2, second_hash), again;
	struct buf header = load_object(name_header(GOLDEN_DATASET, GOLDEN_TAKEN_AT, snapshot_id, name));
	struct signed_view view = open_signed(SIGNED_INDEX, &first);
	struct index i;

	(void)state;
	assert_int_equal(index_decode(view.body, view.body_len, &i), 0);
	assert_string_equal(i.dataset, GOLDEN_DATASET);
	assert_int_equal(i.seq, 1);
	assert_memory_equal(i.previous, zero, DIGEST_SIZE);
	assert_int_equal(i.made_at, GOLDEN_TAKEN_AT + 10);
	assert_false(i.checkpoint);
	assert_int_equal(i.added_count, 2);
	assert_int_equal(i.added[0].kind, KIND_CONTENT);
	assert_int_equal(i.added[1].kind, KIND_NODE);
	assert_true(i.withdrawn_count == 0 && i.header_count == 0 && i.head_count == 0);
	buf_init(&again, INDEX_MAX, "index");
	assert_int_equal(index_encode(&i, &again), 0);
	assert_same_body(&view, &again);
	index_release(&i);

	view = open_signed(SIGNED_INDEX, &second);
	assert_int_equal(index_decode(view.body, view.body_len, &i), 0);
	assert_int_equal(i.seq, 2);
	assert_memory_equal(i.previous, first_hash, DIGEST_SIZE);
	assert_true(i.checkpoint);
	assert_int_equal(i.added_count, 2);
	assert_int_equal(i.withdrawn_count, 1);
	assert_memory_equal(i.withdrawn[0], gone, DIGEST_SIZE);
	assert_int_equal(i.header_count, 1);
	sha256(header.data, header.len, header_hash);
	assert_memory_equal(i.headers[0], header_hash, DIGEST_SIZE);
	assert_int_equal(i.head_count, 1);
	assert_int_equal(i.heads[0].seq, 9);
	buf_init(&again, INDEX_MAX, "index");
	assert_int_equal(index_encode(&i, &again), 0);
	assert_same_body(&view, &again);
	index_release(&i);
	buf_release(&first);
	buf_release(&second);
	buf_release(&header);
}

static void the_seal_opens_for_both_recipients_to_the_roots_key(void **state)
{
	static const struct {
		const char *role;
		passphrase_source ask;
	} rows[] = { { "operator", NULL }, { "validator", golden_passphrase } };
	char name[OBJECT_NAME_MAX];
	struct buf again, object = load_object(name_seal(GOLDEN_DATASET, snapshot_id, 1, name));
	struct signed_view view = open_signed(SIGNED_SEAL, &object);
	struct header header = load_header();
	struct seal_binding binding = { .dataset = GOLDEN_DATASET };
	struct seal s;

	(void)state;
	assert_int_equal(seal_decode(view.body, view.body_len, &s), 0);
	assert_string_equal(s.dataset, GOLDEN_DATASET);
	assert_memory_equal(s.snapshot, snapshot_id, SNAPSHOT_ID_SIZE);
	assert_int_equal(s.generation, 1);
	assert_int_equal(s.share_count, 2);
	memcpy(binding.snapshot, snapshot_id, SNAPSHOT_ID_SIZE);
	memcpy(binding.root_id, header.root_id, ID_SIZE);
	for (size_t i = 0; i < 2; i++) {
		struct secret_key *key = load_key(rows[i].role, rows[i].ask);
		uint8_t *root_key = secret_new(KEY_SIZE), id[ID_SIZE];

		assert_memory_equal(s.shares[i].recipient, key->public.id, KEY_ID_SIZE);
		assert_int_equal(unseal(key, &binding, s.shares[i].sealed, root_key), 0);
		chunk_id(root_key, id);
		assert_memory_equal(id, header.root_id, ID_SIZE);
		secret_free(root_key);
		secret_free(key);
	}
	buf_init(&again, SEAL_MAX, "seal");
	assert_int_equal(seal_encode(&s, &again), 0);
	assert_same_body(&view, &again);
	buf_release(&object);
}

/* Pack number `n` of the first index, checked against its name and its index entry. */
static struct buf load_pack(unsigned n, struct pack_footer *footer)
{
	uint8_t hash[DIGEST_SIZE];
	char name[OBJECT_NAME_MAX];
	uint32_t footer_len = 0;
	struct index i;
	struct buf object = load_index(1, hash);
	struct signed_view view = open_signed(SIGNED_INDEX, &object);

	assert_int_equal(index_decode(view.body, view.body_len, &i), 0);
	struct buf bytes = load_object(name_pack(GOLDEN_DATASET, i.added[n].name, name));
	sha256(bytes.data, bytes.len, hash);
	assert_memory_equal(hash, i.added[n].name, DIGEST_SIZE);
	assert_int_equal(bytes.len, i.added[n].size);
	assert_memory_equal(bytes.data, "NFPACK1\n", 8);
	memcpy(&footer_len, bytes.data + bytes.len - PACK_TAIL_SIZE, sizeof footer_len);
	footer_len = be32toh(footer_len);
	assert_int_equal(footer_len, i.added[n].footer);

	const uint8_t *at = bytes.data + bytes.len - PACK_TAIL_SIZE - footer_len;
	sha256(at, footer_len, hash);
	assert_memory_equal(hash, i.added[n].footer_hash, DIGEST_SIZE);
	assert_int_equal(pack_footer_decode(at, footer_len, bytes.len, footer), 0);
	assert_int_equal(footer->kind, i.added[n].kind);
	index_release(&i);
	buf_release(&object);
	return bytes;
}

static void the_content_pack_holds_every_piece(void **state)
{
	struct pack_footer footer;
	struct buf bytes = load_pack(0, &footer);
	struct blob_codec *codec = blob_codec_new(CHUNK_MAX, 3);

	(void)state;
	assert_int_equal(footer.blob_count, PIECES);
	assert_int_equal(footer.child_count, 0);
	for (enum golden_piece piece = 0; piece < PIECES; piece++) {
		const struct pack_blob *b = &footer.blobs[piece];
		uint8_t key[KEY_SIZE], id[ID_SIZE], plain[GOLDEN_PIECE_MAX], expected[GOLDEN_PIECE_MAX];
		size_t len = sizeof plain;

		key_of_piece(piece, key, id);
		golden_piece(piece, expected);
		assert_memory_equal(b->info.id, id, ID_SIZE);
		assert_int_equal(b->info.suite, golden_pieces[piece].suite);
		assert_int_equal(b->info.plain, golden_pieces[piece].size);
		assert_int_equal(b->info.compression, golden_pieces[piece].noise ? COMPRESSION_NONE : COMPRESSION_ZSTD);
		assert_int_equal(blob_decode(codec, GOLDEN_DATASET, key, &b->info, bytes.data + b->offset, b->stored,
					     plain, &len),
				 0);
		assert_int_equal(len, b->info.plain);
		assert_memory_equal(plain, expected, b->info.plain);
	}
	blob_codec_free(codec);
	pack_footer_release(&footer);
	buf_release(&bytes);
}

static void assert_same_entry(const struct entry *e, const struct entry *expected)
{
	assert_int_equal(e->path_len, expected->path_len);
	assert_memory_equal(e->path, expected->path, e->path_len);
	assert_true(e->type == expected->type && e->mode == expected->mode);
	assert_true(e->uid == expected->uid && e->gid == expected->gid);
	assert_int_equal(e->user_len, expected->user_len);
	assert_memory_equal(e->user, expected->user_len ? expected->user : "", e->user_len);
	assert_int_equal(e->group_len, expected->group_len);
	assert_memory_equal(e->group, expected->group_len ? expected->group : "", e->group_len);
	assert_true(e->mtime == expected->mtime && e->mtime_ns == expected->mtime_ns);
	assert_true(e->size == expected->size && e->changed == expected->changed);
	assert_memory_equal(&e->content, &expected->content, sizeof e->content);
	assert_memory_equal(e->fingerprint, expected->fingerprint, DIGEST_SIZE);
	assert_int_equal(e->target_len, expected->target_len);
	assert_memory_equal(e->target ? e->target : "", expected->target ? expected->target : "", e->target_len);
	assert_int_equal(e->link == NULL, expected->link == NULL);
	assert_int_equal(e->link_len, expected->link_len);
	assert_memory_equal(e->link ? e->link : "", expected->link ? expected->link : "", e->link_len);
	assert_true(e->major == expected->major && e->minor == expected->minor);
	assert_int_equal(e->sparse, expected->sparse);
	assert_int_equal(e->extent_count, expected->extent_count);
	for (uint32_t i = 0; i < e->extent_count; i++)
		assert_memory_equal(&e->extents[i], &expected->extents[i], sizeof e->extents[i]);
	assert_int_equal(e->xattr_count, expected->xattr_count);
	for (uint32_t i = 0; i < e->xattr_count; i++) {
		assert_int_equal(e->xattrs[i].name_len, expected->xattrs[i].name_len);
		assert_memory_equal(e->xattrs[i].name, expected->xattrs[i].name, e->xattrs[i].name_len);
		assert_int_equal(e->xattrs[i].value_len, expected->xattrs[i].value_len);
		assert_memory_equal(e->xattrs[i].value, expected->xattrs[i].value, e->xattrs[i].value_len);
	}
}

static void assert_same_node(const struct node *n, enum golden_node which)
{
	static const struct {
		enum node_type type;
		const struct golden_file *files;
		uint64_t bytes;
		uint32_t level, children, entries;
	} rows[] = {
		[TREE_LIST] = { NODE_LIST, NULL, 5200, 1, 3, 0 },
		[TREE_FIRST] = { NODE_ENTRIES, golden_first, 6500, 0, 4, GOLDEN_FIRST },
		[TREE_SECOND] = { NODE_ENTRIES, golden_second, 600, 0, 1, GOLDEN_SECOND },
		[TREE_ROOT] = { NODE_BRANCH, NULL, 7100, 1, 2, 0 },
	};

	assert_int_equal(n->type, rows[which].type);
	assert_int_equal(n->level, rows[which].level);
	assert_int_equal(n->bytes, rows[which].bytes);
	assert_int_equal(n->child_count, rows[which].children);
	assert_int_equal(n->entry_count, rows[which].entries);
	for (uint32_t i = 0; i < n->entry_count; i++) {
		struct entry expected = golden_entry(&rows[which].files[i]);

		assert_same_entry(&n->entries[i], &expected);
	}
	if (which == TREE_ROOT) {
		assert_int_equal(n->children[0].first_path_len, 0);
		assert_int_equal(n->children[1].first_path_len, 5);
		assert_memory_equal(n->children[1].first_path, "empty", 5);
	}
}

static void the_node_pack_holds_the_tree_down_to_every_attribute(void **state)
{
	struct pack_footer footer;
	struct buf bytes = load_pack(1, &footer);
	struct blob_codec *codec = blob_codec_new(CHUNK_MAX, 3);
	struct node_writer *w = node_writer_new();
	uint8_t *plain = secret_new(NODE_MAX);
	struct header header = load_header();

	(void)state;
	assert_int_equal(footer.blob_count, TREE_NODES);
	for (enum golden_node node = 0; node < TREE_NODES; node++) {
		const struct pack_blob *b = &footer.blobs[node];
		const uint8_t *again, (*children)[ID_SIZE];
		uint8_t key[KEY_SIZE], id[ID_SIZE];
		uint32_t count;
		size_t len;
		struct node n;

		/* The very bytes that this version would write. */
		make_node(w, node);
		assert_int_equal(node_finish(w, &again, &len, &children, &count), 0);
		key_of(KIND_NODE, SUITE_AES256GCM, again, len, key, id);
		assert_memory_equal(b->info.id, id, ID_SIZE);
		assert_int_equal(b->info.plain, len);
		size_t got = len;
		assert_int_equal(blob_decode(codec, GOLDEN_DATASET, key, &b->info, bytes.data + b->offset, b->stored,
					     plain, &got),
				 0);
		assert_memory_equal(plain, again, len);
		assert_int_equal(b->child_count, count);
		assert_memory_equal(footer.children + b->child_first, children, count * sizeof *children);

		assert_int_equal(node_decode(plain, len, &n), 0);
		assert_same_node(&n, node);
		assert_int_equal(node_check_children(&n, children, count), 0);
		if (node == TREE_ROOT)
			assert_memory_equal(header.root_id, id, ID_SIZE);
		node_release(&n);
	}
	secret_free(plain);
	node_writer_free(w);
	blob_codec_free(codec);
	pack_footer_release(&footer);
	buf_release(&bytes);
}

static void the_intent_embeds_a_signed_header(void **state)
{
	char name[OBJECT_NAME_MAX];
	struct buf again, object = load_object(name_intent(GOLDEN_DATASET, destroyed_id, name));
	struct signed_view view = open_signed(SIGNED_INTENT, &object);
	struct intent i;
	struct header h;

	(void)state;
	assert_int_equal(intent_decode(view.body, view.body_len, &i), 0);
	assert_string_equal(i.dataset, GOLDEN_DATASET);
	assert_memory_equal(i.snapshot, destroyed_id, SNAPSHOT_ID_SIZE);
	assert_int_equal(i.made_at, GOLDEN_TAKEN_AT - 7200);
	assert_int_equal(i.expired_at, GOLDEN_TAKEN_AT - 86400);
	assert_string_equal(i.reason, "expired");
	buf_init(&again, INTENT_MAX, "intent");
	assert_int_equal(intent_encode(&i, &again), 0);
	assert_same_body(&view, &again);

	struct buf embedded;
	buf_init(&embedded, HEADER_MAX, "header");
	assert_int_equal(buf_append(&embedded, i.header, i.header_len), 0);
	view = open_signed(SIGNED_HEADER, &embedded);
	assert_int_equal(header_decode(view.body, view.body_len, &h), 0);
	assert_memory_equal(h.id, destroyed_id, SNAPSHOT_ID_SIZE);
	assert_int_equal(h.expires_at, i.expired_at);
	buf_release(&embedded);
	buf_release(&object);
}

static void marks_and_leases_say_what_was_written(void **state)
{
	char name[OBJECT_NAME_MAX];
	struct condemned c, expected_c = golden_condemned();
	struct lease l, expected_l = golden_lease();
	struct buf again, object = load_object(name_condemned(GOLDEN_DATASET, gone, name));
	struct signed_view view = open_signed(SIGNED_CONDEMNED, &object);

	(void)state;
	assert_int_equal(condemned_decode(view.body, view.body_len, &c), 0);
	assert_string_equal(c.dataset, expected_c.dataset);
	assert_memory_equal(c.pack, expected_c.pack, DIGEST_SIZE);
	assert_int_equal(c.since, expected_c.since);
	buf_init(&again, MARK_MAX, "mark");
	assert_int_equal(condemned_encode(&c, &again), 0);
	assert_same_body(&view, &again);
	buf_release(&object);

	object = load_object(name_lease(GOLDEN_DATASET, 3, name));
	view = open_signed(SIGNED_LEASE, &object);
	assert_int_equal(lease_decode(view.body, view.body_len, &l), 0);
	assert_string_equal(l.dataset, expected_l.dataset);
	assert_int_equal(l.number, expected_l.number);
	assert_memory_equal(l.holder, expected_l.holder, sizeof l.holder);
	assert_string_equal(l.host, expected_l.host);
	assert_int_equal(l.from, expected_l.from);
	assert_int_equal(l.until, expected_l.until);
	buf_init(&again, MARK_MAX, "lease");
	assert_int_equal(lease_encode(&l, &again), 0);
	assert_same_body(&view, &again);
	buf_release(&object);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chunk_keys_and_ids_follow_from_content),
		cmocka_unit_test(padded_blobs_open_to_their_content),
		cmocka_unit_test(the_header_says_what_was_written),
		cmocka_unit_test(the_indexes_form_a_chain_that_names_the_packs),
		cmocka_unit_test(the_seal_opens_for_both_recipients_to_the_roots_key),
		cmocka_unit_test(the_content_pack_holds_every_piece),
		cmocka_unit_test(the_node_pack_holds_the_tree_down_to_every_attribute),
		cmocka_unit_test(the_intent_embeds_a_signed_header),
		cmocka_unit_test(marks_and_leases_say_what_was_written),
	};

	if (argc == 3 && strcmp(argv[1], "--write") == 0)
		return write_golden(argv[2]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
