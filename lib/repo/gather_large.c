/* Files with chunks of their own: read and cut in pieces, unless the cache knows them. */
#include <string.h>

#include "base/ordered.h"
#include "base/stop.h"
#include "repo/file_sha256.h"
#include "repo/gathering.h"

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
		return code != 0 ? code : gathering_failed(r->g);
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
		gathering_skip(g, e, "its attributes are too large to be stored");
		return 0;
	}
	end->ends_file = true;
	progress_add(g->o->progress, 0, 1);
	return gathering_send(g);
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
		gathering_tell_unhashed(r->g, e);
		return 0;
	}
	if (e->sparse != r->was_sparse || file_content_length(e) != r->total)
		return 0;
	e->has_sha256 = true;
	return file_sha256_end(r->g->plain_hash, e->size, e->sha256);
}

int gathering_read_large(struct gathering *g, const struct entry *e, const struct stat_print *print)
{
	struct entry now = *e, *added;
	struct reading r = { .g = g, .e = &now, .print = *print };
	bool same = false;
	int code = 0;

	must(g->batch->count == 0);
	for (int attempt = 0; attempt < READ_ATTEMPTS && !same && code == 0; attempt++)
		code = read_once(&r, &same);
	if (code != 0)
		return code == ERR_MISSING ? 0 : code;
	g->counts->read_files++;
	if (!same)
		gathering_settle_changed(g, &now, r.total);
	code = settle_sha256(&r);
	if (code != 0)
		return code;
	if (r.total > 0)
		return end_large(g, &now, &r.print);
	sha256(NULL, 0, now.fingerprint);
	code = gathering_add(g, &now, &r.print, &added);
	return code == 0 && added != NULL ? gathering_send(g) : code;
}

/* Now, or where groups that are not complete wait in the batch, when they have come. */
static int read_in_turn(struct gathering *g, const struct entry *e, const struct stat_print *print)
{
	struct entry *added;
	int code;

	if (g->batch->incomplete == 0) {
		code = gathering_close(g);
		return code == 0 ? gathering_read_large(g, e, print) : code;
	}
	code = gathering_add(g, e, print, &added);
	if (code != 0 || added == NULL)
		return code;
	g->batch->memberships[g->batch->count - 1] = MEMBER_LATE;
	g->batch->late_count++;
	/* Whether it can be read has to be known before its other names are listed as links to it. */
	return print->several ? gathering_close(g) : 0;
}

int gathering_add_large(struct gathering *g, const struct entry *e, const struct stat_print *print,
			const struct entry *old)
{
	struct entry *added;
	bool has = true;
	int code = 0;

	if (old == NULL || old->content.form == CONTENT_SLICE)
		return read_in_turn(g, e, print);
	uint32_t count = old->content.form == CONTENT_NONE   ? 0
			 : old->content.form == CONTENT_LIST ? 1
							     : old->content.count;
	for (uint32_t i = 0; has && code == 0 && i < count; i++)
		code = chunk_store_has(g->o->store, g->shard->node.children[old->content.child + i].id, &has);
	if (code != 0)
		return code;
	if (!has || count > ENTRY_CHUNKS_MAX)
		return read_in_turn(g, e, print);
	/*
	 * As reading it would: where groups end must not depend on what the cache knows, or they would be read again
	 * and again.
	 */
	if (g->batch->small_count > 0 && g->batch->incomplete == 0)
		code = gathering_close(g);
	if (code == 0)
		code = gathering_add(g, e, print, &added);
	if (code != 0 || added == NULL)
		return code;
	if (!gathering_adopt(g, old, count)) {
		/* It has more extents than the batch has room for: read, it gets an item of its own. */
		g->batch->count--;
		return read_in_turn(g, e, print);
	}
	g->counts->cached_files++;
	progress_add(g->o->progress, e->size, 0); /* as an entry it counts with its batch */
	return code;
}
