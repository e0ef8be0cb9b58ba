/*
 * Patterns of what a files source leaves out. Shell patterns (fnmatch(3): * ? [a-z] \x), matched against
 *
 *	*.tmp         without '/': the name of anything, anywhere
 *	/cache/old-*  with '/': the path from the source's root (the leading '/' may be missing); * and ? match no '/'
 *	logs/ ** /x   (without the blanks) two stars as a component: any number of folders; at the end, all beneath
 *	spool/        with '/' at the end: folders only
 *
 * What is excluded is excluded with all that is in it.
 */
#ifndef SOURCE_EXCLUDE_H
#define SOURCE_EXCLUDE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct exclude;

/* Copies the patterns. ERR_USAGE for one that is empty or has a component longer than a name can be. */
must_check int exclude_new(const char *const *patterns, size_t count, struct exclude **out);
void exclude_free(struct exclude *x);

/* `path`: from the source's root, `name`: its last component, NUL-terminated both. */
bool exclude_matches(const struct exclude *x, const char *path, const char *name, bool is_folder);

#endif
