#include "catalog/pending.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

/* Powers of two, at least twice what they hold. */
#define PLACE_SLOTS (1u << 18)
#define PACK_SLOTS  (1u << 12)

_Static_assert(PLACE_SLOTS >= 2 * PENDING_PLACES && PACK_SLOTS >= 2 * PENDING_PACKS, "tables at most half full");
_Static_assert(PENDING_PLACES >= PACK_BLOBS_MAX, "one pack fits in");

void pending_init(struct pending *p, uint32_t base)
{
	*p = (struct pending){ .base = base, .child_cap = PENDING_CHILDREN };
	p->packs = xmalloc(PENDING_PACKS * sizeof *p->packs);
	p->places = xmalloc(PENDING_PLACES * sizeof *p->places);
	p->children = xmalloc(PENDING_CHILDREN * sizeof *p->children);
	p->blobs = xmalloc(PENDING_PACKS * sizeof *p->blobs);
	p->pack_slots = xcalloc(PACK_SLOTS, sizeof *p->pack_slots);
	p->place_slots = xcalloc(PLACE_SLOTS, sizeof *p->place_slots);
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
	free(p->packs);
	free(p->places);
	free(p->children);
	free(p->blobs);
	free(p->pack_slots);
	free(p->place_slots);
}

void pending_clear(struct pending *p, uint32_t base)
{
	forget_facts(p);
	if (p->pack_count > 0)
		memset(p->pack_slots, 0, PACK_SLOTS * sizeof *p->pack_slots);
	if (p->place_count > 0)
		memset(p->place_slots, 0, PLACE_SLOTS * sizeof *p->place_slots);
	if (p->child_cap > PENDING_CHILDREN) {
		p->child_cap = PENDING_CHILDREN;
		p->children = xrealloc(p->children, p->child_cap, sizeof *p->children);
	}
	p->base = base;
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
	return footer->blob_count <= PENDING_PLACES - p->place_count && p->child_count <= PENDING_CHILDREN &&
	       footer->child_count <= PENDING_CHILDREN - p->child_count;
}

bool pending_has_room(const struct pending *p, const struct pack_footer *footer)
{
	if (p->pack_count == PENDING_PACKS || p->blobs_count == PENDING_PACKS)
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

static void enter(uint32_t *table, uint32_t slots, const uint8_t hash[32], uint32_t index)
{
	uint32_t slot = slot_of(hash, slots);

	while (table[slot] != 0)
		slot = (slot + 1) & (slots - 1);
	table[slot] = index + 1;
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
	enter(p->place_slots, PLACE_SLOTS, place->id, p->place_count++);
}

static void add_places(struct pending *p, uint32_t number, const struct pack_footer *footer)
{
	must(footer->blob_count <= PENDING_PLACES - p->place_count);
	if (footer->child_count > p->child_cap - p->child_count) {
		p->child_cap = p->child_count + footer->child_count;
		p->children = xrealloc(p->children, p->child_cap, sizeof *p->children);
	}
	for (uint32_t i = 0; i < footer->blob_count; i++)
		add_place(p, number, &footer->blobs[i]);
	if (footer->child_count > 0)
		memcpy(p->children[p->child_count], footer->children, (size_t)footer->child_count * ID_SIZE);
	p->child_count += footer->child_count;
}

uint32_t pending_add_pack(struct pending *p, const struct index_pack *pack, const struct pack_footer *footer)
{
	uint32_t number = p->base + p->pack_count;
	struct pending_pack *new = &p->packs[p->pack_count];

	must(p->pack_count < PENDING_PACKS);
	*new = (struct pending_pack){ *pack, p->place_count, footer == NULL ? 0 : footer->blob_count };
	enter(p->pack_slots, PACK_SLOTS, pack->name, p->pack_count++);
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
		must(p->blobs_count < PENDING_PACKS);
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
	*slot = *slot == PENDING_START ? slot_of(id, PLACE_SLOTS) : (*slot + 1) & (PLACE_SLOTS - 1);
	for (; p->place_slots[*slot] != 0; *slot = (*slot + 1) & (PLACE_SLOTS - 1)) {
		const struct pending_place *place = &p->places[p->place_slots[*slot] - 1];

		if (memcmp(place->id, id, ID_SIZE) == 0)
			return place;
	}
	return NULL;
}

const struct pending_pack *pending_next_pack(const struct pending *p, const uint8_t name[DIGEST_SIZE], uint32_t *slot)
{
	*slot = *slot == PENDING_START ? slot_of(name, PACK_SLOTS) : (*slot + 1) & (PACK_SLOTS - 1);
	for (; p->pack_slots[*slot] != 0; *slot = (*slot + 1) & (PACK_SLOTS - 1)) {
		const struct pending_pack *pack = &p->packs[p->pack_slots[*slot] - 1];

		if (memcmp(pack->pack.name, name, DIGEST_SIZE) == 0)
			return pack;
	}
	return NULL;
}

static int compare_places(const void *a, const void *b, void *context)
{
	const struct pending_place *places = context;
	const struct pending_place *x = &places[*(const uint32_t *)a], *y = &places[*(const uint32_t *)b];
	int order = memcmp(x->id, y->id, ID_SIZE);

	if (order != 0)
		return order;
	return x->pack == y->pack ? 0 : x->pack > y->pack ? -1 : 1;
}

uint32_t *pending_order(const struct pending *p)
{
	uint32_t *order = xmalloc((p->place_count + 1) * sizeof *order);

	for (uint32_t i = 0; i < p->place_count; i++)
		order[i] = i;
	qsort_r(order, p->place_count, sizeof *order, compare_places, p->places);
	return order;
}
