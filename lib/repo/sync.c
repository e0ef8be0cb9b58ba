#include "repo/sync.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/stop.h"
#include "repo/copy.h"
#include "repo/examine.h"
#include "repo/reach.h"

struct syncing {
	struct repo *r;
	struct leases *leases; /* NULL: repair, which needs none */
	struct sync_result *result;
	unsigned stopped; /* zones that gave trouble: nothing more is brought there */
	bool heal;        /* replace what does not count, destroy nothing */
};

static void lags(struct syncing *s, unsigned zone, const char *object, const char *why)
{
	s->result->lagging |= ZONE_BIT(zone);
	findings_add(s->r->findings, FINDING_LAG, s->r->zones[zone].name, object, "%s", why);
}

/* Trouble with a zone as a whole: it lags, and no more is asked of it. */
static void give_up(struct syncing *s, unsigned zone)
{
	findings_add(s->r->findings, FINDING_LAG, s->r->zones[zone].name, NULL,
		     "could not be brought up to date, the next run goes on: %s", err_message());
	s->result->lagging |= ZONE_BIT(zone);
	s->stopped |= ZONE_BIT(zone);
}

/* Whether anything may be brought to this zone. */
static bool open_to(const struct syncing *s, unsigned zone)
{
	bool held = s->leases == NULL || (lease_zones(s->leases) & ZONE_BIT(zone)) != 0;

	return held && s->r->zones[zone].up && (s->stopped & ZONE_BIT(zone)) == 0;
}

/* Before each object: copying may take longer than a lease lasts. */
static int go_on(const struct syncing *s)
{
	int code = stop_check();

	return code != 0 || s->leases == NULL ? code : lease_renew(s->leases);
}

/* Every other zone that is up: what lacks here may be there. */
static bool can_give(const struct syncing *s, unsigned from, unsigned to)
{
	return from != to && s->r->zones[from].up;
}

/* What became of a put. Whether the bytes are there now. */
static bool settle_put(struct syncing *s, unsigned to, const char *name, const struct buf *object, int code)
{
	if (code == 0) {
		s->result->objects++;
		s->result->bytes += object->len;
	} else if (code == ERR_EXISTS) {
		lags(s, to, name,
		     "something else stands in its place; 'nightfold-verify check --repair' puts the good one there");
	} else {
		give_up(s, to);
	}
	return code == 0;
}

/* Puts bytes that were examined. Whether they are there now. */
static bool put(struct syncing *s, unsigned to, const char *name, const struct buf *object)
{
	struct zone_writer *writer = s->r->zones[to].writer;
	int code = s->heal ? zone_replace(writer, name, object->data, object->len)
			   : zone_put(writer, name, object->data, object->len);

	return settle_put(s, to, name, object, code);
}

/* ---- intents and what they destroy ---- */

/* The first thing to be written into a zone that is to be freed. */
static bool put_intent(struct syncing *s, unsigned to, const char *name, const struct buf *object)
{
	struct zone_writer *writer = s->r->zones[to].writer;
	int code = s->heal ? zone_replace(writer, name, object->data, object->len)
			   : zone_put_reserved(writer, name, object->data, object->len);

	return settle_put(s, to, name, object, code);
}

/* Deletes one object; that it is gone already is what was wanted. */
static void destroy_object(struct syncing *s, unsigned zone, const char *name)
{
	int code = zone_delete(s->r->zones[zone].writer, name);

	if (code == 0)
		s->result->deleted++;
	else if (code != ERR_MISSING)
		give_up(s, zone);
}

static void destroy_in(struct syncing *s, const struct snapshot *snapshot, unsigned zone, const struct seal_row *rows,
		       size_t count)
{
	char name[OBJECT_NAME_MAX];
	size_t found;
	const struct seal_row *seals = seal_rows_of(rows, count, snapshot->header.id, &found);

	for (size_t i = 0; i < found && open_to(s, zone); i++)
		destroy_object(s, zone, name_seal(s->r->dataset, snapshot->header.id, seals[i].generation, name));
	if (open_to(s, zone) && (snapshot->zones & ZONE_BIT(zone)) != 0)
		destroy_object(s, zone,
			       name_header(s->r->dataset, snapshot->header.taken_at, snapshot->header.id, name));
}

/*
 * The intent of a snapshot from a zone that has it; what it says is done even where something else stands in its place.
 */
static void bring_intent(struct syncing *s, const struct snapshot *snapshot, unsigned to)
{
	char name[OBJECT_NAME_MAX];
	bool there = false;

	name_intent(s->r->dataset, snapshot->header.id, name);
	for (unsigned from = 0; from < s->r->zone_count && !there && open_to(s, to); from++) {
		_buf_ struct buf object = { 0 };

		if (!can_give(s, from, to) || (snapshot->intents & ZONE_BIT(from)) == 0)
			continue;
		if (examine_intent(s->r, from, snapshot, &object) != 0)
			lags(s, to, name, err_message());
		else
			there = put_intent(s, to, name, &object);
	}
}

static int sync_intents(struct syncing *s, unsigned to)
{
	struct seal_row *rows = NULL;
	size_t count = 0;
	bool listed = false;
	int code = 0;

	for (size_t i = 0; i < s->r->snapshot_count && open_to(s, to); i++) {
		const struct snapshot *snapshot = &s->r->snapshots[i];

		if (snapshot->intents == 0 || (snapshot->intents & ZONE_BIT(to)) != 0)
			continue;
		code = go_on(s);
		if (code != 0 || !open_to(s, to))
			break;
		if (!s->heal && !listed && examine_seals(s->r, to, &rows, &count) != 0) {
			give_up(s, to);
			break;
		}
		listed = true;
		bring_intent(s, snapshot, to);
		if (!s->heal)
			destroy_in(s, snapshot, to, rows, count);
	}
	free(rows);
	return code;
}

/* ---- indexes ---- */

static void bring_index(struct syncing *s, struct index_object *o, unsigned to)
{
	char name[OBJECT_NAME_MAX];

	name_index(s->r->dataset, o->signer, o->seq, o->hash, name);
	for (unsigned from = 0; from < s->r->zone_count && (o->zones & ZONE_BIT(to)) == 0 && open_to(s, to); from++) {
		_buf_ struct buf object = { 0 };

		if (!can_give(s, from, to) || (o->zones & ZONE_BIT(from)) == 0)
			continue;
		if (examine_index(s->r, from, o, &object, NULL) != 0) {
			findings_add(s->r->findings, FINDING_DAMAGED, s->r->zones[from].name, name, "%s",
				     err_message());
			lags(s, to, name, "lacks this index, and no other zone has it whole");
		} else if (put(s, to, name, &object)) {
			o->zones |= ZONE_BIT(to);
		}
	}
}

static int sync_indexes(struct syncing *s, unsigned to)
{
	int code = 0;

	for (size_t i = 0; i < s->r->index_count && code == 0 && open_to(s, to); i++) {
		struct index_object *o = &s->r->indexes[i];
		uint64_t start;

		code = go_on(s);
		if (code == 0 && (o->zones & ZONE_BIT(to)) == 0 && chain_start(s->r, o->signer, &start) &&
		    o->seq >= start)
			bring_index(s, o, to);
	}
	return code;
}

/* ---- packs ---- */

struct numbers {
	const struct repo *r;
	uint8_t bit;    /* of the zone that lacks them */
	uint32_t *list; /* to be brought */
	size_t count;
	bool marked_lacks; /* a marked pack lacks too: wanted only if a live snapshot needs it */
};

static void numbers_add(struct numbers *n, uint32_t number)
{
	n->list = xrealloc(n->list, n->count + 1, sizeof *n->list);
	n->list[n->count++] = number;
}

static int note_lacking(void *context, uint32_t number, const struct index_pack *pack, enum pack_origin origin)
{
	struct numbers *n = context;
	uint8_t bits = repo_pack_bits(n->r, number);

	(void)pack;
	if ((bits & n->bit) != 0 || (bits & PACK_IN_ANY) == 0)
		return 0;
	if (origin == PACK_RETIRED || (bits & (PACK_CONDEMNED | PACK_WITHDRAWN)) != 0)
		n->marked_lacks = true;
	else
		numbers_add(n, number);
	return 0;
}

/* Chunks that this zone lacks and another has: their packs are needed whatever their marks say. */
static int note_needed(void *context, const uint8_t id[ID_SIZE])
{
	struct numbers *n = context;
	struct chunk_place places[CATALOG_PLACES_MAX];
	size_t count;
	int code = catalog_locate(n->r->catalog, id, places, &count);

	for (size_t i = 0; i < count && code == 0; i++) {
		bool known = false;

		if ((repo_pack_bits(n->r, places[i].pack) & PACK_IN_ANY) == 0)
			continue;
		for (size_t k = 0; k < n->count && !known; k++)
			known = n->list[k] == places[i].pack;
		if (!known)
			numbers_add(n, places[i].pack);
		return 0;
	}
	return code;
}

/* *brought: how many. A pack that no zone has whole is told, and passed over. */
static int bring_packs(struct syncing *s, const struct numbers *n, unsigned to, size_t *brought)
{
	*brought = 0;
	for (size_t i = 0; i < n->count && open_to(s, to); i++) {
		struct index_pack pack;
		enum pack_origin origin;
		char name[OBJECT_NAME_MAX];
		int code = go_on(s);

		if (code == 0)
			code = catalog_pack(s->r->catalog, n->list[i], &pack, &origin);
		if (code != 0 || !open_to(s, to))
			return code;
		code = copy_pack(s->r, &pack, to, s->heal);
		name_pack(s->r->dataset, pack.name, name);
		if (code == 0) {
			repo_set_pack_bits(s->r, n->list[i],
					   repo_pack_bits(s->r, n->list[i]) | (uint8_t)(PACK_IN_0 << to));
			s->result->packs++;
			s->result->objects++;
			s->result->bytes += pack.size;
			(*brought)++;
		} else if (code == ERR_EXISTS) {
			lags(s, to, name,
			     "is not whole here; 'nightfold-verify check --repair' puts the good one in its place");
		} else if (code == ERR_MISSING || code == ERR_INTEGRITY) {
			lags(s, to, name, "lacks this pack, and no other zone has it whole");
		} else {
			give_up(s, to);
		}
	}
	return 0;
}

/* Brings packs that live snapshots need although they are marked: a mark is a record, never an authority. */
static int bring_needed(struct syncing *s, unsigned to)
{
	size_t brought;
	int code;

	do {
		struct numbers needed = { .r = s->r };
		struct reach *reach = reach_new(s->r);

		reach_only(reach, (uint8_t)(PACK_IN_0 << to));
		code = 0;
		brought = 0;
		for (size_t i = 0; i < s->r->snapshot_count && code == 0; i++) {
			if (snapshot_stays(s->r, &s->r->snapshots[i]))
				code = reach_add(reach, s->r->snapshots[i].header.root_id, note_needed, &needed);
		}
		if (code == 0)
			code = bring_packs(s, &needed, to, &brought);
		free(needed.list);
		reach_free(reach);
		/* Where a node was brought, its children may lack too. */
	} while (code == 0 && brought > 0 && open_to(s, to));
	return code;
}

static int sync_packs(struct syncing *s, unsigned to)
{
	struct numbers lacking = { .r = s->r, .bit = (uint8_t)(PACK_IN_0 << to) };
	size_t brought;
	int code = catalog_each_pack(s->r->catalog, note_lacking, &lacking);

	if (code == 0)
		code = bring_packs(s, &lacking, to, &brought);
	if (code == 0 && lacking.marked_lacks && open_to(s, to))
		code = bring_needed(s, to);
	free(lacking.list);
	return code;
}

/* ---- seals ---- */

struct seals {
	struct seal_row *rows[REPO_ZONES_MAX];
	size_t count[REPO_ZONES_MAX];
	bool listed;
};

static void list_seals(struct syncing *s, struct seals *seals)
{
	for (unsigned i = 0; i < s->r->zone_count && !seals->listed; i++) {
		if (s->r->zones[i].up && examine_seals(s->r, i, &seals->rows[i], &seals->count[i]) != 0)
			give_up(s, i);
	}
	seals->listed = true;
}

/* The newest generation that is good in this zone; 0: none. */
static uint32_t newest_good(struct syncing *s, const struct snapshot *snapshot, const struct seals *seals,
			    unsigned zone)
{
	size_t found;
	const struct seal_row *rows = seal_rows_of(seals->rows[zone], seals->count[zone], snapshot->header.id, &found);

	while (found-- > 0) {
		_buf_ struct buf object = { 0 };
		uint32_t generation = rows[found].generation;

		if (examine_seal(s->r, zone, snapshot, generation, &object) == 0)
			return generation;
	}
	return 0;
}

/* A snapshot may expire while we copy: its seal must not outlive it here. */
static void bring_seal(struct syncing *s, struct snapshot *snapshot, uint32_t generation, unsigned from, unsigned to)
{
	char name[OBJECT_NAME_MAX];
	_buf_ struct buf object = { 0 };

	name_seal(s->r->dataset, snapshot->header.id, generation, name);
	int code = examine_seal(s->r, from, snapshot, generation, &object);
	if (code != 0) {
		if (code != ERR_MISSING)
			findings_add(s->r->findings, FINDING_DAMAGED, s->r->zones[from].name, name, "%s",
				     err_message());
		lags(s, to, name, "lacks this seal, and no other zone has it whole");
		return;
	}
	if (!put(s, to, name, &object))
		return;
	snapshot->seals[to] = generation;
	if (!snapshot_stays(s->r, snapshot))
		destroy_object(s, to, name);
}

/* seals[to] becomes the newest generation that is good there, since the header follows only then. */
static void sync_seals_of(struct syncing *s, struct snapshot *snapshot, const struct seals *seals, unsigned to)
{
	uint32_t newest = newest_good(s, snapshot, seals, to);

	snapshot->seals[to] = newest;
	for (unsigned from = 0; from < s->r->zone_count; from++) {
		size_t found;

		if (!can_give(s, from, to))
			continue;
		const struct seal_row *rows = seal_rows_of(seals->rows[from], seals->count[from], snapshot->header.id,
							   &found);
		for (size_t i = 0; i < found && open_to(s, to); i++) {
			if (rows[i].generation > newest)
				bring_seal(s, snapshot, rows[i].generation, from, to);
		}
	}
}

static int sync_seals(struct syncing *s, struct seals *seals, unsigned to)
{
	for (size_t i = 0; i < s->r->snapshot_count && open_to(s, to); i++) {
		struct snapshot *snapshot = &s->r->snapshots[i];
		bool behind = s->heal || (snapshot->zones & ZONE_BIT(to)) == 0 || snapshot->seals[to] == 0;
		int code = go_on(s);

		if (code != 0)
			return code;
		for (unsigned from = 0; from < s->r->zone_count; from++)
			behind = behind || (can_give(s, from, to) && snapshot->seals[from] != snapshot->seals[to]);
		if (!behind || !snapshot_stays(s->r, snapshot))
			continue;
		list_seals(s, seals);
		sync_seals_of(s, snapshot, seals, to);
	}
	return 0;
}

/* ---- headers ---- */

/* Whether a zone holds everything under these roots (one, or those of all snapshots that lack their header there). */
static int whole_in(struct repo *r, const struct snapshot *one, unsigned zone, bool *whole)
{
	struct reach *reach = reach_new(r);
	int code = 0;

	reach_only(reach, (uint8_t)(PACK_IN_0 << zone));
	for (size_t i = 0; i < r->snapshot_count && code == 0; i++) {
		const struct snapshot *snapshot = &r->snapshots[i];

		if (one != NULL ? snapshot == one
				: snapshot_stays(r, snapshot) && (snapshot->zones & ZONE_BIT(zone)) == 0)
			code = reach_add(reach, snapshot->header.root_id, NULL, NULL);
	}
	*whole = reach_missing_count(reach) == 0;
	reach_free(reach);
	return code;
}

static int bring_header(struct syncing *s, const struct snapshot *snapshot, unsigned to, bool whole)
{
	char name[OBJECT_NAME_MAX];
	int code = whole ? 0 : whole_in(s->r, snapshot, to, &whole);

	if (code != 0)
		return code;
	name_header(s->r->dataset, snapshot->header.taken_at, snapshot->header.id, name);
	if (!whole)
		lags(s, to, name, "is not brought: this zone does not hold all packs of its snapshot");
	else if (snapshot->seals[to] == 0)
		lags(s, to, name, "is not brought: this zone has no good seal of its snapshot");
	else if (put(s, to, name, &snapshot->object) && !snapshot_stays(s->r, snapshot))
		destroy_object(s, to, name);
	return 0;
}

/*
 * A header that no zone has whole, but this host remembers: put back where all of its snapshot is. Nothing that was
 * destroyed comes back: its seal is there, nobody wants it destroyed, and its time is not over.
 */
static int put_back(struct syncing *s, struct snapshot *snapshot, struct seals *seals, unsigned to)
{
	struct zone_writer *writer = s->r->zones[to].writer;
	char name[OBJECT_NAME_MAX];
	bool whole = false;
	int code = 0;

	if (!snapshot->remembered || (snapshot->zones & ZONE_BIT(to)) != 0 || snapshot->intents != 0 ||
	    snapshot->refused || !s->r->complete || snapshot->seals[to] == 0 ||
	    repo_expiry(s->r, snapshot) <= clock_now())
		return 0;
	list_seals(s, seals);
	if (newest_good(s, snapshot, seals, to) != 0)
		code = whole_in(s->r, snapshot, to, &whole);
	if (code != 0 || !whole)
		return code;
	name_header(s->r->dataset, snapshot->header.taken_at, snapshot->header.id, name);
	code = zone_put(writer, name, snapshot->object.data, snapshot->object.len);
	/* What stands there was read by the load, and is no header. */
	if (code == ERR_EXISTS)
		code = zone_replace(writer, name, snapshot->object.data, snapshot->object.len);
	if (code != 0) {
		give_up(s, to);
		return 0;
	}
	snapshot->zones |= ZONE_BIT(to);
	s->result->objects++;
	s->result->bytes += snapshot->object.len;
	findings_add(s->r->findings, FINDING_NOTE, s->r->zones[to].name, name,
		     "was whole in no zone, and is put back from what this host remembers");
	return 0;
}

static int put_back_headers(struct syncing *s, struct seals *seals, unsigned to)
{
	int code = 0;

	for (size_t i = 0; i < s->r->snapshot_count && code == 0 && open_to(s, to); i++)
		code = put_back(s, &s->r->snapshots[i], seals, to);
	return code;
}

static int sync_headers(struct syncing *s, unsigned to)
{
	bool asked = false, all_whole = false;
	int code = 0;

	for (size_t i = 0; i < s->r->snapshot_count && code == 0 && open_to(s, to); i++) {
		const struct snapshot *snapshot = &s->r->snapshots[i];

		if (!snapshot_stays(s->r, snapshot) || (snapshot->zones & ZONE_BIT(to)) != 0)
			continue;
		if (!asked)
			code = whole_in(s->r, NULL, to, &all_whole);
		asked = true;
		if (code == 0)
			code = go_on(s);
		if (code == 0 && open_to(s, to))
			code = bring_header(s, snapshot, to, all_whole);
	}
	return code;
}

/* ---- all of it ---- */

static int sync_zone(struct syncing *s, struct seals *seals, unsigned to)
{
	int code = sync_indexes(s, to);

	if (code == 0 && open_to(s, to))
		code = sync_packs(s, to);
	if (code == 0 && open_to(s, to))
		code = put_back_headers(s, seals, to);
	if (code == 0 && open_to(s, to))
		code = sync_seals(s, seals, to);
	return code == 0 && open_to(s, to) ? sync_headers(s, to) : code;
}

static int sync_zones(struct repo *r, struct leases *leases, bool heal, bool may_destroy, struct sync_result *result)
{
	struct syncing s = { .r = r, .leases = leases, .result = result, .heal = heal };
	struct seals seals = { .listed = false };
	int code = 0;

	*result = (struct sync_result){ 0 };
	for (unsigned i = 0; i < r->zone_count && code == 0; i++) {
		if (may_destroy && open_to(&s, i))
			code = sync_intents(&s, i);
	}
	for (unsigned i = 0; i < r->zone_count && code == 0; i++) {
		if (open_to(&s, i))
			code = sync_zone(&s, &seals, i);
		/* It was left out when its lease could not be taken or renewed, which was told. */
		if (r->zones[i].up && !open_to(&s, i))
			result->lagging |= ZONE_BIT(i);
	}
	for (unsigned i = 0; i < r->zone_count; i++)
		free(seals.rows[i]);
	return code == 0 && result->objects + result->deleted > 0 ? repo_load(r) : code;
}

int repo_sync(struct repo *r, struct leases *leases, bool may_destroy, struct sync_result *result)
{
	return sync_zones(r, leases, false, may_destroy, result);
}

int repo_heal(struct repo *r, struct sync_result *result)
{
	return sync_zones(r, NULL, true, true, result);
}
