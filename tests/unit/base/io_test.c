#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/io.h"

static char folder[64];

/* A path in the test's folder; four may be in use at once. */
static const char *in(const char *name)
{
	static char paths[4][256];
	static unsigned turn;
	char *path = paths[turn++ % 4];

	snprintf(path, sizeof paths[0], "%s/%s", folder, name);
	return path;
}

static int make_folder(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/nightfold-io-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static int remove_folder(void **state)
{
	(void)state;
	return nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void assert_content(const char *path, const char *expected)
{
	_buf_ struct buf b;

	buf_init(&b, 1000, "test");
	assert_int_equal(io_load(path, &b), 0);
	assert_int_equal(buf_terminate(&b), 0);
	assert_string_equal((char *)b.data, expected);
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

static void bytes_are_written_and_read_whole(void **state)
{
	char data[8] = "";
	size_t got;

	(void)state;
	_fd_ int fd = open(in("f"), O_RDWR | O_CREAT, 0600);
	assert_int_equal(io_write(fd, "abcdef", 6, "f"), 0);
	assert_int_equal(io_pwrite(fd, "XY", 2, 2, "f"), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(io_read(fd, data, 8, &got, "f"), 0);
	assert_int_equal(got, 6);
	assert_memory_equal(data, "abXYef", 6);
	assert_int_equal(io_pread(fd, data, 3, 3, &got, "f"), 0);
	assert_int_equal(got, 3);
	assert_memory_equal(data, "Yef", 3);
	assert_int_equal(io_pread(fd, data, 3, 100, &got, "f"), 0);
	assert_int_equal(got, 0);
}

static void errors_name_the_file_and_the_reason(void **state)
{
	char data[1] = "";
	size_t got;

	(void)state;
	assert_int_equal(io_read(-1, data, 1, &got, "the pack"), ERR_SYSTEM);
	assert_string_equal(err_message(), "cannot read 'the pack': Bad file descriptor");
	assert_int_equal(io_write(-1, data, 1, "the pack"), ERR_SYSTEM);
	assert_string_equal(err_message(), "cannot write 'the pack': Bad file descriptor");

	_fd_ int full = open("/dev/full", O_WRONLY);
	assert_int_equal(io_write(full, data, 1, "the pack"), ERR_FULL);
}

static void a_file_is_loaded_up_to_the_buffers_limit(void **state)
{
	static char text[100001];

	(void)state;
	memset(text, 'x', sizeof text - 1);
	assert_int_equal(io_save(in("f"), text, 100000, 0644), 0);
	for (int guarded = 0; guarded < 2; guarded++) {
		_buf_ struct buf enough;
		_buf_ struct buf short_by_one;

		(guarded ? buf_init_guarded : buf_init)(&enough, 100000, "test");
		assert_int_equal(io_load(in("f"), &enough), 0);
		assert_int_equal(enough.len, 100000);
		assert_memory_equal(enough.data, text, 100000);

		(guarded ? buf_init_guarded : buf_init)(&short_by_one, 99999, "a test file");
		assert_int_equal(io_load(in("f"), &short_by_one), ERR_FORMAT);
		assert_non_null(strstr(err_message(), "is larger than 99999 bytes, the limit for a test file"));
	}
}

static void loading_appends(void **state)
{
	_buf_ struct buf b;

	(void)state;
	buf_init(&b, 6, "test");
	assert_int_equal(io_save(in("f"), "def", 3, 0644), 0);
	assert_int_equal(buf_append(&b, "abc", 3), 0);
	assert_int_equal(io_load(in("f"), &b), 0);
	assert_int_equal(b.len, 6);
	assert_memory_equal(b.data, "abcdef", 6);
}

static void an_absent_file_is_told_from_one_that_cannot_be_read(void **state)
{
	_buf_ struct buf b;

	(void)state;
	buf_init(&b, 10, "test");
	assert_int_equal(io_load(in("absent"), &b), ERR_MISSING);
	assert_non_null(strstr(err_message(), "absent': No such file or directory"));
	assert_int_equal(io_load(folder, &b), ERR_SYSTEM);
	assert_int_equal(io_save(in("f"), "", 0, 0644), 0);
	assert_int_equal(io_load(in("f/below"), &b), ERR_SYSTEM);
}

static void saving_replaces_with_the_mode_asked_for(void **state)
{
	(void)state;
	mode_t old = umask(077);
	assert_int_equal(io_save(in("f"), "one", 3, 0644), 0);
	umask(old);
	assert_content(in("f"), "one");
	assert_int_equal(mode_of(in("f")), 0644);
	assert_int_equal(io_save(in("f"), "two", 3, 0600), 0);
	assert_content(in("f"), "two");
	assert_int_equal(mode_of(in("f")), 0600);
}

static void what_an_interrupted_save_left_is_in_nobodys_way(void **state)
{
	(void)state;
	assert_int_equal(symlink("/nowhere/at/all", in(".f.tmp")), 0);
	assert_int_equal(io_save(in("f"), "new", 3, 0600), 0);
	assert_content(in("f"), "new");
	assert_int_equal(access(in(".f.tmp"), F_OK), -1);
}

static void a_save_that_fails_leaves_the_old_content_and_no_litter(void **state)
{
	struct rlimit old, tiny;

	(void)state;
	assert_int_equal(io_save(in("f"), "old", 3, 0600), 0);

	/* A limit on file sizes stands in for a full disk. */
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	tiny = old;
	tiny.rlim_cur = 2;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &tiny), 0);
	int code = io_save(in("f"), "longer", 6, 0600);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(code, ERR_SYSTEM);
	assert_content(in("f"), "old");
	assert_int_equal(access(in(".f.tmp"), F_OK), -1);

	assert_int_equal(mkdir(in("d"), 0700), 0);
	assert_int_equal(io_save(in("d"), "x", 1, 0600), ERR_SYSTEM);
	assert_non_null(strstr(err_message(), "cannot replace"));
	assert_int_equal(access(in(".d.tmp"), F_OK), -1);
	assert_int_equal(mkdir(in(".e.tmp"), 0700), 0);
	assert_int_equal(io_save(in("e"), "x", 1, 0600), ERR_SYSTEM);
	assert_int_equal(io_save(in("absent/f"), "x", 1, 0600), ERR_SYSTEM);
}

static void creating_refuses_to_replace(void **state)
{
	(void)state;
	assert_int_equal(io_create(in("f"), "one", 3, 0600), 0);
	assert_int_equal(mode_of(in("f")), 0600);
	assert_int_equal(io_create(in("f"), "two", 3, 0600), ERR_EXISTS);
	assert_content(in("f"), "one");
	assert_int_equal(symlink("elsewhere", in("link")), 0);
	assert_int_equal(io_create(in("link"), "x", 1, 0600), ERR_EXISTS);
}

static void names_without_a_folder_are_in_the_current_one(void **state)
{
	(void)state;
	_fd_ int here = open(".", O_RDONLY | O_DIRECTORY);
	assert_int_equal(chdir(folder), 0);
	int saved = io_save("bare", "x", 1, 0600);
	int synced = io_sync_dir(".");
	assert_int_equal(fchdir(here), 0);
	assert_int_equal(saved, 0);
	assert_int_equal(synced, 0);
	assert_content(in("bare"), "x");
}

static void folders_are_made_as_far_as_they_are_missing(void **state)
{
	(void)state;
	assert_int_equal(io_make_dirs(in("a//b/c/"), 0700), 0);
	assert_int_equal(mode_of(in("a/b/c")), 0700);
	assert_int_equal(chmod(in("a"), 0750), 0);
	assert_int_equal(io_make_dirs(in("a/b/c"), 0700), 0);
	assert_int_equal(mode_of(in("a")), 0750);
	assert_int_equal(io_make_dirs("/", 0700), 0);

	assert_int_equal(io_save(in("f"), "", 0, 0600), 0);
	assert_int_equal(io_make_dirs(in("f/g"), 0700), ERR_SYSTEM);
	assert_non_null(strstr(err_message(), "/f': Not a directory"));
}

static void syncing_what_is_no_folder_fails(void **state)
{
	(void)state;
	assert_int_equal(io_sync_dir(in("absent")), ERR_SYSTEM);
	assert_int_equal(io_sync_dir(folder), 0);
}

static void a_wiped_file_has_its_size_but_not_its_bytes(void **state)
{
	static char text[10000];
	static const uint8_t zeros[10000];
	_buf_ struct buf b;

	(void)state;
	memset(text, 's', sizeof text);
	assert_int_equal(io_save(in("f"), text, sizeof text, 0600), 0);
	_fd_ int fd = open(in("f"), O_RDWR);
	io_wipe(fd);
	buf_init(&b, 20000, "test");
	assert_int_equal(io_load(in("f"), &b), 0);
	assert_int_equal(b.len, sizeof text);
	assert_memory_equal(b.data, zeros, sizeof text);

	io_wipe(-1);
	_fd_ int only_reading = open(in("f"), O_RDONLY);
	io_wipe(only_reading);
}

static void memory_is_told_from_a_disk(void **state)
{
	(void)state;
	/* Always on a disk, or what passes for one. */
	assert_int_equal(io_check_memory("/proc/none/at/all"), ERR_REFUSED);
	assert_non_null(strstr(err_message(), "'/proc/none/at/all' is not in memory"));
	assert_int_equal(io_check_memory("/none/at/all"), io_check_memory("/"));
	assert_int_equal(io_save(in("f"), "", 0, 0600), 0);
	assert_int_equal(io_check_memory(in("f/g")), ERR_SYSTEM);
	if (access("/dev/shm", W_OK) == 0)
		assert_int_equal(io_check_memory("/dev/shm/none/at/all"), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(bytes_are_written_and_read_whole),
		TEST(errors_name_the_file_and_the_reason),
		TEST(a_file_is_loaded_up_to_the_buffers_limit),
		TEST(loading_appends),
		TEST(an_absent_file_is_told_from_one_that_cannot_be_read),
		TEST(saving_replaces_with_the_mode_asked_for),
		TEST(what_an_interrupted_save_left_is_in_nobodys_way),
		TEST(a_save_that_fails_leaves_the_old_content_and_no_litter),
		TEST(creating_refuses_to_replace),
		TEST(names_without_a_folder_are_in_the_current_one),
		TEST(folders_are_made_as_far_as_they_are_missing),
		TEST(syncing_what_is_no_folder_fails),
		TEST(memory_is_told_from_a_disk),
		TEST(a_wiped_file_has_its_size_but_not_its_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
