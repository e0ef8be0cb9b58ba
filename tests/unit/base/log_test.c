#include <pty.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"

static int saved_stderr = -1, reading = -1;

/* Standard error into a pipe or a terminal until end_capture(). */
static void begin_capture(bool terminal)
{
	int ends[2];

	saved_stderr = dup(STDERR_FILENO);
	if (terminal)
		assert_int_equal(openpty(&ends[0], &ends[1], NULL, NULL, NULL), 0);
	else
		assert_int_equal(pipe(ends), 0);
	reading = ends[0];
	dup2(ends[1], STDERR_FILENO);
	close(ends[1]);
}

static void end_capture(char *text, size_t size)
{
	size_t len = 0;
	ssize_t n;

	/* First the writing end is closed: a terminal hands out what it has in parts, and EIO is its end. */
	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	while ((n = read(reading, text + len, size - 1 - len)) > 0)
		len += (size_t)n;
	close(reading);
	text[len] = '\0';
}

static void each_message_is_one_line_with_program_and_level(void **state)
{
	char text[4096];

	(void)state;
	log_init("nightfold-agent", false);
	begin_capture(false);
	log_error("zone %s is gone", "ams-1");
	log_warning("first\nsecond");
	log_info("\x1b[31mred \xff caf\xc3\xa9");
	log_detail("hidden");
	log_init("nightfold-agent", true);
	log_detail("shown");
	log_status("no terminal, no status");
	end_capture(text, sizeof text);
	assert_string_equal(text, "nightfold-agent: error: zone ams-1 is gone\n"
				  "nightfold-agent: warning: first\\x0Asecond\n"
				  "nightfold-agent: info: \\x1B[31mred \\xFF caf\xc3\xa9\n"
				  "nightfold-agent: detail: shown\n");
}

static void a_test_clock_is_named_in_every_line(void **state)
{
	char text[4096];

	(void)state;
	log_init("nightfold-agent", false);
	setenv("NIGHTFOLD_TEST_NOW", "2026-11-21T02:00:00Z", 1);
	assert_int_equal(clock_init(true), 0);
	begin_capture(false);
	log_info("done");
	end_capture(text, sizeof text);
	unsetenv("NIGHTFOLD_TEST_NOW");
	assert_int_equal(clock_init(true), 0);
	assert_string_equal(text, "nightfold-agent: [test clock 2026-11-21T02:00:00Z] info: done\n");
}

static void the_status_line_stays_below_the_messages(void **state)
{
	char text[4096];

	(void)state;
	log_init("p", false);
	begin_capture(true);
	assert_true(log_on_terminal());
	log_status(NULL);
	log_status("10 %");
	log_info("hello");
	log_status(NULL);
	log_info("end");
	end_capture(text, sizeof text);
	assert_string_equal(text, "\r\033[K10 %"
				  "\r\033[Kp: info: hello\r\n10 %"
				  "\r\033[K"
				  "p: info: end\r\n");
}

static void a_text_too_long_is_cut_between_characters(void **state)
{
	static const struct {
		size_t size;
		const char *expected;
	} rows[] = {
		{ 1, "" }, { 2, "a" }, { 3, "a" }, { 4, "a\xc3\xa9" }, { 7, "a\xc3\xa9" }, { 8, "a\xc3\xa9\\x01" }
	};
	char out[16];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_string_equal(log_printable("a\xc3\xa9\x01", 4, out, rows[i].size), rows[i].expected);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_message_is_one_line_with_program_and_level),
		cmocka_unit_test(a_test_clock_is_named_in_every_line),
		cmocka_unit_test(the_status_line_stays_below_the_messages),
		cmocka_unit_test(a_text_too_long_is_cut_between_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
