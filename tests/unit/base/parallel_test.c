#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/parallel.h"

struct seen {
	atomic_uint times[1000];
	atomic_uint now, most; /* at work */
};

static void see(void *context, size_t i)
{
	struct seen *s = context;
	unsigned now = atomic_fetch_add(&s->now, 1) + 1, most = atomic_load(&s->most);

	while (now > most && !atomic_compare_exchange_weak(&s->most, &most, now))
		continue;
	usleep(100);
	atomic_fetch_add(&s->times[i], 1);
	atomic_fetch_sub(&s->now, 1);
}

static void each_is_done_once_and_several_at_once(void **state)
{
	static const size_t counts[] = { 0, 1, 2, PARALLEL_MAX, PARALLEL_MAX + 1, 1000 };

	(void)state;
	for (size_t k = 0; k < sizeof counts / sizeof counts[0]; k++) {
		struct seen s = { .now = 0 };

		parallel(counts[k], see, &s);
		for (size_t i = 0; i < 1000; i++)
			assert_int_equal(s.times[i], i < counts[k]);
		assert_int_equal(s.now, 0);
		assert_true(s.most <= PARALLEL_MAX);
		if (counts[k] == 1000)
			assert_true(s.most > 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_done_once_and_several_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
