#include "report/progress.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"

#define SECOND      1000000000u
#define DRAW_EVERY  (SECOND / 4)
#define TEXT_MAX    256
#define WIDTH_GUESS 80

struct progress {
	char *what;
	bool shown;
	uint64_t start;
	uint64_t total;
	_Atomic uint64_t bytes, items;
	_Atomic uint64_t next_draw; /* who moves it on draws */
};

struct progress *progress_new(const char *what, uint64_t total_bytes, bool quiet)
{
	struct progress *p = xcalloc(1, sizeof *p);

	p->what = xstrdup(what);
	p->shown = !quiet && log_on_terminal();
	p->start = clock_ticks();
	p->total = total_bytes;
	atomic_init(&p->next_draw, p->start + DRAW_EVERY);
	return p;
}

static size_t terminal_width(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	return WIDTH_GUESS;
}

static void draw(struct progress *p, uint64_t now)
{
	char line[TEXT_MAX], done[BYTES_TEXT_MAX], all[BYTES_TEXT_MAX], speed[BYTES_TEXT_MAX], span[CLOCK_TEXT_MAX];
	uint64_t bytes = atomic_load(&p->bytes), items = atomic_load(&p->items), total = p->total;
	double seconds = (double)(now - p->start) / SECOND;
	double rate = seconds > 0 ? (double)bytes / seconds : 0;

	format_bytes(bytes, done);
	format_bytes((uint64_t)rate, speed);
	if (total > 0 && bytes <= total && rate > 0)
		snprintf(line, sizeof line, "%s: %" PRIu64 " %% (%s of %s, %" PRIu64 " items), %s/s, %s left", p->what,
			 (uint64_t)((double)bytes * 100 / (double)total), done, format_bytes(total, all), items, speed,
			 clock_format_span((int64_t)((double)(total - bytes) / rate + 0.5), span));
	else
		snprintf(line, sizeof line, "%s: %s, %" PRIu64 " items, %s/s, %s so far", p->what, done, items, speed,
			 clock_format_span((int64_t)seconds, span));

	/* A line that wraps could not be taken away again. */
	size_t width = terminal_width();
	if (width < sizeof line)
		line[width - 1] = '\0';
	log_status(line);
}

void progress_add(struct progress *p, uint64_t bytes, uint64_t items)
{
	if (!p)
		return;
	atomic_fetch_add_explicit(&p->bytes, bytes, memory_order_relaxed);
	atomic_fetch_add_explicit(&p->items, items, memory_order_relaxed);
	if (!p->shown)
		return;

	uint64_t now = clock_ticks(), due = atomic_load(&p->next_draw);
	if (now >= due && atomic_compare_exchange_strong(&p->next_draw, &due, now + DRAW_EVERY))
		draw(p, now);
}

void progress_free(struct progress *p)
{
	if (!p)
		return;
	if (p->shown)
		log_status(NULL);
	free(p->what);
	free(p);
}

const char *format_bytes(uint64_t bytes, char *out)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double value = (double)bytes;
	size_t i = 0;

	/* 1023.5 KiB would be shown as 1024 KiB: it is 1.0 MiB. */
	while (value >= 1023.5 && i < sizeof units / sizeof units[0] - 1) {
		value /= 1024;
		i++;
	}
	snprintf(out, BYTES_TEXT_MAX, "%.*f %s", i > 0 && value < 9.95 ? 1 : 0, value, units[i]);
	return out;
}

const char *format_count(uint64_t count, const char *one, const char *many, char *out)
{
	snprintf(out, COUNT_TEXT_MAX, "%" PRIu64 " %s", count, count == 1 ? one : many);
	return out;
}
