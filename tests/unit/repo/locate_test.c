/* Repos that are opened to read on demand: what is looked into, and when. */
#include "made.h"

#include "base/hex.h"
#include "repo/fetch.h"
#include "repo/locate.h"
#include "repo/select.h"

static int64_t now;

static struct repo *open_on_demand(struct made *m, const char *selector)
{
	return made_open_with(m, (struct repo_options){ .on_demand = true, .selector = selector });
}

static size_t known_places(struct made *m, const uint8_t id[ID_SIZE])
{
	struct chunk_place places[CATALOG_PLACES_MAX];
	size_t count;

	assert_int_equal(catalog_locate(m->repo->catalog, id, places, &count), 0);
	return count;
}

static size_t located(struct made *m, enum kind kind, const uint8_t id[ID_SIZE])
{
	struct chunk_place places[CATALOG_PLACES_MAX];
	size_t count;

	assert_int_equal(locate_chunk(m->repo, kind, id, places, &count), 0);
	return count;
}

static void a_footer_is_read_when_a_chunk_of_its_kind_is_looked_for(void **state)
{
	struct made *m = *state;
	struct made_snapshot *old = made_snapshot(m, 3, now - 3 * DAY, now + DAY),
			     *middle = made_snapshot(m, 3, now - 2 * DAY, now + DAY),
			     *new = made_snapshot(m, 3, now - DAY, now + DAY);

	open_on_demand(m, NULL);
	assert_int_equal(m->repo->snapshot_count, 3);
	assert_int_equal(known_places(m, new->header.root_id), 0);
	assert_int_equal(located(m, KIND_NODE, middle->header.root_id), 1);
	/* The newest first, and no further than needed. */
	assert_int_equal(known_places(m, new->header.root_id), 1);
	assert_int_equal(known_places(m, old->header.root_id), 0);
	assert_int_equal(known_places(m, m->group_id), 0);
	assert_int_equal(located(m, KIND_CONTENT, m->group_id), 1);
	assert_int_equal(known_places(m, old->header.root_id), 0);
	assert_int_equal(located(m, KIND_NODE, (const uint8_t *)"0123456789abcdef0123456789abcdef"), 0);
	assert_int_equal(known_places(m, old->header.root_id), 1);
	assert_int_equal(findings_total(m->findings), 0);
}

static void a_footer_that_is_whole_in_one_zone_is_read_there_and_in_none_passed_over(void **state)
{
	struct made *m = *state;
	struct made_snapshot *old = made_snapshot(m, 3, now - 3 * DAY, now + DAY),
			     *middle = made_snapshot(m, 3, now - 2 * DAY, now + DAY),
			     *new = made_snapshot(m, 3, now - DAY, now + DAY);
	_buf_ struct buf bytes;

	/* A byte of the footer, before the eight of the magic and the four of its length. */
	for (unsigned zone = 0; zone < 2; zone++) {
		buf_init(&bytes, PACK_MAX, "pack");
		load_file(path_in(m, zone, new->node_name), &bytes);
		bytes.data[bytes.len - 20] ^= 1;
		save_file(path_in(m, zone, new->node_name), bytes.data, bytes.len);
		buf_release(&bytes);
	}
	buf_init(&bytes, PACK_MAX, "pack");
	load_file(path_in(m, 0, middle->node_name), &bytes);
	bytes.data[bytes.len - 20] ^= 1;
	save_file(path_in(m, 0, middle->node_name), bytes.data, bytes.len);
	open_on_demand(m, "latest");
	assert_int_equal(findings_total(m->findings), 0);
	assert_int_equal(located(m, KIND_NODE, old->header.root_id), 1);
	assert_int_equal(known_places(m, middle->header.root_id), 1);
	assert_int_equal(located(m, KIND_NODE, new->header.root_id), 0);
	assert_true(has_finding(m, FINDING_DAMAGED, "z0", new->node_name));
	assert_true(has_finding(m, FINDING_DAMAGED, "z1", new->node_name));
	assert_true(has_finding(m, FINDING_DAMAGED, "z0", middle->node_name));
	assert_false(has_finding(m, FINDING_DAMAGED, "z1", middle->node_name));
}

static void a_chunk_whose_newest_place_fails_is_looked_for_in_older_packs(void **state)
{
	struct made *m = *state;
	static const uint8_t data[] = "twice";
	uint8_t id[ID_SIZE], *key = secret_new(KEY_SIZE), out[sizeof data];
	char names[2][OBJECT_NAME_MAX], index[OBJECT_NAME_MAX];
	struct index_pack row;

	made_snapshot(m, 3, now - DAY, now + DAY);
	for (size_t i = 0; i < 2; i++) {
		struct pack *pack = pack_new(KIND_CONTENT);
		add_chunk(m, pack, data, sizeof data, NULL, 0, id, key);
		put_pack(m, 3, pack, &row, names[i]);
		put_index(m, 3, &row, 1, NULL, 0, index);
	}
	for (unsigned zone = 0; zone < 2; zone++) {
		_buf_ struct buf bytes;
		buf_init(&bytes, PACK_MAX, "pack");
		load_file(path_in(m, zone, names[1]), &bytes);
		bytes.data[30] ^= 1; /* in the blob */
		save_file(path_in(m, zone, names[1]), bytes.data, bytes.len);
	}
	open_on_demand(m, "latest");
	assert_int_equal(located(m, KIND_CONTENT, id), 1);
	struct fetcher *f = fetcher_new(m->repo, -1);
	struct blob_codec *codec = blob_codec_new(CHUNK_MAX, 3);
	assert_int_equal(fetch_chunk(f, codec, NULL, KIND_CONTENT, id, key, sizeof data, out), 0);
	assert_memory_equal(out, data, sizeof data);
	assert_int_equal(known_places(m, id), 2);
	blob_codec_free(codec);
	fetcher_free(f);
	secret_free(key);
}

/* How many snapshots were opened for a selector, and which one it meant: its place in m->snapshots, or -1. */
static void assert_meant(struct made *m, const char *selector, size_t opened, int meant)
{
	const struct snapshot *s;

	open_on_demand(m, selector);
	assert_int_equal(m->repo->snapshot_count, opened);
	if (meant < 0) {
		assert_int_equal(select_snapshot(m->repo, selector, &s), ERR_MISSING);
		return;
	}
	assert_int_equal(select_snapshot(m->repo, selector, &s), 0);
	assert_memory_equal(s->header.id, m->snapshots[meant].header.id, SNAPSHOT_ID_SIZE);
}

static void only_headers_that_the_selector_may_mean_are_opened(void **state)
{
	struct made *m = *state;
	char time[CLOCK_TEXT_MAX], id[SNAPSHOT_ID_HEX], name[OBJECT_NAME_MAX];

	for (int i = 0; i < 3; i++)
		made_snapshot(m, 3, now - (4 - i) * DAY, i == 1 ? now - 60 : now + DAY);
	assert_meant(m, "latest", 1, 2);
	assert_int_equal(m->repo->snapshots[0].zones, 3);
	assert_int_equal(m->repo->snapshots[0].seals[1], 1);
	assert_meant(m, clock_format(m->snapshots[0].header.taken_at, time), 1, 0);
	hex_encode(m->snapshots[1].header.id, SNAPSHOT_ID_SIZE, id);
	id[12] = '\0';
	assert_meant(m, id, 1, 1);
	assert_meant(m, "2001-01-01", 0, -1);
	assert_int_equal(repo_load_all(m->repo), 0);
	assert_int_equal(m->repo->snapshot_count, 3);

	/* Being destroyed, it is found by its id alone, without its header too. */
	put_intent(m, 3, &m->snapshots[1], m->pruner, name);
	assert_meant(m, clock_format(m->snapshots[1].header.taken_at, time), 1, -1);
	take_away(m, 0, m->snapshots[1].header_name);
	take_away(m, 1, m->snapshots[1].header_name);
	assert_meant(m, id, 1, 1);
	assert_int_equal(findings_total(m->findings), 0);

	/* What does not open, or is being destroyed, is not the latest. */
	flip(m, 0, m->snapshots[2].header_name);
	assert_meant(m, "latest", 1, 2);
	assert_int_equal(m->repo->snapshots[0].zones, 2);
	flip(m, 1, m->snapshots[2].header_name);
	assert_meant(m, "latest", 1, 0);
	assert_true(has_finding(m, FINDING_FORGED, "z1", m->snapshots[2].header_name));
}

/* A thief signs another time for a snapshot whose time is over: the newer header must not be the only one that is read. */
static void both_headers_of_a_snapshot_are_read_whatever_times_their_names_say(void **state)
{
	struct made *m = *state;
	struct made_snapshot *s = made_snapshot(m, 3, now - 40 * DAY, now - 5 * DAY);
	struct header forged = s->header;
	_buf_ struct buf body = { 0 };
	const struct snapshot *found;
	uint8_t hash[DIGEST_SIZE];
	char name[OBJECT_NAME_MAX], time[CLOCK_TEXT_MAX];

	forged.taken_at = forged.consistent_at = now - 100;
	forged.expires_at = now + 30 * DAY;
	buf_init(&body, HEADER_MAX, "header");
	assert_int_equal(header_encode(&forged, &body), 0);
	put_signed(m, 2, SIGNED_HEADER, m->agent, &body, name_header(DATASET, forged.taken_at, forged.id, name), hash);
	open_on_demand(m, "latest");
	assert_int_equal(m->repo->snapshot_count, 1);
	assert_true(m->repo->snapshots[0].disputed);
	open_on_demand(m, clock_format(forged.taken_at, time));
	found = repo_find(m->repo, forged.id);
	assert_non_null(found);
	assert_true(found->disputed);
}

static void a_pack_that_is_not_there_is_told(void **state)
{
	struct made *m = *state;
	struct made_snapshot *s = made_snapshot(m, 3, now - DAY, now + DAY);

	open_on_demand(m, "latest");
	take_away(m, 0, s->node_name);
	take_away(m, 1, s->node_name);
	assert_int_equal(located(m, KIND_NODE, s->header.root_id), 0);
	assert_true(has_finding(m, FINDING_MISSING, NULL, s->node_name));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_zones(a_footer_is_read_when_a_chunk_of_its_kind_is_looked_for),
		in_zones(a_footer_that_is_whole_in_one_zone_is_read_there_and_in_none_passed_over),
		in_zones(a_chunk_whose_newest_place_fails_is_looked_for_in_older_packs),
		in_zones(only_headers_that_the_selector_may_mean_are_opened),
		in_zones(both_headers_of_a_snapshot_are_read_whatever_times_their_names_say),
		in_zones(a_pack_that_is_not_there_is_told),
	};

	now = clock_now();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
