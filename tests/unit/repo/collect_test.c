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

static void what_no_snapshot_needs_is_condemned_and_after_the_grace_deleted(void **state)
{
	struct nights *n = *state;
	struct night t;

	n->config.grace.seconds = 86400;
	write_file(n, "a", 300000, 1);
	run_night(n, &n->agent);
	remove_file(n, "a");
	write_file(n, "b", 300000, 2);
	days_pass(n, NIGHT_DAYS - 1);
	run_night(n, &n->agent);
	size_t before = zone_count(n, 0, "packs");

	days_pass(n, 1);
	whole_run(n, &n->agent, &t);
	assert_int_equal(t.retired.destroyed, 1);
	assert_int_equal(t.collected.condemned, 2);
	assert_int_equal(t.collected.deleted, 0);
	night_end(&t);
	assert_int_equal(zone_count(n, 0, "packs"), before);
	assert_int_equal(zone_count(n, 1, "condemned"), 2);

	set_now(n, n->now + 3600);
	prune_night(n, &n->agent, &t);
	assert_int_equal(t.collected.waiting, 2);
	night_end(&t);

	days_pass(n, 1);
	prune_night(n, &n->agent, &t);
	assert_int_equal(t.collected.deleted, 2);
	assert_true(t.collected.freed_bytes > 300000);
	night_end(&t);
	for (unsigned z = 0; z < 2; z++) {
		assert_int_equal(zone_count(n, z, "packs"), before - 2);
		assert_int_equal(zone_count(n, z, "condemned"), 0);
	}
	assert_sound(n, 2);
}

/* The host of the agent was lost, and the new one does not know the old one's key: what that key signed is no rubbish. */
static void packs_of_an_agent_that_is_not_configured_are_left_alone(void **state)
{
	struct nights *n = *state;
	struct night t;

	write_file(n, "a", 300000, 1);
	run_night(n, &n->agent);
	size_t before = zone_count(n, 0, "packs");

	trust_remove(n, n->agent.signer);
	days_pass(n, 1);
	whole_run(n, &n->second, &t);
	assert_int_equal(t.collected.deleted, 0);
	assert_int_equal(t.collected.condemned, 0);
	assert_true(told(&t, FINDING_FORGED) > 0);
	night_end(&t);
	assert_int_equal(zone_count(n, 0, "packs"), before + 2);

	trust_add(n, "agent", n->agent.signer);
	assert_sound(n, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_no_snapshot_needs_is_condemned_and_after_the_grace_deleted, setup,
						teardown),
		cmocka_unit_test_setup_teardown(packs_of_an_agent_that_is_not_configured_are_left_alone, setup,
						teardown),
	};

	if (secret_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
