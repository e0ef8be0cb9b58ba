/*
 * What the catalogue has been told and has not written yet: bounded, and findable at once. Private to lib/catalog.
 *
 * Ids are random, so the places of a flush go to as many pages of the table as there are places, until there are more
 * places than pages. A large catalogue that was flushed at a fixed number would write a page for each chunk. So there is
 * room for as many places as are written already: whatever a catalogue grows to, each page is written a few times.
 * The tables are files that are mapped, once they are large (base/spill.h).
 *
 * Not synchronised: catalog.c holds its lock. Packs get consecutive numbers from `base` on.
 */
#ifndef CATALOG_PENDING_H
#define CATALOG_PENDING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/spill.h"
#include "format/objects.h"
#include "format/pack.h"

/*
 * Places, at least and at most; as many children's ids and as many packs. A pack always fits in when nothing is pending,
 * however many children it has. The most take 2 GiB of disk and mapped pages, and belong to catalogues of more than that.
 */
#define PENDING_PLACES     98304u
#define PENDING_PLACES_MAX (16u << 20)
#define PENDING_BLOBS      2048u /* packs written before whose places come now */
#define PENDING_OBJECTS    1024u
#define PENDING_FACTS      64u
#define PENDING_CHANGES    1024u

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

/* Open addressing: index + 1, by the first bytes of a hash. */
struct pending_slots {
	struct spill table;
	uint32_t count; /* a power of two; at most half are used */
};

struct pending {
	uint32_t base; /* number of packs[0] */
	uint32_t room; /* places, children, packs */
	struct spill pack_rows, place_rows, child_rows;
	struct pending_pack *packs; /* the spills'; they move when they grow */
	struct pending_place *places;
	uint8_t (*children)[ID_SIZE];
	uint32_t pack_count, place_count, child_count;
	struct pending_slots pack_slots, place_slots;
	struct pending_blobs blobs[PENDING_BLOBS];
	struct pending_object objects[PENDING_OBJECTS];
	struct pending_fact facts[PENDING_FACTS];
	uint32_t changed[PENDING_CHANGES]; /* written packs whose origin is another now */
	uint32_t removed[PENDING_CHANGES]; /* packs to forget */
	uint32_t blobs_count, object_count, fact_count, changed_count, removed_count;
};

/* `folder`: for spill_init(). */
void pending_init(struct pending *p, uint32_t base, const char *folder);
void pending_release(struct pending *p);

/* Empty again; the next pack has the number `base`. `written`: places in the tables. */
void pending_clear(struct pending *p, uint32_t base, uint64_t written);
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

/* Indexes of all places (uint32_t), ascending by id and then newest pack first, as the tables want them. */
void pending_order(const struct pending *p, struct spill *order);

#endif
