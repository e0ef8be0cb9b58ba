/*
 * Lock order: store.lock, then sender's own. Compression, encryption and the hash of a full pack run outside of the lock, so two workers
 * may now and then store the same new chunk twice; the second is dropped when it comes to the open pack.
 */
#include "repo/chunk_store.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "repo/made_pack.h"

struct chunk_store {
	struct repo *r;
	const struct dataset_key *key;
	const struct config_dataset *dataset;
	struct sender *sender;
	struct journal *journal;
	pthread_mutex_t lock;
	struct pack *open[KIND_NODE + 1]; /* by kind; NULL: none */
	struct chunk_store_counts counts;
	struct buf children; /* scratch of chunk_store_has(), under the lock */
};

struct chunk_store *chunk_store_new(struct repo *r, const struct dataset_key *key, const struct config_dataset *dataset,
				    struct sender *sender, struct journal *journal)
{
	struct chunk_store *s = xcalloc(1, sizeof *s);

	s->r = r;
	s->key = key;
	s->dataset = dataset;
	s->sender = sender;
	s->journal = journal;
	pthread_mutex_init(&s->lock, NULL);
	buf_init(&s->children, 64 * (size_t)NODE_CHILDREN_MAX * ID_SIZE, "children of nodes");
	return s;
}

void chunk_store_free(struct chunk_store *s)
{
	if (s == NULL)
		return;
	for (size_t kind = 0; kind <= KIND_NODE; kind++) {
		if (s->open[kind] != NULL)
			sender_return(s->sender, s->open[kind]);
	}
	buf_release(&s->children);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

static bool in_open_pack(const struct chunk_store *s, enum kind kind, const uint8_t id[ID_SIZE])
{
	const struct pack *pack = s->open[kind];

	for (uint32_t i = 0; pack != NULL && i < pack->blob_count; i++) {
		if (memcmp(pack->blobs[i].info.id, id, ID_SIZE) == 0)
			return true;
	}
	return false;
}

static int known(struct chunk_store *s, enum kind kind, const uint8_t id[ID_SIZE], bool *is)
{
	int code = 0;

	pthread_mutex_lock(&s->lock);
	*is = in_open_pack(s, kind, id);
	if (!*is)
		code = repo_chunk_known(s->r, id, is, NULL);
	pthread_mutex_unlock(&s->lock);
	return code;
}

static int ship(struct chunk_store *s, struct pack *pack)
{
	uint8_t random[16];

	random_bytes(random, sizeof random);
	int code = pack_finish(pack, random);
	if (code == 0) {
		pthread_mutex_lock(&s->lock);
		code = made_pack_note(s->r, s->journal, pack);
		s->counts.packs++;
		s->counts.stored_bytes += pack->bytes.len;
		pthread_mutex_unlock(&s->lock);
	}
	if (code == 0)
		return sender_send(s->sender, pack);
	sender_return(s->sender, pack);
	return code;
}

/* Adds an encoded blob to the open pack of its kind. The lock is held, and given up only while a pack is waited for or sent. */
static int add_to_pack(struct chunk_store *s, const struct blob_info *info, const uint8_t *stored, size_t stored_len,
		       const uint8_t (*children)[ID_SIZE], size_t child_count)
{
	for (;;) {
		struct pack *pack = s->open[info->kind];

		if (in_open_pack(s, info->kind, info->id))
			return 0;
		if (pack == NULL) {
			pthread_mutex_unlock(&s->lock);
			pack = sender_take(s->sender, info->kind);
			pthread_mutex_lock(&s->lock);
			if (s->open[info->kind] != NULL)
				sender_return(s->sender, pack);
			else
				s->open[info->kind] = pack;
			continue;
		}
		if (pack_has_room(pack, stored_len, child_count)) {
			s->counts.chunks++;
			s->counts.plain_bytes += info->plain;
			return pack_add(pack, info, stored, stored_len, children, child_count);
		}
		s->open[info->kind] = NULL;
		pthread_mutex_unlock(&s->lock);
		int code = ship(s, pack);
		pthread_mutex_lock(&s->lock);
		if (code != 0)
			return code;
	}
}

bool chunk_store_draws_keys(const struct chunk_store *s)
{
	return s->dataset->dedup == DEDUP_NONE;
}

void chunk_store_derive(const struct chunk_store *s, enum kind kind, const uint8_t digest[DIGEST_SIZE],
			uint8_t key[KEY_SIZE], uint8_t id[ID_SIZE])
{
	chunk_key(s->key->key, kind, s->dataset->cipher, digest, key, id);
}

int chunk_store_put(struct chunk_store *s, struct blob_codec *codec, enum kind kind, const void *data, size_t len,
		    const uint8_t (*children)[ID_SIZE], size_t child_count, const uint8_t key[KEY_SIZE],
		    const uint8_t id[ID_SIZE])
{
	struct blob_info info = {
		.kind = kind,
		.suite = s->dataset->cipher,
		.compression = s->dataset->padding == PADDING_PADME ? COMPRESSION_PADDED : COMPRESSION_NONE,
		.plain = (uint32_t)len,
	};
	const uint8_t *stored;
	size_t stored_len;
	bool is_known;
	int code = known(s, kind, id, &is_known);
	if (code != 0 || is_known)
		return code;

	memcpy(info.id, id, ID_SIZE);
	code = blob_encode(codec, s->r->dataset, key, &info, data, &stored, &stored_len);
	if (code != 0)
		return code;
	pthread_mutex_lock(&s->lock);
	code = add_to_pack(s, &info, stored, stored_len, children, child_count);
	pthread_mutex_unlock(&s->lock);
	return code;
}

int chunk_store_flush(struct chunk_store *s)
{
	int code = 0;

	for (size_t kind = 0; kind <= KIND_NODE && code == 0; kind++) {
		struct pack *pack = s->open[kind];

		s->open[kind] = NULL;
		if (pack != NULL && pack->blob_count > 0)
			code = ship(s, pack);
		else if (pack != NULL)
			sender_return(s->sender, pack);
	}
	return code;
}

void chunk_store_counts(struct chunk_store *s, struct chunk_store_counts *out)
{
	pthread_mutex_lock(&s->lock);
	*out = s->counts;
	pthread_mutex_unlock(&s->lock);
}

/* Nodes asked for here are lists of a file's chunks: a few levels, NODE_CHILDREN_MAX children each at most. */
static int has_all(struct chunk_store *s, const uint8_t id[ID_SIZE], unsigned depth, bool *has)
{
	size_t first = s->children.len;
	bool node;
	int code = repo_chunk_known(s->r, id, has, &node);

	if (code != 0 || !*has || !node)
		return code;
	code = catalog_children(s->r->catalog, id, &s->children);
	if (code == 0 && depth == 0)
		code = failed(ERR_FORMAT, "a node is nested more than %u levels deep", NODE_LEVEL_MAX);
	for (size_t at = first; code == 0 && *has && at < s->children.len; at += ID_SIZE) {
		uint8_t child[ID_SIZE]; /* the buffer may move */
		size_t end = s->children.len;

		memcpy(child, s->children.data + at, ID_SIZE);
		code = has_all(s, child, depth - 1, has);
		s->children.len = end;
	}
	s->children.len = first;
	return code;
}

int chunk_store_has(struct chunk_store *s, const uint8_t id[ID_SIZE], bool *has)
{
	pthread_mutex_lock(&s->lock);
	buf_clear(&s->children);
	int code = has_all(s, id, NODE_LEVEL_MAX, has);
	pthread_mutex_unlock(&s->lock);
	return code;
}
