#include "repo/retire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/parallel.h"
#include "repo/certificate.h"
#include "repo/clock_check.h"
#include "repo/erase.h"
#include "repo/send.h"

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

/* ---- snapshots, many at once ---- */

/* As many end together; then the lease is renewed. */
#define BATCH_MAX 256

struct ending {
	struct snapshot *snapshot;
	struct buf intent; /* signed */
	int64_t made_at;
	int certified; /* code of having written the certificate */
	char *why;
};

static int make_intent(const struct retiring *t, struct ending *e)
{
	const struct snapshot *s = e->snapshot;
	struct intent intent = { .made_at = clock_now(), .expired_at = repo_expiry(t->r, s) };
	_buf_ struct buf body = { 0 };

	memcpy(intent.dataset, t->r->dataset, sizeof intent.dataset);
	memcpy(intent.snapshot, s->header.id, SNAPSHOT_ID_SIZE);
	snprintf(intent.reason, sizeof intent.reason, "retention window ended");
	intent.header = s->object.data;
	intent.header_len = s->object.len;
	e->made_at = intent.made_at;
	buf_init(&body, INTENT_MAX, "intent");
	buf_init(&e->intent, INTENT_MAX, "intent");
	int code = intent_encode(&intent, &body);
	return code == 0 ? signed_encode(SIGNED_INTENT, t->o->signer, &body, &e->intent) : code;
}

/* A zone that did not take one is left as it is: nothing is destroyed there now. */
static void settle_intent(struct retiring *t, struct ending *e, const struct parcel *p)
{
	struct snapshot *s = e->snapshot;

	if (p->code == 0) {
		s->intents |= ZONE_BIT(p->zone);
		s->intent_at = s->intent_at == 0 ? e->made_at : s->intent_at;
		return;
	}
	t->zones &= ~ZONE_BIT(p->zone);
	if (p->why != NULL)
		findings_add(t->r->findings, FINDING_LAG, t->r->zones[p->zone].name, p->name,
			     "the intent could not be written: %s", p->why);
}

/*
 * In every zone that answers and has none. What stands in the place of one was read by the load, and is no intent: it
 * must not be all that explains the gap, so it is replaced.
 */
static int put_intents(struct retiring *t, struct ending *endings, size_t count)
{
	unsigned zones = t->r->zone_count;
	struct parcel *parcels = xcalloc(count * zones, sizeof *parcels);
	int code = 0;

	for (size_t i = 0; i < count && code == 0; i++) {
		struct ending *e = &endings[i];
		unsigned missing = t->zones & ~e->snapshot->intents;

		code = missing == 0 ? 0 : make_intent(t, e);
		for (unsigned zone = 0; zone < zones; zone++) {
			struct parcel *p = &parcels[i * zones + zone];

			p->zone = zone;
			p->object = (missing & ZONE_BIT(zone)) == 0 ? NULL : &e->intent;
			name_intent(t->r->dataset, e->snapshot->header.id, p->name);
		}
	}
	if (code == 0)
		send_parcels(t->r, parcels, count * zones);
	for (size_t i = 0; i < count * zones && code == 0; i++) {
		if (parcels[i].object != NULL)
			settle_intent(t, &endings[i / zones], &parcels[i]);
	}
	parcels_free(parcels, count * zones);
	return code;
}

/* Seals, then headers: never the other way round, so that what is left of a kill is still explained by the intent. */
static void destroy_in_zone(struct retiring *t, const struct ending *endings, size_t count, unsigned zone)
{
	struct erasure *rows = xcalloc(count, sizeof *rows);
	char name[OBJECT_NAME_MAX];
	size_t intended = 0;

	for (size_t i = 0; i < count; i++) {
		if ((endings[i].snapshot->intents & ZONE_BIT(zone)) != 0)
			memcpy(rows[intended++].snapshot, endings[i].snapshot->header.id, SNAPSHOT_ID_SIZE);
	}
	erasures_sort(rows, intended);
	erase(t->r, zone, ERASE_SEALS, rows, intended);
	for (size_t i = 0; i < count; i++) {
		const struct erasure *row = erasure_find(rows, intended, endings[i].snapshot->header.id);

		if (row != NULL && row->code == 0)
			endings[i].snapshot->seals[zone] = 0;
	}
	erase(t->r, zone, ERASE_HEADERS, rows, intended);
	for (size_t i = 0; i < count; i++) {
		struct snapshot *s = endings[i].snapshot;
		const struct erasure *row = erasure_find(rows, intended, s->header.id);

		if (row != NULL && row->code == 0)
			s->zones &= ~ZONE_BIT(zone);
		else if (row != NULL)
			findings_add(t->r->findings, FINDING_LAG, t->r->zones[zone].name,
				     name_header(t->r->dataset, s->header.taken_at, s->header.id, name),
				     "is due to be destroyed, and could not be: %s", row->why);
	}
	erasures_free(rows, intended);
}

static void tell(struct retiring *t, const struct snapshot *s, bool destroyed)
{
	char id[SNAPSHOT_ID_HEX], taken[CLOCK_TEXT_MAX];

	hex_encode(s->header.id, SNAPSHOT_ID_SIZE, id);
	clock_format(s->header.taken_at, taken);
	if (destroyed) {
		t->result->destroyed++;
		log_info("%s: destroyed the snapshot of %s (%s), whose time was over", t->r->dataset, taken, id);
		return;
	}
	t->result->owed++;
	findings_add(t->r->findings, FINDING_LAG, NULL, id,
		     "the snapshot of %s is past its time and destroyed only where a zone answers; the rest is owed",
		     taken);
}

struct certifying {
	const struct retiring *t;
	struct ending **gone;
};

static void certify(void *context, size_t i)
{
	const struct certifying *c = context;
	struct ending *e = c->gone[i];

	e->certified = certificate_write(c->t->r, e->snapshot, c->t->o->state, c->t->o->signer);
	e->why = e->certified == 0 ? NULL : xstrdup(err_message());
}

/* What is gone everywhere is certified; a zone that was not asked may still have everything: it is owed until it answers. */
static int settle(struct retiring *t, struct ending *endings, size_t count)
{
	struct certifying c = { .t = t, .gone = xcalloc(count, sizeof(struct ending *)) };
	bool everywhere = t->zones == ZONE_BIT(t->r->zone_count) - 1;
	size_t gone = 0;
	int code = 0;

	for (size_t i = 0; i < count; i++) {
		bool destroyed = everywhere && !anything_left(t->r, endings[i].snapshot);

		tell(t, endings[i].snapshot, destroyed);
		if (destroyed)
			c.gone[gone++] = &endings[i];
	}
	parallel(gone, certify, &c);
	for (size_t i = 0; i < gone && code == 0; i++)
		code = c.gone[i]->certified == 0 ? 0 : err_adopt(c.gone[i]->certified, c.gone[i]->why);
	free(c.gone);
	return code;
}

/* All intents, then all seals, then all headers, then all certificates, so that each snapshot goes in that order. */
static int retire_batch(struct retiring *t, struct snapshot *const *due, size_t count)
{
	struct ending *endings = xcalloc(count, sizeof *endings);

	for (size_t i = 0; i < count; i++)
		endings[i].snapshot = due[i];
	int code = put_intents(t, endings, count);
	if (code == 0) {
		t->touched = true;
		for (unsigned zone = 0; zone < t->r->zone_count; zone++) {
			if ((t->zones & ZONE_BIT(zone)) != 0)
				destroy_in_zone(t, endings, count, zone);
		}
		code = settle(t, endings, count);
	}
	for (size_t i = 0; i < count; i++) {
		buf_release(&endings[i].intent);
		free(endings[i].why);
	}
	free(endings);
	return code;
}

/* ---- seals of which no header is known ---- */

/*
 * A kill between seal and header left a seal that nothing names. Only with every zone listed can that be told from a
 * header that stands elsewhere; and we hold the lease, so nobody is between the two just now. Of what is overdue no
 * intent can be made where the signed header is gone: the certificate says so.
 */
static void tell_headless(struct retiring *t, const struct headless *h, const struct erasure *row)
{
	char id[SNAPSHOT_ID_HEX];

	hex_encode(h->id, SNAPSHOT_ID_SIZE, id);
	if (row->code != 0) {
		t->result->owed += !h->stray;
		findings_add(t->r->findings, FINDING_LAG, t->r->zones[row->zone].name, NULL,
			     "a seal without a header could not be destroyed: %s", row->why);
	} else if (h->stray) {
		findings_add(t->r->findings, FINDING_NOTE, NULL, id,
			     "a seal without a header, left by a run that was ended or brought back: deleted");
	} else {
		t->result->destroyed++;
		log_info("%s: destroyed snapshot %s, whose header is lost and whose time was over", t->r->dataset, id);
	}
}

static void erase_everywhere(struct retiring *t, enum erase_folder folder, struct erasure *rows, size_t count)
{
	for (unsigned zone = 0; zone < t->r->zone_count; zone++)
		erase(t->r, zone, folder, rows, count);
}

/* All seals first, read back in every zone. A header that stands there does not open, and explains nothing. */
static int destroy_headless(struct retiring *t, const struct headless *const *list, size_t count)
{
	struct erasure *rows = xcalloc(count, sizeof *rows);
	int code = 0;

	t->touched = true;
	for (size_t i = 0; i < count; i++)
		memcpy(rows[i].snapshot, list[i]->id, SNAPSHOT_ID_SIZE);
	erasures_sort(rows, count);
	erase_everywhere(t, ERASE_SEALS, rows, count);
	for (size_t i = 0; i < count && code == 0; i++) {
		const struct headless *h = list[i];
		const struct erasure *row = erasure_find(rows, count, h->id);

		if (h->stray)
			t->result->stray_seals += row->deleted;
		else if (row->code == 0 && h->seals != 0 && (h->sealed || h->headers != 0))
			code = certificate_write_headless(t->r, h, t->o->state, t->o->signer);
	}
	if (code == 0)
		erase_everywhere(t, ERASE_HEADERS, rows, count);
	for (size_t i = 0; i < count && code == 0; i++)
		tell_headless(t, list[i], erasure_find(rows, count, list[i]->id));
	erasures_free(rows, count);
	return code;
}

static void plan_headless(const struct retiring *t, const struct headless *h)
{
	char id[SNAPSHOT_ID_HEX], due[CLOCK_TEXT_MAX];

	log_info("%s: would destroy snapshot %s, whose header is lost and whose time ended %s at the latest",
		 t->r->dataset, hex_encode(h->id, SNAPSHOT_ID_SIZE, id), clock_format(h->due_at, due));
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

/* Strays while no header is known to be lost, and what is overdue while the clock is in no doubt. */
static int retire_lists(struct retiring *t, const struct headless *const *strays, size_t stray_count,
			const struct headless *const *overdue, size_t overdue_count)
{
	int code = 0;

	t->result->due += overdue_count;
	for (size_t i = 0; i < overdue_count && t->o->dry_run; i++)
		plan_headless(t, overdue[i]);
	if (t->o->dry_run)
		return 0;
	if (stray_count > 0 && !t->r->headers_lost)
		code = destroy_headless(t, strays, stray_count);
	if (code == 0 && overdue_count > 0)
		code = confirm_clock(t);
	return code == 0 && overdue_count > 0 ? destroy_headless(t, overdue, overdue_count) : code;
}

/* Only with every zone: one that is away may have the header. */
static int retire_headless(struct retiring *t)
{
	const struct repo *r = t->r;
	size_t stray_count = 0, overdue_count = 0;
	int code = 0;

	if (!r->complete || t->zones != ZONE_BIT(r->zone_count) - 1 || r->headless_count == 0)
		return 0;
	const struct headless **strays = xcalloc(r->headless_count, sizeof(struct headless *));
	const struct headless **overdue = xcalloc(r->headless_count, sizeof(struct headless *));
	for (size_t i = 0; i < r->headless_count && code == 0; i++) {
		const struct headless *h = &r->headless[i];

		if (h->stray)
			strays[stray_count++] = h;
		else if (h->due_at <= clock_now())
			overdue[overdue_count++] = h;
		else if (!h->seen)
			code = note_seen(t, h);
	}
	if (code == 0)
		code = retire_lists(t, strays, stray_count, overdue, overdue_count);
	free(strays);
	free(overdue);
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

static int retire_snapshots(struct retiring *t)
{
	struct repo *r = t->r;
	struct snapshot **due = xcalloc(r->snapshot_count + 1, sizeof(struct snapshot *));
	size_t count = 0;
	int code = 0;

	for (size_t i = 0; i < r->snapshot_count; i++) {
		struct snapshot *s = &r->snapshots[i];

		if (is_due(r, s) && (anything_left(r, s) || (r->complete && !has_certificate(t, s))))
			due[count++] = s;
	}
	t->result->due = count;
	for (size_t i = 0; i < count && t->o->dry_run; i++)
		plan(t, due[i]);
	for (size_t i = 0; i < count && code == 0 && !t->o->dry_run; i += BATCH_MAX) {
		code = confirm_clock(t);
		if (code == 0)
			code = lease_renew(t->o->leases);
		t->zones &= lease_zones(t->o->leases);
		if (code == 0)
			code = retire_batch(t, due + i, count - i < BATCH_MAX ? count - i : BATCH_MAX);
	}
	free(due);
	return code;
}

int retire_due(struct repo *r, const struct retire_options *options, struct retire_result *result)
{
	struct retiring t = { .r = r, .o = options, .result = result };
	int code = 0;

	*result = (struct retire_result){ 0 };
	t.zones = options->dry_run ? repo_up(r) : repo_up(r) & lease_zones(options->leases);
	if (!options->dry_run)
		sweep_seals(&t);
	code = retire_snapshots(&t);
	if (code == 0)
		code = note_quarantined(&t);
	if (code == 0)
		code = retire_headless(&t);
	if (code == 0 && t.touched)
		code = repo_load(r);
	return code;
}
