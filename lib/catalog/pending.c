#include "catalog/pending.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

/* What the tables begin with, and a bucket of sorting holds on average. */
#define ROWS_FIRST  1024u
#define SLOTS_FIRST (2 * ROWS_FIRST)
#define BUCKET      16u

_Static_assert(PENDING_PLACES >= PACK_BLOBS_MAX, "one pack fits in");

static void slots_init(struct pending_slots *s, const char *folder)
{
	spill_init(&s->table, folder);
	spill_resize(&s->table, SLOTS_FIRST * sizeof(uint32_t));
	s->count = SLOTS_FIRST;
}

static void forget_facts(struct pending *p)
{
	for (uint32_t i = 0; i < p->fact_count; i++) {
		free(p->facts[i].name);
		free(p->facts[i].data);
	}
	p->fact_count = 0;
}

void pending_release(struct pending *p)
{
	forget_facts(p);
	spill_release(&p->pack_rows);
	spill_release(&p->place_rows);
	spill_release(&p->child_rows);
	spill_release(&p->pack_slots.table);
	spill_release(&p->place_slots.table);
}

void pending_clear(struct pending *p, uint32_t base, uint64_t written)
{
	forget_facts(p);
	if (p->pack_count > 0)
		memset(p->pack_slots.table.data, 0, p->pack_slots.table.size);
	if (p->place_count > 0)
		memset(p->place_slots.table.data, 0, p->place_slots.table.size);
	p->base = base;
	p->room = written < PENDING_PLACES       ? PENDING_PLACES
		  : written > PENDING_PLACES_MAX ? PENDING_PLACES_MAX
						 : (uint32_t)written;
	p->pack_count = p->place_count = p->blobs_count = p->child_count = 0;
	p->object_count = p->changed_count = p->removed_count = 0;
}

bool pending_is_empty(const struct pending *p)
{
	return p->pack_count == 0 && p->blobs_count == 0 && p->object_count == 0 && p->fact_count == 0 &&
	       p->changed_count == 0 && p->removed_count == 0;
}

static bool footer_has_room(const struct pending *p, const struct pack_footer *footer)
{
	return footer->blob_count <= p->room - p->place_count && p->child_count <= p->room &&
	       footer->child_count <= p->room - p->child_count;
}

bool pending_has_room(const struct pending *p, const struct pack_footer *footer)
{
	if (p->pack_count == p->room || p->blobs_count == PENDING_BLOBS)
		return false;
	return footer == NULL || footer_has_room(p, footer);
}

/* Ids and names are hashes already: their first bytes will do. */
static uint32_t slot_of(const uint8_t hash[32], uint32_t slots)
{
	uint32_t first;

	memcpy(&first, hash, sizeof first);
	return first & (slots - 1);
}

static void enter(struct pending_slots *s, const uint8_t hash[32], uint32_t index)
{
	uint32_t *table = s->table.data, slot = slot_of(hash, s->count);

	while (table[slot] != 0)
		slot = (slot + 1) & (s->count - 1);
	table[slot] = index + 1;
}

/* Makes room for so many rows in all. */
static void grow_rows(struct spill *rows, size_t row, size_t wanted)
{
	size_t size = rows->size == 0 ? ROWS_FIRST * row : rows->size;

	while (size < wanted * row)
		size *= 2;
	spill_resize(rows, size);
}

/* For so many entries in all. True: what was entered is to be entered again. */
static bool grow_slots(struct pending_slots *s, size_t wanted)
{
	uint32_t count = s->count;

	while (count / 2 < wanted)
		count *= 2;
	if (count == s->count)
		return false;
	spill_resize(&s->table, count * sizeof(uint32_t));
	memset(s->table.data, 0, s->table.size);
	s->count = count;
	return true;
}

static void make_room_for_pack(struct pending *p)
{
	size_t wanted = (size_t)p->pack_count + 1;

	grow_rows(&p->pack_rows, sizeof *p->packs, wanted);
	p->packs = p->pack_rows.data;
	if (grow_slots(&p->pack_slots, wanted)) {
		for (uint32_t i = 0; i < p->pack_count; i++)
			enter(&p->pack_slots, p->packs[i].pack.name, i);
	}
}

static void make_room_for_places(struct pending *p, const struct pack_footer *footer)
{
	size_t wanted = (size_t)p->place_count + footer->blob_count;

	grow_rows(&p->place_rows, sizeof *p->places, wanted);
	grow_rows(&p->child_rows, sizeof *p->children, (size_t)p->child_count + footer->child_count);
	p->places = p->place_rows.data;
	p->children = p->child_rows.data;
	if (grow_slots(&p->place_slots, wanted)) {
		for (uint32_t i = 0; i < p->place_count; i++)
			enter(&p->place_slots, p->places[i].id, i);
	}
}

void pending_init(struct pending *p, uint32_t base, const char *folder)
{
	*p = (struct pending){ .base = base, .room = PENDING_PLACES };
	spill_init(&p->pack_rows, folder);
	spill_init(&p->place_rows, folder);
	spill_init(&p->child_rows, folder);
	slots_init(&p->pack_slots, folder);
	slots_init(&p->place_slots, folder);
	make_room_for_pack(p);
	make_room_for_places(p, &(struct pack_footer){ 0 });
}

static void add_place(struct pending *p, uint32_t number, const struct pack_blob *b)
{
	struct pending_place *place = &p->places[p->place_count];

	*place = (struct pending_place){
		.pack = number,
		.offset = b->offset,
		.stored = b->stored,
		.plain = b->info.plain,
		.child_first = p->child_count + b->child_first,
		.child_count = b->child_count,
		.kind = (uint8_t)b->info.kind,
		.suite = (uint8_t)b->info.suite,
		.compression = (uint8_t)b->info.compression,
	};
	memcpy(place->id, b->info.id, ID_SIZE);
	enter(&p->place_slots, place->id, p->place_count++);
}

static void add_places(struct pending *p, uint32_t number, const struct pack_footer *footer)
{
	must(p->place_count == 0 || footer_has_room(p, footer));
	make_room_for_places(p, footer);
	for (uint32_t i = 0; i < footer->blob_count; i++)
		add_place(p, number, &footer->blobs[i]);
	if (footer->child_count > 0)
		memcpy(p->children[p->child_count], footer->children, (size_t)footer->child_count * ID_SIZE);
	p->child_count += footer->child_count;
}

uint32_t pending_add_pack(struct pending *p, const struct index_pack *pack, const struct pack_footer *footer)
{
	uint32_t number = p->base + p->pack_count;

	make_room_for_pack(p);
	p->packs[p->pack_count] = (struct pending_pack){ *pack, p->place_count,
							 footer == NULL ? 0 : footer->blob_count };
	enter(&p->pack_slots, pack->name, p->pack_count++);
	if (footer != NULL)
		add_places(p, number, footer);
	return number;
}

void pending_add_blobs(struct pending *p, uint32_t number, const struct pack_footer *footer)
{
	if (number >= p->base) {
		p->packs[number - p->base].place_first = p->place_count;
		p->packs[number - p->base].place_count = footer->blob_count;
	} else {
		must(p->blobs_count < PENDING_BLOBS);
		p->blobs[p->blobs_count++] = (struct pending_blobs){ number, p->place_count, footer->blob_count };
	}
	add_places(p, number, footer);
}

const struct pending_place *pending_places_of(const struct pending *p, uint32_t number, uint32_t *count)
{
	*count = 0;
	if (number >= p->base && number - p->base < p->pack_count) {
		*count = p->packs[number - p->base].place_count;
		return &p->places[p->packs[number - p->base].place_first];
	}
	for (uint32_t i = 0; i < p->blobs_count; i++) {
		if (p->blobs[i].pack == number) {
			*count = p->blobs[i].place_count;
			return &p->places[p->blobs[i].place_first];
		}
	}
	return NULL;
}

/* Its index, or fact_count. */
static uint32_t find_fact(const struct pending *p, const char *name)
{
	uint32_t i = 0;

	while (i < p->fact_count && strcmp(p->facts[i].name, name) != 0)
		i++;
	return i;
}

const struct pending_fact *pending_fact(const struct pending *p, const char *name)
{
	uint32_t i = find_fact(p, name);

	return i < p->fact_count ? &p->facts[i] : NULL;
}

void pending_set_fact(struct pending *p, const char *name, const void *data, size_t len)
{
	uint32_t i = find_fact(p, name);
	struct pending_fact *fact = &p->facts[i];

	must(i < PENDING_FACTS);
	if (i == p->fact_count) {
		*fact = (struct pending_fact){ .name = xstrdup(name) };
		p->fact_count++;
	}
	free(fact->data);
	fact->data = xmalloc(len ? len : 1);
	fact->len = len;
	if (len != 0)
		memcpy(fact->data, data, len);
}

const struct pending_place *pending_next_place(const struct pending *p, const uint8_t id[ID_SIZE], uint32_t *slot)
{
	const uint32_t *table = p->place_slots.table.data, mask = p->place_slots.count - 1;

	*slot = *slot == PENDING_START ? slot_of(id, mask + 1) : (*slot + 1) & mask;
	for (; table[*slot] != 0; *slot = (*slot + 1) & mask) {
		const struct pending_place *place = &p->places[table[*slot] - 1];

		if (memcmp(place->id, id, ID_SIZE) == 0)
			return place;
	}
	return NULL;
}

const struct pending_pack *pending_next_pack(const struct pending *p, const uint8_t name[DIGEST_SIZE], uint32_t *slot)
{
	const uint32_t *table = p->pack_slots.table.data, mask = p->pack_slots.count - 1;

	*slot = *slot == PENDING_START ? slot_of(name, mask + 1) : (*slot + 1) & mask;
	for (; table[*slot] != 0; *slot = (*slot + 1) & mask) {
		const struct pending_pack *pack = &p->packs[table[*slot] - 1];

		if (memcmp(pack->pack.name, name, DIGEST_SIZE) == 0)
			return pack;
	}
	return NULL;
}

/* ---- sorting: ids are random, so their first bits make buckets of a few, each of which is soon in order ---- */

static int compare_places(const void *a, const void *b, void *context)
{
	const struct pending_place *places = context;
	const struct pending_place *x = &places[*(const uint32_t *)a], *y = &places[*(const uint32_t *)b];
	int order = memcmp(x->id, y->id, ID_SIZE);

	if (order != 0)
		return order;
	return x->pack == y->pack ? 0 : x->pack > y->pack ? -1 : 1;
}

static uint32_t bucket_of(const struct pending_place *place, unsigned bits)
{
	uint32_t first;

	memcpy(&first, place->id, sizeof first);
	return bits == 0 ? 0 : be32toh(first) >> (32 - bits);
}

void pending_order(const struct pending *p, struct spill *order)
{
	unsigned bits = 0;
	struct spill ends; /* of buckets: where the next of each goes, from its end backwards */

	while (p->place_count >> bits > BUCKET)
		bits++;
	spill_init(&ends, p->place_rows.folder);
	spill_init(order, p->place_rows.folder);
	spill_resize(&ends, (((size_t)1 << bits) + 1) * sizeof(uint32_t));
	spill_resize(order, ((size_t)p->place_count + 1) * sizeof(uint32_t));
	uint32_t *end = ends.data, *index = order->data;

	for (uint32_t i = 0; i < p->place_count; i++)
		end[bucket_of(&p->places[i], bits)]++;
	for (uint32_t b = 1; b <= 1u << bits; b++)
		end[b] += end[b - 1];
	for (uint32_t i = p->place_count; i-- > 0;)
		index[--end[bucket_of(&p->places[i], bits)]] = i;
	for (uint32_t b = 0; b < 1u << bits; b++)
		qsort_r(index + end[b], end[b + 1] - end[b], sizeof *index, compare_places, p->places);
	spill_release(&ends);
}
