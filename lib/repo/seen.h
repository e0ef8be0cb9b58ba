/*
 * Headers that need not be read again (private to lib/repo). What a host has read once, it does not read each night in
 * each zone: a header that a zone lists with its size is taken to be what this host read there before, and remembers
 * (repo/memory.h). As with packs, whose names and sizes are looked at; a check reads everything.
 *
 * So that what was changed in place comes out without a check too, a run reads the newest headers again, and of the
 * older a part: all in a month. Where one is ignored, all of this zone are read each time until none is.
 *
 * The catalogue notes what was read where, so one that is made anew, or a temporary one, knows of nothing: all is read.
 */
#ifndef REPO_SEEN_H
#define REPO_SEEN_H

#include "repo/load.h"

/* Whether this header (its row in `l`) is read again now, known or not. */
bool seen_is_due(const struct repo *r, const struct listing *l, size_t row);

/* Whether a header of this zone was ignored the last time; or nothing can be noted, so that all are to be read. */
must_check int seen_doubted(struct repo *r, unsigned zone, bool *doubted);
must_check int seen_set_doubted(struct repo *r, unsigned zone, bool before, bool now);

/* The bytes that this host remembers, where the zone was seen to have just these. ERR_MISSING: it is to be asked. */
must_check int seen_recall(struct repo *r, unsigned zone, const struct listed_header *row, const char *name,
			   struct buf *object);

/* `s`, as it was taken in, was read in this zone under this name. */
must_check int seen_note(struct repo *r, unsigned zone, const char *name, const struct snapshot *s);

#endif
