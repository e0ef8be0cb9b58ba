#include "crypto/digest.h"

#include <pthread.h>

#include <openssl/evp.h>
#include <sodium.h>

#include "base/alloc.h"
#include "base/err.h"

struct sha256 {
	EVP_MD_CTX *context;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static EVP_MD *algorithm;  /* fetched once: a look-up costs more than hashing a small piece */
static pthread_key_t mine; /* each thread's own context for sha256() */

static void free_mine(void *s)
{
	sha256_free(s);
}

static void start(void)
{
	algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
	must(algorithm != NULL);
	must(pthread_key_create(&mine, free_mine) == 0);
}

struct sha256 *sha256_new(void)
{
	struct sha256 *s = xcalloc(1, sizeof *s);

	must(pthread_once(&once, start) == 0);
	s->context = EVP_MD_CTX_new();
	must(s->context != NULL);
	sha256_reset(s);
	return s;
}

void sha256_reset(struct sha256 *s)
{
	must(EVP_DigestInit_ex2(s->context, algorithm, NULL) == 1);
}

void sha256_update(struct sha256 *s, const void *data, size_t len)
{
	must(EVP_DigestUpdate(s->context, data, len) == 1);
}

void sha256_final(struct sha256 *s, uint8_t out[DIGEST_SIZE])
{
	must(EVP_DigestFinal_ex(s->context, out, NULL) == 1);
}

void sha256_free(struct sha256 *s)
{
	if (s == NULL)
		return;
	EVP_MD_CTX_free(s->context);
	free_pointer(&s);
}

void sha256(const void *data, size_t len, uint8_t out[DIGEST_SIZE])
{
	must(pthread_once(&once, start) == 0);

	struct sha256 *s = pthread_getspecific(mine);

	if (s == NULL) {
		s = sha256_new();
		must(pthread_setspecific(mine, s) == 0);
	} else {
		sha256_reset(s);
	}
	sha256_update(s, data, len);
	sha256_final(s, out);
}

void hmac_sha256(const uint8_t key[32], const void *data, size_t len, uint8_t out[DIGEST_SIZE])
{
	/* libsodium's: it wipes its state, and the inputs are too small for the CPU's instructions to matter. */
	must(crypto_auth_hmacsha256(out, data, len, key) == 0);
}

void blake2b(const void *data, size_t len, uint8_t out[DIGEST_SIZE])
{
	must(crypto_generichash(out, DIGEST_SIZE, data, len, NULL, 0) == 0);
}

void blake2b_keyed(const uint8_t key[32], const void *data, size_t len, uint8_t out[DIGEST_SIZE])
{
	must(crypto_generichash(out, DIGEST_SIZE, data, len, key, 32) == 0);
}
