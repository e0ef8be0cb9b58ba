#include "base/utf8.h"

size_t utf8_next(const void *bytes, size_t len, uint32_t *code)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const uint8_t *p = bytes;
	size_t size;

	if (p[0] < 0x80) {
		*code = p[0];
		return 1;
	}
	if (p[0] >= 0xc2 && p[0] < 0xe0)
		size = 2;
	else if (p[0] >= 0xe0 && p[0] < 0xf0)
		size = 3;
	else if (p[0] >= 0xf0 && p[0] < 0xf5)
		size = 4;
	else
		return 0;
	if (size > len)
		return 0;

	uint32_t c = p[0] & (0x7fu >> size);
	for (size_t i = 1; i < size; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[size] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*code = c;
	return size;
}

bool utf8_valid(const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	uint32_t code;

	for (size_t i = 0, step; i < len; i += step) {
		step = utf8_next(p + i, len - i, &code);
		if (step == 0)
			return false;
	}
	return true;
}

bool utf8_printable(uint32_t code)
{
	if (code < 0x20 || (code >= 0x7f && code < 0xa0))
		return false;
	/* Marks and overrides of direction, line and paragraph separators, the byte order mark. */
	return !(code == 0x61c || code == 0x200e || code == 0x200f || (code >= 0x2028 && code <= 0x202e) ||
		 (code >= 0x2066 && code <= 0x2069) || code == 0xfeff);
}
