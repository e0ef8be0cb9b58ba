#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/err.h"

static void memory_is_zeroed_grown_and_copied(void **state)
{
	static const uint8_t zeros[64];

	(void)state;
	_free_ uint8_t *a = xcalloc(8, 8);
	assert_memory_equal(a, zeros, 64);

	_free_ uint32_t *b = xmalloc(4);
	*b = 7;
	b = xrealloc(b, 1000, sizeof *b);
	assert_int_equal(b[0], 7);

	_free_ char *c = xstrdup("text");
	assert_string_equal(c, "text");
	_free_ char *d = xstrndup("text", 2);
	assert_string_equal(d, "te");
	_free_ char *e = xstrndup("text", 20);
	assert_string_equal(e, "text");
	_free_ char *f = xasprintf("%d and %s", 1, "two");
	assert_string_equal(f, "1 and two");
}

static void nothing_is_something(void **state)
{
	(void)state;
	_free_ void *a = xcalloc(0, 8);
	_free_ void *b = xmalloc(0);
	_free_ void *c = xrealloc(NULL, 0, 4);
	assert_true(a && b && c);
}

static void freeing_leaves_null(void **state)
{
	char *text = xstrdup("x");

	(void)state;
	free_pointer(&text);
	assert_null(text);
	free_pointer(&text);
}

/* Volatile, so that no compiler sees a size that can never be had. */
static volatile size_t half = SIZE_MAX / 2;

static void ask_calloc(void)
{
	free_pointer(&(void *){ xcalloc(half, 4) });
}

static void ask_malloc(void)
{
	free_pointer(&(void *){ xmalloc(half) });
}

static void ask_realloc(void)
{
	free_pointer(&(void *){ xrealloc(NULL, half, 4) });
}

static void running_out_of_memory_ends_the_program_with_a_message(void **state)
{
	static void (*const asks[])(void) = { ask_calloc, ask_malloc, ask_realloc };

	(void)state;
	for (size_t i = 0; i < sizeof asks / sizeof asks[0]; i++) {
		int ends[2], status;
		char text[8192] = "";
		size_t len = 0;
		ssize_t n;

		assert_int_equal(pipe(ends), 0);
		pid_t child = fork();
		assert_true(child >= 0);
		if (child == 0) {
			dup2(ends[1], STDERR_FILENO);
			asks[i]();
			_exit(0);
		}
		close(ends[1]);
		while ((n = read(ends[0], text + len, sizeof text - 1 - len)) > 0)
			len += (size_t)n;
		close(ends[0]);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), EXIT_FAILED);
		assert_non_null(strstr(text, "out of memory ("));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_is_zeroed_grown_and_copied),
		cmocka_unit_test(nothing_is_something),
		cmocka_unit_test(freeing_leaves_null),
		cmocka_unit_test(running_out_of_memory_ends_the_program_with_a_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The sanitizer must return NULL as malloc does, not abort by itself. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
	return "allocator_may_return_null=1";
}
