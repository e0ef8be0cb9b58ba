/*
 * Sealing: the only way into a snapshot (docs/FORMAT.md, "Seal"). Anyone can seal; opening is crypto/unseal.h, which
 * the agent does not link. crypto_box_seal of libsodium: X25519, XSalsa20-Poly1305, an ephemeral key each.
 */
#ifndef CRYPTO_SEAL_H
#define CRYPTO_SEAL_H

#include <stdint.h>

#include "crypto/keyfile.h"
#include "crypto/suite.h"

#define SNAPSHOT_ID_SIZE 16
#define SNAPSHOT_ID_HEX  (2 * SNAPSHOT_ID_SIZE + 1)
#define DATASET_NAME_MAX 64

/*
 * What a seal holds: the root's key, bound to its snapshot. Fixed layout, in this order: 8 bytes "NFSEAL1\n",
 * SHA-256(dataset name), snapshot id, root id, root key.
 */
#define SEAL_PREFIX_SIZE  (8 + DIGEST_SIZE + SNAPSHOT_ID_SIZE + ID_SIZE)
#define SEAL_PAYLOAD_SIZE (SEAL_PREFIX_SIZE + KEY_SIZE)
#define SEALED_SIZE       (SEAL_PAYLOAD_SIZE + 48)

struct seal_binding {
	const char *dataset;
	uint8_t snapshot[SNAPSHOT_ID_SIZE];
	uint8_t root_id[ID_SIZE];
};

/* The payload up to the root key. */
void seal_prefix(const struct seal_binding *binding, uint8_t prefix[SEAL_PREFIX_SIZE]);

/*
 * Seals the root key (guarded) for one recipient. ERR_USAGE: its role has no box part; ERR_FORMAT: no usable public
 * key.
 */
must_check int seal_make(const struct public_key *recipient, const struct seal_binding *binding,
			 const uint8_t root_key[KEY_SIZE], uint8_t sealed[SEALED_SIZE]);

#endif
