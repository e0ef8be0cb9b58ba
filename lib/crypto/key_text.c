/* The text of key files: crypto/keyfile.h describes it. */
#include <string.h>

#include <sodium.h>

#include "base/hex.h"
#include "crypto/digest.h"
#include "crypto/keyfile.h"
#include "crypto/passphrase.h"

#define PUBLIC_MAGIC "nightfold-public-key"
#define SECRET_MAGIC "nightfold-secret-key"
#define VERSION      "1"

#define SEED_SIZE  crypto_sign_SEEDBYTES
#define SECRET_MAX (SEED_SIZE + BOX_SECRET_SIZE)
#define SALT_SIZE  crypto_pwhash_SALTBYTES
#define NONCE_SIZE crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_SIZE   crypto_aead_xchacha20poly1305_ietf_ABYTES
#define SEALED_MAX (SALT_SIZE + NONCE_SIZE + SECRET_MAX + TAG_SIZE)

_Static_assert(KEY_MEMLIMIT_MIN >= crypto_pwhash_argon2id_MEMLIMIT_MIN, "libsodium's own bound");

/* Words point into the text: no copy of a secret is made. */
struct word {
	const char *at;
	size_t len;
};

enum { MAGIC, FORMAT, ROLE, PUBLIC, PROTECTION, SECRET, OPSLIMIT = SECRET, MEMLIMIT, SEALED, WORDS_MAX };
enum { PUBLIC_WORDS = PUBLIC + 1, PLAIN_WORDS = SECRET + 1, SEALED_WORDS = SEALED + 1 };

struct line {
	const char *what;
	struct word words[WORDS_MAX];
	size_t count;
	struct public_key public;
	bool secret;
};

static size_t public_size(enum role role)
{
	return SIGN_PUBLIC_SIZE + (role_has_box(role) ? BOX_PUBLIC_SIZE : 0);
}

static size_t secret_size(enum role role)
{
	return SEED_SIZE + (role_has_box(role) ? BOX_SECRET_SIZE : 0);
}

void key_identify(struct public_key *key)
{
	uint8_t parts[SIGN_PUBLIC_SIZE + BOX_PUBLIC_SIZE], digest[DIGEST_SIZE];

	memcpy(parts, key->sign, SIGN_PUBLIC_SIZE);
	memcpy(parts + SIGN_PUBLIC_SIZE, key->box, BOX_PUBLIC_SIZE);
	blake2b(parts, public_size(key->role), digest);
	memcpy(key->id, digest, KEY_ID_SIZE);
}

static bool word_is(const struct word *w, const char *text)
{
	return w->len == strlen(text) && memcmp(w->at, text, w->len) == 0;
}

static int malformed(const struct line *l, const char *why)
{
	return failed(ERR_FORMAT, "'%s' is no Nightfold key, or a damaged one: %s", l->what, why);
}

/* Not through hex_decode() alone: its message would show a damaged secret. */
static int decode_word(const struct line *l, const struct word *w, void *out, size_t size)
{
	size_t digits = 0;

	while (digits < w->len && strchr("0123456789abcdef", w->at[digits]) != NULL && w->at[digits] != '\0')
		digits++;
	if (digits != w->len || w->len != 2 * size || hex_decode(w->at, w->len, out, size) != 0)
		return malformed(l, "a word is not of the digits 0-9 a-f, or not of its length");
	return 0;
}

static int decode_number(const struct line *l, const struct word *w, uint32_t min, uint32_t max, uint32_t *out)
{
	uint64_t value = 0;

	for (size_t i = 0; i < w->len; i++) {
		if (w->at[i] < '0' || w->at[i] > '9' || value > max)
			return malformed(l, "a number is none, or out of bounds");
		value = 10 * value + (uint64_t)(w->at[i] - '0');
	}
	if (value < min || value > max)
		return malformed(l, "a number is none, or out of bounds");
	*out = (uint32_t)value;
	return 0;
}

static int split(const char *text, size_t len, struct line *l)
{
	while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r' || text[len - 1] == ' '))
		len--;
	for (;;) {
		const char *space = memchr(text, ' ', len);
		size_t word = space == NULL ? len : (size_t)(space - text);

		if (word == 0 || l->count == WORDS_MAX)
			return malformed(l, "it is not one line of four, six or eight words");
		l->words[l->count++] = (struct word){ text, word };
		if (space == NULL)
			return 0;
		text += word + 1;
		len -= word + 1;
	}
}

/* The words that public and secret keys have in common. */
static int parse_head(const char *text, size_t len, const char *what, struct line *l)
{
	char role[16] = "";
	int code;

	*l = (struct line){ .what = what };
	code = split(text, len, l);
	if (code != 0)
		return code;
	l->secret = word_is(&l->words[MAGIC], SECRET_MAGIC);
	if (!l->secret && !word_is(&l->words[MAGIC], PUBLIC_MAGIC))
		return malformed(l, "its first word is neither " PUBLIC_MAGIC " nor " SECRET_MAGIC);
	if (l->count > FORMAT && !word_is(&l->words[FORMAT], VERSION))
		return failed(ERR_FORMAT, "'%s' is a key in a format that this version does not know", what);
	if (l->secret ? l->count != PLAIN_WORDS && l->count != SEALED_WORDS : l->count != PUBLIC_WORDS)
		return malformed(l, "it has a wrong number of words");
	if (l->words[ROLE].len < sizeof role)
		memcpy(role, l->words[ROLE].at, l->words[ROLE].len);
	if (role_parse(role, &l->public.role) != 0)
		return malformed(l, "its role is none of agent, operator, validator and pruner");

	uint8_t parts[SIGN_PUBLIC_SIZE + BOX_PUBLIC_SIZE] = { 0 };

	code = decode_word(l, &l->words[PUBLIC], parts, public_size(l->public.role));
	if (code != 0)
		return code;
	memcpy(l->public.sign, parts, SIGN_PUBLIC_SIZE);
	memcpy(l->public.box, parts + SIGN_PUBLIC_SIZE, BOX_PUBLIC_SIZE);
	key_identify(&l->public);
	return 0;
}

/* Fills the secret parts and checks that they make the public ones. */
static int adopt_secret(const struct line *l, const uint8_t *secret, struct secret_key *key)
{
	uint8_t sign[SIGN_PUBLIC_SIZE], box[BOX_PUBLIC_SIZE] = { 0 };

	key->public = l->public;
	must(crypto_sign_seed_keypair(sign, key->sign, secret) == 0);
	if (role_has_box(l->public.role)) {
		memcpy(key->box, secret + SEED_SIZE, BOX_SECRET_SIZE);
		must(crypto_scalarmult_base(box, key->box) == 0);
	}
	if (memcmp(sign, l->public.sign, sizeof sign) != 0 || memcmp(box, l->public.box, sizeof box) != 0)
		return malformed(l, "its secret and its public part do not belong together");
	return 0;
}

static int derive(const struct buf *passphrase, const uint8_t *salt, uint32_t opslimit, uint32_t memlimit, uint8_t *key)
{
	if (crypto_pwhash(key, KEY_SIZE, (const char *)passphrase->data, passphrase->len, salt, opslimit, memlimit,
			  crypto_pwhash_ALG_ARGON2ID13) != 0)
		return failed(ERR_SYSTEM, "not enough memory to use a passphrase: it takes %u MiB for a moment",
			      memlimit >> 20);
	return 0;
}

static int open_sealed(const struct line *l, passphrase_source ask, void *context, uint8_t *secret)
{
	size_t size = secret_size(l->public.role);
	uint8_t sealed[SEALED_MAX];
	uint32_t opslimit, memlimit;
	_secret_ uint8_t *key = secret_new(KEY_SIZE);
	_buf_ struct buf passphrase = { 0 };

	if (!word_is(&l->words[PROTECTION], "argon2id"))
		return malformed(l, "it is neither plain nor under argon2id");
	int code = decode_number(l, &l->words[OPSLIMIT], 1, KEY_OPSLIMIT_MAX, &opslimit);
	if (code == 0)
		code = decode_number(l, &l->words[MEMLIMIT], KEY_MEMLIMIT_MIN, KEY_MEMLIMIT_MAX, &memlimit);
	if (code == 0)
		code = decode_word(l, &l->words[SEALED], sealed, SALT_SIZE + NONCE_SIZE + size + TAG_SIZE);
	if (code != 0)
		return code;
	if (ask == NULL)
		return failed(ERR_USAGE, "'%s' is under a passphrase, and there is no way to ask for it", l->what);

	buf_init_guarded(&passphrase, PASSPHRASE_MAX, "the passphrase");
	code = ask(context, l->what, &passphrase);
	if (code == 0)
		code = derive(&passphrase, sealed, opslimit, memlimit, key);
	if (code != 0)
		return code;

	const struct word *last = &l->words[SEALED];
	const char *first = l->words[MAGIC].at;

	if (crypto_aead_xchacha20poly1305_ietf_decrypt(secret, NULL, NULL, sealed + SALT_SIZE + NONCE_SIZE,
						       size + TAG_SIZE, (const uint8_t *)first,
						       (size_t)(last->at - 1 - first), sealed + SALT_SIZE, key) != 0)
		return failed(ERR_KEY, "wrong passphrase for '%s' (or the file is damaged)", l->what);
	return 0;
}

static int open_plain(const struct line *l, uint8_t *secret)
{
	if (!word_is(&l->words[PROTECTION], "plain"))
		return malformed(l, "it is neither plain nor under argon2id");
	return decode_word(l, &l->words[SECRET], secret, secret_size(l->public.role));
}

int key_parse(const char *text, size_t len, const char *what, passphrase_source ask, void *context,
	      struct secret_key **out)
{
	struct line l;
	_secret_ uint8_t *secret = secret_new(SECRET_MAX);
	_secret_ struct secret_key *key = secret_new(sizeof *key);
	int code = parse_head(text, len, what, &l);

	if (code != 0)
		return code;
	if (!l.secret)
		return failed(ERR_USAGE, "'%s' is a public key: here the secret one is needed (%s.key)", what,
			      role_name(l.public.role));
	code = l.count == PLAIN_WORDS ? open_plain(&l, secret) : open_sealed(&l, ask, context, secret);
	if (code == 0)
		code = adopt_secret(&l, secret, key);
	if (code != 0)
		return code;
	*out = key;
	key = NULL;
	return 0;
}

int key_summarize_text(const char *text, size_t len, const char *what, struct key_summary *out)
{
	struct line l;
	int code = parse_head(text, len, what, &l);

	if (code != 0)
		return code;
	*out = (struct key_summary){ .public = l.public, .secret = l.secret, .passphrase = l.count == SEALED_WORDS };
	if (!l.secret || out->passphrase)
		return 0;

	_secret_ struct secret_key *key = NULL;

	return key_parse(text, len, what, NULL, NULL, &key);
}

static int append_hex(struct buf *out, const void *data, size_t size)
{
	uint8_t *at;
	int code = buf_reserve(out, 2 * size + 1, &at);

	if (code == 0) {
		hex_encode(data, size, (char *)at);
		out->len += 2 * size;
	}
	return code;
}

static int append_head(struct buf *out, const char *magic, const struct public_key *key)
{
	int code = buf_printf(out, "%s " VERSION " %s ", magic, role_name(key->role));

	if (code == 0)
		code = append_hex(out, key->sign, SIGN_PUBLIC_SIZE);
	if (code == 0 && role_has_box(key->role))
		code = append_hex(out, key->box, BOX_PUBLIC_SIZE);
	return code;
}

int key_public_text(const struct public_key *key, struct buf *out)
{
	int code = append_head(out, PUBLIC_MAGIC, key);

	return code != 0 ? code : buf_append_byte(out, '\n');
}

/* `start`: where the line begins in `out`; all of it so far is the associated data. */
static int append_sealed(struct buf *out, size_t start, const uint8_t *secret, size_t size,
			 const struct buf *passphrase)
{
	uint8_t sealed[SEALED_MAX], *salt = sealed, *nonce = sealed + SALT_SIZE;
	_secret_ uint8_t *key = secret_new(KEY_SIZE);
	int code = buf_printf(out, " argon2id %u %u", (unsigned)KEY_OPSLIMIT, (unsigned)KEY_MEMLIMIT);

	random_bytes(sealed, SALT_SIZE + NONCE_SIZE);
	if (code == 0)
		code = derive(passphrase, salt, KEY_OPSLIMIT, KEY_MEMLIMIT, key);
	if (code != 0)
		return code;
	must(crypto_aead_xchacha20poly1305_ietf_encrypt(nonce + NONCE_SIZE, NULL, secret, size, out->data + start,
							out->len - start, NULL, nonce, key) == 0);
	code = buf_append_byte(out, ' ');
	return code != 0 ? code : append_hex(out, sealed, SALT_SIZE + NONCE_SIZE + size + TAG_SIZE);
}

int key_text(const struct secret_key *key, const struct buf *passphrase, struct buf *out)
{
	size_t start = out->len, size = secret_size(key->public.role);
	_secret_ uint8_t *secret = secret_new(SECRET_MAX);

	must(out->guarded);
	must(crypto_sign_ed25519_sk_to_seed(secret, key->sign) == 0);
	memcpy(secret + SEED_SIZE, key->box, BOX_SECRET_SIZE);

	int code = append_head(out, SECRET_MAGIC, &key->public);

	if (code == 0 && passphrase != NULL)
		code = append_sealed(out, start, secret, size, passphrase);
	else if (code == 0)
		code = buf_append(out, " plain ", 7);
	if (code == 0 && passphrase == NULL)
		code = append_hex(out, secret, size);
	return code != 0 ? code : buf_append_byte(out, '\n');
}
