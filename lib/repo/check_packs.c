/* Packs of a check: listed where they must be, whole as their names say, and what is lost where they are not. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/ordered.h"
#include "base/spill.h"
#include "base/stop.h"
#include "repo/checking.h"
#include "repo/examine.h"

/* ---- listed ---- */

struct listed {
	struct checking *c;
	unsigned zone;
	bool short_of; /* the zone lacks something that live snapshots reach: a marked pack may be what lacks */
	bool tell;
	uint64_t lacking, unneeded;
};

static int note_lacking(void *context, uint32_t number, const struct index_pack *pack, enum pack_origin origin)
{
	struct listed *l = context;
	uint8_t bits = repo_pack_bits(l->c->r, number);
	bool marked = origin == PACK_RETIRED || (bits & (PACK_CONDEMNED | PACK_WITHDRAWN)) != 0;
	char name[OBJECT_NAME_MAX];

	if ((bits & (PACK_IN_0 << l->zone)) != 0 || (marked && !l->short_of))
		return 0;
	if (!reach_pack(l->c->reach, number))
		l->unneeded += marked ? 0 : 1;
	else if (l->lacking++ < CHECK_NAMED_MAX && l->tell)
		check_tell(l->c, FINDING_MISSING, l->zone, name_pack(l->c->r->dataset, pack->name, name),
			   "is not there");
	return 0;
}

/* Whether a zone by itself has everything that live snapshots reach. */
static int falls_short(struct checking *c, unsigned zone, bool *short_of)
{
	struct reach *reach = reach_new(c->r);
	int code = 0;

	reach_only(reach, (uint8_t)(PACK_IN_0 << zone));
	for (size_t i = 0; i < c->r->snapshot_count && code == 0; i++) {
		if (snapshot_stays(c->r, &c->r->snapshots[i]))
			code = reach_add(reach, c->r->snapshots[i].header.root_id, NULL, NULL);
	}
	*short_of = reach_missing_count(reach) > 0;
	reach_free(reach);
	return code;
}

static int count_lacking(struct listed *l)
{
	int code = falls_short(l->c, l->zone, &l->short_of);

	return code == 0 ? catalog_each_pack(l->c->r->catalog, note_lacking, l) : code;
}

int check_count_lacking(struct checking *c, unsigned zone, uint64_t *lacking)
{
	struct listed l = { .c = c, .zone = zone };
	int code = count_lacking(&l);

	*lacking = l.lacking;
	return code;
}

static void note_orphans(struct checking *c)
{
	for (size_t i = 0; i < c->r->orphan_count && i < CHECK_NAMED_MAX; i++) {
		char name[OBJECT_NAME_MAX];

		name_pack(c->r->dataset, c->r->orphans[i].name, name);
		for (unsigned zone = 0; zone < c->r->zone_count; zone++) {
			if ((c->r->orphans[i].zones & ZONE_BIT(zone)) != 0)
				findings_add(c->r->findings, FINDING_NOTE, c->r->zones[zone].name, name,
					     "is named by no index: an interrupted run left it, or somebody else; "
					     "unless the agent's next run uses it, it is deleted after the grace");
		}
	}
	if (c->r->orphan_count > CHECK_NAMED_MAX)
		findings_add(c->r->findings, FINDING_NOTE, NULL, NULL, "%zu more packs are named by no index",
			     c->r->orphan_count - CHECK_NAMED_MAX);
}

int check_listed(struct checking *c)
{
	int code = 0;

	for (unsigned zone = 0; zone < c->r->zone_count && code == 0; zone++) {
		struct listed l = { .c = c, .zone = zone, .tell = true };
		const char *name = c->r->zones[zone].name;

		if (!c->r->zones[zone].up)
			continue;
		code = count_lacking(&l);
		if (l.lacking > CHECK_NAMED_MAX)
			findings_add(c->r->findings, FINDING_MISSING, name, NULL,
				     "%" PRIu64 " more packs are not there", l.lacking - CHECK_NAMED_MAX);
		if (l.unneeded > 0)
			findings_add(c->r->findings, FINDING_NOTE, name, NULL,
				     "%" PRIu64 " packs that no live snapshot needs are not there", l.unneeded);
	}
	note_orphans(c);
	return code;
}

/* ---- read ---- */

#define ORPHAN UINT32_MAX

/* One pack in one zone. */
struct copy {
	uint32_t number; /* in the catalogue; ORPHAN: none */
	unsigned zone;
	uint64_t size;
	uint8_t name[DIGEST_SIZE];
	int code;
	char *message; /* where code is not 0 */
};

struct reading {
	struct checking *c;
	struct spill table;
	struct copy *copies; /* the table's */
	size_t count, cap;
	uint64_t bytes;
	const uint8_t *before; /* bits; NULL: everything in the slice */
	uint32_t before_limit;
	struct progress *progress;
};

static void add_copy(struct reading *g, uint32_t number, unsigned zone, const uint8_t name[DIGEST_SIZE], uint64_t size)
{
	if (g->count == g->cap) {
		g->cap = g->cap * 2 + 256;
		spill_resize(&g->table, g->cap * sizeof *g->copies);
		g->copies = g->table.data;
	}
	struct copy *copy = &g->copies[g->count++];
	*copy = (struct copy){ .number = number, .zone = zone, .size = size };
	memcpy(copy->name, name, DIGEST_SIZE);
	g->bytes += size;
}

static int choose(void *context, uint32_t number, const struct index_pack *pack, enum pack_origin origin)
{
	struct reading *g = context;
	uint8_t bits = repo_pack_bits(g->c->r, number);

	(void)origin;
	if (g->before != NULL)
		bits &= (uint8_t) ~(number < g->before_limit ? g->before[number] : 0);
	else if (!check_in_slice(g->c->options, pack->name))
		return 0;
	for (unsigned zone = 0; zone < g->c->r->zone_count; zone++) {
		if ((bits & (PACK_IN_0 << zone)) != 0)
			add_copy(g, number, zone, pack->name, pack->size);
	}
	return 0;
}

static void choose_orphans(struct reading *g)
{
	for (size_t i = 0; i < g->c->r->orphan_count && g->before == NULL; i++) {
		const struct repo_orphan *orphan = &g->c->r->orphans[i];

		for (unsigned zone = 0; zone < g->c->r->zone_count; zone++) {
			/* A file of any size can be given such a name: what is no pack is not read. */
			if (orphan->size > PACK_MAX)
				continue;
			if ((orphan->zones & ZONE_BIT(zone)) != 0 && check_in_slice(g->c->options, orphan->name))
				add_copy(g, ORPHAN, zone, orphan->name, orphan->size);
		}
	}
}

static void *reader_new(void *context)
{
	(void)context;
	return pack_examiner_new();
}

static void reader_free(void *worker)
{
	pack_examiner_free(worker);
}

static int read_copy(void *context, void *worker, void *item)
{
	struct reading *g = context;
	struct copy *copy = item;
	int code = stop_check();

	if (code != 0)
		return code;
	copy->code = examine_pack(worker, g->c->r, copy->zone, copy->name, copy->size);
	if (copy->code != 0)
		copy->message = xstrdup(err_message());
	progress_add(g->progress, copy->size, 1);
	return 0;
}

static int keep(void *context, void *item)
{
	(void)context, (void)item; /* the array owns it */
	return 0;
}

static void drop(void *context, void *item)
{
	(void)context, (void)item;
}

static int read_all(struct reading *g)
{
	static const struct ordered_calls calls = {
		.worker_new = reader_new, .worker_free = reader_free, .work = read_copy, .consume = keep, .drop = drop
	};
	unsigned threads = check_threads(g->c->options);
	struct ordered *o = ordered_new((size_t)threads * 4, threads, &calls, g);
	int code = 0;

	for (size_t i = 0; i < g->count && code == 0; i++)
		code = ordered_push(o, &g->copies[i], false);
	return code == 0 ? ordered_finish(o) : ordered_abort(o, code);
}

static void note_whole(struct checking *c, uint32_t pack, unsigned zone)
{
	if (pack >= c->whole_count) {
		uint32_t count = catalog_pack_limit(c->r->catalog) + 1;

		c->whole = xrealloc(c->whole, count, sizeof *c->whole);
		memset(c->whole + c->whole_count, 0, count - c->whole_count);
		c->whole_count = count;
	}
	c->whole[pack] |= (uint8_t)ZONE_BIT(zone);
}

unsigned check_whole(const struct checking *c, uint32_t pack)
{
	return pack < c->whole_count ? c->whole[pack] : 0;
}

static void judge(struct checking *c, const struct copy *copy)
{
	char name[OBJECT_NAME_MAX];
	bool orphan = copy->number == ORPHAN;
	uint8_t bits = orphan ? 0 : repo_pack_bits(c->r, copy->number), here = (uint8_t)(PACK_IN_0 << copy->zone);

	name_pack(c->r->dataset, copy->name, name);
	if (copy->code == 0) {
		if (!orphan)
			note_whole(c, copy->number, copy->zone);
		c->result->packs++;
		c->result->bytes += copy->size;
		return;
	}
	if (copy->code == ERR_INTEGRITY || copy->code == ERR_FORMAT) {
		check_tell(c, orphan ? FINDING_NOTE : FINDING_DAMAGED, copy->zone, name, "%s", copy->message);
	} else if (copy->code != ERR_MISSING) {
		findings_add(c->r->findings, FINDING_UNAVAILABLE, c->r->zones[copy->zone].name, name, "%s",
			     copy->message);
		return;
	} else if (!orphan && reach_pack(c->reach, copy->number) && (bits & (PACK_CONDEMNED | PACK_WITHDRAWN)) == 0) {
		/* Otherwise an agent collected it meanwhile. */
		check_tell(c, FINDING_MISSING, copy->zone, name, "is gone, although it was listed a moment ago");
	}
	if (!orphan)
		repo_set_pack_bits(c->r, copy->number, bits & (uint8_t)~here);
}

int check_read(struct checking *c, const uint8_t *before, uint32_t before_limit)
{
	struct reading g = { .c = c, .before = before, .before_limit = before_limit };

	spill_init(&g.table, c->r->folder);
	int code = catalog_each_pack(c->r->catalog, choose, &g);

	choose_orphans(&g);
	if (code == 0 && g.count > 0) {
		g.progress = progress_new(before == NULL ? "reading packs" : "reading back", g.bytes,
					  c->options->quiet);
		code = read_all(&g);
		progress_free(g.progress);
	}
	for (size_t i = 0; i < g.count; i++) {
		if (code == 0)
			judge(c, &g.copies[i]);
		free(g.copies[i].message);
	}
	spill_release(&g.table);
	return code;
}

/* ---- lost ---- */

struct losses {
	struct checking *c;
	uint8_t *packs; /* by number: 1 where a chunk that is needed is in no zone */
	uint32_t limit;
	bool unplaced; /* a chunk is in no pack that the catalogue has */
};

static int note_loss(void *context, const uint8_t id[ID_SIZE])
{
	struct losses *l = context;
	struct chunk_place places[CATALOG_PLACES_MAX];
	size_t count;
	int code = catalog_locate(l->c->r->catalog, id, places, &count);

	for (size_t i = 0; i < count && code == 0; i++) {
		if (places[i].pack < l->limit)
			l->packs[places[i].pack] = 1;
	}
	l->unplaced = l->unplaced || count == 0;
	return code;
}

static int tell_packs(struct losses *l)
{
	struct checking *c = l->c;
	char name[OBJECT_NAME_MAX];

	for (uint32_t number = 0; number < l->limit; number++) {
		struct index_pack pack;
		enum pack_origin origin;

		if (l->packs[number] == 0)
			continue;
		int code = catalog_pack(c->r->catalog, number, &pack, &origin);
		if (code != 0)
			return code;
		findings_add(c->r->findings, FINDING_LOST, NULL, name_pack(c->r->dataset, pack.name, name),
			     "is whole in no zone");
	}
	for (size_t i = 0; i < c->unknown_count; i++) {
		name_pack(c->r->dataset, c->unknown[i], name);
		if (l->unplaced)
			findings_add(c->r->findings, FINDING_LOST, NULL, name,
				     "is whole in no zone: not even what it held is known");
		else
			findings_add(c->r->findings, FINDING_NOTE, NULL, name,
				     "is whole in no zone; no live snapshot needs it");
	}
	return 0;
}

static int tell_snapshots(struct losses *l)
{
	struct repo *r = l->c->r;
	int code = 0;

	for (size_t i = 0; i < r->snapshot_count && code == 0; i++) {
		char name[CHECK_SNAPSHOT_NAME];

		if (!snapshot_stays(r, &r->snapshots[i]))
			continue;
		struct reach *reach = reach_new(r);
		code = reach_add(reach, r->snapshots[i].header.root_id, NULL, NULL);
		if (code == 0 && reach_missing_count(reach) > 0)
			findings_add(r->findings, FINDING_LOST, NULL, check_snapshot_name(r, &r->snapshots[i], name),
				     "%" PRIu64 " of its chunks lie in packs that are whole in no zone: files that "
				     "need them may be lost%s",
				     reach_missing_count(reach),
				     l->c->options->level < CHECK_DATA ? " ('--level data' tells which)" : "");
		reach_free(reach);
	}
	return code;
}

/* Loss is told only when every zone answered: one that is away may have it whole. */
int check_lost(struct checking *c)
{
	struct losses l = { .c = c, .limit = catalog_pack_limit(c->r->catalog) };
	struct reach *reach = reach_new(c->r);
	int code = 0;

	l.packs = xcalloc((size_t)l.limit + 1, 1);
	for (size_t i = 0; i < c->r->snapshot_count && code == 0 && c->r->complete; i++) {
		if (snapshot_stays(c->r, &c->r->snapshots[i]))
			code = reach_add(reach, c->r->snapshots[i].header.root_id, note_loss, &l);
	}
	if (code == 0 && c->r->complete)
		code = tell_packs(&l);
	if (code == 0 && reach_missing_count(reach) > 0 && c->r->complete)
		code = tell_snapshots(&l);
	reach_free(reach);
	free(l.packs);
	return code;
}
