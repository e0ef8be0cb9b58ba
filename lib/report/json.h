/* JSON output (RFC 8259) through yajl's generator. Bytes that are not UTF-8 are written as \u00NN of each such byte with a sibling left to the caller. */
#ifndef REPORT_JSON_H
#define REPORT_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"

struct json;
struct json *json_new(void);
void json_free(struct json *j);
void json_object(struct json *j);
void json_array(struct json *j);
void json_close_object(struct json *j);
void json_close_array(struct json *j);
void json_key(struct json *j, const char *key);
void json_text(struct json *j, const char *text);
void json_bytes(struct json *j, const void *bytes, size_t len); /* a path: valid UTF-8 as it is, else \xNN escaped */
void json_hex(struct json *j, const void *bytes, size_t len);
void json_int(struct json *j, int64_t value);
void json_real(struct json *j, double value);
void json_bool(struct json *j, bool value);
void json_null(struct json *j);
void json_time(struct json *j, int64_t t); /* "2026-11-21T02:00:00Z" */

/* key + value in one call */
void json_put_text(struct json *j, const char *key, const char *text); /* NULL text: null */
void json_put_int(struct json *j, const char *key, int64_t value);
void json_put_bool(struct json *j, const char *key, bool value);
void json_put_hex(struct json *j, const char *key, const void *bytes, size_t len);
void json_put_time(struct json *j, const char *key, int64_t t);
void json_put_real(struct json *j, const char *key, double value);

/* The whole document, with a newline at its end. json_print() writes it to the stream; ERR_SYSTEM when that fails. */
must_check int json_take(struct json *j, struct buf *out);
must_check int json_print(struct json *j, FILE *stream);

#endif
