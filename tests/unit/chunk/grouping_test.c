#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "chunk/grouping.h"

static const uint8_t key[16] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };

static uint64_t hash_of(const char *folder, unsigned number)
{
	char path[64];
	int len = snprintf(path, sizeof path, "%s/%u", folder, number);

	return grouping_hash(key, path, (size_t)len);
}

static void hashes_are_siphash_2_4(void **state)
{
	static const char message[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14 };

	(void)state;
	/* Aumasson and Bernstein, "SipHash: a fast short-input PRF", appendix A; and the first of their vectors.h. */
	assert_int_equal(grouping_hash(key, message, sizeof message), 0xa129ca6149be45e5);
	assert_int_equal(grouping_hash(key, "", 0), 0x726fdb47dd0e0e31);
}

static void a_node_starts_where_low_bits_are_zero_and_higher_ones_more_rarely(void **state)
{
	static const struct {
		uint64_t hash;
		unsigned level;
		bool starts;
	} rows[] = {
		{ 0x0000000000000000, 0, true },
		{ 0xffffffffffffff00, 0, true },
		{ 0xffffffffffffff01, 0, false },
		{ 0x0000000000000080, 0, false },
		{ 0xffffffffffffc000, 1, true },
		{ 0xffffffffffffe000, 1, false },
		{ 0xc000000000000000, 9, true },
		{ 0x2000000000000000, 9, false },
		{ 0, 9, true },
		{ 0, 10, false },
		{ 0, 4000000000u, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_int_equal(grouping_starts_node(rows[i].hash, rows[i].level), rows[i].starts);
}

static void nodes_hold_256_entries_on_average_and_branches_64_nodes(void **state)
{
	enum { ENTRIES = 1 << 20 };
	unsigned starts[2] = { 0, 0 };

	(void)state;
	for (unsigned i = 0; i < ENTRIES; i++) {
		uint64_t hash = hash_of("2026/11", i);

		starts[0] += grouping_starts_node(hash, 0);
		starts[1] += grouping_starts_node(hash, 1);
	}
	assert_in_range(starts[0], (ENTRIES >> 8) * 9 / 10, (ENTRIES >> 8) * 11 / 10);
	assert_in_range(starts[1], (ENTRIES >> 14) / 2, (ENTRIES >> 14) * 2);
}

/* Groups of many files of one size; returns their mean bytes. */
static uint64_t mean_group(uint64_t size)
{
	enum { FILES = 200000 };
	uint64_t groups = 1, bytes = 0;

	for (unsigned i = 0; i < FILES; i++) {
		if (grouping_starts_group(hash_of("spool", i), size, bytes)) {
			groups++;
			bytes = 0;
		}
		bytes += size;
		assert_true(bytes <= GROUP_MAX);
	}
	return FILES * size / groups;
}

static void groups_have_the_size_aimed_at_whatever_the_size_of_the_files(void **state)
{
	static const uint64_t sizes[] = { 100, 1000, 4096, 10000, GROUP_FILE_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
		assert_in_range(mean_group(sizes[i]), GROUP_TARGET * 85 / 100, GROUP_TARGET * 115 / 100);
}

static void a_group_depends_on_nothing_before_its_first_file(void **state)
{
	unsigned same = 0, starts = 0;
	uint64_t with = 0, without = 0;

	(void)state;
	/* The same files after two different beginnings: within a few groups both start theirs at the same files. */
	for (unsigned i = 0; i < 10000; i++) {
		uint64_t hash = hash_of("f", i), size = 50 + i % 3000;
		bool a = grouping_starts_group(hash, size, with + (i == 0 ? 250000 : 0));
		bool b = grouping_starts_group(hash, size, without);

		with = a ? size : with + size;
		without = b ? size : without + size;
		starts += a;
		same += a && b;
	}
	assert_true(starts > 150);
	assert_true(starts - same <= 3);
}

static void groups_end_before_their_limit_and_large_files_stand_alone(void **state)
{
	const uint64_t never = UINT64_MAX, always = 0;

	(void)state;
	assert_false(grouping_starts_group(never, GROUP_FILE_MAX, GROUP_MAX - GROUP_FILE_MAX));
	assert_true(grouping_starts_group(never, GROUP_FILE_MAX, GROUP_MAX - GROUP_FILE_MAX + 1));
	assert_true(grouping_starts_group(never, 0, GROUP_MAX + 1));
	assert_true(grouping_starts_group(never, GROUP_TARGET, 0));
	assert_true(grouping_starts_group(never, UINT64_MAX, UINT64_MAX));
	assert_false(grouping_starts_group(always, 0, 0));
	assert_true(grouping_starts_group(always, 1, 0));
}

static void a_list_ends_after_two_children_or_more(void **state)
{
	uint8_t id[32];

	(void)state;
	memset(id, 0xff, sizeof id);
	assert_false(grouping_ends_list(id, 100));
	id[0] = 0x80;
	assert_false(grouping_ends_list(id, 1));
	assert_true(grouping_ends_list(id, 2));
	id[0] = 0x40;
	assert_false(grouping_ends_list(id, 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hashes_are_siphash_2_4),
		cmocka_unit_test(a_node_starts_where_low_bits_are_zero_and_higher_ones_more_rarely),
		cmocka_unit_test(nodes_hold_256_entries_on_average_and_branches_64_nodes),
		cmocka_unit_test(groups_have_the_size_aimed_at_whatever_the_size_of_the_files),
		cmocka_unit_test(a_group_depends_on_nothing_before_its_first_file),
		cmocka_unit_test(groups_end_before_their_limit_and_large_files_stand_alone),
		cmocka_unit_test(a_list_ends_after_two_children_or_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
