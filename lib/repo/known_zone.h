/*
 * Which zone stands where the configuration says. Each zone holds a random identity in the object NIGHTFOLD-ZONE, made
 * by the first agent that writes there, and `state` remembers it under the zone's name: the empty folder beneath an
 * unmounted disk, or another disk in its place, is not taken for the zone. It protects against mistakes; it is no
 * authority, and says nothing of what is in the zone.
 */
#ifndef REPO_KNOWN_ZONE_H
#define REPO_KNOWN_ZONE_H

#include "zone/zone.h"

/*
 * ERR_UNAVAILABLE when another zone was seen under this name; the message says what to do. Nothing remembered: whatever
 * stands there is the zone, and with a `writer` it is given an identity where it has none, and remembered. Without one
 * nothing is written anywhere, and what `state` does not let us read does not count.
 */
must_check int known_zone_check(const char *state, const struct zone_place *place, struct zone *zone,
				struct zone_writer *writer);

/*
 * What stands at places[at] now is the zone from here on: after its disk was replaced. An identity that it has is kept
 * (another host may know it), unless it is that of another of these places, of which it is a copy.
 */
must_check int known_zone_accept(const char *state, const struct zone_place *places, unsigned count, unsigned at);

#endif
