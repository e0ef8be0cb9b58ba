#include "repo/stretch.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

/*
 * Who wrote the pack had several threads: what belongs together lies near, but not always in order. So a stretch may
 * have gaps, which cost less than another read, unless they are most of it.
 */
#define GAP_MAX    (256u << 10)
#define CHUNKS_MAX 128u

struct stretch {
	struct zone_read read;
	enum { EMPTY, CHOSEN, BEGUN, ENDED } state;
	unsigned zone;
	uint32_t pack;
	uint64_t offset, end;         /* in the pack */
	uint64_t used;                /* bytes of chunks in there */
	uint32_t offsets[CHUNKS_MAX]; /* of the chunks that were not taken yet; in the pack */
	uint32_t count;
	uint8_t last_id[ID_SIZE];
	uint8_t *data; /* once it ended; NULL: not to be had */
};

struct stretch *stretch_new(void)
{
	return xcalloc(1, sizeof(struct stretch));
}

void stretch_free(struct stretch *s)
{
	if (s == NULL)
		return;
	zone_read_release(&s->read);
	free(s);
}

static void finish(struct stretch *s)
{
	if (s->state == BEGUN && zone_read_end(&s->read, &s->data) != 0)
		s->data = NULL;
	s->state = ENDED;
}

void stretch_reset(struct stretch *s)
{
	finish(s);
	s->state = EMPTY;
	s->data = NULL;
	s->used = 0;
	s->count = 0;
}

/* Whether the place may join those that are in already: *offset and *end are then of all. */
static bool fits(const struct stretch *s, unsigned zone, const struct chunk_place *place, uint64_t *offset,
		 uint64_t *end)
{
	uint64_t from = place->offset, to = from + place->stored;

	*offset = from < s->offset ? from : s->offset;
	*end = to > s->end ? to : s->end;
	return zone == s->zone && place->pack == s->pack && s->count < CHUNKS_MAX && from <= s->end + GAP_MAX &&
	       s->offset <= to + GAP_MAX && *end - *offset <= STRETCH_MAX &&
	       *end - *offset <= 2 * (s->used + place->stored) + GAP_MAX;
}

static uint32_t find(const struct stretch *s, uint32_t offset)
{
	uint32_t i = 0;

	while (i < s->count && s->offsets[i] != offset)
		i++;
	return i;
}

bool stretch_add(struct stretch *s, struct fetcher *f, const uint8_t id[ID_SIZE], uint64_t size)
{
	struct chunk_place place;
	uint64_t offset, end;
	unsigned zone;

	must(s->state == EMPTY || s->state == CHOSEN);
	if (s->state == CHOSEN && memcmp(s->last_id, id, ID_SIZE) == 0)
		return true;
	if (size > FETCH_KEEP || !fetch_first_place(f, id, size, &zone, &place))
		return false;
	if (s->state == EMPTY) {
		s->state = CHOSEN;
		s->zone = zone;
		s->pack = place.pack;
		s->offset = place.offset;
		s->end = s->offset + place.stored;
	} else if (fits(s, zone, &place, &offset, &end)) {
		s->offset = offset;
		s->end = end;
	} else {
		return false;
	}
	/* Decoding writes over the bytes: there is one chunk in them. */
	if (find(s, place.offset) < s->count)
		return true;
	s->used += place.stored;
	s->offsets[s->count++] = place.offset;
	memcpy(s->last_id, id, ID_SIZE);
	return true;
}

void stretch_begin(struct stretch *s, struct fetcher *f)
{
	if (s->state == CHOSEN && fetch_begin(f, s->zone, s->pack, s->offset, (size_t)(s->end - s->offset), &s->read))
		s->state = BEGUN;
}

uint8_t *stretch_take(struct stretch *s, unsigned zone, const struct chunk_place *place)
{
	if (s == NULL)
		return NULL;
	finish(s);
	if (s->data == NULL || zone != s->zone || place->pack != s->pack ||
	    (uint64_t)place->offset + place->stored > s->end)
		return NULL;

	uint32_t i = find(s, place->offset);
	if (i == s->count)
		return NULL;
	s->offsets[i] = s->offsets[--s->count];
	return s->data + (place->offset - s->offset);
}
