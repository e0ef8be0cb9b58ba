#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "base/spill.h"

static bool all(const struct spill *s, size_t from, size_t to, uint8_t byte)
{
	const uint8_t *data = s->data;

	for (size_t i = from; i < to; i++) {
		if (data[i] != byte)
			return false;
	}
	return true;
}

/* Grows by three steps from `first` bytes: what was there stays, what is new is zero. */
static void grow(struct spill *s, size_t first)
{
	spill_resize(s, first);
	assert_true(all(s, 0, first, 0));
	memset(s->data, 1, first);
	spill_resize(s, 2 * first);
	assert_true(all(s, 0, first, 1) && all(s, first, 2 * first, 0));
	memset(s->data, 2, 2 * first);
	spill_resize(s, 4 * first);
	assert_int_equal(s->size, 4 * first);
	assert_true(all(s, 0, 2 * first, 2) && all(s, 2 * first, 4 * first, 0));
}

static void what_is_small_stays_on_the_heap(void **state)
{
	struct spill s;

	(void)state;
	spill_init(&s, NULL);
	grow(&s, 1000);
	assert_int_equal(s.fd, -1);
	spill_release(&s);
	assert_null(s.data);
}

static void what_is_large_is_in_a_file(void **state)
{
	struct spill s;

	(void)state;
	spill_init(&s, NULL);
	grow(&s, SPILL_HEAP_MAX);
	assert_true(s.fd >= 0);
	spill_release(&s);
	assert_int_equal(s.fd, -1);
}

static void without_a_folder_for_the_file_it_stays_on_the_heap(void **state)
{
	struct spill s;

	(void)state;
	spill_init(&s, "/nonexistent/folder");
	grow(&s, SPILL_HEAP_MAX);
	assert_int_equal(s.fd, -1);
	spill_release(&s);
}

/* As on a disk that has no more room: here the process may not make files so large. */
static void what_does_not_fit_into_its_file_any_more_goes_back_to_the_heap(void **state)
{
	const struct rlimit limit = { 2 * SPILL_HEAP_MAX, RLIM_INFINITY };
	const struct rlimit none = { RLIM_INFINITY, RLIM_INFINITY };
	struct spill s;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	spill_init(&s, NULL);
	spill_resize(&s, 2 * SPILL_HEAP_MAX);
	assert_true(s.fd >= 0);
	memset(s.data, 3, s.size);
	spill_resize(&s, 4 * SPILL_HEAP_MAX);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	assert_int_equal(s.fd, -1);
	assert_true(all(&s, 0, 2 * SPILL_HEAP_MAX, 3) && all(&s, 2 * SPILL_HEAP_MAX, 4 * SPILL_HEAP_MAX, 0));
	spill_release(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_small_stays_on_the_heap),
		cmocka_unit_test(what_is_large_is_in_a_file),
		cmocka_unit_test(without_a_folder_for_the_file_it_stays_on_the_heap),
		cmocka_unit_test(what_does_not_fit_into_its_file_any_more_goes_back_to_the_heap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
