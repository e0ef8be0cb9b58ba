#include "format/cbor.h"

#include <string.h>

#include <cbor.h>

enum item_type { ITEM_OTHER, ITEM_UINT, ITEM_NEGATIVE, ITEM_BYTES, ITEM_TEXT, ITEM_ARRAY, ITEM_MAP, ITEM_BOOL };

struct item {
	enum item_type type;
	uint64_t value; /* number, -1 - number, length or count */
	const uint8_t *data;
};

static void set(void *item, enum item_type type, uint64_t value, const uint8_t *data)
{
	*(struct item *)item = (struct item){ .type = type, .value = value, .data = data };
}

static void on_uint8(void *item, uint8_t value)
{
	set(item, ITEM_UINT, value, NULL);
}

static void on_uint16(void *item, uint16_t value)
{
	set(item, ITEM_UINT, value, NULL);
}

static void on_uint32(void *item, uint32_t value)
{
	set(item, ITEM_UINT, value, NULL);
}

static void on_uint64(void *item, uint64_t value)
{
	set(item, ITEM_UINT, value, NULL);
}

static void on_negint8(void *item, uint8_t value)
{
	set(item, ITEM_NEGATIVE, value, NULL);
}

static void on_negint16(void *item, uint16_t value)
{
	set(item, ITEM_NEGATIVE, value, NULL);
}

static void on_negint32(void *item, uint32_t value)
{
	set(item, ITEM_NEGATIVE, value, NULL);
}

static void on_negint64(void *item, uint64_t value)
{
	set(item, ITEM_NEGATIVE, value, NULL);
}

static void on_bytes(void *item, cbor_data data, size_t len)
{
	set(item, ITEM_BYTES, len, data);
}

static void on_text(void *item, cbor_data data, size_t len)
{
	set(item, ITEM_TEXT, len, data);
}

static void on_array(void *item, size_t count)
{
	set(item, ITEM_ARRAY, count, NULL);
}

static void on_map(void *item, size_t pairs)
{
	set(item, ITEM_MAP, pairs, NULL);
}

static void on_bool(void *item, bool value)
{
	set(item, ITEM_BOOL, value, NULL);
}

/* What the format does not have leaves the item at ITEM_OTHER. */
static const struct cbor_callbacks callbacks = {
	.uint8 = on_uint8,
	.uint16 = on_uint16,
	.uint32 = on_uint32,
	.uint64 = on_uint64,
	.negint8 = on_negint8,
	.negint16 = on_negint16,
	.negint32 = on_negint32,
	.negint64 = on_negint64,
	.byte_string = on_bytes,
	.string = on_text,
	.array_start = on_array,
	.map_start = on_map,
	.boolean = on_bool,
	.byte_string_start = cbor_null_byte_string_start_callback,
	.string_start = cbor_null_string_start_callback,
	.indef_array_start = cbor_null_indef_array_start_callback,
	.indef_map_start = cbor_null_indef_map_start_callback,
	.tag = cbor_null_tag_callback,
	.float2 = cbor_null_float2_callback,
	.float4 = cbor_null_float4_callback,
	.float8 = cbor_null_float8_callback,
	.undefined = cbor_null_undefined_callback,
	.null = cbor_null_null_callback,
	.indef_break = cbor_null_indef_break_callback,
};

size_t cbor_head_size(uint64_t argument)
{
	if (argument < 24)
		return 1;
	if (argument <= UINT8_MAX)
		return 2;
	if (argument <= UINT16_MAX)
		return 3;
	return argument <= UINT32_MAX ? 5 : 9;
}

void cbor_reader_init(struct cbor_reader *r, const void *data, size_t len, const char *what)
{
	*r = (struct cbor_reader){ .data = data, .len = len, .what = what };
}

/* The next item, one of two types. The cursor moves only when it is accepted. */
static int take(struct cbor_reader *r, enum item_type wanted, enum item_type or_else, const char *name,
		struct item *item)
{
	set(item, ITEM_OTHER, 0, NULL);
	struct cbor_decoder_result got = cbor_stream_decode(r->data + r->at, r->len - r->at, &callbacks, item);

	if (got.status == CBOR_DECODER_NEDATA)
		return failed(ERR_FORMAT, "%s: ends early, byte %zu should begin %s", r->what, r->at, name);
	if (got.status != CBOR_DECODER_FINISHED || (item->type != wanted && item->type != or_else))
		return failed(ERR_FORMAT, "%s: expected %s at byte %zu", r->what, name, r->at);

	size_t payload = item->data != NULL ? item->value : 0;
	if (got.read - payload != cbor_head_size(item->value))
		return failed(ERR_FORMAT, "%s: %s at byte %zu is not in its shortest form", r->what, name, r->at);
	r->at += got.read;
	return 0;
}

static int over(const struct cbor_reader *r, const char *name, uint64_t value, uint64_t max)
{
	return failed(ERR_FORMAT, "%s: %s before byte %zu is %llu, the limit is %llu", r->what, name, r->at,
		      (unsigned long long)value, (unsigned long long)max);
}

int cbor_read_array(struct cbor_reader *r, size_t max, size_t *count)
{
	struct item item;

	if (take(r, ITEM_ARRAY, ITEM_ARRAY, "an array", &item) < 0)
		return ERR_FORMAT;
	if (item.value > max)
		return over(r, "an array's length", item.value, max);
	/* Each item takes a byte at least: nobody allocates for more than there can be. */
	if (item.value > r->len - r->at)
		return failed(ERR_FORMAT, "%s: ends early, within an array at byte %zu", r->what, r->at);
	*count = item.value;
	return 0;
}

int cbor_read_array_of(struct cbor_reader *r, size_t count)
{
	size_t got = 0;

	if (cbor_read_array(r, SIZE_MAX, &got) < 0)
		return ERR_FORMAT;
	if (got != count)
		return failed(ERR_FORMAT, "%s: an array before byte %zu has %zu items instead of %zu", r->what, r->at,
			      got, count);
	return 0;
}

int cbor_read_map(struct cbor_reader *r, size_t max, size_t *pairs)
{
	struct item item;

	if (take(r, ITEM_MAP, ITEM_MAP, "a map", &item) < 0)
		return ERR_FORMAT;
	if (item.value > max)
		return over(r, "a map's length", item.value, max);
	*pairs = item.value;
	return 0;
}

int cbor_read_uint(struct cbor_reader *r, uint64_t max, uint64_t *value)
{
	struct item item;

	if (take(r, ITEM_UINT, ITEM_UINT, "a number", &item) < 0)
		return ERR_FORMAT;
	if (item.value > max)
		return over(r, "a number", item.value, max);
	*value = item.value;
	return 0;
}

int cbor_read_u32(struct cbor_reader *r, uint32_t max, uint32_t *value)
{
	uint64_t wide = 0;

	if (cbor_read_uint(r, max, &wide) < 0)
		return ERR_FORMAT;
	*value = (uint32_t)wide;
	return 0;
}

int cbor_read_int(struct cbor_reader *r, int64_t *value)
{
	struct item item;

	if (take(r, ITEM_UINT, ITEM_NEGATIVE, "a signed number", &item) < 0)
		return ERR_FORMAT;
	if (item.value > INT64_MAX)
		return over(r, "a signed number's size", item.value, INT64_MAX);
	*value = item.type == ITEM_UINT ? (int64_t)item.value : -1 - (int64_t)item.value;
	return 0;
}

int cbor_read_bool(struct cbor_reader *r, bool *value)
{
	struct item item;

	if (take(r, ITEM_BOOL, ITEM_BOOL, "true or false", &item) < 0)
		return ERR_FORMAT;
	*value = item.value != 0;
	return 0;
}

int cbor_read_bytes(struct cbor_reader *r, size_t max, const uint8_t **data, size_t *len)
{
	struct item item;

	if (take(r, ITEM_BYTES, ITEM_BYTES, "a byte string", &item) < 0)
		return ERR_FORMAT;
	if (item.value > max)
		return over(r, "a byte string's length", item.value, max);
	*data = item.data;
	*len = item.value;
	return 0;
}

int cbor_read_bytes_of(struct cbor_reader *r, size_t len, void *out)
{
	const uint8_t *data;
	size_t got = 0;

	if (cbor_read_bytes(r, SIZE_MAX, &data, &got) < 0)
		return ERR_FORMAT;
	if (got != len)
		return failed(ERR_FORMAT, "%s: a byte string before byte %zu has %zu bytes instead of %zu", r->what,
			      r->at, got, len);
	memcpy(out, data, len);
	return 0;
}

static bool printable(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] < 0x20 || text[i] > 0x7e)
			return false;
	return true;
}

int cbor_read_text(struct cbor_reader *r, size_t max, const char **text, size_t *len)
{
	struct item item;

	if (take(r, ITEM_TEXT, ITEM_TEXT, "a text", &item) < 0)
		return ERR_FORMAT;
	if (item.value > max)
		return over(r, "a text's length", item.value, max);
	if (!printable((const char *)item.data, item.value))
		return failed(ERR_FORMAT, "%s: a text before byte %zu is not printable ASCII", r->what, r->at);
	*text = (const char *)item.data;
	*len = item.value;
	return 0;
}

int cbor_read_text_of(struct cbor_reader *r, const char *expected)
{
	const char *text;
	size_t len;

	if (cbor_read_text(r, SIZE_MAX, &text, &len) < 0)
		return ERR_FORMAT;
	if (len != strlen(expected) || memcmp(text, expected, len) != 0)
		return failed(ERR_FORMAT, "%s: '%.*s' where '%s' is expected", r->what, (int)(len < 64 ? len : 64),
			      text, expected);
	return 0;
}

int cbor_read_text_into(struct cbor_reader *r, char *out, size_t size)
{
	const char *text;
	size_t len;

	if (cbor_read_text(r, size - 1, &text, &len) < 0)
		return ERR_FORMAT;
	memcpy(out, text, len);
	out[len] = '\0';
	return 0;
}

int cbor_read_end(const struct cbor_reader *r)
{
	if (r->at != r->len)
		return failed(ERR_FORMAT, "%s: %zu bytes follow its end", r->what, r->len - r->at);
	return 0;
}

#define HEAD_MAX 9

int cbor_write_array(struct buf *out, size_t count)
{
	uint8_t head[HEAD_MAX];

	return buf_append(out, head, cbor_encode_array_start(count, head, sizeof head));
}

int cbor_write_map(struct buf *out, size_t pairs)
{
	uint8_t head[HEAD_MAX];

	return buf_append(out, head, cbor_encode_map_start(pairs, head, sizeof head));
}

int cbor_write_uint(struct buf *out, uint64_t value)
{
	uint8_t head[HEAD_MAX];

	return buf_append(out, head, cbor_encode_uint(value, head, sizeof head));
}

int cbor_write_int(struct buf *out, int64_t value)
{
	uint8_t head[HEAD_MAX];

	if (value >= 0)
		return cbor_write_uint(out, (uint64_t)value);
	return buf_append(out, head, cbor_encode_negint((uint64_t)(-1 - value), head, sizeof head));
}

int cbor_write_bool(struct buf *out, bool value)
{
	uint8_t head[HEAD_MAX];

	return buf_append(out, head, cbor_encode_bool(value, head, sizeof head));
}

int cbor_write_bytes(struct buf *out, const void *data, size_t len)
{
	uint8_t head[HEAD_MAX];

	if (buf_append(out, head, cbor_encode_bytestring_start(len, head, sizeof head)) < 0)
		return ERR_FORMAT;
	return buf_append(out, data, len);
}

int cbor_write_text(struct buf *out, const char *text)
{
	uint8_t head[HEAD_MAX];
	size_t len = strlen(text);

	if (!printable(text, len))
		return failed(ERR_FORMAT, "%s: a text in it is not printable ASCII", out->what);
	if (buf_append(out, head, cbor_encode_string_start(len, head, sizeof head)) < 0)
		return ERR_FORMAT;
	return buf_append(out, text, len);
}
