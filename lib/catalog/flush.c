#include "catalog/flush.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "catalog/encode.h"

static int write_limit(struct store_writing *w, const struct pending *p)
{
	uint8_t limit[NUMBER_SIZE];

	encode_number(limit, p->base + p->pack_count);
	return store_put(w, TABLE_FACTS, LIMIT_FACT, strlen(LIMIT_FACT), limit, sizeof limit, 0);
}

/* At the end of its table, where pages fill up; when a flush is repeated it may be there already. */
static int append(struct store_writing *w, enum table table, uint32_t number, const void *value, size_t len)
{
	uint8_t key[NUMBER_SIZE];

	encode_number(key, number);
	int rc = store_put(w, table, key, sizeof key, value, len, MDB_APPEND);
	return rc == MDB_KEYEXIST ? store_put(w, table, key, sizeof key, value, len, 0) : rc;
}

static int put_blobs(struct store_writing *w, const struct pending *p, uint32_t number, uint32_t first, uint32_t count,
		     uint8_t *ids)
{
	for (uint32_t k = 0; k < count; k++)
		memcpy(ids + (size_t)k * ID_SIZE, p->places[first + k].id, ID_SIZE);
	return append(w, TABLE_BLOBS, number, ids, (size_t)count * ID_SIZE);
}

/* Sorted, so that each page of the tables is changed once and not once a chunk. */
static int write_sorted(struct store_writing *w, const struct pending *p, const uint8_t *origins, const uint32_t *order)
{
	int rc = 0;

	w->budget = store_budget(w, TABLE_CHUNKS, p->place_count);
	for (uint32_t i = 0; i < p->place_count && rc == 0; i++) {
		const struct pending_place *place = &p->places[order[i]];
		uint8_t key[CHUNK_KEY_SIZE], value[PLACE_SIZE];

		if (origins[place->pack] == 0)
			continue;
		encode_chunk_key(key, place->id, place->pack);
		encode_place(value, place);
		rc = store_put(w, TABLE_CHUNKS, key, sizeof key, value, sizeof value, 0);
		if (rc == 0)
			rc = store_write_step(w);
	}
	w->budget = STORE_BUDGET_MIN;
	for (uint32_t i = 0; i < p->place_count && rc == 0; i++) {
		const struct pending_place *place = &p->places[order[i]];

		if (place->kind != KIND_NODE || origins[place->pack] == 0)
			continue;
		rc = store_put(w, TABLE_CHILDREN, place->id, ID_SIZE, p->children[place->child_first],
			       (size_t)place->child_count * ID_SIZE, MDB_NOOVERWRITE);
		if (rc == 0 || rc == MDB_KEYEXIST)
			rc = store_write_step(w);
	}
	return rc;
}

static int write_places(struct store_writing *w, const struct pending *p, const uint8_t *origins)
{
	struct spill order;

	pending_order(p, &order);
	int rc = write_sorted(w, p, origins, order.data);
	spill_release(&order);
	return rc;
}

static int write_pack(struct store_writing *w, const struct pending *p, uint32_t i, uint8_t origin, uint8_t *ids)
{
	const struct pending_pack *pack = &p->packs[i];
	uint8_t row[ROW_SIZE], number[NUMBER_SIZE];

	encode_number(number, p->base + i);
	encode_row(row, &pack->pack, origin);
	int rc = append(w, TABLE_PACKS, p->base + i, row, sizeof row);
	if (rc == 0)
		rc = put_blobs(w, p, p->base + i, pack->place_first, pack->place_count, ids);
	if (rc == 0)
		rc = store_put(w, TABLE_NAMES, pack->pack.name, DIGEST_SIZE, number, sizeof number, 0);
	return rc;
}

static int write_packs(struct store_writing *w, const struct pending *p, const uint8_t *origins)
{
	_free_ uint8_t *ids = xmalloc((size_t)PACK_BLOBS_MAX * ID_SIZE);
	int rc = 0;

	for (uint32_t i = 0; i < p->pack_count && rc == 0; i++) {
		if (origins[p->base + i] != 0)
			rc = write_pack(w, p, i, origins[p->base + i], ids);
		if (rc == 0)
			rc = store_write_step(w);
	}
	for (uint32_t i = 0; i < p->blobs_count && rc == 0; i++) {
		const struct pending_blobs *b = &p->blobs[i];

		if (origins[b->pack] != 0)
			rc = put_blobs(w, p, b->pack, b->place_first, b->place_count, ids);
		if (rc == 0)
			rc = store_write_step(w);
	}
	return rc;
}

static int write_origins(struct store_writing *w, const struct pending *p, const uint8_t *origins)
{
	for (uint32_t i = 0; i < p->changed_count; i++) {
		uint8_t key[NUMBER_SIZE], row[ROW_SIZE];
		MDB_val k = { sizeof key, key }, value;

		if (origins[p->changed[i]] == 0)
			continue;
		encode_number(key, p->changed[i]);
		int rc = mdb_get(w->txn, store_table(w->store, TABLE_PACKS), &k, &value);
		if (rc == 0 && value.mv_size != ROW_SIZE)
			rc = MDB_CORRUPTED;
		if (rc)
			return rc;
		memcpy(row, value.mv_data, ROW_SIZE);
		row[ROW_SIZE - 1] = origins[p->changed[i]];
		rc = store_put(w, TABLE_PACKS, key, sizeof key, row, sizeof row, 0);
		if (rc)
			return rc;
	}
	return 0;
}

static int write_objects_and_facts(struct store_writing *w, const struct pending *p)
{
	int rc = 0;

	for (uint32_t i = 0; i < p->object_count && rc == 0; i++) {
		const struct pending_object *o = &p->objects[i];
		uint8_t seq[8];

		encode_number(seq, (uint32_t)(o->seq >> 32));
		encode_number(seq + 4, (uint32_t)o->seq);
		rc = store_put(w, TABLE_OBJECTS, o->hash, DIGEST_SIZE, seq, sizeof seq, 0);
	}
	for (uint32_t i = 0; i < p->fact_count && rc == 0; i++)
		rc = store_put(w, TABLE_FACTS, p->facts[i].name, strlen(p->facts[i].name), p->facts[i].data,
			       p->facts[i].len, 0);
	return rc;
}

/* ---- forgetting packs ---- */

/* Places that are forgotten in one pass over their table: 18 MiB of keys, and as many again at most for a last pack. */
#define PASS_PLACES (1u << 19)

struct pass {
	uint8_t (*keys)[CHUNK_KEY_SIZE];
	size_t count, cap;
};

static int compare_keys(const void *a, const void *b)
{
	return memcmp(a, b, CHUNK_KEY_SIZE);
}

/* The places of a pack, copied: what LMDB points to is good until the next change only. */
static int gather_places(const struct store_writing *w, uint32_t number, struct pass *pass)
{
	uint8_t key[NUMBER_SIZE];
	MDB_val k = { sizeof key, key }, value;

	encode_number(key, number);
	int rc = mdb_get(w->txn, store_table(w->store, TABLE_BLOBS), &k, &value);
	if (rc)
		return rc == MDB_NOTFOUND ? 0 : rc;
	size_t count = value.mv_size / ID_SIZE;
	if (pass->count + count > pass->cap) {
		pass->cap = 2 * pass->cap > pass->count + count ? 2 * pass->cap : pass->count + count;
		pass->keys = xrealloc(pass->keys, pass->cap, CHUNK_KEY_SIZE);
	}
	for (size_t i = 0; i < count; i++)
		encode_chunk_key(pass->keys[pass->count++], (const uint8_t *)value.mv_data + i * ID_SIZE, number);
	return 0;
}

/* Forgets a place; with the last of a node, its children. */
static int remove_place(struct store_writing *w, uint8_t key[CHUNK_KEY_SIZE])
{
	MDB_val found = { CHUNK_KEY_SIZE, key }, value;
	struct chunk_place place;
	MDB_cursor *cursor;
	int rc = mdb_cursor_open(w->txn, store_table(w->store, TABLE_CHUNKS), &cursor);

	if (rc)
		return rc;
	bool node = false, last = false;
	rc = mdb_cursor_get(cursor, &found, &value, MDB_SET_KEY);
	if (rc == 0) {
		node = !decode_place(found.mv_data, found.mv_size, value.mv_data, value.mv_size, &place) ||
		       place.info.kind == KIND_NODE;
		rc = mdb_cursor_del(cursor, 0);
		w->work++;
	}
	if (rc == 0 && node) {
		/* The newest place of the same chunk, if one is left. */
		encode_chunk_key(key, key, UINT32_MAX);
		found = (MDB_val){ CHUNK_KEY_SIZE, key };
		rc = mdb_cursor_get(cursor, &found, &value, MDB_SET_RANGE);
		last = rc == MDB_NOTFOUND ||
		       (rc == 0 && (found.mv_size < ID_SIZE || memcmp(found.mv_data, key, ID_SIZE) != 0));
	}
	mdb_cursor_close(cursor);
	if (rc != 0 && rc != MDB_NOTFOUND)
		return rc;
	return last ? store_delete(w, TABLE_CHILDREN, key, ID_SIZE) : 0;
}

/* Sorted, so that each page of the table is changed once and not once a chunk. */
static int remove_places(struct store_writing *w, struct pass *pass)
{
	int rc = 0;

	if (pass->count > 0)
		qsort(pass->keys, pass->count, CHUNK_KEY_SIZE, compare_keys);
	w->budget = store_budget(w, TABLE_CHUNKS, pass->count);
	for (size_t i = 0; i < pass->count && rc == 0; i++) {
		rc = remove_place(w, pass->keys[i]);
		if (rc == 0)
			rc = store_write_step(w);
	}
	w->budget = STORE_BUDGET_MIN;
	pass->count = 0;
	return rc;
}

/* The row goes last, and the name only if it has not gone to a newer pack of the same bytes. */
static int remove_row(struct store_writing *w, uint32_t number)
{
	uint8_t key[NUMBER_SIZE], name[DIGEST_SIZE];
	MDB_val k = { sizeof key, key }, n = { sizeof name, name }, value;

	encode_number(key, number);
	int rc = mdb_get(w->txn, store_table(w->store, TABLE_PACKS), &k, &value);
	if (rc == 0 && value.mv_size != ROW_SIZE)
		rc = MDB_CORRUPTED;
	if (rc)
		return rc == MDB_NOTFOUND ? 0 : rc;
	memcpy(name, value.mv_data, DIGEST_SIZE);
	rc = mdb_get(w->txn, store_table(w->store, TABLE_NAMES), &n, &value);
	bool ours = rc == 0 && value.mv_size == NUMBER_SIZE && decode_number(value.mv_data) == number;
	if (rc == MDB_NOTFOUND)
		rc = 0;
	if (rc == 0 && ours)
		rc = store_delete(w, TABLE_NAMES, name, sizeof name);
	if (rc == 0)
		rc = store_delete(w, TABLE_BLOBS, key, sizeof key);
	if (rc == 0)
		rc = store_delete(w, TABLE_PACKS, key, sizeof key);
	return rc;
}

/* A pack's places, then its row: what is cut off in between is done again. */
static int remove_packs(struct store_writing *w, const struct pending *p)
{
	struct pass pass = { .keys = NULL };
	int rc = 0;

	for (uint32_t i = 0, from = 0; i < p->removed_count && rc == 0; i++) {
		rc = gather_places(w, p->removed[i], &pass);
		if (rc != 0 || (pass.count < PASS_PLACES && i + 1 < p->removed_count))
			continue;
		rc = remove_places(w, &pass);
		for (; from <= i && rc == 0; from++) {
			rc = remove_row(w, p->removed[from]);
			if (rc == 0)
				rc = store_write_step(w);
		}
	}
	free(pass.keys);
	return rc;
}

int flush_pending(struct store *s, const struct pending *p, const uint8_t *origins)
{
	struct store_writing w;
	int rc = store_write_begin(s, &w);

	if (rc == 0)
		rc = write_limit(&w, p);
	if (rc == 0)
		rc = write_places(&w, p, origins);
	if (rc == 0)
		rc = write_packs(&w, p, origins);
	if (rc == 0)
		rc = write_origins(&w, p, origins);
	if (rc == 0)
		rc = write_objects_and_facts(&w, p);
	if (rc == 0)
		rc = remove_packs(&w, p);
	if (rc == 0)
		rc = store_write_commit(&w);
	store_write_abort(&w);
	return rc;
}
