#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zstd.h>

#include "base/alloc.h"
#include "format/blob.h"
#include "format/limits.h"
#include "format/padme.h"

#define SIZE 100000

static uint8_t key[KEY_SIZE] = "a chunk key, of thirty-two bytes", text[SIZE], noise[SIZE], out[SIZE + SIZE / 8];

static int set_up(void **state)
{
	*state = blob_codec_new(SIZE, 3);
	for (size_t i = 0; i < SIZE; i++)
		text[i] = (uint8_t)("abcdefghijklmnop"[i % 16] + i / 1000 % 3);
	random_bytes(noise, sizeof noise);
	return 0;
}

static int tear_down(void **state)
{
	blob_codec_free(*state);
	return 0;
}

static struct blob_info info_of(enum kind kind, enum suite suite, size_t plain)
{
	struct blob_info info = { .kind = kind, .suite = suite, .plain = (uint32_t)plain };

	chunk_id(key, info.id);
	return info;
}

static void what_was_encoded_is_decoded_in_every_kind_suite_and_size(void **state)
{
	static const struct {
		const uint8_t *data;
		size_t size;
		enum compression compression;
	} rows[] = { { text, 1, COMPRESSION_NONE },
		     { text, SIZE, COMPRESSION_ZSTD },
		     { noise, SIZE, COMPRESSION_NONE },
		     { text, 40, COMPRESSION_ZSTD } };

	for (enum kind kind = KIND_CONTENT; kind <= KIND_NODE; kind++)
		for (enum suite suite = SUITE_AES256GCM; suite <= SUITE_XCHACHA20POLY1305; suite++)
			for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
				struct blob_info info = info_of(kind, suite, rows[i].size);
				static uint8_t copy[SIZE + AEAD_OVERHEAD];
				const uint8_t *stored;
				size_t len;

				assert_int_equal(blob_encode(*state, "sms", key, &info, rows[i].data, &stored, &len),
						 0);
				assert_int_equal(info.compression, rows[i].compression);
				assert_int_equal(blob_check(&info, len), 0);
				if (info.compression == COMPRESSION_NONE)
					assert_int_equal(len, rows[i].size + suite_overhead(suite));

				memset(out, 0, sizeof out);
				size_t got = sizeof out;
				memcpy(copy, stored, len);
				assert_int_equal(blob_decode(*state, "sms", key, &info, copy, len, out, &got), 0);
				assert_int_equal(got, rows[i].size);
				assert_memory_equal(out, rows[i].data, rows[i].size);
			}
}

static void each_encryption_has_a_fresh_nonce(void **state)
{
	struct blob_info info = info_of(KIND_CONTENT, SUITE_AES256GCM, 1000);
	const uint8_t *stored;
	uint8_t first[2000];
	size_t first_len, len;

	assert_int_equal(blob_encode(*state, "sms", key, &info, text, &stored, &first_len), 0);
	memcpy(first, stored, first_len);
	assert_int_equal(blob_encode(*state, "sms", key, &info, text, &stored, &len), 0);
	assert_int_equal(len, first_len);
	assert_memory_not_equal(stored, first, 12);
	assert_memory_not_equal(stored + 12, first + 12, len - 12);
}

/* Encodes `text`, then lets the caller change one thing that is bound. */
static int decode_as(void *codec, const char *dataset, const uint8_t *with, void (*change)(struct blob_info *),
		     long flipped)
{
	struct blob_info info = info_of(KIND_CONTENT, SUITE_AES256GCM, 1000);
	const uint8_t *stored;
	size_t len;

	assert_int_equal(blob_encode(codec, "sms", key, &info, noise, &stored, &len), 0);
	uint8_t *copy = xmalloc(len);
	memcpy(copy, stored, len);
	if (flipped >= 0)
		copy[flipped] ^= 1;
	if (change != NULL)
		change(&info);
	size_t got = sizeof out;
	int code = blob_decode(codec, dataset, with, &info, copy, len, out, &got);
	free(copy);
	return code;
}

static void change_kind(struct blob_info *info)
{
	info->kind = KIND_NODE;
}

static void change_suite(struct blob_info *info)
{
	/* Of the same overhead, so that only the tag can tell. */
	info->suite = SUITE_XCHACHA20POLY1305;
	info->plain -= (uint32_t)(suite_overhead(SUITE_XCHACHA20POLY1305) - suite_overhead(SUITE_AES256GCM));
}

static void change_compression(struct blob_info *info)
{
	info->compression = COMPRESSION_ZSTD;
	info->plain++;
}

static void change_plain(struct blob_info *info)
{
	info->plain++;
}

static void change_id(struct blob_info *info)
{
	info->id[31] ^= 1;
}

static void anything_bound_to_a_blob_that_differs_is_refused(void **state)
{
	uint8_t other[KEY_SIZE];

	memcpy(other, key, sizeof other);
	other[0] ^= 1;
	assert_int_equal(decode_as(*state, "sms", key, NULL, -1), 0);
	assert_int_equal(decode_as(*state, "mms", key, NULL, -1), ERR_INTEGRITY);
	assert_non_null(strstr(err_message(), "fails its authentication tag"));
	assert_int_equal(decode_as(*state, "sms", other, NULL, -1), ERR_INTEGRITY);
	assert_non_null(strstr(err_message(), "does not belong to the key that was given for it"));
	assert_int_equal(decode_as(*state, "sms", key, change_id, -1), ERR_INTEGRITY);
	assert_int_equal(decode_as(*state, "sms", key, change_kind, -1), ERR_INTEGRITY);
	assert_int_equal(decode_as(*state, "sms", key, change_suite, -1), ERR_INTEGRITY);
	assert_int_equal(decode_as(*state, "sms", key, change_compression, -1), ERR_INTEGRITY);
	assert_int_equal(decode_as(*state, "sms", key, change_plain, -1), ERR_FORMAT);
	for (long at = 0; at < 1028; at += 257)
		assert_int_equal(decode_as(*state, "sms", key, NULL, at), ERR_INTEGRITY);
}

static void lengths_that_cannot_be_are_refused_before_anything_is_allocated(void **state)
{
	static const struct {
		enum kind kind;
		enum suite suite;
		enum compression compression;
		uint32_t plain;
		uint64_t stored;
		int code;
	} rows[] = {
		{ KIND_CONTENT, SUITE_AES256GCM, COMPRESSION_NONE, 1, 29, 0 },
		{ KIND_CONTENT, SUITE_AES256GCM, COMPRESSION_NONE, 1, 28, ERR_FORMAT },
		{ KIND_CONTENT, SUITE_AES256GCM, COMPRESSION_NONE, 1, 30, ERR_FORMAT },
		{ KIND_CONTENT, SUITE_AES256GCM, COMPRESSION_NONE, 0, 28, ERR_FORMAT },
		{ KIND_CONTENT, SUITE_AES256GCM, COMPRESSION_NONE, CHUNK_MAX, CHUNK_MAX + 28, 0 },
		{ KIND_CONTENT, SUITE_AES256GCM, COMPRESSION_NONE, CHUNK_MAX + 1, CHUNK_MAX + 29, ERR_FORMAT },
		{ KIND_CONTENT, SUITE_XCHACHA20POLY1305, COMPRESSION_NONE, 1, 41, 0 },
		{ KIND_CONTENT, SUITE_AES256GCM, COMPRESSION_ZSTD, 10, 37, 0 },
		{ KIND_CONTENT, SUITE_AES256GCM, COMPRESSION_ZSTD, 10, 38, ERR_FORMAT },
		{ KIND_CONTENT, SUITE_AES256GCM, COMPRESSION_ZSTD, 10, 29, 0 },
		{ KIND_CONTENT, SUITE_AES256GCM, COMPRESSION_ZSTD, 10, 28, ERR_FORMAT },
		{ KIND_NODE, SUITE_AES256GCM, COMPRESSION_NONE, NODE_MAX, NODE_MAX + 28, 0 },
		{ KIND_NODE, SUITE_AES256GCM, COMPRESSION_NONE, NODE_MAX + 1, NODE_MAX + 29, ERR_FORMAT },
		{ (enum kind)0, SUITE_AES256GCM, COMPRESSION_NONE, 1, 29, ERR_FORMAT },
		{ (enum kind)3, SUITE_AES256GCM, COMPRESSION_NONE, 1, 29, ERR_FORMAT },
		{ KIND_CONTENT, (enum suite)0, COMPRESSION_NONE, 1, 29, ERR_FORMAT },
		{ KIND_CONTENT, (enum suite)3, COMPRESSION_NONE, 1, 29, ERR_FORMAT },
		{ KIND_CONTENT, SUITE_AES256GCM, (enum compression)3, 1, 29, ERR_FORMAT },
		/* Padded: a plaintext and a frame of padded lengths, the frame no longer than one that does not shrink. */
		{ KIND_CONTENT, SUITE_AES256GCM, COMPRESSION_PADDED, 1, 28 + 10, 0 },
		{ KIND_CONTENT, SUITE_AES256GCM, COMPRESSION_PADDED, 1, 28 + 9, ERR_FORMAT },
		{ KIND_CONTENT, SUITE_AES256GCM, COMPRESSION_PADDED, 1, 28, ERR_FORMAT },
		{ KIND_CONTENT, SUITE_AES256GCM, COMPRESSION_PADDED, 0, 28 + 10, ERR_FORMAT },
		{ KIND_CONTENT, SUITE_AES256GCM, COMPRESSION_PADDED, 9, 28 + 10, ERR_FORMAT },
		{ KIND_CONTENT, SUITE_AES256GCM, COMPRESSION_PADDED, 10, 28 + 10, 0 },
		{ KIND_CONTENT, SUITE_XCHACHA20POLY1305, COMPRESSION_PADDED, 10, 40 + 10, 0 },
		{ KIND_CONTENT, SUITE_AES256GCM, COMPRESSION_PADDED, 1, 28 + 72, 0 },
		{ KIND_CONTENT, SUITE_AES256GCM, COMPRESSION_PADDED, 1, 28 + 80, ERR_FORMAT },
		{ KIND_CONTENT, SUITE_AES256GCM, COMPRESSION_PADDED, CHUNK_MAX, BLOB_STORED_MAX - AEAD_OVERHEAD + 28,
		  0 },
		{ KIND_CONTENT, SUITE_AES256GCM, COMPRESSION_PADDED, CHUNK_MAX,
		  BLOB_STORED_MAX - AEAD_OVERHEAD + 28 + (CHUNK_MAX >> 5), ERR_FORMAT },
		{ KIND_CONTENT, SUITE_AES256GCM, COMPRESSION_PADDED, CHUNK_MAX + (CHUNK_MAX >> 5), 28 + 10,
		  ERR_FORMAT },
		{ KIND_CONTENT, SUITE_AES256GCM, COMPRESSION_PADDED, CHUNK_MAX, UINT64_MAX, ERR_FORMAT },
		{ KIND_NODE, SUITE_AES256GCM, COMPRESSION_PADDED, NODE_MAX, 28 + 10, 0 },
		{ KIND_NODE, SUITE_AES256GCM, COMPRESSION_PADDED, NODE_MAX + (NODE_MAX >> 5), 28 + 10, ERR_FORMAT },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct blob_info info = { .kind = rows[i].kind,
					  .suite = rows[i].suite,
					  .compression = rows[i].compression,
					  .plain = rows[i].plain };

		assert_int_equal(blob_check(&info, rows[i].stored), rows[i].code);
	}
}

static void a_piece_larger_than_the_codec_is_refused(void **state)
{
	struct blob_info info = info_of(KIND_CONTENT, SUITE_AES256GCM, SIZE + 1);
	const uint8_t *stored;
	size_t len;

	assert_int_equal(blob_encode(*state, "sms", key, &info, text, &stored, &len), ERR_FORMAT);
	len = SIZE + 1;
	assert_int_equal(blob_decode(*state, "sms", key, &info, text, info.plain + 28, out, &len), ERR_FORMAT);
}

static void at_every_level_a_piece_is_packed_in_bounded_memory(void **state)
{
	const size_t largest = 1u << 20;
	uint8_t *data = xmalloc(largest), *copy = xmalloc(largest + AEAD_OVERHEAD), *back = xmalloc(largest);

	(void)state;
	for (size_t i = 0; i < largest; i++)
		data[i] = text[i % SIZE] ^ (uint8_t)(i / SIZE);
	for (int level = 1; level <= 22; level++) {
		struct blob_codec *codec = blob_codec_new(largest, level);
		struct blob_info info = info_of(KIND_CONTENT, SUITE_AES256GCM, largest);
		const uint8_t *stored;
		size_t len;

		assert_true(blob_codec_memory(CHUNK_MAX, level) < BLOB_STORED_MAX + (9u << 20));
		assert_int_equal(blob_encode(codec, "sms", key, &info, data, &stored, &len), 0);
		assert_int_equal(info.compression, COMPRESSION_ZSTD);
		memcpy(copy, stored, len);
		size_t got = largest;
		assert_int_equal(blob_decode(codec, "sms", key, &info, copy, len, back, &got), 0);
		assert_memory_equal(back, data, largest);
		blob_codec_free(codec);
	}
	free(data);
	free(copy);
	free(back);
}

/* What the holder of a chunk's key could store as its compressed form: `packed` is what decryption gives. */
static int decode_form(void *codec, enum compression form, const void *packed, size_t packed_len, uint32_t plain,
		       size_t *got)
{
	struct blob_info info = info_of(KIND_CONTENT, SUITE_AES256GCM, plain);
	uint8_t aad[79] = "NFBLOB1\n", *stored = xmalloc(packed_len + 28);

	/* docs/FORMAT.md, "Blob", written out once more. */
	info.compression = form;
	sha256("sms", 3, aad + 8);
	memcpy(aad + 40, (uint8_t[]){ KIND_CONTENT, SUITE_AES256GCM, (uint8_t)form }, 3);
	memcpy(aad + 43,
	       (uint8_t[]){ (uint8_t)(plain >> 24), (uint8_t)(plain >> 16), (uint8_t)(plain >> 8), (uint8_t)plain }, 4);
	memcpy(aad + 47, info.id, ID_SIZE);
	aead_seal(SUITE_AES256GCM, key, aad, sizeof aad, packed, packed_len, stored);
	int code = blob_decode(codec, "sms", key, &info, stored, packed_len + 28, out, got);
	free(stored);
	return code;
}

static int decode_packed(void *codec, const void *packed, size_t packed_len, uint32_t plain)
{
	size_t got = sizeof out;

	return decode_form(codec, COMPRESSION_ZSTD, packed, packed_len, plain, &got);
}

static void a_compressed_form_that_is_not_one_frame_of_the_right_length_is_refused(void **state)
{
	static uint8_t frame[4000];
	size_t len = ZSTD_compress(frame, 1000, text, 2000, 3);

	assert_false(ZSTD_isError(len));
	assert_int_equal(decode_packed(*state, frame, len, 2000), 0);
	assert_memory_equal(out, text, 2000);

	/* A bomb: more than its length says. */
	assert_int_equal(decode_packed(*state, frame, len, 1999), ERR_INTEGRITY);
	assert_non_null(strstr(err_message(), "does not decompress to its length"));
	assert_int_equal(decode_packed(*state, frame, len, 2001), ERR_INTEGRITY);
	/* Cut, with a byte behind it, two frames, or another kind of frame. */
	assert_int_equal(decode_packed(*state, frame, len - 1, 2000), ERR_INTEGRITY);
	assert_non_null(strstr(err_message(), "is not one whole zstd frame"));
	assert_int_equal(decode_packed(*state, frame, len + 1, 2000), ERR_INTEGRITY);
	memcpy(frame + len, frame, len);
	assert_int_equal(decode_packed(*state, frame, 2 * len, 4000), ERR_INTEGRITY);
	assert_int_equal(decode_packed(*state, "\x50\x2a\x4d\x18\x01\0\0\0x", 9, 2000), ERR_INTEGRITY);
	assert_non_null(strstr(err_message(), "is not one whole zstd frame"));
	assert_int_equal(decode_packed(*state, "\x28\xb5", 2, 2000), ERR_INTEGRITY);
}

static void a_padded_blob_says_no_exact_length_and_comes_back_exactly(void **state)
{
	for (enum kind kind = KIND_CONTENT; kind <= KIND_NODE; kind++)
		for (size_t size = 1; size <= SIZE; size += 1 + size / 7)
			for (int noisy = 0; noisy < 2; noisy++) {
				static uint8_t copy[2 * SIZE];
				const uint8_t *data = noisy ? noise : text, *stored;
				struct blob_info info = info_of(kind, SUITE_AES256GCM, size);
				size_t len, got = size;

				info.compression = COMPRESSION_PADDED;
				assert_int_equal(blob_encode(*state, "sms", key, &info, data, &stored, &len), 0);
				assert_int_equal(info.compression, COMPRESSION_PADDED);
				assert_int_equal(info.plain, padme(size));
				assert_true(padme_makes(len - 28));
				assert_int_equal(blob_check(&info, len), 0);
				assert_true(blob_describes(&info, size));
				memset(out, 0, sizeof out);
				memcpy(copy, stored, len);
				assert_int_equal(blob_decode(*state, "sms", key, &info, copy, len, out, &got), 0);
				assert_int_equal(got, size);
				assert_memory_equal(out, data, size);
			}
}

/* The caller knows how long it should be: not a byte more is written, and what is longer is told from what is damaged. */
static void a_padded_blob_that_is_longer_than_its_room_is_refused(void **state)
{
	struct blob_info info = info_of(KIND_CONTENT, SUITE_AES256GCM, 2000);
	const uint8_t *stored;
	size_t len, got = 1999;

	info.compression = COMPRESSION_PADDED;
	assert_int_equal(blob_encode(*state, "sms", key, &info, text, &stored, &len), 0);
	uint8_t *copy = xmalloc(len), *damaged = xmalloc(len);
	memcpy(copy, stored, len);
	memset(out, 0xee, sizeof out);
	assert_int_equal(blob_decode(*state, "sms", key, &info, copy, len, out, &got), ERR_INTEGRITY);
	assert_non_null(strstr(err_message(), "is longer than it should be"));
	assert_true(got > 1999);
	assert_int_equal(out[1999], 0xee);

	memcpy(damaged, stored, len);
	damaged[len - 1] ^= 1;
	got = 1999;
	assert_int_equal(blob_decode(*state, "sms", key, &info, damaged, len, out, &got), ERR_INTEGRITY);
	assert_int_equal(got, 1999);
	free(copy);
	free(damaged);
}

/* 2001 bytes, half of which shrink. */
static size_t compress_half(uint8_t *frame, size_t room)
{
	uint8_t data[2001];

	memcpy(data, text, 1000);
	memcpy(data + 1000, noise, 1001);
	size_t len = ZSTD_compress(frame, room, data, sizeof data, 3);
	assert_false(ZSTD_isError(len));
	return len;
}

static void a_padded_form_that_is_not_one_frame_and_zeros_to_its_padded_length_is_refused(void **state)
{
	static uint8_t frame[4000];
	size_t len = compress_half(frame, sizeof frame), padded = padme(len), got;
	uint32_t plain = (uint32_t)padme(2001);
	const struct {
		const char *what, *says;
		uint32_t plain;
		size_t at, packed; /* a byte there is made 1 */
		int code;
	} rows[] = {
		{ "as it should be", "", plain, SIZE, padded, 0 },
		{ "padding that is not zero", "with zeros behind it", plain, len, padded, ERR_INTEGRITY },
		{ "nor at its end", "with zeros behind it", plain, padded - 1, padded, ERR_INTEGRITY },
		{ "more padding", "with zeros behind it", plain, SIZE, padme(padded + 1), ERR_INTEGRITY },
		{ "no padding", "cannot hold", plain, SIZE, len, ERR_FORMAT },
		{ "a length that is said to be longer", "not decompress", (uint32_t)padme(plain + 1), SIZE, padded,
		  ERR_INTEGRITY },
		{ "or shorter", "not decompress", 1984, SIZE, padded, ERR_INTEGRITY },
		{ "a length that is no padded one", "cannot hold", 2001, SIZE, padded, ERR_FORMAT },
		{ "a frame that is cut", "not one whole", plain, SIZE, 26, ERR_INTEGRITY },
	};

	assert_false(ZSTD_isError(len));
	assert_true(padded > len + 1 && plain > 2001);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint8_t packed[4000] = { 0 };

		memcpy(packed, frame, len);
		if (rows[i].at < sizeof packed)
			packed[rows[i].at] = 1;
		got = sizeof out;
		assert_int_equal(decode_form(*state, COMPRESSION_PADDED, packed, rows[i].packed, rows[i].plain, &got),
				 rows[i].code);
		if (rows[i].code != 0 && strstr(err_message(), rows[i].says) == NULL)
			fail_msg("%s: %s", rows[i].what, err_message());
	}
	/* Two frames, one of which would be taken; a skippable one behind it; and nothing but zeros. */
	memcpy(frame + len, frame, len);
	memset(frame + 2 * len, 0, sizeof frame - 2 * len);
	got = sizeof out;
	assert_int_equal(decode_form(*state, COMPRESSION_PADDED, frame, padme(2 * len), plain, &got), ERR_INTEGRITY);
	memset(frame + len, 0, len);
	memcpy(frame + len, "\x50\x2a\x4d\x18", 4);
	assert_int_equal(decode_form(*state, COMPRESSION_PADDED, frame, padme(len + 8), plain, &got), ERR_INTEGRITY);
	memset(frame, 0, sizeof frame);
	assert_int_equal(decode_form(*state, COMPRESSION_PADDED, frame, padded, plain, &got), ERR_INTEGRITY);
	/* A frame of no bytes at all. */
	len = ZSTD_compress(frame, 1000, text, 0, 3);
	assert_int_equal(decode_form(*state, COMPRESSION_PADDED, frame, padme(len), 1, &got), ERR_INTEGRITY);
}

/* Whoever has the key can encrypt anything: whatever it is, it is refused or within its limits. */
static void any_padded_form_is_refused_or_is_as_it_is_described(void **state)
{
	static uint8_t frame[4000], packed[4000];
	size_t len = compress_half(frame, sizeof frame), padded = padme(len);
	unsigned taken = 0;

	for (unsigned turn = 0; turn < 20000; turn++) {
		uint32_t random[4];
		size_t got = sizeof out;

		random_bytes(random, sizeof random);
		memset(packed, 0, padded);
		memcpy(packed, frame, len);
		for (unsigned i = 0; i < 1 + turn % 3; i++)
			packed[random[i] % padded] ^= (uint8_t)(random[i] >> 24);
		size_t cut = turn % 5 == 0 ? padme(1 + random[3] % padded) : padded;
		uint32_t plain = (uint32_t)padme(turn % 7 == 0 ? 1 + random[3] % SIZE : 2001);
		out[plain] = 0xee;
		if (decode_form(*state, COMPRESSION_PADDED, packed, cut, plain, &got) == 0) {
			assert_int_equal(padme(got), plain);
			taken++;
		}
		assert_int_equal(out[plain], 0xee);
	}
	assert_true(taken > 0 && taken < 20000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_was_encoded_is_decoded_in_every_kind_suite_and_size, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(at_every_level_a_piece_is_packed_in_bounded_memory, set_up, tear_down),
		cmocka_unit_test_setup_teardown(each_encryption_has_a_fresh_nonce, set_up, tear_down),
		cmocka_unit_test_setup_teardown(anything_bound_to_a_blob_that_differs_is_refused, set_up, tear_down),
		cmocka_unit_test(lengths_that_cannot_be_are_refused_before_anything_is_allocated),
		cmocka_unit_test_setup_teardown(a_piece_larger_than_the_codec_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_compressed_form_that_is_not_one_frame_of_the_right_length_is_refused,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_padded_blob_says_no_exact_length_and_comes_back_exactly, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_padded_blob_that_is_longer_than_its_room_is_refused, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(
			a_padded_form_that_is_not_one_frame_and_zeros_to_its_padded_length_is_refused, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(any_padded_form_is_refused_or_is_as_it_is_described, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
