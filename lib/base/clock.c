#include "base/clock.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"

#define VARIABLE  "NIGHTFOLD_TEST_NOW"
#define ZONES_MAX 16

/* 0000-01-01T00:00:00Z and 9999-12-31T23:59:59Z. */
#define TIME_FIRST (-62167219200LL)
#define TIME_LAST  253402300799LL

static struct {
	bool active, now_set;
	int64_t now;
	struct {
		char *name; /* the part of the variable's name behind VARIABLE "_" */
		int64_t now;
	} zones[ZONES_MAX];
	size_t zone_count;
} test;

static void forget(void)
{
	for (size_t i = 0; i < test.zone_count; i++)
		free(test.zones[i].name);
	memset(&test, 0, sizeof test);
}

/* `assignment`: "NIGHTFOLD_TEST_NOW=..." or "NIGHTFOLD_TEST_NOW_<ZONE>=...". */
static int take(const char *assignment)
{
	const char *equals = strchr(assignment, '=');
	const char *suffix = assignment + strlen(VARIABLE);
	int64_t t;

	if (clock_parse(equals + 1, &t))
		return failed(ERR_USAGE, "%.*s: '%.64s' is no time: expected one as in 2026-11-21T02:00:00Z",
			      (int)(equals - assignment), assignment, equals + 1);
	test.active = true;
	if (suffix == equals) {
		test.now_set = true;
		test.now = t;
		return 0;
	}
	if (test.zone_count == ZONES_MAX)
		return failed(ERR_USAGE, "more than %d variables %s_<ZONE> are set", ZONES_MAX, VARIABLE);
	test.zones[test.zone_count].name = xstrndup(suffix + 1, (size_t)(equals - suffix - 1));
	test.zones[test.zone_count++].now = t;
	return 0;
}

static bool is_ours(const char *assignment)
{
	size_t len = strlen(VARIABLE);

	return strncmp(assignment, VARIABLE, len) == 0 && (assignment[len] == '=' || assignment[len] == '_') &&
	       strchr(assignment, '=');
}

int clock_init(bool test_clock_allowed)
{
	forget();
	for (char **e = environ; e && *e; e++) {
		if (!is_ours(*e))
			continue;
		if (!test_clock_allowed)
			return failed(
				ERR_USAGE,
				"%.*s is set in the environment, but the configuration has no 'test_clock: true': "
				"unset it; a test's clock is for tests only",
				(int)strcspn(*e, "="), *e);
		int code = take(*e);
		if (code) {
			forget();
			return code;
		}
	}
	return 0;
}

bool clock_is_test(void)
{
	return test.active;
}

int64_t clock_now(void)
{
	struct timespec now;

	if (test.now_set)
		return test.now;
	must(clock_gettime(CLOCK_REALTIME, &now) == 0);
	return now.tv_sec;
}

static bool names_zone(const char *variable, const char *zone)
{
	for (; *variable && *zone; variable++, zone++) {
		unsigned char c = (unsigned char)*zone;
		char expected = isalnum(c) ? (char)toupper(c) : '_';

		if (*variable != expected)
			return false;
	}
	return *variable == *zone;
}

int64_t clock_now_zone(const char *zone)
{
	for (size_t i = 0; i < test.zone_count; i++)
		if (names_zone(test.zones[i].name, zone))
			return test.zones[i].now;
	return clock_now();
}

uint64_t clock_ticks(void)
{
	struct timespec now;

	must(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static const char *format_as(int64_t t, const char *colon, char *out)
{
	struct tm tm;
	time_t clamped = t < TIME_FIRST ? TIME_FIRST : t > TIME_LAST ? TIME_LAST : t;

	must(gmtime_r(&clamped, &tm));
	/* Not strftime(), whose %Y does not pad to four digits. The remainders tell the compiler how long it gets. */
	snprintf(out, CLOCK_TEXT_MAX, "%04u-%02u-%02uT%02u%s%02u%s%02uZ", (unsigned)(tm.tm_year + 1900) % 10000,
		 (unsigned)(tm.tm_mon + 1) % 100, (unsigned)tm.tm_mday % 100, (unsigned)tm.tm_hour % 100, colon,
		 (unsigned)tm.tm_min % 100, colon, (unsigned)tm.tm_sec % 100);
	return out;
}

const char *clock_format(int64_t t, char *out)
{
	return format_as(t, ":", out);
}

const char *clock_format_name(int64_t t, char *out)
{
	return format_as(t, "", out);
}

/* `pattern`: '0' stands for a digit, anything else for itself. */
static bool matches(const char *text, const char *pattern)
{
	for (; *pattern; text++, pattern++)
		if (*pattern == '0' ? !(*text >= '0' && *text <= '9') : *text != *pattern)
			return false;
	return *text == '\0';
}

static int number(const char *text, int digits)
{
	int n = 0;

	while (digits-- > 0)
		n = 10 * n + (*text++ - '0');
	return n;
}

int clock_parse(const char *text, int64_t *t)
{
	bool seconds = matches(text, "0000-00-00T00:00:00Z");
	bool minutes = seconds || matches(text, "0000-00-00T00:00Z") || matches(text, "0000-00-00T00:00");
	struct tm tm = { 0 };

	if (!minutes && !matches(text, "0000-00-00"))
		return failed(ERR_FORMAT, "'%.40s' is no time: expected one as in 2026-11-21T02:00:00Z or 2026-11-21",
			      text);
	tm.tm_year = number(text, 4) - 1900;
	tm.tm_mon = number(text + 5, 2) - 1;
	tm.tm_mday = number(text + 8, 2);
	if (minutes) {
		tm.tm_hour = number(text + 11, 2);
		tm.tm_min = number(text + 14, 2);
	}
	if (seconds)
		tm.tm_sec = number(text + 17, 2);

	struct tm same = tm;
	time_t result = timegm(&same);
	/* timegm() turns 31 April into 1 May: what it changed does not exist. */
	if (same.tm_year != tm.tm_year || same.tm_mon != tm.tm_mon || same.tm_mday != tm.tm_mday ||
	    same.tm_hour != tm.tm_hour || same.tm_min != tm.tm_min || same.tm_sec != tm.tm_sec)
		return failed(ERR_FORMAT, "'%s' does not exist in the calendar", text);
	*t = result;
	return 0;
}

const char *clock_format_span(int64_t seconds, char *out)
{
	static const struct {
		uint64_t seconds;
		const char *name;
	} units[] = { { 86400, "d" }, { 3600, "h" }, { 60, "min" }, { 1, "s" } };
	uint64_t left = seconds < 0 ? -(uint64_t)seconds : (uint64_t)seconds;
	const char *sign = seconds < 0 ? "-" : "";
	size_t i = 0;

	while (i < 3 && left < units[i].seconds)
		i++;
	uint64_t whole = left / units[i].seconds;
	unsigned count = whole > UINT_MAX ? UINT_MAX : (unsigned)whole;
	unsigned rest = i < 3 ? (unsigned)(left % units[i].seconds / units[i + 1].seconds) : 0;
	if (rest != 0)
		snprintf(out, CLOCK_TEXT_MAX, "%s%u %s %u %s", sign, count, units[i].name, rest, units[i + 1].name);
	else
		snprintf(out, CLOCK_TEXT_MAX, "%s%u %s", sign, count, units[i].name);
	return out;
}
