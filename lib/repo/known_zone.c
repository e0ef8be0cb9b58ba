#include "repo/known_zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hex.h"
#include "base/io.h"
#include "base/log.h"
#include "crypto/secret.h"

#define MARKER        "NIGHTFOLD-ZONE" /* no dataset has capitals */
#define MARKER_HEAD   "nightfold-zone 1 "
#define IDENTITY_SIZE 16
#define MARKER_SIZE   (sizeof MARKER_HEAD - 1 + 2 * (size_t)IDENTITY_SIZE + 1)

/* The whole object, line feed included: what is compared. */
struct marker {
	char text[MARKER_SIZE + 1];
};

static int parse(const struct buf *bytes, struct marker *out)
{
	uint8_t identity[IDENTITY_SIZE];
	size_t head = strlen(MARKER_HEAD);

	if (bytes->len != MARKER_SIZE || memcmp(bytes->data, MARKER_HEAD, head) != 0 ||
	    bytes->data[MARKER_SIZE - 1] != '\n' ||
	    hex_decode((const char *)bytes->data + head, 2 * (size_t)IDENTITY_SIZE, identity, IDENTITY_SIZE) != 0)
		return failed(ERR_FORMAT, "its " MARKER " is none");
	memcpy(out->text, bytes->data, MARKER_SIZE);
	out->text[MARKER_SIZE] = '\0';
	return 0;
}

static void make(struct marker *out)
{
	uint8_t identity[IDENTITY_SIZE];
	char hex[2 * IDENTITY_SIZE + 1];

	random_bytes(identity, sizeof identity);
	snprintf(out->text, sizeof out->text, MARKER_HEAD "%s\n", hex_encode(identity, sizeof identity, hex));
}

/* ERR_MISSING: it has none; ERR_FORMAT: something else stands there. */
static int read_marker(struct zone *zone, struct marker *out)
{
	_buf_ struct buf bytes = { 0 };

	buf_init(&bytes, MARKER_SIZE, MARKER);
	int code = zone_get(zone, MARKER, &bytes);
	return code == 0 ? parse(&bytes, out) : code;
}

static char *path_of(const char *state, const struct zone_place *place)
{
	return xasprintf("%s/known-zones/%s", state, place->name);
}

/* ERR_MISSING: none. One that was damaged is none either. */
static int recall(const char *state, const struct zone_place *place, struct marker *out)
{
	_free_ char *path = path_of(state, place);
	_buf_ struct buf bytes = { 0 };

	buf_init(&bytes, MARKER_SIZE, "known zone");
	int code = io_load(path, &bytes);
	if (code == 0)
		code = parse(&bytes, out);
	return code == ERR_FORMAT ? ERR_MISSING : code;
}

static int remember(const char *state, const struct zone_place *place, const struct marker *marker)
{
	_free_ char *folder = xasprintf("%s/known-zones", state);
	_free_ char *path = path_of(state, place);
	int code = io_make_dirs(folder, 0700);

	return code == 0 ? io_save(path, marker->text, MARKER_SIZE, 0600) : code;
}

/* The first time: a zone that cannot be marked now (it is full, say) is used all the same, and marked another time. */
static int adopt(const char *state, const struct zone_place *place, struct zone_writer *writer)
{
	struct marker marker;
	int code = read_marker(zone_reading(writer), &marker);

	if (code == ERR_MISSING) {
		make(&marker);
		code = zone_put(writer, MARKER, marker.text, MARKER_SIZE);
		if (code == ERR_EXISTS) /* of two that came at once, one was quicker */
			code = read_marker(zone_reading(writer), &marker);
	}
	if (code == 0)
		return remember(state, place, &marker);
	log_detail("zone %s is not remembered: %s", place->name, err_message());
	return 0;
}

int known_zone_check(const char *state, const struct zone_place *place, struct zone *zone, struct zone_writer *writer)
{
	struct marker known, found;
	int code = recall(state, place, &known);

	if (code == ERR_MISSING && writer != NULL)
		return adopt(state, place, writer);
	if (code != 0)
		return code == ERR_MISSING || writer == NULL ? 0 : code;
	code = read_marker(zone, &found);
	if (code == 0 && strcmp(found.text, known.text) == 0)
		return 0;
	if (code != 0 && code != ERR_MISSING && code != ERR_FORMAT)
		return code;
	return failed(
		ERR_UNAVAILABLE,
		"zone %s: what is at %s now is not the zone that was there before (%s): is its disk mounted? If it was "
		"replaced, 'nightfold-agent sync --accept-zone %s' takes this one in its place and fills it from the "
		"other zone",
		place->name, place->url, code == 0 ? "its " MARKER " is another one" : "it has no " MARKER,
		place->name);
}

static bool is_of_another(const char *state, const struct zone_place *places, unsigned count, unsigned at,
			  const struct marker *marker)
{
	struct marker other;

	for (unsigned i = 0; i < count; i++) {
		if (i != at && recall(state, &places[i], &other) == 0 && strcmp(other.text, marker->text) == 0)
			return true;
	}
	return false;
}

int known_zone_accept(const char *state, const struct zone_place *places, unsigned count, unsigned at)
{
	const struct zone_place *place = &places[at];
	struct zone_writer *writer = NULL;
	struct marker marker;
	int code = zone_open_writer(place, &writer);

	if (code != 0)
		return code;
	code = read_marker(zone_reading(writer), &marker);
	if (code == ERR_MISSING || code == ERR_FORMAT ||
	    (code == 0 && is_of_another(state, places, count, at, &marker))) {
		make(&marker);
		code = zone_replace(writer, MARKER, marker.text, MARKER_SIZE);
	}
	zone_close_writer(writer);
	if (code == 0)
		code = remember(state, place, &marker);
	if (code == 0)
		log_info("zone %s: what is at %s now is this zone from here on", place->name, place->url);
	return code;
}
