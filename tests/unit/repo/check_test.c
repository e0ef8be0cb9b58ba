#include "made.h"

#include "base/hex.h"
#include "repo/check.h"

static int64_t now;

static int run_check(struct made *m, struct check_options options, struct check_result *result)
{
	options.quiet = true;
	options.key = options.level == CHECK_DATA && options.key == NULL ? m->validator : options.key;
	made_open(m);
	assert_int_equal(repo_check(m->repo, &options, result), 0);
	return findings_exit(m->findings, true);
}

static int check_at(struct made *m, enum check_level level)
{
	struct check_result result;

	return run_check(m, (struct check_options){ .level = level }, &result);
}

static int repair(struct made *m)
{
	struct check_result result;

	return run_check(m, (struct check_options){ .level = CHECK_FINGERPRINT, .repair = true }, &result);
}

/* Two snapshots in both zones. */
static void two_nights(struct made *m)
{
	made_snapshot(m, 3, now - 2 * DAY, now + DAY);
	made_snapshot(m, 3, now - DAY, now + DAY);
}

static void what_is_whole_passes_every_level(void **state)
{
	struct made *m = *state;
	struct check_result result;

	two_nights(m);
	assert_int_equal(run_check(m, (struct check_options){ .level = CHECK_LIST }, &result), EXIT_DONE);
	assert_int_equal(result.snapshots, 2);
	assert_int_equal(result.objects, 12); /* index, seal, header of each in each zone */
	assert_int_equal(result.packs, 0);

	assert_int_equal(run_check(m, (struct check_options){ .level = CHECK_FINGERPRINT, .repair = true }, &result),
			 EXIT_DONE);
	assert_int_equal(result.packs, 8);
	assert_int_equal(result.bytes, 2 * (m->snapshots[0].content.size + m->snapshots[0].nodes.size +
					    m->snapshots[1].content.size + m->snapshots[1].nodes.size));
	assert_int_equal(result.files, 0);
	assert_int_equal(result.healed, 0);

	assert_int_equal(run_check(m, (struct check_options){ .level = CHECK_DATA }, &result), EXIT_DONE);
	assert_int_equal(result.files, 20);
	assert_int_equal(result.file_bytes, 4 * (4 * CHUNK_LEN + 300));
	assert_int_equal(findings_total(m->findings), 0);
}

static void nothing_to_check_is_not_well(void **state)
{
	struct made *m = *state;

	assert_int_equal(check_at(m, CHECK_LIST), EXIT_INTEGRITY);
	made_snapshot(m, 3, now - 2 * DAY, now - DAY);
	assert_int_equal(check_at(m, CHECK_LIST), EXIT_DONE);
	assert_true(has_finding(m, FINDING_NOTE, NULL, NULL));
}

enum part { CONTENT, NODES, INDEX, SEAL, HEADER };

static const char *part_name(const struct made_snapshot *s, enum part part)
{
	const char *const names[] = { s->content_name, s->node_name, s->index_name, s->seal_name, s->header_name };

	return names[part];
}

static const struct {
	enum part part;
	void (*damage)(const struct made *m, unsigned zone, const char *name);
	enum check_level level; /* from which it is found */
	enum finding_kind kind;
} damages[] = {
	{ CONTENT, flip, CHECK_FINGERPRINT, FINDING_DAMAGED }, { CONTENT, cut, CHECK_LIST, FINDING_DAMAGED },
	{ CONTENT, lengthen, CHECK_LIST, FINDING_DAMAGED },    { CONTENT, take_away, CHECK_LIST, FINDING_MISSING },
	{ NODES, flip, CHECK_FINGERPRINT, FINDING_DAMAGED },   { NODES, cut, CHECK_LIST, FINDING_DAMAGED },
	{ NODES, take_away, CHECK_LIST, FINDING_MISSING },     { INDEX, flip, CHECK_LIST, FINDING_DAMAGED },
	{ INDEX, cut, CHECK_LIST, FINDING_DAMAGED },           { INDEX, take_away, CHECK_LIST, FINDING_MISSING },
	{ SEAL, flip, CHECK_LIST, FINDING_DAMAGED },           { SEAL, cut, CHECK_LIST, FINDING_DAMAGED },
	{ SEAL, lengthen, CHECK_LIST, FINDING_DAMAGED },       { SEAL, take_away, CHECK_LIST, FINDING_MISSING },
	{ HEADER, flip, CHECK_LIST, FINDING_FORGED },          { HEADER, cut, CHECK_LIST, FINDING_FORGED },
	{ HEADER, take_away, CHECK_LIST, FINDING_MISSING },
};

static void damage_in_one_zone_is_named_and_healed(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
		for (unsigned zone = 0; zone < 2; zone++) {
			struct made *m = made_new();
			const char *name, *zone_name = zone == 0 ? "z0" : "z1";

			two_nights(m);
			name = part_name(&m->snapshots[i % 2], damages[i].part);
			damages[i].damage(m, zone, name);
			assert_int_equal(check_at(m, CHECK_LIST),
					 damages[i].level == CHECK_LIST ? EXIT_INTEGRITY : EXIT_DONE);
			assert_int_equal(check_at(m, CHECK_FINGERPRINT), EXIT_INTEGRITY);
			assert_true(has_finding(m, damages[i].kind, zone_name, name));
			assert_int_equal(findings_count(m->findings, FINDING_LOST, false), 0);

			assert_int_equal(repair(m), EXIT_DONE);
			assert_true(findings_total(m->findings) > 0);
			assert_zones_equal(m);
			assert_int_equal(check_at(m, CHECK_DATA), EXIT_DONE);
			assert_int_equal(findings_total(m->findings), 0);
			made_free(m);
		}
	}
}

static void the_same_damage_in_both_zones_is_a_loss(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
		struct made *m = made_new();
		const char *name;

		/* A header that is nowhere leaves a gap that only a later header shows. */
		if (damages[i].part == HEADER) {
			made_free(m);
			continue;
		}
		two_nights(m);
		name = part_name(&m->snapshots[1], damages[i].part);
		damages[i].damage(m, 0, name);
		damages[i].damage(m, 1, name);
		assert_int_equal(repair(m), EXIT_INTEGRITY);
		if (damages[i].part != SEAL && !(damages[i].part == INDEX && damages[i].damage == take_away))
			assert_true(has_finding(m, FINDING_LOST, NULL, name));
		assert_true(findings_count(m->findings, FINDING_LOST, true) > 0);
		made_free(m);
	}
}

static void the_first_header_lost_everywhere_leaves_a_gap_that_is_told(void **state)
{
	struct made *m = *state;

	two_nights(m);
	made_snapshot(m, 3, now - DAY / 2, now + DAY);
	take_away(m, 0, m->snapshots[1].header_name);
	take_away(m, 1, m->snapshots[1].header_name);
	assert_int_equal(check_at(m, CHECK_LIST), EXIT_INTEGRITY);
}

static void swapped_packs_are_both_found_and_healed(void **state)
{
	struct made *m = *state;

	two_nights(m);
	swap(m, 0, m->snapshots[1].content_name, m->snapshots[1].node_name);
	assert_int_equal(check_at(m, CHECK_FINGERPRINT), EXIT_INTEGRITY);
	assert_true(has_finding(m, FINDING_DAMAGED, "z0", m->snapshots[1].content_name));
	assert_true(has_finding(m, FINDING_DAMAGED, "z0", m->snapshots[1].node_name));
	assert_int_equal(repair(m), EXIT_DONE);
	assert_zones_equal(m);
}

static void a_pack_replaced_by_another_that_lists_the_same_is_told_twice(void **state)
{
	struct made *m = *state;
	struct pack *pack = pack_new(KIND_CONTENT);
	struct index_pack row;
	char name[OBJECT_NAME_MAX];
	uint8_t id[ID_SIZE], *key = secret_new(KEY_SIZE);

	two_nights(m);
	add_chunk(m, pack, "junk", 4, NULL, 0, id, key);
	secret_free(key);
	put_pack(m, 1, pack, &row, name);
	take_away(m, 0, m->snapshots[0].content_name);
	assert_int_equal(check_at(m, CHECK_FINGERPRINT), EXIT_INTEGRITY);
	assert_true(has_finding(m, FINDING_MISSING, "z0", m->snapshots[0].content_name));
	assert_true(has_finding(m, FINDING_NOTE, "z0", name));
	assert_int_equal(repair(m), EXIT_DONE);
	assert_true(is_there(m, 0, name)); /* left alone */
	assert_false(is_there(m, 1, name));
}

static void an_emptied_zone_is_filled_again(void **state)
{
	struct made *m = *state;

	two_nights(m);
	empty_zone(m, 1);
	assert_int_equal(check_at(m, CHECK_LIST), EXIT_INTEGRITY);
	assert_int_equal(repair(m), EXIT_DONE);
	assert_zones_equal(m);
}

static void damage_in_both_zones_to_different_objects_is_healed_crosswise(void **state)
{
	struct made *m = *state;

	two_nights(m);
	flip(m, 0, m->snapshots[0].content_name);
	flip(m, 1, m->snapshots[1].content_name);
	cut(m, 0, m->snapshots[1].node_name);
	flip(m, 1, m->snapshots[0].seal_name);
	take_away(m, 0, m->snapshots[0].header_name);
	assert_int_equal(repair(m), EXIT_DONE);
	assert_zones_equal(m);
}

static void lost_files_are_named_and_the_others_are_not(void **state)
{
	struct made *m = *state;
	struct check_result result;

	two_nights(m);
	flip(m, 0, m->snapshots[1].content_name);
	flip(m, 1, m->snapshots[1].content_name);
	assert_int_equal(run_check(m, (struct check_options){ .level = CHECK_DATA }, &result), EXIT_INTEGRITY);
	/* The flipped byte lies in one of the two chunks that "big" and "list" of this night share. */
	assert_int_equal(result.lost_files, 2);
	assert_true(has_finding(m, FINDING_LOST, NULL, "big"));
	assert_true(has_finding(m, FINDING_LOST, NULL, "list"));
	assert_false(has_finding(m, FINDING_LOST, NULL, "small-1"));
	assert_int_equal(result.files, 2 * 5 + 2 * 3);
}

static void different_chunks_of_one_pack_damaged_in_each_zone_lose_no_file(void **state)
{
	struct made *m = *state;
	struct check_result result;

	two_nights(m);
	for (unsigned zone = 0; zone < 2; zone++) {
		_buf_ struct buf b = { 0 };
		const char *path = path_in(m, zone, m->snapshots[1].content_name);

		load_file(path, &b);
		b.data[zone == 0 ? 100 : CHUNK_LEN + 1000] ^= 1;
		save_file(path, b.data, b.len);
	}
	/* No zone has the pack whole, so it is lost as an object; but every file can still be had. */
	assert_int_equal(run_check(m, (struct check_options){ .level = CHECK_DATA }, &result), EXIT_INTEGRITY);
	assert_true(has_finding(m, FINDING_LOST, NULL, m->snapshots[1].content_name));
	assert_int_equal(result.lost_files, 0);
	assert_int_equal(result.files, 2 * 5 + 2 * 3);
}

static void recorded_sha256s_are_compared_with_the_content(void **state)
{
	static const char *const wrong[] = { "big", "empty", "list", "small-2" };
	struct check_result result;

	(void)state;
	for (size_t i = 0; i <= sizeof wrong / sizeof wrong[0]; i++) {
		struct made *m = made_new();

		m->sums = true;
		two_nights(m);
		m->wrong_sum = i == 0 ? NULL : wrong[i - 1];
		made_snapshot(m, 3, now - DAY / 2, now + DAY);
		assert_int_equal(run_check(m, (struct check_options){ .level = CHECK_FINGERPRINT }, &result),
				 EXIT_DONE);
		assert_int_equal(run_check(m, (struct check_options){ .level = CHECK_DATA }, &result),
				 i == 0 ? EXIT_DONE : EXIT_INTEGRITY);
		assert_int_equal(result.lost_files, i == 0 ? 0 : 1);
		if (i > 0) {
			assert_true(has_finding(m, FINDING_LOST, NULL, wrong[i - 1]));
			assert_non_null(
				strstr(findings_at(m->findings, findings_total(m->findings) - 1)->text, "SHA-256"));
		}
		made_free(m);
	}
}

static void a_lost_node_is_told_with_what_it_leads_to(void **state)
{
	struct made *m = *state;
	struct check_result result;

	two_nights(m);
	for (unsigned zone = 0; zone < 2; zone++) {
		_buf_ struct buf b = { 0 };
		const char *path = path_in(m, zone, m->snapshots[1].node_name);

		/* The root comes second in its pack. */
		load_file(path, &b);
		b.data[b.len - m->snapshots[1].nodes.footer - PACK_TAIL_SIZE - 20] ^= 1;
		save_file(path, b.data, b.len);
	}
	assert_int_equal(run_check(m, (struct check_options){ .level = CHECK_DATA }, &result), EXIT_INTEGRITY);
	assert_int_equal(result.lost_files, 1);
	assert_true(has_finding(m, FINDING_LOST, NULL, "."));
	assert_int_equal(result.files, 10);
}

static void a_key_that_opens_nothing_says_so(void **state)
{
	struct made *m = *state;
	struct secret_key *stranger = key_generate(ROLE_VALIDATOR);
	struct check_options options = { .level = CHECK_DATA, .quiet = true, .key = stranger };
	struct check_result result;

	two_nights(m);
	made_open(m);
	assert_int_equal(repo_check(m->repo, &options, &result), ERR_KEY);
	secret_free(stranger);
}

static void an_expired_snapshot_is_a_note(void **state)
{
	struct made *m = *state;
	struct made_snapshot *old = made_snapshot(m, 3, now - 2 * DAY, now - DAY);
	struct check_result result;

	made_snapshot(m, 3, now - DAY, now + DAY);
	take_away(m, 0, old->seal_name);
	assert_int_equal(run_check(m, (struct check_options){ .level = CHECK_DATA, .repair = true }, &result),
			 EXIT_DONE);
	assert_int_equal(result.snapshots, 1);
	assert_int_equal(findings_count(m->findings, FINDING_NOTE, false), 1);
	assert_false(is_there(m, 0, old->seal_name));
}

static void repair_brings_back_nothing_that_is_being_destroyed(void **state)
{
	struct made *m = *state;
	struct made_snapshot *old = made_snapshot(m, 3, now - 2 * DAY, now - DAY),
			     *live = made_snapshot(m, 3, now - DAY, now + DAY);
	char intent[OBJECT_NAME_MAX];

	put_intent(m, 3, old, m->pruner, intent);
	take_away(m, 0, old->seal_name);
	take_away(m, 0, old->header_name);
	take_away(m, 1, live->seal_name);
	cut(m, 1, intent);
	assert_int_equal(repair(m), EXIT_DONE);
	assert_false(is_there(m, 0, old->seal_name));
	assert_false(is_there(m, 0, old->header_name));
	assert_true(is_there(m, 1, old->seal_name)); /* and destroys nothing either: an agent or pruner does */
	assert_true(is_there(m, 1, live->seal_name));
	assert_true(has_finding(m, FINDING_NOTE, "z1", NULL));
	assert_true(has_finding(m, FINDING_FORGED, "z1", intent));
}

/* It would take for ever: 2^42 bytes. */
static void what_no_index_names_and_is_larger_than_a_pack_is_not_read(void **state)
{
	struct made *m = *state;
	char name[OBJECT_NAME_MAX];
	const uint8_t pack[DIGEST_SIZE] = { 0xab };

	two_nights(m);
	save_file(path_in(m, 1, name_pack(DATASET, pack, name)), "", 0);
	assert_int_equal(truncate(path_in(m, 1, name), (off_t)1 << 42), 0);
	assert_int_equal(check_at(m, CHECK_FINGERPRINT), EXIT_DONE);
	assert_true(has_finding(m, FINDING_NOTE, "z1", name));
}

static void a_repair_is_offered_for_what_it_can_heal(void **state)
{
	struct made *m = *state;
	struct check_result result;
	const uint8_t id[SNAPSHOT_ID_SIZE] = { 7 };
	char name[OBJECT_NAME_MAX];

	two_nights(m);
	save_file(path_in(m, 0, name_header(DATASET, now - DAY, id, name)), "rubbish", 7);
	assert_int_equal(run_check(m, (struct check_options){ .level = CHECK_FINGERPRINT }, &result), EXIT_INTEGRITY);
	assert_int_equal(result.healable, 0);

	flip(m, 0, m->snapshots[0].header_name);
	flip(m, 0, m->snapshots[0].content_name);
	take_away(m, 0, m->snapshots[1].seal_name);
	flip(m, 0, m->snapshots[1].node_name);
	flip(m, 1, m->snapshots[1].node_name);
	assert_int_equal(run_check(m, (struct check_options){ .level = CHECK_FINGERPRINT }, &result), EXIT_INTEGRITY);
	assert_int_equal(result.healable, 3);
}

static void a_seal_without_a_snapshot_is_a_note(void **state)
{
	struct made *m = *state;
	struct made_snapshot stray = { .header = { .id = "stray" } };
	uint8_t *key = secret_new(KEY_SIZE);
	char name[OBJECT_NAME_MAX];

	two_nights(m);
	put_seal(m, 1, &stray, 1, key, m->agent, name, NULL);
	secret_free(key);
	assert_int_equal(check_at(m, CHECK_LIST), EXIT_DONE);
	assert_true(has_finding(m, FINDING_NOTE, NULL, hex_encode(stray.header.id, SNAPSHOT_ID_SIZE, name)));
}

static void seals_are_judged_by_their_newest_good_generation(void **state)
{
	struct made *m = *state;
	uint8_t *key = secret_new(KEY_SIZE);
	char second[OBJECT_NAME_MAX], third[OBJECT_NAME_MAX];

	made_snapshot(m, 3, now - DAY, now + DAY);
	put_seal(m, 1, &m->snapshots[0], 2, key, m->operator, second, NULL);
	assert_int_equal(check_at(m, CHECK_LIST), EXIT_INTEGRITY);
	assert_true(has_finding(m, FINDING_MISSING, "z1", second));
	assert_int_equal(repair(m), EXIT_DONE);
	assert_true(is_there(m, 1, second));

	/* The first one does not matter any more. */
	flip(m, 0, m->snapshots[0].seal_name);
	assert_int_equal(check_at(m, CHECK_LIST), EXIT_DONE);
	assert_true(has_finding(m, FINDING_NOTE, "z0", m->snapshots[0].seal_name));

	/* One that no operator signed has no source to be healed from. */
	put_seal(m, 2, &m->snapshots[0], 3, key, m->agent, third, NULL);
	assert_int_equal(repair(m), EXIT_INTEGRITY);
	assert_true(has_finding(m, FINDING_DAMAGED, "z1", third));
	secret_free(key);
}

static void a_damaged_mark_is_healed_from_the_other_zone(void **state)
{
	struct made *m = *state;
	char mark[OBJECT_NAME_MAX];

	two_nights(m);
	put_mark(m, 3, m->snapshots[0].content.name, m->pruner, mark);
	flip(m, 1, mark);
	assert_int_equal(check_at(m, CHECK_LIST), EXIT_INTEGRITY);
	assert_int_equal(repair(m), EXIT_DONE);
	assert_zones_equal(m);
}

static void a_forged_index_is_told_and_left_alone(void **state)
{
	struct made *m = *state;
	struct secret_key *thief = key_generate(ROLE_AGENT);
	struct index index = { .dataset = DATASET, .seq = 1 };
	_buf_ struct buf body = { 0 }, object = { 0 };
	uint8_t hash[DIGEST_SIZE];
	char name[OBJECT_NAME_MAX];

	two_nights(m);
	buf_init(&body, INDEX_MAX, "body");
	buf_init(&object, INDEX_MAX, "object");
	assert_int_equal(index_encode(&index, &body), 0);
	assert_int_equal(signed_encode(SIGNED_INDEX, thief, &body, &object), 0);
	sha256(object.data, object.len, hash);
	put_in(m, 1, name_index(DATASET, thief->public.id, 1, hash, name), object.data, object.len);
	secret_free(thief);
	assert_int_equal(repair(m), EXIT_INTEGRITY);
	assert_int_equal(findings_count(m->findings, FINDING_FORGED, true), 1);
	assert_true(is_there(m, 0, name));
}

static void old_indexes_below_a_checkpoint_may_lack(void **state)
{
	struct made *m = *state;
	char first[OBJECT_NAME_MAX], second[OBJECT_NAME_MAX], name[OBJECT_NAME_MAX];

	two_nights(m);
	put_index(m, 3, NULL, 0, NULL, 0, first);
	put_index(m, 3, NULL, 0, NULL, 0, second);
	while (m->index_seq < 64)
		put_index(m, 3, NULL, 0, NULL, 0, name);
	take_away(m, 0, first);
	flip(m, 1, second);
	assert_int_equal(check_at(m, CHECK_LIST), EXIT_DONE);
	assert_true(has_finding(m, FINDING_NOTE, "z1", second));
	assert_int_equal(repair(m), EXIT_DONE);
	assert_false(is_there(m, 0, first));
}

static void a_pack_that_nothing_needs_may_lack(void **state)
{
	struct made *m = *state;
	struct pack *pack = pack_new(KIND_CONTENT), *gone = pack_new(KIND_CONTENT);
	struct index_pack rows[2];
	char name[OBJECT_NAME_MAX], gone_name[OBJECT_NAME_MAX], index[OBJECT_NAME_MAX];
	uint8_t id[ID_SIZE], *key = secret_new(KEY_SIZE);

	two_nights(m);
	add_chunk(m, pack, "dead", 4, NULL, 0, id, key);
	add_chunk(m, gone, "gone", 4, NULL, 0, id, key);
	secret_free(key);
	put_pack(m, 1, pack, &rows[0], name);
	put_pack(m, 1, gone, &rows[1], gone_name);
	take_away(m, 0, gone_name);
	put_index(m, 3, rows, 2, NULL, 0, index);
	assert_int_equal(check_at(m, CHECK_FINGERPRINT), EXIT_DONE);
	assert_true(has_finding(m, FINDING_NOTE, "z1", NULL));
	assert_true(has_finding(m, FINDING_NOTE, NULL, gone_name));

	/* Withdrawn, it is no word worth. */
	put_index(m, 3, NULL, 0, &rows[1].name, 1, index);
	assert_int_equal(check_at(m, CHECK_FINGERPRINT), EXIT_DONE);
	assert_false(has_finding(m, FINDING_NOTE, NULL, gone_name));
}

static void a_damaged_pack_that_nothing_needs_is_removed(void **state)
{
	struct made *m = *state;
	struct pack *pack = pack_new(KIND_CONTENT);
	struct index_pack row;
	char name[OBJECT_NAME_MAX], index[OBJECT_NAME_MAX], mark[OBJECT_NAME_MAX];
	uint8_t id[ID_SIZE], *key = secret_new(KEY_SIZE);
	_buf_ struct buf header = { 0 };

	two_nights(m);
	add_chunk(m, pack, "dead", 4, NULL, 0, id, key);
	secret_free(key);
	put_pack(m, 3, pack, &row, name);
	put_index(m, 3, &row, 1, NULL, 0, index);
	put_mark(m, 3, row.name, m->agent, mark);
	flip(m, 1, name);
	assert_int_equal(check_at(m, CHECK_FINGERPRINT), EXIT_INTEGRITY);
	assert_true(has_finding(m, FINDING_DAMAGED, "z1", name));

	/* Not while it is in doubt what is needed. */
	load_file(path_in(m, 0, m->snapshots[1].header_name), &header);
	flip(m, 0, m->snapshots[1].header_name);
	flip(m, 1, m->snapshots[1].header_name);
	assert_int_equal(repair(m), EXIT_INTEGRITY);
	assert_true(is_there(m, 1, name));

	for (unsigned zone = 0; zone < 2; zone++)
		save_file(path_in(m, zone, m->snapshots[1].header_name), header.data, header.len);
	assert_int_equal(repair(m), EXIT_DONE);
	assert_false(is_there(m, 1, name));
	assert_true(is_there(m, 0, name));
	assert_int_equal(check_at(m, CHECK_FINGERPRINT), EXIT_DONE);
}

static void an_intent_that_one_zone_lacks_is_missing(void **state)
{
	struct made *m = *state;
	char intent[OBJECT_NAME_MAX];

	struct made_snapshot *old = made_snapshot(m, 3, now - 2 * DAY, now - DAY);
	made_snapshot(m, 3, now - DAY, now + DAY);
	put_intent(m, 3, old, m->pruner, intent);
	take_away(m, 1, intent);
	assert_int_equal(check_at(m, CHECK_LIST), EXIT_INTEGRITY);
	assert_true(has_finding(m, FINDING_MISSING, "z1", intent));
	assert_int_equal(repair(m), EXIT_DONE);
	assert_true(is_there(m, 1, intent));
}

static void more_packs_than_are_named_are_counted_and_healed(void **state)
{
	struct made *m = *state;
	char name[OBJECT_NAME_MAX];

	m->extra_count = MADE_EXTRA_MAX;
	made_snapshot(m, 3, now - DAY, now + DAY);
	for (size_t i = 0; i < MADE_EXTRA_MAX; i++)
		take_away(m, 0, name_pack(DATASET, m->extra[i].name, name));
	assert_int_equal(check_at(m, CHECK_LIST), EXIT_INTEGRITY);
	assert_int_equal(findings_count(m->findings, FINDING_MISSING, true), 101);
	assert_int_equal(repair(m), EXIT_DONE);
	assert_zones_equal(m);
}

static void slices_together_read_every_pack_and_file_once(void **state)
{
	struct made *m = *state;
	uint64_t packs = 0, files = 0;

	two_nights(m);
	for (unsigned slice = 1; slice <= 3; slice++) {
		struct check_result result;

		assert_int_equal(run_check(m,
					   (struct check_options){ .level = CHECK_DATA, .slice = slice, .slices = 3 },
					   &result),
				 EXIT_DONE);
		packs += result.packs;
		files += result.files;
	}
	assert_int_equal(packs, 8);
	assert_int_equal(files, 20);
}

static void a_zone_that_is_away_is_no_damage_and_no_loss(void **state)
{
	struct made *m = *state;
	char away[600], zone[600];

	two_nights(m);
	flip(m, 0, m->snapshots[0].content_name);
	snprintf(zone, sizeof zone, "%s/z1", m->folder);
	snprintf(away, sizeof away, "%s/away", m->folder);
	assert_int_equal(rename(zone, away), 0);
	assert_int_equal(check_at(m, CHECK_LIST), EXIT_DEGRADED);
	assert_int_equal(repair(m), EXIT_INTEGRITY);
	assert_int_equal(findings_count(m->findings, FINDING_LOST, false), 0);
	assert_int_equal(check_at(m, CHECK_DATA), EXIT_INTEGRITY);
	assert_int_equal(findings_count(m->findings, FINDING_LOST, false), 0);
	assert_int_equal(rename(away, zone), 0);
}

static void levels_and_slices_are_read_strictly(void **state)
{
	static const char *const bad[] = { "",     "1",    "1/",   "/2",   "0/2",     "3/2", "1/2/3",
					   "1/2x", "-1/2", "1/-2", " 1/2", "1/99999", "1/ 2" };
	enum check_level level;
	unsigned slice, slices;

	(void)state;
	for (int i = CHECK_LIST; i <= CHECK_DATA; i++) {
		assert_int_equal(check_level_parse(check_level_name((enum check_level)i), &level), 0);
		assert_int_equal(level, i);
	}
	assert_int_equal(check_level_parse("deep", &level), ERR_USAGE);
	assert_int_equal(check_slice_parse("2/7", &slice, &slices), 0);
	assert_int_equal(slice, 2);
	assert_int_equal(slices, 7);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(check_slice_parse(bad[i], &slice, &slices), ERR_USAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_zones(what_is_whole_passes_every_level),
		in_zones(nothing_to_check_is_not_well),
		cmocka_unit_test(damage_in_one_zone_is_named_and_healed),
		cmocka_unit_test(the_same_damage_in_both_zones_is_a_loss),
		in_zones(the_first_header_lost_everywhere_leaves_a_gap_that_is_told),
		in_zones(swapped_packs_are_both_found_and_healed),
		in_zones(a_pack_replaced_by_another_that_lists_the_same_is_told_twice),
		in_zones(an_emptied_zone_is_filled_again),
		in_zones(damage_in_both_zones_to_different_objects_is_healed_crosswise),
		in_zones(lost_files_are_named_and_the_others_are_not),
		in_zones(different_chunks_of_one_pack_damaged_in_each_zone_lose_no_file),
		in_zones(recorded_sha256s_are_compared_with_the_content),
		in_zones(a_lost_node_is_told_with_what_it_leads_to),
		in_zones(a_key_that_opens_nothing_says_so),
		in_zones(an_expired_snapshot_is_a_note),
		in_zones(repair_brings_back_nothing_that_is_being_destroyed),
		in_zones(what_no_index_names_and_is_larger_than_a_pack_is_not_read),
		in_zones(a_repair_is_offered_for_what_it_can_heal),
		in_zones(a_seal_without_a_snapshot_is_a_note),
		in_zones(seals_are_judged_by_their_newest_good_generation),
		in_zones(a_damaged_mark_is_healed_from_the_other_zone),
		in_zones(a_forged_index_is_told_and_left_alone),
		in_zones(old_indexes_below_a_checkpoint_may_lack),
		in_zones(a_pack_that_nothing_needs_may_lack),
		in_zones(a_damaged_pack_that_nothing_needs_is_removed),
		in_zones(an_intent_that_one_zone_lacks_is_missing),
		in_zones(more_packs_than_are_named_are_counted_and_healed),
		in_zones(slices_together_read_every_pack_and_file_once),
		in_zones(a_zone_that_is_away_is_no_damage_and_no_loss),
		cmocka_unit_test(levels_and_slices_are_read_strictly),
	};

	assert_int_equal(secret_init(), 0);
	now = clock_now();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
