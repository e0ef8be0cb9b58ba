#include "crypto/keyfile.h"

#include "base/alloc.h"
#include "base/hex.h"
#include "crypto/passphrase.h"
#include "folder.h"

/*
 * Made with Python (PyNaCl, hashlib) from the description in crypto/keyfile.h. Seed: bytes 0 to 31; X25519 secret:
 * bytes 100 to 131; passphrase: "correct horse".
 */
#define SIGN_HEX   "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"
#define BOX_HEX    "7d9c24316539825c1896e57f28197746793ce60cbee3ad47da9d07b85fa55e2a"
#define SEED_HEX   "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define SECRET_HEX SEED_HEX "6465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f80818283"
#define SEALED_HEX                                                                                                     \
	"c8c9cacbcccdcecfd0d1d2d3d4d5d6d7000102030405060708090a0b0c0d0e0f1011121314151617718ff6ba3de17e23c389c2af855d" \
	"eb816bb"                                                                                                      \
	"83df05f93f834cdc75c7daaf6de2ace7934be0964779c58f1662fccd910e14a633c0b8edcbd3e4f90a9e95d06558d18acd8a650addaf" \
	"c738770"                                                                                                      \
	"658f66852f"
#define AGENT_PUBLIC    "nightfold-public-key 1 agent " SIGN_HEX
#define AGENT_SECRET    "nightfold-secret-key 1 agent " SIGN_HEX " plain " SEED_HEX
#define OPERATOR_PUBLIC "nightfold-public-key 1 operator " SIGN_HEX BOX_HEX
#define OPERATOR_HEAD   "nightfold-secret-key 1 operator " SIGN_HEX BOX_HEX
#define OPERATOR_SECRET OPERATOR_HEAD " plain " SECRET_HEX
#define OPERATOR_SEALED OPERATOR_HEAD " argon2id 1 8192 " SEALED_HEX

static int say(void *context, const char *path, struct buf *out)
{
	(void)path;
	return buf_append(out, context, strlen(context));
}

static int parse(const char *text, const char *passphrase, struct secret_key **out)
{
	union {
		const char *in;
		void *out;
	} context = { .in = passphrase };

	*out = NULL;
	return key_parse(text, strlen(text), "k", passphrase != NULL ? say : NULL, context.out, out);
}

static void assert_hex(const void *data, size_t len, const char *expected)
{
	char text[300];

	assert_string_equal(hex_encode(data, len, text), expected);
}

static void roles_have_names_and_some_have_a_box(void **state)
{
	static const struct {
		const char *name;
		enum role role;
		bool box;
	} rows[] = {
		{ "agent", ROLE_AGENT, false },
		{ "operator", ROLE_OPERATOR, true },
		{ "validator", ROLE_VALIDATOR, true },
		{ "pruner", ROLE_PRUNER, false },
	};
	enum role role;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_int_equal(role_parse(rows[i].name, &role), 0);
		assert_int_equal(role, rows[i].role);
		assert_string_equal(role_name(role), rows[i].name);
		assert_int_equal(role_has_box(role), rows[i].box);
	}
	assert_int_equal(role_parse("root", &role), ERR_FORMAT);
	assert_string_equal(err_message(), "'root' is no role: expected agent, operator, validator or pruner");
}

static void keys_written_by_another_program_are_read(void **state)
{
	/* clang-format off */
	static const struct {
		const char *text, *passphrase, *id, *secret;
		enum role role;
	} rows[] = {
		{ AGENT_SECRET, NULL, "9d24e2eeaf27c2a088a564a32fc03a88", SEED_HEX, ROLE_AGENT },
		{ OPERATOR_SECRET "\n", NULL, "e69fa9ce1dcdcb9a73d1bf1f536820c7", SECRET_HEX, ROLE_OPERATOR },
		{ OPERATOR_SEALED "\r\n", "correct horse", "e69fa9ce1dcdcb9a73d1bf1f536820c7", SECRET_HEX,
		  ROLE_OPERATOR },
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		_secret_ struct secret_key *key = NULL;
		uint8_t secret[64];

		assert_int_equal(parse(rows[i].text, rows[i].passphrase, &key), 0);
		assert_int_equal(key->public.role, rows[i].role);
		assert_hex(key->public.id, KEY_ID_SIZE, rows[i].id);
		assert_hex(key->public.sign, SIGN_PUBLIC_SIZE, SIGN_HEX);
		memcpy(secret, key->sign, 32);
		memcpy(secret + 32, key->box, 32);
		assert_hex(secret, strlen(rows[i].secret) / 2, rows[i].secret);
	}
}

static void texts_are_written_as_they_are_described(void **state)
{
	_secret_ struct secret_key *agent = NULL, *operator= NULL;
	_buf_ struct buf text = { 0 };

	(void)state;
	assert_int_equal(parse(AGENT_SECRET, NULL, &agent), 0);
	assert_int_equal(parse(OPERATOR_SECRET, NULL, &operator), 0);
	buf_init_guarded(&text, KEY_FILE_MAX, "test");
	assert_int_equal(key_text(agent, NULL, &text), 0);
	assert_int_equal(key_text(operator, NULL, &text), 0);
	assert_int_equal(key_public_text(&agent->public, &text), 0);
	assert_int_equal(key_public_text(&operator->public, &text), 0);
	assert_int_equal(buf_terminate(&text), 0);
	assert_string_equal((char *)text.data,
			    AGENT_SECRET "\n" OPERATOR_SECRET "\n" AGENT_PUBLIC "\n" OPERATOR_PUBLIC "\n");
}

static void a_passphrase_protects_the_secret_part(void **state)
{
	_secret_ struct secret_key *key = NULL, *again = NULL;
	_buf_ struct buf text = { 0 }, passphrase = { 0 };
	static const char head[] = OPERATOR_HEAD " argon2id 8 67108864 ";

	(void)state;
	assert_int_equal(parse(OPERATOR_SECRET, NULL, &key), 0);
	buf_init_guarded(&text, KEY_FILE_MAX, "test");
	buf_init_guarded(&passphrase, PASSPHRASE_MAX, "test");
	assert_int_equal(say((char[]){ "horse battery" }, "", &passphrase), 0);
	assert_int_equal(key_text(key, &passphrase, &text), 0);
	assert_int_equal(buf_terminate(&text), 0);
	assert_memory_equal(text.data, head, strlen(head));
	assert_int_equal(text.len, strlen(head) + 2 * (16 + 24 + 64 + 16) + 1);
	assert_null(strstr((char *)text.data, SEED_HEX));

	assert_int_equal(parse((char *)text.data, "horse battery", &again), 0);
	assert_memory_equal(again, key, sizeof *key);
}

static void a_wrong_passphrase_and_none_say_so(void **state)
{
	_secret_ struct secret_key *key = NULL;
	_free_ char *relabelled = xstrdup(OPERATOR_SEALED);

	(void)state;
	assert_int_equal(parse(OPERATOR_SEALED, "wrong horse", &key), ERR_KEY);
	assert_string_equal(err_message(), "wrong passphrase for 'k' (or the file is damaged)");
	assert_int_equal(parse(OPERATOR_SEALED, NULL, &key), ERR_USAGE);
	assert_string_equal(err_message(), "'k' is under a passphrase, and there is no way to ask for it");
	assert_null(key);
	/* What stands before the ciphertext is part of what was authenticated. */
	relabelled[strlen(relabelled) - strlen(SEALED_HEX) - 2] = '3';
	assert_int_equal(parse(relabelled, "correct horse", &key), ERR_KEY);
}

static int no_passphrase(void *context, const char *path, struct buf *out)
{
	(void)context, (void)path, (void)out;
	return failed(ERR_INTERRUPTED, "nobody there");
}

static void a_failure_to_ask_is_passed_on(void **state)
{
	_secret_ struct secret_key *key = NULL;

	(void)state;
	assert_int_equal(key_parse(OPERATOR_SEALED, strlen(OPERATOR_SEALED), "k", no_passphrase, NULL, &key),
			 ERR_INTERRUPTED);
	assert_string_equal(err_message(), "nobody there");
}

static void damaged_keys_are_refused_without_showing_them(void **state)
{
	/* clang-format off */
	static const struct {
		const char *text, *why;
	} rows[] = {
		{ "", "not one line" },
		{ "\n", "not one line" },
		{ "hello", "first word" },
		{ "nightfold-secret-key", "wrong number of words" },
		{ "nightfold-secret-key 2 agent whatever else", "a format that this version does not know" },
		{ "nightfold-public-key 1 agent " SIGN_HEX " plain " SEED_HEX, "wrong number of words" },
		{ "nightfold-secret-key 1 agent " SIGN_HEX, "wrong number of words" },
		{ "nightfold-secret-key 1 agent " SIGN_HEX " plain", "wrong number of words" },
		{ "nightfold-secret-key 1 agent  " SIGN_HEX " plain " SEED_HEX, "not one line" },
		{ OPERATOR_SEALED " more", "not one line" },
		{ "nightfold-secret-key 1 king " SIGN_HEX " plain " SEED_HEX, "its role is none of" },
		{ "nightfold-secret-key 1 averyverylongrolename " SIGN_HEX " plain " SEED_HEX, "its role is none of" },
		{ "nightfold-secret-key 1 agent " SIGN_HEX BOX_HEX " plain " SEED_HEX, "digits" },
		{ "nightfold-secret-key 1 operator " SIGN_HEX " plain " SECRET_HEX, "digits" },
		{ AGENT_SECRET "00", "digits" },
		{ "nightfold-secret-key 1 agent " SIGN_HEX " plain "
		  "00010203040506070809:a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", "digits" },
		{ "nightfold-secret-key 1 agent " SIGN_HEX " plain "
		  "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F", "digits" },
		{ "nightfold-secret-key 1 agent " SIGN_HEX " naked " SEED_HEX, "neither plain nor under argon2id" },
		{ OPERATOR_HEAD " scrypt 1 8192 " SEALED_HEX, "neither plain nor under argon2id" },
		{ OPERATOR_HEAD " argon2id 0 8192 " SEALED_HEX, "out of bounds" },
		{ OPERATOR_HEAD " argon2id 17 8192 " SEALED_HEX, "out of bounds" },
		{ OPERATOR_HEAD " argon2id 99999999999999999999999 8192 " SEALED_HEX, "out of bounds" },
		{ OPERATOR_HEAD " argon2id 1 8191 " SEALED_HEX, "out of bounds" },
		{ OPERATOR_HEAD " argon2id 1 1073741825 " SEALED_HEX, "out of bounds" },
		{ OPERATOR_HEAD " argon2id 1 -8192 " SEALED_HEX, "out of bounds" },
		{ OPERATOR_HEAD " argon2id 1 8192 00" SEALED_HEX, "digits" },
		{ "nightfold-secret-key 1 agent " BOX_HEX " plain " SEED_HEX, "do not belong together" },
		{ "nightfold-secret-key 1 operator " SIGN_HEX SIGN_HEX " plain " SECRET_HEX, "do not belong together" },
	};
	/* clang-format on */
	_secret_ struct secret_key *none = NULL;

	(void)state;
	assert_int_equal(parse(AGENT_PUBLIC, "correct horse", &none), ERR_USAGE);
	assert_non_null(strstr(err_message(), "here the secret one is needed (agent.key)"));
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		_secret_ struct secret_key *key = NULL;

		assert_int_equal(parse(rows[i].text, "correct horse", &key), ERR_FORMAT);
		if (strstr(err_message(), rows[i].why) == NULL)
			fail_msg("row %zu: \"%s\" in place of \"%s\"", i, err_message(), rows[i].why);
		assert_null(strstr(err_message(), "0405060708"));
		assert_null(key);
	}
}

static void saved_keys_are_loaded_again(void **state)
{
	static const enum role all[] = { ROLE_AGENT, ROLE_OPERATOR, ROLE_VALIDATOR, ROLE_PRUNER };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		_secret_ struct secret_key *key = key_generate(all[i]), *again = NULL;
		struct public_key public;
		char secret_name[32], public_name[32];

		snprintf(secret_name, sizeof secret_name, "%s.key", role_name(all[i]));
		snprintf(public_name, sizeof public_name, "%s.pub", role_name(all[i]));
		assert_int_equal(key_check_absent(folder, all[i]), 0);
		assert_int_equal(key_save(folder, key, NULL), 0);
		assert_int_equal(mode_of(secret_name), 0600);
		assert_int_equal(mode_of(public_name), 0644);
		assert_int_equal(key_load(in(secret_name), NULL, NULL, &again), 0);
		assert_memory_equal(again, key, sizeof *key);
		assert_int_equal(key_load_public(in(public_name), &public), 0);
		assert_memory_equal(&public, &key->public, sizeof public);
	}
	assert_int_equal(count_entries(), 8);
}

static void a_key_that_exists_is_never_overwritten(void **state)
{
	_secret_ struct secret_key *key = key_generate(ROLE_AGENT);
	_free_ char *message = NULL;

	(void)state;
	put("agent.pub", "somebody's", 0644);
	assert_int_equal(key_save(folder, key, NULL), ERR_EXISTS);
	message = xasprintf("'%s' exists already, and no key is ever overwritten: nothing was written",
			    in("agent.pub"));
	assert_string_equal(err_message(), message);
	assert_int_equal(count_entries(), 1);
	assert_file("agent.pub", "somebody's");

	assert_int_equal(rename(in("agent.pub"), in("agent.key")), 0);
	assert_int_equal(key_save(folder, key, NULL), ERR_EXISTS);
	assert_int_equal(count_entries(), 1);
	assert_file("agent.key", "somebody's");
}

static void what_cannot_be_written_whole_is_not_written_at_all(void **state)
{
	_secret_ struct secret_key *key = key_generate(ROLE_AGENT);

	(void)state;
	assert_int_equal(key_save(in("missing"), key, NULL), ERR_SYSTEM);
	/* A link to nowhere: absent for stat(), in the way of the new file. */
	assert_int_equal(symlink("nowhere", in("agent.pub")), 0);
	assert_int_equal(key_save(folder, key, NULL), ERR_EXISTS);
	assert_false(is_there("agent.key"));
	assert_int_equal(key_save_text(folder, "junk", 4), ERR_FORMAT);
	assert_int_equal(count_entries(), 1);
}

static void secret_files_that_others_can_read_are_refused(void **state)
{
	static const mode_t modes[] = { 0640, 0604, 0620, 0601, 0777 };
	_secret_ struct secret_key *key = NULL;
	struct key_summary summary;
	_free_ char *message = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
		put("agent.key", AGENT_SECRET "\n", modes[i]);
		assert_int_equal(key_load(in("agent.key"), NULL, NULL, &key), ERR_REFUSED);
		assert_int_equal(key_summarize(in("agent.key"), &summary), ERR_REFUSED);
	}
	message = xasprintf(
		"'%s' holds a secret but has mode 0777: others may have read it; chmod 600 it, or replace it",
		in("agent.key"));
	assert_string_equal(err_message(), message);

	assert_int_equal(mkdir(in("folder"), 0700), 0);
	assert_int_equal(key_load(in("folder"), NULL, NULL, &key), ERR_REFUSED);
	assert_int_equal(mkfifo(in("fifo"), 0600), 0);
	assert_int_equal(key_load(in("fifo"), NULL, NULL, &key), ERR_REFUSED);
	assert_int_equal(key_load(in("nothing"), NULL, NULL, &key), ERR_MISSING);
	assert_int_equal(key_load_public(in("nothing"), &summary.public), ERR_MISSING);
	/* A public key in the place of a secret one is a mistake, not a leak. */
	put("agent.pub", AGENT_PUBLIC, 0644);
	assert_int_equal(key_load(in("agent.pub"), NULL, NULL, &key), ERR_USAGE);
	assert_null(key);

	/* 0400 is less open than 0600, and a link is where systemd puts a credential. */
	put("agent.key", AGENT_SECRET "\n", 0400);
	assert_int_equal(symlink("agent.key", in("link")), 0);
	assert_int_equal(key_load(in("link"), NULL, NULL, &key), 0);
}

static void files_too_large_for_a_key_are_refused(void **state)
{
	_secret_ struct secret_key *key = NULL;
	char large[KEY_FILE_MAX + 2];

	(void)state;
	memset(large, 'x', sizeof large - 1);
	large[sizeof large - 1] = '\0';
	put("agent.key", large, 0600);
	assert_int_equal(key_load(in("agent.key"), NULL, NULL, &key), ERR_FORMAT);
	assert_non_null(strstr(err_message(), "is no key file: it has more than 4096 bytes"));
}

static void a_summary_needs_no_passphrase(void **state)
{
	static const struct {
		const char *text;
		bool secret, passphrase;
	} rows[] = {
		{ OPERATOR_PUBLIC, false, false },
		{ OPERATOR_SECRET, true, false },
		{ OPERATOR_SEALED, true, true },
	};
	struct key_summary summary;
	struct public_key public;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		put("key", rows[i].text, 0600);
		assert_int_equal(key_summarize(in("key"), &summary), 0);
		assert_int_equal(summary.secret, rows[i].secret);
		assert_int_equal(summary.passphrase, rows[i].passphrase);
		assert_int_equal(summary.public.role, ROLE_OPERATOR);
		assert_hex(summary.public.id, KEY_ID_SIZE, "e69fa9ce1dcdcb9a73d1bf1f536820c7");
		assert_hex(summary.public.box, BOX_PUBLIC_SIZE, BOX_HEX);
	}
	assert_int_equal(key_load_public(in("key"), &public), ERR_USAGE);
	assert_non_null(strstr(err_message(), "is a secret key: here the public one is needed (operator.pub)"));
	put("key", "nightfold-secret-key 1 agent " BOX_HEX " plain " SEED_HEX, 0600);
	assert_int_equal(key_summarize(in("key"), &summary), ERR_FORMAT);
}

static void a_signature_is_that_of_the_context_and_the_message(void **state)
{
	_secret_ struct secret_key *key = NULL;
	uint8_t signature[SIGNATURE_SIZE];

	(void)state;
	assert_int_equal(parse(AGENT_SECRET, NULL, &key), 0);
	key_sign(key, "ctx", "message", 7, signature);
	/* PyNaCl, over b"ctx\0message". */
	assert_hex(signature, SIGNATURE_SIZE,
		   "4cc47e26dcf9d56c5b1733daa6d6e3b942caf2a6e73106f6710144bed8ebb81a79039ff5499f8cd859c665acc36c494ca44"
		   "90cfe08"
		   "d4de362b0e7aa7a378b106");
	assert_int_equal(key_verify(&key->public, "ctx", "message", 7, signature), 0);
	assert_int_equal(key_verify(&key->public, "ctxm", "essage", 6, signature), ERR_INTEGRITY);
	assert_int_equal(key_verify(&key->public, "ctx", "Message", 7, signature), ERR_INTEGRITY);
	assert_int_equal(key_verify(&key->public, "ctx", NULL, 0, signature), ERR_INTEGRITY);
	signature[63] ^= 1;
	assert_int_equal(key_verify(&key->public, "ctx", "message", 7, signature), ERR_INTEGRITY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(roles_have_names_and_some_have_a_box),
		cmocka_unit_test(keys_written_by_another_program_are_read),
		cmocka_unit_test(texts_are_written_as_they_are_described),
		cmocka_unit_test(a_passphrase_protects_the_secret_part),
		cmocka_unit_test(a_wrong_passphrase_and_none_say_so),
		cmocka_unit_test(a_failure_to_ask_is_passed_on),
		cmocka_unit_test(damaged_keys_are_refused_without_showing_them),
		in_folder(saved_keys_are_loaded_again),
		in_folder(a_key_that_exists_is_never_overwritten),
		in_folder(what_cannot_be_written_whole_is_not_written_at_all),
		in_folder(secret_files_that_others_can_read_are_refused),
		in_folder(files_too_large_for_a_key_are_refused),
		in_folder(a_summary_needs_no_passphrase),
		cmocka_unit_test(a_signature_is_that_of_the_context_and_the_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
