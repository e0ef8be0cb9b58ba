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

struct names {
	uint8_t (*list)[DIGEST_SIZE];
	uint32_t count;
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

static int judge(void *context, uint32_t number, const struct index_pack *pack, enum pack_origin origin)
{
	struct collecting *c = context;
	uint64_t reached = reach_pack_bytes(c->reach, number),
		 content = pack->size - pack->footer - PACK_HEAD_SIZE - PACK_TAIL_SIZE;
	bool marked = repo_find_mark(c->r, pack->name) != NULL;

	/* Made and not yet indexed: the next run counts on it. */
	c->interrupted = c->interrupted || origin == PACK_MADE;
	if (origin == PACK_MADE || (repo_pack_bits(c->r, number) & PACK_IN_ANY) == 0)
		return 0;
	if (reached == 0) {
		doom(c, pack->name, pack->size);
	} else if (marked) {
		add_name(&c->unmark, pack->name);
	} else if (c->o->journal != NULL && reached * 100 <= content * (100 - COLLECT_DEAD_PERCENT)) {
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

/* Where something stands in its place that is no mark, which would keep the pack for good, the mark replaces it. */
static int put_mark(struct collecting *c, const char *name, const struct buf *object, unsigned marked)
{
	int result = 0;

	for (unsigned i = 0; i < c->r->zone_count; i++) {
		if ((marked & ZONE_BIT(i)) != 0)
			continue;
		int code = zone_put_reserved(c->r->zones[i].writer, name, object->data, object->len);

		if (code == ERR_EXISTS)
			code = zone_replace(c->r->zones[i].writer, name, object->data, object->len);
		code = settle_zone(c, i, name, code);
		result = code != 0 ? code : result;
	}
	return result;
}

static int delete_everywhere(struct collecting *c, const char *name)
{
	int result = 0;

	for (unsigned i = 0; i < c->r->zone_count; i++) {
		int code = zone_delete(c->r->zones[i].writer, name);

		code = settle_zone(c, i, name, code == ERR_MISSING ? 0 : code);
		result = code != 0 ? code : result;
	}
	return result;
}

static int condemn(struct collecting *c, const uint8_t pack[DIGEST_SIZE])
{
	const struct repo_mark *old = repo_find_mark(c->r, pack);
	struct condemned mark = { .since = clock_now() };
	char name[OBJECT_NAME_MAX];
	_buf_ struct buf body = { 0 };
	_buf_ struct buf object = { 0 };

	memcpy(mark.dataset, c->r->dataset, sizeof mark.dataset);
	memcpy(mark.pack, pack, DIGEST_SIZE);
	buf_init(&body, MARK_MAX, "condemned mark");
	buf_init(&object, MARK_MAX, "condemned mark");
	int code = condemned_encode(&mark, &body);
	if (code == 0)
		code = signed_encode(SIGNED_CONDEMNED, c->o->signer, &body, &object);
	if (code != 0)
		return code;
	/* A zone that does not take the mark now gets it from the next run; until then the grace has not begun. */
	if (put_mark(c, name_condemned(c->r->dataset, pack, name), &object, old == NULL ? 0 : old->zones) == 0)
		c->result->condemned++;
	return 0;
}

static void remove_mark(struct collecting *c, const uint8_t pack[DIGEST_SIZE])
{
	char name[OBJECT_NAME_MAX];

	if (delete_everywhere(c, name_condemned(c->r->dataset, pack, name)) != 0)
		log_detail("the mark of %s stays until the next run", name);
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
	if (code == 0)
		code = commit_index(c->r, c->o->signer, all, false, (const uint8_t(*)[DIGEST_SIZE])c->destroy.list,
				    c->destroy.count);
	/* Those that cannot be deleted now do not count any more all the same. */
	for (uint32_t i = 0; i < c->destroy.count && code == 0; i++) {
		uint32_t number;

		code = catalog_find_pack(c->r->catalog, c->destroy.list[i], &number);
		if (code == 0)
			code = catalog_set_origin(c->r->catalog, number, PACK_RETIRED);
		code = code == ERR_MISSING ? 0 : code;
	}
	for (uint32_t i = 0; i < c->destroy.count && code == 0; i++) {
		const uint8_t *pack = c->destroy.list[i];
		char name[OBJECT_NAME_MAX];
		uint32_t number;

		code = lease_renew(c->o->leases);
		if (code != 0 || delete_everywhere(c, name_pack(c->r->dataset, pack, name)) != 0)
			continue;
		remove_mark(c, pack);
		c->result->deleted++;
		code = catalog_find_pack(c->r->catalog, pack, &number);
		if (code == 0)
			code = catalog_remove_pack(c->r->catalog, number);
		code = code == ERR_MISSING ? 0 : code;
	}
	return code;
}

/*
 * Intents whose work is done and whose snapshot is older than every live one: no gap in the chain needs them any more.
 */
static void sweep_intents(struct collecting *c)
{
	uint64_t oldest = UINT64_MAX;
	char name[OBJECT_NAME_MAX];

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
		if (delete_everywhere(c, name_intent(c->r->dataset, s->header.id, name)) == 0)
			c->result->finished_intents++;
	}
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
		char name[OBJECT_NAME_MAX];

		if (owner == NULL || (owner->roles & 1u << ROLE_AGENT) == 0)
			continue;
		uint64_t checkpoint = settled_checkpoint(c, chain);
		for (size_t i = 0; i < r->index_count; i++) {
			const struct index_object *o = &r->indexes[i];

			if (!is_of(o, chain) || o->seq >= checkpoint)
				continue;
			if (delete_everywhere(c, name_index(r->dataset, o->signer, o->seq, o->hash, name)) == 0)
				c->result->old_indexes++;
		}
	}
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
	int code = 0;

	for (uint32_t i = 0; i < c->unmark.count && code == 0; i++, c->result->unmarked++)
		remove_mark(c, c->unmark.list[i]);
	for (uint32_t i = 0; i < c->condemn.count && code == 0; i++)
		code = condemn(c, c->condemn.list[i]);
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
	code = repo_load(r);
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
