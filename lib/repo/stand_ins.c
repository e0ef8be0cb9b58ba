#include "repo/stand_ins.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

struct stand_in {
	char *original, *path;
};

/* About what malloc() and the tree add to each. */
#define KEEPING (sizeof(struct stand_in) + 4 * 16 + 32)

static int compare(const void *a, const void *b)
{
	const struct stand_in *x = a, *y = b;

	return strcmp(x->original, y->original);
}

static void free_stand_in(void *argument)
{
	struct stand_in *s = argument;

	free(s->original);
	free(s->path);
	free(s);
}

const char *stand_ins_find(const struct stand_ins *s, const char *original, size_t len)
{
	_free_ char *text = xstrndup(original, len);
	struct stand_in key = { .original = text };
	struct stand_in *const *found = tfind(&key, &s->tree, compare);

	return found == NULL ? NULL : (*found)->path;
}

void stand_ins_add(struct stand_ins *s, const char *original, size_t original_len, const char *path, size_t path_len)
{
	const size_t bytes = original_len + path_len + KEEPING;

	if (bytes > STAND_INS_MAX - s->bytes) {
		s->left_out++;
		return;
	}
	s->bytes += bytes;
	struct stand_in *new = xcalloc(1, sizeof *new);
	new->original = xstrndup(original, original_len);
	new->path = xstrndup(path, path_len);
	void *found = tsearch(new, &s->tree, compare);
	if (found == NULL)
		out_of_memory(sizeof *new);
	if (*(struct stand_in **)found != new)
		free_stand_in(new);
}

void stand_ins_release(struct stand_ins *s)
{
	tdestroy(s->tree, free_stand_in);
	s->tree = NULL;
	s->bytes = 0;
	s->left_out = 0;
}
