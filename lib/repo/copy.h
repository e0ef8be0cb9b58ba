/* Copying packs from zone to zone, as ciphertext, each checked before it is put. */
#ifndef REPO_COPY_H
#define REPO_COPY_H

#include "repo/repo.h"

/*
 * Copies a pack into zone `to` from any other that has it whole (SHA-256 is its name); needs the writer of `to`.
 * `replace`: puts it in place of a damaged one, otherwise ERR_EXISTS when something stands there under its name.
 * ERR_MISSING / ERR_INTEGRITY: no other zone has it whole (a finding tells of each damaged copy). ERR_FULL,
 * ERR_UNAVAILABLE, ERR_SYSTEM: the message names the zone.
 */
must_check int copy_pack(struct repo *r, const struct index_pack *pack, unsigned to, bool replace);

#endif
