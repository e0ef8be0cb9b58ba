#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "format/limits.h"
#include "format/padme.h"

static void lengths_are_padded_as_the_paper_says(void **state)
{
	static const struct {
		uint64_t len, padded;
	} rows[] = {
		{ 0, 0 },
		{ 1, 1 },
		{ 2, 2 },
		{ 3, 3 },
		{ 4, 4 },
		{ 7, 7 },
		{ 8, 8 },
		{ 9, 10 },
		{ 15, 16 },
		{ 16, 16 },
		{ 17, 18 },
		{ 100, 104 },
		{ 255, 256 },
		{ 257, 272 },
		{ 1000, 1024 },
		{ 65537, 67584 },
		{ CHUNK_MAX, CHUNK_MAX },
		{ CHUNK_MAX - 1, CHUNK_MAX },
		{ CHUNK_MAX + 1, CHUNK_MAX + (CHUNK_MAX >> 5) },
		{ (UINT64_C(1) << 62) - 1, UINT64_C(1) << 62 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_int_equal(padme(rows[i].len), rows[i].padded);
}

static void padding_is_little_ascends_and_happens_once(void **state)
{
	uint64_t last = 0;

	(void)state;
	for (uint64_t len = 1; len < 300000; len++) {
		uint64_t padded = padme(len);

		assert_true(padded >= len && padded >= last);
		assert_true((padded - len) * 100 < len * 12);
		assert_int_equal(padme(padded), padded);
		assert_true(padme_makes(padded));
		assert_true(padme_makes(len) == (padded == len));
		last = padded;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lengths_are_padded_as_the_paper_says),
		cmocka_unit_test(padding_is_little_ascends_and_happens_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
