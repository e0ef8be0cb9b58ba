/*
 * The content of one file, in order, in one thread: for printing a file, and for reading one back from a disk.
 * Restoring many files goes through repo/fill.h.
 */
#ifndef REPO_CONTENT_H
#define REPO_CONTENT_H

#include "repo/tree.h"

/* Where content bytes lie in a file: of a sparse file, content is its data extents one after the other. */
struct extent_walk {
	const struct entry *entry;
	uint32_t extent;
	uint64_t within; /* the extent; of a file that is not sparse, the file */
};

/* Goes on by at most `len` content bytes (from 1) that lie together: how many, and where in the file they begin. */
uint64_t extent_walk_next(struct extent_walk *w, uint64_t len, uint64_t *offset);

/* For one thread. */
struct content_reader;
struct content_reader *content_reader_new(struct fetcher *f);
void content_reader_free(struct content_reader *c);

/* Fetches one chunk; *data is valid until the next call. */
must_check int content_chunk(struct content_reader *c, const struct piece *piece, const uint8_t **data);

/*
 * Calls back for the bytes of a file in ascending order of their `offset` in it; nothing for holes. At the end the
 * fingerprint is checked, and the SHA-256 where one was recorded: ERR_INTEGRITY, when the caller has seen the bytes
 * already.
 */
typedef int (*content_call)(void *context, uint64_t offset, const uint8_t *data, size_t len);
must_check int content_read(struct content_reader *c, struct tree *t, const struct entry *e, const struct node *n,
			    content_call call, void *context);

#endif
