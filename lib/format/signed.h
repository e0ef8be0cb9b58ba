/*
 * The envelope of every signed object (docs/FORMAT.md, "Signed objects"): a CBOR array of "nightfold", type, format
 * version, signer's key id, body (bytes), Ed25519 signature over "nightfold <type> v1\0" | body.
 */
#ifndef FORMAT_SIGNED_H
#define FORMAT_SIGNED_H

#include "base/buf.h"
#include "crypto/keyfile.h"

enum signed_type { SIGNED_HEADER, SIGNED_INDEX, SIGNED_SEAL, SIGNED_INTENT, SIGNED_CONDEMNED, SIGNED_LEASE };

const char *signed_type_name(enum signed_type type); /* "header", "index", ... */

struct signed_view { /* points into the object's bytes */
	uint8_t signer[KEY_ID_SIZE];
	const uint8_t *body;
	size_t body_len;
	const uint8_t *signature;
};

must_check int signed_encode(enum signed_type type, const struct secret_key *key, const struct buf *body,
			     struct buf *out);
must_check int signed_decode(enum signed_type type, const void *data, size_t len, const char *what,
			     struct signed_view *out);
must_check int signed_verify(enum signed_type type, const struct signed_view *view,
			     const struct public_key *key); /* ERR_INTEGRITY */

#endif
