#include "tree.h"

#include <errno.h>

#include "source/folder_names.h"

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void names_come_sorted_by_bytes_however_little_memory_there_is(void **state)
{
	static const size_t limits[] = { 1 << 20, 2000, 100, 0 };
	enum { FILES = 700 };
	char *expected[FILES];

	(void)state;
	make_folder("d");
	for (int i = 0; i < FILES; i++) {
		char path[64];

		/* Bytes above 127 sort above ASCII, lengths differ, and '-' sorts below digits. */
		snprintf(path, sizeof path,
			 i % 3 == 0   ? "d/%d-\xff"
			 : i % 3 == 1 ? "d/\xc3\xa9%d"
				      : "d/%d",
			 i * 7919 % FILES);
		write_file(path, "");
		expected[i] = strdup(path + 2);
	}
	qsort(expected, FILES, sizeof expected[0], by_text);

	int fd = open("d", O_RDONLY | O_DIRECTORY);
	for (size_t l = 0; l < sizeof limits / sizeof limits[0]; l++) {
		struct folder_names n = { 0 };
		int error, count = 0;

		for (const char *name; (name = folder_names_next(&n, fd, limits[l], &error)) != NULL; count++) {
			assert_int_equal(error, 0);
			assert_string_equal(name, expected[count]);
			assert_true(folder_names_memory(&n) <= 4 * limits[l] + 4096);
		}
		assert_int_equal(count, FILES);
		assert_null(folder_names_next(&n, fd, limits[l], &error));
		folder_names_release(&n);
	}
	close(fd);
	for (int i = 0; i < FILES; i++)
		free(expected[i]);
}

static void an_empty_folder_has_no_names(void **state)
{
	struct folder_names n = { 0 };
	int fd, error;

	(void)state;
	make_folder("empty");
	fd = open("empty", O_RDONLY | O_DIRECTORY);
	assert_null(folder_names_next(&n, fd, 1000, &error));
	assert_int_equal(error, 0);
	folder_names_release(&n);
	close(fd);
}

static void a_folder_that_cannot_be_read_says_why(void **state)
{
	struct folder_names n = { 0 };
	int fd, error;

	(void)state;
	write_file("file", "x");
	fd = open("file", O_RDONLY);
	assert_null(folder_names_next(&n, fd, 1000, &error));
	assert_int_equal(error, ENOTDIR);
	folder_names_release(&n);
	close(fd);
	assert_null(folder_names_next(&n, -1, 1000, &error));
	assert_int_equal(error, EBADF);
	folder_names_release(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(names_come_sorted_by_bytes_however_little_memory_there_is, make_scratch,
						remove_scratch),
		cmocka_unit_test_setup_teardown(an_empty_folder_has_no_names, make_scratch, remove_scratch),
		cmocka_unit_test_setup_teardown(a_folder_that_cannot_be_read_says_why, make_scratch, remove_scratch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
