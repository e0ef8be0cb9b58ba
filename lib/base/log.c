#include "base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/utf8.h"

#define STATUS_MAX 512
#define ERASE_LINE "\r\033[K"

static const char *program_name = "nightfold";
static bool show_detail;
/* Guards the status line and the order of what goes to standard error. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char status[STATUS_MAX];

void log_init(const char *program, bool verbose)
{
	program_name = program;
	show_detail = verbose;
}

bool log_on_terminal(void)
{
	return isatty(STDERR_FILENO);
}

/* One write for one line, so that lines of several processes do not mix. Errors: nobody is left to tell. */
static void put(const char *text)
{
	size_t len = strlen(text);

	while (len > 0) {
		ssize_t n = write(STDERR_FILENO, text, len);

		if (n <= 0)
			return;
		text += n;
		len -= (size_t)n;
	}
}

static printf_like(2, 0) void say(const char *level, const char *format, va_list args)
{
	_free_ char *raw = NULL;
	char now[CLOCK_TEXT_MAX], test[CLOCK_TEXT_MAX + 16] = "";

	if (vasprintf(&raw, format, args) < 0)
		out_of_memory(strlen(format));
	size_t size = 4 * strlen(raw) + 1;
	_free_ char *text = xmalloc(size);
	log_printable(raw, strlen(raw), text, size);

	if (clock_is_test())
		snprintf(test, sizeof test, "[test clock %s] ", clock_format(clock_now(), now));

	pthread_mutex_lock(&lock);
	_free_ char *line = xasprintf("%s%s: %s%s: %s\n%s", *status ? ERASE_LINE : "", program_name, test, level, text,
				      status);
	put(line);
	pthread_mutex_unlock(&lock);
}

#define SAY(level)                                                                                                     \
	do {                                                                                                           \
		va_list args;                                                                                          \
		va_start(args, format);                                                                                \
		say(level, format, args);                                                                              \
		va_end(args);                                                                                          \
	} while (0)

void log_error(const char *format, ...)
{
	SAY("error");
}

void log_warning(const char *format, ...)
{
	SAY("warning");
}

void log_info(const char *format, ...)
{
	SAY("info");
}

void log_detail(const char *format, ...)
{
	if (show_detail)
		SAY("detail");
}

void log_status(const char *line)
{
	if (!log_on_terminal())
		return;

	pthread_mutex_lock(&lock);
	bool shown = *status;
	snprintf(status, sizeof status, "%s", line ? line : "");
	if (shown || *status) {
		_free_ char *text = xasprintf(ERASE_LINE "%s", status);
		put(text);
	}
	pthread_mutex_unlock(&lock);
}

char *log_printable(const void *bytes, size_t len, char *out, size_t size)
{
	const uint8_t *p = bytes;
	size_t used = 0;

	must(size > 0);
	for (size_t i = 0, step; i < len; i += step) {
		uint32_t code;
		char shown[4 * 4 + 1];

		step = utf8_next(p + i, len - i, &code);
		if (step != 0 && utf8_printable(code)) {
			memcpy(shown, p + i, step);
			shown[step] = '\0';
		} else {
			if (step == 0)
				step = 1;
			for (size_t k = 0; k < step; k++)
				snprintf(shown + 4 * k, 5, "\\x%02X", p[i + k]);
		}
		/* Whole characters only: a cut text stays valid. */
		size_t wanted = strlen(shown);
		if (used + wanted >= size)
			break;
		memcpy(out + used, shown, wanted);
		used += wanted;
	}
	out[used] = '\0';
	return out;
}
