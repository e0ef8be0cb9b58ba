/*
 * Three layers: `pending` (what was told since the last flush), `origins` (one byte a pack, all in memory: says at once
 * which packs there are), `store` (LMDB). A lookup asks them in this order under the read lock; the one writing thread
 * changes pending and origins under the write lock, and flushes without any, since only itself changes what it writes
 * then.
 */
#include "catalog/catalog.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "catalog/encode.h"
#include "catalog/flush.h"
#include "catalog/pending.h"
#include "catalog/store.h"

#define EACH_BATCH 256u

struct catalog {
	struct store *store;
	/* Writers of pending, origins and limit hold it for writing; never held while a call-back runs. */
	pthread_rwlock_t lock;
	struct pending pending;
	uint8_t *origins; /* by number: enum pack_origin, 0 where there is no pack */
	_Atomic uint32_t limit;
	uint32_t origin_cap;
	uint64_t live; /* packs */
	char *folder;  /* for what is pending; NULL: a temporary one's */
	bool temporary;
};

/* ---- rows and places ---- */

static int read_place(const struct catalog *c, const MDB_val *key, const MDB_val *value, struct chunk_place *out)
{
	if (!decode_place(key->mv_data, key->mv_size, value->mv_data, value->mv_size, out))
		return store_damaged(c->store, "the place of a chunk is none");
	return 0;
}

static struct chunk_place place_of(const struct pending_place *p)
{
	struct chunk_place place = {
		.pack = p->pack,
		.offset = p->offset,
		.stored = p->stored,
		.info = { .plain = p->plain,
			  .kind = (enum kind)p->kind,
			  .suite = (enum suite)p->suite,
			  .compression = (enum compression)p->compression },
	};

	memcpy(place.info.id, p->id, ID_SIZE);
	return place;
}

/* ---- opening ---- */

static void set_limit(struct catalog *c, uint32_t limit)
{
	if (limit > c->origin_cap) {
		uint32_t cap = c->origin_cap < 1024 ? 1024 : c->origin_cap;

		while (cap < limit)
			cap = cap > UINT32_MAX / 2 ? UINT32_MAX : 2 * cap;
		c->origins = xrealloc(c->origins, cap, 1);
		memset(c->origins + c->origin_cap, 0, cap - c->origin_cap);
		c->origin_cap = cap;
	}
	c->limit = limit;
}

static int load_limit(struct catalog *c, MDB_txn *txn)
{
	MDB_val value;
	int code = store_get(c->store, txn, TABLE_FACTS, LIMIT_FACT, strlen(LIMIT_FACT), &value);

	if (code == ERR_MISSING)
		return 0; /* nothing was ever flushed */
	if (code == 0 && value.mv_size != NUMBER_SIZE)
		code = store_damaged(c->store, "its count of packs has another length");
	if (code == 0)
		set_limit(c, decode_number(value.mv_data));
	return code;
}

static int load_origins(struct catalog *c, MDB_txn *txn)
{
	MDB_cursor *cursor;
	MDB_val key, value;
	uint8_t zero[NUMBER_SIZE] = { 0 };
	int code = store_cursor(c->store, txn, TABLE_PACKS, &cursor);

	if (code)
		return code;
	for (code = store_cursor_from(c->store, cursor, zero, sizeof zero, &key, &value); code == 0;
	     code = store_cursor_next(c->store, cursor, &key, &value)) {
		struct index_pack pack;
		uint8_t origin;
		uint32_t number = key.mv_size == NUMBER_SIZE ? decode_number(key.mv_data) : UINT32_MAX;

		if (number >= c->limit || !decode_row(value.mv_data, value.mv_size, &pack, &origin)) {
			code = store_damaged(c->store, "the row of a pack is none");
			break;
		}
		c->origins[number] = origin;
		c->live++;
	}
	mdb_cursor_close(cursor);
	return code == ERR_MISSING ? 0 : code;
}

static int open_store(const char *dir, bool temporary, struct catalog **out)
{
	struct catalog *c = xcalloc(1, sizeof *c);
	pthread_rwlockattr_t attr;
	MDB_txn *txn;

	/* Many readers without a pause must not keep the writer out. */
	must(pthread_rwlockattr_init(&attr) == 0);
	must(pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP) == 0);
	must(pthread_rwlock_init(&c->lock, &attr) == 0);
	pthread_rwlockattr_destroy(&attr);

	c->folder = temporary ? NULL : xstrdup(dir);
	int code = store_open(dir, temporary, &c->store);
	if (code == 0)
		code = store_read_begin(c->store, &txn);
	if (code == 0) {
		code = load_limit(c, txn);
		if (code == 0)
			code = load_origins(c, txn);
		store_read_end(c->store, txn);
	}
	pending_init(&c->pending, c->limit, c->folder);
	if (code) {
		catalog_close(c);
		return code;
	}
	c->temporary = temporary;
	*out = c;
	return 0;
}

int catalog_open(const char *dir, struct catalog **out)
{
	return open_store(dir, false, out);
}

int catalog_open_temporary(struct catalog **out)
{
	const char *base = getenv("TMPDIR");
	_free_ char *dir = xasprintf("%s/nightfold-catalog-XXXXXX", base && *base ? base : "/var/tmp");

	if (!mkdtemp(dir))
		return failed_errno(ERR_SYSTEM, "cannot make a temporary folder for the catalogue, '%s'", dir);
	int code = open_store(dir, true, out);
	/* Open files outlive their names: however the process ends, nothing stays. */
	int removed = store_destroy(dir);
	if (code == 0 && removed != 0) {
		catalog_close(*out);
		*out = NULL;
	}
	return code ? code : removed;
}

void catalog_close(struct catalog *c)
{
	if (!c)
		return;
	store_close(c->store);
	pending_release(&c->pending);
	pthread_rwlock_destroy(&c->lock);
	free(c->origins);
	free(c->folder);
	free(c);
}

int catalog_destroy(const char *dir)
{
	return store_destroy(dir);
}

/* ---- looking up ---- */

static int begin(struct catalog *c, MDB_txn **txn)
{
	pthread_rwlock_rdlock(&c->lock);
	int code = store_read_begin(c->store, txn);
	if (code)
		pthread_rwlock_unlock(&c->lock);
	return code;
}

static void end(struct catalog *c, MDB_txn *txn)
{
	store_read_end(c->store, txn);
	pthread_rwlock_unlock(&c->lock);
}

static bool is_live(const struct catalog *c, uint32_t number)
{
	return number < c->limit && c->origins[number] != 0;
}

static bool is_pending(const struct catalog *c, uint32_t number)
{
	return number >= c->pending.base && number - c->pending.base < c->pending.pack_count;
}

static int no_pack(void)
{
	return failed(ERR_MISSING, "the catalogue has no such pack");
}

/* The row of a live pack. */
static int read_row(struct catalog *c, MDB_txn *txn, uint32_t number, struct index_pack *pack)
{
	uint8_t key[NUMBER_SIZE], origin;
	MDB_val value;

	if (is_pending(c, number)) {
		*pack = c->pending.packs[number - c->pending.base].pack;
		return 0;
	}
	encode_number(key, number);
	int code = store_get(c->store, txn, TABLE_PACKS, key, sizeof key, &value);
	if (code == ERR_MISSING)
		return store_damaged(c->store, "the row of a pack is missing");
	if (code == 0 && !decode_row(value.mv_data, value.mv_size, pack, &origin))
		code = store_damaged(c->store, "the row of a pack is none");
	return code;
}

static int find_pack(struct catalog *c, MDB_txn *txn, const uint8_t name[DIGEST_SIZE], uint32_t *number)
{
	const struct pending_pack *p;
	MDB_val value;

	for (uint32_t slot = PENDING_START; (p = pending_next_pack(&c->pending, name, &slot));) {
		*number = c->pending.base + (uint32_t)(p - c->pending.packs);
		if (is_live(c, *number))
			return 0;
	}
	int code = store_get(c->store, txn, TABLE_NAMES, name, DIGEST_SIZE, &value);
	if (code)
		return code == ERR_MISSING ? no_pack() : code;
	if (value.mv_size != NUMBER_SIZE)
		return store_damaged(c->store, "the number of a pack has another length");
	*number = decode_number(value.mv_data);
	return is_live(c, *number) ? 0 : no_pack();
}

int catalog_find_pack(struct catalog *c, const uint8_t name[DIGEST_SIZE], uint32_t *number)
{
	MDB_txn *txn;
	int code = begin(c, &txn);

	if (code)
		return code;
	code = find_pack(c, txn, name, number);
	end(c, txn);
	return code;
}

int catalog_pack(struct catalog *c, uint32_t number, struct index_pack *pack, enum pack_origin *origin)
{
	MDB_txn *txn;
	int code = begin(c, &txn);

	if (code)
		return code;
	code = is_live(c, number) ? read_row(c, txn, number, pack) : no_pack();
	if (code == 0)
		*origin = (enum pack_origin)c->origins[number];
	end(c, txn);
	return code;
}

uint32_t catalog_pack_limit(const struct catalog *c)
{
	return c->limit;
}

struct row {
	uint32_t number;
	struct index_pack pack;
	enum pack_origin origin;
};

/* The next packs from *from on, which moves behind them. */
static int read_rows(struct catalog *c, uint32_t *from, struct row rows[EACH_BATCH], size_t *count)
{
	MDB_txn *txn;
	int code = begin(c, &txn);

	*count = 0;
	if (code)
		return code;
	for (; *from < c->limit && *count < EACH_BATCH && code == 0; (*from)++) {
		if (!is_live(c, *from))
			continue;
		rows[*count].number = *from;
		rows[*count].origin = (enum pack_origin)c->origins[*from];
		code = read_row(c, txn, *from, &rows[*count].pack);
		(*count)++;
	}
	end(c, txn);
	return code;
}

int catalog_each_pack(struct catalog *c, catalog_pack_call call, void *context)
{
	_free_ struct row *rows = xmalloc(EACH_BATCH * sizeof *rows);
	uint32_t from = 0;
	size_t count;
	int code;

	do {
		code = read_rows(c, &from, rows, &count);
		for (size_t i = 0; i < count && code == 0; i++)
			code = call(context, rows[i].number, &rows[i].pack, rows[i].origin);
	} while (count > 0 && code == 0);
	return code;
}

/* Keeps the places sorted, newest pack first, at most CATALOG_PLACES_MAX, one a pack. */
static void note_place(struct chunk_place places[CATALOG_PLACES_MAX], size_t *count, const struct chunk_place *place)
{
	size_t at = 0;

	while (at < *count && places[at].pack > place->pack)
		at++;
	if (at == CATALOG_PLACES_MAX || (at < *count && places[at].pack == place->pack))
		return;
	if (*count < CATALOG_PLACES_MAX)
		(*count)++;
	memmove(&places[at + 1], &places[at], (*count - at - 1) * sizeof *places);
	places[at] = *place;
}

static int locate(struct catalog *c, MDB_txn *txn, const uint8_t id[ID_SIZE],
		  struct chunk_place places[CATALOG_PLACES_MAX], size_t *count)
{
	const struct pending_place *p;
	struct chunk_place place;
	uint8_t start[CHUNK_KEY_SIZE];
	MDB_cursor *cursor;
	MDB_val key, value;

	*count = 0;
	for (uint32_t slot = PENDING_START; (p = pending_next_place(&c->pending, id, &slot));) {
		place = place_of(p);
		if (is_live(c, place.pack))
			note_place(places, count, &place);
	}
	encode_chunk_key(start, id, UINT32_MAX);
	int code = store_cursor(c->store, txn, TABLE_CHUNKS, &cursor);
	if (code)
		return code;
	for (code = store_cursor_from(c->store, cursor, start, sizeof start, &key, &value);
	     code == 0 && key.mv_size >= ID_SIZE && memcmp(key.mv_data, id, ID_SIZE) == 0 &&
	     *count < CATALOG_PLACES_MAX;
	     code = store_cursor_next(c->store, cursor, &key, &value)) {
		code = read_place(c, &key, &value, &place);
		if (code)
			break;
		/* A place without its pack: a flush was killed between its transactions. */
		if (is_live(c, place.pack))
			note_place(places, count, &place);
	}
	mdb_cursor_close(cursor);
	return code == ERR_MISSING ? 0 : code;
}

int catalog_locate(struct catalog *c, const uint8_t id[ID_SIZE], struct chunk_place places[CATALOG_PLACES_MAX],
		   size_t *count)
{
	MDB_txn *txn;
	int code = begin(c, &txn);

	if (code)
		return code;
	code = locate(c, txn, id, places, count);
	end(c, txn);
	return code;
}

/* All places in a pack that is written. */
static int read_written_blobs(struct catalog *c, MDB_txn *txn, uint32_t number, struct chunk_place **places,
			      size_t *count)
{
	uint8_t pack_key[NUMBER_SIZE], chunk[CHUNK_KEY_SIZE];
	MDB_val ids, value;

	encode_number(pack_key, number);
	int code = store_get(c->store, txn, TABLE_BLOBS, pack_key, sizeof pack_key, &ids);
	if (code == ERR_MISSING || (code == 0 && ids.mv_size % ID_SIZE != 0))
		return store_damaged(c->store, "a pack's list of blobs is missing");
	if (code)
		return code;
	size_t total = ids.mv_size / ID_SIZE;
	*places = xcalloc(total + 1, sizeof **places);
	for (size_t i = 0; i < total; i++) {
		encode_chunk_key(chunk, (const uint8_t *)ids.mv_data + i * ID_SIZE, number);
		MDB_val key = { sizeof chunk, chunk };
		code = store_get(c->store, txn, TABLE_CHUNKS, chunk, sizeof chunk, &value);
		if (code == ERR_MISSING)
			continue; /* the removal of this pack was killed half-way */
		if (code == 0)
			code = read_place(c, &key, &value, &(*places)[*count]);
		if (code)
			return code;
		(*count)++;
	}
	return 0;
}

static int read_blobs(struct catalog *c, MDB_txn *txn, uint32_t number, struct chunk_place **places, size_t *count)
{
	if (!is_live(c, number))
		return no_pack();
	uint32_t pending;
	const struct pending_place *p = pending_places_of(&c->pending, number, &pending);

	if (p == NULL)
		return read_written_blobs(c, txn, number, places, count);
	*count = pending;
	*places = xcalloc(*count + 1, sizeof **places);
	for (size_t i = 0; i < *count; i++)
		(*places)[i] = place_of(&p[i]);
	return 0;
}

int catalog_each_blob(struct catalog *c, uint32_t pack, catalog_blob_call call, void *context)
{
	_free_ struct chunk_place *places = NULL;
	size_t count = 0;
	MDB_txn *txn;
	int code = begin(c, &txn);

	if (code)
		return code;
	code = read_blobs(c, txn, pack, &places, &count);
	end(c, txn);
	for (size_t i = 0; i < count && code == 0; i++)
		code = call(context, places[i].info.id, &places[i]);
	return code;
}

static int no_node(void)
{
	return failed(ERR_MISSING, "the catalogue has no such node");
}

static int children(struct catalog *c, MDB_txn *txn, const uint8_t node[ID_SIZE], struct buf *out)
{
	struct chunk_place places[CATALOG_PLACES_MAX];
	const struct pending_place *p;
	MDB_val value;
	size_t count;

	for (uint32_t slot = PENDING_START; (p = pending_next_place(&c->pending, node, &slot));)
		if (p->kind == KIND_NODE && is_live(c, p->pack))
			return buf_append(out, c->pending.children[p->child_first], (size_t)p->child_count * ID_SIZE);
	int code = store_get(c->store, txn, TABLE_CHILDREN, node, ID_SIZE, &value);
	if (code == ERR_MISSING)
		return no_node();
	if (code == 0 && value.mv_size % ID_SIZE != 0)
		code = store_damaged(c->store, "the children of a node have another length");
	/* Of a pack that is about to be removed, it may be the last trace. */
	if (code == 0 && c->pending.removed_count > 0) {
		code = locate(c, txn, node, places, &count);
		if (code == 0 && count == 0)
			code = no_node();
	}
	return code ? code : buf_append(out, value.mv_data, value.mv_size);
}

int catalog_children(struct catalog *c, const uint8_t node[ID_SIZE], struct buf *out)
{
	MDB_txn *txn;
	int code = begin(c, &txn);

	if (code)
		return code;
	code = children(c, txn, node, out);
	end(c, txn);
	return code;
}

int catalog_knows_object(struct catalog *c, const uint8_t hash[DIGEST_SIZE], bool *known)
{
	MDB_txn *txn;
	MDB_val value;
	int code = begin(c, &txn);

	*known = false;
	if (code)
		return code;
	for (uint32_t i = 0; i < c->pending.object_count && !*known; i++)
		*known = memcmp(c->pending.objects[i].hash, hash, DIGEST_SIZE) == 0;
	if (!*known) {
		code = store_get(c->store, txn, TABLE_OBJECTS, hash, DIGEST_SIZE, &value);
		*known = code == 0;
	}
	end(c, txn);
	return code == ERR_MISSING ? 0 : code;
}

int catalog_get_fact(struct catalog *c, const char *name, struct buf *out)
{
	MDB_txn *txn;
	MDB_val value;
	int code = begin(c, &txn);

	if (code)
		return code;
	const struct pending_fact *fact = pending_fact(&c->pending, name);
	if (fact) {
		code = buf_append(out, fact->data, fact->len);
	} else {
		code = store_get(c->store, txn, TABLE_FACTS, name, strlen(name), &value);
		if (code == ERR_MISSING)
			code = failed(ERR_MISSING, "the catalogue has no fact '%s'", name);
		else if (code == 0)
			code = buf_append(out, value.mv_data, value.mv_size);
	}
	end(c, txn);
	return code;
}

void catalog_stats(struct catalog *c, uint64_t *packs, uint64_t *chunks, uint64_t *map_bytes)
{
	MDB_txn *txn;

	*packs = *chunks = *map_bytes = 0;
	if (begin(c, &txn))
		return;
	*packs = c->live;
	*chunks = store_entries(c->store, txn, TABLE_CHUNKS) + c->pending.place_count;
	*map_bytes = store_bytes(c->store);
	end(c, txn);
}

/* ---- telling: one thread ---- */

static int change_origin(struct catalog *c, uint32_t number, enum pack_origin origin)
{
	if (c->origins[number] == origin)
		return 0;
	if (c->pending.changed_count == PENDING_CHANGES) {
		int code = catalog_flush(c, false);
		if (code)
			return code;
	}
	pthread_rwlock_wrlock(&c->lock);
	c->origins[number] = (uint8_t)origin;
	if (!is_pending(c, number))
		c->pending.changed[c->pending.changed_count++] = number;
	pthread_rwlock_unlock(&c->lock);
	return 0;
}

int catalog_set_origin(struct catalog *c, uint32_t number, enum pack_origin origin)
{
	return is_live(c, number) ? change_origin(c, number, origin) : no_pack();
}

static int add_new_pack(struct catalog *c, const struct index_pack *pack, const struct pack_footer *footer,
			enum pack_origin origin, uint32_t *number)
{
	int code = pending_has_room(&c->pending, footer) ? 0 : catalog_flush(c, false);

	if (code)
		return code;
	must(c->limit < UINT32_MAX);
	pthread_rwlock_wrlock(&c->lock);
	*number = pending_add_pack(&c->pending, pack, footer);
	set_limit(c, *number + 1);
	c->origins[*number] = (uint8_t)origin;
	c->live++;
	pthread_rwlock_unlock(&c->lock);
	return 0;
}

int catalog_add_pack(struct catalog *c, const struct index_pack *pack, const struct pack_footer *footer,
		     enum pack_origin origin, uint32_t *number)
{
	uint32_t found = 0;
	int code = catalog_find_pack(c, pack->name, &found);

	if (code == 0 && origin == PACK_INDEXED && c->origins[found] == PACK_MADE)
		code = change_origin(c, found, PACK_INDEXED);
	else if (code == ERR_MISSING)
		code = add_new_pack(c, pack, footer, origin, &found);
	if (code == 0 && number)
		*number = found;
	return code;
}

int catalog_add_blobs(struct catalog *c, uint32_t number, const struct pack_footer *footer)
{
	if (!is_live(c, number))
		return no_pack();
	int code = pending_has_room(&c->pending, footer) ? 0 : catalog_flush(c, false);

	if (code)
		return code;
	pthread_rwlock_wrlock(&c->lock);
	pending_add_blobs(&c->pending, number, footer);
	pthread_rwlock_unlock(&c->lock);
	return 0;
}

int catalog_remove_pack(struct catalog *c, uint32_t number)
{
	if (!is_live(c, number))
		return no_pack();
	if (c->pending.removed_count == PENDING_CHANGES) {
		int code = catalog_flush(c, false);
		if (code)
			return code;
	}
	pthread_rwlock_wrlock(&c->lock);
	c->pending.removed[c->pending.removed_count++] = number;
	c->origins[number] = 0;
	c->live--;
	pthread_rwlock_unlock(&c->lock);
	return 0;
}

int catalog_note_object(struct catalog *c, const uint8_t hash[DIGEST_SIZE], uint64_t seq)
{
	if (c->pending.object_count == PENDING_OBJECTS) {
		int code = catalog_flush(c, false);
		if (code)
			return code;
	}
	pthread_rwlock_wrlock(&c->lock);
	struct pending_object *new = &c->pending.objects[c->pending.object_count++];
	memcpy(new->hash, hash, DIGEST_SIZE);
	new->seq = seq;
	pthread_rwlock_unlock(&c->lock);
	return 0;
}

int catalog_set_fact(struct catalog *c, const char *name, const void *data, size_t len)
{
	/* Names with a dot are the catalogue's own. */
	must(name[0] != '\0' && name[0] != '.' && strlen(name) <= CATALOG_FACT_NAME_MAX && len <= CATALOG_FACT_MAX);
	if (c->pending.fact_count == PENDING_FACTS) {
		int code = catalog_flush(c, false);
		if (code)
			return code;
	}
	pthread_rwlock_wrlock(&c->lock);
	pending_set_fact(&c->pending, name, data, len);
	pthread_rwlock_unlock(&c->lock);
	return 0;
}

/* ---- flushing ---- */

/* Written behind LMDB's own lock, while lookups go on: nobody else changes what is pending. */
static int write_pending(struct catalog *c)
{
	int rc = flush_pending(c->store, &c->pending, c->origins);

	while (rc == MDB_MAP_FULL) {
		pthread_rwlock_wrlock(&c->lock);
		int code = store_grow(c->store);
		pthread_rwlock_unlock(&c->lock);
		if (code)
			return code;
		rc = flush_pending(c->store, &c->pending, c->origins);
	}
	return rc ? store_failed(c->store, rc) : 0;
}

static int count_written(struct catalog *c, uint64_t *places)
{
	MDB_txn *txn;
	int code = store_read_begin(c->store, &txn);

	if (code)
		return code;
	*places = store_entries(c->store, txn, TABLE_CHUNKS);
	store_read_end(c->store, txn);
	return 0;
}

int catalog_flush(struct catalog *c, bool durable)
{
	if (!pending_is_empty(&c->pending)) {
		uint64_t written;
		int code = write_pending(c);
		if (code == 0)
			code = count_written(c, &written);
		if (code)
			return code;
		pthread_rwlock_wrlock(&c->lock);
		pending_clear(&c->pending, c->limit, written);
		pthread_rwlock_unlock(&c->lock);
	}
	return durable && !c->temporary ? store_sync(c->store) : 0;
}
