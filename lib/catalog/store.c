#include "catalog/store.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/io.h"
#include "base/log.h"

#define FORMAT      "nightfold catalogue 1"
#define FORMAT_FACT ".format"
#define DATA_FILE   "data.mdb"
#define LOCK_FILE   "lock.mdb"

#define READERS_MAX 512 /* reading transactions at once, all processes together */
#define POOL_MAX    64
#define PAGE        4096u        /* a large value has so many bytes of each of its own */
#define FULL_BELOW  (1ull << 20) /* bytes free */

/* Address space only: it is taken where it can be had, and grows when it is full. */
static const size_t map_sizes[] = { 64ULL << 30, 8ULL << 30, 1ULL << 30, 256ULL << 20, 32ULL << 20 };

static const char *const tables[TABLE_COUNT] = {
	[TABLE_PACKS] = "packs",       [TABLE_NAMES] = "names",     [TABLE_CHUNKS] = "chunks", [TABLE_BLOBS] = "blobs",
	[TABLE_CHILDREN] = "children", [TABLE_OBJECTS] = "objects", [TABLE_FACTS] = "facts",
};

struct store {
	MDB_env *env;
	char *dir;
	MDB_dbi dbi[TABLE_COUNT];
	bool unsynced;           /* committed since the last store_sync() */
	pthread_mutex_t lock;    /* of the pool */
	MDB_txn *pool[POOL_MAX]; /* reset, ready to be renewed: they keep their slots in the lock file */
	unsigned pooled;
};

/* ---- errors ---- */

int store_damaged(const struct store *s, const char *what)
{
	return failed(ERR_FORMAT,
		      "catalogue '%s' is damaged (%s); it is only a cache: `nightfold-agent rebuild` makes it anew "
		      "from a zone",
		      s->dir, what);
}

/* LMDB says EIO for a write that was cut short, which is what a full disk does first. */
static bool disk_is_full(const struct store *s)
{
	struct statvfs fs;

	return statvfs(s->dir, &fs) == 0 && fs.f_bavail * fs.f_frsize < FULL_BELOW;
}

int store_failed(const struct store *s, int rc)
{
	switch (rc) {
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND:
	case MDB_INVALID:
	case MDB_VERSION_MISMATCH:
	case MDB_INCOMPATIBLE:
	case MDB_BAD_VALSIZE:
	case MDB_PANIC:
		return store_damaged(s, mdb_strerror(rc));
	default:
		if (rc < 0)
			return failed(ERR_SYSTEM, "catalogue '%s': %s", s->dir, mdb_strerror(rc));
		errno = rc == EIO && disk_is_full(s) ? ENOSPC : rc;
		return failed_errno(ERR_SYSTEM, "cannot use catalogue '%s'", s->dir);
	}
}

/* LMDB met a page that cannot be. There is no way back from its assertions, but a way that says what to do. */
static void broken_page(MDB_env *env, const char *assertion)
{
	const struct store *s = mdb_env_get_userctx(env);

	(void)!store_damaged(s, assertion);
	log_error("%s", err_message());
	_exit(EXIT_FAILED);
}

/* ---- opening ---- */

/* Where things stand in a page that LMDB 0.9 begins its file with, on a machine of 64 bits. */
enum { META_MAGIC = 16, META_PAGE_SIZE = 40, META_LAST_PAGE = 136, META_SIZE = 152 };
#define MAGIC 0xbeefc0deu

/* The last pages of a transaction may not have been written, when it did not need them in the end. */
#define SHORT_MAX (1ull << 20)

/*
 * LMDB believes what its two meta pages say: a page size of 0 is a division by zero, and pages behind the end of the
 * file are a SIGBUS. `page_size`: of the first meta page, which tells where the second is; 0 for the first.
 */
static int check_meta(const struct store *s, int fd, uint64_t file_size, uint32_t *page_size)
{
	uint8_t meta[META_SIZE];
	uint32_t magic, size;
	uint64_t last;
	size_t got;
	int code = io_pread(fd, meta, sizeof meta, *page_size, &got, s->dir);

	if (code)
		return code;
	if (got < sizeof meta)
		return store_damaged(s, "it is cut off");
	memcpy(&magic, meta + META_MAGIC, sizeof magic);
	memcpy(&size, meta + META_PAGE_SIZE, sizeof size);
	memcpy(&last, meta + META_LAST_PAGE, sizeof last);
	if (magic != MAGIC)
		return store_damaged(s, "its file is not LMDB's");
	if (size < 512 || size > 65536 || (size & (size - 1)) != 0 || (*page_size != 0 && size != *page_size))
		return store_damaged(s, "its page size cannot be");
	if (last >= (file_size + SHORT_MAX) / size)
		return store_damaged(s, "it is cut off");
	*page_size = size;
	return 0;
}

static int check_file(const struct store *s)
{
	_free_ char *path = xasprintf("%s/" DATA_FILE, s->dir);
	_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint32_t page_size = 0;
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0)
		return failed_errno(ERR_SYSTEM, "cannot open catalogue '%s'", path);
	if (st.st_size == 0)
		return 0; /* killed before its first page was written: LMDB starts anew */
	int code = check_meta(s, fd, (uint64_t)st.st_size, &page_size);
	return code ? code : check_meta(s, fd, (uint64_t)st.st_size, &page_size);
}

/* An environment can be opened once only, so that each size needs a new one. Returns LMDB's code. */
static int open_env(struct store *s, unsigned flags)
{
	int rc = 0;

	for (size_t i = 0; i < sizeof map_sizes / sizeof map_sizes[0]; i++) {
		rc = mdb_env_create(&s->env);
		if (rc) {
			s->env = NULL;
			return rc;
		}
		rc = mdb_env_set_mapsize(s->env, map_sizes[i]);
		if (rc == 0)
			rc = mdb_env_set_maxdbs(s->env, TABLE_COUNT);
		if (rc == 0)
			rc = mdb_env_set_maxreaders(s->env, READERS_MAX);
		if (rc == 0)
			rc = mdb_env_set_userctx(s->env, s);
		if (rc == 0)
			rc = mdb_env_set_assert(s->env, broken_page);
		if (rc == 0)
			rc = mdb_env_open(s->env, s->dir, flags, 0600);
		if (rc == 0)
			return 0;
		mdb_env_close(s->env);
		s->env = NULL;
		if (rc != ENOMEM && rc != EINVAL) /* EINVAL is valgrind's */
			break;
	}
	return rc;
}

/* Makes the file as long as its last page: what is missing then reads as zeros, which is an error and not a signal. */
static void extend_file(const struct store *s)
{
	MDB_envinfo info;
	MDB_stat stat_;
	struct stat st;
	int fd;

	if (mdb_env_info(s->env, &info) || mdb_env_stat(s->env, &stat_) || mdb_env_get_fd(s->env, &fd) ||
	    fstat(fd, &st) < 0)
		return;
	uint64_t size = (uint64_t)st.st_size, needed = ((uint64_t)info.me_last_pgno + 1) * stat_.ms_psize;
	/* Never shrinks a file that another process is lengthening. Where it is not supported, nothing is lost. */
	if (size < needed)
		(void)!fallocate(fd, 0, st.st_size, (off_t)(needed - size));
}

static int make_tables(struct store *s)
{
	struct store_writing w;
	int rc = store_write_begin(s, &w);

	if (rc)
		return store_failed(s, rc);
	for (size_t i = 0; i < TABLE_COUNT && rc == 0; i++)
		rc = mdb_dbi_open(w.txn, tables[i], MDB_CREATE, &s->dbi[i]);
	if (rc == 0)
		rc = store_put(&w, TABLE_FACTS, FORMAT_FACT, strlen(FORMAT_FACT), FORMAT, strlen(FORMAT), 0);
	if (rc == 0)
		rc = store_write_commit(&w);
	store_write_abort(&w);
	return rc ? store_failed(s, rc) : 0;
}

static int check_format(struct store *s, MDB_txn *txn)
{
	MDB_val value;
	int code = store_get(s, txn, TABLE_FACTS, FORMAT_FACT, strlen(FORMAT_FACT), &value);

	if (code == ERR_MISSING)
		return store_damaged(s, "it does not say what it is");
	if (code)
		return code;
	if (value.mv_size != strlen(FORMAT) || memcmp(value.mv_data, FORMAT, value.mv_size) != 0)
		return failed(
			ERR_FORMAT,
			"catalogue '%s' is of another version; `nightfold-agent rebuild` makes it anew from a zone",
			s->dir);
	return 0;
}

/* Opens the tables of an environment that has some; *fresh: it has none yet. */
static int find_tables(struct store *s, bool *fresh)
{
	MDB_txn *txn = NULL;
	MDB_stat stat_;
	MDB_dbi main_table;
	int rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn);
	int code = 0;

	if (rc == 0)
		rc = mdb_dbi_open(txn, NULL, 0, &main_table);
	if (rc == 0)
		rc = mdb_stat(txn, main_table, &stat_);
	*fresh = rc == 0 && stat_.ms_entries == 0;
	if (rc == 0 && !*fresh) {
		/* The facts first: they say whether the others are to be expected. */
		for (size_t i = TABLE_COUNT; i-- > 0 && rc == 0 && code == 0;) {
			rc = mdb_dbi_open(txn, tables[i], 0, &s->dbi[i]);
			if (rc == MDB_NOTFOUND)
				code = store_damaged(s, "a table is missing");
			else if (rc == 0 && i == TABLE_FACTS)
				code = check_format(s, txn);
		}
	}
	if (code == 0 && rc != 0)
		code = store_failed(s, rc);
	if (code == 0) /* a table is opened for good when its transaction is committed */
		return (rc = mdb_txn_commit(txn)) ? store_failed(s, rc) : 0;
	mdb_txn_abort(txn);
	return code;
}

int store_open(const char *dir, bool temporary, struct store **out)
{
	struct store *s = xcalloc(1, sizeof *s);
	bool fresh = false;
	int dead;

	s->dir = xstrdup(dir);
	must(pthread_mutex_init(&s->lock, NULL) == 0);
	int code = io_make_dirs(dir, 0700);
	if (code == 0)
		code = check_file(s);
	if (code == 0) {
		int rc = open_env(s, MDB_NOTLS | (temporary ? MDB_NOSYNC : MDB_NOMETASYNC));
		if (rc)
			code = store_failed(s, rc);
	}
	if (code == 0) {
		extend_file(s);
		mdb_reader_check(s->env, &dead); /* readers that were killed keep pages from being used again */
		code = find_tables(s, &fresh);
	}
	if (code == 0 && fresh)
		code = make_tables(s);
	if (code) {
		store_close(s);
		return code;
	}
	*out = s;
	return 0;
}

static void empty_pool(struct store *s)
{
	while (s->pooled > 0)
		mdb_txn_abort(s->pool[--s->pooled]);
}

void store_close(struct store *s)
{
	if (!s)
		return;
	empty_pool(s);
	if (s->env)
		mdb_env_close(s->env);
	pthread_mutex_destroy(&s->lock);
	free(s->dir);
	free(s);
}

int store_destroy(const char *dir)
{
	static const char *const files[] = { DATA_FILE, LOCK_FILE };

	for (size_t i = 0; i < 2; i++) {
		_free_ char *path = xasprintf("%s/%s", dir, files[i]);

		if (unlink(path) < 0 && errno != ENOENT)
			return failed_errno(ERR_SYSTEM, "cannot remove '%s'", path);
	}
	if (rmdir(dir) < 0 && errno != ENOENT && errno != ENOTEMPTY && errno != EEXIST)
		return failed_errno(ERR_SYSTEM, "cannot remove '%s'", dir);
	return 0;
}

/* ---- reading ---- */

int store_read_begin(struct store *s, MDB_txn **txn)
{
	int rc = MDB_NOTFOUND;

	*txn = NULL;
	pthread_mutex_lock(&s->lock);
	if (s->pooled > 0)
		*txn = s->pool[--s->pooled];
	pthread_mutex_unlock(&s->lock);
	if (*txn) {
		rc = mdb_txn_renew(*txn);
		if (rc)
			mdb_txn_abort(*txn);
	}
	if (rc)
		rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, txn);
	if (rc == MDB_MAP_RESIZED)
		return failed(ERR_SYSTEM, "catalogue '%s' has grown in another process: run this again", s->dir);
	return rc ? store_failed(s, rc) : 0;
}

void store_read_end(struct store *s, MDB_txn *txn)
{
	mdb_txn_reset(txn);
	pthread_mutex_lock(&s->lock);
	if (s->pooled < POOL_MAX) {
		s->pool[s->pooled++] = txn;
		txn = NULL;
	}
	pthread_mutex_unlock(&s->lock);
	if (txn)
		mdb_txn_abort(txn);
}

static MDB_val val_of(const void *data, size_t len)
{
	union {
		const void *given;
		void *wanted; /* LMDB's type has no const; it does not write there */
	} pointer = { .given = data };

	return (MDB_val){ len, pointer.wanted };
}

int store_get(const struct store *s, MDB_txn *txn, enum table table, const void *key, size_t len, MDB_val *value)
{
	MDB_val k = val_of(key, len);
	int rc = mdb_get(txn, s->dbi[table], &k, value);

	if (rc == MDB_NOTFOUND)
		return ERR_MISSING;
	return rc ? store_failed(s, rc) : 0;
}

int store_cursor(const struct store *s, MDB_txn *txn, enum table table, MDB_cursor **cursor)
{
	int rc = mdb_cursor_open(txn, s->dbi[table], cursor);

	return rc ? store_failed(s, rc) : 0;
}

int store_cursor_from(const struct store *s, MDB_cursor *cursor, const void *key, size_t len, MDB_val *found,
		      MDB_val *value)
{
	int rc;

	*found = val_of(key, len);
	rc = mdb_cursor_get(cursor, found, value, MDB_SET_RANGE);
	if (rc == MDB_NOTFOUND)
		return ERR_MISSING;
	return rc ? store_failed(s, rc) : 0;
}

int store_cursor_next(const struct store *s, MDB_cursor *cursor, MDB_val *found, MDB_val *value)
{
	int rc = mdb_cursor_get(cursor, found, value, MDB_NEXT);

	if (rc == MDB_NOTFOUND)
		return ERR_MISSING;
	return rc ? store_failed(s, rc) : 0;
}

uint64_t store_entries(const struct store *s, MDB_txn *txn, enum table table)
{
	MDB_stat stat_;

	return mdb_stat(txn, s->dbi[table], &stat_) ? 0 : stat_.ms_entries;
}

uint64_t store_bytes(const struct store *s)
{
	MDB_envinfo info;
	MDB_stat stat_;

	if (mdb_env_info(s->env, &info) || mdb_env_stat(s->env, &stat_))
		return 0;
	return ((uint64_t)info.me_last_pgno + 1) * stat_.ms_psize;
}

/* ---- writing ---- */

int store_write_begin(struct store *s, struct store_writing *w)
{
	*w = (struct store_writing){ .store = s, .budget = STORE_BUDGET_MIN };
	return mdb_txn_begin(s->env, NULL, 0, &w->txn);
}

int store_put(struct store_writing *w, enum table table, const void *key, size_t key_len, const void *value, size_t len,
	      unsigned flags)
{
	MDB_val k = val_of(key, key_len), v = val_of(value, len);

	w->work += 1 + (unsigned)(len / PAGE);
	return mdb_put(w->txn, w->store->dbi[table], &k, &v, flags);
}

int store_delete(struct store_writing *w, enum table table, const void *key, size_t len)
{
	MDB_val k = val_of(key, len);
	int rc = mdb_del(w->txn, w->store->dbi[table], &k, NULL);

	w->work++;
	return rc == MDB_NOTFOUND ? 0 : rc;
}

int store_write_commit(struct store_writing *w)
{
	MDB_txn *txn = w->txn;

	w->txn = NULL;
	w->work = 0;
	w->store->unsynced = true;
	return mdb_txn_commit(txn);
}

void store_write_abort(struct store_writing *w)
{
	if (w->txn)
		mdb_txn_abort(w->txn);
	w->txn = NULL;
}

int store_write_step(struct store_writing *w)
{
	if (w->work < w->budget)
		return 0;
	int rc = store_write_commit(w);
	return rc ? rc : mdb_txn_begin(w->store->env, NULL, 0, &w->txn);
}

unsigned store_budget(const struct store_writing *w, enum table table, size_t count)
{
	MDB_stat stat_;

	if (mdb_stat(w->txn, w->store->dbi[table], &stat_))
		return STORE_BUDGET_MIN;
	if (stat_.ms_leaf_pages == 0)
		return UINT32_MAX;
	uint64_t fits = (uint64_t)count * STORE_BUDGET_MIN / stat_.ms_leaf_pages;
	return fits < STORE_BUDGET_MIN ? STORE_BUDGET_MIN : fits > UINT32_MAX ? UINT32_MAX : (unsigned)fits;
}

MDB_dbi store_table(const struct store *s, enum table table)
{
	return s->dbi[table];
}

int store_grow(struct store *s)
{
	MDB_envinfo info;
	int rc = mdb_env_info(s->env, &info);

	empty_pool(s);
	if (rc == 0)
		rc = mdb_env_set_mapsize(s->env, 2 * info.me_mapsize);
	return rc ? store_failed(s, rc) : 0;
}

int store_sync(struct store *s)
{
	if (!s->unsynced)
		return 0;
	int rc = mdb_env_sync(s->env, 1);
	if (rc)
		return store_failed(s, rc);
	s->unsynced = false;
	return 0;
}
