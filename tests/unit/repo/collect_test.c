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

/*
 * The host of the agent was lost, and the new one does not know the old one's key: what that key signed is no rubbish.
 */
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

/* Everything of the packs is sent, and before the header the leases turn out to be gone. */
static void interrupted_run(struct nights *n, const struct worker_host *host)
{
	struct night t;
	char path[512];

	night_begin(n, host, &t);
	for (unsigned z = 0; z < 2; z++) {
		in_zone(n, z, NIGHT_DATASET "/lease", path);
		remove_tree(path);
	}
	assert_int_equal(night_snapshot(&t), ERR_UNAVAILABLE);
	night_end(&t);
}

static void pruning_leaves_what_an_interrupted_run_has_sent_to_the_next(void **state)
{
	struct nights *n = *state;
	struct night t;

	write_file(n, "a", 300000, 1);
	run_night(n, &n->agent);
	remove_file(n, "a");
	days_pass(n, NIGHT_DAYS - 1);
	run_night(n, &n->agent);
	write_file(n, "b", 300000, 2);
	interrupted_run(n, &n->agent);
	size_t before = zone_count(n, 0, "packs");

	days_pass(n, 1);
	for (int hour = 0; hour < 3; hour++) {
		set_now(n, n->now + 3600);
		prune_night(n, &n->agent, &t);
		assert_int_equal(t.collected.deleted, hour == 0 ? 2 : 0);
		night_end(&t);
	}
	assert_int_equal(zone_count(n, 0, "packs"), before - 2);
	whole_run(n, &n->agent, &t);
	assert_int_equal(t.taken.new_chunks, 0);
	night_end(&t);
	assert_sound(n, 2);
}

/*
 * One chunk, stored in each zone while the other was away: each zone needs its own copy until sync has brought it the
 * other's.
 */
static void what_a_zone_has_does_not_hang_on_a_copy_in_the_other(void **state)
{
	struct nights *n = *state;
	struct night t;

	write_file(n, "a", 300000, 1);
	for (unsigned z = 0; z < 2; z++) {
		zone_away(n, 1 - z);
		days_pass(n, 1);
		run_night(n, &n->agent);
		zone_back(n, 1 - z);
	}
	prune_night(n, &n->agent, &t);
	assert_int_equal(t.collected.deleted, 0);
	for (size_t i = 0; i < t.repo->snapshot_count; i++) {
		const struct snapshot *s = &t.repo->snapshots[i];
		struct reach *w = reach_new(t.repo);

		assert_int_equal(s->zones, ZONE_BIT(i));
		reach_only(w, (uint8_t)(PACK_IN_0 << i));
		assert_int_equal(reach_add(w, s->header.root_id, NULL, NULL), 0);
		assert_int_equal(reach_missing_count(w), 0);
		reach_free(w);
	}
	night_end(&t);
	days_pass(n, 1);
	run_night(n, &n->agent);
	days_pass(n, 1);
	run_night(n, &n->agent);
	assert_sound(n, 4);
}

static void live_pack_of(struct nights *n, uint8_t name[DIGEST_SIZE])
{
	struct night t;
	struct index_pack pack;
	enum pack_origin origin;

	night_begin(n, &n->agent, &t);
	assert_int_equal(catalog_pack(t.repo->catalog, 0, &pack, &origin), 0);
	assert_int_equal(origin, PACK_INDEXED);
	memcpy(name, pack.name, DIGEST_SIZE);
	night_end(&t);
}

static void a_mark_on_what_is_needed_is_taken_away(void **state)
{
	struct nights *n = *state;
	struct night t;
	struct condemned mark = { .dataset = NIGHT_DATASET, .since = n->now };
	struct zone_writer *writer;
	_buf_ struct buf body = { 0 }, object = { 0 };
	char name[OBJECT_NAME_MAX];

	n->config.grace.seconds = 3600;
	write_file(n, "a", 300000, 1);
	run_night(n, &n->agent);
	live_pack_of(n, mark.pack);
	buf_init(&body, MARK_MAX, "mark");
	buf_init(&object, MARK_MAX, "mark");
	assert_int_equal(condemned_encode(&mark, &body), 0);
	assert_int_equal(signed_encode(SIGNED_CONDEMNED, n->pruner.signer, &body, &object), 0);
	for (unsigned z = 0; z < 2; z++) {
		assert_int_equal(zone_open_writer(&n->places[z], &writer), 0);
		assert_int_equal(
			zone_put(writer, name_condemned(NIGHT_DATASET, mark.pack, name), object.data, object.len), 0);
		zone_close_writer(writer);
	}
	days_pass(n, 1);
	prune_night(n, &n->pruner, &t);
	assert_int_equal(t.collected.unmarked, 1);
	assert_int_equal(t.collected.deleted, 0);
	night_end(&t);
	assert_int_equal(zone_count(n, 0, "condemned") + zone_count(n, 1, "condemned"), 0);
	assert_sound(n, 1);
}

static void nothing_is_freed_when_a_chunk_is_lost(void **state)
{
	struct nights *n = *state;
	struct night t;
	uint8_t pack[DIGEST_SIZE];
	char name[OBJECT_NAME_MAX], path[512];

	write_file(n, "a", 300000, 1);
	run_night(n, &n->agent);
	live_pack_of(n, pack);
	for (unsigned z = 0; z < 2; z++) {
		in_zone(n, z, name_pack(NIGHT_DATASET, pack, name), path);
		assert_int_equal(unlink(path), 0);
	}
	write_file(n, "a", 10, 2);
	days_pass(n, 1);
	whole_run(n, &n->agent, &t);
	assert_int_equal(told(&t, FINDING_MISSING), 1);
	assert_int_equal(findings_exit(t.findings, false), EXIT_DEGRADED);
	assert_int_equal(t.collected.condemned + t.collected.deleted, 0);
	night_end(&t);
}

static void nothing_is_freed_while_a_zone_is_away(void **state)
{
	struct nights *n = *state;
	struct night t;

	write_file(n, "a", 300000, 1);
	run_night(n, &n->agent);
	remove_file(n, "a");
	days_pass(n, NIGHT_DAYS);
	zone_away(n, 1);
	whole_run(n, &n->agent, &t);
	assert_int_equal(t.retired.owed, 1);
	assert_int_equal(t.collected.condemned + t.collected.deleted, 0);
	night_end(&t);
	zone_back(n, 1);
	set_now(n, n->now + 60);
	whole_run(n, &n->agent, &t);
	assert_int_equal(t.retired.destroyed, 1);
	/* Everything but the pack of nodes and what the new snapshots need. */
	assert_true(t.collected.deleted >= 1);
	night_end(&t);
	assert_int_equal(zone_count(n, 1, "seals"), 2);
	assert_sound(n, 2);
}

static void packs_that_no_index_names_are_an_agents_to_free(void **state)
{
	struct nights *n = *state;
	struct night t;

	write_file(n, "a", 300000, 1);
	interrupted_run(n, &n->agent);
	lose_state(&n->agent);
	assert_int_equal(zone_count(n, 0, "packs"), 2);
	days_pass(n, 1);
	prune_night(n, &n->pruner, &t);
	assert_int_equal(t.collected.deleted, 0);
	night_end(&t);
	prune_night(n, &n->agent, &t);
	assert_int_equal(t.collected.deleted, 2);
	night_end(&t);
	assert_int_equal(zone_count(n, 0, "packs") + zone_count(n, 1, "packs"), 0);
}

/* Twenty files, a chunk each, of which one is left. */
static void a_pack_that_is_mostly_dead_is_compacted(void **state)
{
	struct nights *n = *state;
	struct night t;
	char name[32];

	for (unsigned i = 0; i < 20; i++) {
		snprintf(name, sizeof name, "file-%u", i);
		write_file(n, name, 60000, i + 1);
	}
	run_night(n, &n->agent);
	for (unsigned i = 1; i < 20; i++) {
		snprintf(name, sizeof name, "file-%u", i);
		remove_file(n, name);
	}
	days_pass(n, NIGHT_DAYS);
	whole_run(n, &n->agent, &t);
	assert_int_equal(t.collected.compacted, 1);
	assert_true(t.collected.rewritten_bytes > 60000 && t.collected.rewritten_bytes < 120000);
	assert_int_equal(told(&t, FINDING_REFUSED), 0);
	night_end(&t);
	assert_sound(n, 1);

	set_now(n, n->now + 60);
	prune_night(n, &n->agent, &t);
	assert_true(t.collected.deleted >= 1);
	assert_true(t.collected.freed_bytes > 1000000);
	night_end(&t);
	assert_sound(n, 1);

	/* Nobody but a signed index needs to remember. */
	lose_state(&n->agent);
	days_pass(n, 1);
	whole_run(n, &n->agent, &t);
	assert_int_equal(t.taken.new_chunks, 0);
	night_end(&t);
	assert_sound(n, 2);
}

/* Files of a chunk each in one pack, of which some are left. */
static void compaction_writes_at_most_a_tenth_of_what_it_frees(void **state)
{
	static const struct {
		unsigned left;
		bool compacted;
	} cases[] = { { 1, true }, { 18, true }, { 19, false }, { 20, false } };
	char name[32];

	for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
		struct nights *n = k == 0 ? *state : nights_new();
		struct night t;

		for (unsigned i = 0; i < 200; i++) {
			snprintf(name, sizeof name, "file-%u", i);
			write_file(n, name, 60000, i + 1);
		}
		run_night(n, &n->agent);
		for (unsigned i = 0; i < 200 - cases[k].left; i++) {
			snprintf(name, sizeof name, "file-%u", i);
			remove_file(n, name);
		}
		days_pass(n, NIGHT_DAYS);
		whole_run(n, &n->agent, &t);
		uint64_t rewritten = t.collected.rewritten_bytes;
		assert_int_equal(t.collected.compacted, cases[k].compacted);
		assert_int_equal(rewritten > 0, cases[k].compacted);
		night_end(&t);
		set_now(n, n->now + 60);
		prune_night(n, &n->agent, &t);
		assert_int_equal(t.collected.compacted, 0);
		if (cases[k].compacted)
			assert_true(rewritten * 10 <= t.collected.freed_bytes - rewritten);
		night_end(&t);
		assert_sound(n, 1);
		if (k > 0)
			nights_free(n);
	}
}

static void a_dry_run_tells_the_plan_and_does_nothing(void **state)
{
	struct nights *n = *state;
	struct night t;
	struct collect_options options = { .config = &n->config, .signer = n->agent.signer, .dry_run = true };

	write_file(n, "a", 300000, 1);
	run_night(n, &n->agent);
	remove_file(n, "a");
	days_pass(n, NIGHT_DAYS);
	night_begin(n, &n->agent, &t);
	assert_int_equal(night_snapshot(&t), 0);
	size_t before = zone_count(n, 0, "");
	assert_int_equal(collect(t.repo, &options, &t.collected), 0);
	assert_int_equal(t.collected.deleted, 2);
	assert_int_equal(zone_count(n, 0, ""), before);
	night_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_no_snapshot_needs_is_condemned_and_after_the_grace_deleted, setup,
						teardown),
		cmocka_unit_test_setup_teardown(packs_of_an_agent_that_is_not_configured_are_left_alone, setup,
						teardown),
		cmocka_unit_test_setup_teardown(pruning_leaves_what_an_interrupted_run_has_sent_to_the_next, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_a_zone_has_does_not_hang_on_a_copy_in_the_other, setup, teardown),
		cmocka_unit_test_setup_teardown(a_mark_on_what_is_needed_is_taken_away, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_is_freed_when_a_chunk_is_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_is_freed_while_a_zone_is_away, setup, teardown),
		cmocka_unit_test_setup_teardown(packs_that_no_index_names_are_an_agents_to_free, setup, teardown),
		cmocka_unit_test_setup_teardown(a_pack_that_is_mostly_dead_is_compacted, setup, teardown),
		cmocka_unit_test_setup_teardown(compaction_writes_at_most_a_tenth_of_what_it_frees, setup, teardown),
		cmocka_unit_test_setup_teardown(a_dry_run_tells_the_plan_and_does_nothing, setup, teardown),
	};

	if (secret_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
