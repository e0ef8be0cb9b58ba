#include "repo/selection.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

static int compare(const void *a, const void *b)
{
	const struct selected_path *x = a, *y = b;

	return path_compare(x->path, x->len, y->path, y->len);
}

static bool beneath(const struct selected_path *p, const char *path, size_t len)
{
	return p->len == 0 ||
	       (len >= p->len && memcmp(path, p->path, p->len) == 0 && (len == p->len || path[p->len] == '/'));
}

/* The part of a typed path that an entry would have. */
static struct selected_path clean(const char *typed)
{
	size_t len;

	while (typed[0] == '/' || (typed[0] == '.' && (typed[1] == '/' || typed[1] == '\0')))
		typed++;
	len = strlen(typed);
	while (len > 0 && (typed[len - 1] == '/' || (len > 1 && typed[len - 1] == '.' && typed[len - 2] == '/')))
		len--;
	return (struct selected_path){ .path = xstrndup(typed, len), .len = len };
}

int selection_make(const char *const *paths, size_t count, struct selection *out)
{
	size_t kept = 0;
	int code = 0;

	*out = (struct selection){ .paths = xcalloc(count + 1, sizeof *out->paths) };
	for (size_t i = 0; i < count && code == 0; i++) {
		struct selected_path *p = &out->paths[out->count++];

		*p = clean(paths[i]);
		if (path_check(p->path, p->len) != 0)
			code = failed_in(ERR_USAGE, "'%s' cannot be a path in a snapshot", paths[i]);
	}
	if (code != 0) {
		selection_release(out);
		return code;
	}
	qsort(out->paths, out->count, sizeof *out->paths, compare);
	for (size_t i = 0; i < out->count; i++) {
		if (kept > 0 && beneath(&out->paths[kept - 1], out->paths[i].path, out->paths[i].len))
			free(out->paths[i].path);
		else
			out->paths[kept++] = out->paths[i];
	}
	out->count = kept;
	/* The root, which all are beneath. */
	if (kept > 0 && out->paths[0].len == 0) {
		free(out->paths[0].path);
		out->count = 0;
	}
	return 0;
}

void selection_release(struct selection *s)
{
	for (size_t i = 0; i < s->count; i++)
		free(s->paths[i].path);
	free(s->paths);
	*s = (struct selection){ 0 };
}

bool selection_has(const struct selection *s, const char *path, size_t len)
{
	size_t low = 0, high = s->count;

	/* The last one that is not behind the path is the only one that may hold it. */
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (path_compare(s->paths[middle].path, s->paths[middle].len, path, len) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return s->count == 0 || (low > 0 && beneath(&s->paths[low - 1], path, len));
}

int selection_check(const struct selection *s, struct tree *t)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct entry *e;
		const struct node *n;
		int code = tree_find(t, s->paths[i].path, s->paths[i].len, &e, &n);

		/* Lost is not absent: the walk will tell. */
		if (code == ERR_MISSING || (code != 0 && !fetch_lost(code)))
			return code;
	}
	return 0;
}

struct walk {
	struct tree *tree;
	struct findings *findings;
	selection_call call;
	void *context;
};

static int note_lost(const struct walk *w, int code)
{
	size_t len;

	if (!fetch_lost(code))
		return code;
	const char *path = tree_lost(w->tree, &len);
	findings_add(w->findings, FINDING_LOST, NULL, len > 0 ? path : NULL,
		     "the list of entries that begins %s is lost, and they with it: %s",
		     len > 0 ? "here" : "with the root", err_message());
	return 0;
}

static int walk_path(const struct walk *w, const char *path, size_t len)
{
	const struct entry *e;
	const struct node *n;
	int code = tree_seek(w->tree, path, len);

	while (code == 0) {
		code = tree_next(w->tree, &e, &n);
		if (code != 0)
			code = note_lost(w, code);
		else if (e == NULL)
			break;
		else
			code = w->call(w->context, e, n);
	}
	return code;
}

/* Whether the walk has been in this folder on the way to the path before. */
static bool was_there(const struct selected_path *before, const char *folder, size_t len)
{
	return before != NULL && before->len > len && memcmp(before->path, folder, len) == 0 &&
	       before->path[len] == '/';
}

static int walk_parents(const struct walk *w, selection_call parent, const struct selected_path *p,
			const struct selected_path *before)
{
	for (size_t len = 1; len < p->len; len++) {
		const struct entry *e;
		const struct node *n;

		if (p->path[len] != '/' || was_there(before, p->path, len))
			continue;
		int code = tree_find(w->tree, p->path, len, &e, &n);
		if (code == 0 && e->type == ENTRY_FOLDER)
			code = parent(w->context, e, n);
		if (code != 0 && !fetch_lost(code))
			return code;
	}
	return 0;
}

int selection_walk(const struct selection *s, struct tree *t, struct findings *findings, selection_call parent,
		   selection_call call, void *context)
{
	struct walk w = { .tree = t, .findings = findings, .call = call, .context = context };
	int code = 0;

	if (s->count == 0)
		return walk_path(&w, "", 0);
	for (size_t i = 0; i < s->count && code == 0; i++) {
		if (parent != NULL)
			code = walk_parents(&w, parent, &s->paths[i], i == 0 ? NULL : &s->paths[i - 1]);
		if (code == 0)
			code = walk_path(&w, s->paths[i].path, s->paths[i].len);
	}
	return code;
}
