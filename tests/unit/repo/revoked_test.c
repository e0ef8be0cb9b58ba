/* Keys that were stolen and revoked: what they signed before goes on to count, and nothing else. */
#include "made.h"

#include "base/alloc.h"
#include "repo/history.h"
#include "repo/revoked.h"

#define BOTH 3

static int64_t now;

static struct signer *agent_of(struct made *m)
{
	return &m->trust.signers[0];
}

/* header, index: NULL for none. */
static void revoke_key(struct made *m, const char *dataset, const uint8_t *header, const uint8_t *index)
{
	struct signer *s = agent_of(m);

	for (size_t i = 0; i < s->revoked_count; i++)
		free(s->revoked[i].dataset);
	free(s->revoked);
	s->revoked = xcalloc(1, sizeof *s->revoked);
	s->revoked_count = 1;
	s->revoked[0].dataset = xstrdup(dataset);
	if (header != NULL)
		memcpy(s->revoked[0].header, header, DIGEST_SIZE);
	if (index != NULL)
		memcpy(s->revoked[0].index, index, DIGEST_SIZE);
}

/* Two nights; revoked after them; and a third, of the thief. */
struct theft {
	struct made_snapshot *first, *second, *thiefs;
	uint8_t index[DIGEST_SIZE];
};

static struct theft stolen(struct made *m)
{
	struct theft t;

	t.first = made_snapshot(m, BOTH, now - 3 * DAY, now + DAY);
	t.second = made_snapshot(m, BOTH, now - 2 * DAY, now + DAY);
	memcpy(t.index, m->index_hash, DIGEST_SIZE);
	t.thiefs = made_snapshot(m, BOTH, now - DAY, now + DAY);
	revoke_key(m, DATASET, t.second->hash, t.index);
	return t;
}

static void what_was_signed_before_counts_and_what_came_later_does_not(void **state)
{
	struct made *m = *state;
	struct theft t = stolen(m);
	uint32_t number;

	made_open(m);
	assert_int_equal(m->repo->snapshot_count, 2);
	assert_non_null(repo_find(m->repo, t.first->header.id));
	assert_true(snapshot_live(repo_find(m->repo, t.second->header.id)));
	assert_null(repo_find(m->repo, t.thiefs->header.id));
	assert_int_equal(m->repo->index_count, 2);
	assert_int_equal(m->repo->chains[0].seq, 2);
	assert_int_equal(catalog_find_pack(m->repo->catalog, t.second->content.name, &number), 0);
	assert_int_equal(catalog_find_pack(m->repo->catalog, t.thiefs->content.name, &number), ERR_MISSING);
	for (unsigned zone = 0; zone < 2; zone++) {
		const char *name = m->repo->zones[zone].name;

		assert_true(has_finding(m, FINDING_REVOKED, name, t.thiefs->header_name));
		assert_true(has_finding(m, FINDING_REVOKED, name, t.thiefs->index_name));
	}
	assert_int_equal(findings_count(m->findings, FINDING_REVOKED, false), 4);
	assert_int_equal(findings_total(m->findings), 4);
	assert_int_equal(findings_exit(m->findings, false), EXIT_DEGRADED);
	assert_int_equal(findings_exit(m->findings, true), EXIT_INTEGRITY);
	/* It stops nothing. */
	assert_true(m->repo->complete);
	assert_false(m->repo->chain_broken);
}

/* Signs a header anew, changed. */
static void forge_header(struct made *m, struct made_snapshot *like, void (*change)(struct header *h),
			 char name[OBJECT_NAME_MAX])
{
	struct header h = like->header;
	_buf_ struct buf body = { 0 };

	change(&h);
	buf_init(&body, HEADER_MAX, "body");
	assert_int_equal(header_encode(&h, &body), 0);
	put_signed(m, BOTH, SIGNED_HEADER, m->agent, &body, name_header(DATASET, h.taken_at, h.id, name), NULL);
}

static void another_of_the_same_parent(struct header *h)
{
	random_bytes(h->id, sizeof h->id);
}

static void an_older_one_of_the_same_id(struct header *h)
{
	h->taken_at -= 100;
	h->expires_at = 0;
}

static void one_without_parents(struct header *h)
{
	random_bytes(h->id, sizeof h->id);
	memset(h->previous, 0, DIGEST_SIZE);
	h->seq = 1;
}

static void forks_from_the_ancestry_do_not_count(void **state)
{
	static void (*const changes[])(struct header *) = { another_of_the_same_parent, an_older_one_of_the_same_id,
							    one_without_parents };
	struct made *m = *state;
	struct theft t = stolen(m);
	char name[OBJECT_NAME_MAX];

	for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
		forge_header(m, t.second, changes[i], name);
		made_open(m);
		assert_int_equal(m->repo->snapshot_count, 2);
		assert_true(has_finding(m, FINDING_REVOKED, "z0", name));
		assert_false(m->repo->chain_broken);
		assert_false(repo_find(m->repo, t.second->header.id)->disputed);
		assert_memory_equal(repo_find(m->repo, t.second->header.id)->hash, t.second->hash, DIGEST_SIZE);
	}

	/* An index beside a genuine one, that withdraws what is needed. */
	m->index_seq = 1;
	memset(m->index_hash, 0, DIGEST_SIZE);
	put_index(m, BOTH, NULL, 0, &t.first->content.name, 1, name);
	made_open(m);
	assert_true(has_finding(m, FINDING_REVOKED, "z1", name));
	assert_int_equal(findings_count(m->findings, FINDING_REFUSED, false), 0);
	assert_int_equal(m->repo->index_count, 2);
	assert_false(m->repo->chain_broken);
}

static void a_copy_of_the_last_index_under_another_number_misleads_nobody(void **state)
{
	struct made *m = *state;
	struct theft t = stolen(m);
	_buf_ struct buf bytes = { 0 };
	char low[OBJECT_NAME_MAX], high[OBJECT_NAME_MAX];

	load_file(path_in(m, 0, t.second->index_name), &bytes);
	put_in(m, BOTH, name_index(DATASET, m->agent->public.id, 1, t.index, low), bytes.data, bytes.len);
	put_in(m, BOTH, name_index(DATASET, m->agent->public.id, 128, t.index, high), bytes.data, bytes.len);
	made_open(m);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(m->repo->index_count, 2);
		assert_int_equal(m->repo->chains[0].seq, 2);
		assert_false(m->repo->chain_broken);
		assert_true(has_finding(m, FINDING_REVOKED, "z0", low) && has_finding(m, FINDING_REVOKED, "z0", high));
		assert_int_equal(repo_load(m->repo), 0);
	}
}

static void leases_and_marks_of_a_revoked_key_count_no_more(void **state)
{
	struct made *m = *state;
	struct theft t = stolen(m);
	char name[OBJECT_NAME_MAX];

	put_mark(m, BOTH, t.first->content.name, m->agent, name);
	made_open(m);
	assert_int_equal(m->repo->mark_count, 0);
	assert_true(has_finding(m, FINDING_REVOKED, "z0", name));
}

static void an_intent_of_a_revoked_key_is_a_record_as_ever(void **state)
{
	struct made *m = *state;
	struct made_snapshot *first = made_snapshot(m, BOTH, now - 3 * DAY, now - DAY),
			     *second = made_snapshot(m, BOTH, now - 2 * DAY, now + DAY), *thiefs;
	char names[3][OBJECT_NAME_MAX];
	uint8_t index[DIGEST_SIZE];

	memcpy(index, m->index_hash, DIGEST_SIZE);
	thiefs = made_snapshot(m, BOTH, now - 2 * DAY + 1, now - DAY);
	revoke_key(m, DATASET, second->hash, index);
	put_intent(m, BOTH, first, m->agent, names[0]);
	put_intent(m, BOTH, second, m->agent, names[1]);
	put_intent(m, BOTH, thiefs, m->agent, names[2]);
	made_open(m);
	assert_int_equal(m->repo->snapshot_count, 2);
	assert_int_equal(repo_find(m->repo, first->header.id)->intents, BOTH);
	assert_true(snapshot_live(repo_find(m->repo, second->header.id)));
	assert_true(has_finding(m, FINDING_REFUSED, "z0", names[1]));
	assert_true(has_finding(m, FINDING_REVOKED, "z0", names[2]));

	/* What only an intent holds of the last header that counts leads to those before. */
	take_away(m, 0, first->header_name);
	take_away(m, 1, first->header_name);
	revoke_key(m, DATASET, first->hash, index);
	made_open(m);
	assert_int_equal(m->repo->snapshot_count, 1);
	assert_int_equal(repo_find(m->repo, first->header.id)->intents, BOTH);
}

static void without_the_objects_up_to_which_it_counts_collection_waits(void **state)
{
	struct made *m = *state;
	struct theft t = stolen(m);
	uint8_t wrong[DIGEST_SIZE] = { 1 };

	revoke_key(m, DATASET, wrong, t.index);
	made_open(m);
	assert_int_equal(m->repo->snapshot_count, 0);
	assert_true(m->repo->chain_broken);
	assert_true(has_finding(m, FINDING_MISSING, NULL, NULL));

	revoke_key(m, DATASET, t.second->hash, wrong);
	made_open(m);
	assert_int_equal(m->repo->snapshot_count, 2);
	assert_int_equal(m->repo->index_count, 0);
	assert_true(m->repo->chain_broken);

	/* Damaged in one zone, or in both. */
	revoke_key(m, DATASET, t.second->hash, t.index);
	flip(m, 0, t.second->header_name);
	flip(m, 0, t.second->index_name);
	made_open(m);
	assert_int_equal(m->repo->snapshot_count, 2);
	assert_int_equal(m->repo->index_count, 2);
	assert_false(m->repo->chain_broken);
	flip(m, 1, t.second->index_name);
	made_open(m);
	assert_true(m->repo->chain_broken);
	flip(m, 1, t.second->index_name);
	flip(m, 1, t.second->header_name);
	made_open(m);
	assert_int_equal(m->repo->snapshot_count, 0);
	assert_true(m->repo->chain_broken);
}

static void a_dataset_of_which_nothing_is_said_waits_too(void **state)
{
	struct made *m = *state;

	stolen(m);
	revoke_key(m, "another", NULL, NULL);
	made_open(m);
	assert_int_equal(m->repo->snapshot_count + m->repo->index_count, 0);
	assert_true(m->repo->chain_broken);
	assert_true(has_finding(m, FINDING_MISSING, NULL, NULL));

	/* None: on purpose. */
	revoke_key(m, DATASET, NULL, NULL);
	made_open(m);
	assert_int_equal(m->repo->snapshot_count + m->repo->index_count, 0);
	assert_int_equal(findings_count(m->findings, FINDING_MISSING, false), 0);
	assert_int_equal(findings_count(m->findings, FINDING_REVOKED, false), 12);
}

/* The key that follows on it. */
static void use_new_key(struct made *m)
{
	struct secret_key *old = m->agent;

	m->agent = key_generate(ROLE_AGENT);
	m->trust.signers = xrealloc(m->trust.signers, m->trust.count + 1, sizeof *m->trust.signers);
	m->trust.signers[m->trust.count++] = (struct signer){ .name = xstrdup("new"),
							      .key = m->agent->public,
							      .roles = 1u << ROLE_AGENT };
	secret_free(old);
	m->index_seq = 0;
	memset(m->index_hash, 0, DIGEST_SIZE);
}

static void once_all_that_counted_is_gone_a_forgery_stops_nothing(void **state)
{
	struct made *m = *state;
	struct made_snapshot *old = made_snapshot(m, BOTH, now - 5 * DAY, now - DAY), *thiefs, *next;
	uint8_t index[DIGEST_SIZE];

	memcpy(index, m->index_hash, DIGEST_SIZE);
	revoke_key(m, DATASET, old->hash, index);
	thiefs = made_snapshot(m, BOTH, now - 2 * DAY, now + DAY);
	/* Which follows on the genuine one, not on the thief's. */
	*thiefs = *old;
	m->count = 1;
	use_new_key(m);
	next = made_snapshot(m, BOTH, now - 3 * DAY, now + DAY);
	made_open(m);
	assert_int_equal(m->repo->snapshot_count, 2);
	assert_false(m->repo->chain_broken);
	/* Swept away, intent and all: the thief's is dated behind the first that counts. */
	for (unsigned zone = 0; zone < 2; zone++) {
		take_away(m, zone, old->header_name);
		take_away(m, zone, old->seal_name);
	}
	made_open(m);
	assert_int_equal(m->repo->snapshot_count, 1);
	assert_non_null(repo_find(m->repo, next->header.id));
	assert_int_equal(findings_count(m->findings, FINDING_REVOKED, false), 4);
	assert_false(m->repo->chain_broken);
}

static void one_that_may_be_an_ancestor_of_what_is_lost_is_waited_for(void **state)
{
	struct made *m = *state;
	struct theft t = stolen(m);

	m->count = 2;
	use_new_key(m);
	made_snapshot(m, BOTH, now - DAY, now + DAY);
	made_open(m);
	assert_int_equal(m->repo->snapshot_count, 3);
	assert_false(m->repo->chain_broken);
	for (unsigned zone = 0; zone < 2; zone++)
		take_away(m, zone, t.second->header_name);
	made_open(m);
	assert_int_equal(m->repo->snapshot_count, 1);
	assert_true(m->repo->chain_broken);
}

static void another_agent_that_followed_on_the_thief_leaves_no_gap(void **state)
{
	struct made *m = *state;
	struct theft t = stolen(m);
	struct made_snapshot *last;

	use_new_key(m);
	last = made_snapshot(m, BOTH, now - DAY / 2, now + DAY);
	assert_memory_equal(last->header.previous, t.thiefs->hash, DIGEST_SIZE);
	made_open(m);
	assert_int_equal(m->repo->snapshot_count, 3);
	assert_false(m->repo->chain_broken);
	assert_true(revoked_disowned(m->repo, t.thiefs->hash));
	assert_false(revoked_disowned(m->repo, t.second->hash));
}

/* Indexes up to number 70 of which 64 is a checkpoint; those before are gone. */
static void ancestry_is_told_from_a_checkpoint_on(void **state)
{
	struct made *m = *state;
	struct made_snapshot *only;
	char names[72][OBJECT_NAME_MAX];
	uint8_t last[DIGEST_SIZE];

	only = made_snapshot(m, BOTH, now - DAY, now + DAY);
	struct index_pack packs[2] = { only->content, only->nodes };
	if (memcmp(packs[0].name, packs[1].name, DIGEST_SIZE) > 0) {
		packs[0] = only->nodes;
		packs[1] = only->content;
	}
	m->index_seq = 63;
	struct index index = { .dataset = DATASET,
			       .seq = 64,
			       .made_at = now,
			       .checkpoint = true,
			       .added = packs,
			       .added_count = 2,
			       .headers = &only->hash,
			       .header_count = 1 };
	_buf_ struct buf body = { 0 }, object = { 0 };
	buf_init(&body, INDEX_MAX, "body");
	buf_init(&object, INDEX_MAX, "object");
	memcpy(index.previous, m->index_hash, DIGEST_SIZE);
	assert_int_equal(index_encode(&index, &body), 0);
	assert_int_equal(signed_encode(SIGNED_INDEX, m->agent, &body, &object), 0);
	sha256(object.data, object.len, m->index_hash);
	put_in(m, BOTH, name_index(DATASET, m->agent->public.id, 64, m->index_hash, names[64]), object.data,
	       object.len);
	m->index_seq = 64;
	for (size_t i = 65; i <= 70; i++) {
		put_index(m, BOTH, NULL, 0, NULL, 0, names[i]);
		if (i == 68)
			memcpy(last, m->index_hash, DIGEST_SIZE);
	}
	take_away(m, 0, only->index_name);
	take_away(m, 1, only->index_name);
	revoke_key(m, DATASET, only->hash, last);
	made_open(m);
	assert_int_equal(m->repo->index_count, 5);
	assert_int_equal(m->repo->chains[0].seq, 68);
	assert_false(m->repo->chain_broken);
	assert_true(has_finding(m, FINDING_REVOKED, "z0", names[69]) &&
		    has_finding(m, FINDING_REVOKED, "z0", names[70]));
	/* With what the catalogue knows, nothing is read again. */
	for (size_t i = 64; i <= 68; i++)
		flip(m, 0, names[i]);
	for (size_t i = 64; i <= 68; i++)
		flip(m, 1, names[i]);
	assert_int_equal(repo_load(m->repo), 0);
	assert_int_equal(m->repo->index_count, 5);
	assert_false(m->repo->chain_broken);
}

static int open_kept(struct made *m)
{
	char urls[2][128], catalog[128];
	struct zone_place places[2] = { { .name = "z0", .url = urls[0] }, { .name = "z1", .url = urls[1] } };
	struct repo_options options = {
		.dataset = DATASET, .trust = &m->trust, .places = places, .place_count = 2, .catalog = catalog
	};
	struct findings *findings = findings_new();
	struct repo *r;

	snprintf(catalog, sizeof catalog, "%s/catalog", m->folder);
	for (unsigned i = 0; i < 2; i++)
		snprintf(urls[i], sizeof urls[i], "file://%s/z%u", m->folder, i);
	int code = repo_open(&options, findings, &r);
	if (code == 0)
		code = repo_load(r);
	repo_close(r);
	findings_free(findings);
	return code;
}

static void a_catalogue_of_before_the_revocation_is_made_anew(void **state)
{
	struct made *m = *state;
	struct made_snapshot *first = made_snapshot(m, BOTH, now - DAY, now + DAY);
	uint8_t index[DIGEST_SIZE];

	memcpy(index, m->index_hash, DIGEST_SIZE);
	made_snapshot(m, BOTH, now - DAY + 1, now + DAY);
	assert_int_equal(open_kept(m), 0);
	revoke_key(m, DATASET, first->hash, index);
	assert_int_equal(open_kept(m), ERR_FORMAT);
	assert_non_null(strstr(err_message(), "before that was revoked"));
	_free_ char *catalog = xasprintf("%s/catalog", m->folder);
	assert_int_equal(catalog_destroy(catalog), 0);
	assert_int_equal(open_kept(m), 0);
	assert_int_equal(open_kept(m), 0);
	revoke_key(m, DATASET, NULL, NULL);
	assert_int_equal(open_kept(m), ERR_FORMAT);
}

static void history_says_who_signed_what_and_up_to_where(void **state)
{
	struct made *m = *state;
	struct made_snapshot *first = made_snapshot(m, BOTH, now - 3 * DAY, now + DAY),
			     *second = made_snapshot(m, 1, now - DAY, now + DAY);
	struct history_row *rows;
	struct revocation last;
	uint8_t digest[DIGEST_SIZE];
	size_t count, headers = 0;

	made_open(m);
	assert_int_equal(history_read(m->repo, &rows, &count), 0);
	assert_int_equal(count, 4);
	for (size_t i = 0; i < count; i++) {
		headers += rows[i].what == HISTORY_HEADER;
		assert_ptr_equal(rows[i].signer, agent_of(m));
		assert_int_equal(rows[i].zones, rows[i].seq == 1 ? BOTH : 1);
		assert_true(i == 0 || rows[i - 1].at <= rows[i].at);
	}
	assert_int_equal(headers, 2);
	assert_memory_equal(rows[0].hash, first->hash, DIGEST_SIZE);
	assert_true(history_last(m->repo, rows, count, agent_of(m), now + 10, &last));
	assert_memory_equal(last.header, second->hash, DIGEST_SIZE);
	assert_memory_equal(last.index, m->index_hash, DIGEST_SIZE);
	/* Its index was made later than the night began: it belongs to it all the same. */
	assert_true(history_last(m->repo, rows, count, agent_of(m), now - 2 * DAY, &last));
	assert_memory_equal(last.header, first->hash, DIGEST_SIZE);
	_buf_ struct buf bytes = { 0 };
	load_file(path_in(m, 0, first->index_name), &bytes);
	sha256(bytes.data, bytes.len, digest);
	assert_memory_equal(last.index, digest, DIGEST_SIZE);
	/* All of it came later: that is what the line is to say. */
	static const uint8_t none[DIGEST_SIZE] = { 0 };
	assert_true(history_last(m->repo, rows, count, agent_of(m), now - 5 * DAY, &last));
	assert_memory_equal(last.header, none, DIGEST_SIZE);
	assert_memory_equal(last.index, none, DIGEST_SIZE);
	assert_false(history_last(m->repo, rows, count, &m->trust.signers[3], now, &last));
	free(rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_zones(what_was_signed_before_counts_and_what_came_later_does_not),
		in_zones(forks_from_the_ancestry_do_not_count),
		in_zones(a_copy_of_the_last_index_under_another_number_misleads_nobody),
		in_zones(leases_and_marks_of_a_revoked_key_count_no_more),
		in_zones(an_intent_of_a_revoked_key_is_a_record_as_ever),
		in_zones(without_the_objects_up_to_which_it_counts_collection_waits),
		in_zones(a_dataset_of_which_nothing_is_said_waits_too),
		in_zones(once_all_that_counted_is_gone_a_forgery_stops_nothing),
		in_zones(one_that_may_be_an_ancestor_of_what_is_lost_is_waited_for),
		in_zones(another_agent_that_followed_on_the_thief_leaves_no_gap),
		in_zones(ancestry_is_told_from_a_checkpoint_on),
		in_zones(a_catalogue_of_before_the_revocation_is_made_anew),
		in_zones(history_says_who_signed_what_and_up_to_where),
	};

	assert_int_equal(secret_init(), 0);
	now = clock_now();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
