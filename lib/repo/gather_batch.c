/* The batch that the producer fills: what goes in, when it goes to the pipeline, and what is said of its entries. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/ordered.h"
#include "repo/file_sha256.h"
#include "repo/gathering.h"

void gathering_skip(struct gathering *g, const struct entry *e, const char *reason)
{
	_free_ char *path = xstrndup(e->path, e->path_len);

	if (e->link == NULL)
		source_leave_out(g->o->source, e);
	findings_add(g->o->findings, FINDING_SKIPPED, NULL, path, "%s", reason);
	g->counts->skipped++;
}

bool gathering_adopt(struct gathering *g, const struct entry *old, uint32_t count)
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

void gathering_settle_changed(struct gathering *g, struct entry *e, uint64_t got)
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

void gathering_tell_unhashed(struct gathering *g, const struct entry *e)
{
	_free_ char *path = xstrndup(e->path, e->path_len);

	findings_add(g->o->findings, FINDING_NOTE, NULL, path,
		     "has more than 64 GiB of holes, which would take too long to hash: no SHA-256 is recorded");
}

int gathering_failed(struct gathering *g)
{
	g->failed = true;
	return failed(ERR_SYSTEM, "the pipeline has ended");
}

int gathering_send(struct gathering *g)
{
	struct item *batch = g->batch;

	g->batch = NULL;
	int code = ordered_push(g->pipe, batch, true);
	if (code != 0)
		return code;
	g->batch = pool_take(g->batches);
	return g->batch == NULL ? gathering_failed(g) : 0;
}

/* The entries of g->closing before a late one, then that. */
static int send_late(struct gathering *g, uint32_t number)
{
	struct item *batch = g->closing, *span = pool_take(g->spans);

	if (span == NULL)
		return gathering_failed(g);
	span->batch = batch;
	span->from = batch->from;
	span->to = number;
	batch->from = number + 1;
	int code = ordered_push(g->pipe, span, true);
	if (code == 0)
		code = gathering_read_large(g, &batch->entries[number], &batch->prints[number]);
	return code;
}

int gathering_close(struct gathering *g)
{
	struct item *batch = g->batch;
	int code = 0;

	if (batch->count == 0)
		return 0;
	g->closing = batch;
	g->batch = pool_take(g->batches);
	if (g->batch == NULL)
		return gathering_failed(g);
	if (batch->small_count > 0)
		code = gathering_store_groups(g, batch);
	for (uint32_t i = 0; i < batch->count && batch->late_count > 0 && code == 0; i++) {
		if (batch->memberships[i] == MEMBER_LATE)
			code = send_late(g, i);
	}
	if (code != 0)
		return code;
	progress_add(g->o->progress, batch->small_bytes, batch->count - batch->late_count);
	g->closing = NULL;
	return ordered_push(g->pipe, batch, true);
}

/* Each small file may yet need a ref, and a large one brings its own. */
static bool batch_is_full(const struct item *batch)
{
	return batch->count == BATCH_ENTRIES || batch->ref_count + batch->small_count + ENTRY_CHUNKS_MAX > BATCH_REFS;
}

int gathering_add(struct gathering *g, const struct entry *e, const struct stat_print *print, struct entry **added)
{
	bool fits = !batch_is_full(g->batch) && item_add_entry(g->batch, e, print);

	*added = NULL;
	if (!fits) {
		int code = gathering_close(g);

		if (code != 0)
			return code;
		fits = item_add_entry(g->batch, e, print);
	}
	if (fits)
		*added = &g->batch->entries[g->batch->count - 1];
	else
		gathering_skip(g, e, "its attributes are too large to be stored");
	return 0;
}
