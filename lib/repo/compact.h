/*
 * Compaction: the live blobs of packs that are mostly dead go, as ciphertext, into new packs; one index then adds the
 * new and withdraws the old, which are condemned like any other. Agents only. Private to lib/repo.
 */
#ifndef REPO_COMPACT_H
#define REPO_COMPACT_H

#include "repo/collect.h"
#include "repo/reach.h"

/* What one run rewrites at most. */
#define COMPACT_BYTES_MAX (4ull << 30)

/* `packs`: catalogue numbers. Packs that cannot be read whole are left (a finding tells). */
must_check int compact(struct repo *r, const struct collect_options *options, const struct reach *reach,
		       const uint32_t *packs, size_t count, struct collect_result *result);

#endif
