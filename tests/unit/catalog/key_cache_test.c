#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
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
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/io.h"
#include "catalog/key_cache.h"
#include "crypto/secret.h"

/* The layout of `keys`, as key_cache.h says it. */
enum { KEYS_HEAD = 8, KEYS_ROW = 104, ROW_KEY = 8, ROW_NODE = 40 };

#define FILES 3 /* in each node */

static char folder[64], dir[80];

static int make_folder(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/nightfold-keys-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(dir, sizeof dir, "%s/cache", folder);
	return 0;
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

static const char *in(const char *name)
{
	static char paths[4][512];
	static unsigned turn;
	char *path = paths[turn++ % 4];

	snprintf(path, sizeof paths[0], "%s/%s", dir, name);
	return path;
}

/* ---- nodes ---- */

static struct node_writer *writer; /* guarded; one for all tests */

static void make_key(uint8_t key[KEY_SIZE], const char *what, unsigned number, unsigned version)
{
	char text[64];

	memset(text, '.', sizeof text);
	text[snprintf(text, sizeof text, "%s %u %u", what, number, version)] = '.';
	memcpy(key, text, KEY_SIZE);
}

/* The chunk key of version `version` of node `number`: what must not be found where it should not. */
static void content_key(uint8_t key[KEY_SIZE], unsigned number, unsigned version)
{
	make_key(key, "chunk key", number, version);
}

static void node_key_of(uint8_t key[KEY_SIZE], unsigned number, unsigned version)
{
	make_key(key, "node key", number, version);
}

static void node_id_of(uint8_t id[ID_SIZE], unsigned number, unsigned version)
{
	uint8_t key[KEY_SIZE];

	node_key_of(key, number, version);
	chunk_id(key, id);
}

static void make_prints(struct stat_print prints[FILES], unsigned number, unsigned touched)
{
	for (unsigned i = 0; i < FILES; i++)
		prints[i] = (struct stat_print){
			.device = 1, .inode = 10 * number + i, .ctime = -5, .ctime_ns = touched
		};
}

static void make_node(unsigned number, unsigned version, const uint8_t **plain, size_t *len)
{
	const uint8_t(*children)[ID_SIZE];
	uint8_t id[ID_SIZE], key[KEY_SIZE];
	uint32_t index, count;

	node_writer_reset(writer, NODE_ENTRIES, 0);
	content_key(key, number, version);
	chunk_id(key, id);
	assert_int_equal(node_add_child(writer, id, key, 30, &index), 0);
	for (unsigned i = 0; i < FILES; i++) {
		char path[32];
		struct entry e = {
			.path = path,
			.type = ENTRY_FILE,
			.mode = 0644,
			.size = 10,
			.user = "",
			.group = "",
			.content = { .form = CONTENT_SLICE, .child = index, .offset = 10 * i, .length = 10 },
		};

		e.path_len = (uint32_t)snprintf(path, sizeof path, "%06u-%u", number, i);
		assert_int_equal(node_add_entry(writer, &e), 0);
	}
	assert_int_equal(node_finish(writer, plain, len, &children, &count), 0);
}

/* ---- runs ---- */

static void add(struct key_cache *c, unsigned number, unsigned version, unsigned touched)
{
	struct stat_print prints[FILES];
	uint8_t id[ID_SIZE], key[KEY_SIZE];
	const uint8_t *plain;
	size_t len;

	make_prints(prints, number, touched);
	node_key_of(key, number, version);
	node_id_of(id, number, version);
	make_node(number, version, &plain, &len);
	assert_int_equal(key_cache_add(c, plain, len, id, key, 1000 + number, prints, FILES), 0);
}

static struct key_cache *open_cache(void)
{
	struct key_cache *c = NULL;

	assert_int_equal(key_cache_open(dir, NULL, &c), 0);
	return c;
}

/* One whole run: nodes 0 .. count - 1, all of version 0 and untouched. */
static void run_plain(unsigned count)
{
	struct key_cache *c = open_cache();

	for (unsigned i = 0; i < count; i++)
		add(c, i, 0, 0);
	assert_int_equal(key_cache_commit(c), 0);
	key_cache_close(c);
}

static void assert_shard(const struct shard *s, unsigned number, unsigned version, unsigned touched)
{
	struct stat_print prints[FILES];
	uint8_t id[ID_SIZE], key[KEY_SIZE];

	assert_non_null(s);
	node_id_of(id, number, version);
	node_key_of(key, number, version);
	assert_memory_equal(s->node_id, id, ID_SIZE);
	assert_memory_equal(s->node_key, key, KEY_SIZE);
	assert_int_equal(s->node_bytes, 1000 + number);
	assert_int_equal(s->node.entry_count, FILES);
	assert_int_equal(s->node.child_count, 1);
	content_key(key, number, version);
	assert_memory_equal(s->node.children[0].key, key, KEY_SIZE);
	make_prints(prints, number, touched);
	for (unsigned i = 0; i < FILES; i++) {
		char path[32];

		snprintf(path, sizeof path, "%06u-%u", number, i);
		assert_int_equal(s->node.entries[i].path_len, strlen(path));
		assert_memory_equal(s->node.entries[i].path, path, strlen(path));
		assert_int_equal(s->prints[i].device, prints[i].device);
		assert_int_equal(s->prints[i].inode, prints[i].inode);
		assert_int_equal(s->prints[i].ctime, prints[i].ctime);
		assert_int_equal(s->prints[i].ctime_ns, prints[i].ctime_ns);
	}
}

/* The whole cache: node `numbers[i]`, all of version 0 and untouched. */
static void assert_cache(const unsigned *numbers, size_t count)
{
	struct key_cache *c = open_cache();
	const struct shard *s;

	for (size_t i = 0; i < count; i++) {
		assert_int_equal(key_cache_next(c, &s), 0);
		assert_shard(s, numbers[i], 0, 0);
	}
	for (int again = 0; again < 2; again++) {
		assert_int_equal(key_cache_next(c, &s), 0);
		assert_null(s);
	}
	key_cache_close(c);
}

/* ---- looking into the folder ---- */

static void load(const char *name, struct buf *out)
{
	buf_init(out, 10u << 20, "test");
	assert_int_equal(io_load(in(name), out), 0);
}

/* Row `number` of `keys`. */
static void load_row(unsigned number, uint8_t row[KEYS_ROW])
{
	_buf_ struct buf keys;

	load("keys", &keys);
	assert_int_equal((keys.len - KEYS_HEAD) % KEYS_ROW, 0);
	assert_true(keys.len >= KEYS_HEAD + (size_t)(number + 1) * KEYS_ROW);
	memcpy(row, keys.data + KEYS_HEAD + (size_t)number * KEYS_ROW, KEYS_ROW);
}

static const char *shard_of(const uint8_t row[KEYS_ROW])
{
	static char name[64];

	for (int i = 0; i < 8; i++)
		snprintf(name + 2 * i, 3, "%02x", row[i]);
	strcat(name, ".shard");
	return name;
}

/* In how many files of the folder these bytes are; *files: how many there are. */
static unsigned files_with(const void *bytes, size_t len, unsigned *files)
{
	DIR *d = opendir(dir);
	const struct dirent *e;
	unsigned found = 0;

	assert_non_null(d);
	*files = 0;
	while ((e = readdir(d))) {
		_buf_ struct buf b = { 0 };

		if (e->d_type != DT_REG)
			continue;
		load(e->d_name, &b);
		(*files)++;
		found += memmem(b.data, b.len, bytes, len) != NULL;
	}
	closedir(d);
	return found;
}

static unsigned count_files(void)
{
	unsigned files;

	files_with("", 1, &files);
	return files;
}

static void assert_nowhere(const void *bytes, size_t len)
{
	unsigned files;

	assert_int_equal(files_with(bytes, len, &files), 0);
}

static void flip_byte(const char *name, off_t at)
{
	uint8_t byte;
	_fd_ int fd = open(in(name), O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	if (at < 0)
		at += lseek(fd, 0, SEEK_END);
	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= 1;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
}

/* ---- tests ---- */

static void shards_come_back_in_order(void **state)
{
	static unsigned numbers[600];

	(void)state;
	assert_cache(numbers, 0);
	for (unsigned i = 0; i < 600; i++)
		numbers[i] = i;
	run_plain(600);
	assert_cache(numbers, 600);
	assert_cache(numbers, 600);
	assert_int_equal(count_files(), 601);
}

static void nothing_of_a_shard_is_readable_in_the_folder_but_its_own_key(void **state)
{
	uint8_t key[KEY_SIZE];
	struct stat st;

	(void)state;
	run_plain(3);
	content_key(key, 1, 0);
	assert_nowhere(key, KEY_SIZE);
	node_key_of(key, 1, 0);
	assert_nowhere(key, KEY_SIZE);
	assert_nowhere("000001-", 7);
	assert_int_equal(stat(in("keys"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_size, KEYS_HEAD + 3 * KEYS_ROW);
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
}

static void an_unchanged_shard_is_kept_and_a_changed_one_has_a_new_key(void **state)
{
	uint8_t old[5][KEYS_ROW], new[5][KEYS_ROW];
	const struct shard *s;

	(void)state;
	run_plain(5);
	for (unsigned i = 0; i < 5; i++)
		load_row(i, old[i]);
	struct key_cache *c = open_cache();
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(key_cache_next(c, &s), 0);
	add(c, 0, 0, 0); /* the same, and read */
	add(c, 1, 0, 9); /* touched */
	add(c, 2, 1, 0); /* another content */
	add(c, 3, 0, 0); /* the same, and not read */
	add(c, 3, 0, 0); /* twice: one shard cannot be both */
	assert_int_equal(key_cache_commit(c), 0);
	key_cache_close(c);

	for (unsigned i = 0; i < 5; i++)
		load_row(i, new[i]);
	assert_memory_equal(new[0], old[0], KEYS_ROW);
	assert_memory_equal(new[3], old[3], KEYS_ROW);
	for (unsigned i = 0; i < 5; i++) {
		if (i == 0 || i == 3)
			continue;
		assert_memory_not_equal(new[i], old[i], 8);
		assert_memory_not_equal(new[i] + ROW_KEY, old[i] + ROW_KEY, KEY_SIZE);
		assert_nowhere(old[i] + ROW_KEY, KEY_SIZE);
		assert_int_equal(access(in(shard_of(old[i])), F_OK), -1);
	}
	c = open_cache();
	assert_int_equal(key_cache_next(c, &s), 0);
	assert_shard(s, 0, 0, 0);
	assert_int_equal(key_cache_next(c, &s), 0);
	assert_shard(s, 1, 0, 9);
	assert_int_equal(key_cache_next(c, &s), 0);
	assert_shard(s, 2, 1, 0);
	key_cache_close(c);
}

/*
 * A node whose key was drawn is found by its name, whatever the file system says of its entries, as often as it is
 * asked for.
 */
static void a_drawn_key_is_recalled_by_the_nodes_name(void **state)
{
	uint8_t name[ID_SIZE], key[KEY_SIZE], drawn[KEY_SIZE];
	struct stat_print prints[FILES];
	struct key_cache *c = open_cache();
	const struct shard *s;
	const uint8_t *plain;
	size_t len;
	bool found;

	(void)state;
	node_id_of(name, 7, 0);
	make_key(drawn, "drawn", 7, 0);
	assert_int_equal(key_cache_recall(c, name, key, &found), 0);
	assert_false(found);
	for (unsigned i = 0; i < 7; i++)
		add(c, i, 0, 0);
	make_prints(prints, 7, 0);
	make_node(7, 0, &plain, &len);
	assert_int_equal(key_cache_add(c, plain, len, name, drawn, 1007, prints, FILES), 0);
	assert_int_equal(key_cache_recall(c, name, key, &found), 0);
	assert_false(found); /* it is the last run's that counts */
	assert_int_equal(key_cache_commit(c), 0);
	key_cache_close(c);

	c = open_cache();
	for (unsigned turn = 0; turn < 2; turn++) {
		assert_int_equal(key_cache_recall(c, name, key, &found), 0);
		assert_true(found);
		assert_memory_equal(key, drawn, KEY_SIZE);
	}
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(key_cache_next(c, &s), 0);
	chunk_id(drawn, name);
	assert_memory_equal(s->node_id, name, ID_SIZE);
	assert_memory_equal(s->node_key, drawn, KEY_SIZE);
	assert_int_equal(key_cache_recall(c, name, key, &found), 0);
	assert_false(found);
	node_id_of(name, 7, 1);
	assert_int_equal(key_cache_recall(c, name, key, &found), 0);
	assert_false(found);
	key_cache_close(c);
}

static void of_a_damaged_shard_no_key_is_recalled(void **state)
{
	uint8_t row[KEYS_ROW], name[ID_SIZE], key[KEY_SIZE];
	bool found;

	(void)state;
	run_plain(3);
	load_row(1, row);
	flip_byte(shard_of(row), -1);
	struct key_cache *c = open_cache();
	for (unsigned i = 0; i < 3; i++) {
		node_id_of(name, i, 0);
		assert_int_equal(key_cache_recall(c, name, key, &found), 0);
		assert_int_equal(found, i != 1);
	}
	key_cache_close(c);
}

static void what_vanished_from_the_source_cannot_be_opened_any_more(void **state)
{
	uint8_t gone[KEYS_ROW], zeros[KEYS_ROW] = { 0 }, seen[KEYS_ROW];
	const unsigned left[] = { 0, 2 };
	unsigned files;

	(void)state;
	run_plain(3);
	load_row(1, gone);
	_fd_ int old_keys = open(in("keys"), O_RDONLY | O_CLOEXEC);
	_buf_ struct buf sealed;
	load(shard_of(gone), &sealed);
	assert_int_equal(files_with(gone + ROW_KEY, KEY_SIZE, &files), 1);
	assert_int_equal(files, 4);

	struct key_cache *c = open_cache();
	add(c, 0, 0, 0);
	add(c, 2, 0, 0);
	assert_int_equal(key_cache_commit(c), 0);
	key_cache_close(c);
	assert_int_equal(files_with(gone + ROW_KEY, KEY_SIZE, &files), 0);
	assert_int_equal(files, 3);
	assert_nowhere(gone + ROW_NODE, ID_SIZE);
	assert_nowhere(sealed.data, 24);
	/* Not only unlinked: the old file's bytes are overwritten. */
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(pread(old_keys, seen, sizeof seen, KEYS_HEAD + i * KEYS_ROW), sizeof seen);
		assert_memory_equal(seen, zeros, sizeof seen);
	}
	assert_cache(left, 2);
}

static void a_run_that_is_not_committed_changes_nothing(void **state)
{
	const unsigned all[] = { 0, 1, 2 };
	_buf_ struct buf before, after;
	int status;

	(void)state;
	run_plain(3);
	load("keys", &before);

	/* Closed without a commit. */
	struct key_cache *c = open_cache();
	add(c, 1, 1, 0);
	assert_int_equal(count_files(), 6);
	key_cache_close(c);
	assert_int_equal(access(in(".keys.tmp"), F_OK), -1);
	assert_cache(all, 3);

	/* Killed. */
	pid_t child = fork();
	if (child == 0) {
		if (key_cache_open(dir, NULL, &c) != 0)
			_exit(1);
		for (unsigned i = 0; i < 400; i++)
			add(c, i + 10, 1, 0);
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(count_files(), 405);
	assert_cache(all, 3);
	assert_int_equal(count_files(), 4);
	load("keys", &after);
	assert_int_equal(before.len, after.len);
	assert_memory_equal(before.data, after.data, before.len);
}

static void a_kill_during_a_commit_loses_neither_the_keys_nor_their_destruction(void **state)
{
	const unsigned all[] = { 0, 1, 2 };
	uint8_t row[KEYS_ROW], zeros[KEYS_ROW] = { 0 }, seen[KEYS_ROW];

	(void)state;
	/* Before `keys` was replaced: both names are of the keys that count. */
	run_plain(3);
	assert_int_equal(link(in("keys"), in("keys.old")), 0);
	assert_cache(all, 3);
	assert_int_equal(access(in("keys.old"), F_OK), -1);

	/* After: the old ones are to be overwritten still. */
	load_row(1, row);
	assert_int_equal(link(in("keys"), in("keys.old")), 0);
	_fd_ int old_keys = open(in("keys.old"), O_RDONLY | O_CLOEXEC);
	assert_int_equal(rename(in("keys"), in("keys.away")), 0);
	assert_int_equal(unlink(in("keys.away")), 0);
	_fd_ int fd = open(in("keys"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, "NFKEYS1\n", 8), 8);
	assert_cache(all, 0);
	assert_nowhere(row + ROW_KEY, KEY_SIZE);
	assert_int_equal(pread(old_keys, seen, sizeof seen, KEYS_HEAD + KEYS_ROW), sizeof seen);
	assert_memory_equal(seen, zeros, sizeof seen);
	assert_int_equal(count_files(), 1);
}

static void a_damaged_shard_is_absent_and_written_anew(void **state)
{
	static const struct {
		off_t flip;     /* byte, from the end when negative */
		off_t truncate; /* to, when not 0 */
		bool unlink;
	} rows[] = {
		{ .flip = 0 },      { .flip = 30 },      { .flip = -1 },     { .truncate = 1 },
		{ .truncate = 60 }, { .truncate = 100 }, { .unlink = true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const unsigned all[] = { 0, 1, 2 };
		uint8_t old[KEYS_ROW], new[KEYS_ROW];
		const struct shard *s;

		run_plain(3);
		load_row(1, old);
		if (rows[i].unlink)
			assert_int_equal(unlink(in(shard_of(old))), 0);
		else if (rows[i].truncate)
			assert_int_equal(truncate(in(shard_of(old)), rows[i].truncate), 0);
		else
			flip_byte(shard_of(old), rows[i].flip);

		struct key_cache *c = open_cache();
		assert_int_equal(key_cache_next(c, &s), 0);
		assert_shard(s, 0, 0, 0);
		assert_int_equal(key_cache_next(c, &s), 0);
		assert_shard(s, 2, 0, 0);
		for (unsigned k = 0; k < 3; k++)
			add(c, k, 0, 0);
		assert_int_equal(key_cache_commit(c), 0);
		key_cache_close(c);
		load_row(1, new);
		assert_memory_not_equal(new + ROW_KEY, old + ROW_KEY, KEY_SIZE);
		assert_cache(all, 3);
	}
}

static void a_shard_under_the_name_of_another_is_absent(void **state)
{
	const unsigned left[] = { 2 };
	uint8_t a[KEYS_ROW], b[KEYS_ROW];

	(void)state;
	run_plain(3);
	load_row(0, a);
	load_row(1, b);
	char name[64];
	snprintf(name, sizeof name, "%s", shard_of(a));
	assert_int_equal(rename(in(name), in("swap")), 0);
	assert_int_equal(rename(in(shard_of(b)), in(name)), 0);
	assert_int_equal(rename(in("swap"), in(shard_of(b))), 0);
	assert_cache(left, 1);
}

static void a_damaged_row_of_keys_costs_one_shard(void **state)
{
	static const off_t fields[] = { 0, ROW_KEY, ROW_NODE };
	const unsigned left[] = { 0, 2 };

	(void)state;
	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
		assert_int_equal(key_cache_destroy(dir), 0);
		run_plain(3);
		flip_byte("keys", KEYS_HEAD + KEYS_ROW + fields[i]);
		assert_cache(left, 2);
	}
}

static void damaged_keys_are_an_empty_cache(void **state)
{
	const unsigned all[] = { 0, 1, 2 };

	(void)state;
	for (int i = 0; i < 3; i++) {
		run_plain(3);
		if (i == 0)
			flip_byte("keys", 3);
		else
			assert_int_equal(truncate(in("keys"), i == 1 ? KEYS_HEAD + KEYS_ROW + 1 : 5), 0);
		assert_cache(NULL, 0);
		run_plain(3);
		assert_cache(all, 3);
		assert_int_equal(count_files(), 4);
	}
}

static void files_of_others_are_left_alone(void **state)
{
	static const char *const names[] = { "README", "0123456789abcdef.shards", "0123456789ABCDEF.shard",
					     "123.shard" };

	(void)state;
	run_plain(1);
	for (size_t i = 0; i < 4; i++) {
		_fd_ int fd = open(in(names[i]), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

		assert_true(fd >= 0);
	}
	run_plain(2);
	assert_int_equal(key_cache_destroy(dir), 0);
	assert_int_equal(count_files(), 4);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(unlink(in(names[i])), 0);
}

static void destruction_overwrites_the_keys_and_leaves_nothing(void **state)
{
	uint8_t zeros[KEYS_ROW] = { 0 }, seen[KEYS_ROW];

	(void)state;
	run_plain(2);
	_fd_ int keys = open(in("keys"), O_RDONLY | O_CLOEXEC);
	assert_int_equal(key_cache_destroy(dir), 0);
	assert_int_equal(access(dir, F_OK), -1);
	assert_int_equal(pread(keys, seen, sizeof seen, KEYS_HEAD), sizeof seen);
	assert_memory_equal(seen, zeros, sizeof seen);
	assert_int_equal(key_cache_destroy(dir), 0);
	key_cache_close(NULL);
}

/* One whole run of a cache whose keys are in memory. -> whether the keys were gone before it. */
static bool run_in_memory(const char *memory, unsigned count, unsigned expected)
{
	struct key_cache *c = NULL;
	const struct shard *s;
	unsigned seen = 0;

	assert_int_equal(key_cache_open(dir, memory, &c), 0);
	bool lost = key_cache_lost(c);
	while (key_cache_next(c, &s) == 0 && s)
		assert_shard(s, seen++, 0, 0);
	assert_int_equal(seen, expected);
	for (unsigned i = 0; i < count; i++)
		add(c, i, 0, 0);
	assert_int_equal(key_cache_commit(c), 0);
	key_cache_close(c);
	return lost;
}

static void keys_in_memory_leave_nothing_on_disk_that_opens_a_shard(void **state)
{
	char base[] = "/dev/shm/nightfold-keys-XXXXXX", memory[80];
	uint8_t zeros[KEYS_ROW] = { 0 }, seen[KEYS_ROW];

	(void)state;
	if (!mkdtemp(base))
		skip();
	snprintf(memory, sizeof memory, "%s/a/keys", base);
	_free_ char *file = xasprintf("%s/keys", memory);
	if (io_check_memory(base) != 0) {
		assert_int_equal(rmdir(base), 0);
		skip();
	}

	/* Keys that were on the disk are destroyed, not moved. */
	run_plain(3);
	_fd_ int old = open(in("keys"), O_RDONLY | O_CLOEXEC);
	assert_true(run_in_memory(memory, 3, 0));
	assert_int_equal(access(in("keys"), F_OK), -1);
	assert_int_equal(pread(old, seen, sizeof seen, KEYS_HEAD), sizeof seen);
	assert_memory_equal(seen, zeros, sizeof seen);
	assert_int_equal(count_files(), 3);
	assert_int_equal(access(file, F_OK), 0);

	assert_false(run_in_memory(memory, 2, 3));
	assert_int_equal(count_files(), 2);
	assert_int_equal(unlink(file), 0);
	assert_true(run_in_memory(memory, 2, 0));
	assert_false(run_in_memory(memory, 2, 2));

	assert_int_equal(key_cache_destroy(memory), 0);
	assert_int_equal(access(memory, F_OK), -1);
	assert_true(run_in_memory(memory, 0, 0));
	/* There is nothing to lose. */
	assert_int_equal(key_cache_destroy(memory), 0);
	assert_false(run_in_memory(memory, 0, 0));

	struct key_cache *c = NULL;
	assert_int_equal(chmod(memory, 0750), 0);
	assert_int_equal(key_cache_open(dir, memory, &c), ERR_REFUSED);
	assert_non_null(strstr(err_message(), "open to others"));
	assert_null(c);
	assert_int_equal(nftw(base, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

static void keys_in_memory_are_refused_a_place_on_disk(void **state)
{
	struct key_cache *c = NULL;

	(void)state;
	_free_ char *memory = xasprintf("%s/memory/keys", folder);
	if (io_check_memory(folder) == 0)
		skip();
	run_plain(1);
	assert_int_equal(key_cache_open(dir, memory, &c), ERR_REFUSED);
	assert_non_null(strstr(err_message(), "is not in memory"));
	assert_null(c);
	assert_int_equal(access(in("keys"), F_OK), 0);
}

static void trouble_with_the_folder_is_said(void **state)
{
	const struct rlimit small = { 100, RLIM_INFINITY };
	struct rlimit old;
	struct key_cache *c = NULL;
	struct stat_print prints[FILES];
	uint8_t id[ID_SIZE] = { 0 }, key[KEY_SIZE] = { 0 };
	const uint8_t *plain;
	size_t len;

	(void)state;
	_fd_ int file = open(dir, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(file >= 0);
	assert_int_equal(key_cache_open(dir, NULL, &c), ERR_SYSTEM);
	assert_int_equal(key_cache_destroy(dir), ERR_SYSTEM);
	assert_non_null(strstr(err_message(), dir));
	assert_int_equal(unlink(dir), 0);

	assert_int_equal(mkdir(dir, 0700), 0);
	for (int i = 0; i < 3; i++) {
		static const char *const names[] = { "keys", "keys.old", ".keys.tmp" };

		assert_int_equal(mkdir(in(names[i]), 0700), 0);
		assert_int_equal(key_cache_open(dir, NULL, &c), ERR_SYSTEM);
		assert_non_null(strstr(err_message(), names[i]));
		assert_int_equal(rmdir(in(names[i])), 0);
	}
	assert_null(c);

	/* A disk that is full shows as a failed write, and leaves the old cache. */
	const unsigned all[] = { 0 };
	run_plain(1);
	c = open_cache();
	make_prints(prints, 1, 0);
	make_node(1, 0, &plain, &len);
	assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(key_cache_add(c, plain, len, id, key, 0, prints, FILES), ERR_SYSTEM);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	key_cache_close(c);
	assert_cache(all, 1);
}

/* ---- threads ---- */

static void *read_on(void *context)
{
	struct key_cache *c = context;
	const struct shard *s;
	uintptr_t count = 0;

	while (key_cache_next(c, &s) == 0 && s)
		count++;
	return (void *)count;
}

static void one_thread_may_read_while_another_writes(void **state)
{
	uint8_t old[KEYS_ROW], new[KEYS_ROW];
	pthread_t thread;
	void *count;

	(void)state;
	run_plain(300);
	load_row(299, old);
	struct key_cache *c = open_cache();
	assert_int_equal(pthread_create(&thread, NULL, read_on, c), 0);
	for (unsigned i = 0; i < 300; i++)
		add(c, i, i % 3 == 1, 0);
	assert_int_equal(pthread_join(thread, &count), 0);
	assert_int_equal((uintptr_t)count, 300);
	assert_int_equal(key_cache_commit(c), 0);
	key_cache_close(c);
	assert_int_equal(count_files(), 301);
	load_row(299, new);
	assert_memory_equal(old, new, KEYS_ROW);
}

static int start(void **state)
{
	int failed_to = make_folder(state);

	writer = node_writer_new();
	return failed_to;
}

static int finish(void **state)
{
	node_writer_free(writer);
	return remove_folder(state);
}

static int destroy(void **state)
{
	(void)state;
	return key_cache_destroy(dir);
}

int main(void)
{
#define CACHE_TEST(f) cmocka_unit_test_teardown(f, destroy)
	const struct CMUnitTest tests[] = {
		CACHE_TEST(shards_come_back_in_order),
		CACHE_TEST(nothing_of_a_shard_is_readable_in_the_folder_but_its_own_key),
		CACHE_TEST(an_unchanged_shard_is_kept_and_a_changed_one_has_a_new_key),
		CACHE_TEST(a_drawn_key_is_recalled_by_the_nodes_name),
		CACHE_TEST(of_a_damaged_shard_no_key_is_recalled),
		CACHE_TEST(what_vanished_from_the_source_cannot_be_opened_any_more),
		CACHE_TEST(a_run_that_is_not_committed_changes_nothing),
		CACHE_TEST(a_kill_during_a_commit_loses_neither_the_keys_nor_their_destruction),
		CACHE_TEST(a_damaged_shard_is_absent_and_written_anew),
		CACHE_TEST(a_shard_under_the_name_of_another_is_absent),
		CACHE_TEST(a_damaged_row_of_keys_costs_one_shard),
		CACHE_TEST(damaged_keys_are_an_empty_cache),
		CACHE_TEST(files_of_others_are_left_alone),
		CACHE_TEST(destruction_overwrites_the_keys_and_leaves_nothing),
		CACHE_TEST(keys_in_memory_leave_nothing_on_disk_that_opens_a_shard),
		CACHE_TEST(keys_in_memory_are_refused_a_place_on_disk),
		CACHE_TEST(trouble_with_the_folder_is_said),
		CACHE_TEST(one_thread_may_read_while_another_writes),
	};

	return cmocka_run_group_tests(tests, start, finish);
}
