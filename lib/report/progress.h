/*
 * Progress on a terminal: one line on standard error, rewritten a few times a second: what, done, rate, time left.
 * Nothing when standard error is no terminal (cron, CI) or --json is on. Thread-safe; cheap enough for every chunk.
 */
#ifndef REPORT_PROGRESS_H
#define REPORT_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress;

/* `what` is copied. total_bytes: 0 if unknown. */
struct progress *progress_new(const char *what, uint64_t total_bytes, bool quiet);
void progress_add(struct progress *p, uint64_t bytes, uint64_t items); /* accepts NULL */
void progress_free(struct progress *p);                                /* clears the line */

#define BYTES_TEXT_MAX 32

/* "1.2 GiB", "345 KiB", "12 B". out: BYTES_TEXT_MAX bytes. Returns out. */
const char *format_bytes(uint64_t bytes, char *out);

#define COUNT_TEXT_MAX 64

/* "1 file", "3 files". out: COUNT_TEXT_MAX bytes. Returns out. */
const char *format_count(uint64_t count, const char *one, const char *many, char *out);

#endif
