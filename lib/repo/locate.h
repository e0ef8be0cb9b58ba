/*
 * Where a chunk is, for who reads (private to lib/repo). A repo that was opened to read on demand (repo_options) knows
 * of each pack, from indexes and listings, and looks into a pack's footer only when a chunk is asked for that is in none
 * that it has looked into: the newest pack of the chunk's kind first, since most reads are of the newest snapshot. So a
 * listing reads no footer of content, and one file's restore as many as it takes to find its chunks.
 */
#ifndef REPO_LOCATE_H
#define REPO_LOCATE_H

#include "repo/repo.h"

struct unread; /* packs whose footers were not read yet */
struct unread *unread_new(void);
void unread_free(struct unread *u);

/* This pack's footer is read when it is needed. Packs are added in ascending order. */
void locate_later(struct repo *r, uint32_t number, enum kind kind);

/* As catalog_locate(). Thread-safe. */
must_check int locate_chunk(struct repo *r, enum kind kind, const uint8_t id[ID_SIZE],
			    struct chunk_place places[CATALOG_PLACES_MAX], size_t *count);

/*
 * Where every place that is known of a chunk failed: reads all footers of this kind that were not read. *more: there
 * were some, so that the chunk may have further places now.
 */
must_check int locate_rest(struct repo *r, enum kind kind, bool *more);

#endif
