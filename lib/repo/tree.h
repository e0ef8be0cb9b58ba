/*
 * Reading a snapshot's tree: from its seal to its entries, in path order, beneath a path or whole. A stream: in
 * memory are only the nodes from the root to the entry that it stands at.
 */
#ifndef REPO_TREE_H
#define REPO_TREE_H

#include "repo/fetch.h"

/*
 * Opens the newest seal that the key opens (tree_unseal.c, apart from tree.c: the only code of this layer that opens
 * seals). root_key: guarded. ERR_KEY: not for this key; ERR_MISSING: no seal anywhere; ERR_INTEGRITY: none that is
 * whole.
 */
must_check int tree_unseal(struct repo *r, const struct snapshot *s, const struct secret_key *key, int only_zone,
			   uint8_t root_key[KEY_SIZE]);

struct tree;
/* Fetches the root. The fetcher may serve several trees. */
must_check int tree_open(struct fetcher *f, const uint8_t root_id[ID_SIZE], const uint8_t root_key[KEY_SIZE],
			 struct tree **out);
void tree_close(struct tree *t);

/*
 * The next entry at or beneath `path` ("" for all), in path order; *entry NULL at the end. *node: the node it stands
 * in, whose children its content refers to; both valid until the next call. Of nodes outside of `path`, only those
 * are fetched that hold the folders above it.
 *
 * A node that cannot be had: fetch_lost(), and a further call goes on behind it: the entries beneath are lost
 * (tree_lost()). So are entries that are said to be in what is no folder of the snapshot (ERR_FORMAT): every reader
 * takes the same ones.
 */
must_check int tree_seek(struct tree *t, const char *path, size_t len);
must_check int tree_next(struct tree *t, const struct entry **entry, const struct node **node);

/* Where what the last tree_next() failed to get begins: the path of its first entry. Valid until the next call. */
const char *tree_lost(const struct tree *t, size_t *len);

/*
 * Exactly this path. ERR_MISSING: it is not in the snapshot; what is lost is another error. Leaves the stream behind
 * it.
 */
must_check int tree_find(struct tree *t, const char *path, size_t len, const struct entry **entry,
			 const struct node **node);

/*
 * The entry that a hard link names, found as tree_find() does. ERR_FORMAT where it is none, a further link itself or of
 * another type; the message is a phrase about the link.
 */
must_check int tree_original(struct tree *t, const struct entry *link, const struct entry **entry,
			     const struct node **node);

/*
 * Calls back for each piece of a file's content in order: its chunk's id, key, size, and the part of it that is
 * meant. List nodes are fetched as it goes. Together the pieces are as long as the content: of a sparse file, its
 * extents.
 */
struct piece {
	const uint8_t *id, *key;
	uint64_t chunk_size;     /* plaintext of the whole chunk */
	uint64_t offset, length; /* the part of it */
};
typedef int (*tree_piece_call)(void *context, const struct piece *piece);
must_check int tree_pieces(struct tree *t, const struct entry *e, const struct node *n, tree_piece_call call,
			   void *context);

#endif
