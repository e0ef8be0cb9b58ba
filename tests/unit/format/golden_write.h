/* Makes the files of tests/golden from golden.h: the same bytes each time, for one version of zstd. */
#ifndef GOLDEN_WRITE_H
#define GOLDEN_WRITE_H

#include <stdlib.h>

#include <sodium.h>

#include "base/alloc.h"
#include "base/hex.h"
#include "base/io.h"
#include "crypto/passphrase.h"
#include "format/blob.h"
#include "format/names.h"
#include "format/pack.h"
#include "format/signed.h"
#include "golden.h"

/* Random numbers that are none. */
static uint64_t random_at;

static inline uint32_t golden_random(void)
{
	uint8_t digest[DIGEST_SIZE];
	uint32_t value;

	sha256(&random_at, sizeof random_at, digest);
	random_at++;
	memcpy(&value, digest, sizeof value);
	return value;
}

static inline void golden_random_bytes(void *out, size_t size)
{
	for (size_t i = 0; i < size; i++)
		((uint8_t *)out)[i] = (uint8_t)golden_random();
}

static const char *golden_random_name(void)
{
	return "golden";
}

static struct randombytes_implementation no_random = { .implementation_name = golden_random_name,
						       .random = golden_random,
						       .buf = golden_random_bytes };

static inline void done(int code)
{
	if (code == 0)
		return;
	fprintf(stderr, "golden_test: %s\n", err_message());
	exit(EXIT_FAILED);
}

static inline void save(const char *folder, const char *name, const void *data, size_t len)
{
	char *path = xasprintf("%s/%s", folder, name);
	char *slash = strrchr(path, '/');

	*slash = '\0';
	done(io_make_dirs(path, 0755));
	*slash = '/';
	done(io_save(path, data, len, 0644));
	free(path);
}

static inline struct secret_key *save_key(const char *folder, enum role role, const char *passphrase)
{
	struct secret_key *key = key_generate(role);
	struct buf text, phrase;
	char name[64];

	buf_init_guarded(&text, KEY_FILE_MAX, "key");
	buf_init_guarded(&phrase, PASSPHRASE_MAX, "passphrase");
	if (passphrase != NULL)
		done(buf_append(&phrase, passphrase, strlen(passphrase)));
	done(key_text(key, passphrase != NULL ? &phrase : NULL, &text));
	snprintf(name, sizeof name, "keys/%s.key", role_name(role));
	save(folder, name, text.data, text.len);
	buf_clear(&text);
	done(key_public_text(&key->public, &text));
	snprintf(name, sizeof name, "keys/%s.pub", role_name(role));
	save(folder, name, text.data, text.len);
	buf_release(&text);
	buf_release(&phrase);
	return key;
}

static inline void save_chunk_keys(const char *folder)
{
	struct buf out;

	buf_init(&out, 4096, "chunk keys");
	done(buf_printf(
		&out,
		"# dataset key, kind, suite, content, SHA-256 of the content, key, id (all but numbers in hex)\n"));
	for (size_t i = 0; i < CHUNK_KEY_ROWS; i++) {
		uint8_t digest[DIGEST_SIZE], key[KEY_SIZE], id[ID_SIZE];
		char hex[5][DIGEST_HEX];
		size_t len = strlen(chunk_key_rows[i].content);

		sha256(chunk_key_rows[i].content, len, digest);
		chunk_key(dataset_key, chunk_key_rows[i].kind, chunk_key_rows[i].suite, digest, key, id);
		done(buf_printf(&out, "%s %d %d %s %s %s %s\n", hex_encode(dataset_key, KEY_SIZE, hex[0]),
				(int)chunk_key_rows[i].kind, (int)chunk_key_rows[i].suite,
				len != 0 ? hex_encode(chunk_key_rows[i].content, len, hex[1]) : "-",
				hex_encode(digest, DIGEST_SIZE, hex[2]), hex_encode(key, KEY_SIZE, hex[3]),
				hex_encode(id, ID_SIZE, hex[4])));
	}
	save(folder, "chunk-keys.txt", out.data, out.len);
	buf_release(&out);
}

static inline void save_padded(const char *folder)
{
	struct blob_codec *codec = blob_codec_new(GOLDEN_PADDED_MAX, 3);
	struct buf out;

	buf_init(&out, 1u << 16, "padded blobs");
	done(buf_printf(&out, "# compression 2, dataset " GOLDEN_DATASET
			      ": kind, suite, content, key, id, plain, stored bytes (all but"
			      " numbers in hex)\n"));
	for (size_t i = 0; i < GOLDEN_PADDED; i++) {
		struct blob_info info = { .kind = golden_padded[i].kind,
					  .suite = golden_padded[i].suite,
					  .compression = COMPRESSION_PADDED,
					  .plain = (uint32_t)golden_padded[i].size };
		uint8_t content[GOLDEN_PADDED_MAX], key[KEY_SIZE];
		char content_hex[2 * sizeof content + 1], key_hex[2 * KEY_SIZE + 1], id_hex[ID_HEX];
		const uint8_t *stored;
		size_t stored_len;

		golden_padded_content(i, content);
		key_of(info.kind, info.suite, content, golden_padded[i].size, key, info.id);
		done(blob_encode(codec, GOLDEN_DATASET, key, &info, content, &stored, &stored_len));
		char *stored_hex = xmalloc(2 * stored_len + 1);
		done(buf_printf(&out, "%d %d %s %s %s %u %s\n", (int)info.kind, (int)info.suite,
				hex_encode(content, golden_padded[i].size, content_hex),
				hex_encode(key, KEY_SIZE, key_hex), hex_encode(info.id, ID_SIZE, id_hex), info.plain,
				hex_encode(stored, stored_len, stored_hex)));
		free(stored_hex);
	}
	save(folder, "padded-blobs.txt", out.data, out.len);
	buf_release(&out);
	blob_codec_free(codec);
}

static inline void add_blob(struct pack *p, struct blob_codec *codec, struct blob_info info, const void *data,
			    const uint8_t (*children)[ID_SIZE], size_t child_count)
{
	const uint8_t *stored;
	uint8_t key[KEY_SIZE];
	size_t stored_len;

	key_of(info.kind, info.suite, data, info.plain, key, info.id);
	done(blob_encode(codec, GOLDEN_DATASET, key, &info, data, &stored, &stored_len));
	done(pack_add(p, &info, stored, stored_len, children, child_count));
}

static inline struct index_pack save_pack(const char *folder, struct pack *p)
{
	struct index_pack entry = { .kind = p->kind };
	uint8_t random[16];
	char name[OBJECT_NAME_MAX];

	random_bytes(random, sizeof random);
	done(pack_finish(p, random));
	memcpy(entry.name, p->name, DIGEST_SIZE);
	memcpy(entry.footer_hash, p->footer_hash, DIGEST_SIZE);
	entry.size = (uint32_t)p->bytes.len;
	entry.footer = p->footer;
	save(folder, name_pack(GOLDEN_DATASET, p->name, name), p->bytes.data, p->bytes.len);
	return entry;
}

static inline void save_packs(const char *folder, struct index_pack packs[2], uint8_t root_key[KEY_SIZE],
			      uint8_t root_id[ID_SIZE])
{
	struct blob_codec *codec = blob_codec_new(CHUNK_MAX, 3);
	struct pack *p = pack_new(KIND_CONTENT);
	struct node_writer *w = node_writer_new();

	for (enum golden_piece piece = 0; piece < PIECES; piece++) {
		struct blob_info info = { .kind = KIND_CONTENT,
					  .suite = golden_pieces[piece].suite,
					  .plain = (uint32_t)golden_pieces[piece].size };
		uint8_t bytes[GOLDEN_PIECE_MAX];

		golden_piece(piece, bytes);
		add_blob(p, codec, info, bytes, NULL, 0);
	}
	packs[0] = save_pack(folder, p);

	pack_reset(p, KIND_NODE);
	for (enum golden_node node = 0; node < TREE_NODES; node++) {
		const uint8_t *plain, (*children)[ID_SIZE];
		uint32_t count;
		size_t len;

		make_node(w, node);
		done(node_finish(w, &plain, &len, &children, &count));
		key_of(KIND_NODE, SUITE_AES256GCM, plain, len, root_key, root_id);
		add_blob(p, codec,
			 (struct blob_info){ .kind = KIND_NODE, .suite = SUITE_AES256GCM, .plain = (uint32_t)len },
			 plain, children, count);
	}
	packs[1] = save_pack(folder, p);
	pack_free(p);
	node_writer_free(w);
	blob_codec_free(codec);
}

/* Signs `body` (which is emptied), saves it under `name`, and tells its hash. */
static inline void save_signed(const char *folder, enum signed_type type, const struct secret_key *key,
			       struct buf *body, const char *name, uint8_t hash[DIGEST_SIZE])
{
	struct buf out;

	buf_init(&out, INDEX_MAX, signed_type_name(type));
	done(signed_encode(type, key, body, &out));
	sha256(out.data, out.len, hash);
	if (type == SIGNED_INDEX) /* named by its hash */
		name = xasprintf("%s%s", name, hex_encode(hash, DIGEST_SIZE, (char[DIGEST_HEX]){ 0 }));
	save(folder, name, out.data, out.len);
	if (type == SIGNED_INDEX)
		free_pointer(&name);
	buf_clear(body);
	buf_release(&out);
}

static inline void save_index(const char *folder, const struct secret_key *agent, const struct index *i,
			      struct buf *body, struct head *head)
{
	char signer[KEY_ID_HEX], *name;

	done(index_encode(i, body));
	name = xasprintf("%s/index/%s/%016llu-", GOLDEN_DATASET, hex_encode(agent->public.id, KEY_ID_SIZE, signer),
			 (unsigned long long)i->seq);
	memcpy(head->signer, agent->public.id, KEY_ID_SIZE);
	head->seq = i->seq;
	save_signed(folder, SIGNED_INDEX, agent, body, name, head->hash);
	free(name);
}

static inline void save_marks(const char *folder, const struct secret_key *agent, struct buf *body)
{
	struct condemned condemned = golden_condemned();
	struct lease lease = golden_lease();
	uint8_t hash[DIGEST_SIZE];
	char name[OBJECT_NAME_MAX];

	done(condemned_encode(&condemned, body));
	save_signed(folder, SIGNED_CONDEMNED, agent, body, name_condemned(GOLDEN_DATASET, gone, name), hash);
	done(lease_encode(&lease, body));
	save_signed(folder, SIGNED_LEASE, agent, body, name_lease(GOLDEN_DATASET, lease.number, name), hash);
}

/* The intent holds the header of another, older snapshot. */
static inline void save_intent(const char *folder, const struct secret_key *agent, const struct header *like,
			       struct buf *body)
{
	struct header old = *like;
	struct buf object;
	uint8_t hash[DIGEST_SIZE];
	char name[OBJECT_NAME_MAX];

	memcpy(old.id, destroyed_id, sizeof old.id);
	old.seq = 1;
	old.expires_at = GOLDEN_TAKEN_AT - 86400;
	old.taken_at = old.consistent_at = old.expires_at - 90 * 86400;
	buf_init(&object, HEADER_MAX, "header");
	done(header_encode(&old, body));
	done(signed_encode(SIGNED_HEADER, agent, body, &object));
	buf_clear(body);

	struct intent intent = { .dataset = GOLDEN_DATASET,
				 .made_at = GOLDEN_TAKEN_AT - 7200,
				 .expired_at = old.expires_at,
				 .reason = "expired",
				 .header = object.data,
				 .header_len = object.len };
	memcpy(intent.snapshot, destroyed_id, sizeof intent.snapshot);
	done(intent_encode(&intent, body));
	save_signed(folder, SIGNED_INTENT, agent, body, name_intent(GOLDEN_DATASET, destroyed_id, name), hash);
	buf_release(&object);
}

static inline void save_zone(const char *folder, const struct secret_key *agent, const struct public_key *recipients[2])
{
	struct index_pack packs[2];
	struct seal seal = { .dataset = GOLDEN_DATASET, .generation = 1, .share_count = 2 };
	struct seal_binding binding = { .dataset = GOLDEN_DATASET };
	struct index index = { .dataset = GOLDEN_DATASET, .seq = 1, .made_at = GOLDEN_TAKEN_AT + 10, .added = packs };
	struct head first, second;
	struct buf body;
	uint8_t root_key[KEY_SIZE], hash[DIGEST_SIZE];
	char name[OBJECT_NAME_MAX];

	buf_init(&body, INDEX_MAX, "body");
	save_packs(folder, packs, root_key, binding.root_id);
	index.added_count = 2;
	save_index(folder, agent, &index, &body, &first);

	memcpy(seal.snapshot, snapshot_id, SNAPSHOT_ID_SIZE);
	memcpy(binding.snapshot, snapshot_id, SNAPSHOT_ID_SIZE);
	for (unsigned i = 0; i < 2; i++) {
		memcpy(seal.shares[i].recipient, recipients[i]->id, KEY_ID_SIZE);
		done(seal_make(recipients[i], &binding, root_key, seal.shares[i].sealed));
	}
	done(seal_encode(&seal, &body));
	save_signed(folder, SIGNED_SEAL, agent, &body, name_seal(GOLDEN_DATASET, snapshot_id, 1, name), hash);

	struct header header = golden_header(binding.root_id, hash, &first);
	done(header_encode(&header, &body));
	save_signed(folder, SIGNED_HEADER, agent, &body,
		    name_header(GOLDEN_DATASET, GOLDEN_TAKEN_AT, snapshot_id, name), hash);

	/* A checkpoint, written by the next run. */
	index.seq = 2;
	index.made_at = GOLDEN_TAKEN_AT + 86400;
	index.checkpoint = true;
	memcpy(index.previous, first.hash, DIGEST_SIZE);
	index.withdrawn = (uint8_t(*)[DIGEST_SIZE]){ xcalloc(1, DIGEST_SIZE) };
	memcpy(index.withdrawn, gone, DIGEST_SIZE);
	index.withdrawn_count = 1;
	index.headers = &hash;
	index.header_count = 1;
	index.head_count = 1;
	memset(&index.heads[0], 0x55, sizeof index.heads[0]);
	index.heads[0].seq = 9;
	save_index(folder, agent, &index, &body, &second);
	free(index.withdrawn);

	save_marks(folder, agent, &body);
	save_intent(folder, agent, &header, &body);
	buf_release(&body);
}

static inline int write_golden(const char *folder)
{
	randombytes_set_implementation(&no_random);
	must(sodium_init() >= 0);

	char *zone = xasprintf("%s/zone", folder);
	struct secret_key *agent = save_key(folder, ROLE_AGENT, NULL);
	struct secret_key *operator= save_key(folder, ROLE_OPERATOR, NULL);
	struct secret_key *validator = save_key(folder, ROLE_VALIDATOR, GOLDEN_PASSPHRASE);

	save_chunk_keys(folder);
	save_zone(zone, agent, (const struct public_key *[]){ &operator->public, &validator->public });
	save_padded(folder);
	secret_free(agent);
	secret_free(operator);
	secret_free(validator);
	free(zone);
	return EXIT_DONE;
}

#endif
