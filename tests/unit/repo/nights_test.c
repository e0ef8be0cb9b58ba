/* Several hosts and whole nights on the same zones. */
#include "night.h"

static int setup(void **state)
{
	*state = nights_new();
	return 0;
}

static int teardown(void **state)
{
	nights_free(*state);
	return 0;
}

static void who_is_locked_out_leaves_nothing_that_locks_the_other_out(void **state)
{
	struct nights *n = *state;
	struct night first, other;

	night_begin(n, &n->agent, &first);
	assert_int_equal(night_try(n, &n->pruner, &other), ERR_LOCKED);
	night_end(&other);
	assert_int_equal(zone_count(n, 0, "lease"), 1);
	assert_int_equal(lease_confirm(first.leases), 0);

	/* The first sleeps for too long. */
	set_now(n, n->now + LEASE_SECONDS);
	night_begin(n, &n->second, &other);
	assert_false(lease_only_one(other.leases));
	assert_int_equal(lease_renew(first.leases), ERR_LOCKED);
	assert_int_equal(lease_confirm(first.leases), ERR_LOCKED);
	night_end(&first);
	assert_int_equal(zone_count(n, 0, "lease"), 1);
	set_now(n, n->now + LEASE_SECONDS / 2 + 1);
	assert_int_equal(lease_renew(other.leases), 0);
	night_end(&other);
	assert_int_equal(zone_count(n, 1, "lease"), 0);
}

static void a_zone_that_fails_amid_a_run_is_left_out_of_its_commit(void **state)
{
	struct nights *n = *state;
	struct night t;

	write_file(n, "a", 1000, 1);
	night_begin(n, &n->agent, &t);
	zone_break(n, 1);
	set_now(n, n->now + LEASE_SECONDS / 2 + 1);
	assert_int_equal(lease_renew(t.leases), 0);
	/* Back, but others may have written there meanwhile: it is no longer ours. */
	zone_mend(n, 1);
	assert_int_equal(night_snapshot(&t), 0);
	assert_int_equal(t.taken.zones, 1);
	night_end(&t);
	set_now(n, n->now + LEASE_SECONDS);
	run_night(n, &n->agent);
	assert_sound(n, 2);
}

static void who_deletes_the_lease_of_one_zone_stops_only_what_goes_there(void **state)
{
	struct nights *n = *state;
	char path[512];
	struct night t;

	write_file(n, "a", 1000, 1);
	night_begin(n, &n->agent, &t);
	in_zone(n, 1, NIGHT_DATASET "/lease", path);
	remove_tree(path);
	assert_int_equal(night_snapshot(&t), 0);
	assert_int_equal(t.taken.zones, 1);
	assert_int_equal(told(&t, FINDING_UNAVAILABLE), 1);
	night_end(&t);
	days_pass(n, 1);
	run_night(n, &n->agent);
	assert_sound(n, 2);
}

static void nothing_is_committed_when_every_lease_is_lost(void **state)
{
	struct nights *n = *state;
	struct night t;

	night_begin(n, &n->agent, &t);
	zone_break(n, 0);
	zone_break(n, 1);
	set_now(n, n->now + LEASE_SECONDS / 2 + 1);
	assert_int_equal(lease_renew(t.leases), ERR_UNAVAILABLE);
	zone_mend(n, 0);
	zone_mend(n, 1);
	assert_int_equal(lease_confirm(t.leases), ERR_UNAVAILABLE);
	assert_int_equal(night_snapshot(&t), ERR_UNAVAILABLE);
	night_end(&t);
	assert_int_equal(zone_count(n, 0, "snapshots") + zone_count(n, 1, "snapshots"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(who_is_locked_out_leaves_nothing_that_locks_the_other_out, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_zone_that_fails_amid_a_run_is_left_out_of_its_commit, setup,
						teardown),
		cmocka_unit_test_setup_teardown(who_deletes_the_lease_of_one_zone_stops_only_what_goes_there, setup,
						teardown),
		cmocka_unit_test_setup_teardown(nothing_is_committed_when_every_lease_is_lost, setup, teardown),
	};

	if (secret_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
