#include "repo/seen.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "crypto/digest.h"

#define READ_NEWEST 8
#define READ_EVERY  32

bool seen_is_due(const struct repo *r, const struct listing *l, size_t row)
{
	int64_t day = clock_now() / 86400;

	return !r->looked &&
	       (row + READ_NEWEST >= l->header_count || l->headers[row].id[0] % READ_EVERY == day % READ_EVERY);
}

static bool can_note(const struct repo *r)
{
	return r->catalog != NULL && r->folder != NULL && r->memory != NULL;
}

/* Fact "doubted.<zone>": 1 when a header of this zone was ignored the last time. */
static const char *doubt_fact(const struct repo *r, unsigned zone, char out[CATALOG_FACT_NAME_MAX + 1])
{
	snprintf(out, CATALOG_FACT_NAME_MAX + 1, "doubted.%s", r->zones[zone].name);
	return out;
}

int seen_doubted(struct repo *r, unsigned zone, bool *doubted)
{
	char name[CATALOG_FACT_NAME_MAX + 1];
	_buf_ struct buf fact = { 0 };

	*doubted = !can_note(r);
	if (*doubted)
		return 0;
	buf_init(&fact, 1, "fact");
	int code = catalog_get_fact(r->catalog, doubt_fact(r, zone, name), &fact);
	*doubted = code == 0 && fact.len == 1 && fact.data[0] == 1;
	return code == ERR_MISSING ? 0 : code;
}

int seen_set_doubted(struct repo *r, unsigned zone, bool before, bool now)
{
	char name[CATALOG_FACT_NAME_MAX + 1];
	const uint8_t fact = now;

	return can_note(r) && before != now ? catalog_set_fact(r->catalog, doubt_fact(r, zone, name), &fact, 1) : 0;
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
