/*
 * Paths of entries: relative to the source's root, '/' between components, any other bytes but NUL.
 *
 * Path order compares component by component, bytewise, a folder before what is in it: '/' sorts below every other
 * byte.
 */
#ifndef FORMAT_PATH_H
#define FORMAT_PATH_H

#include <stddef.h>

#include "base/err.h"

/* < 0, 0, > 0 in path order. */
int path_compare(const char *a, size_t a_len, const char *b, size_t b_len);

/*
 * ERR_FORMAT unless empty, or components of 1..ENTRY_NAME_MAX bytes without NUL, none "." or "..", within the limits.
 */
must_check int path_check(const char *path, size_t len);

#endif
