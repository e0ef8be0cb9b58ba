#include "repo/reseal.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hex.h"
#include "repo/tree.h"

static int make_object(const struct repo *r, const struct snapshot *s, const struct reseal_options *o, uint32_t generation,
		       const uint8_t root_key[KEY_SIZE], struct buf *object)
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
		code = signed_encode(SIGNED_SEAL, o->operator, &body, object);
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
			code = failed(ERR_INTEGRITY, "zone %s gives another seal back than it was given", r->zones[i].name);
		if (code != 0)
			return code;
	}
	return 0;
}

/* Deletes generations [first, end) everywhere, confirmed by reading back. */
static int delete_generations(struct repo *r, const struct snapshot *s, uint32_t first, uint32_t end)
{
	for (unsigned i = 0; i < r->zone_count; i++) {
		for (uint32_t generation = first; generation < end; generation++) {
			char name[OBJECT_NAME_MAX];
			uint64_t size;
			int code = zone_delete(r->zones[i].writer, name_seal(r->dataset, s->header.id, generation, name));

			if (code != 0 && code != ERR_MISSING)
				return code;
			code = zone_head(r->zones[i].zone, name, &size);
			if (code != ERR_MISSING)
				return code != 0 ? code : failed(ERR_UNAVAILABLE, "%s was deleted and is still there", name);
		}
	}
	return 0;
}

static bool intent_appeared(struct repo *r, const struct snapshot *s)
{
	char name[OBJECT_NAME_MAX];
	uint64_t size;
	bool appeared = false;

	name_intent(r->dataset, s->header.id, name);
	/* A zone that does not answer may have one: then we must not leave a seal behind. */
	for (unsigned i = 0; i < r->zone_count; i++)
		appeared = appeared || zone_head(r->zones[i].zone, name, &size) != ERR_MISSING;
	return appeared;
}

static int reseal_one(struct repo *r, const struct snapshot *s, const struct reseal_options *o, struct reseal_result *result)
{
	_secret_ uint8_t *root_key = secret_new(KEY_SIZE);
	_buf_ struct buf object = { 0 };
	char name[OBJECT_NAME_MAX], id[SNAPSHOT_ID_HEX];
	uint32_t newest = s->seals[0] > s->seals[1] ? s->seals[0] : s->seals[1];
	int code = tree_unseal(r, s, o->operator, -1, root_key);

	buf_init(&object, SEAL_MAX, "seal");
	if (code == ERR_KEY) {
		result->skipped++;
		findings_add(r->findings, FINDING_SKIPPED, NULL, hex_encode(s->header.id, SNAPSHOT_ID_SIZE, id), "%s", err_message());
		return 0;
	}
	if (code == 0)
		code = make_object(r, s, o, newest + 1, root_key, &object);
	if (code == 0)
		code = put_confirmed(r, name_seal(r->dataset, s->header.id, newest + 1, name), &object);
	if (code != 0)
		return code;
	if (intent_appeared(r, s)) {
		findings_add(r->findings, FINDING_NOTE, NULL, hex_encode(s->header.id, SNAPSHOT_ID_SIZE, id),
			     "is being destroyed: its new seal was removed again");
		return delete_generations(r, s, 1, newest + 2);
	}
	code = delete_generations(r, s, 1, newest + 1);
	result->resealed += code == 0;
	return code;
}

int reseal(struct repo *r, const struct reseal_options *options, struct reseal_result *result)
{
	int code = 0;

	*result = (struct reseal_result){ 0 };
	must(options->recipient_count > 0 && options->recipient_count <= SEAL_RECIPIENTS_MAX);
	if (!r->complete)
		return failed_in(ERR_UNAVAILABLE, "resealing needs every zone: an old seal would stay behind in one that is away");
	for (size_t i = 0; i < r->snapshot_count && code == 0; i++) {
		if (snapshot_live(&r->snapshots[i]))
			code = reseal_one(r, &r->snapshots[i], options, result);
	}
	return code;
}
