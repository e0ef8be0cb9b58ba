/*
 * Headers, intents and seals of all zones, merged by snapshot. What does not open is told and ignored. An intent counts only when the
 * snapshot is past its effective expiry by this host's own clock and policy: a record, never an authority.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hex.h"
#include "crypto/digest.h"
#include "repo/load.h"
#include "repo/revoked.h"
#include "repo/seen.h"
#include "repo/select.h"

/* Headers from further ahead than this are from the future: clocks of two hosts may differ a little. */
#define FUTURE_SLACK 300

/* ---- by id: a hash table with open addressing, its size a power of two ---- */

/* Where the id is, or would be. */
static size_t slot_of(const struct repo *r, const uint8_t id[SNAPSHOT_ID_SIZE])
{
	uint32_t first;

	/* Ids are random; who makes them up gains a slow look-up. */
	memcpy(&first, id, sizeof first);
	size_t slot = first & (r->snapshot_slot_count - 1);
	while (r->snapshot_slots[slot] != 0 &&
	       memcmp(r->snapshots[r->snapshot_slots[slot] - 1].header.id, id, SNAPSHOT_ID_SIZE) != 0)
		slot = (slot + 1) & (r->snapshot_slot_count - 1);
	return slot;
}

static void enter_all(struct repo *r)
{
	memset(r->snapshot_slots, 0, r->snapshot_slot_count * sizeof *r->snapshot_slots);
	for (size_t i = 0; i < r->snapshot_count; i++)
		r->snapshot_slots[slot_of(r, r->snapshots[i].header.id)] = (uint32_t)i + 1;
}

/* At most half full. */
static void make_room(struct repo *r)
{
	if (2 * (r->snapshot_count + 1) <= r->snapshot_slot_count)
		return;
	r->snapshot_slot_count = r->snapshot_slot_count == 0 ? 64 : 2 * r->snapshot_slot_count;
	r->snapshot_slots = xrealloc(r->snapshot_slots, r->snapshot_slot_count, sizeof *r->snapshot_slots);
	r->snapshots = xrealloc(r->snapshots, r->snapshot_slot_count / 2, sizeof *r->snapshots);
	enter_all(r);
}

static struct snapshot *find(const struct repo *r, const uint8_t id[SNAPSHOT_ID_SIZE])
{
	uint32_t found = r->snapshot_slot_count == 0 ? 0 : r->snapshot_slots[slot_of(r, id)];

	return found == 0 ? NULL : &r->snapshots[found - 1];
}

const struct snapshot *repo_find(const struct repo *r, const uint8_t id[SNAPSHOT_ID_SIZE])
{
	return find(r, id);
}

static struct snapshot *find_or_add(struct repo *r, const uint8_t id[SNAPSHOT_ID_SIZE])
{
	struct snapshot *s = find(r, id);

	if (s != NULL)
		return s;
	make_room(r);
	s = &r->snapshots[r->snapshot_count];
	*s = (struct snapshot){ 0 };
	memcpy(s->header.id, id, SNAPSHOT_ID_SIZE);
	buf_init(&s->object, HEADER_MAX, "header");
	r->snapshot_slots[slot_of(r, id)] = (uint32_t)++r->snapshot_count;
	return s;
}

/* ---- headers ---- */

static int open_header(const struct repo *r, const uint8_t *data, size_t len, const uint8_t id[SNAPSHOT_ID_SIZE],
		       bool opened_before, struct header *out, const struct signer **signer)
{
	struct signed_view view;
	int code = opened_before ? trust_reopen(r->trust, SIGNED_HEADER, data, len, "header", &view, signer)
				 : trust_open(r->trust, SIGNED_HEADER, data, len, "header", &view, signer);

	if (code == 0)
		code = revoked_check_header(r, *signer, data, len);
	if (code == 0)
		code = header_decode(view.body, view.body_len, out);
	if (code == 0 && (strcmp(out->dataset, r->dataset) != 0 || memcmp(out->id, id, SNAPSHOT_ID_SIZE) != 0))
		code = failed(ERR_INTEGRITY, "the header is of another dataset or snapshot than its name says");
	return code;
}

int load_open_header(const struct repo *r, const uint8_t *data, size_t len, const uint8_t id[SNAPSHOT_ID_SIZE],
		     struct header *out, const struct signer **signer)
{
	return open_header(r, data, len, id, false, out, signer);
}

int load_adopt(struct repo *r, const struct header *header, const struct signer *signer, const void *object, size_t len,
	       struct snapshot **out)
{
	struct snapshot *s = find_or_add(r, header->id);
	uint8_t hash[DIGEST_SIZE];

	*out = s;
	sha256(object, len, hash);
	if (s->object.len > 0)
		return memcmp(s->hash, hash, DIGEST_SIZE) == 0
			       ? 0
			       : failed(ERR_INTEGRITY, "another valid header of this snapshot exists: was the agent's "
						       "key stolen? Until one of "
						       "them is gone or its key revoked, nothing of this snapshot is "
						       "copied or destroyed, "
						       "and no space is freed");
	s->header = *header;
	s->signer = signer;
	memcpy(s->hash, hash, DIGEST_SIZE);
	s->quarantined = header->taken_at > clock_now() + FUTURE_SLACK;
	s->seen_at = INT64_MAX;
	if (s->quarantined && remembered_has(&r->remembered, REMEMBERED_SEEN, header->id) &&
	    remembered_seen(r->memory, header->id, &s->seen_at) != 0)
		s->seen_at = INT64_MAX;
	return buf_append(&s->object, object, len);
}

/*
 * Who stole an agent's key can sign a second header of a snapshot that is there, of other content and another time. Which
 * one is true nobody can tell, so nothing is done on the word of either: what the snapshot needs is not known.
 */
static void dispute(struct repo *r, struct snapshot *s)
{
	s->disputed = true;
	r->chain_broken = true;
}

/* ERR_REFUSED: what a revoked key signed, and does not count. */
static void tell_ignored(struct repo *r, unsigned zone, const char *name, int code)
{
	findings_add(r->findings, code == ERR_REFUSED ? FINDING_REVOKED : FINDING_FORGED, r->zones[zone].name, name,
		     "ignored: %s", err_message());
}

static int load_header(struct repo *r, unsigned zone, struct listed_header *row, bool due, bool *ignored)
{
	char name[OBJECT_NAME_MAX];
	_buf_ struct buf object = { 0 };
	struct header header;
	const struct signer *signer = NULL;
	struct snapshot *s = NULL;

	name_header(r->dataset, row->taken_at, row->id, name);
	buf_init(&object, HEADER_MAX, "header");
	int code = due ? ERR_MISSING : seen_recall(r, zone, row, name, &object);
	if (code != 0 && code != ERR_MISSING)
		return code;
	bool recalled = code == 0, seen = recalled;
	if (!recalled) {
		buf_clear(&object);
		code = zone_get(r->zones[zone].zone, name, &object);
	}
	if (load_passes_over(r, zone, name, code)) {
		*ignored = true;
		return 0;
	}
	if (code == ERR_MISSING)
		return 0; /* destroyed since it was listed */
	/* Just what the other zone gave. */
	const struct snapshot *other = repo_find(r, row->id);
	seen = seen || (code == 0 && other != NULL && other->object.len == object.len &&
			memcmp(other->object.data, object.data, object.len) == 0);
	if (code == 0)
		code = open_header(r, object.data, object.len, row->id, seen, &header, &signer);
	if (code == 0 && header.taken_at != row->taken_at)
		code = failed(ERR_INTEGRITY, "the header says another time than its name");
	if (code == 0)
		code = load_adopt(r, &header, signer, object.data, object.len, &s);
	if (code != 0) {
		row->disowned = code == ERR_REFUSED;
		*ignored = true;
		if (s != NULL)
			dispute(r, s);
		tell_ignored(r, zone, name, code);
		return 0;
	}
	if (s->quarantined)
		findings_add(r->findings, FINDING_FORGED, r->zones[zone].name, name,
			     "is dated in the future: quarantined");
	s->zones |= ZONE_BIT(zone);
	return recalled ? 0 : seen_note(r, zone, name, s);
}

static int load_headers(struct repo *r, unsigned zone, struct listing *l)
{
	bool ignored = false;
	struct seen seen;
	int code = seen_begin(r, zone, &seen);

	for (size_t k = 0; k < l->header_count && code == 0; k++)
		code = load_header(r, zone, &l->headers[k], seen_is_due(&seen, l, k), &ignored);
	return code == 0 ? seen_end(r, zone, &seen, ignored) : code;
}

/* A valid intent names a header that was signed by an agent, and that is past its effective expiry by our own reckoning. */
static void load_intent(struct repo *r, unsigned zone, const uint8_t id[SNAPSHOT_ID_SIZE])
{
	char name[OBJECT_NAME_MAX];
	_buf_ struct buf object = { 0 };
	struct signed_view view;
	const struct signer *signer, *header_signer;
	struct intent intent;
	struct header header;
	struct snapshot *s = NULL;

	name_intent(r->dataset, id, name);
	buf_init(&object, INTENT_MAX, "intent");
	int code = load_signed(r, zone, SIGNED_INTENT, name, &object, &view, &signer);
	if (load_passes_over(r, zone, name, code))
		return;
	if (code == 0)
		code = intent_decode(view.body, view.body_len, &intent);
	if (code == 0 &&
	    (strcmp(intent.dataset, r->dataset) != 0 || memcmp(intent.snapshot, id, SNAPSHOT_ID_SIZE) != 0))
		code = failed(ERR_INTEGRITY, "the intent is of another dataset or snapshot than its name says");
	if (code == 0)
		code = load_open_header(r, intent.header, intent.header_len, id, &header, &header_signer);
	if (code == 0)
		code = load_adopt(r, &header, header_signer, intent.header, intent.header_len, &s);
	if (code != 0) {
		tell_ignored(r, zone, name, code);
		return;
	}
	if (s->disputed) {
		findings_add(r->findings, FINDING_REFUSED, r->zones[zone].name, name,
			     "'%s' wants a snapshot destroyed of which there are two headers: ignored", signer->name);
		return;
	}
	if (repo_expiry(r, s) > clock_now()) {
		char expires[CLOCK_TEXT_MAX];

		s->refused = true;
		findings_add(r->findings, FINDING_REFUSED, r->zones[zone].name, name,
			     "'%s' wants this snapshot destroyed before its time, which is %s: ignored", signer->name,
			     clock_format(repo_expiry(r, s), expires));
		return;
	}
	s->intent_at = s->intents == 0 || intent.made_at < s->intent_at ? intent.made_at : s->intent_at;
	s->intents |= ZONE_BIT(zone);
}

/* ---- what a selector may mean ---- */

struct named {
	struct listed_header *row;
	unsigned zone;
};

/* The newest first. */
static int compare_named(const void *a, const void *b)
{
	const struct listed_header *x = ((const struct named *)a)->row, *y = ((const struct named *)b)->row;

	if (x->taken_at != y->taken_at)
		return x->taken_at > y->taken_at ? -1 : 1;
	return memcmp(x->id, y->id, SNAPSHOT_ID_SIZE);
}

/* Of snapshots whose headers were opened; by an id also of those that have none any more. */
static void load_intents_meant(struct repo *r, const struct listing listings[REPO_ZONES_MAX])
{
	for (unsigned i = 0; i < r->zone_count; i++) {
		for (size_t k = 0; r->zones[i].up && k < listings[i].intent_count; k++) {
			const uint8_t *id = listings[i].intents[k];
			const struct snapshot *s = find(r, id);

			if (s != NULL ? (s->intents & ZONE_BIT(i)) == 0
				      : select_is_id(r->selector) && select_may_mean(r->selector, 0, id))
				load_intent(r, i, id);
		}
	}
}

static bool has_latest(const struct repo *r)
{
	const struct snapshot *newest = repo_newest(r);

	return newest != NULL && !newest->quarantined;
}

/* A second header of a snapshot may stand under another time's name: which one counts, only all of them say. */
static int load_others(struct repo *r, const struct listing listings[REPO_ZONES_MAX],
		       const struct listed_header *opened)
{
	bool ignored;
	int code = 0;

	for (unsigned i = 0; i < r->zone_count; i++) {
		for (size_t k = 0; r->zones[i].up && k < listings[i].header_count && code == 0; k++) {
			struct listed_header *row = &listings[i].headers[k];

			if (row->taken_at != opened->taken_at && memcmp(row->id, opened->id, SNAPSHOT_ID_SIZE) == 0)
				code = load_header(r, i, row, true, &ignored);
		}
	}
	return code;
}

/*
 * Headers from the newest name on; for the latest no more than it takes to have one that is live: a header says no other
 * time than its name.
 */
static int load_meant(struct repo *r, const struct listing listings[REPO_ZONES_MAX])
{
	size_t total = 0, count = 0, end;
	bool ignored, found = false;
	int code = 0;

	for (unsigned i = 0; i < r->zone_count; i++)
		total += listings[i].header_count;
	struct named *all = xcalloc(total + 1, sizeof *all);
	for (unsigned i = 0; i < r->zone_count; i++) {
		for (size_t k = 0; r->zones[i].up && k < listings[i].header_count; k++) {
			struct listed_header *row = &listings[i].headers[k];

			if (select_may_mean(r->selector, row->taken_at, row->id))
				all[count++] = (struct named){ .row = row, .zone = i };
		}
	}
	qsort(all, count, sizeof *all, compare_named);
	for (size_t first = 0; first < count && code == 0 && !found; first = end) {
		for (end = first; end < count && all[end].row->taken_at == all[first].row->taken_at && code == 0; end++)
			code = load_header(r, all[end].zone, all[end].row, true, &ignored);
		for (size_t k = first; k < end && code == 0; k++)
			code = load_others(r, listings, all[k].row);
		load_intents_meant(r, listings);
		found = select_is_latest(r->selector) && has_latest(r);
	}
	free(all);
	if (count == 0)
		load_intents_meant(r, listings);
	return code;
}

static int load_all(struct repo *r, struct listing listings[REPO_ZONES_MAX])
{
	int code = 0;

	for (unsigned i = 0; i < r->zone_count && code == 0; i++) {
		if (r->zones[i].up)
			code = load_headers(r, i, &listings[i]);
	}
	r->looked = true;
	for (unsigned i = 0; i < r->zone_count && code == 0; i++) {
		for (size_t k = 0; r->zones[i].up && k < listings[i].intent_count; k++)
			load_intent(r, i, listings[i].intents[k]);
	}
	return code;
}

/* ---- all of it ---- */

static void place_seal(struct repo *r, unsigned zone, const struct listed_seal *row)
{
	struct snapshot *s = find(r, row->snapshot);

	if (s != NULL && s->seals[zone] < row->generation)
		s->seals[zone] = row->generation;
}

static int compare_snapshot(const void *a, const void *b)
{
	const struct snapshot *x = a, *y = b;

	if (x->header.taken_at != y->header.taken_at)
		return x->header.taken_at < y->header.taken_at ? -1 : 1;
	if (x->header.seq != y->header.seq)
		return x->header.seq < y->header.seq ? -1 : 1;
	return memcmp(x->header.id, y->header.id, SNAPSHOT_ID_SIZE);
}

/* By number, then as they stand in the array. */
static int compare_seq(const void *a, const void *b)
{
	const struct snapshot *x = *(const struct snapshot *const *)a, *y = *(const struct snapshot *const *)b;

	if (x->header.seq != y->header.seq)
		return x->header.seq < y->header.seq ? -1 : 1;
	return (x > y) - (x < y);
}

/* Whether what follows it must be there, or explained. */
static bool is_needed(const struct repo *r, const struct snapshot *s)
{
	return s->intents == 0 && repo_expiry(r, s) > clock_now();
}

/*
 * Between the oldest header that is within its time and the newest each must be live, or be explained by an intent, and name
 * the one before it. What is older proves nothing: intents are swept in the end, and then whoever kept an old header, or
 * an old intent, can put it back.
 */
static void check_header_chain(struct repo *r)
{
	const struct snapshot **chain = xcalloc(r->snapshot_count + 1, sizeof(const struct snapshot *));
	const struct snapshot *before = NULL;
	size_t count = 0, first = 0;

	for (size_t i = 0; i < r->snapshot_count; i++) {
		if (!r->snapshots[i].quarantined && !snapshot_lost(&r->snapshots[i]))
			chain[count++] = &r->snapshots[i];
	}
	qsort(chain, count, sizeof(const struct snapshot *), compare_seq);
	while (first < count && !is_needed(r, chain[first]))
		first++;
	for (size_t i = first; i < count; i++) {
		const struct snapshot *s = chain[i];

		/* Of two with one number the first is followed on; a zone may have been away when the second was made. */
		if (before != NULL && s->header.seq == before->header.seq)
			continue;
		/* Written after a thief's, which does not count any more. */
		if (before != NULL && revoked_disowned(r, s->header.previous)) {
			before = s;
			continue;
		}
		if (before != NULL && s->header.seq != before->header.seq + 1) {
			findings_add(r->findings, FINDING_MISSING, NULL, NULL,
				     "snapshot number %llu has no header in any zone that answers, and no intent "
				     "explains it",
				     (unsigned long long)before->header.seq + 1);
			r->chain_broken = r->headers_lost = true;
		} else if (before != NULL && memcmp(s->header.previous, before->hash, DIGEST_SIZE) != 0) {
			findings_add(r->findings, FINDING_FORGED, NULL, NULL,
				     "snapshot number %llu does not follow on number %llu: the chain was forked",
				     (unsigned long long)s->header.seq, (unsigned long long)before->header.seq);
			r->chain_broken = true;
		}
		before = s;
	}
	free(chain);
}

int load_snapshots(struct repo *r, struct listing listings[REPO_ZONES_MAX])
{
	int code = load_memory(r);

	if (code != 0)
		return code;
	revoked_headers(r, listings);
	code = r->selector == NULL ? load_all(r, listings) : load_meant(r, listings);
	if (code == 0)
		code = load_remembered(r, listings);
	if (code != 0)
		return code;
	for (unsigned i = 0; i < r->zone_count; i++) {
		for (size_t k = 0; r->zones[i].up && k < listings[i].seal_count; k++)
			place_seal(r, i, &listings[i].seals[k]);
	}
	if (r->snapshot_count > 0) {
		qsort(r->snapshots, r->snapshot_count, sizeof *r->snapshots, compare_snapshot);
		enter_all(r);
	}
	if (r->unread == NULL)
		check_header_chain(r);
	return 0;
}
