#include "base/buf.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

#define CAP_FIRST 256
#define PAGES_MIN (1u << 20) /* memory for so much at once begins at a page: it may be written past the page cache */

void buf_init(struct buf *b, size_t max, const char *what)
{
	must(max < SIZE_MAX / 2);
	*b = (struct buf){ .max = max, .what = what };
}

void buf_init_guarded(struct buf *b, size_t max, const char *what)
{
	must(max < SIZE_MAX / 2);
	must(sodium_init() >= 0);
	/* One byte more than the maximum, for buf_terminate(). */
	*b = (struct buf){ .max = max, .what = what, .guarded = true, .cap = max + 1, .data = sodium_malloc(max + 1) };
	if (!b->data)
		out_of_memory(max);
}

void buf_init_spilled(struct buf *b, size_t max, const char *what, const char *folder)
{
	buf_init(b, max, what);
	b->spilled = true;
	spill_init(&b->spill, folder);
}

void buf_release(struct buf *b)
{
	if (b->guarded)
		sodium_free(b->data);
	else if (b->spilled)
		spill_release(&b->spill);
	else
		free(b->data);
	*b = (struct buf){ 0 };
}

void buf_clear(struct buf *b)
{
	if (b->guarded)
		sodium_memzero(b->data, b->cap);
	b->len = 0;
}

/* `cap` is at most max + 1. */
static void grow(struct buf *b, size_t cap)
{
	if (cap <= b->cap)
		return;

	size_t doubled = b->cap ? 2 * b->cap : CAP_FIRST;
	if (doubled > cap)
		cap = doubled > b->max + 1 ? b->max + 1 : doubled;
	b->cap = cap;
	if (b->spilled) {
		spill_resize(&b->spill, cap);
		b->data = b->spill.data;
		return;
	}
	b->data = b->data == NULL && cap >= PAGES_MIN ? xmalloc_pages(cap) : xrealloc(b->data, cap, 1);
}

static int make_room(struct buf *b, size_t len)
{
	if (len > b->max - b->len)
		return failed(ERR_FORMAT, "%s is larger than its limit of %zu bytes", b->what, b->max);
	grow(b, b->len + len + 1);
	return 0;
}

int buf_reserve(struct buf *b, size_t len, uint8_t **at)
{
	int code = make_room(b, len);

	if (code)
		return code;
	*at = b->data + b->len;
	return 0;
}

int buf_append(struct buf *b, const void *data, size_t len)
{
	int code = make_room(b, len);

	if (code)
		return code;
	if (len != 0)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	return 0;
}

int buf_append_byte(struct buf *b, uint8_t byte)
{
	return buf_append(b, &byte, 1);
}

int buf_printf(struct buf *b, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	int len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	must(len >= 0);

	int code = make_room(b, (size_t)len);
	if (code)
		return code;
	va_start(args, format);
	vsnprintf((char *)b->data + b->len, (size_t)len + 1, format, args);
	va_end(args);
	b->len += (size_t)len;
	return 0;
}

int buf_terminate(struct buf *b)
{
	int code = make_room(b, 0);

	if (code)
		return code;
	b->data[b->len] = '\0';
	return 0;
}
