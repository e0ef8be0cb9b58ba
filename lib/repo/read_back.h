/* Reading restored files again and comparing them with their fingerprints (private to lib/repo). */
#ifndef REPO_READ_BACK_H
#define REPO_READ_BACK_H

#include "repo/tree.h"

struct read_back;

/*
 * What was written beneath `folder` goes to the disk first, so that it is read from there where the file system
 * allows that.
 */
struct read_back *read_back_new(const char *folder);
void read_back_free(struct read_back *b);

/*
 * A difference is a finding (FINDING_LOST); a file that may not be read is FINDING_SKIPPED. An error: the tree, not
 * the file.
 */
must_check int read_back_file(struct read_back *b, struct tree *t, const struct entry *e, const struct node *n,
			      struct findings *findings);

#endif
