#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "commands.h"
#include "report/progress.h"

static bool is_shown(const struct repo *r, const struct snapshot *s, bool all)
{
	return all || (snapshot_live(s) && repo_expiry(r, s) > clock_now());
}

static void print_row(const struct repo *r, const struct snapshot *s)
{
	char id[SNAPSHOT_ID_HEX], taken[CLOCK_TEXT_MAX], expires[CLOCK_TEXT_MAX], bytes[BYTES_TEXT_MAX];

	printf("%-8.8s  %s@%s  %s  %10" PRIu64 "  %10s  ", hex_encode(s->header.id, SNAPSHOT_ID_SIZE, id), r->dataset,
	       clock_format(s->header.taken_at, taken), clock_format(repo_expiry(r, s), expires), s->header.files,
	       format_bytes(s->header.bytes, bytes));
	bool first = true;
	for (unsigned i = 0; i < r->zone_count; i++) {
		if ((s->zones & ZONE_BIT(i)) == 0)
			continue;
		printf("%s%s", first ? "" : "+", r->zones[i].name);
		first = false;
	}
	printf("%s  %s%s\n", first ? "-" : "", snapshot_state(r, s),
	       s->header.skipped + s->header.changed > 0 ? " (files were skipped or changed)" : "");
}

/* Newest last, where a terminal ends. */
static size_t list_dataset(const struct repo *r, bool all, struct json *j, bool with_title)
{
	size_t shown = 0;

	for (size_t i = 0; i < r->snapshot_count; i++) {
		const struct snapshot *s = &r->snapshots[i];

		if (!is_shown(r, s, all))
			continue;
		if (j != NULL) {
			put_snapshot(j, NULL, r, s);
		} else {
			if (shown == 0 && with_title)
				printf("%-8s  %-*s  %-20s  %10s  %10s  %s\n", "ID", (int)(strlen(r->dataset) + 21),
				       "SNAPSHOT", "EXPIRES", "FILES", "SIZE", "ZONES, STATE");
			print_row(r, s);
		}
		shown++;
	}
	if (shown == 0 && j == NULL)
		printf("dataset %s has no %ssnapshot\n", r->dataset, all ? "" : "live ");
	return shown;
}

int command_list(const struct common_options *common, const void *own, int argc, char **argv)
{
	const struct list_options *o = own;
	struct session s;
	struct json *j = common->json ? json_new() : NULL;
	int code = session_open(common, &o->access, &s);

	if (code == 0)
		code = session_datasets(&s, argc > 0 ? argv[0] : NULL);
	if (j != NULL)
		json_array(j);
	for (size_t i = 0; i < s.dataset_count && code == 0; i++) {
		struct repo *r;

		code = session_repo(&s, s.datasets[i], true, &r);
		if (code == 0)
			(void)list_dataset(r, o->all, j, true);
		repo_close(r);
	}
	if (j != NULL) {
		json_close_array(j);
		if (code == 0)
			code = json_print(j, stdout);
		json_free(j);
	}
	return session_end(&s, code);
}
