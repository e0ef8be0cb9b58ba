#include "repo/trail.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"

void trail_release(struct trail *t)
{
	free(t->folder);
	free(t->gap);
	*t = (struct trail){ 0 };
}

static void forget_gap(struct trail *t)
{
	free(t->gap);
	t->gap = NULL;
}

static size_t parent_len(const struct entry *e)
{
	const char *slash = memrchr(e->path, '/', e->path_len);

	return slash == NULL ? 0 : (size_t)(slash - e->path);
}

/* Whether the path is the folder of the trail, or one above it. */
static bool is_on(const struct trail *t, const char *path, size_t len)
{
	if (!t->begun || len > t->len)
		return false;
	return len == 0 || (memcmp(path, t->folder, len) == 0 && (len == t->len || t->folder[len] == '/'));
}

static void enter(struct trail *t, const char *path, size_t len)
{
	if (len > t->size) {
		t->size = 2 * len;
		t->folder = xrealloc(t->folder, t->size, 1);
	}
	if (len > 0)
		memcpy(t->folder, path, len);
	t->len = len;
	t->begun = true;
	forget_gap(t);
}

int trail_add(struct trail *t, const struct entry *e)
{
	size_t parent = parent_len(e);
	char entry[256], folder[256];
	bool lost = t->gap != NULL && path_compare(e->path, parent, t->gap, t->gap_len) >= 0;

	if (e->path_len > 0 && !lost && !is_on(t, e->path, parent))
		return failed(ERR_FORMAT, "'%s' is said to be in '%s', which is no folder of this snapshot",
			      log_printable(e->path, e->path_len, entry, sizeof entry),
			      parent == 0 ? "." : log_printable(e->path, parent, folder, sizeof folder));
	enter(t, e->path, e->type == ENTRY_FOLDER ? e->path_len : parent);
	return 0;
}

void trail_lose(struct trail *t, const char *path, size_t len)
{
	/* Behind an earlier loss, nothing has been seen since: the two are one. */
	if (t->gap != NULL)
		return;
	t->gap = xstrndup(path, len);
	t->gap_len = len;
}

void trail_turn(struct trail *t, const char *path, size_t len)
{
	size_t kept = 0;

	forget_gap(t);
	t->begun = t->begun && len > 0;
	for (size_t i = 1; i < len; i++) {
		if (path[i] == '/' && is_on(t, path, i))
			kept = i;
	}
	t->len = kept;
}

bool trail_lacks(const struct trail *t, const char *path, size_t len, size_t *folder_len)
{
	size_t from = t->begun ? t->len + 1 : 0;

	*folder_len = 0;
	if (len <= from)
		return false;
	if (!t->begun)
		return true;
	const char *slash = memchr(path + from, '/', len - from);
	*folder_len = slash == NULL ? 0 : (size_t)(slash - path);
	return slash != NULL;
}
