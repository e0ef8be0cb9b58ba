#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/place.h"

static void a_folder_holds_itself_and_what_is_in_it_under_any_name(void **state)
{
	char folder[] = "/tmp/nightfold-place-XXXXXX";
	static const struct {
		const char *path;
		bool in;
	} rows[] = {
		{ "zone", true },     { "zone/", true },
		{ "zone/a/b", true }, { "other/../zone/a", true },
		{ "link", true },     { "link/not/there/yet", true },
		{ "zone-2", false },  { "zone/../other", false },
		{ ".", false },       { "not/there/yet", false },
	};

	(void)state;
	assert_non_null(mkdtemp(folder));
	assert_int_equal(chdir(folder), 0);
	assert_int_equal(mkdir("zone", 0700) | mkdir("other", 0700) | symlink("zone", "link"), 0);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		_free_ char *zone = xasprintf("%s/zone", folder);

		if (place_lies_in(rows[i].path, zone) != rows[i].in)
			fail_msg("'%s'", rows[i].path);
		assert_true(place_lies_in(rows[i].path, "/"));
	}
	assert_int_equal(unlink("link") | rmdir("zone") | rmdir("other"), 0);
	assert_int_equal(chdir("/") | rmdir(folder), 0);
}

static void what_is_beneath_is_told_from_what_begins_alike(void **state)
{
	(void)state;
	assert_string_equal(place_beneath("/a/b/c", "/a"), "b/c");
	assert_string_equal(place_beneath("/a", "/a"), "");
	assert_string_equal(place_beneath("/a", "/"), "a");
	assert_null(place_beneath("/ab", "/a"));
	assert_null(place_beneath("/", "/a"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_folder_holds_itself_and_what_is_in_it_under_any_name),
		cmocka_unit_test(what_is_beneath_is_told_from_what_begins_alike),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
