#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/hex.h"
#include "crypto/suite.h"

static const enum suite both[] = { SUITE_AES256GCM, SUITE_XCHACHA20POLY1305 };

static void suites_have_their_names(void **state)
{
	(void)state;
	assert_string_equal(suite_name(SUITE_AES256GCM), "aes-256-gcm");
	assert_string_equal(suite_name(SUITE_XCHACHA20POLY1305), "xchacha20-poly1305");
	assert_int_equal(suite_overhead(SUITE_AES256GCM), 28);
	assert_int_equal(suite_overhead(SUITE_XCHACHA20POLY1305), 40);
}

static void a_missing_aes_unit_is_an_error_and_never_another_cipher(void **state)
{
	(void)state;
	assert_int_equal(suite_available_with(SUITE_AES256GCM, true), 0);
	assert_int_equal(suite_available_with(SUITE_AES256GCM, false), ERR_SYSTEM);
	assert_non_null(strstr(err_message(), "needs a CPU with AES"));
	assert_int_equal(suite_available_with(SUITE_XCHACHA20POLY1305, false), 0);
	assert_int_equal(suite_available((enum suite)3), ERR_FORMAT);
	assert_string_equal(err_message(), "cipher suite 3 is not known to this version");
}

/* Computed with Python's hashlib and hmac from the formula in crypto/suite.h. */
static void chunk_keys_and_ids_are_those_of_the_format(void **state)
{
	/* clang-format off */
	static const struct {
		enum kind kind;
		enum suite suite;
		const char *piece, *key, *id;
	} rows[] = {
		{ KIND_CONTENT, SUITE_AES256GCM, "", "38b0a02f9e898a5fdae4430906b288be30a6a66bfbc92112ce96811a4b899c93",
		  "3dcc642e5db3187eedbe809e154fd4f97a92b82f8693756f26360832dc1dbd3d" },
		{ KIND_CONTENT, SUITE_AES256GCM, "hello",
		  "45371c377fecdcbff471f0ac4161dbd595f1a150f4b79e8f45efbab4c568c757",
		  "b570e34f29637d145fbfeae6ae793216ab35f63f5b9e0fa002b45d879e3610b5" },
		{ KIND_NODE, SUITE_AES256GCM, "hello",
		  "047962b443e8ff4764ba6d69168c31328be75ce9039ac6871484e97eefe4405a",
		  "59d1fb439d7f7096a9b3fe4f3f9558cbc4b8b8473879d66725c6b68256a407d8" },
		{ KIND_CONTENT, SUITE_XCHACHA20POLY1305, "hello",
		  "7d7ac1b067876d73ecaac2db9e84fd7bb79b9142526923ef9be676fd13ac0c69",
		  "cde9334dc0be363887332ca1532c5678903cb9c1cd74feacc33dda079ae10080" },
	};
	/* clang-format on */
	uint8_t dataset_key[KEY_SIZE];

	(void)state;
	for (size_t i = 0; i < KEY_SIZE; i++)
		dataset_key[i] = (uint8_t)i;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint8_t digest[DIGEST_SIZE], key[KEY_SIZE], id[ID_SIZE], again[ID_SIZE];
		char text[ID_HEX];

		sha256(rows[i].piece, strlen(rows[i].piece), digest);
		chunk_key(dataset_key, rows[i].kind, rows[i].suite, digest, key, id);
		assert_string_equal(hex_encode(key, KEY_SIZE, text), rows[i].key);
		assert_string_equal(hex_encode(id, ID_SIZE, text), rows[i].id);
		chunk_id(key, again);
		assert_memory_equal(again, id, ID_SIZE);
	}
}

/* nonce | ciphertext | tag, as stored. */
struct vector {
	enum suite suite;
	const char *key, *aad, *stored, *plain;
};

/* clang-format off */
static const struct vector vectors[] = {
	/* McGrew, Viega, "The Galois/Counter Mode of Operation", test case 16 (in NIST's GCM submission). */
	{ SUITE_AES256GCM,
	  "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
	  "feedfacedeadbeeffeedfacedeadbeefabaddad2",
	  "cafebabefacedbaddecaf888"
	  "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
	  "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
	  "76fc6ece0f4e1768cddf8853bb2d551b",
	  "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
	  "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39" },
	/* draft-irtf-cfrg-xchacha-03, appendix A.3.1. */
	{ SUITE_XCHACHA20POLY1305,
	  "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
	  "50515253c0c1c2c3c4c5c6c7",
	  "404142434445464748494a4b4c4d4e4f5051525354555657"
	  "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb"
	  "731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b452"
	  "2f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9"
	  "21f9664c97637da9768812f615c68b13b52e"
	  "c0875924c1c7987947deafd8780acf49",
	  "4c616469657320616e642047656e746c656d656e206f662074686520636c6173"
	  "73206f66202739393a204966204920636f756c64206f6666657220796f75206f"
	  "6e6c79206f6e652074697020666f7220746865206675747572652c2073756e73"
	  "637265656e20776f756c642062652069742e" },
};
/* clang-format on */

static size_t bytes(const char *hex, uint8_t *out)
{
	assert_int_equal(hex_decode(hex, strlen(hex), out, strlen(hex) / 2), 0);
	return strlen(hex) / 2;
}

static void the_standards_vectors_open(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		const struct vector *v = &vectors[i];
		uint8_t key[KEY_SIZE], aad[32], stored[256], plain[256], out[256];

		assert_int_equal(bytes(v->key, key), KEY_SIZE);
		size_t aad_len = bytes(v->aad, aad), len = bytes(v->stored, stored), plain_len = bytes(v->plain, plain);

		assert_int_equal(len, plain_len + suite_overhead(v->suite));
		assert_int_equal(aead_open(v->suite, key, aad, aad_len, stored, len, out), 0);
		assert_memory_equal(out, plain, plain_len);
	}
}

static void what_is_sealed_opens_and_nothing_else_does(void **state)
{
	static const uint8_t data[100] = "attack at dawn";

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		enum suite suite = both[i];
		uint8_t key[KEY_SIZE] = { 1 }, stored[sizeof data + AEAD_OVERHEAD], again[sizeof stored],
			out[sizeof data];
		size_t len = sizeof data + suite_overhead(suite);

		aead_seal(suite, key, "aad", 3, data, sizeof data, stored);
		aead_seal(suite, key, "aad", 3, data, sizeof data, again);
		assert_memory_not_equal(stored, again, len); /* a fresh nonce each time */
		assert_int_equal(aead_open(suite, key, "aad", 3, stored, len, out), 0);
		assert_memory_equal(out, data, sizeof data);

		for (size_t at = 0; at < len; at += 9) {
			stored[at] ^= 0x10;
			assert_int_equal(aead_open(suite, key, "aad", 3, stored, len, out), ERR_INTEGRITY);
			stored[at] ^= 0x10;
		}
		assert_int_equal(aead_open(suite, key, "AAD", 3, stored, len, out), ERR_INTEGRITY);
		assert_int_equal(aead_open(suite, key, "aad", 3, stored, len - 1, out), ERR_INTEGRITY);
		assert_int_equal(aead_open(suite, key, "aad", 3, stored, suite_overhead(suite) - 1, out), ERR_FORMAT);
		key[31] ^= 1;
		assert_int_equal(aead_open(suite, key, "aad", 3, stored, len, out), ERR_INTEGRITY);
	}
}

static void an_empty_piece_has_only_its_overhead(void **state)
{
	uint8_t key[KEY_SIZE] = { 2 }, stored[AEAD_OVERHEAD], out[1] = { 0xee };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		aead_seal(both[i], key, NULL, 0, "", 0, stored);
		assert_int_equal(aead_open(both[i], key, NULL, 0, stored, suite_overhead(both[i]), out), 0);
		assert_int_equal(out[0], 0xee);
	}
}

static void a_suite_that_is_none_opens_nothing(void **state)
{
	uint8_t key[KEY_SIZE] = { 0 }, stored[AEAD_OVERHEAD] = { 0 }, out[1];

	(void)state;
	assert_int_equal(aead_open((enum suite)0, key, NULL, 0, stored, sizeof stored, out), ERR_FORMAT);
}

static void a_random_key_is_another_each_time_and_makes_its_id(void **state)
{
	uint8_t key[2][KEY_SIZE], id[2][ID_SIZE], made[ID_SIZE];

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		chunk_key_random(key[i], id[i]);
		chunk_id(key[i], made);
		assert_memory_equal(id[i], made, ID_SIZE);
	}
	assert_memory_not_equal(key[0], key[1], KEY_SIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(suites_have_their_names),
		cmocka_unit_test(a_missing_aes_unit_is_an_error_and_never_another_cipher),
		cmocka_unit_test(chunk_keys_and_ids_are_those_of_the_format),
		cmocka_unit_test(a_random_key_is_another_each_time_and_makes_its_id),
		cmocka_unit_test(the_standards_vectors_open),
		cmocka_unit_test(what_is_sealed_opens_and_nothing_else_does),
		cmocka_unit_test(an_empty_piece_has_only_its_overhead),
		cmocka_unit_test(a_suite_that_is_none_opens_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
