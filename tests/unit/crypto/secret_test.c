#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "crypto/secret.h"

static void a_started_program_makes_no_core_and_lets_nobody_look(void **state)
{
	struct rlimit limit;

	(void)state;
	assert_int_equal(secret_init(), 0);
	assert_int_equal(getrlimit(RLIMIT_CORE, &limit), 0);
	assert_int_equal(limit.rlim_cur, 0);
	assert_int_equal(limit.rlim_max, 0);
	assert_int_equal(prctl(PR_GET_DUMPABLE), 0);
	/* A second call finds all done. */
	assert_int_equal(secret_init(), 0);
}

static void guarded_memory_is_zeroed_and_freed_by_its_attribute(void **state)
{
	static const uint8_t zeros[100];

	(void)state;
	for (int i = 0; i < 3; i++) {
		_secret_ uint8_t *secret = secret_new(sizeof zeros);

		assert_memory_equal(secret, zeros, sizeof zeros);
		memset(secret, 0xa5, sizeof zeros);
	}

	void *secret = secret_new(1);

	secret_free_pointer(&secret);
	assert_null(secret);
	secret_free(NULL);
}

static void wiping_leaves_zeros(void **state)
{
	char text[] = "hunter2";

	(void)state;
	secret_wipe(text, sizeof text);
	for (size_t i = 0; i < sizeof text; i++)
		assert_int_equal(text[i], 0);
}

static void random_bytes_are_never_the_same_twice(void **state)
{
	uint8_t a[16], b[16];

	(void)state;
	random_bytes(a, sizeof a);
	random_bytes(b, sizeof b);
	assert_memory_not_equal(a, b, sizeof a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(guarded_memory_is_zeroed_and_freed_by_its_attribute),
		cmocka_unit_test(wiping_leaves_zeros),
		cmocka_unit_test(random_bytes_are_never_the_same_twice),
		cmocka_unit_test(a_started_program_makes_no_core_and_lets_nobody_look),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
