/* UTF-8 (RFC 3629): what is valid, and what is safe to show. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Length of the valid sequence at `bytes` (1 to 4; shortest form, no surrogates, at most U+10FFFF), its code point in
 * *code; 0 when there is none. `len` is at least 1.
 */
size_t utf8_next(const void *bytes, size_t len, uint32_t *code);
bool utf8_valid(const void *bytes, size_t len);

/* Whether a code point may go to a terminal: no controls, no change of direction, nothing that breaks a line. */
bool utf8_printable(uint32_t code);

#endif
