#include "repo/stand_ins.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

struct stand_in {
	char *original, *path;
};

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

void stand_ins_add(struct stand_ins *s, const char *original, size_t len, const char *path, size_t path_len)
{
	struct stand_in *new = xcalloc(1, sizeof *new);

	new->original = xstrndup(original, len);
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
}
