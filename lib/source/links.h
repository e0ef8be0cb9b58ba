/*
 * Hard links: which file (device, inode) was seen first under which path. A file is forgotten when all of its names
 * were seen, so what is remembered are files with names yet to come, or outside of the tree; at most LINKS_MEMORY_MAX
 * bytes of them.
 */
#ifndef SOURCE_LINKS_H
#define SOURCE_LINKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINKS_MEMORY_MAX (24u << 20)

struct links;
struct links *links_new(size_t memory_max);
void links_free(struct links *l);

/*
 * A name of a file that has `names` of them. `generation`: tells it from an earlier file whose number it got (when it
 * was born, for one). Returns the path of its first one, valid until the next call, or NULL:
 * this is the first, now remembered; unless *full: there was no memory left for it.
 */
const char *links_seen(struct links *l, uint64_t device, uint64_t inode, uint64_t generation, uint64_t names,
		       const char *path, size_t len, uint32_t *first_len, bool *full);

/*
 * The file whose first name this is could not be taken after all: the next name seen is the first. Looks at all that is
 * remembered.
 */
void links_forget(struct links *l, const char *path, size_t len);

#endif
