#include "repo/lease.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "made.h"

#define START INT64_C(1795226400) /* 2026-11-21T02:00:00Z */

static void set_now(int64_t now)
{
	char text[CLOCK_TEXT_MAX];

	assert_int_equal(setenv("NIGHTFOLD_TEST_NOW", clock_format(now, text), 1), 0);
	assert_int_equal(clock_init(true), 0);
}

/* A host is its state folder. */
static int take(struct made *m, const char *state, struct leases **out)
{
	char folder[128], dataset[160];

	snprintf(folder, sizeof folder, "%s/%s", m->folder, state);
	snprintf(dataset, sizeof dataset, "%s/" DATASET, folder);
	assert_int_equal(io_make_dirs(dataset, 0700), 0);
	return lease_take(m->repo, folder, m->agent, out);
}

static const char *lease_name(uint64_t number)
{
	static char names[4][OBJECT_NAME_MAX];
	static unsigned turn;

	return name_lease(DATASET, number, names[turn++ % 4]);
}

/* From now on nothing can be put into the folder of leases. */
static void spoil_leases(struct made *m, unsigned zone, uint64_t number)
{
	take_away(m, zone, lease_name(number));
	assert_int_equal(remove(path_in(m, zone, DATASET "/lease")), 0);
	save_file(path_in(m, zone, DATASET "/lease"), "no folder", 9);
}

static void a_lease_is_in_both_zones_until_it_is_released(void **state)
{
	struct made *m = *state;
	struct leases *l;

	set_now(START);
	made_open(m);
	assert_int_equal(take(m, "a", &l), 0);
	assert_int_equal(lease_zones(l), 3);
	assert_true(lease_only_one(l));
	assert_true(is_there(m, 0, lease_name(1)));
	assert_true(is_there(m, 1, lease_name(1)));
	assert_int_equal(lease_confirm(l), 0);
	lease_release(l);
	assert_false(is_there(m, 0, lease_name(1)));
	assert_false(is_there(m, 1, lease_name(1)));
}

static void another_host_waits_until_it_has_ended(void **state)
{
	struct made *m = *state;
	struct leases *first, *second;

	set_now(START);
	made_open(m);
	assert_int_equal(take(m, "a", &first), 0);
	set_now(START + LEASE_SECONDS - 1);
	assert_int_equal(take(m, "b", &second), ERR_LOCKED);
	assert_non_null(strstr(err_message(), "2026-11-21T03:00:00Z"));
	set_now(START + LEASE_SECONDS);
	assert_int_equal(take(m, "b", &second), 0);
	assert_false(lease_only_one(second));
	assert_int_equal(lease_confirm(first), ERR_LOCKED);
	lease_release(second);
	assert_int_equal(lease_confirm(first), ERR_LOCKED);
	assert_non_null(strstr(err_message(), "ran out"));
	lease_release(first);
}

static void a_host_takes_over_its_own_at_once(void **state)
{
	struct made *m = *state;
	struct leases *killed, *next;

	set_now(START);
	made_open(m);
	assert_int_equal(take(m, "a", &killed), 0);
	assert_int_equal(take(m, "a", &next), 0);
	assert_true(lease_only_one(next));
	assert_false(is_there(m, 0, lease_name(1)));
	assert_true(is_there(m, 0, lease_name(2)));
	assert_int_equal(lease_confirm(killed), ERR_LOCKED);
	lease_release(next);
	lease_release(killed);
}

static void it_is_renewed_when_half_of_its_time_is_over(void **state)
{
	struct made *m = *state;
	struct leases *l, *other;

	set_now(START);
	made_open(m);
	assert_int_equal(take(m, "a", &l), 0);
	set_now(START + LEASE_SECONDS / 2 - 1);
	assert_int_equal(lease_renew(l), 0);
	assert_true(is_there(m, 0, lease_name(1)));
	set_now(START + LEASE_SECONDS / 2);
	assert_int_equal(lease_renew(l), 0);
	for (unsigned zone = 0; zone < 2; zone++) {
		assert_false(is_there(m, zone, lease_name(1)));
		assert_true(is_there(m, zone, lease_name(2)));
	}
	set_now(START + LEASE_SECONDS);
	assert_int_equal(take(m, "b", &other), ERR_LOCKED);
	assert_int_equal(lease_confirm(l), 0);
	lease_release(l);
}

static void a_renewal_that_comes_too_late_is_refused(void **state)
{
	struct made *m = *state;
	struct leases *l, *other;

	set_now(START);
	made_open(m);
	assert_int_equal(take(m, "a", &l), 0);
	set_now(START + 2 * LEASE_SECONDS);
	assert_int_equal(take(m, "b", &other), 0);
	assert_int_equal(lease_renew(l), ERR_LOCKED);
	lease_release(other);
	lease_release(l);
}

static void a_zone_that_cannot_renew_is_left_out(void **state)
{
	struct made *m = *state;
	struct leases *l;

	set_now(START);
	made_open(m);
	assert_int_equal(take(m, "a", &l), 0);
	spoil_leases(m, 1, 1);
	set_now(START + LEASE_SECONDS / 2);
	assert_int_equal(lease_renew(l), 0);
	assert_int_equal(lease_zones(l), 1);
	assert_true(has_finding(m, FINDING_UNAVAILABLE, "z1", NULL));
	assert_int_equal(lease_confirm(l), 0);

	spoil_leases(m, 0, 2);
	set_now(START + LEASE_SECONDS);
	assert_int_equal(lease_renew(l), ERR_UNAVAILABLE);
	assert_non_null(strstr(err_message(), "in no zone"));
	lease_release(l);
}

static void a_zone_that_takes_no_lease_is_left_out(void **state)
{
	struct made *m = *state;
	struct leases *l;

	set_now(START);
	made_open(m);
	assert_int_equal(mkdir(path_in(m, 0, DATASET), 0755), 0);
	save_file(path_in(m, 0, DATASET "/lease"), "no folder", 9);
	assert_int_equal(take(m, "a", &l), 0);
	assert_int_equal(lease_zones(l), 2);
	assert_true(has_finding(m, FINDING_UNAVAILABLE, "z0", NULL));
	lease_release(l);
	assert_int_equal(remove(path_in(m, 1, DATASET "/lease")), 0);
	save_file(path_in(m, 1, DATASET "/lease"), "no folder", 9);
	assert_int_equal(take(m, "a", &l), ERR_UNAVAILABLE);
}

static void what_is_no_lease_is_told_and_ignored(void **state)
{
	struct made *m = *state;
	struct leases *l;

	set_now(START);
	made_open(m);
	put_in(m, 1, lease_name(7), "nonsense", 8);
	assert_int_equal(take(m, "a", &l), 0);
	assert_true(has_finding(m, FINDING_FORGED, "z0", lease_name(7)));
	assert_true(is_there(m, 0, lease_name(1)));
	lease_release(l);
	assert_true(is_there(m, 0, lease_name(7)));
}

/* A lease of somebody else. */
static void put_lease_by(struct made *m, const struct secret_key *signer, unsigned zone, uint64_t number, int64_t from,
			 int64_t until)
{
	struct lease lease = {
		.dataset = DATASET, .number = number, .host = "elsewhere", .from = from, .until = until
	};
	_buf_ struct buf body = { 0 };

	buf_init(&body, MARK_MAX, "lease");
	memset(lease.holder, 7, sizeof lease.holder);
	assert_int_equal(lease_encode(&lease, &body), 0);
	put_signed(m, ZONE_BIT(zone), SIGNED_LEASE, signer, &body, lease_name(number), NULL);
}

static void put_lease(struct made *m, unsigned zone, uint64_t number, int64_t from, int64_t until)
{
	put_lease_by(m, m->agent, zone, number, from, until);
}

static void a_pruners_lease_in_one_zone_keeps_others_out_of_that_zone_alone(void **state)
{
	struct made *m = *state;
	struct leases *l;

	set_now(START);
	made_open(m);
	put_lease_by(m, m->pruner, 1, 5, START, START + LEASE_SECONDS);
	assert_int_equal(take(m, "a", &l), 0);
	assert_int_equal(lease_zones(l), 1);
	assert_true(has_finding(m, FINDING_UNAVAILABLE, "z1", NULL));
	assert_int_equal(lease_confirm(l), 0);
	lease_release(l);
	assert_true(is_there(m, 1, lease_name(5)));

	put_lease_by(m, m->pruner, 0, 5, START, START + LEASE_SECONDS);
	assert_int_equal(take(m, "a", &l), ERR_LOCKED);
	assert_non_null(strstr(err_message(), "signed by pruner (key "));
	set_now(START + LEASE_SECONDS);
	assert_int_equal(take(m, "a", &l), 0);
	assert_int_equal(lease_zones(l), 3);
	lease_release(l);
}

/* Nothing of ours stays where it would keep the pruner waiting, and none of both zones is given up for one. */
static void a_pruners_lease_that_appears_later_costs_that_zone(void **state)
{
	static const struct {
		int64_t later;
		int (*step)(struct leases *l);
	} rows[] = { { 60, lease_confirm }, { LEASE_SECONDS / 2, lease_renew } };

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct made *m = *state;
		struct leases *l;

		set_now(START);
		made_open(m);
		assert_int_equal(take(m, "a", &l), 0);
		put_lease_by(m, m->pruner, 0, 9, START, START + LEASE_SECONDS);
		set_now(START + rows[i].later);
		assert_int_equal(rows[i].step(l), 0);
		assert_int_equal(lease_zones(l), 2);
		assert_false(is_there(m, 0, lease_name(1)));
		put_lease_by(m, m->pruner, 1, 9, START, START + LEASE_SECONDS);
		assert_int_equal(lease_confirm(l), ERR_LOCKED);
		lease_release(l);
		assert_false(is_there(m, 1, lease_name(1)));
		take_away(m, 0, lease_name(9));
		take_away(m, 1, lease_name(9));
	}
}

static void a_lease_counts_for_no_longer_than_nightfold_writes_one(void **state)
{
	static const struct {
		int64_t from, until; /* since START */
		int64_t free_at;     /* the first moment at which another may write; 0: at once */
	} rows[] = {
		{ 0, LEASE_SECONDS, LEASE_SECONDS },
		{ 0, 86400, LEASE_SECONDS },
		{ 0, INT64_C(251607074399), LEASE_SECONDS }, /* the last second of 9999 */
		{ -86400, 86400, 0 },
		{ -600, 600, 600 },
		{ 2 * LEASE_SECONDS, 3 * LEASE_SECONDS, 3 * LEASE_SECONDS },
		{ 2 * LEASE_SECONDS + 1, 3 * LEASE_SECONDS, 0 },
		{ 30 * 86400, 30 * 86400 + 60, 0 },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct made *m = *state;
		struct leases *l;

		set_now(START);
		made_open(m);
		put_lease(m, 1, 5, START + rows[i].from, START + rows[i].until);
		if (rows[i].free_at > 0) {
			assert_int_equal(take(m, "a", &l), ERR_LOCKED);
			set_now(START + rows[i].free_at - 1);
			assert_int_equal(take(m, "a", &l), ERR_LOCKED);
			assert_non_null(strstr(err_message(), "by host elsewhere"));
			assert_non_null(strstr(err_message(), "signed by agent (key "));
			set_now(START + rows[i].free_at);
		}
		assert_int_equal(take(m, "a", &l), 0);
		assert_int_equal(lease_zones(l), 3);
		/* What never counts is told, and what does not count is gone for the next. */
		bool odd = rows[i].until - rows[i].from > LEASE_SECONDS || rows[i].from > 2 * LEASE_SECONDS;
		assert_int_equal(has_finding(m, FINDING_FORGED, "z1", lease_name(5)), odd);
		assert_false(lease_only_one(l));
		assert_false(is_there(m, 1, lease_name(5)));
		assert_int_equal(lease_confirm(l), 0);
		lease_release(l);
		assert_int_equal(take(m, "a", &l), 0);
		assert_true(lease_only_one(l));
		lease_release(l);
	}
}

static void who_slept_beyond_its_lease_goes_on_only_if_nobody_had_it_since(void **state)
{
	struct made *m = *state;
	struct leases *sleeper, *other;

	set_now(START);
	made_open(m);
	assert_int_equal(take(m, "a", &sleeper), 0);
	set_now(START + 2 * LEASE_SECONDS);
	assert_int_equal(lease_confirm(sleeper), ERR_LOCKED);
	assert_int_equal(lease_renew(sleeper), 0);
	assert_int_equal(lease_confirm(sleeper), 0);

	set_now(START + 4 * LEASE_SECONDS);
	assert_int_equal(take(m, "b", &other), 0);
	lease_release(other);
	assert_int_equal(lease_renew(sleeper), ERR_LOCKED);
	assert_non_null(strstr(err_message(), "another run has had it since"));
	lease_release(sleeper);
}

static void a_lock_is_held_by_one_at_a_time(void **state)
{
	struct made *m = *state;
	struct lock *first, *second;
	char pid[32];

	snprintf(pid, sizeof pid, "process %ld (first)", (long)getpid());
	assert_int_equal(lock_take(m->folder, DATASET, "first", &first), 0);
	assert_int_equal(lock_take(m->folder, DATASET, "second", &second), ERR_LOCKED);
	assert_null(second);
	assert_non_null(strstr(err_message(), pid));
	assert_int_equal(lock_take(m->folder, "voice", "another dataset", &second), 0);
	lock_release(second);
	lock_release(first);
	assert_int_equal(lock_take(m->folder, DATASET, "second", &second), 0);
	lock_release(second);
	lock_release(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_zones(a_pruners_lease_in_one_zone_keeps_others_out_of_that_zone_alone),
		in_zones(a_pruners_lease_that_appears_later_costs_that_zone),
		in_zones(a_lease_is_in_both_zones_until_it_is_released),
		in_zones(another_host_waits_until_it_has_ended),
		in_zones(a_host_takes_over_its_own_at_once),
		in_zones(it_is_renewed_when_half_of_its_time_is_over),
		in_zones(a_renewal_that_comes_too_late_is_refused),
		in_zones(a_zone_that_cannot_renew_is_left_out),
		in_zones(a_zone_that_takes_no_lease_is_left_out),
		in_zones(what_is_no_lease_is_told_and_ignored),
		in_zones(a_lease_counts_for_no_longer_than_nightfold_writes_one),
		in_zones(who_slept_beyond_its_lease_goes_on_only_if_nobody_had_it_since),
		in_zones(a_lock_is_held_by_one_at_a_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
