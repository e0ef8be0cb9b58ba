/*
 * Objects under the names of indexes and headers that open nowhere: junk stops nothing, what may be real stops
 * collection.
 */
#include "made.h"

static int64_t now;

enum { IN_Z0 = 1, IN_BOTH = 3 };

static const char *junk(struct made *m, unsigned zones, const char *name)
{
	put_in(m, zones, name, "anything", 8);
	return name;
}

/* Junk that no hash made, or (`fitting`) under the hash of itself. */
static const char *junk_index(struct made *m, unsigned zones, const struct secret_key *as, uint64_t seq, bool fitting,
			      char name[OBJECT_NAME_MAX])
{
	uint8_t hash[DIGEST_SIZE];

	sha256("anything", fitting ? 8 : 7, hash);
	return junk(m, zones, name_index(DATASET, as->public.id, seq, hash, name));
}

static void junk_under_the_name_of_an_index_stops_nothing(void **state)
{
	static const struct {
		uint64_t seq;
		unsigned zones;
		bool pruner, fitting;
	} rows[] = {
		{ 4, IN_Z0, false, false },    { 5000, IN_Z0, false, false },
		{ 64, IN_Z0, false, false },   { 9999999999999999, IN_Z0, false, false },
		{ 2, IN_Z0, false, false },    { 2, IN_BOTH, false, false },
		{ 3, IN_BOTH, false, false },  { 1, IN_Z0, true, false },
		{ 4, IN_BOTH, false, true },   { 64, IN_BOTH, false, true },
		{ 128, IN_BOTH, false, true }, { 1, IN_BOTH, true, true },
	};
	struct made *m = *state;
	char name[OBJECT_NAME_MAX];

	for (size_t i = 0; i < 3; i++)
		made_snapshot(m, IN_BOTH, now - DAY + (int64_t)i, now + DAY);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		junk_index(m, rows[i].zones, rows[i].pruner ? m->pruner : m->agent, rows[i].seq, rows[i].fitting, name);
		made_open(m);
		assert_false(m->repo->chain_broken);
		assert_true(has_finding(m, FINDING_FORGED, "z0", name));
		assert_int_equal(has_finding(m, FINDING_FORGED, "z1", name), rows[i].zones == IN_BOTH);
		assert_int_equal(m->repo->index_count, 3);
		assert_int_equal(m->repo->chains[0].seq + m->repo->chains[m->repo->chain_count - 1].seq,
				 rows[i].pruner ? 3 : 6);
		for (unsigned zone = 0; zone < 2; zone++) {
			if ((rows[i].zones & ZONE_BIT(zone)) != 0)
				take_away(m, zone, name);
		}
	}
}

static void many_pieces_of_junk_stop_nothing(void **state)
{
	struct made *m = *state;
	char name[OBJECT_NAME_MAX];

	made_snapshot(m, IN_BOTH, now - DAY, now + DAY);
	for (uint64_t seq = 2; seq < 200; seq++)
		junk_index(m, IN_Z0, m->agent, seq, false, name);
	made_open(m);
	assert_false(m->repo->chain_broken);
	assert_int_equal(findings_count(m->findings, FINDING_FORGED, false), 198);
	assert_int_equal(m->repo->index_count, 1);
}

static void an_index_that_may_be_real_stops_collection(void **state)
{
	struct made *m = *state;
	struct made_snapshot *first = made_snapshot(m, IN_BOTH, now - DAY, now + DAY),
			     *last = made_snapshot(m, IN_BOTH, now - DAY + 1, now + DAY);
	char name[OBJECT_NAME_MAX], spare[512];

	/* Beyond all that is known, and in both zones. */
	junk_index(m, IN_BOTH, m->agent, 3, false, name);
	made_open(m);
	assert_true(m->repo->chain_broken);
	assert_true(has_finding(m, FINDING_DAMAGED, "z0", name) && has_finding(m, FINDING_DAMAGED, "z1", name));
	take_away(m, 0, name);
	/* One zone away: the other one might have it too. */
	snprintf(spare, sizeof spare, "%s/spare", m->folder);
	assert_int_equal(rename(path_in(m, 0, ""), spare), 0);
	made_open(m);
	assert_true(m->repo->chain_broken);
	assert_true(has_finding(m, FINDING_DAMAGED, "z1", name));
	assert_int_equal(rename(spare, path_in(m, 0, "")), 0);
	take_away(m, 1, name);

	/* A header names it; the other zone has lost it. */
	flip(m, 0, last->index_name);
	made_open(m);
	assert_false(m->repo->chain_broken);
	assert_true(has_finding(m, FINDING_DAMAGED, "z0", last->index_name));
	take_away(m, 1, last->index_name);
	made_open(m);
	assert_true(m->repo->chain_broken);
	assert_true(has_finding(m, FINDING_DAMAGED, "z0", last->index_name));
	flip(m, 0, last->index_name);

	/* A later one follows on it. */
	flip(m, 0, first->index_name);
	take_away(m, 1, first->index_name);
	made_open(m);
	assert_true(m->repo->chain_broken);
	assert_true(has_finding(m, FINDING_DAMAGED, "z0", first->index_name));
}

static void an_index_that_another_chain_names_may_be_real(void **state)
{
	struct made *m = *state;
	struct index index = { .dataset = DATASET, .seq = 1, .made_at = now, .head_count = 1 };
	char name[OBJECT_NAME_MAX];
	uint8_t hash[DIGEST_SIZE];
	_buf_ struct buf body = { 0 }, object = { 0 };

	made_snapshot(m, IN_BOTH, now - DAY, now + DAY);
	junk_index(m, IN_Z0, m->agent, 2, false, name);
	made_open(m);
	assert_false(m->repo->chain_broken);
	index.heads[0] = (struct head){ .seq = 2 };
	memcpy(index.heads[0].signer, m->agent->public.id, KEY_ID_SIZE);
	buf_init(&body, INDEX_MAX, "body");
	buf_init(&object, INDEX_MAX, "object");
	assert_int_equal(index_encode(&index, &body), 0);
	assert_int_equal(signed_encode(SIGNED_INDEX, m->pruner, &body, &object), 0);
	sha256(object.data, object.len, hash);
	put_in(m, IN_BOTH, name_index(DATASET, m->pruner->public.id, 1, hash, name), object.data, object.len);
	made_open(m);
	assert_true(m->repo->chain_broken);
}

static void a_copy_of_an_index_under_another_name_is_junk(void **state)
{
	struct made *m = *state;
	struct made_snapshot *first = made_snapshot(m, IN_BOTH, now - DAY, now + DAY);
	_buf_ struct buf bytes = { 0 };
	uint8_t hash[DIGEST_SIZE];
	char copy[OBJECT_NAME_MAX], other[OBJECT_NAME_MAX];

	load_file(path_in(m, 0, first->index_name), &bytes);
	sha256(bytes.data, bytes.len, hash);
	made_open(m);
	put_in(m, IN_BOTH, name_index(DATASET, m->agent->public.id, 77, hash, copy), bytes.data, bytes.len);
	put_in(m, IN_Z0, name_index(DATASET, m->pruner->public.id, 5, hash, other), bytes.data, bytes.len);
	/* With a catalogue that knows the index, and with one that does not. */
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(repo_load(m->repo), 0);
		assert_false(m->repo->chain_broken);
		assert_int_equal(m->repo->index_count, 1);
		for (size_t c = 0; c < m->repo->chain_count; c++)
			assert_true(m->repo->chains[c].seq <= 1);
		assert_true(has_finding(m, FINDING_FORGED, "z0", copy) && has_finding(m, FINDING_FORGED, "z1", copy));
		assert_true(has_finding(m, FINDING_FORGED, "z0", other));
		made_open(m);
	}
}

static const char *junk_header(struct made *m, unsigned zones, int64_t taken_at, const uint8_t *id,
			       char name[OBJECT_NAME_MAX])
{
	uint8_t random[SNAPSHOT_ID_SIZE];

	random_bytes(random, sizeof random);
	return junk(m, zones, name_header(DATASET, taken_at, id == NULL ? random : id, name));
}

static void junk_under_the_name_of_a_header_stops_nothing(void **state)
{
	struct made *m = *state;
	const int64_t times[] = { 0, now - 2 * DAY, now - DAY, now - DAY + 1, now, now + 400 * DAY };
	char name[OBJECT_NAME_MAX];

	made_snapshot(m, IN_BOTH, now - DAY, now + DAY);
	made_snapshot(m, IN_BOTH, now - DAY + 2, now + DAY);
	for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
		junk_header(m, IN_Z0, times[i], NULL, name);
		made_open(m);
		assert_false(m->repo->chain_broken);
		assert_true(has_finding(m, FINDING_FORGED, "z0", name));
		assert_int_equal(m->repo->snapshot_count, 2);
	}
	/* Nor does its seal, beside it. */
	const uint8_t id[SNAPSHOT_ID_SIZE] = "0123456789abcdef";
	char seal[OBJECT_NAME_MAX];
	junk_header(m, IN_Z0, now, id, name);
	junk(m, IN_Z0, name_seal(DATASET, id, 1, seal));
	made_open(m);
	assert_false(m->repo->chain_broken);

	/* In both zones it may have been a header; and what has its seal in the other zone. */
	junk(m, IN_BOTH & ~IN_Z0, name);
	made_open(m);
	assert_true(m->repo->chain_broken);
	take_away(m, 1, name);
	junk(m, IN_BOTH & ~IN_Z0, seal);
	made_open(m);
	assert_true(m->repo->chain_broken);
}

static void a_header_that_may_be_the_newest_stops_collection(void **state)
{
	struct made *m = *state;

	made_snapshot(m, IN_BOTH, now - DAY, now + DAY);
	struct made_snapshot *last = made_snapshot(m, IN_Z0, now - DAY + 1, now + DAY);

	made_open(m);
	flip(m, 0, last->header_name);
	/*
	 * By what the catalogue remembers; and by its index, which no other header names, where nothing is remembered.
	 */
	assert_int_equal(repo_load(m->repo), 0);
	assert_true(m->repo->chain_broken);
	made_open(m);
	assert_true(m->repo->chain_broken);
	take_away(m, 0, last->index_name);
	/* By its seal, which is signed. */
	made_open(m);
	assert_true(m->repo->chain_broken);
	take_away(m, 0, last->seal_name);
	made_open(m);
	assert_false(m->repo->chain_broken);
}

static void what_only_memory_knows_of_stops_collection(void **state)
{
	struct made *m = *state;
	struct made_snapshot *last;

	made_snapshot(m, IN_BOTH, now - DAY, now + DAY);
	last = made_snapshot(m, IN_Z0, now - DAY + 1, now + DAY);
	made_open(m);
	take_away(m, 0, last->index_name);
	flip(m, 0, last->header_name);
	assert_int_equal(repo_load(m->repo), 0);
	assert_true(m->repo->chain_broken);
}

static void without_any_header_every_one_may_be_real(void **state)
{
	struct made *m = *state;
	struct made_snapshot *only = made_snapshot(m, IN_Z0, now - DAY, now + DAY);

	flip(m, 0, only->header_name);
	made_open(m);
	assert_true(m->repo->chain_broken);
}

static void before_the_first_header_what_has_a_signed_seal_may_be_real(void **state)
{
	struct made *m = *state;
	struct made_snapshot *first = made_snapshot(m, IN_BOTH, now - 2 * DAY, now + DAY);
	char name[OBJECT_NAME_MAX];

	made_snapshot(m, IN_BOTH, now - DAY, now + DAY);
	take_away(m, 0, first->header_name);
	take_away(m, 1, first->header_name);
	take_away(m, 1, first->seal_name);
	junk_header(m, IN_Z0, now - 2 * DAY, first->header.id, name);
	made_open(m);
	assert_true(m->repo->chain_broken);
	/* Without one nobody could open it. */
	take_away(m, 0, first->seal_name);
	made_open(m);
	assert_false(m->repo->chain_broken);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_zones(junk_under_the_name_of_an_index_stops_nothing),
		in_zones(many_pieces_of_junk_stop_nothing),
		in_zones(an_index_that_may_be_real_stops_collection),
		in_zones(an_index_that_another_chain_names_may_be_real),
		in_zones(a_copy_of_an_index_under_another_name_is_junk),
		in_zones(junk_under_the_name_of_a_header_stops_nothing),
		in_zones(a_header_that_may_be_the_newest_stops_collection),
		in_zones(what_only_memory_knows_of_stops_collection),
		in_zones(without_any_header_every_one_may_be_real),
		in_zones(before_the_first_header_what_has_a_signed_seal_may_be_real),
	};

	assert_int_equal(secret_init(), 0);
	now = clock_now();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
