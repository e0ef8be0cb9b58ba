#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "format/cbor.h"
#include "format/objects.h"

/* Golden vectors are in golden_test.c: here are the largest objects, and what breaks a rule. */

static struct header sample_header(void)
{
	struct header h = { .dataset = "sms",
			    .product = "messaging",
			    .tool = "test",
			    .class = CLASS_USER,
			    .seq = 1,
			    .suite = SUITE_AES256GCM,
			    .head_count = 1 };

	h.heads[0].seq = 1;
	return h;
}

static void the_largest_header_fits_its_limit_and_comes_back(void **state)
{
	_buf_ struct buf out = { 0 };
	struct header h = sample_header(), back;

	(void)state;
	memset(h.dataset, 'd', DATASET_NAME_MAX);
	memset(h.product, 'p', PRODUCT_NAME_MAX);
	memset(h.tool, 't', TOOL_TEXT_MAX);
	h.seq = 9999999999999999;
	h.taken_at = h.consistent_at = h.expires_at = 253402300799;
	h.files = h.folders = h.others = h.bytes = h.new_bytes = h.new_stored = h.skipped = h.changed = 1ULL << 62;
	h.head_count = HEADS_MAX;
	for (uint32_t i = 0; i < HEADS_MAX; i++) {
		h.heads[i].signer[0] = (uint8_t)i;
		h.heads[i].seq = h.seq;
	}
	buf_init(&out, HEADER_MAX - 200, "header"); /* leaving room for the envelope */
	assert_int_equal(header_encode(&h, &out), 0);
	assert_int_equal(header_decode(out.data, out.len, &back), 0);
	assert_string_equal(back.dataset, h.dataset);
	assert_string_equal(back.product, h.product);
	assert_string_equal(back.tool, h.tool);
	assert_int_equal(back.expires_at, h.expires_at);
	assert_true(back.changed == h.changed && back.new_stored == h.new_stored);
	assert_int_equal(back.head_count, HEADS_MAX);
	assert_int_equal(back.heads[63].signer[0], 63);
	assert_true(back.heads[63].seq == h.seq);
}

/* Changes one field of a sound header; none of the results is one that a reader takes. */
static void headers_that_break_a_rule_are_refused(void **state)
{
	enum { FIRST_RULE, DATASET = 0, CLASS, SEQ, SUITE, COUNT, CLASS_ZERO, HEAD_SEQ, RULES };
	static const char *const messages[] = {
		[DATASET] = "'SMS' cannot name a dataset",    [CLASS] = "class 4 is not known",
		[SEQ] = "sequence numbers start at 1",        [SUITE] = "cipher suite 3 is not known",
		[COUNT] = "the limit is 4611686018427387904", [CLASS_ZERO] = "class 0 is not known",
		[HEAD_SEQ] = "sequence numbers start at 1"
	};

	(void)state;
	for (int rule = FIRST_RULE; rule < RULES; rule++) {
		_buf_ struct buf out = { 0 };
		struct header h = sample_header(), back;

		if (rule == DATASET)
			memcpy(h.dataset, "SMS", 3);
		h.class = rule == CLASS ? (enum data_class)4 : rule == CLASS_ZERO ? (enum data_class)0 : CLASS_USER;
		h.seq = rule == SEQ ? 0 : 1;
		h.suite = rule == SUITE ? (enum suite)3 : SUITE_AES256GCM;
		h.changed = rule == COUNT ? (1ULL << 62) + 1 : 0;
		h.heads[0].seq = rule == HEAD_SEQ ? 0 : 1;
		buf_init(&out, HEADER_MAX, "header");
		assert_int_equal(header_encode(&h, &out), 0);
		assert_int_equal(header_decode(out.data, out.len, &back), ERR_FORMAT);
		if (strstr(err_message(), messages[rule]) == NULL)
			fail_msg("'%s' does not say '%s'", err_message(), messages[rule]);
	}
}

static void times_that_no_clock_shows_are_not_written(void **state)
{
	static const int64_t times[] = { -1, 253402300800, INT64_MIN, INT64_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
		_buf_ struct buf out = { 0 };
		struct header h = sample_header();
		struct condemned c = { .dataset = "sms", .since = times[i] };

		h.taken_at = times[i];
		buf_init(&out, HEADER_MAX, "header");
		assert_int_equal(header_encode(&h, &out), ERR_FORMAT);
		assert_string_equal(err_message(),
				    "header: a time is not in the years 1970 to 9999: check this host's clock");
		buf_clear(&out);
		assert_int_equal(condemned_encode(&c, &out), ERR_FORMAT);
	}
}

static void heads_come_in_ascending_order_of_their_signers(void **state)
{
	_buf_ struct buf out = { 0 };
	struct header h = sample_header(), back;

	(void)state;
	h.head_count = 2;
	h.heads[0].signer[15] = 1;
	h.heads[1].signer[15] = 2;
	h.heads[1].seq = 1;
	buf_init(&out, HEADER_MAX, "header");
	assert_int_equal(header_encode(&h, &out), 0);
	assert_int_equal(header_decode(out.data, out.len, &back), 0);
	/* The second signer's last byte: 16 + 1 bytes, seq 1, 2 + 32 bytes hash before the end. */
	out.data[out.len - 36] = 1;
	assert_int_equal(header_decode(out.data, out.len, &back), ERR_FORMAT);
	assert_string_equal(err_message(), "header: its heads are not in ascending order of their signers");
}

static void an_index_comes_back_with_all_its_lists(void **state)
{
	enum { PACKS = 1000 };
	_buf_ struct buf out = { 0 };
	struct index i = { .dataset = "sms", .seq = 64, .made_at = 5, .checkpoint = true }, back;

	(void)state;
	i.added = xcalloc(PACKS, sizeof *i.added);
	i.withdrawn = xcalloc(PACKS, sizeof *i.withdrawn);
	i.headers = xcalloc(PACKS, sizeof *i.headers);
	i.added_count = i.withdrawn_count = i.header_count = PACKS;
	for (uint32_t n = 0; n < PACKS; n++) {
		memcpy(i.added[n].name, &n, sizeof n);
		memcpy(i.withdrawn[n], &n, sizeof n);
		memcpy(i.headers[n], &n, sizeof n);
		i.added[n].footer_hash[31] = (uint8_t)n;
		i.added[n].size = 1000 + n;
		i.added[n].footer = 1 + n;
		i.added[n].kind = n % 2 ? KIND_NODE : KIND_CONTENT;
	}
	buf_init(&out, INDEX_MAX, "index");
	assert_int_equal(index_encode(&i, &out), 0);
	assert_int_equal(index_decode(out.data, out.len, &back), 0);
	assert_int_equal(back.added_count, PACKS);
	for (uint32_t n = 0; n < PACKS; n++) {
		assert_memory_equal(back.added[n].name, i.added[n].name, DIGEST_SIZE);
		assert_memory_equal(back.added[n].footer_hash, i.added[n].footer_hash, DIGEST_SIZE);
		assert_true(back.added[n].size == 1000 + n && back.added[n].footer == 1 + n);
		assert_int_equal(back.added[n].kind, i.added[n].kind);
	}
	assert_true(back.withdrawn_count == PACKS && back.header_count == PACKS);
	assert_memory_equal(back.withdrawn, i.withdrawn, PACKS * sizeof *i.withdrawn);
	assert_memory_equal(back.headers, i.headers, PACKS * sizeof *i.headers);
	index_release(&i);
	index_release(&back);
}

/* An index of one pack, written piece by piece; `packs` is the length that the list claims. */
static void write_index(struct buf *out, uint64_t packs, uint64_t size, uint64_t footer, unsigned kind, size_t digests)
{
	static const uint8_t zero[2 * DIGEST_SIZE];
	int code = 0;

	buf_init(out, 4096, "index");
	code |= cbor_write_array(out, 9) | cbor_write_text(out, "sms") | cbor_write_uint(out, 1);
	code |= cbor_write_bytes(out, zero, DIGEST_SIZE) | cbor_write_uint(out, 0) | cbor_write_bool(out, false);
	code |= cbor_write_array(out, packs) | cbor_write_array(out, 5) | cbor_write_bytes(out, zero, DIGEST_SIZE);
	code |= cbor_write_bytes(out, zero, DIGEST_SIZE) | cbor_write_uint(out, size) | cbor_write_uint(out, footer);
	code |= cbor_write_uint(out, kind) | cbor_write_bytes(out, zero, digests) | cbor_write_bytes(out, zero, 0);
	code |= cbor_write_array(out, 0);
	assert_int_equal(code, 0);
}

static void indexes_that_break_a_rule_are_refused(void **state)
{
	static const struct {
		const char *message;
		uint64_t packs, size, footer;
		unsigned kind;
		size_t digests;
	} rows[] = {
		{ NULL, 1, 100, 10, 1, 0 },
		{ NULL, 1, 100, 10, 2, 64 },
		{ "it cannot hold 2 packs", 2, 100, 10, 1, 0 },
		{ "ends early", 1000000, 100, 10, 1, 0 },
		{ "is 1000001, the limit is 1000000", 1000001, 100, 10, 1, 0 },
		{ "a pack of 10 bytes with a footer of 10", 1, 10, 10, 1, 0 },
		{ "the limit is 67108864", 1, PACK_MAX + 1, 10, 1, 0 },
		{ "the limit is 16777216", 1, PACK_MAX, PACK_FOOTER_MAX + 1, 1, 0 },
		{ "kind of pack 3 is not known", 1, 100, 10, 3, 0 },
		{ "has 33 bytes, no multiple of 32", 1, 100, 10, 1, 33 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		_buf_ struct buf out = { 0 };
		struct index back;

		write_index(&out, rows[i].packs, rows[i].size, rows[i].footer, rows[i].kind, rows[i].digests);
		assert_int_equal(index_decode(out.data, out.len, &back), rows[i].message == NULL ? 0 : ERR_FORMAT);
		if (rows[i].message != NULL && strstr(err_message(), rows[i].message) == NULL)
			fail_msg("'%s' does not say '%s'", err_message(), rows[i].message);
		index_release(&back);
	}
}

static void a_seal_for_the_most_recipients_fits_its_limit(void **state)
{
	static struct seal s = { .dataset = "sms", .generation = UINT32_MAX, .share_count = SEAL_RECIPIENTS_MAX }, back;
	_buf_ struct buf out = { 0 };

	(void)state;
	s.shares[127].recipient[0] = 7;
	s.shares[127].sealed[SEALED_SIZE - 1] = 9;
	buf_init(&out, SEAL_MAX - 200, "seal");
	assert_int_equal(seal_encode(&s, &out), 0);
	assert_int_equal(seal_decode(out.data, out.len, &back), 0);
	assert_int_equal(back.share_count, SEAL_RECIPIENTS_MAX);
	assert_true(back.generation == UINT32_MAX);
	assert_int_equal(back.shares[127].recipient[0], 7);
	assert_int_equal(back.shares[127].sealed[SEALED_SIZE - 1], 9);
}

static void seals_for_nobody_or_of_no_generation_are_refused(void **state)
{
	static struct seal back;
	static const struct {
		unsigned generation, shares;
		const char *message;
	} rows[] = {
		{ 1, 0, "seal: it is made for nobody" },
		{ 0, 0, "seal: generation 0 is not known to this version" },
		{ 1, 129, "is 129, the limit is 128" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		_buf_ struct buf out = { 0 };

		buf_init(&out, 64, "seal");
		assert_int_equal(cbor_write_array(&out, 4), 0);
		assert_int_equal(cbor_write_text(&out, "sms"), 0);
		assert_int_equal(cbor_write_bytes(&out, "sixteen bytes ..", 16), 0);
		assert_int_equal(cbor_write_uint(&out, rows[i].generation), 0);
		assert_int_equal(cbor_write_array(&out, rows[i].shares), 0);
		assert_int_equal(seal_decode(out.data, out.len, &back), ERR_FORMAT);
		assert_non_null(strstr(err_message(), rows[i].message));
	}
}

static void an_intent_without_a_header_is_refused(void **state)
{
	_buf_ struct buf out = { 0 };
	struct intent back;

	(void)state;
	buf_init(&out, 128, "intent");
	assert_int_equal(cbor_write_array(&out, 6), 0);
	assert_int_equal(cbor_write_text(&out, "sms"), 0);
	assert_int_equal(cbor_write_bytes(&out, "sixteen bytes ..", 16), 0);
	assert_int_equal(cbor_write_uint(&out, 1), 0);
	assert_int_equal(cbor_write_uint(&out, 1), 0);
	assert_int_equal(cbor_write_text(&out, "expired"), 0);
	assert_int_equal(cbor_write_bytes(&out, "", 0), 0);
	assert_int_equal(intent_decode(out.data, out.len, &back), ERR_FORMAT);
	assert_string_equal(err_message(), "intent: it holds no header");
}

/* Every object that is cut, or has a byte more, is refused; and none fits a buffer that is a byte too small. */
static void cut_and_lengthened_bodies_are_refused(void **state)
{
	static struct seal seal = { .dataset = "sms", .generation = 1, .share_count = 1 };
	struct header header = sample_header();
	struct index_pack pack = { .size = 100, .footer = 10, .kind = KIND_NODE };
	uint8_t digest[DIGEST_SIZE] = { 1 };
	struct index index = {
		.dataset = "sms", .seq = 1, .added = &pack, .added_count = 1, .withdrawn = &digest, .withdrawn_count = 1
	};
	struct intent intent = { .dataset = "sms", .reason = "expired", .header = digest, .header_len = 32 };
	struct condemned condemned = { .dataset = "sms" };
	struct lease lease = { .dataset = "sms", .number = 1, .host = "h", .until = 5 };
	union {
		struct header header;
		struct index index;
		struct seal seal;
		struct intent intent;
		struct condemned condemned;
		struct lease lease;
	} *back = xcalloc(1, sizeof *back);

#define ENCODE(type, max) (buf_release(&out), buf_init(&out, max, #type), type##_encode(&(type), &out))
#define DECODE(type, len) type##_decode(out.data, len, &back->type)
#define CHECK(type)                                                                                                    \
	do {                                                                                                           \
		_buf_ struct buf out = { 0 };                                                                          \
		assert_int_equal(ENCODE(type, 4096), 0);                                                               \
		size_t whole = out.len;                                                                                \
		assert_int_equal(buf_append_byte(&out, 0), 0);                                                         \
		assert_int_equal(DECODE(type, whole), 0);                                                              \
		release(#type, back);                                                                                  \
		for (size_t len = 0; len <= whole + 1; len++) {                                                        \
			if (len == whole)                                                                              \
				continue;                                                                              \
			assert_int_equal(DECODE(type, len), ERR_FORMAT);                                               \
			release(#type, back);                                                                          \
		}                                                                                                      \
		for (size_t max = 0; max < whole; max++)                                                               \
			assert_int_equal(ENCODE(type, max), ERR_FORMAT);                                               \
	} while (0)
#define release(name, object)                                                                                          \
	do {                                                                                                           \
		if (strcmp(name, "index") == 0)                                                                        \
			index_release(&(object)->index);                                                               \
	} while (0)

	(void)state;
	CHECK(header);
	CHECK(index);
	CHECK(seal);
	CHECK(intent);
	CHECK(condemned);
	CHECK(lease);
	free(back);
}

static void classes_have_names(void **state)
{
	(void)state;
	assert_string_equal(data_class_name(CLASS_MESSAGE), "message");
	assert_string_equal(data_class_name(CLASS_USER), "user");
	assert_string_equal(data_class_name(CLASS_CONFIGURATION), "configuration");
	assert_string_equal(data_class_name((enum data_class)0), "unknown");
	assert_string_equal(data_class_name((enum data_class)4), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_largest_header_fits_its_limit_and_comes_back),
		cmocka_unit_test(headers_that_break_a_rule_are_refused),
		cmocka_unit_test(times_that_no_clock_shows_are_not_written),
		cmocka_unit_test(heads_come_in_ascending_order_of_their_signers),
		cmocka_unit_test(an_index_comes_back_with_all_its_lists),
		cmocka_unit_test(indexes_that_break_a_rule_are_refused),
		cmocka_unit_test(a_seal_for_the_most_recipients_fits_its_limit),
		cmocka_unit_test(seals_for_nobody_or_of_no_generation_are_refused),
		cmocka_unit_test(an_intent_without_a_header_is_refused),
		cmocka_unit_test(cut_and_lengthened_bodies_are_refused),
		cmocka_unit_test(classes_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
