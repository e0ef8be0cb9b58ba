#include "crypto/keyfile.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "base/alloc.h"
#include "base/io.h"
#include "crypto/secret_file.h"

static const struct {
	enum role role;
	const char *name;
	bool has_box;
} roles[] = {
	{ ROLE_AGENT, "agent", false },
	{ ROLE_OPERATOR, "operator", true },
	{ ROLE_VALIDATOR, "validator", true },
	{ ROLE_PRUNER, "pruner", false },
};

#define ROLE_COUNT (sizeof roles / sizeof roles[0])

static size_t find(enum role role)
{
	size_t i = 0;

	while (i < ROLE_COUNT && roles[i].role != role)
		i++;
	must(i < ROLE_COUNT);
	return i;
}

int role_parse(const char *name, enum role *role)
{
	for (size_t i = 0; i < ROLE_COUNT; i++) {
		if (strcmp(name, roles[i].name) == 0) {
			*role = roles[i].role;
			return 0;
		}
	}
	return failed(ERR_FORMAT, "'%.40s' is no role: expected agent, operator, validator or pruner", name);
}

const char *role_name(enum role role)
{
	return roles[find(role)].name;
}

bool role_has_box(enum role role)
{
	return roles[find(role)].has_box;
}

struct secret_key *key_generate(enum role role)
{
	struct secret_key *key = secret_new(sizeof *key);

	key->public.role = role;
	must(crypto_sign_keypair(key->public.sign, key->sign) == 0);
	if (role_has_box(role))
		must(crypto_box_keypair(key->public.box, key->box) == 0);
	key_identify(&key->public);
	return key;
}

static int must_be_absent(const char *dir, const char *role, const char *suffix)
{
	_free_ char *path = xasprintf("%s/%s.%s", dir, role, suffix);
	struct stat st;

	if (lstat(path, &st) == 0)
		return failed(ERR_EXISTS, "'%s' exists already, and no key is ever overwritten: nothing was written",
			      path);
	return 0;
}

int key_check_absent(const char *dir, enum role role)
{
	int code = must_be_absent(dir, role_name(role), "key");

	return code != 0 ? code : must_be_absent(dir, role_name(role), "pub");
}

int key_save_text(const char *dir, const char *text, size_t len)
{
	struct key_summary summary;
	_buf_ struct buf public = { 0 };
	int code = key_summarize_text(text, len, "the key", &summary);

	if (code != 0)
		return code;
	must(summary.secret);

	const char *role = role_name(summary.public.role);
	_free_ char *key_name = xasprintf("%s.key", role);
	_free_ char *key_path = xasprintf("%s/%s", dir, key_name);
	_free_ char *public_path = xasprintf("%s/%s.pub", dir, role);

	buf_init(&public, KEY_FILE_MAX, "a public key");
	code = key_public_text(&summary.public, &public);
	if (code == 0)
		code = key_check_absent(dir, summary.public.role);
	/* The secret one first: a .pub whose secret key was never stored would seal snapshots for nobody. */
	if (code == 0)
		code = secret_file_create(dir, key_name, text, len);
	if (code != 0)
		return code;
	code = io_create(public_path, public.data, public.len, 0644);
	if (code != 0)
		unlink(key_path);
	return code;
}

int key_save(const char *dir, const struct secret_key *key, const struct buf *passphrase)
{
	_buf_ struct buf text = { 0 };

	buf_init_guarded(&text, KEY_FILE_MAX, "a secret key");

	int code = key_text(key, passphrase, &text);

	return code != 0 ? code : key_save_text(dir, (const char *)text.data, text.len);
}

int key_load_text(const char *path, struct buf *text, struct key_summary *summary)
{
	mode_t mode;
	int code;

	buf_init_guarded(text, KEY_FILE_MAX, "a key");
	code = secret_file_read(path, text, &mode);
	/* Only the content says whether the mode matters: a public key given for a secret one is no open secret. */
	if (code == 0)
		code = key_summarize_text((const char *)text->data, text->len, path, summary);
	if (code == 0 && summary->secret)
		code = secret_file_check_mode(path, mode);
	return code;
}

int key_load(const char *path, passphrase_source ask, void *context, struct secret_key **out)
{
	struct key_summary summary;
	_buf_ struct buf text = { 0 };
	int code = key_load_text(path, &text, &summary);

	return code != 0 ? code : key_parse((const char *)text.data, text.len, path, ask, context, out);
}

int key_summarize(const char *path, struct key_summary *out)
{
	_buf_ struct buf text = { 0 };

	return key_load_text(path, &text, out);
}

int key_load_public(const char *path, struct public_key *out)
{
	struct key_summary summary;
	int code = key_summarize(path, &summary);

	if (code != 0)
		return code;
	if (summary.secret)
		return failed(ERR_USAGE, "'%s' is a secret key: here the public one is needed (%s.pub)", path,
			      role_name(summary.public.role));
	*out = summary.public;
	return 0;
}

/* libsodium signs one piece of memory. */
static uint8_t *join(const char *context, const void *message, size_t len, size_t *joined_len)
{
	size_t context_len = strlen(context) + 1;
	uint8_t *joined = xmalloc(context_len + len);

	memcpy(joined, context, context_len);
	if (len != 0)
		memcpy(joined + context_len, message, len);
	*joined_len = context_len + len;
	return joined;
}

void key_sign(const struct secret_key *key, const char *context, const void *message, size_t len,
	      uint8_t signature[SIGNATURE_SIZE])
{
	size_t joined_len;
	_free_ uint8_t *joined = join(context, message, len, &joined_len);

	must(crypto_sign_detached(signature, NULL, joined, joined_len, key->sign) == 0);
}

int key_verify(const struct public_key *key, const char *context, const void *message, size_t len,
	       const uint8_t signature[SIGNATURE_SIZE])
{
	size_t joined_len;
	_free_ uint8_t *joined = join(context, message, len, &joined_len);

	if (crypto_sign_verify_detached(signature, joined, joined_len, key->sign) != 0)
		return failed(ERR_INTEGRITY, "its signature does not match: it was changed, or signed by another key");
	return 0;
}
