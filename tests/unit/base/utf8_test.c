#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/utf8.h"

static void sequences_are_measured_and_decoded(void **state)
{
	static const struct {
		const char *bytes;
		size_t len, expected;
		uint32_t code;
	} rows[] = {
		{ "A", 1, 1, 'A' },
		{ "\0", 1, 1, 0 },
		{ "\xc3\xa9", 2, 2, 0xe9 },
		{ "\xc3\xa9z", 3, 2, 0xe9 },
		{ "\xe2\x82\xac", 3, 3, 0x20ac },
		{ "\xf0\x9f\x98\x80", 4, 4, 0x1f600 },
		{ "\xf4\x8f\xbf\xbf", 4, 4, 0x10ffff },
		{ "\x80", 1, 0, 0 },             /* no start */
		{ "\xc3", 1, 0, 0 },             /* cut */
		{ "\xe2\x82", 2, 0, 0 },         /* cut */
		{ "\xc3\x28", 2, 0, 0 },         /* no continuation */
		{ "\xc0\xaf", 2, 0, 0 },         /* overlong */
		{ "\xe0\x80\xaf", 3, 0, 0 },     /* overlong */
		{ "\xf0\x80\x80\xaf", 4, 0, 0 }, /* overlong */
		{ "\xed\xa0\x80", 3, 0, 0 },     /* surrogate */
		{ "\xf4\x90\x80\x80", 4, 0, 0 }, /* above U+10FFFF */
		{ "\xf5\x80\x80\x80", 4, 0, 0 },
		{ "\xff", 1, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint32_t code = 0;

		assert_int_equal(utf8_next(rows[i].bytes, rows[i].len, &code), rows[i].expected);
		assert_int_equal(code, rows[i].code);
	}
}

static void one_bad_byte_makes_a_text_invalid(void **state)
{
	(void)state;
	assert_true(utf8_valid("", 0));
	assert_true(utf8_valid("gr\xc3\xbc\xc3\x9f", 6));
	assert_false(utf8_valid("gr\xfc\xdf", 4));
}

static void what_could_drive_a_terminal_is_not_printable(void **state)
{
	static const uint32_t bad[] = { 0, 0x1b, '\n', 0x7f, 0x9b, 0x200f, 0x2028, 0x202e, 0x2066, 0xfeff, 0x61c };
	static const uint32_t good[] = { ' ', '~', 0xa0, 0xe9, 0x20ac, 0x2027, 0x206a, 0x1f600 };

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(utf8_printable(bad[i]));
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		assert_true(utf8_printable(good[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sequences_are_measured_and_decoded),
		cmocka_unit_test(one_bad_byte_makes_a_text_invalid),
		cmocka_unit_test(what_could_drive_a_terminal_is_not_printable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
