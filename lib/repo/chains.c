/*
 * Index chains into the catalogue. Every signer has one chain of indexes, each naming the hash of the one before. What
 * the catalogue has taken in already is not read again. An index is remembered only when all its packs could be taken
 * in, or were withdrawn later: a zone that was away may still bring them.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hex.h"
#include "crypto/digest.h"
#include "repo/commit.h"
#include "repo/doubt.h"
#include "repo/examine.h"
#include "repo/load.h"
#include "repo/locate.h"
#include "repo/revoked.h"

struct opened {
	struct index index;
	uint8_t hash[DIGEST_SIZE], signer[KEY_ID_SIZE];
	bool of_agent;
};

struct loading {
	struct repo *r;
	const struct listing *listings;
	struct opened *opened;
	size_t opened_count;
	uint8_t (*withdrawn)[DIGEST_SIZE]; /* by the indexes opened now, sorted */
	size_t withdrawn_count;
};

static void place_of_index(const uint8_t signer[KEY_ID_SIZE], uint64_t seq, const uint8_t hash[DIGEST_SIZE],
			   uint8_t out[DIGEST_SIZE])
{
	uint8_t place[KEY_ID_SIZE + 8 + DIGEST_SIZE];

	memcpy(place, signer, KEY_ID_SIZE);
	for (size_t i = 0; i < 8; i++)
		place[KEY_ID_SIZE + i] = (uint8_t)(seq >> (56 - 8 * i));
	memcpy(place + KEY_ID_SIZE + 8, hash, DIGEST_SIZE);
	sha256(place, sizeof place, out);
}

int load_note_index(struct repo *r, const uint8_t signer[KEY_ID_SIZE], uint64_t seq, const uint8_t hash[DIGEST_SIZE])
{
	uint8_t place[DIGEST_SIZE];

	place_of_index(signer, seq, hash, place);
	return catalog_note_object(r->catalog, place, seq);
}

int load_knows_index(struct repo *r, const struct index_object *o, bool *known)
{
	uint8_t place[DIGEST_SIZE];

	place_of_index(o->signer, o->seq, o->hash, place);
	return catalog_knows_object(r->catalog, place, known);
}

static int compare_index(const void *a, const void *b)
{
	const struct index_object *x = a, *y = b;
	int order = memcmp(x->signer, y->signer, KEY_ID_SIZE);

	if (order != 0)
		return order;
	if (x->seq != y->seq)
		return x->seq < y->seq ? -1 : 1;
	return memcmp(x->hash, y->hash, DIGEST_SIZE);
}

static void merge_listings(struct repo *r, const struct listing listings[REPO_ZONES_MAX])
{
	size_t total = 0, kept = 0;

	for (unsigned i = 0; i < r->zone_count; i++)
		total += listings[i].index_count;
	r->indexes = xcalloc(total + 1, sizeof *r->indexes);
	for (unsigned i = 0; i < r->zone_count; i++) {
		for (size_t k = 0; k < listings[i].index_count; k++) {
			struct index_object *o = &r->indexes[r->index_count++];

			memcpy(o->signer, listings[i].indexes[k].signer, KEY_ID_SIZE);
			memcpy(o->hash, listings[i].indexes[k].hash, DIGEST_SIZE);
			o->seq = listings[i].indexes[k].seq;
			o->zones = ZONE_BIT(i);
		}
	}
	qsort(r->indexes, r->index_count, sizeof *r->indexes, compare_index);
	for (size_t i = 0; i < r->index_count; i++) {
		if (kept > 0 && compare_index(&r->indexes[kept - 1], &r->indexes[i]) == 0)
			r->indexes[kept - 1].zones |= r->indexes[i].zones;
		else
			r->indexes[kept++] = r->indexes[i];
	}
	r->index_count = kept;
}

/* Becomes the owner of the index. A signer who is no agent adds nothing. */
static void take_opened(struct loading *l, const struct index_object *o, struct index *index, const char *zone,
			const char *name)
{
	const struct signer *owner = trust_find(l->r->trust, o->signer);

	l->opened = xrealloc(l->opened, l->opened_count + 1, sizeof *l->opened);
	struct opened *new = &l->opened[l->opened_count++];
	new->index = *index;
	memcpy(new->hash, o->hash, DIGEST_SIZE);
	memcpy(new->signer, o->signer, KEY_ID_SIZE);
	new->of_agent = (owner->roles & (1u << ROLE_AGENT)) != 0;
	if (!new->of_agent &&new->index.added_count > 0) {
		findings_add(l->r->findings, FINDING_FORGED, zone, name,
			     "'%s' may withdraw packs, not add them: what it adds is ignored", owner->name);
		new->index.added_count = 0;
	}
}

/*
 * Opens one index object from whichever zone gives it whole. ERR_MISSING when none does: then it is in doubt
 * (repo/doubt.h).
 */
static int open_index(struct loading *l, struct index_object *o)
{
	struct repo *r = l->r;
	struct index index = { 0 };
	struct doubt doubt = { .row = (size_t)(o - r->indexes) };
	char name[OBJECT_NAME_MAX];
	unsigned good = r->zone_count;

	name_index(r->dataset, o->signer, o->seq, o->hash, name);
	for (unsigned i = 0; i < r->zone_count && good == r->zone_count; i++) {
		_buf_ struct buf object = { 0 };
		uint8_t hash[DIGEST_SIZE];

		if ((o->zones & ZONE_BIT(i)) == 0)
			continue;
		int code = examine_index(r, i, o, &object, &index);
		if (code == 0) {
			good = i;
			continue;
		}
		if (!load_passes_over(r, i, name, code) && code != ERR_MISSING && code != ERR_INTEGRITY &&
		    code != ERR_FORMAT) {
			doubt_release(&doubt);
			return code;
		}
		sha256(object.data, object.len, hash);
		doubt.forged = doubt.forged || memcmp(hash, o->hash, DIGEST_SIZE) == 0;
		doubt.why[i] = xstrdup(err_message());
	}
	if (good == r->zone_count) {
		o->in_doubt = true;
		r->doubts = xrealloc(r->doubts, r->doubt_count + 1, sizeof *r->doubts);
		r->doubts[r->doubt_count++] = doubt;
		return failed(ERR_MISSING, "index %s is nowhere whole", name);
	}
	for (unsigned i = 0; i < good; i++) {
		if (doubt.why[i] != NULL)
			findings_add(r->findings, FINDING_DAMAGED, r->zones[i].name, name, "%s", doubt.why[i]);
	}
	doubt_release(&doubt);
	take_opened(l, o, &index, r->zones[good].name, name);
	return 0;
}

/*
 * Where to start: at an agent's newest index whose number makes it a checkpoint. What is older, and whatever has become
 * of it, no longer matters; it is deleted after the grace.
 */
static size_t newest_checkpoint(const struct repo *r, const struct signer *owner, size_t first, size_t end)
{
	if ((owner->roles & 1u << ROLE_AGENT) == 0)
		return first;
	for (size_t k = end; k > first; k--) {
		if (r->indexes[k - 1].seq % CHECKPOINT_EVERY == 0)
			return k - 1;
	}
	return first;
}

/*
 * Follows one signer's objects from `start` on. With `or_missing`, ERR_MISSING when the first of them is no checkpoint,
 * or nowhere whole.
 */
static int follow_from(struct loading *l, struct chain *chain, const struct signer *owner, size_t start, size_t end,
		       bool or_missing)
{
	struct repo *r = l->r;

	for (size_t k = start; k < end; k++) {
		struct index_object *o = &r->indexes[k];
		bool known;
		int code = load_knows_index(r, o, &known);

		if (code == 0 && !known) {
			code = o->in_doubt ? ERR_MISSING : open_index(l, o);
			if (code == ERR_MISSING && !(k == start && or_missing))
				continue;
		}
		if (code != 0)
			return code;
		if (!known) {
			const struct index *index = &l->opened[l->opened_count - 1].index;
			if (k == start && or_missing && !index->checkpoint)
				return ERR_MISSING;
			bool follows = o->seq == chain->seq + 1 &&
				       memcmp(index->previous, chain->hash, DIGEST_SIZE) == 0;

			if (!follows && !index->checkpoint) {
				findings_add(r->findings, FINDING_MISSING, NULL, NULL,
					     "the index chain of '%s' has a gap before number %" PRIu64
					     ": an index is missing in every zone, or the chain was forked",
					     owner->name, o->seq);
				r->chain_broken = true;
			}
		}
		for (unsigned i = 0; i < r->zone_count; i++) {
			if ((o->zones & ZONE_BIT(i)) != 0)
				chain->zone_seq[i] = o->seq;
		}
		chain->seq = o->seq;
		memcpy(chain->hash, o->hash, DIGEST_SIZE);
	}
	return 0;
}

/* One signer's objects, ascending by seq: r->indexes[first..end). */
static int follow_chain(struct loading *l, size_t first, size_t end)
{
	struct repo *r = l->r;
	const struct index_object *objects = r->indexes;
	const struct signer *owner = trust_find(r->trust, objects[first].signer);
	char hex[KEY_ID_HEX];

	hex_encode(objects[first].signer, KEY_ID_SIZE, hex);
	if (owner == NULL || (owner->roles & (1u << ROLE_AGENT | 1u << ROLE_PRUNER)) == 0) {
		for (unsigned i = 0; i < r->zone_count; i++) {
			for (size_t k = first; k < end; k++) {
				if ((objects[k].zones & ZONE_BIT(i)) == 0)
					continue;
				findings_add(
					r->findings, FINDING_FORGED, r->zones[i].name, NULL,
					"indexes of key %s, which no configured agent or pruner has, are ignored: a "
					"host of yours is to be listed under `signers`",
					hex);
				break;
			}
		}
		return 0;
	}

	r->chains = xrealloc(r->chains, r->chain_count + 1, sizeof *r->chains);
	struct chain *chain = &r->chains[r->chain_count++];
	*chain = (struct chain){ 0 };
	memcpy(chain->signer, objects[first].signer, KEY_ID_SIZE);

	/*
	 * From a checkpoint that is nowhere whole, or none, back to the one before: the older indexes tell the same,
	 * while they are there.
	 */
	size_t start = end;
	int code = ERR_MISSING;
	while (code == ERR_MISSING) {
		start = newest_checkpoint(r, owner, first, start);
		code = follow_from(l, chain, owner, start, end, start != first);
	}
	/* How far a lagging zone is, that has nothing from the checkpoint on. */
	for (size_t k = first; k < start; k++) {
		for (unsigned i = 0; i < r->zone_count; i++) {
			if ((objects[k].zones & ZONE_BIT(i)) != 0 && chain->zone_seq[i] < objects[k].seq)
				chain->zone_seq[i] = objects[k].seq;
		}
	}
	return code;
}

/* By the name, which comes first in a row. */
static int compare_digest(const void *a, const void *b)
{
	return memcmp(a, b, DIGEST_SIZE);
}

static void collect_withdrawn(struct loading *l)
{
	size_t total = 0;

	for (size_t i = 0; i < l->opened_count; i++)
		total += l->opened[i].index.withdrawn_count;
	l->withdrawn = xcalloc(total + 1, DIGEST_SIZE);
	for (size_t i = 0; i < l->opened_count; i++) {
		const struct index *index = &l->opened[i].index;

		if (index->withdrawn_count > 0)
			memcpy(l->withdrawn[l->withdrawn_count], index->withdrawn,
			       (size_t)index->withdrawn_count * DIGEST_SIZE);
		l->withdrawn_count += index->withdrawn_count;
	}
	qsort(l->withdrawn, l->withdrawn_count, DIGEST_SIZE, compare_digest);
}

static bool is_withdrawn(const struct loading *l, const uint8_t name[DIGEST_SIZE])
{
	return bsearch(name, l->withdrawn, l->withdrawn_count, DIGEST_SIZE, compare_digest) != NULL;
}

static unsigned zones_listing(const struct loading *l, const struct index_pack *pack)
{
	unsigned zones = 0;

	for (unsigned i = 0; i < l->r->zone_count; i++) {
		const struct listed_pack *row = listing_find_pack(&l->listings[i], pack->name);

		zones |= row != NULL && row->size == pack->size ? ZONE_BIT(i) : 0;
	}
	return zones;
}

static void add_unplaced(struct repo *r, const struct index_pack *pack)
{
	/* Grows by doubling: capacities are powers of two. */
	if ((r->unplaced_count & (r->unplaced_count - 1)) == 0)
		r->unplaced = xrealloc(r->unplaced, r->unplaced_count == 0 ? 1 : 2 * r->unplaced_count,
				       sizeof *r->unplaced);
	r->unplaced[r->unplaced_count++] = *pack;
}

/* Several indexes may name the same one: checkpoints repeat what those before them said. */
static void sort_unplaced(struct repo *r)
{
	size_t kept = 0;

	if (r->unplaced_count > 0)
		qsort(r->unplaced, r->unplaced_count, sizeof *r->unplaced, compare_digest);
	for (size_t i = 0; i < r->unplaced_count; i++) {
		if (kept == 0 || compare_digest(&r->unplaced[kept - 1], &r->unplaced[i]) != 0)
			r->unplaced[kept++] = r->unplaced[i];
	}
	r->unplaced_count = kept;
}

/* Takes one pack in. *whole false: it could not be, and may be later. */
static int add_pack(struct loading *l, const struct index_pack *pack, bool *whole)
{
	struct repo *r = l->r;
	uint32_t number;
	enum pack_origin origin = PACK_INDEXED;
	struct index_pack old;
	int code = catalog_find_pack(r->catalog, pack->name, &number);

	if (code == 0) {
		code = catalog_pack(r->catalog, number, &old, &origin);
		return code != 0 || origin != PACK_MADE ? code : catalog_set_origin(r->catalog, number, PACK_INDEXED);
	}
	if (code != ERR_MISSING)
		return code;

	unsigned zones = zones_listing(l, pack);

	if (zones != 0 && r->unread != NULL) {
		code = catalog_add_pack(r->catalog, pack, NULL, PACK_INDEXED, &number);
		if (code == 0)
			locate_later(r, number, pack->kind);
		return code;
	}
	_pack_footer_ struct pack_footer footer = { 0 };
	if (zones == 0 || repo_load_footer(r, pack, zones, &footer) != 0) {
		if (is_withdrawn(l, pack->name))
			return 0;
		*whole = false;
		add_unplaced(r, pack);
		return 0;
	}
	return catalog_add_pack(r->catalog, pack, &footer, PACK_INDEXED, &number);
}

static int retire(struct loading *l)
{
	struct repo *r = l->r;

	for (size_t i = 0; i < l->withdrawn_count; i++) {
		uint32_t number;
		int code = catalog_find_pack(r->catalog, l->withdrawn[i], &number);

		if (code == 0)
			code = catalog_set_origin(r->catalog, number, PACK_RETIRED);
		if (code != 0 && code != ERR_MISSING)
			return code;
	}
	return 0;
}

/* Indexes name the heads of other chains. */
static void note_heads(struct loading *l)
{
	for (size_t i = 0; i < l->opened_count; i++) {
		const struct index *index = &l->opened[i].index;

		for (uint32_t h = 0; h < index->head_count; h++)
			chain_note(l->r, index->heads[h].signer, index->heads[h].seq);
	}
}

static int take_in(struct loading *l)
{
	int code = 0;

	note_heads(l);
	collect_withdrawn(l);
	for (size_t i = 0; i < l->opened_count && code == 0; i++) {
		const struct opened *o = &l->opened[i];
		bool whole = true;

		for (uint32_t k = 0; k < o->index.added_count && code == 0; k++)
			code = add_pack(l, &o->index.added[k], &whole);
		if (code == 0 && whole)
			code = load_note_index(l->r, o->signer, o->index.seq, o->hash);
	}
	sort_unplaced(l->r);
	return code == 0 ? retire(l) : code;
}

/* What the newest of the checkpoints opened now calls live. */
static void keep_checkpoint(struct loading *l)
{
	struct opened *newest = NULL;

	for (size_t i = 0; i < l->opened_count; i++) {
		struct opened *o = &l->opened[i];

		if (o->of_agent && o->index.checkpoint && (newest == NULL || o->index.made_at >= newest->index.made_at))
			newest = o;
	}
	if (newest == NULL)
		return;
	l->r->checkpoint_headers = newest->index.headers;
	l->r->checkpoint_header_count = newest->index.header_count;
	newest->index.headers = NULL;
	newest->index.header_count = 0;
}

int load_chains(struct repo *r, const struct listing listings[REPO_ZONES_MAX])
{
	struct loading l = { .r = r, .listings = listings };
	int code = 0;

	merge_listings(r, listings);
	code = revoked_indexes(r);
	for (size_t first = 0, end; first < r->index_count && code == 0; first = end) {
		for (end = first + 1; end < r->index_count; end++) {
			if (memcmp(r->indexes[end].signer, r->indexes[first].signer, KEY_ID_SIZE) != 0)
				break;
		}
		code = follow_chain(&l, first, end);
	}
	if (code == 0)
		code = take_in(&l);
	keep_checkpoint(&l);
	for (size_t i = 0; i < l.opened_count; i++)
		index_release(&l.opened[i].index);
	free(l.opened);
	free(l.withdrawn);
	return code;
}
