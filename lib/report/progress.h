/*
 * Progress on a terminal: one line on standard error, rewritten a few times a second: what, done, rate, time left. Nothing when
 * standard error is no terminal (cron, CI) or --json is on. Thread-safe; cheap enough for every chunk.
 */
#ifndef REPORT_PROGRESS_H
#define REPORT_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress;
struct progress *progress_new(const char *what, uint64_t total_bytes /* 0: unknown */, bool quiet);
void progress_add(struct progress *p, uint64_t bytes, uint64_t items);
void progress_free(struct progress *p); /* clears the line */

/* "1.2 GiB", "345 KiB". out: 32 bytes. */
const char *format_bytes(uint64_t bytes, char *out);

#endif
