#include "base/hex.h"

char *hex_encode(const void *data, size_t len, char *out)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i++) {
		out[2 * i] = digits[p[i] >> 4];
		out[2 * i + 1] = digits[p[i] & 15];
	}
	out[2 * len] = '\0';
	return out;
}

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

int hex_decode(const char *text, size_t text_len, void *out, size_t len)
{
	uint8_t *p = out;

	if (text_len != 2 * len)
		return failed(ERR_FORMAT, "expected %zu hexadecimal digits, not %zu", 2 * len, text_len);
	for (size_t i = 0; i < len; i++) {
		int high = digit_value(text[2 * i]), low = digit_value(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return failed(ERR_FORMAT, "'%.*s' is not in lower-case hexadecimal",
				      text_len > 80 ? 80 : (int)text_len, text);
		p[i] = (uint8_t)(high << 4 | low);
	}
	return 0;
}
