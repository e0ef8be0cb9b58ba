/*
 * A pack that was just finished: written down in the journal, then in the catalogue, before it is sent, so that after a
 * crash the next run knows what lies in the zones and that it is ours.
 */
#ifndef REPO_MADE_PACK_H
#define REPO_MADE_PACK_H

#include "catalog/journal.h"
#include "repo/repo.h"

/* Writes belong to one thread at a time (catalog.h): the caller's lock. */
must_check int made_pack_note(struct repo *r, struct journal *journal, const struct pack *pack);

#endif
