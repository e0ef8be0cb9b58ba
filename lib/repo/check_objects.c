/* The small objects of a check: indexes and seals are read here, headers, intents and marks were by repo_load(). */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/stop.h"
#include "repo/checking.h"
#include "repo/examine.h"

/* Trouble with a zone is a finding, once. Whether the code says so; otherwise it is about the object. */
static bool zone_trouble(struct checking *c, unsigned zone, int code)
{
	if (code == 0 || code == ERR_MISSING || code == ERR_INTEGRITY || code == ERR_FORMAT)
		return false;
	findings_add(c->r->findings, FINDING_UNAVAILABLE, c->r->zones[zone].name, NULL, "%s", err_message());
	return true;
}

/* ---- indexes ---- */

struct index_packs {
	uint8_t (*added)[DIGEST_SIZE], (*withdrawn)[DIGEST_SIZE];
	size_t added_count, withdrawn_count;
};

static void append(uint8_t (**list)[DIGEST_SIZE], size_t *count, const uint8_t digest[DIGEST_SIZE])
{
	/* Doubling at powers of two keeps this linear without a field for the capacity. */
	if ((*count & (*count - 1)) == 0)
		*list = xrealloc(*list, *count == 0 ? 1 : *count * 2, DIGEST_SIZE);
	memcpy((*list)[(*count)++], digest, DIGEST_SIZE);
}

/* Packs that the catalogue did not take in: no zone gave their footer. */
static int note_packs(struct checking *c, const struct index *index, bool may_add, struct index_packs *packs)
{
	for (uint32_t i = 0; i < index->added_count && may_add; i++) {
		uint32_t number;
		int code = catalog_find_pack(c->r->catalog, index->added[i].name, &number);

		if (code == ERR_MISSING)
			append(&packs->added, &packs->added_count, index->added[i].name);
		else if (code != 0)
			return code;
	}
	for (uint32_t i = 0; i < index->withdrawn_count; i++)
		append(&packs->withdrawn, &packs->withdrawn_count, index->withdrawn[i]);
	return 0;
}

struct copies {
	unsigned good, bad, absent, unknown; /* zones */
};

static int examine_copies(struct checking *c, const struct index_object *o, bool may_add, const char *name, bool needed,
			  struct index_packs *packs, struct copies *copies)
{
	int code = 0;

	for (unsigned i = 0; i < c->r->zone_count && code == 0; i++) {
		_buf_ struct buf object = { 0 };
		struct index index = { 0 };

		if (!c->r->zones[i].up)
			continue;
		if ((o->zones & ZONE_BIT(i)) == 0) {
			copies->absent |= ZONE_BIT(i);
			continue;
		}
		int found = examine_index(c->r, i, o, &object, &index);
		if (zone_trouble(c, i, found)) {
			copies->unknown |= ZONE_BIT(i);
			continue;
		}
		c->result->objects++;
		if (found == 0) {
			if (copies->good == 0)
				code = note_packs(c, &index, may_add, packs);
			copies->good |= ZONE_BIT(i);
		} else {
			copies->bad |= ZONE_BIT(i);
			check_tell(c, needed ? FINDING_DAMAGED : FINDING_NOTE, i, name, "%s", err_message());
		}
		index_release(&index);
	}
	return code;
}

static int check_index(struct checking *c, struct index_object *o, struct index_packs *packs)
{
	const struct signer *owner = trust_find(c->r->trust, o->signer);
	uint64_t start;
	char name[OBJECT_NAME_MAX];
	struct copies copies = { 0 };

	if (!chain_start(c->r, o->signer, &start))
		return 0; /* nobody's: told by the load */
	name_index(c->r->dataset, o->signer, o->seq, o->hash, name);
	int code = examine_copies(c, o, (owner->roles & (1u << ROLE_AGENT)) != 0, name, o->seq >= start, packs,
				  &copies);
	if (code != 0 || o->seq < start)
		return code;
	o->zones &= ~copies.bad;
	for (unsigned i = 0; i < c->r->zone_count; i++) {
		if ((copies.absent & ZONE_BIT(i)) != 0 && copies.good != 0)
			check_tell(c, FINDING_MISSING, i, name, "is not there");
	}
	if (copies.good == 0 && copies.bad != 0 && copies.unknown == 0 && c->r->complete)
		findings_add(c->r->findings, FINDING_LOST, NULL, name,
			     "is whole in no zone: packs that only it names count no more");
	return 0;
}

static int compare_digest(const void *a, const void *b)
{
	return memcmp(a, b, DIGEST_SIZE);
}

int check_indexes(struct checking *c)
{
	struct index_packs packs = { 0 };
	int code = 0;

	for (size_t i = 0; i < c->r->index_count && code == 0; i++) {
		code = stop_check();
		if (code == 0)
			code = check_index(c, &c->r->indexes[i], &packs);
	}
	if (packs.withdrawn_count > 0)
		qsort(packs.withdrawn, packs.withdrawn_count, DIGEST_SIZE, compare_digest);
	for (size_t i = 0; i < packs.added_count; i++) {
		const uint8_t *name = packs.added[i];

		if (packs.withdrawn_count == 0 ||
		    bsearch(name, packs.withdrawn, packs.withdrawn_count, DIGEST_SIZE, compare_digest) == NULL)
			append(&c->unknown, &c->unknown_count, name);
	}
	free(packs.added);
	free(packs.withdrawn);
	return code;
}

/* ---- snapshots ---- */

struct listed_seals {
	struct seal_row *rows[REPO_ZONES_MAX];
	size_t count[REPO_ZONES_MAX];
	bool known[REPO_ZONES_MAX];
};

static void list_seals(struct checking *c, struct listed_seals *seals)
{
	for (unsigned i = 0; i < c->r->zone_count; i++) {
		if (!c->r->zones[i].up)
			continue;
		int code = examine_seals(c->r, i, &seals->rows[i], &seals->count[i]);
		seals->known[i] = code == 0;
		if (code != 0)
			findings_add(c->r->findings, FINDING_UNAVAILABLE, c->r->zones[i].name, NULL, "%s",
				     err_message());
	}
}

static void check_header(struct checking *c, const struct snapshot *s)
{
	char name[OBJECT_NAME_MAX];

	name_header(c->r->dataset, s->header.taken_at, s->header.id, name);
	for (unsigned i = 0; i < c->r->zone_count; i++) {
		uint64_t size;

		if (!c->r->zones[i].up || (s->zones & ZONE_BIT(i)) != 0)
			continue;
		/* One that is there and bad, or cannot be read, was told by the load. */
		int code = zone_head(c->r->zones[i].zone, name, &size);
		if (!zone_trouble(c, i, code) && code == ERR_MISSING)
			check_tell(c, FINDING_MISSING, i, name,
				   "is not there, although another zone has this snapshot");
	}
}

struct seal_state {
	uint32_t newest[REPO_ZONES_MAX]; /* good generation; 0: none */
	uint32_t best;                   /* of all zones */
	bool unknown[REPO_ZONES_MAX];    /* one there could not be read */
	bool any_unknown;
};

static void examine_seals_of(struct checking *c, const struct snapshot *s, const struct listed_seals *seals,
			     unsigned zone, struct seal_state *state)
{
	size_t found;
	const struct seal_row *rows = seal_rows_of(seals->rows[zone], seals->count[zone], s->header.id, &found);

	while (found-- > 0) {
		_buf_ struct buf object = { 0 };
		char name[OBJECT_NAME_MAX];
		uint32_t generation = rows[found].generation;

		int code = examine_seal(c->r, zone, s, generation, &object);
		if (zone_trouble(c, zone, code)) {
			state->unknown[zone] = state->any_unknown = true;
			continue;
		}
		c->result->objects++;
		if (code == 0 && state->newest[zone] == 0)
			state->newest[zone] = generation;
		if (code == 0)
			continue;
		/* Below a good later generation nobody needs it. */
		name_seal(c->r->dataset, s->header.id, generation, name);
		check_tell(c, state->newest[zone] != 0 ? FINDING_NOTE : FINDING_DAMAGED, zone, name, "%s",
			   err_message());
	}
	state->best = state->newest[zone] > state->best ? state->newest[zone] : state->best;
}

static void check_seals(struct checking *c, const struct snapshot *s, const struct listed_seals *seals)
{
	struct seal_state state = { 0 };
	char name[OBJECT_NAME_MAX], snapshot[CHECK_SNAPSHOT_NAME];

	for (unsigned i = 0; i < c->r->zone_count; i++)
		examine_seals_of(c, s, seals, i, &state);
	name_seal(c->r->dataset, s->header.id, state.best, name);
	for (unsigned i = 0; i < c->r->zone_count; i++) {
		if (seals->known[i] && !state.unknown[i] && state.newest[i] < state.best)
			check_tell(c, FINDING_MISSING, i, name,
				   "is not there: without it nobody opens this snapshot from this zone");
	}
	if (state.best == 0 && !state.any_unknown && c->r->complete)
		findings_add(c->r->findings, FINDING_LOST, NULL, check_snapshot_name(c->r, s, snapshot),
			     "has no good seal in any zone: nobody can open it");
}

/* One that is being destroyed, or should be: worth knowing, no damage. */
static void note_leaving(struct checking *c, const struct snapshot *s, const struct listed_seals *seals)
{
	char name[CHECK_SNAPSHOT_NAME], expired[CLOCK_TEXT_MAX];

	check_snapshot_name(c->r, s, name);
	clock_format(repo_expiry(c->r, s), expired);
	for (unsigned i = 0; i < c->r->zone_count; i++) {
		size_t found;

		if (!seals->known[i])
			continue;
		(void)seal_rows_of(seals->rows[i], seals->count[i], s->header.id, &found);
		if (found > 0 && s->intents != 0)
			findings_add(c->r->findings, FINDING_NOTE, c->r->zones[i].name, name,
				     "expired at %s and is being destroyed, but a seal of it is still here: run "
				     "'nightfold-agent prune'",
				     expired);
	}
	if (s->intents == 0)
		findings_add(
			c->r->findings, FINDING_NOTE, NULL, name,
			"expired at %s and is not destroyed yet, so it was not checked: run 'nightfold-agent prune'",
			expired);
}

/*
 * Whether an intent still has something to do, or a gap behind an older live snapshot to explain. After the grace,
 * others are swept away, zone by zone.
 */
static bool intent_needed(const struct checking *c, const struct snapshot *s)
{
	const struct repo *r = c->r;

	if (c->options->grace == NULL || duration_after(s->intent_at, *c->options->grace) > clock_now())
		return true;
	if (s->zones != 0 || s->seals[0] != 0 || s->seals[1] != 0)
		return true;
	for (size_t i = 0; i < r->snapshot_count; i++) {
		if (snapshot_live(&r->snapshots[i]) && r->snapshots[i].header.seq < s->header.seq)
			return true;
	}
	return false;
}

/* It explains why the snapshot is gone, in each zone. */
static void check_intent(struct checking *c, const struct snapshot *s)
{
	char name[OBJECT_NAME_MAX];

	if (!intent_needed(c, s))
		return;
	name_intent(c->r->dataset, s->header.id, name);
	for (unsigned i = 0; s->intents != 0 && i < c->r->zone_count; i++) {
		/* One that is there and bad was told by the load. */
		if (c->r->zones[i].up && (s->intents & ZONE_BIT(i)) == 0)
			check_tell(c, FINDING_MISSING, i, name, "is not there, although another zone has this intent");
	}
}

static unsigned zones_in(unsigned bits)
{
	return (unsigned)__builtin_popcount(bits);
}

int check_snapshots(struct checking *c)
{
	struct listed_seals seals = { .known = { false } };
	int code = 0;

	list_seals(c, &seals);
	for (size_t i = 0; i < c->r->snapshot_count && code == 0; i++) {
		const struct snapshot *s = &c->r->snapshots[i];

		code = stop_check();
		c->result->objects += zones_in(s->zones) + zones_in(s->intents);
		if (snapshot_stays(c->r, s)) {
			c->result->snapshots++;
			check_header(c, s);
			check_seals(c, s, &seals);
		} else if (!s->disputed && (s->zones != 0 || s->intents != 0)) {
			note_leaving(c, s, &seals);
			check_intent(c, s);
		}
	}
	for (size_t i = 0; i < c->r->mark_count; i++)
		c->result->objects += zones_in(c->r->marks[i].zones);
	for (unsigned i = 0; i < c->r->zone_count; i++)
		free(seals.rows[i]);
	return code;
}
