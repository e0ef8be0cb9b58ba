#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local char message[ERR_MESSAGE_MAX];

/* Through a second buffer, since the arguments may point into the message that is being replaced. */
static printf_like(1, 0) void record(const char *format, va_list args)
{
	char text[ERR_MESSAGE_MAX];

	vsnprintf(text, sizeof text, format, args);
	strcpy(message, text);
}

static void append(const char *text)
{
	size_t len = strlen(message);

	snprintf(message + len, sizeof message - len, "%s", text);
}

int failed(int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	record(format, args);
	va_end(args);
	return code;
}

int failed_errno(int code, const char *format, ...)
{
	int saved = errno;
	char reason[128];
	va_list args;

	va_start(args, format);
	record(format, args);
	va_end(args);
	append(": ");
	append(strerror_r(saved, reason, sizeof reason));
	return saved == ENOSPC || saved == EDQUOT ? ERR_FULL : code;
}

int failed_in(int code, const char *format, ...)
{
	char inner[ERR_MESSAGE_MAX];
	va_list args;

	strcpy(inner, message);
	va_start(args, format);
	record(format, args);
	va_end(args);
	append(": ");
	append(inner);
	return code;
}

const char *err_message(void)
{
	return message;
}

int err_adopt(int code, const char *text)
{
	return failed(code, "%s", text);
}

int err_exit(int code)
{
	switch (code) {
	case 0:
		return EXIT_DONE;
	case ERR_USAGE:
		return EXIT_USAGE;
	case ERR_DEGRADED:
		return EXIT_DEGRADED;
	case ERR_INTEGRITY:
		return EXIT_INTEGRITY;
	case ERR_LOCKED:
		return EXIT_LOCKED;
	case ERR_REFUSED:
		return EXIT_REFUSED;
	default:
		return EXIT_FAILED;
	}
}

int exit_worse(int a, int b)
{
	static const int rank[] = { [EXIT_DONE] = 0,      [EXIT_FAILED] = 4, [EXIT_USAGE] = 6,  [EXIT_DEGRADED] = 1,
				    [EXIT_INTEGRITY] = 5, [EXIT_LOCKED] = 3, [EXIT_REFUSED] = 2 };

	return rank[b] > rank[a] ? b : a;
}

void die(const char *file, int line, const char *what)
{
	fprintf(stderr, "nightfold: bug at %s:%d: %s does not hold\n", file, line, what);
	abort();
}
