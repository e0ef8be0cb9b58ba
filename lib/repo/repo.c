#include "repo/repo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hex.h"
#include "base/log.h"
#include "repo/known_zone.h"
#include "repo/load.h"
#include "repo/locate.h"
#include "repo/revoked.h"

void repo_places(const struct config *config, struct zone_place places[REPO_ZONES_MAX], unsigned *count)
{
	*count = 0;
	for (size_t i = 0; i < config->zone_count && i < REPO_ZONES_MAX; i++)
		places[(*count)++] = (struct zone_place){ .name = config->zones[i].name, .url = config->zones[i].url };
}

int repo_bare_places(const char *const *urls, size_t url_count, struct zone_place places[REPO_ZONES_MAX],
		     unsigned *count)
{
	static const char *const names[REPO_ZONES_MAX] = { "zone-1", "zone-2" };
	bool same_device;
	int code = 0;

	*count = 0;
	if (url_count > REPO_ZONES_MAX)
		return failed(ERR_USAGE, "--zone-url can be given %d times at most", REPO_ZONES_MAX);
	for (size_t i = 0; i < url_count && code == 0; i++) {
		code = zone_check_url(urls[i]);
		places[(*count)++] = (struct zone_place){ .name = names[i], .url = urls[i] };
	}
	/* One that is not there is told when it is opened. */
	if (code == 0 && *count == 2 && zone_distinct(&places[0], &places[1], &same_device) == ERR_REFUSED)
		code = ERR_USAGE;
	return code;
}

static void close_zone(struct repo_zone *z)
{
	if (z->writer != NULL)
		zone_close_writer(z->writer);
	else
		zone_close(z->zone);
	z->zone = NULL;
	z->writer = NULL;
}

static void open_zone(struct repo *r, unsigned i, const struct zone_place *place, const struct repo_options *options)
{
	struct repo_zone *z = &r->zones[i];
	int code;

	z->name = xstrdup(place->name);
	if (options->writing) {
		code = zone_open_writer(place, &z->writer);
		z->zone = code == 0 ? zone_reading(z->writer) : NULL;
	} else {
		code = zone_open(place, &z->zone);
	}
	if (code == 0 && options->state != NULL)
		code = known_zone_check(options->state, place, z->zone, options->remember ? z->writer : NULL);
	if (code != 0) {
		close_zone(z);
		findings_add(r->findings, FINDING_UNAVAILABLE, z->name, NULL, "%s", err_message());
	}
}

/*
 * Facts "signer.<n>": whose indexes the catalogue took in, key ids; of one who is revoked, also up to where they count.
 * What it learned from one who is no signer any more, or behind what counts, cannot be told from the rest, and no
 * reader would find a chunk there: such a catalogue is none.
 */
#define FACT_SIGNER      "signer.%u"
#define FACT_SIGNER_SIZE (KEY_ID_SIZE + DIGEST_SIZE)

static size_t signer_fact(const struct repo *r, const struct signer *signer, uint8_t out[FACT_SIGNER_SIZE])
{
	memcpy(out, signer->key.id, KEY_ID_SIZE);
	if (!signer_revoked(signer))
		return KEY_ID_SIZE;
	revoked_print(signer, r->dataset, out + KEY_ID_SIZE);
	return FACT_SIGNER_SIZE;
}

static int check_signer(const struct repo *r, const struct buf *fact, const struct signer **out)
{
	const unsigned roles = 1u << ROLE_AGENT | 1u << ROLE_PRUNER;
	const struct signer *signer = fact->len >= KEY_ID_SIZE ? trust_find(r->trust, fact->data) : NULL;
	uint8_t now[FACT_SIGNER_SIZE];
	char hex[KEY_ID_HEX];

	*out = signer;
	if (signer == NULL || (signer->roles & roles) == 0)
		return failed(ERR_FORMAT, "it learned packs from key %s, which no configured signer has any more",
			      hex_encode(fact->data, fact->len < KEY_ID_SIZE ? fact->len : KEY_ID_SIZE, hex));
	if (signer_fact(r, signer, now) != fact->len || memcmp(now, fact->data, fact->len) != 0)
		return failed(ERR_FORMAT, "it learned packs from the key of '%s' before that was revoked as it is now",
			      signer->name);
	return 0;
}

static int check_signers(struct repo *r)
{
	const unsigned roles = 1u << ROLE_AGENT | 1u << ROLE_PRUNER;
	bool *noted = xcalloc(r->trust->count + 1, sizeof *noted);
	char fact[CATALOG_FACT_NAME_MAX];
	unsigned count = 0;
	int code;

	for (;; count++) {
		_buf_ struct buf id = { 0 };
		const struct signer *signer;

		buf_init(&id, FACT_SIGNER_SIZE, "fact");
		snprintf(fact, sizeof fact, FACT_SIGNER, count);
		code = catalog_get_fact(r->catalog, fact, &id);
		if (code == 0)
			code = check_signer(r, &id, &signer);
		if (code != 0)
			break;
		noted[signer - r->trust->signers] = true;
	}
	if (code == ERR_MISSING)
		code = 0;
	for (size_t i = 0; i < r->trust->count && code == 0; i++) {
		if (noted[i] || (r->trust->signers[i].roles & roles) == 0)
			continue;
		uint8_t bytes[FACT_SIGNER_SIZE];
		size_t len = signer_fact(r, &r->trust->signers[i], bytes);
		snprintf(fact, sizeof fact, FACT_SIGNER, count++);
		code = catalog_set_fact(r->catalog, fact, bytes, len);
	}
	free(noted);
	return code;
}

int repo_open(const struct repo_options *options, struct findings *findings, struct repo **out)
{
	struct repo *r = xcalloc(1, sizeof *r);
	int code;

	must(options->place_count >= 1 && options->place_count <= REPO_ZONES_MAX);
	strncpy(r->dataset, options->dataset, DATASET_NAME_MAX);
	r->config = options->config;
	r->trust = options->trust;
	r->findings = findings;
	r->zone_count = options->place_count;
	r->headers_only = options->headers_only;
	r->writing = options->writing;
	r->remembers = options->writing && options->remember;
	if (options->state != NULL && options->snapshots) {
		r->state = xstrdup(options->state);
		r->memory = xasprintf("%s/%s/snapshots", options->state, options->dataset);
	}
	if (options->on_demand) {
		must(!options->headers_only && options->catalog == NULL && !options->snapshots);
		r->unread = unread_new();
		r->selector = options->selector == NULL ? NULL : xstrdup(options->selector);
	}
	r->folder = options->catalog == NULL ? NULL : xstrdup(options->catalog);
	for (unsigned i = 0; i < r->zone_count; i++)
		open_zone(r, i, &options->places[i], options);

	bool any = false;
	for (unsigned i = 0; i < r->zone_count; i++)
		any = any || r->zones[i].zone != NULL;
	if (!any) {
		code = failed_in(ERR_UNAVAILABLE, "no zone answers");
		goto out;
	}
	if (options->headers_only)
		code = 0;
	else if (options->catalog == NULL)
		code = catalog_open_temporary(&r->catalog);
	else
		code = catalog_open(options->catalog, &r->catalog);
	if (code == 0 && r->catalog != NULL && options->catalog != NULL)
		code = check_signers(r);
out:
	if (code != 0) {
		repo_close(r);
		r = NULL;
	}
	*out = r;
	return code;
}

void repo_close(struct repo *r)
{
	if (r == NULL)
		return;
	load_release(r);
	if (r->catalog != NULL)
		catalog_close(r->catalog);
	for (unsigned i = 0; i < r->zone_count; i++) {
		close_zone(&r->zones[i]);
		free(r->zones[i].name);
	}
	unread_free(r->unread);
	free(r->selector);
	free(r->state);
	free(r->memory);
	free(r->folder);
	free(r);
}

unsigned repo_up(const struct repo *r)
{
	unsigned up = 0;

	for (unsigned i = 0; i < r->zone_count; i++)
		up |= r->zones[i].up ? ZONE_BIT(i) : 0;
	return up;
}

uint8_t repo_pack_bits(const struct repo *r, uint32_t number)
{
	return number < r->pack_limit ? r->packs[number] : 0;
}

unsigned repo_countable(uint8_t bits)
{
	return (bits & (PACK_CONDEMNED | PACK_WITHDRAWN)) != 0 ? 0 : bits & PACK_IN_ANY;
}

void repo_set_pack_bits(struct repo *r, uint32_t number, uint8_t bits)
{
	if (number >= r->pack_limit) {
		uint32_t limit = number + 1 > 2 * r->pack_limit ? number + 1 : 2 * r->pack_limit;

		r->packs = xrealloc(r->packs, limit, 1);
		memset(r->packs + r->pack_limit, 0, limit - r->pack_limit);
		r->pack_limit = limit;
	}
	r->packs[number] = bits;
}

int repo_chunk_known(struct repo *r, const uint8_t id[ID_SIZE], bool *known, bool *node)
{
	struct chunk_place places[CATALOG_PLACES_MAX];
	size_t count;
	int code = catalog_locate(r->catalog, id, places, &count);

	*known = false;
	for (size_t i = 0; code == 0 && i < count && !*known; i++)
		*known = repo_countable(repo_pack_bits(r, places[i].pack)) != 0;
	if (node != NULL)
		*node = code == 0 && count > 0 && places[0].info.kind == KIND_NODE;
	return code;
}

bool snapshot_live(const struct snapshot *s)
{
	return s->zones != 0 && s->intents == 0;
}

bool snapshot_lost(const struct snapshot *s)
{
	return s->remembered && !s->refused && s->zones == 0 && s->intents == 0 && s->seals[0] == 0 && s->seals[1] == 0;
}

int64_t repo_expiry(const struct repo *r, const struct snapshot *s)
{
	const struct duration *backup = r->config == NULL ? NULL : &r->config->product->backup;
	int64_t expiry = expiry_effective(s->header.taken_at, s->header.expires_at, backup);

	if (!s->quarantined || s->seen_at == INT64_MAX || backup == NULL)
		return expiry;
	int64_t seen = duration_after(s->seen_at, *backup);
	return seen < expiry ? seen : expiry;
}

const struct snapshot *repo_newest(const struct repo *r)
{
	const struct snapshot *newest = NULL;

	for (size_t i = 0; i < r->snapshot_count; i++) {
		const struct snapshot *s = &r->snapshots[i];

		if (snapshot_live(s) && (newest == NULL || newest->quarantined >= s->quarantined))
			newest = s;
	}
	return newest;
}

int repo_load_footer(struct repo *r, const struct index_pack *pack, unsigned zones, struct pack_footer *out)
{
	char name[OBJECT_NAME_MAX];
	uint8_t *bytes = xmalloc(pack->footer);
	int code = failed(ERR_MISSING, "pack %s is in no zone that answers", name_pack(r->dataset, pack->name, name));

	for (unsigned i = 0; i < r->zone_count && code != 0; i++) {
		uint8_t hash[DIGEST_SIZE];

		if ((zones & ZONE_BIT(i)) == 0 || r->zones[i].zone == NULL)
			continue;
		code = zone_get_range(r->zones[i].zone, name, (uint64_t)pack->size - PACK_TAIL_SIZE - pack->footer,
				      pack->footer, bytes);
		if (code != 0)
			continue;
		sha256(bytes, pack->footer, hash);
		if (memcmp(hash, pack->footer_hash, DIGEST_SIZE) != 0) {
			code = failed(ERR_INTEGRITY, "the footer of %s is not the one that the index names", name);
			findings_add(r->findings, FINDING_DAMAGED, r->zones[i].name, name,
				     "its footer is not the one that the index names");
		}
	}
	if (code == 0)
		code = pack_footer_decode(bytes, pack->footer, pack->size, out);
	free(bytes);
	return code;
}
