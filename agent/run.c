#include "commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/log.h"
#include "repo/clock_check.h"
#include "repo/collect.h"
#include "repo/epoch.h"
#include "repo/known_zone.h"
#include "repo/memory.h"
#include "repo/retire.h"
#include "repo/snapshot.h"
#include "repo/sync.h"
#include "session.h"

enum steps { STEP_RETIRE = 1, STEP_SYNC = 2, STEP_SNAPSHOT = 4, STEP_COLLECT = 8 };

struct running {
	unsigned steps;
	const char *doing;
	bool dry_run, show_progress;
	const struct option_list *accept; /* zones; may be NULL */
	struct json *json;                /* NULL: a line in words */
	const struct secret_key *signer;
};

/* What happened to one dataset. */
struct outcome {
	struct retire_result retired;
	struct sync_result synced;
	struct snapshot_result taken;
	struct collect_result collected;
	uint32_t epoch; /* of the dataset key that the snapshot was taken with; 0: none was */
	bool epoch_begun;
	bool has_snapshot, clock_refused;
	uint64_t started;
};

static double seconds_since(uint64_t ticks)
{
	return (double)(clock_ticks() - ticks) / 1e9;
}

static void put_zones(struct json *j, const char *key, const struct work *w, unsigned zones)
{
	json_key(j, key);
	json_array(j);
	for (unsigned i = 0; w->repo != NULL && i < w->repo->zone_count; i++) {
		if ((zones & ZONE_BIT(i)) != 0)
			json_text(j, w->repo->zones[i].name);
	}
	json_close_array(j);
}

/* The newest of this key, as collection left them. If it is stolen, `revoked_after` is what this said last before. */
static void put_ends(struct json *j, const struct repo *r, const struct secret_key *signer)
{
	const struct snapshot *newest = NULL;

	for (size_t i = 0; i < r->snapshot_count; i++) {
		const struct snapshot *s = &r->snapshots[i];

		if (memcmp(s->signer->key.id, signer->public.id, KEY_ID_SIZE) == 0 &&
		    (newest == NULL || s->header.seq > newest->header.seq))
			newest = s;
	}
	if (newest != NULL)
		json_put_hex(j, "header", newest->hash, DIGEST_SIZE);
	for (size_t i = 0; i < r->chain_count; i++) {
		if (r->chains[i].seq > 0 && memcmp(r->chains[i].signer, signer->public.id, KEY_ID_SIZE) == 0)
			json_put_hex(j, "index", r->chains[i].hash, DIGEST_SIZE);
	}
}

/* `error`: NULL when the steps came to their end. */
static void tell_json(const struct running *run, const struct work *w, const struct outcome *o, int status,
		      const char *error)
{
	struct json *j = run->json;

	json_object(j);
	json_put_text(j, "dataset", w->dataset->name);
	json_put_int(j, "status", status);
	json_put_real(j, "seconds", seconds_since(o->started));
	json_put_text(j, "error", error);
	if (o->has_snapshot) {
		const struct header *h = &o->taken.header;

		json_put_hex(j, "snapshot", h->id, SNAPSHOT_ID_SIZE);
		json_put_time(j, "taken_at", h->taken_at);
		json_put_time(j, "expires_at", h->expires_at);
		put_zones(j, "zones", w, o->taken.zones);
		json_put_int(j, "files", (int64_t)h->files);
		json_put_int(j, "folders", (int64_t)h->folders);
		json_put_int(j, "others", (int64_t)h->others);
		json_put_int(j, "bytes", (int64_t)h->bytes);
		json_put_int(j, "read_files", (int64_t)o->taken.read_files);
		json_put_int(j, "read_bytes", (int64_t)o->taken.read_bytes);
		json_put_int(j, "unchanged_files", (int64_t)o->taken.cached_files);
		json_put_int(j, "new_chunks", (int64_t)o->taken.new_chunks);
		json_put_int(j, "new_bytes", (int64_t)h->new_bytes);
		json_put_int(j, "new_stored", (int64_t)h->new_stored);
		json_put_int(j, "packs", (int64_t)o->taken.packs);
		json_put_int(j, "skipped", (int64_t)h->skipped);
		json_put_int(j, "changed", (int64_t)h->changed);
		json_put_bool(j, "cache_lost", o->taken.cache_lost);
		json_put_int(j, "dedup_epoch", o->epoch);
		json_put_bool(j, "dedup_epoch_begun", o->epoch_begun);
	}
	json_put_int(j, "due", (int64_t)o->retired.due);
	json_put_int(j, "destroyed", (int64_t)o->retired.destroyed);
	json_put_int(j, "owed", (int64_t)o->retired.owed);
	json_put_int(j, "synced_packs", (int64_t)o->synced.packs);
	json_put_int(j, "synced_bytes", (int64_t)o->synced.bytes);
	put_zones(j, "lagging", w, o->synced.lagging);
	json_put_int(j, "condemned_packs", (int64_t)o->collected.condemned);
	json_put_int(j, "deleted_packs", (int64_t)o->collected.deleted);
	json_put_int(j, "compacted_packs", (int64_t)o->collected.compacted);
	json_put_int(j, "freed_bytes", (int64_t)o->collected.freed_bytes);
	json_put_int(j, "rewritten_bytes", (int64_t)o->collected.rewritten_bytes);
	if (error == NULL && (run->steps & STEP_COLLECT) != 0 && !o->clock_refused)
		put_ends(j, w->repo, run->signer);
	findings_json(w->findings, j, "findings");
	json_close_object(j);
}

static const char *format_seconds(double seconds, char *out)
{
	snprintf(out, CLOCK_TEXT_MAX, "%.1f s", seconds);
	return out;
}

/* What the snapshot lacks, or has as it was seen last: the messages above named it. */
static void tell_gaps(const struct header *h)
{
	if (h->skipped > 0)
		printf("; %" PRIu64 " skipped", h->skipped);
	if (h->changed > 0)
		printf("; %" PRIu64 " changed while read", h->changed);
}

static void tell_snapshot(const struct work *w, const struct outcome *o)
{
	const struct header *h = &o->taken.header;
	char bytes[32], read[32], stored[32], files[COUNT_TEXT_MAX], id[SNAPSHOT_ID_HEX], span[CLOCK_TEXT_MAX];
	double seconds = seconds_since(o->started);
	const char *zones = o->taken.zones == ZONE_BIT(w->repo->zone_count) - 1 ? "both zones" : "one zone only";

	printf("%s: snapshot %.8s of %s, %s, in %s; read %s, stored %s new, in %s", w->dataset->name,
	       hex_encode(h->id, SNAPSHOT_ID_SIZE, id), format_count(h->files, "file", "files", files),
	       format_bytes(h->bytes, bytes), zones, format_bytes(o->taken.read_bytes, read),
	       format_bytes(h->new_stored, stored),
	       seconds < 60 ? format_seconds(seconds, span) : clock_format_span((int64_t)seconds, span));
	tell_gaps(h);
	putchar('\n');
}

static void tell_words(const struct running *run, const struct work *w, const struct outcome *o)
{
	char freed[32], synced[32], count[COUNT_TEXT_MAX];

	if (o->epoch_begun)
		printf("%s: the dataset key was due to be rotated: epoch %" PRIu32
		       " began, the older key was destroyed; "
		       "this once everything is read and stored again\n",
		       w->dataset->name, o->epoch);
	if (o->has_snapshot && o->taken.cache_lost)
		printf("%s: the keys of the key cache were gone%s: every file was read again, and %s\n",
		       w->dataset->name,
		       w->dataset->cache_in_memory
			       ? " from memory (this host was restarted, or cache_key was disk before)"
			       : "",
		       w->dataset->dedup == DEDUP_NONE ? "stored again (dedup: none)" : "nothing was stored twice");
	if (o->has_snapshot)
		tell_snapshot(w, o);
	if (o->retired.destroyed > 0 || o->retired.owed > 0)
		printf("%s: destroyed %s whose time was over%s\n", w->dataset->name,
		       format_count(o->retired.destroyed, "snapshot", "snapshots", count),
		       o->retired.owed > 0 ? "; others are owed in a zone that does not answer" : "");
	if (o->synced.objects > 0)
		printf("%s: brought %s (%s) to a zone that lagged\n", w->dataset->name,
		       format_count(o->synced.objects, "object", "objects", count),
		       format_bytes(o->synced.bytes, synced));
	if (o->collected.deleted + o->collected.compacted + o->collected.condemned > 0)
		printf("%s: packs: %" PRIu64 " condemned, %" PRIu64 " deleted, %" PRIu64
		       " compacted; %s freed in each zone\n",
		       w->dataset->name, o->collected.condemned, o->collected.deleted, o->collected.compacted,
		       format_bytes(o->collected.freed_bytes, freed));
	if (run->dry_run && o->retired.due == 0)
		printf("%s: nothing is due\n", w->dataset->name);
	else if (run->dry_run)
		printf("%s: would destroy %s whose time is over\n", w->dataset->name,
		       format_count(o->retired.due, "snapshot", "snapshots", count));
}

static int take_snapshot(const struct session *s, struct work *w, const struct running *run, struct outcome *o)
{
	struct snapshot_options options = { .config = s->config,
					    .dataset = w->dataset,
					    .agent = s->signer,
					    .recipients = s->recipients,
					    .recipient_count = s->recipient_count,
					    .state = w->state,
					    .zones = work_zones(w),
					    .leases = w->leases,
					    .journal = w->journal };
	struct dataset_key *key = NULL;
	int code = epoch_key(w->repo, s->config, w->dataset, &key, &o->epoch_begun);

	if (code != 0)
		return code;
	options.key = key;
	o->epoch = key->epoch;
	/* The last snapshot's size is a good guess of this one's. */
	const struct snapshot *newest = repo_newest(w->repo);
	options.progress = progress_new(w->dataset->name, newest == NULL ? 0 : newest->header.bytes,
					!run->show_progress);
	code = snapshot_take(w->repo, &options, &o->taken);
	progress_free(options.progress);
	secret_free(key);
	o->has_snapshot = code == 0;
	return code;
}

/* A doubtful clock stops destruction, not the night's snapshot. */
static int accept_refusal(struct work *w, struct outcome *o, int code)
{
	if (code != ERR_REFUSED)
		return code;
	o->clock_refused = true;
	findings_add(w->findings, FINDING_REFUSED, NULL, NULL, "%s", err_message());
	return 0;
}

static bool anything_owed(const struct repo *r)
{
	for (size_t i = 0; i < r->snapshot_count; i++) {
		const struct snapshot *s = &r->snapshots[i];

		if (s->intents != 0 && (s->zones != 0 || s->seals[0] != 0 || s->seals[1] != 0))
			return true;
	}
	return false;
}

/* The night's own error is what counts. */
static int collect_after_failure(struct work *w, const struct collect_options *options, struct outcome *o, int code)
{
	_free_ char *message = xstrdup(err_message());

	if (lease_zones(w->leases) != 0 && collect(w->repo, options, &o->collected) != 0)
		log_warning("%s: no space was freed either: %s", w->dataset->name, err_message());
	return err_adopt(code, message);
}

static int do_steps(const struct session *s, struct work *w, const struct running *run, struct outcome *o)
{
	const struct retire_options retire = { .config = s->config,
					       .signer = s->signer,
					       .state = s->config->state,
					       .leases = w->leases,
					       .dry_run = run->dry_run };
	const struct collect_options sweep = { .config = s->config,
					       .signer = s->signer,
					       .leases = w->leases,
					       .journal = s->signer->public.role == ROLE_AGENT ? w->journal : NULL,
					       .loaded = (run->steps & STEP_SNAPSHOT) == 0,
					       .dry_run = run->dry_run };
	int code = 0;

	if ((run->steps & STEP_RETIRE) != 0) {
		code = accept_refusal(w, o, retire_due(w->repo, &retire, &o->retired));
	}
	/* Without that step, what an intent destroyed in one zone and owes in the other is asked about here. */
	if (code == 0 && (run->steps & STEP_RETIRE) == 0 && (run->steps & STEP_SYNC) != 0 && anything_owed(w->repo))
		code = accept_refusal(w, o, clock_check(w->repo, s->config));
	if (code == 0 && (run->steps & STEP_SYNC) != 0)
		code = repo_sync(w->repo, w->leases, !o->clock_refused, &o->synced);
	if (code != 0)
		return code;
	if ((run->steps & STEP_SNAPSHOT) != 0)
		code = take_snapshot(s, w, run, o);
	if ((run->steps & STEP_COLLECT) == 0 || o->clock_refused)
		return code;
	/* Full zones are what a night fails at, and what collecting ends. */
	if (code == ERR_UNAVAILABLE || code == ERR_FULL)
		return collect_after_failure(w, &sweep, o, code);
	return code == 0 ? collect(w->repo, &sweep, &o->collected) : code;
}

static int run_dataset(const struct session *s, const struct config_dataset *dataset, void *context)
{
	const struct running *run = context;
	struct outcome o = { .started = clock_ticks() };
	struct work w;
	int code = work_open(s, dataset, run->doing, &w);

	if (code == 0)
		code = do_steps(s, &w, run, &o);
	int status = code == 0 ? findings_exit(w.findings, false) : err_exit(code);
	if (code == 0 && o.clock_refused && (run->steps & STEP_SNAPSHOT) == 0)
		status = EXIT_REFUSED;
	findings_tell_rest(w.findings);
	if (code != 0)
		log_error("%s: %s", dataset->name, err_message());
	if (run->json != NULL)
		tell_json(run, &w, &o, status, code == 0 ? NULL : err_message());
	else if (code == 0)
		tell_words(run, &w, &o);
	work_close(&w);
	return status;
}

static int accept_zones(const struct session *s, const struct option_list *names)
{
	struct zone_place places[REPO_ZONES_MAX];
	unsigned count;
	int code = 0;

	repo_places(s->config, places, &count);
	for (size_t i = 0; names != NULL && i < names->count && code == 0; i++) {
		unsigned at = 0;

		while (at < count && strcmp(places[at].name, names->items[i]) != 0)
			at++;
		code = at < count ? known_zone_accept(s->config->state, places, count, at)
				  : failed(ERR_USAGE, "%s has no zone '%s'", s->config->file, names->items[i]);
	}
	return code;
}

static int run_steps(const struct common_options *common, const struct running *wanted, enum session_need need,
		     int argc, char **argv)
{
	struct running run = *wanted;
	struct session s;
	int code = session_open(common, need, &s);
	int status;

	if (code == 0)
		code = accept_zones(&s, run.accept);
	run.json = common->json ? json_new() : NULL;
	run.show_progress = run.show_progress && !common->json;
	if (code != 0) {
		status = exit_failed(code);
	} else {
		run.signer = s.signer;
		if (run.json != NULL)
			json_array(run.json);
		status = session_each(&s, argc, argv, run_dataset, &run);
		if (run.json != NULL) {
			json_close_array(run.json);
			code = json_print(run.json, stdout);
			status = code != 0 ? exit_failed(code) : status;
		}
	}
	json_free(run.json);
	session_close(&s);
	return status;
}

int command_run(const struct common_options *common, const void *own, int argc, char **argv)
{
	const struct run_options *options = own;
	const struct running run = { .steps = STEP_RETIRE | STEP_SYNC | STEP_SNAPSHOT | STEP_COLLECT,
				     .doing = "nightfold-agent run",
				     .show_progress = !options->quiet };

	return run_steps(common, &run, NEED_AGENT, argc, argv);
}

int command_snapshot(const struct common_options *common, const void *own, int argc, char **argv)
{
	const struct run_options *options = own;
	const struct running run = { .steps = STEP_SNAPSHOT,
				     .doing = "nightfold-agent snapshot",
				     .show_progress = !options->quiet };

	return run_steps(common, &run, NEED_AGENT, argc, argv);
}

int command_sync(const struct common_options *common, const void *own, int argc, char **argv)
{
	const struct sync_options *options = own;
	const struct running run = { .steps = STEP_SYNC, .doing = "nightfold-agent sync", .accept = &options->accept };

	return run_steps(common, &run, NEED_AGENT, argc, argv);
}

int command_prune(const struct common_options *common, const void *own, int argc, char **argv)
{
	const struct prune_options *options = own;
	const struct running run = { .steps = STEP_RETIRE | STEP_COLLECT,
				     .doing = "nightfold-agent prune",
				     .dry_run = options->dry_run };

	return run_steps(common, &run, NEED_AGENT_OR_PRUNER, argc, argv);
}

static int rebuild_dataset(const struct session *s, const struct config_dataset *dataset, void *context)
{
	const struct running *run = context;
	_free_ char *catalog = xasprintf("%s/%s/catalog", s->config->state, dataset->name);
	struct lock *lock;
	struct work w;
	uint64_t packs, chunks, map;
	int code = lock_take(s->config->state, dataset->name, run->doing, &lock);

	if (code == 0) {
		code = access(catalog, F_OK) == 0 ? catalog_destroy(catalog) : 0;
		lock_release(lock);
	}
	if (code != 0)
		return exit_failed(code);
	code = work_open(s, dataset, run->doing, &w);
	if (code == 0)
		code = memory_accept_losses(w.repo);
	int status = code == 0 ? findings_exit(w.findings, false) : exit_failed(code);
	if (code == 0) {
		catalog_stats(w.repo->catalog, &packs, &chunks, &map);
		if (run->json != NULL) {
			json_object(run->json);
			json_put_text(run->json, "dataset", dataset->name);
			json_put_int(run->json, "packs", (int64_t)packs);
			json_put_int(run->json, "chunks", (int64_t)chunks);
			json_put_int(run->json, "snapshots", (int64_t)w.repo->snapshot_count);
			findings_json(w.findings, run->json, "findings");
			json_close_object(run->json);
		} else {
			char texts[3][COUNT_TEXT_MAX];

			printf("%s: catalogue rebuilt: %s, %s, %s\n", dataset->name,
			       format_count(packs, "pack", "packs", texts[0]),
			       format_count(chunks, "chunk", "chunks", texts[1]),
			       format_count(w.repo->snapshot_count, "snapshot", "snapshots", texts[2]));
		}
	}
	work_close(&w);
	return status;
}

int command_rebuild(const struct common_options *common, const void *own, int argc, char **argv)
{
	struct running run = { .doing = "nightfold-agent rebuild" };
	struct session s;
	int code = session_open(common, NEED_AGENT_OR_PRUNER, &s);
	int status;

	(void)own;
	run.json = common->json ? json_new() : NULL;
	if (run.json != NULL)
		json_array(run.json);
	status = code == 0 ? session_each(&s, argc, argv, rebuild_dataset, &run) : exit_failed(code);
	if (run.json != NULL && code == 0) {
		json_close_array(run.json);
		code = json_print(run.json, stdout);
		status = code != 0 ? exit_failed(code) : status;
	}
	json_free(run.json);
	session_close(&s);
	return status;
}
