/*
 * What a host remembers of snapshots, for the commands that change it on purpose. Loading does the rest
 * (repo/load.h).
 */
#ifndef REPO_MEMORY_H
#define REPO_MEMORY_H

#include "repo/repo.h"

/*
 * Forgets the snapshots of which neither header nor seal is in any zone, so that they are missed no more: somebody
 * looked, and accepts it. The repo is loaded; nothing is forgotten while a zone is away.
 */
must_check int memory_accept_losses(struct repo *r);

#endif
