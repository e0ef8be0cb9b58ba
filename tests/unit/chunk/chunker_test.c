#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "chunk/chunker.h"
#include "crypto/secret.h"
#include "format/limits.h"

#define KIB 1024u
#define MIB (1024u * 1024)

static const uint8_t secret[32] = "nightfold chunker test secret 01";

/* Bytes that look random and are the same for ever: ChaCha20's key stream under a key of one repeated byte. */
static uint8_t *stream(size_t len, uint8_t seed)
{
	static const uint8_t nonce[crypto_stream_chacha20_ietf_NONCEBYTES];
	uint8_t key[crypto_stream_chacha20_ietf_KEYBYTES];
	uint8_t *data = malloc(len);

	assert_non_null(data);
	memset(key, seed, sizeof key);
	crypto_stream_chacha20_ietf(data, len, nonce, key);
	return data;
}

static struct chunker *chunker_of(size_t average)
{
	struct chunker *c;

	assert_int_equal(chunker_new(secret, average, &c), 0);
	return c;
}

/* All chunk lengths of `data`; returns how many. */
static size_t cut(const struct chunker *c, const uint8_t *data, size_t len, size_t *lengths, size_t most)
{
	size_t count = 0;

	for (size_t at = 0; at < len; at += lengths[count++]) {
		assert_true(count < most);
		lengths[count] = chunker_next(c, data + at, len - at, 1);
		assert_true(lengths[count] > 0 && lengths[count] <= len - at);
	}
	return count;
}

static void cuts_are_what_they_have_always_been(void **state)
{
	static const size_t golden[] = { 33020, 36841, 28094, 27217, 28553, 35236, 43189, 24485, 34697,
					 48666, 29369, 27786, 32780, 20184, 14505, 20384, 27573, 30616,
					 39468, 43351, 30444, 27222, 29430, 17896, 32833, 29937, 26847,
					 27628, 24144, 31976, 48539, 30166, 27477, 17362, 20661 };
	uint8_t *data = stream(MIB, 1);
	struct chunker *c = chunker_of(32 * KIB);
	size_t lengths[256], count = cut(c, data, MIB, lengths, 256);

	(void)state;
	assert_int_equal(count, sizeof golden / sizeof golden[0]);
	assert_memory_equal(lengths, golden, sizeof golden);
	chunker_free(c);
	free(data);
}

/* The header's definition, one byte at a time. */
static size_t next_by_definition(const uint64_t *gear, size_t average, const uint8_t *data, size_t len)
{
	size_t bits = 0, max = len < 4 * average ? len : 4 * average;
	uint64_t masks[2] = { 0, 0 }, hash = 0;

	while ((size_t)1 << bits < average)
		bits++;
	for (size_t k = 0; k < bits + 2; k++)
		masks[0] |= 1ULL << (62 - 48 * k / (bits + 2));
	for (size_t k = 0; k < bits - 2; k++)
		masks[1] |= 1ULL << (62 - 48 * k / (bits - 2));
	for (size_t length = average / 4 + 1; length <= max; length++) {
		hash = 2 * hash + gear[data[length - 1]];
		if ((hash & masks[length > average / 16 * 13]) == 0)
			return length;
	}
	return max;
}

static void cuts_follow_the_definition_in_the_header(void **state)
{
	static const uint8_t nonce[crypto_stream_chacha20_ietf_NONCEBYTES];
	static const size_t averages[] = { CHUNK_AVERAGE_MIN, 64 * KIB, CHUNK_AVERAGE_MAX };
	const size_t len = 12 * MIB + 1;
	uint8_t *data = stream(len, 2), bytes[2048];
	uint64_t gear[256] = { 0 };

	(void)state;
	crypto_stream_chacha20_ietf(bytes, sizeof bytes, nonce, secret);
	for (size_t i = 0; i < sizeof bytes; i++)
		gear[i / 8] = gear[i / 8] | (uint64_t)bytes[i] << (i % 8 * 8);

	for (size_t a = 0; a < sizeof averages / sizeof averages[0]; a++) {
		struct chunker *c = chunker_of(averages[a]);

		for (size_t at = 0, length; at < len; at += length) {
			length = chunker_next(c, data + at, len - at, 1);
			assert_int_equal(length, next_by_definition(gear, averages[a], data + at, len - at));
		}
		chunker_free(c);
	}
	free(data);
}

static void sizes_keep_their_limits_and_come_near_the_average(void **state)
{
	static const size_t averages[] = { CHUNK_AVERAGE_MIN, 64 * KIB, 512 * KIB };
	enum { MOST = 4096 };
	const size_t len = 48 * MIB;
	uint8_t *data = stream(len, 3);
	size_t *lengths = calloc(MOST, sizeof *lengths);

	(void)state;
	assert_non_null(lengths);
	for (size_t a = 0; a < sizeof averages / sizeof averages[0]; a++) {
		struct chunker *c = chunker_of(averages[a]);
		size_t count = cut(c, data, len, lengths, MOST);

		assert_int_equal(chunker_max(c), averages[a] * 4);
		for (size_t i = 0; i + 1 < count; i++)
			assert_true(lengths[i] > averages[a] / 4 && lengths[i] <= chunker_max(c));
		assert_true(len / count > averages[a] * 8 / 10 && len / count < averages[a] * 12 / 10);
		chunker_free(c);
	}
	free(lengths);
	free(data);
}

static void an_insertion_disturbs_only_the_chunks_near_it(void **state)
{
	const size_t len = 4 * MIB, at = 2 * MIB + 77;
	uint8_t *data = stream(len, 4), *changed = malloc(len + 1);
	struct chunker *c = chunker_of(CHUNK_AVERAGE_MIN);
	size_t before[1024] = { 0 }, after[1024] = { 0 }, head = 0, tail = 0;

	(void)state;
	assert_non_null(changed);
	memcpy(changed, data, at);
	changed[at] = 'x';
	memcpy(changed + at + 1, data + at, len - at);

	size_t a = cut(c, data, len, before, 1024), b = cut(c, changed, len + 1, after, 1024);
	while (head < a && head < b && before[head] == after[head])
		head++;
	while (tail < a && tail < b && before[a - 1 - tail] == after[b - 1 - tail])
		tail++;
	assert_true(a - head - tail <= 8 && b - head - tail <= 8);
	assert_true(head > 80 && tail > 80);
	chunker_free(c);
	free(changed);
	free(data);
}

static void data_that_comes_in_pieces_is_cut_in_the_same_places(void **state)
{
	const size_t len = 2 * MIB + 13;
	uint8_t *data = stream(len, 5);
	struct chunker *c = chunker_of(CHUNK_AVERAGE_MIN);

	(void)state;
	for (size_t at = 0, whole; at < len; at += whole) {
		size_t piece = 0, there = 0;

		whole = chunker_next(c, data + at, len - at, 1);
		while (piece == 0) {
			there = there + 1777 < len - at ? there + 1777 : len - at;
			piece = chunker_next(c, data + at, there, there == len - at);
			assert_true(piece != 0 || there < chunker_max(c));
		}
		assert_int_equal(piece, whole);
	}
	chunker_free(c);
	free(data);
}

static void the_ends_of_data_are_chunks_however_short(void **state)
{
	static uint8_t zeros[128 * KIB];
	struct chunker *c = chunker_of(CHUNK_AVERAGE_MIN);

	(void)state;
	assert_int_equal(chunker_next(c, zeros, 0, 1), 0);
	assert_int_equal(chunker_next(c, zeros, 0, 0), 0);
	assert_int_equal(chunker_next(c, zeros, 1, 0), 0);
	assert_int_equal(chunker_next(c, zeros, 1, 1), 1);
	assert_int_equal(chunker_next(c, zeros, 4 * KIB, 1), 4 * KIB);
	/* One byte repeated never matches here, so only the maximum cuts. */
	assert_int_equal(chunker_next(c, zeros, 64 * KIB - 1, 0), 0);
	assert_int_equal(chunker_next(c, zeros, 64 * KIB, 0), 64 * KIB);
	assert_int_equal(chunker_next(c, zeros, 128 * KIB, 0), 64 * KIB);
	chunker_free(c);
}

static void another_secret_cuts_elsewhere(void **state)
{
	static const uint8_t other[32] = "nightfold chunker test secret 02";
	uint8_t *data = stream(MIB, 1);
	struct chunker *c = chunker_of(32 * KIB), *d;

	(void)state;
	assert_int_equal(chunker_new(other, 32 * KIB, &d), 0);
	assert_int_not_equal(chunker_next(c, data, MIB, 1), chunker_next(d, data, MIB, 1));
	chunker_free(d);
	chunker_free(c);
	free(data);
}

static void other_sizes_are_refused(void **state)
{
	static const size_t sizes[] = {
		0, 1, CHUNK_AVERAGE_MIN / 2, CHUNK_AVERAGE_MAX * 2, 100000, CHUNK_AVERAGE_MIN + 1
	};

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		struct chunker *c = NULL;

		assert_int_equal(chunker_new(secret, sizes[i], &c), ERR_USAGE);
		assert_null(c);
		assert_non_null(strstr(err_message(), "16 KiB to 4096 KiB"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cuts_are_what_they_have_always_been),
		cmocka_unit_test(cuts_follow_the_definition_in_the_header),
		cmocka_unit_test(sizes_keep_their_limits_and_come_near_the_average),
		cmocka_unit_test(an_insertion_disturbs_only_the_chunks_near_it),
		cmocka_unit_test(data_that_comes_in_pieces_is_cut_in_the_same_places),
		cmocka_unit_test(the_ends_of_data_are_chunks_however_short),
		cmocka_unit_test(another_secret_cuts_elsewhere),
		cmocka_unit_test(other_sizes_are_refused),
	};

	if (secret_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
