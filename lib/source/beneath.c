#include "source/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/io.h"

static bool clean(const char *path, size_t len)
{
	size_t start = 0;

	for (size_t i = 0; i <= len; i++) {
		if (i < len && path[i] == '\0')
			return false;
		if (i < len && path[i] != '/')
			continue;
		size_t n = i - start;

		if (n == 0 || (n == 1 && path[start] == '.') ||
		    (n == 2 && path[start] == '.' && path[start + 1] == '.'))
			return false;
		start = i + 1;
	}
	return true;
}

/* A relative path without "..", shorter than PATH_MAX. */
static int open_piece(int folder, char *piece, int flags)
{
	static atomic_bool missing; /* asked once: valgrind complains about each call that it does not know */
	struct open_how how = { .flags = (uint64_t)(unsigned)flags, .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS };
	int fd;

	if (!atomic_load(&missing)) {
		fd = (int)syscall(SYS_openat2, folder, piece, &how, sizeof how);
		if (fd >= 0 || errno != ENOSYS)
			return fd;
		atomic_store(&missing, true);
	}

	_fd_ int held = -1;
	for (char *slash; (slash = strchr(piece, '/')) != NULL; piece = slash + 1) {
		*slash = '\0';
		fd = openat(held >= 0 ? held : folder, piece, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			return -1;
		close_fd(&held);
		held = fd;
	}
	return openat(held >= 0 ? held : folder, piece, flags);
}

/* As many whole components as one system call takes. */
static size_t piece_length(const char *path, size_t len)
{
	if (len < PATH_MAX)
		return len;

	const char *slash = memrchr(path, '/', PATH_MAX - 1);

	return slash == NULL ? 0 : (size_t)(slash - path);
}

int beneath_open(int folder, const char *path, size_t len, int flags)
{
	_fd_ int held = -1;
	char piece[PATH_MAX];

	flags |= O_CLOEXEC | O_NOFOLLOW;
	if (len == 0)
		return openat(folder, ".", flags);
	if (!clean(path, len)) {
		errno = EXDEV;
		return -1;
	}
	for (;;) {
		size_t n = piece_length(path, len);

		if (n == 0) {
			errno = ENAMETOOLONG;
			return -1;
		}
		memcpy(piece, path, n);
		piece[n] = '\0';
		if (n == len)
			return open_piece(held >= 0 ? held : folder, piece, flags);

		int fd = open_piece(held >= 0 ? held : folder, piece, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			return -1;
		close_fd(&held);
		held = fd;
		path += n + 1;
		len -= n + 1;
	}
}

size_t beneath_parent(const char *path, size_t len, const char **name, size_t *name_len)
{
	const char *slash = memrchr(path, '/', len);

	*name = slash == NULL ? path : slash + 1;
	*name_len = len - (size_t)(*name - path);
	return slash == NULL ? 0 : (size_t)(slash - path);
}
