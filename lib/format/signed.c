#include "format/signed.h"

#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "crypto/suite.h"
#include "format/cbor.h"
#include "format/limits.h"

#define MAGIC       "nightfold"
#define CONTEXT_MAX 32

static const struct {
	const char *name;
	size_t max; /* bytes of the whole object */
} types[] = {
	[SIGNED_HEADER] = { "header", HEADER_MAX },     [SIGNED_INDEX] = { "index", INDEX_MAX },
	[SIGNED_SEAL] = { "seal", SEAL_MAX },           [SIGNED_INTENT] = { "intent", INTENT_MAX },
	[SIGNED_CONDEMNED] = { "condemned", MARK_MAX }, [SIGNED_LEASE] = { "lease", MARK_MAX },
};

const char *signed_type_name(enum signed_type type)
{
	return types[type].name;
}

/* What is signed begins with this, so that no object can pass for one of another type or version. */
static const char *context_of(enum signed_type type, char out[CONTEXT_MAX])
{
	snprintf(out, CONTEXT_MAX, MAGIC " %s v%d", types[type].name, FORMAT_VERSION);
	return out;
}

int signed_encode(enum signed_type type, const struct secret_key *key, const struct buf *body, struct buf *out)
{
	char context[CONTEXT_MAX];
	uint8_t signature[SIGNATURE_SIZE];
	size_t start = out->len;

	key_sign(key, context_of(type, context), body->data, body->len, signature);
	if (cbor_write_array(out, 6) < 0 || cbor_write_text(out, MAGIC) < 0 ||
	    cbor_write_text(out, types[type].name) < 0 || cbor_write_uint(out, FORMAT_VERSION) < 0 ||
	    cbor_write_bytes(out, key->public.id, KEY_ID_SIZE) < 0 ||
	    cbor_write_bytes(out, body->data, body->len) < 0 || cbor_write_bytes(out, signature, sizeof signature) < 0)
		return ERR_FORMAT;
	if (out->len - start > types[type].max)
		return failed(ERR_FORMAT, "%s: %zu bytes, the limit is %zu", types[type].name, out->len - start,
			      types[type].max);
	return 0;
}

int signed_decode(enum signed_type type, const void *data, size_t len, const char *what, struct signed_view *out)
{
	struct cbor_reader r;
	uint64_t version;
	size_t signature_len;

	if (len > types[type].max)
		return failed(ERR_FORMAT, "%s: %zu bytes, the limit of a %s is %zu", what, len, types[type].name,
			      types[type].max);
	cbor_reader_init(&r, data, len, what);
	if (cbor_read_array_of(&r, 6) < 0 || cbor_read_text_of(&r, MAGIC) < 0 ||
	    cbor_read_text_of(&r, types[type].name) < 0 || cbor_read_uint(&r, UINT64_MAX, &version) < 0)
		return ERR_FORMAT;
	if (version != FORMAT_VERSION)
		return failed(ERR_FORMAT,
			      "%s: is of format version %llu, this program reads version %d: use a newer one", what,
			      (unsigned long long)version, FORMAT_VERSION);
	if (cbor_read_bytes_of(&r, KEY_ID_SIZE, out->signer) < 0 ||
	    cbor_read_bytes(&r, types[type].max, &out->body, &out->body_len) < 0 ||
	    cbor_read_bytes(&r, SIGNATURE_SIZE, &out->signature, &signature_len) < 0 || cbor_read_end(&r) < 0)
		return ERR_FORMAT;
	if (signature_len != SIGNATURE_SIZE)
		return failed(ERR_FORMAT, "%s: its signature has %zu bytes instead of %d", what, signature_len,
			      SIGNATURE_SIZE);
	return 0;
}

int signed_verify(enum signed_type type, const struct signed_view *view, const struct public_key *key)
{
	char context[CONTEXT_MAX], signer[KEY_ID_HEX];

	if (memcmp(view->signer, key->id, KEY_ID_SIZE) != 0)
		return failed(ERR_INTEGRITY, "this %s is signed by key %s, not by the one it was checked with",
			      types[type].name, hex_encode(view->signer, KEY_ID_SIZE, signer));
	return key_verify(key, context_of(type, context), view->body, view->body_len, view->signature);
}
