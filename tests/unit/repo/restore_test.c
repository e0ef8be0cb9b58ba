#include "hand_made.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/stop.h"
#include "repo/read_back.h"
#include "repo/restore.h"

/* In path order. Pack 0 has the content, pack 1 the nodes. */
static const struct hand_file files[] = {
	{ .path = "", .type = ENTRY_FOLDER },
	{ .path = "dir", .type = ENTRY_FOLDER },
	{ .path = "dir/empty", .type = ENTRY_FILE },
	{ .path = "dir/fifo", .type = ENTRY_FIFO },
	{ .path = "dir/hole", .type = ENTRY_FILE, .size = 2 * HAND_PIECE, .seed = 4, .hole = true },
	{ .path = "dir/large", .type = ENTRY_FILE, .size = 21 * HAND_PIECE + 1, .seed = 5 },
	{ .path = "dir/only-hole", .type = ENTRY_FILE, .hole = true },
	{ .path = "dir/small", .type = ENTRY_FILE, .size = 100, .seed = 1 },
	{ .path = "dir/small-too", .type = ENTRY_FILE, .size = 100, .seed = 1 },
	{ .path = "dir/socket", .type = ENTRY_SOCKET },
	{ .path = "dir/soft", .type = ENTRY_SYMLINK, .text = "small" },
	{ .path = "links", .type = ENTRY_FOLDER },
	{ .path = "links/first", .type = ENTRY_FILE, .text = "=dir/large" },
	{ .path = "links/second", .type = ENTRY_FILE, .text = "=dir/large" },
	{ .path = "whole", .type = ENTRY_FILE, .size = 3 * HAND_PIECE, .seed = 6 },
};
#define FILES (sizeof files / sizeof files[0])

struct made {
	struct hand hand;
	struct header header;
	struct hand_ref root;
	struct repo *repo;
	struct fetcher *fetcher;
	struct selection selection;
	struct restore_options options;
	struct restore_result result;
	char target[96];
};

static int set_up_with(void **state, const struct hand_file *list, size_t count)
{
	struct made *m = xcalloc(1, sizeof *m);

	hand_open(&m->hand);
	m->root = hand_tree(&m->hand, list, count, 4);
	hand_publish(&m->hand, clock_now() - 60, &m->root, &m->header);
	m->repo = hand_repo(&m->hand);
	m->fetcher = fetcher_new(m->repo, -1);
	snprintf(m->target, sizeof m->target, "%s/target", m->hand.dir);
	assert_int_equal(selection_make(NULL, 0, &m->selection), 0);
	m->options = (struct restore_options){ .snapshot = repo_find(m->repo, m->header.id),
					       .root_key = m->root.key,
					       .target = { .path = m->target },
					       .selection = &m->selection };
	*state = m;
	return 0;
}

static int set_up(void **state)
{
	return set_up_with(state, files, FILES);
}

static int tear_down(void **state)
{
	struct made *m = *state;

	selection_release(&m->selection);
	fetcher_free(m->fetcher);
	repo_close(m->repo);
	hand_close(&m->hand);
	free(m);
	return 0;
}

static int restore(struct made *m)
{
	return restore_run(m->fetcher, &m->options, &m->result);
}

static void choose(struct made *m, const char *const *paths, size_t count)
{
	selection_release(&m->selection);
	assert_int_equal(selection_make(paths, count, &m->selection), 0);
}

static const struct hand_file *find(const char *path)
{
	size_t i = 0;

	while (i < FILES - 1 && strcmp(files[i].path, path) != 0)
		i++;
	assert_string_equal(files[i].path, path);
	return &files[i];
}

/* The file at `path` beneath the target is what the list says of `as`. */
static void assert_is(const struct made *m, const char *path, const char *as)
{
	const struct hand_file *f = find(as);
	size_t front = f->hole ? 1u << 20 : 0, size = f->size + 2 * front;
	uint8_t *expected = xcalloc(1, size + 1), *found = xcalloc(1, size + 1);
	char name[256];
	struct stat st;
	size_t got;

	snprintf(name, sizeof name, "%s/%s", m->target, path);
	hand_bytes(f->seed, expected + front, f->size);
	_fd_ int fd = open(name, O_RDONLY | O_NOFOLLOW);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, size);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(st.st_mtim.tv_sec, 1700000000 + f->seed);
	assert_int_equal(st.st_mtim.tv_nsec, 123456789);
	assert_int_equal(io_read(fd, found, size, &got, name), 0);
	assert_int_equal(got, size);
	assert_memory_equal(found, expected, size);
	if (f->hole)
		assert_true((uint64_t)st.st_blocks * 512 < size);
	free(expected);
	free(found);
}

static bool exists(const struct made *m, const char *path)
{
	char name[256];
	struct stat st;

	snprintf(name, sizeof name, "%s/%s", m->target, path);
	return lstat(name, &st) == 0;
}

static size_t count_names(const char *path)
{
	DIR *dir = opendir(path);
	size_t count = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		count++;
	closedir(dir);
	return count - 2;
}

static void assert_all_is_there(const struct made *m)
{
	static const char *const names[] = { "dir/empty", "dir/hole",      "dir/large", "dir/only-hole",
					     "dir/small", "dir/small-too", "whole" };
	struct stat st;
	char path[256], text[16] = "";

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		assert_is(m, names[i], names[i]);
	assert_is(m, "links/first", "dir/large");
	assert_is(m, "links/second", "dir/large");
	snprintf(path, sizeof path, "%s/links/second", m->target);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_nlink, 3);
	snprintf(path, sizeof path, "%s/dir/soft", m->target);
	assert_int_equal(readlink(path, text, sizeof text), 5);
	assert_string_equal(text, "small");
	/* The folder's own, with its time, though the marker was in it; and no marker. */
	assert_int_equal(stat(m->target, &st), 0);
	assert_int_equal(st.st_mtim.tv_sec, 1700000000);
	assert_int_equal(st.st_mtim.tv_nsec, 123456789);
	assert_int_equal(count_names(m->target), 3);
}

static void a_snapshot_is_restored_whole_and_read_back(void **state)
{
	struct made *m = *state;

	m->options.read_back = true;
	m->options.progress = progress_new("restoring", 0, true);
	assert_int_equal(restore(m), 0);
	progress_free(m->options.progress);
	assert_all_is_there(m);
	assert_int_equal(m->result.files, 9);
	assert_int_equal(m->result.folders, 3);
	assert_int_equal(m->result.others, 2);
	assert_int_equal(m->result.read_back, 7);
	assert_int_equal(m->result.lost, 0);
	assert_false(m->result.resumed);
	/* The socket is a note, and no more. */
	assert_int_equal(findings_exit(m->hand.findings, false), 0);
	assert_int_equal(findings_count(m->hand.findings, FINDING_NOTE, false), 1);
}

static void a_target_that_is_not_empty_is_refused_or_overwritten(void **state)
{
	struct made *m = *state;
	char path[256];

	assert_int_equal(mkdir(m->target, 0700), 0);
	snprintf(path, sizeof path, "%s/mine", m->target);
	assert_int_equal(io_save(path, "x", 1, 0600), 0);
	assert_int_equal(restore(m), ERR_REFUSED);
	assert_int_equal(count_names(m->target), 1);
	m->options.target.overwrite = true;
	assert_int_equal(restore(m), 0);
	assert_true(exists(m, "mine"));
	assert_int_equal(unlink(path), 0);
	assert_is(m, "dir/large", "dir/large");
}

static void a_part_comes_with_the_folders_on_its_way(void **state)
{
	static const char *const paths[] = { "dir/small", "dir/hole" };
	struct made *m = *state;
	char path[256];
	struct stat st;

	choose(m, paths, 2);
	assert_int_equal(restore(m), 0);
	assert_is(m, "dir/small", "dir/small");
	assert_is(m, "dir/hole", "dir/hole");
	snprintf(path, sizeof path, "%s/dir", m->target);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0750);
	assert_int_equal(st.st_mtim.tv_sec, 1700000000);
	assert_int_equal(count_names(path), 2);
	assert_int_equal(count_names(m->target), 1);
	assert_int_equal(m->result.files, 2);
	assert_int_equal(m->result.folders, 1);
}

static void a_path_that_is_not_there_ends_it_before_anything_is_written(void **state)
{
	static const char *const paths[] = { "dir", "nope" };
	struct made *m = *state;

	choose(m, paths, 2);
	assert_int_equal(restore(m), ERR_MISSING);
	assert_int_equal(access(m->target, F_OK), -1);
}

static void links_of_a_file_outside_of_the_part_become_the_file(void **state)
{
	static const char *const paths[] = { "links" };
	struct made *m = *state;
	char path[256];
	struct stat st;

	choose(m, paths, 1);
	m->options.read_back = true;
	assert_int_equal(restore(m), 0);
	assert_is(m, "links/first", "dir/large");
	assert_is(m, "links/second", "dir/large");
	snprintf(path, sizeof path, "%s/links/second", m->target);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_nlink, 2);
	assert_int_equal(m->result.read_back, 1);
	assert_int_equal(m->result.files, 2);
}

/* ---- damage ---- */

static void damage_in_one_zone_costs_nothing_but_the_exit_status(void **state)
{
	struct made *m = *state;

	fetcher_expect(m->fetcher, HAND_BOTH);
	hand_damage(&m->hand, 0, 0);
	hand_damage(&m->hand, 0, 1);
	assert_int_equal(restore(m), 0);
	assert_all_is_there(m);
	assert_int_equal(m->result.lost, 0);
	assert_int_equal(findings_count(m->hand.findings, FINDING_DAMAGED, false), 2);
	assert_int_equal(findings_exit(m->hand.findings, false), EXIT_DEGRADED);
}

static bool is_told_lost(const struct made *m, const char *path, const char *says)
{
	for (size_t i = 0; i < findings_total(m->hand.findings); i++) {
		const struct finding *f = findings_at(m->hand.findings, i);

		if (f->kind == FINDING_LOST && f->object != NULL && strcmp(f->object, path) == 0)
			return strstr(f->text, says) != NULL;
	}
	return false;
}

static void content_lost_in_both_zones_is_named_and_leaves_nothing(void **state)
{
	static const char *const lost[] = { "dir/hole", "dir/large", "dir/small", "dir/small-too", "whole" };
	struct made *m = *state;

	for (int with_read_back = 0; with_read_back < 2; with_read_back++) {
		m->options.read_back = with_read_back != 0;
		if (with_read_back == 0) {
			hand_damage(&m->hand, 0, 0);
			hand_delete_pack(&m->hand, 1, 0);
		} else {
			hand_remove_dir(m->target);
			findings_free(m->hand.findings);
			m->repo->findings = m->hand.findings = findings_new();
		}
		assert_int_equal(restore(m), 0);
		for (size_t i = 0; i < sizeof lost / sizeof lost[0]; i++) {
			assert_true(is_told_lost(m, lost[i], "in no zone whole"));
			assert_false(exists(m, lost[i]));
		}
		assert_true(is_told_lost(m, "links/first", "hard link of 'dir/large'"));
		assert_true(is_told_lost(m, "links/second", "hard link of 'dir/large'"));
		assert_false(exists(m, "links/first"));
		assert_int_equal(m->result.lost, 7);
		assert_is(m, "dir/empty", "dir/empty");
		assert_is(m, "dir/only-hole", "dir/only-hole");
		assert_true(exists(m, "dir/fifo"));
		assert_int_equal(m->result.files, 2);
		assert_int_equal(m->result.read_back, with_read_back != 0 ? 2 : 0);
		assert_int_equal(findings_exit(m->hand.findings, false), EXIT_INTEGRITY);
	}
}

static void a_part_of_lost_links_names_them(void **state)
{
	static const char *const paths[] = { "links" };
	struct made *m = *state;

	hand_damage(&m->hand, 0, 0);
	hand_damage(&m->hand, 1, 0);
	choose(m, paths, 1);
	assert_int_equal(restore(m), 0);
	assert_true(is_told_lost(m, "links/first", "in no zone whole"));
	assert_true(is_told_lost(m, "links/second", "hard link of 'links/first'"));
	assert_int_equal(m->result.lost, 2);
	assert_false(exists(m, "links/first"));
	assert_false(exists(m, "links/second"));
}

static void lost_lists_of_entries_are_told_and_nothing_else_stops(void **state)
{
	struct made *m = *state;

	/* The root is read before, so that it is there. */
	hand_damage(&m->hand, 0, 1);
	hand_damage(&m->hand, 1, 1);
	assert_int_equal(restore(m), ERR_INTEGRITY);
	assert_int_equal(access(m->target, F_OK), -1);
}

static void a_wrong_fingerprint_is_a_loss(void **state)
{
	const struct hand_file list[] = {
		files[0],
		{ .path = "a", .type = ENTRY_FILE, .wrong_print = true },
		{ .path = "b", .type = ENTRY_FILE, .size = 100, .seed = 1, .wrong_print = true },
		{ .path = "c", .type = ENTRY_FILE, .size = 3 * HAND_PIECE, .seed = 2, .wrong_print = true },
		{ .path = "dir", .type = ENTRY_FOLDER },
		{ .path = "dir/small", .type = ENTRY_FILE, .size = 100, .seed = 1 },
	};
	struct made *m;

	tear_down(state);
	set_up_with(state, list, 6);
	m = *state;
	assert_int_equal(restore(m), 0);
	for (const char *name = "abc"; *name != '\0'; name++) {
		char path[2] = { *name, '\0' };

		assert_true(is_told_lost(m, path, "fingerprint"));
		assert_false(exists(m, path));
	}
	assert_is(m, "dir/small", "dir/small");
}

static void recorded_sha256s_are_compared_with_what_was_written(void **state)
{
	const struct hand_file list[] = {
		files[0],
		{ .path = "empty", .type = ENTRY_FILE, .sum = true },
		{ .path = "empty-wrong", .type = ENTRY_FILE, .wrong_sum = true },
		{ .path = "hole", .type = ENTRY_FILE, .hole = true, .sum = true },
		{ .path = "hole-wrong", .type = ENTRY_FILE, .hole = true, .wrong_sum = true },
		{ .path = "large", .type = ENTRY_FILE, .size = 3 * HAND_PIECE + 1, .seed = 2, .sum = true },
		{ .path = "large-wrong", .type = ENTRY_FILE, .size = 3 * HAND_PIECE + 1, .seed = 2, .wrong_sum = true },
		{ .path = "list", .type = ENTRY_FILE, .size = 20 * HAND_PIECE, .seed = 3, .sum = true },
		{ .path = "list-wrong", .type = ENTRY_FILE, .size = 20 * HAND_PIECE, .seed = 3, .wrong_sum = true },
		{ .path = "small", .type = ENTRY_FILE, .size = 100, .seed = 1, .sum = true },
		{ .path = "small-wrong", .type = ENTRY_FILE, .size = 100, .seed = 1, .wrong_sum = true },
		{ .path = "sparse", .type = ENTRY_FILE, .size = 5 * HAND_PIECE, .seed = 4, .hole = true, .sum = true },
		{ .path = "sparse-small", .type = ENTRY_FILE, .size = 90, .seed = 5, .hole = true, .sum = true },
		{ .path = "sparse-small-wrong", .type = ENTRY_FILE, .size = 90, .hole = true, .wrong_sum = true },
		{ .path = "sparse-wrong",
		  .type = ENTRY_FILE,
		  .size = 5 * HAND_PIECE,
		  .seed = 4,
		  .hole = true,
		  .wrong_sum = true },
	};
	size_t wrong = 0;
	struct made *m;

	tear_down(state);
	set_up_with(state, list, sizeof list / sizeof list[0]);
	m = *state;
	assert_int_equal(restore(m), 0);
	for (size_t i = 1; i < sizeof list / sizeof list[0]; i++) {
		assert_int_equal(exists(m, list[i].path), !list[i].wrong_sum);
		if (!list[i].wrong_sum)
			continue;
		wrong++;
		assert_true(is_told_lost(m, list[i].path, "its SHA-256 is not the one"));
	}
	assert_int_equal(m->result.lost, wrong);
}

static void large_chunks_go_through_one_set_of_buffers(void **state)
{
	enum { SIZE = 13 << 20, PIECE = 4 << 20 };
	const struct hand_file list[] = {
		files[0],
		{ .path = "large", .type = ENTRY_FILE, .size = SIZE, .seed = 8, .piece = PIECE },
	};
	struct made *m;
	char path[256];

	tear_down(state);
	set_up_with(state, list, 2);
	m = *state;
	assert_int_equal(restore(m), 0);
	uint8_t *expected = xmalloc(SIZE);
	_buf_ struct buf found;
	hand_bytes(8, expected, SIZE);
	buf_init(&found, SIZE, "file");
	snprintf(path, sizeof path, "%s/large", m->target);
	assert_int_equal(io_load(path, &found), 0);
	assert_int_equal(found.len, SIZE);
	assert_memory_equal(found.data, expected, SIZE);
	free(expected);
}

/* ThreadSanitizer knows no child with threads of its parent. */
#ifdef __SANITIZE_THREAD__
#define CHILD_WITH_THREADS false
#else
#define CHILD_WITH_THREADS true
#endif

/* In a child, since a process that was asked to stop stays so. */
static void restore_interrupted(struct made *m)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		stop_on_signals();
		raise(SIGTERM);
		_exit(restore(m) == ERR_INTERRUPTED ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void a_restore_that_is_asked_to_stop_can_go_on_and_no_other_instead(void **state)
{
	static const char *const paths[] = { "dir" };
	struct made *m = *state;

	if (!CHILD_WITH_THREADS)
		skip();
	restore_interrupted(m);
	choose(m, paths, 1);
	assert_int_equal(restore(m), ERR_REFUSED);
	choose(m, NULL, 0);
	assert_int_equal(restore(m), 0);
	assert_true(m->result.resumed);
	assert_all_is_there(m);

	/* Where other things may be, nothing is taken for finished. */
	m->options.target.overwrite = true;
	restore_interrupted(m);
	assert_int_equal(count_names(m->target), 3);
	assert_int_equal(restore(m), 0);
	assert_false(m->result.resumed);
}

static void what_a_disk_has_damaged_is_seen_when_it_is_read_back(void **state)
{
	struct made *m = *state;
	struct read_back *b;
	struct tree *t;
	static const struct {
		const char *path;
		int length; /* -1: stays */
		bool damaged;
	} rows[] = {
		{ "dir/large", -1, true }, { "dir/hole", 5, true }, { "whole", -1, false }, { "dir/small", 0, true }
	};

	assert_int_equal(restore(m), 0);
	assert_int_equal(tree_open(m->fetcher, m->root.id, m->root.key, &t), 0);
	b = read_back_new(m->target);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct entry *e;
		const struct node *n;
		char path[256];

		snprintf(path, sizeof path, "%s/%s", m->target, rows[i].path);
		_fd_ int fd = open(path, O_RDWR);
		assert_true(fd >= 0);
		if (rows[i].length >= 0)
			assert_int_equal(ftruncate(fd, rows[i].length), 0);
		else if (rows[i].damaged)
			assert_int_equal(io_pwrite(fd, "?", 1, 300000, path), 0);
		assert_int_equal(tree_find(t, rows[i].path, strlen(rows[i].path), &e, &n), 0);
		assert_int_equal(read_back_file(b, t, e, n, m->hand.findings), 0);
		assert_int_equal(is_told_lost(m, rows[i].path, "read back"), rows[i].damaged);
	}
	read_back_free(b);
	read_back_free(NULL);
	tree_close(t);
}

/* ---- what a snapshot may not do ---- */

static void nothing_is_written_through_a_link_or_outside(void **state)
{
	char outside[96];
	struct made *m = *state;

	snprintf(outside, sizeof outside, "%s/outside", m->hand.dir);
	assert_int_equal(mkdir(outside, 0700), 0);
	/* "way" is a link out of the target, and there are entries beneath it; so says the snapshot. */
	char *link = xstrdup(outside);
	const struct hand_file list[] = {
		files[0],
		{ .path = "way", .type = ENTRY_SYMLINK, .text = link },
		{ .path = "way/in", .type = ENTRY_FILE, .size = 10, .seed = 1 },
		{ .path = "way/to", .type = ENTRY_FOLDER },
		{ .path = "way/too", .type = ENTRY_FILE, .text = "=way/in" },
		{ .path = "whole", .type = ENTRY_FILE, .size = 3 * HAND_PIECE, .seed = 6 },
	};
	m->root = hand_tree(&m->hand, list, 6, 4);
	hand_publish(&m->hand, clock_now(), &m->root, &m->header);
	fetcher_free(m->fetcher);
	repo_close(m->repo);
	m->repo = hand_repo(&m->hand);
	m->fetcher = fetcher_new(m->repo, -1);
	m->options.snapshot = repo_find(m->repo, m->header.id);
	m->options.root_key = m->root.key;
	for (int overwrite = 0; overwrite < 2; overwrite++) {
		m->options.target.overwrite = overwrite != 0;
		assert_int_equal(restore(m), 0);
		assert_int_equal(count_names(outside), 0);
		assert_is(m, "whole", "whole");
	}
	free(link);
}

/* ---- interrupted ---- */

static void an_interrupted_restore_goes_on_with_what_is_missing(void **state)
{
	struct made *m = *state;
	char marker[256], path[256], id[SNAPSHOT_ID_HEX];

	assert_int_equal(restore(m), 0);
	snprintf(marker, sizeof marker, "%s/.nightfold-restore.%s", m->target,
		 hex_encode(m->header.id, SNAPSHOT_ID_SIZE, id));
	assert_int_equal(io_save(marker, "", 0, 0600), 0);
	/* One file was not begun, one not finished: its size is there, its time is not. */
	snprintf(path, sizeof path, "%s/dir/small", m->target);
	assert_int_equal(unlink(path), 0);
	snprintf(path, sizeof path, "%s/whole", m->target);
	assert_int_equal(truncate(path, 0) | truncate(path, 3 * HAND_PIECE), 0);
	assert_int_equal(restore(m), 0);
	assert_true(m->result.resumed);
	assert_int_equal(m->result.kept, 5);
	assert_int_equal(m->result.files, 9);
	assert_all_is_there(m);
}

static void what_the_file_system_does_not_take_is_named(void **state)
{
	struct made *m = *state;
	struct rlimit old, small;

	/* Files above a limit: EFBIG, without the signal. */
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = (struct rlimit){ .rlim_cur = HAND_PIECE * 10, .rlim_max = old.rlim_max };
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(mkdir(m->target, 0700), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	int code = restore(m);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(code, 0);
	assert_true(is_told_lost(m, "dir/large", "cannot give it its size"));
	assert_is(m, "whole", "whole");
}

/* ---- what it would take ---- */

static void a_plan_counts_what_a_restore_writes(void **state)
{
	static const char *const paths[] = { "dir/hole", "links" };
	struct made *m = *state;
	struct restore_plan plan;

	m->options.target.path = "/nonexistent/for/sure";
	assert_int_equal(restore_plan(m->fetcher, &m->options, &plan), 0);
	assert_int_equal(plan.files, 9);
	assert_int_equal(plan.folders, 3);
	assert_int_equal(plan.others, 3);
	assert_int_equal(plan.content, 100 + 100 + 2 * HAND_PIECE + 21 * HAND_PIECE + 1 + 3 * HAND_PIECE);
	assert_int_equal(plan.bytes, plan.content + (4u << 20));
	assert_true(plan.disk >= plan.content);
	assert_true(plan.free > 0);
	assert_true(plan.seconds >= 1);
	assert_int_equal(plan.lost, 0);

	m->options.target.path = "relative";
	choose(m, paths, 2);
	assert_int_equal(restore_plan(m->fetcher, &m->options, &plan), 0);
	assert_int_equal(plan.files, 3);
	assert_int_equal(plan.content, 2 * HAND_PIECE);

	hand_damage(&m->hand, 0, 0);
	hand_damage(&m->hand, 1, 0);
	assert_int_equal(restore_plan(m->fetcher, &m->options, &plan), 0);
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_snapshot_is_restored_whole_and_read_back),
		test(a_target_that_is_not_empty_is_refused_or_overwritten),
		test(a_part_comes_with_the_folders_on_its_way),
		test(a_path_that_is_not_there_ends_it_before_anything_is_written),
		test(links_of_a_file_outside_of_the_part_become_the_file),
		test(damage_in_one_zone_costs_nothing_but_the_exit_status),
		test(content_lost_in_both_zones_is_named_and_leaves_nothing),
		test(a_part_of_lost_links_names_them),
		test(lost_lists_of_entries_are_told_and_nothing_else_stops),
		test(a_wrong_fingerprint_is_a_loss),
		test(recorded_sha256s_are_compared_with_what_was_written),
		test(large_chunks_go_through_one_set_of_buffers),
		test(a_restore_that_is_asked_to_stop_can_go_on_and_no_other_instead),
		test(what_a_disk_has_damaged_is_seen_when_it_is_read_back),
		test(nothing_is_written_through_a_link_or_outside),
		test(an_interrupted_restore_goes_on_with_what_is_missing),
		test(what_the_file_system_does_not_take_is_named),
		test(a_plan_counts_what_a_restore_writes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
