#include "repo/locate.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

struct numbers {
	uint32_t *items; /* ascending: the newest is last */
	size_t count;
};

struct unread {
	pthread_mutex_t lock; /* held while footers are read: one thread at a time adds to the catalogue */
	struct numbers kinds[KIND_NODE + 1];
};

struct unread *unread_new(void)
{
	struct unread *u = xcalloc(1, sizeof *u);

	must(pthread_mutex_init(&u->lock, NULL) == 0);
	return u;
}

void unread_free(struct unread *u)
{
	if (u == NULL)
		return;
	for (size_t i = 0; i < sizeof u->kinds / sizeof u->kinds[0]; i++)
		free(u->kinds[i].items);
	pthread_mutex_destroy(&u->lock);
	free(u);
}

void locate_later(struct repo *r, uint32_t number, enum kind kind)
{
	struct numbers *n = &r->unread->kinds[kind];

	/* Grows by doubling: capacities are powers of two. */
	if ((n->count & (n->count - 1)) == 0)
		n->items = xrealloc(n->items, n->count == 0 ? 1 : 2 * n->count, sizeof *n->items);
	n->items[n->count++] = number;
}

static bool has(const struct pack_footer *footer, const uint8_t id[ID_SIZE])
{
	for (uint32_t i = 0; i < footer->blob_count; i++) {
		if (memcmp(footer->blobs[i].info.id, id, ID_SIZE) == 0)
			return true;
	}
	return false;
}

/*
 * One that no zone has whole is told, and passed over: what is in it is nowhere. ERR_UNAVAILABLE: a zone that may have it
 * does not answer.
 */
static int read_one(struct repo *r, uint32_t number, const uint8_t *id, bool *found)
{
	_pack_footer_ struct pack_footer footer = { 0 };
	struct index_pack pack;
	enum pack_origin origin;
	int code = catalog_pack(r->catalog, number, &pack, &origin);

	if (code != 0)
		return code;
	code = repo_load_footer(r, &pack, repo_pack_bits(r, number) & PACK_IN_ANY, &footer);
	if (code == ERR_UNAVAILABLE || code == ERR_INTERRUPTED)
		return code;
	if (code != 0) {
		char name[OBJECT_NAME_MAX];

		findings_add(r->findings, code == ERR_MISSING ? FINDING_MISSING : FINDING_DAMAGED, NULL,
			     name_pack(r->dataset, pack.name, name), "its footer cannot be read: %s", err_message());
		return 0;
	}
	*found = id != NULL && has(&footer, id);
	return catalog_add_blobs(r->catalog, number, &footer);
}

/* Until a chunk is found; id NULL: all. */
static int read_footers(struct repo *r, enum kind kind, const uint8_t *id)
{
	struct numbers *n = &r->unread->kinds[kind];
	bool found = false;
	int code = 0;

	while (code == 0 && !found && n->count > 0) {
		code = read_one(r, n->items[n->count - 1], id, &found);
		/* Not asked again, unless it may be there another time. */
		n->count -= code != ERR_UNAVAILABLE && code != ERR_INTERRUPTED;
	}
	return code;
}

int locate_chunk(struct repo *r, enum kind kind, const uint8_t id[ID_SIZE],
		 struct chunk_place places[CATALOG_PLACES_MAX], size_t *count)
{
	int code = catalog_locate(r->catalog, id, places, count);

	if (code != 0 || *count > 0 || r->unread == NULL)
		return code;
	pthread_mutex_lock(&r->unread->lock);
	/* Another thread may have found it meanwhile. */
	code = catalog_locate(r->catalog, id, places, count);
	if (code == 0 && *count == 0)
		code = read_footers(r, kind, id);
	if (code == 0)
		code = catalog_locate(r->catalog, id, places, count);
	pthread_mutex_unlock(&r->unread->lock);
	return code;
}

int locate_rest(struct repo *r, enum kind kind, bool *more)
{
	int code = 0;

	*more = false;
	if (r->unread == NULL)
		return 0;
	pthread_mutex_lock(&r->unread->lock);
	*more = r->unread->kinds[kind].count > 0;
	if (*more)
		code = read_footers(r, kind, NULL);
	pthread_mutex_unlock(&r->unread->lock);
	return code;
}
