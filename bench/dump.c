/*
 * dump FILE BYTES NIGHT: one large file, as pg_dump writes a table of messages, on its NIGHT-th night. The first
 * night's has about BYTES. From night to night 2 % more rows are at the end, runs of rows that were deleted together
 * are gone (1 % of all), and of every 100,000 rows one has changed where it is: so all that follows is shifted, again
 * and again. The same arguments give the same bytes.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "text.h"

#define RUN         4000u      /* rows that are deleted together */
#define RUN_NIGHTS  100u       /* one in so many goes each night */
#define CHANGE_ROWS 100000u    /* one in so many changes each night */
#define GROWTH      50u        /* 1 / GROWTH more rows each night */
#define ROW_BYTES   242u       /* on average */
#define START_TIME  1795226400 /* 2026-11-21T02:00:00Z */

static uint64_t mixed(uint64_t seed, uint64_t limit)
{
	struct text t = { .random = seed * 0x9e3779b97f4a7c15u };

	return next(&t) % limit;
}

static bool is_deleted(uint64_t row, unsigned night)
{
	return mixed(row / RUN, RUN_NIGHTS) < night;
}

static void write_row(FILE *file, struct text *t, uint64_t row, unsigned night)
{
	static const char *const states[] = { "delivered", "delivered", "delivered", "sent", "failed", "expired" };
	uint64_t change = mixed(~row, CHANGE_ROWS), id_high, id_low;
	unsigned customer, number, state, price;
	char text[1024], when[32];
	struct tm tm;
	time_t second = (time_t)(START_TIME - 90000000 + row / 9);

	t->random = row * 0x100000001b3u + (change < night ? change + 1 : 0);
	id_high = next(t);
	id_low = next(t);
	customer = skewed(t, 900);
	number = below(t, 100000000);
	state = below(t, 6);
	price = 400 + skewed(t, 400);
	body(t, text);
	strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", gmtime_r(&second, &tm));
	fprintf(file,
		"%" PRIu64 "\t%016" PRIx64 "-%016" PRIx64 "\t%u\t%s\t+316%08u\t%s.%06" PRIu64
		"+00\t%s\t0.0%u\t%s\t\\N\n",
		row, id_high, id_low, 10000 + customer * 7, t->words[100 + customer], number, when, id_low % 1000000,
		states[state], price, text);
}

int main(int argc, char **argv)
{
	static struct text t;
	uint64_t rows;
	unsigned night;
	FILE *file;

	if (argc != 4) {
		fputs("usage: dump FILE BYTES NIGHT\n", stderr);
		return 2;
	}
	rows = strtoull(argv[2], NULL, 10) / ROW_BYTES;
	night = (unsigned)strtoul(argv[3], NULL, 10);
	rows += rows / GROWTH * night;
	file = fopen(argv[1], "w");
	if (!file) {
		perror(argv[1]);
		return 1;
	}
	make_words(&t);
	fputs("--\n-- PostgreSQL database dump\n--\n\nSET client_encoding = 'UTF8';\n\nCOPY public.messages (id, uuid, "
	      "customer_id, sender, "
	      "msisdn, created_at, status, price, body, deleted_at) FROM stdin;\n",
	      file);
	for (uint64_t row = 1; row <= rows; row++) {
		if (!is_deleted(row, night))
			write_row(file, &t, row, night);
	}
	fputs("\\.\n\n--\n-- PostgreSQL database dump complete\n--\n", file);
	if (ferror(file) || fclose(file)) {
		perror(argv[1]);
		return 1;
	}
	return 0;
}
