#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/io.h"
#include "source/beneath.h"
#include "source/entry_copy.h"
#include "source/target_parts.h"

/* A hard link that was made to a file while it was open. */
struct further_name {
	struct further_name *next;
	size_t len;
	char path[];
};

struct target_file {
	struct target *target;
	int fd;
	struct entry *entry;
	uint64_t content_size;
	uint64_t *starts; /* of a sparse file: where each extent's data starts in the content */
	struct further_name *further;
	struct target_file *previous, *next; /* of the target's open ones */
};

/* A file up to this size grows with its writes: they are few. A larger one is told at once that it is too large. */
#define GROWS_MAX (64u << 10)

/* ---- create ---- */

/* ERR_FORMAT unless extents are ascending within the size: they come from outside. */
static int place_extents(struct target_file *f)
{
	const struct entry *e = f->entry;
	uint64_t end = 0;

	f->content_size = e->size;
	if (!e->sparse)
		return 0;
	f->content_size = 0;
	f->starts = xcalloc((size_t)e->extent_count + 1, sizeof *f->starts);
	for (uint32_t i = 0; i < e->extent_count; i++) {
		const struct extent *x = &e->extents[i];

		if (x->offset < end || x->offset > e->size || x->length > e->size - x->offset)
			return target_failed(ERR_FORMAT, e, "its extents are not ascending within its size");
		end = x->offset + x->length;
		f->starts[i] = f->content_size;
		f->content_size += x->length;
	}
	return 0;
}

static void free_file(struct target_file *f)
{
	while (f->further != NULL) {
		struct further_name *further = f->further;

		f->further = further->next;
		free(further);
	}
	close_fd(&f->fd);
	free(f->starts);
	free(f->entry);
	free(f);
}

static int open_new(struct target *t, const struct entry *e, int folder, const char *name, int *fd)
{
	int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, code;

	*fd = openat(folder, name, flags, 0600);
	if (*fd < 0 && errno == EEXIST) {
		if ((code = target_clear(t, folder, name, e)) != 0)
			return code;
		*fd = openat(folder, name, flags, 0600);
	}
	if (*fd < 0)
		return target_failed(ERR_SYSTEM, e, "cannot create it: %s", strerror(errno));
	if ((!e->sparse && e->size <= GROWS_MAX) || ftruncate(*fd, (off_t)e->size) == 0)
		return 0;
	code = target_failed(errno == ENOSPC || errno == EDQUOT ? ERR_FULL : ERR_SYSTEM, e,
			     "cannot give it its size: %s", strerror(errno));
	close_fd(fd);
	(void)unlinkat(folder, name, 0);
	return code;
}

int target_create_file(struct target *t, const struct entry *e, struct target_file **out)
{
	char name[ENTRY_NAME_MAX + 1];
	int folder = -1, code;

	if (e->type != ENTRY_FILE || e->size > ENTRY_SIZE_MAX || (e->sparse && e->extent_count > ENTRY_EXTENTS_MAX))
		return target_failed(ERR_FORMAT, e, "not a file within the limits of one");
	if ((code = target_parent(t, e, &folder, name)) != 0)
		return code;

	struct target_file *f = xcalloc(1, sizeof *f);

	f->target = t;
	f->fd = -1;
	f->entry = entry_copy(e);
	if ((code = place_extents(f)) != 0 || (code = open_new(t, e, folder, name, &f->fd)) != 0) {
		free_file(f);
		return code;
	}
	pthread_mutex_lock(&t->names_lock);
	f->next = t->open_files;
	if (f->next != NULL)
		f->next->previous = f;
	t->open_files = f;
	pthread_mutex_unlock(&t->names_lock);
	*out = f;
	return 0;
}

/* ---- write ---- */

/* The extent whose data holds this content offset. */
static uint32_t extent_at(const struct target_file *f, uint64_t content_offset)
{
	uint32_t low = 0, high = f->entry->extent_count;

	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (f->starts[middle] <= content_offset)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* Where in the file the content at this offset lies, and how much of it lies together. */
static int place_content(const struct target_file *f, uint64_t content_offset, size_t len, uint64_t *offset,
			 size_t *together)
{
	const struct entry *e = f->entry;

	if (content_offset > f->content_size || len > f->content_size - content_offset)
		return target_failed(ERR_FORMAT, e, "its content is longer than its size says");
	*offset = content_offset;
	*together = len;
	if (e->sparse && len > 0) {
		uint32_t i = extent_at(f, content_offset);
		uint64_t within = content_offset - f->starts[i], left = e->extents[i].length - within;

		*offset = e->extents[i].offset + within;
		*together = left < len ? (size_t)left : len;
	}
	return 0;
}

int target_file_write(struct target_file *f, uint64_t content_offset, const void *data, size_t len)
{
	const uint8_t *from = data;
	uint64_t offset = 0;
	size_t n = 0;

	do {
		int code = place_content(f, content_offset, len, &offset, &n);

		if (code == 0)
			code = io_pwrite(f->fd, from, n, offset, f->entry->path);
		if (code != 0)
			return code;
		flusher_wrote(f->target->flusher, n);
		from += n;
		content_offset += n;
		len -= n;
	} while (len > 0);
	return 0;
}

int target_file_read(struct target_file *f, uint64_t content_offset, void *data, size_t len)
{
	uint8_t *to = data;
	uint64_t offset = 0;
	size_t n = 0, got;

	do {
		int code = place_content(f, content_offset, len, &offset, &n);

		if (code == 0)
			code = io_pread(f->fd, to, n, offset, &got, f->entry->path);
		if (code == 0 && got != n)
			code = target_failed(ERR_SYSTEM, f->entry, "it is shorter than what was written to it");
		if (code != 0)
			return code;
		to += n;
		content_offset += n;
		len -= n;
	} while (len > 0);
	return 0;
}

/* ---- hard links and the end ---- */

int target_link(struct target *t, const struct entry *e, int folder, const char *name)
{
	static const mode_t formats[] = {
		[ENTRY_FILE] = S_IFREG,    [ENTRY_FOLDER] = S_IFDIR, [ENTRY_SYMLINK] = S_IFLNK, [ENTRY_FIFO] = S_IFIFO,
		[ENTRY_SOCKET] = S_IFSOCK, [ENTRY_CHAR] = S_IFCHR,   [ENTRY_BLOCK] = S_IFBLK
	};
	const char *first;
	size_t first_len, parent_len = beneath_parent(e->link, e->link_len, &first, &first_len);
	char first_name[ENTRY_NAME_MAX + 1];
	_fd_ int first_folder = beneath_open(t->root, e->link, parent_len, O_PATH | O_DIRECTORY);
	struct stat st;

	memcpy(first_name, first, first_len);
	first_name[first_len] = '\0';
	if (first_folder < 0 || fstatat(first_folder, first_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return -1;
	/* Something else lies there: what the entry means has not been restored. */
	if ((st.st_mode & S_IFMT) != formats[e->type]) {
		errno = ENOENT;
		return -1;
	}
	if (linkat(first_folder, first_name, folder, name, 0) != 0)
		return -1;
	for (struct target_file *f = t->open_files; f != NULL; f = f->next) {
		if (f->entry->path_len != e->link_len || memcmp(f->entry->path, e->link, e->link_len) != 0)
			continue;

		struct further_name *further = xmalloc(sizeof *further + e->path_len);

		*further = (struct further_name){ .next = f->further, .len = e->path_len };
		memcpy(further->path, e->path, e->path_len);
		f->further = further;
	}
	return 0;
}

/* Removes one name, and leaves its folder's time as it was: the folder may be finished already. */
static int unlink_quietly(struct target *t, const char *path, size_t len)
{
	const char *last;
	size_t name_len, parent_len = beneath_parent(path, len, &last, &name_len);
	char name[ENTRY_NAME_MAX + 1];
	struct stat st;
	_fd_ int folder = beneath_open(t->root, path, parent_len, O_RDONLY | O_DIRECTORY);

	memcpy(name, last, name_len);
	name[name_len] = '\0';
	if (folder < 0 || fstat(folder, &st) != 0)
		return -1;

	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, st.st_mtim };
	int result = unlinkat(folder, name, 0);
	if (result != 0 && errno == EACCES && fchmod(folder, (st.st_mode & 07777) | 0200) == 0) {
		result = unlinkat(folder, name, 0);
		(void)fchmod(folder, st.st_mode & 07777);
	}
	(void)futimens(folder, times);
	return result;
}

static int discard_file(struct target *t, const struct target_file *f)
{
	int result = unlink_quietly(t, f->entry->path, f->entry->path_len);

	for (const struct further_name *further = f->further; further != NULL; further = further->next)
		if (unlink_quietly(t, further->path, further->len) != 0)
			result = -1;
	return result != 0 ? target_failed(ERR_SYSTEM, f->entry, "it is incomplete and cannot be removed: %s",
					   strerror(errno))
			   : 0;
}

int target_file_finish(struct target_file *f, bool discard)
{
	struct target *t = f->target;
	int code = 0;

	if (!discard)
		target_set_attributes(t, (struct xattr_place){ .fd = f->fd }, f->entry);

	/* From here on, hard links to it are made without telling it. */
	pthread_mutex_lock(&t->names_lock);
	if (f->previous != NULL)
		f->previous->next = f->next;
	else
		t->open_files = f->next;
	if (f->next != NULL)
		f->next->previous = f->previous;
	if (discard)
		code = discard_file(t, f);
	pthread_mutex_unlock(&t->names_lock);

	/* Network file systems tell of a write that failed only here. */
	if (!discard && close(f->fd) != 0)
		code = target_failed(errno == ENOSPC || errno == EDQUOT ? ERR_FULL : ERR_SYSTEM, f->entry,
				     "cannot write it: %s", strerror(errno));
	if (!discard)
		f->fd = -1;
	free_file(f);
	return code;
}
