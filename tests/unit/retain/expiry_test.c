#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "retain/expiry.h"

#define DAY 86400

static void a_snapshot_expires_at_the_earlier_of_its_stamp_and_todays_policy(void **state)
{
	static const struct duration week = { .seconds = 7 * DAY }, month = { .months = 1 };
	/* Taken on 1970-01-01: a month later is day 31. */
	static const struct {
		int64_t stamped;
		const struct duration *backup;
		int64_t expires;
	} rows[] = {
		{ 31 * DAY, &month, 31 * DAY }, /* as stamped */
		{ 31 * DAY, &week, 7 * DAY },   /* the policy was shortened */
		{ 7 * DAY, &month, 7 * DAY },   /* lengthened: counts for new snapshots only */
		{ 31 * DAY, NULL, 31 * DAY },   /* no policy is known */
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_int_equal(expiry_effective(0, rows[i].stamped, rows[i].backup), rows[i].expires);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_snapshot_expires_at_the_earlier_of_its_stamp_and_todays_policy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
