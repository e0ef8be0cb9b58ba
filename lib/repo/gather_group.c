/*
 * Small files, which share chunks. A chunk is kept only while all of it is content of the source: who can open a
 * snapshot can open its chunks, so a file that is gone must not live on beside its neighbours. Within that, as little
 * as possible is stored again:
 *
 * - What was a group, and is whole and unchanged, stays one, and is not read. New files begin groups of their own, so
 *   one that comes between old names disturbs none.
 * - Where members are gone or changed, those that look as before are stored again as one group, the changed ones as
 *   another: what changes every night ends up apart from what does not. Where all look changed, they stay one: an
 *   application that saved everything anew gives the same chunk.
 * - Without a cache all are new, and groups follow from the files alone (chunk/grouping.h).
 *
 * What a group consists of is known when its last member has been listed, or none can come any more. Until then the
 * entries wait in the batch.
 */
#include <string.h>

#include "base/ordered.h"
#include "repo/file_sha256.h"
#include "repo/gathering.h"

/* Sixteenths of a batch: one of whole groups goes when it is so full, and one with new files. */
#define FILLED_WHOLE 1
#define FILLED_NEW   12

/*
 * A small file that is nothing but a hole: it adds no bytes to its group. Of a file that the cache does not know,
 * `sparse` is not set.
 */
static bool is_hole(const struct entry *e)
{
	return e->sparse && e->extent_count == 0;
}

/* ---- reading ---- */

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

/* Reads one member behind what is in the group's data. *taken false: it is to be left out. */
static int read_member(struct gathering *g, struct item *group, uint32_t number, size_t room, bool *taken)
{
	struct item *batch = group->batch;
	struct entry *e = &batch->entries[number];
	struct stat_print *print = &batch->prints[number];
	size_t got = 0;
	bool same = false;

	*taken = false;
	for (int attempt = 0; attempt < READ_ATTEMPTS && !same; attempt++) {
		int code = source_read_begin(g->o->source, e, print);

		if (code != 0) /* missing: the source has said why */
			return code == ERR_MISSING ? 0 : code;
		code = read_whole(g->o->source, group->data + group->len, room, &got);
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
				       .child = batch->groups[batch->group_of[number]].ref,
				       .offset = group->len,
				       .length = got };
	if (got == 0)
		sha256(NULL, 0, e->fingerprint);
	int code = hash_member(g, e, group->data + group->len, got);
	if (code != 0)
		return code;
	group->len += got;
	g->counts->read_files++;
	g->counts->read_bytes += got;
	*taken = true;
	return 0;
}

/* Reads a group's members, which were listed before, and gives it to the pipeline. */
static int read_group(struct gathering *g, struct item *batch, uint32_t number)
{
	struct item *item = pool_take(g->groups);
	const struct group *group = &batch->groups[number];
	uint64_t later = group->bytes; /* of members still to be read: a file that grew must not take their room */
	uint32_t left = group->members;
	int code = 0;

	if (item == NULL)
		return gathering_failed(g);
	item->batch = batch;
	item->ref = group->ref;
	for (uint32_t i = group->first; left > 0 && code == 0; i++) {
		bool taken;

		if (!is_member(batch->memberships[i]) || batch->group_of[i] != number)
			continue;
		left--;
		later -= batch->entries[i].size;
		code = read_member(g, item, i, GROUP_DATA - item->len - later, &taken);
		if (taken)
			item->members[item->member_count++] = (uint16_t)i;
		else
			batch->memberships[i] = MEMBER_LEFT_OUT;
	}
	if (code == 0 && item->len > 0)
		return ordered_push(g->pipe, item, false);
	pool_give(item);
	return code;
}

/* ---- which files share a chunk ---- */

static bool is_whole(const struct item *batch, const struct group *group)
{
	return group->before == batch->refs[group->ref].size;
}

/* Some of its members changed, and some look as before. */
static bool is_split(const struct group *group)
{
	return group->changed > 0 && group->known + group->touched > 0;
}

/* What becomes of a group that was one. */
static int decide(struct gathering *g, const struct item *batch, struct group *group)
{
	bool whole = is_whole(batch, group), split = is_split(group);
	uint64_t bytes = group->after - (split ? group->changed_after : 0);

	group->stays = bytes <= GROUP_MAX && ((whole && !split) || bytes >= GROUP_STAYS_MIN);
	if (!whole || group->changed + group->touched > 0)
		return 0;
	return chunk_store_has(g->o->store, batch->refs[group->ref].id, &group->kept);
}

/* A group of files that are new in the batch, or of changed ones: until a path says that the next one begins. */
static uint32_t group_for(const struct gathering *g, struct item *batch, const struct entry *e, uint32_t running)
{
	uint64_t hash = tree_path_hash(g->grouping, e);

	if (running < batch->group_count && !grouping_starts_group(hash, e->size, batch->groups[running].bytes))
		return running;
	batch->groups[batch->group_count] = (struct group){ .ref = batch->ref_count++ };
	return batch->group_count++;
}

/* Which group each small file is to be in; counts the members of those that are to be read. */
static void assign(struct gathering *g, struct item *batch)
{
	uint32_t running_new = BATCH_GROUPS, running_changed = BATCH_GROUPS;

	for (uint32_t i = 0; i < batch->count; i++) {
		const struct entry *e = &batch->entries[i];
		enum membership membership = batch->memberships[i];
		struct group *group = &batch->groups[batch->group_of[i]];
		uint32_t number = batch->group_of[i];

		if (!is_member(membership))
			continue;
		if (membership != MEMBER_NEW && group->kept)
			g->counts->cached_files++;
		else if (membership == MEMBER_CHANGED && is_split(group))
			number = running_changed = group_for(g, batch, e, running_changed);
		else if (membership == MEMBER_NEW || !group->stays)
			number = running_new = group_for(g, batch, e, running_new);
		group = &batch->groups[number];
		batch->group_of[i] = (uint16_t)number;
		if (group->kept)
			continue;
		if (group->members++ == 0)
			group->first = i;
		group->bytes += e->size;
	}
}

int gathering_store_groups(struct gathering *g, struct item *batch)
{
	int code = 0;

	for (uint32_t i = 0; i < batch->group_count && code == 0; i++)
		code = decide(g, batch, &batch->groups[i]);
	if (code == 0)
		assign(g, batch);
	for (uint32_t i = 0; i < batch->group_count && code == 0; i++) {
		if (batch->groups[i].members > 0)
			code = read_group(g, batch, i);
	}
	return code;
}

/* ---- filling the batch ---- */

/*
 * The group that had the chunk of this file in the last snapshot. Its members come in the order in which they stand in
 * the chunk; one that would stand before the last is of another group of the same bytes.
 */
static struct group *group_before(struct gathering *g, const struct entry *old)
{
	const struct node_child *chunk = &g->shard->node.children[old->content.child];
	struct item *batch = g->batch;

	for (uint32_t i = batch->group_count; i > 0; i--) {
		struct group *group = &batch->groups[i - 1];

		if (group->end <= old->content.offset && memcmp(batch->refs[group->ref].id, chunk->id, ID_SIZE) == 0)
			return group;
	}
	struct chunk_ref *ref = &batch->refs[batch->ref_count];
	struct group *group = &batch->groups[batch->group_count++];

	*group = (struct group){ .ref = batch->ref_count++ };
	memcpy(ref->id, chunk->id, ID_SIZE);
	memcpy(ref->key, chunk->key, KEY_SIZE);
	ref->size = chunk->size;
	batch->incomplete++;
	return group;
}

/* The batch's last entry, which was a member of a group. */
static void join_group(struct gathering *g, const struct entry *old, bool known)
{
	struct item *batch = g->batch;
	struct entry *e = &batch->entries[batch->count - 1];
	struct group *group = group_before(g, old);
	bool touched = !known && e->size == old->size && e->mtime == old->mtime && e->mtime_ns == old->mtime_ns;

	if (known && gathering_adopt(g, old, 0)) {
		e->content.child = group->ref;
		batch->memberships[batch->count - 1] = MEMBER_KNOWN;
		group->known++;
	} else if (known || touched) {
		batch->memberships[batch->count - 1] = MEMBER_TOUCHED;
		group->touched++;
	} else {
		batch->memberships[batch->count - 1] = MEMBER_CHANGED;
		group->changed++;
		group->changed_after += e->size;
	}
	batch->group_of[batch->count - 1] = (uint16_t)(group - batch->groups);
	group->before += old->content.length;
	group->end = old->content.offset + old->content.length;
	group->after += e->size;
	if (is_whole(batch, group)) {
		batch->incomplete--;
		batch->has_split |= is_split(group);
	}
}

/*
 * Whether the batch can go before this file. The sooner the better: files are read best while the walk is near. Where
 * it goes must not cut a group that could be one.
 */
static bool may_close(const struct gathering *g, const struct entry *e, bool joins)
{
	const struct item *batch = g->batch;

	/* The refs of large files before it would fill the batch up sooner than when they are read. */
	if (batch->small_count == 0)
		return true;
	if (batch->incomplete > 0)
		return false;
	if (batch->new_bytes > 0 || batch->has_split)
		return item_is_filled(batch, FILLED_NEW) ||
		       (!joins && grouping_starts_group(tree_path_hash(g->grouping, e), e->size, batch->new_bytes));
	return item_is_filled(batch, FILLED_WHOLE);
}

int gathering_add_small(struct gathering *g, const struct entry *e, const struct stat_print *print,
			const struct entry *old, bool known)
{
	bool joins = old != NULL && old->content.form == CONTENT_SLICE;
	struct entry *added;
	int code = 0;

	if (may_close(g, e, joins))
		code = gathering_close(g);
	if (code == 0)
		code = gathering_add(g, e, print, &added);
	if (code != 0 || added == NULL)
		return code;
	g->batch->small_count++;
	g->batch->small_bytes += e->size;
	if (joins) {
		join_group(g, old, known);
	} else if (known && old != NULL && is_hole(old) && gathering_adopt(g, old, 0)) {
		g->counts->cached_files++;
	} else {
		g->batch->memberships[g->batch->count - 1] = MEMBER_NEW;
		g->batch->new_bytes += e->size;
	}
	/* Whether it can be read has to be known before its other names are listed as links to it. */
	return print->several ? gathering_close(g) : 0;
}
