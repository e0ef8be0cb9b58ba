#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "crypto/digest.h"
#include "repo/reach.h"

/* A root over NODES nodes over CHILDREN pieces of content each, which stand in a pack a node. */
#ifndef NODES
#define NODES 40
#endif
#define CHILDREN NODE_CHILDREN_MAX
#define STORED   100u

static void make_id(uint64_t number, uint8_t id[ID_SIZE])
{
	sha256(&number, sizeof number, id);
}

static void describe(struct pack_blob *blob, enum kind kind, uint64_t number)
{
	*blob = (struct pack_blob){ .info = { .kind = kind, .suite = SUITE_AES256GCM, .plain = STORED - 28 },
				    .stored = STORED };
	make_id(number, blob->info.id);
}

static void add_pack(struct repo *r, const struct pack_footer *footer, uint32_t number)
{
	struct index_pack pack = { .size = 1u << 20, .footer = 1000, .kind = footer->kind };
	uint32_t as;

	make_id(UINT64_MAX - number, pack.name);
	assert_int_equal(catalog_add_pack(r->catalog, &pack, footer, PACK_INDEXED, &as), 0);
	assert_int_equal(as, number);
	repo_set_pack_bits(r, number, PACK_IN_ANY);
}

/* Number 0 is the root, 1..NODES are nodes, from NODES + 1 on content. */
static void make_tree(struct repo *r)
{
	struct pack_blob *blobs = xcalloc(CHILDREN, sizeof *blobs);
	uint8_t(*children)[ID_SIZE] = xcalloc(CHILDREN, sizeof *children);
	struct pack_footer content = { .kind = KIND_CONTENT, .blobs = blobs, .blob_count = CHILDREN };
	struct pack_footer node = { .kind = KIND_NODE, .blobs = blobs, .children = children, .blob_count = 1 };
	uint32_t packs = 0;

	for (uint64_t n = 1; n <= NODES; n++) {
		for (uint32_t i = 0; i < CHILDREN; i++)
			describe(&blobs[i], KIND_CONTENT, NODES + 1 + (n - 1) * CHILDREN + i);
		add_pack(r, &content, packs++);
		describe(&blobs[0], KIND_NODE, n);
		for (uint32_t i = 0; i < CHILDREN; i++)
			make_id(NODES + 1 + (n - 1) * CHILDREN + i, children[i]);
		blobs[0].child_count = node.child_count = CHILDREN;
		add_pack(r, &node, packs++);
	}
	describe(&blobs[0], KIND_NODE, 0);
	for (uint32_t i = 0; i < NODES; i++)
		make_id(i + 1, children[i]);
	blobs[0].child_count = node.child_count = NODES;
	add_pack(r, &node, packs);
	free(children);
	free(blobs);
}

/* KiB */
static long anonymous(void)
{
	FILE *status = fopen("/proc/self/status", "r");
	char line[128];
	long size = -1;

	assert_non_null(status);
	while (fgets(line, sizeof line, status) != NULL) {
		if (strncmp(line, "RssAnon:", 8) == 0)
			size = strtol(line + 8, NULL, 10);
	}
	fclose(status);
	return size;
}

static void a_walk_over_many_chunks_finds_each_and_stays_small(void **state)
{
	struct repo r = { .dataset = "sms" };
	uint8_t root[ID_SIZE], id[ID_SIZE];

	(void)state;
	assert_int_equal(catalog_open_temporary(&r.catalog), 0);
	make_tree(&r);
	make_id(0, root);

	long before = anonymous();
	struct reach *w = reach_new(&r);
	assert_int_equal(reach_add(w, root, NULL, NULL), 0);
	assert_int_equal(reach_missing_count(w), 0);
	for (uint32_t pack = 0; pack < 2 * NODES; pack += 2) {
		assert_int_equal(reach_pack_bytes(w, pack), CHILDREN * pack_blob_cost(STORED, 0));
		assert_int_equal(reach_pack_bytes(w, pack + 1), pack_blob_cost(STORED, CHILDREN));
	}
	for (uint64_t n = 0; n < NODES + 1 + (uint64_t)NODES * CHILDREN; n += 977) {
		make_id(n, id);
		assert_true(reach_has(w, id));
	}
	make_id(UINT64_MAX / 2, id);
	assert_false(reach_has(w, id));
	long grown = anonymous() - before;
	print_message("# %ld KiB for %u ids\n", grown, NODES * CHILDREN);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* which have memory of their own for it */
	/* The table has at least 32 bytes an id, and is in a file. */
	assert_true(grown < 6 * 1024);
#endif
	reach_free(w);
	catalog_close(r.catalog);
	free(r.packs);
}

/* One chunk in three packs. */
static void a_chunk_counts_where_it_is_needed_and_nowhere_else(void **state)
{
	static const struct {
		uint8_t bits[3];
		bool counts[3];
	} cases[] = {
		{ { PACK_IN_ANY, PACK_IN_ANY, PACK_IN_ANY }, { false, false, true } }, /* the newest */
		{ { PACK_IN_ANY, PACK_IN_ANY, PACK_IN_ANY | PACK_CONDEMNED }, { false, true, false } },
		{ { PACK_IN_ANY, PACK_IN_0, PACK_IN_1 }, { true, false, false } },
		{ { 0, PACK_IN_0, PACK_IN_1 }, { false, true, true } },
		{ { PACK_IN_1, PACK_IN_0, PACK_IN_0 }, { true, false, true } },
		{ { 0, 0, PACK_IN_1 }, { false, false, true } },
		{ { 0, 0, 0 }, { false, false, false } },
	};
	struct pack_blob blob;
	struct pack_footer footer = { .kind = KIND_CONTENT, .blobs = &blob, .blob_count = 1 };
	struct repo r = { .dataset = "sms" };
	uint8_t other[ID_SIZE];
	bool counts;

	(void)state;
	assert_int_equal(catalog_open_temporary(&r.catalog), 0);
	describe(&blob, KIND_CONTENT, 1);
	make_id(2, other);
	for (uint32_t pack = 0; pack < 3; pack++)
		add_pack(&r, &footer, pack);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		for (uint32_t pack = 0; pack < 3; pack++)
			repo_set_pack_bits(&r, pack, cases[i].bits[pack]);
		struct reach *w = reach_new(&r);

		assert_int_equal(reach_counts(w, blob.info.id, 0, &counts), 0);
		assert_false(counts);
		assert_int_equal(reach_add(w, blob.info.id, NULL, NULL), 0);
		for (uint32_t pack = 0; pack < 3; pack++) {
			assert_int_equal(reach_counts(w, blob.info.id, pack, &counts), 0);
			assert_int_equal(counts, cases[i].counts[pack]);
			assert_int_equal(reach_pack_bytes(w, pack), counts ? pack_blob_cost(STORED, 0) : 0);
			assert_int_equal(reach_counts(w, other, pack, &counts), 0);
			assert_false(counts);
		}
		reach_free(w);
	}
	catalog_close(r.catalog);
	free(r.packs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_walk_over_many_chunks_finds_each_and_stays_small),
		cmocka_unit_test(a_chunk_counts_where_it_is_needed_and_nowhere_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
