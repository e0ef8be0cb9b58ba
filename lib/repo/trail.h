/*
 * The folder that a walk in path order is in, for the rule that the folder of a path must have been an entry before
 * (docs/FORMAT.md, "Path order"). All that is in a folder comes right behind it, so one path says which folders are
 * entries so far: it and those above it.
 */
#ifndef REPO_TRAIL_H
#define REPO_TRAIL_H

#include "format/node.h"

struct trail { /* zeroed: before the first entry */
	char *folder;
	size_t len, size;
	bool begun; /* the source's own folder has been seen; else `folder` says nothing */
	char *gap;  /* entries from this path up to the next one are not known, folders among them; NULL: none */
	size_t gap_len;
};

void trail_release(struct trail *t);

/* The next entry of the walk. ERR_FORMAT: it is beneath what is no folder; the trail stays where it is. */
must_check int trail_add(struct trail *t, const struct entry *e);

/* What follows from here on up to the next entry could not be had: folders in there are taken for entries. */
void trail_lose(struct trail *t, const char *path, size_t len);

/* Before a walk goes on at `path`: only the folders above that are entries so far. */
void trail_turn(struct trail *t, const char *path, size_t len);

/*
 * The next folder above `path` that is to be added before it: how much of the path names it. false: all of them have
 * been.
 */
bool trail_lacks(const struct trail *t, const char *path, size_t len, size_t *folder_len);

#endif
