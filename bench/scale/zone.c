/*
 * In place of the driver of `file://`: zones that keep what is metadata and of packs of content only the footers. The
 * bytes of all zones lie in one file beside the zones' folders, `stored/bytes`, one behind the other, and where in there
 * an object is stands in an LMDB environment in the same folder, a table a zone. What both zones hold is there once.
 *
 * Requests are counted as a store like S3 would bill them: a listing one for each 1000 names. A zone that is closed adds
 * a line of JSON to `stored/requests`: {"zone": name, "put": {"content": [requests, bytes], ...}, "get": ..., ...}.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lmdb.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/io.h"
#include "format/names.h"
#include "ghost.h"
#include "zone/driver.h"

#define SCHEME     "file://"
#define MAP_SIZE   ((size_t)16 << 30)
#define PAGE_NAMES 1000u /* of a listing */
#define ZONES_MAX  4

enum { PUT, GET, HEAD, LIST, DELETE, OPERATIONS };
static const char *const operations[OPERATIONS] = { "put", "get", "head", "list", "delete" };

/* Folders of a dataset; packs are told apart where it is known what is in them. */
enum { PACKS, INDEX, SNAPSHOTS, SEALS, INTENTS, CONDEMNED, LEASE, OTHER, CONTENT, NODES, CLASSES };
static const char *const classes[CLASSES] = { "packs",     "index", "snapshots", "seals",   "intents",
					      "condemned", "lease", "other",     "content", "nodes" };

struct count {
	atomic_uint_least64_t requests, bytes;
};

struct ghost_zone {
	struct zone zone;
	MDB_dbi table;
	char label[ZONE_NAME_MAX + 1];
	struct count counts[OPERATIONS][CLASSES];
};

struct row { /* of an object: the last `kept` bytes of it are in the file */
	uint64_t size, offset, kept;
};

static struct {
	pthread_mutex_t lock; /* of opening and of putting */
	MDB_env *env;
	struct ghost_zone *zones[ZONES_MAX]; /* that are open */
	int bytes;
	char *folder;
} store = { .lock = PTHREAD_MUTEX_INITIALIZER, .bytes = -1 };

static struct ghost_zone *ghost_zone(struct zone *z)
{
	return (struct ghost_zone *)z;
}

static void lmdb(int rc, const char *what)
{
	if (rc != 0)
		die(what, 0, mdb_strerror(rc));
}

static MDB_val val_of(const void *data, size_t len)
{
	union {
		const void *given;
		void *wanted;
	} pointer = { .given = data };

	return (MDB_val){ len, pointer.wanted };
}

static int class_of(const char *name, const struct row *row)
{
	const char *part = strchr(name, '/');
	int class = 0;

	while (class < OTHER && (part == NULL || strncmp(part + 1, classes[class], strcspn(part + 1, "/")) != 0))
		class ++;
	return class != PACKS || row == NULL ? class : row->kept < row->size ? CONTENT : NODES;
}

/* `row`: NULL where the object is not known, or there are several. */
static void count_request(struct ghost_zone *z, int operation, const char *name, const struct row *row, uint64_t bytes)
{
	struct count *count = &z->counts[operation][class_of(name, row)];

	atomic_fetch_add(&count->requests, 1);
	atomic_fetch_add(&count->bytes, bytes);
}

/* ---- opening ---- */

static void open_store(const char *folder)
{
	_free_ char *bytes = xasprintf("%s/bytes", folder);

	must(io_make_dirs(folder, 0700) == 0);
	lmdb(mdb_env_create(&store.env), "create");
	lmdb(mdb_env_set_mapsize(store.env, MAP_SIZE), "mapsize");
	lmdb(mdb_env_set_maxdbs(store.env, ZONES_MAX), "maxdbs");
	lmdb(mdb_env_open(store.env, folder, MDB_NOTLS | MDB_NOSYNC, 0600), "open");
	store.bytes = open(bytes, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	must(store.bytes >= 0);
	store.folder = xstrdup(folder);
}

static struct ghost_zone **slot_of(const struct ghost_zone *z)
{
	for (size_t i = 0; i < ZONES_MAX; i++) {
		if (store.zones[i] == z)
			return &store.zones[i];
	}
	die(__FILE__, __LINE__, "too many zones");
}

static int ghosts_check_url(const char *url)
{
	return strncmp(url, SCHEME "/", strlen(SCHEME "/")) == 0 ? 0 : failed(ERR_USAGE, "'%s' is no file URL", url);
}

static int ghosts_open(const struct zone_place *place, bool writing, struct zone **out)
{
	struct ghost_zone *z = xcalloc(1, sizeof *z);
	_free_ char *path = xstrdup(place->url + strlen(SCHEME));
	_free_ char *copy = xstrdup(path);
	_free_ char *folder = xasprintf("%s/stored", dirname(path));
	MDB_txn *txn;

	(void)writing;
	snprintf(z->label, sizeof z->label, "%s", basename(copy));
	pthread_mutex_lock(&store.lock);
	if (store.env == NULL)
		open_store(folder);
	lmdb(mdb_txn_begin(store.env, NULL, 0, &txn), "begin");
	lmdb(mdb_dbi_open(txn, z->label, MDB_CREATE, &z->table), "table");
	lmdb(mdb_txn_commit(txn), "commit");
	*slot_of(NULL) = z;
	pthread_mutex_unlock(&store.lock);
	*out = &z->zone;
	return 0;
}

static void write_counts(struct ghost_zone *z)
{
	_free_ char *path = xasprintf("%s/requests", store.folder);
	FILE *out = fopen(path, "ae");

	must(out != NULL);
	fprintf(out, "{\"zone\": \"%s\"", z->label);
	for (int i = 0; i < OPERATIONS; i++) {
		fprintf(out, ", \"%s\": {", operations[i]);
		for (int k = 0; k < CLASSES; k++)
			fprintf(out, "%s\"%s\": [%" PRIu64 ", %" PRIu64 "]", k == 0 ? "" : ", ", classes[k],
				(uint64_t)z->counts[i][k].requests, (uint64_t)z->counts[i][k].bytes);
		fputc('}', out);
	}
	fputs("}\n", out);
	fclose(out);
}

static void ghosts_close(struct zone *zone)
{
	static struct ghost_zone *const none[ZONES_MAX];
	struct ghost_zone *z = ghost_zone(zone);

	pthread_mutex_lock(&store.lock);
	write_counts(z);
	*slot_of(z) = NULL;
	if (memcmp(store.zones, none, sizeof none) == 0) {
		mdb_env_close(store.env);
		store.env = NULL;
		close(store.bytes);
		free(store.folder);
	}
	pthread_mutex_unlock(&store.lock);
	free(z);
}

static int ghosts_same_place(const char *url_a, const char *url_b, bool *same, bool *same_device)
{
	*same = strcmp(url_a, url_b) == 0;
	*same_device = true;
	return 0;
}

static char *ghosts_folder(const char *url)
{
	return xstrdup(url + strlen(SCHEME));
}

/* ---- reading ---- */

static bool find_row(MDB_dbi table, MDB_txn *txn, const char *name, struct row *row)
{
	MDB_val key = val_of(name, strlen(name)), value;
	int rc = mdb_get(txn, table, &key, &value);

	if (rc != MDB_NOTFOUND)
		lmdb(rc, "get");
	if (rc == 0)
		memcpy(row, value.mv_data, sizeof *row);
	return rc == 0;
}

static int find(struct ghost_zone *z, const char *name, struct row *row)
{
	MDB_txn *txn;

	lmdb(mdb_txn_begin(store.env, NULL, MDB_RDONLY, &txn), "begin");
	bool found = find_row(z->table, txn, name, row);
	mdb_txn_abort(txn);
	return found ? 0 : failed(ERR_MISSING, "zone %s: there is no '%s'", z->label, name);
}

/* A part of the object: of what is left out zeros, behind the first bytes that say what it is. */
static int read_part(struct ghost_zone *z, const char *name, const struct row *row, uint64_t offset, size_t len,
		     uint8_t *out)
{
	uint64_t left_out = row->size - row->kept;
	size_t zeros = offset >= left_out ? 0 : len < left_out - offset ? len : (size_t)(left_out - offset), got;

	count_request(z, GET, name, row, len);
	memset(out, 0, zeros);
	if (zeros > 0 && offset == 0)
		memcpy(out, GHOST_HEAD, zeros < strlen(GHOST_HEAD) ? zeros : strlen(GHOST_HEAD));
	int code = io_pread(store.bytes, out + zeros, len - zeros, row->offset + offset + zeros - left_out, &got, name);
	if (code == 0 && got < len - zeros)
		code = failed(ERR_FORMAT, "zone %s: '%s' ends early", z->label, name);
	return code;
}

static int ghosts_get(struct zone *zone, const char *name, struct buf *out)
{
	struct row row;
	uint8_t *at;
	int code = find(ghost_zone(zone), name, &row);

	if (code == 0)
		code = buf_reserve(out, row.size, &at);
	if (code == 0)
		code = read_part(ghost_zone(zone), name, &row, 0, row.size, at);
	if (code == 0)
		out->len += row.size;
	return code;
}

static int ghosts_get_range(struct zone *zone, const char *name, uint64_t offset, size_t len, void *out)
{
	struct row row;
	int code = find(ghost_zone(zone), name, &row);

	return code == 0 ? read_part(ghost_zone(zone), name, &row, offset, len, out) : code;
}

static int ghosts_head(struct zone *zone, const char *name, uint64_t *size)
{
	struct row row = { 0 };
	int code = find(ghost_zone(zone), name, &row);

	count_request(ghost_zone(zone), HEAD, name, &row, 0);
	*size = row.size;
	return code;
}

/* The next names with this prefix, behind `after`; each with its size. */
static size_t list_page(struct ghost_zone *z, const char *prefix, char after[OBJECT_NAME_MAX],
			char names[PAGE_NAMES][OBJECT_NAME_MAX], uint64_t sizes[PAGE_NAMES])
{
	size_t found = 0;
	MDB_val key = val_of(after, strlen(after)), value;
	MDB_cursor *cursor;
	MDB_txn *txn;

	lmdb(mdb_txn_begin(store.env, NULL, MDB_RDONLY, &txn), "begin");
	lmdb(mdb_cursor_open(txn, z->table, &cursor), "cursor");
	int rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
	for (; rc == 0 && found < PAGE_NAMES; rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) {
		struct row row;

		if (key.mv_size < strlen(prefix) || memcmp(key.mv_data, prefix, strlen(prefix)) != 0)
			break;
		memcpy(names[found], key.mv_data, key.mv_size);
		names[found][key.mv_size] = '\0';
		memcpy(&row, value.mv_data, sizeof row);
		/* `after` is the first of the page: the last of the page before. */
		if (strcmp(names[found], after) != 0)
			sizes[found++] = row.size;
	}
	mdb_cursor_close(cursor);
	mdb_txn_abort(txn);
	if (found > 0)
		memcpy(after, names[found - 1], OBJECT_NAME_MAX);
	return found;
}

static int ghosts_list(struct zone *zone, const char *prefix, zone_list_call call, void *context)
{
	char(*names)[OBJECT_NAME_MAX] = xmalloc(PAGE_NAMES * sizeof *names), after[OBJECT_NAME_MAX];
	_free_ uint64_t *sizes = xmalloc(PAGE_NAMES * sizeof *sizes);
	size_t found = PAGE_NAMES;
	int code = 0;

	snprintf(after, sizeof after, "%s", prefix);
	while (found == PAGE_NAMES && code == 0) {
		found = list_page(ghost_zone(zone), prefix, after, names, sizes);
		count_request(ghost_zone(zone), LIST, prefix, NULL, found);
		for (size_t i = 0; i < found && code == 0; i++)
			code = call(context, names[i], sizes[i]);
	}
	free(names);
	return code;
}

struct folders {
	zone_list_call call;
	void *context;
	size_t prefix;
	char last[OBJECT_NAME_MAX];
};

static int take_folder(void *context, const char *name, uint64_t size)
{
	struct folders *f = context;
	const char *end = strchr(name + f->prefix, '/');
	char folder[OBJECT_NAME_MAX];

	(void)size;
	if (end == NULL)
		return 0;
	snprintf(folder, sizeof folder, "%.*s", (int)(end - name), name);
	if (strcmp(folder, f->last) == 0)
		return 0;
	memcpy(f->last, folder, sizeof folder);
	return f->call(f->context, folder, 0);
}

static int ghosts_list_folders(struct zone *zone, const char *prefix, zone_list_call call, void *context)
{
	struct folders folders = { .call = call, .context = context, .prefix = strlen(prefix) };

	return ghosts_list(zone, prefix, take_folder, &folders);
}

static int ghosts_clock(struct zone *zone, int64_t *now, bool *independent)
{
	(void)zone;
	*now = clock_now();
	*independent = true;
	return 0;
}

static int ghosts_space(struct zone *zone, uint64_t *free_bytes)
{
	(void)free_bytes;
	return failed(ERR_MISSING, "zone %s: it does not say how much is free", ghost_zone(zone)->label);
}

/* ---- writing ---- */

/* Where the bytes are: of a pack that another zone has, there. */
static void place_bytes(MDB_txn *txn, const char *name, const uint8_t *data, struct row *row)
{
	struct row other;

	for (size_t i = 0; i < ZONES_MAX && strstr(name, "/packs/") != NULL; i++) {
		if (store.zones[i] != NULL && find_row(store.zones[i]->table, txn, name, &other)) {
			row->offset = other.offset;
			return;
		}
	}
	row->offset = (uint64_t)lseek(store.bytes, 0, SEEK_END);
	for (uint64_t done = 0; done < row->kept;) {
		ssize_t written = pwrite(store.bytes, data + row->size - row->kept + done, row->kept - done,
					 (off_t)(row->offset + done));

		must(written > 0);
		done += (uint64_t)written;
	}
}

static int ghosts_put(struct zone *zone, const char *name, const void *data, size_t len, bool replace)
{
	struct ghost_zone *z = ghost_zone(zone);
	struct row row = { .size = len, .kept = len };
	MDB_val key = val_of(name, strlen(name)), value = val_of(&row, sizeof row);
	size_t tail;
	MDB_txn *txn;

	if (strstr(name, "/packs/") != NULL && ghost_pack(data, len, &tail))
		row.kept = tail;
	count_request(z, PUT, name, &row, len);
	pthread_mutex_lock(&store.lock);
	lmdb(mdb_txn_begin(store.env, NULL, 0, &txn), "begin");
	place_bytes(txn, name, data, &row);
	int rc = mdb_put(txn, z->table, &key, &value, replace ? 0 : MDB_NOOVERWRITE);
	if (rc != MDB_KEYEXIST)
		lmdb(rc, "put");
	lmdb(mdb_txn_commit(txn), "commit");
	pthread_mutex_unlock(&store.lock);
	return rc == 0 ? 0 : failed(ERR_EXISTS, "zone %s: there is '%s' already", z->label, name);
}

static int ghosts_remove(struct zone *zone, const char *name)
{
	struct ghost_zone *z = ghost_zone(zone);
	MDB_val key = val_of(name, strlen(name));
	MDB_txn *txn;

	count_request(z, DELETE, name, NULL, 0);
	lmdb(mdb_txn_begin(store.env, NULL, 0, &txn), "begin");
	int rc = mdb_del(txn, z->table, &key, NULL);
	if (rc != MDB_NOTFOUND)
		lmdb(rc, "delete");
	lmdb(mdb_txn_commit(txn), "commit");
	return rc == 0 ? 0 : failed(ERR_MISSING, "zone %s: there is no '%s'", z->label, name);
}

static int ghosts_remove_many(struct zone *zone, const char (*names)[OBJECT_NAME_MAX], size_t count, bool durable)
{
	struct ghost_zone *z = ghost_zone(zone);
	MDB_txn *txn;

	(void)durable;
	if (count > 0)
		count_request(z, DELETE, names[0], NULL, 0);
	lmdb(mdb_txn_begin(store.env, NULL, 0, &txn), "begin");
	for (size_t i = 0; i < count; i++) {
		MDB_val key = val_of(names[i], strlen(names[i]));
		int rc = mdb_del(txn, z->table, &key, NULL);

		lmdb(rc == MDB_NOTFOUND ? 0 : rc, "delete");
	}
	lmdb(mdb_txn_commit(txn), "commit");
	return 0;
}

static int ghosts_sweep(struct zone *zone, const char *prefix, bool all, unsigned *swept)
{
	(void)zone;
	(void)prefix;
	(void)all;
	*swept = 0;
	return 0;
}

const struct zone_driver zone_file_driver = {
	.scheme = "file",
	.check_url = ghosts_check_url,
	.open = ghosts_open,
	.close = ghosts_close,
	.same_place = ghosts_same_place,
	.folder = ghosts_folder,
	.get = ghosts_get,
	.get_range = ghosts_get_range,
	.head = ghosts_head,
	.list = ghosts_list,
	.list_folders = ghosts_list_folders,
	.clock = ghosts_clock,
	.space = ghosts_space,
	.put = ghosts_put,
	.remove = ghosts_remove,
	.remove_many = ghosts_remove_many,
	.sweep = ghosts_sweep,
};
