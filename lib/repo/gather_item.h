/*
 * What travels through the pipeline of gather.c (private to lib/repo): batches of entries, before each the groups of
 * its small files that were read, and pieces of large files. All come from fixed pools and go back there; keys in them
 * are in guarded memory.
 */
#ifndef REPO_GATHER_ITEM_H
#define REPO_GATHER_ITEM_H

#include "chunk/grouping.h"
#include "repo/tree_write.h"

#define BATCH_ENTRIES 1024u
#define BATCH_GROUPS  (2 * BATCH_ENTRIES) /* each may leave a group and begin another */
#define BATCH_REFS    (BATCH_GROUPS + 256u)
#define BATCH_TEXT    (1u << 20) /* paths, names, xattrs of its entries */
#define GROUP_DATA    (GROUP_MAX + GROUP_FILE_MAX)

enum item_type { ITEM_BATCH, ITEM_SPAN, ITEM_GROUP, ITEM_PIECE };

/* What an entry has to do with groups of small files. */
enum membership {
	MEMBER_NOT,
	MEMBER_KNOWN,   /* of a group before, and the same */
	MEMBER_TOUCHED, /* of a group before, and likely the same; to be read again */
	MEMBER_CHANGED, /* of a group before */
	MEMBER_NEW,
	MEMBER_LEFT_OUT, /* it could not be read: the entry is no entry any more */
	MEMBER_LATE,     /* of none: a large file that came between members, to be read when they are */
};

/* Of a group that is or is to be. */
static inline bool is_member(enum membership m)
{
	return m == MEMBER_KNOWN || m == MEMBER_TOUCHED || m == MEMBER_CHANGED || m == MEMBER_NEW;
}

/* Files that shared a chunk in the last snapshot, or are to share one now. */
struct group {
	uint32_t ref; /* of the batch: that chunk */
	/* as it was */
	uint32_t known, touched, changed; /* how many of its members are in the batch */
	uint64_t before, end;             /* bytes that they had in the chunk; where the last one ended in it */
	uint64_t after, changed_after;    /* bytes that they have now; those of the changed ones */
	bool kept, stays;
	/* as it is to be read */
	uint32_t first, members;
	uint64_t bytes;
};

struct item {
	enum item_type type;
	struct pool *pool; /* where it goes back to */

	/* batch */
	struct entry *entries;
	struct stat_print *prints;
	enum membership *memberships; /* one an entry */
	uint16_t *group_of;           /* one an entry: the number of its group */
	struct group *groups;
	uint32_t count, ref_count, group_count;
	uint32_t late_count;
	uint32_t small_count; /* entries that belong to groups */
	uint32_t incomplete;  /* groups of which not all members have come */
	bool has_split;       /* a complete group is among them, of which some members changed and some did not */
	uint64_t small_bytes; /* sizes of the entries that belong to groups, as they were listed */
	uint64_t new_bytes;   /* of those that are new */
	uint8_t *text;
	size_t text_len;
	bool ends_file; /* a batch of one entry, whose content are the pieces since the last `first` */
	uint32_t from;  /* its entries before this one came in spans */

	/* span: entries of a batch before a late one, the batch itself follows */
	struct item *batch;
	uint32_t to;

	/* group: its batch comes behind it, and the entries and refs there get what the worker makes */
	uint32_t ref, member_count;
	uint16_t *members; /* numbers of entries */

	/* piece */
	bool first; /* of a file: forget what came before */
	uint8_t digest[DIGEST_SIZE];

	struct chunk_ref *refs; /* batch and piece, guarded; a piece has one */
	uint8_t *data;          /* group and piece */
	size_t len;
};

struct pool;
/* `data_size`: of groups and pieces. */
struct pool *pool_new(enum item_type type, unsigned count, size_t data_size);
void pool_free(struct pool *p);
/* Waits for an item, which is empty. NULL once the pool was closed: what is in the pipeline will not come back. */
struct item *pool_take(struct pool *p);
void pool_close(struct pool *p);
void pool_give(struct item *item);

/* A deep copy of an entry into the item's text. false: it does not fit any more. */
bool item_add_entry(struct item *item, const struct entry *e, const struct stat_print *print);
/*
 * Whether so many sixteenths of the batch's room are taken. Groups begin anew well before it is full, so that one finds
 * room in the batches of the next night, which may begin a little before it.
 */
bool item_is_filled(const struct item *item, unsigned sixteenths);
/* Replaces the extents of an entry. false: no room. */
bool item_set_extents(struct item *item, struct entry *e, const struct extent *extents, uint32_t count);
/* Copies owner names that a source lent for one file at a time; one that does not fit any more is left out. */
void item_keep_owners(struct item *item, struct entry *e);

#endif
