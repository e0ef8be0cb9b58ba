#include "repo/collect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "repo/commit.h"
#include "repo/compact.h"
#include "repo/reach.h"
#include "repo/send.h"

struct names {
	uint8_t (*list)[DIGEST_SIZE];
	uint32_t count;
};

/* What is done with many packs at once; then the lease is renewed. */
#define BATCH_MAX ZONE_DELETE_MAX

/* Objects to be deleted together. */
struct deletion {
	char names[ZONE_DELETE_MAX][OBJECT_NAME_MAX];
	bool left[ZONE_DELETE_MAX]; /* in some zone */
	size_t count;
};

struct collecting {
	struct repo *r;
	const struct collect_options *o;
	struct collect_result *result;
	struct reach *reach;
	bool no_grace; /* grace 0, and nobody else can be counting on anything */
	struct names condemn, destroy, unmark;
	uint32_t *sparse; /* packs to compact */
	size_t sparse_count;
	struct deletion deletion;
	bool interrupted; /* packs of a run that was cut off wait for the next */
};

static void add_name(struct names *n, const uint8_t name[DIGEST_SIZE])
{
	n->list = xrealloc(n->list, n->count + 1, DIGEST_SIZE);
	memcpy(n->list[n->count++], name, DIGEST_SIZE);
}

static bool grace_is_over(const struct collecting *c, const struct repo_mark *mark)
{
	return mark->zones == ZONE_BIT(c->r->zone_count) - 1 &&
	       duration_after(mark->since, c->o->config->grace) <= clock_now();
}

/* What is to become of a pack that nothing needs. */
static void doom(struct collecting *c, const uint8_t name[DIGEST_SIZE], uint64_t size)
{
	const struct repo_mark *mark = repo_find_mark(c->r, name);

	if (c->no_grace || (mark != NULL && grace_is_over(c, mark))) {
		add_name(&c->destroy, name);
		c->result->freed_bytes += size;
	} else if (mark == NULL || mark->zones != ZONE_BIT(c->r->zone_count) - 1) {
		add_name(&c->condemn, name);
	} else {
		c->result->waiting++;
	}
}

/* COLLECT_REWRITTEN_PERCENT; `live`: the most that its live blobs take. */
static bool worth_compacting(uint64_t size, uint64_t live)
{
	uint64_t anew = live + pack_frame_cost();

	return anew < size && anew * 100 <= (size - anew) * COLLECT_REWRITTEN_PERCENT;
}

static int judge(void *context, uint32_t number, const struct index_pack *pack, enum pack_origin origin)
{
	struct collecting *c = context;
	uint64_t live = reach_pack_bytes(c->reach, number);
	bool marked = repo_find_mark(c->r, pack->name) != NULL;

	/* Made and not yet indexed: the next run counts on it. */
	c->interrupted = c->interrupted || origin == PACK_MADE;
	if (origin == PACK_MADE || (repo_pack_bits(c->r, number) & PACK_IN_ANY) == 0)
		return 0;
	if (live == 0) {
		doom(c, pack->name, pack->size);
	} else if (marked) {
		add_name(&c->unmark, pack->name);
	} else if (c->o->journal != NULL && worth_compacting(pack->size, live)) {
		c->sparse = xrealloc(c->sparse, c->sparse_count + 1, sizeof *c->sparse);
		c->sparse[c->sparse_count++] = number;
	}
	return 0;
}

/* One code for all zones: 0, or the last trouble, which is a finding too. */
static int settle_zone(struct collecting *c, unsigned zone, const char *name, int code)
{
	if (code != 0)
		findings_add(c->r->findings, FINDING_LAG, c->r->zones[zone].name, name, "%s", err_message());
	return code;
}

/* Where they cannot be deleted at once, each is tried for itself, and tells what hinders. */
static void delete_in_zone(struct collecting *c, unsigned zone, bool durable)
{
	struct zone_writer *writer = c->r->zones[zone].writer;
	struct deletion *d = &c->deletion;

	if (zone_delete_many(writer, (const char(*)[OBJECT_NAME_MAX])d->names, d->count, durable) == 0)
		return;
	for (size_t i = 0; i < d->count; i++) {
		int code = zone_delete_many(writer, (const char(*)[OBJECT_NAME_MAX])d->names + i, 1, durable);

		d->left[i] |= settle_zone(c, zone, d->names[i], code) != 0;
	}
}

/* Deletes what was gathered, in every zone; how many are gone. Which of them stays to be seen in c->deletion.left. */
static uint64_t delete_gathered(struct collecting *c, bool durable)
{
	struct deletion *d = &c->deletion;
	uint64_t gone = 0;

	memset(d->left, 0, sizeof d->left);
	for (unsigned i = 0; i < c->r->zone_count && d->count > 0; i++)
		delete_in_zone(c, i, durable);
	for (size_t i = 0; i < d->count; i++)
		gone += !d->left[i];
	d->count = 0;
	return gone;
}

/* Room for the name of one more to be deleted; when that is the last, they are deleted first, and counted. */
static char *gather(struct collecting *c, uint64_t *gone)
{
	if (c->deletion.count == ZONE_DELETE_MAX)
		*gone += delete_gathered(c, true);
	return c->deletion.names[c->deletion.count++];
}

static int make_mark(const struct collecting *c, const uint8_t pack[DIGEST_SIZE], struct buf *object)
{
	struct condemned mark = { .since = clock_now() };
	_buf_ struct buf body = { 0 };

	memcpy(mark.dataset, c->r->dataset, sizeof mark.dataset);
	memcpy(mark.pack, pack, DIGEST_SIZE);
	buf_init(&body, MARK_MAX, "condemned mark");
	buf_init(object, MARK_MAX, "condemned mark");
	int code = condemned_encode(&mark, &body);
	return code == 0 ? signed_encode(SIGNED_CONDEMNED, c->o->signer, &body, object) : code;
}

/*
 * A zone that does not take a mark now gets it from the next run; until then the grace has not begun. Where something
 * stands in its place that is no mark, which would keep the pack for good, the mark replaces it.
 */
static void put_marks(struct collecting *c, const uint8_t (*packs)[DIGEST_SIZE], const struct buf *marks, size_t count)
{
	unsigned zones = c->r->zone_count;
	struct parcel *parcels = xcalloc(count * zones, sizeof *parcels);

	for (size_t i = 0; i < count * zones; i++) {
		const uint8_t *pack = packs[i / zones];
		const struct repo_mark *old = repo_find_mark(c->r, pack);
		struct parcel *p = &parcels[i];

		p->zone = i % zones;
		p->object = old != NULL && (old->zones & ZONE_BIT(p->zone)) != 0 ? NULL : &marks[i / zones];
		name_condemned(c->r->dataset, pack, p->name);
	}
	send_parcels(c->r, parcels, count * zones);
	for (size_t i = 0; i < count; i++) {
		bool everywhere = true;

		for (unsigned zone = 0; zone < zones; zone++) {
			const struct parcel *p = &parcels[i * zones + zone];

			everywhere = everywhere && p->code == 0;
			if (p->why != NULL)
				findings_add(c->r->findings, FINDING_LAG, c->r->zones[zone].name, p->name, "%s",
					     p->why);
		}
		c->result->condemned += everywhere;
	}
	parcels_free(parcels, count * zones);
}

static int condemn(struct collecting *c)
{
	struct buf marks[BATCH_MAX] = { { 0 } };
	int code = 0;

	for (size_t from = 0, count; from < c->condemn.count && code == 0; from += count) {
		const uint8_t(*packs)[DIGEST_SIZE] = (const uint8_t(*)[DIGEST_SIZE])c->condemn.list + from;

		count = c->condemn.count - from < BATCH_MAX ? c->condemn.count - from : BATCH_MAX;
		code = lease_renew(c->o->leases);
		for (size_t i = 0; i < count && code == 0; i++)
			code = make_mark(c, packs[i], &marks[i]);
		if (code == 0)
			put_marks(c, packs, marks, count);
		for (size_t i = 0; i < count; i++)
			buf_release(&marks[i]);
	}
	return code;
}

static int compare_packs(const void *a, const void *b)
{
	return memcmp(a, b, DIGEST_SIZE);
}

/*
 * Not durably: a pack that a power failure brings back does not count and was withdrawn; without its mark it is an
 * orphan, condemned anew and deleted after another grace. No seal leads to what it alone holds. A sync for each of 256
 * folders would be what this costs most.
 */
static int delete_packs(struct collecting *c, const uint8_t (*packs)[DIGEST_SIZE], size_t count)
{
	struct deletion *d = &c->deletion;
	uint64_t marks = 0;
	int code = lease_renew(c->o->leases);

	if (code != 0)
		return code;
	for (size_t i = 0; i < count; i++)
		name_pack(c->r->dataset, packs[i], gather(c, &marks));
	c->result->deleted += delete_gathered(c, false);
	for (size_t i = 0; i < count && code == 0; i++) {
		uint32_t number;

		if (d->left[i])
			continue;
		code = catalog_find_pack(c->r->catalog, packs[i], &number);
		if (code == 0)
			code = catalog_remove_pack(c->r->catalog, number);
		code = code == ERR_MISSING ? 0 : code;
	}
	for (size_t i = 0; i < count; i++) {
		if (!d->left[i])
			name_condemned(c->r->dataset, packs[i], gather(c, &marks));
	}
	delete_gathered(c, true);
	return code;
}

/* Withdrawn first, so that no agent counts on it any more; then the packs; their marks last. */
static int destroy(struct collecting *c)
{
	unsigned all = ZONE_BIT(c->r->zone_count) - 1;
	int code = lease_confirm(c->o->leases);

	/* A zone that has just been lost is not one to be brought into line with: the next run decides anew. */
	if (code == 0 && lease_zones(c->o->leases) != all) {
		c->result->freed_bytes = 0;
		return 0;
	}
	/* Those of a folder one behind the other. */
	qsort(c->destroy.list, c->destroy.count, DIGEST_SIZE, compare_packs);
	const uint8_t(*packs)[DIGEST_SIZE] = (const uint8_t(*)[DIGEST_SIZE])c->destroy.list;
	if (code == 0)
		code = commit_index(c->r, c->o->signer, all, false, packs, c->destroy.count);
	/* Those that cannot be deleted now do not count any more all the same. */
	for (uint32_t i = 0; i < c->destroy.count && code == 0; i++) {
		uint32_t number;

		code = catalog_find_pack(c->r->catalog, packs[i], &number);
		if (code == 0)
			code = catalog_set_origin(c->r->catalog, number, PACK_RETIRED);
		code = code == ERR_MISSING ? 0 : code;
	}
	for (uint32_t from = 0; from < c->destroy.count && code == 0; from += BATCH_MAX) {
		uint32_t rest = c->destroy.count - from;

		code = delete_packs(c, packs + from, rest < BATCH_MAX ? rest : BATCH_MAX);
	}
	return code;
}

/*
 * Intents whose work is done and whose snapshot is older than every live one: no gap in the chain needs them any more.
 */
static void sweep_intents(struct collecting *c)
{
	uint64_t oldest = UINT64_MAX;

	for (size_t i = 0; i < c->r->snapshot_count; i++) {
		const struct snapshot *s = &c->r->snapshots[i];

		if (s->intents == 0 && !s->quarantined && s->header.seq < oldest)
			oldest = s->header.seq;
	}
	for (size_t i = 0; i < c->r->snapshot_count && oldest != UINT64_MAX; i++) {
		const struct snapshot *s = &c->r->snapshots[i];
		bool gone = s->zones == 0 && s->seals[0] == 0 && s->seals[1] == 0;

		if (s->intents == 0 || !gone || s->header.seq >= oldest ||
		    duration_after(s->intent_at, c->o->config->grace) > clock_now())
			continue;
		name_intent(c->r->dataset, s->header.id, gather(c, &c->result->finished_intents));
	}
	c->result->finished_intents += delete_gathered(c, true);
}

static bool is_of(const struct index_object *o, const struct chain *chain)
{
	return memcmp(o->signer, chain->signer, KEY_ID_SIZE) == 0;
}

/*
 * The newest checkpoint of a chain that is older than the grace and whole in every zone, so that each can stand alone
 * on it; 0: none.
 */
static uint64_t settled_checkpoint(const struct collecting *c, const struct chain *chain)
{
	struct repo *r = c->r;
	size_t first = 0;

	/* Ascending by signer and number: with nothing older to delete, nothing is read. */
	while (first < r->index_count && !is_of(&r->indexes[first], chain))
		first++;
	for (size_t i = r->index_count; i > first + 1; i--) {
		const struct index_object *o = &r->indexes[i - 1];
		int64_t made_at;

		if (is_of(o, chain) && o->seq % CHECKPOINT_EVERY == 0 && commit_checkpoint_time(r, o, &made_at) == 0 &&
		    duration_after(made_at, c->o->config->grace) <= clock_now())
			return o->seq;
	}
	return 0;
}

/* Indexes that nobody starts at any more. */
static void sweep_indexes(struct collecting *c)
{
	struct repo *r = c->r;

	for (size_t k = 0; k < r->chain_count; k++) {
		const struct chain *chain = &r->chains[k];
		const struct signer *owner = trust_find(r->trust, chain->signer);

		if (owner == NULL || (owner->roles & 1u << ROLE_AGENT) == 0)
			continue;
		uint64_t checkpoint = settled_checkpoint(c, chain);
		for (size_t i = 0; i < r->index_count; i++) {
			const struct index_object *o = &r->indexes[i];

			if (!is_of(o, chain) || o->seq >= checkpoint)
				continue;
			name_index(r->dataset, o->signer, o->seq, o->hash, gather(c, &c->result->old_indexes));
		}
	}
	c->result->old_indexes += delete_gathered(c, true);
}

/* What puts of killed runs left: never listed, never read, only in the way. */
static void sweep_unfinished(struct collecting *c)
{
	char prefix[OBJECT_NAME_MAX];

	snprintf(prefix, sizeof prefix, "%s/", c->r->dataset);
	for (unsigned i = 0; i < c->r->zone_count; i++) {
		unsigned count = 0;

		if (zone_sweep(c->r->zones[i].writer, prefix, false, &count) != 0)
			log_detail("%s", err_message());
		else if (count > 0)
			log_detail("%s: removed what %u unfinished puts had left", c->r->zones[i].name, count);
	}
}

/* Where no zone has room for it, which is told, it waits. */
static int compact_sparse(struct collecting *c)
{
	int code = compact(c->r, c->o, c->reach, c->sparse, c->sparse_count, c->result);

	return code == ERR_UNAVAILABLE && lease_zones(c->o->leases) != 0 ? 0 : code;
}

static int act(struct collecting *c)
{
	for (uint32_t i = 0; i < c->unmark.count; i++)
		name_condemned(c->r->dataset, c->unmark.list[i], gather(c, &c->result->unmarked));
	c->result->unmarked += delete_gathered(c, true);
	int code = condemn(c);
	if (code == 0 && c->destroy.count > 0)
		code = destroy(c);
	/* After what only deletes: full zones must be freed first. */
	if (code == 0 && c->sparse_count > 0)
		code = compact_sparse(c);
	if (code == 0) {
		sweep_intents(c);
		sweep_indexes(c);
		sweep_unfinished(c);
	}
	return code == 0 ? catalog_flush(c->r->catalog, true) : code;
}

static void plan(const struct collecting *c)
{
	c->result->condemned = c->condemn.count;
	c->result->deleted = c->destroy.count;
	c->result->compacted = c->sparse_count;
	log_info("%s: would condemn %u packs, delete %u, compact %zu", c->r->dataset, c->condemn.count,
		 c->destroy.count, c->sparse_count);
}

/* Why collection must not act now, or NULL. */
static const char *hindrance(const struct repo *r, const struct collect_options *o)
{
	if (!r->complete)
		return "not every zone could be listed, and read";
	if (!o->dry_run && lease_zones(o->leases) != ZONE_BIT(r->zone_count) - 1)
		return "not every zone can be written to";
	if (r->chain_broken)
		return "the chain of headers or indexes has a gap that nothing explains, or one of them opens in no "
		       "zone and "
		       "may be real; delete by hand what is told above and is not Nightfold's";
	return NULL;
}

int collect(struct repo *r, const struct collect_options *options, struct collect_result *result)
{
	struct collecting c = { .r = r, .o = options, .result = result };
	const char *why;
	int code;

	*result = (struct collect_result){ 0 };
	/* What was loaded before may lack the snapshot that was just taken: what deletes looks for itself. */
	code = options->loaded ? 0 : repo_load(r);
	if (code != 0)
		return code;
	why = hindrance(r, options);
	if (why != NULL) {
		findings_add(r->findings, FINDING_NOTE, NULL, NULL, "no space is freed this time: %s", why);
		return 0;
	}
	c.no_grace = options->config->grace.months == 0 && options->config->grace.seconds == 0 &&
		     (options->dry_run || lease_only_one(options->leases));
	c.reach = reach_new(r);
	code = reach_add_live(c.reach, options->dry_run);
	if (code == 0 && reach_missing_count(c.reach) > 0) {
		findings_add(r->findings, FINDING_MISSING, NULL, NULL,
			     "no space is freed this time: live snapshots need chunks that no zone lists; run "
			     "'nightfold-verify check --repair'");
		goto out;
	}
	if (code == 0)
		code = catalog_each_pack(r->catalog, judge, &c);
	/* Packs that no index names: an agent knows that they are not its own in the making, a pruner does not. */
	for (size_t i = 0; code == 0 && options->journal != NULL && i < r->orphan_count; i++)
		doom(&c, r->orphans[i].name, r->orphans[i].size);
	/* Its index would name what the interrupted run made, and the journal would forget it. */
	if (c.interrupted)
		c.sparse_count = 0;
	if (code == 0 && options->dry_run)
		plan(&c);
	else if (code == 0)
		code = act(&c);
out:
	reach_free(c.reach);
	free(c.condemn.list);
	free(c.destroy.list);
	free(c.unmark.list);
	free(c.sparse);
	return code;
}
