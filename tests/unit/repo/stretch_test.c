#include "hand_made.h"

#include "repo/stretch.h"

#define CHUNKS 6u
#define LONG   (400u << 10)

/* Some chunks in one pack, of 5000 bytes, with one of 400 KiB before the last; and one in another. */
struct made {
	struct hand hand;
	struct hand_ref chunks[CHUNKS], apart;
	uint8_t *bytes;
	struct blob_codec *codec;
	struct repo *repo;
	struct fetcher *fetcher;
	struct stretch *stretch;
};

static size_t length(unsigned i)
{
	return i == CHUNKS - 2 ? LONG : 5000;
}

static const uint8_t *bytes_of(const struct made *m, unsigned i)
{
	return m->bytes + (size_t)i * LONG;
}

static int set_up(void **state)
{
	struct made *m = xcalloc(1, sizeof *m);
	struct node_writer *w = node_writer_new();
	struct entry e = { .path = "", .type = ENTRY_FOLDER };
	struct header header;

	hand_open(&m->hand);
	m->bytes = xmalloc((size_t)CHUNKS * LONG);
	hand_bytes(7, m->bytes, (size_t)CHUNKS * LONG);
	for (unsigned i = 0; i < CHUNKS; i++)
		m->chunks[i] = hand_chunk(&m->hand, KIND_CONTENT, bytes_of(m, i), length(i), NULL, 0);
	hand_flush_pack(&m->hand, KIND_CONTENT);
	m->apart = hand_chunk(&m->hand, KIND_CONTENT, "apart", 5, NULL, 0);
	node_writer_reset(w, NODE_ENTRIES, 0);
	hand_child(w, &m->chunks[0]);
	assert_int_equal(node_add_entry(w, &e), 0);
	struct hand_ref node = hand_node(&m->hand, w, 5000);
	node_writer_free(w);
	hand_publish(&m->hand, clock_now() - 60, &node, &header);
	m->repo = hand_repo(&m->hand);
	m->fetcher = fetcher_new(m->repo, -1);
	m->codec = blob_codec_new(CHUNK_MAX, 3);
	m->stretch = stretch_new();
	*state = m;
	return 0;
}

static int tear_down(void **state)
{
	struct made *m = *state;

	stretch_free(m->stretch);
	blob_codec_free(m->codec);
	fetcher_free(m->fetcher);
	repo_close(m->repo);
	hand_close(&m->hand);
	free(m->bytes);
	free(m);
	return 0;
}

static bool add(struct made *m, unsigned i)
{
	return stretch_add(m->stretch, m->fetcher, m->chunks[i].id, m->chunks[i].size);
}

static int fetch(struct made *m, unsigned i)
{
	const struct hand_ref *ref = &m->chunks[i];
	_free_ uint8_t *out = xmalloc(ref->size);
	int code = fetch_chunk(m->fetcher, m->codec, m->stretch, KIND_CONTENT, ref->id, ref->key, ref->size, out);

	if (code == 0)
		assert_memory_equal(out, bytes_of(m, i), ref->size);
	return code;
}

static void chunks_that_lie_together_come_with_one_read(void **state)
{
	struct made *m = *state;

	/* Not in order, one twice; the one between them is not wanted. */
	assert_true(add(m, 2));
	assert_true(add(m, 0));
	assert_true(add(m, 3));
	assert_true(add(m, 0));
	stretch_begin(m->stretch, m->fetcher);
	assert_int_equal(fetch(m, 3), 0);
	/* What was read was read. */
	hand_delete_pack(&m->hand, 0, 0);
	hand_delete_pack(&m->hand, 1, 0);
	assert_int_equal(fetch(m, 0), 0);
	assert_int_equal(fetch(m, 2), 0);
	assert_int_equal(findings_total(m->hand.findings), 0);
	/* What was not added, or was used up, is asked for anew. */
	assert_int_equal(fetch(m, 1), ERR_MISSING);
	assert_int_equal(fetch(m, 0), ERR_MISSING);
	assert_int_equal(findings_count(m->hand.findings, FINDING_DAMAGED, false), 0);
}

static void what_lies_elsewhere_is_left_to_another(void **state)
{
	struct made *m = *state;
	const uint8_t unknown[ID_SIZE] = { 1 };

	assert_false(stretch_add(m->stretch, m->fetcher, unknown, 5000));
	assert_false(stretch_add(m->stretch, m->fetcher, m->chunks[0].id, 4999));
	assert_true(add(m, 0));
	assert_false(stretch_add(m->stretch, m->fetcher, m->apart.id, m->apart.size));
	/* Too far away, until what lies between them is wanted as well. */
	assert_false(add(m, CHUNKS - 1));
	assert_true(add(m, CHUNKS - 2));
	assert_true(add(m, CHUNKS - 1));
	stretch_reset(m->stretch);
	assert_true(stretch_add(m->stretch, m->fetcher, m->apart.id, m->apart.size));
	assert_false(add(m, 0));
}

static void damage_in_it_is_told_once_and_the_other_zone_gives_the_chunks(void **state)
{
	struct made *m = *state;

	hand_damage(&m->hand, 0, 0);
	assert_true(add(m, 0));
	assert_true(add(m, 1));
	stretch_begin(m->stretch, m->fetcher);
	assert_int_equal(fetch(m, 0), 0);
	assert_int_equal(fetch(m, 1), 0);
	assert_int_equal(findings_count(m->hand.findings, FINDING_DAMAGED, false), 1);
	assert_int_equal(findings_total(m->hand.findings), 1);
	assert_int_equal(fetcher_bytes(m->fetcher, 0), 0);
}

static void a_read_that_fails_is_told_by_those_that_wanted_it(void **state)
{
	struct made *m = *state;

	hand_delete_pack(&m->hand, 0, 0);
	assert_true(add(m, 0));
	assert_true(add(m, 1));
	stretch_begin(m->stretch, m->fetcher);
	assert_int_equal(fetch(m, 1), 0);
	assert_int_equal(fetch(m, 0), 0);
	assert_int_equal(findings_count(m->hand.findings, FINDING_MISSING, false), 1);
	assert_int_equal(findings_total(m->hand.findings), 1);
}

static void it_can_be_left_while_it_is_read(void **state)
{
	struct made *m = *state;

	for (unsigned i = 0; i < 20; i++) {
		assert_true(add(m, i % CHUNKS));
		stretch_begin(m->stretch, m->fetcher);
		stretch_reset(m->stretch);
	}
	assert_true(add(m, 0));
	stretch_begin(m->stretch, m->fetcher);
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		test(chunks_that_lie_together_come_with_one_read),
		test(what_lies_elsewhere_is_left_to_another),
		test(damage_in_it_is_told_once_and_the_other_zone_gives_the_chunks),
		test(a_read_that_fails_is_told_by_those_that_wanted_it),
		test(it_can_be_left_while_it_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
