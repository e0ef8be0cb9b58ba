#include "repo/history.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "repo/examine.h"

struct reading {
	struct repo *r;
	unsigned zone;
	struct history_row *rows;
	size_t count;
};

/* Grows by doubling: capacities are powers of two. */
static struct history_row *add_row(struct reading *h)
{
	if ((h->count & (h->count - 1)) == 0)
		h->rows = xrealloc(h->rows, h->count == 0 ? 1 : 2 * h->count, sizeof *h->rows);
	return &h->rows[h->count++];
}

static int take_index(void *context, const char *name, uint64_t size)
{
	struct reading *h = context;
	struct index_object o = { .zones = ZONE_BIT(h->zone) };
	struct index index = { 0 };
	_buf_ struct buf object = { 0 };

	(void)size;
	if (name_parse_index(name, h->r->dataset, o.signer, &o.seq, o.hash) != 0)
		return 0;
	int code = examine_index(h->r, h->zone, &o, &object, &index);
	if (code == 0) {
		struct history_row *row = add_row(h);

		*row = (struct history_row){ .what = HISTORY_INDEX,
					     .at = index.made_at,
					     .seq = o.seq,
					     .signer = trust_find(h->r->trust, o.signer),
					     .zones = o.zones };
		memcpy(row->hash, o.hash, DIGEST_SIZE);
	}
	index_release(&index);
	/* One that does not open is what `check` tells of. */
	return code == ERR_UNAVAILABLE ? code : 0;
}

static void take_headers(struct reading *h)
{
	for (size_t i = 0; i < h->r->snapshot_count; i++) {
		const struct snapshot *s = &h->r->snapshots[i];
		struct history_row *row = add_row(h);

		*row = (struct history_row){ .what = HISTORY_HEADER,
					     .at = s->header.taken_at,
					     .seq = s->header.seq,
					     .signer = s->signer,
					     .zones = s->zones };
		memcpy(row->hash, s->hash, DIGEST_SIZE);
	}
}

static int compare_rows(const void *a, const void *b)
{
	const struct history_row *x = a, *y = b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	if (x->what != y->what)
		return x->what < y->what ? -1 : 1;
	if (x->seq != y->seq)
		return x->seq < y->seq ? -1 : 1;
	return memcmp(x->hash, y->hash, DIGEST_SIZE);
}

int history_read(struct repo *r, struct history_row **rows, size_t *count)
{
	struct reading h = { .r = r };
	char prefix[OBJECT_NAME_MAX];
	size_t kept = 0;
	int code = 0;

	snprintf(prefix, sizeof prefix, "%s/index/", r->dataset);
	for (h.zone = 0; h.zone < r->zone_count && code == 0; h.zone++) {
		if (r->zones[h.zone].up)
			code = zone_list(r->zones[h.zone].zone, prefix, take_index, &h);
	}
	take_headers(&h);
	if (h.count > 0)
		qsort(h.rows, h.count, sizeof *h.rows, compare_rows);
	for (size_t i = 0; i < h.count; i++) {
		if (kept > 0 && compare_rows(&h.rows[kept - 1], &h.rows[i]) == 0)
			h.rows[kept - 1].zones |= h.rows[i].zones;
		else
			h.rows[kept++] = h.rows[i];
	}
	*rows = h.rows;
	*count = kept;
	return code;
}

/* The number of its own index that the header with this hash names. */
static uint64_t named_index(const struct repo *r, const struct history_row *header)
{
	for (size_t i = 0; i < r->snapshot_count; i++) {
		const struct snapshot *s = &r->snapshots[i];

		if (memcmp(s->hash, header->hash, DIGEST_SIZE) != 0)
			continue;
		for (uint32_t h = 0; h < s->header.head_count; h++) {
			if (memcmp(s->header.heads[h].signer, header->signer->key.id, KEY_ID_SIZE) == 0)
				return s->header.heads[h].seq;
		}
	}
	return 0;
}

static const struct history_row *next_of(const struct history_row *rows, size_t count, const struct history_row *like,
					 uint64_t seq)
{
	const struct history_row *next = NULL;

	for (size_t i = 0; i < count; i++) {
		if (rows[i].what == like->what && rows[i].signer == like->signer && rows[i].seq > seq &&
		    (next == NULL || rows[i].seq < next->seq))
			next = &rows[i];
	}
	return next;
}

/* Numbers up to `needed` belong to what was chosen already. */
static const struct history_row *last_of(const struct history_row *rows, size_t count, const struct history_row *like,
					 uint64_t needed)
{
	const struct history_row *last = NULL, *next;

	while ((next = next_of(rows, count, like, last == NULL ? 0 : last->seq)) != NULL) {
		if (next->seq > needed && (next->at > like->at || (last != NULL && next->at < last->at)))
			break;
		last = next;
	}
	return last;
}

bool history_last(const struct repo *r, const struct history_row *rows, size_t count, const struct signer *signer,
		  int64_t until, struct revocation *out)
{
	struct history_row like = { .what = HISTORY_HEADER, .signer = signer, .at = until };
	const struct history_row *header = last_of(rows, count, &like, 0), *index;

	like.what = HISTORY_INDEX;
	index = last_of(rows, count, &like, header == NULL ? 0 : named_index(r, header));
	*out = (struct revocation){ .dataset = NULL };
	if (header != NULL)
		memcpy(out->header, header->hash, DIGEST_SIZE);
	if (index != NULL)
		memcpy(out->index, index->hash, DIGEST_SIZE);
	like.what = HISTORY_HEADER;
	if (header != NULL || index != NULL || next_of(rows, count, &like, 0) != NULL)
		return true;
	like.what = HISTORY_INDEX;
	return next_of(rows, count, &like, 0) != NULL;
}
