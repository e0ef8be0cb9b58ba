#include "repo/reseal.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hex.h"
#include "repo/examine.h"
#include "repo/tree.h"

static int make_object(const struct repo *r, const struct snapshot *s, const struct reseal_options *o,
		       uint32_t generation, const uint8_t root_key[KEY_SIZE], struct buf *object)
{
	struct seal *seal = xcalloc(1, sizeof *seal);
	struct seal_binding binding = { .dataset = r->dataset };
	_buf_ struct buf body = { 0 };
	int code = 0;

	buf_init(&body, SEAL_MAX, "seal");
	memcpy(binding.snapshot, s->header.id, SNAPSHOT_ID_SIZE);
	memcpy(binding.root_id, s->header.root_id, ID_SIZE);
	memcpy(seal->dataset, r->dataset, sizeof seal->dataset);
	memcpy(seal->snapshot, s->header.id, SNAPSHOT_ID_SIZE);
	seal->generation = generation;
	for (size_t i = 0; i < o->recipient_count && code == 0; i++) {
		memcpy(seal->shares[i].recipient, o->recipients[i].id, KEY_ID_SIZE);
		code = seal_make(&o->recipients[i], &binding, root_key, seal->shares[i].sealed);
		seal->share_count++;
	}
	if (code == 0)
		code = seal_encode(seal, &body);
	if (code == 0)
		code = signed_encode(SIGNED_SEAL, o->operator, & body, object);
	free(seal);
	return code;
}

/* Puts the new generation into every zone and reads it back. */
static int put_confirmed(struct repo *r, const char *name, const struct buf *object)
{
	for (unsigned i = 0; i < r->zone_count; i++) {
		_buf_ struct buf back = { 0 };
		int code = zone_put(r->zones[i].writer, name, object->data, object->len);

		buf_init(&back, SEAL_MAX, "seal");
		if (code == 0)
			code = zone_get(r->zones[i].zone, name, &back);
		if (code == 0 && (back.len != object->len || memcmp(back.data, object->data, back.len) != 0))
			code = failed(ERR_INTEGRITY, "zone %s gives another seal back than it was given",
				      r->zones[i].name);
		if (code != 0)
			return code;
	}
	return 0;
}

static int delete_confirmed(struct repo *r, unsigned zone, const struct snapshot *s, uint32_t generation)
{
	char name[OBJECT_NAME_MAX];
	uint64_t size;
	int code = zone_delete(r->zones[zone].writer, name_seal(r->dataset, s->header.id, generation, name));

	if (code != 0 && code != ERR_MISSING)
		return code;
	code = zone_head(r->zones[zone].zone, name, &size);
	if (code == ERR_MISSING)
		return 0;
	return code != 0 ? code : failed(ERR_UNAVAILABLE, "%s was deleted and is still there", name);
}

/* All generations that the zones list of one snapshot. */
struct listed {
	struct seal_row *rows[REPO_ZONES_MAX];
	const struct seal_row *own[REPO_ZONES_MAX]; /* into rows */
	size_t count[REPO_ZONES_MAX];
};

static int list_generations(struct repo *r, const struct snapshot *s, struct listed *l)
{
	int code = 0;

	*l = (struct listed){ 0 };
	for (unsigned i = 0; i < r->zone_count && code == 0; i++) {
		size_t count;

		code = examine_seals(r, i, &l->rows[i], &count);
		if (code == 0)
			l->own[i] = seal_rows_of(l->rows[i], count, s->header.id, &l->count[i]);
	}
	return code;
}

static void release_generations(struct listed *l)
{
	for (unsigned i = 0; i < REPO_ZONES_MAX; i++)
		free(l->rows[i]);
}

static bool is_listed(const struct listed *l, uint32_t generation)
{
	for (unsigned i = 0; i < REPO_ZONES_MAX; i++) {
		for (size_t k = 0; l->own[i] != NULL && k < l->count[i]; k++) {
			if (l->own[i][k].generation == generation)
				return true;
		}
	}
	return false;
}

/*
 * The first free number behind the newest good one: anybody who can write to a zone can put rubbish under any number.
 */
static int next_generation(struct repo *r, const struct snapshot *s, uint32_t *next)
{
	struct listed l;
	uint32_t newest = 0;
	int code = list_generations(r, s, &l);

	for (unsigned i = 0; i < r->zone_count && code == 0; i++) {
		for (size_t k = 0; l.own[i] != NULL && k < l.count[i]; k++) {
			_buf_ struct buf object = { 0 };

			if (l.own[i][k].generation > newest &&
			    examine_seal(r, i, s, l.own[i][k].generation, &object) == 0)
				newest = l.own[i][k].generation;
		}
	}
	while (newest < UINT32_MAX && is_listed(&l, ++newest))
		;
	*next = newest;
	release_generations(&l);
	return code;
}

/* Deletes every generation that a zone lists but this one, in every zone. */
static int delete_others(struct repo *r, const struct snapshot *s, uint32_t kept)
{
	struct listed l;
	int code = list_generations(r, s, &l);

	for (unsigned i = 0; i < r->zone_count; i++) {
		for (size_t k = 0; code == 0 && l.own[i] != NULL && k < l.count[i]; k++) {
			if (l.own[i][k].generation != kept)
				code = delete_confirmed(r, i, s, l.own[i][k].generation);
		}
	}
	release_generations(&l);
	return code;
}

static bool is_due(const struct repo *r, const struct snapshot *s)
{
	return repo_expiry(r, s) <= clock_now();
}

/* An intent is a record, never an authority: before the snapshot's time it means nothing. */
static bool is_being_destroyed(struct repo *r, const struct snapshot *s)
{
	char name[OBJECT_NAME_MAX];
	uint64_t size;
	bool appeared = false;

	name_intent(r->dataset, s->header.id, name);
	/* A zone that does not answer may have one: then we must not leave our seal behind. */
	for (unsigned i = 0; i < r->zone_count && is_due(r, s); i++)
		appeared = appeared || zone_head(r->zones[i].zone, name, &size) != ERR_MISSING;
	return appeared;
}

/* Takes back what was written, and nothing else: the older seals are the destroyer's. */
static int take_back(struct repo *r, const struct snapshot *s, uint32_t generation)
{
	char id[SNAPSHOT_ID_HEX];
	int code = 0;

	findings_add(r->findings, FINDING_NOTE, NULL, hex_encode(s->header.id, SNAPSHOT_ID_SIZE, id),
		     "is being destroyed: its new seal is removed again");
	for (unsigned i = 0; i < r->zone_count; i++) {
		int deleted = delete_confirmed(r, i, s, generation);

		code = code == 0 ? deleted : code;
	}
	return code;
}

static int reseal_one(struct repo *r, const struct snapshot *s, const struct reseal_options *o,
		      struct reseal_result *result)
{
	_secret_ uint8_t *root_key = secret_new(KEY_SIZE);
	_buf_ struct buf object = { 0 };
	char name[OBJECT_NAME_MAX], id[SNAPSHOT_ID_HEX];
	uint32_t next = 0;
	int code = tree_unseal(r, s, o->operator, - 1, root_key);

	buf_init(&object, SEAL_MAX, "seal");
	if (code == ERR_KEY) {
		result->skipped++;
		findings_add(r->findings, FINDING_SKIPPED, NULL, hex_encode(s->header.id, SNAPSHOT_ID_SIZE, id), "%s",
			     err_message());
		return 0;
	}
	if (code == 0)
		code = next_generation(r, s, &next);
	if (code == 0)
		code = make_object(r, s, o, next, root_key, &object);
	if (code == 0)
		code = put_confirmed(r, name_seal(r->dataset, s->header.id, next, name), &object);
	if (code != 0)
		return code;
	if (is_being_destroyed(r, s))
		return take_back(r, s, next);
	code = delete_others(r, s, next);
	result->resealed += code == 0;
	return code;
}

int reseal(struct repo *r, const struct reseal_options *options, struct reseal_result *result)
{
	int code = 0;

	*result = (struct reseal_result){ 0 };
	must(options->recipient_count > 0 && options->recipient_count <= SEAL_RECIPIENTS_MAX);
	if (!r->complete)
		return failed_in(ERR_UNAVAILABLE,
				 "resealing needs every zone: an old seal would stay behind in one that is away");
	for (size_t i = 0; i < r->snapshot_count && code == 0; i++) {
		/* What is due is about to lose its seals. */
		if (snapshot_live(&r->snapshots[i]) && !r->snapshots[i].disputed && !is_due(r, &r->snapshots[i]))
			code = reseal_one(r, &r->snapshots[i], options, result);
	}
	return code;
}
