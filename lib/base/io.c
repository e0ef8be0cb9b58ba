#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/alloc.h"

#define LOAD_STEP (64u << 10)

void close_fd(int *fd)
{
	if (*fd >= 0) {
		int saved = errno;

		close(*fd);
		errno = saved;
	}
	*fd = -1;
}

/* One loop for all four: at_offset tells pread from read. */
static int read_all(int fd, void *data, size_t len, bool at_offset, uint64_t offset, size_t *got, const char *what)
{
	uint8_t *p = data;
	size_t done = 0;

	while (done < len) {
		ssize_t n = at_offset ? pread(fd, p + done, len - done, (off_t)(offset + done))
				      : read(fd, p + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return failed_errno(ERR_SYSTEM, "cannot read '%s'", what);
		if (n == 0)
			break;
		done += (size_t)n;
	}
	*got = done;
	return 0;
}

static int write_all(int fd, const void *data, size_t len, bool at_offset, uint64_t offset, const char *what)
{
	const uint8_t *p = data;
	size_t done = 0;

	while (done < len) {
		ssize_t n = at_offset ? pwrite(fd, p + done, len - done, (off_t)(offset + done))
				      : write(fd, p + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return failed_errno(ERR_SYSTEM, "cannot write '%s'", what);
		done += (size_t)n;
	}
	return 0;
}

int io_read(int fd, void *data, size_t len, size_t *got, const char *what)
{
	return read_all(fd, data, len, false, 0, got, what);
}

int io_pread(int fd, void *data, size_t len, uint64_t offset, size_t *got, const char *what)
{
	return read_all(fd, data, len, true, offset, got, what);
}

int io_write(int fd, const void *data, size_t len, const char *what)
{
	return write_all(fd, data, len, false, 0, what);
}

int io_pwrite(int fd, const void *data, size_t len, uint64_t offset, const char *what)
{
	return write_all(fd, data, len, true, offset, what);
}

int io_load(const char *path, struct buf *out)
{
	_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return failed_errno(errno == ENOENT ? ERR_MISSING : ERR_SYSTEM, "cannot open '%s'", path);
	for (;;) {
		size_t room = out->max - out->len, got;
		uint8_t probe, *at = &probe;
		/* At the limit one byte more tells a file that ends there from a larger one. */
		size_t wanted = room == 0 ? 1 : room < LOAD_STEP ? room : LOAD_STEP;
		int code = room == 0 ? 0 : buf_reserve(out, wanted, &at);

		if (code == 0)
			code = io_read(fd, at, wanted, &got, path);
		if (code)
			return code;
		if (room == 0 && got != 0) {
			explicit_bzero(&probe, 1);
			return failed(ERR_FORMAT, "'%s' is larger than %zu bytes, the limit for %s", path, out->max,
				      out->what);
		}
		if (room != 0)
			out->len += got;
		if (got < wanted)
			return 0;
	}
}

/* The folder that a path lies in: "." for a bare name. */
static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return xstrdup(".");
	return slash == path ? xstrdup("/") : xstrndup(path, (size_t)(slash - path));
}

bool io_reader_gone(int fd)
{
	struct pollfd end = { .fd = fd, .events = POLLOUT };

	return poll(&end, 1, 0) == 1 && (end.revents & POLLERR) != 0;
}

int io_check_memory(const char *path)
{
	_free_ char *folder = xstrdup(path);
	struct statfs fs;

	/* What is not there yet will be where the folder above it is. */
	while (statfs(folder, &fs) < 0) {
		char *slash = strrchr(folder, '/');

		if (errno != ENOENT || slash == NULL)
			return failed_errno(ERR_SYSTEM, "cannot look at '%s'", folder);
		slash[slash == folder] = '\0';
	}
	if (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC)
		return 0;
	return failed(ERR_REFUSED, "'%s' is not in memory: what is kept there must be on tmpfs or ramfs, as /run is",
		      path);
}

int io_sync_dir(const char *path)
{
	_fd_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return failed_errno(ERR_SYSTEM, "cannot open folder '%s'", path);
	/* EINVAL: a file system that has no such thing. */
	if (fsync(fd) < 0 && errno != EINVAL)
		return failed_errno(ERR_SYSTEM, "cannot sync folder '%s'", path);
	return 0;
}

/* Writes a new file and makes its content durable; removes it again on failure. `shown`: the name for messages. */
static int write_new(const char *path, const void *data, size_t len, mode_t mode, const char *shown)
{
	/* 0600 until the mode is set exactly: the umask has no say, and nobody else gets it open before. */
	_fd_ int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return failed_errno(errno == EEXIST ? ERR_EXISTS : ERR_SYSTEM, "cannot create '%s'", shown);
	int code = io_write(fd, data, len, shown);
	if (code == 0 && fchmod(fd, mode) < 0)
		code = failed_errno(ERR_SYSTEM, "cannot set the mode of '%s'", shown);
	if (code == 0 && fsync(fd) < 0)
		code = failed_errno(ERR_SYSTEM, "cannot sync '%s'", shown);
	if (code)
		unlink(path);
	return code;
}

int io_save(const char *path, const void *data, size_t len, mode_t mode)
{
	_free_ char *folder = folder_of(path);
	const char *slash = strrchr(path, '/');
	_free_ char *temporary = xasprintf("%.*s.%s.tmp", slash ? (int)(slash + 1 - path) : 0, path,
					   slash ? slash + 1 : path);

	if (unlink(temporary) < 0 && errno != ENOENT)
		return failed_errno(ERR_SYSTEM, "cannot remove '%s', left by an interrupted run", temporary);
	int code = write_new(temporary, data, len, mode, temporary);
	if (code)
		return code;
	if (rename(temporary, path) < 0) {
		code = failed_errno(ERR_SYSTEM, "cannot replace '%s'", path);
		unlink(temporary);
		return code;
	}
	return io_sync_dir(folder);
}

int io_create(const char *path, const void *data, size_t len, mode_t mode)
{
	_free_ char *folder = folder_of(path);
	int code = write_new(path, data, len, mode, path);

	return code ? code : io_sync_dir(folder);
}

int io_make_dirs(const char *path, mode_t mode)
{
	_free_ char *part = xstrdup(path);

	for (char *end = part; *end;) {
		end += strspn(end, "/");
		end += strcspn(end, "/");
		char rest = *end;

		*end = '\0';
		if (*part && mkdir(part, mode) < 0) {
			struct stat st;

			/* Also EROFS and EACCES: what exists already need not be made. */
			int reason = errno;
			if (stat(part, &st) < 0 || !S_ISDIR(st.st_mode)) {
				errno = reason == EEXIST ? ENOTDIR : reason;
				return failed_errno(ERR_SYSTEM, "cannot make folder '%s'", part);
			}
		}
		*end = rest;
	}
	return 0;
}

void io_wipe(int fd)
{
	static const uint8_t zeros[4096];
	struct stat st;

	if (fstat(fd, &st) < 0)
		return;
	for (off_t at = 0; at < st.st_size; at += (off_t)sizeof zeros) {
		size_t len = st.st_size - at < (off_t)sizeof zeros ? (size_t)(st.st_size - at) : sizeof zeros;

		if (io_pwrite(fd, zeros, len, (uint64_t)at, "a file of keys"))
			return;
	}
	fsync(fd);
}
