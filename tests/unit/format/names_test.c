#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "format/names.h"

#define HEX32 "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define HEX16 "000102030405060708090a0b0c0d0e0f"

#define TAKEN_AT 1795226400 /* 2026-11-21T02:00:00Z */

static const uint8_t bytes[32] = { 0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
				   16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31 };

static void every_object_has_the_name_that_the_format_says(void **state)
{
	char name[OBJECT_NAME_MAX];

	(void)state;
	assert_string_equal(name_pack("sms", bytes, name), "sms/packs/00/" HEX32);
	assert_string_equal(name_index("sms", bytes, 7, bytes, name), "sms/index/" HEX16 "/0000000000000007-" HEX32);
	assert_string_equal(name_seal("sms", bytes, 12, name), "sms/seals/" HEX16 ".12");
	assert_string_equal(name_header("sms", TAKEN_AT, bytes, name), "sms/snapshots/2026-11-21T020000Z-" HEX16);
	assert_string_equal(name_intent("sms", bytes, name), "sms/intents/" HEX16);
	assert_string_equal(name_condemned("sms", bytes, name), "sms/condemned/" HEX32);
	assert_string_equal(name_lease("sms", 9999999999999999, name), "sms/lease/9999999999999999");
}

static void names_are_read_back(void **state)
{
	uint8_t id[32], hash[32];
	uint64_t number = 0;
	uint32_t generation = 0;
	int64_t taken_at = 0;

	(void)state;
	assert_int_equal(name_parse_pack("sms/packs/00/" HEX32, "sms", id), 0);
	assert_memory_equal(id, bytes, 32);
	assert_int_equal(name_parse_index("sms/index/" HEX16 "/0000000000000007-" HEX32, "sms", id, &number, hash), 0);
	assert_memory_equal(id, bytes, 16);
	assert_int_equal(number, 7);
	assert_memory_equal(hash, bytes, 32);
	assert_int_equal(name_parse_seal("sms/seals/" HEX16 ".4294967295", "sms", id, &generation), 0);
	assert_true(generation == UINT32_MAX);
	assert_int_equal(name_parse_header("sms/snapshots/2026-11-21T020000Z-" HEX16, "sms", &taken_at, id), 0);
	assert_int_equal(taken_at, TAKEN_AT);
	assert_int_equal(name_parse_intent("sms/intents/" HEX16, "sms", id), 0);
	assert_int_equal(name_parse_condemned("sms/condemned/" HEX32, "sms", id), 0);
	assert_memory_equal(id, bytes, 32);
	assert_int_equal(name_parse_lease("sms/lease/0000000000000042", "sms", &number), 0);
	assert_int_equal(number, 42);
}

/* Every parser sees every name. */
static void foreign_and_misspelt_names_are_refused(void **state)
{
	static const char *const names[] = {
		"",
		"sms",
		"sms/",
		"sms/packs",
		"sms/packs/",
		"sms/packs/00",
		"sms/packs/01/" HEX32,
		"sms/packs/" HEX32,
		"sms/packs/00/" HEX16,
		"sms/packs/00/" HEX32 "0",
		"sms/packs/00/" HEX32 ".tmp",
		"sms/packs/00/000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F",
		"mms/packs/00/" HEX32,
		"smsx/packs/00/" HEX32,
		"sms/packsx/00/" HEX32,
		"/sms/packs/00/" HEX32,
		"sms/index/" HEX16,
		"sms/index/" HEX16 "/7-" HEX32,
		"sms/index/" HEX16 "/00000000000000007-" HEX32,
		"sms/index/" HEX16 "/99999999999999999999-" HEX32,
		"sms/index/" HEX16 "/000000000000000x-" HEX32,
		"sms/index/" HEX16 "/0000000000000007" HEX32,
		"sms/seals/" HEX16,
		"sms/seals/" HEX16 ".",
		"sms/seals/" HEX16 ".0",
		"sms/seals/" HEX16 ".01",
		"sms/seals/" HEX16 ".4294967296",
		"sms/seals/" HEX16 ".1x",
		"sms/snapshots/",
		"sms/snapshots/2026-11-21T020000Z",
		"sms/snapshots/2026-11-21T02:00:00Z-" HEX16,
		"sms/snapshots/2026-11-31T020000Z-" HEX16,
		"sms/snapshots/2026-11-21T020060Z-" HEX16,
		"sms/snapshots/2026-11-21T0200 0Z-" HEX16,
		"sms/snapshots/2026-11-21T020000Z-" HEX32,
		"sms/snapshots/2026-11-21T020000Z_" HEX16,
		"sms/intents/" HEX16 "00",
		"sms/intents/" HEX16 ".1",
		"sms/condemned/" HEX16,
		"sms/lease/42",
		"sms/lease/",
		"sms/lease/-000000000000042",
		"sms/lease/00000000000000042",
		"sms/lease/0000000000000042/",
	};

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		uint8_t id[32], hash[32];
		uint64_t number;
		uint32_t generation;
		int64_t taken_at;

		assert_int_equal(name_parse_pack(names[i], "sms", id), ERR_FORMAT);
		assert_int_equal(name_parse_index(names[i], "sms", id, &number, hash), ERR_FORMAT);
		assert_int_equal(name_parse_seal(names[i], "sms", id, &generation), ERR_FORMAT);
		assert_int_equal(name_parse_header(names[i], "sms", &taken_at, id), ERR_FORMAT);
		assert_int_equal(name_parse_intent(names[i], "sms", id), ERR_FORMAT);
		assert_int_equal(name_parse_condemned(names[i], "sms", id), ERR_FORMAT);
		assert_int_equal(name_parse_lease(names[i], "sms", &number), ERR_FORMAT);
	}
}

static void datasets_have_names_that_are_safe_in_every_zone(void **state)
{
	static const struct {
		const char *name;
		int code;
	} rows[] = {
		{ "sms", 0 },
		{ "a", 0 },
		{ "0-9._z", 0 },
		{ "_x", 0 },
		{ HEX32, 0 },
		{ HEX32 "0", ERR_FORMAT },
		{ "", ERR_FORMAT },
		{ ".", ERR_FORMAT },
		{ "..", ERR_FORMAT },
		{ ".hidden", ERR_FORMAT },
		{ "-option", ERR_FORMAT },
		{ "SMS", ERR_FORMAT },
		{ "s ms", ERR_FORMAT },
		{ "s/ms", ERR_FORMAT },
		{ "sm\xc3\xa4", ERR_FORMAT },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_int_equal(dataset_name_check(rows[i].name), rows[i].code);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_object_has_the_name_that_the_format_says),
		cmocka_unit_test(names_are_read_back),
		cmocka_unit_test(foreign_and_misspelt_names_are_refused),
		cmocka_unit_test(datasets_have_names_that_are_safe_in_every_zone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
