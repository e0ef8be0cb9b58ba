/*
 * Read by clang-tidy before every file but err.c: its analyser does not look into variadic functions, and would otherwise follow
 * paths on which these return 0. The result is the code that is passed in.
 */
#include "base/err.h"

#define failed(code, ...)       (!(failed)(code, __VA_ARGS__), (code))
#define failed_in(code, ...)    (!(failed_in)(code, __VA_ARGS__), (code))
#define failed_errno(code, ...) (!(failed_errno)(code, __VA_ARGS__), (code))
