/*
 * Messages to people: one line each on standard error, "program: level: text". Never a key, never content of a file.
 *
 * log_detail() is shown with --verbose only. When the clock is a test's (base/clock.h), every line says so.
 * Bytes that are not printable UTF-8 are shown as \xNN, so that a hostile name cannot drive a terminal.
 * Thread-safe.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

void log_init(const char *program, bool verbose);
printf_like(1, 2) void log_error(const char *format, ...);
printf_like(1, 2) void log_warning(const char *format, ...);
printf_like(1, 2) void log_info(const char *format, ...);
printf_like(1, 2) void log_detail(const char *format, ...);

/*
 * A status line that stands below the messages while it is set (report/progress.h); at most a terminal's width of
 * printable text; NULL takes it away. Nothing happens when standard error is no terminal.
 */
void log_status(const char *line);
bool log_on_terminal(void);

/*
 * Makes `len` bytes safe to show: printable UTF-8 stays, the rest becomes \xNN. Writes at most `size` bytes with NUL.
 */
char *log_printable(const void *bytes, size_t len, char *out, size_t size);

#endif
