#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/digest.h"
#include "repo/piece_cache.h"

static struct piece_name name_of(uint8_t id, uint64_t offset, uint64_t length)
{
	const uint8_t bytes[ID_SIZE] = { id };
	struct piece_name name;

	piece_name(&(struct piece){ .id = bytes, .chunk_size = 1000, .offset = offset, .length = length }, &name);
	return name;
}

static void a_piece_is_known_by_its_chunk_and_place(void **state)
{
	struct piece_cache *cache = piece_cache_new();
	const struct piece_name a = name_of(1, 0, 10),
				others[] = { name_of(2, 0, 10), name_of(1, 1, 10), name_of(1, 0, 11) };
	uint8_t digest[DIGEST_SIZE], hash[DIGEST_SIZE] = { 7 };

	(void)state;
	assert_int_equal(piece_cache_find(cache, &a, digest), 0);
	piece_cache_add(cache, &a, 1, hash);
	assert_int_equal(piece_cache_find(cache, &a, digest), 1);
	assert_memory_equal(digest, hash, DIGEST_SIZE);
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		assert_int_equal(piece_cache_find(cache, &others[i], digest), 0);
	piece_cache_free(cache);
}

static void zones_that_gave_the_same_are_remembered_together(void **state)
{
	struct piece_cache *cache = piece_cache_new();
	const struct piece_name a = name_of(1, 0, 10);
	uint8_t digest[DIGEST_SIZE], hash[DIGEST_SIZE] = { 7 }, another[DIGEST_SIZE] = { 8 };

	(void)state;
	piece_cache_add(cache, &a, 1, hash);
	piece_cache_add(cache, &a, 2, hash);
	assert_int_equal(piece_cache_find(cache, &a, digest), 3);
	/* What gave something else stands for itself alone. */
	piece_cache_add(cache, &a, 2, another);
	assert_int_equal(piece_cache_find(cache, &a, digest), 2);
	assert_memory_equal(digest, another, DIGEST_SIZE);
	piece_cache_free(cache);
}

static void of_more_than_it_holds_some_are_forgotten_and_none_mixed_up(void **state)
{
	struct piece_cache *cache = piece_cache_new();
	size_t known = 0;

	(void)state;
	for (uint64_t i = 0; i < 1000000; i++) {
		const struct piece_name name = name_of(1, i, 1);
		uint8_t hash[DIGEST_SIZE] = { 0 };

		memcpy(hash, &i, sizeof i);
		piece_cache_add(cache, &name, 1, hash);
	}
	for (uint64_t i = 0; i < 1000000; i++) {
		const struct piece_name name = name_of(1, i, 1);
		uint8_t digest[DIGEST_SIZE];

		if (piece_cache_find(cache, &name, digest) == 0)
			continue;
		assert_memory_equal(digest, &i, sizeof i);
		known++;
	}
	assert_in_range(known, 300000, 524288);
	piece_cache_free(cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_piece_is_known_by_its_chunk_and_place),
		cmocka_unit_test(zones_that_gave_the_same_are_remembered_together),
		cmocka_unit_test(of_more_than_it_holds_some_are_forgotten_and_none_mixed_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
