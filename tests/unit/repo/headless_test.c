/*
 * Seals whose headers both zones lost or damaged: kept until their time is over, put back where that can be,
 * destroyed then.
 */
#include "base/hex.h"
#include "repo/certificate.h"
#include "repo/check.h"
#include "repo/memory.h"

#include "night.h"

static int setup(void **state)
{
	struct nights *n = nights_new();

	write_file(n, "a", 1000, 1);
	*state = n;
	return 0;
}

static int teardown(void **state)
{
	nights_free(*state);
	return 0;
}

static void remove_from(const struct nights *n, unsigned zones, const char *name)
{
	for (unsigned z = 0; z < 2; z++) {
		char path[512];

		in_zone(n, z, name, path);
		if ((zones & ZONE_BIT(z)) != 0)
			assert_int_equal(unlink(path), 0);
	}
}

static void cut_in(const struct nights *n, unsigned zones, const char *name)
{
	for (unsigned z = 0; z < 2; z++) {
		char path[512];

		in_zone(n, z, name, path);
		if ((zones & ZONE_BIT(z)) != 0)
			assert_int_equal(truncate(path, 100), 0);
	}
}

static void empty_headers(const struct nights *n, unsigned zone)
{
	_free_ char *path = xasprintf("%s/" NIGHT_DATASET "/snapshots", n->zone_paths[zone]);

	remove_tree(path);
}

static void forget_intents(const struct nights *n)
{
	for (unsigned z = 0; z < 2; z++) {
		_free_ char *path = xasprintf("%s/" NIGHT_DATASET "/intents", n->zone_paths[z]);

		remove_tree(path);
	}
}

/* A night with something new; the name of its header. */
static void new_night(struct nights *n, unsigned seed, char header[OBJECT_NAME_MAX])
{
	struct night t;

	write_file(n, "b", 100000, seed);
	whole_run(n, &n->agent, &t);
	name_header(NIGHT_DATASET, t.taken.header.taken_at, t.taken.header.id, header);
	night_end(&t);
}

static const char *seal_of(const char *header, char seal[OBJECT_NAME_MAX])
{
	int64_t taken_at;
	uint8_t id[SNAPSHOT_ID_SIZE];

	assert_int_equal(name_parse_header(header, NIGHT_DATASET, &taken_at, id), 0);
	return name_seal(NIGHT_DATASET, id, 1, seal);
}

static bool has_certificate(const struct worker_host *host, const char *header, const char *saying)
{
	int64_t taken_at;
	uint8_t id[SNAPSHOT_ID_SIZE];
	_buf_ struct buf text = { 0 };

	assert_int_equal(name_parse_header(header, NIGHT_DATASET, &taken_at, id), 0);
	_free_ char *path = certificate_path(host->state, NIGHT_DATASET, id);
	buf_init(&text, 65536, "certificate");
	if (io_load(path, &text) != 0)
		return false;
	assert_int_equal(buf_terminate(&text), 0);
	return strstr((char *)text.data, saying) != NULL;
}

/* Destroys and collects as this host; what is told stays open for a look. */
static void assert_kept(struct nights *n, const struct worker_host *host, size_t seals, enum finding_kind kind)
{
	struct night t;

	prune_night(n, host, &t);
	assert_int_equal(t.retired.destroyed + t.retired.stray_seals + t.retired.owed, 0);
	assert_int_equal(t.collected.condemned + t.collected.deleted, 0);
	assert_true(told(&t, kind) > 0);
	night_end(&t);
	for (unsigned z = 0; z < 2; z++)
		assert_int_equal(zone_count(n, z, "seals"), seals);
}

/* ---- the seal of a run that was ended ---- */

static void the_seal_of_an_ended_run_is_destroyed_when_every_zone_is_there(void **state)
{
	struct nights *n = *state;
	struct night t;
	uint8_t id[SNAPSHOT_ID_SIZE] = { 7 };
	char name[OBJECT_NAME_MAX];

	run_night(n, &n->agent);
	night_begin(n, &n->agent, &t);
	assert_int_equal(remember_unfinished(t.repo->memory, id), 0);
	night_end(&t);
	put_object(n, 3, name_seal(NIGHT_DATASET, id, 1, name), "a seal", 6);
	put_object(n, 1, name_seal(NIGHT_DATASET, id, 4294967295u, name), "a seal", 6);
	zone_away(n, 1);
	night_begin(n, &n->agent, &t);
	assert_int_equal(night_retire(&t), 0);
	assert_int_equal(t.retired.stray_seals, 0);
	night_end(&t);
	zone_back(n, 1);
	night_begin(n, &n->agent, &t);
	assert_int_equal(t.repo->headless_count, 1);
	assert_int_equal(night_retire(&t), 0);
	assert_int_equal(t.retired.stray_seals, 3);
	night_end(&t);
	assert_int_equal(zone_count(n, 0, "seals"), 1);
	assert_int_equal(zone_count(n, 1, "seals"), 1);
	assert_sound(n, 1);

	/* Nothing of it is remembered any more. */
	night_begin(n, &n->agent, &t);
	assert_false(remembered_has(&t.repo->remembered, REMEMBERED_UNFINISHED, id));
	night_end(&t);
}

static void a_run_that_comes_to_its_end_remembers_its_header_and_no_seal(void **state)
{
	struct nights *n = *state;
	struct night t;

	whole_run(n, &n->agent, &t);
	const uint8_t *id = t.taken.header.id;
	struct remembered_list list;
	assert_int_equal(remembered_list(t.repo->memory, &list), 0);
	assert_int_equal(list.count, 1);
	assert_true(remembered_has(&list, REMEMBERED_HEADER, id));
	remembered_release(&list);
	night_end(&t);
}

static void a_seal_that_comes_back_after_its_destruction_goes_again(void **state)
{
	struct nights *n = *state;
	struct night t;
	char header[OBJECT_NAME_MAX], seal[OBJECT_NAME_MAX], path[512];
	_buf_ struct buf object = { 0 };

	new_night(n, 1, header);
	in_zone(n, 0, seal_of(header, seal), path);
	buf_init(&object, SEAL_MAX, "seal");
	assert_int_equal(io_load(path, &object), 0);
	days_pass(n, NIGHT_DAYS);
	run_night(n, &n->agent);
	assert_false(zone_has(n, 0, seal));
	forget_intents(n);
	put_object(n, 2, seal, object.data, object.len);
	prune_night(n, &n->agent, &t);
	assert_int_equal(t.retired.stray_seals, 1);
	assert_int_equal(told(&t, FINDING_MISSING), 0);
	night_end(&t);
	assert_false(zone_has(n, 1, seal));
}

/* ---- headers that are damaged or missing, and remembered ---- */

static void a_damaged_header_is_put_back_by_who_remembers_it(void **state)
{
	struct nights *n = *state;
	struct night t;
	char first[OBJECT_NAME_MAX], second[OBJECT_NAME_MAX];

	new_night(n, 1, first);
	set_now(n, n->now + 60);
	new_night(n, 2, second);
	cut_in(n, 3, first);
	assert_kept(n, &n->agent, 2, FINDING_MISSING);

	night_begin(n, &n->agent, &t);
	assert_true(t.repo->chain_broken);
	assert_int_equal(repo_sync(t.repo, t.leases, true, &t.synced), 0);
	assert_int_equal(t.synced.objects, 2);
	assert_false(t.repo->chain_broken);
	night_end(&t);
	assert_sound(n, 2);
}

static void a_damaged_header_is_destroyed_in_time_through_an_intent(void **state)
{
	struct nights *n = *state;
	struct night t;
	char first[OBJECT_NAME_MAX], second[OBJECT_NAME_MAX];

	new_night(n, 1, first);
	days_pass(n, 1);
	new_night(n, 2, second);
	cut_in(n, 1, first);
	remove_from(n, 2, first);
	days_pass(n, NIGHT_DAYS - 2);
	assert_kept(n, &n->agent, 2, FINDING_MISSING);
	days_pass(n, 1);
	night_begin(n, &n->agent, &t);
	assert_int_equal(night_retire(&t), 0);
	assert_int_equal(t.retired.destroyed, 1);
	night_end(&t);
	assert_true(has_certificate(&n->agent, first, "header_sha256"));
	for (unsigned z = 0; z < 2; z++) {
		assert_int_equal(zone_count(n, z, "intents"), 1);
		assert_int_equal(zone_count(n, z, "seals"), 1);
		assert_false(zone_has(n, z, first));
		assert_true(zone_has(n, z, second));
	}
	assert_sound(n, 1);
	night_begin(n, &n->agent, &t);
	assert_int_equal(t.repo->remembered.count, 1);
	night_end(&t);
}

/* What was destroyed by another host, and whose intent is swept away, is missed by nobody. */
static void what_another_host_destroyed_is_forgotten(void **state)
{
	struct nights *n = *state;
	struct night t;
	char first[OBJECT_NAME_MAX], second[OBJECT_NAME_MAX];

	new_night(n, 1, first);
	days_pass(n, 1);
	new_night(n, 2, second);
	days_pass(n, NIGHT_DAYS - 1);
	prune_night(n, &n->pruner, &t);
	assert_int_equal(t.retired.destroyed, 1);
	night_end(&t);
	forget_intents(n);
	night_begin(n, &n->agent, &t);
	assert_int_equal(findings_total(t.findings), 0);
	assert_false(t.repo->chain_broken);
	assert_int_equal(repo_load(t.repo), 0);
	assert_int_equal(t.repo->remembered.count, 1);
	night_end(&t);
}

static void all_headers_lost_in_both_zones_come_back(void **state)
{
	struct nights *n = *state;
	struct night t;
	char header[OBJECT_NAME_MAX];

	for (unsigned i = 0; i < 3; i++) {
		new_night(n, i, header);
		set_now(n, n->now + 60);
	}
	empty_headers(n, 0);
	empty_headers(n, 1);
	assert_kept(n, &n->agent, 3, FINDING_MISSING);
	assert_kept(n, &n->pruner, 3, FINDING_MISSING);
	whole_run(n, &n->agent, &t);
	assert_true(told(&t, FINDING_MISSING) >= 3);
	assert_int_equal(t.synced.objects, 6);
	assert_int_equal(t.taken.header.seq, 4);
	night_end(&t);
	assert_sound(n, 4);
}

static void one_zone_lost_and_the_other_rolled_back_destroys_nothing(void **state)
{
	struct nights *n = *state;
	struct night t;
	char first[OBJECT_NAME_MAX], second[OBJECT_NAME_MAX], seal[OBJECT_NAME_MAX];

	new_night(n, 1, first);
	days_pass(n, 1);
	new_night(n, 2, second);
	/* Zone 0 is as it was before the second night but for its packs, zone 1 is new. */
	remove_from(n, 1, second);
	remove_from(n, 1, seal_of(second, seal));
	_free_ char *path = xasprintf("%s/" NIGHT_DATASET, n->zone_paths[1]);
	remove_tree(path);
	prune_night(n, &n->agent, &t);
	assert_int_equal(t.retired.destroyed + t.retired.stray_seals, 0);
	assert_int_equal(t.collected.condemned + t.collected.deleted, 0);
	assert_true(told(&t, FINDING_MISSING) > 0);
	night_end(&t);

	/* Not after the next night either; then somebody accepts the loss. */
	set_now(n, n->now + 60);
	whole_run(n, &n->agent, &t);
	assert_int_equal(t.taken.header.seq, 2);
	assert_true(t.repo->chain_broken);
	assert_int_equal(t.collected.condemned + t.collected.deleted, 0);
	assert_int_equal(memory_accept_losses(t.repo), 0);
	night_end(&t);
	assert_sound(n, 2);
	night_begin(n, &n->agent, &t);
	assert_int_equal(t.repo->remembered.count, 2);
	assert_false(t.repo->chain_broken);
	night_end(&t);
}

static void an_intent_before_its_time_does_not_make_a_seal_a_stray_one(void **state)
{
	struct nights *n = *state;
	struct night t;
	struct intent intent = { .made_at = n->now, .expired_at = n->now, .reason = "none", .dataset = NIGHT_DATASET };
	char header[OBJECT_NAME_MAX], name[OBJECT_NAME_MAX];
	_buf_ struct buf body = { 0 };
	_buf_ struct buf object = { 0 };

	new_night(n, 1, header);
	night_begin(n, &n->pruner, &t);
	const struct snapshot *s = repo_newest(t.repo);
	memcpy(intent.snapshot, s->header.id, SNAPSHOT_ID_SIZE);
	intent.header = s->object.data;
	intent.header_len = s->object.len;
	buf_init(&body, INTENT_MAX, "intent");
	buf_init(&object, INTENT_MAX, "intent");
	assert_int_equal(intent_encode(&intent, &body), 0);
	assert_int_equal(signed_encode(SIGNED_INTENT, n->pruner.signer, &body, &object), 0);
	put_object(n, 3, name_intent(NIGHT_DATASET, s->header.id, name), object.data, object.len);
	night_end(&t);
	remove_from(n, 3, header);
	lose_state(&n->pruner);
	assert_kept(n, &n->pruner, 1, FINDING_MISSING);

	/* What an intent names is put back by nobody. */
	night_begin(n, &n->agent, &t);
	assert_int_equal(repo_sync(t.repo, t.leases, true, &t.synced), 0);
	assert_int_equal(t.synced.objects, 0);
	night_end(&t);

	days_pass(n, NIGHT_DAYS);
	prune_night(n, &n->agent, &t);
	assert_int_equal(t.retired.destroyed, 1);
	night_end(&t);
	assert_int_equal(zone_count(n, 0, "seals") + zone_count(n, 1, "seals"), 0);
}

/* ---- nobody remembers ---- */

static void a_header_damaged_in_both_zones_has_the_time_of_its_name(void **state)
{
	struct nights *n = *state;
	struct night t;
	char first[OBJECT_NAME_MAX], second[OBJECT_NAME_MAX], seal[OBJECT_NAME_MAX];

	new_night(n, 1, first);
	days_pass(n, 1);
	new_night(n, 2, second);
	cut_in(n, 3, first);
	lose_state(&n->agent);
	assert_kept(n, &n->agent, 2, FINDING_MISSING);
	set_now(n, n->now + (NIGHT_DAYS - 1) * INT64_C(86400) - 1);
	assert_kept(n, &n->agent, 2, FINDING_MISSING);

	set_now(n, n->now + 1);
	prune_night(n, &n->agent, &t);
	assert_int_equal(t.retired.destroyed, 1);
	night_end(&t);
	assert_true(has_certificate(&n->agent, first, "\"header\":\"damaged in every zone\""));
	for (unsigned z = 0; z < 2; z++) {
		assert_false(zone_has(n, z, first));
		assert_false(zone_has(n, z, seal_of(first, seal)));
	}
	assert_sound(n, 1);
}

static void a_header_missing_in_both_zones_has_the_time_when_its_seal_was_seen(void **state)
{
	struct nights *n = *state;
	struct night t;
	char first[OBJECT_NAME_MAX], second[OBJECT_NAME_MAX];

	new_night(n, 1, first);
	days_pass(n, 1);
	new_night(n, 2, second);
	remove_from(n, 3, second);
	lose_state(&n->agent);
	/* A clock that nobody confirms notes nothing. */
	assert_int_equal(setenv("NIGHTFOLD_TEST_NOW_Z0", "2020-01-01T00:00:00Z", 1), 0);
	assert_int_equal(setenv("NIGHTFOLD_TEST_NOW_Z1", "2020-01-01T00:00:00Z", 1), 0);
	days_pass(n, 3);
	assert_kept(n, &n->agent, 2, FINDING_NOTE);
	assert_int_equal(unsetenv("NIGHTFOLD_TEST_NOW_Z0") | unsetenv("NIGHTFOLD_TEST_NOW_Z1"), 0);
	days_pass(n, 1);
	assert_kept(n, &n->agent, 2, FINDING_NOTE);
	days_pass(n, 1);
	write_file(n, "c", 1000, 3);
	run_night(n, &n->agent);
	assert_int_equal(zone_count(n, 0, "seals"), 3);

	/* The first night is over by now; this one may not be. */
	set_now(n, n->now + (NIGHT_DAYS - 1) * INT64_C(86400) - 1);
	prune_night(n, &n->agent, &t);
	assert_int_equal(t.retired.destroyed, 1);
	night_end(&t);
	set_now(n, n->now + 1);
	prune_night(n, &n->agent, &t);
	assert_int_equal(t.retired.destroyed, 1);
	night_end(&t);
	assert_true(has_certificate(&n->agent, second, "\"header\":\"missing in every zone\""));
	assert_sound(n, 1);
}

static void all_headers_lost_and_nothing_remembered_destroys_nothing(void **state)
{
	struct nights *n = *state;
	struct night t;
	char header[OBJECT_NAME_MAX];

	for (unsigned i = 0; i < 3; i++) {
		new_night(n, i, header);
		set_now(n, n->now + 60);
	}
	empty_headers(n, 0);
	empty_headers(n, 1);
	lose_state(&n->agent);
	assert_kept(n, &n->agent, 3, FINDING_MISSING);
	for (unsigned i = 0; i < 3; i++) {
		set_now(n, n->now + 3600);
		whole_run(n, &n->agent, &t);
		assert_int_equal(t.retired.destroyed + t.retired.stray_seals, 0);
		assert_int_equal(t.collected.condemned + t.collected.deleted, 0);
		assert_true(told(&t, FINDING_MISSING) >= 3);
		night_end(&t);
	}
	assert_int_equal(zone_count(n, 0, "seals"), 6);
}

static void a_check_calls_lost_headers_damage(void **state)
{
	struct nights *n = *state;
	const struct check_options options = { .level = CHECK_LIST, .quiet = true };
	struct findings *findings = findings_new();
	struct check_result result;
	char header[OBJECT_NAME_MAX];

	for (unsigned i = 0; i < 3; i++) {
		new_night(n, i, header);
		set_now(n, n->now + 60);
	}
	empty_headers(n, 0);
	empty_headers(n, 1);
	struct repo *r = reader_open(n, findings);
	assert_int_equal(repo_check(r, &options, &result), 0);
	assert_int_equal(findings_count(findings, FINDING_MISSING, true), 3);
	assert_int_equal(findings_exit(findings, true), EXIT_INTEGRITY);
	assert_int_equal(result.healable, 0);
	repo_close(r);
	findings_free(findings);
}

/* ---- what a thief who can write, and not delete, makes of it ---- */

static const char *renamed(const char *header, int64_t taken_at, char name[OBJECT_NAME_MAX])
{
	int64_t real;
	uint8_t id[SNAPSHOT_ID_SIZE];

	assert_int_equal(name_parse_header(header, NIGHT_DATASET, &real, id), 0);
	return name_header(NIGHT_DATASET, taken_at, id, name);
}

static void a_junk_header_with_an_old_date_destroys_nothing(void **state)
{
	struct nights *n = *state;
	struct night t;
	char first[OBJECT_NAME_MAX], second[OBJECT_NAME_MAX], junk[OBJECT_NAME_MAX];

	new_night(n, 1, first);
	set_now(n, n->now + 60);
	new_night(n, 2, second);
	/*
	 * Of a snapshot that lives; of one whose header is damaged; and, in one zone, of one whose header is missing.
	 */
	put_object(n, 3, renamed(first, n->now - 400 * INT64_C(86400), junk), "junk", 4);
	lose_state(&n->agent);
	prune_night(n, &n->agent, &t);
	assert_int_equal(t.retired.destroyed + t.retired.stray_seals, 0);
	night_end(&t);
	cut_in(n, 3, first);
	lose_state(&n->agent);
	assert_kept(n, &n->agent, 2, FINDING_MISSING);
	remove_from(n, 3, first);
	remove_from(n, 2, junk);
	lose_state(&n->agent);
	assert_kept(n, &n->agent, 2, FINDING_MISSING);
}

static void junk_under_the_names_of_seals_holds_nothing_up(void **state)
{
	struct nights *n = *state;
	struct night t;
	char name[OBJECT_NAME_MAX];

	run_night(n, &n->agent);
	for (uint8_t i = 1; i < 40; i++) {
		uint8_t id[SNAPSHOT_ID_SIZE] = { i };

		put_object(n, 1, name_seal(NIGHT_DATASET, id, 1, name), "junk", 4);
	}
	prune_night(n, &n->agent, &t);
	assert_false(t.repo->chain_broken);
	assert_int_equal(t.retired.destroyed + t.retired.stray_seals, 0);
	assert_int_equal(findings_exit(t.findings, false), EXIT_DONE);
	night_end(&t);
	days_pass(n, NIGHT_DAYS);
	prune_night(n, &n->agent, &t);
	assert_int_equal(zone_count(n, 0, "seals"), 0);
	night_end(&t);
}

/* ---- checkpoints ---- */

static void a_checkpoint_tells_of_headers_that_nobody_remembers(void **state)
{
	struct nights *n = *state;
	struct night t;
	char first[OBJECT_NAME_MAX], last[OBJECT_NAME_MAX];

	new_night(n, 100, first);
	for (unsigned i = 1; i < CHECKPOINT_EVERY; i++) {
		set_now(n, n->now + 60);
		new_night(n, 100 + i, last);
	}
	/* Headers were live at the checkpoint; the newest of them is gone everywhere, and with it its seal. */
	char seal[OBJECT_NAME_MAX];
	night_begin(n, &n->agent, &t);
	const struct snapshot *s = &t.repo->snapshots[t.repo->snapshot_count - 2];
	char lost[OBJECT_NAME_MAX];
	name_header(NIGHT_DATASET, s->header.taken_at, s->header.id, lost);
	night_end(&t);
	remove_from(n, 3, last);
	remove_from(n, 3, seal_of(last, seal));
	lose_state(&n->agent);
	night_begin(n, &n->agent, &t);
	assert_int_equal(t.repo->checkpoint_header_count, CHECKPOINT_EVERY - 1);
	assert_false(t.repo->headers_lost);
	night_end(&t);

	remove_from(n, 3, lost);
	remove_from(n, 3, seal_of(lost, seal));
	lose_state(&n->agent);
	night_begin(n, &n->agent, &t);
	assert_true(t.repo->headers_lost);
	assert_true(t.repo->chain_broken);
	assert_true(told(&t, FINDING_MISSING) > 0);
	night_end(&t);
}

static void headers_in_both_zones_without_a_seal_go_when_their_time_is_over(void **state)
{
	struct nights *n = *state;
	struct night t;
	const uint8_t id[SNAPSHOT_ID_SIZE] = { 9 };
	char junk[OBJECT_NAME_MAX];

	run_night(n, &n->agent);
	name_header(NIGHT_DATASET, n->now - NIGHT_DAYS * INT64_C(86400) + 60, id, junk);
	put_object(n, 3, junk, "junk", 4);
	prune_night(n, &n->agent, &t);
	assert_true(t.repo->chain_broken);
	night_end(&t);
	assert_true(zone_has(n, 0, junk));
	set_now(n, n->now + 60);
	prune_night(n, &n->agent, &t);
	assert_false(t.repo->chain_broken);
	night_end(&t);
	assert_false(zone_has(n, 0, junk) || zone_has(n, 1, junk));
	assert_false(has_certificate(&n->agent, junk, ""));
	assert_sound(n, 1);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(the_seal_of_an_ended_run_is_destroyed_when_every_zone_is_there),
		test(a_run_that_comes_to_its_end_remembers_its_header_and_no_seal),
		test(a_seal_that_comes_back_after_its_destruction_goes_again),
		test(a_damaged_header_is_put_back_by_who_remembers_it),
		test(a_damaged_header_is_destroyed_in_time_through_an_intent),
		test(what_another_host_destroyed_is_forgotten),
		test(all_headers_lost_in_both_zones_come_back),
		test(one_zone_lost_and_the_other_rolled_back_destroys_nothing),
		test(an_intent_before_its_time_does_not_make_a_seal_a_stray_one),
		test(a_header_damaged_in_both_zones_has_the_time_of_its_name),
		test(a_header_missing_in_both_zones_has_the_time_when_its_seal_was_seen),
		test(all_headers_lost_and_nothing_remembered_destroys_nothing),
		test(a_check_calls_lost_headers_damage),
		test(a_junk_header_with_an_old_date_destroys_nothing),
		test(headers_in_both_zones_without_a_seal_go_when_their_time_is_over),
		test(junk_under_the_names_of_seals_holds_nothing_up),
		test(a_checkpoint_tells_of_headers_that_nobody_remembers),
	};

	if (secret_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
