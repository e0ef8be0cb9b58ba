/*
 * Brings to the disk what is being written to a file system while more is written, on a thread of its own: at the end
 * little is left to wait for.
 */
#ifndef SOURCE_FLUSHER_H
#define SOURCE_FLUSHER_H

#include <stddef.h>

struct flusher;

/* `fd`: anything open on the file system; borrowed. */
struct flusher *flusher_new(int fd);

/* From any thread: so many bytes were written. */
void flusher_wrote(struct flusher *f, size_t bytes);

/* Ends it. 0, or the errno with which bytes could not be brought there. Accepts NULL. */
int flusher_end(struct flusher *f);

#endif
