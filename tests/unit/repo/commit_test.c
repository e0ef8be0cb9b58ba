#include "repo/examine.h"

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

/* A night in which something changed; on the second agent's host, or with a zone away. */
static void changed_night(struct nights *n, const struct worker_host *host, unsigned seed)
{
	days_pass(n, 1);
	write_file(n, "changes", 5000, seed);
	run_night(n, host);
}

/* Indexes are short nights: enough of them, all within one day, that the next is the number `seq`. */
static void nights_until_index(struct nights *n, unsigned seq)
{
	struct night t;

	night_begin(n, &n->agent, &t);
	while (t.repo->chain_count == 0 || t.repo->chains[0].seq + 1 < seq) {
		set_now(n, n->now + 60);
		write_file(n, "changes", 100, (unsigned)(n->now / 60));
		assert_int_equal(night_snapshot(&t), 0);
	}
	night_end(&t);
}

static void zones_that_are_away_in_turn_do_not_fork_the_chains(void **state)
{
	struct nights *n = *state;
	struct night t;

	changed_night(n, &n->agent, 1);
	zone_away(n, 1);
	changed_night(n, &n->agent, 2);
	zone_back(n, 1);
	zone_away(n, 0);
	changed_night(n, &n->agent, 3);
	zone_back(n, 0);
	days_pass(n, 1);
	whole_run(n, &n->agent, &t);
	assert_false(t.repo->chain_broken);
	assert_int_equal(t.repo->chain_count, 1);
	assert_int_equal(t.repo->chains[0].seq, 3);
	assert_int_equal(t.taken.header.seq, 4);
	night_end(&t);
	assert_sound(n, 4);
}

static void a_checkpoint_knows_the_packs_of_a_zone_that_is_away(void **state)
{
	struct nights *n = *state;

	nights_until_index(n, CHECKPOINT_EVERY - 1);
	zone_away(n, 1);
	changed_night(n, &n->agent, 1);
	zone_back(n, 1);
	zone_away(n, 0);
	write_file(n, "more", 5000, 7);
	changed_night(n, &n->agent, 2);
	zone_back(n, 0);
	changed_night(n, &n->agent, 3);
	assert_sound(n, CHECKPOINT_EVERY - 2 + 3);
}

/* Removes from a zone what index number `seq` added. */
static void remove_packs_of(struct nights *n, unsigned zone, uint64_t seq)
{
	struct findings *findings = findings_new();
	struct repo *r = reader_open(n, findings);
	char name[OBJECT_NAME_MAX], path[512];

	for (size_t i = 0; i < r->index_count; i++) {
		_buf_ struct buf object = { 0 };
		struct index index = { 0 };

		if (r->indexes[i].seq != seq)
			continue;
		assert_int_equal(examine_index(r, zone, &r->indexes[i], &object, &index), 0);
		for (uint32_t k = 0; k < index.added_count; k++) {
			in_zone(n, zone, name_pack(NIGHT_DATASET, index.added[k].name, name), path);
			assert_int_equal(unlink(path), 0);
		}
		index_release(&index);
	}
	repo_close(r);
	findings_free(findings);
}

static void a_checkpoint_of_a_rebuilt_catalogue_knows_the_packs_of_a_zone_that_is_away(void **state)
{
	struct nights *n = *state;

	nights_until_index(n, CHECKPOINT_EVERY - 1);
	changed_night(n, &n->agent, 1);
	remove_packs_of(n, 1, CHECKPOINT_EVERY - 1);
	lose_state(&n->agent);
	zone_away(n, 0);
	changed_night(n, &n->agent, 2);
	zone_back(n, 0);
	changed_night(n, &n->agent, 3);
	assert_sound(n, CHECKPOINT_EVERY - 2 + 3);
}

static void indexes_below_a_checkpoint_go_after_the_grace(void **state)
{
	struct nights *n = *state;
	struct night t;

	n->config.grace.seconds = 86400;
	nights_until_index(n, CHECKPOINT_EVERY + 1);
	assert_int_equal(zone_count(n, 0, "index"), CHECKPOINT_EVERY);
	set_now(n, n->now + 60);
	prune_night(n, &n->agent, &t);
	assert_int_equal(t.collected.old_indexes, 0);
	night_end(&t);
	days_pass(n, 2);
	prune_night(n, &n->agent, &t);
	assert_int_equal(t.collected.old_indexes, CHECKPOINT_EVERY - 1);
	night_end(&t);
	assert_int_equal(zone_count(n, 0, "index"), 1);
	assert_int_equal(zone_count(n, 1, "index"), 1);
	assert_sound(n, CHECKPOINT_EVERY);

	lose_state(&n->agent);
	whole_run(n, &n->agent, &t);
	assert_int_equal(t.taken.new_chunks, 0);
	assert_int_equal(findings_exit(t.findings, true), EXIT_DONE);
	night_end(&t);
	changed_night(n, &n->agent, 5);
	assert_sound(n, CHECKPOINT_EVERY + 2);
}

static void indexes_stay_while_a_zone_lacks_the_checkpoint(void **state)
{
	struct nights *n = *state;
	struct night t;
	char path[512];

	nights_until_index(n, CHECKPOINT_EVERY + 1);
	night_begin(n, &n->agent, &t);
	const struct index_object *o = &t.repo->indexes[t.repo->index_count - 1];
	char name[OBJECT_NAME_MAX];
	assert_int_equal(o->seq, CHECKPOINT_EVERY);
	in_zone(n, 1, name_index(NIGHT_DATASET, o->signer, o->seq, o->hash, name), path);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(night_collect(&t), 0);
	assert_int_equal(t.collected.old_indexes, 0);
	night_end(&t);
	assert_int_equal(zone_count(n, 1, "index"), CHECKPOINT_EVERY - 1);
}

static void zones_that_lost_everything_are_rolled_back(void **state)
{
	struct nights *n = *state;
	struct night t;

	changed_night(n, &n->agent, 1);
	for (unsigned z = 0; z < 2; z++) {
		char path[512];

		in_zone(n, z, NIGHT_DATASET, path);
		remove_tree(path);
	}
	days_pass(n, 1);
	whole_run(n, &n->agent, &t);
	assert_int_equal(told(&t, FINDING_ROLLED_BACK), 4); /* in each zone, index and header */
	night_end(&t);
	assert_sound(n, 1);
}

static void remove_newest_header(struct nights *n, unsigned zone, struct night *t)
{
	const struct header *h = &repo_newest(t->repo)->header;
	char name[OBJECT_NAME_MAX], path[512];

	in_zone(n, zone, name_header(NIGHT_DATASET, h->taken_at, h->id, name), path);
	assert_int_equal(unlink(path), 0);
}

static void a_zone_without_the_newest_header_is_rolled_back(void **state)
{
	struct nights *n = *state;
	struct night t;

	changed_night(n, &n->agent, 1);
	changed_night(n, &n->agent, 2);
	night_begin(n, &n->agent, &t);
	remove_newest_header(n, 1, &t);
	assert_int_equal(repo_load(t.repo), 0);
	assert_int_equal(told(&t, FINDING_ROLLED_BACK), 1);
	assert_false(t.repo->chain_broken);

	/* In no zone any more: its seal is not taken for a stray one, and what it needs not for what nobody needs. */
	remove_newest_header(n, 0, &t);
	assert_int_equal(repo_load(t.repo), 0);
	assert_int_equal(told(&t, FINDING_ROLLED_BACK), 2);
	assert_true(t.repo->chain_broken);
	assert_int_equal(night_retire(&t), 0);
	assert_int_equal(zone_count(n, 0, "seals"), 2);
	night_end(&t);
}

/* As if they had been made and sent. Their names say nothing: nobody looks into them here. */
static void make_packs(const struct night *t, uint32_t count)
{
	struct pack_blob blob = { .info = { .kind = KIND_CONTENT, .suite = SUITE_AES256GCM, .plain = 9 },
				  .stored = 37 };
	const struct pack_footer footer = { .kind = KIND_CONTENT, .blobs = &blob, .blob_count = 1 };
	struct index_pack pack = { .size = 200, .footer = 60, .kind = KIND_CONTENT };
	uint32_t number;

	for (uint32_t i = 0; i < count; i++) {
		sha256(&i, sizeof i, pack.name);
		assert_int_equal(catalog_add_pack(t->repo->catalog, &pack, &footer, PACK_MADE, &number), 0);
		repo_set_pack_bits(t->repo, number, PACK_IN_ANY);
	}
}

/* Of an index in zone 0: how many packs it adds and withdraws. */
static void look_into_index(const struct night *t, uint64_t seq, uint32_t *added, uint32_t *withdrawn)
{
	const struct chain *chain = &t->repo->chains[0];
	struct index_object o = { .seq = seq, .zones = 1 };
	_buf_ struct buf object = { 0 };
	struct index index = { 0 };

	memcpy(o.signer, chain->signer, KEY_ID_SIZE);
	memcpy(o.hash, chain->hash, DIGEST_SIZE);
	if (seq < chain->seq) {
		_buf_ struct buf newest = { 0 };

		o.seq = chain->seq;
		assert_int_equal(examine_index(t->repo, 0, &o, &newest, &index), 0);
		memcpy(o.hash, index.previous, DIGEST_SIZE);
		o.seq = seq;
		index_release(&index);
	}
	assert_int_equal(examine_index(t->repo, 0, &o, &object, &index), 0);
	*added = index.added_count;
	*withdrawn = index.withdrawn_count;
	index_release(&index);
}

static void very_many_packs_are_told_by_several_indexes(void **state)
{
	static const uint8_t gone[1][DIGEST_SIZE] = { { 1 } };
	struct nights *n = *state;
	uint32_t added, withdrawn;
	struct night t;

	changed_night(n, &n->agent, 1);
	night_begin(n, &n->agent, &t);
	make_packs(&t, COMMIT_ADDED_MAX + 5);
	assert_int_equal(commit_index(t.repo, n->agent.signer, 3, true, gone, 1), 0);
	assert_int_equal(t.repo->chains[0].seq, 3);
	look_into_index(&t, 2, &added, &withdrawn);
	assert_int_equal(added, COMMIT_ADDED_MAX);
	assert_int_equal(withdrawn, 0);
	/* What is withdrawn goes when all that comes in its place is there. */
	look_into_index(&t, 3, &added, &withdrawn);
	assert_int_equal(added, 5);
	assert_int_equal(withdrawn, 1);
	assert_int_equal(commit_index(t.repo, n->agent.signer, 3, true, NULL, 0), 0);
	assert_int_equal(t.repo->chains[0].seq, 3);
	night_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(zones_that_are_away_in_turn_do_not_fork_the_chains, setup, teardown),
		cmocka_unit_test_setup_teardown(a_checkpoint_knows_the_packs_of_a_zone_that_is_away, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_checkpoint_of_a_rebuilt_catalogue_knows_the_packs_of_a_zone_that_is_away, setup, teardown),
		cmocka_unit_test_setup_teardown(indexes_below_a_checkpoint_go_after_the_grace, setup, teardown),
		cmocka_unit_test_setup_teardown(indexes_stay_while_a_zone_lacks_the_checkpoint, setup, teardown),
		cmocka_unit_test_setup_teardown(zones_that_lost_everything_are_rolled_back, setup, teardown),
		cmocka_unit_test_setup_teardown(a_zone_without_the_newest_header_is_rolled_back, setup, teardown),
		cmocka_unit_test_setup_teardown(very_many_packs_are_told_by_several_indexes, setup, teardown),
	};

	if (secret_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
