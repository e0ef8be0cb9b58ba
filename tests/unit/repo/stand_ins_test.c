#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "repo/stand_ins.h"

static void the_first_link_stands_in_for_its_file(void **state)
{
	struct stand_ins s = { 0 };

	(void)state;
	assert_null(stand_ins_find(&s, "a/b", 3));
	stand_ins_add(&s, "a/b", 3, "c/d", 3);
	stand_ins_add(&s, "a/b", 3, "later", 5);
	stand_ins_add(&s, "a/bc", 4, "e", 1);
	assert_string_equal(stand_ins_find(&s, "a/bcd", 3), "c/d");
	assert_string_equal(stand_ins_find(&s, "a/bc", 4), "e");
	assert_null(stand_ins_find(&s, "a", 1));
	assert_int_equal(s.left_out, 0);
	stand_ins_release(&s);
	assert_null(stand_ins_find(&s, "a/b", 3));
}

static void what_they_take_is_bounded(void **state)
{
	struct stand_ins s = { 0 };
	char path[64];
	unsigned kept = 0;

	(void)state;
	for (unsigned i = 0; i < 200000; i++) {
		int len = snprintf(path, sizeof path, "originals/%08u", i);

		stand_ins_add(&s, path, (size_t)len, "links/and/some/more", 19);
		kept += s.left_out == 0;
	}
	assert_int_equal(kept + s.left_out, 200000);
	assert_true(kept > 50000 && kept < 150000);
	assert_true(s.bytes <= STAND_INS_MAX);
	assert_non_null(stand_ins_find(&s, "originals/00000000", 18));
	assert_null(stand_ins_find(&s, "originals/00199999", 18));
	stand_ins_release(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_link_stands_in_for_its_file),
		cmocka_unit_test(what_they_take_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
