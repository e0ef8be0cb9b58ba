#include "repo/restore.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/place.h"
#include "commands.h"

struct run {
	const struct restore_command_options *own;
	struct session session;
	struct opened opened;
	struct selection selection;
	struct restore_options options;
	bool json;
};

static void put_read_from(struct json *j, struct run *x)
{
	json_key(j, "read_from");
	json_object(j);
	for (unsigned i = 0; i < x->opened.repo->zone_count; i++)
		json_put_int(j, x->opened.repo->zones[i].name, (int64_t)fetcher_bytes(x->opened.fetcher, i));
	json_close_object(j);
}

/* Seconds that a restore of the whole snapshot may take; 0: nothing says so. */
static int64_t objective(const struct run *x)
{
	const struct config_dataset *config = x->opened.repo->config;

	return config == NULL || x->selection.count > 0 ? 0 : duration_after(0, config->rto);
}

static void say_objective(const struct run *x, double seconds)
{
	char span[CLOCK_TEXT_MAX];
	int64_t rto = objective(x);

	if (rto > 0)
		printf("%s its RTO of %s\n",
		       seconds <= (double)rto ? "within" : "MISSED:", clock_format_span(rto, span));
}

/* ---- --dry-run ---- */

static int print_plan(struct run *x, const struct restore_plan *p)
{
	char bytes[BYTES_TEXT_MAX], disk[BYTES_TEXT_MAX], room[BYTES_TEXT_MAX], span[CLOCK_TEXT_MAX];
	char counts[3][COUNT_TEXT_MAX];

	if (x->json) {
		struct json *j = json_new();

		json_object(j);
		put_snapshot(j, "snapshot", x->opened.repo, x->opened.snapshot);
		json_put_text(j, "target", x->own->to);
		json_put_bool(j, "dry_run", true);
		json_put_int(j, "files", (int64_t)p->files);
		json_put_int(j, "folders", (int64_t)p->folders);
		json_put_int(j, "others", (int64_t)p->others);
		json_put_int(j, "bytes", (int64_t)p->bytes);
		json_put_int(j, "content_bytes", (int64_t)p->content);
		json_put_int(j, "disk_bytes", (int64_t)p->disk);
		json_put_int(j, "free_bytes", (int64_t)p->free);
		json_put_int(j, "expected_seconds", (int64_t)p->seconds);
		json_put_bool(j, "fits", p->disk <= p->free);
		findings_json(x->session.findings, j, "findings");
		json_close_object(j);
		int code = json_print(j, stdout);
		json_free(j);
		return code;
	}
	printf("%s would restore %s, %s and %s, %s in all\n", x->opened.name,
	       format_count(p->files, "file", "files", counts[0]),
	       format_count(p->folders, "folder", "folders", counts[1]),
	       format_count(p->others, "other entry", "other entries", counts[2]), format_bytes(p->bytes, bytes));
	printf("it takes about %s of disk; %s are free beneath '%s'\n", format_bytes(p->disk, disk),
	       format_bytes(p->free, room), x->own->to);
	printf("expected time: %s, from a sample that was read\n", clock_format_span((int64_t)p->seconds, span));
	say_objective(x, (double)p->seconds);
	return 0;
}

static int dry_run(struct run *x)
{
	char disk[BYTES_TEXT_MAX], room[BYTES_TEXT_MAX];
	struct restore_plan plan;
	int code = restore_plan(x->opened.fetcher, &x->options, &plan);

	if (code == 0)
		code = print_plan(x, &plan);
	if (code == 0 && plan.disk > plan.free)
		code = failed(ERR_FULL, "it would not fit: about %s are needed, %s are free beneath '%s'",
			      format_bytes(plan.disk, disk), format_bytes(plan.free, room), x->own->to);
	return code;
}

/* ---- the restore ---- */

static void say_sources(struct run *x)
{
	const struct repo *r = x->opened.repo;
	char bytes[BYTES_TEXT_MAX];
	bool first = true;

	for (unsigned i = 0; i < r->zone_count; i++) {
		uint64_t stored = fetcher_bytes(x->opened.fetcher, i);

		if (stored == 0)
			continue;
		printf("%s%s from %s", first ? "; read " : ", ", format_bytes(stored, bytes), r->zones[i].name);
		first = false;
	}
}

static void say_result(struct run *x, const struct restore_result *result, uint64_t ticks)
{
	char bytes[BYTES_TEXT_MAX], rate[BYTES_TEXT_MAX], span[CLOCK_TEXT_MAX], counts[3][COUNT_TEXT_MAX];
	double seconds = (double)ticks / 1e9;

	if (seconds < 10)
		snprintf(span, sizeof span, "%.1f s", seconds);
	else
		clock_format_span((int64_t)(seconds + 0.5), span);
	printf("restored %s into '%s': %s, %s, %s, %s in %s (%s/s)", x->opened.name, x->own->to,
	       format_count(result->files, "file", "files", counts[0]),
	       format_count(result->folders, "folder", "folders", counts[1]),
	       format_count(result->others, "other entry", "other entries", counts[2]),
	       format_bytes(result->bytes, bytes), span,
	       format_bytes((uint64_t)((double)result->bytes / (seconds + 1e-9)), rate));
	say_sources(x);
	putchar('\n');
	say_objective(x, seconds);
	if (result->resumed)
		printf("an interrupted restore was resumed: it had finished %s\n",
		       format_count(result->kept, "file", "files", counts[0]));
	if (x->own->read_back)
		printf("%s read back and compared with the fingerprint\n",
		       format_count(result->read_back, "file", "files", counts[0]));
	else if (result->lost == 0)
		puts("the fingerprint of every file was checked on what was written");
	if (result->lost > 0)
		printf("%" PRIu64 " %s, named above with the reason%s\n", result->lost,
		       result->lost == 1 ? "loss" : "losses",
		       x->session.only_zone >= 0 ? "; without --zone, the other zone may have whole what this one lacks"
						 : "");
}

static int print_result(struct run *x, const struct restore_result *result, uint64_t ticks)
{
	if (!x->json) {
		say_result(x, result, ticks);
		return 0;
	}
	struct json *j = json_new();
	double seconds = (double)ticks / 1e9;

	json_object(j);
	put_snapshot(j, "snapshot", x->opened.repo, x->opened.snapshot);
	json_put_text(j, "target", x->own->to);
	json_put_int(j, "files", (int64_t)result->files);
	json_put_int(j, "folders", (int64_t)result->folders);
	json_put_int(j, "others", (int64_t)result->others);
	json_put_int(j, "bytes", (int64_t)result->bytes);
	json_put_bool(j, "resumed", result->resumed);
	json_put_int(j, "kept", (int64_t)result->kept);
	json_put_int(j, "read_back", (int64_t)result->read_back);
	json_put_int(j, "lost", (int64_t)result->lost);
	json_put_real(j, "seconds", seconds);
	if (objective(x) > 0) {
		json_put_int(j, "rto_seconds", objective(x));
		json_put_bool(j, "rto_met", seconds <= (double)objective(x));
	}
	json_put_real(j, "bytes_per_second", (double)result->bytes / (seconds + 1e-9));
	put_read_from(j, x);
	findings_json(x->session.findings, j, "findings");
	json_put_int(j, "exit", findings_exit(x->session.findings, false));
	json_close_object(j);
	int code = json_print(j, stdout);
	json_free(j);
	return code;
}

static int restore(struct run *x)
{
	const struct header *h = &x->opened.snapshot->header;
	struct restore_result result;
	uint64_t began = clock_ticks();

	x->options.progress = progress_new("restoring", x->selection.count == 0 ? h->bytes : 0, x->json);
	int code = restore_run(x->opened.fetcher, &x->options, &result);
	progress_free(x->options.progress);
	return code == 0 ? print_result(x, &result, clock_ticks() - began) : code;
}

/* Zones are copied, and read by others; what is in them must be good for nobody. */
static int check_target(const struct run *x)
{
	for (unsigned i = 0; i < x->session.place_count; i++) {
		_free_ char *folder = zone_folder(x->session.places[i].url);

		if (folder != NULL && place_lies_in(x->own->to, folder))
			return failed(ERR_REFUSED,
				      "'%s' lies in zone %s, where no plaintext belongs: restore into another folder",
				      x->own->to, x->session.places[i].name);
	}
	return 0;
}

int command_restore(const struct common_options *common, const void *own, int argc, char **argv)
{
	struct run x = { .own = own, .json = common->json };
	int code = session_open(common, &x.own->access, &x.session);

	if (code == 0 && x.own->to == NULL)
		code = failed(ERR_USAGE, "say where to restore to: --to DIR");
	if (code == 0)
		code = check_target(&x);
	if (code == 0)
		code = selection_make((const char *const *)(argv + 1), (size_t)argc - 1, &x.selection);
	if (code == 0)
		code = session_open_snapshot(&x.session, argv[0], &x.opened);
	if (code == 0) {
		x.options = (struct restore_options){ .snapshot = x.opened.snapshot,
						      .root_key = x.opened.root_key,
						      .selection = &x.selection,
						      .read_back = x.own->read_back,
						      .target = { .path = x.own->to,
								  .overwrite = x.own->overwrite,
								  .numeric_owner = x.own->numeric_owner,
								  .confine = true } };
		code = x.own->dry_run ? dry_run(&x) : restore(&x);
	}
	selection_release(&x.selection);
	opened_close(&x.opened);
	return session_end(&x.session, code);
}
