/* Lower-case hexadecimal. */
#ifndef BASE_HEX_H
#define BASE_HEX_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Writes 2 * len digits and a NUL to `out`; returns out. */
char *hex_encode(const void *data, size_t len, char *out);

/* Reads exactly 2 * len lower-case digits; ERR_FORMAT otherwise. */
must_check int hex_decode(const char *text, size_t text_len, void *out, size_t len);

#endif
