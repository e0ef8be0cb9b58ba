#include "tree.h"

#include "source/exclude.h"

static bool excludes(const char *pattern, const char *path, bool is_folder)
{
	const char *slash = strrchr(path, '/');
	struct exclude *x;

	assert_int_equal(exclude_new(&pattern, 1, &x), 0);
	bool result = exclude_matches(x, path, slash == NULL ? path : slash + 1, is_folder);
	exclude_free(x);
	return result;
}

static void patterns_match_what_the_header_says(void **state)
{
	static const struct {
		const char *pattern, *path;
		bool is_folder, excluded;
	} rows[] = {
		/* a name, anywhere */
		{ "*.tmp", "a.tmp", false, true },
		{ "*.tmp", "deep/down/a.tmp", false, true },
		{ "*.tmp", "a.tmp.txt", false, false },
		{ "*.tmp", ".tmp", false, true },
		{ "a?c", "x/abc", true, true },
		{ "[ab]*", "x/b1", false, true },
		{ "[!ab]*", "x/b1", false, false },
		{ "\\*", "*", false, true },
		{ "\\*", "x", false, false },
		{ "cache", "cache", true, true },
		{ "cache", "cachet", true, false },
		{ "\xff*", "d/\xff\xfe", false, true },
		/* a path from the root */
		{ "/cache", "cache", true, true },
		{ "/cache", "var/cache", true, false },
		{ "var/cache", "var/cache", true, true },
		{ "/var/cache", "var/cache", true, true },
		{ "var/cache", "x/var/cache", true, false },
		{ "var//cache", "var/cache", true, true },
		{ "var/*", "var/cache", true, true },
		{ "var/*", "var/cache/x", false, false },
		{ "*/x", "a/x", false, true },
		{ "*/x", "a/b/x", false, false },
		{ "*/x", "x", false, false },
		/* any number of folders */
		{ "**/x", "x", false, true },
		{ "**/x", "a/b/c/x", false, true },
		{ "a/**/x", "a/x", false, true },
		{ "a/**/x", "a/b/c/x", false, true },
		{ "a/**/x", "a/b/c/y", false, false },
		{ "a/**/b/**/c", "a/1/b/2/b/3/c", false, true },
		{ "a/**/b/**/c", "a/1/2/3/c", false, false },
		{ "a/**/b/c", "a/b/b/b/c", false, true },
		{ "a/**", "a", true, false },
		{ "a/**", "a/b", false, true },
		{ "a/**", "a/b/c", false, true },
		{ "**/a/**", "x/a/y", false, true },
		/* folders only */
		{ "spool/", "x/spool", true, true },
		{ "spool/", "x/spool", false, false },
		{ "/x/spool/", "x/spool", true, true },
		{ "/x/spool/", "y/x/spool", true, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (excludes(rows[i].pattern, rows[i].path, rows[i].is_folder) != rows[i].excluded)
			fail_msg("'%s' on '%s' should be %d", rows[i].pattern, rows[i].path, rows[i].excluded);
}

static void one_of_several_patterns_is_enough(void **state)
{
	static const char *const patterns[] = { "*.tmp", "/cache", "*.log" };
	struct exclude *x;

	(void)state;
	assert_int_equal(exclude_new(patterns, 3, &x), 0);
	assert_true(exclude_matches(x, "a/b.log", "b.log", false));
	assert_false(exclude_matches(x, "a/b.txt", "b.txt", false));
	exclude_free(x);
	assert_int_equal(exclude_new(NULL, 0, &x), 0);
	assert_false(exclude_matches(x, "a", "a", false));
	exclude_free(x);
	exclude_free(NULL);
}

static void patterns_that_can_match_nothing_are_refused(void **state)
{
	char endless[3000];
	const char *const patterns[] = { "", "/", "///", endless };

	(void)state;
	memset(endless, 'x', sizeof endless - 1);
	endless[sizeof endless - 1] = '\0';
	for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
		struct exclude *x = NULL;

		assert_int_equal(exclude_new(&patterns[i], 1, &x), ERR_USAGE);
		assert_null(x);
		assert_non_null(strstr(err_message(), "exclude pattern"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns_match_what_the_header_says),
		cmocka_unit_test(one_of_several_patterns_is_enough),
		cmocka_unit_test(patterns_that_can_match_nothing_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
