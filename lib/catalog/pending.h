/*
 * What the catalogue has been told and has not written yet: bounded, and findable at once. Private to lib/catalog.
 *
 * Not synchronised: catalog.c holds its lock. Packs get consecutive numbers from `base` on.
 */
#ifndef CATALOG_PENDING_H
#define CATALOG_PENDING_H

#include <stdbool.h>
#include <stdint.h>

#include "format/objects.h"
#include "format/pack.h"

/* About 8 MiB when full, touched only as it fills. One pack always fits in when it is empty. */
#define PENDING_PACKS    2048u
#define PENDING_PLACES   98304u
#define PENDING_CHILDREN 32768u /* ids; the pool grows beyond for one pack that has more, until it is written */
#define PENDING_OBJECTS  1024u
#define PENDING_FACTS    64u
#define PENDING_CHANGES  1024u

struct pending_place {
	uint8_t id[ID_SIZE];
	uint32_t pack, offset, stored, plain;
	uint32_t child_first, child_count;
	uint8_t kind, suite, compression;
};

struct pending_pack {
	struct index_pack pack;
	uint32_t place_first, place_count;
};

/* What is in a pack that was written without it. */
struct pending_blobs {
	uint32_t pack, place_first, place_count;
};

struct pending_object {
	uint8_t hash[DIGEST_SIZE];
	uint64_t seq;
};

struct pending_fact {
	char *name;
	void *data;
	size_t len;
};

struct pending {
	uint32_t base; /* number of packs[0] */
	struct pending_pack *packs;
	struct pending_place *places;
	uint8_t (*children)[ID_SIZE];
	uint32_t pack_count, place_count, blobs_count, child_count, child_cap;
	struct pending_blobs *blobs;
	uint32_t *pack_slots, *place_slots; /* hash tables, open addressing: index + 1 by name, by id */
	struct pending_object objects[PENDING_OBJECTS];
	struct pending_fact facts[PENDING_FACTS];
	uint32_t changed[PENDING_CHANGES]; /* written packs whose origin is another now */
	uint32_t removed[PENDING_CHANGES]; /* packs to forget */
	uint32_t object_count, fact_count, changed_count, removed_count;
};

void pending_init(struct pending *p, uint32_t base);
void pending_release(struct pending *p);

/* Empty again; the next pack has the number `base`. */
void pending_clear(struct pending *p, uint32_t base);
bool pending_is_empty(const struct pending *p);

/* For one more pack, and what is in it. `footer`: NULL where that is not known yet. */
bool pending_has_room(const struct pending *p, const struct pack_footer *footer);

/* Adds a pack, for which there is room or which is the first; returns its number. */
uint32_t pending_add_pack(struct pending *p, const struct index_pack *pack, const struct pack_footer *footer);

/* What is in a pack that was added without a footer, here or before. */
void pending_add_blobs(struct pending *p, uint32_t number, const struct pack_footer *footer);

/* Where the places of a pack are; NULL: none are pending. */
const struct pending_place *pending_places_of(const struct pending *p, uint32_t number, uint32_t *count);

/* A fact of that name, or NULL. pending_set_fact() replaces it; there is room or it is there already. */
const struct pending_fact *pending_fact(const struct pending *p, const char *name);
void pending_set_fact(struct pending *p, const char *name, const void *data, size_t len);

/* The next place of this chunk, or the next pack of this name; NULL after the last. *slot starts as PENDING_START. */
#define PENDING_START UINT32_MAX
const struct pending_place *pending_next_place(const struct pending *p, const uint8_t id[ID_SIZE], uint32_t *slot);
const struct pending_pack *pending_next_pack(const struct pending *p, const uint8_t name[DIGEST_SIZE], uint32_t *slot);

/* Indexes of all places, ascending by id and then newest pack first, as the tables want them. To be freed. */
uint32_t *pending_order(const struct pending *p);

#endif
