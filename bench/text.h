/*
 * Text for the generators: random numbers that are the same everywhere, and a language whose words are as unevenly
 * frequent as those of any other, so that it compresses as messages do.
 */
#ifndef BENCH_TEXT_H
#define BENCH_TEXT_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define WORDS 6000u

struct text {
	uint64_t random; /* splitmix64 */
	char words[WORDS][16];
};

static inline uint64_t next(struct text *t)
{
	uint64_t z = t->random += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static inline unsigned below(struct text *t, unsigned limit)
{
	return (unsigned)((next(t) >> 32) * limit >> 32);
}

/* Few are frequent, many are rare, as words and customers are: the product of two uniform numbers. */
static inline unsigned skewed(struct text *t, unsigned limit)
{
	uint64_t r = next(t), product = (r & 0xffff) * (r >> 16 & 0xffff) >> 16;

	return (unsigned)(product * limit >> 16);
}

/* The vocabulary is the same whatever the seed: another night is written in the same language. */
static inline void make_words(struct text *t)
{
	static const char *const syllables[] = { "an", "be", "co", "de",  "el",  "fi", "ga",  "ho", "in",  "ja",
						 "ka", "le", "mi", "no",  "or",  "pa", "qu",  "re", "sta", "ti",
						 "un", "va", "we", "sch", "ter", "ij", "oog", "ing" };

	t->random = 1;
	for (unsigned i = 0; i < WORDS; i++) {
		unsigned count = 1 + below(t, i < 100 ? 2 : 4);
		char *end = t->words[i];

		for (unsigned s = 0; s < count; s++)
			end = stpcpy(end, syllables[below(t, sizeof syllables / sizeof *syllables)]);
	}
}

/* As a text message; less than 700 bytes. */
static inline int body(struct text *t, char *out)
{
	unsigned count = 4 + below(t, 36);
	int len = 0;

	if (below(t, 12) == 0)
		return sprintf(out, "Your verification code is %06u. Do not share it with anyone.", below(t, 1000000));
	for (unsigned i = 0; i < count; i++)
		len += sprintf(out + len, "%s%s", i ? " " : "", t->words[skewed(t, WORDS)]);
	return len;
}

#endif
