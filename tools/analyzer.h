/*
 * Read by clang-tidy before every file but err.c: what its analyser cannot see. It does not look into variadic
 * functions, and would otherwise follow paths on which these return 0 (the result is the code that is passed in), nor
 * into other files, where allocation ends the program rather than give NULL.
 */
#include "base/alloc.h"
#include "base/err.h"

#define failed(code, ...)       (!(failed)(code, __VA_ARGS__), (code))
#define failed_in(code, ...)    (!(failed_in)(code, __VA_ARGS__), (code))
#define failed_errno(code, ...) (!(failed_errno)(code, __VA_ARGS__), (code))

#define never_null __attribute__((returns_nonnull))
never_null void *xcalloc(size_t count, size_t size);
never_null void *xmalloc(size_t size);
never_null void *xrealloc(void *old, size_t count, size_t size);
never_null char *xstrdup(const char *text);
never_null char *xstrndup(const char *text, size_t len);
