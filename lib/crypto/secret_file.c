#include "crypto/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/io.h"

int secret_file_load(const char *path, struct buf *out)
{
	/* O_NONBLOCK: a FIFO without a writer must be refused, not waited for. */
	_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	must(out->guarded);
	if (fd < 0)
		return failed_errno(errno == ENOENT ? ERR_MISSING : ERR_SYSTEM, "cannot open '%s'", path);
	if (fstat(fd, &st) != 0)
		return failed_errno(ERR_SYSTEM, "cannot look at '%s'", path);
	if (!S_ISREG(st.st_mode))
		return failed(ERR_REFUSED, "'%s' is not a regular file, and secrets are read from nothing else", path);
	if ((st.st_mode & 077) != 0)
		return failed(ERR_REFUSED, "'%s' holds a secret but has mode %04o: others may have read it; chmod 600 it, or replace it",
			      path, (unsigned)st.st_mode & 07777);
	if (st.st_size > (off_t)(out->max - out->len))
		return failed(ERR_FORMAT, "'%s' is no key file: it has more than %zu bytes", path, out->max);

	uint8_t *at;
	size_t got;
	int code = buf_reserve(out, (size_t)st.st_size, &at);

	if (code == 0)
		code = io_read(fd, at, (size_t)st.st_size, &got, path);
	if (code == 0)
		out->len += got;
	return code;
}
