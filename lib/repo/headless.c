/*
 * Seals of which no header is known: no zone has one that opens, no intent embeds it, this host does not remember it.
 * Either a run was killed between seal and header, and then the host that ran knows it; or both zones lost the header
 * or damaged it, and then the seal is all that is left of a snapshot. In doubt it is kept, until the snapshot is past
 * its expiry under every reading.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hex.h"
#include "repo/certificate.h"
#include "repo/load.h"

static struct headless *find_or_add(struct repo *r, const uint8_t id[SNAPSHOT_ID_SIZE])
{
	for (size_t i = 0; i < r->headless_count; i++) {
		if (memcmp(r->headless[i].id, id, SNAPSHOT_ID_SIZE) == 0)
			return &r->headless[i];
	}
	/* Grows by doubling: capacities are powers of two. */
	if ((r->headless_count & (r->headless_count - 1)) == 0)
		r->headless = xrealloc(r->headless, r->headless_count == 0 ? 1 : 2 * r->headless_count,
				       sizeof *r->headless);
	struct headless *h = &r->headless[r->headless_count++];
	*h = (struct headless){ .taken_at = INT64_MIN, .due_at = INT64_MAX };
	memcpy(h->id, id, SNAPSHOT_ID_SIZE);
	return h;
}

/*
 * Whether a seal was signed by one who may, for this snapshot: rubbish under such a name is no trace of one, nor is
 * what a revoked key signed, which anybody may have by now.
 */
static bool opens(struct repo *r, unsigned zone, const struct listed_seal *row)
{
	char name[OBJECT_NAME_MAX];
	_buf_ struct buf object = { 0 };
	struct signed_view view;
	const struct signer *signer;

	buf_init(&object, SEAL_MAX, "seal");
	int code = load_signed(r, zone, SIGNED_SEAL, name_seal(r->dataset, row->snapshot, row->generation, name),
			       &object, &view, &signer);
	/* One that cannot be read may be. */
	if (load_passes_over(r, zone, name, code))
		return true;
	if (code != 0 || signer_revoked(signer))
		return false;
	struct seal *seal = xmalloc(sizeof *seal);
	bool good = seal_decode(view.body, view.body_len, seal) == 0 && strcmp(seal->dataset, r->dataset) == 0 &&
		    seal->generation == row->generation && memcmp(seal->snapshot, row->snapshot, SNAPSHOT_ID_SIZE) == 0;
	free(seal);
	return good;
}

static void add_seals(struct repo *r, const struct listing listings[REPO_ZONES_MAX])
{
	for (unsigned i = 0; i < r->zone_count; i++) {
		for (size_t k = 0; k < listings[i].seal_count; k++) {
			const struct listed_seal *row = &listings[i].seals[k];

			if (repo_find(r, row->snapshot) != NULL)
				continue;
			struct headless *h = find_or_add(r, row->snapshot);
			h->seals |= ZONE_BIT(i);
			h->sealed = h->sealed || opens(r, i, row);
		}
	}
}

static bool has_certificate(const struct repo *r, const uint8_t id[SNAPSHOT_ID_SIZE])
{
	if (r->state == NULL)
		return false;
	_free_ char *path = certificate_path(r->state, r->dataset, id);
	return access(path, F_OK) == 0;
}

/* Whether every zone has a header under this name, which says that its time is over. */
static bool is_over_everywhere(const struct repo *r, const struct listing listings[REPO_ZONES_MAX],
			       const struct listed_header *row)
{
	bool everywhere = r->config != NULL && r->zone_count > 1 &&
			  duration_after(row->taken_at, r->config->product->backup) <= clock_now();

	for (unsigned i = 0; i < r->zone_count && everywhere; i++) {
		everywhere = false;
		for (size_t k = 0; k < listings[i].header_count && !everywhere; k++)
			everywhere = listings[i].headers[k].taken_at == row->taken_at &&
				     memcmp(listings[i].headers[k].id, row->id, SNAPSHOT_ID_SIZE) == 0;
	}
	return everywhere;
}

/*
 * Headers that do not open: of those seals, of what this host has destroyed before, and such as are of no use any
 * more.
 */
static void add_headers(struct repo *r, const struct listing listings[REPO_ZONES_MAX])
{
	size_t sealed = r->headless_count;

	for (unsigned i = 0; i < r->zone_count; i++) {
		for (size_t k = 0; k < listings[i].header_count; k++) {
			const struct listed_header *row = &listings[i].headers[k];
			struct headless *h = NULL;

			if (repo_find(r, row->id) != NULL)
				continue;
			for (size_t j = 0; j < sealed && h == NULL; j++)
				h = memcmp(r->headless[j].id, row->id, SNAPSHOT_ID_SIZE) == 0 ? &r->headless[j] : NULL;
			if (h == NULL && !has_certificate(r, row->id) && !is_over_everywhere(r, listings, row))
				continue;
			h = h == NULL ? find_or_add(r, row->id) : h;
			h->many_names = h->many_names || (h->headers != 0 && h->taken_at != row->taken_at) ||
					(h->headers & ZONE_BIT(i)) != 0;
			h->headers |= ZONE_BIT(i);
			h->disowned = h->disowned || row->disowned;
			h->taken_at = row->taken_at;
		}
	}
}

/*
 * The latest moment at which the snapshot can expire. A name says when it was taken, but is not signed: it is
 * believed when every zone has it, no other, and a signed seal goes with it. A seal that was there at a time is of a
 * snapshot taken before.
 */
static void set_due(struct repo *r, struct headless *h)
{
	int64_t seen_at, due;

	if (r->config == NULL)
		return;
	h->dated = (h->sealed || h->seals == 0) && !h->many_names && h->headers == ZONE_BIT(r->zone_count) - 1 &&
		   r->zone_count > 1;
	if (h->dated)
		h->due_at = duration_after(h->taken_at, r->config->product->backup);
	h->seen = remembered_has(&r->remembered, REMEMBERED_SEEN, h->id) &&
		  remembered_seen(r->memory, h->id, &seen_at) == 0;
	if (!h->seen)
		return;
	due = duration_after(seen_at, r->config->product->backup);
	h->due_at = due < h->due_at ? due : h->due_at;
}

/*
 * Hashes of headers that the newest checkpoint calls live: those swept away since are older than all that is still
 * known.
 */
static bool checkpoint_misses_one(const struct repo *r)
{
	bool explained = r->snapshot_count == 0;

	for (uint32_t i = 0; i < r->checkpoint_header_count; i++) {
		bool known = false;

		for (size_t k = 0; k < r->snapshot_count && !known; k++)
			known = memcmp(r->snapshots[k].hash, r->checkpoint_headers[i], DIGEST_SIZE) == 0;
		if (explained && !known)
			return true;
		explained = explained || known;
	}
	return false;
}

static void tell(struct repo *r, const struct headless *h, bool lost)
{
	char id[SNAPSHOT_ID_HEX], due[CLOCK_TEXT_MAX + 64], time[CLOCK_TEXT_MAX];

	/* Told by name already; what a revoked key signed does not count. */
	if (h->disowned && h->due_at > clock_now())
		return;
	hex_encode(h->id, SNAPSHOT_ID_SIZE, id);
	/* A date that is found out later must not make it two findings. */
	if (h->due_at <= clock_now())
		snprintf(due, sizeof due, "it is OVERDUE since %s: run 'nightfold-agent prune'",
			 clock_format(h->due_at, time));
	else if (h->dated)
		snprintf(due, sizeof due, "it is kept until %s", clock_format(h->due_at, time));
	else
		snprintf(due, sizeof due, "it is kept until its time is over for certain");
	if (h->stray)
		findings_add(r->findings, FINDING_NOTE, NULL, id,
			     "a seal without a header, left by a run that was ended or brought back after its snapshot "
			     "was destroyed; the next run destroys it");
	else if (h->headers != 0)
		findings_add(
			r->findings, FINDING_MISSING, NULL, id,
			"the header of this snapshot is whole in no zone: nobody can restore it unless it comes back "
			"from a copy of a zone or by 'nightfold-agent sync' on a host that remembers it; %s",
			due);
	else if (h->sealed && lost)
		findings_add(
			r->findings, FINDING_MISSING, NULL, id,
			"the header of this snapshot is in no zone, only its seal: put it back from a copy of a zone, "
			"or run 'nightfold-agent sync' on the host that took it; %s",
			due);
	else
		findings_add(r->findings, FINDING_NOTE, NULL, id,
			     "a seal without a header: either the run of another host was ended before it put one, and "
			     "that host's next run destroys it, or both zones lost the header; %s",
			     due);
}

void load_headless(struct repo *r, const struct listing listings[REPO_ZONES_MAX])
{
	size_t unexplained = 0;

	/* A zone that is away may have the header, and one that a reader was not told of. */
	if (!r->complete || (r->zone_count == 1 && !r->writing))
		return;
	if (checkpoint_misses_one(r)) {
		findings_add(
			r->findings, FINDING_MISSING, NULL, NULL,
			"the newest checkpoint names a live snapshot that has no header in any zone, and no intent "
			"explains it");
		r->chain_broken = r->headers_lost = true;
	}
	add_seals(r, listings);
	add_headers(r, listings);
	for (size_t i = 0; i < r->headless_count; i++) {
		struct headless *h = &r->headless[i];

		h->stray = remembered_has(&r->remembered, REMEMBERED_UNFINISHED, h->id) || has_certificate(r, h->id);
		set_due(r, h);
		unexplained += h->sealed && !h->stray;
	}
	/* What it needs is not known. */
	r->chain_broken = r->chain_broken || unexplained > 0;
	/* A run that is ended leaves one seal, and the next run of its host destroys it. */
	for (size_t i = 0; i < r->headless_count; i++)
		tell(r, &r->headless[i], r->headers_lost || unexplained > 1);
}
