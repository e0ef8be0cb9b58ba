#include "zone/direct.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/io.h"

/* Below it a wait for the disk is dearer than a copy. */
#define DIRECT_MIN (1u << 20)

static bool switch_direct(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && fcntl(fd, F_SETFL, on ? flags | O_DIRECT : flags & ~O_DIRECT) == 0;
}

/* How many bytes the disk took; not all where the file system would rather not, which is no failure. */
static size_t write_pages(int fd, const uint8_t *data, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = write(fd, data + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += (size_t)n;
		if (done % PAGE_ALIGNMENT != 0)
			break;
	}
	return done;
}

int direct_write(int fd, const void *data, size_t len, const char *what)
{
	size_t pages = len - len % PAGE_ALIGNMENT, done = 0;

	if (len >= DIRECT_MIN && (uintptr_t)data % PAGE_ALIGNMENT == 0 && switch_direct(fd, true)) {
		done = write_pages(fd, data, pages);
		if (!switch_direct(fd, false))
			return failed_errno(ERR_SYSTEM, "cannot write '%s'", what);
	}
	/* What failed above fails here again, if it is not for the way it was written. */
	return io_write(fd, (const uint8_t *)data + done, len - done, what);
}
