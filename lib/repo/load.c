#include "repo/load.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/log.h"
#include "repo/doubt.h"
#include "repo/reach.h"

/* A mark that begins later than this from now keeps its pack for ever, or for years: it is replaced. */
#define MARK_AHEAD (7 * INT64_C(86400))

int load_signed(struct repo *r, unsigned zone, enum signed_type type, const char *name, struct buf *object,
		struct signed_view *view, const struct signer **signer)
{
	int code = zone_get(r->zones[zone].zone, name, object);

	return code != 0 ? code
			 : trust_open(r->trust, type, object->data, object->len, signed_type_name(type), view, signer);
}

bool load_passes_over(struct repo *r, unsigned zone, const char *name, int code)
{
	if (code != ERR_UNAVAILABLE && code != ERR_SYSTEM)
		return false;
	findings_add(r->findings, code == ERR_SYSTEM ? FINDING_DAMAGED : FINDING_UNAVAILABLE, r->zones[zone].name, name,
		     "cannot be read: %s", err_message());
	r->zones[zone].unread = true;
	r->complete = false;
	return true;
}

void load_release(struct repo *r)
{
	for (size_t i = 0; i < r->snapshot_count; i++)
		buf_release(&r->snapshots[i].object);
	free(r->snapshots);
	free(r->snapshot_slots);
	free(r->packs);
	free(r->marks);
	remembered_release(&r->remembered);
	free(r->headless);
	free(r->checkpoint_headers);
	free(r->orphans);
	free(r->chains);
	free(r->indexes);
	free(r->unplaced);
	for (size_t i = 0; i < r->doubt_count; i++)
		doubt_release(&r->doubts[i]);
	free(r->doubts);
	free(r->ancestry);
	free(r->disowned);
	r->ancestry = r->disowned = NULL;
	r->ancestry_count = r->disowned_count = 0;
	r->doubts = NULL;
	r->doubt_count = 0;
	r->header_seen = 0;
	r->snapshots = NULL;
	r->snapshot_slots = NULL;
	r->snapshot_slot_count = 0;
	r->packs = NULL;
	r->marks = NULL;
	r->headless = NULL;
	r->checkpoint_headers = NULL;
	r->checkpoint_header_count = 0;
	r->orphans = NULL;
	r->chains = NULL;
	r->indexes = NULL;
	r->unplaced = NULL;
	r->unplaced_count = 0;
	r->snapshot_count = r->mark_count = r->headless_count = r->orphan_count = r->chain_count = r->index_count = 0;
	r->pack_limit = 0;
	r->chain_broken = r->headers_lost = r->complete = false;
}

static int compare_orphan(const void *a, const void *b)
{
	return memcmp(((const struct repo_orphan *)a)->name, ((const struct repo_orphan *)b)->name, DIGEST_SIZE);
}

/* Listings are sorted, so the orphans of the zones before are: `sorted` of them. */
static void add_orphan(struct repo *r, const struct listed_pack *row, unsigned zone, size_t sorted)
{
	struct repo_orphan wanted = { .size = row->size, .zones = ZONE_BIT(zone) };
	struct repo_orphan *old;

	memcpy(wanted.name, row->name, DIGEST_SIZE);
	old = sorted == 0 ? NULL : bsearch(&wanted, r->orphans, sorted, sizeof wanted, compare_orphan);
	if (old != NULL) {
		old->zones |= ZONE_BIT(zone);
		return;
	}
	/* Grows by doubling: capacities are powers of two. */
	if ((r->orphan_count & (r->orphan_count - 1)) == 0)
		r->orphans = xrealloc(r->orphans, r->orphan_count == 0 ? 1 : 2 * r->orphan_count, sizeof wanted);
	r->orphans[r->orphan_count++] = wanted;
}

/* Puts every listed pack to its catalogue number; what no index names is an orphan. */
static int place_packs(struct repo *r, const struct listing listings[REPO_ZONES_MAX])
{
	for (unsigned i = 0; i < r->zone_count; i++) {
		size_t sorted = r->orphan_count;

		for (size_t k = 0; k < listings[i].pack_count; k++) {
			const struct listed_pack *row = &listings[i].packs[k];
			uint32_t number;
			struct index_pack pack;
			enum pack_origin origin;
			int code = catalog_find_pack(r->catalog, row->name, &number);

			if (code == ERR_MISSING) {
				add_orphan(r, row, i, sorted);
				continue;
			}
			if (code == 0)
				code = catalog_pack(r->catalog, number, &pack, &origin);
			if (code != 0)
				return code;
			if (pack.size == row->size) {
				repo_set_pack_bits(r, number, repo_pack_bits(r, number) | (uint8_t)(PACK_IN_0 << i));
			} else {
				char name[OBJECT_NAME_MAX];

				findings_add(r->findings, FINDING_DAMAGED, r->zones[i].name,
					     name_pack(r->dataset, row->name, name),
					     "has %" PRIu64 " bytes; its index says %u", row->size, pack.size);
			}
		}
	}
	return 0;
}

/* By the name, which comes first in a mark. */
static int compare_mark(const void *a, const void *b)
{
	return memcmp(a, b, DIGEST_SIZE);
}

const struct repo_mark *repo_find_mark(const struct repo *r, const uint8_t pack[DIGEST_SIZE])
{
	return r->mark_count == 0 ? NULL : bsearch(pack, r->marks, r->mark_count, sizeof *r->marks, compare_mark);
}

/* The mark of a pack, made when it is new. The zones before gave `sorted` of them. */
static struct repo_mark *mark_of(struct repo *r, const uint8_t pack[DIGEST_SIZE], size_t sorted)
{
	struct repo_mark *old = sorted == 0 ? NULL : bsearch(pack, r->marks, sorted, sizeof *r->marks, compare_mark);

	if (old != NULL)
		return old;
	/* Grows by doubling: capacities are powers of two. */
	if ((r->mark_count & (r->mark_count - 1)) == 0)
		r->marks = xrealloc(r->marks, r->mark_count == 0 ? 1 : 2 * r->mark_count, sizeof *r->marks);
	old = &r->marks[r->mark_count++];
	*old = (struct repo_mark){ .since = INT64_MIN };
	memcpy(old->pack, pack, DIGEST_SIZE);
	return old;
}

static int set_condemned(struct repo *r, const uint8_t pack[DIGEST_SIZE])
{
	uint32_t number;
	int code = catalog_find_pack(r->catalog, pack, &number);

	if (code == 0)
		repo_set_pack_bits(r, number, repo_pack_bits(r, number) | PACK_CONDEMNED);
	return code == ERR_MISSING ? 0 : code;
}

static int load_mark(struct repo *r, unsigned zone, const uint8_t pack[DIGEST_SIZE], size_t sorted)
{
	char name[OBJECT_NAME_MAX];
	_buf_ struct buf object = { 0 };
	struct signed_view view;
	const struct signer *signer = NULL;
	struct condemned mark;
	char since[CLOCK_TEXT_MAX];

	name_condemned(r->dataset, pack, name);
	buf_init(&object, MARK_MAX, "condemned mark");
	int code = load_signed(r, zone, SIGNED_CONDEMNED, name, &object, &view, &signer);
	/* What may be condemned is not counted on. */
	if (load_passes_over(r, zone, name, code))
		return set_condemned(r, pack);
	if (code == ERR_MISSING)
		return 0; /* taken away since it was listed */
	if (code == 0)
		code = condemned_decode(view.body, view.body_len, &mark);
	if (code == 0 && (strcmp(mark.dataset, r->dataset) != 0 || memcmp(mark.pack, pack, DIGEST_SIZE) != 0))
		code = failed(ERR_INTEGRITY, "the mark is of another dataset or pack than its name says");
	if (code == 0 && mark.since > clock_now() + MARK_AHEAD)
		code = failed(ERR_INTEGRITY, "the mark begins at %s, which is still to come",
			      clock_format(mark.since, since));
	if (code != 0) {
		findings_add(r->findings, signer != NULL && signer_revoked(signer) ? FINDING_REVOKED : FINDING_FORGED,
			     r->zones[zone].name, name, "ignored: %s", err_message());
		return 0;
	}

	struct repo_mark *row = mark_of(r, pack, sorted);
	/* Marked in both zones since the later of the two: a grace is never shortened. */
	row->since = mark.since > row->since ? mark.since : row->since;
	row->zones |= ZONE_BIT(zone);
	return set_condemned(r, pack);
}

struct retired {
	struct repo *r;
	uint32_t *list;
	size_t count;
};

static int note_retired(void *context, uint32_t number, const struct index_pack *pack, enum pack_origin origin)
{
	struct retired *retired = context;

	(void)pack;
	if (origin == PACK_RETIRED) {
		retired->list = xrealloc(retired->list, retired->count + 1, sizeof *retired->list);
		retired->list[retired->count++] = number;
	}
	return 0;
}

static int refuse_withdrawal(struct repo *r, uint32_t number)
{
	char name[OBJECT_NAME_MAX];
	struct index_pack pack;
	enum pack_origin origin;
	int code = catalog_pack(r->catalog, number, &pack, &origin);

	if (code == 0)
		code = catalog_set_origin(r->catalog, number, PACK_INDEXED);
	if (code == 0) {
		repo_set_pack_bits(r, number, repo_pack_bits(r, number) & (uint8_t)~PACK_WITHDRAWN);
		findings_add(r->findings, FINDING_REFUSED, NULL, name_pack(r->dataset, pack.name, name),
			     "was withdrawn although live snapshots need it: the withdrawal is ignored");
	}
	return code;
}

/*
 * Withdrawn packs: gone everywhere, they are forgotten; still listed and needed by a live snapshot (nothing else has
 * the chunk), the withdrawal is refused.
 */
static int settle_withdrawals(struct repo *r)
{
	struct retired retired = { .r = r };
	struct reach *reach = NULL;
	int code = catalog_each_pack(r->catalog, note_retired, &retired);
	size_t listed = 0;

	for (size_t i = 0; i < retired.count && code == 0; i++) {
		uint8_t bits = repo_pack_bits(r, retired.list[i]);

		if ((bits & PACK_IN_ANY) != 0) {
			repo_set_pack_bits(r, retired.list[i], bits | PACK_WITHDRAWN);
			listed++;
		} else if (r->complete) {
			code = catalog_remove_pack(r->catalog, retired.list[i]);
		}
	}
	if (code == 0 && listed > 0) {
		reach = reach_new(r);
		code = reach_add_live(reach, false);
	}
	for (size_t i = 0; i < retired.count && code == 0 && listed > 0; i++) {
		if (reach_pack(reach, retired.list[i]))
			code = refuse_withdrawal(r, retired.list[i]);
	}
	reach_free(reach);
	free(retired.list);
	return code;
}

static struct chain *chain_of(const struct repo *r, const uint8_t signer[KEY_ID_SIZE])
{
	for (size_t c = 0; c < r->chain_count; c++) {
		if (memcmp(r->chains[c].signer, signer, KEY_ID_SIZE) == 0)
			return &r->chains[c];
	}
	return NULL;
}

void chain_note(struct repo *r, const uint8_t signer[KEY_ID_SIZE], uint64_t seq)
{
	struct chain *chain = chain_of(r, signer);

	if (chain != NULL && chain->named < seq)
		chain->named = seq;
}

/* *seen: the highest number that was remembered under this fact; 0: none. Becomes `now` where that is higher. */
static int remember_highest(struct repo *r, const char *fact, uint64_t now, uint64_t *seen)
{
	uint8_t bytes[8];
	_buf_ struct buf old = { 0 };

	buf_init(&old, 8, "fact");
	int code = catalog_get_fact(r->catalog, fact, &old);
	if (code != 0 && code != ERR_MISSING)
		return code;
	*seen = 0;
	for (size_t k = 0; k < old.len; k++)
		*seen = *seen << 8 | old.data[k];
	if (now <= *seen)
		return 0;
	for (size_t k = 0; k < 8; k++)
		bytes[k] = (uint8_t)(now >> (56 - 8 * k));
	return catalog_set_fact(r->catalog, fact, bytes, sizeof bytes);
}

static void tell_rolled_back(struct repo *r, unsigned zone, const char *what, uint64_t now, uint64_t seen)
{
	findings_add(r->findings, FINDING_ROLLED_BACK, r->zones[zone].name, NULL,
		     "serves %s %" PRIu64 " as its newest; it had %s %" PRIu64
		     " before: the zone was rolled back, or lost objects",
		     what, now, what, seen);
}

/*
 * Facts "seen.<zone>.<signer>": the newest index that this zone served us. By signer and not by chain: of a zone that
 * lost everything there is no chain left.
 */
static int compare_indexes(struct repo *r, unsigned zone)
{
	for (size_t c = 0; c < r->trust->count; c++) {
		const uint8_t *id = r->trust->signers[c].key.id;
		const struct chain *chain = chain_of(r, id);
		uint64_t now = chain == NULL ? 0 : chain->zone_seq[zone], seen;
		char fact[ZONE_NAME_MAX + KEY_ID_HEX + 8], signer[KEY_ID_HEX];

		snprintf(fact, sizeof fact, "seen.%s.%s", r->zones[zone].name, hex_encode(id, KEY_ID_SIZE, signer));
		int code = remember_highest(r, fact, now, &seen);
		if (code != 0)
			return code;
		chain_note(r, id, seen);
		if (now < seen)
			tell_rolled_back(r, zone, "index", now, seen);
	}
	return 0;
}

/*
 * Fact "header.<zone>": the newest header that this zone served us. Gone since, it is explained by an intent only. A
 * quarantined one is not remembered, but it is no lack either: the clock may be what is wrong.
 */
static int compare_headers(struct repo *r, unsigned zone, bool *lost)
{
	char fact[ZONE_NAME_MAX + 8];
	uint64_t now = 0, dated = 0, seen;

	for (size_t i = 0; i < r->snapshot_count; i++) {
		const struct snapshot *s = &r->snapshots[i];

		if ((s->zones & ZONE_BIT(zone)) == 0 && s->intents == 0)
			continue;
		now = s->header.seq > now ? s->header.seq : now;
		dated = s->header.seq > dated && !s->quarantined ? s->header.seq : dated;
	}
	snprintf(fact, sizeof fact, "header.%s", r->zones[zone].name);
	int code = remember_highest(r, fact, dated, &seen);
	*lost = code == 0 && now < seen;
	if (code == 0 && r->header_seen < seen)
		r->header_seen = seen;
	if (*lost)
		tell_rolled_back(r, zone, "snapshot number", now, seen);
	return code;
}

/* The newest header that is in no zone any more may be lost: what it needs must not be taken for what nobody needs. */
static int compare_with_last_time(struct repo *r)
{
	bool lost_everywhere = true;
	int code = 0;

	for (unsigned i = 0; i < r->zone_count && code == 0; i++) {
		bool lost = true;

		if (!r->zones[i].up || r->zones[i].unread)
			continue;
		code = compare_indexes(r, i);
		if (code == 0)
			code = compare_headers(r, i, &lost);
		lost_everywhere = lost_everywhere && lost;
	}
	r->chain_broken = r->chain_broken || lost_everywhere;
	r->headers_lost = r->headers_lost || lost_everywhere;
	return code;
}

/* Without a memory of our own, headers tell: each names the index that its zone must have. */
static void compare_with_headers(struct repo *r)
{
	for (size_t s = 0; s < r->snapshot_count; s++) {
		const struct snapshot *snapshot = &r->snapshots[s];

		for (uint32_t h = 0; h < snapshot->header.head_count; h++) {
			const struct head *head = &snapshot->header.heads[h];
			const struct chain *chain = chain_of(r, head->signer);
			const struct signer *signer = trust_find(r->trust, head->signer);

			/*
			 * Of a signer who is no longer configured nothing is followed, and of one who is revoked
			 * nothing behind what counts: nothing can be missed.
			 */
			if (signer == NULL || (signer_revoked(signer) && head->seq > (chain == NULL ? 0 : chain->seq)))
				continue;
			for (unsigned i = 0; i < r->zone_count; i++) {
				if ((snapshot->zones & ZONE_BIT(i)) == 0 || r->zones[i].unread ||
				    (chain != NULL && chain->zone_seq[i] >= head->seq))
					continue;
				findings_add(r->findings, FINDING_ROLLED_BACK, r->zones[i].name, NULL,
					     "a snapshot here names index %" PRIu64
					     ", but the newest that this zone serves is %" PRIu64
					     ": the zone was rolled back, or lost objects",
					     head->seq, chain == NULL ? 0 : chain->zone_seq[i]);
			}
		}
	}
}

/* What is left to explain when all that is there is known. */
static int load_rest(struct repo *r, const struct listing listings[REPO_ZONES_MAX])
{
	int code = load_settle_memory(r, listings);

	load_tell_headerless(r);
	if (code == 0 && r->unread == NULL)
		load_headless(r, listings);
	return code;
}

/* What becomes of packs: marks, withdrawals, and what zones had before. */
static int settle_packs(struct repo *r, const struct listing listings[REPO_ZONES_MAX])
{
	int code = 0;

	for (unsigned i = 0; i < r->zone_count && code == 0; i++) {
		size_t sorted = r->mark_count;

		for (size_t k = 0; k < listings[i].condemned_count && code == 0; k++)
			code = load_mark(r, i, listings[i].condemned[k], sorted);
		if (r->mark_count > 0)
			qsort(r->marks, r->mark_count, sizeof *r->marks, compare_mark);
	}
	if (code == 0)
		code = settle_withdrawals(r);
	return code == 0 ? compare_with_last_time(r) : code;
}

static int merge(struct repo *r, struct listing listings[REPO_ZONES_MAX])
{
	int code = 0;

	if (r->headers_only) {
		code = load_snapshots(r, listings);
		if (code == 0)
			code = doubt_settle(r, listings);
		return code == 0 ? load_rest(r, listings) : code;
	}
	code = load_chains(r, listings);
	if (code == 0)
		code = place_packs(r, listings);
	if (code == 0)
		code = load_snapshots(r, listings);
	/* A reader does not mind where a pack goes, and has no last time. */
	if (code == 0 && r->unread == NULL)
		code = settle_packs(r, listings);
	if (code == 0)
		code = doubt_settle(r, listings);
	if (code == 0) {
		compare_with_headers(r);
		code = load_rest(r, listings);
	}
	return code == 0 && r->unread == NULL ? catalog_flush(r->catalog, false) : code;
}

static bool up_one_hangs(const struct repo *r)
{
	bool found = false;

	for (unsigned i = 0; i < r->zone_count; i++)
		found = found || (r->zones[i].up && zone_hangs(r->zones[i].zone));
	return found;
}

int repo_load(struct repo *r)
{
	struct listing listings[REPO_ZONES_MAX] = { { .packs = NULL } };
	int code = 0;

	load_release(r);
	r->complete = true;
	for (unsigned i = 0; i < r->zone_count; i++) {
		struct repo_zone *z = &r->zones[i];

		z->up = z->unread = false;
		if (z->zone != NULL) {
			code = listing_read(z->zone, r->dataset, r->headers_only, r->folder, &listings[i]);
			z->up = code == 0;
			if (code != 0)
				findings_add(r->findings, FINDING_UNAVAILABLE, z->name, NULL, "%s", err_message());
			if (listings[i].foreign > 0)
				findings_add(r->findings, FINDING_NOTE, z->name, NULL,
					     "%zu objects of dataset %s have names that are not Nightfold's; they are "
					     "left alone",
					     listings[i].foreign, r->dataset);
		}
		r->complete = r->complete && z->up;
	}
	code = repo_up(r) == 0 ? failed(ERR_UNAVAILABLE, "no zone could be listed") : merge(r, listings);
	for (unsigned i = 0; i < r->zone_count; i++)
		listing_release(&listings[i]);
	/* A zone that came to hang meanwhile is not up: what the other one says stands alone. */
	return code == ERR_UNAVAILABLE && up_one_hangs(r) ? repo_load(r) : code;
}

int repo_load_all(struct repo *r)
{
	free(r->selector);
	r->selector = NULL;
	return repo_load(r);
}
