#include "repo/revoked.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hex.h"
#include "crypto/digest.h"
#include "repo/examine.h"

static bool is_none(const uint8_t hash[DIGEST_SIZE])
{
	static const uint8_t none[DIGEST_SIZE] = { 0 };

	return memcmp(hash, none, DIGEST_SIZE) == 0;
}

static int compare_hash(const void *a, const void *b)
{
	return memcmp(a, b, DIGEST_SIZE);
}

static bool contains(uint8_t (*list)[DIGEST_SIZE], size_t count, const uint8_t hash[DIGEST_SIZE])
{
	return count > 0 && bsearch(hash, list, count, DIGEST_SIZE, compare_hash) != NULL;
}

static void add_hash(uint8_t (**list)[DIGEST_SIZE], size_t *count, const uint8_t hash[DIGEST_SIZE])
{
	/* Grows by doubling: capacities are powers of two. */
	if ((*count & (*count - 1)) == 0)
		*list = xrealloc(*list, *count == 0 ? 1 : 2 * *count, DIGEST_SIZE);
	memcpy((*list)[(*count)++], hash, DIGEST_SIZE);
}

void revoked_print(const struct signer *signer, const char *dataset, uint8_t out[DIGEST_SIZE])
{
	const struct revocation *after = signer_revocation(signer, dataset);
	uint8_t both[2 * DIGEST_SIZE];

	if (after != NULL) {
		memcpy(both, after->header, DIGEST_SIZE);
		memcpy(both + DIGEST_SIZE, after->index, DIGEST_SIZE);
	}
	sha256(both, after == NULL ? 0 : sizeof both, out);
}

/* Collection must wait: what is missing, or was not said, decides what counts. With a zone away it waits anyway. */
static void wait_for(struct repo *r, const struct signer *signer, const struct revocation *after, const char *what,
		     const uint8_t hash[DIGEST_SIZE])
{
	char hex[2 * DIGEST_SIZE + 1];

	if (!r->complete)
		return;
	r->chain_broken = true;
	if (after == NULL)
		findings_add(
			r->findings, FINDING_MISSING, NULL, NULL,
			"the key of '%s' is revoked, and 'revoked_after' says nothing about dataset %s, in which it "
			"signed: nothing of it counts, and no space is freed until something is said (none, if "
			"nothing shall count)",
			signer->name, r->dataset);
	else
		findings_add(
			r->findings, FINDING_MISSING, NULL, NULL,
			"the %s %s, up to which the revoked key of '%s' counts in dataset %s, is whole in no zone: "
			"nothing of that key counts, and no space is freed; is it the right hash?",
			what, hex_encode(hash, DIGEST_SIZE, hex), signer->name, r->dataset);
}

/* ---- headers ---- */

struct link { /* a validly signed header, wherever it stands */
	uint8_t hash[DIGEST_SIZE], previous[DIGEST_SIZE];
	const struct signer *signer;
	uint64_t seq;
	int64_t taken_at, expiry;
};

struct survey {
	struct repo *r;
	struct link *links; /* ascending by hash, once they are all there */
	size_t count;
};

static void note_link(struct survey *v, const void *object, size_t len)
{
	struct signed_view view;
	const struct signer *signer;
	struct snapshot s = { .zones = 0 };

	if (trust_open(v->r->trust, SIGNED_HEADER, object, len, "header", &view, &signer) != 0 ||
	    header_decode(view.body, view.body_len, &s.header) != 0 || strcmp(s.header.dataset, v->r->dataset) != 0)
		return;
	if ((v->count & (v->count - 1)) == 0)
		v->links = xrealloc(v->links, v->count == 0 ? 1 : 2 * v->count, sizeof *v->links);
	struct link *link = &v->links[v->count++];
	*link = (struct link){
		.signer = signer, .seq = s.header.seq, .taken_at = s.header.taken_at, .expiry = repo_expiry(v->r, &s)
	};
	sha256(object, len, link->hash);
	memcpy(link->previous, s.header.previous, DIGEST_SIZE);
}

/* What does not open, or cannot be read, is told when it is taken in; here it only leads nowhere. */
static void survey_header(struct survey *v, unsigned zone, const struct listed_header *row)
{
	char name[OBJECT_NAME_MAX];
	_buf_ struct buf object = { 0 };

	buf_init(&object, HEADER_MAX, "header");
	int code = zone_get(v->r->zones[zone].zone, name_header(v->r->dataset, row->taken_at, row->id, name), &object);
	if (code == 0)
		note_link(v, object.data, object.len);
	else if (code == ERR_UNAVAILABLE || code == ERR_SYSTEM)
		v->r->complete = false;
}

static void survey_intent(struct survey *v, unsigned zone, const uint8_t id[SNAPSHOT_ID_SIZE])
{
	char name[OBJECT_NAME_MAX];
	_buf_ struct buf object = { 0 };
	struct signed_view view;
	const struct signer *signer;
	struct intent intent;

	buf_init(&object, INTENT_MAX, "intent");
	int code = load_signed(v->r, zone, SIGNED_INTENT, name_intent(v->r->dataset, id, name), &object, &view,
			       &signer);
	if (code == 0 && intent_decode(view.body, view.body_len, &intent) == 0)
		note_link(v, intent.header, intent.header_len);
	else if (code == ERR_UNAVAILABLE || code == ERR_SYSTEM)
		v->r->complete = false;
}

/* What both zones lost must not cut the chain for what is left. */
static void survey_remembered(struct survey *v)
{
	for (size_t i = 0; i < v->r->remembered.count; i++) {
		const struct remembered *row = &v->r->remembered.rows[i];
		_buf_ struct buf object = { 0 };

		buf_init(&object, HEADER_MAX, "header");
		if (row->kind == REMEMBERED_HEADER && remembered_header(v->r->memory, row->snapshot, &object) == 0)
			note_link(v, object.data, object.len);
	}
}

static void survey(struct survey *v, const struct listing listings[REPO_ZONES_MAX])
{
	for (unsigned i = 0; i < v->r->zone_count; i++) {
		for (size_t k = 0; v->r->zones[i].up && k < listings[i].header_count; k++)
			survey_header(v, i, &listings[i].headers[k]);
		for (size_t k = 0; v->r->zones[i].up && k < listings[i].intent_count; k++)
			survey_intent(v, i, listings[i].intents[k]);
	}
	survey_remembered(v);
	if (v->count > 0)
		qsort(v->links, v->count, sizeof *v->links, compare_hash);
}

static const struct link *find_link(const struct survey *v, const uint8_t hash[DIGEST_SIZE])
{
	return v->count == 0 ? NULL : bsearch(hash, v->links, v->count, sizeof *v->links, compare_hash);
}

/* Those of the key itself: what others signed needs no leave. */
static void follow(struct survey *v, const struct signer *signer, const uint8_t from[DIGEST_SIZE])
{
	for (const struct link *link = find_link(v, from); link != NULL; link = find_link(v, link->previous)) {
		if (link->signer == signer)
			add_hash(&v->r->ancestry, &v->r->ancestry_count, link->hash);
	}
}

static bool counts(const struct repo *r, const struct link *link)
{
	return !signer_revoked(link->signer) || contains(r->ancestry, r->ancestry_count, link->hash);
}

/* The first header of the chain, by number; NULL: none counts. */
static const struct link *first_that_counts(const struct survey *v)
{
	const struct link *first = NULL;

	for (size_t i = 0; i < v->count; i++) {
		const struct link *link = &v->links[i];

		if (counts(v->r, link) && (first == NULL || link->seq < first->seq))
			first = link;
	}
	return first;
}

/* The header up to which a key counts is nowhere: whether one that does not count now may be of its ancestry. */
static bool may_be_ancestor(const struct survey *v, const struct signer *signer)
{
	const struct link *first = first_that_counts(v);

	for (size_t i = 0; i < v->count; i++) {
		const struct link *link = &v->links[i];

		if (link->signer == signer && link->expiry > clock_now() &&
		    (first == NULL || (link->seq < first->seq && link->taken_at < first->taken_at)))
			return true;
	}
	return false;
}

static bool signed_any(const struct survey *v, const struct signer *signer)
{
	for (size_t i = 0; i < v->count; i++) {
		if (v->links[i].signer == signer)
			return true;
	}
	return false;
}

static void judge_headers(struct survey *v)
{
	struct repo *r = v->r;

	for (size_t i = 0; i < r->trust->count; i++) {
		const struct revocation *after = signer_revocation(&r->trust->signers[i], r->dataset);

		if (after != NULL)
			follow(v, &r->trust->signers[i], after->header);
	}
	if (r->ancestry_count > 0)
		qsort(r->ancestry, r->ancestry_count, DIGEST_SIZE, compare_hash);
	/* Ascending already. */
	for (size_t i = 0; i < v->count; i++) {
		if (!counts(r, &v->links[i]))
			add_hash(&r->disowned, &r->disowned_count, v->links[i].hash);
	}
	for (size_t i = 0; i < r->trust->count; i++) {
		const struct signer *signer = &r->trust->signers[i];
		const struct revocation *after = signer_revocation(signer, r->dataset);

		if (!signer_revoked(signer))
			continue;
		if (after == NULL ? signed_any(v, signer)
				  : !is_none(after->header) && find_link(v, after->header) == NULL &&
					    may_be_ancestor(v, signer))
			wait_for(r, signer, after, "header", after == NULL ? NULL : after->header);
	}
}

static bool any_agent_revoked(const struct repo *r)
{
	for (size_t i = 0; i < r->trust->count; i++) {
		const struct signer *signer = &r->trust->signers[i];

		if (signer_revoked(signer) && (signer->roles & 1u << ROLE_AGENT) != 0)
			return true;
	}
	return false;
}

void revoked_headers(struct repo *r, const struct listing listings[REPO_ZONES_MAX])
{
	struct survey v = { .r = r };

	if (any_agent_revoked(r)) {
		survey(&v, listings);
		judge_headers(&v);
		free(v.links);
	}
}

int revoked_check_header(const struct repo *r, const struct signer *signer, const void *object, size_t len)
{
	uint8_t hash[DIGEST_SIZE];

	if (!signer_revoked(signer))
		return 0;
	sha256(object, len, hash);
	return contains(r->ancestry, r->ancestry_count, hash)
		       ? 0
		       : failed(ERR_REFUSED,
				"header is signed by '%s', whose key is revoked, and does not lead to the header up to "
				"which that counts",
				signer->name);
}

bool revoked_disowned(const struct repo *r, const uint8_t hash[DIGEST_SIZE])
{
	return contains(r->disowned, r->disowned_count, hash);
}

/* ---- indexes ---- */

struct walk { /* down one chain: rows [first, end) of repo->indexes, ascending by number */
	struct repo *r;
	size_t first, end;
	bool *kept; /* by row, from `first` */
};

static int index_before(struct walk *w, size_t row, uint8_t previous[DIGEST_SIZE])
{
	const struct index_object *o = &w->r->indexes[row];
	char name[OBJECT_NAME_MAX];
	int code = ERR_MISSING;

	name_index(w->r->dataset, o->signer, o->seq, o->hash, name);
	for (unsigned i = 0; i < w->r->zone_count; i++) {
		_buf_ struct buf object = { 0 };
		struct index index = { 0 };

		if ((o->zones & ZONE_BIT(i)) == 0)
			continue;
		code = examine_index(w->r, i, o, &object, &index);
		if (code == 0)
			memcpy(previous, index.previous, DIGEST_SIZE);
		index_release(&index);
		if (code == 0)
			break;
		if (load_passes_over(w->r, i, name, code))
			code = ERR_MISSING;
	}
	return code == ERR_INTEGRITY || code == ERR_FORMAT ? ERR_MISSING : code;
}

/* The row of the number before that counts, or w->end. */
static int step_down(struct walk *w, size_t row, size_t *out)
{
	const struct index_object *rows = w->r->indexes;
	const uint64_t seq = rows[row].seq - 1;
	uint8_t previous[DIGEST_SIZE];
	size_t last = row; /* behind those of that number */

	*out = w->end;
	while (last > w->first && rows[last - 1].seq > seq)
		last--;
	for (size_t k = last; k > w->first && rows[k - 1].seq == seq; k--) {
		bool known;
		int code = load_knows_index(w->r, &rows[k - 1], &known);

		if (code != 0)
			return code;
		if (known) {
			*out = k - 1;
			return 0;
		}
	}
	if (last == w->first || rows[last - 1].seq != seq)
		return 0;
	int code = index_before(w, row, previous);
	for (size_t k = last; code == 0 && k > w->first && rows[k - 1].seq == seq; k--) {
		if (memcmp(rows[k - 1].hash, previous, DIGEST_SIZE) == 0)
			*out = k - 1;
	}
	return code == ERR_MISSING ? 0 : code;
}

/* The row to begin at, or w->end: a copy of it under another number is not it. */
static int find_top(struct walk *w, const uint8_t hash[DIGEST_SIZE], size_t *out)
{
	uint8_t previous[DIGEST_SIZE];

	for (*out = w->first; *out < w->end; ++*out) {
		const struct index_object *o = &w->r->indexes[*out];
		bool known;
		int code;

		if (memcmp(o->hash, hash, DIGEST_SIZE) != 0)
			continue;
		code = load_knows_index(w->r, o, &known);
		if (code == 0 && !known)
			code = index_before(w, *out, previous);
		if (code != ERR_MISSING)
			return code;
	}
	return 0;
}

static int walk_down(struct walk *w, const uint8_t from[DIGEST_SIZE], bool *found)
{
	size_t row;
	int code = find_top(w, from, &row);

	*found = code == 0 && row < w->end;
	while (row < w->end && code == 0) {
		w->kept[row - w->first] = true;
		code = step_down(w, row, &row);
	}
	return code;
}

static void tell_disowned(struct repo *r, const struct index_object *o, const struct signer *signer)
{
	char name[OBJECT_NAME_MAX];

	name_index(r->dataset, o->signer, o->seq, o->hash, name);
	for (unsigned i = 0; i < r->zone_count; i++) {
		if ((o->zones & ZONE_BIT(i)) != 0)
			findings_add(r->findings, FINDING_REVOKED, r->zones[i].name, name,
				     "ignored: index of '%s', whose key is revoked, and does not lead to the index up "
				     "to which that counts",
				     signer->name);
	}
}

/* Moves the rows of a chain that count to `to`; returns where the next go. */
static int judge_chain(struct repo *r, const struct signer *signer, size_t first, size_t end, size_t *to)
{
	const struct revocation *after = signer_revocation(signer, r->dataset);
	struct walk w = { .r = r, .first = first, .end = end, .kept = xcalloc(end - first, sizeof(bool)) };
	bool found = false;
	int code = 0;

	if (after != NULL && !is_none(after->index))
		code = walk_down(&w, after->index, &found);
	if (code == 0 && !found && (after == NULL || !is_none(after->index)))
		wait_for(r, signer, after, "index", after == NULL ? NULL : after->index);
	for (size_t i = first; i < end && code == 0; i++) {
		if (w.kept[i - first])
			r->indexes[(*to)++] = r->indexes[i];
		else
			tell_disowned(r, &r->indexes[i], signer);
	}
	free(w.kept);
	return code;
}

int revoked_indexes(struct repo *r)
{
	size_t to = 0;
	int code = 0;

	for (size_t first = 0, end; first < r->index_count && code == 0; first = end) {
		const struct signer *signer = trust_find(r->trust, r->indexes[first].signer);

		for (end = first; end < r->index_count; end++) {
			if (memcmp(r->indexes[end].signer, r->indexes[first].signer, KEY_ID_SIZE) != 0)
				break;
		}
		if (signer != NULL && signer_revoked(signer)) {
			code = judge_chain(r, signer, first, end, &to);
			continue;
		}
		while (first < end)
			r->indexes[to++] = r->indexes[first++];
	}
	r->index_count = code == 0 ? to : 0;
	return code;
}
