/*
 * Memory for large tables of public values (ids, names of packs): on the heap while small, in an unlinked temporary
 * file that is mapped when it grows. Pages of a mapped file are the kernel's to write out and take back, so that what a
 * program needs for itself does not grow with the data.
 *
 * Never for anything secret or personal: the file's bytes may reach the disk.
 */
#ifndef BASE_SPILL_H
#define BASE_SPILL_H

#include <stddef.h>

#define SPILL_HEAP_MAX ((size_t)4 << 20)

struct spill {
	void *data; /* `size` bytes; moves when that changes */
	size_t size;
	const char *folder;
	int fd; /* -1: on the heap */
};

/* `folder`: where the file is made; NULL: in $TMPDIR, or /var/tmp. Borrowed. */
void spill_init(struct spill *s, const char *folder);

/*
 * Grows to `size`. Keeps what there is; new bytes are zero. Where no file can be had (or the disk is full), it stays on
 * the heap, whatever its size: a run that needs more memory than it should is better than none.
 */
void spill_resize(struct spill *s, size_t size);

void spill_release(struct spill *s); /* also of a zeroed struct */

#endif
