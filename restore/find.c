#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "commands.h"
#include "entries.h"
#include "repo/selection.h"
#include "report/progress.h"

struct finding_entries {
	const char *pattern;
	int flags;
	bool whole_path; /* the pattern has a '/' */
	bool json;
	struct rows rows;
	struct opened opened;
	uint64_t found;
};

static bool matches(const struct finding_entries *f, const struct entry *e)
{
	_free_ char *path = xstrndup(e->path, e->path_len);
	const char *slash = strrchr(path, '/');

	return fnmatch(f->pattern, f->whole_path || slash == NULL ? path : slash + 1, f->flags) == 0;
}

static int show_match(void *context, const struct entry *e, const struct node *n)
{
	struct finding_entries *f = context;
	char time[CLOCK_TEXT_MAX], bytes[BYTES_TEXT_MAX];

	(void)n;
	if (e->path_len == 0 || !matches(f, e))
		return 0;
	f->found++;
	if (f->json) {
		struct json *j = json_new();

		json_object(j);
		put_snapshot(j, "snapshot", f->opened.repo, f->opened.snapshot);
		put_entry(j, e);
		json_close_object(j);
		return rows_add(&f->rows, j);
	}
	printf("%s  %10s  %s  ", f->opened.name,
	       e->type == ENTRY_FILE ? format_bytes(e->size, bytes) : entry_type_name(e->type),
	       clock_format(e->mtime, time));
	print_path(e->path, e->path_len);
	putchar('\n');
	return ferror(stdout) ? failed(ERR_SYSTEM, "cannot write to standard output") : 0;
}

/* A snapshot that cannot be opened is told and passed over: the others are asked for too. */
static int find_in_snapshot(struct session *s, struct repo *r, const struct snapshot *snapshot,
			    struct finding_entries *f)
{
	static const struct selection everything;
	int code = session_unlock(s, r, snapshot, &f->opened);

	if (code == 0)
		code = selection_walk(&everything, f->opened.tree, s->findings, NULL, show_match, f);
	else if (fetch_lost(code)) {
		findings_add(s->findings, FINDING_LOST, NULL, NULL, "%s", err_message());
		code = 0;
	}
	opened_release(&f->opened);
	return code;
}

static int find_in_dataset(struct session *s, const char *dataset, struct finding_entries *f)
{
	struct repo *r;
	int code = session_repo(s, dataset, false, NULL, &r);

	for (size_t i = 0; code == 0 && i < r->snapshot_count; i++) {
		const struct snapshot *snapshot = &r->snapshots[i];

		if (snapshot_live(snapshot) && repo_expiry(r, snapshot) > clock_now() &&
		    (s->only_zone < 0 || (snapshot->zones & ZONE_BIT((unsigned)s->only_zone)) != 0))
			code = find_in_snapshot(s, r, snapshot, f);
	}
	repo_close(r);
	return code;
}

int command_find(const struct common_options *common, const void *own, int argc, char **argv)
{
	const struct find_options *o = own;
	const char *pattern = argv[0] + strspn(argv[0], "/");
	struct finding_entries f = { .pattern = pattern,
				     .flags = FNM_PATHNAME | (o->ignore_case ? FNM_CASEFOLD : 0),
				     .whole_path = strchr(argv[0], '/') != NULL,
				     .json = common->json };
	struct session s;
	int code = session_open(common, &o->access, &s);

	(void)argc;
	if (code == 0)
		code = session_datasets(&s, NULL);
	for (size_t i = 0; i < s.dataset_count && code == 0; i++)
		code = find_in_dataset(&s, s.datasets[i], &f);
	if (code == 0 && f.json)
		code = rows_end(&f.rows);
	else if (code == 0 && f.found == 0)
		printf("nothing in any live snapshot matches '%s'\n", argv[0]);
	return session_end(&s, code);
}
