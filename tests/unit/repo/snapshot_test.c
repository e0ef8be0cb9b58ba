/* Taking snapshots of sources of all shapes, and restoring them. */
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "chunk/grouping.h"
#include "format/padme.h"
#include "repo/tree.h"
#include "restored.h"

static int setup(void **state)
{
	*state = nights_new();
	return 0;
}

static int teardown(void **state)
{
	nights_free(*state);
	return 0;
}

/* A day later, a run; and another day later one more, in which nothing has changed: nothing is read or stored then. */
static void nights_pass(struct nights *n, struct snapshot_result *taken)
{
	struct night t;

	let_times_settle();
	days_pass(n, 1);
	whole_run(n, &n->agent, &t);
	*taken = t.taken;
	night_end(&t);
	days_pass(n, 1);
	whole_run(n, &n->agent, &t);
	assert_int_equal(t.taken.read_files, 0);
	assert_int_equal(t.taken.new_chunks, 0);
	assert_int_equal(t.taken.header.files, taken->header.files);
	assert_int_equal(t.taken.header.bytes, taken->header.bytes);
	assert_memory_equal(t.taken.header.root_id, taken->header.root_id, ID_SIZE);
	night_end(&t);
	assert_restores(n);
}

static void an_empty_source_is_its_root_folder(void **state)
{
	struct nights *n = *state;
	struct snapshot_result taken;

	nights_pass(n, &taken);
	assert_int_equal(taken.header.files, 0);
	assert_int_equal(taken.header.folders, 1);
	assert_int_equal(taken.new_chunks, 1);
	assert_sound(n, 2);
}

static void files_of_all_sizes_come_back(void **state)
{
	static const size_t sizes[] = {
		0, 1, 2, GROUP_FILE_MAX - 1, GROUP_FILE_MAX, GROUP_FILE_MAX + 1, GROUP_TARGET, GROUP_MAX, 1000000
	};
	struct nights *n = *state;
	struct snapshot_result taken;
	char name[32];

	for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		snprintf(name, sizeof name, "file-%u", i);
		write_file(n, name, sizes[i], i);
		snprintf(name, sizeof name, "file-%u-copy", i);
		write_file(n, name, sizes[i], i);
	}
	nights_pass(n, &taken);
	assert_int_equal(taken.header.files, 18);
	assert_int_equal(taken.header.skipped + taken.header.changed, 0);
}

/* Small ones on both sides of a large one are two groups, whether it is read or known. */
static void groups_end_where_they_ended(void **state)
{
	struct nights *n = *state;
	struct snapshot_result taken;
	char name[32];

	n->dataset.chunk = CHUNK_AVERAGE_MIN;
	for (unsigned i = 0; i < 40; i++) {
		snprintf(name, sizeof name, "a-%u", i);
		write_file(n, name, 700000, i);
	}
	for (unsigned i = 0; i < 700; i++) {
		snprintf(name, sizeof name, "b-%u", i);
		write_file(n, name, 10, i);
	}
	write_file(n, "b-350-large", 40000, 99);
	nights_pass(n, &taken);

	/* One small file changes: its group is read again, distant ones are not. */
	write_file(n, "b-0", 10, 12345);
	write_file(n, "a-7", 700000, 54321);
	nights_pass(n, &taken);
	assert_true(taken.read_files < 700);
	assert_true(taken.cached_files > 38);
}

static void a_folder_of_thousands_goes_into_many_nodes(void **state)
{
	struct nights *n = *state;
	struct snapshot_result taken;
	char name[32];

	make_folder(n, "many");
	for (unsigned i = 0; i < 5000; i++) {
		snprintf(name, sizeof name, "many/%u", i);
		write_file(n, name, i % 7, i);
	}
	nights_pass(n, &taken);
	assert_int_equal(taken.header.files, 5000);
	remove_file(n, "many/2500");
	nights_pass(n, &taken);
	assert_int_equal(taken.header.files, 4999);
	assert_true(taken.read_files < 2500);
}

static void a_file_of_many_chunks_is_a_list_that_is_kept_and_partly_renewed(void **state)
{
	struct nights *n = *state;
	struct snapshot_result taken;

	n->dataset.chunk = CHUNK_AVERAGE_MIN;
	write_file(n, "list", 6000000, 1);
	write_file(n, "zeros", 0, 0);
	_free_ char *zeros = xasprintf("%s/zeros", n->source);
	/* One chunk over and over: its list is no higher for that. */
	int fd = open(zeros, O_WRONLY);
	uint8_t *block = xcalloc(1, 1u << 20);
	for (int i = 0; i < 8; i++)
		assert_int_equal(io_write(fd, block, 1u << 20, "zeros"), 0);
	free(block);
	close(fd);
	nights_pass(n, &taken);
	uint64_t first = taken.new_chunks;
	assert_true(first > 200);

	_free_ char *path = xasprintf("%s/list", n->source);
	fd = open(path, O_WRONLY);
	assert_int_equal(io_pwrite(fd, "changed", 7, 3000000, "list"), 0);
	close(fd);
	nights_pass(n, &taken);
	assert_int_equal(taken.read_files, 1);
	assert_true(taken.new_chunks < 12);
}

/* A node is closed by its limits amid a group: the next begins with the same chunk. */
static void long_names_close_a_node_amid_a_group(void **state)
{
	struct nights *n = *state;
	struct snapshot_result taken;
	char name[256];

	for (unsigned i = 0; i < 3000; i++) {
		snprintf(name, sizeof name, "%0230u", i);
		write_file(n, name, 3, i);
	}
	nights_pass(n, &taken);
	assert_int_equal(taken.header.files, 3000);
}

static void hard_links_are_entries_of_one_file(void **state)
{
	struct nights *n = *state;
	struct snapshot_result taken;
	_free_ char *a = xasprintf("%s/a", n->source);
	_free_ char *b = xasprintf("%s/b", n->source);
	struct stat one, other;

	write_file(n, "a", 50000, 1);
	assert_int_equal(link(a, b), 0);
	nights_pass(n, &taken);
	assert_int_equal(taken.header.files, 2);
	assert_int_equal(taken.header.bytes, 50000);
	_free_ char *restored_a = xasprintf("%s/restored/a", n->folder);
	_free_ char *restored_b = xasprintf("%s/restored/b", n->folder);
	assert_int_equal(stat(restored_a, &one) | stat(restored_b, &other), 0);
	assert_int_equal(one.st_ino, other.st_ino);
}

static void chunk_size_cipher_and_dataset_key_may_change_from_night_to_night(void **state)
{
	struct nights *n = *state;
	struct snapshot_result taken;
	_free_ char *keys = xasprintf("%s/keys-agent", n->folder);
	uint32_t epoch;
	_free_ char *old_cache = xasprintf("%s/" NIGHT_DATASET "/keys-1", n->agent.state);

	write_file(n, "big", 1000000, 1);
	write_file(n, "small", 1000, 2);
	nights_pass(n, &taken);

	n->dataset.chunk = 256u << 10;
	write_file(n, "more", 1000000, 3);
	nights_pass(n, &taken);
	assert_int_equal(taken.cached_files, 2);

	if (suite_available(SUITE_AES256GCM) == 0)
		n->dataset.cipher = SUITE_AES256GCM;
	write_file(n, "more", 1000000, 4);
	nights_pass(n, &taken);
	assert_int_equal(taken.cached_files, 2);

	/* Nothing is deduplicated against the old key, and nothing of it is kept. */
	assert_int_equal(access(old_cache, F_OK), 0);
	assert_int_equal(dataset_key_rotate(keys, NIGHT_DATASET, n->now, &epoch), 0);
	secret_free(n->agent.key);
	assert_int_equal(dataset_key_load(keys, NIGHT_DATASET, n->now, &n->agent.key), 0);
	nights_pass(n, &taken);
	assert_int_equal(taken.cached_files, 0);
	assert_int_equal(taken.read_files, 3);
	assert_int_equal(access(old_cache, F_OK), -1);
	assert_sound(n, 8);
}

static void a_run_that_was_cut_off_is_gone_on_with(void **state)
{
	struct nights *n = *state;
	struct night t;
	char path[512];

	write_file(n, "a", 1000000, 1);
	write_file(n, "b", 100, 2);
	night_begin(n, &n->agent, &t);
	for (unsigned z = 0; z < 2; z++) {
		in_zone(n, z, NIGHT_DATASET "/lease", path);
		remove_tree(path);
	}
	assert_int_equal(night_snapshot(&t), ERR_UNAVAILABLE);
	night_end(&t);
	assert_int_equal(zone_count(n, 0, "snapshots"), 0);
	size_t packs = zone_count(n, 0, "packs");
	assert_true(packs > 0);

	whole_run(n, &n->agent, &t);
	assert_int_equal(t.taken.new_chunks, 0);
	assert_int_equal(t.taken.read_files, 2);
	night_end(&t);
	assert_int_equal(zone_count(n, 0, "packs"), packs);
	assert_restores(n);
	assert_sound(n, 1);
}

static void what_may_not_be_read_is_told_once(void **state)
{
	struct nights *n = *state;
	struct night t;

	if (geteuid() == 0)
		skip();
	_free_ char *path = xasprintf("%s/secret", n->source);
	write_file(n, "secret", 100, 1);
	assert_int_equal(chmod(path, 0), 0);
	whole_run(n, &n->agent, &t);
	assert_int_equal(t.taken.header.skipped, 1);
	assert_int_equal(told(&t, FINDING_SKIPPED), 1);
	night_end(&t);
}

static void a_source_that_is_not_there_commits_nothing(void **state)
{
	struct nights *n = *state;
	struct night t;

	assert_int_equal(rmdir(n->source), 0);
	night_begin(n, &n->agent, &t);
	assert_int_not_equal(night_snapshot(&t), 0);
	night_end(&t);
	assert_int_equal(zone_count(n, 0, "snapshots") + zone_count(n, 0, "packs"), 0);
}

/* Sparse files, links, attributes: entries that bring more than a path into the pipeline. */
static void entries_of_every_kind_go_through(void **state)
{
	struct nights *n = *state;
	struct snapshot_result taken;
	_free_ char *link_path = xasprintf("%s/link", n->source);
	_free_ char *fifo = xasprintf("%s/fifo", n->source);
	static const char *const sparse[] = { "sparse-small", "sparse-large", "hole-small", "hole-large" };
	static const off_t sizes[] = { 20000, 10000000, 20000, 10000000 };

	assert_int_equal(symlink("../elsewhere", link_path), 0);
	make_folder(n, "empty");
	for (unsigned i = 0; i < 4; i++) {
		_free_ char *path = xasprintf("%s/%s", n->source, sparse[i]);
		int fd = open(path, O_WRONLY | O_CREAT, 0644);

		assert_true(fd >= 0);
		assert_int_equal(ftruncate(fd, sizes[i]), 0);
		if (i < 2)
			assert_int_equal(io_pwrite(fd, "data", 4, (uint64_t)sizes[i] / 2, "sparse"), 0);
		close(fd);
	}
	nights_pass(n, &taken);
	assert_int_equal(taken.header.files, 4);
	assert_int_equal(taken.header.folders, 2);
	assert_int_equal(taken.header.others, 1);
	assert_true(taken.read_bytes < 20000);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	struct night t;
	days_pass(n, 1);
	whole_run(n, &n->agent, &t);
	assert_int_equal(t.taken.header.others, 2);
	assert_int_equal(t.taken.read_files, 0);
	night_end(&t);
}

/* An unchanged file's are not asked for again: they come from the cache, the same as a first night finds them. */
static void attributes_stay_with_an_unchanged_file(void **state)
{
	struct nights *n = *state;
	struct snapshot_result taken;
	struct night t;
	const char *name = "user.n";

	for (unsigned i = 0; i < 3; i++) {
		static const size_t sizes[] = { 0, 100, 1000000 };
		_free_ char *file = xasprintf("file-%u", i);
		_free_ char *path = xasprintf("%s/%s", n->source, file);

		write_file(n, file, sizes[i], i);
		if (setxattr(path, name, "value", 5, 0) != 0 && setxattr(path, name = "trusted.n", "value", 5, 0) != 0)
			skip(); /* the file system keeps none */
	}
	nights_pass(n, &taken);

	_free_ char *changed = xasprintf("%s/file-1", n->source);
	assert_int_equal(setxattr(changed, name, "other", 5, 0), 0);
	let_times_settle();
	days_pass(n, 1);
	whole_run(n, &n->agent, &t);
	assert_int_equal(t.taken.read_files, 1);
	assert_memory_not_equal(t.taken.header.root_id, taken.header.root_id, ID_SIZE);
	night_end(&t);
	assert_int_equal(setxattr(changed, name, "value", 5, 0), 0);
	let_times_settle();
	days_pass(n, 1);
	whole_run(n, &n->agent, &t);
	assert_memory_equal(t.taken.header.root_id, taken.header.root_id, ID_SIZE);
	night_end(&t);
}

/* A file that grows by some bytes whenever somebody reads it. */
static struct {
	ino_t inode;
	char path[128];
	size_t growth;
} busy[2];

/* In place of the C library's, for the whole of this program. */
ssize_t pread64(int fd, void *data, size_t len, off_t offset);

ssize_t pread64(int fd, void *data, size_t len, off_t offset)
{
	static const uint8_t zeros[400000];
	struct stat st;

	for (size_t i = 0; i < 2; i++) {
		if (busy[i].inode == 0 || fstat(fd, &st) != 0 || st.st_ino != busy[i].inode)
			continue;
		int out = open(busy[i].path, O_WRONLY | O_APPEND);
		assert_int_equal(io_write(out, zeros, busy[i].growth, busy[i].path), 0);
		close(out);
	}
	return syscall(SYS_pread64, fd, data, len, offset);
}

static void make_busy(const struct nights *n, unsigned i, const char *name, size_t growth)
{
	struct stat st;

	snprintf(busy[i].path, sizeof busy[i].path, "%s/%s", n->source, name);
	assert_int_equal(stat(busy[i].path, &st), 0);
	busy[i].inode = st.st_ino;
	busy[i].growth = growth;
}

static void files_that_are_written_to_all_the_time_are_taken_and_told(void **state)
{
	struct nights *n = *state;
	struct snapshot_result taken;
	struct night t;

	n->dataset.sha256 = true;
	write_file(n, "large", 5000000, 1);
	write_file(n, "small", 1000, 2);
	/* It outgrows its group; the files after it in the group are none the worse. */
	write_file(n, "small-neighbour", 30000, 3);
	make_busy(n, 0, "large", 10);
	make_busy(n, 1, "small", 400000);
	let_times_settle();
	whole_run(n, &n->agent, &t);
	memset(busy, 0, sizeof busy);
	assert_int_equal(t.taken.header.files, 3);
	assert_int_equal(t.taken.header.changed, 2);
	assert_int_equal(told(&t, FINDING_SKIPPED), 2);
	assert_int_equal(findings_exit(t.findings, false), EXIT_DEGRADED);
	night_end(&t);
	assert_sound(n, 1);

	/* At rest they are read again, and whole. */
	nights_pass(n, &taken);
	assert_true(taken.read_files >= 2);
	assert_int_equal(taken.header.changed, 0);
}

/* So much content was new, and some nodes, whose number chance decides. */
static void assert_stored(const struct snapshot_result *taken, uint64_t content)
{
	assert_in_range(taken->header.new_bytes, content + 1, content + 20000);
}

static void without_deduplication_equal_content_is_stored_each_time_it_is_read(void **state)
{
	struct nights *n = *state;
	struct snapshot_result taken;

	n->dataset.dedup = DEDUP_NONE;
	write_file(n, "a", 40000, 1);
	write_file(n, "b", 40000, 1);
	write_file(n, "small", 100, 2);
	nights_pass(n, &taken);
	assert_stored(&taken, 40000 + 40000 + 100);

	/* Written again, with other times: that one and its node. */
	write_file(n, "b", 40000, 1);
	nights_pass(n, &taken);
	assert_int_equal(taken.read_files, 1);
	assert_stored(&taken, 40000);

	/* One file of many chunks changes in one byte: all of it goes again. */
	n->dataset.chunk = CHUNK_AVERAGE_MIN;
	write_file(n, "large", 2000000, 3);
	nights_pass(n, &taken);
	_free_ char *path = xasprintf("%s/large", n->source);
	int fd = open(path, O_WRONLY);
	assert_int_equal(io_pwrite(fd, "changed", 7, 1000000, "large"), 0);
	close(fd);
	nights_pass(n, &taken);
	assert_stored(&taken, 2000000);
	assert_sound(n, 8);
}

/* Groups of small files, and nodes of nothing but metadata, have random keys: what did not change is known again. */
static void without_deduplication_distant_groups_and_bare_nodes_stay_as_they_were(void **state)
{
	struct nights *n = *state;
	struct snapshot_result taken;
	char name[32];

	n->dataset.dedup = DEDUP_NONE;
	make_folder(n, "bare");
	make_folder(n, "small");
	for (unsigned i = 0; i < 3000; i++) {
		snprintf(name, sizeof name, "bare/%u", i);
		write_file(n, name, 0, 0);
		snprintf(name, sizeof name, "small/%u", i);
		write_file(n, name, 300, i);
	}
	nights_pass(n, &taken);
	uint64_t chunks = taken.new_chunks;
	assert_true(chunks > 20);

	remove_file(n, "bare/1500");
	write_file(n, "small/1500", 300, 9999);
	nights_pass(n, &taken);
	assert_true(taken.read_files >= 1 && taken.read_files < 1500);
	assert_true(taken.new_chunks < chunks / 2);
}

static void a_bare_node_says_nothing_to_who_has_the_dataset_key(void **state)
{
	struct nights *n = *state;
	struct snapshot_result derived, drawn;

	/* The one node of an empty source, with the same times: its plaintext is the same. */
	nights_pass(n, &derived);
	n->dataset.dedup = DEDUP_NONE;
	nights_pass(n, &drawn);
	assert_memory_equal(drawn.header.root_id, derived.header.root_id, ID_SIZE); /* what is there stays as it is */
	lose_state(&n->agent);
	nights_pass(n, &drawn);
	assert_memory_not_equal(drawn.header.root_id, derived.header.root_id, ID_SIZE);
	assert_sound(n, 6);
}

/* A dataset goes over, and back: what is unchanged is neither read nor stored, and what is there is not in the way. */
static void deduplication_may_be_switched_from_night_to_night(void **state)
{
	struct nights *n = *state;
	struct snapshot_result taken;

	n->dataset.chunk = 256u << 10; /* each file is one chunk, wherever a run cuts */
	write_file(n, "a", 40000, 1);
	nights_pass(n, &taken);
	n->dataset.dedup = DEDUP_NONE;
	write_file(n, "b", 40000, 1);
	nights_pass(n, &taken);
	assert_int_equal(taken.read_files, 1);
	assert_stored(&taken, 40000);
	n->dataset.dedup = DEDUP_CONTENT;
	write_file(n, "c", 40000, 1); /* the one of "a" */
	nights_pass(n, &taken);
	assert_int_equal(taken.read_files, 1);
	assert_stored(&taken, 0);
	assert_sound(n, 6);
}

/* Nobody knows its keys any more: the next run stores everything again, and what it had sent is collected. */
static void without_deduplication_a_run_that_was_cut_off_begins_again(void **state)
{
	struct nights *n = *state;
	struct night t;
	char path[512];

	n->dataset.dedup = DEDUP_NONE;
	write_file(n, "a", 1000000, 1);
	night_begin(n, &n->agent, &t);
	for (unsigned z = 0; z < 2; z++) {
		in_zone(n, z, NIGHT_DATASET "/lease", path);
		remove_tree(path);
	}
	assert_int_equal(night_snapshot(&t), ERR_UNAVAILABLE);
	night_end(&t);
	assert_true(zone_count(n, 0, "packs") > 0);

	let_times_settle();
	whole_run(n, &n->agent, &t);
	assert_true(t.taken.header.new_bytes > 1000000);
	night_end(&t);
	assert_restores(n);
	for (int day = 0; day < 3; day++) {
		days_pass(n, 1);
		whole_run(n, &n->agent, &t);
		assert_int_equal(t.taken.new_chunks, 0);
		night_end(&t);
	}
	assert_int_equal(zone_count(n, 0, "packs"), 2);
	assert_sound(n, 4);
}

/* Ids do not depend on it: what is there stays as it is, what is new is padded, and back. */
static void padding_may_be_switched_from_night_to_night(void **state)
{
	struct nights *n = *state;
	struct snapshot_result plain, padded, taken;

	write_file(n, "a", 40001, 1);
	write_file(n, "large", 1000001, 2);
	write_file(n, "small", 101, 3);
	nights_pass(n, &plain);
	assert_int_equal(plain.header.bytes, 40001 + 1000001 + 101);

	n->dataset.padding = PADDING_PADME;
	nights_pass(n, &padded);
	assert_int_equal(padded.new_chunks, 0);
	assert_int_equal(padded.header.bytes, padme(plain.header.bytes));
	assert_true(padded.header.bytes > plain.header.bytes);
	assert_memory_equal(padded.header.root_id, plain.header.root_id, ID_SIZE);

	/* Of nothing: the same chunks, each padded. */
	lose_state(&n->agent);
	for (unsigned z = 0; z < 2; z++) {
		remove_tree(n->zone_paths[z]);
		assert_int_equal(mkdir(n->zone_paths[z], 0755), 0);
	}
	nights_pass(n, &padded);
	assert_int_equal(padded.new_chunks, plain.new_chunks);
	assert_true(padded.header.new_bytes > plain.header.new_bytes);
	assert_true(padded.header.new_bytes < plain.header.new_bytes * 112 / 100);

	n->dataset.padding = PADDING_NONE;
	write_file(n, "b", 40001, 4);
	nights_pass(n, &taken);
	assert_stored(&taken, 40001);
	assert_sound(n, 4);
}

static void padding_goes_with_random_keys_and_the_largest_chunks(void **state)
{
	struct nights *n = *state;
	struct snapshot_result taken;
	char name[32];

	n->dataset.padding = PADDING_PADME;
	n->dataset.dedup = DEDUP_NONE;
	n->dataset.chunk = CHUNK_AVERAGE_MAX;
	_free_ char *zeros = xasprintf("%s/zeros", n->source);
	_free_ uint8_t *block = xcalloc(1, CHUNK_MAX + 1);
	assert_int_equal(io_create(zeros, block, CHUNK_MAX + 1, 0600), 0);
	write_file(n, "noise", CHUNK_MAX + 1, 1);
	make_folder(n, "small");
	for (unsigned i = 0; i < 300; i++) {
		snprintf(name, sizeof name, "small/%u", i);
		write_file(n, name, i * 7, i);
	}
	nights_pass(n, &taken);
	assert_sound(n, 2);
}

/* Two hosts with the same data and keys of their own: two chains, one dataset. */
static void two_agents_share_a_dataset(void **state)
{
	struct nights *n = *state;
	struct night t;

	write_file(n, "a", 300000, 1);
	run_night(n, &n->agent);
	days_pass(n, 1);
	whole_run(n, &n->second, &t);
	assert_int_equal(t.taken.header.seq, 2);
	assert_int_equal(t.taken.header.head_count, 2);
	night_end(&t);
	write_file(n, "a", 300000, 2);
	days_pass(n, 1);
	run_night(n, &n->agent);
	days_pass(n, 1);
	run_night(n, &n->second);
	assert_sound(n, 4);
	assert_restores(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_empty_source_is_its_root_folder, setup, teardown),
		cmocka_unit_test_setup_teardown(files_of_all_sizes_come_back, setup, teardown),
		cmocka_unit_test_setup_teardown(groups_end_where_they_ended, setup, teardown),
		cmocka_unit_test_setup_teardown(a_folder_of_thousands_goes_into_many_nodes, setup, teardown),
		cmocka_unit_test_setup_teardown(a_file_of_many_chunks_is_a_list_that_is_kept_and_partly_renewed, setup,
						teardown),
		cmocka_unit_test_setup_teardown(long_names_close_a_node_amid_a_group, setup, teardown),
		cmocka_unit_test_setup_teardown(hard_links_are_entries_of_one_file, setup, teardown),
		cmocka_unit_test_setup_teardown(chunk_size_cipher_and_dataset_key_may_change_from_night_to_night, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_run_that_was_cut_off_is_gone_on_with, setup, teardown),
		cmocka_unit_test_setup_teardown(what_may_not_be_read_is_told_once, setup, teardown),
		cmocka_unit_test_setup_teardown(a_source_that_is_not_there_commits_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(entries_of_every_kind_go_through, setup, teardown),
		cmocka_unit_test_setup_teardown(attributes_stay_with_an_unchanged_file, setup, teardown),
		cmocka_unit_test_setup_teardown(files_that_are_written_to_all_the_time_are_taken_and_told, setup,
						teardown),
		cmocka_unit_test_setup_teardown(without_deduplication_equal_content_is_stored_each_time_it_is_read,
						setup, teardown),
		cmocka_unit_test_setup_teardown(without_deduplication_distant_groups_and_bare_nodes_stay_as_they_were,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_bare_node_says_nothing_to_who_has_the_dataset_key, setup, teardown),
		cmocka_unit_test_setup_teardown(deduplication_may_be_switched_from_night_to_night, setup, teardown),
		cmocka_unit_test_setup_teardown(without_deduplication_a_run_that_was_cut_off_begins_again, setup,
						teardown),
		cmocka_unit_test_setup_teardown(padding_may_be_switched_from_night_to_night, setup, teardown),
		cmocka_unit_test_setup_teardown(padding_goes_with_random_keys_and_the_largest_chunks, setup, teardown),
		cmocka_unit_test_setup_teardown(two_agents_share_a_dataset, setup, teardown),
	};

	if (secret_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
