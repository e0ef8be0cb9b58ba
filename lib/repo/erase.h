/*
 * Deleting everything of some snapshots in one folder of a zone, and reading back that nothing of them is left. The
 * folder is listed, what is of them is deleted, durably, and it is listed again, until it has nothing of them: so many
 * snapshots that end together cost two listings and a request or two. A snapshot counts as erased only when a whole
 * listing that began after the last deletion had returned does not have it, under whatever generation or time of its
 * name. Private to lib/repo.
 */
#ifndef REPO_ERASE_H
#define REPO_ERASE_H

#include "repo/repo.h"

enum erase_folder { ERASE_SEALS, ERASE_HEADERS };

struct erasure {
	uint8_t snapshot[SNAPSHOT_ID_SIZE];
	uint64_t deleted; /* objects */
	int code;         /* 0: nothing of it is left */
	unsigned zone;    /* with an error: where */
	char *why;        /* and its message; else NULL */
};

/*
 * `rows`: ascending by snapshot; each says afterwards what became of it. They may go through several zones and folders,
 * one after the other: what failed once is left alone.
 */
void erase(struct repo *r, unsigned zone, enum erase_folder folder, struct erasure *rows, size_t count);

void erasures_sort(struct erasure *rows, size_t count);
struct erasure *erasure_find(struct erasure *rows, size_t count, const uint8_t snapshot[SNAPSHOT_ID_SIZE]);
void erasures_free(struct erasure *rows, size_t count);

#endif
