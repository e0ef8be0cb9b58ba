#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "report/json.h"

static void free_json(struct json **j)
{
	json_free(*j);
}
#define _json_ _cleanup_(free_json)

static void assert_document(struct json *j, const char *expected)
{
	_buf_ struct buf b;

	buf_init(&b, 4096, "test");
	assert_int_equal(json_take(j, &b), 0);
	assert_int_equal(buf_terminate(&b), 0);
	assert_string_equal((char *)b.data, expected);
}

static void every_kind_of_value_is_written(void **state)
{
	_json_ struct json *j = json_new();

	(void)state;
	json_object(j);
	json_put_text(j, "text", "a \"quoted\"\n\x01 caf\xc3\xa9 a/b");
	json_put_text(j, "nothing", NULL);
	json_put_int(j, "least", INT64_MIN);
	json_put_bool(j, "yes", true);
	json_put_hex(j, "id", "\xab\x01", 2);
	json_put_time(j, "taken_at", 1795226400);
	json_put_real(j, "ratio", 0.1);
	json_key(j, "rows");
	json_array(j);
	json_int(j, 1);
	json_bool(j, false);
	json_null(j);
	json_time(j, 0);
	json_hex(j, "", 0);
	json_text(j, "");
	json_close_array(j);
	json_close_object(j);
	assert_document(
		j, "{\"text\":\"a \\\"quoted\\\"\\n\\u0001 caf\xc3\xa9 a/b\",\"nothing\":null,"
		   "\"least\":-9223372036854775808,\"yes\":true,\"id\":\"ab01\",\"taken_at\":\"2026-11-21T02:00:00Z\","
		   "\"ratio\":0.1,\"rows\":[1,false,null,\"1970-01-01T00:00:00Z\",\"\",\"\"]}\n");
}

static void numbers_are_as_short_as_they_can_be(void **state)
{
	_json_ struct json *j = json_new();

	(void)state;
	json_array(j);
	json_real(j, 3.4);
	json_real(j, 5);
	json_real(j, 1.0 / 3);
	json_real(j, -1e300);
	json_real(j, NAN);
	json_real(j, INFINITY);
	json_close_array(j);
	assert_document(j, "[3.4,5,0.3333333333333333,-1e+300,null,null]\n");
}

static void bytes_that_are_no_utf8_are_escaped_and_can_be_had_back(void **state)
{
	_json_ struct json *j = json_new();

	(void)state;
	json_object(j);
	json_put_path(j, "good", "a\xc3\xa9", 3);
	json_put_path(j, "path", "a\xff\xc3\xa9\xc3", 5);
	json_put_text(j, "error", "cannot open '\xfe'");
	json_close_object(j);
	assert_document(j, "{\"good\":\"a\xc3\xa9\",\"path\":\"a\\\\xFF\xc3\xa9\\\\xC3\",\"path_hex\":\"61ffc3a9c3\","
			   "\"error\":\"cannot open '\\\\xFE'\"}\n");
}

static void a_result_is_printed_or_its_loss_is_told(void **state)
{
	_json_ struct json *j = json_new();
	char text[64] = "";

	(void)state;
	json_array(j);
	json_close_array(j);
	FILE *f = fmemopen(text, sizeof text, "w");
	assert_int_equal(json_print(j, f), 0);
	fclose(f);
	assert_string_equal(text, "[]\n");

	f = fopen("/dev/full", "w");
	assert_int_equal(json_print(j, f), ERR_FULL);
	assert_string_equal(err_message(), "cannot write the result as JSON: No space left on device");
	fclose(f);
}

static void a_document_larger_than_the_buffer_is_an_error(void **state)
{
	_json_ struct json *j = json_new();
	_buf_ struct buf b;

	(void)state;
	buf_init(&b, 4, "test");
	json_text(j, "12345");
	assert_int_equal(json_take(j, &b), ERR_FORMAT);
}

static void nothing_may_be_left_open(void **state)
{
	(void)state;
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct json *j = json_new();

		signal(SIGABRT, SIG_DFL);
		close(STDERR_FILENO);
		json_array(j);
		(void)!json_print(j, stdout);
		_exit(0);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	json_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_of_value_is_written),
		cmocka_unit_test(numbers_are_as_short_as_they_can_be),
		cmocka_unit_test(bytes_that_are_no_utf8_are_escaped_and_can_be_had_back),
		cmocka_unit_test(a_result_is_printed_or_its_loss_is_told),
		cmocka_unit_test(a_document_larger_than_the_buffer_is_an_error),
		cmocka_unit_test(nothing_may_be_left_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
