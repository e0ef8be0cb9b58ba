#include <pty.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "report/progress.h"

/* What a progress of `total` shows on standard error after `bytes` bytes; standard error is a terminal or a pipe. */
static void show(bool terminal, bool quiet, uint64_t total, uint64_t bytes, unsigned short columns, char *text,
		 size_t size)
{
	struct winsize window = { .ws_row = 24, .ws_col = columns };
	int ends[2], saved = dup(STDERR_FILENO);

	if (terminal)
		assert_int_equal(openpty(&ends[0], &ends[1], NULL, NULL, &window), 0);
	else
		assert_int_equal(pipe(ends), 0);
	dup2(ends[1], STDERR_FILENO);

	struct progress *p = progress_new("sms", total, quiet);
	progress_add(p, bytes / 2, 3);
	usleep(260000);
	progress_add(p, bytes - bytes / 2, 4);
	progress_add(p, 0, 1); /* too soon to be drawn */
	progress_free(p);

	/* An end to read up to, also where nothing was written. */
	assert_int_equal(write(ends[1], "$", 1), 1);
	dup2(saved, STDERR_FILENO);
	close(saved);
	/* A terminal hands out what it has, in parts. */
	size_t len = 0;
	while (len == 0 || text[len - 1] != '$') {
		ssize_t n = read(ends[0], text + len, size - 1 - len);

		assert_true(n > 0);
		len += (size_t)n;
	}
	text[len] = '\0';
	close(ends[0]);
	close(ends[1]);
}

static void assert_starts(const char *text, const char *beginning)
{
	assert_memory_equal(text, beginning, strlen(beginning));
}

static void a_terminal_sees_how_far_it_is_and_how_long_it_takes(void **state)
{
	char text[1024];

	(void)state;
	show(true, false, 100 << 20, 50 << 20, 200, text, sizeof text);
	assert_starts(text, "\r\033[Ksms: 50 % (50 MiB of 100 MiB, 7 items), ");
	assert_non_null(strstr(text, " MiB/s, "));
	assert_non_null(strstr(text, " s left\r\033[K$"));
}

static void without_a_total_it_tells_what_was_done(void **state)
{
	char text[1024];

	(void)state;
	show(true, false, 0, 50 << 20, 200, text, sizeof text);
	assert_starts(text, "\r\033[Ksms: 50 MiB, 7 items, ");
	assert_non_null(strstr(text, " MiB/s, "));
	assert_non_null(strstr(text, " s so far\r\033[K$"));
}

static void a_narrow_terminal_gets_a_short_line(void **state)
{
	char text[1024];

	(void)state;
	show(true, false, 100 << 20, 50 << 20, 10, text, sizeof text);
	assert_string_equal(text, "\r\033[Ksms: 50 %\r\033[K$");
	show(true, false, 100 << 20, 50 << 20, 0, text, sizeof text);
	assert_true(strlen(text) <= 3 + 80 + 5);
}

static void cron_and_json_see_nothing(void **state)
{
	char text[1024];

	(void)state;
	show(false, false, 100, 50, 80, text, sizeof text);
	assert_string_equal(text, "$");
	show(true, true, 100, 50, 80, text, sizeof text);
	assert_string_equal(text, "$");
	progress_free(NULL);
}

static void sizes_are_told_in_the_largest_unit_that_fits(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} rows[] = {
		{ 0, "0 B" },
		{ 12, "12 B" },
		{ 1023, "1023 B" },
		{ 1024, "1.0 KiB" },
		{ 10137, "9.9 KiB" },
		{ 10200, "10 KiB" },
		{ 345 << 10, "345 KiB" },
		{ (1 << 20) - 1, "1.0 MiB" },
		{ 1288490189, "1.2 GiB" },
		{ 5ULL << 40, "5.0 TiB" },
		{ 5ULL << 50, "5.0 PiB" },
		{ UINT64_MAX, "16 EiB" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char out[BYTES_TEXT_MAX];

		assert_string_equal(format_bytes(rows[i].bytes, out), rows[i].text);
	}
}

static void one_is_not_told_as_many(void **state)
{
	char out[COUNT_TEXT_MAX];

	(void)state;
	assert_string_equal(format_count(0, "entry", "entries", out), "0 entries");
	assert_string_equal(format_count(1, "entry", "entries", out), "1 entry");
	assert_string_equal(format_count(UINT64_MAX, "entry", "entries", out), "18446744073709551615 entries");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_terminal_sees_how_far_it_is_and_how_long_it_takes),
		cmocka_unit_test(without_a_total_it_tells_what_was_done),
		cmocka_unit_test(a_narrow_terminal_gets_a_short_line),
		cmocka_unit_test(cron_and_json_see_nothing),
		cmocka_unit_test(sizes_are_told_in_the_largest_unit_that_fits),
		cmocka_unit_test(one_is_not_told_as_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
