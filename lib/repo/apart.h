/*
 * What no snapshot takes, wherever the source is: the zones (each night would hold all nights before), and what would
 * break exact forgetting, for a copy of it is kept as long as the snapshot is: the state folder and the one in memory,
 * which have the keys of present content, and the dataset keys, which confirm guesses.
 */
#ifndef REPO_APART_H
#define REPO_APART_H

#include <stddef.h>

#include "config/config.h"

struct apart {
	char **paths;
	size_t count;
};

void apart_find(const struct config *config, struct apart *out);
void apart_release(struct apart *a);

#endif
