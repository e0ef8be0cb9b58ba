#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/hex.h"

static void bytes_become_lower_case_digits_and_back(void **state)
{
	static const uint8_t bytes[] = { 0x00, 0x01, 0x9f, 0xab, 0xff };
	uint8_t back[5];
	char text[11];

	(void)state;
	assert_string_equal(hex_encode(bytes, 5, text), "00019fabff");
	assert_int_equal(hex_decode(text, 10, back, 5), 0);
	assert_memory_equal(back, bytes, 5);
	assert_string_equal(hex_encode(bytes, 0, text), "");
	assert_int_equal(hex_decode("", 0, back, 0), 0);
}

static void other_spellings_are_refused(void **state)
{
	static const struct {
		const char *text;
		size_t len;
	} rows[] = { { "0001", 4 },        { "000102030", 9 },    { "00019FABFF", 10 }, { "0x019fabff", 10 },
		     { "00 19fabff", 10 }, { "0001\0fabff", 10 }, { "gg019fabff", 10 } };
	uint8_t out[5];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_int_equal(hex_decode(rows[i].text, rows[i].len, out, 5), ERR_FORMAT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_become_lower_case_digits_and_back),
		cmocka_unit_test(other_spellings_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
