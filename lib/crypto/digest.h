/*
 * SHA-256 (FIPS 180-4) from libcrypto, which uses the CPU's instructions, and BLAKE2b-256 (RFC 7693) for what is keyed.
 */
#ifndef CRYPTO_DIGEST_H
#define CRYPTO_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define DIGEST_SIZE 32
#define DIGEST_HEX  (2 * DIGEST_SIZE + 1)

/* One piece. Allocates only at a thread's first call. */
void sha256(const void *data, size_t len, uint8_t out[DIGEST_SIZE]);

/* Incremental. sha256_final() may be followed by sha256_reset(). */
struct sha256;
struct sha256 *sha256_new(void);
void sha256_reset(struct sha256 *s);
void sha256_update(struct sha256 *s, const void *data, size_t len);
void sha256_final(struct sha256 *s, uint8_t out[DIGEST_SIZE]);
void sha256_free(struct sha256 *s);

/*
 * HMAC-SHA-256 (RFC 2104) and BLAKE2b with a 32-byte result, keyed or not; key: 32 bytes. `out` may be where `key` is.
 */
void hmac_sha256(const uint8_t key[32], const void *data, size_t len, uint8_t out[DIGEST_SIZE]);
void blake2b(const void *data, size_t len, uint8_t out[DIGEST_SIZE]);
void blake2b_keyed(const uint8_t key[32], const void *data, size_t len, uint8_t out[DIGEST_SIZE]);

#endif
