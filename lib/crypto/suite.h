/*
 * The two cipher suites, and how a chunk's key and id follow from its content (docs/FORMAT.md, "Chunk keys").
 *
 *	d    = SHA-256(piece)
 *	root = HMAC-SHA-256(dataset key, format | kind | suite | d)      one byte each, then 32
 *	key  = BLAKE2b-256(key: root, "key")
 *	id   = BLAKE2b-256(key: key, "id")
 *
 * The id is public and says nothing about the key. Every reader checks that the key it was given makes the id: this
 * commits the AEAD, which by itself is not committing, to one key. The nonce is fresh and random for each encryption.
 * No reader asks where a key came from: with `dedup: none` those of content are random.
 */
#ifndef CRYPTO_SUITE_H
#define CRYPTO_SUITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/digest.h"
#include "crypto/secret.h"

#define ID_SIZE        32
#define ID_HEX         (2 * ID_SIZE + 1)
#define FORMAT_VERSION 1

/* Numbers of the format: never reused. */
enum suite { SUITE_AES256GCM = 1, SUITE_XCHACHA20POLY1305 = 2 };
enum kind { KIND_CONTENT = 1, KIND_NODE = 2 };

#define AEAD_NONCE_MAX 24
#define AEAD_TAG_SIZE  16
#define AEAD_OVERHEAD  (AEAD_NONCE_MAX + AEAD_TAG_SIZE)

/* ERR_SYSTEM when the CPU has no AES instructions and the suite needs them: an error, never another cipher. */
must_check int suite_available(enum suite suite);
/* The rule behind it, for a CPU that has AES instructions or has not; ERR_FORMAT for a number that is no suite. */
must_check int suite_available_with(enum suite suite, bool cpu_has_aes);
const char *suite_name(enum suite suite);
size_t suite_overhead(enum suite suite); /* nonce + tag: stored bytes - packed bytes */

/* dataset_key and key in guarded memory. digest: SHA-256 of the piece. */
void chunk_key(const uint8_t dataset_key[KEY_SIZE], enum kind kind, enum suite suite, const uint8_t digest[DIGEST_SIZE],
	       uint8_t key[KEY_SIZE], uint8_t id[ID_SIZE]);

/* A key that says nothing of any content (`dedup: none`), and its id. key in guarded memory. */
void chunk_key_random(uint8_t key[KEY_SIZE], uint8_t id[ID_SIZE]);

/* The id that a key makes. */
void chunk_id(const uint8_t key[KEY_SIZE], uint8_t id[ID_SIZE]);

/*
 * out: nonce | ciphertext | tag, len + suite_overhead() bytes; a fresh random nonce. `data` may stand where the
 * ciphertext is to be, behind the nonce; otherwise it must not overlap `out`.
 */
void aead_seal(enum suite suite, const uint8_t key[KEY_SIZE], const void *aad, size_t aad_len, const void *data,
	       size_t len, uint8_t *out);

/*
 * The reverse: stored -> len - overhead bytes at `out`, which may be where the ciphertext stands. ERR_INTEGRITY when
 * the tag does not match, ERR_FORMAT when too short, ERR_SYSTEM as suite_available().
 */
must_check int aead_open(enum suite suite, const uint8_t key[KEY_SIZE], const void *aad, size_t aad_len,
			 const uint8_t *stored, size_t len, uint8_t *out);

#endif
