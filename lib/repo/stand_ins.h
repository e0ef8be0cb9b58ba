/*
 * Hard links whose file is outside of what is restored: which of them stands in for it (private to lib/repo). In a
 * file of its own because <search.h> has a `struct entry` too.
 */
#ifndef REPO_STAND_INS_H
#define REPO_STAND_INS_H

#include <stddef.h>

struct stand_ins {
	void *tree; /* tsearch(3) */
};

/* The path that stands in for this one; NULL: none yet. */
const char *stand_ins_find(const struct stand_ins *s, const char *original, size_t len);
void stand_ins_add(struct stand_ins *s, const char *original, size_t len, const char *path, size_t path_len);
void stand_ins_release(struct stand_ins *s);

#endif
