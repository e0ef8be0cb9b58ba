/*
 * A key on paper: the text of a key file (crypto/keyfile.h), cut into short numbered lines, each with a checksum, so
 * that somebody who types them again is told which line is wrong. docs/FORMAT.md, "Keys on paper". Pure.
 *
 *	01  nightfold-secret-key.1.agent              c0de     words, joined by dots
 *	02  0123 4567 89ab cdef 0123 4567 89ab cdef   c0de     32 digits of a long word of hexadecimal digits
 *	...
 *	08  end.0123456789abcdef                      c0de     BLAKE2b-256 of the key's text without newline, 8 bytes
 *
 * A checksum is the first 2 bytes of BLAKE2b-256 over the number (two digits) and the content without white space.
 * Reading ignores case, white space, the order of lines, empty lines and lines that begin with '#', and takes the
 * letters o, i and l for 0, 1 and 1 in lines of digits.
 */
#ifndef CRYPTO_PAPER_H
#define CRYPTO_PAPER_H

#include <stddef.h>

#include "base/buf.h"

#define PAPER_MAX       (16u << 10)
#define PAPER_LINES_MAX 99

/* Appends the lines for a key's text (without or with its newline) to `out` (guarded). */
must_check int paper_encode(const char *text, size_t len, struct buf *out);

/*
 * Appends the key's text, with its newline, to `out` (guarded). ERR_INTEGRITY: the message names the lines that are
 * wrong.
 */
must_check int paper_decode(const char *typed, size_t len, struct buf *out);

#endif
