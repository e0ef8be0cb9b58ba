/*
 * The producer decides for each entry: taken as it is (folders, links, empty files, large files that the cache knows),
 * a member of a group, or read in pieces. A group whose files are all unchanged and were one group before is not read.
 */
#include "repo/gather.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/ordered.h"
#include "base/stop.h"
#include "repo/file_sha256.h"
#include "repo/gather_item.h"

#define BATCHES       8u
#define READ_ATTEMPTS 2

struct gathering {
	const struct gather_options *o;
	struct gather_counts *counts;
	struct pool *batches, *pieces;
	struct ordered *pipe;
	struct item *batch;             /* being filled; NULL once the pipeline failed */
	bool failed;                    /* the pipeline knows why */
	uint8_t *grouping;              /* guarded */
	uint8_t *window;                /* bytes read and not yet cut: o->pipeline.window */
	struct file_sha256 *plain_hash; /* the producer's; NULL unless it is asked for */
	/* the cache's cursor */
	const struct shard *shard;
	uint32_t shard_at;
	/* the consumer's: the large file that is being put together */
	struct sha256 *file_hash;
};

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
		pool_close(g->pieces);
	}
	return code;
}

static int work(void *context, void *worker, void *argument)
{
	struct gathering *g = context;
	struct worker *w = worker;
	struct item *item = argument;
	struct chunk_ref *ref = &item->refs[0];
	uint8_t digest[DIGEST_SIZE];

	for (uint32_t i = 0; i < item->count && item->type == ITEM_BATCH; i++) {
		struct entry *e = &item->entries[i];

		if (item->grouped[i] && e->content.form == CONTENT_SLICE)
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

static int consume(void *context, void *argument)
{
	struct gathering *g = context;
	struct item *item = argument;
	int code = 0;

	if (item->type == ITEM_PIECE)
		code = consume_piece(g, item);
	else if (item->ends_file)
		code = consume_end(g, item);
	for (uint32_t i = 0; item->type == ITEM_BATCH && !item->ends_file && i < item->count && code == 0; i++) {
		code = tree_add_entry(g->o->tree, &item->entries[i], item->refs, &item->prints[i]);
		count_entry(g, &item->entries[i]);
	}
	pool_give(item);
	return ends_all(g, code);
}

static void drop(void *context, void *item)
{
	(void)context;
	pool_give(item);
}

/* ---- the producer ---- */

static void skip(struct gathering *g, const struct entry *e, const char *reason)
{
	_free_ char *path = xstrndup(e->path, e->path_len);

	if (e->link == NULL)
		source_leave_out(g->o->source, e);
	findings_add(g->o->findings, FINDING_SKIPPED, NULL, path, "%s", reason);
	g->counts->skipped++;
}

/* Leaves out a file that is open for reading. Always 0. */
static int skip_open(struct gathering *g, struct entry *e, struct stat_print *print, const char *reason)
{
	bool same;

	skip(g, e, reason);
	/* What else is wrong with it is no news. */
	if (source_read_end(g->o->source, e, print, &same) != 0)
		return 0;
	return 0;
}

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
	return old->type == ENTRY_FILE && old->link == NULL && !old->changed && old_print->inode != 0 &&
	       old_print->inode == print->inode && old_print->ctime == print->ctime &&
	       old_print->ctime_ns == print->ctime_ns && old->size == e->size && old->mtime == e->mtime &&
	       old->mtime_ns == e->mtime_ns;
}

/* An unchanged file is read again all the same when its SHA-256 is asked for and was not when it was read. */
static bool lacks_sha256(const struct gathering *g, const struct entry *old)
{
	return g->o->sha256 && !old->has_sha256 && file_sha256_possible(old);
}

/*
 * Takes content, fingerprints and extents from the cached entry into the batch's last entry, its refs behind those that
 * are there.
 */
static bool adopt_content(struct gathering *g, const struct entry *old, uint32_t count)
{
	struct item *batch = g->batch;
	struct entry *e = &batch->entries[batch->count - 1];
	const struct node_child *children = &g->shard->node.children[old->content.child];

	if (batch->ref_count + count > BATCH_REFS || !item_set_extents(batch, e, old->extents, old->extent_count))
		return false;
	e->sparse = old->sparse;
	e->content = old->content;
	e->content.child = batch->ref_count;
	memcpy(e->fingerprint, old->fingerprint, DIGEST_SIZE);
	e->has_sha256 = g->o->sha256 && old->has_sha256;
	memcpy(e->sha256, old->sha256, DIGEST_SIZE);
	for (uint32_t i = 0; i < count; i++) {
		struct chunk_ref *ref = &batch->refs[batch->ref_count++];

		memcpy(ref->id, children[i].id, ID_SIZE);
		memcpy(ref->key, children[i].key, KEY_SIZE);
		ref->size = children[i].size;
	}
	return true;
}

/*
 * A small file that is nothing but a hole: it adds no bytes to its group. Of a file that the cache does not know,
 * `sparse` is not set.
 */
static bool is_hole(const struct entry *e)
{
	return e->sparse && e->extent_count == 0;
}

/* A group is kept when its files fill one known chunk, one behind the other, just as before. */
static int group_is_kept(struct gathering *g, bool *kept)
{
	struct item *batch = g->batch;
	const struct chunk_ref *first = NULL;
	uint64_t at = 0;

	*kept = false;
	for (uint32_t i = 0; i < batch->count; i++) {
		const struct entry *e = &batch->entries[i];

		if (!batch->grouped[i] || is_hole(e))
			continue;
		if (e->content.form != CONTENT_SLICE || e->content.offset != at)
			return 0;
		const struct chunk_ref *ref = &batch->refs[e->content.child];
		if (first == NULL)
			first = ref;
		if (memcmp(first->id, ref->id, ID_SIZE) != 0)
			return 0;
		at += e->content.length;
	}
	*kept = first == NULL;
	if (first == NULL || first->size != at)
		return 0;
	return chunk_store_has(g->o->store, first->id, kept);
}

/*
 * The file changed while it was read, each time: what was read is taken, as the source describes it
 * (source_read_end()), and said to be changed. A member of a group that outgrew the group is cut off at what was read.
 */
static void settle_changed(struct gathering *g, struct entry *e, uint64_t got)
{
	_free_ char *path = xstrndup(e->path, e->path_len);

	e->changed = true;
	if (file_content_length(e) != got) {
		e->sparse = false;
		e->extent_count = 0;
		e->size = got;
	}
	findings_add(g->o->findings, FINDING_SKIPPED, NULL, path,
		     "changed while it was read, twice: taken as it was last seen");
}

static void tell_unhashed(struct gathering *g, const struct entry *e)
{
	_free_ char *path = xstrndup(e->path, e->path_len);

	findings_add(g->o->findings, FINDING_NOTE, NULL, path,
		     "has more than 64 GiB of holes, which would take too long to hash: no SHA-256 is recorded");
}

static int read_whole(struct source *source, uint8_t *data, size_t room, size_t *got)
{
	size_t part = 1;
	int code = 0;

	for (*got = 0; part > 0 && *got < room && code == 0; *got += part)
		code = source_read(source, data + *got, room - *got, &part);
	return code;
}

/* Of a member that has bytes and no holes, the worker makes it (hash_one()). */
static int hash_member(struct gathering *g, struct entry *e, const uint8_t *data, size_t len)
{
	e->has_sha256 = false;
	if (!g->o->sha256 || (!e->sparse && len > 0))
		return 0;
	if (!file_sha256_possible(e)) {
		tell_unhashed(g, e);
		return 0;
	}
	file_sha256_begin(g->plain_hash, e);
	int code = file_sha256_add(g->plain_hash, data, len);
	e->has_sha256 = true;
	return code == 0 ? file_sha256_end(g->plain_hash, e->size, e->sha256) : code;
}

/* Reads one member behind what is in the batch's data. *taken false: it is to be left out. */
static int read_member(struct gathering *g, struct entry *e, struct stat_print *print, size_t room, bool *taken)
{
	struct item *batch = g->batch;
	size_t got = 0;
	bool same = false;

	*taken = false;
	for (int attempt = 0; attempt < READ_ATTEMPTS && !same; attempt++) {
		int code = source_read_begin(g->o->source, e, print);

		if (code != 0) /* missing: the source has said why */
			return code == ERR_MISSING ? 0 : code;
		code = read_whole(g->o->source, batch->data + batch->len, room, &got);
		if (code == ERR_MISSING)
			return 0;
		if (code == 0)
			code = source_read_end(g->o->source, e, print, &same);
		if (code != 0)
			return code;
		same = same && got == file_content_length(e);
		item_keep_owners(batch, e);
		if (!item_set_extents(batch, e, e->extents, e->extent_count))
			return skip_open(g, e, print, "its extents are too many to be stored");
	}
	if (!same)
		settle_changed(g, e, got);
	e->content = (struct content){ .form = got == 0 ? CONTENT_NONE : CONTENT_SLICE,
				       .offset = batch->len,
				       .length = got };
	if (got == 0)
		sha256(NULL, 0, e->fingerprint);
	int code = hash_member(g, e, batch->data + batch->len, got);
	if (code != 0)
		return code;
	batch->len += got;
	g->counts->read_files++;
	g->counts->read_bytes += got;
	*taken = true;
	return 0;
}

/*
 * Members were listed before they are read. refs[0] becomes the group's chunk, so the refs of other entries of the
 * batch, which come from the cache, move up by one.
 */
static int read_group(struct gathering *g)
{
	struct item *batch = g->batch;
	uint64_t later =
		batch->group_bytes; /* of members still to be read: a file that grew must not take their room */

	memmove(&batch->refs[1], &batch->refs[0], batch->ref_count * sizeof *batch->refs);
	batch->ref_count++;
	for (uint32_t i = 0; i < batch->count;) {
		struct entry *e = &batch->entries[i];
		bool taken = true;

		if (!batch->grouped[i]) {
			e->content.child++;
		} else {
			later -= e->size;
			int code = read_member(g, e, &batch->prints[i], BATCH_DATA - batch->len - later, &taken);

			if (code != 0)
				return code;
		}
		if (taken)
			i++;
		else
			item_remove_entry(batch, i);
	}
	batch->has_data = batch->len > 0;
	return 0;
}

/* For the producer, which must not go on: what has failed, the pipeline says in the end. */
static int pipeline_failed(struct gathering *g)
{
	g->failed = true;
	return failed(ERR_SYSTEM, "the pipeline has ended");
}

/* Gives the batch to the pipeline and begins a new one. */
static int send_batch(struct gathering *g, bool skip_work)
{
	struct item *batch = g->batch;

	g->batch = NULL;
	int code = ordered_push(g->pipe, batch, skip_work);
	if (code != 0)
		return code;
	g->batch = pool_take(g->batches);
	return g->batch == NULL ? pipeline_failed(g) : 0;
}

static int close_batch(struct gathering *g)
{
	struct item *batch = g->batch;
	bool kept = false;
	int code = 0;

	if (batch->count == 0)
		return 0;
	if (batch->grouped_count > 0) {
		code = group_is_kept(g, &kept);
		if (code == 0 && kept)
			g->counts->cached_files += batch->grouped_count;
		else if (code == 0)
			code = read_group(g);
		if (code != 0)
			return code;
	}
	progress_add(g->o->progress, batch->group_bytes, batch->count);
	return send_batch(g, !batch->has_data);
}

/* One more ref than entries may take is kept free for the group's chunk. */
static bool batch_is_full(const struct item *batch)
{
	return batch->count == BATCH_ENTRIES || batch->ref_count + ENTRY_CHUNKS_MAX + 1 > BATCH_REFS;
}

/* *added NULL: the entry is too large to be stored, and was skipped. */
static int add_to_batch(struct gathering *g, const struct entry *e, const struct stat_print *print,
			struct entry **added)
{
	bool fits = !batch_is_full(g->batch) && item_add_entry(g->batch, e, print);

	*added = NULL;
	if (!fits) {
		int code = close_batch(g);

		if (code != 0)
			return code;
		fits = item_add_entry(g->batch, e, print);
	}
	if (fits)
		*added = &g->batch->entries[g->batch->count - 1];
	else
		skip(g, e, "its attributes are too large to be stored");
	return 0;
}

static int add_small(struct gathering *g, const struct entry *e, const struct stat_print *print,
		     const struct entry *old)
{
	uint64_t hash = tree_path_hash(g->grouping, e);
	struct entry *added;
	int code = 0;

	/*
	 * A group begins its batch: entries from the cache before it, with their refs, would fill that up sooner than
	 * when they are read.
	 */
	if (g->batch->grouped_count == 0 || grouping_starts_group(hash, e->size, g->batch->group_bytes))
		code = close_batch(g);
	if (code == 0)
		code = add_to_batch(g, e, print, &added);
	if (code != 0 || added == NULL)
		return code;
	g->batch->grouped[g->batch->count - 1] = true;
	g->batch->grouped_count++;
	g->batch->group_bytes += e->size;
	/* One that does not fit is read again. */
	if (old != NULL && (old->content.form == CONTENT_SLICE || is_hole(old)))
		(void)adopt_content(g, old, old->content.form == CONTENT_SLICE ? 1 : 0);
	/* Whether it can be read has to be known before its other names are listed as links to it. */
	return print->several ? close_batch(g) : 0;
}

/* ---- large files ---- */

struct reading {
	struct gathering *g;
	struct entry *e;
	struct stat_print print;
	size_t filled; /* of the window */
	uint64_t total;
	bool end, hashed, was_sparse;
	bool unreadable; /* it is the source that failed, not the pipeline */
};

static int fill_window(struct reading *r)
{
	size_t size = r->g->o->pipeline.window;

	while (!r->end && r->filled < size) {
		size_t got;
		int code = source_read(r->g->o->source, r->g->window + r->filled, size - r->filled, &got);

		if (code != 0) {
			r->unreadable = true;
			return code;
		}
		r->end = got == 0;
		r->filled += got;
	}
	return 0;
}

static int push_piece(struct reading *r, const uint8_t *data, size_t len)
{
	int code = r->hashed ? file_sha256_add(r->g->plain_hash, data, len) : 0;
	struct item *piece = code == 0 ? pool_take(r->g->pieces) : NULL;

	if (piece == NULL)
		return code != 0 ? code : pipeline_failed(r->g);
	memcpy(piece->data, data, len);
	piece->len = len;
	piece->first = r->total == 0;
	r->total += len;
	r->g->counts->read_bytes += len;
	progress_add(r->g->o->progress, len, 0);
	return ordered_push(r->g->pipe, piece, false);
}

static int read_pieces(struct reading *r)
{
	struct gathering *g = r->g;
	int code;

	r->filled = 0;
	r->total = 0;
	r->end = false;
	while ((code = fill_window(r)) == 0 && r->filled > 0) {
		size_t at = 0, len;

		while ((len = chunker_next(g->o->chunker, g->window + at, r->filled - at, r->end)) > 0) {
			code = push_piece(r, g->window + at, len);
			if (code != 0)
				return code;
			at += len;
		}
		memmove(g->window, g->window + at, r->filled - at);
		r->filled -= at;
		if ((code = stop_check()) != 0 || (code = lease_renew(g->o->leases)) != 0)
			return code;
	}
	return code;
}

/* Once from begin to end. *same: it stayed as it was. ERR_MISSING: to be left out; the source has said why. */
static int read_once(struct reading *r, bool *same)
{
	struct gathering *g = r->g;
	int code = source_read_begin(g->o->source, r->e, &r->print);

	if (code != 0)
		return code;
	r->hashed = g->o->sha256 && file_sha256_possible(r->e);
	if (r->hashed)
		file_sha256_begin(g->plain_hash, r->e);
	r->was_sparse = r->e->sparse;
	code = read_pieces(r);
	if (r->unreadable)
		return code;
	int end = source_read_end(g->o->source, r->e, &r->print, same);
	*same = *same && r->total == file_content_length(r->e);
	return code != 0 ? code : end;
}

/*
 * Behind its pieces, since what the entry says is known only when the file was closed. Of a file that is left out after
 * all, pieces may have gone before; the next file's first one makes them forgotten.
 */
static int end_large(struct gathering *g, const struct entry *e, const struct stat_print *print)
{
	struct item *end = g->batch;

	if (!item_add_entry(end, e, print)) {
		skip(g, e, "its attributes are too large to be stored");
		return 0;
	}
	end->ends_file = true;
	progress_add(g->o->progress, 0, 1);
	return send_batch(g, true);
}

/*
 * plain_hash has the content by the extents that it was read by. A changed file that is described by others by now has
 * no SHA-256: it is read again the next time.
 */
static int settle_sha256(struct reading *r)
{
	struct entry *e = r->e;

	if (!r->g->o->sha256)
		return 0;
	if (!r->hashed || !file_sha256_possible(e)) {
		tell_unhashed(r->g, e);
		return 0;
	}
	if (e->sparse != r->was_sparse || file_content_length(e) != r->total)
		return 0;
	e->has_sha256 = true;
	return file_sha256_end(r->g->plain_hash, e->size, e->sha256);
}

static int read_large(struct gathering *g, const struct entry *e, const struct stat_print *print)
{
	struct entry now = *e, *added;
	struct reading r = { .g = g, .e = &now, .print = *print };
	bool same = false;
	int code = close_batch(g);

	for (int attempt = 0; attempt < READ_ATTEMPTS && !same && code == 0; attempt++)
		code = read_once(&r, &same);
	if (code != 0)
		return code == ERR_MISSING ? 0 : code;
	g->counts->read_files++;
	if (!same)
		settle_changed(g, &now, r.total);
	code = settle_sha256(&r);
	if (code != 0)
		return code;
	if (r.total > 0)
		return end_large(g, &now, &r.print);
	sha256(NULL, 0, now.fingerprint);
	return add_to_batch(g, &now, &r.print, &added);
}

static int add_large(struct gathering *g, const struct entry *e, const struct stat_print *print,
		     const struct entry *old)
{
	struct entry *added;
	bool has = true;
	int code = 0;

	if (old == NULL || old->content.form == CONTENT_SLICE)
		return read_large(g, e, print);
	uint32_t count = old->content.form == CONTENT_NONE   ? 0
			 : old->content.form == CONTENT_LIST ? 1
							     : old->content.count;
	for (uint32_t i = 0; has && code == 0 && i < count; i++)
		code = chunk_store_has(g->o->store, g->shard->node.children[old->content.child + i].id, &has);
	if (code != 0)
		return code;
	if (!has || count > ENTRY_CHUNKS_MAX)
		return read_large(g, e, print);
	/*
	 * As reading it would: where groups end must not depend on what the cache knows, or they would be read again
	 * and again.
	 */
	if (g->batch->grouped_count > 0)
		code = close_batch(g);
	if (code == 0)
		code = add_to_batch(g, e, print, &added);
	if (code != 0 || added == NULL)
		return code;
	if (!adopt_content(g, old, count)) {
		/* It has more extents than the batch has room for: read, it gets an item of its own. */
		g->batch->count--;
		return read_large(g, e, print);
	}
	g->counts->cached_files++;
	progress_add(g->o->progress, e->size, 1);
	return code;
}

static int take_entry(struct gathering *g, const struct entry *e, const struct stat_print *print)
{
	const struct entry *old = NULL;
	const struct stat_print *old_print = NULL;
	bool starts_node = grouping_starts_node(tree_path_hash(g->grouping, e), 0);
	int code = find_cached(g, e, &old, &old_print);

	if (code == 0 && starts_node && g->batch->grouped_count > 0)
		code = close_batch(g);
	if (code != 0)
		return code;
	if (e->type != ENTRY_FILE || e->link != NULL || e->size == 0) {
		struct entry plain = *e;

		if (e->type == ENTRY_FILE && e->link == NULL) {
			sha256(NULL, 0, plain.fingerprint);
			sha256(NULL, 0, plain.sha256);
			plain.has_sha256 = g->o->sha256;
		}
		return add_to_batch(g, &plain, print, &(struct entry *){ NULL });
	}
	if (old != NULL && (!unchanged(e, print, old, old_print) || lacks_sha256(g, old)))
		old = NULL;
	return e->size <= GROUP_FILE_MAX ? add_small(g, e, print, old) : add_large(g, e, print, old);
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
	return code == 0 ? close_batch(g) : code;
}

static int renew_lease(void *leases)
{
	return lease_renew(leases);
}

size_t gather_codec_max(const struct chunker *chunker)
{
	return chunker_max(chunker) > BATCH_DATA ? chunker_max(chunker) : BATCH_DATA;
}

int gather(const struct gather_options *options, struct gather_counts *counts, uint8_t root_id[ID_SIZE],
	   uint8_t root_key[KEY_SIZE])
{
	static const struct ordered_calls calls = { worker_new, worker_free, work, consume, drop };
	const struct pipeline *pipeline = &options->pipeline;
	struct gathering g = { .o = options, .counts = counts };

	*counts = (struct gather_counts){ 0 };
	g.batches = pool_new(ITEM_BATCH, BATCHES, BATCH_DATA);
	g.pieces = pool_new(ITEM_PIECE, pipeline->pieces, chunker_max(options->chunker));
	g.grouping = secret_new(KEY_SIZE);
	dataset_subkey(options->key, "grouping", g.grouping);
	g.window = xmalloc(pipeline->window);
	g.file_hash = sha256_new();
	if (options->sha256)
		g.plain_hash = file_sha256_new(renew_lease, options->leases);
	g.batch = pool_take(g.batches);
	g.pipe = ordered_new(pipeline->pieces + BATCHES, pipeline->workers, &calls, &g);

	int code = produce(&g);
	code = code == 0 || g.failed ? ordered_finish(g.pipe) : ordered_abort(g.pipe, code);
	if (g.batch != NULL)
		pool_give(g.batch);
	if (code == 0)
		code = tree_finish(options->tree, root_id, root_key);
	sha256_free(g.file_hash);
	file_sha256_free(g.plain_hash);
	free(g.window);
	secret_free(g.grouping);
	pool_free(g.pieces);
	pool_free(g.batches);
	return code;
}
