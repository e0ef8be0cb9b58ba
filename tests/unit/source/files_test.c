#include "tree.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <time.h>

#include "source/entry_copy.h"
#include "source/source.h"

static struct source *open_with(const struct source_options *options)
{
	struct source *s = NULL;

	complaints[0] = '\0';
	assert_int_equal(source_open(options, complain, NULL, &s), 0);
	return s;
}

static struct source *open_here(void)
{
	return open_with(&(struct source_options){ .type = "files", .path = "." });
}

/* The next entry with all that it has. */
static int next_whole(struct source *s, const struct entry **e, struct stat_print *print)
{
	int code = source_next(s, e, print);

	if (code == 0 && *e != NULL && (*e)->type == ENTRY_FILE && (*e)->link == NULL)
		source_attributes(s, print);
	return code;
}

/* The paths of all entries that are left, each with its type's letter, in one line. */
static const char *walk(struct source *s)
{
	static char line[65536];
	const struct entry *e;
	struct stat_print print;
	size_t used = 0;

	line[0] = '\0';
	while (next_whole(s, &e, &print) == 0 && e != NULL)
		used += (size_t)snprintf(line + used, sizeof line - used, "%s%c:%.*s%s", used > 0 ? " " : "",
					 "fdlpscb"[e->type], (int)e -> path_len, e -> path,
					 e -> link != NULL ? "=" : "");
	return line;
}

static const char *walk_with(const struct source_options *options)
{
	struct source *s = open_with(options);
	const char *line = walk(s);

	source_close(s);
	return line;
}

/* The walk up to `path`; a copy. */
static struct entry *walk_to(struct source *s, const char *path, struct stat_print *print)
{
	const struct entry *e;

	do {
		assert_int_equal(next_whole(s, &e, print), 0);
		assert_non_null(e);
	} while (e->path_len != strlen(path) || memcmp(e->path, path, e->path_len) != 0);
	return entry_copy(e);
}

static void make_some_age(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 150000000 }, NULL);
}

static void entries_come_in_path_order_each_with_its_type(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "socket" };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	make_folder("a");
	make_folder("a/x");
	write_file("a/x/y", "");
	write_file("a-b", ""); /* '-' sorts below '/' as a byte, and yet behind what is in a */
	write_file("a.c", "");
	write_file("\xc3\xa9", "");
	assert_int_equal(symlink("a", "to-folder"), 0);
	assert_int_equal(mkfifo("pipe", 0600), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	close(fd);
	assert_string_equal(walk_with(&(struct source_options){ .type = "files", .path = scratch }),
			    "d: d:a d:a/x f:a/x/y f:a-b f:a.c p:pipe s:socket l:to-folder f:\xc3\xa9");
	assert_string_equal(complaints, "");
}

static void entries_say_what_lstat_says(void **state)
{
	struct source *s;
	struct stat_print print;
	struct stat st;
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = -1, .tv_nsec = 987654321 } };

	(void)state;
	write_file("file", "123456789");
	assert_int_equal(chmod("file", 04751), 0);
	assert_int_equal(utimensat(AT_FDCWD, "file", times, 0), 0);
	assert_int_equal(symlink("some/where", "link"), 0);
	bool has_two = setxattr("file", "user.b", "2", 1, 0) == 0 && setxattr("file", "user.a", "11", 2, 0) == 0;
	make_some_age();

	s = open_here();
	struct entry *e = walk_to(s, "file", &print);
	assert_int_equal(lstat("file", &st), 0);
	assert_true(e->type == ENTRY_FILE && e->mode == 04751 && e->size == 9 && e->uid == geteuid() &&
		    e->gid == getegid());
	assert_true(e->mtime == -1 && e->mtime_ns == 987654321 && e->link == NULL && !e->sparse);
	if (e->uid == 0)
		assert_string_equal(e->user, "root");
	assert_true(print.device == st.st_dev && print.inode == st.st_ino && print.ctime == st.st_ctim.tv_sec &&
		    print.ctime_ns == st.st_ctim.tv_nsec);
	if (has_two) {
		assert_int_equal(e->xattr_count, 2);
		assert_string_equal(e->xattrs[0].name, "user.a");
		assert_memory_equal(e->xattrs[0].value, "11", 2);
		assert_string_equal(e->xattrs[1].name, "user.b");
	}
	free(e);
	e = walk_to(s, "link", &print);
	assert_true(e->type == ENTRY_SYMLINK && e->size == 0 && e->target_len == 10);
	assert_string_equal(e->target, "some/where");
	free(e);
	source_close(s);
}

static void what_was_written_just_now_is_not_trusted(void **state)
{
	struct source *s;
	struct stat_print print;

	(void)state;
	write_file("old", "");
	make_some_age();
	write_file("young", "");
	s = open_here();
	free(walk_to(s, "old", &print));
	assert_int_not_equal(print.inode, 0);
	free(walk_to(s, "young", &print));
	assert_int_equal(print.inode, 0);
	source_close(s);
}

static void excluded_folders_are_left_out_with_all_in_them(void **state)
{
	static const char *const patterns[] = { "*.tmp", "/cache", "logs/**/old" };

	(void)state;
	make_folder("cache");
	write_file("cache/x", "");
	make_folder("logs");
	make_folder("logs/a");
	make_folder("logs/a/old");
	write_file("logs/a/old/x", "");
	write_file("logs/a/new", "");
	make_folder("logs/cache");
	write_file("x.tmp", "");
	assert_string_equal(walk_with(&(struct source_options){
				    .type = "files", .path = ".", .exclude = patterns, .exclude_count = 3 }),
			    "d: d:logs d:logs/a f:logs/a/new d:logs/cache");
}

static void what_is_apart_is_not_taken_by_whatever_name(void **state)
{
	static const char *const apart[] = { "zone/../zone", "keys/a.key", "nowhere", "/" };

	(void)state;
	make_folder("keys");
	write_file("keys/a.key", "secret");
	write_file("keys/a.pub", "");
	assert_int_equal(link("keys/a.key", "other"), 0);
	make_folder("zone");
	write_file("zone/x", "");
	assert_int_equal(symlink("zone", "way"), 0);
	assert_string_equal(
		walk_with(&(struct source_options){ .type = "files", .path = ".", .apart = apart, .apart_count = 4 }),
		"d: d:keys f:keys/a.pub l:way d:zone");

	struct source *s;
	assert_int_equal(
		source_open(
			&(struct source_options){ .type = "files", .path = "way", .apart = apart, .apart_count = 4 },
			complain, NULL, &s),
		ERR_USAGE);
	assert_non_null(strstr(err_message(), "is a zone or the agent's own state folder"));
}

static void hard_links_name_the_first_of_them(void **state)
{
	struct source *s;
	struct stat_print print;

	(void)state;
	make_folder("d");
	write_file("a", "content");
	assert_int_equal(link("a", "d/b"), 0);
	assert_int_equal(link("a", "z"), 0);
	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_int_equal(link("fifo", "fifo2"), 0);
	s = open_here();
	struct entry *e = walk_to(s, "d/b", &print);
	assert_string_equal(e->link, "a");
	assert_int_equal(e->size, 7);
	free(e);
	assert_string_equal(walk(s), "p:fifo p:fifo2= f:z=");
	source_close(s);

	/* The first name vanishes before it is read: the next one becomes the first. */
	s = open_here();
	e = walk_to(s, "a", &print);
	assert_int_equal(unlink("a"), 0);
	assert_int_equal(source_read_begin(s, e, &print), ERR_MISSING);
	assert_string_equal(complaints, "a: vanished before it could be read\n");
	free(e);
	assert_string_equal(walk(s), "d:d f:d/b p:fifo p:fifo2= f:z=");
	source_close(s);
}

static void a_name_that_was_replaced_or_left_out_leads_no_others(void **state)
{
	struct source *s;
	struct stat_print print;
	bool same;

	(void)state;
	write_file("a", "content");
	assert_int_equal(link("a", "b"), 0);
	assert_int_equal(link("a", "c"), 0);
	write_file("new", "other");
	s = open_here();
	struct entry *e = walk_to(s, "a", &print);
	assert_true(print.several);
	source_leave_out(s, e);
	free(e);
	e = walk_to(s, "b", &print);
	assert_true(e->link == NULL && print.several);
	free(e);
	assert_string_equal(walk(s), "f:c= f:new");
	source_close(s);

	s = open_here();
	e = walk_to(s, "a", &print);
	assert_int_equal(rename("new", "a"), 0);
	assert_int_equal(source_read_begin(s, e, &print), 0);
	assert_int_equal(e->size, 5);
	assert_int_equal(source_read_end(s, e, &print, &same), 0);
	free(e);
	assert_string_equal(walk(s), "f:b f:c=");
	source_close(s);
}

static void content_is_read_also_of_files_that_came_long_before(void **state)
{
	struct source *s;
	struct stat_print print, prints[3];
	struct entry *kept[3];
	static const char *const paths[] = { "a/b/deep", "a/top", "last" };
	char data[64];
	size_t got;
	bool same;

	(void)state;
	make_folder("a");
	make_folder("a/b");
	for (int i = 0; i < 3; i++)
		write_file(paths[i], paths[i]);
	make_some_age();
	s = open_here();
	for (int i = 0; i < 3; i++)
		kept[i] = walk_to(s, paths[i], &prints[i]);
	assert_string_equal(walk(s), "");
	for (int i = 0; i < 3; i++) {
		print = prints[i];
		assert_int_equal(source_read_begin(s, kept[i], &print), 0);
		assert_true(print.inode == prints[i].inode && print.device == prints[i].device &&
			    print.ctime == prints[i].ctime && print.ctime_ns == prints[i].ctime_ns);
		assert_int_equal(source_read(s, data, 3, &got), 0);
		assert_int_equal(got, 3);
		assert_int_equal(source_read(s, data + 3, sizeof data - 3, &got), 0);
		assert_int_equal(got, strlen(paths[i]) - 3);
		assert_memory_equal(data, paths[i], strlen(paths[i]));
		assert_int_equal(source_read(s, data, sizeof data, &got), 0);
		assert_int_equal(got, 0);
		assert_int_equal(source_read_end(s, kept[i], &print, &same), 0);
		assert_true(same);
		/* A file that is closed already, as after an error, is no file to rely on. */
		assert_int_equal(source_read_end(s, kept[i], &print, &same), 0);
		assert_true(!same && print.inode == 0);
		free(kept[i]);
	}
	source_close(s);
}

/* Reads "file" (of 3000 bytes) while `meddle` does something to it half way; returns how many bytes came. */
static size_t read_while(void (*meddle)(void), struct entry **e, struct stat_print *print, bool *same)
{
	struct source *s = open_here();
	char data[4096];
	size_t first, rest;

	*e = walk_to(s, "file", print);
	assert_int_equal(source_read_begin(s, *e, print), 0);
	assert_int_equal(source_read(s, data, 1000, &first), 0);
	meddle();
	assert_int_equal(source_read(s, data + first, sizeof data - first, &rest), 0);
	assert_int_equal(source_read_end(s, *e, print, same), 0);
	source_close(s);
	return first + rest;
}

static void make_file(void)
{
	char content[3001];

	memset(content, 'c', 3000);
	content[3000] = '\0';
	write_file("file", content);
}

static void do_nothing(void)
{
}

static void grow(void)
{
	int fd = open("file", O_WRONLY | O_APPEND);

	assert_int_equal(write(fd, "more", 4), 4);
	close(fd);
}

static void shrink(void)
{
	assert_int_equal(truncate("file", 1500), 0);
}

static void overwrite(void)
{
	int fd = open("file", O_WRONLY);

	assert_int_equal(pwrite(fd, "X", 1, 5), 1);
	close(fd);
}

static void replace(void)
{
	write_file("new", "another file");
	assert_int_equal(rename("new", "file"), 0);
}

static void files_that_change_while_they_are_read_are_told_apart(void **state)
{
	static const struct {
		void (*meddle)(void);
		bool same;
		size_t got;
	} rows[] = {
		{ do_nothing, true, 3000 }, { grow, false, 3000 },    { shrink, false, 1500 },
		{ overwrite, false, 3000 }, { replace, false, 3000 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct entry *e;
		struct stat_print print;
		bool same;

		make_file();
		assert_int_equal(read_while(rows[i].meddle, &e, &print, &same), rows[i].got);
		assert_int_equal(same, rows[i].same);
		/* What the entry says is what was read. */
		assert_int_equal(e->size, rows[i].got);
		assert_true(same || print.inode == 0);
		free(e);
	}
}

static void write_at(const char *path, off_t offset, const char *content)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	assert_int_equal(pwrite(fd, content, strlen(content), offset), strlen(content));
	close(fd);
}

static void of_sparse_files_only_data_is_read(void **state)
{
	struct source *s;
	struct stat_print print;
	static char data[1 << 20];
	size_t got, all = 0;
	bool same;

	(void)state;
	write_at("sparse", 1 << 20, "one");
	write_at("sparse", 5 << 20, "two");
	assert_int_equal(truncate("sparse", 8 << 20), 0);
	s = open_here();
	struct entry *copied = walk_to(s, "sparse", &print), e = *copied;
	assert_int_equal(source_read_begin(s, &e, &print), 0);
	if (!e.sparse)
		skip(); /* this file system has no holes */
	assert_int_equal(e.size, 8 << 20);
	assert_int_equal(e.extent_count, 2);
	assert_true(e.extents[0].offset <= 1 << 20 && e.extents[0].offset + e.extents[0].length >= (1 << 20) + 3);
	assert_true(e.extents[1].offset <= 5 << 20 && e.extents[1].offset + e.extents[1].length >= (5 << 20) + 3);
	while (source_read(s, data + all, 1000, &got) == 0 && got > 0)
		all += got;
	assert_int_equal(all, e.extents[0].length + e.extents[1].length);
	assert_memory_equal(data + ((1 << 20) - e.extents[0].offset), "one", 3);
	assert_memory_equal(data + e.extents[0].length + ((5 << 20) - e.extents[1].offset), "two", 3);
	assert_int_equal(source_read_end(s, &e, &print, &same), 0);
	assert_true(same);

	/* Cut off within the second extent, and before the first. */
	for (off_t cut = (5 << 20) + 1; cut > 0; cut = cut > 100 ? 100 : 0) {
		assert_int_equal(source_read_begin(s, &e, &print), 0);
		uint64_t second = e.extent_count > 1 ? e.extents[1].offset : 0;
		assert_int_equal(truncate("sparse", cut), 0);
		for (all = 0; source_read(s, data, 1000, &got) == 0 && got > 0;)
			all += got;
		assert_int_equal(source_read_end(s, &e, &print, &same), 0);
		assert_false(same);
		uint64_t described = 0, end = 0;
		for (uint32_t i = 0; i < e.extent_count; i++) {
			described += e.extents[i].length;
			end = e.extents[i].offset + e.extents[i].length;
		}
		assert_int_equal(described, all);
		assert_true(e.size >= end && e.size <= (uint64_t)cut);
		assert_int_equal(e.extent_count, cut == 100 ? 0 : 1 + (second < (uint64_t)cut));
	}
	free(copied);
	source_close(s);
}

static void files_with_too_many_holes_keep_the_largest(void **state)
{
	enum { HOLES = 20000 };
	struct source *s;
	struct stat_print print;
	int fd = open("comb", O_WRONLY | O_CREAT, 0600);
	uint64_t length = 0;

	(void)state;
	/* Every tenth gap is a wide one. */
	off_t at = 0;
	for (int i = 0; i < HOLES; i++) {
		assert_int_equal(pwrite(fd, "x", 1, at), 1);
		at += i % 10 == 0 ? 65536 : 12288;
	}
	close(fd);
	s = open_here();
	struct entry *copied = walk_to(s, "comb", &print), e = *copied;
	assert_int_equal(source_read_begin(s, &e, &print), 0);
	if (!e.sparse || e.extents[0].length > 4096)
		skip(); /* blocks of another size */
	assert_true(e.extent_count <= ENTRY_EXTENTS_MAX && e.extent_count >= HOLES / 10);
	for (uint32_t i = 0; i < e.extent_count; i++) {
		assert_true(i == 0 || e.extents[i - 1].offset + e.extents[i - 1].length < e.extents[i].offset);
		length += e.extents[i].length;
	}
	/* All wide gaps are still holes. */
	assert_true(length < e.size - (uint64_t)(HOLES / 10 - 1) * 60000);
	free(copied);
	source_close(s);
}

static void what_became_something_else_is_complained_about(void **state)
{
	static const char *const paths[] = { "fifo", "folder", "gone", "link", "under/file" };
	struct source *s;
	struct stat_print print;
	struct entry *e[5];

	(void)state;
	make_folder("under");
	for (int i = 0; i < 5; i++)
		write_file(paths[i], "x");
	s = open_here();
	for (int i = 0; i < 5; i++)
		e[i] = walk_to(s, paths[i], &print);
	for (int i = 0; i < 5; i++)
		assert_int_equal(unlink(paths[i]), 0);
	assert_int_equal(rmdir("under"), 0);
	assert_int_equal(symlink("/etc", "under"), 0);
	assert_int_equal(mkfifo("fifo", 0600), 0);
	make_folder("folder");
	assert_int_equal(symlink("/etc/passwd", "link"), 0);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(source_read_begin(s, e[i], &print), ERR_MISSING);
		assert_non_null(strstr(err_message(), paths[i]));
		free(e[i]);
	}
	assert_string_equal(complaints, "fifo: is no regular file any more\n"
					"folder: is no regular file any more\n"
					"gone: vanished before it could be read\n"
					"link: became a link before it could be read\n"
					"under/file: vanished before it could be read\n");
	source_close(s);
}

static void what_changes_between_listing_and_reading_is_partial(void **state)
{
	struct stat_print print;
	bool same;

	(void)state;
	write_file("touched", "x");
	write_file("untouched", "x");
	make_some_age();
	struct source *s = open_here();
	struct entry *touched = walk_to(s, "touched", &print);
	assert_int_equal(chmod("touched", 0600), 0);
	make_some_age();
	assert_int_equal(source_read_begin(s, touched, &print), 0);
	assert_int_equal(source_read_end(s, touched, &print, &same), 0);
	assert_true(same && print.partial);
	assert_int_equal(print.inode, 0);

	struct entry *untouched = walk_to(s, "untouched", &print);
	assert_int_equal(source_read_begin(s, untouched, &print), 0);
	assert_int_equal(source_read_end(s, untouched, &print, &same), 0);
	assert_true(same && !print.partial && print.inode != 0);
	source_close(s);

	/* So fresh that a change within the same tick of the clock would not show. */
	write_file("young", "x");
	s = open_here();
	struct entry *young = walk_to(s, "young", &print);
	assert_int_equal(print.inode, 0);
	make_some_age();
	assert_int_equal(source_read_begin(s, young, &print), 0);
	assert_true(print.partial && print.inode == 0);
	assert_int_equal(source_read_end(s, young, &print, &same), 0);
	source_close(s);
	free(young);
	free(touched);
	free(untouched);
}

static void expect(bool condition, const char *what)
{
	if (!condition) {
		fprintf(stderr, "not so: %s; complaints:\n%s", what, complaints);
		exit(1);
	}
}

static bool has_xattr;

static int check_unreadable(void)
{
	struct source *s;
	struct stat_print print = { 0 };
	const struct source_options options = { .type = "files", .path = "folder" };

	if (source_open(&options, complain, NULL, &s) != 0)
		return 2;
	expect(strcmp(walk(s), "d: f:private d:shut f:z") == 0, "the walk goes on");
	expect(strstr(complaints,
		      "shut: this folder cannot be opened: Permission denied; what is in it was not taken\n") != NULL,
	       "shut");
	if (has_xattr)
		expect(strstr(complaints, "private: its extended attribute 'user.k' left out: Permission denied\n") !=
			       NULL,
		       "user.k");
	struct entry e = { .path = "private", .path_len = 7 };
	expect(source_read_begin(s, &e, &print) == ERR_MISSING, "private is missing");
	expect(strstr(complaints, "private: cannot be opened: Permission denied\n") != NULL, "private");
	e.path = "z";
	e.path_len = 1;
	expect(source_read_begin(s, &e, &print) == 0 && e.size == 5, "z can be read");
	source_close(s);

	const struct source_options shut = { .type = "files", .path = "folder/shut" };
	expect(source_open(&shut, complain, NULL, &s) == ERR_SYSTEM, "the source itself is shut");
	return 0;
}

static void what_may_not_be_read_is_told_and_the_rest_is_taken(void **state)
{
	(void)state;
	assert_int_equal(chmod(".", 0755), 0);
	make_folder("folder");
	make_folder("folder/shut");
	write_file("folder/shut/in", "x");
	write_file("folder/private", "secret");
	write_file("folder/z", "plain");
	assert_int_equal(chmod("folder/shut", 0), 0);
	has_xattr = setxattr("folder/private", "user.k", "v", 1, 0) == 0;
	assert_int_equal(chmod("folder/private", 0), 0);
	complaints[0] = '\0';
	assert_int_equal(without_rights(check_unreadable), 0);
}

static int check_unsearchable(void)
{
	struct source *s;
	const struct source_options options = { .type = "files", .path = "folder" };

	if (source_open(&options, complain, NULL, &s) != 0)
		return 2;
	expect(strcmp(walk(s), "d:") == 0, "nothing can be taken");
	expect(strcmp(complaints, "in: cannot be read: Permission denied\n") == 0, "in");
	source_close(s);
	return 0;
}

static void what_may_be_listed_but_not_seen_is_told(void **state)
{
	(void)state;
	assert_int_equal(chmod(".", 0755), 0);
	make_folder("folder");
	write_file("folder/in", "x");
	assert_int_equal(chmod("folder", 0744), 0);
	complaints[0] = '\0';
	if (geteuid() != 0)
		assert_int_equal(chmod("folder", 0400), 0);
	assert_int_equal(without_rights(check_unsearchable), 0);
}

static void names_that_vanish_during_the_walk_are_told(void **state)
{
	struct source *s;
	struct stat_print print;

	(void)state;
	write_file("a", "");
	write_file("b", "");
	make_folder("c");
	make_folder("c/d");
	write_file("e", "");
	s = open_here();
	free(walk_to(s, "a", &print));
	assert_int_equal(unlink("b"), 0);
	free(walk_to(s, "c", &print));
	assert_int_equal(rmdir("c/d"), 0);
	assert_int_equal(rmdir("c"), 0);
	assert_string_equal(walk(s), "f:e");
	assert_string_equal(complaints, "b: vanished while its folder was being read\n"
					"c: this folder vanished while it was being read\n");
	source_close(s);
}

static void trees_deeper_than_descriptors_are_walked(void **state)
{
	enum { DEPTH = 500 };
	struct rlimit old, few = { 100, 100 };
	int at = open(".", O_RDONLY | O_DIRECTORY), files = 0;
	struct source *s;
	const struct entry *e;
	struct stat_print print;

	(void)state;
	for (int i = 0; i < DEPTH; i++) {
		int next;

		assert_int_equal(mkdirat(at, "d", 0700), 0);
		close(openat(at, "z", O_WRONLY | O_CREAT, 0600));
		next = openat(at, "d", O_RDONLY | O_DIRECTORY);
		close(at);
		at = next;
	}
	close(at);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	few.rlim_max = old.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	s = open_here();
	while (source_next(s, &e, &print) == 0 && e != NULL)
		files += e->type == ENTRY_FILE;
	source_close(s);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_int_equal(files, DEPTH);
	assert_string_equal(complaints, "");
}

static void a_folder_that_is_moved_away_while_the_walk_is_deep_in_it_is_told(void **state)
{
	enum { DEPTH = 70 };
	struct source *s;
	struct stat_print print;
	char path[2 * DEPTH + 2] = "";

	(void)state;
	for (int i = 0; i < DEPTH; i++) {
		snprintf(path + strlen(path), sizeof path - strlen(path), i == 0 ? "d" : "/d");
		make_folder(path);
	}
	write_file("d/z", "");
	write_file("z", "");
	s = open_here();
	free(walk_to(s, path, &print));
	assert_int_equal(rename("d", "moved"), 0);
	make_folder("d");
	write_file("d/impostor", "");
	assert_string_equal(walk(s), "f:z");
	assert_non_null(strstr(complaints, "d: this folder was moved or removed while it was read"));
	source_close(s);
}

static void nesting_beyond_the_limit_is_told(void **state)
{
	int at = open(".", O_RDONLY | O_DIRECTORY);
	struct source *s;
	const struct entry *e;
	struct stat_print print;
	uint32_t entries = 0;

	(void)state;
	for (unsigned i = 0; i < ENTRY_DEPTH_MAX + 2; i++) {
		int next;

		assert_int_equal(mkdirat(at, "d", 0700), 0);
		next = openat(at, "d", O_RDONLY | O_DIRECTORY);
		close(at);
		at = next;
	}
	close(at);
	s = open_here();
	while (source_next(s, &e, &print) == 0 && e != NULL) {
		entries++;
		assert_int_equal(path_check(e->path, e->path_len), 0);
	}
	source_close(s);
	assert_int_equal(entries, ENTRY_DEPTH_MAX + 1);
	assert_non_null(strstr(complaints, "nested more than 4096 deep"));
}

static void paths_beyond_the_limit_are_told(void **state)
{
	int at = open(".", O_RDONLY | O_DIRECTORY);
	char name[256];
	struct source *s;
	const struct entry *e;
	struct stat_print print;

	(void)state;
	memset(name, 'n', 255);
	name[255] = '\0';
	/* 255 of them make 65279 bytes; one more would fit with its '/', but not with 255 bytes. */
	for (unsigned i = 0; i < 256; i++) {
		int next;

		assert_int_equal(mkdirat(at, name, 0700), 0);
		next = openat(at, name, O_RDONLY | O_DIRECTORY);
		close(at);
		at = next;
	}
	assert_int_equal(close(openat(at, "x", O_WRONLY | O_CREAT, 0600)), 0);
	close(at);
	s = open_here();
	while (source_next(s, &e, &print) == 0 && e != NULL)
		assert_int_equal(path_check(e->path, e->path_len), 0);
	source_close(s);
	assert_non_null(strstr(complaints, "too long: it was not taken"));
}

static void check_mounts(void)
{
	const struct source_options one = { .type = "files", .path = "." },
				    all = { .type = "files", .path = ".", .cross_file_systems = true };

	/* A name space of its own, so that nothing is left behind. */
	if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("none", "mounted", "tmpfs", 0, "mode=0711") != 0)
		exit(77);
	write_file("mounted/in", "x");
	expect(strcmp(walk_with(&one), "d: d:mounted f:z") == 0, "one file system");
	expect(strcmp(walk_with(&all), "d: d:mounted f:mounted/in f:z") == 0, "all file systems");
	expect(complaints[0] == '\0', "no complaints");
}

static void other_file_systems_are_entered_only_when_asked(void **state)
{
	int status;

	(void)state;
	make_folder("mounted");
	write_file("mounted/hidden", "");
	write_file("z", "");
	fflush(NULL);
	pid_t child = fork();
	if (child == 0) {
		check_mounts();
		exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip(); /* not allowed to mount */
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static int taken_xattr_bytes(const char *path, uint32_t *count)
{
	const struct source_options options = { .type = "files", .path = path };
	struct source *s = open_with(&options);
	struct stat_print print;
	struct entry *e = walk_to(s, "large", &print);
	int bytes = 0;

	expect(print.partial == (complaints[0] != '\0') && (!print.partial || print.inode == 0),
	       "what lacks some is not known the next time");
	*count = e->xattr_count;
	for (uint32_t i = 0; i < e->xattr_count; i++)
		bytes += (int)(e->xattrs[i].name_len + e->xattrs[i].value_len);
	free(e);
	source_close(s);
	return bytes;
}

static void check_large_xattrs(void)
{
	static char value[60000];
	uint32_t count;

	/* tmpfs, from Linux 6.6 on, has room for many large attributes. */
	if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("none", "mounted", "tmpfs", 0, "") != 0)
		exit(77);
	write_file("mounted/large", "x");
	for (char name[] = "trusted.a"; name[8] < 'f'; name[8]++)
		if (setxattr("mounted/large", name, value, sizeof value, 0) != 0)
			exit(77);
	expect(taken_xattr_bytes("mounted", &count) == 4 * 60009 && count == 4, "four of five fit");
	expect(strstr(complaints, "left out: they are larger than 256 KiB\n") != NULL, "the fifth is told");
	/* Room for the rest to the byte. */
	expect(setxattr("mounted/large", "trusted.e", value, 256 * 1024 - 4 * 60009 - 9, 0) == 0,
	       "one can be made smaller");
	expect(taken_xattr_bytes("mounted", &count) == 256 * 1024 && count == 5, "all five fit");
	expect(complaints[0] == '\0', "nothing to tell");
}

static void attributes_beyond_the_limit_are_told(void **state)
{
	int status;

	(void)state;
	make_folder("mounted");
	fflush(NULL);
	pid_t child = fork();
	if (child == 0) {
		check_large_xattrs();
		exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static int leased = -1;

static void give_way(int signal_number)
{
	(void)signal_number;
	(void)fcntl(leased, F_SETLEASE, F_UNLCK);
}

static void a_file_under_a_lease_is_read_when_its_holder_gives_way(void **state)
{
	struct source *s;
	struct stat_print print;

	(void)state;
	write_file("file", "content");
	leased = open("file", O_RDWR);
	signal(SIGIO, give_way);
	if (fcntl(leased, F_SETLEASE, F_WRLCK) != 0) {
		close(leased);
		skip(); /* this file system has no leases */
	}
	s = open_here();
	struct entry *e = walk_to(s, "file", &print);
	assert_int_equal(source_read_begin(s, e, &print), 0);
	assert_int_equal(e->size, 7);
	free(e);
	source_close(s);
	close(leased);
	signal(SIGIO, SIG_DFL);
}

static void devices_have_numbers(void **state)
{
	struct source *s;
	struct stat_print print;

	(void)state;
	if (mknod("null", S_IFCHR | 0600, makedev(1, 3)) != 0)
		skip();
	assert_int_equal(mknod("zdisk", S_IFBLK | 0600, makedev(259, 70000)), 0);
	s = open_here();
	struct entry *e = walk_to(s, "null", &print);
	assert_true(e->type == ENTRY_CHAR && e->major == 1 && e->minor == 3);
	free(e);
	e = walk_to(s, "zdisk", &print);
	assert_true(e->type == ENTRY_BLOCK && e->major == 259 && e->minor == 70000);
	free(e);
	source_close(s);
}

static void sources_that_are_none_are_refused_with_advice(void **state)
{
	static const char bad_pattern[] = "/";
	static const char *const patterns[] = { bad_pattern };
	static const struct {
		struct source_options options;
		int code;
		const char *message;
	} rows[] = {
		{ { .type = "tape", .path = "." }, ERR_USAGE, "expected files" },
		{ { .type = "files", .path = "nowhere" }, ERR_MISSING, "does not exist" },
		{ { .type = "files", .path = "file" }, ERR_USAGE, "is not a folder" },
		{ { .type = "files", .path = "" }, ERR_USAGE, "needs a path" },
		{ { .type = "files" }, ERR_USAGE, "needs a path" },
		{ { .type = "files", .path = ".", .exclude = patterns, .exclude_count = 1 },
		  ERR_USAGE,
		  "exclude pattern" },
	};

	(void)state;
	write_file("file", "");
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct source *s = NULL;

		assert_int_equal(source_open(&rows[i].options, complain, NULL, &s), rows[i].code);
		assert_non_null(strstr(err_message(), rows[i].message));
		assert_null(s);
	}
	source_close(NULL);
}

#define in_scratch(test) cmocka_unit_test_setup_teardown(test, make_scratch, remove_scratch)

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_scratch(entries_come_in_path_order_each_with_its_type),
		in_scratch(entries_say_what_lstat_says),
		in_scratch(what_was_written_just_now_is_not_trusted),
		in_scratch(excluded_folders_are_left_out_with_all_in_them),
		in_scratch(what_is_apart_is_not_taken_by_whatever_name),
		in_scratch(hard_links_name_the_first_of_them),
		in_scratch(a_name_that_was_replaced_or_left_out_leads_no_others),
		in_scratch(content_is_read_also_of_files_that_came_long_before),
		in_scratch(files_that_change_while_they_are_read_are_told_apart),
		in_scratch(of_sparse_files_only_data_is_read),
		in_scratch(files_with_too_many_holes_keep_the_largest),
		in_scratch(what_became_something_else_is_complained_about),
		in_scratch(what_changes_between_listing_and_reading_is_partial),
		in_scratch(what_may_not_be_read_is_told_and_the_rest_is_taken),
		in_scratch(what_may_be_listed_but_not_seen_is_told),
		in_scratch(names_that_vanish_during_the_walk_are_told),
		in_scratch(trees_deeper_than_descriptors_are_walked),
		in_scratch(a_folder_that_is_moved_away_while_the_walk_is_deep_in_it_is_told),
		in_scratch(nesting_beyond_the_limit_is_told),
		in_scratch(paths_beyond_the_limit_are_told),
		in_scratch(other_file_systems_are_entered_only_when_asked),
		in_scratch(attributes_beyond_the_limit_are_told),
		in_scratch(a_file_under_a_lease_is_read_when_its_holder_gives_way),
		in_scratch(devices_have_numbers),
		in_scratch(sources_that_are_none_are_refused_with_advice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
