#include "config/nearest.h"

#include <string.h>

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Optimal string alignment: Levenshtein's distance, with two neighbours swapped counting once. */
static size_t edits(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t rows[3][NEAREST_WORD_MAX + 1];
	size_t *before = rows[0], *last = rows[1], *row = rows[2];

	for (size_t j = 0; j <= b_len; j++)
		before[j] = last[j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			row[j] = least(least(last[j], row[j - 1]) + 1, last[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = least(row[j], before[j - 2] + 1);
		}
		size_t *oldest = before;
		before = last;
		last = row;
		row = oldest;
	}
	return last[b_len];
}

struct nearest nearest_to(const char *word)
{
	size_t limit = strlen(word) / 3;

	return (struct nearest){ .word = word, .distance = limit > 0 ? limit + 1 : 2 };
}

void nearest_consider(struct nearest *n, const char *candidate)
{
	size_t len = strlen(n->word), candidate_len = strlen(candidate);

	if (len == 0 || len > NEAREST_WORD_MAX || candidate_len > NEAREST_WORD_MAX)
		return;

	size_t distance = edits(n->word, len, candidate, candidate_len);
	/* A beginning is as good as one edit, unless something is nearer. */
	if (len >= 2 && strncmp(candidate, n->word, len) == 0)
		distance = least(distance, 1);
	if (distance < n->distance && distance < candidate_len) {
		n->best = candidate;
		n->distance = distance;
	}
}
