/*
 * A dataset made by hand, in two folders as zones: what the agent would have written, so that reading can be tested
 * without it, and damaged at will.
 */
#ifndef TESTS_REPO_HAND_MADE_H
#define TESTS_REPO_HAND_MADE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/io.h"
#include "crypto/digest.h"
#include "format/pack.h"
#include "repo/repo.h"
#include "repo/tree.h"

#define HAND_DATASET "sms"
#define HAND_PIECE   (64u << 10) /* chunk size of files that are not small */
#define HAND_SMALL   1024u       /* files up to here share a chunk */
#define HAND_WHOLE   4u          /* so many pieces stand in the entry; more make a list */
#define HAND_LIST    4u          /* children of a list */
#define HAND_BOTH    3u          /* zone bits */
#define HAND_PACKS   16u

struct hand_ref { /* a chunk: the key is a test's, so it may lie anywhere */
	uint8_t id[ID_SIZE], key[KEY_SIZE];
	uint64_t size;
};

struct hand {
	char dir[64], az1[80], az2[80];
	struct secret_key *agent, *operator, * other;
	struct public_key recipient;
	struct trust trust;
	struct zone_place places[2];
	struct findings *findings;
	uint8_t dataset_key[KEY_SIZE];
	enum suite suite;
	struct pack *open[2];                /* content, node */
	struct index_pack packs[HAND_PACKS]; /* since the last index, then all */
	uint32_t pack_count, indexed;
	uint64_t index_seq, header_seq;
	uint8_t index_hash[DIGEST_SIZE], header_hash[DIGEST_SIZE], last_seal[DIGEST_SIZE];
	unsigned zones;       /* where what is published goes; HAND_BOTH unless a test says otherwise */
	bool wrong_clear_ids; /* nodes are packed with another list of children in clear */
	bool padded;          /* blobs are, from now on */
};

static inline void hand_zone_path(const struct hand *h, unsigned zone, const char *name, char out[512])
{
	snprintf(out, 512, "%s/%s", zone == 0 ? h->az1 : h->az2, name);
}

static inline void hand_put(const struct hand *h, const char *name, const void *data, size_t len)
{
	for (unsigned i = 0; i < 2; i++) {
		struct zone_writer *w;

		if ((h->zones & ZONE_BIT(i)) == 0)
			continue;
		assert_int_equal(zone_open_writer(&h->places[i], &w), 0);
		assert_int_equal(zone_put(w, name, data, len), 0);
		zone_close_writer(w);
	}
}

static inline void hand_open(struct hand *h)
{
	char path[4][128];
	const char *names[2] = { path[0], path[1] };

	*h = (struct hand){ .zones = HAND_BOTH, .suite = SUITE_XCHACHA20POLY1305 };
	assert_int_equal(secret_init(), 0);
	strcpy(h->dir, "/tmp/nightfold-hand-XXXXXX");
	assert_non_null(mkdtemp(h->dir));
	snprintf(h->az1, sizeof h->az1, "%s/az1", h->dir);
	snprintf(h->az2, sizeof h->az2, "%s/az2", h->dir);
	assert_int_equal(mkdir(h->az1, 0700) | mkdir(h->az2, 0700), 0);
	snprintf(path[2], sizeof path[2], "file://%s", h->az1);
	snprintf(path[3], sizeof path[3], "file://%s", h->az2);
	h->places[0] = (struct zone_place){ .name = "az1", .url = xstrdup(path[2]) };
	h->places[1] = (struct zone_place){ .name = "az2", .url = xstrdup(path[3]) };
	h->agent = key_generate(ROLE_AGENT);
	h->operator= key_generate(ROLE_OPERATOR);
	h->other = key_generate(ROLE_OPERATOR);
	h->recipient = h->operator->public;
	assert_int_equal(key_save(h->dir, h->agent, NULL), 0);
	assert_int_equal(key_save(h->dir, h->operator, NULL), 0);
	snprintf(path[0], sizeof path[0], "%s/agent.pub", h->dir);
	snprintf(path[1], sizeof path[1], "%s/operator.pub", h->dir);
	assert_int_equal(trust_load_files(names, 2, &h->trust), 0);
	h->findings = findings_new();
	random_bytes(h->dataset_key, sizeof h->dataset_key);
}

static inline void hand_remove_dir(const char *path)
{
	char command[256];

	snprintf(command, sizeof command, "chmod -R u+rwX '%s'; rm -rf '%s'", path, path);
	assert_int_equal(system(command), 0);
}

static inline void hand_close(struct hand *h)
{
	hand_remove_dir(h->dir);
	pack_free(h->open[0]);
	pack_free(h->open[1]);
	secret_free(h->agent);
	secret_free(h->operator);
	secret_free(h->other);
	trust_release(&h->trust);
	findings_free(h->findings);
	for (unsigned i = 0; i < 2; i++)
		free((char *)(uintptr_t)h->places[i].url);
	*h = (struct hand){ 0 };
}

/* ---- chunks and packs ---- */

static inline void hand_flush_pack(struct hand *h, enum kind kind)
{
	struct pack *p = h->open[kind - 1];
	uint8_t salt[16];
	char name[OBJECT_NAME_MAX];

	if (p == NULL || p->blob_count == 0)
		return;
	random_bytes(salt, sizeof salt);
	assert_int_equal(pack_finish(p, salt), 0);
	hand_put(h, name_pack(HAND_DATASET, p->name, name), p->bytes.data, p->bytes.len);
	assert_true(h->pack_count < HAND_PACKS);
	struct index_pack *row = &h->packs[h->pack_count++];
	*row = (struct index_pack){ .size = (uint32_t)p->bytes.len, .footer = p->footer, .kind = kind };
	memcpy(row->name, p->name, DIGEST_SIZE);
	memcpy(row->footer_hash, p->footer_hash, DIGEST_SIZE);
	pack_reset(p, kind);
}

static inline struct hand_ref hand_chunk(struct hand *h, enum kind kind, const void *data, size_t len,
					 const uint8_t (*children)[ID_SIZE], uint32_t child_count)
{
	struct blob_codec *codec = blob_codec_new(CHUNK_MAX, 3);
	struct blob_info info = { .kind = kind,
				  .suite = h->suite,
				  .compression = h->padded ? COMPRESSION_PADDED : COMPRESSION_NONE,
				  .plain = (uint32_t)len };
	struct hand_ref ref = { .size = len };
	uint8_t digest[DIGEST_SIZE];
	const uint8_t *stored;
	size_t stored_len;

	sha256(data, len, digest);
	chunk_key(h->dataset_key, kind, h->suite, digest, ref.key, ref.id);
	memcpy(info.id, ref.id, ID_SIZE);
	if (h->open[kind - 1] == NULL)
		h->open[kind - 1] = pack_new(kind);
	assert_int_equal(blob_encode(codec, HAND_DATASET, ref.key, &info, data, &stored, &stored_len), 0);
	assert_int_equal(pack_add(h->open[kind - 1], &info, stored, stored_len, children, child_count), 0);
	blob_codec_free(codec);
	return ref;
}

static inline struct hand_ref hand_node(struct hand *h, struct node_writer *w, uint64_t size)
{
	const uint8_t(*children)[ID_SIZE];
	const uint8_t *plain;
	uint32_t count;
	size_t len;

	assert_int_equal(node_finish(w, &plain, &len, &children, &count), 0);
	if (h->wrong_clear_ids && count > 0)
		count--;
	struct hand_ref ref = hand_chunk(h, KIND_NODE, plain, len, children, count);
	ref.size = size;
	return ref;
}

/* ---- trees ---- */

struct hand_file {
	const char *path;
	enum entry_type type;
	size_t size; /* files: that many bytes made from the seed */
	unsigned seed;
	const char *text; /* symlink: target; hard link: "=path" */
	bool hole;        /* a sparse file: a hole of 1 MiB before its content and one behind it */
	bool wrong_print; /* its fingerprint is another file's */
	bool sum;         /* it has a SHA-256 */
	bool wrong_sum;   /* that is another file's */
	size_t piece;     /* chunk size; 0: HAND_PIECE */
};

static inline void hand_bytes(unsigned seed, uint8_t *out, size_t len)
{
	uint32_t x = seed * 2654435761u + 1;

	for (size_t i = 0; i < len; i++) {
		x = x * 1664525u + 1013904223u;
		out[i] = (uint8_t)(x >> 24);
	}
}

static inline uint32_t hand_child(struct node_writer *w, const struct hand_ref *ref)
{
	uint32_t index;

	assert_int_equal(node_add_child(w, ref->id, ref->key, ref->size, &index), 0);
	return index;
}

/* Lists over `count` refs, level by level; the top one comes back. */
static inline struct hand_ref hand_lists(struct hand *h, struct hand_ref *refs, size_t count)
{
	for (uint32_t level = 1;; level++) {
		size_t made = 0;

		for (size_t i = 0; i < count; i += HAND_LIST) {
			struct node_writer *w = node_writer_new();
			uint64_t size = 0;

			node_writer_reset(w, NODE_LIST, level);
			for (size_t k = i; k < count && k < i + HAND_LIST; k++) {
				hand_child(w, &refs[k]);
				size += refs[k].size;
			}
			refs[made++] = hand_node(h, w, size);
			node_writer_free(w);
		}
		count = made;
		if (count == 1)
			return refs[0];
	}
}

static inline void hand_content(struct hand *h, struct node_writer *w, const struct hand_file *f, struct entry *e)
{
	size_t piece = f->piece != 0 ? f->piece : HAND_PIECE, count = (f->size + piece - 1) / piece;
	struct hand_ref *refs = xcalloc(count + 1, sizeof *refs);
	struct sha256 *hash = sha256_new();
	uint8_t *data = xmalloc(f->size + 1), digest[DIGEST_SIZE];

	hand_bytes(f->seed, data, f->size);
	for (size_t i = 0; i < count; i++) {
		size_t at = i * piece, len = f->size - at < piece ? f->size - at : piece;

		sha256(data + at, len, digest);
		sha256_update(hash, digest, sizeof digest);
		/* Small files share a chunk: here, each with a head and a tail of other bytes. */
		if (f->size <= HAND_SMALL) {
			uint8_t *group = xcalloc(1, len + 64);

			memcpy(group + 32, data, len);
			refs[0] = hand_chunk(h, KIND_CONTENT, group, len + 64, NULL, 0);
			e->content = (struct content){
				.form = CONTENT_SLICE, .child = hand_child(w, &refs[0]), .offset = 32, .length = len
			};
			free(group);
		} else {
			refs[i] = hand_chunk(h, KIND_CONTENT, data + at, len, NULL, 0);
		}
	}
	sha256_final(hash, e->fingerprint);
	if (f->wrong_print)
		e->fingerprint[0] ^= 1;
	if (count > HAND_WHOLE) {
		struct hand_ref list = hand_lists(h, refs, count);

		e->content = (struct content){ .form = CONTENT_LIST, .child = hand_child(w, &list) };
	} else if (f->size > HAND_SMALL) {
		e->content = (struct content){ .form = CONTENT_WHOLE,
					       .child = hand_child(w, &refs[0]),
					       .count = (uint32_t)count };
		for (size_t i = 1; i < count; i++)
			hand_child(w, &refs[i]);
	}
	sha256_free(hash);
	free(data);
	free(refs);
}

static inline void hand_sum(const struct hand_file *f, struct entry *e)
{
	size_t before = f->hole ? 1u << 20 : 0;
	uint8_t *whole = xcalloc(1, (size_t)e->size + 1);

	hand_bytes(f->seed, whole + before, f->size);
	sha256(whole, (size_t)e->size, e->sha256);
	e->has_sha256 = true;
	if (f->wrong_sum)
		e->sha256[31] ^= 1;
	free(whole);
}

static inline void hand_entry(struct hand *h, struct node_writer *w, const struct hand_file *f)
{
	struct extent extent = { .offset = 1u << 20, .length = f->size };
	struct entry e = { .path = f->path,
			   .path_len = (uint32_t)strlen(f->path),
			   .type = f->type,
			   .mode = f->type == ENTRY_FOLDER ? 0750 : 0640,
			   .uid = getuid(),
			   .gid = getgid(),
			   .mtime = 1700000000 + (int64_t)f->seed,
			   .mtime_ns = 123456789 };

	if (f->text != NULL && f->text[0] == '=') {
		e.link = f->text + 1;
		e.link_len = (uint32_t)strlen(e.link);
	} else if (f->type == ENTRY_SYMLINK) {
		e.target = f->text;
		e.target_len = (uint32_t)strlen(f->text);
	} else if (f->type == ENTRY_FILE) {
		e.size = f->size;
		hand_content(h, w, f, &e);
		if (f->hole) {
			e.sparse = true;
			e.extents = &extent;
			e.extent_count = f->size > 0 ? 1 : 0;
			e.size = f->size + (2u << 20);
		}
		if (f->sum || f->wrong_sum)
			hand_sum(f, &e);
	}
	assert_int_equal(node_add_entry(w, &e), 0);
}

/*
 * Entries in nodes of `a_node` each, in path order, under one level of branches (or two, when they are more than 4).
 */
static inline struct hand_ref hand_tree(struct hand *h, const struct hand_file *files, size_t count, size_t a_node)
{
	struct hand_ref refs[64];
	const char *first[64];
	size_t made = 0;

	for (size_t i = 0; i < count; i += a_node) {
		struct node_writer *w = node_writer_new();

		node_writer_reset(w, NODE_ENTRIES, 0);
		first[made] = files[i].path;
		for (size_t k = i; k < count && k < i + a_node; k++)
			hand_entry(h, w, &files[k]);

		const uint8_t(*children)[ID_SIZE];
		const uint8_t *plain;
		uint32_t child_count;
		size_t len;
		struct node node;
		assert_int_equal(node_finish(w, &plain, &len, &children, &child_count), 0);
		assert_int_equal(node_decode(plain, len, &node), 0);
		refs[made++] = hand_node(h, w, node.bytes);
		node_release(&node);
		node_writer_free(w);
	}
	for (uint32_t level = 1; made > 1; level++) {
		size_t above = 0;

		for (size_t i = 0; i < made; i += 4) {
			struct node_writer *w = node_writer_new();
			uint64_t size = 0;

			node_writer_reset(w, NODE_BRANCH, level);
			first[above] = first[i];
			for (size_t k = i; k < made && k < i + 4; k++) {
				hand_child(w, &refs[k]);
				assert_int_equal(node_add_branch(w, first[k == i ? above : k],
								 strlen(first[k == i ? above : k])),
						 0);
				size += refs[k].size;
			}
			refs[above++] = hand_node(h, w, size);
			node_writer_free(w);
		}
		made = above;
	}
	return refs[0];
}

/* ---- signed objects ---- */

static inline void hand_sign(const struct hand *h, enum signed_type type, const struct secret_key *key,
			     const struct buf *body, struct buf *object)
{
	(void)h;
	buf_init(object, INDEX_MAX, "object");
	assert_int_equal(signed_encode(type, key, body, object), 0);
}

static inline void hand_index(struct hand *h)
{
	struct index index = { .seq = ++h->index_seq, .made_at = clock_now(), .added = h->packs + h->indexed };
	_buf_ struct buf body, object;
	char name[OBJECT_NAME_MAX];

	hand_flush_pack(h, KIND_CONTENT);
	hand_flush_pack(h, KIND_NODE);
	index.added_count = h->pack_count - h->indexed;
	h->indexed = h->pack_count;
	strcpy(index.dataset, HAND_DATASET);
	memcpy(index.previous, h->index_hash, DIGEST_SIZE);
	buf_init(&body, INDEX_MAX, "index");
	assert_int_equal(index_encode(&index, &body), 0);
	hand_sign(h, SIGNED_INDEX, h->agent, &body, &object);
	sha256(object.data, object.len, h->index_hash);
	hand_put(h, name_index(HAND_DATASET, h->agent->public.id, index.seq, h->index_hash, name), object.data,
		 object.len);
}

/* A seal of this root to h->recipient, signed by the agent (generation 1) or the operator. */
static inline void hand_seal(struct hand *h, const struct header *header, const struct hand_ref *root,
			     uint32_t generation, const uint8_t bound_to[SNAPSHOT_ID_SIZE])
{
	struct seal seal = { .generation = generation, .share_count = 1 };
	struct seal_binding binding = { .dataset = HAND_DATASET };
	uint8_t *key = secret_new(KEY_SIZE);
	_buf_ struct buf body, object;
	char name[OBJECT_NAME_MAX];

	strcpy(seal.dataset, HAND_DATASET);
	memcpy(seal.snapshot, header->id, SNAPSHOT_ID_SIZE);
	memcpy(seal.shares[0].recipient, h->recipient.id, KEY_ID_SIZE);
	memcpy(binding.snapshot, bound_to, SNAPSHOT_ID_SIZE);
	memcpy(binding.root_id, root->id, ID_SIZE);
	memcpy(key, root->key, KEY_SIZE);
	assert_int_equal(seal_make(&h->recipient, &binding, key, seal.shares[0].sealed), 0);
	secret_free(key);
	buf_init(&body, SEAL_MAX, "seal");
	assert_int_equal(seal_encode(&seal, &body), 0);
	hand_sign(h, SIGNED_SEAL, generation == 1 ? h->agent : h->operator, & body, &object);
	sha256(object.data, object.len, h->last_seal);
	hand_put(h, name_seal(HAND_DATASET, header->id, generation, name), object.data, object.len);
}

/* Publishes everything: packs, index, seal, header. Fills *header. */
static inline void hand_publish(struct hand *h, int64_t taken_at, const struct hand_ref *root, struct header *header)
{
	_buf_ struct buf body, object;
	char name[OBJECT_NAME_MAX];

	hand_index(h);
	*header = (struct header){ .class = CLASS_MESSAGE,
				   .seq = ++h->header_seq,
				   .taken_at = taken_at,
				   .consistent_at = taken_at,
				   .expires_at = taken_at + 90 * 86400,
				   .suite = h->suite,
				   .files = 1,
				   .bytes = root->size,
				   .head_count = 1 };
	strcpy(header->dataset, HAND_DATASET);
	strcpy(header->product, "messaging");
	strcpy(header->tool, "hand");
	random_bytes(header->id, SNAPSHOT_ID_SIZE);
	memcpy(header->previous, h->header_hash, DIGEST_SIZE);
	memcpy(header->root_id, root->id, ID_SIZE);
	memcpy(header->heads[0].signer, h->agent->public.id, KEY_ID_SIZE);
	memcpy(header->heads[0].hash, h->index_hash, DIGEST_SIZE);
	header->heads[0].seq = h->index_seq;
	hand_seal(h, header, root, 1, header->id);
	memcpy(header->seal, h->last_seal, DIGEST_SIZE);
	buf_init(&body, HEADER_MAX, "header");
	assert_int_equal(header_encode(header, &body), 0);
	hand_sign(h, SIGNED_HEADER, h->agent, &body, &object);
	sha256(object.data, object.len, h->header_hash);
	hand_put(h, name_header(HAND_DATASET, taken_at, header->id, name), object.data, object.len);
}

/* ---- reading, and damage ---- */

static inline struct repo *hand_repo(struct hand *h)
{
	struct repo_options options = {
		.dataset = HAND_DATASET, .trust = &h->trust, .places = h->places, .place_count = 2
	};
	struct repo *r;

	assert_int_equal(repo_open(&options, h->findings, &r), 0);
	assert_int_equal(repo_load(r), 0);
	return r;
}

static inline void hand_pack_path(const struct hand *h, unsigned zone, unsigned pack, char out[512])
{
	char name[OBJECT_NAME_MAX];

	hand_zone_path(h, zone, name_pack(HAND_DATASET, h->packs[pack].name, name), out);
}

/* Inverts every byte of the blobs of a pack in one zone (its footer stays, so that it is still found). */
static inline void hand_damage(const struct hand *h, unsigned zone, unsigned pack)
{
	const struct index_pack *row = &h->packs[pack];
	char path[512];
	size_t end = row->size - PACK_TAIL_SIZE - row->footer;

	hand_pack_path(h, zone, pack, path);
	assert_int_equal(chmod(path, 0600), 0);
	FILE *f = fopen(path, "r+b");
	assert_non_null(f);
	uint8_t *bytes = xmalloc(row->size);
	assert_int_equal(fread(bytes, 1, row->size, f), row->size);
	for (size_t i = PACK_HEAD_SIZE; i < end; i++)
		bytes[i] = (uint8_t)~bytes[i];
	rewind(f);
	assert_int_equal(fwrite(bytes, 1, row->size, f), row->size);
	assert_int_equal(fclose(f), 0);
	free(bytes);
}

static inline void hand_delete(const struct hand *h, unsigned zone, const char *name)
{
	char path[512];

	hand_zone_path(h, zone, name, path);
	assert_int_equal(unlink(path), 0);
}

static inline void hand_delete_pack(const struct hand *h, unsigned zone, unsigned pack)
{
	char name[OBJECT_NAME_MAX];

	hand_delete(h, zone, name_pack(HAND_DATASET, h->packs[pack].name, name));
}

#endif
