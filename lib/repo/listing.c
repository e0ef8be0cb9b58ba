#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "repo/load.h"

struct lister {
	struct listing *out;
	const char *dataset;
	size_t cap; /* of the array that is being filled: one prefix at a time */
};

/* Makes room for one more element and returns where it goes. */
#define grow(array, count, lister)                                                                                     \
	((count) == (lister)->cap                                                                                      \
		 ? (void)((array) = xrealloc((array), (lister)->cap = (lister)->cap * 2 + 64, sizeof *(array)))        \
		 : (void)0)

static int take_pack(void *context, const char *name, uint64_t size)
{
	struct lister *l = context;

	if (l->out->pack_count == l->cap) {
		l->cap = l->cap * 2 + 64;
		spill_resize(&l->out->pack_table, l->cap * sizeof *l->out->packs);
		l->out->packs = l->out->pack_table.data;
	}
	struct listed_pack *row = &l->out->packs[l->out->pack_count];
	if (name_parse_pack(name, l->dataset, row->name) != 0) {
		l->out->foreign++;
		return 0;
	}
	row->size = size;
	l->out->pack_count++;
	return 0;
}

static int take_index(void *context, const char *name, uint64_t size)
{
	struct lister *l = context;

	(void)size;
	grow(l->out->indexes, l->out->index_count, l);
	struct listed_index *row = &l->out->indexes[l->out->index_count];
	if (name_parse_index(name, l->dataset, row->signer, &row->seq, row->hash) != 0)
		l->out->foreign++;
	else
		l->out->index_count++;
	return 0;
}

static int take_header(void *context, const char *name, uint64_t size)
{
	struct lister *l = context;

	grow(l->out->headers, l->out->header_count, l);
	struct listed_header *row = &l->out->headers[l->out->header_count];
	*row = (struct listed_header){ .size = size };
	if (name_parse_header(name, l->dataset, &row->taken_at, row->id) != 0)
		l->out->foreign++;
	else
		l->out->header_count++;
	return 0;
}

static int take_seal(void *context, const char *name, uint64_t size)
{
	struct lister *l = context;

	(void)size;
	grow(l->out->seals, l->out->seal_count, l);
	struct listed_seal *row = &l->out->seals[l->out->seal_count];
	if (name_parse_seal(name, l->dataset, row->snapshot, &row->generation) != 0)
		l->out->foreign++;
	else
		l->out->seal_count++;
	return 0;
}

static int take_intent(void *context, const char *name, uint64_t size)
{
	struct lister *l = context;

	(void)size;
	grow(l->out->intents, l->out->intent_count, l);
	if (name_parse_intent(name, l->dataset, l->out->intents[l->out->intent_count]) != 0)
		l->out->foreign++;
	else
		l->out->intent_count++;
	return 0;
}

static int take_condemned(void *context, const char *name, uint64_t size)
{
	struct lister *l = context;

	(void)size;
	grow(l->out->condemned, l->out->condemned_count, l);
	if (name_parse_condemned(name, l->dataset, l->out->condemned[l->out->condemned_count]) != 0)
		l->out->foreign++;
	else
		l->out->condemned_count++;
	return 0;
}

/* By name, which comes first in the struct: a name alone compares too. */
static int compare_pack(const void *a, const void *b)
{
	return memcmp(a, b, DIGEST_SIZE);
}

/*
 * Headers before packs, so that a snapshot that another run commits meanwhile is never seen without a pack of its own:
 * a header is written last.
 */
int listing_read(struct zone *z, const char *dataset, bool headers_only, const char *folder, struct listing *out)
{
	static const struct {
		const char *folder;
		zone_list_call take;
		bool header;
	} parts[] = {
		{ "intents", take_intent, true }, { "snapshots", take_header, true },
		{ "seals", take_seal, true },     { "index", take_index, false },
		{ "packs", take_pack, false },    { "condemned", take_condemned, false },
	};
	int code = 0;

	*out = (struct listing){ 0 };
	spill_init(&out->pack_table, folder);
	for (size_t i = 0; i < sizeof parts / sizeof parts[0] && code == 0; i++) {
		char prefix[OBJECT_NAME_MAX];
		struct lister lister = { .out = out, .dataset = dataset };

		if (headers_only && !parts[i].header)
			continue;
		snprintf(prefix, sizeof prefix, "%s/%s/", dataset, parts[i].folder);
		code = zone_list(z, prefix, parts[i].take, &lister);
	}
	if (code != 0)
		listing_release(out);
	else if (out->pack_count > 0)
		qsort(out->packs, out->pack_count, sizeof *out->packs, compare_pack);
	return code;
}

const struct listed_pack *listing_find_pack(const struct listing *l, const uint8_t name[DIGEST_SIZE])
{
	return l->pack_count == 0 ? NULL : bsearch(name, l->packs, l->pack_count, sizeof *l->packs, compare_pack);
}

void listing_release(struct listing *l)
{
	spill_release(&l->pack_table);
	free(l->indexes);
	free(l->headers);
	free(l->seals);
	free(l->intents);
	free(l->condemned);
	*l = (struct listing){ 0 };
}
