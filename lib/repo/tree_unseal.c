/*
 * From a seal to the root's key. In a file of its own, so that a program that reads trees by keys it has otherwise
 * does not link crypto/unseal.h.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "crypto/unseal.h"
#include "repo/examine.h"
#include "repo/tree.h"

/* A seal that is listed, or must be there. */
struct candidate {
	unsigned zone;
	uint32_t generation;
};

/*
 * Newest generation first. The first one comes last in each zone, listed or not: the header of the snapshot names its
 * bytes, and what `seals` holds is only the highest number that a zone lists.
 */
static size_t find_candidates(const struct repo *r, const struct snapshot *s, int only_zone,
			      struct candidate out[2 * REPO_ZONES_MAX])
{
	size_t count = 0;

	for (unsigned pass = 0; pass < 2; pass++) {
		for (unsigned zone = 0; zone < r->zone_count; zone++) {
			uint32_t generation = pass == 0 ? s->seals[zone] : 1;

			if (r->zones[zone].zone == NULL || (only_zone >= 0 && zone != (unsigned)only_zone))
				continue;
			if (generation == 0 || (pass == 1 && s->seals[zone] <= 1))
				continue;
			size_t at = count++;
			for (; at > 0 && out[at - 1].generation < generation; at--)
				out[at] = out[at - 1];
			out[at] = (struct candidate){ .zone = zone, .generation = generation };
		}
	}
	return count;
}

static int load_seal(struct repo *r, const struct snapshot *s, const struct candidate *c, struct seal *out)
{
	_buf_ struct buf object = { 0 };
	struct signed_view view;
	int code = examine_seal(r, c->zone, s, c->generation, &object);

	if (code == 0)
		code = signed_decode(SIGNED_SEAL, object.data, object.len, "seal", &view);
	return code == 0 ? seal_decode(view.body, view.body_len, out) : code;
}

/* "operator (1a2b...), 3c4d...": those that a seal is for, as far as they fit. */
static void name_recipients(const struct repo *r, const struct seal *seal, char *out, size_t size)
{
	size_t at = 0;

	out[0] = '\0';
	for (uint32_t i = 0; i < seal->share_count && at + 1 < size; i++) {
		const struct signer *known = trust_find(r->trust, seal->shares[i].recipient);
		char id[KEY_ID_HEX];

		hex_encode(seal->shares[i].recipient, KEY_ID_SIZE, id);
		int written = known == NULL
				      ? snprintf(out + at, size - at, "%s%s", i == 0 ? "" : ", ", id)
				      : snprintf(out + at, size - at, "%s%s (%s)", i == 0 ? "" : ", ", known->name, id);
		at += written > 0 ? (size_t)written : 0;
	}
}

static int open_share(struct repo *r, const struct snapshot *s, const struct seal *seal, const struct secret_key *key,
		      uint8_t root_key[KEY_SIZE])
{
	struct seal_binding binding = { .dataset = r->dataset };
	char recipients[512], taken[CLOCK_TEXT_MAX], id[KEY_ID_HEX];

	memcpy(binding.snapshot, s->header.id, SNAPSHOT_ID_SIZE);
	memcpy(binding.root_id, s->header.root_id, ID_SIZE);
	for (uint32_t i = 0; i < seal->share_count; i++) {
		if (memcmp(seal->shares[i].recipient, key->public.id, KEY_ID_SIZE) == 0)
			return unseal(key, &binding, seal->shares[i].sealed, root_key);
	}
	name_recipients(r, seal, recipients, sizeof recipients);
	return failed(ERR_KEY, "this key (%s %s) does not open %s@%s: it is not among its recipients, which are %s",
		      role_name(key->public.role), hex_encode(key->public.id, KEY_ID_SIZE, id), r->dataset,
		      clock_format(s->header.taken_at, taken), recipients);
}

int tree_unseal(struct repo *r, const struct snapshot *s, const struct secret_key *key, int only_zone,
		uint8_t root_key[KEY_SIZE])
{
	struct candidate candidates[2 * REPO_ZONES_MAX];
	size_t count = find_candidates(r, s, only_zone, candidates);
	char taken[CLOCK_TEXT_MAX];
	int worst = ERR_MISSING;

	clock_format(s->header.taken_at, taken);
	for (unsigned i = 0; i < r->zone_count; i++) {
		if ((s->zones & ZONE_BIT(i)) != 0 && s->seals[i] == 0 && (only_zone < 0 || i == (unsigned)only_zone))
			findings_add(r->findings, FINDING_MISSING, r->zones[i].name, NULL,
				     "the seal of %s@%s is not there", r->dataset, taken);
	}
	for (size_t i = 0; i < count; i++) {
		const char *zone = r->zones[candidates[i].zone].name;
		char name[OBJECT_NAME_MAX];
		struct seal seal;

		name_seal(r->dataset, s->header.id, candidates[i].generation, name);
		int code = load_seal(r, s, &candidates[i], &seal);
		if (code == 0)
			code = open_share(r, s, &seal, key, root_key);
		/*
		 * A key that is no recipient of the newest seal is not tried on older ones: who was taken off stays
		 * off.
		 */
		if (code == 0 || code == ERR_KEY)
			return code;
		if (code == ERR_MISSING)
			continue;
		if (code == ERR_UNAVAILABLE || code == ERR_SYSTEM) {
			findings_add(r->findings, FINDING_UNAVAILABLE, zone, NULL, "%s", err_message());
			worst = worst == ERR_MISSING ? ERR_UNAVAILABLE : worst;
		} else {
			findings_add(r->findings, FINDING_DAMAGED, zone, name, "%s", err_message());
			worst = ERR_INTEGRITY;
		}
	}
	if (worst == ERR_MISSING)
		return failed(ERR_MISSING,
			      "%s@%s has no seal in any zone that answers: it was destroyed, or its zones lost it",
			      r->dataset, taken);
	return failed(worst, "no zone that answers has a whole seal of %s@%s", r->dataset, taken);
}
