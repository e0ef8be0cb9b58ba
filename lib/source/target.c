#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/io.h"
#include "base/log.h"
#include "source/beneath.h"
#include "source/confine.h"
#include "source/entry_copy.h"
#include "source/target_parts.h"

/* Folders that are kept open: a tree may be deeper than a process may have descriptors. */
#define LEVELS_OPEN_MAX 64

int target_failed(int code, const struct entry *e, const char *format, ...)
{
	char shown[256], text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	return failed(code, "'%s': %s", log_printable(e->path, e->path_len, shown, sizeof shown), text);
}

/* ---- open and close ---- */

/* A file system of its own has lost+found from the start. */
static int check_empty(int root, const char *path)
{
	int fd = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	bool empty = true;

	if (dir == NULL) {
		int code = failed_errno(ERR_SYSTEM, "cannot read folder '%s'", path);

		close_fd(&fd);
		return code;
	}
	for (const struct dirent *d; (d = readdir(dir)) != NULL;)
		if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0 && strcmp(d->d_name, "lost+found") != 0)
			empty = false;
	closedir(dir);
	return empty ? 0
		     : failed(ERR_REFUSED,
			      "'%s' is not empty: restore into another folder, or write over what is there with "
			      "--overwrite",
			      path);
}

int target_open(const struct target_options *options, target_complaint complain, void *context, struct target **out)
{
	int code;

	if (options->path == NULL || options->path[0] == '\0')
		return failed(ERR_USAGE, "a target folder is needed");
	if ((code = io_make_dirs(options->path, 0700)) != 0)
		return code;

	_fd_ int root = open(options->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return failed_errno(ERR_SYSTEM, "cannot open folder '%s'", options->path);
	if ((!options->overwrite && (code = check_empty(root, options->path)) != 0) ||
	    (options->confine && (code = confine_writes(root)) != 0))
		return code;

	struct target *t = xcalloc(1, sizeof *t);

	t->complain = complain;
	t->context = context;
	t->overwrite = options->overwrite;
	t->numeric_owner = options->numeric_owner;
	t->levels_size = 32;
	t->levels = xcalloc(t->levels_size, sizeof *t->levels);
	t->levels[0].fd = t->root = root;
	t->depth = 1;
	t->path = xmalloc(ENTRY_PATH_MAX + 1);
	t->owners = owners_new();
	t->flusher = flusher_new(root);
	must(pthread_mutex_init(&t->lock, NULL) == 0 && pthread_mutex_init(&t->names_lock, NULL) == 0);
	root = -1;
	*out = t;
	return 0;
}

void target_close(struct target *t)
{
	if (t == NULL)
		return;
	must(t->open_files == NULL);
	(void)flusher_end(t->flusher);
	for (size_t i = 0; i < t->depth; i++) {
		close_fd(&t->levels[i].fd);
		free(t->levels[i].attributes);
	}
	pthread_mutex_destroy(&t->lock);
	pthread_mutex_destroy(&t->names_lock);
	owners_free(t->owners);
	free(t->levels);
	free(t->path);
	free(t);
}

/* ---- folders ---- */

static int level_fd(struct target *t, struct level *level)
{
	if (level->fd < 0)
		level->fd = beneath_open(t->root, t->path, level->path_len, O_RDONLY | O_DIRECTORY);
	return level->fd;
}

/* Everything in it is made: now its attributes, with its time last, since each entry changed that. */
static int leave(struct target *t)
{
	struct level *level = &t->levels[t->depth - 1];
	int code = 0;

	if (level->attributes != NULL && level_fd(t, level) < 0)
		code = target_failed(ERR_SYSTEM, level->attributes, "cannot open this folder again: %s",
				     strerror(errno));
	if (level->attributes != NULL && code == 0) {
		pthread_mutex_lock(&t->names_lock);
		target_set_attributes(t, (struct xattr_place){ .fd = level->fd }, level->attributes);
		pthread_mutex_unlock(&t->names_lock);
	}
	free(level->attributes);
	level->attributes = NULL;
	if (t->depth > 1) {
		close_fd(&level->fd);
		t->depth--;
	}
	return code;
}

static void enter(struct target *t, int fd, const char *path, size_t path_len, struct entry *attributes)
{
	if (t->depth == t->levels_size) {
		t->levels_size *= 2;
		t->levels = xrealloc(t->levels, t->levels_size, sizeof *t->levels);
	}
	/* Never the root's: it is opened by no path. */
	if (t->depth > LEVELS_OPEN_MAX)
		close_fd(&t->levels[t->depth - LEVELS_OPEN_MAX].fd);
	memcpy(t->path, path, path_len);
	t->levels[t->depth++] = (struct level){ .fd = fd, .path_len = (uint32_t)path_len, .attributes = attributes };
}

/* A folder that is there already and stays. Without the owner's own rights nothing could be made in it. */
static int open_existing(struct target *t, int folder, const char *name)
{
	struct stat st;
	int fd = beneath_open(folder, name, strlen(name), O_RDONLY | O_DIRECTORY);

	if (fd < 0 && errno == EACCES && t->overwrite && fchmodat(folder, name, 0700, AT_SYMLINK_NOFOLLOW) == 0)
		fd = beneath_open(folder, name, strlen(name), O_RDONLY | O_DIRECTORY);
	if (fd >= 0 && t->overwrite && fstat(fd, &st) == 0 && (st.st_mode & 0700) != 0700)
		(void)fchmod(fd, (st.st_mode & 07777) | 0700);
	return fd;
}

/* Private until its attributes are set. `implied`: only on the way to the entry, which may find it there. */
static int make_folder(struct target *t, const struct entry *e, int folder, const char *name, bool implied, int *fd)
{
	int code;

	if (mkdirat(folder, name, 0700) != 0) {
		if (errno != EEXIST)
			return target_failed(ERR_SYSTEM, e, "cannot make folder '%s': %s", name, strerror(errno));
		if (t->overwrite || implied) {
			*fd = open_existing(t, folder, name);
			if (*fd >= 0)
				return 0;
		}
		if ((code = target_clear(t, folder, name, e)) != 0)
			return code;
		if (mkdirat(folder, name, 0700) != 0)
			return target_failed(ERR_SYSTEM, e, "cannot make folder '%s': %s", name, strerror(errno));
	}
	*fd = beneath_open(folder, name, strlen(name), O_RDONLY | O_DIRECTORY);
	return *fd >= 0 ? 0 : target_failed(ERR_SYSTEM, e, "cannot open folder '%s': %s", name, strerror(errno));
}

int target_clear(struct target *t, int folder, const char *name, const struct entry *e)
{
	if (!t->overwrite)
		return target_failed(ERR_EXISTS, e, "'%s' is there already", name);
	if (unlinkat(folder, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno == EISDIR && (unlinkat(folder, name, AT_REMOVEDIR) == 0 || errno == ENOENT))
		return 0;
	if (errno == ENOTEMPTY || errno == EEXIST)
		return target_failed(ERR_EXISTS, e, "a folder that is not empty is in its place: move it away");
	return target_failed(ERR_SYSTEM, e, "cannot remove what is in its place: %s", strerror(errno));
}

static bool is_beneath(const struct target *t, const struct level *level, const char *path, size_t len)
{
	size_t own = level->path_len;

	return own == 0 || (own <= len && memcmp(t->path, path, own) == 0 && (own == len || path[own] == '/'));
}

/* Leaves and enters folders until the entry's parent is the last level. */
int target_parent(struct target *t, const struct entry *e, int *folder, char name[ENTRY_NAME_MAX + 1])
{
	const char *last;
	size_t name_len, parent_len = beneath_parent(e->path, e->path_len, &last, &name_len);
	int code, fd = -1;

	if (e->path_len == 0)
		return failed(ERR_FORMAT, "the root of a snapshot is not a folder");
	if ((code = path_check(e->path, e->path_len)) != 0)
		return code;
	while (!is_beneath(t, &t->levels[t->depth - 1], e->path, parent_len))
		if ((code = leave(t)) != 0)
			return code;
	for (;;) {
		struct level *top = &t->levels[t->depth - 1];
		size_t start = top->path_len == 0 ? 0 : top->path_len + 1;

		if ((*folder = level_fd(t, top)) < 0)
			return target_failed(ERR_SYSTEM, e, "cannot open its folder again: %s", strerror(errno));
		if (top->path_len == parent_len)
			break;

		const char *slash = memchr(e->path + start, '/', e->path_len - start);
		size_t len = (size_t)(slash - (e->path + start));

		memcpy(name, e->path + start, len);
		name[len] = '\0';
		if ((code = make_folder(t, e, *folder, name, true, &fd)) != 0)
			return code;
		enter(t, fd, e->path, start + len, NULL);
	}
	memcpy(name, last, name_len);
	name[name_len] = '\0';
	return 0;
}

/* ---- entries ---- */

static int create_folder(struct target *t, const struct entry *e)
{
	char name[ENTRY_NAME_MAX + 1];
	int folder = -1, fd = -1, code;

	if (e->path_len == 0) {
		free(t->levels[0].attributes);
		t->levels[0].attributes = entry_copy(e);
		return 0;
	}
	if ((code = target_parent(t, e, &folder, name)) != 0 ||
	    (code = make_folder(t, e, folder, name, false, &fd)) != 0)
		return code;
	enter(t, fd, e->path, e->path_len, entry_copy(e));
	return 0;
}

/* 0, or -1 with errno. */
static int make_link(struct target *t, const struct entry *e, int folder, const char *name)
{
	pthread_mutex_lock(&t->names_lock);
	int result = target_link(t, e, folder, name);
	pthread_mutex_unlock(&t->names_lock);
	return result;
}

static int make_symlink(const struct entry *e, int folder, const char *name)
{
	char target[PATH_MAX];

	if (e->target_len == 0 || e->target_len >= sizeof target || memchr(e->target, '\0', e->target_len) != NULL) {
		errno = EINVAL;
		return -1;
	}
	memcpy(target, e->target, e->target_len);
	target[e->target_len] = '\0';
	return symlinkat(target, folder, name);
}

static int make_other(struct target *t, const struct entry *e, int folder, const char *name)
{
	dev_t device = makedev(e->major, e->minor);

	if (e->link != NULL)
		return make_link(t, e, folder, name);
	if (e->type == ENTRY_SYMLINK)
		return make_symlink(e, folder, name);
	if (e->type == ENTRY_FIFO)
		return mknodat(folder, name, S_IFIFO | 0600, 0);
	return mknodat(folder, name, (e->type == ENTRY_CHAR ? S_IFCHR : S_IFBLK) | 0600, device);
}

static int create_failed(struct target *t, const struct entry *e)
{
	char shown[256];

	if (e->link != NULL && errno == ENOENT)
		return target_failed(ERR_MISSING, e, "'%s', whose hard link it is, was not restored",
				     log_printable(e->link, e->link_len, shown, sizeof shown));
	if (e->link != NULL)
		return target_failed(ERR_SYSTEM, e, "cannot be made a hard link of '%s': %s",
				     log_printable(e->link, e->link_len, shown, sizeof shown), strerror(errno));
	if (errno == EPERM && (e->type == ENTRY_CHAR || e->type == ENTRY_BLOCK)) {
		target_trouble(t, TROUBLE_DEVICE, e, "a device, which only root can make: left out");
		return 0;
	}
	return target_failed(errno == ENOSPC || errno == EDQUOT ? ERR_FULL : ERR_SYSTEM, e, "cannot be made: %s",
			     strerror(errno));
}

int target_create(struct target *t, const struct entry *e)
{
	char name[ENTRY_NAME_MAX + 1];
	int folder = -1, code;

	must(e->type != ENTRY_FILE || e->link != NULL);
	if (e->type == ENTRY_FOLDER)
		return create_folder(t, e);
	if (e->type == ENTRY_SOCKET) {
		target_trouble(t, TROUBLE_SOCKET, e, "a socket: left out, the program that it belongs to makes it");
		return 0;
	}
	if ((code = target_parent(t, e, &folder, name)) != 0 ||
	    (e->link != NULL && (code = path_check(e->link, e->link_len)) != 0))
		return code;
	if (make_other(t, e, folder, name) != 0) {
		if (errno != EEXIST)
			return create_failed(t, e);
		if ((code = target_clear(t, folder, name, e)) != 0)
			return code;
		if (make_other(t, e, folder, name) != 0)
			return create_failed(t, e);
	}
	if (e->link == NULL)
		target_set_attributes(t, (struct xattr_place){ folder, name }, e);
	return 0;
}

bool target_has(struct target *t, const struct entry *e)
{
	char name[ENTRY_NAME_MAX + 1];
	struct stat st;
	int folder = -1;

	/* Times are set last: an unfinished file has that of its making. */
	return target_parent(t, e, &folder, name) == 0 && fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(st.st_mode) && (uint64_t)st.st_size == e->size && st.st_mtim.tv_sec == e->mtime &&
	       st.st_mtim.tv_nsec == (long)e->mtime_ns;
}

int target_finish(struct target *t)
{
	int code = 0, error = 0;

	for (;;) {
		bool last = t->depth == 1;
		int one = leave(t);

		code = code != 0 ? code : one;
		if (last)
			break;
	}
	/* "Restored" means on the disk. */
	error = flusher_end(t->flusher);
	t->flusher = NULL;
	if (error == 0 && syncfs(t->root) != 0)
		error = errno;
	errno = error;
	if (code == 0 && error != 0)
		code = failed_errno(ERR_SYSTEM, "what was restored cannot be brought to the disk");
	target_tell_troubles(t);
	return code;
}
