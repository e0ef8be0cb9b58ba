/*
 * messages FOLDER BYTES SEED [FILE_BYTES]: writes about BYTES of messages as a gateway would spool them, one JSON
 * object a line, into files of FILE_BYTES (8 MiB) under FOLDER/SEED. The same arguments give the same bytes. Tuned so
 * that zstd at level 3 shrinks 512 KiB chunks to about 1 / 3.4, as real message logs do: identifiers and numbers that
 * are random, bodies of common words, names that repeat.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "text.h"

#define FILE_SIZE  (8u << 20)
#define LINE_SIZE  2048
#define CUSTOMERS  900u
#define START_TIME 1795226400 /* 2026-11-21T02:00:00Z */

struct generator {
	struct text text;
	uint64_t id, milliseconds;
};

/* Each call of next() in a statement of its own: the order of evaluation within one is the compiler's. */
static int line(struct generator *g, char *out)
{
	static const char *const statuses[] = { "delivered", "delivered", "delivered", "delivered", "sent", "failed" };
	static const char *const countries[] = { "+316", "+324", "+4915", "+336", "+447" };
	struct text *t = &g->text;
	char text[LINE_SIZE / 2], when[32];
	unsigned customer = skewed(t, CUSTOMERS), country = skewed(t, 5), number = below(t, 100000000);
	unsigned status = below(t, 6), price = 400 + skewed(t, 400), host = below(t, 65536);
	uint64_t id_high = next(t), id_low = next(t), centre = next(t) >> 32;
	int len = body(t, text);
	struct tm tm;
	time_t second;

	g->milliseconds += below(t, 90);
	second = (time_t)(g->milliseconds / 1000);
	strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", gmtime_r(&second, &tm));
	return snprintf(out, LINE_SIZE,
			"{\"id\":\"%016" PRIx64 "%016" PRIx64 "\",\"ref\":%" PRIu64 ",\"ts\":\"%s.%03uZ\","
			"\"customer_id\":%u,\"sender\":\"%s%u\",\"msisdn\":\"%s%08u\",\"body\":\"%s\",\"parts\":%d,"
			"\"status\":\"%s\",\"price\":0.0%03u,\"meta\":{\"ip\":\"10.%u.%u.%u\",\"smsc\":\"%08" PRIx64
			"\"}}\n",
			id_high, id_low, ++g->id, when, (unsigned)(g->milliseconds % 1000), 10000 + customer * 7,
			t->words[100 + customer], customer % 10, countries[country], number, text, len / 161 + 1,
			statuses[status], price, customer % 8, host >> 8, host & 255, centre);
}

/* Returns the number of bytes written, 0 on failure. */
static uint64_t write_file(struct generator *g, const char *path, uint64_t limit)
{
	char text[LINE_SIZE];
	uint64_t written = 0;
	FILE *file = fopen(path, "wx");

	if (!file) {
		perror(path);
		return 0;
	}
	while (written < limit) {
		int len = line(g, text);

		if (fwrite(text, 1, (size_t)len, file) != (size_t)len)
			break;
		written += (uint64_t)len;
	}
	if (fclose(file)) {
		perror(path);
		return 0;
	}
	return written;
}

int main(int argc, char **argv)
{
	static struct generator g;
	char path[4096];
	uint64_t left, seed, file_size;
	unsigned number = 0;

	if (argc != 4 && argc != 5) {
		fputs("usage: messages FOLDER BYTES SEED [FILE_BYTES]\n", stderr);
		return 2;
	}
	left = strtoull(argv[2], NULL, 10);
	seed = strtoull(argv[3], NULL, 10);
	file_size = argc > 4 ? strtoull(argv[4], NULL, 10) : FILE_SIZE;
	make_words(&g.text);
	g.text.random = seed * 0x100000001b3u;
	g.id = seed * 1000000000;
	g.milliseconds = (START_TIME + seed * 86400) * 1000;
	snprintf(path, sizeof path, "%s/%" PRIu64, argv[1], seed);
	if (mkdir(path, 0755) && errno != EEXIST) {
		perror(path);
		return 1;
	}
	while (left) {
		uint64_t written;

		snprintf(path, sizeof path, "%s/%" PRIu64 "/messages-%05u.jsonl", argv[1], seed, number++);
		written = write_file(&g, path, left < file_size ? left : file_size);
		if (!written)
			return 1;
		left -= left < written ? left : written;
	}
	return 0;
}
