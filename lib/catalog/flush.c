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
static int write_places(struct store_writing *w, const struct pending *p, const uint8_t *origins)
{
	_free_ uint32_t *order = pending_order(p);
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
	_free_ uint8_t *ids = xmalloc((size_t)p->place_count * ID_SIZE + 1);
	int rc = 0;

	for (uint32_t i = 0; i < p->pack_count && rc == 0; i++)
		if (origins[p->base + i] != 0)
			rc = write_pack(w, p, i, origins[p->base + i], ids);
	for (uint32_t i = 0; i < p->blobs_count && rc == 0; i++) {
		const struct pending_blobs *b = &p->blobs[i];

		if (origins[b->pack] != 0)
			rc = put_blobs(w, p, b->pack, b->place_first, b->place_count, ids);
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

/* Forgets one place; with the last of a node, its children. */
static int remove_place(struct store_writing *w, const uint8_t id[ID_SIZE], uint32_t number)
{
	uint8_t key[CHUNK_KEY_SIZE];
	MDB_val found = { sizeof key, key }, value;
	MDB_cursor *cursor;

	encode_chunk_key(key, id, number);
	int rc = store_delete(w, TABLE_CHUNKS, key, sizeof key);
	if (rc == 0)
		rc = mdb_cursor_open(w->txn, store_table(w->store, TABLE_CHUNKS), &cursor);
	if (rc)
		return rc;
	encode_chunk_key(key, id, UINT32_MAX);
	rc = mdb_cursor_get(cursor, &found, &value, MDB_SET_RANGE);
	bool last = rc == MDB_NOTFOUND ||
		    (rc == 0 && (found.mv_size < ID_SIZE || memcmp(found.mv_data, id, ID_SIZE) != 0));
	mdb_cursor_close(cursor);
	if (rc != 0 && rc != MDB_NOTFOUND)
		return rc;
	return last ? store_delete(w, TABLE_CHILDREN, id, ID_SIZE) : 0;
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

static int remove_pack(struct store_writing *w, uint32_t number)
{
	_free_ uint8_t *ids = NULL;
	uint8_t key[NUMBER_SIZE];
	MDB_val k = { sizeof key, key }, value;

	encode_number(key, number);
	int rc = mdb_get(w->txn, store_table(w->store, TABLE_BLOBS), &k, &value);
	if (rc)
		return rc == MDB_NOTFOUND ? 0 : rc;
	/* A copy: what LMDB points to is good until the next change only. */
	size_t count = value.mv_size / ID_SIZE;
	ids = xmalloc(count * ID_SIZE + 1);
	memcpy(ids, value.mv_data, count * ID_SIZE);
	for (size_t i = 0; i < count && rc == 0; i++) {
		rc = remove_place(w, ids + i * ID_SIZE, number);
		if (rc == 0)
			rc = store_write_step(w);
	}
	return rc ? rc : remove_row(w, number);
}

static int remove_packs(struct store_writing *w, const struct pending *p)
{
	int rc = 0;

	for (uint32_t i = 0; i < p->removed_count && rc == 0; i++)
		rc = remove_pack(w, p->removed[i]);
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
