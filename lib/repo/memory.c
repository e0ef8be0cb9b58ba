/*
 * What this host remembers of snapshots (catalog/remembered.h) beside what the zones say. A header that both zones
 * lost, or damaged, is taken from memory: its snapshot is not forgotten for that, neither now nor when its time is
 * over.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "repo/load.h"
#include "repo/memory.h"

/* Whether any zone lists a header or seal of this snapshot, whatever is in it. */
static bool is_listed(const struct repo *r, const struct listing listings[REPO_ZONES_MAX],
		      const uint8_t id[SNAPSHOT_ID_SIZE])
{
	for (unsigned i = 0; i < r->zone_count; i++) {
		for (size_t k = 0; k < listings[i].header_count; k++) {
			if (memcmp(listings[i].headers[k].id, id, SNAPSHOT_ID_SIZE) == 0)
				return true;
		}
		for (size_t k = 0; k < listings[i].seal_count; k++) {
			if (memcmp(listings[i].seals[k].snapshot, id, SNAPSHOT_ID_SIZE) == 0)
				return true;
		}
	}
	return false;
}

static int recall(struct repo *r, const struct listing listings[REPO_ZONES_MAX], const uint8_t id[SNAPSHOT_ID_SIZE])
{
	const struct signer *signer;
	struct snapshot *s;
	struct header header;
	_buf_ struct buf object = { 0 };

	buf_init(&object, HEADER_MAX, "header");
	int code = remembered_header(r->memory, id, &object);
	if (code == ERR_SYSTEM && r->remembers)
		return code;
	if (code == 0)
		code = load_open_header(r, object.data, object.len, id, &header, &signer);
	if (code != 0) {
		/* Of a signer who is none any more, or damaged here: as if it were not remembered. */
		log_detail("%s: what is remembered of a snapshot is of no use: %s", r->dataset, err_message());
		return code == ERR_REFUSED && r->remembers && r->complete && !is_listed(r, listings, id)
			       ? remembered_forget(r->memory, REMEMBERED_HEADER, id)
			       : 0;
	}
	/* Another host ended it, and nothing tells of it any more. */
	const struct snapshot over = { .header = header };
	if (repo_expiry(r, &over) <= clock_now() && !is_listed(r, listings, id))
		return r->remembers && r->complete ? remembered_forget(r->memory, REMEMBERED_HEADER, id) : 0;
	if (load_adopt(r, &header, signer, object.data, object.len, &s) == 0)
		s->remembered = true;
	return 0;
}

int load_memory(struct repo *r)
{
	int code = r->memory == NULL ? 0 : remembered_list(r->memory, &r->remembered);

	/* Who only looks may have no right to this folder. */
	if (code != 0 && !r->remembers) {
		log_detail("%s: nothing is remembered: %s", r->dataset, err_message());
		code = 0;
	}
	return code;
}

int load_remembered(struct repo *r, const struct listing listings[REPO_ZONES_MAX])
{
	int code = 0;

	for (size_t i = 0; i < r->remembered.count && code == 0; i++) {
		const struct remembered *row = &r->remembered.rows[i];
		const struct snapshot *s = repo_find(r, row->snapshot);

		if (row->kind == REMEMBERED_HEADER && (s == NULL || (s->zones == 0 && s->intents == 0)))
			code = recall(r, listings, row->snapshot);
	}
	return code;
}

/* Of a snapshot that has come to its end nothing is remembered; of one that a zone has, its header. */
static int settle_snapshot(struct repo *r, const struct listing listings[REPO_ZONES_MAX], const struct snapshot *s)
{
	const uint8_t *id = s->header.id;
	bool known = remembered_has(&r->remembered, REMEMBERED_HEADER, id);
	int code = 0;

	if (s->intents != 0)
		return known && r->complete && !is_listed(r, listings, id)
			       ? remembered_forget(r->memory, REMEMBERED_HEADER, id)
			       : 0;
	if (s->zones == 0)
		return 0;
	if (!known && !s->quarantined && !s->disputed)
		code = remember_header(r->memory, id, &s->object);
	if (code == 0 && remembered_has(&r->remembered, REMEMBERED_UNFINISHED, id))
		code = remembered_forget(r->memory, REMEMBERED_UNFINISHED, id);
	return code;
}

int load_settle_memory(struct repo *r, const struct listing listings[REPO_ZONES_MAX])
{
	int code = 0;

	if (r->memory == NULL || !r->remembers)
		return 0;
	for (size_t i = 0; i < r->snapshot_count && code == 0; i++)
		code = settle_snapshot(r, listings, &r->snapshots[i]);
	for (size_t i = 0; i < r->remembered.count && r->complete && code == 0; i++) {
		const struct remembered *row = &r->remembered.rows[i];
		const struct snapshot *s = repo_find(r, row->snapshot);

		/* Since when one of the future is there counts until its intent is gone, too. */
		if (row->kind != REMEMBERED_HEADER && (s != NULL ? row->kind != REMEMBERED_SEEN || !s->quarantined
								 : !is_listed(r, listings, row->snapshot)))
			code = remembered_forget(r->memory, row->kind, row->snapshot);
	}
	return code;
}

static bool has_seal(const struct snapshot *s)
{
	return s->seals[0] != 0 || s->seals[1] != 0;
}

/* A header may also be known from an intent before its time alone. */
void load_tell_headerless(struct repo *r)
{
	for (size_t i = 0; i < r->snapshot_count && r->complete && (r->zone_count > 1 || r->writing); i++) {
		const struct snapshot *s = &r->snapshots[i];
		char name[OBJECT_NAME_MAX];

		/* Who refuses an intent finds what another host's policy destroyed. */
		if (s->zones != 0 || s->intents != 0 || repo_expiry(r, s) <= clock_now() ||
		    (s->refused && !has_seal(s)))
			continue;
		name_header(r->dataset, s->header.taken_at, s->header.id, name);
		r->chain_broken = r->headers_lost = true;
		if (s->refused)
			findings_add(r->findings, FINDING_MISSING, NULL, name,
				     "is whole in no zone, and an intent before its time lies there: nothing of its "
				     "snapshot is destroyed now, nor put back");
		else if (has_seal(s))
			findings_add(r->findings, FINDING_MISSING, NULL, name,
				     "is whole in no zone: this host remembers it; 'nightfold-agent run' or "
				     "'nightfold-verify check --repair' puts it back where its seal and packs are");
		else
			findings_add(r->findings, FINDING_MISSING, NULL, name,
				     "is in no zone, nor is its seal: nobody can open this snapshot unless both come "
				     "back from a copy of a zone; 'nightfold-agent rebuild' accepts the loss");
	}
}

int memory_accept_losses(struct repo *r)
{
	int code = 0;

	for (size_t i = 0; i < r->snapshot_count && code == 0 && r->complete && r->memory != NULL; i++) {
		const struct snapshot *s = &r->snapshots[i];

		if (snapshot_lost(s))
			code = remembered_forget(r->memory, REMEMBERED_HEADER, s->header.id);
	}
	return code;
}
