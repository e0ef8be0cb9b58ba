/*
 * JSON output (RFC 8259) through yajl's generator: one document, on one line, collected in memory.
 *
 * Text is UTF-8; each byte that is none is written as the four characters \xNN, whatever function it came by. A path
 * that a program may want back byte for byte goes through json_put_path(). Calls in a wrong order (a value without its
 * key, a document not closed) are programmer's errors and abort.
 */
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
void json_real(struct json *j, double value); /* null when it is no finite number */
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

/* key: the path; and where it is not valid UTF-8, "<key>_hex": its bytes. */
void json_put_path(struct json *j, const char *key, const void *bytes, size_t len);

/* The whole document, with a newline at its end. json_print() writes it to the stream; ERR_SYSTEM when that fails. */
must_check int json_take(struct json *j, struct buf *out);
must_check int json_print(struct json *j, FILE *stream);

#endif
