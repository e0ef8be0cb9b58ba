/* Opening a seal. Linked by restore, verify and keys only: a test reads the agent's link map. */
#ifndef CRYPTO_UNSEAL_H
#define CRYPTO_UNSEAL_H

#include "crypto/seal.h"

/*
 * Opens `sealed` with the recipient's key into root_key (guarded). ERR_KEY: not sealed to this key. ERR_INTEGRITY: it
 * opens, but belongs to another dataset, snapshot or root than `binding` says, or its root key does not make the root
 * id.
 */
must_check int unseal(const struct secret_key *recipient, const struct seal_binding *binding,
		      const uint8_t sealed[SEALED_SIZE], uint8_t root_key[KEY_SIZE]);

#endif
