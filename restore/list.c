#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hex.h"
#include "commands.h"
#include "report/progress.h"

static bool is_shown(const struct repo *r, const struct snapshot *s, bool all)
{
	return all || (snapshot_live(s) && repo_expiry(r, s) > clock_now());
}

struct row {
	const struct repo *repo;
	const struct snapshot *snapshot;
	unsigned order; /* as they were found: by dataset, then by time */
};

struct table {
	struct repo **repos;
	size_t repo_count;
	struct row *rows;
	size_t count;
};

static void print_title(size_t dataset_len)
{
	printf("%-8s  %-*s  %-20s  %10s  %10s  %s\n", "ID", (int)(dataset_len + 21), "SNAPSHOT", "EXPIRES", "FILES",
	       "SIZE", "ZONES, STATE");
}

static void print_row(const struct row *row, size_t dataset_len)
{
	const struct repo *r = row->repo;
	const struct snapshot *s = row->snapshot;
	char id[SNAPSHOT_ID_HEX], taken[CLOCK_TEXT_MAX], expires[CLOCK_TEXT_MAX], bytes[BYTES_TEXT_MAX];
	_free_ char *name = xasprintf("%s@%s", r->dataset, clock_format(s->header.taken_at, taken));

	printf("%-8.8s  %-*s  %s  %10" PRIu64 "  %10s  ", hex_encode(s->header.id, SNAPSHOT_ID_SIZE, id),
	       (int)(dataset_len + 21), name, clock_format(repo_expiry(r, s), expires), s->header.files,
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

/* Newest last, where a terminal ends. Takes the repo over. */
static void add_rows(struct table *t, struct repo *r, bool all)
{
	t->repos = xrealloc(t->repos, t->repo_count + 1, sizeof(struct repo *));
	t->repos[t->repo_count++] = r;
	t->rows = xrealloc(t->rows, t->count + r->snapshot_count + 1, sizeof *t->rows);
	for (size_t i = 0; i < r->snapshot_count; i++) {
		const struct snapshot *s = &r->snapshots[i];

		if (!is_shown(r, s, all))
			continue;
		t->rows[t->count] = (struct row){ .repo = r, .snapshot = s, .order = (unsigned)t->count };
		t->count++;
	}
}

static void table_release(struct table *t)
{
	for (size_t i = 0; i < t->repo_count; i++)
		repo_close(t->repos[i]);
	free(t->repos);
	free(t->rows);
}

static int64_t taken(const struct row *row)
{
	return row->snapshot->header.taken_at;
}

static int64_t expires(const struct row *row)
{
	return repo_expiry(row->repo, row->snapshot);
}

static int64_t size(const struct row *row)
{
	return (int64_t)row->snapshot->header.bytes;
}

static int64_t found(const struct row *row)
{
	return row->order;
}

static int compare(const void *a, const void *b, void *context)
{
	int64_t (*const *key)(const struct row *) = context;
	const struct row *x = a, *y = b;
	int64_t one = (*key)(x), other = (*key)(y);

	return one != other ? (one > other) - (one < other) : (x->order > y->order) - (x->order < y->order);
}

static void sort_rows(struct table *t, const char *order)
{
	static const struct {
		const char *name;
		int64_t (*key)(const struct row *);
	} orders[] = { { "taken", taken }, { "expires", expires }, { "size", size }, { "dataset", found } };
	int64_t (*key)(const struct row *) = found;

	for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
		if (strcmp(orders[i].name, order) == 0)
			key = orders[i].key;
	}
	if (t->count > 0)
		qsort_r(t->rows, t->count, sizeof *t->rows, compare, &key);
}

/* A list of each dataset, or, sorted otherwise, one of all. */
static void print_table(const struct table *t, bool mixed, bool all)
{
	size_t longest = 0;

	for (size_t i = 0; i < t->repo_count; i++) {
		bool any = false;

		for (size_t k = 0; k < t->count && !any; k++)
			any = t->rows[k].repo == t->repos[i];
		if (!any)
			printf("dataset %s has no %ssnapshot\n", t->repos[i]->dataset, all ? "" : "live ");
		if (any && strlen(t->repos[i]->dataset) > longest)
			longest = strlen(t->repos[i]->dataset);
	}
	for (size_t i = 0; i < t->count; i++) {
		const struct row *row = &t->rows[i];
		size_t len = mixed ? longest : strlen(row->repo->dataset);

		if (i == 0 || (!mixed && row->repo != row[-1].repo))
			print_title(len);
		print_row(row, len);
	}
}

static int print_json_table(const struct table *t)
{
	struct json *j = json_new();

	json_array(j);
	for (size_t i = 0; i < t->count; i++)
		put_snapshot(j, NULL, t->rows[i].repo, t->rows[i].snapshot);
	json_close_array(j);
	int code = json_print(j, stdout);
	json_free(j);
	return code;
}

int command_list(const struct common_options *common, const void *own, int argc, char **argv)
{
	const struct list_options *o = own;
	const char *order = o->sort != NULL ? o->sort : "dataset";
	struct table t = { 0 };
	struct session s;
	int code = session_open(common, &o->access, &s);

	if (code == 0)
		code = session_datasets(&s, argc > 0 ? argv[0] : NULL);
	for (size_t i = 0; i < s.dataset_count && code == 0; i++) {
		struct repo *r;

		code = session_repo(&s, s.datasets[i], true, NULL, &r);
		if (code == 0)
			add_rows(&t, r, o->all);
	}
	sort_rows(&t, order);
	/* What could be had is shown, whatever failed then; half of a JSON document is worth nothing. */
	if (!common->json)
		print_table(&t, strcmp(order, "dataset") != 0, o->all);
	else if (code == 0)
		code = print_json_table(&t);
	table_release(&t);
	return session_end(&s, code);
}
