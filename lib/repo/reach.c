/*
 * The set of visited ids keeps 16 bytes of each (ids are uniformly random: a collision needs 2^64 chunks), in open
 * addressing, in a table that goes to a file when it grows. Per pack a counter of reached bytes. The stack holds ids
 * still to visit; a node's children are pushed at once, so its height is bounded by fan-out times depth of the tree,
 * not by the number of chunks.
 */
#include "repo/reach.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/spill.h"
#include "base/stop.h"

#define PREFIX 16

struct whole {
	struct repo *r;
	unsigned zones; /* that have every pack of the catalogue */
};

struct reach {
	struct repo *r;
	struct spill table;
	uint8_t (*slots)[PREFIX]; /* the table's; all zero: empty */
	size_t count, cap;        /* cap: power of two */
	uint64_t *pack_bytes;
	uint32_t pack_limit;
	uint8_t (*stack)[ID_SIZE];
	size_t depth, stack_cap;
	struct buf children;
	uint64_t missing;
	uint8_t only;
	bool countable; /* condemned and withdrawn packs do not count */
};

/* An empty table. */
static void set_cap(struct reach *w, size_t cap)
{
	spill_init(&w->table, w->r->folder);
	spill_resize(&w->table, cap * PREFIX);
	w->slots = w->table.data;
	w->cap = cap;
}

struct reach *reach_new(struct repo *r)
{
	struct reach *w = xcalloc(1, sizeof *w);

	w->r = r;
	w->only = PACK_IN_ANY;
	set_cap(w, 1024);
	w->pack_limit = catalog_pack_limit(r->catalog);
	w->pack_bytes = xcalloc(w->pack_limit + 1, sizeof *w->pack_bytes);
	buf_init(&w->children, (size_t)NODE_CHILDREN_MAX * ID_SIZE, "children of a node");
	return w;
}

void reach_free(struct reach *w)
{
	if (w == NULL)
		return;
	spill_release(&w->table);
	free(w->pack_bytes);
	free(w->stack);
	buf_release(&w->children);
	free(w);
}

void reach_only(struct reach *w, uint8_t bits)
{
	w->only = bits;
}

static size_t slot_of(const struct reach *w, const uint8_t id[ID_SIZE])
{
	static const uint8_t empty[PREFIX];
	uint64_t hash;

	memcpy(&hash, id, sizeof hash);
	size_t i = hash & (w->cap - 1);
	while (memcmp(w->slots[i], empty, PREFIX) != 0 && memcmp(w->slots[i], id, PREFIX) != 0)
		i = (i + 1) & (w->cap - 1);
	return i;
}

static void grow(struct reach *w)
{
	static const uint8_t empty[PREFIX];
	struct spill old_table = w->table;
	uint8_t(*old)[PREFIX] = w->slots;
	size_t old_cap = w->cap;

	set_cap(w, 2 * old_cap);
	for (size_t i = 0; i < old_cap; i++) {
		if (memcmp(old[i], empty, PREFIX) != 0)
			memcpy(w->slots[slot_of(w, old[i])], old[i], PREFIX);
	}
	spill_release(&old_table);
}

bool reach_has(const struct reach *w, const uint8_t id[ID_SIZE])
{
	return memcmp(w->slots[slot_of(w, id)], id, PREFIX) == 0;
}

/* Whether it is new. */
static bool visit(struct reach *w, const uint8_t id[ID_SIZE])
{
	size_t slot = slot_of(w, id);

	if (memcmp(w->slots[slot], id, PREFIX) == 0)
		return false;
	memcpy(w->slots[slot], id, PREFIX);
	if (++w->count * 2 > w->cap)
		grow(w);
	return true;
}

static void push(struct reach *w, const uint8_t id[ID_SIZE])
{
	if (w->depth == w->stack_cap) {
		w->stack_cap = w->stack_cap * 2 + 64;
		w->stack = xrealloc(w->stack, w->stack_cap, ID_SIZE);
	}
	memcpy(w->stack[w->depth++], id, ID_SIZE);
}

static int score(const struct repo *r, const struct chunk_place *place)
{
	uint8_t bits = repo_pack_bits(r, place->pack);

	return ((bits & PACK_IN_0) != 0) * 2 + ((bits & PACK_IN_1) != 0) * 2 + (repo_countable(bits) != 0);
}

/*
 * Of the places of a chunk, newest first, those that count: the best, and those that bring it to zones where it would
 * lack. What a zone has must not hang on the other.
 */
static size_t choose(const struct reach *w, const struct chunk_place *places, size_t count,
		     const struct chunk_place *chosen[CATALOG_PLACES_MAX])
{
	const struct chunk_place *best = NULL;
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		uint8_t bits = repo_pack_bits(w->r, places[i].pack);

		if (places[i].pack >= w->pack_limit || (bits & w->only) == 0 ||
		    (w->countable && repo_countable(bits) == 0))
			continue;
		if (best == NULL || score(w->r, &places[i]) > score(w->r, best))
			best = &places[i];
	}
	if (best == NULL)
		return 0;
	chosen[n++] = best;
	unsigned covered = repo_pack_bits(w->r, best->pack);
	for (size_t i = 0; i < count; i++) {
		unsigned zones = repo_pack_bits(w->r, places[i].pack) & PACK_IN_ANY & w->only;

		if (places[i].pack >= w->pack_limit || (zones & ~covered) == 0)
			continue;
		chosen[n++] = &places[i];
		covered |= zones;
	}
	return n;
}

/* Counts a chunk where it counts, and finds its children. */
static int count_chunk(struct reach *w, const uint8_t id[ID_SIZE], bool *found)
{
	struct chunk_place places[CATALOG_PLACES_MAX];
	const struct chunk_place *chosen[CATALOG_PLACES_MAX];
	size_t count, n = 0;
	int code = catalog_locate(w->r->catalog, id, places, &count);

	if (code == 0)
		n = choose(w, places, count, chosen);
	*found = n > 0;
	buf_clear(&w->children);
	if (n > 0 && chosen[0]->info.kind == KIND_NODE)
		code = catalog_children(w->r->catalog, id, &w->children);
	for (size_t i = 0; i < n; i++)
		w->pack_bytes[chosen[i]->pack] += pack_blob_cost(chosen[i]->stored, w->children.len / ID_SIZE);
	return code;
}

int reach_counts(const struct reach *w, const uint8_t id[ID_SIZE], uint32_t pack, bool *counts)
{
	struct chunk_place places[CATALOG_PLACES_MAX];
	const struct chunk_place *chosen[CATALOG_PLACES_MAX];
	size_t count;

	*counts = false;
	if (!reach_has(w, id))
		return 0;
	int code = catalog_locate(w->r->catalog, id, places, &count);
	size_t n = code == 0 ? choose(w, places, count, chosen) : 0;
	for (size_t i = 0; i < n; i++)
		*counts = *counts || chosen[i]->pack == pack;
	return code;
}

int reach_add(struct reach *w, const uint8_t root[ID_SIZE], reach_missing missing, void *context)
{
	int code = 0;

	w->depth = 0;
	push(w, root);
	while (w->depth > 0 && code == 0) {
		uint8_t id[ID_SIZE];
		bool found;

		memcpy(id, w->stack[--w->depth], ID_SIZE);
		if (!visit(w, id))
			continue;
		code = stop_check();
		if (code == 0)
			code = count_chunk(w, id, &found);
		if (code != 0)
			break;
		if (!found) {
			w->missing++;
			if (missing != NULL)
				code = missing(context, id);
			continue;
		}
		for (size_t at = 0; at < w->children.len; at += ID_SIZE)
			push(w, w->children.data + at);
	}
	return code;
}

int reach_add_live(struct reach *w, bool but_expired)
{
	int code = 0;

	for (size_t i = 0; i < w->r->snapshot_count && code == 0; i++) {
		const struct snapshot *s = &w->r->snapshots[i];

		if (snapshot_live(s) && !(but_expired && repo_expiry(w->r, s) <= clock_now()))
			code = reach_add(w, s->header.root_id, NULL, NULL);
	}
	return code;
}

uint64_t reach_missing_count(const struct reach *w)
{
	return w->missing;
}

uint64_t reach_pack_bytes(const struct reach *w, uint32_t pack)
{
	return pack < w->pack_limit ? w->pack_bytes[pack] : 0;
}

bool reach_pack(const struct reach *w, uint32_t pack)
{
	return reach_pack_bytes(w, pack) > 0;
}

static int note_bits(void *context, uint32_t number, const struct index_pack *pack, enum pack_origin origin)
{
	struct whole *whole = context;

	(void)pack;
	(void)origin;
	whole->zones &= repo_countable(repo_pack_bits(whole->r, number));
	return 0;
}

int reach_whole(struct repo *r, const uint8_t root[ID_SIZE], unsigned *zones)
{
	struct whole everywhere = { .r = r, .zones = repo_up(r) };
	bool known;
	int code = catalog_each_pack(r->catalog, note_bits, &everywhere);

	*zones = 0;
	if (code == 0)
		code = repo_chunk_known(r, root, &known, NULL);
	if (code != 0 || !known)
		return code;
	if (everywhere.zones == repo_up(r)) {
		*zones = everywhere.zones;
		return 0;
	}
	for (unsigned i = 0; i < r->zone_count && code == 0; i++) {
		if ((repo_up(r) & ZONE_BIT(i)) == 0)
			continue;
		struct reach *w = reach_new(r);
		reach_only(w, (uint8_t)(PACK_IN_0 << i));
		w->countable = true;
		code = reach_add(w, root, NULL, NULL);
		if (code == 0 && reach_missing_count(w) == 0)
			*zones |= ZONE_BIT(i);
		reach_free(w);
	}
	return code;
}
