/*
 * Role keys in files: "<role>.key" (secret, 0600) and "<role>.pub", each one line of text (docs/FORMAT.md, "Key
 * files").
 *
 * Agent and pruner keys hold an Ed25519 part; operator and validator keys hold an Ed25519 and an X25519 part. A secret
 * key may stand under a passphrase (Argon2id). A private key file more open than 0600 is refused by every program.
 *
 *	nightfold-public-key 1 <role> <public>
 *	nightfold-secret-key 1 <role> <public> plain <secret>
 *	nightfold-secret-key 1 <role> <public> argon2id <opslimit> <memlimit> <salt, nonce, ciphertext>
 *
 * Words are separated by one space; bytes are lower-case hexadecimal, the parts of a word one behind the other:
 *	public      Ed25519 public key (32), then X25519 public key (32) for roles that have one
 *	secret      Ed25519 seed (32), then X25519 secret key (32) for roles that have one
 *	protected   salt (16), nonce (24), ciphertext (secret + 16): XChaCha20-Poly1305-IETF under
 *	            Argon2id 1.3 (passphrase, salt, opslimit passes, memlimit bytes, 1 lane, 32 bytes); the associated
 *	            data is the line up to the last word, without the space before it
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

/* Cost of a passphrase: what is written, and what is accepted from a file. */
#define KEY_OPSLIMIT     8
#define KEY_MEMLIMIT     (64u << 20) /* within the memory that a restore may use */
#define KEY_OPSLIMIT_MAX 16
#define KEY_MEMLIMIT_MIN (8u << 10)
#define KEY_MEMLIMIT_MAX (1u << 30)

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

/*
 * Asks for the passphrase of `path` into `out`, an empty guarded buffer of PASSPHRASE_MAX (crypto/passphrase.h); never
 * an empty one. ERR_USAGE when there is nobody to ask.
 */
typedef int (*passphrase_source)(void *context, const char *path, struct buf *out);

struct secret_key *key_generate(enum role role);

/* ERR_EXISTS, naming the file, when the role has one of its two files in `dir` already. */
must_check int key_check_absent(const char *dir, enum role role);

/* Computes key->id from the public parts. */
void key_identify(struct public_key *key);

/*
 * Writes dir/<role>.key and dir/<role>.pub. passphrase: NULL for none. ERR_EXISTS when one is there. On any error
 * neither file is left behind.
 */
must_check int key_save(const char *dir, const struct secret_key *key, const struct buf *passphrase);

/* The same from a secret key's text, which need not be opened for it. */
must_check int key_save_text(const char *dir, const char *text, size_t len);

/*
 * Reads a secret key. ERR_MISSING, ERR_REFUSED (more open than 0600), ERR_FORMAT, ERR_KEY (wrong passphrase). `ask` may
 * be NULL: a key under a passphrase is then ERR_USAGE. A public key where a secret one is needed is ERR_USAGE, and so
 * is the reverse.
 */
must_check int key_load(const char *path, passphrase_source ask, void *context, struct secret_key **out);
must_check int key_load_public(const char *path, struct public_key *out);

/* What a .key or .pub file says without its passphrase. */
struct key_summary {
	struct public_key public;
	bool secret, passphrase;
};
must_check int key_summarize(const char *path, struct key_summary *out);
/* The same with the file's text; `text` is made guarded by this function, and released by the caller also on error. */
must_check int key_load_text(const char *path, struct buf *text, struct key_summary *out);
must_check int key_summarize_text(const char *text, size_t len, const char *what, struct key_summary *out);

/*
 * The one line of text of each, with its newline, appended as the files hold it. key_text: `out` is guarded;
 * passphrase: NULL for none. key_parse: `what` names the text in messages.
 */
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
