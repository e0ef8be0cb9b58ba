#include "made.h"

#include "base/alloc.h"
#include "repo/known_zone.h"

#define MARKER "NIGHTFOLD-ZONE"

struct places {
	char urls[2][128], state[128];
	struct zone_place rows[2];
};

static void find_places(const struct made *m, struct places *p)
{
	static const char *const names[] = { "z0", "z1" };

	snprintf(p->state, sizeof p->state, "%s/state", m->folder);
	for (unsigned i = 0; i < 2; i++) {
		snprintf(p->urls[i], sizeof p->urls[i], "file://%s/z%u", m->folder, i);
		p->rows[i] = (struct zone_place){ .name = names[i], .url = p->urls[i] };
	}
}

static int check_as(const struct made *m, const char *state, unsigned zone, bool remember)
{
	struct places p;

	find_places(m, &p);
	return known_zone_check(state == NULL ? p.state : state, &p.rows[zone], zone_reading(m->zones[zone]),
				remember ? m->zones[zone] : NULL);
}

static void a_zone_is_remembered_from_the_first_time_on(void **state)
{
	struct made *m = *state;

	assert_int_equal(check_as(m, NULL, 0, false), 0); /* who only reads writes nothing */
	assert_false(is_there(m, 0, MARKER));
	assert_int_equal(check_as(m, NULL, 0, true), 0);
	assert_true(is_there(m, 0, MARKER));
	assert_int_equal(check_as(m, NULL, 0, true), 0);
	assert_int_equal(check_as(m, NULL, 0, false), 0);

	take_away(m, 0, MARKER);
	for (unsigned remember = 0; remember < 2; remember++) {
		assert_int_equal(check_as(m, NULL, 0, remember), ERR_UNAVAILABLE);
		assert_non_null(strstr(err_message(), "is its disk mounted?"));
		assert_non_null(strstr(err_message(), "nightfold-agent sync --accept-zone z0"));
		assert_false(is_there(m, 0, MARKER));
	}
}

static void what_stands_there_instead_is_not_the_zone(void **state)
{
	static const char *const rows[] = {
		"",
		"nightfold-zone 1 00112233445566778899aabbccddeeff\n",
		"nightfold-zone 1 00112233445566778899aabbccddeeff",
		"nightfold-zone 1 00112233445566778899aabbccddeeXX\n",
		"nightfold-zone 2 00112233445566778899aabbccddeeff\n",
		"nightfold-zone 1 00112233445566778899aabbccddeeff\n\n",
	};
	struct made *m = *state;
	struct places p;

	find_places(m, &p);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		_free_ char *host = xasprintf("%s/state-%zu", m->folder, i);

		assert_int_equal(check_as(m, host, 1, true), 0);
		save_file(path_in(m, 1, MARKER), rows[i], strlen(rows[i]));
		assert_int_equal(check_as(m, host, 1, true), ERR_UNAVAILABLE);
		assert_int_equal(known_zone_accept(host, p.rows, 2, 1), 0);
		assert_int_equal(check_as(m, host, 1, true), 0);
	}
}

static void another_host_knows_the_zone_by_the_same_identity(void **state)
{
	struct made *m = *state;
	struct places p;
	_free_ char *other = xasprintf("%s/other", m->folder);

	find_places(m, &p);
	assert_int_equal(check_as(m, NULL, 0, true), 0);
	assert_int_equal(check_as(m, other, 0, true), 0);
	take_away(m, 0, MARKER);
	assert_int_equal(known_zone_accept(p.state, p.rows, 2, 0), 0);
	assert_int_equal(check_as(m, other, 0, true), ERR_UNAVAILABLE);
	assert_int_equal(known_zone_accept(other, p.rows, 2, 0), 0);
	assert_int_equal(check_as(m, other, 0, true), 0);
	assert_int_equal(check_as(m, NULL, 0, true), 0);
}

static void zones_that_were_swapped_are_told(void **state)
{
	struct made *m = *state;
	char path[2][600], aside[600];

	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(check_as(m, NULL, i, true), 0);
		snprintf(path[i], sizeof path[i], "%s/z%u/" MARKER, m->folder, i);
	}
	snprintf(aside, sizeof aside, "%s/aside", m->folder);
	assert_int_equal(rename(path[0], aside), 0);
	assert_int_equal(rename(path[1], path[0]), 0);
	assert_int_equal(rename(aside, path[1]), 0);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(check_as(m, NULL, i, true), ERR_UNAVAILABLE);
		assert_non_null(strstr(err_message(), "is another one"));
	}
}

static void a_record_that_was_damaged_is_none(void **state)
{
	struct made *m = *state;
	_free_ char *record = xasprintf("%s/state/known-zones/z0", m->folder);

	assert_int_equal(check_as(m, NULL, 0, true), 0);
	save_file(record, "junk", 4);
	assert_int_equal(check_as(m, NULL, 0, false), 0);
	assert_int_equal(check_as(m, NULL, 0, true), 0);
	take_away(m, 0, MARKER);
	assert_int_equal(check_as(m, NULL, 0, true), ERR_UNAVAILABLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_zones(a_zone_is_remembered_from_the_first_time_on),
		in_zones(what_stands_there_instead_is_not_the_zone),
		in_zones(another_host_knows_the_zone_by_the_same_identity),
		in_zones(zones_that_were_swapped_are_told),
		in_zones(a_record_that_was_damaged_is_none),
	};

	assert_int_equal(secret_init(), 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
