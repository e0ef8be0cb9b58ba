#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "catalog/pending.h"
#include "crypto/digest.h"

#define BLOBS 1000u

static void number_hash(uint32_t number, uint8_t out[DIGEST_SIZE])
{
	sha256(&number, sizeof number, out);
}

/* A pack of BLOBS chunks, numbered from `first` on. */
static void add(struct pending *p, uint32_t first)
{
	_free_ struct pack_blob *blobs = xcalloc(BLOBS, sizeof *blobs);
	const struct pack_footer footer = { .kind = KIND_CONTENT, .blobs = blobs, .blob_count = BLOBS };
	struct index_pack pack = { .kind = KIND_CONTENT };

	number_hash(UINT32_MAX - first, pack.name);
	for (uint32_t i = 0; i < BLOBS; i++) {
		number_hash(first + i, blobs[i].info.id);
		blobs[i].offset = first + i;
	}
	assert_true(p->pack_count == 0 || pending_has_room(p, &footer));
	pending_add_pack(p, &pack, &footer);
}

static uint32_t fill(struct pending *p)
{
	const struct pack_footer footer = { .blob_count = BLOBS };
	uint32_t added = 0;

	for (; pending_has_room(p, &footer); added += BLOBS)
		add(p, added);
	return added;
}

static void there_is_room_for_as_many_as_are_written(void **state)
{
	static const struct {
		uint64_t written;
		uint32_t room;
	} rows[] = { { 0, PENDING_PLACES },
		     { PENDING_PLACES - 1, PENDING_PLACES },
		     { 300000, 300000 },
		     { 1ull << 40, PENDING_PLACES_MAX } };
	struct pending p;

	(void)state;
	pending_init(&p, 7, NULL);
	assert_int_equal(fill(&p), PENDING_PLACES / BLOBS * BLOBS);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		pending_clear(&p, 9, rows[i].written);
		assert_true(pending_is_empty(&p));
		assert_int_equal(p.room, rows[i].room);
		assert_int_equal(p.base, 9);
	}
	pending_release(&p);
}

static void what_is_pending_is_found_however_much_it_grew(void **state)
{
	uint8_t hash[DIGEST_SIZE];
	struct pending p;

	(void)state;
	pending_init(&p, 0, NULL);
	pending_clear(&p, 0, 300000);
	uint32_t added = fill(&p);
	assert_int_equal(added, 300000);
	for (uint32_t i = 0; i < added + 10; i++) {
		uint32_t slot = PENDING_START;
		number_hash(i, hash);
		const struct pending_place *place = pending_next_place(&p, hash, &slot);
		assert_true((place != NULL) == (i < added));
		if (place != NULL)
			assert_int_equal(place->offset, i);
	}
	for (uint32_t i = 0; i < added; i += BLOBS) {
		uint32_t slot = PENDING_START;
		number_hash(UINT32_MAX - i, hash);
		assert_ptr_equal(pending_next_pack(&p, hash, &slot), &p.packs[i / BLOBS]);
	}
	pending_clear(&p, 0, 0);
	number_hash(5, hash);
	assert_null(pending_next_place(&p, hash, &(uint32_t){ PENDING_START }));
	pending_release(&p);
}

static void assert_sorted(const struct pending *p)
{
	struct spill order;

	pending_order(p, &order);
	const uint32_t *index = order.data;
	for (uint32_t i = 1; i < p->place_count; i++) {
		const struct pending_place *before = &p->places[index[i - 1]], *place = &p->places[index[i]];
		int compared = memcmp(before->id, place->id, ID_SIZE);

		assert_true(compared < 0 || (compared == 0 && before->pack > place->pack));
	}
	spill_release(&order);
}

static void places_are_sorted_by_id_and_newest_pack_first(void **state)
{
	struct pending p;

	(void)state;
	pending_init(&p, 3, NULL);
	assert_sorted(&p);
	add(&p, 0);
	add(&p, BLOBS / 2); /* half of them a second time */
	assert_sorted(&p);
	pending_clear(&p, 0, 300000);
	(void)fill(&p);
	assert_sorted(&p);
	pending_release(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_is_room_for_as_many_as_are_written),
		cmocka_unit_test(what_is_pending_is_found_however_much_it_grew),
		cmocka_unit_test(places_are_sorted_by_id_and_newest_pack_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
