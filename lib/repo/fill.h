/*
 * Filling files with their content (private to lib/repo): one thread names files in path order, workers fetch, decode
 * and write chunks, and every file's fingerprint is made from the bytes that were handed to the file system. A file
 * that cannot be had whole is a finding (FINDING_LOST), and nothing of it stays.
 *
 * Memory does not depend on the data: each worker has a decoder (repo/decoder.h). Small files of one group are filled
 * from one fetch of its chunk.
 */
#ifndef REPO_FILL_H
#define REPO_FILL_H

#include "repo/tree.h"
#include "report/progress.h"
#include "source/target.h"

struct fill;

struct fill_counts {
	uint64_t files, bytes; /* whole, and their apparent size */
	uint64_t lost;
};

struct fill *fill_new(struct fetcher *f, struct target *target, struct progress *progress);

/* Creates the file and sees to its content. Copies what it needs of e and n. */
must_check int fill_add(struct fill *p, struct tree *t, const struct entry *e, const struct node *n);

/*
 * Waits until all is written. Gives the paths of files that were lost, sorted as text; to be freed with
 * fill_lost_free().
 */
struct fill_lost {
	char **paths;
	size_t count;
};
must_check int fill_finish(struct fill *p, struct fill_counts *counts, struct fill_lost *lost);
void fill_lost_free(struct fill_lost *lost);
bool fill_lost_has(const struct fill_lost *lost, const char *path, size_t len);

/* Ends early: files that are not whole are removed. Returns `code`; its message stays. */
must_check int fill_abort(struct fill *p, int code);

#endif
