#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/hex.h"
#include "crypto/unseal.h"

static struct secret_key *operator_key, *validator_key, *agent_key;

static int make_keys(void **state)
{
	(void)state;
	operator_key = key_generate(ROLE_OPERATOR);
	validator_key = key_generate(ROLE_VALIDATOR);
	agent_key = key_generate(ROLE_AGENT);
	return 0;
}

static int free_keys(void **state)
{
	(void)state;
	secret_free(operator_key);
	secret_free(validator_key);
	secret_free(agent_key);
	return 0;
}

/* A binding to a root that `root_key` really makes. */
static struct seal_binding binding_of(const char *dataset, const uint8_t root_key[KEY_SIZE])
{
	struct seal_binding b = { .dataset = dataset };

	for (size_t i = 0; i < SNAPSHOT_ID_SIZE; i++)
		b.snapshot[i] = (uint8_t)i;
	chunk_id(root_key, b.root_id);
	return b;
}

/* Computed with Python's hashlib. */
static void the_payload_begins_as_the_format_says(void **state)
{
	struct seal_binding b = { .dataset = "sms" };
	uint8_t prefix[SEAL_PREFIX_SIZE];
	char text[2 * SEAL_PREFIX_SIZE + 1];

	(void)state;
	for (size_t i = 0; i < SNAPSHOT_ID_SIZE; i++)
		b.snapshot[i] = (uint8_t)i;
	for (size_t i = 0; i < ID_SIZE; i++)
		b.root_id[i] = (uint8_t)(32 + i);
	seal_prefix(&b, prefix);
	assert_string_equal(
		hex_encode(prefix, sizeof prefix, text),
		"4e465345414c310a9582d03046bd2d14526cfc1129b03215052713cfdc859fd7aa5dbaa9a96f2f4a00010203040506"
		"0708090a0b0c0d0e0f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f");
}

static void a_recipient_opens_the_seal_and_gets_the_root_key(void **state)
{
	uint8_t root_key[KEY_SIZE] = "the key of the root", sealed[SEALED_SIZE], opened[KEY_SIZE];
	struct seal_binding b = binding_of("sms", root_key);

	(void)state;
	assert_int_equal(seal_make(&operator_key->public, &b, root_key, sealed), 0);
	assert_int_equal(unseal(operator_key, &b, sealed, opened), 0);
	assert_memory_equal(opened, root_key, KEY_SIZE);
}

static void another_key_does_not_open_it(void **state)
{
	uint8_t root_key[KEY_SIZE] = { 1 }, sealed[SEALED_SIZE], opened[KEY_SIZE] = { 0 };
	struct seal_binding b = binding_of("sms", root_key);

	(void)state;
	assert_int_equal(seal_make(&operator_key->public, &b, root_key, sealed), 0);
	assert_int_equal(unseal(validator_key, &b, sealed, opened), ERR_KEY);
	assert_string_equal(err_message(),
			    "this key does not open the seal of snapshot 000102030405060708090a0b0c0d0e0f, "
			    "or the seal is damaged");
	assert_int_equal(unseal(agent_key, &b, sealed, opened), ERR_KEY);
	assert_string_equal(err_message(),
			    "a key of role agent opens no snapshot: give an operator's or a validator's");
	sealed[100] ^= 1;
	assert_int_equal(unseal(operator_key, &b, sealed, opened), ERR_KEY);
	assert_int_equal(opened[0], 0);
}

static void a_seal_under_anothers_name_is_refused(void **state)
{
	uint8_t root_key[KEY_SIZE] = { 1 }, other_key[KEY_SIZE] = { 2 }, sealed[SEALED_SIZE], opened[KEY_SIZE] = { 0 };
	struct seal_binding b = binding_of("sms", root_key), wrong;

	(void)state;
	assert_int_equal(seal_make(&operator_key->public, &b, root_key, sealed), 0);

	wrong = b;
	wrong.dataset = "sms2";
	assert_int_equal(unseal(operator_key, &wrong, sealed, opened), ERR_INTEGRITY);
	wrong = b;
	wrong.snapshot[15] ^= 1;
	assert_int_equal(unseal(operator_key, &wrong, sealed, opened), ERR_INTEGRITY);
	assert_string_equal(err_message(),
			    "the seal under the name of snapshot 000102030405060708090a0b0c0d0e0e was made for "
			    "another one");
	wrong = binding_of("sms", other_key);
	assert_int_equal(unseal(operator_key, &wrong, sealed, opened), ERR_INTEGRITY);
	assert_int_equal(opened[0], 0);
}

static void a_root_key_that_does_not_make_the_root_is_refused(void **state)
{
	uint8_t root_key[KEY_SIZE] = { 1 }, other_key[KEY_SIZE] = { 2 }, sealed[SEALED_SIZE], opened[KEY_SIZE] = { 0 };
	struct seal_binding b = binding_of("sms", root_key);

	(void)state;
	assert_int_equal(seal_make(&operator_key->public, &b, other_key, sealed), 0);
	assert_int_equal(unseal(operator_key, &b, sealed, opened), ERR_INTEGRITY);
	assert_string_equal(err_message(),
			    "the seal of snapshot 000102030405060708090a0b0c0d0e0f holds a key that does not "
			    "make its root's id");
	assert_int_equal(opened[0], 0);
}

static void only_keys_with_a_usable_box_part_are_recipients(void **state)
{
	uint8_t root_key[KEY_SIZE] = { 1 }, sealed[SEALED_SIZE];
	struct seal_binding b = binding_of("sms", root_key);
	struct public_key of_small_order = operator_key->public;

	(void)state;
	assert_int_equal(seal_make(&agent_key->public, &b, root_key, sealed), ERR_USAGE);
	assert_string_equal(err_message(), "agent keys cannot be recipients: they have no encryption part");
	memset(of_small_order.box, 0, BOX_PUBLIC_SIZE);
	assert_int_equal(seal_make(&of_small_order, &b, root_key, sealed), ERR_FORMAT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_payload_begins_as_the_format_says),
		cmocka_unit_test(a_recipient_opens_the_seal_and_gets_the_root_key),
		cmocka_unit_test(another_key_does_not_open_it),
		cmocka_unit_test(a_seal_under_anothers_name_is_refused),
		cmocka_unit_test(a_root_key_that_does_not_make_the_root_is_refused),
		cmocka_unit_test(only_keys_with_a_usable_box_part_are_recipients),
	};

	return cmocka_run_group_tests(tests, make_keys, free_keys);
}
