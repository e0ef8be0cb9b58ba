#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "format/cbor.h"
#include "format/limits.h"
#include "format/signed.h"

static struct secret_key *agent, *other;

static int set_up(void **state)
{
	(void)state;
	agent = key_generate(ROLE_AGENT);
	other = key_generate(ROLE_AGENT);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	secret_free(agent);
	secret_free(other);
	return 0;
}

static void make(struct buf *out, enum signed_type type, const char *text)
{
	_buf_ struct buf body = { 0 };

	buf_init(&body, 64, "body");
	buf_init(out, SEAL_MAX, "object");
	assert_int_equal(buf_append(&body, text, strlen(text)), 0);
	assert_int_equal(signed_encode(type, agent, &body, out), 0);
}

static void an_object_comes_back_with_its_signer_and_body(void **state)
{
	(void)state;
	for (enum signed_type type = SIGNED_HEADER; type <= SIGNED_LEASE; type++) {
		_buf_ struct buf object = { 0 };
		struct signed_view view;

		make(&object, type, "what is said");
		assert_int_equal(signed_decode(type, object.data, object.len, "test", &view), 0);
		assert_memory_equal(view.signer, agent->public.id, KEY_ID_SIZE);
		assert_int_equal(view.body_len, 12);
		assert_memory_equal(view.body, "what is said", 12);
		assert_int_equal(signed_verify(type, &view, &agent->public), 0);
	}
}

static void an_object_cannot_pass_for_another_type(void **state)
{
	_buf_ struct buf object = { 0 };
	struct signed_view view;

	(void)state;
	make(&object, SIGNED_SEAL, "what is said");
	assert_int_equal(signed_decode(SIGNED_HEADER, object.data, object.len, "sms/x", &view), ERR_FORMAT);
	assert_string_equal(err_message(), "sms/x: 'seal' where 'header' is expected");
	assert_int_equal(signed_decode(SIGNED_SEAL, object.data, object.len, "sms/x", &view), 0);
	assert_int_equal(signed_verify(SIGNED_HEADER, &view, &agent->public), ERR_INTEGRITY);
}

static void only_the_signers_key_verifies(void **state)
{
	_buf_ struct buf object = { 0 };
	struct signed_view view;
	struct public_key liar = other->public;

	(void)state;
	make(&object, SIGNED_LEASE, "what is said");
	assert_int_equal(signed_decode(SIGNED_LEASE, object.data, object.len, "test", &view), 0);
	assert_int_equal(signed_verify(SIGNED_LEASE, &view, &other->public), ERR_INTEGRITY);
	assert_non_null(strstr(err_message(), "not by the one it was checked with"));
	memcpy(liar.id, agent->public.id, KEY_ID_SIZE);
	assert_int_equal(signed_verify(SIGNED_LEASE, &view, &liar), ERR_INTEGRITY);
}

static void any_changed_byte_is_noticed(void **state)
{
	_buf_ struct buf object = { 0 };

	(void)state;
	make(&object, SIGNED_INTENT, "what is said");
	for (size_t i = 0; i < object.len; i++) {
		struct signed_view view;

		object.data[i] ^= 0x10;
		assert_true(signed_decode(SIGNED_INTENT, object.data, object.len, "test", &view) == ERR_FORMAT ||
			    signed_verify(SIGNED_INTENT, &view, &agent->public) == ERR_INTEGRITY);
		object.data[i] ^= 0x10;
	}
	for (size_t len = 0; len < object.len; len++) {
		struct signed_view view;

		assert_int_equal(signed_decode(SIGNED_INTENT, object.data, len, "test", &view), ERR_FORMAT);
	}
}

static void other_versions_and_wrong_lengths_are_refused(void **state)
{
	static const struct {
		unsigned version, signer, signature;
		const char *message;
	} rows[] = {
		{ 1, 16, 64, NULL },
		{ 2, 16, 64, "is of format version 2, this program reads version 1: use a newer one" },
		{ 1, 15, 64, "has 15 bytes instead of 16" },
		{ 1, 16, 63, "its signature has 63 bytes instead of 64" },
		{ 1, 16, 65, "is 65, the limit is 64" },
	};
	static const uint8_t zero[65];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		_buf_ struct buf out = { 0 };
		struct signed_view view;

		buf_init(&out, 512, "test");
		assert_int_equal(cbor_write_array(&out, 6), 0);
		assert_int_equal(cbor_write_text(&out, "nightfold"), 0);
		assert_int_equal(cbor_write_text(&out, "seal"), 0);
		assert_int_equal(cbor_write_uint(&out, rows[i].version), 0);
		assert_int_equal(cbor_write_bytes(&out, zero, rows[i].signer), 0);
		assert_int_equal(cbor_write_bytes(&out, "body", 4), 0);
		assert_int_equal(cbor_write_bytes(&out, zero, rows[i].signature), 0);
		int code = signed_decode(SIGNED_SEAL, out.data, out.len, "test", &view);
		assert_int_equal(code, rows[i].message == NULL ? 0 : ERR_FORMAT);
		if (rows[i].message != NULL)
			assert_non_null(strstr(err_message(), rows[i].message));
	}
}

static void objects_over_their_types_limit_are_neither_written_nor_read(void **state)
{
	static const uint8_t much[HEADER_MAX];
	_buf_ struct buf body = { 0 }, out = { 0 };
	struct signed_view view;

	(void)state;
	buf_init(&body, INDEX_MAX, "body");
	buf_init(&out, INDEX_MAX, "object");
	assert_int_equal(buf_append(&body, much, sizeof much), 0);
	assert_int_equal(signed_encode(SIGNED_HEADER, agent, &body, &out), ERR_FORMAT);
	assert_non_null(strstr(err_message(), "the limit is 16384"));
	buf_clear(&out);
	assert_int_equal(signed_encode(SIGNED_INDEX, agent, &body, &out), 0);
	assert_int_equal(signed_decode(SIGNED_HEADER, out.data, out.len, "test", &view), ERR_FORMAT);
	assert_non_null(strstr(err_message(), "the limit of a header is 16384"));

	buf_release(&out);
	buf_init(&out, 100, "object");
	assert_int_equal(signed_encode(SIGNED_INDEX, agent, &body, &out), ERR_FORMAT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_object_comes_back_with_its_signer_and_body),
		cmocka_unit_test(an_object_cannot_pass_for_another_type),
		cmocka_unit_test(only_the_signers_key_verifies),
		cmocka_unit_test(any_changed_byte_is_noticed),
		cmocka_unit_test(other_versions_and_wrong_lengths_are_refused),
		cmocka_unit_test(objects_over_their_types_limit_are_neither_written_nor_read),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
