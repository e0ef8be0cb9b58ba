#include "tree.h"

#include "source/links.h"

/* The first name of (device, inode), or "" if this is it. */
static const char *seen(struct links *l, uint64_t device, uint64_t inode, uint64_t names, const char *path)
{
	static char first[256];
	uint32_t len = 0;
	bool full;
	const char *found = links_seen(l, device, inode, 0, names, path, strlen(path), &len, &full);

	assert_false(full);
	snprintf(first, sizeof first, "%.*s", (int)len, found == NULL ? "" : found);
	return first;
}

static void further_names_learn_the_first(void **state)
{
	struct links *l = links_new(1 << 20);

	(void)state;
	assert_string_equal(seen(l, 1, 7, 3, "a/first"), "");
	assert_string_equal(seen(l, 2, 7, 2, "other/device"), "");
	assert_string_equal(seen(l, 1, 8, 2, "other/inode"), "");
	assert_string_equal(seen(l, 1, 7, 3, "b"), "a/first");
	assert_string_equal(seen(l, 1, 7, 3, "c"), "a/first");
	assert_string_equal(seen(l, 2, 7, 2, "d"), "other/device");
	/* All names were seen: the inode may be another file by now. */
	assert_string_equal(seen(l, 1, 7, 3, "e"), "");
	assert_string_equal(seen(l, 1, 8, 2, "f"), "other/inode");
	links_free(l);
	links_free(NULL);
}

static void a_forgotten_first_name_is_followed_by_the_next(void **state)
{
	struct links *l = links_new(1 << 20);

	(void)state;
	assert_string_equal(seen(l, 1, 1, 9, "one"), "");
	links_forget(l, "two", 3);
	assert_string_equal(seen(l, 1, 1, 9, "two"), "one");
	links_forget(l, "one", 3);
	assert_string_equal(seen(l, 1, 1, 9, "three"), "");
	assert_string_equal(seen(l, 1, 1, 9, "four"), "three");
	links_free(l);
}

static void a_number_that_another_file_got_is_no_link(void **state)
{
	struct links *l = links_new(1 << 20);
	uint32_t len;
	bool full;

	(void)state;
	assert_null(links_seen(l, 1, 7, 100, 3, "old", 3, &len, &full));
	assert_null(links_seen(l, 1, 7, 200, 3, "new", 3, &len, &full));
	assert_memory_equal(links_seen(l, 1, 7, 200, 3, "newer", 5, &len, &full), "new", 3);
	assert_null(links_seen(l, 1, 7, 100, 3, "old again", 9, &len, &full));
	links_free(l);
}

static void many_files_come_and_go(void **state)
{
	enum { FILES = 5000 };
	struct links *l = links_new(8 << 20);
	char path[32], expected[32];

	(void)state;
	for (uint64_t i = 0; i < FILES; i++) {
		snprintf(path, sizeof path, "first/%d", (int)i);
		assert_string_equal(seen(l, 1, i * 64, 3, path), "");
	}
	for (int round = 0; round < 2; round++) {
		for (uint64_t i = 0; i < FILES; i++) {
			snprintf(expected, sizeof expected, "first/%d", (int)i);
			assert_string_equal(seen(l, 1, i * 64, 3, "again"), expected);
		}
	}
	for (uint64_t i = 0; i < FILES; i++)
		assert_string_equal(seen(l, 1, i * 64, 3, "new"), "");
	links_free(l);
}

static void memory_is_bounded(void **state)
{
	struct links *l = links_new(10000);
	uint64_t kept = 0, refused = 0;
	uint32_t len;
	bool full;

	(void)state;
	for (uint64_t i = 0; i < 1000; i++) {
		assert_null(links_seen(l, 1, i, 0, 2, "twenty bytes of path", 20, &len, &full));
		kept += !full;
		refused += full;
	}
	assert_in_range(kept, 50, 200);
	assert_int_equal(kept + refused, 1000);
	assert_non_null(links_seen(l, 1, 0, 0, 2, "x", 1, &len, &full));
	/* One is gone, so there is room for one. */
	assert_null(links_seen(l, 1, 5000, 0, 2, "twenty bytes of path", 20, &len, &full));
	assert_false(full);
	links_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(further_names_learn_the_first),
		cmocka_unit_test(a_forgotten_first_name_is_followed_by_the_next),
		cmocka_unit_test(a_number_that_another_file_got_is_no_link),
		cmocka_unit_test(many_files_come_and_go),
		cmocka_unit_test(memory_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
