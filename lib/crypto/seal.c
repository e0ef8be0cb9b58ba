#include "crypto/seal.h"

#include <string.h>

#include <sodium.h>

_Static_assert(SEALED_SIZE == SEAL_PAYLOAD_SIZE + crypto_box_SEALBYTES, "crypto_box_seal's overhead");
_Static_assert(SEAL_PREFIX_SIZE == 88, "docs/FORMAT.md, Seal");

void seal_prefix(const struct seal_binding *binding, uint8_t prefix[SEAL_PREFIX_SIZE])
{
	uint8_t *at = prefix;

	memcpy(at, "NFSEAL1\n", 8);
	at += 8;
	sha256(binding->dataset, strlen(binding->dataset), at);
	at += DIGEST_SIZE;
	memcpy(at, binding->snapshot, SNAPSHOT_ID_SIZE);
	at += SNAPSHOT_ID_SIZE;
	memcpy(at, binding->root_id, ID_SIZE);
}

int seal_make(const struct public_key *recipient, const struct seal_binding *binding, const uint8_t root_key[KEY_SIZE],
	      uint8_t sealed[SEALED_SIZE])
{
	if (!role_has_box(recipient->role))
		return failed(ERR_USAGE, "%s keys cannot be recipients: they have no encryption part",
			      role_name(recipient->role));

	_secret_ uint8_t *payload = secret_new(SEAL_PAYLOAD_SIZE);

	seal_prefix(binding, payload);
	memcpy(payload + SEAL_PREFIX_SIZE, root_key, KEY_SIZE);
	/* Fails for a public key of small order only: for such a one everybody could open the seal. */
	if (crypto_box_seal(sealed, payload, SEAL_PAYLOAD_SIZE, recipient->box) != 0)
		return failed(ERR_FORMAT, "the recipient's public key is not a usable one");
	return 0;
}
