/*
 * The catalogue: what is in the zones, so that nothing is asked of them twice. One LMDB environment a dataset. A cache:
 * it can be deleted and rebuilt from one zone. Holds public things only: no key, no name, no unkeyed content hash.
 *
 *	packs      number (u32) -> name, size, footer length, kind, where it was learned from; name -> number
 *	chunks     id -> places (pack number, offset, stored and plain length, kind, suite, compression); there may be several
 *	children   node id -> its children's ids
 *	objects    signed objects already taken in (indexes, headers), by a SHA-256 of what and where they are -> seq
 *	facts      small values by name: format version, chain heads as last seen in each zone, last confirmed time
 *
 * Readers (restore, verify) use one in a temporary folder that is gone with the process. Lookups are thread-safe;
 * everything that writes is done by one thread at a time. Writes collect in memory and go in sorted, in few transactions.
 */
#ifndef CATALOG_CATALOG_H
#define CATALOG_CATALOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "format/objects.h"
#include "format/pack.h"

struct catalog;

#define CATALOG_PLACES_MAX    8 /* places of one chunk that a lookup reports */
#define CATALOG_FACT_NAME_MAX 64
#define CATALOG_FACT_MAX      1024

struct chunk_place {
	uint32_t pack; /* number */
	uint32_t offset, stored;
	struct blob_info info;
};

enum pack_origin {
	PACK_INDEXED = 1, /* a signed index names it: it counts */
	PACK_MADE = 2,    /* made by this agent, not indexed yet: counts for this agent only */
	PACK_RETIRED = 3, /* a signed index withdrew it; still listed somewhere, or it would have been removed here */
};

/* `dir`: created when absent. ERR_FORMAT: a catalogue of another version or damaged (the message says: rebuild). */
must_check int catalog_open(const char *dir, struct catalog **out);
/* One in a fresh temporary folder (under $TMPDIR or /var/tmp), unlinked at once. */
must_check int catalog_open_temporary(struct catalog **out);
void catalog_close(struct catalog *c);

/*
 * Adds a pack with its footer. Known already: PACK_MADE is raised to PACK_INDEXED if told so, nothing else. *number may
 * be NULL. `footer` NULL: what is in the pack comes later, by catalog_add_blobs(), once, or never.
 */
must_check int catalog_add_pack(struct catalog *c, const struct index_pack *pack, const struct pack_footer *footer,
				enum pack_origin origin, uint32_t *number);
must_check int catalog_add_blobs(struct catalog *c, uint32_t number, const struct pack_footer *footer);
must_check int catalog_set_origin(struct catalog *c, uint32_t number, enum pack_origin origin);

/* Forgets a pack and all chunk places in it. */
must_check int catalog_remove_pack(struct catalog *c, uint32_t number);

must_check int catalog_find_pack(struct catalog *c, const uint8_t name[DIGEST_SIZE],
				 uint32_t *number); /* ERR_MISSING */
must_check int catalog_pack(struct catalog *c, uint32_t number, struct index_pack *pack, enum pack_origin *origin);
uint32_t catalog_pack_limit(const struct catalog *c); /* numbers are below this; numbers are not reused */

/* Calls back for each pack, ascending by number. */
typedef int (*catalog_pack_call)(void *context, uint32_t number, const struct index_pack *pack,
				 enum pack_origin origin);
must_check int catalog_each_pack(struct catalog *c, catalog_pack_call call, void *context);

/* Places of a chunk, newest pack first; *count 0 when unknown. Sees what was added by this process at once. */
must_check int catalog_locate(struct catalog *c, const uint8_t id[ID_SIZE],
			      struct chunk_place places[CATALOG_PLACES_MAX], size_t *count);

/* Calls back for each blob of a pack (for compaction, pruning). */
typedef int (*catalog_blob_call)(void *context, const uint8_t id[ID_SIZE], const struct chunk_place *place);
must_check int catalog_each_blob(struct catalog *c, uint32_t pack, catalog_blob_call call, void *context);

/* Appends the ids of a node's children to `out`. ERR_MISSING: not a node that is known. */
must_check int catalog_children(struct catalog *c, const uint8_t node[ID_SIZE], struct buf *out);

must_check int catalog_note_object(struct catalog *c, const uint8_t hash[DIGEST_SIZE], uint64_t seq);
must_check int catalog_knows_object(struct catalog *c, const uint8_t hash[DIGEST_SIZE], bool *known);
/* `name`: 1..CATALOG_FACT_NAME_MAX bytes, not starting with '.'; at most CATALOG_FACT_MAX bytes of data. */
must_check int catalog_set_fact(struct catalog *c, const char *name, const void *data, size_t len);
must_check int catalog_get_fact(struct catalog *c, const char *name, struct buf *out); /* ERR_MISSING */

/* Writes what was collected. `durable`: fsync. Called by itself when much has been collected. */
must_check int catalog_flush(struct catalog *c, bool durable);

/* Removes the files of a catalogue (for rebuild). */
must_check int catalog_destroy(const char *dir);

/* Counts for status and bench: packs, chunks (places), bytes of the map in use. */
void catalog_stats(struct catalog *c, uint64_t *packs, uint64_t *chunks, uint64_t *map_bytes);

#endif
