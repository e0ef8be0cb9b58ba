/*
 * generate FOLDER BYTES SEED: writes about BYTES of messages as a gateway would spool them, one JSON object a line,
 * into files of 8 MiB under FOLDER/SEED. The same arguments give the same bytes. Tuned so that zstd at level 3 shrinks
 * 512 KiB chunks to about 1 / 3.4, as real message logs do: identifiers and numbers that are random, bodies of common
 * words, names that repeat.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define FILE_SIZE  (8u << 20)
#define LINE_SIZE  2048
#define WORDS      6000u
#define CUSTOMERS  900u
#define START_TIME 1795226400 /* 2026-11-21T02:00:00Z */

struct generator {
	uint64_t random; /* splitmix64 */
	uint64_t id, milliseconds;
	char words[WORDS][16];
};

static uint64_t next(struct generator *g)
{
	uint64_t z = g->random += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static unsigned below(struct generator *g, unsigned limit)
{
	return (unsigned)((next(g) >> 32) * limit >> 32);
}

/* Few are frequent, many are rare, as words and customers are: the product of two uniform numbers. */
static unsigned skewed(struct generator *g, unsigned limit)
{
	uint64_t r = next(g), product = (r & 0xffff) * (r >> 16 & 0xffff) >> 16;

	return (unsigned)(product * limit >> 16);
}

/* The vocabulary is the same whatever the seed: another night is written in the same language. */
static void make_words(struct generator *g)
{
	static const char *const syllables[] = { "an", "be", "co", "de",  "el",  "fi", "ga",  "ho", "in",  "ja",
						 "ka", "le", "mi", "no",  "or",  "pa", "qu",  "re", "sta", "ti",
						 "un", "va", "we", "sch", "ter", "ij", "oog", "ing" };

	g->random = 1;
	for (unsigned i = 0; i < WORDS; i++) {
		unsigned count = 1 + below(g, i < 100 ? 2 : 4);
		char *end = g->words[i];

		for (unsigned s = 0; s < count; s++)
			end = stpcpy(end, syllables[below(g, sizeof syllables / sizeof *syllables)]);
	}
}

static int body(struct generator *g, char *out)
{
	unsigned count = 4 + below(g, 36);
	int len = 0;

	if (below(g, 12) == 0)
		return sprintf(out, "Your verification code is %06u. Do not share it with anyone.", below(g, 1000000));
	for (unsigned i = 0; i < count; i++)
		len += sprintf(out + len, "%s%s", i ? " " : "", g->words[skewed(g, WORDS)]);
	return len;
}

/* Each call of next() in a statement of its own: the order of evaluation within one is the compiler's. */
static int line(struct generator *g, char *out)
{
	static const char *const statuses[] = { "delivered", "delivered", "delivered", "delivered", "sent", "failed" };
	static const char *const countries[] = { "+316", "+324", "+4915", "+336", "+447" };
	char text[LINE_SIZE / 2], when[32];
	unsigned customer = skewed(g, CUSTOMERS), country = skewed(g, 5), number = below(g, 100000000);
	unsigned status = below(g, 6), price = 400 + skewed(g, 400), host = below(g, 65536);
	uint64_t id_high = next(g), id_low = next(g), centre = next(g) >> 32;
	int len = body(g, text);
	struct tm tm;
	time_t second;

	g->milliseconds += below(g, 90);
	second = (time_t)(g->milliseconds / 1000);
	strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", gmtime_r(&second, &tm));
	return snprintf(out, LINE_SIZE,
			"{\"id\":\"%016" PRIx64 "%016" PRIx64 "\",\"ref\":%" PRIu64 ",\"ts\":\"%s.%03uZ\","
			"\"customer_id\":%u,\"sender\":\"%s%u\",\"msisdn\":\"%s%08u\",\"body\":\"%s\",\"parts\":%d,"
			"\"status\":\"%s\",\"price\":0.0%03u,\"meta\":{\"ip\":\"10.%u.%u.%u\",\"smsc\":\"%08" PRIx64
			"\"}}\n",
			id_high, id_low, ++g->id, when, (unsigned)(g->milliseconds % 1000), 10000 + customer * 7,
			g->words[100 + customer], customer % 10, countries[country], number, text, len / 161 + 1,
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
	uint64_t left, seed;
	unsigned number = 0;

	if (argc != 4) {
		fputs("usage: generate FOLDER BYTES SEED\n", stderr);
		return 2;
	}
	left = strtoull(argv[2], NULL, 10);
	seed = strtoull(argv[3], NULL, 10);
	make_words(&g);
	g.random = seed * 0x100000001b3u;
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
		written = write_file(&g, path, left < FILE_SIZE ? left : FILE_SIZE);
		if (!written)
			return 1;
		left -= left < written ? left : written;
	}
	return 0;
}
