#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"

static void bytes_are_appended_in_order(void **state)
{
	(void)state;
	for (int guarded = 0; guarded < 2; guarded++) {
		_buf_ struct buf b;

		(guarded ? buf_init_guarded : buf_init)(&b, 5000, "test");
		assert_int_equal(buf_append(&b, "abc", 3), 0);
		assert_int_equal(buf_append_byte(&b, 'd'), 0);
		assert_int_equal(buf_append(&b, NULL, 0), 0);
		assert_int_equal(buf_printf(&b, "%d-%s", 12, "x"), 0);
		assert_int_equal(buf_terminate(&b), 0);
		assert_string_equal((char *)b.data, "abcd12-x");
		assert_int_equal(b.len, 8);

		for (int i = 0; i < 1000; i++)
			assert_int_equal(buf_append(&b, "0123", 4), 0);
		assert_int_equal(b.len, 4008);
		assert_memory_equal(b.data + 4004, "0123", 4);
		assert_memory_equal(b.data, "abcd12-x0123", 12);

		buf_clear(&b);
		assert_int_equal(b.len, 0);
		assert_int_equal(buf_append(&b, "z", 1), 0);
		assert_int_equal(b.data[0], 'z');
	}
}

static void the_maximum_is_reached_but_never_passed(void **state)
{
	(void)state;
	for (int guarded = 0; guarded < 2; guarded++) {
		_buf_ struct buf b;
		uint8_t *at;

		(guarded ? buf_init_guarded : buf_init)(&b, 10, "the index");
		assert_int_equal(buf_append(&b, "0123456789", 10), 0);
		assert_int_equal(buf_terminate(&b), 0);
		assert_int_equal(buf_append(&b, "", 0), 0);

		assert_int_equal(buf_append_byte(&b, 'x'), ERR_FORMAT);
		assert_string_equal(err_message(), "the index is larger than its limit of 10 bytes");
		assert_int_equal(buf_append(&b, "x", SIZE_MAX), ERR_FORMAT);
		assert_int_equal(buf_printf(&b, "%d", 1), ERR_FORMAT);
		assert_int_equal(buf_reserve(&b, 1, &at), ERR_FORMAT);
		assert_int_equal(b.len, 10);
		assert_string_equal((char *)b.data, "0123456789");
	}
}

static void reserved_room_is_written_by_the_caller(void **state)
{
	_buf_ struct buf b;
	uint8_t *at = NULL;

	(void)state;
	buf_init(&b, 1000, "test");
	assert_int_equal(buf_append(&b, "ab", 2), 0);
	assert_int_equal(buf_reserve(&b, 998, &at), 0);
	assert_ptr_equal(at, b.data + 2);
	memset(at, 'c', 998);
	b.len += 998;
	assert_int_equal(buf_append_byte(&b, 'x'), ERR_FORMAT);
	assert_memory_equal(b.data, "abcc", 4);
}

static void a_guarded_buffer_never_moves_and_is_wiped_when_cleared(void **state)
{
	static const uint8_t zeros[6];
	_buf_ struct buf b;

	(void)state;
	buf_init_guarded(&b, 1u << 20, "test");
	uint8_t *data = b.data;
	assert_int_equal(buf_append(&b, "secret", 6), 0);
	uint8_t *at;
	assert_int_equal(buf_reserve(&b, (1u << 20) - 6, &at), 0);
	assert_ptr_equal(b.data, data);
	buf_clear(&b);
	assert_memory_equal(data, zeros, 6);
}

static void a_zeroed_or_released_buffer_can_be_released(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_release(&b);
	buf_init(&b, 10, "test");
	buf_release(&b);
	buf_release(&b);
	assert_null(b.data);
}

static void a_large_one_that_is_spilled_is_no_memory_of_ours(void **state)
{
	_buf_ struct buf b;
	uint8_t chunk[4096];
	const size_t large = 2 * SPILL_HEAP_MAX;

	(void)state;
	buf_init_spilled(&b, large, "test", NULL);
	for (size_t i = 0; i * sizeof chunk < large; i++) {
		memset(chunk, (int)(i % 251), sizeof chunk);
		assert_int_equal(buf_append(&b, chunk, sizeof chunk), 0);
	}
	assert_int_equal(buf_append_byte(&b, 0), ERR_FORMAT);
	assert_int_equal(b.len, large);
	assert_true(b.spill.fd >= 0);
	for (size_t i = 0; i * sizeof chunk < large; i++)
		assert_int_equal(b.data[i * sizeof chunk + i % sizeof chunk], i % 251);
	buf_clear(&b);
	assert_int_equal(buf_append(&b, "abc", 3), 0);
	assert_memory_equal(b.data, "abc", 3);
	buf_release(&b);
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_large_one_that_is_spilled_is_no_memory_of_ours),
		cmocka_unit_test(bytes_are_appended_in_order),
		cmocka_unit_test(the_maximum_is_reached_but_never_passed),
		cmocka_unit_test(reserved_room_is_written_by_the_caller),
		cmocka_unit_test(a_guarded_buffer_never_moves_and_is_wiped_when_cleared),
		cmocka_unit_test(a_zeroed_or_released_buffer_can_be_released),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
