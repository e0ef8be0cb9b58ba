#include "repo/decoder.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/processors.h"

#define THREADS_MAX 8

struct decoder {
	struct fetcher *fetcher;
	struct blob_codec *codec;
	uint8_t *data;
	size_t cap, reserved;
	uint8_t id[ID_SIZE];
	bool holds;
};

struct decoder *decoder_new(struct fetcher *f)
{
	struct decoder *d = xcalloc(1, sizeof *d);

	d->fetcher = f;
	d->codec = blob_codec_new(CHUNK_MAX, 3);
	return d;
}

void decoder_free(struct decoder *d)
{
	if (d == NULL)
		return;
	decoder_done(d);
	blob_codec_free(d->codec);
	free(d->data);
	free(d);
}

void decoder_done(struct decoder *d)
{
	if (d->reserved == 0)
		return;
	free(d->data);
	d->data = NULL;
	d->cap = 0;
	d->holds = false;
	fetcher_release(d->fetcher, d->reserved);
	d->reserved = 0;
}

static void make_room(struct decoder *d, size_t size)
{
	decoder_done(d);
	d->holds = false;
	if (size > DECODER_SMALL) {
		/* As it is stored, which with padding may be more, and plain. */
		d->reserved = 2 * size + size / 16;
		fetcher_reserve(d->fetcher, d->reserved);
	}
	if (size <= d->cap)
		return;
	free(d->data);
	d->data = xmalloc(size);
	d->cap = size;
}

int decoder_get(struct decoder *d, struct stretch *ahead, const uint8_t id[ID_SIZE], const uint8_t key[KEY_SIZE],
		uint64_t size, const uint8_t **data)
{
	int code = 0;

	if (size > CHUNK_MAX)
		return failed(ERR_FORMAT, "a chunk of %llu bytes, the limit is %u", (unsigned long long)size,
			      CHUNK_MAX);
	if (!d->holds || memcmp(d->id, id, ID_SIZE) != 0) {
		make_room(d, (size_t)size);
		code = fetch_chunk(d->fetcher, d->codec, ahead, KIND_CONTENT, id, key, size, d->data);
		memcpy(d->id, id, ID_SIZE);
		d->holds = code == 0;
		if (code != 0)
			decoder_done(d);
	}
	*data = d->data;
	return code;
}

unsigned decoder_threads(void)
{
	unsigned processors = processors_usable();

	return processors > THREADS_MAX ? THREADS_MAX : processors;
}
