#include "crypto/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/hex.h"
#include "base/io.h"
#include "crypto/secret.h"

int secret_file_read(const char *path, struct buf *out, mode_t *mode)
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
		return failed(ERR_REFUSED, "'%s' is not a regular file, and keys are read from nothing else", path);
	if (st.st_size > (off_t)(out->max - out->len))
		return failed(ERR_FORMAT, "'%s' is no key file: it has more than %zu bytes", path, out->max);

	uint8_t *at;
	size_t got;
	int code = buf_reserve(out, (size_t)st.st_size, &at);

	if (code == 0)
		code = io_read(fd, at, (size_t)st.st_size, &got, path);
	if (code != 0)
		return code;
	out->len += got;
	*mode = st.st_mode;
	return 0;
}

int secret_file_check_mode(const char *path, mode_t mode)
{
	if ((mode & 077) == 0)
		return 0;
	return failed(ERR_REFUSED,
		      "'%s' holds a secret but has mode %04o: others may have read it; chmod 600 it, or replace it",
		      path, (unsigned)mode & 07777);
}

int secret_file_load(const char *path, struct buf *out)
{
	mode_t mode;
	int code = secret_file_read(path, out, &mode);

	return code != 0 ? code : secret_file_check_mode(path, mode);
}

int secret_file_create(const char *dir, const char *name, const void *data, size_t len)
{
	uint8_t nonce[4];
	char suffix[2 * sizeof nonce + 1];

	random_bytes(nonce, sizeof nonce);
	hex_encode(nonce, sizeof nonce, suffix);

	_free_ char *path = xasprintf("%s/%s", dir, name);
	_free_ char *temporary = xasprintf("%s/.%s.%s.tmp", dir, name, suffix);
	int code = io_create(temporary, data, len, 0600);

	if (code != 0)
		return code;
	/* Unlike rename(), link() never replaces: of two that race, one is first. */
	if (link(temporary, path) != 0)
		code = errno == EEXIST ? failed(ERR_EXISTS, "'%s' exists already", path)
				       : failed_errno(ERR_SYSTEM, "cannot create '%s'", path);
	if (unlink(temporary) != 0 && code == 0)
		code = failed_errno(ERR_SYSTEM, "cannot remove '%s', a second name of '%s'", temporary, path);
	return code != 0 ? code : io_sync_dir(dir);
}

int secret_file_destroy(const char *dir, const char *name)
{
	_free_ char *path = xasprintf("%s/%s", dir, name);
	_fd_ int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return failed_errno(ERR_SYSTEM, "cannot open '%s' to wipe it", path);
	io_wipe(fd);
	if (unlink(path) != 0 && errno != ENOENT)
		return failed_errno(ERR_SYSTEM, "'%s' is wiped, but cannot be removed", path);
	return io_sync_dir(dir);
}
