#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/hex.h"
#include "format/cbor.h"

static uint8_t input[64];

static struct cbor_reader reader_of(const char *hex)
{
	struct cbor_reader r;
	size_t digits = strlen(hex);

	assert_int_equal(hex_decode(hex, digits, input, digits / 2), 0);
	cbor_reader_init(&r, input, digits / 2, "test");
	return r;
}

static void numbers_are_written_in_their_shortest_form_and_read_back(void **state)
{
	/* RFC 8949, appendix A, and the borders between the widths. */
	static const struct {
		uint64_t value;
		const char *hex;
	} rows[] = {
		{ 0, "00" },
		{ 23, "17" },
		{ 24, "1818" },
		{ 255, "18ff" },
		{ 256, "190100" },
		{ 65535, "19ffff" },
		{ 65536, "1a00010000" },
		{ UINT32_MAX, "1affffffff" },
		{ 1000000000000, "1b000000e8d4a51000" },
		{ UINT64_MAX, "1bffffffffffffffff" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		_buf_ struct buf out = { 0 };
		struct cbor_reader r = reader_of(rows[i].hex);
		uint64_t value = 7;

		buf_init(&out, 16, "test");
		assert_int_equal(cbor_write_uint(&out, rows[i].value), 0);
		assert_int_equal(out.len, r.len);
		assert_memory_equal(out.data, input, r.len);
		assert_int_equal(out.len, cbor_head_size(rows[i].value));
		assert_int_equal(cbor_read_uint(&r, UINT64_MAX, &value), 0);
		assert_true(value == rows[i].value);
		assert_int_equal(cbor_read_end(&r), 0);
	}
}

static void signed_numbers_are_read_back(void **state)
{
	static const struct {
		int64_t value;
		const char *hex;
	} rows[] = {
		{ 0, "00" },
		{ -1, "20" },
		{ -24, "37" },
		{ -25, "3818" },
		{ -1000, "3903e7" },
		{ -100000, "3a0001869f" },
		{ INT64_MAX, "1b7fffffffffffffff" },
		{ INT64_MIN, "3b7fffffffffffffff" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		_buf_ struct buf out = { 0 };
		struct cbor_reader r = reader_of(rows[i].hex);
		int64_t value = 7;

		buf_init(&out, 16, "test");
		assert_int_equal(cbor_write_int(&out, rows[i].value), 0);
		assert_int_equal(out.len, r.len);
		assert_memory_equal(out.data, input, r.len);
		assert_int_equal(cbor_read_int(&r, &value), 0);
		assert_true(value == rows[i].value);
	}
}

static int read_uint(struct cbor_reader *r)
{
	uint64_t value;

	return cbor_read_uint(r, 1000, &value);
}

static int read_u32(struct cbor_reader *r)
{
	uint32_t value;

	return cbor_read_u32(r, UINT32_MAX, &value);
}

static int read_int(struct cbor_reader *r)
{
	int64_t value;

	return cbor_read_int(r, &value);
}

static int read_bool(struct cbor_reader *r)
{
	bool value;

	return cbor_read_bool(r, &value);
}

static int read_bytes(struct cbor_reader *r)
{
	const uint8_t *data;
	size_t len;

	return cbor_read_bytes(r, 4, &data, &len);
}

static int read_bytes_of_2(struct cbor_reader *r)
{
	uint8_t data[2];

	return cbor_read_bytes_of(r, sizeof data, data);
}

static int read_text(struct cbor_reader *r)
{
	const char *text;
	size_t len;

	return cbor_read_text(r, 4, &text, &len);
}

static int read_text_into_4(struct cbor_reader *r)
{
	char text[4];

	return cbor_read_text_into(r, text, sizeof text);
}

static int read_text_ab(struct cbor_reader *r)
{
	return cbor_read_text_of(r, "ab");
}

static int read_array(struct cbor_reader *r)
{
	size_t count;

	return cbor_read_array(r, 4, &count);
}

static int read_array_of_2(struct cbor_reader *r)
{
	return cbor_read_array_of(r, 2);
}

static int read_map(struct cbor_reader *r)
{
	size_t pairs;

	return cbor_read_map(r, 4, &pairs);
}

static void anything_but_the_expected_item_in_its_one_form_is_refused(void **state)
{
	static const struct {
		int (*read)(struct cbor_reader *);
		const char *hex, *message;
	} rows[] = {
		{ read_uint, "", "test: ends early, byte 0 should begin a number" },
		{ read_uint, "18", "ends early" },
		{ read_uint, "1817", "a number at byte 0 is not in its shortest form" },
		{ read_uint, "190018", "not in its shortest form" },
		{ read_uint, "1a00000018", "not in its shortest form" },
		{ read_uint, "1b0000000000000018", "not in its shortest form" },
		{ read_uint, "1903e9", "is 1001, the limit is 1000" },
		{ read_uint, "20", "expected a number at byte 0" },
		{ read_uint, "f4", "expected a number" },
		{ read_uint, "c100", "expected a number" },               /* tag */
		{ read_uint, "f90000", "expected a number" },             /* half float */
		{ read_uint, "fa00000000", "expected a number" },         /* float */
		{ read_uint, "fb0000000000000000", "expected a number" }, /* double */
		{ read_uint, "1c", "expected a number" },                 /* reserved */
		{ read_u32, "1b0000000100000000", "the limit is 4294967295" },
		{ read_int, "3817", "not in its shortest form" },
		{ read_int, "390001", "not in its shortest form" },
		{ read_int, "1b8000000000000000", "the limit is" },
		{ read_int, "3b8000000000000000", "the limit is" },
		{ read_int, "40", "expected a signed number" },
		{ read_bool, "f6", "expected true or false" }, /* null */
		{ read_bool, "f7", "expected true or false" }, /* undefined */
		{ read_bool, "f815", "expected true or false" },
		{ read_bool, "01", "expected true or false" },
		{ read_bytes, "450102030405", "is 5, the limit is 4" },
		{ read_bytes, "420a", "ends early" },
		{ read_bytes, "5bffffffffffffffff", "ends early" },
		{ read_bytes, "5803010203", "not in its shortest form" },
		{ read_bytes, "5f4101ff", "expected a byte string" }, /* indefinite */
		{ read_bytes, "6161", "expected a byte string" },
		{ read_bytes_of_2, "4101", "has 1 bytes instead of 2" },
		{ read_bytes_of_2, "43010203", "has 3 bytes instead of 2" },
		{ read_bytes_of_2, "820102", "expected a byte string" },
		{ read_text, "656162636465", "is 5, the limit is 4" },
		{ read_text, "4161", "expected a text" },
		{ read_text, "7f6161ff", "expected a text" }, /* indefinite */
		{ read_text, "6100", "is not printable ASCII" },
		{ read_text, "610a", "is not printable ASCII" },
		{ read_text, "62c3a9", "is not printable ASCII" },
		{ read_text_into_4, "6461626364", "is 4, the limit is 3" },
		{ read_text_ab, "626163", "'ac' where 'ab' is expected" },
		{ read_text_ab, "63616263", "'abc' where 'ab' is expected" },
		{ read_text_ab, "6161", "'a' where 'ab' is expected" },
		{ read_array, "850000000000", "is 5, the limit is 4" },
		{ read_array, "82", "ends early, within an array" },
		{ read_array, "9f00ff", "expected an array" }, /* indefinite */
		{ read_array, "980100", "not in its shortest form" },
		{ read_array, "a10000", "expected an array" },
		{ read_array_of_2, "8100", "has 1 items instead of 2" },
		{ read_array_of_2, "00", "expected an array" },
		{ read_map, "a50000000000", "is 5, the limit is 4" },
		{ read_map, "bf0000ff", "expected a map" }, /* indefinite */
		{ read_map, "80", "expected a map" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct cbor_reader r = reader_of(rows[i].hex);

		assert_int_equal(rows[i].read(&r), ERR_FORMAT);
		if (strstr(err_message(), rows[i].message) == NULL)
			fail_msg("%s: '%s' does not say '%s'", rows[i].hex, err_message(), rows[i].message);
	}
}

static void a_document_is_read_back_item_by_item(void **state)
{
	_buf_ struct buf out = { 0 };
	struct cbor_reader r;
	const uint8_t *data;
	const char *text;
	uint8_t two[2];
	char word[4];
	size_t len, count;
	bool yes = false, no = true;

	(void)state;
	buf_init(&out, 64, "test");
	assert_int_equal(cbor_write_array(&out, 7), 0);
	assert_int_equal(cbor_write_bytes(&out, "\1\2\3", 3), 0);
	assert_int_equal(cbor_write_bytes(&out, "\4\5", 2), 0);
	assert_int_equal(cbor_write_text(&out, "one"), 0);
	assert_int_equal(cbor_write_text(&out, "two"), 0);
	assert_int_equal(cbor_write_text(&out, "magic"), 0);
	assert_int_equal(cbor_write_map(&out, 1), 0);
	assert_int_equal(cbor_write_bool(&out, true), 0);
	assert_int_equal(cbor_write_bool(&out, false), 0);
	assert_int_equal(cbor_write_array(&out, 0), 0);

	cbor_reader_init(&r, out.data, out.len, "test");
	assert_int_equal(cbor_read_array_of(&r, 7), 0);
	assert_int_equal(cbor_read_bytes(&r, 3, &data, &len), 0);
	assert_int_equal(len, 3);
	assert_ptr_equal(data, out.data + 2); /* not copied */
	assert_int_equal(cbor_read_bytes_of(&r, 2, two), 0);
	assert_memory_equal(two, "\4\5", 2);
	assert_int_equal(cbor_read_text(&r, 3, &text, &len), 0);
	assert_int_equal(len, 3);
	assert_memory_equal(text, "one", 3);
	assert_int_equal(cbor_read_text_into(&r, word, sizeof word), 0);
	assert_string_equal(word, "two");
	assert_int_equal(cbor_read_text_of(&r, "magic"), 0);
	assert_int_equal(cbor_read_map(&r, 1, &count), 0);
	assert_int_equal(count, 1);
	assert_int_equal(cbor_read_end(&r), ERR_FORMAT);
	assert_string_equal(err_message(), "test: 3 bytes follow its end");
	assert_int_equal(cbor_read_bool(&r, &yes), 0);
	assert_int_equal(cbor_read_bool(&r, &no), 0);
	assert_true(yes && !no);
	assert_int_equal(cbor_read_array(&r, 4, &count), 0);
	assert_int_equal(count, 0);
	assert_int_equal(cbor_read_end(&r), 0);
}

static void text_that_no_reader_would_take_is_not_written(void **state)
{
	_buf_ struct buf out = { 0 };

	(void)state;
	buf_init(&out, 64, "the lease");
	assert_int_equal(cbor_write_text(&out, "h\xc3\xb6st"), ERR_FORMAT);
	assert_string_equal(err_message(), "the lease: a text in it is not printable ASCII");
	assert_int_equal(out.len, 0);
}

static void nothing_is_written_past_a_buffers_maximum(void **state)
{
	_buf_ struct buf out = { 0 };

	(void)state;
	buf_init(&out, 3, "the test");
	assert_int_equal(cbor_write_uint(&out, 1000000), ERR_FORMAT);
	assert_int_equal(cbor_write_int(&out, -1000000), ERR_FORMAT);
	assert_int_equal(cbor_write_array(&out, 1000000), ERR_FORMAT);
	assert_int_equal(cbor_write_map(&out, 1000000), ERR_FORMAT);
	assert_int_equal(out.len, 0);
	assert_int_equal(cbor_write_bytes(&out, "abc", 3), ERR_FORMAT);
	assert_int_equal(cbor_write_text(&out, "abc"), ERR_FORMAT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_written_in_their_shortest_form_and_read_back),
		cmocka_unit_test(signed_numbers_are_read_back),
		cmocka_unit_test(anything_but_the_expected_item_in_its_one_form_is_refused),
		cmocka_unit_test(a_document_is_read_back_item_by_item),
		cmocka_unit_test(text_that_no_reader_would_take_is_not_written),
		cmocka_unit_test(nothing_is_written_past_a_buffers_maximum),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
