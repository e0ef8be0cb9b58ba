#include "made.h"

#include "base/alloc.h"
#include "repo/lease.h"
#include "repo/sync.h"

static int64_t now;

static struct sync_result sync_now(struct made *m)
{
	struct sync_result result;

	made_open(m);
	assert_int_equal(repo_sync(m->repo, NULL, true, &result), 0);
	return result;
}

static void an_empty_zone_becomes_a_whole_copy(void **state)
{
	struct made *m = *state;

	made_snapshot(m, 1, now - 2 * DAY, now + DAY);
	made_snapshot(m, 1, now - DAY, now + DAY);
	struct sync_result result = sync_now(m);
	assert_int_equal(result.packs, 4);
	assert_int_equal(result.objects, 10);
	assert_int_equal(result.lagging, 0);
	assert_zones_equal(m);
	assert_int_equal(m->repo->snapshots[0].zones, 3); /* loaded again */
	assert_int_equal(m->repo->snapshots[1].seals[1], 1);
	assert_int_equal(findings_exit(m->findings, false), EXIT_DONE);

	result = sync_now(m);
	assert_int_equal(result.objects, 0);
}

static void both_zones_give_what_the_other_lacks(void **state)
{
	struct made *m = *state;

	made_snapshot(m, 3, now - 2 * DAY, now + DAY);
	made_snapshot(m, 1, now - DAY, now + DAY);
	take_away(m, 0, m->snapshots[0].content_name);
	take_away(m, 0, m->snapshots[0].header_name);
	struct sync_result result = sync_now(m);
	assert_int_equal(result.lagging, 0);
	assert_int_equal(result.packs, 3);
	assert_zones_equal(m);
}

static void a_header_waits_until_its_snapshot_is_whole(void **state)
{
	struct made *m = *state;
	struct made_snapshot *first = made_snapshot(m, 1, now - 2 * DAY, now + DAY),
			     *second = made_snapshot(m, 1, now - DAY, now + DAY);

	flip(m, 0, second->content_name);
	struct sync_result result = sync_now(m);
	assert_int_equal(result.lagging, 2);
	assert_true(has_finding(m, FINDING_DAMAGED, "z0", second->content_name));
	assert_true(has_finding(m, FINDING_LAG, "z1", second->header_name));
	assert_true(is_there(m, 1, first->header_name));
	assert_true(is_there(m, 1, second->seal_name));
	assert_false(is_there(m, 1, second->content_name));
	assert_false(is_there(m, 1, second->header_name));
}

static void nothing_of_an_intended_snapshot_comes_back(void **state)
{
	struct made *m = *state;
	struct made_snapshot *old = made_snapshot(m, 3, now - 2 * DAY, now - DAY),
			     *live = made_snapshot(m, 1, now - DAY, now + DAY);
	char intent[OBJECT_NAME_MAX], second[OBJECT_NAME_MAX];

	/* z0 destroyed it while z1 was away. */
	put_intent(m, 1, old, m->pruner, intent);
	take_away(m, 0, old->seal_name);
	take_away(m, 0, old->header_name);
	save_file(path_in(m, 1, name_seal(DATASET, old->header.id, 2, second)), "another generation", 18);

	struct sync_result result = sync_now(m);
	assert_int_equal(result.deleted, 3);
	assert_int_equal(result.lagging, 0);
	assert_true(is_there(m, 1, intent));
	assert_false(is_there(m, 1, old->seal_name));
	assert_false(is_there(m, 1, second));
	assert_false(is_there(m, 1, old->header_name));
	assert_false(is_there(m, 0, old->header_name));
	assert_true(is_there(m, 1, live->header_name));
	assert_zones_equal(m);
}

static void an_intent_before_its_time_destroys_nothing_and_the_thief_is_undone(void **state)
{
	struct made *m = *state;
	struct made_snapshot *s = made_snapshot(m, 3, now - DAY, now + DAY);
	char intent[OBJECT_NAME_MAX];

	put_intent(m, 1, s, m->pruner, intent);
	take_away(m, 0, s->seal_name);
	take_away(m, 0, s->header_name);
	struct sync_result result = sync_now(m);
	assert_true(has_finding(m, FINDING_REFUSED, "z0", intent));
	assert_int_equal(result.deleted, 0);
	assert_true(is_there(m, 0, s->seal_name));
	assert_true(is_there(m, 0, s->header_name));
	assert_false(is_there(m, 1, intent));
}

static void an_expired_snapshot_is_not_brought_anywhere(void **state)
{
	struct made *m = *state;
	struct made_snapshot *old = made_snapshot(m, 1, now - 2 * DAY, now - DAY);

	sync_now(m);
	assert_false(is_there(m, 1, old->seal_name));
	assert_false(is_there(m, 1, old->header_name));
}

static void an_intent_heals_over_junk_and_is_told_where_it_is_bad(void **state)
{
	struct made *m = *state;
	struct made_snapshot *old = made_snapshot(m, 3, now - 2 * DAY, now - DAY);
	char intent[OBJECT_NAME_MAX];

	put_intent(m, 1, old, m->agent, intent);
	save_file(path_in(m, 1, intent), "junk", 4);
	struct sync_result result = sync_now(m);
	/* The junk stays for check --repair; what the good intent says is done all the same. */
	assert_int_equal(result.deleted, 2);
	assert_int_equal(result.lagging, 2);
	assert_true(has_finding(m, FINDING_LAG, "z1", intent));
	assert_false(is_there(m, 1, old->seal_name));
}

/* A snapshot in one zone, and the key that its second seal would need is of no interest here: any will do. */
static void reseal(struct made *m, unsigned zones, uint32_t generation, const struct secret_key *signer, char *name)
{
	uint8_t *key = secret_new(KEY_SIZE);

	put_seal(m, zones, &m->snapshots[0], generation, key, signer, name, NULL);
	secret_free(key);
}

static void later_seals_are_brought_and_replaced_ones_are_not(void **state)
{
	struct made *m = *state;
	struct made_snapshot *s = made_snapshot(m, 3, now - DAY, now + DAY);
	char second[OBJECT_NAME_MAX], third[OBJECT_NAME_MAX];

	/* Resealed in z0 while z1 was away: the first generation is gone there. */
	reseal(m, 1, 2, m->operator, second);
	take_away(m, 0, s->seal_name);
	/* A thief's: signed by a key whose role does not allow it. */
	reseal(m, 1, 3, m->agent, third);

	struct sync_result result = sync_now(m);
	assert_true(is_there(m, 1, second));
	assert_false(is_there(m, 0, s->seal_name));
	assert_false(is_there(m, 1, third));
	assert_true(has_finding(m, FINDING_DAMAGED, "z0", third));
	assert_int_equal(result.lagging, 2);
}

static void a_header_needs_a_good_seal_beside_it(void **state)
{
	struct made *m = *state;
	struct made_snapshot *s = made_snapshot(m, 1, now - DAY, now + DAY);

	flip(m, 0, s->seal_name);
	struct sync_result result = sync_now(m);
	assert_int_equal(result.lagging, 2);
	assert_true(has_finding(m, FINDING_LAG, "z1", s->header_name));
	assert_false(is_there(m, 1, s->header_name));
	assert_false(is_there(m, 1, s->seal_name));
}

static void what_stands_in_the_place_of_a_good_object_is_left_for_repair(void **state)
{
	struct made *m = *state;
	struct made_snapshot *s = made_snapshot(m, 3, now - DAY, now + DAY);

	cut(m, 1, s->content_name);
	flip(m, 1, s->header_name);
	struct sync_result result = sync_now(m);
	assert_int_equal(result.lagging, 2);
	assert_int_equal(result.objects, 0);
	assert_true(has_finding(m, FINDING_LAG, "z1", s->content_name));
	assert_true(has_finding(m, FINDING_LAG, "z1", s->header_name));
}

static void a_bad_index_is_not_copied(void **state)
{
	struct made *m = *state;
	struct made_snapshot *first = made_snapshot(m, 3, now - 2 * DAY, now + DAY),
			     *second = made_snapshot(m, 1, now - DAY, now + DAY);

	flip(m, 0, second->index_name);
	struct sync_result result = sync_now(m);
	assert_int_equal(result.lagging, 2);
	assert_true(has_finding(m, FINDING_DAMAGED, "z0", second->index_name));
	assert_false(is_there(m, 1, second->index_name));
	assert_false(is_there(m, 1, second->header_name)); /* what it reaches is not known */
	assert_true(is_there(m, 1, first->header_name));
}

static void a_marked_pack_is_brought_only_where_a_snapshot_needs_it(void **state)
{
	struct made *m = *state;
	struct made_snapshot *s = made_snapshot(m, 3, now - DAY, now + DAY);
	struct pack *pack = pack_new(KIND_CONTENT);
	struct index_pack row;
	char unneeded[OBJECT_NAME_MAX], mark[OBJECT_NAME_MAX], index[OBJECT_NAME_MAX];
	uint8_t id[ID_SIZE], *key = secret_new(KEY_SIZE);

	add_chunk(m, pack, "dead", 4, NULL, 0, id, key);
	secret_free(key);
	put_pack(m, 1, pack, &row, unneeded);
	put_index(m, 3, &row, 1, NULL, 0, index);
	put_mark(m, 1, row.name, m->pruner, mark);
	/* A thief marks what is needed, and deletes it in one zone. */
	put_mark(m, 1, s->content.name, m->pruner, mark);
	put_mark(m, 1, s->nodes.name, m->pruner, mark);
	take_away(m, 1, s->content_name);
	take_away(m, 1, s->node_name);

	struct sync_result result = sync_now(m);
	assert_int_equal(result.packs, 2);
	assert_true(is_there(m, 1, s->content_name));
	assert_true(is_there(m, 1, s->node_name));
	assert_false(is_there(m, 1, unneeded));
}

static void a_zone_that_takes_nothing_lags_and_is_no_error(void **state)
{
	struct made *m = *state;

	made_snapshot(m, 1, now - DAY, now + DAY);
	/* Where the folder of indexes would be made stands a file. */
	save_file(path_in(m, 1, DATASET "/packs/x"), "", 0);
	save_file(path_in(m, 1, DATASET "/index"), "", 0);
	struct sync_result result = sync_now(m);
	assert_int_equal(result.lagging, 2);
	assert_int_equal(result.objects, 0);
	assert_int_equal(findings_count(m->findings, FINDING_LAG, true), 1);
	assert_int_equal(findings_exit(m->findings, false), EXIT_DEGRADED);
}

static void one_zone_alone_has_nothing_to_be_brought(void **state)
{
	struct made *m = *state;
	char away[600], zone[600];

	made_snapshot(m, 1, now - DAY, now + DAY);
	snprintf(zone, sizeof zone, "%s/z1", m->folder);
	snprintf(away, sizeof away, "%s/away", m->folder);
	assert_int_equal(rename(zone, away), 0);
	struct sync_result result = sync_now(m);
	assert_int_equal(result.objects, 0);
	assert_int_equal(result.lagging, 0);
	assert_true(has_finding(m, FINDING_UNAVAILABLE, "z1", NULL));
	assert_int_equal(rename(away, zone), 0);
}

static void chains_are_brought_from_their_newest_checkpoint_on(void **state)
{
	struct made *m = *state;
	char first[OBJECT_NAME_MAX], name[OBJECT_NAME_MAX];

	made_snapshot(m, 3, now - DAY, now + DAY);
	put_index(m, 1, NULL, 0, NULL, 0, first);
	while (m->index_seq < 65)
		put_index(m, 1, NULL, 0, NULL, 0, name);
	struct sync_result result = sync_now(m);
	assert_int_equal(result.objects, 2); /* 64 and 65 */
	assert_false(is_there(m, 1, first));
	assert_true(is_there(m, 1, name));
}

static void set_now(int64_t moment)
{
	char text[CLOCK_TEXT_MAX];

	assert_int_equal(setenv("NIGHTFOLD_TEST_NOW", clock_format(moment, text), 1), 0);
	assert_int_equal(clock_init(true), 0);
}

/* A host is its state folder. */
static struct leases *take_lease(struct made *m, const char *host)
{
	_free_ char *state = xasprintf("%s/%s", m->folder, host);
	_free_ char *dataset = xasprintf("%s/" DATASET, state);
	struct leases *l;

	assert_int_equal(io_make_dirs(dataset, 0700), 0);
	assert_int_equal(lease_take(m->repo, state, m->agent, &l), 0);
	return l;
}

static void the_lease_is_renewed_while_packs_are_copied(void **state)
{
	struct made *m = *state;
	struct sync_result result;
	char name[OBJECT_NAME_MAX];

	made_snapshot(m, 1, now - DAY, now + DAY);
	set_now(now);
	made_open(m);
	struct leases *l = take_lease(m, "a");
	set_now(now + LEASE_SECONDS * 2 / 3);
	assert_int_equal(repo_sync(m->repo, l, true, &result), 0);
	assert_int_equal(result.packs, 2);
	assert_true(is_there(m, 1, name_lease(DATASET, 2, name)));
	set_now(now + LEASE_SECONDS * 4 / 3);
	assert_int_equal(lease_confirm(l), 0);
	lease_release(l);
}

static void copying_ends_when_the_lease_was_lost(void **state)
{
	struct made *m = *state;
	struct sync_result result;
	char name[OBJECT_NAME_MAX];

	made_snapshot(m, 1, now - DAY, now + DAY);
	set_now(now);
	made_open(m);
	struct leases *l = take_lease(m, "a");
	set_now(now + LEASE_SECONDS);
	struct leases *other = take_lease(m, "b");
	assert_int_equal(repo_sync(m->repo, l, true, &result), ERR_LOCKED);
	assert_int_equal(result.objects, 0);
	lease_release(other);
	lease_release(l);

	/* Gone in one zone: nothing more goes there. */
	set_now(now);
	l = take_lease(m, "a");
	take_away(m, 1, name_lease(DATASET, 1, name));
	set_now(now + LEASE_SECONDS * 2 / 3);
	assert_int_equal(repo_sync(m->repo, l, true, &result), 0);
	assert_int_equal(result.objects, 0);
	assert_int_equal(result.lagging, 2);
	lease_release(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_zones(an_empty_zone_becomes_a_whole_copy),
		in_zones(both_zones_give_what_the_other_lacks),
		in_zones(a_header_waits_until_its_snapshot_is_whole),
		in_zones(nothing_of_an_intended_snapshot_comes_back),
		in_zones(an_intent_before_its_time_destroys_nothing_and_the_thief_is_undone),
		in_zones(an_expired_snapshot_is_not_brought_anywhere),
		in_zones(an_intent_heals_over_junk_and_is_told_where_it_is_bad),
		in_zones(later_seals_are_brought_and_replaced_ones_are_not),
		in_zones(a_header_needs_a_good_seal_beside_it),
		in_zones(what_stands_in_the_place_of_a_good_object_is_left_for_repair),
		in_zones(a_bad_index_is_not_copied),
		in_zones(a_marked_pack_is_brought_only_where_a_snapshot_needs_it),
		in_zones(a_zone_that_takes_nothing_lags_and_is_no_error),
		in_zones(one_zone_alone_has_nothing_to_be_brought),
		in_zones(chains_are_brought_from_their_newest_checkpoint_on),
		in_zones(the_lease_is_renewed_while_packs_are_copied),
		in_zones(copying_ends_when_the_lease_was_lost),
	};

	assert_int_equal(secret_init(), 0);
	now = clock_now();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
