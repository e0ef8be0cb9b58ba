#include "crypto/paper.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"

#define PUBLIC "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"
#define SEED   "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define AGENT  "nightfold-secret-key 1 agent " PUBLIC " plain " SEED "\n"

/* Made by a Python program from the description in crypto/paper.h. */
#define LINE_1 "01  nightfold-secret-key.1.agent              37a2\n"
#define LINE_2 "02  03a1 07bf f3ce 10be 1d70 dd18 e74b c099   8fa7\n"
#define LINE_3 "03  67e4 d630 9ba5 0d5f 1ddc 8664 1255 31b8   5424\n"
#define LINE_4 "04  plain                                     69a0\n"
#define LINE_5 "05  0001 0203 0405 0607 0809 0a0b 0c0d 0e0f   578c\n"
#define LINE_6 "06  1011 1213 1415 1617 1819 1a1b 1c1d 1e1f   1bfc\n"
#define LINE_7 "07  end.8daf5fefdd70fd4c                      f008\n"
#define PAPER  LINE_1 LINE_2 LINE_3 LINE_4 LINE_5 LINE_6 LINE_7

static char *encode(const char *text)
{
	_buf_ struct buf out = { 0 };

	buf_init_guarded(&out, PAPER_MAX, "test");
	assert_int_equal(paper_encode(text, strlen(text), &out), 0);
	return xstrndup((char *)out.data, out.len);
}

static void assert_decodes(const char *typed, const char *expected)
{
	_buf_ struct buf out = { 0 };

	buf_init_guarded(&out, PAPER_MAX, "test");
	if (paper_decode(typed, strlen(typed), &out) != 0)
		fail_msg("%s", err_message());
	assert_int_equal(buf_terminate(&out), 0);
	assert_string_equal((char *)out.data, expected);
}

static void assert_refused(const char *typed, const char *message)
{
	_buf_ struct buf out = { 0 };

	buf_init_guarded(&out, PAPER_MAX, "test");
	assert_int_equal(paper_decode(typed, strlen(typed), &out), ERR_INTEGRITY);
	assert_string_equal(err_message(), message);
}

static void a_key_becomes_numbered_lines_with_checksums(void **state)
{
	_free_ char *paper = encode(AGENT);

	(void)state;
	assert_string_equal(paper, PAPER);
}

static void what_was_printed_is_read_back(void **state)
{
	static const char *const texts[] = {
		AGENT,
		"nightfold-secret-key 1 operator " PUBLIC PUBLIC " plain " SEED SEED "\n",
		/* The last word ends in a line that is not full. */
		"nightfold-secret-key 1 operator " PUBLIC PUBLIC " argon2id 8 67108864 " PUBLIC PUBLIC SEED
		"00112233445566778899\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		_free_ char *paper = encode(texts[i]);

		assert_decodes(paper, texts[i]);
	}
}

static void a_typed_copy_may_look_different(void **state)
{
	static const char *const copies[] = {
		/* without spaces, in capitals */
		"01NIGHTFOLD-SECRET-KEY.1.AGENT37A2\n0203A107BFF3CE10BE1D70DD18E74BC0998FA7\n" LINE_3
		"04PLAIN69A0\n" LINE_5 LINE_6 "07END.8DAF5FEFDD70FD4CF008",
		/* with spaces, tabs, line ends of DOS, empty lines and remarks */
		"# from the safe\n\n  1.\tnightfold-secret-key . 1 . agent 37 a2\r\n\r\n 2: 03a107bf f3ce10be 1d70dd18 "
		"e74bc099 8fa7\r\n" LINE_3 "4) p lain 69a0\n" LINE_5 "   # half\n" LINE_6 LINE_7 "\n\n",
		/* letters for the digits that they look like */
		LINE_1 "02 o3al o7bf f3ce iObe Id7o ddI8 e74b cO99 8fa7\n" LINE_3 LINE_4
		       "05  OOOi 0203 0405 0607 0809 0a0b 0c0d 0e0f 578c\n" LINE_6 LINE_7,
		/* in another order */
		LINE_7 LINE_3 LINE_2 LINE_1 LINE_6 LINE_5 LINE_4,
	};

	(void)state;
	for (size_t i = 0; i < sizeof copies / sizeof copies[0]; i++)
		assert_decodes(copies[i], AGENT);
}

static void each_wrong_line_is_named(void **state)
{
	/* clang-format off */
	static const struct {
		const char *typed, *message;
	} rows[] = {
		{ LINE_1 LINE_2 "03 67e4 d630 9ba5 0d5f 1ddc 8664 1255 31b9 5424\n" LINE_4 LINE_5 LINE_6 LINE_7,
		  "line 03 does not match its checksum" },
		{ LINE_1 LINE_2 "03 67e4 d630 9ba5 0d5f 1ddc 8664 1255 31b8 5425\n" LINE_4 LINE_5 LINE_6 LINE_7,
		  "line 03 does not match its checksum" },
		/* two lines changed places, their numbers did not */
		{ LINE_1 "02 67e4 d630 9ba5 0d5f 1ddc 8664 1255 31b8 5424\n03 03a1 07bf f3ce 10be 1d70 dd18 e74b c099 "
		  "8fa7\n" LINE_4 LINE_5 LINE_6 LINE_7,
		  "line 02 does not match its checksum; line 03 does not match its checksum" },
		{ LINE_1 LINE_2 LINE_4 LINE_5 LINE_6 LINE_7, "line 03 is missing" },
		{ LINE_1 LINE_2 LINE_2 LINE_4 LINE_5 LINE_6 LINE_7, "line 02 is there twice; line 03 is missing" },
		{ LINE_1 LINE_2 LINE_3 LINE_4 LINE_5 LINE_6,
		  "the lines after 06 are missing (the last one says 'end')" },
		{ LINE_1 "2\n" LINE_3 LINE_4 LINE_5 LINE_6 LINE_7, "line 02 is missing" },
		{ LINE_1 "2 8fa7\n" LINE_3 LINE_4 LINE_5 LINE_6 LINE_7, "line 02 does not match its checksum" },
		{ LINE_1 "2 03a1 07bf f3ce 10be 1d70 dd18 e74b c099 03a1 07bf f3ce 10be 1d70 dd18 e74b c099 03a1 07bf "
		  "8fa7\n" LINE_3 LINE_4 LINE_5 LINE_6 LINE_7, "line 02 does not match its checksum" },
		{ LINE_1 "nonsense\n" LINE_3, "row 2 of what was typed does not begin with a line's number" },
		{ "12 zzzzz zzz\n",
		  "line 01 is missing; line 02 is missing; line 03 is missing; line 04 is missing; line 05 is missing; "
		  "line 06 is missing; line 07 is missing; line 08 is missing; and 4 more" },
		{ "", "the lines after 00 are missing (the last one says 'end')" },
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_refused(rows[i].typed, rows[i].message);
}

static void lines_of_two_papers_do_not_make_a_key(void **state)
{
	_free_ char *other = encode("nightfold-secret-key 1 agent " SEED " plain " SEED "\n");
	const char *second = strchr(other, '\n') + 1, *fourth = strchr(strchr(second, '\n') + 1, '\n') + 1;
	_free_ char *mixed = xasprintf(LINE_1 "%.*s" LINE_4 LINE_5 LINE_6 LINE_7, (int)(fourth - second), second);

	(void)state;
	assert_refused(mixed, "each line is right, but not all of them are of one paper");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_becomes_numbered_lines_with_checksums),
		cmocka_unit_test(what_was_printed_is_read_back),
		cmocka_unit_test(a_typed_copy_may_look_different),
		cmocka_unit_test(each_wrong_line_is_named),
		cmocka_unit_test(lines_of_two_papers_do_not_make_a_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
