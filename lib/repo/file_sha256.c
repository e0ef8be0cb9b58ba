#include "repo/file_sha256.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/stop.h"
#include "repo/content.h"

struct file_sha256 {
	int (*tick)(void *context);
	void *context;
	struct sha256 *hash;
	struct entry entry;
	struct extent *extents;
	struct extent_walk walk;
	uint64_t at; /* bytes of the file hashed so far */
};

struct file_sha256 *file_sha256_new(int (*tick)(void *context), void *context)
{
	struct file_sha256 *h = xcalloc(1, sizeof *h);

	h->tick = tick;
	h->context = context;
	h->hash = sha256_new();
	return h;
}

void file_sha256_free(struct file_sha256 *h)
{
	if (h == NULL)
		return;
	sha256_free(h->hash);
	free(h->extents);
	free(h);
}

void file_sha256_begin(struct file_sha256 *h, const struct entry *e)
{
	sha256_reset(h->hash);
	h->entry = *e;
	h->extents = xrealloc(h->extents, e->extent_count + 1, sizeof *h->extents);
	if (e->extent_count > 0)
		memcpy(h->extents, e->extents, e->extent_count * sizeof *h->extents);
	h->entry.extents = h->extents;
	h->walk = (struct extent_walk){ .entry = &h->entry };
	h->at = 0;
}

static int add_hole(struct file_sha256 *h, uint64_t until)
{
	static const uint8_t zeros[1u << 20];
	int code = 0;

	while (h->at < until && code == 0) {
		size_t len = until - h->at < sizeof zeros ? (size_t)(until - h->at) : sizeof zeros;

		sha256_update(h->hash, zeros, len);
		h->at += len;
		code = stop_check();
		if (code == 0 && h->tick != NULL)
			code = h->tick(h->context);
	}
	return code;
}

int file_sha256_add(struct file_sha256 *h, const void *data, size_t len)
{
	const uint8_t *from = data;

	while (len > 0) {
		uint64_t offset, part = extent_walk_next(&h->walk, len, &offset);
		int code = add_hole(h, offset);

		if (code != 0)
			return code;
		sha256_update(h->hash, from, (size_t)part);
		h->at += part;
		from += part;
		len -= (size_t)part;
	}
	return 0;
}

int file_sha256_end(struct file_sha256 *h, uint64_t size, uint8_t out[DIGEST_SIZE])
{
	int code = add_hole(h, size);

	if (code == 0)
		sha256_final(h->hash, out);
	return code;
}

uint64_t file_content_length(const struct entry *e)
{
	uint64_t length = 0;

	for (uint32_t i = 0; i < e->extent_count; i++)
		length += e->extents[i].length;
	return e->sparse ? length : e->size;
}

bool file_sha256_possible(const struct entry *e)
{
	uint64_t length = file_content_length(e);

	return length >= e->size || e->size - length <= ENTRY_SHA256_HOLES_MAX;
}
