/* "Did you mean ...?": the word of a set that is nearest to a misspelt one. */
#ifndef CONFIG_NEAREST_H
#define CONFIG_NEAREST_H

#include <stddef.h>

#define NEAREST_WORD_MAX 64

struct nearest {
	const char *word;
	const char *best; /* NULL while nothing is near enough */
	size_t distance;
};

/* Near enough: a third of its length in edits (a letter added, missing, changed, or two swapped), or its beginning. */
struct nearest nearest_to(const char *word);
void nearest_consider(struct nearest *n, const char *candidate);

#endif
