#include "crypto/suite.h"

#include <string.h>

#include <sodium.h>

#define AES_NONCE_SIZE     crypto_aead_aes256gcm_NPUBBYTES
#define XCHACHA_NONCE_SIZE crypto_aead_xchacha20poly1305_ietf_NPUBBYTES

_Static_assert(XCHACHA_NONCE_SIZE == AEAD_NONCE_MAX && AES_NONCE_SIZE <= AEAD_NONCE_MAX, "largest nonce");
_Static_assert(crypto_aead_aes256gcm_ABYTES == AEAD_TAG_SIZE, "tag");
_Static_assert(crypto_aead_xchacha20poly1305_ietf_ABYTES == AEAD_TAG_SIZE, "tag");

static const struct {
	enum suite suite;
	const char *name;
	size_t nonce_size;
} suites[] = {
	{ SUITE_AES256GCM, "aes-256-gcm", AES_NONCE_SIZE },
	{ SUITE_XCHACHA20POLY1305, "xchacha20-poly1305", XCHACHA_NONCE_SIZE },
};

#define SUITE_COUNT (sizeof suites / sizeof suites[0])

/* Index in the table, SUITE_COUNT when it is not there. */
static size_t find(enum suite suite)
{
	size_t i = 0;

	while (i < SUITE_COUNT && suites[i].suite != suite)
		i++;
	return i;
}

int suite_available_with(enum suite suite, bool cpu_has_aes)
{
	if (find(suite) == SUITE_COUNT)
		return failed(ERR_FORMAT, "cipher suite %u is not known to this version", (unsigned)suite);
	if (suite == SUITE_AES256GCM && !cpu_has_aes)
		return failed(ERR_SYSTEM,
			      "aes-256-gcm needs a CPU with AES and PCLMUL instructions, which this one has not: "
			      "use another host, or 'cipher: xchacha20-poly1305' for new snapshots");
	return 0;
}

int suite_available(enum suite suite)
{
	/* libsodium knows the CPU only once it is started. */
	return suite_available_with(suite, sodium_init() >= 0 && crypto_aead_aes256gcm_is_available() == 1);
}

const char *suite_name(enum suite suite)
{
	size_t i = find(suite);

	must(i < SUITE_COUNT);
	return suites[i].name;
}

static size_t nonce_size(enum suite suite)
{
	size_t i = find(suite);

	must(i < SUITE_COUNT);
	return suites[i].nonce_size;
}

size_t suite_overhead(enum suite suite)
{
	return nonce_size(suite) + AEAD_TAG_SIZE;
}

void chunk_key(const uint8_t dataset_key[KEY_SIZE], enum kind kind, enum suite suite, const uint8_t digest[DIGEST_SIZE],
	       uint8_t key[KEY_SIZE], uint8_t id[ID_SIZE])
{
	uint8_t input[3 + DIGEST_SIZE] = { FORMAT_VERSION, (uint8_t)kind, (uint8_t)suite };

	memcpy(input + 3, digest, DIGEST_SIZE);
	/* The root stands only where its key will: in the caller's guarded memory. */
	hmac_sha256(dataset_key, input, sizeof input, key);
	blake2b_keyed(key, "key", 3, key);
	chunk_id(key, id);
	secret_wipe(input, sizeof input);
}

void chunk_key_random(uint8_t key[KEY_SIZE], uint8_t id[ID_SIZE])
{
	random_bytes(key, KEY_SIZE);
	chunk_id(key, id);
}

void chunk_id(const uint8_t key[KEY_SIZE], uint8_t id[ID_SIZE])
{
	blake2b_keyed(key, "id", 2, id);
}

void aead_seal(enum suite suite, const uint8_t key[KEY_SIZE], const void *aad, size_t aad_len, const void *data,
	       size_t len, uint8_t *out)
{
	size_t nonce = nonce_size(suite);

	must(suite_available(suite) == 0);
	random_bytes(out, nonce);
	if (suite == SUITE_AES256GCM)
		must(crypto_aead_aes256gcm_encrypt(out + nonce, NULL, data, len, aad, aad_len, NULL, out, key) == 0);
	else
		must(crypto_aead_xchacha20poly1305_ietf_encrypt(out + nonce, NULL, data, len, aad, aad_len, NULL, out,
								key) == 0);
}

int aead_open(enum suite suite, const uint8_t key[KEY_SIZE], const void *aad, size_t aad_len, const uint8_t *stored,
	      size_t len, uint8_t *out)
{
	int code = suite_available(suite);

	if (code != 0)
		return code;

	size_t nonce = nonce_size(suite);

	if (len < nonce + AEAD_TAG_SIZE)
		return failed(ERR_FORMAT, "%zu bytes are too short for %s", len, suite_name(suite));

	const uint8_t *box = stored + nonce;
	size_t box_len = len - nonce;

	code = suite == SUITE_AES256GCM
		       ? crypto_aead_aes256gcm_decrypt(out, NULL, NULL, box, box_len, aad, aad_len, stored, key)
		       : crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL, box, box_len, aad, aad_len, stored,
								    key);
	return code == 0 ? 0
			 : failed(ERR_INTEGRITY, "its authentication tag does not match: damaged, or another's bytes");
}
