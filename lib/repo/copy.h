/* Copying whole objects from zone to zone, as ciphertext, each checked before it is put. */
#ifndef REPO_COPY_H
#define REPO_COPY_H

#include "repo/repo.h"

/*
 * Copies a pack into zone `to` from any other that has it whole (SHA-256 is its name). `replace`: puts it in place of a damaged
 * one. ERR_MISSING / ERR_INTEGRITY: no other zone has it whole.
 */
must_check int copy_pack(struct repo *r, const struct index_pack *pack, unsigned to, bool replace);

/* Copies any other object whose bytes the caller has checked in zone `from`. */
must_check int copy_object(struct repo *r, const char *name, size_t max, unsigned from, unsigned to, bool replace);

#endif
