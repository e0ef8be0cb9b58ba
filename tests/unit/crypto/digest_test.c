#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hex.h"
#include "crypto/digest.h"

static void assert_hex(const uint8_t digest[DIGEST_SIZE], const char *expected)
{
	char text[DIGEST_HEX];

	assert_string_equal(hex_encode(digest, DIGEST_SIZE, text), expected);
}

/* FIPS 180-4, examples. */
/* clang-format off */
static const struct {
	const char *text, *digest;
} sha256_rows[] = {
	{ "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
	{ "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
	{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
	  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
};
/* clang-format on */

static void sha256_gives_the_digests_of_fips_180(void **state)
{
	uint8_t digest[DIGEST_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof sha256_rows / sizeof sha256_rows[0]; i++) {
		sha256(sha256_rows[i].text, strlen(sha256_rows[i].text), digest);
		assert_hex(digest, sha256_rows[i].digest);
	}
}

static void sha256_in_pieces_gives_the_same_and_starts_afresh(void **state)
{
	uint8_t digest[DIGEST_SIZE];
	char thousand[1000];
	struct sha256 *s = sha256_new();

	(void)state;
	memset(thousand, 'a', sizeof thousand);
	for (int i = 0; i < 1000; i++)
		sha256_update(s, thousand, sizeof thousand);
	sha256_final(s, digest);
	assert_hex(digest, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");

	sha256_reset(s);
	sha256_update(s, "a", 1);
	sha256_update(s, "bc", 2);
	sha256_final(s, digest);
	assert_hex(digest, sha256_rows[1].digest);
	sha256_free(s);
	sha256_free(NULL);
}

static void *hash_often(void *failures)
{
	uint8_t expected[DIGEST_SIZE], digest[DIGEST_SIZE];

	if (hex_decode(sha256_rows[1].digest, 2 * DIGEST_SIZE, expected, DIGEST_SIZE) != 0)
		abort();
	for (int i = 0; i < 1000; i++) {
		sha256("abc", 3, digest);
		*(int *)failures += memcmp(digest, expected, DIGEST_SIZE) != 0;
	}
	return NULL;
}

static void threads_hash_without_disturbing_each_other(void **state)
{
	pthread_t threads[4];
	int failures[4] = { 0 };

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, hash_often, &failures[i]), 0);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(failures[i], 0);
	}
}

static void hmac_gives_the_results_of_rfc_4231(void **state)
{
	/* Keys shorter than 32 bytes: HMAC pads with zeros, so a key with zeros behind it is the same key. */
	/* clang-format off */
	static const struct {
		uint8_t key[32];
		const char *data, *result;
	} rows[] = {
		{ { 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11 },
		  "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
		{ "Jefe",
		  "what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
		{ { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25 },
		  "\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd"
		  "\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd"
		  "\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd",
		  "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b" },
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint8_t result[DIGEST_SIZE];

		hmac_sha256(rows[i].key, rows[i].data, strlen(rows[i].data), result);
		assert_hex(result, rows[i].result);
	}
}

/* Computed with Python's hashlib: blake2b(data, digest_size=32, key=key). */
static void blake2b_is_that_of_rfc_7693(void **state)
{
	uint8_t key[32], data[64], digest[DIGEST_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)i;
	memcpy(key, data, sizeof key);
	blake2b("abc", 3, digest);
	assert_hex(digest, "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
	blake2b_keyed(key, data, sizeof data, digest);
	assert_hex(digest, "7f46f043d63dfb3c9b1102c8824b632cae1fce453e3c0e9dc9e7113f3c1acc36");
	/* The result may take the place of the key. */
	blake2b_keyed(key, data, sizeof data, key);
	assert_memory_equal(key, digest, DIGEST_SIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sha256_gives_the_digests_of_fips_180),
		cmocka_unit_test(sha256_in_pieces_gives_the_same_and_starts_afresh),
		cmocka_unit_test(threads_hash_without_disturbing_each_other),
		cmocka_unit_test(hmac_gives_the_results_of_rfc_4231),
		cmocka_unit_test(blake2b_is_that_of_rfc_7693),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
