/*
 * What time it is, and how times are written. The only place that reads the wall clock.
 *
 * Times are int64_t seconds since the epoch in UTC. With `test_clock: true` in the configuration, NIGHTFOLD_TEST_NOW
 * sets the time for the whole program and NIGHTFOLD_TEST_NOW_<ZONE> that of one zone (zone name in upper case, every
 * byte that is no letter or digit as '_'); without that line these variables are refused (ERR_USAGE).
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define CLOCK_TEXT_MAX 32

/* Reads the environment once, before threads start. ERR_USAGE: variables set while not allowed, or not a time. */
must_check int clock_init(bool test_clock_allowed);
bool clock_is_test(void);
int64_t clock_now(void);

/* The time that a test set for a zone, or clock_now(). */
int64_t clock_now_zone(const char *zone);

/* Monotonic nanoseconds, for durations only. */
uint64_t clock_ticks(void);

/* "2026-11-21T02:00:00Z". out: CLOCK_TEXT_MAX bytes. Returns out. Years 0000 to 9999; others are clamped. */
const char *clock_format(int64_t t, char *out);
/* "2026-11-21T020000Z", as in object names. */
const char *clock_format_name(int64_t t, char *out);

/* Reads "2026-11-21T02:00:00Z", "2026-11-21T02:00Z", "2026-11-21T02:00", "2026-11-21" (midnight). ERR_FORMAT else. */
must_check int clock_parse(const char *text, int64_t *t);

/* "2 h 5 min", "3 d 4 h", "12 s": two units at most, for people. */
const char *clock_format_span(int64_t seconds, char *out);

#endif
