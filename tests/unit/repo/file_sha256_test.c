/* The SHA-256 of files with holes, compared with that of their bytes. */
#include "repo/file_sha256.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/err.h"

#define SIZE (5u << 20)

static uint8_t data[1u << 20];

static void fill_data(void)
{
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)(i * 2654435761u >> 13 | 1);
}

/* In steps of `step` bytes, so that they lie across extents in many ways. */
static void assert_hash(struct file_sha256 *h, const struct entry *e, size_t step)
{
	uint8_t *whole = xcalloc(1, (size_t)e->size + 1), expected[DIGEST_SIZE], got[DIGEST_SIZE];
	size_t content = 0;

	for (uint32_t i = 0; i < e->extent_count; i++) {
		memcpy(whole + e->extents[i].offset, data + content, (size_t)e->extents[i].length);
		content += (size_t)e->extents[i].length;
	}
	if (!e->sparse)
		memcpy(whole, data, content = (size_t)e->size);
	sha256(whole, (size_t)e->size, expected);
	assert_int_equal(file_content_length(e), content);

	file_sha256_begin(h, e);
	for (size_t at = 0; at < content; at += step)
		assert_int_equal(file_sha256_add(h, data + at, content - at < step ? content - at : step), 0);
	assert_int_equal(file_sha256_end(h, e->size, got), 0);
	assert_memory_equal(got, expected, DIGEST_SIZE);
	free(whole);
}

static void holes_are_zeros_wherever_they_are(void **state)
{
	const struct extent extents[] = { { 0, 100 }, { 4096, 1 }, { 4097, 65536 }, { 3u << 20, 300000 } };
	struct file_sha256 *h = file_sha256_new(NULL, NULL);
	const struct entry files[] = {
		{ .size = 0 },
		{ .size = 1000000 },
		{ .size = SIZE, .sparse = true },
		{ .size = SIZE, .sparse = true, .extents = extents, .extent_count = 4 },
		{ .size = SIZE, .sparse = true, .extents = extents + 1, .extent_count = 3 },
		{ .size = (3u << 20) + 300000, .sparse = true, .extents = extents + 3, .extent_count = 1 },
		{ .size = 100, .sparse = true, .extents = extents, .extent_count = 1 },
	};

	(void)state;
	fill_data();
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		assert_hash(h, &files[i], 7777);
		assert_hash(h, &files[i], 1u << 20);
	}
	file_sha256_free(h);
	file_sha256_free(NULL);
}

static int count_to_three(void *context)
{
	int *count = context;

	return ++*count == 3 ? failed(ERR_LOCKED, "three") : 0;
}

static void a_long_hole_is_hashed_with_pauses_that_can_end_it(void **state)
{
	const struct entry e = { .size = 4u << 20, .sparse = true }, longer = { .size = 1ULL << 40, .sparse = true };
	uint8_t got[DIGEST_SIZE];
	int count = -1;
	struct file_sha256 *h = file_sha256_new(count_to_three, &count);

	(void)state;
	file_sha256_begin(h, &e);
	assert_int_equal(file_sha256_end(h, 3u << 20, got), 0);
	assert_int_equal(count, 2);
	file_sha256_begin(h, &longer);
	assert_int_equal(file_sha256_end(h, longer.size, got), ERR_LOCKED);
	file_sha256_free(h);
}

static void too_many_holes_are_too_many(void **state)
{
	const struct extent extent = { 1ULL << 35, 10 };
	struct entry e = { .size = ENTRY_SHA256_HOLES_MAX + 10, .sparse = true, .extents = &extent, .extent_count = 1 };

	(void)state;
	assert_true(file_sha256_possible(&e));
	e.size++;
	assert_false(file_sha256_possible(&e));
	e.sparse = false;
	e.extent_count = 0;
	assert_true(file_sha256_possible(&e));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holes_are_zeros_wherever_they_are),
		cmocka_unit_test(a_long_hole_is_hashed_with_pauses_that_can_end_it),
		cmocka_unit_test(too_many_holes_are_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
