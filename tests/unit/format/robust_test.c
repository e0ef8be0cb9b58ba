/*
 * Whatever a zone or a thief's snapshot holds, decoders either refuse it or give values within their limits. Every golden object is
 * cut at each length and has each byte changed in several ways; run under the sanitizers (make SANITIZE=address,undefined).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "format/entry.h"
#include "format/pack.h"
#include "format/signed.h"
#include "golden.h"

/* What is written over each byte: its neighbours, other major types, indefinite lengths, the largest head. */
static const uint8_t changes[] = { 0x01, 0x20, 0x1f, 0x80, 0xff };

/*
 * Decodes and says whether it was taken; a taken one must be what encoding its values gives, since each meaning has one encoding.
 * `data` is exactly `len` bytes long on the heap, so that a step over its end is seen.
 */
typedef bool (*decoder)(const uint8_t *data, size_t len);

static void torture(const uint8_t *sound, size_t len, decoder decode)
{
	unsigned taken = 0;

	assert_true(decode(sound, len));
	for (size_t cut = 0; cut < len; cut++) {
		uint8_t *copy = xmalloc(cut);

		memcpy(copy, sound, cut);
		assert_false(decode(copy, cut));
		free(copy);
	}
	for (size_t at = 0; at < len; at++)
		for (size_t i = 0; i < sizeof changes; i++) {
			uint8_t *copy = xmalloc(len);

			memcpy(copy, sound, len);
			copy[at] ^= changes[i];
			taken += decode(copy, len);
			free(copy);
		}
	/* Changed ids, times and names are still ids, times and names: not everything is refused. */
	assert_true(taken > 0);
}

static bool same(struct buf *again, const uint8_t *data, size_t len)
{
	bool equal = again->len == len && memcmp(again->data, data, len) == 0;

	buf_release(again);
	return equal;
}

#define DECODER(type, max)                                                                                             \
	static bool take_##type(const uint8_t *data, size_t len)                                                       \
	{                                                                                                              \
		static struct type value;                                                                              \
		struct buf again;                                                                                      \
                                                                                                                       \
		if (type##_decode(data, len, &value) < 0)                                                              \
			return false;                                                                                  \
		buf_init(&again, max, #type);                                                                          \
		assert_int_equal(type##_encode(&value, &again), 0);                                                    \
		assert_true(same(&again, data, len));                                                                  \
		return true;                                                                                           \
	}

DECODER(header, HEADER_MAX)
DECODER(seal, SEAL_MAX)
DECODER(intent, INTENT_MAX)
DECODER(condemned, MARK_MAX)
DECODER(lease, MARK_MAX)

static bool take_index(const uint8_t *data, size_t len)
{
	struct index value;
	struct buf again;
	bool taken = index_decode(data, len, &value) == 0;

	buf_init(&again, INDEX_MAX, "index");
	if (taken) {
		assert_int_equal(index_encode(&value, &again), 0);
		assert_true(same(&again, data, len));
	}
	index_release(&value);
	return taken;
}

static void bodies_of_signed_objects_are_refused_or_mean_what_they_say(void **state)
{
	struct head head = { .seq = 1 };
	uint8_t digest[DIGEST_SIZE] = { 1 };
	struct header header = golden_header(digest, digest, &head);
	struct index_pack pack = { .size = 1000, .footer = 100, .kind = KIND_NODE };
	struct index index = { .dataset = "sms",
			       .seq = 2,
			       .checkpoint = true,
			       .added = &pack,
			       .added_count = 1,
			       .withdrawn = &digest,
			       .withdrawn_count = 1,
			       .headers = &digest,
			       .header_count = 1,
			       .head_count = 1 };
	static struct seal seal = { .dataset = "sms", .generation = 1, .share_count = 2 };
	struct intent intent = { .dataset = "sms", .reason = "expired", .header = digest, .header_len = 32 };
	struct condemned condemned = golden_condemned();
	struct lease lease = golden_lease();
	struct buf out;

	(void)state;
	index.heads[0].seq = 5;
#define TORTURE(type)                                                                                                  \
	do {                                                                                                           \
		buf_init(&out, INDEX_MAX, #type);                                                                      \
		assert_int_equal(type##_encode(&(type), &out), 0);                                                     \
		torture(out.data, out.len, take_##type);                                                               \
		buf_release(&out);                                                                                     \
	} while (0)
	TORTURE(header);
	TORTURE(index);
	TORTURE(seal);
	TORTURE(intent);
	TORTURE(condemned);
	TORTURE(lease);
}

/* Writes the node again from its decoded values. */
static bool take_node(const uint8_t *data, size_t len)
{
	static struct node_writer *w;
	const uint8_t *plain, (*children)[ID_SIZE];
	uint32_t index, count;
	size_t plain_len;
	struct node n;

	if (w == NULL)
		w = node_writer_new();
	if (node_decode(data, len, &n) < 0) {
		node_release(&n);
		return false;
	}
	node_writer_reset(w, n.type, n.level);
	for (uint32_t i = 0; i < n.child_count; i++) {
		const struct node_child *c = &n.children[i];

		assert_int_equal(node_add_child(w, c->id, c->key, c->size, &index), 0);
		if (n.type == NODE_BRANCH)
			assert_int_equal(node_add_branch(w, c->first_path, c->first_path_len), 0);
	}
	for (uint32_t i = 0; i < n.entry_count; i++)
		assert_int_equal(node_add_entry(w, &n.entries[i]), 0);
	assert_int_equal(node_finish(w, &plain, &plain_len, &children, &count), 0);
	assert_int_equal(plain_len, len);
	assert_memory_equal(plain, data, len);
	node_release(&n);
	return true;
}

static void nodes_are_refused_or_mean_what_they_say(void **state)
{
	struct node_writer *w = node_writer_new();

	(void)state;
	for (enum golden_node node = 0; node < TREE_NODES; node++) {
		const uint8_t *plain, (*children)[ID_SIZE];
		uint32_t count;
		size_t len;

		make_node(w, node);
		assert_int_equal(node_finish(w, &plain, &len, &children, &count), 0);
		torture(plain, len, take_node);
	}
	node_writer_free(w);
}

/* A sound footer's blobs lie within the pack, one behind the other. */
static uint64_t pack_size;

static bool take_footer(const uint8_t *data, size_t len)
{
	_pack_footer_ struct pack_footer f = { 0 };
	uint64_t end = PACK_HEAD_SIZE;

	if (pack_footer_decode(data, len, pack_size, &f) < 0)
		return false;
	for (uint32_t i = 0; i < f.blob_count; i++) {
		assert_int_equal(f.blobs[i].offset, end);
		assert_int_equal(blob_check(&f.blobs[i].info, f.blobs[i].stored), 0);
		assert_true(f.blobs[i].child_first + f.blobs[i].child_count <= f.child_count);
		end += f.blobs[i].stored;
	}
	assert_int_equal(end, pack_size - len - PACK_TAIL_SIZE);
	return true;
}

static void footers_are_refused_or_stay_within_their_pack(void **state)
{
	static const uint8_t random[16], stored[1000], ids[5][ID_SIZE];
	struct pack *p = pack_new(KIND_NODE);

	(void)state;
	for (uint32_t i = 1; i <= 3; i++) {
		struct blob_info info = {
			.kind = KIND_NODE, .suite = SUITE_AES256GCM, .compression = COMPRESSION_ZSTD, .plain = 300 * i
		};

		assert_int_equal(pack_add(p, &info, stored, 200 * i, ids, i), 0);
	}
	struct blob_info padded = {
		.kind = KIND_NODE, .suite = SUITE_AES256GCM, .compression = COMPRESSION_PADDED, .plain = 928
	};
	assert_int_equal(pack_add(p, &padded, stored, 576 + 28, ids, 2), 0);
	assert_int_equal(pack_finish(p, random), 0);
	pack_size = p->bytes.len;
	torture(p->bytes.data + p->bytes.len - PACK_TAIL_SIZE - p->footer, p->footer, take_footer);
	pack_free(p);
}

static bool take_envelope(const uint8_t *data, size_t len)
{
	struct signed_view view;

	if (signed_decode(SIGNED_LEASE, data, len, "test", &view) < 0)
		return false;
	assert_true(view.body >= data && view.body + view.body_len <= data + len);
	assert_true(view.signature >= data && view.signature + SIGNATURE_SIZE == data + len);
	return true;
}

static void envelopes_are_refused_or_point_into_their_object(void **state)
{
	struct secret_key *key = key_generate(ROLE_AGENT);
	struct lease lease = golden_lease();
	struct buf body, out;

	(void)state;
	buf_init(&body, MARK_MAX, "lease");
	buf_init(&out, MARK_MAX, "lease");
	assert_int_equal(lease_encode(&lease, &body), 0);
	assert_int_equal(signed_encode(SIGNED_LEASE, key, &body, &out), 0);
	torture(out.data, out.len, take_envelope);
	buf_release(&body);
	buf_release(&out);
	secret_free(key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bodies_of_signed_objects_are_refused_or_mean_what_they_say),
		cmocka_unit_test(nodes_are_refused_or_mean_what_they_say),
		cmocka_unit_test(footers_are_refused_or_stay_within_their_pack),
		cmocka_unit_test(envelopes_are_refused_or_point_into_their_object),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
