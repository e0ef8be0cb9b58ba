#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "format/limits.h"
#include "format/path.h"

static void paths_sort_component_by_component(void **state)
{
	/* Ascending: a folder comes before what is in it, and all of that before its next sibling. */
	static const char *const ordered[] = { "",    "a",  "a/\x01", "a/b", "a/b/c", "a/c", "a\x01",
					       "a b", "a-", "a.txt",  "a0",  "aa",    "b",   "\xff" };
	size_t count = sizeof ordered / sizeof ordered[0];

	(void)state;
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < count; j++) {
			int order = path_compare(ordered[i], strlen(ordered[i]), ordered[j], strlen(ordered[j]));

			assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
		}
}

static void only_paths_that_stay_beneath_the_root_are_accepted(void **state)
{
	static const struct {
		const char *path;
		size_t len;
		const char *message; /* NULL: accepted */
	} rows[] = {
		{ "", 0, NULL },
		{ "a", 1, NULL },
		{ "a/b/c", 5, NULL },
		{ "...", 3, NULL },
		{ ".a/..b/c.", 9, NULL },
		{ "a\nb\xff\x01", 5, NULL },
		{ "/", 1, "has an empty component" },
		{ "/etc", 4, "path '/etc' has an empty component" },
		{ "a/", 2, "has an empty component" },
		{ "a//b", 4, "has an empty component" },
		{ ".", 1, "has a component '.' or '..'" },
		{ "..", 2, "has a component '.' or '..'" },
		{ "a/..", 4, "has a component '.' or '..'" },
		{ "../a", 4, "has a component '.' or '..'" },
		{ "a/./b", 5, "has a component '.' or '..'" },
		{ "a\0b", 3, "holds a NUL byte" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int code = path_check(rows[i].path, rows[i].len);

		assert_int_equal(code, rows[i].message == NULL ? 0 : ERR_FORMAT);
		if (rows[i].message != NULL)
			assert_non_null(strstr(err_message(), rows[i].message));
	}
}

static void limits_of_paths_are_kept_exactly(void **state)
{
	static char path[ENTRY_PATH_MAX + 1];

	(void)state;
	memset(path, 'x', sizeof path);
	assert_int_equal(path_check(path, ENTRY_NAME_MAX), 0);
	assert_int_equal(path_check(path, ENTRY_NAME_MAX + 1), ERR_FORMAT);
	assert_non_null(strstr(err_message(), "has a component longer than 255 bytes"));

	for (size_t i = ENTRY_NAME_MAX; i < sizeof path; i += ENTRY_NAME_MAX + 1)
		path[i] = '/';
	path[ENTRY_PATH_MAX] = 'x';
	assert_int_equal(path_check(path, ENTRY_PATH_MAX), 0);
	assert_int_equal(path_check(path, ENTRY_PATH_MAX + 1), ERR_FORMAT);
	assert_non_null(strstr(err_message(), "is longer than 65535 bytes"));

	memset(path, 'x', sizeof path);
	for (size_t i = 1; i < sizeof path; i += 2)
		path[i] = '/';
	assert_int_equal(path_check(path, 2 * (size_t)ENTRY_DEPTH_MAX - 1), 0);
	assert_int_equal(path_check(path, 2 * (size_t)ENTRY_DEPTH_MAX + 1), ERR_FORMAT);
	assert_non_null(strstr(err_message(), "is nested deeper than 4096 folders"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_sort_component_by_component),
		cmocka_unit_test(only_paths_that_stay_beneath_the_root_are_accepted),
		cmocka_unit_test(limits_of_paths_are_kept_exactly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
