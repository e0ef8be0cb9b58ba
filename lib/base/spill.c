#include "base/spill.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/io.h"
#include "base/log.h"

void spill_init(struct spill *s, const char *folder)
{
	*s = (struct spill){ .folder = folder, .fd = -1 };
}

void spill_release(struct spill *s)
{
	if (s->data != NULL && s->fd >= 0) {
		must(munmap(s->data, s->size) == 0);
		close_fd(&s->fd);
	} else {
		free(s->data);
	}
	*s = (struct spill){ .fd = -1 };
}

/* A file without a name; -1 with errno. */
static int open_unnamed(const char *folder)
{
	const char *base = folder != NULL ? folder : getenv("TMPDIR");

	base = base != NULL && *base != '\0' ? base : "/var/tmp";
	int fd = open(base, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
		return fd;

	_free_ char *path = xasprintf("%s/.nightfold-XXXXXX", base);
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		(void)unlink(path);
	return fd;
}

/*
 * The space is taken beforehand: a page that finds no room when it is written out would end the process. NULL with
 * errno.
 */
static void *map(int fd, void *old, size_t old_size, size_t size)
{
	int error = posix_fallocate(fd, 0, (off_t)size);
	void *data;

	if (error != 0) {
		errno = error;
		return NULL;
	}
	if (old != NULL)
		data = mremap(old, old_size, size, MREMAP_MAYMOVE);
	else
		data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return data == MAP_FAILED ? NULL : data;
}

static bool into_file(struct spill *s, size_t size)
{
	_fd_ int fd = open_unnamed(s->folder);
	void *data = fd < 0 ? NULL : map(fd, NULL, 0, size);

	if (data == NULL)
		return false;
	if (s->size > 0)
		memcpy(data, s->data, s->size);
	free(s->data);
	s->data = data;
	s->size = size;
	s->fd = fd;
	fd = -1;
	return true;
}

static bool within_file(struct spill *s, size_t size)
{
	void *data = size <= s->size ? NULL : map(s->fd, s->data, s->size, size);

	if (data == NULL)
		return false;
	s->data = data;
	s->size = size;
	return true;
}

static void onto_heap(struct spill *s, size_t size)
{
	const char *folder = s->folder;
	void *data = xcalloc(size, 1);

	if (s->size > 0)
		memcpy(data, s->data, s->size);
	spill_release(s);
	*s = (struct spill){ .data = data, .size = size, .folder = folder, .fd = -1 };
}

void spill_resize(struct spill *s, size_t size)
{
	must(size >= s->size);
	if (size == s->size)
		return;
	if (size > SPILL_HEAP_MAX) {
		if (s->fd >= 0 ? within_file(s, size) : into_file(s, size))
			return;
		log_detail("no temporary file for a table of %zu bytes: %s; it stays in memory", size, strerror(errno));
	}
	onto_heap(s, size);
}
