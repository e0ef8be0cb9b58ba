#include "crypto/unseal.h"

#include <string.h>

#include <sodium.h>

#include "base/hex.h"

int unseal(const struct secret_key *recipient, const struct seal_binding *binding, const uint8_t sealed[SEALED_SIZE],
	   uint8_t root_key[KEY_SIZE])
{
	char snapshot[SNAPSHOT_ID_HEX];

	hex_encode(binding->snapshot, SNAPSHOT_ID_SIZE, snapshot);
	if (!role_has_box(recipient->public.role))
		return failed(ERR_KEY, "a key of role %s opens no snapshot: give an operator's or a validator's",
			      role_name(recipient->public.role));

	_secret_ uint8_t *payload = secret_new(SEAL_PAYLOAD_SIZE);
	uint8_t prefix[SEAL_PREFIX_SIZE], id[ID_SIZE];

	if (crypto_box_seal_open(payload, sealed, SEALED_SIZE, recipient->public.box, recipient->box) != 0)
		return failed(ERR_KEY, "this key does not open the seal of snapshot %s, or the seal is damaged",
			      snapshot);
	seal_prefix(binding, prefix);
	if (memcmp(payload, prefix, SEAL_PREFIX_SIZE) != 0)
		return failed(ERR_INTEGRITY, "the seal under the name of snapshot %s was made for another one",
			      snapshot);
	chunk_id(payload + SEAL_PREFIX_SIZE, id);
	if (memcmp(id, binding->root_id, ID_SIZE) != 0)
		return failed(ERR_INTEGRITY, "the seal of snapshot %s holds a key that does not make its root's id",
			      snapshot);
	memcpy(root_key, payload + SEAL_PREFIX_SIZE, KEY_SIZE);
	return 0;
}
