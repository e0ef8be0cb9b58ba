/*
 * One entry of an entries node: its rules and its encoding (docs/FORMAT.md, "Entry"). Used by node.c only.
 */
#ifndef FORMAT_ENTRY_H
#define FORMAT_ENTRY_H

#include "format/cbor.h"
#include "format/node.h"

/*
 * Everything that a single entry must keep, whoever made it: names, limits, order of its lists, and content that lies
 * within `children` and has the length that the file's size and extents ask for. ERR_FORMAT.
 */
must_check int entry_check(const struct entry *e, const struct node_child *children, uint32_t child_count);

/* Encodes an entry that entry_check() accepts. */
must_check int entry_write(struct buf *out, const struct entry *e);

/* Arrays that grow while entries are read: where their xattrs and extents are. */
struct entry_lists {
	struct xattr *xattrs;
	struct extent *extents;
	size_t xattr_count, xattr_cap, extent_count, extent_cap;
};

/*
 * Decodes one entry; whether its fields make sense together is left to entry_check(). Since the lists still move while
 * they grow, e->xattrs and e->extents stay NULL: entries follow one another in the lists, e->xattr_count and
 * e->extent_count say how far.
 */
must_check int entry_read(struct cbor_reader *r, struct entry *e, struct entry_lists *lists);

#endif
