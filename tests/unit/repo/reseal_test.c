/* Sealing live snapshots to other recipients. */
#include "repo/examine.h"
#include "repo/reseal.h"
#include "repo/tree.h"

#include "night.h"

struct resealing {
	struct nights *n;
	struct secret_key *second; /* another operator */
	struct public_key recipients[2];
	struct findings *findings;
	struct repo *repo;
	struct reseal_result result;
};

static void load(struct resealing *t)
{
	const struct repo_options options = { .dataset = NIGHT_DATASET,
					      .config = &t->n->dataset,
					      .trust = &t->n->trust,
					      .places = t->n->places,
					      .place_count = 2,
					      .writing = true,
					      .headers_only = true };

	repo_close(t->repo);
	assert_int_equal(repo_open(&options, t->findings, &t->repo), 0);
	assert_int_equal(repo_load(t->repo), 0);
}

static int setup(void **state)
{
	struct resealing *t = xcalloc(1, sizeof *t);

	t->n = nights_new();
	t->second = key_generate(ROLE_OPERATOR);
	trust_add(t->n, "second", t->second);
	t->recipients[0] = t->second->public;
	t->findings = findings_new();
	write_file(t->n, "a", 1000, 1);
	run_night(t->n, &t->n->agent);
	load(t);
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	struct resealing *t = *state;

	repo_close(t->repo);
	findings_free(t->findings);
	secret_free(t->second);
	nights_free(t->n);
	free(t);
	return 0;
}

static int do_reseal(struct resealing *t, const struct secret_key *operator)
{
	const struct reseal_options options = { .operator= operator,
						.recipients = t->recipients,
						.recipient_count = 1 };

	return reseal(t->repo, &options, &t->result);
}

static int opens(struct resealing *t, const struct secret_key *key)
{
	uint8_t *root_key = secret_new(KEY_SIZE);

	load(t);
	int code = tree_unseal(t->repo, &t->repo->snapshots[0], key, -1, root_key);
	secret_free(root_key);
	return code;
}

/* Anybody's bytes as a generation of the first snapshot's seal. */
static void put_generation(struct resealing *t, unsigned zone, uint32_t generation)
{
	char name[OBJECT_NAME_MAX];

	name_seal(NIGHT_DATASET, t->repo->snapshots[0].header.id, generation, name);
	assert_int_equal(zone_put(t->repo->zones[zone].writer, name, "rubbish", 7), 0);
}

static void only_the_new_recipients_can_open_it_then(void **state)
{
	struct resealing *t = *state;

	assert_int_equal(opens(t, t->second), ERR_KEY);
	assert_int_equal(do_reseal(t, t->n->operator), 0);
	assert_int_equal(t->result.resealed, 1);
	assert_int_equal(opens(t, t->second), 0);
	assert_int_equal(opens(t, t->n->operator), ERR_KEY);
	assert_int_equal(t->repo->snapshots[0].seals[0], 2);
	assert_int_equal(zone_count(t->n, 0, "seals"), 1);
	assert_int_equal(zone_count(t->n, 1, "seals"), 1);

	/* The first operator has no way back; a finding says so. */
	assert_int_equal(do_reseal(t, t->n->operator), 0);
	assert_int_equal(t->result.resealed, 0);
	assert_int_equal(t->result.skipped, 1);
	assert_int_equal(do_reseal(t, t->second), 0);
	assert_int_equal(t->result.resealed, 1);
	load(t);
	assert_int_equal(t->repo->snapshots[0].seals[1], 3);
	assert_int_equal(findings_count(t->findings, FINDING_SKIPPED, true), 1);
}

static void it_needs_every_zone(void **state)
{
	struct resealing *t = *state;

	zone_away(t->n, 1);
	load(t);
	assert_int_equal(do_reseal(t, t->n->operator), ERR_UNAVAILABLE);
	zone_back(t->n, 1);
	assert_int_equal(zone_count(t->n, 0, "seals"), 1);
	assert_int_equal(opens(t, t->n->operator), 0);
}

static void rubbish_among_the_generations_is_deleted_with_the_old_ones(void **state)
{
	struct resealing *t = *state;

	put_generation(t, 0, 2);
	put_generation(t, 1, 3);
	put_generation(t, 0, UINT32_MAX);
	load(t);
	assert_int_equal(do_reseal(t, t->n->operator), 0);
	assert_int_equal(t->result.resealed, 1);
	assert_int_equal(opens(t, t->second), 0);
	assert_int_equal(t->repo->snapshots[0].seals[0], 4);
	assert_int_equal(zone_count(t->n, 0, "seals"), 1);
	assert_int_equal(zone_count(t->n, 1, "seals"), 1);
}

/* Signed by a key that may sign it, and written long before the snapshot's time. */
static void an_early_intent_costs_no_seal(void **state)
{
	struct resealing *t = *state;
	const struct snapshot *s = &t->repo->snapshots[0];
	struct intent intent = { .dataset = NIGHT_DATASET,
				 .made_at = t->n->now,
				 .expired_at = t->n->now,
				 .reason = "because",
				 .header = s->object.data,
				 .header_len = s->object.len };
	_buf_ struct buf body = { 0 }, object = { 0 };
	char name[OBJECT_NAME_MAX];

	memcpy(intent.snapshot, s->header.id, SNAPSHOT_ID_SIZE);
	buf_init(&body, INTENT_MAX, "intent");
	buf_init(&object, INTENT_MAX, "intent");
	assert_int_equal(intent_encode(&intent, &body), 0);
	assert_int_equal(signed_encode(SIGNED_INTENT, t->n->pruner.signer, &body, &object), 0);
	for (unsigned z = 0; z < 2; z++)
		assert_int_equal(zone_put(t->repo->zones[z].writer, name_intent(NIGHT_DATASET, s->header.id, name),
					  object.data, object.len),
				 0);
	load(t);
	assert_int_equal(do_reseal(t, t->n->operator), 0);
	assert_int_equal(t->result.resealed, 1);
	assert_int_equal(opens(t, t->second), 0);
}

static void what_is_due_is_left_to_its_destroyer(void **state)
{
	struct resealing *t = *state;

	days_pass(t->n, NIGHT_DAYS);
	load(t);
	assert_int_equal(do_reseal(t, t->n->operator), 0);
	assert_int_equal(t->result.resealed + t->result.skipped, 0);
	assert_int_equal(t->repo->snapshots[0].seals[0], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(only_the_new_recipients_can_open_it_then, setup, teardown),
		cmocka_unit_test_setup_teardown(it_needs_every_zone, setup, teardown),
		cmocka_unit_test_setup_teardown(rubbish_among_the_generations_is_deleted_with_the_old_ones, setup,
						teardown),
		cmocka_unit_test_setup_teardown(an_early_intent_costs_no_seal, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_due_is_left_to_its_destroyer, setup, teardown),
	};

	if (secret_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
