/*
 * Repair: what a check found bad counts in its zone no more, so healing is bringing it again; then everything that was
 * brought is read back, and a finding is healed only when its object is good now.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "repo/checking.h"
#include "repo/examine.h"
#include "repo/sync.h"

/* A damaged mark, from the other zone where that has it. */
static void heal_mark(struct checking *c, const uint8_t pack[DIGEST_SIZE], unsigned to)
{
	char name[OBJECT_NAME_MAX];

	name_condemned(c->r->dataset, pack, name);
	for (unsigned from = 0; from < c->r->zone_count; from++) {
		_buf_ struct buf object = { 0 };

		if (from == to || !c->r->zones[from].up || examine_mark(c->r, from, pack, &object) != 0)
			continue;
		if (zone_replace(c->r->zones[to].writer, name, object.data, object.len) == 0)
			c->result->healed++;
		else
			findings_add(c->r->findings, FINDING_LAG, c->r->zones[to].name, name, "%s", err_message());
	}
}

/*
 * Whether the object of this name is good in this zone now, whatever kind it is. Packs that were brought were read
 * back.
 */
static bool good_now(struct checking *c, unsigned zone, const char *name)
{
	struct repo *r = c->r;
	uint8_t digest[DIGEST_SIZE], id[SNAPSHOT_ID_SIZE];
	struct index_object o = { .zones = 0 };
	_buf_ struct buf object = { 0 };
	const struct snapshot *s;
	uint32_t number, generation;
	int64_t taken_at;

	if (name_parse_pack(name, r->dataset, digest) == 0)
		return catalog_find_pack(r->catalog, digest, &number) == 0 &&
		       (repo_pack_bits(r, number) & (PACK_IN_0 << zone)) != 0;
	if (name_parse_index(name, r->dataset, o.signer, &o.seq, o.hash) == 0)
		return examine_index(r, zone, &o, &object, NULL) == 0;
	if (name_parse_condemned(name, r->dataset, digest) == 0)
		return examine_mark(r, zone, digest, &object) == 0;
	if (name_parse_header(name, r->dataset, &taken_at, id) == 0) {
		s = repo_find(r, id);
		return s != NULL && s->header.taken_at == taken_at && examine_header(r, zone, s, &object) == 0;
	}
	if (name_parse_intent(name, r->dataset, id) == 0) {
		s = repo_find(r, id);
		return s != NULL && s->intents != 0 && examine_intent(r, zone, s, &object) == 0;
	}
	if (name_parse_seal(name, r->dataset, id, &generation) == 0) {
		s = repo_find(r, id);
		return s != NULL && examine_seal(r, zone, s, generation, &object) == 0;
	}
	return false;
}

static bool is_damage(enum finding_kind kind)
{
	return kind == FINDING_MISSING || kind == FINDING_DAMAGED || kind == FINDING_FORGED;
}

static unsigned zone_number(const struct repo *r, const char *name)
{
	unsigned zone = 0;

	while (zone < r->zone_count && strcmp(r->zones[zone].name, name) != 0)
		zone++;
	return zone;
}

/* Calls back for each finding of damage to an object of a zone that is up. */
static void each_damage(struct checking *c, void (*call)(struct checking *c, unsigned zone, const char *object))
{
	for (size_t i = 0; i < findings_total(c->r->findings); i++) {
		const struct finding *f = findings_at(c->r->findings, i);
		unsigned zone = f->zone == NULL ? c->r->zone_count : zone_number(c->r, f->zone);

		if (is_damage(f->kind) && !f->healed && f->object != NULL && zone < c->r->zone_count &&
		    c->r->zones[zone].up)
			call(c, zone, f->object);
	}
}

static void heal_if_mark(struct checking *c, unsigned zone, const char *object)
{
	uint8_t pack[DIGEST_SIZE];

	if (name_parse_condemned(object, c->r->dataset, pack) == 0)
		heal_mark(c, pack, zone);
}

/*
 * A damaged pack that is condemned, or withdrawn, and that no live snapshot needs is not brought again, and of no more
 * use to anybody. Only where nothing is in doubt about who needs what.
 */
static bool is_unneeded(const struct checking *c, unsigned zone, const char *object)
{
	uint8_t name[DIGEST_SIZE];
	uint32_t number;

	if (!c->r->complete || c->r->chain_broken || reach_missing_count(c->reach) > 0)
		return false;
	return name_parse_pack(object, c->r->dataset, name) == 0 &&
	       catalog_find_pack(c->r->catalog, name, &number) == 0 && !reach_pack(c->reach, number) &&
	       (repo_pack_bits(c->r, number) & (PACK_IN_0 << zone)) == 0;
}

static void drop_if_unneeded(struct checking *c, unsigned zone, const char *object)
{
	if (!is_unneeded(c, zone, object))
		return;
	int code = zone_delete(c->r->zones[zone].writer, object);
	if (code != 0 && code != ERR_MISSING) {
		findings_add(c->r->findings, FINDING_LAG, c->r->zones[zone].name, object, "%s", err_message());
		return;
	}
	findings_heal(c->r->findings, c->r->zones[zone].name, object);
	c->result->healed++;
}

static void settle(struct checking *c, unsigned zone, const char *object)
{
	if (good_now(c, zone, object))
		findings_heal(c->r->findings, c->r->zones[zone].name, object);
}

/* A header that no zone had whole, and this host remembers; NULL: the finding is of something else. */
static const struct snapshot *remembered_of(const struct repo *r, const struct finding *f)
{
	uint8_t id[SNAPSHOT_ID_SIZE];
	int64_t taken_at;

	if (f->kind != FINDING_MISSING || f->zone != NULL || f->object == NULL ||
	    name_parse_header(f->object, r->dataset, &taken_at, id) != 0)
		return NULL;
	return repo_find(r, id);
}

static void settle_remembered(struct checking *c)
{
	struct repo *r = c->r;

	for (size_t i = 0; i < findings_total(r->findings); i++) {
		const struct finding *f = findings_at(r->findings, i);
		const struct snapshot *s = remembered_of(r, f);

		if (s != NULL && s->zones == ZONE_BIT(r->zone_count) - 1)
			findings_heal(r->findings, NULL, f->object);
	}
}

/* What was told of a zone as a whole. */
static int settle_zone(struct checking *c, unsigned zone)
{
	struct repo *r = c->r;
	bool newest = true;
	uint64_t lacking;
	int code = check_count_lacking(c, zone, &lacking);

	for (size_t i = 0; i < r->chain_count; i++)
		newest = newest && r->chains[i].zone_seq[zone] == r->chains[i].seq;
	if (code == 0 && newest)
		findings_heal_zone(r->findings, FINDING_ROLLED_BACK, r->zones[zone].name);
	if (code == 0 && lacking == 0)
		findings_heal_zone(r->findings, FINDING_MISSING, r->zones[zone].name);
	return code;
}

/* Only of what lives is anything brought, and an intent only where it counts. */
static bool may_be_brought(const struct repo *r, const char *object)
{
	uint8_t id[SNAPSHOT_ID_SIZE];
	uint32_t generation;
	int64_t taken_at;

	if (name_parse_header(object, r->dataset, &taken_at, id) != 0 &&
	    name_parse_seal(object, r->dataset, id, &generation) != 0)
		return true;
	const struct snapshot *s = repo_find(r, id);
	return s != NULL && snapshot_stays(r, s);
}

static bool is_healable(struct checking *c, const struct finding *f)
{
	const struct repo *r = c->r;
	unsigned to = f->zone == NULL ? r->zone_count : zone_number(r, f->zone);
	const struct snapshot *remembered = remembered_of(r, f);
	bool good = false;

	if (remembered != NULL)
		return !f->healed && remembered->remembered && !remembered->refused && !snapshot_lost(remembered);
	if (f->healed || to == r->zone_count || !r->zones[to].up || r->zone_count < 2)
		return false;
	if (f->object == NULL)
		return f->kind == FINDING_MISSING || f->kind == FINDING_ROLLED_BACK;
	for (unsigned from = 0; from < r->zone_count && is_damage(f->kind); from++)
		good = good || (from != to && r->zones[from].up && may_be_brought(r, f->object) &&
				good_now(c, from, f->object));
	return good || (f->kind == FINDING_DAMAGED && is_unneeded(c, to, f->object));
}

uint64_t check_healable(struct checking *c)
{
	uint64_t count = 0;

	for (size_t i = 0; i < findings_total(c->r->findings); i++)
		count += is_healable(c, findings_at(c->r->findings, i));
	return count;
}

static bool anything_to_do(const struct repo *r)
{
	const struct findings *f = r->findings;

	return findings_count(f, FINDING_MISSING, true) + findings_count(f, FINDING_DAMAGED, true) +
		       findings_count(f, FINDING_FORGED, true) + findings_count(f, FINDING_ROLLED_BACK, true) >
	       0;
}

int check_repair(struct checking *c)
{
	struct repo *r = c->r;
	struct sync_result brought;
	uint32_t limit = r->pack_limit;

	if (!anything_to_do(r))
		return 0;
	_free_ uint8_t *before = xmalloc((size_t)limit + 1);
	if (limit > 0)
		memcpy(before, r->packs, limit);
	each_damage(c, heal_if_mark);
	int code = repo_heal(r, &brought);
	if (code == 0)
		code = check_read(c, before, limit);
	if (code != 0)
		return code;
	c->result->healed += brought.objects;
	each_damage(c, settle);
	settle_remembered(c);
	each_damage(c, drop_if_unneeded);
	for (unsigned zone = 0; zone < r->zone_count && code == 0; zone++) {
		if (r->zones[zone].up)
			code = settle_zone(c, zone);
	}
	return code;
}
