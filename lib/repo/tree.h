/*
 * Reading a snapshot's tree: from its seal to its entries, in path order, beneath a path or whole.
 */
#ifndef REPO_TREE_H
#define REPO_TREE_H

#include "repo/fetch.h"

/* Opens the newest seal that the key opens. root_key: guarded. ERR_KEY: not for this key; ERR_MISSING: no seal anywhere. */
must_check int tree_unseal(struct repo *r, const struct snapshot *s, const struct secret_key *key, int only_zone,
			   uint8_t root_key[KEY_SIZE]);

struct tree;
must_check int tree_open(struct fetcher *f, const uint8_t root_id[ID_SIZE], const uint8_t root_key[KEY_SIZE], struct tree **out);
void tree_close(struct tree *t);

/*
 * The next entry at or beneath `path` ("" for all), in path order; *entry NULL at the end. *node: the node it stands in, whose
 * children its content refers to; both valid until the next call. Nodes outside of `path` are not fetched.
 * A node that cannot be had: ERR_*, and a further call goes on behind it (the entries beneath are lost; *first_lost tells where).
 */
must_check int tree_seek(struct tree *t, const char *path, size_t len);
must_check int tree_next(struct tree *t, const struct entry **entry, const struct node **node);

/* Exactly this path; ERR_MISSING. */
must_check int tree_find(struct tree *t, const char *path, size_t len, const struct entry **entry, const struct node **node);

/*
 * Calls back for each piece of a file's content in order: its chunk's id, key, size, and the part of it that is meant. List nodes are
 * fetched as it goes.
 */
struct piece {
	const uint8_t *id, *key;
	uint64_t chunk_size;     /* plaintext of the whole chunk */
	uint64_t offset, length; /* the part of it */
};
typedef int (*tree_piece_call)(void *context, const struct piece *piece);
must_check int tree_pieces(struct tree *t, const struct entry *e, const struct node *n, tree_piece_call call, void *context);

/* "DATASET@latest", "DATASET@2026-11-21", "DATASET@2026-11-21T02:00", "DATASET@1a2b3c" or an id prefix alone: see repo/select.h. */

#endif
