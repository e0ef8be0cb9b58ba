/*
 * The producer decides for each entry: taken as it is (folders, links, empty files, large files that the cache knows),
 * a member of a group, or read in pieces.
 */
#include "repo/gather.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/ordered.h"
#include "base/stop.h"
#include "repo/file_sha256.h"
#include "repo/gathering.h"

#define BATCHES 8u
#define GROUPS  8u
#define SPANS   8u

struct worker {
	struct blob_codec *codec;
};

/* ---- workers ---- */

static void *worker_new(void *context)
{
	struct gathering *g = context;
	struct worker *w = xcalloc(1, sizeof *w);

	w->codec = blob_codec_new(gather_codec_max(g->o->chunker), g->o->level);
	return w;
}

static void worker_free(void *worker)
{
	struct worker *w = worker;

	blob_codec_free(w->codec);
	free(w);
}

/* A file of one piece: its fingerprint, and its SHA-256 where that is the piece's; of a sparse one it has been made. */
static void hash_one(const struct gathering *g, const uint8_t *data, struct entry *e)
{
	uint8_t digest[DIGEST_SIZE];

	sha256(data, e->content.length, digest);
	sha256(digest, sizeof digest, e->fingerprint);
	if (g->o->sha256 && !e->sparse) {
		memcpy(e->sha256, digest, DIGEST_SIZE);
		e->has_sha256 = true;
	}
}

/* The producer may be waiting for an item that now stays in the pipeline. Passes the code on. */
static int ends_all(struct gathering *g, int code)
{
	if (code != 0) {
		pool_close(g->batches);
		pool_close(g->spans);
		pool_close(g->groups);
		pool_close(g->pieces);
	}
	return code;
}

static int work(void *context, void *worker, void *argument)
{
	struct gathering *g = context;
	struct worker *w = worker;
	struct item *item = argument;
	struct chunk_ref *ref = item->type == ITEM_GROUP ? &item->batch->refs[item->ref] : &item->refs[0];
	uint8_t digest[DIGEST_SIZE];

	for (uint32_t i = 0; i < item->member_count; i++) {
		struct entry *e = &item->batch->entries[item->members[i]];

		if (e->content.form == CONTENT_SLICE)
			hash_one(g, item->data + e->content.offset, e);
	}
	sha256(item->data, item->len, digest);
	if (chunk_store_draws_keys(g->o->store))
		chunk_key_random(ref->key, ref->id);
	else
		chunk_store_derive(g->o->store, KIND_CONTENT, digest, ref->key, ref->id);
	int code = chunk_store_put(g->o->store, w->codec, KIND_CONTENT, item->data, item->len, NULL, 0, ref->key,
				   ref->id);
	ref->size = item->len;
	memcpy(item->digest, digest, sizeof digest);
	return ends_all(g, code);
}

/* ---- the consumer: one thread, in order ---- */

static void count_entry(struct gathering *g, const struct entry *e)
{
	if (e->type == ENTRY_FILE) {
		g->counts->files++;
		g->counts->bytes += e->link == NULL ? e->size : 0;
	} else if (e->type == ENTRY_FOLDER) {
		g->counts->folders++;
	} else {
		g->counts->others++;
	}
	g->counts->changed += e->changed;
}

static int consume_piece(struct gathering *g, const struct item *item)
{
	if (item->first) {
		tree_list_begin(g->o->tree);
		sha256_reset(g->file_hash);
	}
	sha256_update(g->file_hash, item->digest, DIGEST_SIZE);
	return tree_list_add(g->o->tree, &item->refs[0]);
}

/* The entry of a file whose pieces came before. */
static int consume_end(struct gathering *g, struct item *item)
{
	struct tree_writer *tree = g->o->tree;
	const struct chunk_ref *refs;
	struct entry *e = &item->entries[0];

	sha256_final(g->file_hash, e->fingerprint);
	int code = tree_list_end(tree, &e->content, &refs);
	if (code == 0)
		code = tree_add_entry(tree, e, refs, &item->prints[0]);
	count_entry(g, e);
	return code;
}

static int consume_entries(struct gathering *g, struct item *batch, uint32_t from, uint32_t to)
{
	int code = 0;

	for (uint32_t i = from; i < to && code == 0; i++) {
		if (batch->memberships[i] == MEMBER_LEFT_OUT)
			continue;
		code = tree_add_entry(g->o->tree, &batch->entries[i], batch->refs, &batch->prints[i]);
		count_entry(g, &batch->entries[i]);
	}
	return code;
}

static int consume(void *context, void *argument)
{
	struct gathering *g = context;
	struct item *item = argument;
	int code = 0;

	if (item->type == ITEM_PIECE)
		code = consume_piece(g, item);
	else if (item->type == ITEM_SPAN)
		code = consume_entries(g, item->batch, item->from, item->to);
	else if (item->type == ITEM_BATCH && item->ends_file)
		code = consume_end(g, item);
	else if (item->type == ITEM_BATCH)
		code = consume_entries(g, item, item->from, item->count);
	pool_give(item);
	return ends_all(g, code);
}

static void drop(void *context, void *item)
{
	(void)context;
	pool_give(item);
}

/* ---- the producer ---- */

/*
 * The entry of this path in the last snapshot, if the cache has it; *node: where it stands. Paths come in ascending
 * order.
 */
static int find_cached(struct gathering *g, const struct entry *e, const struct entry **old,
		       const struct stat_print **print)
{
	*old = NULL;
	for (;;) {
		while (g->shard != NULL && g->shard_at < g->shard->node.entry_count) {
			const struct entry *candidate = &g->shard->node.entries[g->shard_at];
			int order = path_compare(candidate->path, candidate->path_len, e->path, e->path_len);

			if (order > 0)
				return 0;
			if (order == 0) {
				*old = candidate;
				*print = &g->shard->prints[g->shard_at];
				return 0;
			}
			g->shard_at++;
		}
		if (g->shard == NULL && g->shard_at == UINT32_MAX)
			return 0;
		int code = key_cache_next(g->o->cache, &g->shard);
		if (code != 0)
			return code;
		g->shard_at = g->shard == NULL ? UINT32_MAX : 0;
	}
}

static bool unchanged(const struct entry *e, const struct stat_print *print, const struct entry *old,
		      const struct stat_print *old_print)
{
	return !old->changed && old_print->inode != 0 && old_print->inode == print->inode &&
	       old_print->ctime == print->ctime && old_print->ctime_ns == print->ctime_ns && old->size == e->size &&
	       old->mtime == e->mtime && old->mtime_ns == e->mtime_ns;
}

/* An unchanged file is read again all the same when its SHA-256 is asked for and was not when it was read. */
static bool lacks_sha256(const struct gathering *g, const struct entry *old)
{
	return g->o->sha256 && !old->has_sha256 && file_sha256_possible(old);
}

static int take_entry(struct gathering *g, const struct entry *listed, struct stat_print *print)
{
	struct entry taken = *listed, *e = &taken;
	const struct entry *old = NULL;
	const struct stat_print *old_print = NULL;
	bool starts_node = grouping_starts_node(tree_path_hash(g->grouping, e), 0);
	bool file = e->type == ENTRY_FILE && e->link == NULL;
	int code = find_cached(g, e, &old, &old_print);

	if (code == 0 && starts_node && g->batch->small_count > 0)
		code = gathering_close(g);
	if (code != 0)
		return code;
	if (!file)
		return gathering_add(g, e, print, &(struct entry *){ NULL });
	if (old != NULL && (old->type != ENTRY_FILE || old->link != NULL))
		old = NULL;
	bool known = old != NULL && unchanged(e, print, old, old_print);
	if (!known)
		source_attributes(g->o->source, print);
	e->xattrs = known ? old->xattrs : listed->xattrs;
	e->xattr_count = known ? old->xattr_count : listed->xattr_count;
	if (e->size == 0) {
		sha256(NULL, 0, e->fingerprint);
		sha256(NULL, 0, e->sha256);
		e->has_sha256 = g->o->sha256;
		return gathering_add(g, e, print, &(struct entry *){ NULL });
	}
	known = known && !lacks_sha256(g, old);
	return e->size <= GROUP_FILE_MAX ? gathering_add_small(g, e, print, old, known)
					 : gathering_add_large(g, e, print, known ? old : NULL);
}

static int produce(struct gathering *g)
{
	const struct entry *e;
	struct stat_print print;
	int code;

	while ((code = source_next(g->o->source, &e, &print)) == 0 && e != NULL) {
		code = stop_check();
		if (code == 0)
			code = lease_renew(g->o->leases);
		if (code == 0)
			code = take_entry(g, e, &print);
		if (code != 0)
			return code;
	}
	return code == 0 ? gathering_close(g) : code;
}

static int renew_lease(void *leases)
{
	return lease_renew(leases);
}

size_t gather_codec_max(const struct chunker *chunker)
{
	return chunker_max(chunker) > GROUP_DATA ? chunker_max(chunker) : GROUP_DATA;
}

int gather(const struct gather_options *options, struct gather_counts *counts, uint8_t root_id[ID_SIZE],
	   uint8_t root_key[KEY_SIZE])
{
	static const struct ordered_calls calls = { worker_new, worker_free, work, consume, drop };
	const struct pipeline *pipeline = &options->pipeline;
	struct gathering g = { .o = options, .counts = counts };

	*counts = (struct gather_counts){ 0 };
	g.batches = pool_new(ITEM_BATCH, BATCHES, 0);
	g.spans = pool_new(ITEM_SPAN, SPANS, 0);
	g.groups = pool_new(ITEM_GROUP, GROUPS, GROUP_DATA);
	g.pieces = pool_new(ITEM_PIECE, pipeline->pieces, chunker_max(options->chunker));
	g.grouping = secret_new(KEY_SIZE);
	dataset_subkey(options->key, "grouping", g.grouping);
	g.window = xmalloc(pipeline->window);
	g.file_hash = sha256_new();
	if (options->sha256)
		g.plain_hash = file_sha256_new(renew_lease, options->leases);
	g.batch = pool_take(g.batches);
	g.pipe = ordered_new(pipeline->pieces + BATCHES + SPANS + GROUPS, pipeline->workers, &calls, &g);

	int code = produce(&g);
	code = code == 0 || g.failed ? ordered_finish(g.pipe) : ordered_abort(g.pipe, code);
	if (g.batch != NULL)
		pool_give(g.batch);
	if (g.closing != NULL)
		pool_give(g.closing);
	if (code == 0)
		code = tree_finish(options->tree, root_id, root_key);
	sha256_free(g.file_hash);
	file_sha256_free(g.plain_hash);
	free(g.window);
	secret_free(g.grouping);
	pool_free(g.pieces);
	pool_free(g.groups);
	pool_free(g.spans);
	pool_free(g.batches);
	return code;
}
