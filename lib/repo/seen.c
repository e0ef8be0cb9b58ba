#include "repo/seen.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "crypto/digest.h"

#define READ_NEWEST 8
#define READ_EVERY  32

static bool can_note(const struct repo *r)
{
	return r->catalog != NULL && r->folder != NULL && r->memory != NULL;
}

/* A fact of one zone: "<what>.<zone>". */
static const char *zone_fact(const struct repo *r, const char *what, unsigned zone, char out[CATALOG_FACT_NAME_MAX + 1])
{
	snprintf(out, CATALOG_FACT_NAME_MAX + 1, "%s.%s", what, r->zones[zone].name);
	return out;
}

/* Facts "doubted.<zone>": 1 byte, 1 when a header was ignored; and "looked.<zone>": the day, 4 bytes, big-endian. */
int seen_begin(struct repo *r, unsigned zone, struct seen *out)
{
	char name[CATALOG_FACT_NAME_MAX + 1];
	_buf_ struct buf fact = { 0 };

	*out = (struct seen){ .today = (uint32_t)(clock_now() / 86400), .doubted = true, .first = !r->looked };
	if (!can_note(r))
		return 0;
	buf_init(&fact, 4, "fact");
	int code = catalog_get_fact(r->catalog, zone_fact(r, "doubted", zone, name), &fact);
	out->doubted = out->was_doubted = code == 0 && fact.len == 1 && fact.data[0] == 1;
	if (code != 0 && code != ERR_MISSING)
		return code;
	buf_clear(&fact);
	code = catalog_get_fact(r->catalog, zone_fact(r, "looked", zone, name), &fact);
	for (size_t i = 0; code == 0 && i < fact.len; i++)
		out->looked = out->looked << 8 | fact.data[i];
	return code == ERR_MISSING ? 0 : code;
}

bool seen_is_due(const struct seen *s, const struct listing *l, size_t row)
{
	uint32_t days = s->today - s->looked; /* a clock that went back: very many */

	if (s->doubted || days >= READ_EVERY)
		return true;
	if (s->first && row + READ_NEWEST >= l->header_count)
		return true;
	/* Today's part, and those of the days that were left out. */
	return (s->today - l->headers[row].id[0]) % READ_EVERY < days;
}

int seen_end(struct repo *r, unsigned zone, const struct seen *s, bool ignored)
{
	const uint8_t day[4] = { (uint8_t)(s->today >> 24), (uint8_t)(s->today >> 16), (uint8_t)(s->today >> 8),
				 (uint8_t)s->today };
	const uint8_t doubted = ignored;
	char name[CATALOG_FACT_NAME_MAX + 1];
	int code = 0;

	if (!can_note(r))
		return 0;
	if (s->was_doubted != ignored)
		code = catalog_set_fact(r->catalog, zone_fact(r, "doubted", zone, name), &doubted, 1);
	if (code == 0 && s->looked != s->today)
		code = catalog_set_fact(r->catalog, zone_fact(r, "looked", zone, name), day, sizeof day);
	return code;
}

/* What a catalogue that stays notes of a valid header: these bytes, in this zone, under this name. */
static void place_of_header(const struct repo *r, unsigned zone, const char *name, const uint8_t hash[DIGEST_SIZE],
			    uint8_t out[DIGEST_SIZE])
{
	char place[ZONE_NAME_MAX + OBJECT_NAME_MAX + DIGEST_HEX + 2], hex[DIGEST_HEX];
	int len = snprintf(place, sizeof place, "%s %s %s", r->zones[zone].name, name,
			   hex_encode(hash, DIGEST_SIZE, hex));

	must(len > 0 && (size_t)len < sizeof place);
	sha256(place, (size_t)len, out);
}

int seen_note(struct repo *r, unsigned zone, const char *name, const struct snapshot *s)
{
	uint8_t place[DIGEST_SIZE];

	place_of_header(r, zone, name, s->hash, place);
	return can_note(r) ? catalog_note_object(r->catalog, place, s->header.seq) : 0;
}

int seen_recall(struct repo *r, unsigned zone, const struct listed_header *row, const char *name, struct buf *object)
{
	const struct snapshot *s = repo_find(r, row->id);
	uint8_t hash[DIGEST_SIZE], place[DIGEST_SIZE];
	bool known;
	int code = 0;

	if (s != NULL)
		code = buf_append(object, s->object.data, s->object.len);
	else if (remembered_has(&r->remembered, REMEMBERED_HEADER, row->id))
		code = remembered_header(r->memory, row->id, object);
	if (code != 0 || object->len != row->size)
		return ERR_MISSING;
	sha256(object->data, object->len, hash);
	place_of_header(r, zone, name, hash, place);
	code = catalog_knows_object(r->catalog, place, &known);
	return code == 0 && !known ? ERR_MISSING : code;
}
