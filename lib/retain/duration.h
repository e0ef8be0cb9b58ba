/*
 * Calendar durations: "3 months", "30 days", "26 hours".
 *
 * A month is a calendar month, not 30 days: retention windows are law, and law counts in months (R8).
 * Pure: no clock, no locale, no allocation.
 */
#ifndef RETAIN_DURATION_H
#define RETAIN_DURATION_H

#include <stdint.h>

#include "base/err.h"

/* Longest text that duration_parse() accepts, in bytes; longer is ERR_FORMAT. */
#define DURATION_TEXT_MAX 32

/* Longest duration: 100 years. Anything above is a typing error. */
#define DURATION_MONTHS_MAX  1200
#define DURATION_SECONDS_MAX (100LL * 366 * 86400)

/* Months and seconds are added one after the other, since a month has no fixed length. At least one of them is 0. */
struct duration {
	int32_t months;
	int64_t seconds;
};

/*
 * Reads "<count> <unit>"; unit is minute, hour, day, week, month or year, singular or plural.
 * Returns 0, or ERR_FORMAT (a message says what was expected); *out is then untouched.
 */
must_check int duration_parse(const char *text, struct duration *out);

/*
 * The moment `d` after `t` (seconds since the epoch, UTC, proleptic Gregorian calendar). Where the day does not exist
 * in the target month, its last day: 30 November + 3 months is 28 or 29 February.
 */
int64_t duration_after(int64_t t, struct duration d);

#endif
