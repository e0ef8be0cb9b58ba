#include "repo/doubt.h"

#include <stdlib.h>
#include <string.h>

#include "repo/commit.h"

void doubt_release(struct doubt *d)
{
	for (unsigned i = 0; i < REPO_ZONES_MAX; i++)
		free(d->why[i]);
	*d = (struct doubt){ 0 };
}

/* Whether a writer to one zone alone can have put it where it lies. */
static bool in_one_of_two(const struct repo *r, unsigned zones)
{
	return r->complete && r->zone_count > 1 && (zones & (zones - 1)) == 0;
}

/* ---- indexes ---- */

static bool same_number(const struct index_object *a, const struct index_object *b)
{
	return a->seq == b->seq && memcmp(a->signer, b->signer, KEY_ID_SIZE) == 0;
}

/* Rows of one number stand beside each other. */
static bool has_valid_one(const struct repo *r, size_t row)
{
	const struct index_object *rows = r->indexes;
	size_t first = row;

	while (first > 0 && same_number(&rows[first - 1], &rows[row]))
		first--;
	for (size_t i = first; i < r->index_count && same_number(&rows[i], &rows[row]); i++) {
		if (!rows[i].in_doubt)
			return true;
	}
	return false;
}

/* Everything that valid objects and this catalogue know of a chain. */
static int note_all(struct repo *r)
{
	int code = 0;

	for (size_t i = 0; i < r->snapshot_count; i++) {
		const struct header *header = &r->snapshots[i].header;

		for (uint32_t h = 0; h < header->head_count; h++)
			chain_note(r, header->heads[h].signer, header->heads[h].seq);
	}
	for (size_t i = 0; i < r->chain_count && code == 0; i++) {
		uint64_t written;

		code = commit_newest(r, r->chains[i].signer, &written);
		if (code != 0)
			break;
		chain_note(r, r->chains[i].signer, written);
		chain_note(r, r->chains[i].signer, r->chains[i].seq);
	}
	return code;
}

static uint64_t named_number(const struct repo *r, const uint8_t signer[KEY_ID_SIZE])
{
	for (size_t i = 0; i < r->chain_count; i++) {
		if (memcmp(r->chains[i].signer, signer, KEY_ID_SIZE) == 0)
			return r->chains[i].named;
	}
	return 0;
}

static bool index_may_be_real(const struct repo *r, const struct doubt *d)
{
	const struct index_object *o = &r->indexes[d->row];

	if (d->forged || has_valid_one(r, d->row))
		return false;
	return !in_one_of_two(r, o->zones) || o->seq <= named_number(r, o->signer);
}

static void tell_index(struct repo *r, const struct doubt *d, bool real)
{
	const struct index_object *o = &r->indexes[d->row];
	char name[OBJECT_NAME_MAX];

	name_index(r->dataset, o->signer, o->seq, o->hash, name);
	for (unsigned i = 0; i < r->zone_count; i++) {
		if (d->why[i] != NULL)
			findings_add(r->findings, real ? FINDING_DAMAGED : FINDING_FORGED, r->zones[i].name, name,
				     "%s%s", real ? "" : "ignored: ", d->why[i]);
	}
}

static void settle_indexes(struct repo *r)
{
	size_t kept = 0;

	for (size_t i = 0; i < r->doubt_count; i++) {
		bool real = index_may_be_real(r, &r->doubts[i]);

		tell_index(r, &r->doubts[i], real);
		r->chain_broken = r->chain_broken || real;
		r->doubts[i].real = real;
	}
	for (size_t i = 0; i < r->doubt_count; i++)
		r->indexes[r->doubts[i].row].in_doubt = !r->doubts[i].real;
	for (size_t i = 0; i < r->index_count; i++) {
		if (!r->indexes[i].in_doubt)
			r->indexes[kept++] = r->indexes[i];
	}
	r->index_count = kept;
}

/* ---- headers ---- */

/* A snapshot whose seal lies where its header does not. */
static bool has_seal_elsewhere(const struct repo *r, const struct listing listings[REPO_ZONES_MAX], unsigned zone,
			       const uint8_t id[SNAPSHOT_ID_SIZE])
{
	for (unsigned i = 0; i < r->zone_count; i++) {
		for (size_t k = 0; i != zone && k < listings[i].seal_count; k++) {
			if (memcmp(listings[i].seals[k].snapshot, id, SNAPSHOT_ID_SIZE) == 0)
				return true;
		}
	}
	return false;
}

static bool is_listed(const struct listing *l, const struct listed_header *row)
{
	for (size_t k = 0; k < l->header_count; k++) {
		if (l->headers[k].taken_at == row->taken_at && memcmp(l->headers[k].id, row->id, SNAPSHOT_ID_SIZE) == 0)
			return true;
	}
	return false;
}

/* Whether some agent has written an index that no header names. */
static bool has_unnamed_index(const struct repo *r)
{
	for (size_t c = 0; c < r->chain_count; c++) {
		const struct signer *owner = trust_find(r->trust, r->chains[c].signer);
		uint64_t named = 0;

		for (size_t i = 0; i < r->snapshot_count; i++) {
			const struct header *header = &r->snapshots[i].header;

			for (uint32_t h = 0; h < header->head_count; h++) {
				if (memcmp(header->heads[h].signer, r->chains[c].signer, KEY_ID_SIZE) == 0 &&
				    header->heads[h].seq > named)
					named = header->heads[h].seq;
			}
		}
		if (owner != NULL && (owner->roles & 1u << ROLE_AGENT) != 0 && r->chains[c].seq > named)
			return true;
	}
	return false;
}

/* Of the chain of headers, by number; NULL: there is none. */
static const struct snapshot *find_newest(const struct repo *r)
{
	const struct snapshot *newest = NULL;

	for (size_t i = 0; i < r->snapshot_count; i++) {
		const struct snapshot *s = &r->snapshots[i];

		if (!s->quarantined && (newest == NULL || s->header.seq > newest->header.seq))
			newest = s;
	}
	return newest;
}

/*
 * Whether a snapshot of the newest number, or one behind it, may be missing: then any header that does not open may be
 * that.
 */
static int may_lack_newest(struct repo *r, const struct snapshot *newest, bool *lacks)
{
	uint64_t written = 0;
	int code = 0;

	*lacks = r->headers_only || newest == NULL;
	if (!*lacks)
		code = commit_newest(r, NULL, &written);
	if (code == 0 && !*lacks)
		*lacks = r->header_seen > newest->header.seq || written > newest->header.seq || has_unnamed_index(r);
	return code;
}

static int settle_headers(struct repo *r, const struct listing listings[REPO_ZONES_MAX])
{
	bool lacks;
	int code = may_lack_newest(r, find_newest(r), &lacks);

	for (unsigned i = 0; i < r->zone_count && code == 0; i++) {
		for (size_t k = 0; k < listings[i].header_count && !r->chain_broken; k++) {
			const struct listed_header *row = &listings[i].headers[k];
			const struct snapshot *s = repo_find(r, row->id);
			unsigned zones = ZONE_BIT(i);

			if (row->disowned || (s != NULL && (s->zones != 0 || s->intents != 0)))
				continue;
			for (unsigned other = 0; other < r->zone_count; other++)
				zones |= other != i && is_listed(&listings[other], row) ? ZONE_BIT(other) : 0;
			r->chain_broken = lacks || s != NULL || !in_one_of_two(r, zones) ||
					  has_seal_elsewhere(r, listings, i, row->id);
		}
	}
	return code;
}

int doubt_settle(struct repo *r, const struct listing listings[REPO_ZONES_MAX])
{
	int code = note_all(r);

	if (code != 0)
		return code;
	settle_indexes(r);
	return settle_headers(r, listings);
}
