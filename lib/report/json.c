#include "report/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <yajl/yajl_gen.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/io.h"
#include "base/utf8.h"

struct json {
	yajl_gen gen;
};

/* Anything but success is a call in the wrong place: what comes from outside cannot make the generator fail. */
static void ok(yajl_gen_status status)
{
	must(status == yajl_gen_status_ok);
}

struct json *json_new(void)
{
	struct json *j = xcalloc(1, sizeof *j);

	j->gen = yajl_gen_alloc(NULL);
	if (!j->gen)
		out_of_memory(sizeof *j);
	return j;
}

void json_free(struct json *j)
{
	if (!j)
		return;
	yajl_gen_free(j->gen);
	free(j);
}

void json_object(struct json *j)
{
	ok(yajl_gen_map_open(j->gen));
}

void json_array(struct json *j)
{
	ok(yajl_gen_array_open(j->gen));
}

void json_close_object(struct json *j)
{
	ok(yajl_gen_map_close(j->gen));
}

void json_close_array(struct json *j)
{
	ok(yajl_gen_array_close(j->gen));
}

void json_key(struct json *j, const char *key)
{
	json_text(j, key);
}

void json_text(struct json *j, const char *text)
{
	json_bytes(j, text, strlen(text));
}

void json_bytes(struct json *j, const void *bytes, size_t len)
{
	if (utf8_valid(bytes, len)) {
		ok(yajl_gen_string(j->gen, bytes, len));
		return;
	}

	const uint8_t *p = bytes;
	_free_ char *text = xmalloc(4 * len + 1);
	size_t used = 0;

	for (size_t i = 0; i < len;) {
		uint32_t code;
		size_t step = utf8_next(p + i, len - i, &code);

		if (step == 0) {
			used += (size_t)snprintf(text + used, 5, "\\x%02X", p[i]);
			i++;
		} else {
			memcpy(text + used, p + i, step);
			used += step;
			i += step;
		}
	}
	ok(yajl_gen_string(j->gen, (const unsigned char *)text, used));
}

void json_hex(struct json *j, const void *bytes, size_t len)
{
	_free_ char *text = xmalloc(2 * len + 1);

	json_text(j, hex_encode(bytes, len, text));
}

void json_int(struct json *j, int64_t value)
{
	ok(yajl_gen_integer(j->gen, value));
}

void json_real(struct json *j, double value)
{
	char text[32];

	if (!isfinite(value)) {
		json_null(j);
		return;
	}
	/* The shortest that reads back as the same number; yajl itself would write 0.1 with twenty digits. */
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof text, "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	ok(yajl_gen_number(j->gen, text, strlen(text)));
}

void json_bool(struct json *j, bool value)
{
	ok(yajl_gen_bool(j->gen, value));
}

void json_null(struct json *j)
{
	ok(yajl_gen_null(j->gen));
}

void json_time(struct json *j, int64_t t)
{
	char text[CLOCK_TEXT_MAX];

	json_text(j, clock_format(t, text));
}

void json_put_text(struct json *j, const char *key, const char *text)
{
	json_key(j, key);
	if (text)
		json_text(j, text);
	else
		json_null(j);
}

void json_put_int(struct json *j, const char *key, int64_t value)
{
	json_key(j, key);
	json_int(j, value);
}

void json_put_bool(struct json *j, const char *key, bool value)
{
	json_key(j, key);
	json_bool(j, value);
}

void json_put_hex(struct json *j, const char *key, const void *bytes, size_t len)
{
	json_key(j, key);
	json_hex(j, bytes, len);
}

void json_put_time(struct json *j, const char *key, int64_t t)
{
	json_key(j, key);
	json_time(j, t);
}

void json_put_real(struct json *j, const char *key, double value)
{
	json_key(j, key);
	json_real(j, value);
}

void json_put_path(struct json *j, const char *key, const void *bytes, size_t len)
{
	json_key(j, key);
	json_bytes(j, bytes, len);
	if (!utf8_valid(bytes, len)) {
		_free_ char *hex_key = xasprintf("%s_hex", key);

		json_put_hex(j, hex_key, bytes, len);
	}
}

static void document(struct json *j, const unsigned char **text, size_t *len)
{
	ok(yajl_gen_get_buf(j->gen, text, len));
	/* The generator takes values only while something is open. */
	must(*len > 0 && yajl_gen_null(j->gen) == yajl_gen_generation_complete);
}

int json_take(struct json *j, struct buf *out)
{
	const unsigned char *text;
	size_t len;

	document(j, &text, &len);
	int code = buf_append(out, text, len);
	return code ? code : buf_append_byte(out, '\n');
}

int json_print(struct json *j, FILE *stream)
{
	const unsigned char *text;
	size_t len;

	document(j, &text, &len);
	if (fwrite(text, 1, len, stream) != len || fputc('\n', stream) == EOF || fflush(stream) != 0)
		return io_reader_gone(fileno(stream)) ? 0 : failed_errno(ERR_SYSTEM, "cannot write the result as JSON");
	return 0;
}
