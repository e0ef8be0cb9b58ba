#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"

static void a_failure_returns_its_code_and_keeps_its_message(void **state)
{
	(void)state;
	assert_int_equal(failed(ERR_KEY, "key %d of '%s'", 7, "x"), ERR_KEY);
	assert_string_equal(err_message(), "key 7 of 'x'");
}

static void context_is_put_before_the_message(void **state)
{
	(void)state;
	(void)!failed(ERR_FORMAT, "footer checksum does not match");
	assert_int_equal(failed_in(ERR_FORMAT, "pack %s", "ab12"), ERR_FORMAT);
	assert_string_equal(err_message(), "pack ab12: footer checksum does not match");
}

static void a_message_may_be_part_of_its_successor(void **state)
{
	(void)state;
	(void)!failed(ERR_SYSTEM, "inner");
	(void)!failed(ERR_USAGE, "outer of (%s)", err_message());
	assert_string_equal(err_message(), "outer of (inner)");
	(void)!failed_in(ERR_USAGE, "%s", err_message());
	assert_string_equal(err_message(), "outer of (inner): outer of (inner)");
}

static void the_reason_of_the_system_is_named_and_a_full_disk_has_its_own_code(void **state)
{
	static const struct {
		int reason, code;
		const char *message;
	} rows[] = {
		{ EACCES, ERR_SYSTEM, "cannot open 'x': Permission denied" },
		{ ENOSPC, ERR_FULL, "cannot open 'x': No space left on device" },
		{ EDQUOT, ERR_FULL, "cannot open 'x': Disk quota exceeded" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		errno = rows[i].reason;
		assert_int_equal(failed_errno(ERR_SYSTEM, "cannot open '%s'", "x"), rows[i].code);
		assert_string_equal(err_message(), rows[i].message);
	}
}

static void a_message_longer_than_the_limit_is_cut(void **state)
{
	char text[2 * ERR_MESSAGE_MAX];

	(void)state;
	memset(text, 'a', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	(void)!failed(ERR_FORMAT, "%s", text);
	assert_int_equal(strlen(err_message()), ERR_MESSAGE_MAX - 1);
	errno = EIO;
	(void)!failed_errno(ERR_SYSTEM, "%s", text);
	assert_int_equal(strlen(err_message()), ERR_MESSAGE_MAX - 1);
	(void)!failed_in(ERR_SYSTEM, "pack");
	assert_int_equal(strlen(err_message()), ERR_MESSAGE_MAX - 1);
	assert_memory_equal(err_message(), "pack: aaaa", 10);
}

static void a_message_can_be_adopted_from_another_thread(void **state)
{
	(void)state;
	assert_int_equal(err_adopt(ERR_FULL, "100%s full"), ERR_FULL);
	assert_string_equal(err_message(), "100%s full");
}

static void each_code_has_its_exit_status(void **state)
{
	static const struct {
		int code, status;
	} rows[] = {
		{ 0, EXIT_DONE },
		{ ERR_SYSTEM, EXIT_FAILED },
		{ ERR_USAGE, EXIT_USAGE },
		{ ERR_FORMAT, EXIT_FAILED },
		{ ERR_INTEGRITY, EXIT_INTEGRITY },
		{ ERR_MISSING, EXIT_FAILED },
		{ ERR_EXISTS, EXIT_FAILED },
		{ ERR_LOCKED, EXIT_LOCKED },
		{ ERR_REFUSED, EXIT_REFUSED },
		{ ERR_KEY, EXIT_FAILED },
		{ ERR_FULL, EXIT_FAILED },
		{ ERR_UNAVAILABLE, EXIT_FAILED },
		{ ERR_INTERRUPTED, EXIT_FAILED },
		{ ERR_DEGRADED, EXIT_DEGRADED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_int_equal(err_exit(rows[i].code), rows[i].status);
}

static void a_bug_says_where_and_aborts(void **state)
{
	int ends[2], status;
	char text[256] = "";

	(void)state;
	assert_int_equal(pipe(ends), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		dup2(ends[1], STDERR_FILENO);
		signal(SIGABRT, SIG_DFL);
		die("pack.c", 12, "count < limit");
	}
	close(ends[1]);
	assert_true(read(ends[0], text, sizeof text - 1) > 0);
	close(ends[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	assert_string_equal(text, "nightfold: bug at pack.c:12: count < limit does not hold\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_failure_returns_its_code_and_keeps_its_message),
		cmocka_unit_test(context_is_put_before_the_message),
		cmocka_unit_test(a_message_may_be_part_of_its_successor),
		cmocka_unit_test(the_reason_of_the_system_is_named_and_a_full_disk_has_its_own_code),
		cmocka_unit_test(a_message_longer_than_the_limit_is_cut),
		cmocka_unit_test(a_message_can_be_adopted_from_another_thread),
		cmocka_unit_test(each_code_has_its_exit_status),
		cmocka_unit_test(a_bug_says_where_and_aborts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
