/*
 * Deterministic CBOR (RFC 8949, 4.2.1) on libcbor's streaming decoder and encoder.
 *
 * The reader is a cursor: each call takes the next item, demands its type and bounds, and refuses anything that is not
 * the shortest form, of indefinite length, a tag, a float, or beyond its limit (ERR_FORMAT, the message names `what`
 * and the offset). Byte and text strings point into the input. Nothing is allocated. Text in this format is printable
 * ASCII: whatever comes from a file system is bytes.
 *
 * Every function that can fail returns 0 or ERR_FORMAT; after an error the reader or buffer is not to be used further.
 */
#ifndef FORMAT_CBOR_H
#define FORMAT_CBOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct cbor_reader {
	const uint8_t *data;
	size_t len, at;
	const char *what;
};

/* Bytes of the shortest head (RFC 8949, 3) with this argument: 1, 2, 3, 5 or 9. */
size_t cbor_head_size(uint64_t argument);

void cbor_reader_init(struct cbor_reader *r, const void *data, size_t len, const char *what);
must_check int cbor_read_array(struct cbor_reader *r, size_t max, size_t *count);
must_check int cbor_read_array_of(struct cbor_reader *r, size_t count); /* exactly */
must_check int cbor_read_map(struct cbor_reader *r, size_t max, size_t *pairs);
must_check int cbor_read_uint(struct cbor_reader *r, uint64_t max, uint64_t *value);
must_check int cbor_read_u32(struct cbor_reader *r, uint32_t max, uint32_t *value);
must_check int cbor_read_int(struct cbor_reader *r, int64_t *value);
must_check int cbor_read_bool(struct cbor_reader *r, bool *value);
must_check int cbor_read_bytes(struct cbor_reader *r, size_t max, const uint8_t **data, size_t *len);
must_check int cbor_read_bytes_of(struct cbor_reader *r, size_t len, void *out); /* copies exactly len */
must_check int cbor_read_text(struct cbor_reader *r, size_t max, const char **text, size_t *len); /* not terminated */
must_check int cbor_read_text_of(struct cbor_reader *r, const char *expected);
must_check int cbor_read_text_into(struct cbor_reader *r, char *out, size_t size); /* terminated */
must_check int cbor_read_end(const struct cbor_reader *r);                         /* nothing may follow */

must_check int cbor_write_array(struct buf *out, size_t count);
must_check int cbor_write_map(struct buf *out, size_t pairs);
must_check int cbor_write_uint(struct buf *out, uint64_t value);
must_check int cbor_write_int(struct buf *out, int64_t value);
must_check int cbor_write_bool(struct buf *out, bool value);
must_check int cbor_write_bytes(struct buf *out, const void *data, size_t len);
must_check int cbor_write_text(struct buf *out, const char *text);

#endif
