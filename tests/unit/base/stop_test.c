#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/stop.h"

static void nothing_stops_without_a_signal(void **state)
{
	(void)state;
	stop_on_signals();
	assert_false(stop_requested());
	assert_int_equal(stop_check(), 0);
}

static void a_signal_is_seen_until_signals_are_set_up_anew(void **state)
{
	(void)state;
	stop_on_signals();
	raise(SIGTERM);
	assert_true(stop_requested());
	assert_int_equal(stop_check(), ERR_INTERRUPTED);
	assert_non_null(strstr(err_message(), "interrupted"));
	stop_on_signals();
	assert_false(stop_requested());
}

static void a_signal_asks_and_the_next_one_ends(void **state)
{
	static const int pairs[][2] = {
		{ SIGINT, SIGINT }, { SIGTERM, SIGTERM }, { SIGINT, SIGTERM }, { SIGTERM, SIGINT }
	};

	(void)state;
	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
		int status;
		pid_t child = fork();

		assert_true(child >= 0);
		if (child == 0) {
			stop_on_signals();
			raise(pairs[i][0]);
			if (!stop_requested() || stop_check() != ERR_INTERRUPTED ||
			    !strstr(err_message(), "interrupted"))
				_exit(1);
			raise(pairs[i][1]);
			_exit(2);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), pairs[i][1]);
	}
}

static void a_closed_pipe_is_an_error_not_the_end(void **state)
{
	int ends[2];

	(void)state;
	stop_on_signals();
	assert_int_equal(pipe(ends), 0);
	close(ends[0]);
	assert_int_equal(write(ends[1], "x", 1), -1);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_stops_without_a_signal),
		cmocka_unit_test(a_signal_is_seen_until_signals_are_set_up_anew),
		cmocka_unit_test(a_signal_asks_and_the_next_one_ends),
		cmocka_unit_test(a_closed_pipe_is_an_error_not_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
