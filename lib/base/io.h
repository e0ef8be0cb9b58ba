/* Files and descriptors: whole reads and writes, atomic replacement, bounded loading. */
#ifndef BASE_IO_H
#define BASE_IO_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"

/* For _cleanup_(close_fd) on an int that is -1 or a descriptor. */
void close_fd(int *fd);
#define _fd_ __attribute__((cleanup(close_fd)))

/* Reads until `len` bytes or the end; *got says how many. EINTR is retried. `what` names the file in messages. */
must_check int io_read(int fd, void *data, size_t len, size_t *got, const char *what);
must_check int io_pread(int fd, void *data, size_t len, uint64_t offset, size_t *got, const char *what);
must_check int io_write(int fd, const void *data, size_t len, const char *what);
must_check int io_pwrite(int fd, const void *data, size_t len, uint64_t offset, const char *what);

/* Appends the whole file to `out`; larger than out->max is ERR_FORMAT, absent is ERR_MISSING. */
must_check int io_load(const char *path, struct buf *out);

/*
 * Replaces `path` atomically: temporary file beside it, fsync, rename, fsync of the folder. A crash leaves the old or
 * the new content, never a mixture; the temporary file is ".<name>.tmp" and is reused by the next call.
 */
must_check int io_save(const char *path, const void *data, size_t len, mode_t mode);

/* Creates `path` with O_EXCL: ERR_EXISTS when it is there. fsync of file and folder. */
must_check int io_create(const char *path, const void *data, size_t len, mode_t mode);

/* mkdir -p; existing folders stay as they are. */
must_check int io_make_dirs(const char *path, mode_t mode);

/* Whether this is a pipe whose reader is gone: whoever closed it wanted no more. */
bool io_reader_gone(int fd);

/*
 * ERR_REFUSED unless what is at `path`, or would be made there, lies in memory and on no disk: on tmpfs or ramfs
 * (statfs(2), f_type). Memory may be swapped out all the same.
 */
must_check int io_check_memory(const char *path);

/* fsync of a folder, so that names in it survive a power loss. */
must_check int io_sync_dir(const char *path);

/* Overwrites the open file's bytes with zeros, syncs: for files of keys that are about to be unlinked. Best effort. */
void io_wipe(int fd);

#endif
