#include "crypto/paper.h"

#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "crypto/digest.h"
#include "crypto/secret.h"

#define DIGITS_PER_LINE 32
#define GROUP           4
#define CONTENT_WIDTH   39 /* eight groups of four and the spaces between them */
#define CONTENT_MAX     64
#define CHECK_BYTES     2
#define CHECK_DIGITS    (2 * CHECK_BYTES)
#define END_BYTES       8
#define END             "end."
#define END_LEN         (sizeof END - 1)
#define NAMED_MAX       8 /* lines that a message names */

static bool is_hex(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!((text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f')))
			return false;
	return true;
}

/* A word that stands in lines of its own. Shorter ones (a version, a number) are joined by dots. */
static bool is_long(const char *word, size_t len)
{
	return len >= DIGITS_PER_LINE && is_hex(word, len);
}

static void line_checksum(unsigned number, const char *content, size_t len, char check[CHECK_DIGITS + 1])
{
	uint8_t digest[DIGEST_SIZE];
	_secret_ char *text = secret_new(CONTENT_MAX + 4);
	int head = snprintf(text, 4, "%02u", number);

	must(head == 2 && len <= CONTENT_MAX);
	memcpy(text + head, content, len);
	blake2b(text, (size_t)head + len, digest);
	hex_encode(digest, CHECK_BYTES, check);
}

static void end_content(const char *text, size_t len, char content[END_LEN + 2 * END_BYTES + 1])
{
	uint8_t digest[DIGEST_SIZE];

	blake2b(text, len, digest);
	memcpy(content, END, END_LEN);
	hex_encode(digest, END_BYTES, content + END_LEN);
}

static int append_spaces(struct buf *out, size_t count)
{
	static const char spaces[] = "                                                ";

	must(count < sizeof spaces);
	return buf_append(out, spaces, count);
}

static int append_line(unsigned number, const char *content, size_t len, struct buf *out)
{
	char check[CHECK_DIGITS + 1];
	bool grouped = is_hex(content, len);
	size_t width = 0;
	int code = buf_printf(out, "%02u  ", number);

	for (size_t i = 0; i < len && code == 0; i++) {
		if (grouped && i > 0 && i % GROUP == 0) {
			code = buf_append_byte(out, ' ');
			width++;
		}
		if (code == 0)
			code = buf_append_byte(out, (uint8_t)content[i]);
		width++;
	}
	line_checksum(number, content, len, check);
	if (code == 0 && width < CONTENT_WIDTH)
		code = append_spaces(out, CONTENT_WIDTH - width);
	return code != 0 ? code : buf_printf(out, "   %s\n", check);
}

int paper_encode(const char *text, size_t len, struct buf *out)
{
	char end[END_LEN + 2 * END_BYTES + 1], content[CONTENT_MAX];
	size_t content_len = 0, at = 0;
	unsigned number = 0;
	int code = 0;

	must(out->guarded);
	if (len > 0 && text[len - 1] == '\n')
		len--;
	while (at < len && code == 0) {
		const char *word = text + at, *space = memchr(word, ' ', len - at);
		size_t word_len = space == NULL ? len - at : (size_t)(space - word);
		bool alone = is_long(word, word_len);

		if (content_len > 0 && !alone)
			content[content_len++] = '.';
		if (!alone) {
			must(content_len + word_len < sizeof content);
			memcpy(content + content_len, word, word_len);
			content_len += word_len;
		}
		if (content_len > 0 && (alone || space == NULL)) {
			code = append_line(++number, content, content_len, out);
			content_len = 0;
		}
		for (size_t done = 0; alone && done < word_len && code == 0; done += DIGITS_PER_LINE) {
			size_t rest = word_len - done;

			code = append_line(++number, word + done, rest < DIGITS_PER_LINE ? rest : DIGITS_PER_LINE, out);
		}
		at += word_len + 1;
	}
	must(number < PAPER_LINES_MAX);
	end_content(text, len, end);
	return code != 0 ? code : append_line(number + 1, end, strlen(end), out);
}

enum line_state { LINE_ABSENT, LINE_GOOD, LINE_BAD, LINE_TWICE };

struct typed_line {
	enum line_state state;
	size_t len;
	char content[CONTENT_MAX];
};

struct typed {
	struct typed_line lines[PAPER_LINES_MAX + 1]; /* by their number on the paper; 0 is unused */
	unsigned last;                                /* highest number seen */
	bool ended;                                   /* it is the line of the end */
};

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Letters that look like digits become them, if the line is then one of digits only. */
static void read_lookalikes(char *content, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!is_hex(content + i, 1) && strchr("oil", content[i]) == NULL)
			return;
	for (size_t i = 0; i < len; i++)
		if (!is_hex(content + i, 1))
			content[i] = content[i] == 'o' ? '0' : '1';
}

/* `number`, `content` and `check` of one typed line, white space and case gone. 0: no line number. */
static unsigned read_line(const char *text, size_t len, char *squeezed, size_t *squeezed_len)
{
	unsigned number = 0;
	size_t at = 0, digits = 0;

	while (at < len && strchr(" \t\r", text[at]) != NULL)
		at++;
	for (; at < len && digits < 2 && text[at] >= '0' && text[at] <= '9'; at++, digits++)
		number = 10 * number + (unsigned)(text[at] - '0');
	if (at < len && digits > 0 && strchr(".:)", text[at]) != NULL)
		at++;
	*squeezed_len = 0;
	for (; at < len; at++) {
		if (strchr(" \t\r", text[at]) != NULL)
			continue;
		if (*squeezed_len == CONTENT_MAX + CHECK_DIGITS)
			return number; /* too long to be right: its checksum will say so */
		squeezed[(*squeezed_len)++] = lower(text[at]);
	}
	return number;
}

static void take_line(struct typed *t, unsigned number, char *squeezed, size_t len)
{
	struct typed_line *line = &t->lines[number];
	char check[CHECK_DIGITS + 1];

	if (number > t->last)
		t->last = number;
	if (line->state != LINE_ABSENT) {
		line->state = LINE_TWICE;
		return;
	}
	line->state = LINE_BAD;
	if (len <= CHECK_DIGITS)
		return;

	size_t content_len = len - CHECK_DIGITS;

	read_lookalikes(squeezed, content_len);
	read_lookalikes(squeezed + content_len, CHECK_DIGITS);
	line_checksum(number, squeezed, content_len, check);
	if (memcmp(check, squeezed + content_len, CHECK_DIGITS) != 0)
		return;
	line->state = LINE_GOOD;
	line->len = content_len;
	memcpy(line->content, squeezed, content_len);
	t->ended = t->ended || (content_len > END_LEN && memcmp(squeezed, END, END_LEN) == 0);
}

static int read_lines(const char *typed, size_t len, struct typed *t)
{
	_secret_ char *squeezed = secret_new(CONTENT_MAX + CHECK_DIGITS);
	unsigned row = 0;

	for (size_t at = 0; at < len;) {
		const char *end = memchr(typed + at, '\n', len - at);
		size_t line_len = end == NULL ? len - at : (size_t)(end - typed) - at, squeezed_len;
		unsigned number = read_line(typed + at, line_len, squeezed, &squeezed_len);

		row++;
		if (squeezed_len > 0 && squeezed[0] != '#') {
			if (number == 0)
				return failed(ERR_INTEGRITY,
					      "row %u of what was typed does not begin with a line's number", row);
			take_line(t, number, squeezed, squeezed_len);
		}
		at += line_len + 1;
	}
	return 0;
}

/* All that is wrong in one message, so that one look at the paper mends it. */
static int report(const struct typed *t)
{
	_buf_ struct buf text = { 0 };
	unsigned wrong = 0;
	int code = 0;

	buf_init(&text, ERR_MESSAGE_MAX, "a message");
	for (unsigned n = 1; n <= t->last && code == 0; n++) {
		enum line_state state = t->lines[n].state;

		if (state == LINE_GOOD || ++wrong > NAMED_MAX)
			continue;
		code = buf_printf(&text, "%sline %02u %s", wrong > 1 ? "; " : "", n,
				  state == LINE_ABSENT ? "is missing"
				  : state == LINE_BAD  ? "does not match its checksum"
						       : "is there twice");
	}
	if (code == 0 && wrong > NAMED_MAX)
		code = buf_printf(&text, "; and %u more", wrong - NAMED_MAX);
	if (code == 0 && wrong == 0 && !t->ended)
		code = buf_printf(&text, "the lines after %02u are missing (the last one says 'end')", t->last);
	if (code == 0)
		code = buf_terminate(&text);
	if (code != 0 || text.len == 0)
		return code;
	return failed(ERR_INTEGRITY, "%s", (const char *)text.data);
}

int paper_decode(const char *typed, size_t len, struct buf *out)
{
	_secret_ struct typed *t = secret_new(sizeof *t);
	size_t start = out->len;
	bool after_digits = false;
	char end[END_LEN + 2 * END_BYTES + 1];
	int code = read_lines(typed, len, t);

	must(out->guarded);
	if (code == 0)
		code = report(t);
	for (unsigned n = 1; n < t->last && code == 0; n++) {
		struct typed_line *line = &t->lines[n];
		bool digits = is_hex(line->content, line->len);

		if (n > 1 && !(digits && after_digits))
			code = buf_append_byte(out, ' ');
		for (size_t i = 0; i < line->len; i++)
			if (line->content[i] == '.')
				line->content[i] = ' ';
		if (code == 0)
			code = buf_append(out, line->content, line->len);
		after_digits = digits;
	}
	if (code != 0)
		return code;

	const struct typed_line *last = &t->lines[t->last];

	end_content((const char *)out->data + start, out->len - start, end);
	if (last->len != strlen(end) || memcmp(last->content, end, last->len) != 0)
		return failed(ERR_INTEGRITY, "each line is right, but not all of them are of one paper");
	return buf_append_byte(out, '\n');
}
