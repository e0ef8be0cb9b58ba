/*
 * Small files, which share chunks. A group whose files are all unchanged and were one group before is not read.
 */
#include <string.h>

#include "repo/file_sha256.h"
#include "repo/gathering.h"

/*
 * A small file that is nothing but a hole: it adds no bytes to its group. Of a file that the cache does not know,
 * `sparse` is not set.
 */
static bool is_hole(const struct entry *e)
{
	return e->sparse && e->extent_count == 0;
}

int gathering_group_is_kept(struct gathering *g, bool *kept)
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

/* Leaves out a file that is open for reading. Always 0. */
static int skip_open(struct gathering *g, struct entry *e, struct stat_print *print, const char *reason)
{
	bool same;

	gathering_skip(g, e, reason);
	/* What else is wrong with it is no news. */
	if (source_read_end(g->o->source, e, print, &same) != 0)
		return 0;
	return 0;
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
		gathering_tell_unhashed(g, e);
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
		gathering_settle_changed(g, e, got);
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
int gathering_read_group(struct gathering *g)
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

int gathering_add_small(struct gathering *g, const struct entry *e, const struct stat_print *print,
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
		code = gathering_close(g);
	if (code == 0)
		code = gathering_add(g, e, print, &added);
	if (code != 0 || added == NULL)
		return code;
	g->batch->grouped[g->batch->count - 1] = true;
	g->batch->grouped_count++;
	g->batch->group_bytes += e->size;
	/* One that does not fit is read again. */
	if (old != NULL && (old->content.form == CONTENT_SLICE || is_hole(old)))
		(void)gathering_adopt(g, old, old->content.form == CONTENT_SLICE ? 1 : 0);
	/* Whether it can be read has to be known before its other names are listed as links to it. */
	return print->several ? gathering_close(g) : 0;
}
