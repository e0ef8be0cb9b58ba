/*
 * A growing byte buffer with a hard maximum, given when it is made.
 *
 * Going over the maximum is ERR_FORMAT with a message that names `what` and the limit; nothing is appended then.
 * A guarded buffer (buf_init_guarded) keeps its bytes in guarded memory (sodium_malloc), allocates all of `max` at once
 * and is wiped on release: for plaintexts that contain keys. A spilled one (buf_init_spilled) is for large public
 * values: beyond base/spill.h's bound its bytes are in a temporary file that is mapped.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/spill.h"

struct buf {
	uint8_t *data;
	size_t len, cap, max;
	const char *what; /* for messages; not owned */
	bool guarded, spilled;
	struct spill spill;
};

void buf_init(struct buf *b, size_t max, const char *what);
void buf_init_guarded(struct buf *b, size_t max, const char *what);
void buf_init_spilled(struct buf *b, size_t max, const char *what, const char *folder); /* as spill_init() */
void buf_release(struct buf *b);                                                        /* also of a zeroed struct */
#define _buf_ __attribute__((cleanup(buf_release)))

void buf_clear(struct buf *b); /* len = 0; keeps the memory, wipes it when guarded */

must_check int buf_append(struct buf *b, const void *data, size_t len);
must_check int buf_append_byte(struct buf *b, uint8_t byte);
must_check printf_like(2, 3) int buf_printf(struct buf *b, const char *format, ...);

/*
 * Makes room for `len` more bytes and returns where they go (b->data + b->len) in *at; the caller then adds to b->len.
 */
must_check int buf_reserve(struct buf *b, size_t len, uint8_t **at);

/* NUL behind the bytes (not counted in len), for use as a C string. */
must_check int buf_terminate(struct buf *b);

#endif
