/*
 * What every driver of a zone must do, written once: zone_contract(&place) runs it over an empty zone. A driver's own
 * test calls it and adds what only that driver has. Each case keeps to a folder of its own, so that one zone serves
 * them all.
 */
#ifndef TESTS_ZONE_CONTRACT_H
#define TESTS_ZONE_CONTRACT_H

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "format/names.h"
#include "zone/zone.h"

struct contract_state {
	const struct zone_place *place;
	struct zone_writer *writer;
	struct zone *zone;
};

static struct contract_state contract;

static int contract_open(void **state)
{
	*state = &contract;
	if (zone_open_writer(contract.place, &contract.writer))
		return -1;
	contract.zone = zone_reading(contract.writer);
	return 0;
}

static int contract_close(void **state)
{
	(void)state;
	zone_close_writer(contract.writer);
	return 0;
}

/* Bytes that differ from place to place and from seed to seed. */
static void contract_fill(uint8_t *data, size_t len, uint64_t seed)
{
	for (size_t i = 0; i < len; i++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		data[i] = (uint8_t)(seed >> 56);
	}
}

static void contract_assert_object(const char *name, const void *data, size_t len)
{
	_buf_ struct buf b;
	uint64_t size;

	buf_init(&b, len, "test");
	assert_int_equal(zone_get(contract.zone, name, &b), 0);
	assert_int_equal(b.len, len);
	if (len != 0)
		assert_memory_equal(b.data, data, len);
	assert_int_equal(zone_head(contract.zone, name, &size), 0);
	assert_int_equal(size, len);
}

static void an_object_comes_back_byte_for_byte(void **state)
{
	static const size_t sizes[] = { 0, 1, 4095, 4096, 4097, (1u << 20) + 3, 16u << 20 };
	uint8_t *data = malloc(16u << 20);
	char name[OBJECT_NAME_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		contract_fill(data, sizes[i], i);
		snprintf(name, sizeof name, "bytes/packs/%02zx/object-%zu", i, i);
		assert_int_equal(zone_put(contract.writer, name, data, sizes[i]), 0);
		contract_assert_object(name, data, sizes[i]);
	}
	free(data);
}

static void a_second_handle_reads_what_the_first_has_put(void **state)
{
	struct zone *other;
	_buf_ struct buf b;

	(void)state;
	assert_int_equal(zone_put(contract.writer, "second/snapshots/a", "header", 6), 0);
	assert_int_equal(zone_open(contract.place, &other), 0);
	buf_init(&b, 100, "test");
	assert_int_equal(buf_append(&b, "before ", 7), 0);
	assert_int_equal(zone_get(other, "second/snapshots/a", &b), 0);
	assert_int_equal(b.len, 13);
	assert_memory_equal(b.data, "before header", 13);
	zone_close(other);
}

static void reads_go_on_side_by_side(void **state)
{
	static uint8_t data[100000];
	struct zone_read reads[4] = { 0 };
	uint8_t *got;

	(void)state;
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)(i * 7 + i / 256);
	assert_int_equal(zone_put(contract.writer, "reads/a", data, sizeof data), 0);
	for (size_t round = 0; round < 3; round++) {
		for (size_t i = 0; i < 4; i++)
			zone_read_begin(&reads[i], contract.zone, "reads/a", i * 20000 + round, 20000 - i);
		for (size_t i = 4; i-- > 0;) {
			assert_int_equal(zone_read_end(&reads[i], &got), 0);
			assert_memory_equal(got, data + i * 20000 + round, 20000 - i);
			memset(got, 0, 20000 - i); /* it is ours */
			assert_true(zone_read_room(&reads[i]) >= 20000 - i);
		}
	}
	/* Errors come at the end; the next one is none the worse for it. */
	zone_read_begin(&reads[0], contract.zone, "reads/none", 0, 1);
	zone_read_begin(&reads[1], contract.zone, "reads/../a", 0, 1);
	zone_read_begin(&reads[2], contract.zone, "reads/a", sizeof data, 1);
	assert_int_equal(zone_read_end(&reads[0], &got), ERR_MISSING);
	assert_int_equal(zone_read_end(&reads[1], &got), ERR_FORMAT);
	assert_non_null(strstr(err_message(), "no name of an object"));
	assert_int_equal(zone_read_end(&reads[2], &got), ERR_FORMAT);
	for (size_t i = 0; i < 4; i++) {
		zone_read_begin(&reads[i], contract.zone, "reads/a", 5, 1);
		if (i % 2 == 0) {
			assert_int_equal(zone_read_end(&reads[i], &got), 0);
			assert_int_equal(got[0], data[5]);
		}
		zone_read_release(&reads[i]); /* also one that goes on */
		assert_int_equal(zone_read_room(&reads[i]), 0);
		zone_read_release(&reads[i]);
	}
}

static void ranges_are_exact(void **state)
{
	static const struct {
		uint64_t offset;
		size_t len;
		int code;
	} rows[] = {
		{ 0, 1000, 0 },
		{ 0, 1, 0 },
		{ 999, 1, 0 },
		{ 500, 0, 0 },
		{ 1000, 0, 0 },
		{ 123, 456, 0 },
		{ 0, 1001, ERR_FORMAT },
		{ 999, 2, ERR_FORMAT },
		{ 1000, 1, ERR_FORMAT },
		{ 5000, 1, ERR_FORMAT },
		{ UINT64_MAX, 1, ERR_FORMAT },
		{ UINT64_MAX - 10, 1000, ERR_FORMAT },
	};
	uint8_t data[1000], got[1001];

	(void)state;
	contract_fill(data, sizeof data, 7);
	assert_int_equal(zone_put(contract.writer, "ranges/a", data, sizeof data), 0);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_int_equal(zone_get_range(contract.zone, "ranges/a", rows[i].offset, rows[i].len, got),
				 rows[i].code);
		if (rows[i].code == 0 && rows[i].len != 0)
			assert_memory_equal(got, data + rows[i].offset, rows[i].len);
	}
}

static void no_put_replaces_an_object(void **state)
{
	(void)state;
	assert_int_equal(zone_put(contract.writer, "exclusive/a", "first", 5), 0);
	assert_int_equal(zone_put(contract.writer, "exclusive/a", "second", 6), ERR_EXISTS);
	assert_non_null(strstr(err_message(), contract.place->name));
	assert_non_null(strstr(err_message(), "exclusive/a"));
	assert_int_equal(zone_put(contract.writer, "exclusive/a", "first", 5), ERR_EXISTS);
	contract_assert_object("exclusive/a", "first", 5);
}

static void repair_replaces_a_damaged_object_or_none(void **state)
{
	(void)state;
	assert_int_equal(zone_put(contract.writer, "repair/a", "damaged", 7), 0);
	assert_int_equal(zone_replace(contract.writer, "repair/a", "whole", 5), 0);
	contract_assert_object("repair/a", "whole", 5);
	assert_int_equal(zone_replace(contract.writer, "repair/new/b", "lost", 4), 0);
	contract_assert_object("repair/new/b", "lost", 4);
}

static void what_is_not_there_is_missing(void **state)
{
	static const char *const names[] = { "missing/a", "missing/deeper/than/anything", "missing-too" };
	_buf_ struct buf b;
	uint64_t size;
	char byte;

	(void)state;
	buf_init(&b, 100, "test");
	assert_int_equal(zone_put(contract.writer, "missing/b", "here", 4), 0);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		assert_int_equal(zone_get(contract.zone, names[i], &b), ERR_MISSING);
		assert_non_null(strstr(err_message(), contract.place->name));
		assert_int_equal(zone_get_range(contract.zone, names[i], 0, 1, &byte), ERR_MISSING);
		assert_int_equal(zone_head(contract.zone, names[i], &size), ERR_MISSING);
		assert_int_equal(zone_delete(contract.writer, names[i]), ERR_MISSING);
	}
	assert_int_equal(b.len, 0);
}

static void a_deleted_object_is_gone_and_its_name_free(void **state)
{
	_buf_ struct buf b;

	(void)state;
	buf_init(&b, 100, "test");
	assert_int_equal(zone_put(contract.writer, "deleted/seals/a.1", "seal", 4), 0);
	assert_int_equal(zone_put(contract.writer, "deleted/seals/a.2", "other", 5), 0);
	assert_int_equal(zone_delete(contract.writer, "deleted/seals/a.1"), 0);
	assert_int_equal(zone_get(contract.zone, "deleted/seals/a.1", &b), ERR_MISSING);
	assert_int_equal(zone_delete(contract.writer, "deleted/seals/a.1"), ERR_MISSING);
	contract_assert_object("deleted/seals/a.2", "other", 5);
	assert_int_equal(zone_put(contract.writer, "deleted/seals/a.1", "again", 5), 0);
	contract_assert_object("deleted/seals/a.1", "again", 5);
}

static void an_object_larger_than_asked_for_is_refused(void **state)
{
	_buf_ struct buf b;

	(void)state;
	assert_int_equal(zone_put(contract.writer, "larger/a", "0123456789", 10), 0);
	buf_init(&b, 12, "a small thing");
	assert_int_equal(buf_append(&b, "xyz", 3), 0);
	assert_int_equal(zone_get(contract.zone, "larger/a", &b), ERR_FORMAT);
	assert_non_null(strstr(err_message(), "a small thing"));
	assert_int_equal(b.len, 3);
}

struct contract_listing {
	char text[4096];
	unsigned calls, stop_at;
};

static int contract_note(void *context, const char *name, uint64_t size)
{
	struct contract_listing *l = context;
	size_t len = strlen(l->text);

	snprintf(l->text + len, sizeof l->text - len, "%s=%u\n", name, (unsigned)size);
	return ++l->calls == l->stop_at ? ERR_INTERRUPTED : 0;
}

static void contract_assert_list(const char *prefix, const char *expected)
{
	struct contract_listing l = { 0 };

	assert_int_equal(zone_list(contract.zone, prefix, contract_note, &l), 0);
	assert_string_equal(l.text, expected);
}

static void a_listing_is_complete_sorted_and_keeps_to_its_folder(void **state)
{
	static const char *const names[] = {
		"list/packs/b0/2", "list/packs/a0/3", "list/packs/a0/1", "list/packs/a0/2", "list/packs/9",
		"list/packs.1",    "list/packs-2",    "list/lease/7",    "listing/a",       "list/packs/a0/22",
	};

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		assert_int_equal(zone_put(contract.writer, names[i], "12345678901234567890", i), 0);
	contract_assert_list("list/packs/",
			     "list/packs/9=4\n"
			     "list/packs/a0/1=2\nlist/packs/a0/2=3\nlist/packs/a0/22=9\nlist/packs/a0/3=1\n"
			     "list/packs/b0/2=0\n");
	contract_assert_list("list/packs/a0/",
			     "list/packs/a0/1=2\nlist/packs/a0/2=3\nlist/packs/a0/22=9\nlist/packs/a0/3=1\n");
	contract_assert_list("list/lease/", "list/lease/7=7\n");
	contract_assert_list("list/condemned/", "");
	contract_assert_list("nothing/at/all/", "");
}

static void folders_are_listed_without_what_is_in_them(void **state)
{
	static const char *const names[] = { "top/sms/packs/a0/1", "top/calls/lease/2", "top/object", "top/sms-2/x" };
	struct contract_listing l = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		assert_int_equal(zone_put(contract.writer, names[i], "x", 1), 0);
	assert_int_equal(zone_list_folders(contract.zone, "top/", contract_note, &l), 0);
	assert_string_equal(l.text, "top/calls=0\ntop/sms=0\ntop/sms-2=0\n");
	l = (struct contract_listing){ 0 };
	assert_int_equal(zone_list_folders(contract.zone, "top/sms/packs/a0/", contract_note, &l), 0);
	assert_int_equal(zone_list_folders(contract.zone, "nothing/", contract_note, &l), 0);
	assert_string_equal(l.text, "");
	assert_int_equal(zone_list_folders(contract.zone, "top", contract_note, &l), ERR_FORMAT);
}

static void a_listing_without_a_prefix_is_of_everything(void **state)
{
	struct contract_listing l = { 0 };

	(void)state;
	assert_int_equal(zone_put(contract.writer, "0-first/a", "x", 1), 0);
	l.stop_at = 1;
	assert_int_equal(zone_list(contract.zone, "", contract_note, &l), ERR_INTERRUPTED);
	assert_string_equal(l.text, "0-first/a=1\n");
}

static void a_call_back_ends_a_listing(void **state)
{
	struct contract_listing l = { .stop_at = 2 };

	(void)state;
	for (char name[] = "end/x/a"; name[6] <= 'd'; name[6]++)
		assert_int_equal(zone_put(contract.writer, name, "", 0), 0);
	assert_int_equal(zone_list(contract.zone, "end/", contract_note, &l), ERR_INTERRUPTED);
	assert_string_equal(l.text, "end/x/a=0\nend/x/b=0\n");
}

static int contract_delete(void *context, const char *name, uint64_t size)
{
	(void)context, (void)size;
	return zone_delete(contract.writer, name);
}

static void many_are_deleted_at_once_and_nothing_else(void **state)
{
	static const char *const there[] = { "many/packs/0a/1", "many/packs/0a/2", "many/packs/0a/3", "many/packs/0b/1",
					     "many/seals/a.1" };
	static const char names[][OBJECT_NAME_MAX] = { "many/packs/0a/1", "many/packs/0a/3", "many/packs/0a/4",
						       "many/packs/0b/1", "many/packs/0c/1", "many/nowhere/at/all" };
	static const char bad[][OBJECT_NAME_MAX] = { "many/seals/a.1", "many/../seals/a.1" };

	(void)state;
	for (unsigned durable = 0; durable < 2; durable++) {
		for (size_t i = 0; i < sizeof there / sizeof there[0]; i++)
			assert_int_equal(zone_put(contract.writer, there[i], "bytes", 5), 0);
		assert_int_equal(zone_delete_many(contract.writer, names, sizeof names / sizeof names[0], durable != 0),
				 0);
		contract_assert_list("many/", "many/packs/0a/2=5\nmany/seals/a.1=5\n");
		assert_int_equal(zone_delete_many(contract.writer, bad, 2, durable != 0), ERR_FORMAT);
		contract_assert_list("many/seals/", "many/seals/a.1=5\n");
		assert_int_equal(zone_delete(contract.writer, "many/packs/0a/2"), 0);
		assert_int_equal(zone_delete(contract.writer, "many/seals/a.1"), 0);
	}
	assert_int_equal(zone_delete_many(contract.writer, names, 0, true), 0);
}

static void objects_may_be_deleted_while_they_are_listed(void **state)
{
	(void)state;
	for (char name[] = "while/x/a"; name[8] <= 'f'; name[8]++)
		assert_int_equal(zone_put(contract.writer, name, "", 0), 0);
	assert_int_equal(zone_list(contract.zone, "while/", contract_delete, NULL), 0);
	contract_assert_list("while/", "");
}

static void nothing_but_names_of_objects_gets_through(void **state)
{
	static const char *const names[] = { "",          "/",   "/etc/passwd", "..",   "../a",     "a/../b",
					     "a/..",      "./a", "a/./b",       "a//b", "a/",       ".tmp-1",
					     "a/.b",      "a b", "a\nb",        "a\\b", "\xc3\xa9", "a?b",
					     "a%2e%2e/b", "a:b", "~",           "a*",   "a\x01",    "$(a)" };
	char long_name[OBJECT_NAME_MAX + 1];
	_buf_ struct buf b;
	uint64_t size;
	char byte;

	(void)state;
	buf_init(&b, 100, "test");
	for (size_t i = 0; i <= sizeof names / sizeof names[0]; i++) {
		const char *name = i < sizeof names / sizeof names[0] ? names[i] : long_name;

		memset(long_name, 'a', OBJECT_NAME_MAX);
		long_name[OBJECT_NAME_MAX] = '\0';
		assert_int_equal(zone_put(contract.writer, name, "x", 1), ERR_FORMAT);
		assert_non_null(strstr(err_message(), contract.place->name));
		assert_int_equal(zone_replace(contract.writer, name, "x", 1), ERR_FORMAT);
		assert_int_equal(zone_delete(contract.writer, name), ERR_FORMAT);
		assert_int_equal(zone_get(contract.zone, name, &b), ERR_FORMAT);
		assert_int_equal(zone_get_range(contract.zone, name, 0, 1, &byte), ERR_FORMAT);
		assert_int_equal(zone_head(contract.zone, name, &size), ERR_FORMAT);
	}
	long_name[OBJECT_NAME_MAX - 1] = '\0';
	assert_int_equal(zone_head(contract.zone, long_name, &size), ERR_MISSING);
}

static void nothing_but_folders_of_objects_can_be_listed_or_swept(void **state)
{
	static const char *const prefixes[] = { "a", "/", "../", "a/../", "/a/", "a//", ".a/", "a/b" };
	struct contract_listing l = { 0 };
	unsigned count;

	(void)state;
	for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
		assert_int_equal(zone_list(contract.zone, prefixes[i], contract_note, &l), ERR_FORMAT);
		assert_int_equal(zone_sweep(contract.writer, prefixes[i], true, &count), ERR_FORMAT);
	}
	assert_int_equal(l.calls, 0);
}

#define CONTRACT_RACERS 4
#define CONTRACT_ROUNDS 8
#define CONTRACT_RACE   65536u

static void *contract_race(void *context)
{
	uint8_t *data = malloc(CONTRACT_RACE);
	unsigned *wins = context;

	for (unsigned round = 0; round < CONTRACT_ROUNDS; round++) {
		char name[OBJECT_NAME_MAX];

		/* Each racer's object is full of its own address: a mixture would show. */
		memset(data, (int)((uintptr_t)wins / sizeof *wins & 0xff), CONTRACT_RACE);
		snprintf(name, sizeof name, "race/packs/%u/a", round);
		int code = zone_put(contract.writer, name, data, CONTRACT_RACE);
		if (code == 0)
			(*wins)++;
		else if (code != ERR_EXISTS)
			*wins += 1000;
	}
	free(data);
	return NULL;
}

static void of_racing_puts_one_wins_and_its_object_is_whole(void **state)
{
	pthread_t threads[CONTRACT_RACERS];
	unsigned wins[CONTRACT_RACERS] = { 0 }, total = 0;
	_buf_ struct buf b;

	(void)state;
	for (size_t i = 0; i < CONTRACT_RACERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, contract_race, &wins[i]), 0);
	for (size_t i = 0; i < CONTRACT_RACERS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		total += wins[i];
	}
	assert_int_equal(total, CONTRACT_ROUNDS);
	buf_init(&b, CONTRACT_RACE, "test");
	for (unsigned round = 0; round < CONTRACT_ROUNDS; round++) {
		char name[OBJECT_NAME_MAX];

		snprintf(name, sizeof name, "race/packs/%u/a", round);
		buf_clear(&b);
		assert_int_equal(zone_get(contract.zone, name, &b), 0);
		assert_int_equal(b.len, CONTRACT_RACE);
		assert_memory_equal(b.data, b.data + 1, CONTRACT_RACE - 1);
	}
}

static void the_zone_has_a_clock(void **state)
{
	int64_t now = 0, host = time(NULL);
	bool independent;

	(void)state;
	assert_int_equal(zone_clock(contract.zone, &now, &independent), 0);
	assert_in_range(now, host - 86400, host + 86400);
}

static void free_space_is_known_or_said_to_be_unknown(void **state)
{
	uint64_t bytes = 0;
	int code = zone_space(contract.zone, &bytes);

	(void)state;
	assert_true((code == 0 && bytes > 0) || code == ERR_MISSING);
}

static void a_sweep_leaves_objects_alone(void **state)
{
	unsigned count = 99;

	(void)state;
	assert_int_equal(zone_put(contract.writer, "sweep/packs/aa/a", "object", 6), 0);
	assert_int_equal(zone_sweep(contract.writer, "sweep/", true, &count), 0);
	assert_int_equal(count, 0);
	assert_int_equal(zone_sweep(contract.writer, "swept-nothing/", true, &count), 0);
	contract_assert_object("sweep/packs/aa/a", "object", 6);
}

/* Runs all of it; the number of failed tests. */
static int zone_contract(const struct zone_place *place)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_object_comes_back_byte_for_byte),
		cmocka_unit_test(a_second_handle_reads_what_the_first_has_put),
		cmocka_unit_test(ranges_are_exact),
		cmocka_unit_test(reads_go_on_side_by_side),
		cmocka_unit_test(no_put_replaces_an_object),
		cmocka_unit_test(repair_replaces_a_damaged_object_or_none),
		cmocka_unit_test(what_is_not_there_is_missing),
		cmocka_unit_test(a_deleted_object_is_gone_and_its_name_free),
		cmocka_unit_test(an_object_larger_than_asked_for_is_refused),
		cmocka_unit_test(a_listing_is_complete_sorted_and_keeps_to_its_folder),
		cmocka_unit_test(folders_are_listed_without_what_is_in_them),
		cmocka_unit_test(a_listing_without_a_prefix_is_of_everything),
		cmocka_unit_test(a_call_back_ends_a_listing),
		cmocka_unit_test(many_are_deleted_at_once_and_nothing_else),
		cmocka_unit_test(objects_may_be_deleted_while_they_are_listed),
		cmocka_unit_test(nothing_but_names_of_objects_gets_through),
		cmocka_unit_test(nothing_but_folders_of_objects_can_be_listed_or_swept),
		cmocka_unit_test(of_racing_puts_one_wins_and_its_object_is_whole),
		cmocka_unit_test(the_zone_has_a_clock),
		cmocka_unit_test(free_space_is_known_or_said_to_be_unknown),
		cmocka_unit_test(a_sweep_leaves_objects_alone),
	};

	contract.place = place;
	return cmocka_run_group_tests_name(place->url, tests, contract_open, contract_close);
}

#endif
