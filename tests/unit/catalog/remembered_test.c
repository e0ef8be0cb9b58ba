#include "catalog/remembered.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/io.h"

static const uint8_t first[SNAPSHOT_ID_SIZE] = { 1 }, second[SNAPSHOT_ID_SIZE] = { 0xff, 2 };

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static int setup(void **state)
{
	char *folder = xstrdup("/tmp/nightfold-remembered-XXXXXX");

	*state = folder;
	return mkdtemp(folder) == NULL;
}

static int teardown(void **state)
{
	int code = nftw(*state, remove_one, 16, FTW_DEPTH | FTW_PHYS);

	free(*state);
	return code;
}

static void a_folder_that_is_not_there_remembers_nothing(void **state)
{
	_free_ char *folder = xasprintf("%s/none", (char *)*state);
	struct remembered_list list;
	int64_t seen_at;

	assert_int_equal(remembered_list(folder, &list), 0);
	assert_int_equal(list.count, 0);
	assert_false(remembered_has(&list, REMEMBERED_HEADER, first));
	assert_int_equal(remembered_seen(folder, first, &seen_at), ERR_MISSING);
	assert_int_equal(remembered_forget(folder, REMEMBERED_HEADER, first), 0);
	assert_int_equal(remembered_list("/dev/null", &list), ERR_SYSTEM);
}

static void what_is_remembered_is_found_until_it_is_forgotten(void **state)
{
	_free_ char *folder = xasprintf("%s/a/b", (char *)*state);
	struct remembered_list list;
	_buf_ struct buf header = { 0 }, read = { 0 };
	int64_t seen_at = 0;

	buf_init(&header, 100, "header");
	buf_init(&read, 100, "header");
	assert_int_equal(buf_append(&header, "signed", 6), 0);
	assert_int_equal(remember_header(folder, second, &header), 0);
	assert_int_equal(remember_unfinished(folder, first), 0);
	assert_int_equal(remember_seen(folder, second, 1790000000), 0);
	assert_int_equal(remember_seen(folder, second, INT64_C(253402300799)), 0);

	assert_int_equal(remembered_list(folder, &list), 0);
	assert_int_equal(list.count, 3);
	assert_true(remembered_has(&list, REMEMBERED_HEADER, second));
	assert_false(remembered_has(&list, REMEMBERED_HEADER, first));
	assert_true(remembered_has(&list, REMEMBERED_UNFINISHED, first));
	assert_true(remembered_has(&list, REMEMBERED_SEEN, second));
	remembered_release(&list);

	assert_int_equal(remembered_header(folder, second, &read), 0);
	assert_int_equal(read.len, 6);
	assert_memory_equal(read.data, "signed", 6);
	assert_int_equal(remembered_seen(folder, second, &seen_at), 0);
	assert_int_equal(seen_at, INT64_C(253402300799));

	assert_int_equal(remembered_forget(folder, REMEMBERED_HEADER, second), 0);
	assert_int_equal(remembered_header(folder, second, &read), ERR_MISSING);
	assert_int_equal(remembered_forget(folder, REMEMBERED_UNFINISHED, first), 0);
	assert_int_equal(remembered_list(folder, &list), 0);
	assert_int_equal(list.count, 1);
	remembered_release(&list);
}

static void other_files_are_ignored(void **state)
{
	static const char *const names[] = {
		"01000000000000000000000000000000",         "01000000000000000000000000000000.headers",
		"0100000000000000000000000000000.header",   "0100000000000000000000000000000G.header",
		".01000000000000000000000000000000.header", ".01000000000000000000000000000000.header.tmp",
	};
	struct remembered_list list;

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		_free_ char *path = xasprintf("%s/%s", (char *)*state, names[i]);

		assert_int_equal(io_create(path, "", 0, 0600), 0);
	}
	assert_int_equal(remembered_list(*state, &list), 0);
	assert_int_equal(list.count, 0);
}

static void a_time_that_is_none_is_refused(void **state)
{
	static const char *const texts[] = { "",     "\n",   "x\n",
					     "-1\n", " 1\n", "1",
					     "1 \n", "1\nx", "99999999999999999999\n" };
	_free_ char *path = xasprintf("%s/01000000000000000000000000000000.seen", (char *)*state);
	int64_t seen_at;

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		assert_int_equal(io_save(path, texts[i], strlen(texts[i]), 0600), 0);
		assert_int_equal(remembered_seen(*state, first, &seen_at), ERR_FORMAT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_folder_that_is_not_there_remembers_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_remembered_is_found_until_it_is_forgotten, setup, teardown),
		cmocka_unit_test_setup_teardown(other_files_are_ignored, setup, teardown),
		cmocka_unit_test_setup_teardown(a_time_that_is_none_is_refused, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
