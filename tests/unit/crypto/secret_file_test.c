#include "crypto/secret_file.h"

#include <limits.h>

#include "folder.h"

static void a_new_file_is_whole_and_its_owners_alone(void **state)
{
	_buf_ struct buf text = { 0 };

	(void)state;
	assert_int_equal(secret_file_create(folder, "file", "secret", 6), 0);
	assert_int_equal(mode_of("file"), 0600);
	assert_int_equal(count_entries(), 1);
	buf_init_guarded(&text, 100, "test");
	assert_int_equal(secret_file_load(in("file"), &text), 0);
	assert_int_equal(text.len, 6);
	assert_memory_equal(text.data, "secret", 6);
}

static void what_exists_is_never_replaced(void **state)
{
	(void)state;
	put("file", "old", 0600);
	assert_int_equal(secret_file_create(folder, "file", "new", 3), ERR_EXISTS);
	assert_non_null(strstr(err_message(), "/file' exists already"));
	assert_file("file", "old");
	assert_int_equal(count_entries(), 1);
}

static void a_folder_that_takes_no_file_gets_none(void **state)
{
	char name[NAME_MAX + 1];

	(void)state;
	assert_int_equal(secret_file_create(in("none"), "file", "x", 1), ERR_SYSTEM);
	memset(name, 'n', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	assert_int_equal(secret_file_create(folder, name, "x", 1), ERR_SYSTEM);
	assert_int_equal(count_entries(), 0);
}

static void destroying_removes_and_leaves_links_alone(void **state)
{
	(void)state;
	put("file", "secret", 0600);
	assert_int_equal(symlink("file", in("link")), 0);
	assert_int_equal(secret_file_destroy(folder, "link"), ERR_SYSTEM);
	assert_file("file", "secret");
	assert_int_equal(secret_file_destroy(folder, "file"), 0);
	assert_false(is_there("file"));
	assert_int_equal(secret_file_destroy(folder, "file"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_folder(a_new_file_is_whole_and_its_owners_alone),
		in_folder(what_exists_is_never_replaced),
		in_folder(a_folder_that_takes_no_file_gets_none),
		in_folder(destroying_removes_and_leaves_links_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
