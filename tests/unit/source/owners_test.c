#include "tree.h"

#include "source/owners.h"

static void numbers_have_names_and_names_have_numbers(void **state)
{
	static const struct {
		enum owner_kind kind;
		uint32_t id;
		const char *name;
	} rows[] = {
		/* Debian's base-passwd: always these. */
		{ OWNER_USER, 0, "root" }, { OWNER_USER, 1, "daemon" }, { OWNER_GROUP, 0, "root" },
		{ OWNER_GROUP, 4, "adm" }, { OWNER_USER, 0, "root" },   { OWNER_GROUP, 1, "daemon" },
	};
	struct owners *names = owners_new(), *ids = owners_new();

	(void)state;
	for (size_t i = 0; i < 2 * sizeof rows / sizeof rows[0]; i++) {
		size_t row = i / 2;
		uint32_t id = 99;

		assert_string_equal(owners_name(names, rows[row].kind, rows[row].id), rows[row].name);
		assert_true(owners_id(ids, rows[row].kind, rows[row].name, (uint32_t)strlen(rows[row].name), &id));
		assert_int_equal(id, rows[row].id);
	}
	owners_free(names);
	owners_free(ids);
	owners_free(NULL);
}

static void what_is_unknown_stays_a_number(void **state)
{
	struct owners *o = owners_new();
	char endless[300];
	uint32_t id = 77;

	(void)state;
	memset(endless, 'x', sizeof endless);
	for (int twice = 0; twice < 2; twice++) {
		assert_string_equal(owners_name(o, OWNER_USER, 3999999999u), "");
		assert_string_equal(owners_name(o, OWNER_GROUP, 3999999999u), "");
		assert_false(owners_id(o, OWNER_USER, "no such user here", 17, &id));
		assert_false(owners_id(o, OWNER_GROUP, endless, sizeof endless, &id));
		assert_false(owners_id(o, OWNER_USER, "root\0x", 6, &id));
		assert_false(owners_id(o, OWNER_USER, "", 0, &id));
	}
	assert_int_equal(id, 77);
	/* Same slot, other number. */
	assert_string_equal(owners_name(o, OWNER_USER, 256 * 1000003u), "");
	assert_string_equal(owners_name(o, OWNER_USER, 0), "root");
	owners_free(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_have_names_and_names_have_numbers),
		cmocka_unit_test(what_is_unknown_stays_a_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
