/* Which part of a snapshot is meant: everything, or what lies at and beneath some paths. */
#ifndef REPO_SELECTION_H
#define REPO_SELECTION_H

#include "repo/tree.h"

struct selected_path {
	char *path;
	size_t len;
};

struct selection {
	struct selected_path *paths; /* in path order, none beneath another; none: everything */
	size_t count;
};

/*
 * From a command line: leading and trailing '/' and "./" are taken away; "" and "." are everything, as is no path at
 * all. ERR_USAGE for what cannot be a path of an entry.
 */
must_check int selection_make(const char *const *paths, size_t count, struct selection *out);
void selection_release(struct selection *s);

bool selection_has(const struct selection *s, const char *path, size_t len);

/* ERR_MISSING when one of the paths is not in the snapshot. */
must_check int selection_check(const struct selection *s, struct tree *t);

/*
 * Calls back for every selected entry, in path order; `parent`, if not NULL, for each folder on the way to what is
 * selected, before what is in it (but not for the root, and not for one that cannot be had). Nodes that cannot be had
 * are findings (FINDING_LOST); the walk goes on behind them.
 */
typedef int (*selection_call)(void *context, const struct entry *e, const struct node *n);
must_check int selection_walk(const struct selection *s, struct tree *t, struct findings *findings,
			      selection_call parent, selection_call call, void *context);

#endif
