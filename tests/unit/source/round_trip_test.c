#include "tree.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>

#include "source/entry_copy.h"
#include "source/source.h"
#include "source/target.h"

/*
 * A folder's default and a file's access ACL as the kernel stores them: user::rwx, user:1:r--, group::r-x, mask::r-x,
 * other::---.
 */
static const uint8_t acl[] = {
	2, 0, 0,    0,    1,    0,    7,    0, 0xff, 0xff, 0xff, 0xff, 2,    0,    4,
	0, 1, 0,    0,    0,    4,    0,    5, 0,    0xff, 0xff, 0xff, 0xff, 0x10, 0,
	5, 0, 0xff, 0xff, 0xff, 0xff, 0x20, 0, 0,    0,    0xff, 0xff, 0xff, 0xff,
};
/* cap_net_bind_service=ep */
static const uint8_t capability[20] = { 1, 0, 0, 2, 0, 4 };

static void set_time(const char *path, int64_t seconds, long nanoseconds)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = seconds, .tv_nsec = nanoseconds } };

	assert_int_equal(utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW), 0);
}

/* Not every file system has these. */
static void try_xattr(const char *path, const char *name, const void *value, size_t len)
{
	if (lsetxattr(path, name, value, len, 0) != 0)
		assert_true(errno == ENOTSUP || errno == EPERM);
}

static void write_at(const char *path, off_t offset, const char *content)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	assert_int_equal(pwrite(fd, content, strlen(content), offset), strlen(content));
	close(fd);
}

static void make_files(void)
{
	make_folder("src");
	make_folder("src/sub");
	make_folder("src/sub/empty");
	make_folder("src/sub/locked");
	write_file("src/sub/locked/in", "inside");
	write_file("src/empty file", "");
	write_file("src/plain", "plain content");
	write_file("src/\xff\x01 \n*name", "any bytes");
	write_file("src/tool", "#!");
	write_file("src/with attributes", "x");
	assert_int_equal(link("src/plain", "src/sub/hard"), 0);
	assert_int_equal(link("src/plain", "src/zz hard"), 0);
	assert_int_equal(symlink("/etc/passwd", "src/absolute"), 0);
	assert_int_equal(symlink("nowhere/at all", "src/sub/dangling"), 0);
	assert_int_equal(link("src/absolute", "src/sub/same link"), 0);
	assert_int_equal(mkfifo("src/fifo", 0640), 0);
	/* Data, a hole, data, a hole at the end; nothing but a hole; a hole in front. */
	write_at("src/sparse", 0, "begin");
	write_at("src/sparse", 3 << 20, "middle");
	assert_int_equal(truncate("src/sparse", 9 << 20), 0);
	write_file("src/all hole", "");
	assert_int_equal(truncate("src/all hole", 5000000), 0);
	write_at("src/late", 1 << 20, "end");
}

static void make_special(void)
{
	if (geteuid() != 0)
		return;
	assert_int_equal(mknod("src/null", S_IFCHR | 0666, makedev(1, 3)), 0);
	assert_int_equal(mknod("src/block", S_IFBLK | 0600, makedev(7, 300)), 0);
	assert_int_equal(chown("src/plain", 12345, 54321), 0);
	assert_int_equal(lchown("src/absolute", 1, 2), 0);
	assert_int_equal(chown("src/sub", 1, 4), 0);
	assert_int_equal(chown("src/tool", 1, 1), 0);
	try_xattr("src/tool", "security.capability", capability, sizeof capability);
	try_xattr("src/absolute", "trusted.on-link", "l", 1);
}

static void set_attributes(void)
{
	assert_int_equal(chmod("src/tool", 06755), 0);
	assert_int_equal(chmod("src/sub", 03775), 0);
	assert_int_equal(chmod("src/plain", 0604), 0);
	assert_int_equal(chmod("src/sub/locked", 0555), 0);
	try_xattr("src/with attributes", "user.zeta", "last", 4);
	try_xattr("src/with attributes", "user.alpha", "a\0b", 3);
	try_xattr("src/with attributes", "user.empty", "", 0);
	try_xattr("src/with attributes", "system.posix_acl_access", acl, sizeof acl);
	try_xattr("src/sub", "system.posix_acl_default", acl, sizeof acl);
	try_xattr("src", "user.root", "r", 1);
	set_time("src/plain", 1000000000, 123456789);
	set_time("src/absolute", 1000000001, 1);
	set_time("src/fifo", -86400, 5);
	set_time("src/sparse", 4102444800, 999999999);
	set_time("src/sub/empty", 1, 2);
	set_time("src/sub/locked", 3, 4);
	set_time("src/sub", 5, 6);
	set_time("src", 7, 8);
}

static void copy_content(struct source *s, struct target *t, const struct entry *from)
{
	struct entry *e = entry_copy(from), fresh = *e;
	struct stat_print print = { 0 };
	struct target_file *f;
	uint64_t offset = 0;
	char data[777];
	size_t got;
	bool same;

	assert_int_equal(source_read_begin(s, &fresh, &print), 0);
	assert_int_equal(target_create_file(t, &fresh, &f), 0);
	do {
		assert_int_equal(source_read(s, data, sizeof data, &got), 0);
		assert_int_equal(target_file_write(f, offset, data, got), 0);
		offset += got;
	} while (got > 0);
	assert_int_equal(source_read_end(s, &fresh, &print, &same), 0);
	assert_true(same);
	assert_int_equal(target_file_finish(f, false), 0);
	free(e);
}

/* The next entry with all that it has. */
static int next_whole(struct source *s, const struct entry **e, struct stat_print *print)
{
	int code = source_next(s, e, print);

	if (code == 0 && *e != NULL && (*e)->type == ENTRY_FILE && (*e)->link == NULL)
		source_attributes(s, print);
	return code;
}

/* Walks `source` and makes all of it again in `to`. */
static void copy(struct source *s, const struct target_options *to)
{
	struct target *t;
	const struct entry *e;
	struct stat_print print;

	assert_int_equal(target_open(to, complain, NULL, &t), 0);
	while (next_whole(s, &e, &print) == 0 && e != NULL) {
		if (e->type == ENTRY_FILE && e->link == NULL)
			copy_content(s, t, e);
		else
			assert_int_equal(target_create(t, e), 0);
	}
	assert_null(e);
	assert_int_equal(target_finish(t), 0);
	target_close(t);
}

static struct source *open_source(const char *path)
{
	struct source_options options = { .type = "files", .path = path };
	struct source *s;

	assert_int_equal(source_open(&options, complain, NULL, &s), 0);
	return s;
}

static void assert_same_xattrs(const struct entry *a, const struct entry *b)
{
	assert_int_equal(a->xattr_count, b->xattr_count);
	for (uint32_t i = 0; i < a->xattr_count; i++) {
		assert_string_equal(a->xattrs[i].name, b->xattrs[i].name);
		assert_int_equal(a->xattrs[i].value_len, b->xattrs[i].value_len);
		assert_memory_equal(a->xattrs[i].value, b->xattrs[i].value, a->xattrs[i].value_len);
		assert_true(i == 0 || strcmp(a->xattrs[i - 1].name, a->xattrs[i].name) < 0);
	}
}

static void assert_same_bytes(const char *a, uint32_t a_len, const char *b, uint32_t b_len)
{
	assert_int_equal(a_len, b_len);
	if (a_len > 0)
		assert_memory_equal(a, b, a_len);
}

static void assert_same_entry(const struct entry *a, const struct entry *b)
{
	assert_same_bytes(a->path, a->path_len, b->path, b->path_len);
	assert_same_bytes(a->user, a->user_len, b->user, b->user_len);
	assert_same_bytes(a->group, a->group_len, b->group, b->group_len);
	assert_same_bytes(a->target, a->target_len, b->target, b->target_len);
	assert_same_bytes(a->link, a->link_len, b->link, b->link_len);
	assert_true(a->type == b->type && a->mode == b->mode && a->uid == b->uid && a->gid == b->gid);
	assert_true(a->mtime == b->mtime && a->mtime_ns == b->mtime_ns && a->size == b->size);
	assert_true(a->major == b->major && a->minor == b->minor);
	assert_same_xattrs(a, b);
}

static void assert_same_content(struct source *a, struct source *b, const struct entry *e)
{
	struct entry *of = entry_copy(e), of_a = *of, of_b = *of;
	struct stat_print print = { 0 };
	char data_a[4096], data_b[4096];
	size_t got_a, got_b;
	bool same;

	assert_int_equal(source_read_begin(a, &of_a, &print), 0);
	assert_int_equal(source_read_begin(b, &of_b, &print), 0);
	assert_int_equal(of_a.sparse, of_b.sparse);
	assert_same_bytes((const char *)of_a.extents, of_a.extent_count * (uint32_t)sizeof *of_a.extents,
			  (const char *)of_b.extents, of_b.extent_count * (uint32_t)sizeof *of_b.extents);
	do {
		assert_int_equal(source_read(a, data_a, sizeof data_a, &got_a), 0);
		assert_int_equal(source_read(b, data_b, sizeof data_b, &got_b), 0);
		assert_int_equal(got_a, got_b);
		assert_memory_equal(data_a, data_b, got_a);
	} while (got_a > 0);
	assert_int_equal(source_read_end(a, &of_a, &print, &same), 0);
	assert_int_equal(source_read_end(b, &of_b, &print, &same), 0);
	free(of);
}

/* Compares two trees by what the source says of them; returns the number of entries. */
static int assert_same_trees(const char *path_a, const char *path_b)
{
	struct source *a = open_source(path_a), *b = open_source(path_b);
	const struct entry *ea, *eb;
	struct stat_print print;
	char before[ENTRY_PATH_MAX];
	uint32_t before_len = 0;
	int count = 0;

	for (;; count++) {
		assert_int_equal(next_whole(a, &ea, &print), 0);
		assert_int_equal(next_whole(b, &eb, &print), 0);
		if (ea == NULL)
			break;
		assert_true(count == 0 || path_compare(before, before_len, ea->path, ea->path_len) < 0);
		assert_non_null(eb);
		assert_same_entry(ea, eb);
		memcpy(before, ea->path, ea->path_len);
		before_len = ea->path_len;
		if (ea->type == ENTRY_FILE && ea->link == NULL)
			assert_same_content(a, b, ea);
	}
	assert_null(eb);
	source_close(a);
	source_close(b);
	return count;
}

static void every_kind_of_entry_comes_back_as_it_was(void **state)
{
	struct target_options to = { .path = "deep/down/dst" };
	struct source *s;

	(void)state;
	complaints[0] = '\0';
	umask(0);
	make_files();
	make_special();
	set_attributes();
	s = open_source("src");
	copy(s, &to);
	source_close(s);
	assert_string_equal(complaints, "");
	assert_int_equal(assert_same_trees("src", "deep/down/dst"), geteuid() == 0 ? 21 : 19);

	/*
	 * Once more over what is there, after some of it was spoilt: nothing of the old is left, nothing is written
	 * through a link.
	 */
	write_file("victim", "untouched");
	assert_int_equal(unlink("deep/down/dst/plain"), 0);
	assert_int_equal(symlink("../../../victim", "deep/down/dst/plain"), 0);
	assert_int_equal(unlink("deep/down/dst/late"), 0);
	assert_int_equal(link("victim", "deep/down/dst/late"), 0);
	assert_int_equal(unlink("deep/down/dst/fifo"), 0);
	make_folder("deep/down/dst/fifo");
	assert_int_equal(chmod("deep/down/dst/sub/locked", 0), 0);
	try_xattr("deep/down/dst/sub", "user.stale", "s", 1);
	s = open_source("src");
	to.overwrite = true;
	copy(s, &to);
	source_close(s);
	assert_string_equal(complaints, "");
	assert_int_equal(assert_same_trees("src", "deep/down/dst"), geteuid() == 0 ? 21 : 19);

	char content[32];
	read_file("victim", content, sizeof content);
	assert_string_equal(content, "untouched");
}

static void holes_come_back_as_holes(void **state)
{
	struct target_options to = { .path = "dst" };
	struct source *s;
	struct stat st;

	(void)state;
	make_folder("src");
	assert_int_equal(close(open("src/huge", O_WRONLY | O_CREAT, 0600)), 0);
	assert_int_equal(truncate("src/huge", 1LL << 40), 0);
	write_at("src/huge", 1LL << 39, "needle");
	s = open_source("src");
	copy(s, &to);
	source_close(s);
	assert_int_equal(stat("dst/huge", &st), 0);
	assert_int_equal(st.st_size, 1LL << 40);
	assert_true(st.st_blocks * 512 <= 1 << 20);
	assert_int_equal(assert_same_trees("src", "dst"), 2);
}

static void paths_beyond_path_max_and_hundreds_of_levels_come_back(void **state)
{
	enum { DEPTH = 300, NAME = 50 };
	struct target_options to = { .path = "dst" };
	char name[NAME + 1];
	struct source *s;
	int at;

	(void)state;
	complaints[0] = '\0';
	memset(name, 'n', NAME);
	name[NAME] = '\0';
	make_folder("src");
	at = open("src", O_RDONLY | O_DIRECTORY);
	for (int i = 0; i < DEPTH; i++) {
		int next, fd = openat(at, "z file", O_WRONLY | O_CREAT, 0600);

		assert_int_equal(write(fd, &i, sizeof i), sizeof i);
		close(fd);
		assert_int_equal(symlinkat("z file", at, "zz link"), 0);
		if (i > 0)
			assert_int_equal(linkat(at, "z file", at, "zz hard", 0), 0);
		assert_int_equal(mkdirat(at, name, 0700), 0);
		assert_true((next = openat(at, name, O_RDONLY | O_DIRECTORY)) >= 0);
		(void)fsetxattr(next, "user.depth", &i, sizeof i, 0);
		close(at);
		at = next;
	}
	close(at);
	s = open_source("src");
	copy(s, &to);
	source_close(s);
	assert_string_equal(complaints, "");
	assert_int_equal(assert_same_trees("src", "dst"), 1 + 4 * DEPTH - 1);
}

static void an_empty_folder_comes_back(void **state)
{
	struct target_options to = { .path = "dst" };
	struct source *s;

	(void)state;
	make_folder("src");
	set_time("src", 11, 12);
	s = open_source("src");
	copy(s, &to);
	source_close(s);
	assert_int_equal(assert_same_trees("src", "dst"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_kind_of_entry_comes_back_as_it_was, make_scratch, remove_scratch),
		cmocka_unit_test_setup_teardown(holes_come_back_as_holes, make_scratch, remove_scratch),
		cmocka_unit_test_setup_teardown(paths_beyond_path_max_and_hundreds_of_levels_come_back, make_scratch,
						remove_scratch),
		cmocka_unit_test_setup_teardown(an_empty_folder_comes_back, make_scratch, remove_scratch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
