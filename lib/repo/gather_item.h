/*
 * What travels through the pipeline of gather.c (private to lib/repo): batches of entries with at most one group of
 * small files, and pieces of large files. Both come from fixed pools and go back there; keys in them are in guarded
 * memory.
 */
#ifndef REPO_GATHER_ITEM_H
#define REPO_GATHER_ITEM_H

#include "chunk/grouping.h"
#include "repo/tree_write.h"

#define BATCH_ENTRIES 1024u
#define BATCH_REFS    1280u
#define BATCH_TEXT    (1u << 20) /* paths, names, xattrs of its entries */
#define BATCH_DATA    (GROUP_MAX + GROUP_FILE_MAX)

enum item_type { ITEM_BATCH, ITEM_PIECE };

struct item {
	enum item_type type;
	struct pool *pool; /* where it goes back to */

	/* batch */
	struct entry *entries;
	struct stat_print *prints;
	bool *grouped; /* entries[i] is a small file whose bytes are to be in the group */
	uint32_t count, ref_count, grouped_count;
	uint64_t group_bytes; /* sizes of the grouped entries, as they were listed */
	uint8_t *text;
	size_t text_len;
	bool has_data; /* the group was read: data[0..len) is to be stored as refs[0] */

	bool ends_file; /* a batch of one entry, whose content are the pieces since the last `first` */

	/* piece */
	bool first; /* of a file: forget what came before */
	uint8_t digest[DIGEST_SIZE];

	struct chunk_ref *refs; /* guarded; a piece has one */
	uint8_t *data;
	size_t len;
};

struct pool;
struct pool *pool_new(enum item_type type, unsigned count, size_t data_size);
void pool_free(struct pool *p);
/* Waits for an item, which is empty. NULL once the pool was closed: what is in the pipeline will not come back. */
struct item *pool_take(struct pool *p);
void pool_close(struct pool *p);
void pool_give(struct item *item);

/* A deep copy of an entry into the item's text. false: it does not fit any more. */
bool item_add_entry(struct item *item, const struct entry *e, const struct stat_print *print);
/* Replaces the extents of an entry. false: no room. */
bool item_set_extents(struct item *item, struct entry *e, const struct extent *extents, uint32_t count);
/* Copies owner names that a source lent for one file at a time; one that does not fit any more is left out. */
void item_keep_owners(struct item *item, struct entry *e);
void item_remove_entry(struct item *item, uint32_t index);

#endif
