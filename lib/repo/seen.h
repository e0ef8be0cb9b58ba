/*
 * Headers that need not be read again (private to lib/repo). What a host has read once, it does not read each night in
 * each zone: a header that a zone lists with its size is taken to be what this host read there before, and remembers
 * (repo/memory.h). As with packs, whose names and sizes are looked at; a check reads everything.
 *
 * So that what was changed in place comes out without a check too, a run reads the newest headers again, and of the
 * older a part: each at least once in 32 days, or when a run comes at last. Where one is ignored, all of this zone are read each time until none is.
 *
 * The catalogue notes what was read where, so one that is made anew, or a temporary one, knows of nothing: all is read.
 */
#ifndef REPO_SEEN_H
#define REPO_SEEN_H

#include "repo/load.h"

/* What was noted of a zone. */
struct seen {
	bool doubted;     /* all are to be read: one was ignored the last time, or nothing can be noted */
	bool was_doubted; /* by what was noted */
	bool first;       /* of the loads of this run */
	uint32_t looked;  /* the day, since 1970, up to which each part was read; 0: never */
	uint32_t today;
};
must_check int seen_begin(struct repo *r, unsigned zone, struct seen *out);

/* Whether this header (its row in `l`) is read again now, known or not. */
bool seen_is_due(const struct seen *s, const struct listing *l, size_t row);

/* All of the zone's were gone through; `ignored`: one was. */
must_check int seen_end(struct repo *r, unsigned zone, const struct seen *s, bool ignored);

/* The bytes that this host remembers, where the zone was seen to have just these. ERR_MISSING: it is to be asked. */
must_check int seen_recall(struct repo *r, unsigned zone, const struct listed_header *row, const char *name,
			   struct buf *object);

/* `s`, as it was taken in, was read in this zone under this name. */
must_check int seen_note(struct repo *r, unsigned zone, const char *name, const struct snapshot *s);

#endif
