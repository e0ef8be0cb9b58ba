/*
 * A dataset in its zones: what is there, merged from every zone that answers. The centre of the library: everything above
 * (snapshot, restore, check, expire, collect, sync) starts from a loaded repo.
 *
 * Loading lists each zone once, opens headers and intents, follows the index chains into the catalogue, and says what is wrong
 * (findings) without stopping for it: only ERR_UNAVAILABLE (no zone answers) and local trouble end it. What a catalogue that
 * stays has taken in is not read again: indexes, footers of packs, most headers (repo/seen.h).
 */
#ifndef REPO_REPO_H
#define REPO_REPO_H

#include <stdbool.h>
#include <stdint.h>

#include "catalog/catalog.h"
#include "catalog/remembered.h"
#include "config/config.h"
#include "format/names.h"
#include "format/objects.h"
#include "repo/findings.h"
#include "repo/trust.h"
#include "zone/zone.h"

#define REPO_ZONES_MAX 2
#define ZONE_BIT(i)    (1u << (i))

/* Bits of repo->packs[number]. */
enum {
	PACK_IN_0 = 1, /* zone 0 lists it with the right size; zone i: PACK_IN_0 << i */
	PACK_IN_1 = 2,
	PACK_CONDEMNED = 4,
	PACK_WITHDRAWN = 8, /* a signed index withdrew it and no live snapshot reaches it */
};
#define PACK_IN_ANY (PACK_IN_0 | PACK_IN_1)

struct repo_zone {
	char *name;
	struct zone *zone;          /* NULL while it does not answer */
	struct zone_writer *writer; /* NULL when opened to read only */
	bool up;                    /* listed whole */
	bool unread;                /* some object in it could not be read, so what it has is not known */
};

/* A snapshot that some zone has a valid header of (live), or that is being destroyed (intended). */
struct snapshot {
	struct header header;
	struct buf object;         /* the signed header object */
	uint8_t hash[DIGEST_SIZE]; /* of it */
	const struct signer *signer;
	unsigned zones;                 /* ZONE_BIT(i): zone i has this header */
	uint32_t seals[REPO_ZONES_MAX]; /* highest generation listed in zone i; 0: none */
	unsigned intents;               /* ZONE_BIT(i): zone i has a valid intent for it */
	int64_t intent_at;              /* when the earliest was made */
	bool quarantined;               /* taken in the future: never counts as newest, evicts nothing */
	int64_t seen_at;                /* quarantined: when a confirmed clock first saw it; INT64_MAX: none has */
	bool remembered;                /* no zone has its header whole, nor an intent: this host remembers it */
	bool refused;                   /* a signed intent in some zone wants it destroyed before its time */
	bool disputed; /* there are different headers of it, both signed: nothing is done on the word of one */
};

/* Something of a dataset that is neither pack, header nor index of a live chain. */
struct repo_mark { /* condemned packs */
	uint8_t pack[DIGEST_SIZE];
	int64_t since;
	unsigned zones;
};

/*
 * Seals of which no header is known. Judged only when every zone was listed; what is `stray` or due is destroyed by
 * the next run.
 */
struct headless {
	uint8_t id[SNAPSHOT_ID_SIZE];
	unsigned seals, headers; /* ZONE_BITs: zone i lists a seal of it, a header of it that does not open */
	bool sealed;             /* a seal of it is signed by one who may */
	bool stray;       /* left by a run of this host that was ended, or its snapshot was destroyed here before */
	bool seen;        /* this host remembers since when it is there */
	bool disowned;    /* a header of it is of a revoked key, and does not count */
	bool dated;       /* the names of its headers say when it is due */
	bool many_names;  /* zones list headers of it under several names */
	int64_t taken_at; /* as the last of them says */
	int64_t due_at;   /* from then on past its expiry under every reading; INT64_MAX: not known */
};

struct repo_orphan { /* packs that no index names */
	uint8_t name[DIGEST_SIZE];
	uint64_t size;
	unsigned zones;
};

struct chain { /* the index chain of one signer */
	uint8_t signer[KEY_ID_SIZE];
	uint64_t seq; /* newest in any zone; 0: none */
	uint8_t hash[DIGEST_SIZE];
	uint64_t zone_seq[REPO_ZONES_MAX];
	uint64_t named; /* the highest number that an opened index, a header or this catalogue's memory knows of */
};

struct index_object { /* every index object listed, by signer and seq */
	uint8_t signer[KEY_ID_SIZE], hash[DIGEST_SIZE];
	uint64_t seq;
	unsigned zones;
	bool in_doubt; /* opens in no zone */
};

struct doubt {                     /* about an index object that opens in no zone: repo/doubt.h */
	size_t row;                /* in repo->indexes, until junk is taken out of there */
	bool forged;               /* its bytes are those that its name says: what is wrong with them is no damage */
	bool real;                 /* perhaps */
	char *why[REPO_ZONES_MAX]; /* NULL: not there */
};

struct unread;

struct repo {
	char dataset[DATASET_NAME_MAX + 1];
	const struct config_dataset *config; /* NULL on a bare host */
	const struct trust *trust;
	struct findings *findings;
	struct catalog *catalog;
	char *folder; /* for large tables of public values (base/spill.h): the catalogue's; NULL where that is a temporary one */
	struct repo_zone zones[REPO_ZONES_MAX];
	unsigned zone_count;
	char *state, *memory; /* NULL: this host remembers nothing */

	/* filled by repo_load() */
	struct snapshot *snapshots; /* ascending by (taken_at, seq) */
	size_t snapshot_count;
	uint32_t *snapshot_slots; /* by id: where in `snapshots`, and one; repo_find() */
	size_t snapshot_slot_count;
	uint8_t *packs; /* bits, by catalogue number; repo_pack_bits() */
	uint32_t pack_limit;
	struct repo_mark *marks; /* ascending by pack */
	size_t mark_count;
	struct remembered_list remembered;
	struct headless *headless;
	size_t headless_count;
	uint8_t (*checkpoint_headers)[DIGEST_SIZE]; /* what the newest checkpoint that was opened calls live */
	uint32_t checkpoint_header_count;
	struct repo_orphan *orphans;
	size_t orphan_count;
	struct chain *chains;
	size_t chain_count;
	struct index_object *indexes; /* ascending by (signer, seq) */
	size_t index_count;
	struct index_pack *
		unplaced; /* that count, but whose footer no zone gives now: the catalogue lacks them; ascending by name */
	size_t unplaced_count;
	/*
	 * Hashes of header objects that revoked keys signed, ascending: those that count, and those that do not
	 * (repo/revoked.h).
	 */
	uint8_t (*ancestry)[DIGEST_SIZE], (*disowned)[DIGEST_SIZE];
	size_t ancestry_count, disowned_count;
	struct doubt *doubts;
	size_t doubt_count;
	uint64_t header_seen;                  /* number of the newest header that this catalogue remembers; 0: none */
	struct unread *unread;                 /* packs that were not looked into; NULL: not on demand */
	char *selector;                        /* of the headers that are opened; NULL: all */
	bool looked;                           /* since it was opened, at headers that were seen before */
	bool headers_only, writing, remembers; /* as opened; remembers: may write down what it sees of snapshots */
	/*
	 * A gap in headers or indexes that nothing explains, one that opens nowhere and may be real, or one of a
	 * revoked key that may count: collection must not act.
	 */
	bool chain_broken;
	bool headers_lost; /* headers are known to have been there that no zone has, and no intent explains it */
	bool complete;     /* every configured zone was listed whole, and all that had to be read could be */
};

struct repo_options {
	const char *dataset;
	const struct config_dataset *config;
	const struct trust *trust;
	const struct zone_place *places; /* copied; 1 or 2 */
	unsigned place_count;
	bool writing;
	const char *catalog; /* folder, or NULL: a temporary one */
	const char *state;   /* of this host: what it remembers, and certificates; or NULL */
	bool snapshots;      /* count what it remembers of snapshots too (catalog/remembered.h) */
	bool remember;       /* an agent's or pruner's, with `writing`: what is seen for the first time is remembered */
	bool headers_only;   /* for status and lists: headers, intents and seals; no catalogue, no packs */
	/*
	 * For who reads one snapshot: a pack's footer is read when a chunk is looked for (repo/locate.h), and with a
	 * `selector` (repo/select.h) only headers that it may mean. Told is what is in the way of that: gaps in the
	 * chains of headers, marks, refused withdrawals and seals without headers are left to a check.
	 */
	bool on_demand;
	const char *selector; /* NULL: all headers */
};

/*
 * Opens the zones that answer (a finding for one that does not; ERR_UNAVAILABLE when none does) and the catalogue. ERR_FORMAT: the
 * catalogue is to be made anew (catalog_destroy()): damaged, of another version, or learned from one who is no signer any more.
 */
must_check int repo_open(const struct repo_options *options, struct findings *findings, struct repo **out);
void repo_close(struct repo *r);

/* Lists and merges; may be called again (after a sync, before a commit): replaces everything from the last time. */
must_check int repo_load(struct repo *r);

/* The same with all headers, of a repo that was opened with a selector. */
must_check int repo_load_all(struct repo *r);

/* Zones of a configuration as places; for repo_options. */
void repo_places(const struct config *config, struct zone_place places[REPO_ZONES_MAX], unsigned *count);

/* The same of --zone-url on a host without a configuration: zone-1 and zone-2. ERR_USAGE: too many, no URL, one place. */
must_check int repo_bare_places(const char *const *urls, size_t url_count, struct zone_place places[REPO_ZONES_MAX],
				unsigned *count);

/* ZONE_BITs of zones that are up. */
unsigned repo_up(const struct repo *r);

uint8_t repo_pack_bits(const struct repo *r, uint32_t number);
/* The zones (ZONE_BITs) in which a pack of these bits may be counted on: none when it is condemned or withdrawn. */
unsigned repo_countable(uint8_t bits);
void repo_set_pack_bits(struct repo *r, uint32_t number, uint8_t bits);

/*
 * Whether a chunk may be counted on: in some pack that is listed, unmarked and not withdrawn. *node: it is one; may be
 * NULL.
 */
must_check int repo_chunk_known(struct repo *r, const uint8_t id[ID_SIZE], bool *known, bool *node);

/* A snapshot that may be restored from: live (header, no intent), not quarantined unless it is all there is. */
bool snapshot_live(const struct snapshot *s);

/*
 * Only this host remembers it: neither header nor seal nor intent is in any zone that answers. The next header takes
 * its number.
 */
bool snapshot_lost(const struct snapshot *s);

/*
 * When it expires: the earlier of its stamp and today's policy, which is known when the repo was opened with a configuration.
 * One of the future is not kept until then: its window counts from when this host saw it first.
 */
int64_t repo_expiry(const struct repo *r, const struct snapshot *s);

/* The newest live one, or NULL. */
const struct snapshot *repo_newest(const struct repo *r);

const struct snapshot *repo_find(const struct repo *r, const uint8_t id[SNAPSHOT_ID_SIZE]);

/* The condemned mark of a pack, or NULL. */
const struct repo_mark *repo_find_mark(const struct repo *r, const uint8_t pack[DIGEST_SIZE]);

/* Loads the footer of an indexed pack from any zone, checked against the index's hash of it. */
must_check int repo_load_footer(struct repo *r, const struct index_pack *pack, unsigned zones, struct pack_footer *out);

#endif
