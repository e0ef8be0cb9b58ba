#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"

static int forget_test_clock(void **state)
{
	(void)state;
	unsetenv("NIGHTFOLD_TEST_NOW");
	unsetenv("NIGHTFOLD_TEST_NOW_AMS_1");
	unsetenv("NIGHTFOLD_TEST_NOW_AMS");
	return clock_init(false);
}

static void without_a_test_the_time_is_the_systems(void **state)
{
	time_t before = time(NULL);

	(void)state;
	assert_int_equal(clock_init(true), 0);
	assert_false(clock_is_test());
	/* time() reads a coarser clock, which may lag by a tick. */
	assert_in_range(clock_now(), before, before + 3);
	assert_in_range(clock_now_zone("ams-1"), before, before + 3);
}

static void a_test_sets_the_time_of_the_program_and_of_each_zone(void **state)
{
	(void)state;
	setenv("NIGHTFOLD_TEST_NOW", "2026-11-21T02:00:00Z", 1);
	setenv("NIGHTFOLD_TEST_NOW_AMS_1", "2026-11-21T03:00:00Z", 1);
	assert_int_equal(clock_init(true), 0);
	assert_true(clock_is_test());
	assert_int_equal(clock_now(), 1795226400);
	assert_int_equal(clock_now_zone("ams-1"), 1795226400 + 3600);
	assert_int_equal(clock_now_zone("ams-2"), 1795226400);
	assert_int_equal(clock_now_zone("ams"), 1795226400);
	assert_int_equal(clock_now_zone("ams-10"), 1795226400);
}

static void a_zone_alone_may_have_a_tests_time(void **state)
{
	time_t before = time(NULL);

	(void)state;
	setenv("NIGHTFOLD_TEST_NOW_AMS", "2001-09-09T01:46:40Z", 1);
	assert_int_equal(clock_init(true), 0);
	assert_true(clock_is_test());
	assert_int_equal(clock_now_zone("ams"), 1000000000);
	assert_in_range(clock_now(), before, before + 3);
}

static void a_tests_time_is_refused_where_it_is_not_allowed(void **state)
{
	(void)state;
	setenv("NIGHTFOLD_TEST_NOW_AMS_1", "2026-11-21T03:00:00Z", 1);
	assert_int_equal(clock_init(false), ERR_USAGE);
	assert_non_null(strstr(err_message(), "NIGHTFOLD_TEST_NOW_AMS_1 is set"));
	assert_non_null(strstr(err_message(), "test_clock: true"));
	assert_false(clock_is_test());
}

static void a_tests_time_that_is_none_is_refused(void **state)
{
	static const char *const texts[] = { "", "now", "1795226400", "2026-02-30T00:00:00Z" };

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		setenv("NIGHTFOLD_TEST_NOW", texts[i], 1);
		assert_int_equal(clock_init(true), ERR_USAGE);
		assert_non_null(strstr(err_message(), "NIGHTFOLD_TEST_NOW: "));
		assert_false(clock_is_test());
	}
}

static void too_many_zones_are_refused(void **state)
{
	char name[64];

	(void)state;
	for (int i = 0; i < 17; i++) {
		snprintf(name, sizeof name, "NIGHTFOLD_TEST_NOW_Z%d", i);
		setenv(name, "2026-11-21", 1);
	}
	assert_int_equal(clock_init(true), ERR_USAGE);
	for (int i = 0; i < 17; i++) {
		snprintf(name, sizeof name, "NIGHTFOLD_TEST_NOW_Z%d", i);
		unsetenv(name);
	}
}

static void ticks_go_forward(void **state)
{
	uint64_t first = clock_ticks();

	(void)state;
	assert_true(clock_ticks() >= first);
}

static void times_are_written_in_utc_with_four_digit_years(void **state)
{
	static const struct {
		int64_t t;
		const char *text, *name;
	} rows[] = {
		{ 0, "1970-01-01T00:00:00Z", "1970-01-01T000000Z" },
		{ 1795226400, "2026-11-21T02:00:00Z", "2026-11-21T020000Z" },
		{ -1, "1969-12-31T23:59:59Z", "1969-12-31T235959Z" },
		{ -62167219200, "0000-01-01T00:00:00Z", "0000-01-01T000000Z" },
		{ 253402300799, "9999-12-31T23:59:59Z", "9999-12-31T235959Z" },
		{ INT64_MIN, "0000-01-01T00:00:00Z", "0000-01-01T000000Z" },
		{ INT64_MAX, "9999-12-31T23:59:59Z", "9999-12-31T235959Z" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char out[CLOCK_TEXT_MAX];

		assert_string_equal(clock_format(rows[i].t, out), rows[i].text);
		assert_string_equal(clock_format_name(rows[i].t, out), rows[i].name);
	}
}

static void times_are_read_in_four_spellings(void **state)
{
	static const struct {
		const char *text;
		int64_t t;
	} rows[] = {
		{ "2026-11-21T02:00:00Z", 1795226400 }, { "2026-11-21T02:00Z", 1795226400 },
		{ "2026-11-21T02:00", 1795226400 },     { "2026-11-21", 1795219200 },
		{ "0000-01-01", -62167219200 },         { "9999-12-31T23:59:59Z", 253402300799 },
		{ "1969-12-31T23:59:59Z", -1 },         { "2024-02-29", 1709164800 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int64_t t = 0;

		assert_int_equal(clock_parse(rows[i].text, &t), 0);
		assert_int_equal(t, rows[i].t);
	}
}

static void what_is_no_time_is_refused_and_leaves_the_result_alone(void **state)
{
	static const char *const texts[] = { "",
					     "2026",
					     "2026-11-21 02:00",
					     "2026-11-21T02:00:00",
					     "2026-11-21T02:00:00+01:00",
					     "2026-11-21T24:00:00Z",
					     "2026-11-21T02:60Z",
					     "2026-11-21T02:00:60Z",
					     "2026-02-29",
					     "2026-04-31",
					     "2026-13-01",
					     "2026-00-01",
					     "2026-01-00",
					     "02026-01-01",
					     "2026-1-1",
					     "-026-01-01",
					     "2026-11-21T" };

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		int64_t t = 7;

		assert_int_equal(clock_parse(texts[i], &t), ERR_FORMAT);
		assert_int_equal(t, 7);
	}
}

static void spans_are_told_in_two_units_at_most(void **state)
{
	static const struct {
		int64_t seconds;
		const char *text;
	} rows[] = {
		{ 0, "0 s" },
		{ 12, "12 s" },
		{ 60, "1 min" },
		{ 61, "1 min 1 s" },
		{ 3600, "1 h" },
		{ 3601, "1 h" },
		{ 7500, "2 h 5 min" },
		{ 86400, "1 d" },
		{ 3 * 86400 + 4 * 3600 + 59, "3 d 4 h" },
		{ -90, "-1 min 30 s" },
		{ INT64_MIN, "-4294967295 d 15 h" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char out[CLOCK_TEXT_MAX];

		assert_string_equal(clock_format_span(rows[i].seconds, out), rows[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(without_a_test_the_time_is_the_systems, forget_test_clock),
		cmocka_unit_test_teardown(a_test_sets_the_time_of_the_program_and_of_each_zone, forget_test_clock),
		cmocka_unit_test_teardown(a_zone_alone_may_have_a_tests_time, forget_test_clock),
		cmocka_unit_test_teardown(a_tests_time_is_refused_where_it_is_not_allowed, forget_test_clock),
		cmocka_unit_test_teardown(a_tests_time_that_is_none_is_refused, forget_test_clock),
		cmocka_unit_test_teardown(too_many_zones_are_refused, forget_test_clock),
		cmocka_unit_test(ticks_go_forward),
		cmocka_unit_test(times_are_written_in_utc_with_four_digit_years),
		cmocka_unit_test(times_are_read_in_four_spellings),
		cmocka_unit_test(what_is_no_time_is_refused_and_leaves_the_result_alone),
		cmocka_unit_test(spans_are_told_in_two_units_at_most),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
