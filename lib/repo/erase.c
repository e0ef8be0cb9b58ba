#include "repo/erase.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

struct names {
	char list[ZONE_DELETE_MAX][OBJECT_NAME_MAX]; /* ascending, as they were listed */
	size_t count;
};

struct erasing {
	struct repo *r;
	unsigned zone;
	enum erase_folder folder;
	struct erasure *rows;
	size_t count;
	struct names now, before; /* listed and to be deleted; deleted after the last listing */
	bool full;                /* there may be more than is in `now` */
	bool durable;             /* something was deleted, durably, and with it all that was before */
};

static int compare(const void *a, const void *b)
{
	return memcmp(((const struct erasure *)a)->snapshot, ((const struct erasure *)b)->snapshot, SNAPSHOT_ID_SIZE);
}

void erasures_sort(struct erasure *rows, size_t count)
{
	if (count > 0)
		qsort(rows, count, sizeof *rows, compare);
}

struct erasure *erasure_find(struct erasure *rows, size_t count, const uint8_t snapshot[SNAPSHOT_ID_SIZE])
{
	struct erasure wanted = { .code = 0 };

	memcpy(wanted.snapshot, snapshot, SNAPSHOT_ID_SIZE);
	return count == 0 ? NULL : bsearch(&wanted, rows, count, sizeof *rows, compare);
}

void erasures_free(struct erasure *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(rows[i].why);
	free(rows);
}

/* The message is the one that was recorded last. */
static void fail(const struct erasing *e, struct erasure *row, int code)
{
	row->code = code;
	row->zone = e->zone;
	free(row->why);
	row->why = xstrdup(err_message());
}

/* Whose object it is, of those that are erased here and can be. */
static struct erasure *owner_of(struct erasing *e, const char *name)
{
	uint8_t id[SNAPSHOT_ID_SIZE];
	uint32_t generation;
	int64_t taken_at;
	int code = e->folder == ERASE_SEALS ? name_parse_seal(name, e->r->dataset, id, &generation)
					    : name_parse_header(name, e->r->dataset, &taken_at, id);
	struct erasure *row = code == 0 ? erasure_find(e->rows, e->count, id) : NULL;

	return row == NULL || row->code != 0 ? NULL : row;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

static int take(void *context, const char *name, uint64_t size)
{
	struct erasing *e = context;
	struct erasure *row = owner_of(e, name);

	(void)size;
	if (row == NULL)
		return 0;
	if (bsearch(name, e->before.list, e->before.count, sizeof e->before.list[0], compare_names) != NULL) {
		fail(e, row, failed(ERR_UNAVAILABLE, "%s was deleted and is still there", name));
		return 0;
	}
	snprintf(e->now.list[e->now.count++], OBJECT_NAME_MAX, "%s", name);
	e->full = e->now.count == ZONE_DELETE_MAX;
	/* Enough for once: any code but 0 ends a listing. */
	return e->full ? ERR_EXISTS : 0;
}

static int look(struct erasing *e)
{
	static const char *const folders[] = { [ERASE_SEALS] = "seals", [ERASE_HEADERS] = "snapshots" };
	char prefix[OBJECT_NAME_MAX];

	snprintf(prefix, sizeof prefix, "%s/%s/", e->r->dataset, folders[e->folder]);
	e->before = e->now;
	e->now.count = 0;
	e->full = false;
	int code = zone_list(e->r->zones[e->zone].zone, prefix, take, e);
	return e->full ? 0 : code;
}

/*
 * Where they cannot be deleted at once, each is tried for itself, and tells what hinders; also one that is gone, but
 * perhaps not for good.
 */
static void delete_them(struct erasing *e)
{
	struct zone_writer *writer = e->r->zones[e->zone].writer;
	bool all = zone_delete_many(writer, (const char(*)[OBJECT_NAME_MAX])e->now.list, e->now.count, true) == 0;

	for (size_t i = 0; i < e->now.count; i++) {
		struct erasure *row = owner_of(e, e->now.list[i]);
		int code = all || row == NULL
				   ? 0
				   : zone_delete_many(writer, (const char(*)[OBJECT_NAME_MAX])e->now.list + i, 1, true);

		if (code != 0)
			fail(e, row, code);
		else if (row != NULL)
			row->deleted++;
		e->durable = e->durable || (row != NULL && code == 0);
	}
}

/*
 * What an earlier run deleted, and could not make durable, is not in the listing any more: without a deletion of our own
 * that took it along, one is made of a name that is gone.
 */
static int settle(struct erasing *e)
{
	char name[1][OBJECT_NAME_MAX];
	size_t i = 0;

	while (i < e->count && e->rows[i].code != 0)
		i++;
	if (e->durable || e->folder != ERASE_SEALS || i == e->count)
		return 0;
	name_seal(e->r->dataset, e->rows[i].snapshot, 1, name[0]);
	return zone_delete_many(e->r->zones[e->zone].writer, (const char(*)[OBJECT_NAME_MAX])name, 1, true);
}

void erase(struct repo *r, unsigned zone, enum erase_folder folder, struct erasure *rows, size_t count)
{
	struct erasing *e = xcalloc(1, sizeof *e);
	int code;

	e->r = r;
	e->zone = zone;
	e->folder = folder;
	e->rows = rows;
	e->count = count;
	while ((code = count == 0 ? 0 : look(e)) == 0 && e->now.count > 0)
		delete_them(e);
	if (code == 0 && count > 0)
		code = settle(e);
	for (size_t i = 0; i < count && code != 0; i++) {
		if (rows[i].code == 0)
			fail(e, &rows[i], code);
	}
	free(e);
}
