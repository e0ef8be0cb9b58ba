/*
 * Nodes: the tree of a snapshot (docs/FORMAT.md, "Node"). A node's plaintext holds the ids, keys and sizes of its
 * children, so it lives in guarded memory only. Three types:
 *
 *	entries   a run of entries (files, folders, ...) in path order, with all their metadata; children are content
 *	list      the content of one large file: children are content (level 1) or lists (level n - 1)
 *	branch    children are entries nodes (level 1) or branches (level n - 1), each with the path of its first entry
 *
 * Entries and branches are in path order (format/path.h). The root of a snapshot is an entries or branch node. The
 * source's own folder is the entry with the empty path.
 */
#ifndef FORMAT_NODE_H
#define FORMAT_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "crypto/suite.h"
#include "format/limits.h"
#include "format/path.h"

enum node_type { NODE_ENTRIES = 0, NODE_LIST = 1, NODE_BRANCH = 2 };

enum entry_type {
	ENTRY_FILE = 0,
	ENTRY_FOLDER = 1,
	ENTRY_SYMLINK = 2,
	ENTRY_FIFO = 3,
	ENTRY_SOCKET = 4,
	ENTRY_CHAR = 5,
	ENTRY_BLOCK = 6
};

enum content_form {
	CONTENT_NONE = 0,  /* no bytes */
	CONTENT_WHOLE = 1, /* `count` children from `child` on, each whole, one after the other */
	CONTENT_SLICE = 2, /* `length` bytes at `offset` of one child: a small file in a group */
	CONTENT_LIST = 3,  /* one child, a list node */
};

struct content {
	enum content_form form;
	uint32_t child, count;
	uint64_t offset, length; /* slice only */
};

struct extent {
	uint64_t offset, length;
};

struct xattr {
	const char *name; /* NUL-terminated where it comes from a source; name_len counts without it */
	const uint8_t *value;
	uint32_t name_len, value_len;
};

/* Borrowed pointers throughout: into the node's plaintext, or into what made the entry. */
struct entry {
	const char *path; /* relative to the source's root, '/' between components, no NUL at the end needed */
	uint32_t path_len;
	enum entry_type type;
	uint32_t mode; /* permission bits with suid, sgid, sticky: 07777 */
	uint32_t uid, gid;
	const char *user, *group; /* names as on the source; may be empty */
	uint32_t user_len, group_len;
	int64_t mtime;
	uint32_t mtime_ns;
	uint64_t size;          /* files, also further links: apparent size. Others: 0 */
	struct content content; /* files that are no further hard link */
	bool changed;           /* the file changed while it was read, twice */
	uint8_t fingerprint
		[DIGEST_SIZE]; /* files: SHA-256 over the SHA-256 of each piece (docs/FORMAT.md, "Fingerprint") */
	/* Files, where the writer was asked for it: of the whole file, the holes of a sparse one as zeros. */
	bool has_sha256;
	uint8_t sha256[DIGEST_SIZE];
	const char *target; /* symlink: its target */
	uint32_t target_len;
	/*
	 * Hard link: the path of an earlier entry, which has content, fingerprint, sha256, target, device and xattrs;
	 * here they are not written, and empty when read. NULL otherwise.
	 */
	const char *link;
	uint32_t link_len;
	uint32_t major, minor;        /* devices */
	const struct extent *extents; /* sparse files: where data is, ascending; content holds just those bytes */
	uint32_t extent_count;
	bool sparse;                /* extents are meant (there may be none: a file of nothing but a hole) */
	const struct xattr *xattrs; /* ascending by name */
	uint32_t xattr_count;
};

/*
 * A node in the making; guarded. Children are added first, then entries that refer to them (or branch paths, one a
 * child). What is added is checked as node_decode() would: a writer cannot make what no reader takes. ERR_FORMAT leaves
 * the node as it was, so that it can be finished and what did not fit goes into the next.
 */
struct node_writer;
struct node_writer *node_writer_new(void);
void node_writer_free(struct node_writer *w);
void node_writer_reset(struct node_writer *w, enum node_type type, uint32_t level);
uint32_t node_writer_children(const struct node_writer *w);
uint32_t node_writer_entries(const struct node_writer *w);
/* The number of the child of this id that was added last. */
bool node_writer_find(const struct node_writer *w, const uint8_t id[ID_SIZE], uint32_t *index);
size_t node_writer_size(const struct node_writer *w); /* bytes so far, at least what finish will make */

/* `size`: plaintext bytes beneath the child. *index: its number in this node. ERR_FORMAT over a limit. */
must_check int node_add_child(struct node_writer *w, const uint8_t id[ID_SIZE], const uint8_t key[KEY_SIZE],
			      uint64_t size, uint32_t *index);
must_check int node_add_entry(struct node_writer *w, const struct entry *e);
/* For the child added last; on an error that child is out again. */
must_check int node_add_branch(struct node_writer *w, const char *first_path, size_t len);

/* *plain, *len: the plaintext, in the writer's guarded memory; *children: its `*count` clear ids. Valid until reset. */
must_check int node_finish(struct node_writer *w, const uint8_t **plain, size_t *len,
			   const uint8_t (**children)[ID_SIZE], uint32_t *count);

/* A decoded node. Everything points into the plaintext, which the caller keeps in guarded memory meanwhile. */
struct node_child {
	const uint8_t *id, *key;
	uint64_t size;
	const char *first_path; /* branches */
	uint32_t first_path_len;
};

struct node {
	enum node_type type;
	uint32_t level;
	uint64_t bytes; /* sum of the children's sizes: what the parent must say of this node */
	struct node_child *children;
	uint32_t child_count;
	struct entry *entries;
	uint32_t entry_count;
	/* backing of xattrs and extents */
	struct xattr *xattrs;
	struct extent *extents;
};

void node_release(struct node *n); /* also of a zeroed struct */

/*
 * Decodes and validates: limits, path_check() on every path, strict path order, content within the children and their
 * sizes, extents ascending within size, xattrs ascending. ERR_FORMAT. *out is to be released in any case.
 */
must_check int node_decode(const uint8_t *plain, size_t len, struct node *out);

/* ERR_INTEGRITY unless the node's children are just these clear ids, in this order. */
must_check int node_check_children(const struct node *n, const uint8_t (*children)[ID_SIZE], size_t count);

#endif
