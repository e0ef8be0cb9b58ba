/*
 * Role keys in files: "<role>.key" (secret, 0600) and "<role>.pub", each one line of text (docs/FORMAT.md, "Key files").
 *
 * Agent and pruner keys hold an Ed25519 part; operator and validator keys hold an Ed25519 and an X25519 part. A secret key
 * may stand under a passphrase (Argon2id). A private key file more open than 0600 is refused by every program.
 */
#ifndef CRYPTO_KEYFILE_H
#define CRYPTO_KEYFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "crypto/secret.h"

#define SIGN_PUBLIC_SIZE 32
#define SIGN_SECRET_SIZE 64 /* libsodium's form: seed | public */
#define BOX_PUBLIC_SIZE  32
#define BOX_SECRET_SIZE  32
#define SIGNATURE_SIZE   64
#define KEY_ID_SIZE      16 /* first bytes of BLAKE2b-256 over the public parts */
#define KEY_ID_HEX       (2 * KEY_ID_SIZE + 1)
#define KEY_FILE_MAX     4096

enum role { ROLE_AGENT = 1, ROLE_OPERATOR = 2, ROLE_VALIDATOR = 3, ROLE_PRUNER = 4 };

must_check int role_parse(const char *name, enum role *role); /* ERR_FORMAT */
const char *role_name(enum role role);
bool role_has_box(enum role role);

struct public_key {
	enum role role;
	uint8_t id[KEY_ID_SIZE];
	uint8_t sign[SIGN_PUBLIC_SIZE];
	uint8_t box[BOX_PUBLIC_SIZE]; /* zero unless role_has_box() */
};

/* Allocated by secret_new(); freed by secret_free(). */
struct secret_key {
	struct public_key public;
	uint8_t sign[SIGN_SECRET_SIZE];
	uint8_t box[BOX_SECRET_SIZE];
};

/* Asks for the passphrase of `path` into `out` (guarded, NUL-terminated). ERR_USAGE when there is nobody to ask. */
typedef int (*passphrase_source)(void *context, const char *path, struct buf *out);

struct secret_key *key_generate(enum role role);

/* Writes dir/<role>.key and dir/<role>.pub. passphrase: NULL for none. ERR_EXISTS when one is there (nothing is written). */
must_check int key_save(const char *dir, const struct secret_key *key, const struct buf *passphrase);

/*
 * Reads a secret key. ERR_MISSING, ERR_REFUSED (more open than 0600), ERR_FORMAT, ERR_KEY (wrong passphrase). `ask` may be
 * NULL: a key under a passphrase is then ERR_USAGE.
 */
must_check int key_load(const char *path, passphrase_source ask, void *context, struct secret_key **out);
must_check int key_load_public(const char *path, struct public_key *out);

/* The one line of text of each, as the files hold it. key_text's result is guarded. */
must_check int key_public_text(const struct public_key *key, struct buf *out);
must_check int key_text(const struct secret_key *key, const struct buf *passphrase, struct buf *out);
must_check int key_parse(const char *text, size_t len, const char *what, passphrase_source ask, void *context,
			 struct secret_key **out);

/* Ed25519 (RFC 8032), detached, over the context string (with its NUL) followed by the message. */
void key_sign(const struct secret_key *key, const char *context, const void *message, size_t len,
	      uint8_t signature[SIGNATURE_SIZE]);
must_check int key_verify(const struct public_key *key, const char *context, const void *message, size_t len,
			  const uint8_t signature[SIGNATURE_SIZE]); /* ERR_INTEGRITY */

#endif
