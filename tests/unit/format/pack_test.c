#include <endian.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "format/cbor.h"
#include "format/pack.h"

static const uint8_t random16[16] = "sixteen random!";

/* A pack does not look into its blobs: any bytes of the right length do. */
static uint8_t bytes[BLOB_STORED_MAX];

static struct blob_info raw(enum kind kind, uint32_t plain, uint8_t number)
{
	struct blob_info info = {
		.kind = kind, .suite = SUITE_AES256GCM, .compression = COMPRESSION_NONE, .plain = plain
	};

	memset(info.id, number, ID_SIZE);
	return info;
}

static int add(struct pack *p, enum kind kind, uint32_t plain, uint8_t number, size_t children)
{
	struct blob_info info = raw(kind, plain, number);
	const uint8_t(*ids)[ID_SIZE] = (const uint8_t(*)[ID_SIZE])bytes;

	return pack_add(p, &info, bytes, plain + suite_overhead(info.suite), ids, children);
}

static int decode(const struct pack *p, struct pack_footer *footer)
{
	const uint8_t *tail = p->bytes.data + p->bytes.len - PACK_TAIL_SIZE;
	uint32_t len;

	memcpy(&len, tail, sizeof len);
	assert_int_equal(be32toh(len), p->footer);
	assert_memory_equal(tail + sizeof len, "NFPKEND\n", 8);
	return pack_footer_decode(tail - p->footer, p->footer, p->bytes.len, footer);
}

static void a_footer_says_where_every_blob_and_child_is(void **state)
{
	struct pack *p = pack_new(KIND_NODE);
	_pack_footer_ struct pack_footer f = { 0 };
	uint8_t hash[DIGEST_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(i / ID_SIZE);
	assert_int_equal(add(p, KIND_NODE, 100, 1, 0), 0);
	assert_int_equal(add(p, KIND_NODE, 300, 2, 3), 0);
	assert_int_equal(add(p, KIND_NODE, 1, 3, 1), 0);
	assert_int_equal(pack_finish(p, random16), 0);

	sha256(p->bytes.data, p->bytes.len, hash);
	assert_memory_equal(p->name, hash, DIGEST_SIZE);
	sha256(p->bytes.data + p->bytes.len - PACK_TAIL_SIZE - p->footer, p->footer, hash);
	assert_memory_equal(p->footer_hash, hash, DIGEST_SIZE);

	assert_int_equal(decode(p, &f), 0);
	assert_int_equal(f.kind, KIND_NODE);
	assert_int_equal(f.blob_count, 3);
	assert_int_equal(f.child_count, 4);
	for (uint32_t i = 0; i < 3; i++) {
		assert_memory_equal(f.blobs[i].info.id, p->blobs[i].info.id, ID_SIZE);
		assert_int_equal(f.blobs[i].info.plain, p->blobs[i].info.plain);
		assert_int_equal(f.blobs[i].offset, p->blobs[i].offset);
		assert_int_equal(f.blobs[i].stored, p->blobs[i].stored);
		assert_int_equal(f.blobs[i].child_first, p->blobs[i].child_first);
		assert_int_equal(f.blobs[i].child_count, p->blobs[i].child_count);
	}
	assert_int_equal(f.blobs[0].offset, PACK_HEAD_SIZE);
	assert_int_equal(f.blobs[2].offset, PACK_HEAD_SIZE + 128 + 328);
	assert_int_equal(f.blobs[1].child_count, 3);
	assert_memory_equal(f.children[1], bytes + ID_SIZE, ID_SIZE);
	assert_memory_equal(f.children[3], bytes, ID_SIZE);
	pack_free(p);
}

static void a_reset_pack_is_as_good_as_new(void **state)
{
	struct pack *p = pack_new(KIND_NODE), *q = pack_new(KIND_CONTENT);

	(void)state;
	assert_int_equal(add(p, KIND_NODE, 100, 1, 2), 0);
	assert_int_equal(pack_finish(p, random16), 0);
	pack_reset(p, KIND_CONTENT);
	assert_int_equal(add(p, KIND_CONTENT, 50, 9, 0), 0);
	assert_int_equal(pack_finish(p, random16), 0);
	assert_int_equal(add(q, KIND_CONTENT, 50, 9, 0), 0);
	assert_int_equal(pack_finish(q, random16), 0);
	assert_memory_equal(p->name, q->name, DIGEST_SIZE);

	/* Only the random bytes tell two packs of the same blobs apart. */
	pack_reset(q, KIND_CONTENT);
	assert_int_equal(add(q, KIND_CONTENT, 50, 9, 0), 0);
	assert_int_equal(pack_finish(q, (const uint8_t *)"others, 16 bytes"), 0);
	assert_memory_not_equal(p->name, q->name, DIGEST_SIZE);
	pack_free(p);
	pack_free(q);
	pack_free(NULL);
}

static void a_pack_closes_before_it_passes_its_target(void **state)
{
	struct pack *p = pack_new(KIND_CONTENT);
	unsigned blobs = 0;

	(void)state;
	assert_true(pack_has_room(p, CHUNK_MAX + 28, 0)); /* empty: takes any */
	while (pack_has_room(p, 10028, 0)) {
		assert_int_equal(add(p, KIND_CONTENT, 10000, 1, 0), 0);
		blobs++;
	}
	assert_int_equal(pack_finish(p, random16), 0);
	assert_true(p->bytes.len <= PACK_TARGET);
	assert_true(p->bytes.len > PACK_TARGET - 2 * 10028 - 10 * blobs);

	pack_reset(p, KIND_CONTENT);
	assert_int_equal(add(p, KIND_CONTENT, CHUNK_MAX, 1, 0), 0);
	assert_false(pack_has_room(p, 29, 0));
	assert_int_equal(pack_finish(p, random16), 0);

	/* The largest blob that there can be: padded, and of what does not shrink. */
	struct blob_info padded = raw(KIND_CONTENT, CHUNK_MAX, 1);
	padded.suite = SUITE_XCHACHA20POLY1305;
	padded.compression = COMPRESSION_PADDED;
	pack_reset(p, KIND_CONTENT);
	assert_int_equal(pack_add(p, &padded, bytes, BLOB_STORED_MAX, NULL, 0), 0);
	assert_int_equal(pack_finish(p, random16), 0);

	/* Children count as well: the footer must stay within its limit. */
	pack_reset(p, KIND_NODE);
	while (pack_has_room(p, 128, NODE_CHILDREN_MAX))
		assert_int_equal(add(p, KIND_NODE, 100, 1, NODE_CHILDREN_MAX), 0);
	assert_int_equal(pack_finish(p, random16), 0);
	assert_true(p->bytes.len <= PACK_TARGET);
	_pack_footer_ struct pack_footer f = { 0 };
	assert_int_equal(decode(p, &f), 0);
	assert_int_equal(f.child_count, f.blob_count * NODE_CHILDREN_MAX);
	pack_free(p);
}

static void what_blobs_cost_is_what_their_pack_takes_at_most(void **state)
{
	static const size_t children[] = { 0, 1, 7, 8, 2047, 2048, NODE_CHILDREN_MAX };
	struct pack *p = pack_new(KIND_NODE);
	uint64_t cost = pack_frame_cost();
	uint32_t blobs = 0;

	(void)state;
	for (size_t i = 0; i < sizeof children / sizeof children[0]; i++) {
		for (uint32_t plain = 1; plain <= NODE_MAX; plain *= 32, blobs++) {
			assert_int_equal(add(p, KIND_NODE, plain, 1, children[i]), 0);
			cost += pack_blob_cost(plain + suite_overhead(SUITE_AES256GCM), children[i]);
		}
	}
	assert_int_equal(pack_finish(p, random16), 0);
	assert_true(p->bytes.len <= cost);
	assert_true(p->bytes.len + 12 * blobs + 5 >= cost);
	pack_free(p);
}

static void blobs_that_no_reader_takes_are_not_added(void **state)
{
	struct pack *p = pack_new(KIND_NODE);
	struct blob_info info = raw(KIND_NODE, 10, 1);

	(void)state;
	assert_int_equal(add(p, KIND_CONTENT, 100, 1, 0), ERR_FORMAT);
	assert_int_equal(add(p, KIND_NODE, 100, 1, NODE_CHILDREN_MAX + 1), ERR_FORMAT);
	assert_int_equal(pack_add(p, &info, bytes, 39, NULL, 0), ERR_FORMAT);
	assert_int_equal(p->blob_count, 0);
	assert_int_equal(p->bytes.len, PACK_HEAD_SIZE);
	pack_free(p);
}

/* A footer of one blob of 10 bytes, each part as the row says. */
struct footer_row {
	const char *message; /* NULL: accepted */
	unsigned version, kind, suite, compression, plain, stored, children, items;
	size_t pack_size;
	int blobs;
};

static void write_footer(struct buf *out, const struct footer_row *row)
{
	int code = 0;

	buf_init(out, 4096, "footer");
	code |= cbor_write_array(out, 4) | cbor_write_uint(out, row->version) | cbor_write_bytes(out, random16, 16);
	code |= cbor_write_uint(out, row->kind) | cbor_write_array(out, (size_t)row->blobs);
	for (int i = 0; i < row->blobs && i < 2; i++) {
		code |= cbor_write_array(out, row->items) | cbor_write_bytes(out, bytes, ID_SIZE);
		code |= cbor_write_uint(out, row->suite) | cbor_write_uint(out, row->compression);
		code |= cbor_write_uint(out, row->plain) | cbor_write_uint(out, row->stored);
		if (row->items == 6)
			code |= cbor_write_bytes(out, bytes, row->children);
	}
	assert_int_equal(code, 0);
}

static void a_footer_that_breaks_a_rule_is_refused(void **state)
{
	static const struct footer_row rows[] = {
		{ NULL, 1, 1, 1, 0, 10, 38, 0, 5, 58, 1 },
		{ NULL, 1, 2, 1, 0, 10, 38, 64, 6, 58, 1 },
		{ NULL, 1, 1, 1, 1, 10, 30, 0, 5, 50, 1 },
		{ NULL, 1, 1, 1, 0, 10, 38, 0, 5, 96, 2 },
		{ "is of format version 2", 2, 1, 1, 0, 10, 38, 0, 5, 58, 1 },
		{ "kind 0 is not known", 1, 0, 1, 0, 10, 38, 0, 5, 58, 1 },
		{ "is 3, the limit is 2", 1, 3, 1, 0, 10, 38, 0, 5, 58, 1 },
		{ "cipher suite 0 is not known", 1, 1, 0, 0, 10, 38, 0, 5, 58, 1 },
		{ "is 3, the limit is 2", 1, 1, 3, 0, 10, 38, 0, 5, 58, 1 },
		{ NULL, 1, 1, 1, 2, 10, 38, 0, 5, 58, 1 },
		{ "is 3, the limit is 2", 1, 1, 1, 3, 10, 38, 0, 5, 58, 1 },
		{ "47 stored bytes cannot hold 10", 1, 1, 1, 2, 10, 47, 0, 5, 67, 1 },
		{ "38 stored bytes cannot hold 9", 1, 1, 1, 2, 9, 38, 0, 5, 58, 1 },
		{ "a plaintext of 0 bytes", 1, 1, 1, 0, 0, 28, 0, 5, 48, 1 },
		{ "is 16777217, the limit is 16777216", 1, 1, 1, 0, CHUNK_MAX + 1, 38, 0, 5, 58, 1 },
		{ "a plaintext of 1048577 bytes", 1, 2, 1, 1, NODE_MAX + 1, 38, 0, 6, 58, 1 },
		{ "39 stored bytes cannot hold 10", 1, 1, 1, 0, 10, 39, 0, 5, 59, 1 },
		{ "38 stored bytes cannot hold 10", 1, 1, 1, 1, 10, 38, 0, 5, 58, 1 },
		{ "28 stored bytes cannot hold 10", 1, 1, 1, 1, 10, 28, 0, 5, 48, 1 },
		{ "reach over its own place", 1, 1, 1, 0, 10, 38, 0, 5, 57, 1 },
		{ "leave a gap of 1 bytes", 1, 1, 1, 0, 10, 38, 0, 5, 59, 1 },
		{ "has 6 items instead of 5", 1, 1, 1, 0, 10, 38, 0, 6, 58, 1 },
		{ "has 5 items instead of 6", 1, 2, 1, 0, 10, 38, 0, 5, 58, 1 },
		{ "has 33 bytes, no multiple of 32", 1, 2, 1, 0, 10, 38, 33, 6, 58, 1 },
		{ "it cannot hold 0 blobs", 1, 1, 1, 0, 10, 38, 0, 5, 58, 0 },
		{ "it cannot hold 50 blobs", 1, 1, 1, 0, 10, 38, 0, 5, 58, 50 },
		{ "ends early", 1, 1, 1, 0, 10, 38, 0, 5, 1000, 1000 },
		{ "is 65537, the limit is 65536", 1, 1, 1, 0, 10, 38, 0, 5, 58, 65537 },
		{ "a footer of", 1, 1, 1, 0, 10, 38, 0, 5, PACK_MAX, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		_pack_footer_ struct pack_footer f = { 0 };
		_buf_ struct buf out = { 0 };

		write_footer(&out, &rows[i]);
		int code = pack_footer_decode(out.data, out.len, rows[i].pack_size + out.len, &f);
		assert_int_equal(code, rows[i].message == NULL ? 0 : ERR_FORMAT);
		if (rows[i].message != NULL && strstr(err_message(), rows[i].message) == NULL)
			fail_msg("'%s' does not say '%s'", err_message(), rows[i].message);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_footer_says_where_every_blob_and_child_is),
		cmocka_unit_test(a_reset_pack_is_as_good_as_new),
		cmocka_unit_test(a_pack_closes_before_it_passes_its_target),
		cmocka_unit_test(what_blobs_cost_is_what_their_pack_takes_at_most),
		cmocka_unit_test(blobs_that_no_reader_takes_are_not_added),
		cmocka_unit_test(a_footer_that_breaks_a_rule_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
