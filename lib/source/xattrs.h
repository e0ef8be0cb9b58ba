/*
 * Extended attributes of any entry, without following links: user.*, security.* (capabilities, labels), trusted.* (root
 * only) and system.* (POSIX ACLs, in the kernel's form with numeric ids).
 */
#ifndef SOURCE_XATTRS_H
#define SOURCE_XATTRS_H

#include <stddef.h>
#include <stdint.h>

#include "format/node.h"

/*
 * Names and values of one entry together, so that the entry stays within ENTRY_MAX beside a long path and many extents.
 */
#define XATTRS_BYTES_MAX (256u << 10)

/* Which file: `name` beneath the open folder `fd`, or `fd` itself where name is NULL (then not opened with O_PATH). */
struct xattr_place {
	int fd;
	const char *name;
};

/* An attribute that could not be read or set; `name` NULL: all of them (when reading). `error`: an errno. */
typedef void (*xattr_complaint)(void *context, const char *name, int error);

struct xattr_reader;
struct xattr_reader *xattr_reader_new(void);
void xattr_reader_free(struct xattr_reader *r);

/*
 * Sets e->xattrs and e->xattr_count, borrowed until the next call. E2BIG is complained about for what goes over the
 * limit.
 */
void xattrs_read(struct xattr_reader *r, struct xattr_place place, struct entry *e, xattr_complaint complain,
		 void *context);

/*
 * Makes the file's attributes those of the entry: also removes user.* and ACLs that it has beyond them (inherited,
 * say).
 */
void xattrs_write(struct xattr_place place, const struct entry *e, xattr_complaint complain, void *context);

#endif
