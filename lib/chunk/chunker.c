#include "chunk/chunker.h"

#include <endian.h>
#include <sodium.h>

#include "crypto/secret.h"
#include "format/limits.h"

/* Normalisation level 2: two bits more before the usual length, two bits less behind it. */
#define NORMALISATION 2

struct chunker {
	uint64_t gear[256];
	uint64_t mask_small, mask_large;
	size_t min, normal, max;
};

static uint64_t mask_of(unsigned bits)
{
	uint64_t mask = 0;

	for (unsigned k = 0; k < bits; k++)
		mask |= 1ULL << (62 - 48 * k / bits);
	return mask;
}

int chunker_new(const uint8_t secret[32], size_t average, struct chunker **out)
{
	static const uint8_t nonce[crypto_stream_chacha20_ietf_NONCEBYTES];

	if (average < CHUNK_AVERAGE_MIN || average > CHUNK_AVERAGE_MAX || (average & (average - 1)) != 0)
		return failed(ERR_USAGE,
			      "%zu bytes is no average chunk size: take a power of two from %u KiB to %u KiB", average,
			      CHUNK_AVERAGE_MIN >> 10, CHUNK_AVERAGE_MAX >> 10);

	struct chunker *c = secret_new(sizeof *c);

	crypto_stream_chacha20_ietf((unsigned char *)c->gear, sizeof c->gear, nonce, secret);
	for (size_t i = 0; i < 256; i++)
		c->gear[i] = le64toh(c->gear[i]);

	unsigned bits = (unsigned)__builtin_ctzl(average);
	c->mask_small = mask_of(bits + NORMALISATION);
	c->mask_large = mask_of(bits - NORMALISATION);
	c->min = average / 4;
	c->normal = average / 16 * 13;
	c->max = average * 4;
	*out = c;
	return 0;
}

void chunker_free(struct chunker *c)
{
	secret_free(c);
}

size_t chunker_max(const struct chunker *c)
{
	return c->max;
}

/*
 * Rolls over data[from..to) and returns the length of the chunk that a match with `mask` ends, or 0. Two bytes a round:
 * only one shift and one addition a round then wait for the round before. from and to are even.
 */
static inline size_t roll(const uint64_t *gear, const uint8_t *data, size_t from, size_t to, uint64_t mask,
			  uint64_t *hash)
{
	uint64_t h = *hash;

	for (size_t i = from; i < to; i += 2) {
		uint64_t first = gear[data[i]], second = gear[data[i + 1]];

		if ((((h << 1) + first) & mask) == 0)
			return i + 1;
		h = (h << 2) + ((first << 1) + second);
		if ((h & mask) == 0)
			return i + 2;
	}
	*hash = h;
	return 0;
}

size_t chunker_next(const struct chunker *c, const uint8_t *data, size_t len, int last)
{
	size_t end = len < c->max ? len : c->max, even = end & ~(size_t)1, cut;
	size_t normal = even < c->normal ? even : c->normal;
	uint64_t hash = 0;

	if (end > c->min) {
		if ((cut = roll(c->gear, data, c->min, normal, c->mask_small, &hash)) != 0)
			return cut;
		if ((cut = roll(c->gear, data, normal, even, c->mask_large, &hash)) != 0)
			return cut;
	}
	/* A last odd byte could only make the cut that the end of the data makes anyway. */
	return last || end == c->max ? end : 0;
}
