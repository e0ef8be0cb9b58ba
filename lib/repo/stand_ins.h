/*
 * Hard links whose file is outside of what is restored: which of them stands in for it (private to lib/repo). In a
 * file of its own because <search.h> has a `struct entry` too.
 *
 * Paths are personal data and must not spill to a disk, so they are bounded: of what finds no room any more each link is
 * restored as a file of its own, and how many these were is told.
 */
#ifndef REPO_STAND_INS_H
#define REPO_STAND_INS_H

#include <stddef.h>
#include <stdint.h>

#define STAND_INS_MAX ((size_t)16 << 20) /* bytes of paths, and what it takes to keep them */

struct stand_ins {
	void *tree; /* tsearch(3) */
	size_t bytes;
	uint64_t left_out;
};

/* The path that stands in for this one; NULL: none yet. */
const char *stand_ins_find(const struct stand_ins *s, const char *original, size_t len);
/* With no room for it: left out, and counted. */
void stand_ins_add(struct stand_ins *s, const char *original, size_t original_len, const char *path, size_t path_len);
void stand_ins_release(struct stand_ins *s);

#endif
