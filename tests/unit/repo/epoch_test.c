/* When the key of a dataset is rotated, and what happens when it cannot be. */
#include "repo/epoch.h"

#include "night.h"

#define DAY INT64_C(86400)

struct epochs {
	struct nights *n;
	char keys[96];
	struct dataset_key *key;
	bool begun;
};

static int setup(void **state)
{
	struct epochs *e = xcalloc(1, sizeof *e);

	e->n = nights_new();
	snprintf(e->keys, sizeof e->keys, "%s/keys", e->n->folder);
	assert_int_equal(mkdir(e->keys, 0700), 0);
	e->n->config.keys_dir = e->keys;
	*state = e;
	return 0;
}

static int teardown(void **state)
{
	struct epochs *e = *state;

	secret_free(e->key);
	nights_free(e->n);
	free(e);
	return 0;
}

/* The key of a night on that day. -> how many findings there are, which stop no snapshot. */
static size_t key_on_day(struct epochs *e, int64_t day)
{
	struct night t;

	secret_free(e->key);
	e->key = NULL;
	set_now(e->n, NIGHT_BEGAN + day * DAY);
	night_begin(e->n, &e->n->agent, &t);
	assert_int_equal(epoch_key(t.repo, &e->n->config, &e->n->dataset, &e->key, &e->begun), 0);
	size_t count = findings_count(t.findings, FINDING_REFUSED, true);
	night_end(&t);
	return count;
}

static bool has_epoch(const struct epochs *e, unsigned epoch)
{
	_free_ char *path = xasprintf("%s/" NIGHT_DATASET ".%u" DATASET_KEY_SUFFIX, e->keys, epoch);

	return access(path, F_OK) == 0;
}

static void without_a_limit_a_key_is_used_for_ever(void **state)
{
	struct epochs *e = *state;

	assert_int_equal(epoch_end(&e->n->dataset, NIGHT_BEGAN), INT64_MAX);
	assert_int_equal(key_on_day(e, 0), 0);
	assert_int_equal(e->key->epoch, 1);
	assert_false(e->begun);
	assert_int_equal(key_on_day(e, 20000), 0);
	assert_int_equal(e->key->epoch, 1);
	assert_false(e->begun);
}

static void it_is_rotated_on_the_day_that_the_calendar_says(void **state)
{
	struct epochs *e = *state;

	/* From 2026-09-21 on; the next February has 28 days. */
	e->n->dataset.dedup_key.months = 6;
	assert_int_equal(epoch_end(&e->n->dataset, NIGHT_BEGAN), NIGHT_BEGAN + 181 * DAY);
	assert_int_equal(key_on_day(e, 0), 0);
	assert_int_equal(key_on_day(e, 180), 0);
	assert_int_equal(e->key->epoch, 1);
	assert_false(e->begun);
	assert_int_equal(key_on_day(e, 181), 0);
	assert_int_equal(e->key->epoch, 2);
	assert_int_equal(e->key->began, e->n->now);
	assert_true(e->begun);
	assert_false(has_epoch(e, 1));
	assert_int_equal(key_on_day(e, 182), 0);
	assert_int_equal(e->key->epoch, 2);
	assert_false(e->begun);
}

static void a_clock_that_nothing_confirms_rotates_nothing(void **state)
{
	struct epochs *e = *state;

	e->n->dataset.dedup_key.months = 1;
	assert_int_equal(key_on_day(e, 0), 0);
	assert_int_equal(setenv("NIGHTFOLD_TEST_NOW_Z0", "2026-09-22T00:00:00Z", 1), 0);
	assert_int_equal(key_on_day(e, 40), 1);
	assert_non_null(strstr(err_message(), "nothing is destroyed until they agree"));
	assert_int_equal(e->key->epoch, 1);
	assert_false(e->begun);
	assert_int_equal(unsetenv("NIGHTFOLD_TEST_NOW_Z0"), 0);
	assert_int_equal(key_on_day(e, 40), 0);
	assert_int_equal(e->key->epoch, 2);
}

static void a_key_from_the_future_is_told(void **state)
{
	struct epochs *e = *state;

	e->n->dataset.dedup_key.months = 1;
	assert_int_equal(key_on_day(e, 4000), 0);
	assert_int_equal(key_on_day(e, 3999), 0);
	assert_int_equal(key_on_day(e, 10), 1);
	assert_int_equal(e->key->epoch, 1);
}

/* Also when it was interrupted after the new key had come, and before the old one had gone. */
static void an_interrupted_rotation_is_ended(void **state)
{
	struct epochs *e = *state;
	uint32_t epoch;

	assert_int_equal(key_on_day(e, 0), 0);
	_free_ char *old = xasprintf("%s/" NIGHT_DATASET ".1" DATASET_KEY_SUFFIX, e->keys);
	_free_ char *away = xasprintf("%s/away", e->keys);
	assert_int_equal(link(old, away), 0);
	_buf_ struct buf text = { 0 };
	buf_init(&text, 4096, "a key");
	assert_int_equal(io_load(old, &text), 0);
	assert_int_equal(dataset_key_rotate(e->keys, NIGHT_DATASET, e->n->now, &epoch), 0);
	assert_int_equal(io_create(old, text.data, text.len, 0600), 0);

	assert_int_equal(key_on_day(e, 1), 0);
	assert_int_equal(e->key->epoch, 2);
	assert_false(e->begun);
	assert_false(has_epoch(e, 1));
	assert_true(has_epoch(e, 2));
}

static void what_stands_against_it_stops_no_night_and_is_told_each_time(void **state)
{
	struct epochs *e = *state;

	e->n->dataset.dedup_key.months = 1;
	assert_int_equal(key_on_day(e, 0), 0);
	/* In the place of the old key something that cannot be destroyed; the new one comes all the same. */
	_free_ char *first = xasprintf("%s/" NIGHT_DATASET ".1" DATASET_KEY_SUFFIX, e->keys);
	_free_ char *second = xasprintf("%s/" NIGHT_DATASET ".2" DATASET_KEY_SUFFIX, e->keys);
	uint32_t epoch;
	assert_int_equal(dataset_key_rotate(e->keys, NIGHT_DATASET, e->n->now, &epoch), 0);
	assert_int_equal(mkdir(first, 0700), 0);
	assert_int_equal(key_on_day(e, 1), 1);
	assert_int_equal(e->key->epoch, 2);
	assert_int_equal(key_on_day(e, 40), 1);
	assert_int_equal(e->key->epoch, 3);
	assert_true(e->begun);
	assert_int_equal(access(second, F_OK), -1);
	assert_int_equal(key_on_day(e, 41), 1);
	assert_int_equal(e->key->epoch, 3);
	assert_false(e->begun);
	assert_int_equal(rmdir(first), 0);
	assert_int_equal(key_on_day(e, 42), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(without_a_limit_a_key_is_used_for_ever, setup, teardown),
		cmocka_unit_test_setup_teardown(it_is_rotated_on_the_day_that_the_calendar_says, setup, teardown),
		cmocka_unit_test_setup_teardown(a_clock_that_nothing_confirms_rotates_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(a_key_from_the_future_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(an_interrupted_rotation_is_ended, setup, teardown),
		cmocka_unit_test_setup_teardown(what_stands_against_it_stops_no_night_and_is_told_each_time, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
