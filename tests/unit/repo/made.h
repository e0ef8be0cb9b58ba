/*
 * A dataset in two zone folders, made by hand with the format's own functions, and ways to damage it. Each snapshot has
 * a file of two chunks that only it has, two small files in a group that all share, a file of a list, and an empty
 * file.
 */
#ifndef TEST_MADE_H
#define TEST_MADE_H

#include <fcntl.h>
#include <ftw.h>
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

#include "base/clock.h"
#include "base/io.h"
#include "crypto/digest.h"
#include "crypto/seal.h"
#include "format/blob.h"
#include "format/names.h"
#include "format/node.h"
#include "format/pack.h"
#include "repo/repo.h"

#define DATASET        "sms"
#define MADE_MAX       4
#define CHUNK_LEN      5000
#define MADE_EXTRA_MAX 120
#define DAY            86400

struct made_snapshot {
	struct header header;
	uint8_t hash[DIGEST_SIZE];
	char header_name[OBJECT_NAME_MAX], seal_name[OBJECT_NAME_MAX], index_name[OBJECT_NAME_MAX];
	char content_name[OBJECT_NAME_MAX], node_name[OBJECT_NAME_MAX];
	struct index_pack content, nodes;
};

struct made {
	char folder[64];
	struct secret_key *agent, *operator, * validator, *pruner;
	struct trust trust;
	struct zone_writer *zones[2];
	struct made_snapshot snapshots[MADE_MAX];
	size_t count;
	uint8_t *dataset_key; /* guarded */
	/* of the group that all snapshots share */
	uint8_t group_id[ID_SIZE], *group_key;
	uint8_t index_hash[DIGEST_SIZE];
	uint64_t index_seq;
	/* Packs of one chunk each that the next snapshot's root also reaches. */
	struct index_pack extra[MADE_EXTRA_MAX + 2];
	uint32_t extra_count;
	/* the last one opened */
	struct findings *findings;
	struct repo *repo;
	bool sums;             /* snapshots to come record SHA-256s, */
	const char *wrong_sum; /* that of this file a wrong one */
};

/* ---- folders ---- */

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

/* Path of an object's file; four may be in use at once. */
static inline const char *path_in(const struct made *m, unsigned zone, const char *name)
{
	static char paths[4][512];
	static unsigned turn;
	char *path = paths[turn++ % 4];

	snprintf(path, sizeof paths[0], "%s/z%u/%s", m->folder, zone, name);
	return path;
}

static inline bool is_there(const struct made *m, unsigned zone, const char *name)
{
	return access(path_in(m, zone, name), F_OK) == 0;
}

static inline void load_file(const char *path, struct buf *out)
{
	buf_init(out, 64u << 20, "an object of the test");
	assert_int_equal(io_load(path, out), 0);
}

static inline void save_file(const char *path, const void *data, size_t len)
{
	char folder[512];

	snprintf(folder, sizeof folder, "%s", path);
	*strrchr(folder, '/') = '\0';
	assert_int_equal(io_make_dirs(folder, 0755), 0);
	assert_int_equal(io_save(path, data, len, 0644), 0);
}

/* ---- damage ---- */

static inline void flip(const struct made *m, unsigned zone, const char *name)
{
	const char *path = path_in(m, zone, name);
	_buf_ struct buf b = { 0 };

	load_file(path, &b);
	b.data[b.len / 2] ^= 1;
	save_file(path, b.data, b.len);
}

static inline void cut(const struct made *m, unsigned zone, const char *name)
{
	struct stat st;

	assert_int_equal(stat(path_in(m, zone, name), &st), 0);
	assert_int_equal(truncate(path_in(m, zone, name), st.st_size / 2), 0);
}

static inline void lengthen(const struct made *m, unsigned zone, const char *name)
{
	struct stat st;

	assert_int_equal(stat(path_in(m, zone, name), &st), 0);
	assert_int_equal(truncate(path_in(m, zone, name), st.st_size + 1), 0);
}

static inline void take_away(const struct made *m, unsigned zone, const char *name)
{
	assert_int_equal(unlink(path_in(m, zone, name)), 0);
}

static inline void swap(const struct made *m, unsigned zone, const char *a, const char *b)
{
	char middle[600];

	snprintf(middle, sizeof middle, "%s/middle", m->folder);
	assert_int_equal(rename(path_in(m, zone, a), middle), 0);
	assert_int_equal(rename(path_in(m, zone, b), path_in(m, zone, a)), 0);
	assert_int_equal(rename(middle, path_in(m, zone, b)), 0);
}

static inline void empty_zone(struct made *m, unsigned zone)
{
	assert_int_equal(nftw(path_in(m, zone, DATASET), remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* ---- making ---- */

static inline void put_in(struct made *m, unsigned zones, const char *name, const void *data, size_t len)
{
	for (unsigned i = 0; i < 2; i++) {
		if ((zones & ZONE_BIT(i)) != 0)
			assert_int_equal(zone_put(m->zones[i], name, data, len), 0);
	}
}

static inline void put_signed(struct made *m, unsigned zones, enum signed_type type, const struct secret_key *key,
			      const struct buf *body, const char *name, uint8_t hash[DIGEST_SIZE])
{
	_buf_ struct buf object = { 0 };

	buf_init(&object, INDEX_MAX, "object");
	assert_int_equal(signed_encode(type, key, body, &object), 0);
	if (hash != NULL)
		sha256(object.data, object.len, hash);
	if (name != NULL)
		put_in(m, zones, name, object.data, object.len);
}

static inline struct made *made_new(void)
{
	struct made *m = calloc(1, sizeof *m);
	struct secret_key **keys[] = { &m->agent, &m->operator, & m->validator, &m->pruner };
	static const enum role roles[] = { ROLE_AGENT, ROLE_OPERATOR, ROLE_VALIDATOR, ROLE_PRUNER };

	/* In memory where that can be had: zones sync every object, and a test has many. */
	strcpy(m->folder,
	       access("/dev/shm", W_OK) == 0 ? "/dev/shm/nightfold-repo-XXXXXX" : "/tmp/nightfold-repo-XXXXXX");
	assert_non_null(mkdtemp(m->folder));
	m->trust.signers = calloc(4, sizeof *m->trust.signers);
	for (size_t i = 0; i < 4; i++) {
		*keys[i] = key_generate(roles[i]);
		m->trust.signers[i] = (struct signer){ .name = strdup(role_name(roles[i])),
						       .key = (*keys[i])->public,
						       .roles = 1u << roles[i] };
	}
	m->trust.count = 4;
	for (unsigned i = 0; i < 2; i++) {
		char url[128], name[8];

		snprintf(url, sizeof url, "file://%s/z%u", m->folder, i);
		snprintf(name, sizeof name, "z%u", i);
		assert_int_equal(mkdir(url + strlen("file://"), 0755), 0);
		assert_int_equal(zone_open_writer(&(struct zone_place){ .name = name, .url = url }, &m->zones[i]), 0);
	}
	m->dataset_key = secret_new(KEY_SIZE);
	random_bytes(m->dataset_key, KEY_SIZE);
	m->group_key = secret_new(KEY_SIZE);
	return m;
}

static inline void made_close(struct made *m)
{
	repo_close(m->repo);
	findings_free(m->findings);
	m->repo = NULL;
	m->findings = NULL;
}

static inline void made_free(struct made *m)
{
	made_close(m);
	for (unsigned i = 0; i < 2; i++)
		zone_close_writer(m->zones[i]);
	secret_free(m->agent);
	secret_free(m->operator);
	secret_free(m->validator);
	secret_free(m->pruner);
	secret_free(m->dataset_key);
	secret_free(m->group_key);
	trust_release(&m->trust);
	assert_int_equal(nftw(m->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
	free(m);
}

/* Adds a chunk to a pack; key in guarded memory. */
static inline void add_chunk(const struct made *m, struct pack *pack, const void *data, size_t len,
			     const uint8_t (*children)[ID_SIZE], size_t child_count, uint8_t id[ID_SIZE], uint8_t *key)
{
	struct blob_codec *codec = blob_codec_new(NODE_MAX, 3);
	struct blob_info info = { .kind = pack->kind, .suite = SUITE_XCHACHA20POLY1305, .plain = (uint32_t)len };
	uint8_t digest[DIGEST_SIZE];
	const uint8_t *stored;
	size_t stored_len;

	sha256(data, len, digest);
	chunk_key(m->dataset_key, info.kind, info.suite, digest, key, id);
	memcpy(info.id, id, ID_SIZE);
	assert_int_equal(blob_encode(codec, DATASET, key, &info, data, &stored, &stored_len), 0);
	assert_int_equal(pack_add(pack, &info, stored, stored_len, children, child_count), 0);
	blob_codec_free(codec);
}

static inline void put_pack(struct made *m, unsigned zones, struct pack *pack, struct index_pack *row, char *name)
{
	uint8_t random[16];

	random_bytes(random, sizeof random);
	assert_int_equal(pack_finish(pack, random), 0);
	*row = (struct index_pack){ .size = (uint32_t)pack->bytes.len, .footer = pack->footer, .kind = pack->kind };
	memcpy(row->name, pack->name, DIGEST_SIZE);
	memcpy(row->footer_hash, pack->footer_hash, DIGEST_SIZE);
	put_in(m, zones, name_pack(DATASET, pack->name, name), pack->bytes.data, pack->bytes.len);
	pack_free(pack);
}

/* The next index of the agent. */
static inline void put_index(struct made *m, unsigned zones, struct index_pack *added, uint32_t added_count,
			     uint8_t (*withdrawn)[DIGEST_SIZE], uint32_t withdrawn_count, char *name)
{
	struct index index = { .dataset = DATASET,
			       .seq = ++m->index_seq,
			       .made_at = clock_now(),
			       .added = added,
			       .added_count = added_count,
			       .withdrawn = withdrawn,
			       .withdrawn_count = withdrawn_count };
	_buf_ struct buf body = { 0 }, object = { 0 };

	memcpy(index.previous, m->index_hash, DIGEST_SIZE);
	buf_init(&body, INDEX_MAX, "body");
	buf_init(&object, INDEX_MAX, "object");
	assert_int_equal(index_encode(&index, &body), 0);
	assert_int_equal(signed_encode(SIGNED_INDEX, m->agent, &body, &object), 0);
	sha256(object.data, object.len, m->index_hash);
	put_in(m, zones, name_index(DATASET, m->agent->public.id, m->index_seq, m->index_hash, name), object.data,
	       object.len);
}

static inline void put_seal(struct made *m, unsigned zones, const struct made_snapshot *s, uint32_t generation,
			    const uint8_t *root_key, const struct secret_key *signer, char *name,
			    uint8_t hash[DIGEST_SIZE])
{
	struct seal *seal = calloc(1, sizeof *seal);
	struct seal_binding binding = { .dataset = DATASET };
	const struct public_key *recipients[] = { &m->operator->public, &m->validator->public };
	_buf_ struct buf body = { 0 };

	buf_init(&body, SEAL_MAX, "body");
	strcpy(seal->dataset, DATASET);
	memcpy(seal->snapshot, s->header.id, SNAPSHOT_ID_SIZE);
	memcpy(binding.snapshot, s->header.id, SNAPSHOT_ID_SIZE);
	memcpy(binding.root_id, s->header.root_id, ID_SIZE);
	seal->generation = generation;
	seal->share_count = 2;
	for (size_t i = 0; i < 2; i++) {
		memcpy(seal->shares[i].recipient, recipients[i]->id, KEY_ID_SIZE);
		assert_int_equal(seal_make(recipients[i], &binding, root_key, seal->shares[i].sealed), 0);
	}
	/* Ascending by recipient, as the format wants it. */
	if (memcmp(seal->shares[0].recipient, seal->shares[1].recipient, KEY_ID_SIZE) > 0) {
		struct seal_share first = seal->shares[0];

		seal->shares[0] = seal->shares[1];
		seal->shares[1] = first;
	}
	assert_int_equal(seal_encode(seal, &body), 0);
	put_signed(m, zones, SIGNED_SEAL, signer, &body, name_seal(DATASET, s->header.id, generation, name), hash);
	free(seal);
}

/* SHA-256 over the SHA-256 of each piece. */
static inline void fingerprint(const uint8_t *data, size_t len, size_t piece, uint8_t out[DIGEST_SIZE])
{
	uint8_t digests[8 * DIGEST_SIZE];
	size_t count = 0;

	for (size_t at = 0; at < len; at += piece)
		sha256(data + at, len - at < piece ? len - at : piece, digests + DIGEST_SIZE * count++);
	sha256(digests, DIGEST_SIZE * count, out);
}

/* Children of the root that no entry refers to, each in a pack of its own. */
static inline void add_extra(struct made *m, unsigned zones, struct node_writer *w)
{
	uint8_t id[ID_SIZE], *key = secret_new(KEY_SIZE);
	char name[OBJECT_NAME_MAX];
	uint32_t index;

	for (uint32_t i = 0; i < m->extra_count; i++) {
		struct pack *pack = pack_new(KIND_CONTENT);

		add_chunk(m, pack, &i, sizeof i, NULL, 0, id, key);
		put_pack(m, zones, pack, &m->extra[i], name);
		assert_int_equal(node_add_child(w, id, key, sizeof i, &index), 0);
	}
	secret_free(key);
}

struct made_tree {
	struct node_writer *writer;
	uint32_t group, own[2], list;
	uint8_t list_id[ID_SIZE], own_ids[2][ID_SIZE], *keys; /* keys: own two, list */
	const uint8_t *own_data, *group_data;
};

static inline void add_file(const struct made *m, struct node_writer *w, const char *path, uint64_t size,
			    struct content content, const uint8_t *data, size_t piece)
{
	struct entry e = { .path = path,
			   .path_len = (uint32_t)strlen(path),
			   .type = ENTRY_FILE,
			   .mode = 0644,
			   .user = "",
			   .group = "",
			   .size = size,
			   .content = content };

	fingerprint(data, size, piece, e.fingerprint);
	e.has_sha256 = m->sums;
	sha256(data, size, e.sha256);
	if (m->wrong_sum != NULL && strcmp(m->wrong_sum, path) == 0)
		e.sha256[0] ^= 1;
	assert_int_equal(node_add_entry(w, &e), 0);
}

/* The list node of the file "list": the snapshot's own two chunks once more. */
static inline void add_list(const struct made *m, struct pack *nodes, struct made_tree *t)
{
	const uint8_t *plain;
	const uint8_t(*children)[ID_SIZE];
	size_t len;
	uint32_t count, index;

	node_writer_reset(t->writer, NODE_LIST, 1);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(node_add_child(t->writer, t->own_ids[i], t->keys + i * KEY_SIZE, CHUNK_LEN, &index),
				 0);
	assert_int_equal(node_finish(t->writer, &plain, &len, &children, &count), 0);
	add_chunk(m, nodes, plain, len, children, count, t->list_id, t->keys + 2 * KEY_SIZE);
}

static inline void add_root(struct made *m, unsigned zones, struct pack *nodes, struct made_tree *t,
			    uint8_t root_id[ID_SIZE], uint8_t *root_key)
{
	struct node_writer *w = t->writer;
	struct entry root = { .path = "", .type = ENTRY_FOLDER, .mode = 0755, .user = "", .group = "" };
	const uint8_t *plain;
	const uint8_t(*children)[ID_SIZE];
	size_t len;
	uint32_t count;

	node_writer_reset(w, NODE_ENTRIES, 0);
	assert_int_equal(node_add_child(w, m->group_id, m->group_key, CHUNK_LEN, &t->group), 0);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(node_add_child(w, t->own_ids[i], t->keys + i * KEY_SIZE, CHUNK_LEN, &t->own[i]), 0);
	assert_int_equal(node_add_child(w, t->list_id, t->keys + 2 * KEY_SIZE, 2 * CHUNK_LEN, &t->list), 0);
	add_extra(m, zones, w);
	assert_int_equal(node_add_entry(w, &root), 0);
	add_file(m, w, "big", 2 * CHUNK_LEN, (struct content){ .form = CONTENT_WHOLE, .child = t->own[0], .count = 2 },
		 t->own_data, CHUNK_LEN);
	add_file(m, w, "empty", 0, (struct content){ .form = CONTENT_NONE }, t->own_data, CHUNK_LEN);
	add_file(m, w, "list", 2 * CHUNK_LEN, (struct content){ .form = CONTENT_LIST, .child = t->list, .count = 1 },
		 t->own_data, CHUNK_LEN);
	add_file(m, w, "small-1", 100,
		 (struct content){ .form = CONTENT_SLICE, .child = t->group, .count = 1, .offset = 0, .length = 100 },
		 t->group_data, 100);
	add_file(m, w, "small-2", 200,
		 (struct content){ .form = CONTENT_SLICE, .child = t->group, .count = 1, .offset = 100, .length = 200 },
		 t->group_data + 100, 200);
	assert_int_equal(node_finish(w, &plain, &len, &children, &count), 0);
	add_chunk(m, nodes, plain, len, children, count, root_id, root_key);
}

/* Makes packs of a new snapshot and the header's root. */
static inline void put_tree(struct made *m, unsigned zones, struct made_snapshot *s, uint8_t *root_key)
{
	static uint8_t group_data[CHUNK_LEN], own_data[2 * CHUNK_LEN];
	struct pack *content = pack_new(KIND_CONTENT), *nodes = pack_new(KIND_NODE);
	struct made_tree t = { .writer = node_writer_new(), .own_data = own_data, .group_data = group_data };

	t.keys = secret_new((size_t)3 * KEY_SIZE);
	random_bytes(own_data, sizeof own_data);
	if (m->count == 0) {
		random_bytes(group_data, sizeof group_data);
		add_chunk(m, content, group_data, CHUNK_LEN, NULL, 0, m->group_id, m->group_key);
	}
	for (size_t i = 0; i < 2; i++)
		add_chunk(m, content, own_data + i * CHUNK_LEN, CHUNK_LEN, NULL, 0, t.own_ids[i],
			  t.keys + i * KEY_SIZE);
	add_list(m, nodes, &t);
	add_root(m, zones, nodes, &t, s->header.root_id, root_key);
	put_pack(m, zones, content, &s->content, s->content_name);
	put_pack(m, zones, nodes, &s->nodes, s->node_name);
	node_writer_free(t.writer);
	secret_free(t.keys);
}

/* A night: packs, index, seal, header, in these zones. */
static inline struct made_snapshot *made_snapshot(struct made *m, unsigned zones, int64_t taken_at, int64_t expires_at)
{
	struct made_snapshot *s = &m->snapshots[m->count];
	struct header *h = &s->header;
	uint8_t *root_key = secret_new(KEY_SIZE);
	_buf_ struct buf body = { 0 };

	assert_true(m->count < MADE_MAX);
	*h = (struct header){ .dataset = DATASET,
			      .product = "messaging",
			      .tool = "test",
			      .class = CLASS_MESSAGE,
			      .seq = m->count + 1,
			      .taken_at = taken_at,
			      .consistent_at = taken_at,
			      .expires_at = expires_at,
			      .suite = SUITE_XCHACHA20POLY1305,
			      .files = 5,
			      .folders = 1,
			      .bytes = 4 * CHUNK_LEN + 300,
			      .head_count = 1 };
	random_bytes(h->id, sizeof h->id);
	if (m->count > 0)
		memcpy(h->previous, m->snapshots[m->count - 1].hash, DIGEST_SIZE);
	put_tree(m, zones, s, root_key);
	m->extra[m->extra_count] = s->content;
	m->extra[m->extra_count + 1] = s->nodes;
	put_index(m, zones, m->extra, m->extra_count + 2, NULL, 0, s->index_name);
	m->extra_count = 0;
	put_seal(m, zones, s, 1, root_key, m->agent, s->seal_name, h->seal);
	h->heads[0] = (struct head){ .seq = m->index_seq };
	memcpy(h->heads[0].signer, m->agent->public.id, KEY_ID_SIZE);
	memcpy(h->heads[0].hash, m->index_hash, DIGEST_SIZE);
	buf_init(&body, HEADER_MAX, "body");
	assert_int_equal(header_encode(h, &body), 0);
	put_signed(m, zones, SIGNED_HEADER, m->agent, &body, name_header(DATASET, taken_at, h->id, s->header_name),
		   s->hash);
	secret_free(root_key);
	m->count++;
	return s;
}

/* An intent to destroy it, by whoever signs. */
static inline void put_intent(struct made *m, unsigned zones, const struct made_snapshot *s,
			      const struct secret_key *signer, char *name)
{
	struct intent intent = {
		.dataset = DATASET, .made_at = clock_now(), .expired_at = s->header.expires_at, .reason = "test"
	};
	_buf_ struct buf body = { 0 }, header = { 0 }, object = { 0 };

	buf_init(&body, INTENT_MAX, "body");
	buf_init(&header, HEADER_MAX, "header body");
	buf_init(&object, HEADER_MAX, "header");
	assert_int_equal(header_encode(&s->header, &header), 0);
	assert_int_equal(signed_encode(SIGNED_HEADER, m->agent, &header, &object), 0);
	intent.header = object.data;
	intent.header_len = object.len;
	memcpy(intent.snapshot, s->header.id, SNAPSHOT_ID_SIZE);
	assert_int_equal(intent_encode(&intent, &body), 0);
	put_signed(m, zones, SIGNED_INTENT, signer, &body, name_intent(DATASET, s->header.id, name), NULL);
}

static inline void put_mark(struct made *m, unsigned zones, const uint8_t pack[DIGEST_SIZE],
			    const struct secret_key *signer, char *name)
{
	struct condemned mark = { .dataset = DATASET, .since = clock_now() };
	_buf_ struct buf body = { 0 };

	buf_init(&body, MARK_MAX, "body");
	memcpy(mark.pack, pack, DIGEST_SIZE);
	assert_int_equal(condemned_encode(&mark, &body), 0);
	put_signed(m, zones, SIGNED_CONDEMNED, signer, &body, name_condemned(DATASET, pack, name), NULL);
}

static inline struct repo *made_open_with(struct made *m, struct repo_options options)
{
	char urls[2][128];
	struct zone_place places[2] = { { .name = "z0", .url = urls[0] }, { .name = "z1", .url = urls[1] } };

	options.dataset = DATASET;
	options.trust = &m->trust;
	options.places = places;
	options.place_count = 2;
	for (unsigned i = 0; i < 2; i++)
		snprintf(urls[i], sizeof urls[i], "file://%s/z%u", m->folder, i);
	made_close(m);
	m->findings = findings_new();
	assert_int_equal(repo_open(&options, m->findings, &m->repo), 0);
	assert_int_equal(repo_load(m->repo), 0);
	return m->repo;
}

/* Opens the repo anew, with writers and a fresh catalogue, and loads it. */
static inline struct repo *made_open(struct made *m)
{
	return made_open_with(m, (struct repo_options){ .writing = true });
}

static inline bool has_finding(const struct made *m, enum finding_kind kind, const char *zone, const char *object)
{
	for (size_t i = 0; i < findings_total(m->findings); i++) {
		const struct finding *f = findings_at(m->findings, i);

		if (f->kind == kind &&
		    (zone == NULL ? f->zone == NULL : f->zone != NULL && strcmp(f->zone, zone) == 0) &&
		    (object == NULL || (f->object != NULL && strcmp(f->object, object) == 0)))
			return true;
	}
	return false;
}

/* Every object that one zone has is in the other, with the same bytes. */
static const struct made *compared;
static inline int compare_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	_buf_ struct buf a = { 0 }, b = { 0 };
	const char *name = path + strlen(compared->folder) + strlen("/z0/");

	(void)st, (void)ftw;
	if (type != FTW_F)
		return 0;
	load_file(path_in(compared, 0, name), &a);
	load_file(path_in(compared, 1, name), &b);
	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.data, b.data, a.len);
	return 0;
}

static inline void assert_zones_equal(const struct made *m)
{
	compared = m;
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(nftw(path_in(m, i, DATASET), compare_one, 16, FTW_PHYS), 0);
}

static inline int made_setup(void **state)
{
	*state = made_new();
	return 0;
}

static inline int made_teardown(void **state)
{
	made_free(*state);
	return 0;
}

#define in_zones(test) cmocka_unit_test_setup_teardown(test, made_setup, made_teardown)

#endif
