#include "commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/io.h"
#include "base/log.h"
#include "repo/epoch.h"
#include "repo/known_zone.h"
#include "report/json.h"
#include "report/progress.h"
#include "session.h"

struct health { /* of one dataset */
	const struct snapshot *newest;
	uint64_t live, overdue;
	int64_t age;                      /* of the newest, seconds */
	bool fresh;                       /* within its RPO */
	bool whole;                       /* the newest is in every zone */
	bool gaps;                        /* the newest lacks files, or has some that changed while they were read */
	int64_t next_expiry, last_expiry; /* of live snapshots */
	uint32_t epoch;                   /* of the dataset key; 0: there is none yet, or none to be seen from here */
	int64_t epoch_began, epoch_end;
};

struct looking {
	struct json *json;
	unsigned fresh_classes, used_classes; /* bits by enum data_class */
};

static void examine(const struct repo *r, const struct config_dataset *dataset, struct health *h)
{
	int64_t now = clock_now();

	*h = (struct health){ .next_expiry = INT64_MAX, .last_expiry = INT64_MIN };
	for (size_t i = 0; i < r->snapshot_count; i++) {
		const struct snapshot *s = &r->snapshots[i];
		int64_t expiry = repo_expiry(r, s);

		if (s->quarantined)
			continue;
		if (expiry <= now) {
			/* Due for more than an hour: the timer should have done it. */
			h->overdue += (s->zones != 0 || s->seals[0] != 0 || s->seals[1] != 0) && expiry + 3600 <= now;
			continue;
		}
		if (!snapshot_live(s))
			continue;
		h->live++;
		h->newest = s;
		h->next_expiry = expiry < h->next_expiry ? expiry : h->next_expiry;
		h->last_expiry = expiry > h->last_expiry ? expiry : h->last_expiry;
	}
	for (size_t i = 0; i < r->headless_count; i++)
		h->overdue += r->headless[i].seals != 0 && r->headless[i].due_at <= now - 3600;
	if (h->newest == NULL)
		return;
	h->age = now - h->newest->header.taken_at;
	h->fresh = now <= duration_after(h->newest->header.taken_at, dataset->rpo);
	h->gaps = h->newest->header.skipped > 0 || h->newest->header.changed > 0;
	h->whole = h->newest->zones == ZONE_BIT(r->zone_count) - 1;
}

static void examine_epoch(const struct config *config, const struct config_dataset *dataset, struct health *h)
{
	/* A pruner's host has none, and whoever may not read it can still see the rest. */
	if (dataset_key_epoch(config->keys_dir, dataset->name, &h->epoch, &h->epoch_began) != 0)
		h->epoch = 0;
	else
		h->epoch_end = epoch_end(dataset, h->epoch_began);
}

static void put_dataset(struct json *j, const struct repo *r, const struct config_dataset *dataset,
			const struct health *h, const struct findings *findings)
{
	json_object(j);
	json_put_text(j, "dataset", dataset->name);
	json_put_text(j, "product", dataset->product->name);
	json_put_text(j, "class", data_class_name(dataset->class));
	json_put_bool(j, "fresh", h->fresh);
	json_put_int(j, "snapshots", (int64_t)h->live);
	json_put_int(j, "overdue", (int64_t)h->overdue);
	if (h->newest != NULL) {
		json_put_hex(j, "newest", h->newest->header.id, SNAPSHOT_ID_SIZE);
		json_put_hex(j, "header", h->newest->hash, DIGEST_SIZE);
		json_put_time(j, "taken_at", h->newest->header.taken_at);
		json_put_int(j, "age_seconds", h->age);
		json_put_time(j, "next_expiry", h->next_expiry);
		json_put_time(j, "last_expiry", h->last_expiry);
		json_put_int(j, "bytes", (int64_t)h->newest->header.bytes);
		json_put_int(j, "files", (int64_t)h->newest->header.files);
		json_put_int(j, "skipped", (int64_t)h->newest->header.skipped);
		json_put_int(j, "changed", (int64_t)h->newest->header.changed);
		json_key(j, "zones");
		json_array(j);
		for (unsigned i = 0; i < r->zone_count; i++) {
			if ((h->newest->zones & ZONE_BIT(i)) != 0)
				json_text(j, r->zones[i].name);
		}
		json_close_array(j);
	}
	if (h->epoch != 0) {
		json_put_int(j, "dedup_epoch", h->epoch);
		json_put_time(j, "dedup_epoch_began", h->epoch_began);
		if (h->epoch_end != INT64_MAX)
			json_put_time(j, "dedup_epoch_due", h->epoch_end);
	}
	findings_json(findings, j, "findings");
	json_close_object(j);
}

static void print_epoch(const struct health *h)
{
	char began[CLOCK_TEXT_MAX], end[CLOCK_TEXT_MAX];

	if (h->epoch == 0 || h->epoch_end == INT64_MAX)
		return;
	printf("%-20s dataset key of epoch %" PRIu32 ", since %s, %s %s\n", "", h->epoch,
	       clock_format(h->epoch_began, began),
	       h->epoch_end > clock_now() ? "to be rotated on" : "the next run rotates it: due since",
	       clock_format(h->epoch_end, end));
}

static void print_newest(const struct repo *r, const struct config_dataset *dataset, const struct health *h)
{
	char age[CLOCK_TEXT_MAX], taken[CLOCK_TEXT_MAX], bytes[32], span[CLOCK_TEXT_MAX], live[COUNT_TEXT_MAX];

	printf("%-20s %s  newest %s, %s old (RPO %s)  %s  %s  in ", dataset->name, h->fresh ? "fresh" : "STALE",
	       clock_format(h->newest->header.taken_at, taken), clock_format_span(h->age, age),
	       clock_format_span(duration_after(0, dataset->rpo), span),
	       format_count(h->live, "snapshot", "snapshots", live), format_bytes(h->newest->header.bytes, bytes));
	for (unsigned i = 0, told = 0; i < r->zone_count; i++) {
		if ((h->newest->zones & ZONE_BIT(i)) != 0)
			printf("%s%s", told++ > 0 ? ", " : "", r->zones[i].name);
	}
	printf("%s\n", h->whole ? "" : "  (ONE ZONE ONLY)");
}

static void print_dataset(const struct repo *r, const struct config_dataset *dataset, const struct health *h)
{
	char count[COUNT_TEXT_MAX], changed[COUNT_TEXT_MAX];

	if (r == NULL || h->newest == NULL)
		printf("%-20s NO SNAPSHOT%s\n", dataset->name, r == NULL ? " (no zone answers)" : "");
	else
		print_newest(r, dataset, h);
	if (h->newest != NULL && h->gaps)
		printf("%-20s NOT ALL: %s skipped, %s changed while read; the run named them\n", "",
		       format_count(h->newest->header.skipped, "entry", "entries", count),
		       format_count(h->newest->header.changed, "file", "files", changed));
	if (h->overdue > 0)
		printf("%-20s OVERDUE: %s past their time and not yet destroyed\n", "",
		       format_count(h->overdue, "snapshot is", "snapshots are", count));
	if (h->newest != NULL)
		print_epoch(h);
}

static int look_at(const struct session *s, const struct config_dataset *dataset, void *context)
{
	struct looking *look = context;
	struct zone_place places[REPO_ZONES_MAX];
	struct repo_options options = { .dataset = dataset->name,
					.config = dataset,
					.trust = &s->trust,
					.places = places,
					.headers_only = true,
					.state = s->config->state,
					.snapshots = true };
	struct findings *findings = findings_new();
	struct health health = { 0 };
	struct repo *r = NULL;

	repo_places(s->config, places, &options.place_count);
	int code = repo_open(&options, findings, &r);
	if (code == 0)
		code = repo_load(r);
	if (code != 0)
		log_error("%s: %s", dataset->name, err_message());
	else
		examine(r, dataset, &health);
	examine_epoch(s->config, dataset, &health);

	look->used_classes |= 1u << dataset->class;
	look->fresh_classes |= health.fresh ? 1u << dataset->class : 0;
	if (look->json != NULL)
		put_dataset(look->json, r, dataset, &health, findings);
	else
		print_dataset(code == 0 ? r : NULL, dataset, &health);
	int status = code != 0 ? err_exit(code) : findings_exit(findings, false);
	if (code == 0 && (!health.fresh || !health.whole || health.gaps || health.overdue > 0))
		status = exit_worse(status, EXIT_DEGRADED);
	repo_close(r);
	findings_free(findings);
	return status;
}

/* Free space of each zone that can tell. */
static void spaces(const struct session *s, struct json *j)
{
	struct zone_place places[REPO_ZONES_MAX];
	unsigned count;

	repo_places(s->config, places, &count);
	if (j != NULL) {
		json_key(j, "zones");
		json_array(j);
	}
	for (unsigned i = 0; i < count; i++) {
		struct zone *zone = NULL;
		uint64_t bytes = 0;
		char text[32];
		int code = zone_open(&places[i], &zone);
		if (code == 0)
			code = known_zone_check(s->config->state, &places[i], zone, NULL);
		bool told = code == 0 && zone_space(zone, &bytes) == 0;

		if (j != NULL) {
			json_object(j);
			json_put_text(j, "zone", places[i].name);
			json_put_text(j, "jurisdiction", s->config->zones[i].jurisdiction);
			json_put_bool(j, "answers", code == 0);
			if (told)
				json_put_int(j, "free_bytes", (int64_t)bytes);
			json_close_object(j);
		} else if (told) {
			printf("zone %-15s %s free\n", places[i].name, format_bytes(bytes, text));
		}
		zone_close(zone);
	}
	if (j != NULL)
		json_close_array(j);
}

static void put_notes(const struct session *s, struct json *j)
{
	const char *lines[SESSION_NOTES_MAX];
	size_t count = session_notes(s, lines);

	if (j != NULL) {
		json_key(j, "notes");
		json_array(j);
	}
	for (size_t i = 0; i < count; i++) {
		if (j != NULL)
			json_text(j, lines[i]);
		else
			printf("note: %s\n", lines[i]);
	}
	if (j != NULL)
		json_close_array(j);
}

int command_status(const struct common_options *common, const void *own, int argc, char **argv)
{
	struct looking look = { .json = common->json ? json_new() : NULL };
	struct session s;
	int code = session_open(common, NEED_NOTHING, &s);
	int status;

	(void)own;
	if (code != 0) {
		status = exit_failed(code);
		goto out;
	}
	if (look.json != NULL) {
		json_object(look.json);
		json_key(look.json, "datasets");
		json_array(look.json);
	}
	status = session_each(&s, argc, argv, look_at, &look);
	if (look.json != NULL)
		json_close_array(look.json);
	for (unsigned c = CLASS_MESSAGE; c <= CLASS_CONFIGURATION; c++) {
		if ((look.used_classes & 1u << c) != 0 && (look.fresh_classes & 1u << c) == 0) {
			log_warning("no dataset of the class '%s' has a fresh snapshot",
				    data_class_name((enum data_class)c));
			status = exit_worse(status, EXIT_DEGRADED);
		}
	}
	spaces(&s, look.json);
	put_notes(&s, look.json);
	if (look.json != NULL) {
		json_put_time(look.json, "now", clock_now());
		json_put_bool(look.json, "test_clock", clock_is_test());
		json_put_int(look.json, "status", status);
		json_close_object(look.json);
		code = json_print(look.json, stdout);
		status = code != 0 ? exit_failed(code) : status;
	}
out:
	json_free(look.json);
	session_close(&s);
	return status;
}
