/* Headers that a night need not read again, and when it does. */
#include "base/hex.h"
#include "night.h"

#define NIGHTS 12 /* more than are read each time */

static int setup(void **state)
{
	struct nights *n = nights_new();

	*state = n;
	n->product.backup.seconds = 100 * INT64_C(86400);
	write_file(n, "a", 1000, 1);
	for (int i = 0; i < NIGHTS; i++) {
		run_night(n, &n->agent);
		days_pass(n, 1);
	}
	return 0;
}

static int teardown(void **state)
{
	nights_free(*state);
	return 0;
}

/* The header of a snapshot, in zone 1. Returns on which of the next 32 days it is read again. */
static int header_path(struct nights *n, size_t at, char path[512])
{
	char name[OBJECT_NAME_MAX];
	struct night t;

	night_begin(n, &n->agent, &t);
	assert_int_equal(t.repo->snapshot_count, NIGHTS);
	const struct header *h = &t.repo->snapshots[at].header;
	in_zone(n, 1, name_header(NIGHT_DATASET, h->taken_at, h->id, name), path);
	int due = (int)((h->id[0] % 32 + 32 - n->now / 86400 % 32) % 32);
	night_end(&t);
	return due;
}

/* In place: the same length. */
static void change(const char *path)
{
	int fd = open(path, O_RDWR);
	uint8_t byte;

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &byte, 1, 200), 1);
	byte ^= 1;
	assert_int_equal(pwrite(fd, &byte, 1, 200), 1);
	close(fd);
}

/* What a run tells, and in how many zones the snapshot `at` is to it, the first time it looks and the second. */
static size_t look(struct nights *n, size_t at, unsigned zones)
{
	struct night t;

	night_begin(n, &n->agent, &t);
	assert_int_equal(t.repo->snapshot_count, NIGHTS);
	assert_int_equal(t.repo->snapshots[at].zones, zones);
	assert_int_equal(repo_load(t.repo), 0);
	assert_int_equal(t.repo->snapshots[at].zones, zones);
	size_t count = told(&t, FINDING_FORGED);
	night_end(&t);
	return count;
}

static void an_old_header_changed_in_place_is_told_within_a_month_and_from_then_on(void **state)
{
	struct nights *n = *state;
	char path[512];
	int due = header_path(n, 0, path);

	change(path);
	for (int day = 0; day < 32; day++) {
		assert_int_equal(look(n, 0, day < due ? 3 : 1), day < due ? 0 : 1);
		days_pass(n, 1);
	}
	change(path);
	assert_int_equal(look(n, 0, 3), 0);
}

/* Also by runs that never come on the day of its part; a day that was left out is made up for. */
static void an_old_header_changed_in_place_is_told_by_rare_runs_too(void **state)
{
	struct nights *n = *state;
	char path[512];
	int due = header_path(n, 0, path);

	if (due % 2 == 0) {
		assert_int_equal(look(n, 0, 3), 0);
		days_pass(n, 1);
		due = header_path(n, 0, path);
	}
	/* What is due in an odd number of days is never due on the day of a run. */
	change(path);
	for (int day = 0; day < due; day += 2) {
		assert_int_equal(look(n, 0, 3), 0);
		days_pass(n, 2);
	}
	assert_int_equal(look(n, 0, 1), 1);
	change(path);
	assert_int_equal(look(n, 0, 3), 0);
	change(path);
	days_pass(n, 40);
	assert_int_equal(look(n, 0, 1), 1);
}

static void a_new_header_changed_in_place_is_told_at_once(void **state)
{
	struct nights *n = *state;
	char path[512];

	(void)header_path(n, NIGHTS - 1, path);
	change(path);
	assert_int_equal(look(n, NIGHTS - 1, 1), 1);
}

static void an_old_header_of_another_length_is_told_at_once(void **state)
{
	struct nights *n = *state;
	char path[512];

	(void)header_path(n, 0, path);
	assert_int_equal(truncate(path, 100), 0);
	assert_int_equal(look(n, 0, 1), 1);
}

static void a_catalogue_made_anew_knows_of_nothing(void **state)
{
	struct nights *n = *state;
	_free_ char *catalog = xasprintf("%s/" NIGHT_DATASET "/catalog", n->agent.state);
	char path[512];

	(void)header_path(n, 0, path);
	change(path);
	remove_tree(catalog);
	assert_int_equal(look(n, 0, 1), 1);
}

static void what_is_remembered_and_damaged_here_is_read_again(void **state)
{
	struct nights *n = *state;
	char path[512], id[SNAPSHOT_ID_HEX];
	struct night t;

	(void)header_path(n, 0, path);
	night_begin(n, &n->agent, &t);
	_free_ char *here = xasprintf("%s/snapshots/%s.header", t.state,
				      hex_encode(t.repo->snapshots[0].header.id, SNAPSHOT_ID_SIZE, id));
	night_end(&t);
	change(here);
	assert_int_equal(look(n, 0, 3), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_old_header_changed_in_place_is_told_within_a_month_and_from_then_on,
						setup, teardown),
		cmocka_unit_test_setup_teardown(an_old_header_changed_in_place_is_told_by_rare_runs_too, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_new_header_changed_in_place_is_told_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(an_old_header_of_another_length_is_told_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(a_catalogue_made_anew_knows_of_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_remembered_and_damaged_here_is_read_again, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
