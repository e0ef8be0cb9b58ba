#include "hand_made.h"

#include "repo/fetch.h"

/* One chunk of content in pack 0, one entries node (with its chunk as child) in pack 1. */
struct made {
	struct hand hand;
	struct hand_ref content, node;
	struct header header;
	uint8_t bytes[5000];
};

static int set_up_padded_or_not(void **state, bool padded)
{
	struct made *m = xcalloc(1, sizeof *m);
	struct node_writer *w = node_writer_new();
	struct entry e = { .path = "", .type = ENTRY_FOLDER };

	hand_open(&m->hand);
	m->hand.padded = padded;
	hand_bytes(7, m->bytes, sizeof m->bytes);
	m->content = hand_chunk(&m->hand, KIND_CONTENT, m->bytes, sizeof m->bytes, NULL, 0);
	node_writer_reset(w, NODE_ENTRIES, 0);
	hand_child(w, &m->content);
	assert_int_equal(node_add_entry(w, &e), 0);
	m->node = hand_node(&m->hand, w, sizeof m->bytes);
	node_writer_free(w);
	*state = m;
	return 0;
}

static int set_up(void **state)
{
	return set_up_padded_or_not(state, false);
}

static int set_up_padded(void **state)
{
	return set_up_padded_or_not(state, true);
}

static int tear_down(void **state)
{
	struct made *m = *state;

	hand_close(&m->hand);
	free(m);
	return 0;
}

static struct repo *publish(struct made *m)
{
	hand_publish(&m->hand, clock_now() - 60, &m->node, &m->header);
	return hand_repo(&m->hand);
}

static int fetch(struct fetcher *f, const struct made *m, uint8_t *out)
{
	struct blob_codec *codec = blob_codec_new(CHUNK_MAX, 3);
	int code = fetch_chunk(f, codec, NULL, KIND_CONTENT, m->content.id, m->content.key, m->content.size, out);

	blob_codec_free(codec);
	return code;
}

static void a_chunk_comes_from_the_first_zone_when_all_is_well(void **state)
{
	struct made *m = *state;
	struct repo *r = publish(m);
	struct fetcher *f = fetcher_new(r, -1);
	uint8_t out[sizeof m->bytes];

	fetcher_expect(f, HAND_BOTH);
	assert_int_equal(fetch(f, m, out), 0);
	assert_memory_equal(out, m->bytes, sizeof out);
	assert_true(fetcher_bytes(f, 0) > 0);
	assert_int_equal(fetcher_bytes(f, 1), 0);
	assert_ptr_equal(fetcher_repo(f), r);
	assert_int_equal(findings_total(m->hand.findings), 0);
	fetcher_free(f);
	fetcher_free(NULL);
	repo_close(r);
}

static void trouble_of_one_zone_is_told_once_and_the_other_gives_the_chunk(void **state)
{
	struct made *m = *state;

	for (int row = 0; row < 4; row++) {
		uint8_t out[sizeof m->bytes];
		char path[512];

		struct repo *r = row == 0 ? publish(m) : hand_repo(&m->hand);
		if (row == 0)
			hand_damage(&m->hand, 0, 0);
		else if (row == 1)
			hand_delete_pack(&m->hand, 0, 0); /* behind the listing's back */
		else if (row == 2)
			assert_int_equal(repo_pack_bits(r, 0) & PACK_IN_0, 0); /* as listed */
		struct fetcher *f = fetcher_new(r, -1);
		fetcher_expect(f, row == 3 ? 0 : HAND_BOTH);
		findings_free(m->hand.findings);
		r->findings = m->hand.findings = findings_new();
		for (int again = 0; again < 3; again++) {
			memset(out, 0, sizeof out);
			assert_int_equal(fetch(f, m, out), 0);
			assert_memory_equal(out, m->bytes, sizeof out);
		}
		assert_int_equal(findings_count(m->hand.findings, FINDING_DAMAGED, false), row == 0);
		assert_int_equal(findings_count(m->hand.findings, FINDING_MISSING, false), row == 1 || row == 2);
		assert_int_equal(findings_total(m->hand.findings), row < 3);
		if (row < 3) {
			const struct finding *finding = findings_at(m->hand.findings, 0);

			assert_string_equal(finding->zone, "az1");
			hand_pack_path(&m->hand, 0, 0, path);
			assert_non_null(strstr(path, finding->object));
		}
		assert_int_equal(fetcher_bytes(f, 0), 0);
		assert_true(fetcher_bytes(f, 1) > 0);
		fetcher_free(f);
		repo_close(r);
	}
}

static void a_chunk_that_no_zone_has_whole_is_lost_and_says_why(void **state)
{
	struct made *m = *state;
	struct repo *r = publish(m);
	struct fetcher *f = fetcher_new(r, -1);
	uint8_t out[sizeof m->bytes];

	hand_damage(&m->hand, 0, 0);
	hand_delete_pack(&m->hand, 1, 0);
	assert_int_equal(fetch(f, m, out), ERR_INTEGRITY);
	assert_non_null(strstr(err_message(), "in no zone whole"));
	assert_true(fetch_lost(ERR_INTEGRITY) && fetch_lost(ERR_MISSING) && !fetch_lost(0) && !fetch_lost(ERR_SYSTEM));
	assert_int_equal(findings_count(m->hand.findings, FINDING_DAMAGED, false), 1);
	assert_int_equal(findings_count(m->hand.findings, FINDING_MISSING, false), 1);
	fetcher_free(f);
	repo_close(r);
}

static void one_zone_alone_is_asked_when_told_so(void **state)
{
	struct made *m = *state;
	struct repo *r = publish(m);
	struct fetcher *f = fetcher_new(r, 1);
	uint8_t out[sizeof m->bytes];

	assert_int_equal(fetch(f, m, out), 0);
	assert_int_equal(fetcher_bytes(f, 0), 0);
	hand_damage(&m->hand, 1, 0);
	assert_int_equal(fetch(f, m, out), ERR_INTEGRITY);
	assert_non_null(strstr(err_message(), "this zone"));
	fetcher_free(f);
	repo_close(r);
}

static void a_truncated_pack_still_gives_what_is_before_its_end(void **state)
{
	struct made *m = *state;
	uint8_t out[sizeof m->bytes];
	char path[512];

	repo_close(publish(m));
	hand_delete_pack(&m->hand, 1, 0);
	/* The catalogue of a reader is made from footers: one zone must have it whole when it is loaded. */
	struct repo *r = hand_repo(&m->hand);
	hand_pack_path(&m->hand, 0, 0, path);
	assert_int_equal(truncate(path, m->hand.packs[0].size - 20), 0);
	repo_set_pack_bits(r, 0, 0);
	repo_set_pack_bits(r, 1, 0);
	struct fetcher *f = fetcher_new(r, -1);
	assert_int_equal(fetch(f, m, out), 0);
	assert_memory_equal(out, m->bytes, sizeof out);
	fetcher_free(f);
	repo_close(r);
}

static void what_a_parent_says_must_be_true(void **state)
{
	struct made *m = *state;
	struct repo *r = publish(m);
	struct fetcher *f = fetcher_new(r, -1);
	struct blob_codec *codec = blob_codec_new(CHUNK_MAX, 3);
	uint8_t out[sizeof m->bytes + 1];
	const struct {
		enum kind kind;
		const uint8_t *id, *key;
		uint64_t size;
		int code;
		const char *says;
	} rows[] = {
		{ KIND_CONTENT, m->content.id, m->node.key, sizeof m->bytes, ERR_INTEGRITY, "another chunk's" },
		{ KIND_CONTENT, m->content.id, m->content.key, sizeof m->bytes + 1, ERR_INTEGRITY,
		  "another kind or length" },
		{ KIND_NODE, m->content.id, m->content.key, sizeof m->bytes, ERR_INTEGRITY, "another kind or length" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_int_equal(fetch_chunk(f, codec, NULL, rows[i].kind, rows[i].id, rows[i].key, rows[i].size, out),
				 rows[i].code);
		assert_non_null(strstr(err_message(), rows[i].says));
	}
	/* A chunk that nobody has ever heard of. */
	uint8_t key[KEY_SIZE] = { 1 }, id[ID_SIZE];
	struct fetched_node node;
	chunk_id(key, id);
	assert_int_equal(fetch_chunk(f, codec, NULL, KIND_CONTENT, id, key, 5, out), ERR_MISSING);
	assert_int_equal(fetch_node(f, codec, id, key, &node), ERR_MISSING);
	/* None of it is the zones' fault. */
	assert_int_equal(findings_total(m->hand.findings), 0);
	blob_codec_free(codec);
	fetcher_free(f);
	repo_close(r);
}

static void a_node_comes_with_its_children_compared(void **state)
{
	struct made *m = *state;
	struct repo *r = publish(m);
	struct fetcher *f = fetcher_new(r, -1);
	struct blob_codec *codec = blob_codec_new(CHUNK_MAX, 3);
	struct fetched_node node;

	assert_int_equal(fetch_node(f, codec, m->node.id, m->node.key, &node), 0);
	assert_int_equal(node.node.type, NODE_ENTRIES);
	assert_int_equal(node.node.child_count, 1);
	assert_memory_equal(node.node.children[0].id, m->content.id, ID_SIZE);
	fetched_node_release(&node);
	fetched_node_release(&node);
	blob_codec_free(codec);
	fetcher_free(f);
	repo_close(r);
}

static void a_node_whose_clear_children_are_others_is_refused(void **state)
{
	struct made *m = *state;
	struct node_writer *w = node_writer_new();
	struct entry e = { .path = "", .type = ENTRY_FOLDER, .mtime = 1 };
	struct fetched_node node;

	m->hand.wrong_clear_ids = true;
	node_writer_reset(w, NODE_ENTRIES, 0);
	hand_child(w, &m->content);
	assert_int_equal(node_add_entry(w, &e), 0);
	struct hand_ref wrong = hand_node(&m->hand, w, sizeof m->bytes);
	node_writer_free(w);
	struct repo *r = publish(m);
	struct fetcher *f = fetcher_new(r, -1);
	struct blob_codec *codec = blob_codec_new(CHUNK_MAX, 3);
	assert_int_equal(fetch_node(f, codec, wrong.id, wrong.key, &node), ERR_INTEGRITY);
	assert_null(node.plain);
	blob_codec_free(codec);
	fetcher_free(f);
	repo_close(r);
}

static void a_zone_that_stopped_answering_is_asked_last(void **state)
{
	struct made *m = *state;
	struct repo *r = publish(m);
	struct fetcher *f = fetcher_new(r, -1);
	uint8_t out[sizeof m->bytes];

	/* The zone's folder is gone, not only a pack of it. */
	hand_remove_dir(m->hand.az1);
	for (int i = 0; i < 3; i++)
		assert_int_equal(fetch(f, m, out), 0);
	assert_int_equal(findings_count(m->hand.findings, FINDING_UNAVAILABLE, false), 1);
	assert_true(fetcher_bytes(f, 1) > 0);
	fetcher_free(f);
	repo_close(r);
}

static void padded_chunks_and_nodes_come_at_their_own_length(void **state)
{
	struct made *m = *state;
	struct blob_codec *codec = blob_codec_new(CHUNK_MAX, 3);
	struct fetched_node node;
	uint8_t out[sizeof m->bytes];

	/* Once more without padding, in packs of their own: what the one and what the other says of lengths is taken. */
	hand_flush_pack(&m->hand, KIND_CONTENT);
	m->hand.padded = false;
	(void)hand_chunk(&m->hand, KIND_CONTENT, m->bytes, sizeof m->bytes, NULL, 0);
	struct repo *r = publish(m);
	struct fetcher *f = fetcher_new(r, -1);
	for (int turn = 0; turn < 2; turn++) {
		assert_int_equal(fetch(f, m, out), 0);
		assert_memory_equal(out, m->bytes, sizeof out);
		assert_int_equal(fetch_node(f, codec, m->node.id, m->node.key, &node), 0);
		assert_int_equal(node.node.bytes, sizeof m->bytes);
		assert_true(node.len > 0);
		fetched_node_release(&node);
		if (turn == 0) /* and the padded one alone */
			hand_delete_pack(&m->hand, 1, 0), hand_delete_pack(&m->hand, 1, 1);
	}
	assert_true(findings_count(m->hand.findings, FINDING_MISSING, false) <= 2);
	blob_codec_free(codec);
	fetcher_free(f);
	repo_close(r);
}

/* Lengths that pad to the same pass for the chunk's until it is open. Then the parent is wrong, and no zone is. */
static void a_padded_chunk_of_another_length_than_its_parent_says_is_refused(void **state)
{
	static const struct {
		uint64_t size;
		const char *says;
	} rows[] = { { 4999, "another length than its parent says" },
		     { 5001, "another length than its parent says" },
		     { 5120, "another length than its parent says" },
		     { 5121, "another kind or length" },
		     { 4864, "another kind or length" } };
	struct made *m = *state;
	struct repo *r = publish(m);
	struct fetcher *f = fetcher_new(r, -1);
	struct blob_codec *codec = blob_codec_new(CHUNK_MAX, 3);

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint8_t *out = xmalloc(rows[i].size);

		assert_int_equal(
			fetch_chunk(f, codec, NULL, KIND_CONTENT, m->content.id, m->content.key, rows[i].size, out),
			ERR_INTEGRITY);
		assert_non_null(strstr(err_message(), rows[i].says));
		free(out);
	}
	assert_int_equal(findings_total(m->hand.findings), 0);
	blob_codec_free(codec);
	fetcher_free(f);
	repo_close(r);
}

#define test_padded(name) cmocka_unit_test_setup_teardown(name, set_up_padded, tear_down)
#define test(name)        cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_chunk_comes_from_the_first_zone_when_all_is_well),
		test(trouble_of_one_zone_is_told_once_and_the_other_gives_the_chunk),
		test(a_chunk_that_no_zone_has_whole_is_lost_and_says_why),
		test(one_zone_alone_is_asked_when_told_so),
		test(a_truncated_pack_still_gives_what_is_before_its_end),
		test(what_a_parent_says_must_be_true),
		test(a_node_comes_with_its_children_compared),
		test(a_node_whose_clear_children_are_others_is_refused),
		test(a_zone_that_stopped_answering_is_asked_last),
		test_padded(padded_chunks_and_nodes_come_at_their_own_length),
		test_padded(a_padded_chunk_of_another_length_than_its_parent_says_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
