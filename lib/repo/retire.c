#include "repo/retire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/log.h"
#include "repo/certificate.h"
#include "repo/clock_check.h"

/* A zone full of rubbish must not fill the state folder: beyond this, rubbish under the names of seals is not noted. */
#define NOTED_MAX 10000

struct retiring {
	struct repo *r;
	const struct retire_options *o;
	struct retire_result *result;
	unsigned zones; /* that answer and can be written to */
	bool confirmed; /* the clock, and that the lease is still held */
	size_t noted;   /* seals, as seen */
	bool touched;   /* something was written or deleted: the repo is to be loaded again */
};

static bool is_due(const struct repo *r, const struct snapshot *s)
{
	return (!s->quarantined || s->seen_at != INT64_MAX) && !s->disputed && repo_expiry(r, s) <= clock_now();
}

static bool has_certificate(const struct retiring *t, const struct snapshot *s)
{
	_free_ char *path = certificate_path(t->o->state, t->r->dataset, s->header.id);

	return access(path, F_OK) == 0;
}

/* What is left of a snapshot in some zone. */
static bool anything_left(const struct repo *r, const struct snapshot *s)
{
	bool left = s->zones != 0;

	for (unsigned i = 0; i < r->zone_count; i++)
		left = left || s->seals[i] != 0;
	return left;
}

/* Asked once, and only when something is to be destroyed. */
static int confirm_clock(struct retiring *t)
{
	int code = t->confirmed || t->o->dry_run ? 0 : clock_check(t->r, t->o->config);

	if (code == 0 && !t->confirmed && !t->o->dry_run)
		code = lease_confirm(t->o->leases);
	t->confirmed = code == 0;
	return code;
}

static int put_intent(struct retiring *t, struct snapshot *s)
{
	struct intent intent = { .made_at = clock_now(), .expired_at = repo_expiry(t->r, s) };
	unsigned missing = t->zones & ~s->intents;
	char name[OBJECT_NAME_MAX];
	_buf_ struct buf body = { 0 };
	_buf_ struct buf object = { 0 };

	if (missing == 0)
		return 0;
	memcpy(intent.dataset, t->r->dataset, sizeof intent.dataset);
	memcpy(intent.snapshot, s->header.id, SNAPSHOT_ID_SIZE);
	snprintf(intent.reason, sizeof intent.reason, "retention window ended");
	intent.header = s->object.data;
	intent.header_len = s->object.len;
	buf_init(&body, INTENT_MAX, "intent");
	buf_init(&object, INTENT_MAX, "intent");
	int code = intent_encode(&intent, &body);
	if (code == 0)
		code = signed_encode(SIGNED_INTENT, t->o->signer, &body, &object);
	for (unsigned i = 0; i < t->r->zone_count && code == 0; i++) {
		if ((missing & ZONE_BIT(i)) == 0)
			continue;
		struct zone_writer *writer = t->r->zones[i].writer;
		int put = zone_put_reserved(writer, name_intent(t->r->dataset, s->header.id, name), object.data,
					    object.len);
		/* What stands there was read by the load, and is no intent: it must not be all that explains the gap. */
		if (put == ERR_EXISTS)
			put = zone_replace(writer, name, object.data, object.len);
		if (put == 0) {
			s->intents |= ZONE_BIT(i);
			s->intent_at = s->intent_at == 0 ? intent.made_at : s->intent_at;
			continue;
		}
		findings_add(t->r->findings, FINDING_LAG, t->r->zones[i].name, name,
			     "the intent could not be written: %s", err_message());
		t->zones &= ~ZONE_BIT(i);
	}
	return code;
}

/* Deletes and reads back. ERR_* tells why it may still be there. */
static int delete_confirmed(struct retiring *t, unsigned zone, const char *name)
{
	uint64_t size;
	int code = zone_delete(t->r->zones[zone].writer, name);

	if (code != 0 && code != ERR_MISSING)
		return code;
	code = zone_head(t->r->zones[zone].zone, name, &size);
	if (code == ERR_MISSING)
		return 0;
	return code == 0 ? failed(ERR_UNAVAILABLE, "%s was deleted and is still there", name) : code;
}

struct search {
	const struct repo *r;
	const uint8_t *snapshot;
	char name[OBJECT_NAME_MAX]; /* "": none found */
};

static int find_seal(void *context, const char *name, uint64_t size)
{
	struct search *search = context;
	uint8_t id[SNAPSHOT_ID_SIZE];
	uint32_t generation;

	(void)size;
	if (search->name[0] == '\0' && name_parse_seal(name, search->r->dataset, id, &generation) == 0 &&
	    memcmp(id, search->snapshot, SNAPSHOT_ID_SIZE) == 0)
		snprintf(search->name, sizeof search->name, "%s", name);
	return 0;
}

static int find_header(void *context, const char *name, uint64_t size)
{
	struct search *search = context;
	uint8_t id[SNAPSHOT_ID_SIZE];
	int64_t taken_at;

	(void)size;
	if (search->name[0] == '\0' && name_parse_header(name, search->r->dataset, &taken_at, id) == 0 &&
	    memcmp(id, search->snapshot, SNAPSHOT_ID_SIZE) == 0)
		snprintf(search->name, sizeof search->name, "%s", name);
	return 0;
}

/* Everything of a snapshot in a folder ("seals", "snapshots"): as long as the zone lists something, it is deleted. */
static int delete_all(struct retiring *t, unsigned zone, const char *folder, zone_list_call find,
		      const uint8_t snapshot[SNAPSHOT_ID_SIZE], uint64_t *count)
{
	char prefix[OBJECT_NAME_MAX];

	snprintf(prefix, sizeof prefix, "%s/%s/", t->r->dataset, folder);
	for (*count = 0;; (*count)++) {
		struct search search = { .r = t->r, .snapshot = snapshot };
		int code = zone_list(t->r->zones[zone].zone, prefix, find, &search);

		if (code != 0 || search.name[0] == '\0')
			return code;
		code = delete_confirmed(t, zone, search.name);
		if (code != 0)
			return code;
	}
}

/* Every generation of a seal, whatever their numbers. */
static int delete_seals(struct retiring *t, unsigned zone, const uint8_t snapshot[SNAPSHOT_ID_SIZE], uint64_t *count)
{
	return delete_all(t, zone, "seals", find_seal, snapshot, count);
}

/* Seals, then the header: never the other way round, so that what is left of a kill is still explained by the intent. */
static void destroy_in_zone(struct retiring *t, struct snapshot *s, unsigned zone)
{
	char name[OBJECT_NAME_MAX];
	uint64_t count;
	int code = delete_seals(t, zone, s->header.id, &count);

	if (code == 0) {
		s->seals[zone] = 0;
		code = delete_confirmed(t, zone, name_header(t->r->dataset, s->header.taken_at, s->header.id, name));
	}
	if (code == 0)
		s->zones &= ~ZONE_BIT(zone);
	else
		findings_add(t->r->findings, FINDING_LAG, t->r->zones[zone].name,
			     name_header(t->r->dataset, s->header.taken_at, s->header.id, name),
			     "is due to be destroyed, and could not be: %s", err_message());
}

static int retire_one(struct retiring *t, struct snapshot *s)
{
	char id[SNAPSHOT_ID_HEX], taken[CLOCK_TEXT_MAX];
	int code = put_intent(t, s);

	if (code != 0)
		return code;
	t->touched = true;
	for (unsigned i = 0; i < t->r->zone_count; i++) {
		if ((t->zones & s->intents & ZONE_BIT(i)) != 0)
			destroy_in_zone(t, s, i);
	}

	/* A zone that was not asked may still have everything: it is owed until it answers. */
	bool everywhere = t->zones == ZONE_BIT(t->r->zone_count) - 1;
	if (!everywhere || anything_left(t->r, s)) {
		t->result->owed++;
		findings_add(
			t->r->findings, FINDING_LAG, NULL, hex_encode(s->header.id, SNAPSHOT_ID_SIZE, id),
			"the snapshot of %s is past its time and destroyed only where a zone answers; the rest is owed",
			clock_format(s->header.taken_at, taken));
		return 0;
	}
	t->result->destroyed++;
	log_info("%s: destroyed the snapshot of %s (%s), whose time was over", t->r->dataset,
		 clock_format(s->header.taken_at, taken), hex_encode(s->header.id, SNAPSHOT_ID_SIZE, id));
	return certificate_write(t->r, s, t->o->state, t->o->signer);
}

/* ---- seals of which no header is known ---- */

/*
 * All seals first, read back in every zone; *count of them. A header that stands there does not open, and explains
 * nothing.
 */
static int destroy_headless(struct retiring *t, const struct headless *h, uint64_t *count)
{
	uint64_t here;
	int code = 0;

	*count = 0;
	t->touched = true;
	for (unsigned i = 0; i < t->r->zone_count && code == 0; i++, *count += here) {
		code = delete_seals(t, i, h->id, &here);
		if (code != 0)
			findings_add(t->r->findings, FINDING_LAG, t->r->zones[i].name, NULL,
				     "a seal without a header could not be destroyed: %s", err_message());
	}
	if (code == 0 && !h->stray && h->seals != 0 && (h->sealed || h->headers != 0))
		code = certificate_write_headless(t->r, h, t->o->state, t->o->signer);
	for (unsigned i = 0; i < t->r->zone_count && code == 0; i++)
		code = delete_all(t, i, "snapshots", find_header, h->id, &here);
	return code;
}

/*
 * A kill between seal and header left a seal that nothing names. Only with every zone listed can that be told from a header that
 * stands elsewhere; and we hold the lease, so nobody is between the two just now.
 */
static void retire_stray(struct retiring *t, const struct headless *h)
{
	char id[SNAPSHOT_ID_HEX];
	uint64_t count;

	if (destroy_headless(t, h, &count) != 0)
		return;
	t->result->stray_seals += count;
	findings_add(t->r->findings, FINDING_NOTE, NULL, hex_encode(h->id, SNAPSHOT_ID_SIZE, id),
		     "a seal without a header, left by a run that was ended or brought back: deleted");
}

/* No intent can be made of a snapshot whose signed header is gone: the certificate says so. */
static void retire_overdue(struct retiring *t, const struct headless *h)
{
	char id[SNAPSHOT_ID_HEX], due[CLOCK_TEXT_MAX];
	uint64_t count;

	hex_encode(h->id, SNAPSHOT_ID_SIZE, id);
	clock_format(h->due_at, due);
	t->result->due++;
	if (t->o->dry_run) {
		log_info("%s: would destroy snapshot %s, whose header is lost and whose time ended %s at the latest",
			 t->r->dataset, id, due);
	} else if (destroy_headless(t, h, &count) != 0) {
		t->result->owed++;
	} else {
		t->result->destroyed++;
		log_info("%s: destroyed snapshot %s, whose header is lost and whose time was over", t->r->dataset, id);
	}
}

/*
 * Since when a seal is there, by a clock that is confirmed: the snapshot cannot be younger. In doubt, the next run
 * notes it.
 */
static int note_seen(struct retiring *t, const struct headless *h)
{
	bool many = t->r->remembered.count + t->noted >= NOTED_MAX && !h->sealed;

	if (t->r->memory == NULL || t->o->dry_run || many || confirm_clock(t) != 0)
		return 0;
	t->noted++;
	return remember_seen(t->r->memory, h->id, clock_now());
}

/* A header from the future says nothing of when its snapshot was taken, but that it was before it was first seen. */
static int note_quarantined(struct retiring *t)
{
	int code = 0;

	for (size_t i = 0; i < t->r->snapshot_count && code == 0; i++) {
		const struct snapshot *s = &t->r->snapshots[i];

		if (!s->quarantined || s->seen_at != INT64_MAX || s->zones == 0 || t->r->memory == NULL ||
		    t->o->dry_run || confirm_clock(t) != 0)
			continue;
		code = remember_seen(t->r->memory, s->header.id, clock_now());
	}
	return code;
}

/* Only with every zone: one that is away may have the header. */
static int retire_headless(struct retiring *t)
{
	int code = 0;

	if (!t->r->complete || t->zones != ZONE_BIT(t->r->zone_count) - 1)
		return 0;
	for (size_t i = 0; i < t->r->headless_count && code == 0; i++) {
		const struct headless *h = &t->r->headless[i];

		if (h->stray) {
			if (!t->o->dry_run && !t->r->headers_lost)
				retire_stray(t, h);
		} else if (h->due_at <= clock_now()) {
			code = confirm_clock(t);
			if (code == 0)
				retire_overdue(t, h);
		} else if (!h->seen) {
			code = note_seen(t, h);
		}
	}
	return code;
}

/*
 * A kill amid a put leaves a seal under a temporary name, which opens like any other. We hold the lease, so no run is putting one; a
 * zone that does not let us look is left out of what is destroyed.
 */
static void sweep_seals(struct retiring *t)
{
	char prefix[OBJECT_NAME_MAX];

	snprintf(prefix, sizeof prefix, "%s/seals/", t->r->dataset);
	for (unsigned i = 0; i < t->r->zone_count; i++) {
		unsigned count;

		if ((t->zones & ZONE_BIT(i)) == 0)
			continue;
		if (zone_sweep(t->r->zones[i].writer, prefix, true, &count) != 0) {
			findings_add(t->r->findings, FINDING_LAG, t->r->zones[i].name, NULL, "%s", err_message());
			t->zones &= ~ZONE_BIT(i);
			continue;
		}
		t->result->stray_seals += count;
	}
}

static void plan(const struct retiring *t, const struct snapshot *s)
{
	char id[SNAPSHOT_ID_HEX], taken[CLOCK_TEXT_MAX], expired[CLOCK_TEXT_MAX];

	log_info("%s: would destroy the snapshot of %s (%s), whose time ended %s", t->r->dataset,
		 clock_format(s->header.taken_at, taken), hex_encode(s->header.id, SNAPSHOT_ID_SIZE, id),
		 clock_format(repo_expiry(t->r, s), expired));
}

int retire_due(struct repo *r, const struct retire_options *options, struct retire_result *result)
{
	struct retiring t = { .r = r, .o = options, .result = result };
	int code = 0;

	*result = (struct retire_result){ 0 };
	t.zones = options->dry_run ? repo_up(r) : repo_up(r) & lease_zones(options->leases);
	if (!options->dry_run)
		sweep_seals(&t);
	for (size_t i = 0; i < r->snapshot_count && code == 0; i++) {
		struct snapshot *s = &r->snapshots[i];

		if (!is_due(r, s) || (!anything_left(r, s) && (r->complete ? has_certificate(&t, s) : true)))
			continue;
		result->due++;
		if (options->dry_run) {
			plan(&t, s);
			continue;
		}
		code = confirm_clock(&t);
		if (code == 0)
			code = lease_renew(options->leases);
		t.zones &= lease_zones(options->leases);
		if (code == 0)
			code = retire_one(&t, s);
	}
	if (code == 0)
		code = note_quarantined(&t);
	if (code == 0)
		code = retire_headless(&t);
	if (code == 0 && t.touched)
		code = repo_load(r);
	return code;
}
