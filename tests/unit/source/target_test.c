#include "tree.h"

#include <errno.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <linux/landlock.h>

#include "source/target.h"

static struct target *open_with(const struct target_options *options)
{
	struct target *t = NULL;

	complaints[0] = '\0';
	assert_int_equal(target_open(options, complain, NULL, &t), 0);
	return t;
}

static struct target *open_target(bool overwrite)
{
	return open_with(&(struct target_options){ .path = "dst", .overwrite = overwrite, .numeric_owner = true });
}

static struct entry an_entry(enum entry_type type, const char *path)
{
	return (struct entry){
		.path = path,
		.path_len = (uint32_t)strlen(path),
		.type = type,
		.mode = 0755,
		.uid = geteuid(),
		.gid = getegid(),
		.mtime = 1000,
		.mtime_ns = 5,
	};
}

static struct entry a_file(const char *path, const char *content)
{
	struct entry e = an_entry(ENTRY_FILE, path);

	e.size = strlen(content);
	return e;
}

static struct entry a_symlink(const char *path, const char *to)
{
	struct entry e = an_entry(ENTRY_SYMLINK, path);

	e.target = to;
	e.target_len = (uint32_t)strlen(to);
	return e;
}

static struct entry a_hard_link(const char *path, const char *to)
{
	struct entry e = an_entry(ENTRY_FILE, path);

	e.link = to;
	e.link_len = (uint32_t)strlen(to);
	return e;
}

static int create(struct target *t, struct entry e)
{
	return target_create(t, &e);
}

static int create_file(struct target *t, const char *path, const char *content)
{
	struct entry e = a_file(path, content);
	struct target_file *f;
	int code = target_create_file(t, &e, &f);

	if (code != 0)
		return code;
	assert_int_equal(target_file_write(f, 0, content, strlen(content)), 0);
	return target_file_finish(f, false);
}

static void assert_content(const char *path, const char *expected)
{
	char content[64];

	read_file(path, content, sizeof content);
	assert_string_equal(content, expected);
}

static void assert_absent(const char *path)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), -1);
	assert_int_equal(errno, ENOENT);
}

static void finish(struct target *t)
{
	assert_int_equal(target_finish(t), 0);
	target_close(t);
}

static void hostile_paths_are_refused_and_leave_nothing_outside(void **state)
{
	static const char *const paths[] = { "../x", "a/../../x", "/abs", "..", ".", "a//b", "a/", "a/./b", "" };
	struct target *t = open_target(false);

	(void)state;
	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
		assert_int_equal(create_file(t, paths[i], "evil"), ERR_FORMAT);
		if (paths[i][0] != '\0')
			assert_int_equal(create(t, an_entry(ENTRY_FOLDER, paths[i])), ERR_FORMAT);
		assert_int_equal(create(t, a_symlink(paths[i], "x")), ERR_FORMAT);
		struct entry e = a_file(paths[i], "evil");
		assert_false(target_has(t, &e));
	}
	assert_int_equal(create_file(t, "fine", "good"), 0);
	static const char *const links[] = { "../victim", "/etc/passwd", "fine/../fine", "..", "fine/" };
	for (size_t i = 0; i < sizeof links / sizeof links[0]; i++)
		assert_int_equal(create(t, a_hard_link("hard", links[i])), ERR_FORMAT);
	assert_int_equal(create(t, a_hard_link("hard", "")), ERR_MISSING);
	struct entry nul = an_entry(ENTRY_FIFO, "x");
	nul.path = "fine\0x";
	nul.path_len = 6;
	assert_int_equal(target_create(t, &nul), ERR_FORMAT);
	finish(t);
	assert_content("dst/fine", "good");
	assert_absent("x");
	assert_absent("dst/a");
	assert_absent("dst/hard");
}

static void links_that_lead_outside_are_never_followed(void **state)
{
	static const bool overwrite[] = { false, true };

	(void)state;
	make_folder("outside");
	write_file("outside/victim", "untouched");
	for (size_t i = 0; i < 2; i++) {
		struct target *t = open_target(overwrite[i]);

		assert_int_equal(create(t, a_symlink("a", "../outside")), 0);
		/* Without overwrite they are refused; with it, a folder takes the link's place. */
		assert_int_equal(create_file(t, "a/victim", "evil"), i == 0 ? ERR_EXISTS : 0);
		assert_int_equal(create(t, an_entry(ENTRY_FOLDER, "a/new")), i == 0 ? ERR_EXISTS : 0);
		assert_int_equal(create(t, a_symlink("b", "../outside/victim")), 0);
		assert_int_equal(create_file(t, "b", "evil"), i == 0 ? ERR_EXISTS : 0);
		assert_int_equal(create(t, a_symlink("c", "../outside")), 0);
		assert_int_equal(create(t, a_hard_link("d", "c/victim")), ERR_SYSTEM);
		assert_int_equal(create(t, a_symlink("e", "/nowhere/new")), 0);
		assert_int_equal(create_file(t, "e", "evil"), i == 0 ? ERR_EXISTS : 0);
		finish(t);
		assert_content("outside/victim", "untouched");
		assert_absent("outside/new");
		assert_absent("dst/d");
		if (i == 1)
			assert_content("dst/b", "evil");
	}
}

static void a_link_is_hard_linked_itself_not_what_it_leads_to(void **state)
{
	struct target *t = open_target(false);
	struct entry e = a_hard_link("b", "a");
	struct stat st;

	(void)state;
	write_file("victim", "untouched");
	assert_int_equal(create(t, a_symlink("a", "../victim")), 0);
	e.type = ENTRY_SYMLINK;
	assert_int_equal(target_create(t, &e), 0);
	finish(t);
	assert_int_equal(lstat("dst/b", &st), 0);
	assert_true(S_ISLNK(st.st_mode) && st.st_nlink == 2);
	assert_int_equal(stat("victim", &st), 0);
	assert_int_equal(st.st_nlink, 1);
}

static void impossible_entries_are_refused(void **state)
{
	struct target *t = open_target(false);
	struct target_file *f;
	static const struct extent backwards[] = { { 100, 10 }, { 50, 10 } }, beyond[] = { { 0, 101 } },
				   huge[] = { { 5, UINT64_MAX } };
	static const struct extent *const wrong[] = { backwards, beyond, huge };

	(void)state;
	for (uint32_t i = 0; i < 3; i++) {
		struct entry e = an_entry(ENTRY_FILE, "sparse");

		e.size = 100 + 100 * (i == 0);
		e.sparse = true;
		e.extents = wrong[i];
		e.extent_count = i == 0 ? 2 : 1;
		assert_int_equal(target_create_file(t, &e, &f), ERR_FORMAT);
	}
	struct entry e = an_entry(ENTRY_FOLDER, "not a file");
	assert_int_equal(target_create_file(t, &e, &f), ERR_FORMAT);
	e = an_entry(ENTRY_FILE, "endless");
	e.size = UINT64_MAX;
	assert_int_equal(target_create_file(t, &e, &f), ERR_FORMAT);
	assert_int_equal(create(t, a_symlink("link", "")), ERR_SYSTEM);
	e = a_symlink("link", "with a\0NUL");
	e.target_len = 10;
	assert_int_equal(target_create(t, &e), ERR_SYSTEM);
	char long_target[5000];
	memset(long_target, 'x', sizeof long_target);
	e.target = long_target;
	e.target_len = sizeof long_target;
	assert_int_equal(target_create(t, &e), ERR_SYSTEM);
	finish(t);
	assert_int_equal(rmdir("dst"), 0); /* nothing was made */
}

static void content_beyond_the_size_is_refused(void **state)
{
	static const struct extent extents[] = { { 10, 3 }, { 20, 4 } };
	struct target *t = open_target(false);
	struct entry e = a_file("file", "12345");
	struct target_file *f;

	(void)state;
	assert_int_equal(target_create_file(t, &e, &f), 0);
	assert_int_equal(target_file_write(f, 0, "123456", 6), ERR_FORMAT);
	assert_int_equal(target_file_write(f, 5, "6", 1), ERR_FORMAT);
	assert_int_equal(target_file_write(f, UINT64_MAX, "6", 1), ERR_FORMAT);
	assert_int_equal(target_file_write(f, 3, "45", 2), 0);
	assert_int_equal(target_file_write(f, 0, "123", 3), 0);
	assert_int_equal(target_file_write(f, 5, "", 0), 0);
	assert_int_equal(target_file_finish(f, false), 0);
	assert_content("dst/file", "12345");

	e = an_entry(ENTRY_FILE, "sparse");
	e.size = 30;
	e.sparse = true;
	e.extents = extents;
	e.extent_count = 2;
	assert_int_equal(target_create_file(t, &e, &f), 0);
	assert_int_equal(target_file_write(f, 0, "12345678", 8), ERR_FORMAT);
	assert_int_equal(target_file_write(f, 2, "cdef", 4), 0);
	assert_int_equal(target_file_write(f, 6, "g", 1), 0);
	assert_int_equal(target_file_write(f, 0, "ab", 2), 0);

	char back[8] = "";
	assert_int_equal(target_file_read(f, 0, back, 7), 0);
	assert_memory_equal(back, "abcdefg", 7);
	assert_int_equal(target_file_read(f, 2, back, 3), 0);
	assert_memory_equal(back, "cde", 3);
	assert_int_equal(target_file_read(f, 7, back, 0), 0);
	assert_int_equal(target_file_read(f, 1, back, 7), ERR_FORMAT);
	assert_int_equal(truncate("dst/sparse", 22), 0);
	assert_int_equal(target_file_read(f, 0, back, 7), ERR_SYSTEM);
	assert_non_null(strstr(err_message(), "shorter than what was written"));
	assert_int_equal(truncate("dst/sparse", 20), 0);
	assert_int_equal(truncate("dst/sparse", 30), 0);
	assert_int_equal(target_file_write(f, 3, "defg", 4), 0);
	assert_int_equal(target_file_finish(f, false), 0);
	finish(t);

	char content[31], expected[31] = { 0 };
	memcpy(expected + 10, "abc", 3);
	memcpy(expected + 20, "defg", 4);
	int fd = open("dst/sparse", O_RDONLY);
	assert_int_equal(read(fd, content, sizeof content), 30);
	close(fd);
	assert_memory_equal(content, expected, 30);
}

static void attributes_are_set_times_last(void **state)
{
	static const struct xattr xattrs[] = { { "user.k", (const uint8_t *)"v", 6, 1 } };
	struct target *t = open_target(false);
	struct entry root = an_entry(ENTRY_FOLDER, ""), folder = an_entry(ENTRY_FOLDER, "d");
	struct stat st;

	(void)state;
	root.mode = 0751;
	folder.mode = 0500;
	folder.mtime = -1;
	folder.mtime_ns = 999999999;
	folder.xattrs = xattrs;
	folder.xattr_count = 1;
	assert_int_equal(target_create(t, &root), 0);
	assert_int_equal(target_create(t, &folder), 0);
	assert_int_equal(create_file(t, "d/file", "x"), 0);
	assert_int_equal(stat("dst/d", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700); /* nobody else's yet */
	assert_int_equal(create_file(t, "e", "x"), 0);
	/* The order has left it. */
	assert_int_equal(stat("dst/d", &st), 0);
	assert_true((st.st_mode & 07777) == 0500 && st.st_mtim.tv_sec == -1 && st.st_mtim.tv_nsec == 999999999);
	finish(t);
	assert_int_equal(stat("dst", &st), 0);
	assert_true((st.st_mode & 07777) == 0751 && st.st_mtim.tv_sec == 1000 && st.st_mtim.tv_nsec == 5);
	assert_int_equal(stat("dst/e", &st), 0);
	assert_true((st.st_mode & 07777) == 0755 && st.st_mtim.tv_sec == 1000 && st.st_mtim.tv_nsec == 5);
	char value[8];
	if (strstr(complaints, "user.k") == NULL)
		assert_int_equal(getxattr("dst/d", "user.k", value, sizeof value), 1);
}

static void folders_on_the_way_are_made_and_stay_private(void **state)
{
	struct target *t = open_target(false);
	struct stat st;

	(void)state;
	assert_int_equal(create_file(t, "a/b/file", "1"), 0);
	assert_int_equal(create_file(t, "a/c/file", "2"), 0);
	assert_int_equal(create_file(t, "a/c/other", "3"), 0);
	finish(t);
	assert_content("dst/a/b/file", "1");
	assert_content("dst/a/c/file", "2");
	assert_content("dst/a/c/other", "3");
	assert_int_equal(stat("dst/a/b", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
}

static void a_target_with_something_in_it_is_refused(void **state)
{
	const struct target_options options = { .path = "dst" }, over = { .path = "dst", .overwrite = true },
				    file = { .path = "dst/x" }, none = { .path = "" };
	struct target *t;

	(void)state;
	make_folder("dst");
	make_folder("dst/lost+found");
	target_close(open_with(&options));
	write_file("dst/x", "");
	assert_int_equal(target_open(&options, complain, NULL, &t), ERR_REFUSED);
	assert_non_null(strstr(err_message(), "--overwrite"));
	assert_true(target_open(&file, complain, NULL, &t) < 0);
	assert_int_equal(target_open(&none, complain, NULL, &t), ERR_USAGE);
	target_close(open_with(&over));
	target_close(NULL);
}

static void what_is_in_the_way_is_replaced_only_when_allowed(void **state)
{
	struct target *t = open_target(false);

	(void)state;
	assert_int_equal(create_file(t, "x", "first"), 0);
	assert_int_equal(create_file(t, "x", "second"), ERR_EXISTS);
	assert_int_equal(create(t, an_entry(ENTRY_FOLDER, "x")), ERR_EXISTS);
	assert_int_equal(create(t, an_entry(ENTRY_FIFO, "x")), ERR_EXISTS);
	assert_int_equal(create_file(t, "x/y", "third"), ERR_EXISTS);
	finish(t);
	assert_content("dst/x", "first");

	make_folder("dst/full");
	write_file("dst/full/in", "keep");
	make_folder("dst/hollow");
	t = open_target(true);
	assert_int_equal(create_file(t, "full", "file"), ERR_EXISTS);
	assert_non_null(strstr(err_message(), "not empty"));
	assert_int_equal(create_file(t, "hollow", "file"), 0);
	assert_int_equal(create(t, an_entry(ENTRY_FOLDER, "x")), 0);
	assert_int_equal(create_file(t, "x/y", "third"), 0);
	finish(t);
	assert_content("dst/full/in", "keep");
	assert_content("dst/hollow", "file");
	assert_content("dst/x/y", "third");
}

static void finished_files_are_recognised(void **state)
{
	struct target *t = open_target(false);
	struct entry e = a_file("d/file", "12345"), other;
	struct target_file *f;

	(void)state;
	assert_false(target_has(t, &e));
	assert_int_equal(create_file(t, "d/file", "12345"), 0);
	assert_true(target_has(t, &e));
	other = e;
	other.size = 4;
	assert_false(target_has(t, &other));
	other = e;
	other.mtime_ns = 6;
	assert_false(target_has(t, &other));
	other = a_file("d/link", "12345");
	assert_int_equal(create(t, a_symlink("d/link", "file")), 0);
	assert_false(target_has(t, &other));
	/* Not while it is being written. */
	other = a_file("d/open", "12345");
	assert_int_equal(target_create_file(t, &other, &f), 0);
	assert_int_equal(target_file_write(f, 0, "12345", 5), 0);
	assert_false(target_has(t, &other));
	assert_int_equal(target_file_finish(f, false), 0);
	assert_true(target_has(t, &other));
	finish(t);
}

static void a_discarded_file_takes_its_hard_links_with_it_and_leaves_times_alone(void **state)
{
	struct target *t = open_target(false);
	struct entry a = a_file("a/file", "12345"), b = a_file("b", "12345"), folder = an_entry(ENTRY_FOLDER, "a");
	struct target_file *lost, *kept;
	struct stat st;

	(void)state;
	folder.mode = 0555;
	assert_int_equal(target_create(t, &folder), 0);
	assert_int_equal(target_create_file(t, &a, &lost), 0);
	assert_int_equal(create(t, a_hard_link("a/hard", "a/file")), 0);
	assert_int_equal(target_create_file(t, &b, &kept), 0);
	assert_int_equal(create(t, a_hard_link("c/hard", "a/file")), 0);
	assert_int_equal(create(t, a_hard_link("d", "b")), 0);
	assert_int_equal(target_file_finish(lost, true), 0);
	assert_int_equal(target_file_finish(kept, false), 0);
	assert_int_equal(create(t, a_hard_link("e", "a/file")), ERR_MISSING);
	assert_non_null(strstr(err_message(), "a/file"));
	assert_int_equal(create(t, a_hard_link("f", "b")), 0);
	finish(t);
	assert_absent("dst/a/file");
	assert_absent("dst/a/hard");
	assert_absent("dst/c/hard");
	assert_int_equal(stat("dst/b", &st), 0);
	assert_int_equal(st.st_nlink, 3);
	/* The folder was finished before the file was given up. */
	assert_int_equal(stat("dst/a", &st), 0);
	assert_true((st.st_mode & 07777) == 0555 && st.st_mtim.tv_sec == 1000 && st.st_mtim.tv_nsec == 5);
}

struct writing {
	struct target_file *file;
	uint64_t start;
};

static void *write_quarter(void *context)
{
	const struct writing *w = context;

	for (uint64_t at = w->start; at < 4096; at += 4) {
		uint8_t byte = (uint8_t)(at * 7);

		if (target_file_write(w->file, at, &byte, 1) != 0)
			return context;
	}
	return NULL;
}

static void several_threads_write_one_file(void **state)
{
	struct target *t = open_target(false);
	struct entry e = an_entry(ENTRY_FILE, "file");
	struct target_file *f;
	struct writing w[4];
	pthread_t threads[4];
	uint8_t content[4096];
	void *result;

	(void)state;
	e.size = 4096;
	assert_int_equal(target_create_file(t, &e, &f), 0);
	for (uint64_t i = 0; i < 4; i++) {
		w[i] = (struct writing){ f, i };
		assert_int_equal(pthread_create(&threads[i], NULL, write_quarter, &w[i]), 0);
	}
	for (int i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(threads[i], &result), 0);
		assert_null(result);
	}
	assert_int_equal(target_file_finish(f, false), 0);
	finish(t);
	int fd = open("dst/file", O_RDONLY);
	assert_int_equal(read(fd, content, sizeof content), 4096);
	close(fd);
	for (size_t i = 0; i < sizeof content; i++)
		assert_int_equal(content[i], (uint8_t)(i * 7));
}

struct giving_up {
	struct target_file *files[50];
	bool discard;
};

static void *finish_files(void *context)
{
	const struct giving_up *g = context;

	for (int i = 0; i < 50; i++)
		if (target_file_finish(g->files[i], g->discard) != 0)
			return context;
	return NULL;
}

static void files_are_finished_by_other_threads_while_more_are_made(void **state)
{
	struct target *t = open_target(false);
	struct giving_up g[2] = { { .discard = false }, { .discard = true } };
	pthread_t threads[2];
	void *result;
	char path[32];

	(void)state;
	for (int i = 0; i < 100; i++) {
		snprintf(path, sizeof path, "d%02d", i);
		struct entry folder = an_entry(ENTRY_FOLDER, path);
		assert_int_equal(target_create(t, &folder), 0);
		struct target_file **file = &g[i % 2].files[i / 2];
		char inside[40];
		snprintf(inside, sizeof inside, "%s/f", path);
		struct entry e = a_file(inside, "abc");
		assert_int_equal(target_create_file(t, &e, file), 0);
	}
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, finish_files, &g[i]), 0);
	for (int i = 0; i < 100; i++) {
		snprintf(path, sizeof path, "e%02d/f", i);
		assert_int_equal(create_file(t, path, "x"), 0);
	}
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pthread_join(threads[i], &result), 0);
		assert_null(result);
	}
	finish(t);
	for (int i = 0; i < 100; i++) {
		struct stat st;

		snprintf(path, sizeof path, "dst/d%02d", i);
		assert_int_equal(stat(path, &st), 0);
		assert_true(st.st_mtim.tv_sec == 1000 && st.st_mtim.tv_nsec == 5);
		snprintf(path, sizeof path, "dst/d%02d/f", i);
		assert_int_equal(lstat(path, &st), i % 2 == 0 ? 0 : -1);
	}
}

/* What a user without rights cannot set; runs in a child of its own where this is root. */
static int restore_without_rights(void)
{
	static const struct xattr xattrs[] = { { "trusted.secret", (const uint8_t *)"v", 14, 1 },
					       { "user.k", (const uint8_t *)"v", 6, 1 } };
	struct target *t = open_target(false);
	struct entry e = a_file("a", ""), device = an_entry(ENTRY_CHAR, "dev"), folder = an_entry(ENTRY_FOLDER, "dir");
	struct target_file *f;
	struct stat st;
	int wrong = 0;

	device.major = 1; /* 0:0 would be a whiteout, which everybody may make */
	e.uid = 1;
	e.gid = 1;
	e.mode = 06755;
	e.xattrs = xattrs;
	e.xattr_count = 2;
	wrong |= target_create_file(t, &e, &f) != 0 || target_file_finish(f, false) != 0;
	e.path = "b";
	wrong |= target_create_file(t, &e, &f) != 0 || target_file_finish(f, false) != 0;
	wrong |= target_create(t, &device) != 0;
	/* A file is given up after its folder was closed to writing. */
	folder.mode = 0555;
	wrong |= target_create(t, &folder) != 0;
	e = a_file("dir/lost", "12345");
	wrong |= target_create_file(t, &e, &f) != 0;
	wrong |= create_file(t, "e", "") != 0;
	wrong |= target_file_finish(f, true) != 0;
	wrong |= create(t, an_entry(ENTRY_SOCKET, "sock")) != 0;
	wrong |= target_finish(t) != 0;
	target_close(t);
	/* Not set-id to whoever restores. */
	wrong |= stat("dst/a", &st) != 0 || (st.st_mode & 07777) != 0755;
	wrong |= lstat("dst/dir/lost", &st) == 0 || stat("dst/dir", &st) != 0 || (st.st_mode & 07777) != 0555;
	wrong |= lstat("dst/dev", &st) == 0 || lstat("dst/sock", &st) == 0;
	static const char *const expected[] = {
		"a: its owner could not be set (restoring as root sets owners): Operation not permitted\n",
		"a: its extended attribute 'trusted.secret' could not be set: Operation not permitted\n",
		"a: its set-user-id and set-group-id bits were left out, since its owner could not be set\n",
		"dev: a device, which only root can make: left out\n",
		"sock: a socket: left out, the program that it belongs to makes it\n",
	};
	for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
		wrong |= strstr(complaints, expected[i]) == NULL;
	wrong |= strstr(complaints, "b: its") != NULL; /* once a kind */
	if (wrong)
		fprintf(stderr, "%s", complaints);
	return wrong;
}

static void what_cannot_be_set_is_told_once_a_kind(void **state)
{
	(void)state;
	assert_int_equal(chmod(".", 0777), 0);
	assert_int_equal(without_rights(restore_without_rights), 0);
}

static void owners_are_set_by_name_where_there_is_one(void **state)
{
	struct target *t = open_with(&(struct target_options){ .path = "dst" });
	struct entry e = a_file("named", "");
	struct target_file *f;
	struct stat st;

	(void)state;
	if (geteuid() != 0) {
		target_close(t);
		skip();
	}
	e.user = "daemon";
	e.user_len = 6;
	e.group = "no such group";
	e.group_len = 13;
	e.uid = e.gid = 4711;
	assert_int_equal(target_create_file(t, &e, &f), 0);
	assert_int_equal(target_file_finish(f, false), 0);
	finish(t);
	assert_int_equal(stat("dst/named", &st), 0);
	assert_true(st.st_uid == 1 && st.st_gid == 4711);
}

/* Landlock confines a thread, and this one ends with the test. */
static void *restore_confined(void *context)
{
	struct target *t = open_with(&(struct target_options){ .path = "dst", .confine = true, .numeric_owner = true });
	bool outside = open("elsewhere", O_WRONLY | O_CREAT, 0600) >= 0 || mkdir("folder", 0700) == 0 ||
		       unlink("victim") == 0 || open("victim", O_WRONLY) >= 0;
	bool inside = create_file(t, "a/file", "x") == 0 && create(t, a_hard_link("b/hard", "a/file")) == 0 &&
		      create(t, a_symlink("c", "x")) == 0 && target_finish(t) == 0;

	target_close(t);
	return outside || !inside ? context : NULL;
}

static void writing_elsewhere_is_forbidden_once_confined(void **state)
{
	pthread_t thread;
	void *result;

	(void)state;
	if (syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) < 2)
		skip();
	write_file("victim", "untouched");
	assert_int_equal(pthread_create(&thread, NULL, restore_confined, scratch), 0);
	assert_int_equal(pthread_join(thread, &result), 0);
	assert_null(result);
	assert_content("dst/b/hard", "x");
	assert_content("victim", "untouched");
}

static void a_file_that_cannot_have_its_size_is_told_and_removed(void **state)
{
	struct rlimit old, small;
	struct target *t = open_target(false);
	struct entry e = an_entry(ENTRY_FILE, "large");
	struct target_file *f;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = (struct rlimit){ 1000, old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	signal(SIGXFSZ, SIG_IGN);
	e.size = 100000;
	assert_int_equal(target_create_file(t, &e, &f), ERR_SYSTEM);
	assert_non_null(strstr(err_message(), "'large': cannot give it its size: File too large"));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_absent("dst/large");
	finish(t);
}

#define in_scratch(test) cmocka_unit_test_setup_teardown(test, make_scratch, remove_scratch)

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_scratch(hostile_paths_are_refused_and_leave_nothing_outside),
		in_scratch(links_that_lead_outside_are_never_followed),
		in_scratch(a_link_is_hard_linked_itself_not_what_it_leads_to),
		in_scratch(impossible_entries_are_refused),
		in_scratch(content_beyond_the_size_is_refused),
		in_scratch(attributes_are_set_times_last),
		in_scratch(folders_on_the_way_are_made_and_stay_private),
		in_scratch(a_target_with_something_in_it_is_refused),
		in_scratch(what_is_in_the_way_is_replaced_only_when_allowed),
		in_scratch(finished_files_are_recognised),
		in_scratch(a_discarded_file_takes_its_hard_links_with_it_and_leaves_times_alone),
		in_scratch(several_threads_write_one_file),
		in_scratch(files_are_finished_by_other_threads_while_more_are_made),
		in_scratch(what_cannot_be_set_is_told_once_a_kind),
		in_scratch(owners_are_set_by_name_where_there_is_one),
		in_scratch(writing_elsewhere_is_forbidden_once_confined),
		in_scratch(a_file_that_cannot_have_its_size_is_told_and_removed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
