#include "made.h"

#include "repo/reach.h"

static int64_t now;

static uint8_t bits_of(const struct made *m, const struct index_pack *pack)
{
	uint32_t number;

	assert_int_equal(catalog_find_pack(m->repo->catalog, pack->name, &number), 0);
	return repo_pack_bits(m->repo, number);
}

static void zones_are_merged_by_snapshot_and_pack(void **state)
{
	struct made *m = *state;
	struct made_snapshot *a = made_snapshot(m, 3, now - 2 * DAY, now + DAY),
			     *b = made_snapshot(m, 2, now - DAY, now + DAY);

	take_away(m, 0, a->header_name);
	made_open(m);
	assert_int_equal(m->repo->snapshot_count, 2);
	assert_true(m->repo->complete);
	assert_false(m->repo->chain_broken);
	assert_int_equal(m->repo->snapshots[0].zones, ZONE_BIT(1));
	assert_int_equal(m->repo->snapshots[0].seals[0], 1);
	assert_memory_equal(m->repo->snapshots[0].hash, a->hash, DIGEST_SIZE);
	assert_int_equal(m->repo->snapshots[1].zones, ZONE_BIT(1));
	assert_ptr_equal(repo_newest(m->repo), &m->repo->snapshots[1]);
	assert_ptr_equal(repo_find(m->repo, a->header.id), &m->repo->snapshots[0]);
	assert_null(repo_find(m->repo, (const uint8_t *)"0123456789abcdef"));
	assert_int_equal(bits_of(m, &a->content), PACK_IN_0 | PACK_IN_1);
	assert_int_equal(bits_of(m, &b->content), PACK_IN_1);
	assert_int_equal(m->repo->index_count, 2);
	assert_int_equal(m->repo->chains[0].seq, 2);
	assert_int_equal(m->repo->chains[0].zone_seq[0], 1);
	assert_int_equal(m->repo->chains[0].zone_seq[1], 2);
}

static void a_condemned_pack_counts_nowhere(void **state)
{
	struct made *m = *state;
	struct made_snapshot *s = made_snapshot(m, 3, now - DAY, now + DAY);
	char mark[OBJECT_NAME_MAX];
	bool known;

	made_open(m);
	assert_int_equal(repo_chunk_known(m->repo, m->group_id, &known, NULL), 0);
	assert_true(known);
	put_mark(m, 2, s->content.name, m->pruner, mark);
	made_open(m);
	assert_int_equal(m->repo->mark_count, 1);
	assert_int_equal(m->repo->marks[0].zones, ZONE_BIT(1));
	assert_int_equal(bits_of(m, &s->content), PACK_IN_0 | PACK_IN_1 | PACK_CONDEMNED);
	assert_int_equal(repo_countable(bits_of(m, &s->content)), 0);
	assert_int_equal(repo_chunk_known(m->repo, m->group_id, &known, NULL), 0);
	assert_false(known);

	/* Somebody's who may not. */
	take_away(m, 1, mark);
	put_mark(m, 2, s->content.name, m->validator, mark);
	made_open(m);
	assert_int_equal(m->repo->mark_count, 0);
	assert_true(has_finding(m, FINDING_FORGED, "z1", mark));
}

static void a_withdrawal_of_what_is_needed_is_refused(void **state)
{
	struct made *m = *state;
	struct made_snapshot *s = made_snapshot(m, 3, now - DAY, now + DAY);
	struct pack *pack = pack_new(KIND_CONTENT);
	struct index_pack dead;
	char name[OBJECT_NAME_MAX], index[OBJECT_NAME_MAX];
	uint8_t id[ID_SIZE], *key = secret_new(KEY_SIZE);

	add_chunk(m, pack, "dead", 4, NULL, 0, id, key);
	secret_free(key);
	put_pack(m, 3, pack, &dead, name);
	put_index(m, 3, &dead, 1, NULL, 0, index);
	uint8_t withdrawn[2][DIGEST_SIZE];
	memcpy(withdrawn[0], memcmp(dead.name, s->content.name, DIGEST_SIZE) < 0 ? dead.name : s->content.name,
	       DIGEST_SIZE);
	memcpy(withdrawn[1], memcmp(dead.name, s->content.name, DIGEST_SIZE) < 0 ? s->content.name : dead.name,
	       DIGEST_SIZE);
	put_index(m, 3, NULL, 0, withdrawn, 2, index);
	made_open(m);
	assert_int_equal(bits_of(m, &s->content), PACK_IN_0 | PACK_IN_1);
	assert_int_equal(bits_of(m, &dead) & PACK_WITHDRAWN, PACK_WITHDRAWN);
	assert_true(has_finding(m, FINDING_REFUSED, NULL, s->content_name));

	/* Gone everywhere, it is forgotten. */
	take_away(m, 0, name);
	take_away(m, 1, name);
	assert_int_equal(repo_load(m->repo), 0);
	uint32_t number;
	assert_int_equal(catalog_find_pack(m->repo->catalog, dead.name, &number), ERR_MISSING);
}

static void what_no_index_names_is_an_orphan(void **state)
{
	struct made *m = *state;
	struct pack *pack = pack_new(KIND_CONTENT);
	struct index_pack row;
	char name[OBJECT_NAME_MAX];
	uint8_t id[ID_SIZE], *key = secret_new(KEY_SIZE);

	made_snapshot(m, 3, now - DAY, now + DAY);
	add_chunk(m, pack, "lone", 4, NULL, 0, id, key);
	secret_free(key);
	put_pack(m, 3, pack, &row, name);
	save_file(path_in(m, 0, DATASET "/packs/readme.txt"), "x", 1);
	save_file(path_in(m, 0, DATASET "/seals/x"), "x", 1);
	save_file(path_in(m, 0, DATASET "/snapshots/x"), "x", 1);
	save_file(path_in(m, 0, DATASET "/intents/x"), "x", 1);
	save_file(path_in(m, 0, DATASET "/condemned/x"), "x", 1);
	save_file(path_in(m, 0, DATASET "/index/x"), "x", 1);
	made_open(m);
	assert_int_equal(m->repo->orphan_count, 1);
	assert_int_equal(m->repo->orphans[0].zones, 3);
	assert_memory_equal(m->repo->orphans[0].name, row.name, DIGEST_SIZE);
	assert_int_equal(findings_count(m->findings, FINDING_NOTE, false), 1);
	assert_int_equal(findings_exit(m->findings, true), EXIT_DONE);
}

static void an_intent_counts_only_past_expiry_and_by_a_role_that_may(void **state)
{
	static const struct {
		int64_t expires; /* from now */
		int signer;      /* 0 agent, 1 pruner, 2 validator */
		enum finding_kind told;
		bool counts;
	} rows[] = {
		{ -DAY, 0, FINDING_NOTE, true },    { -DAY, 1, FINDING_NOTE, true },
		{ -DAY, 2, FINDING_FORGED, false }, { DAY, 1, FINDING_REFUSED, false },
		{ DAY, 0, FINDING_REFUSED, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct made *m = made_new();
		const struct secret_key *signers[] = { m->agent, m->pruner, m->validator };
		struct made_snapshot *s = made_snapshot(m, 3, now - 2 * DAY, now + rows[i].expires);
		char intent[OBJECT_NAME_MAX];

		put_intent(m, 1, s, signers[rows[i].signer], intent);
		made_open(m);
		assert_int_equal(m->repo->snapshots[0].intents, rows[i].counts ? 1 : 0);
		assert_int_equal(snapshot_live(&m->repo->snapshots[0]), !rows[i].counts);
		if (rows[i].told != FINDING_NOTE)
			assert_true(has_finding(m, rows[i].told, "z0", intent));
		made_free(m);
	}
}

static void a_snapshot_of_which_only_the_intent_is_left_explains_the_gap(void **state)
{
	struct made *m = *state;
	struct made_snapshot *gone;
	char intent[OBJECT_NAME_MAX];

	made_snapshot(m, 3, now - 3 * DAY, now + DAY);
	gone = made_snapshot(m, 3, now - 2 * DAY, now - DAY);
	made_snapshot(m, 3, now - DAY, now + DAY);
	put_intent(m, 3, gone, m->agent, intent);
	for (unsigned zone = 0; zone < 2; zone++)
		take_away(m, zone, gone->header_name);
	made_open(m);
	assert_false(m->repo->chain_broken);

	for (unsigned zone = 0; zone < 2; zone++)
		take_away(m, zone, intent);
	made_open(m);
	assert_true(m->repo->chain_broken);
	assert_true(has_finding(m, FINDING_MISSING, NULL, NULL));
}

static void headers_from_the_future_are_quarantined_and_never_the_newest(void **state)
{
	struct made *m = *state;

	made_snapshot(m, 3, now - DAY, now + DAY);
	made_snapshot(m, 3, now + 30 * DAY, now + 60 * DAY);
	made_open(m);
	assert_true(m->repo->snapshots[1].quarantined);
	assert_ptr_equal(repo_newest(m->repo), &m->repo->snapshots[0]);
	assert_true(has_finding(m, FINDING_FORGED, "z0", m->snapshots[1].header_name));
}

static void what_is_under_the_name_of_another_is_refused(void **state)
{
	struct made *m = *state;
	struct made_snapshot *a = made_snapshot(m, 3, now - 2 * DAY, now + DAY),
			     *b = made_snapshot(m, 3, now - DAY, now + DAY);

	swap(m, 0, a->header_name, b->header_name);
	swap(m, 1, a->index_name, b->index_name);
	made_open(m);
	assert_true(has_finding(m, FINDING_FORGED, "z0", a->header_name));
	assert_true(has_finding(m, FINDING_FORGED, "z0", b->header_name));
	assert_int_equal(m->repo->snapshots[0].zones, ZONE_BIT(1));
	assert_int_equal(m->repo->snapshots[1].zones, ZONE_BIT(1));

	/* In both zones: no index is whole, and the chain has a gap. */
	swap(m, 0, a->index_name, b->index_name);
	made_open(m);
	assert_true(has_finding(m, FINDING_DAMAGED, "z0", a->index_name));
	assert_true(has_finding(m, FINDING_DAMAGED, "z1", a->index_name));
	assert_true(m->repo->chain_broken);
}

static void a_zone_that_serves_less_than_before_is_rolled_back(void **state)
{
	struct made *m = *state;
	struct made_snapshot *b;

	made_snapshot(m, 3, now - 2 * DAY, now + DAY);
	b = made_snapshot(m, 3, now - DAY, now + DAY);
	made_open(m);
	take_away(m, 1, b->index_name);
	take_away(m, 1, b->header_name);
	/* By what this catalogue saw before. */
	assert_int_equal(repo_load(m->repo), 0);
	assert_true(has_finding(m, FINDING_ROLLED_BACK, "z1", NULL));
	assert_false(has_finding(m, FINDING_ROLLED_BACK, "z0", NULL));

	/* By a header that names the index, for one who never was here. */
	take_away(m, 0, b->index_name);
	made_open(m);
	assert_true(has_finding(m, FINDING_ROLLED_BACK, "z0", NULL));
}

static void a_footer_comes_from_the_zone_that_has_it_whole(void **state)
{
	struct made *m = *state;
	struct made_snapshot *s = made_snapshot(m, 3, now - DAY, now + DAY);
	_buf_ struct buf b = { 0 };

	load_file(path_in(m, 0, s->node_name), &b);
	b.data[b.len - PACK_TAIL_SIZE - 5] ^= 1;
	save_file(path_in(m, 0, s->node_name), b.data, b.len);
	made_open(m);
	assert_true(has_finding(m, FINDING_DAMAGED, "z0", s->node_name));
	bits_of(m, &s->nodes); /* taken in */

	save_file(path_in(m, 1, s->node_name), b.data, b.len);
	made_open(m);
	uint32_t number;
	assert_int_equal(catalog_find_pack(m->repo->catalog, s->nodes.name, &number), ERR_MISSING);
}

static int count_missing(void *context, const uint8_t id[ID_SIZE])
{
	(void)id;
	++*(unsigned *)context;
	return 0;
}

static void a_walk_needs_no_key_and_says_what_lacks(void **state)
{
	struct made *m = *state;
	struct made_snapshot *a = made_snapshot(m, 3, now - 2 * DAY, now + DAY),
			     *b = made_snapshot(m, 1, now - DAY, now + DAY);
	struct reach *w;
	unsigned missing = 0, zones;
	uint32_t number;

	made_open(m);
	w = reach_new(m->repo);
	assert_int_equal(reach_add(w, a->header.root_id, NULL, NULL), 0);
	assert_int_equal(reach_missing_count(w), 0);
	assert_true(reach_has(w, m->group_id));
	assert_false(reach_has(w, b->header.root_id));
	assert_int_equal(catalog_find_pack(m->repo->catalog, a->content.name, &number), 0);
	assert_true(reach_pack(w, number));
	assert_int_equal(catalog_find_pack(m->repo->catalog, b->content.name, &number), 0);
	assert_false(reach_pack(w, number));
	assert_int_equal(reach_add_live(w, false), 0);
	assert_true(reach_pack(w, number));
	reach_free(w);

	w = reach_new(m->repo);
	reach_only(w, PACK_IN_1);
	assert_int_equal(reach_add(w, b->header.root_id, count_missing, &missing), 0);
	assert_int_equal(missing, 1); /* the root; what is beneath nobody can know from there */
	reach_free(w);

	assert_int_equal(reach_whole(m->repo, a->header.root_id, &zones), 0);
	assert_int_equal(zones, 3);
	assert_int_equal(reach_whole(m->repo, b->header.root_id, &zones), 0);
	assert_int_equal(zones, 1);
}

static void no_zone_at_all_is_an_error(void **state)
{
	struct made *m = *state;
	struct zone_place place = { .name = "z0", .url = "file:///nonexistent/zone" };
	struct repo_options options = { .dataset = DATASET, .trust = &m->trust, .places = &place, .place_count = 1 };
	struct findings *findings = findings_new();
	struct repo *r;

	assert_int_equal(repo_open(&options, findings, &r), ERR_UNAVAILABLE);
	assert_null(r);
	assert_int_equal(findings_count(findings, FINDING_UNAVAILABLE, true), 1);
	findings_free(findings);
}

static void roles_decide_what_a_signer_may_sign(void **state)
{
	static const struct {
		enum signed_type type;
		bool agent, operator, validator, pruner;
	} rows[] = {
		{ SIGNED_HEADER, true, false, false, false },   { SIGNED_INDEX, true, false, false, true },
		{ SIGNED_SEAL, true, true, false, false },      { SIGNED_INTENT, true, false, false, true },
		{ SIGNED_CONDEMNED, true, false, false, true }, { SIGNED_LEASE, true, false, false, true },
	};
	struct made *m = *state;
	const struct secret_key *keys[] = { m->agent, m->operator, m->validator, m->pruner };
	struct secret_key *stranger = key_generate(ROLE_AGENT);

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const bool may[] = { rows[i].agent, rows[i].operator, rows[i].validator, rows[i].pruner };

		for (size_t k = 0; k < 5; k++) {
			_buf_ struct buf body = { 0 }, object = { 0 };
			struct signed_view view;
			const struct signer *signer;

			buf_init(&body, 100, "body");
			buf_init(&object, 1000, "object");
			assert_int_equal(buf_append(&body, "body", 4), 0);
			assert_int_equal(signed_encode(rows[i].type, k < 4 ? keys[k] : stranger, &body, &object), 0);
			int code = trust_open(&m->trust, rows[i].type, object.data, object.len, "test", &view, &signer);
			assert_int_equal(code, k < 4 && may[k] ? 0 : ERR_INTEGRITY);
			object.data[object.len - 1] ^= 1;
			assert_int_not_equal(
				trust_open(&m->trust, rows[i].type, object.data, object.len, "test", &view, &signer),
				0);
		}
	}
	secret_free(stranger);
}

static void signers_come_from_files_and_keep_to_their_role(void **state)
{
	struct made *m = *state;
	char path[2][128];
	const char *paths[] = { path[0], path[1] };
	struct config_signer signer = { .name = (char *)(uintptr_t) "host", .key = path[0], .roles = 1u << ROLE_AGENT };
	struct config config = { .signers = &signer, .signer_count = 1 };
	struct trust trust;

	assert_int_equal(key_save(m->folder, m->agent, NULL), 0);
	snprintf(path[0], sizeof path[0], "%s/agent.pub", m->folder);
	snprintf(path[1], sizeof path[1], "%s/absent.pub", m->folder);
	assert_int_equal(trust_load_files(paths, 1, &trust), 0);
	assert_int_equal(trust.signers[0].roles, 1u << ROLE_AGENT);
	assert_non_null(trust_find(&trust, m->agent->public.id));
	assert_null(trust_find(&trust, m->pruner->public.id));
	trust_release(&trust);
	assert_int_equal(trust_load_files(paths, 2, &trust), ERR_MISSING);

	assert_int_equal(trust_load(&config, &trust), 0);
	assert_string_equal(trust.signers[0].name, "host");
	assert_false(signer_revoked(&trust.signers[0]));
	trust_release(&trust);

	static char dataset[] = "sms", header[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
		    none[] = "none";
	static const uint8_t zero[DIGEST_SIZE] = { 0 };
	struct config_revocation row = { .dataset = dataset, .header = header, .index = none };
	signer.revoked_after = &row;
	signer.revoked_count = 1;
	assert_int_equal(trust_load(&config, &trust), 0);
	assert_true(signer_revoked(&trust.signers[0]));
	assert_null(signer_revocation(&trust.signers[0], "calls"));
	assert_int_equal(signer_revocation(&trust.signers[0], "sms")->header[1], 0x11);
	assert_memory_equal(signer_revocation(&trust.signers[0], "sms")->index, zero, DIGEST_SIZE);
	trust_release(&trust);
	signer.roles |= 1u << ROLE_OPERATOR;
	assert_int_equal(trust_load(&config, &trust), ERR_USAGE);
	signer.key = path[1];
	assert_int_equal(trust_load(&config, &trust), ERR_USAGE);
}

static int open_kept_catalogue(struct made *m)
{
	char urls[2][128], catalog[128];
	struct zone_place places[2] = { { .name = "z0", .url = urls[0] }, { .name = "z1", .url = urls[1] } };
	struct repo_options options = { .dataset = DATASET,
					.trust = &m->trust,
					.places = places,
					.place_count = 2,
					.writing = true,
					.catalog = catalog };

	snprintf(catalog, sizeof catalog, "%s/catalog", m->folder);
	for (unsigned i = 0; i < 2; i++)
		snprintf(urls[i], sizeof urls[i], "file://%s/z%u", m->folder, i);
	made_close(m);
	m->findings = findings_new();
	int code = repo_open(&options, m->findings, &m->repo);
	return code == 0 ? repo_load(m->repo) : code;
}

static void a_catalogue_that_learned_from_a_former_signer_is_made_anew(void **state)
{
	struct made *m = *state;
	struct signer *agent = &m->trust.signers[0], *pruner = &m->trust.signers[3];
	const struct signer was = *agent, last = *pruner;
	struct secret_key *other = key_generate(ROLE_AGENT);

	made_snapshot(m, 3, now - DAY, now + DAY);
	/* Who comes later is noted too. */
	m->trust.count = 3;
	assert_int_equal(open_kept_catalogue(m), 0);
	m->trust.count = 4;
	assert_int_equal(open_kept_catalogue(m), 0);
	*agent = last;
	*pruner = was;
	assert_int_equal(open_kept_catalogue(m), 0);
	*agent = was;
	*pruner = last;

	m->trust.count = 3;
	assert_int_equal(open_kept_catalogue(m), ERR_FORMAT);
	assert_non_null(strstr(err_message(), "which no configured signer has any more"));
	m->trust.count = 4;
	agent->key = other->public;
	assert_int_equal(open_kept_catalogue(m), ERR_FORMAT);
	agent->key = was.key;
	agent->roles = 1u << ROLE_OPERATOR;
	assert_int_equal(open_kept_catalogue(m), ERR_FORMAT);
	agent->roles = was.roles;
	assert_int_equal(open_kept_catalogue(m), 0);
	secret_free(other);
}

static void findings_are_told_once_and_decide_the_exit_status(void **state)
{
	static const struct {
		enum finding_kind kind;
		int status, for_check;
	} rows[] = {
		{ FINDING_NOTE, EXIT_DONE, EXIT_DONE },
		{ FINDING_UNAVAILABLE, EXIT_DEGRADED, EXIT_DEGRADED },
		{ FINDING_LAG, EXIT_DEGRADED, EXIT_DEGRADED },
		{ FINDING_SKIPPED, EXIT_DEGRADED, EXIT_DEGRADED },
		{ FINDING_REFUSED, EXIT_DEGRADED, EXIT_DEGRADED },
		{ FINDING_FORGED, EXIT_DEGRADED, EXIT_INTEGRITY },
		{ FINDING_ROLLED_BACK, EXIT_DEGRADED, EXIT_INTEGRITY },
		{ FINDING_MISSING, EXIT_DEGRADED, EXIT_INTEGRITY },
		{ FINDING_DAMAGED, EXIT_DEGRADED, EXIT_INTEGRITY },
		{ FINDING_LOST, EXIT_INTEGRITY, EXIT_INTEGRITY },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct findings *f = findings_new();

		assert_int_equal(findings_exit(f, true), EXIT_DONE);
		for (int k = 0; k < 3; k++)
			findings_add(f, rows[i].kind, "z0", k == 2 ? "other" : "object", "%s",
				     finding_kind_name(rows[i].kind));
		assert_int_equal(findings_total(f), 2);
		assert_int_equal(findings_exit(f, false), rows[i].status);
		assert_int_equal(findings_exit(f, true), rows[i].for_check);
		findings_heal(f, "z0", "object");
		assert_int_equal(findings_count(f, rows[i].kind, true), 1);
		assert_int_equal(findings_count(f, rows[i].kind, false), 2);
		findings_heal(f, "z0", "other");
		assert_int_equal(findings_exit(f, true), EXIT_DONE);

		findings_add(f, rows[i].kind, "z1", NULL, "as a whole");
		findings_heal_zone(f, rows[i].kind, "z0");
		assert_int_equal(findings_exit(f, true), rows[i].for_check);
		findings_heal_zone(f, rows[i].kind, "z1");
		assert_int_equal(findings_exit(f, true), EXIT_DONE);
		findings_free(f);
	}
}

static void findings_are_json(void **state)
{
	struct findings *f = findings_new();
	struct json *j = json_new();
	_buf_ struct buf text;

	(void)state;
	findings_add(f, FINDING_MISSING, "z0", "sms/packs/x", "is not there");
	findings_add(f, FINDING_NOTE, NULL, NULL, "worth knowing");
	findings_heal(f, "z0", "sms/packs/x");
	json_object(j);
	findings_json(f, j, "findings");
	json_close_object(j);
	buf_init(&text, 1000, "json");
	assert_int_equal(json_take(j, &text), 0);
	assert_int_equal(buf_terminate(&text), 0);
	assert_string_equal((char *)text.data, "{\"findings\":[{\"kind\":\"missing\",\"zone\":\"z0\",\"object\":\"sms/"
					       "packs/x\",\"text\":\"is not there\","
					       "\"healed\":true},{\"kind\":\"note\",\"zone\":null,\"object\":null,"
					       "\"text\":\"worth knowing\",\"healed\":false}]}\n");
	json_free(j);
	findings_free(f);
}

static void a_large_index_comes_by_pieces(void **state)
{
	struct made *m = *state;
	const uint32_t count = 20000; /* more than a megabyte */
	struct index_pack *rows = calloc(count, sizeof *rows);
	char name[OBJECT_NAME_MAX];

	assert_non_null(rows);
	made_snapshot(m, 3, now - DAY, now + DAY);
	for (uint32_t i = 0; i < count; i++) {
		rows[i] = (struct index_pack){ .size = 1000, .footer = 100, .kind = KIND_CONTENT };
		rows[i].name[0] = (uint8_t)(i >> 16);
		rows[i].name[1] = (uint8_t)(i >> 8);
		rows[i].name[2] = (uint8_t)i;
	}
	put_index(m, 3, rows, count, NULL, 0, name);
	free(rows);
	made_open(m);
	assert_int_equal(m->repo->chains[0].seq, 2);
	assert_int_equal(m->repo->unplaced_count, count);
	/* One byte of it is wrong in one zone: the other's counts, and it is told. */
	flip(m, 0, name);
	made_open(m);
	assert_int_equal(m->repo->unplaced_count, count);
	assert_true(has_finding(m, FINDING_DAMAGED, "z0", name));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_zones(zones_are_merged_by_snapshot_and_pack),
		in_zones(a_condemned_pack_counts_nowhere),
		in_zones(a_withdrawal_of_what_is_needed_is_refused),
		in_zones(what_no_index_names_is_an_orphan),
		in_zones(a_large_index_comes_by_pieces),
		cmocka_unit_test(an_intent_counts_only_past_expiry_and_by_a_role_that_may),
		in_zones(a_snapshot_of_which_only_the_intent_is_left_explains_the_gap),
		in_zones(headers_from_the_future_are_quarantined_and_never_the_newest),
		in_zones(what_is_under_the_name_of_another_is_refused),
		in_zones(a_zone_that_serves_less_than_before_is_rolled_back),
		in_zones(a_footer_comes_from_the_zone_that_has_it_whole),
		in_zones(a_walk_needs_no_key_and_says_what_lacks),
		in_zones(no_zone_at_all_is_an_error),
		in_zones(roles_decide_what_a_signer_may_sign),
		in_zones(signers_come_from_files_and_keep_to_their_role),
		in_zones(a_catalogue_that_learned_from_a_former_signer_is_made_anew),
		cmocka_unit_test(findings_are_told_once_and_decide_the_exit_status),
		cmocka_unit_test(findings_are_json),
	};

	assert_int_equal(secret_init(), 0);
	now = clock_now();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
