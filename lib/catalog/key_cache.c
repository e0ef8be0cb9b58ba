#include "catalog/key_cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/hex.h"
#include "base/io.h"
#include "base/log.h"
#include "catalog/encode.h"

#define KEYS      "keys"
#define KEYS_NEW  ".keys.tmp"
#define KEYS_OLD  "keys.old"
#define SHARD_END ".shard"

#define MAGIC      "NFKEYS1\n"
#define MAGIC_SIZE 8

#define FILE_ID_SIZE    8
#define SHARD_NAME_SIZE (2 * FILE_ID_SIZE + sizeof SHARD_END)
#define PURPOSE         "nightfold key cache shard v1" /* with its NUL */
#define AAD_SIZE        (sizeof PURPOSE + FILE_ID_SIZE + ID_SIZE)

#define PRINT_SIZE  28
#define FIXED_SIZE  (KEY_SIZE + 8 + 4)
#define PLAIN_MAX   (FIXED_SIZE + (size_t)NODE_ENTRIES_MAX * PRINT_SIZE + NODE_MAX)
#define SHARDS_MAX  (1u << 24)
#define KEYS_BUFFER 256u /* of this run's, before they are written */

/* As in the file `keys`. */
struct shard_key {
	uint8_t file[FILE_ID_SIZE];
	uint8_t key[KEY_SIZE];
	uint8_t node[ID_SIZE]; /* its name */
	uint8_t prints[DIGEST_SIZE];
};

_Static_assert(sizeof(struct shard_key) == 104, "read and written as it is");

/* An old shard is dropped at the end unless it was kept. */
enum shard_state { SHARD_OLD, SHARD_BAD, SHARD_KEPT };

struct by_node {
	uint64_t start; /* of the node's name */
	uint32_t number;
};

/* What one thread needs to read or write a shard. */
struct lane {
	struct shard_key *key; /* guarded */
	struct buf plain;      /* guarded */
	uint8_t *sealed;
};

struct key_cache {
	char *dir, *keys_dir; /* where the shards and the files of keys are; maybe the same */
	int dir_fd, keys_fd;
	bool lost;
	/* last run's: fixed but for the states */
	int old_fd; /* of `keys`, or -1 */
	uint32_t old_count;
	uint8_t (*old_files)[FILE_ID_SIZE];
	struct by_node *by_node; /* sorted */
	atomic_uchar *states;    /* enum shard_state; next() and add() both set them */
	/* reading */
	struct lane reading;
	uint32_t next;
	struct shard *shard;       /* guarded, since it has the node's key */
	struct stat_print *prints; /* room for NODE_ENTRIES_MAX */
	/* writing */
	struct lane writing;
	int new_fd;             /* of `.keys.tmp` */
	struct shard_key *keys; /* guarded: not written yet */
	size_t key_count;
};

/* ---- small parts ---- */

static void put_u64(uint8_t *out, uint64_t value)
{
	encode_number(out, (uint32_t)(value >> 32));
	encode_number(out + 4, (uint32_t)value);
}

static uint64_t get_u64(const uint8_t *in)
{
	return (uint64_t)decode_number(in) << 32 | decode_number(in + 4);
}

static void put_print(uint8_t out[PRINT_SIZE], const struct stat_print *print)
{
	put_u64(out, print->device);
	put_u64(out + 8, print->inode);
	put_u64(out + 16, (uint64_t)print->ctime);
	encode_number(out + 24, print->ctime_ns);
}

static void get_print(const uint8_t in[PRINT_SIZE], struct stat_print *print)
{
	*print = (struct stat_print){
		.device = get_u64(in),
		.inode = get_u64(in + 8),
		.ctime = (int64_t)get_u64(in + 16),
		.ctime_ns = decode_number(in + 24),
	};
}

static char *shard_name(const uint8_t file[FILE_ID_SIZE], char out[SHARD_NAME_SIZE])
{
	hex_encode(file, FILE_ID_SIZE, out);
	memcpy(out + 2 * (size_t)FILE_ID_SIZE, SHARD_END, sizeof SHARD_END);
	return out;
}

static void make_aad(const struct shard_key *key, uint8_t out[AAD_SIZE])
{
	memcpy(out, PURPOSE, sizeof PURPOSE);
	memcpy(out + sizeof PURPOSE, key->file, FILE_ID_SIZE);
	memcpy(out + sizeof PURPOSE + FILE_ID_SIZE, key->node, ID_SIZE);
}

static int io_failed(const struct key_cache *c, const char *what, const char *name)
{
	return failed_errno(ERR_SYSTEM, "key cache: cannot %s '%s/%s'", what, c->dir, name);
}

static int keys_failed(const struct key_cache *c, const char *what, const char *name)
{
	return failed_errno(ERR_SYSTEM, "key cache: cannot %s '%s/%s'", what, c->keys_dir, name);
}

static void lane_init(struct lane *l)
{
	l->key = secret_new(sizeof *l->key);
	l->sealed = xmalloc(PLAIN_MAX + AEAD_OVERHEAD);
	buf_init_guarded(&l->plain, PLAIN_MAX, "a shard of the key cache");
}

static void lane_release(struct lane *l)
{
	secret_free(l->key);
	buf_release(&l->plain);
	free(l->sealed);
}

/* ---- opening ---- */

/* Overwrites and unlinks a file of keys; one that is not there is no error. */
static int destroy_keys(int folder, const char *folder_name, const char *name)
{
	_fd_ int fd = openat(folder, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return failed_errno(ERR_SYSTEM, "key cache: cannot open '%s/%s'", folder_name, name);
	io_wipe(fd);
	return unlinkat(folder, name, 0) < 0
		       ? failed_errno(ERR_SYSTEM, "key cache: cannot remove '%s/%s'", folder_name, name)
		       : 0;
}

static int destroy_all_keys(int folder, const char *folder_name)
{
	static const char *const names[] = { KEYS, KEYS_OLD, KEYS_NEW };
	int code = 0;

	for (size_t i = 0; i < sizeof names / sizeof names[0] && code == 0; i++)
		code = destroy_keys(folder, folder_name, names[i]);
	return code;
}

/*
 * After a kill during a commit: `keys.old` is another name of `keys` (not replaced yet, and still the keys of now), or
 * the old keys that were to be overwritten.
 */
static int finish_old_commit(const struct key_cache *c)
{
	struct stat old, keys;

	if (fstatat(c->keys_fd, KEYS_OLD, &old, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : keys_failed(c, "look at", KEYS_OLD);
	if (fstatat(c->keys_fd, KEYS, &keys, AT_SYMLINK_NOFOLLOW) == 0 && keys.st_ino == old.st_ino &&
	    keys.st_dev == old.st_dev)
		return unlinkat(c->keys_fd, KEYS_OLD, 0) < 0 ? keys_failed(c, "remove", KEYS_OLD) : 0;
	return destroy_keys(c->keys_fd, c->keys_dir, KEYS_OLD);
}

static int read_key(const struct key_cache *c, uint32_t number, struct shard_key *out)
{
	size_t got;
	int code = io_pread(c->old_fd, out, sizeof *out, MAGIC_SIZE + (uint64_t)number * sizeof *out, &got, KEYS);

	if (code)
		return failed_in(code, "key cache '%s'", c->keys_dir);
	return got < sizeof *out ? failed(ERR_SYSTEM, "key cache '%s': '%s' became shorter", c->keys_dir, KEYS) : 0;
}

static int compare_by_node(const void *a, const void *b)
{
	const struct by_node *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

/* Opens `keys` and remembers of each shard its file and the start of its node's name. */
static int load_keys(struct key_cache *c)
{
	char magic[MAGIC_SIZE];
	struct stat st;
	size_t got;

	c->old_fd = openat(c->keys_fd, KEYS, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (c->old_fd < 0)
		return errno == ENOENT ? 0 : keys_failed(c, "open", KEYS);
	if (fstat(c->old_fd, &st) < 0)
		return keys_failed(c, "look at", KEYS);
	int code = io_pread(c->old_fd, magic, sizeof magic, 0, &got, KEYS);
	if (code)
		return failed_in(code, "key cache '%s'", c->keys_dir);
	uint64_t bytes = (uint64_t)st.st_size - got, count = bytes / sizeof(struct shard_key);
	if (got < sizeof magic || memcmp(magic, MAGIC, sizeof magic) != 0 || bytes % sizeof(struct shard_key) != 0 ||
	    count > SHARDS_MAX) {
		log_warning("key cache '%s': '%s' is damaged; every file is read again", c->keys_dir, KEYS);
		return 0;
	}
	c->old_files = xcalloc(count + 1, sizeof *c->old_files);
	c->by_node = xcalloc(count + 1, sizeof *c->by_node);
	c->states = xcalloc(count + 1, sizeof *c->states);
	for (uint32_t i = 0; i < count && code == 0; i++) {
		code = read_key(c, i, c->reading.key);
		memcpy(c->old_files[i], c->reading.key->file, FILE_ID_SIZE);
		c->by_node[i] = (struct by_node){ get_u64(c->reading.key->node), i };
	}
	c->old_count = (uint32_t)count;
	qsort(c->by_node, count, sizeof *c->by_node, compare_by_node);
	return code;
}

static int compare_files(const void *a, const void *b)
{
	return memcmp(a, b, FILE_ID_SIZE);
}

/* Unlinks every shard that is not among these sorted ids. *deleted: whether there were any. */
static int delete_shards(const struct key_cache *c, uint8_t (*keep)[FILE_ID_SIZE], size_t count, bool *deleted)
{
	int fd = openat(c->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;
	int code = 0;

	*deleted = false;
	if (!d)
		return io_failed(c, "list", ".");
	while (code == 0 && (errno = 0, e = readdir(d))) {
		uint8_t file[FILE_ID_SIZE];

		if (strlen(e->d_name) != SHARD_NAME_SIZE - 1 || strcmp(e->d_name + 2 * FILE_ID_SIZE, SHARD_END) != 0 ||
		    hex_decode(e->d_name, 2 * FILE_ID_SIZE, file, sizeof file) != 0)
			continue;
		if (count > 0 && bsearch(file, keep, count, FILE_ID_SIZE, compare_files))
			continue;
		if (unlinkat(c->dir_fd, e->d_name, 0) < 0)
			code = io_failed(c, "remove", e->d_name);
		*deleted = true;
	}
	if (code == 0 && errno != 0)
		code = io_failed(c, "list", ".");
	closedir(d);
	return code;
}

static int delete_strangers(struct key_cache *c, bool *deleted)
{
	_free_ uint8_t(*sorted)[FILE_ID_SIZE] = xcalloc(c->old_count + 1u, FILE_ID_SIZE);

	if (c->old_count > 0) {
		memcpy(sorted, c->old_files, (size_t)c->old_count * FILE_ID_SIZE);
		qsort(sorted, c->old_count, FILE_ID_SIZE, compare_files);
	}
	return delete_shards(c, sorted, c->old_count, deleted);
}

static int start_new_keys(struct key_cache *c)
{
	c->new_fd = openat(c->keys_fd, KEYS_NEW, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (c->new_fd < 0)
		return keys_failed(c, "create", KEYS_NEW);
	int code = io_write(c->new_fd, MAGIC, MAGIC_SIZE, KEYS_NEW);
	return code ? failed_in(code, "key cache '%s'", c->keys_dir) : 0;
}

static struct key_cache *cache_new(const char *dir, const char *keys_dir)
{
	struct key_cache *c = xcalloc(1, sizeof *c);

	c->dir = xstrdup(dir);
	c->keys_dir = xstrdup(keys_dir ? keys_dir : dir);
	c->old_fd = c->new_fd = -1;
	c->keys_fd = open(c->keys_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	c->dir_fd = open(c->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return c;
}

static int make_folders(const char *dir, const char *keys_dir)
{
	int code = io_make_dirs(dir, 0700);

	if (code == 0 && keys_dir)
		code = io_check_memory(keys_dir);
	return code == 0 && keys_dir ? io_make_dirs(keys_dir, 0700) : code;
}

/* Memory is where others may write, too: no folder of theirs is taken. */
static int check_folders(const struct key_cache *c)
{
	struct stat st;

	if (c->dir_fd < 0)
		return io_failed(c, "open", ".");
	if (c->keys_fd < 0 || fstat(c->keys_fd, &st) < 0)
		return keys_failed(c, "open", ".");
	if (strcmp(c->dir, c->keys_dir) != 0 && (st.st_uid != geteuid() || (st.st_mode & 077) != 0))
		return failed(ERR_REFUSED, "key cache: '%s' is another user's or open to others: remove it",
			      c->keys_dir);
	return 0;
}

static int open_old(struct key_cache *c)
{
	/* A run that was killed has left its own, and maybe shards that no key was ever kept of. */
	bool killed = faccessat(c->keys_fd, KEYS_NEW, F_OK, AT_SYMLINK_NOFOLLOW) == 0, deleted;
	int code = finish_old_commit(c);

	if (code == 0)
		code = destroy_keys(c->keys_fd, c->keys_dir, KEYS_NEW);
	if (code == 0)
		code = load_keys(c);
	if (code == 0)
		code = delete_strangers(c, &deleted);
	if (code == 0)
		c->lost = c->old_count == 0 && deleted && !killed;
	return code;
}

int key_cache_open(const char *dir, const char *keys_dir, struct key_cache **out)
{
	int code = make_folders(dir, keys_dir);

	if (code)
		return code;
	struct key_cache *c = cache_new(dir, keys_dir);
	lane_init(&c->reading);
	lane_init(&c->writing);
	c->shard = secret_new(sizeof *c->shard);
	c->prints = xcalloc(NODE_ENTRIES_MAX, sizeof *c->prints);
	c->keys = secret_new(KEYS_BUFFER * sizeof *c->keys);
	code = check_folders(c);
	/*
	 * Keys that were on a disk do not move to memory: they would open shards for who finds the disk's old blocks.
	 */
	if (code == 0 && keys_dir)
		code = destroy_all_keys(c->dir_fd, c->dir);
	if (code == 0)
		code = open_old(c);
	if (code == 0)
		code = start_new_keys(c);
	if (code) {
		key_cache_close(c);
		return code;
	}
	*out = c;
	return 0;
}

bool key_cache_lost(const struct key_cache *c)
{
	return c->lost;
}

void key_cache_close(struct key_cache *c)
{
	if (!c)
		return;
	if (c->new_fd >= 0) { /* not committed: this run's keys are nobody's */
		io_wipe(c->new_fd);
		unlinkat(c->keys_fd, KEYS_NEW, 0);
	}
	close_fd(&c->new_fd);
	close_fd(&c->old_fd);
	close_fd(&c->dir_fd);
	close_fd(&c->keys_fd);
	if (c->shard)
		node_release(&c->shard->node);
	secret_free(c->shard);
	secret_free(c->keys);
	lane_release(&c->reading);
	lane_release(&c->writing);
	free(c->prints);
	free(c->old_files);
	free(c->by_node);
	free(c->states);
	free(c->dir);
	free(c->keys_dir);
	free(c);
}

/* ---- reading ---- */

/* Decrypts the shard of l->key into l->plain. ERR_MISSING, with a message, for all that makes it unusable. */
static int open_shard(struct key_cache *c, struct lane *l)
{
	char name[SHARD_NAME_SIZE];
	uint8_t aad[AAD_SIZE];
	size_t overhead = suite_overhead(SUITE_XCHACHA20POLY1305), got;
	_fd_ int fd = openat(c->dir_fd, shard_name(l->key->file, name), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return failed_errno(ERR_MISSING, "cannot open '%s'", name);
	if (io_pread(fd, l->sealed, PLAIN_MAX + overhead, 0, &got, name))
		return ERR_MISSING;
	make_aad(l->key, aad);
	if (got < overhead + FIXED_SIZE ||
	    aead_open(SUITE_XCHACHA20POLY1305, l->key->key, aad, sizeof aad, l->sealed, got, l->plain.data))
		return failed(ERR_MISSING, "'%s' does not authenticate", name);
	l->plain.len = got - overhead;
	return 0;
}

/* reading.plain -> shard */
static int decode_shard(struct key_cache *c)
{
	struct shard *s = c->shard;
	const uint8_t *plain = c->reading.plain.data, *prints = plain + FIXED_SIZE;
	uint32_t count = decode_number(plain + KEY_SIZE + 8);

	if (count > NODE_ENTRIES_MAX || (uint64_t)count * PRINT_SIZE > c->reading.plain.len - FIXED_SIZE)
		return failed(ERR_MISSING, "a shard has more entries than fit in");
	size_t head = FIXED_SIZE + (size_t)count * PRINT_SIZE;
	if (node_decode(plain + head, c->reading.plain.len - head, &s->node))
		return ERR_MISSING;
	if (s->node.type != NODE_ENTRIES || s->node.entry_count != count)
		return failed(ERR_MISSING, "a shard holds another node than it should");
	memcpy(s->node_key, plain, KEY_SIZE);
	chunk_id(s->node_key, s->node_id);
	s->node_bytes = get_u64(plain + KEY_SIZE);
	for (uint32_t i = 0; i < count; i++)
		get_print(prints + (size_t)i * PRINT_SIZE, &c->prints[i]);
	s->prints = c->prints;
	return 0;
}

int key_cache_next(struct key_cache *c, const struct shard **out)
{
	*out = NULL;
	while (c->next < c->old_count) {
		uint32_t number = c->next++;
		unsigned char old = SHARD_OLD;
		int code = read_key(c, number, c->reading.key);

		if (code)
			return code;
		node_release(&c->shard->node);
		code = open_shard(c, &c->reading);
		if (code == 0)
			code = decode_shard(c);
		if (code == 0) {
			*out = c->shard;
			return 0;
		}
		log_detail("key cache '%s': %s; its files are read again", c->dir, err_message());
		atomic_compare_exchange_strong(&c->states[number], &old, SHARD_BAD);
	}
	return 0;
}

/* ---- writing ---- */

static int write_keys(struct key_cache *c)
{
	int code = io_write(c->new_fd, c->keys, c->key_count * sizeof *c->keys, KEYS_NEW);

	c->key_count = 0;
	return code ? failed_in(code, "key cache '%s'", c->keys_dir) : 0;
}

static int add_key(struct key_cache *c, const struct shard_key *key)
{
	c->keys[c->key_count++] = *key;
	return c->key_count == KEYS_BUFFER ? write_keys(c) : 0;
}

/* Whether the old shard `number` is of this node and these prints, and still there; its key is then in writing.key. */
static int matches(struct key_cache *c, uint32_t number, const uint8_t node[ID_SIZE], const uint8_t *prints, size_t len,
		   bool *same)
{
	struct shard_key *key = c->writing.key;
	uint8_t hash[DIGEST_SIZE];
	char name[SHARD_NAME_SIZE];
	int code = read_key(c, number, key);

	*same = false;
	if (code || memcmp(key->node, node, ID_SIZE) != 0)
		return code;
	blake2b_keyed(key->key, prints, len, hash);
	*same = memcmp(key->prints, hash, sizeof hash) == 0 &&
		faccessat(c->dir_fd, shard_name(key->file, name), F_OK, 0) == 0;
	return 0;
}

/* Where old shards of this node begin, if there are any. */
static size_t first_old(const struct key_cache *c, uint64_t start)
{
	size_t low = 0, high = c->old_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (c->by_node[middle].start < start)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int key_cache_recall(struct key_cache *c, const uint8_t node[ID_SIZE], uint8_t node_key[KEY_SIZE], bool *found)
{
	struct lane *l = &c->writing;
	uint64_t start = get_u64(node);

	*found = false;
	for (size_t i = first_old(c, start); i < c->old_count && c->by_node[i].start == start && !*found; i++) {
		int code = read_key(c, c->by_node[i].number, l->key);

		if (code)
			return code;
		*found = memcmp(l->key->node, node, ID_SIZE) == 0 && open_shard(c, l) == 0;
	}
	if (*found)
		memcpy(node_key, l->plain.data, KEY_SIZE);
	return 0;
}

/* Keeps an old shard of this node, if there is one. */
static int keep_old(struct key_cache *c, const uint8_t node[ID_SIZE], const uint8_t *prints, size_t len, bool *kept)
{
	uint64_t start = get_u64(node);

	*kept = false;
	for (size_t i = first_old(c, start); i < c->old_count && c->by_node[i].start == start && !*kept; i++) {
		unsigned char old = SHARD_OLD;
		bool same;
		int code = matches(c, c->by_node[i].number, node, prints, len, &same);

		if (code)
			return code;
		*kept = same && atomic_compare_exchange_strong(&c->states[c->by_node[i].number], &old, SHARD_KEPT);
	}
	return *kept ? add_key(c, c->writing.key) : 0;
}

/* writing.plain -> a new file; its name is put into writing.key. */
static int write_shard(struct key_cache *c)
{
	struct lane *l = &c->writing;
	uint8_t aad[AAD_SIZE];
	char name[SHARD_NAME_SIZE];
	_fd_ int fd = -1;

	do {
		random_bytes(l->key->file, FILE_ID_SIZE);
		fd = openat(c->dir_fd, shard_name(l->key->file, name),
			    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	} while (fd < 0 && errno == EEXIST);
	if (fd < 0)
		return io_failed(c, "create", name);
	make_aad(l->key, aad);
	aead_seal(SUITE_XCHACHA20POLY1305, l->key->key, aad, sizeof aad, l->plain.data, l->plain.len, l->sealed);
	int code = io_write(fd, l->sealed, l->plain.len + suite_overhead(SUITE_XCHACHA20POLY1305), name);
	return code ? failed_in(code, "key cache '%s'", c->dir) : 0;
}

int key_cache_add(struct key_cache *c, const uint8_t *node_plain, size_t node_len, const uint8_t node_name[ID_SIZE],
		  const uint8_t node_key[KEY_SIZE], uint64_t node_bytes, const struct stat_print *prints, size_t count)
{
	struct lane *l = &c->writing;
	uint8_t *plain = l->plain.data, *at = plain + FIXED_SIZE;
	size_t len = count * PRINT_SIZE;
	bool kept;

	must(count <= NODE_ENTRIES_MAX && node_len <= NODE_MAX);
	for (size_t i = 0; i < count; i++)
		put_print(at + i * PRINT_SIZE, &prints[i]);
	int code = keep_old(c, node_name, at, len, &kept);
	if (code || kept)
		return code;

	memcpy(plain, node_key, KEY_SIZE);
	put_u64(plain + KEY_SIZE, node_bytes);
	encode_number(plain + KEY_SIZE + 8, (uint32_t)count);
	memcpy(at + len, node_plain, node_len);
	l->plain.len = FIXED_SIZE + len + node_len;
	random_bytes(l->key->key, KEY_SIZE);
	memcpy(l->key->node, node_name, ID_SIZE);
	blake2b_keyed(l->key->key, at, len, l->key->prints);
	code = write_shard(c);
	return code ? code : add_key(c, l->key);
}

static int replace_keys(struct key_cache *c)
{
	int code = write_keys(c);

	if (code)
		return code;
	if (fsync(c->new_fd) < 0)
		return keys_failed(c, "sync", KEYS_NEW);
	/* A second name: should we be killed before the old keys are overwritten, the next open finds them by it. */
	if (c->old_fd >= 0 && linkat(c->keys_fd, KEYS, c->keys_fd, KEYS_OLD, 0) < 0 && errno != EPERM &&
	    errno != EOPNOTSUPP) /* no links here: a kill just now would leave the bytes unnamed */
		return keys_failed(c, "link", KEYS_OLD);
	if (renameat(c->keys_fd, KEYS_NEW, c->keys_fd, KEYS) < 0)
		return keys_failed(c, "replace", KEYS);
	close_fd(&c->new_fd);
	return fsync(c->keys_fd) < 0 ? keys_failed(c, "sync", ".") : 0;
}

int key_cache_commit(struct key_cache *c)
{
	char name[SHARD_NAME_SIZE];
	int code = replace_keys(c);

	if (code)
		return code;
	if (c->old_fd >= 0) {
		io_wipe(c->old_fd);
		close_fd(&c->old_fd);
		if (unlinkat(c->keys_fd, KEYS_OLD, 0) < 0 && errno != ENOENT)
			return keys_failed(c, "remove", KEYS_OLD);
	}
	for (uint32_t i = 0; i < c->old_count; i++)
		if (atomic_load(&c->states[i]) != SHARD_KEPT &&
		    unlinkat(c->dir_fd, shard_name(c->old_files[i], name), 0) < 0 && errno != ENOENT)
			return io_failed(c, "remove", name);
	c->old_count = c->next = 0;
	return fsync(c->dir_fd) < 0 ? io_failed(c, "sync", ".") : 0;
}

int key_cache_destroy(const char *dir)
{
	struct key_cache *c = cache_new(dir, NULL);
	int code = 0;
	bool deleted;

	if (c->dir_fd < 0)
		code = errno == ENOENT ? ERR_MISSING : io_failed(c, "open", ".");
	if (code == 0)
		code = destroy_all_keys(c->dir_fd, c->dir);
	if (code == 0)
		code = delete_shards(c, NULL, 0, &deleted);
	if (code == 0 && rmdir(dir) < 0 && errno != ENOTEMPTY && errno != EEXIST)
		code = io_failed(c, "remove", ".");
	key_cache_close(c);
	return code == ERR_MISSING ? 0 : code;
}
