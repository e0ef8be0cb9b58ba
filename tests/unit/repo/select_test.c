#include "hand_made.h"

#include "repo/select.h"

static void names_are_split_into_dataset_and_selector(void **state)
{
	static const struct {
		const char *text;
		int code;
		const char *dataset, *selector;
	} rows[] = {
		{ "sms@latest", 0, "sms", "latest" },
		{ "sms@2026-11-21T02:00", 0, "sms", "2026-11-21T02:00" },
		{ "a.b-c@1234", 0, "a.b-c", "1234" },
		{ "1a2b", 0, "", "1a2b" },
		{ "1A2B3c", 0, "", "1A2B3c" },
		{ "1a2", ERR_USAGE, NULL, NULL },    /* too short for an id */
		{ "latest", ERR_USAGE, NULL, NULL }, /* of what? */
		{ "2026-11-21", ERR_USAGE, NULL, NULL },
		{ "@latest", ERR_USAGE, NULL, NULL },
		{ "sms@", ERR_USAGE, NULL, NULL },
		{ "../x@latest", ERR_USAGE, NULL, NULL },
		{ "", ERR_USAGE, NULL, NULL },
		{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@latest", ERR_USAGE, NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char dataset[DATASET_NAME_MAX + 1];
		const char *selector;

		assert_int_equal(select_split(rows[i].text, dataset, &selector), rows[i].code);
		if (rows[i].code != 0)
			continue;
		assert_string_equal(dataset, rows[i].dataset);
		assert_string_equal(selector, rows[i].selector);
	}
}

static int64_t at(const char *time)
{
	int64_t t;

	assert_int_equal(clock_parse(time, &t), 0);
	return t;
}

/* Snapshots as repo_load() would have left them, without any zone. */
static void set(struct snapshot *s, const char *taken, uint8_t first, uint8_t second)
{
	*s = (struct snapshot){ .zones = 1, .header = { .taken_at = at(taken) } };
	s->header.id[0] = first;
	s->header.id[1] = second;
}

static void snapshots_are_found_by_day_minute_second_and_id(void **state)
{
	static const struct {
		const char *selector;
		int index; /* -1: see code */
		int code;
		const char *says;
	} rows[] = {
		{ "latest", 4, 0, NULL },
		{ "2026-11-20", 0, 0, NULL },
		{ "2026-11-21", 3, 0, NULL },
		{ "2026-11-21T02:00", 2, 0, NULL },
		{ "2026-11-21T02:00Z", 2, 0, NULL },
		{ "2026-11-21T02:00:30Z", 1, 0, NULL },
		{ "2026-11-21T02:00:29Z", -1, ERR_MISSING, "the one before is sms@2026-11-20T02:00:00Z (aaaa0000)" },
		{ "2026-11-22", -1, ERR_MISSING, "the one behind sms@2026-11-23T02:00:00Z" },
		{ "2026-11-19", -1, ERR_MISSING, "the oldest one is sms@2026-11-20T02:00:00Z" },
		{ "2027-01-01", -1, ERR_MISSING, "the newest one is sms@2026-11-23T02:00:00Z" },
		{ "aaaa", 0, 0, NULL },
		{ "AAAA00", 0, 0, NULL },
		{ "bbb0", -1, ERR_MISSING, "no snapshot whose id begins" },
		{ "bbbb", -1, ERR_USAGE, "ambiguous" },
		{ "bbbb0001", -1, ERR_MISSING, "begins with" },
		{ "dddd", 5, 0, NULL }, /* being destroyed: found by id alone */
		{ "2026-11-24", -1, ERR_MISSING, "newest one is" },
		{ "yesterday", -1, ERR_USAGE, "names no snapshot" },
		{ "abc", -1, ERR_USAGE, "names no snapshot" },
	};
	struct snapshot snapshots[6];
	struct repo r = { .dataset = "sms", .snapshots = snapshots, .snapshot_count = 6 };

	(void)state;
	set(&snapshots[0], "2026-11-20T02:00:00Z", 0xaa, 0xaa);
	set(&snapshots[1], "2026-11-21T02:00:30Z", 0xbb, 0xbb);
	set(&snapshots[2], "2026-11-21T02:00:59Z", 0xbb, 0xbb);
	set(&snapshots[3], "2026-11-21T23:59:59Z", 0xcc, 0xcc);
	set(&snapshots[4], "2026-11-23T02:00:00Z", 0xee, 0xee);
	set(&snapshots[5], "2026-11-24T02:00:00Z", 0xdd, 0xdd);
	snapshots[5].intents = 1;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct snapshot *s = NULL;

		/* What it means must be among what its name says it may. */
		if (rows[i].code == 0)
			assert_true(select_may_mean(rows[i].selector, snapshots[rows[i].index].header.taken_at,
						    snapshots[rows[i].index].header.id));
		assert_int_equal(select_snapshot(&r, rows[i].selector, &s), rows[i].code);
		if (rows[i].code == 0)
			assert_ptr_equal(s, &snapshots[rows[i].index]);
		else
			assert_non_null(strstr(err_message(), rows[i].says));
	}
	r.snapshot_count = 0;
	const struct snapshot *s;
	assert_int_equal(select_snapshot(&r, "latest", &s), ERR_MISSING);
	assert_string_equal(err_message(), "dataset sms has no snapshot");
}

static void what_a_selector_may_mean_is_known_by_name(void **state)
{
	static const struct {
		const char *selector;
		bool may;
	} rows[] = {
		{ "latest", true },
		{ "2026-11-21", true },
		{ "2026-11-20", false },
		{ "2026-11-22", false },
		{ "2026-11-21T02:00", true },
		{ "2026-11-21T02:01", false },
		{ "2026-11-21T02:00:30Z", true },
		{ "2026-11-21T02:00:29Z", false },
		{ "aab0", true },
		{ "AAB0", true },
		{ "aab1", false },
		{ "yesterday", false },
	};
	struct snapshot s;

	(void)state;
	set(&s, "2026-11-21T02:00:30Z", 0xaa, 0xb0);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_int_equal(select_may_mean(rows[i].selector, s.header.taken_at, s.header.id), rows[i].may);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_split_into_dataset_and_selector),
		cmocka_unit_test(snapshots_are_found_by_day_minute_second_and_id),
		cmocka_unit_test(what_a_selector_may_mean_is_known_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
