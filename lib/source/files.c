#include "source/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/io.h"
#include "base/log.h"
#include "source/beneath.h"

/* Folders that are kept open: a tree may be deeper than a process may have descriptors. */
#define FOLDERS_OPEN_MAX 64

/*
 * Memory for names in all folders on the way down; each level may take half of what is left, but some of it always. A
 * folder with more names is read several times.
 */
#define NAMES_MEMORY_MAX (32u << 20)
#define NAMES_MEMORY_MIN (64u << 10)

/* Ages above it do not matter, and centuries would not fit in nanoseconds. */
#define AGE_MAX_SECONDS INT64_C(10)

/* A link's target can be no longer than a path in one system call. */
#define TARGET_SIZE 4096u

/* ---- shared with files_read.c ---- */

void files_complain(struct files *f, const char *path, size_t len, const char *format, ...)
{
	char reason[512];
	va_list args;

	va_start(args, format);
	vsnprintf(reason, sizeof reason, format, args);
	va_end(args);
	f->complain(f->context, path, len, reason);
}

/* Without leaving a trace in access times, which only the owner may ask for. */
int files_open_noatime(int folder, const char *path, size_t len, int flags)
{
	int fd = beneath_open(folder, path, len, flags | O_NOATIME);

	return fd >= 0 || errno != EPERM ? fd : beneath_open(folder, path, len, flags);
}

void files_fill_entry(struct entry *e, const struct stat *st)
{
	e->mode = st->st_mode & 07777;
	e->uid = st->st_uid;
	e->gid = st->st_gid;
	e->mtime = st->st_mtim.tv_sec;
	e->mtime_ns = (uint32_t)st->st_mtim.tv_nsec;
	e->size = S_ISREG(st->st_mode) ? (uint64_t)st->st_size : 0;
}

/* The real clock, not a test's: it is compared with what the kernel wrote. */
int64_t files_age_ns(const struct stat *st)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (st->st_ctim.tv_sec < now.tv_sec - AGE_MAX_SECONDS)
		return AGE_MAX_SECONDS * 1000000000;
	if (st->st_ctim.tv_sec > now.tv_sec)
		return -1;
	return (now.tv_sec - st->st_ctim.tv_sec) * 1000000000 + now.tv_nsec - st->st_ctim.tv_nsec;
}

/*
 * A file that is written to within one tick of its file system's clock keeps its times, so times that are too fresh
 * tell nothing. Whole seconds: a file system that keeps two of them.
 */
static bool too_fresh(const struct stat *st)
{
	bool coarse = st->st_ctim.tv_nsec == 0 && st->st_mtim.tv_nsec == 0;

	return files_age_ns(st) < (coarse ? 2000000000 : 100000000);
}

void files_fill_print(struct stat_print *print, const struct stat *st)
{
	print->device = st->st_dev;
	print->inode = print->partial || too_fresh(st) ? 0 : st->st_ino;
	print->ctime = st->st_ctim.tv_sec;
	print->ctime_ns = (uint32_t)st->st_ctim.tv_nsec;
}

/* ---- folders of the walk ---- */

static void push(struct files *f, int fd, const struct stat *st)
{
	if (f->depth == f->folders_size) {
		f->folders_size = f->folders_size == 0 ? 32 : 2 * f->folders_size;
		f->folders = xrealloc(f->folders, f->folders_size, sizeof *f->folders);
	}
	/* Never the root's: it is opened by no path. */
	if (f->depth > FOLDERS_OPEN_MAX)
		close_fd(&f->folders[f->depth - FOLDERS_OPEN_MAX].fd);
	f->folders[f->depth++] = (struct folder){
		.fd = fd,
		.device = st->st_dev,
		.inode = st->st_ino,
		.path_len = f->path_len,
	};
}

static void pop(struct files *f)
{
	struct folder *top = &f->folders[--f->depth];

	folder_names_release(&top->names);
	if (top->fd != f->root)
		close_fd(&top->fd);
}

/* The folder's descriptor, opened again if need be; -1 with errno. */
static int folder_fd(struct files *f, struct folder *folder)
{
	if (folder->fd >= 0)
		return folder->fd;

	_fd_ int fd = files_open_noatime(f->root, f->path, folder->path_len, O_RDONLY | O_DIRECTORY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0)
		return -1;
	if (st.st_dev != folder->device || st.st_ino != folder->inode) {
		errno = ESTALE;
		return -1;
	}
	folder->fd = fd;
	fd = -1;
	return folder->fd;
}

static size_t names_limit(const struct files *f)
{
	size_t used = 0;

	for (size_t i = 0; i + 1 < f->depth; i++)
		used += folder_names_memory(&f->folders[i].names);

	size_t half = used < NAMES_MEMORY_MAX ? (NAMES_MEMORY_MAX - used) / 2 : 0;
	return half > NAMES_MEMORY_MIN ? half : NAMES_MEMORY_MIN;
}

/* The next name in the folder where the walk is; NULL when there is none. */
static const char *next_name(struct files *f)
{
	struct folder *top = &f->folders[f->depth - 1];
	int fd = folder_fd(f, top), error = 0;

	if (fd < 0) {
		files_complain(
			f, f->path, top->path_len,
			"this folder was moved or removed while it was read: part of what is in it was not taken");
		return NULL;
	}

	/*
	 * The limit counts only when names are loaded; adding up the levels for each name would make deep trees slow.
	 */
	bool loads = top->names.next == top->names.count;
	const char *name = folder_names_next(&top->names, fd, loads ? names_limit(f) : 0, &error);
	if (error == ENOENT)
		files_complain(f, f->path, top->path_len, "this folder vanished while it was being read");
	else if (error != 0)
		files_complain(f, f->path, top->path_len,
			       "this folder cannot be read: %s; what is in it was not taken, or only in part",
			       strerror(error));
	return name;
}

/* ---- entries ---- */

struct xattr_trouble {
	struct files *files;
	const struct entry *entry;
	bool any;
};

static void xattr_unread(void *context, const char *name, int error)
{
	struct xattr_trouble *t = context;

	t->any = true;
	files_complain(t->files, t->entry->path, t->entry->path_len, "its extended attribute%s%s%s left out: %s",
		       name == NULL ? "s" : " '", name == NULL ? "" : name, name == NULL ? "" : "'",
		       error == E2BIG ? "they are larger than 256 KiB" : strerror(error));
}

static const char *set_owner(struct files *f, enum owner_kind kind, uint32_t id, uint32_t *len)
{
	const char *name = owners_name(f->owners, kind, id);

	*len = (uint32_t)strlen(name);
	return name;
}

static void begin_entry(struct files *f, enum entry_type type, const struct stat *st)
{
	struct entry *e = &f->entry;

	*e = (struct entry){ .path = f->path, .path_len = f->path_len, .type = type };
	files_fill_entry(e, st);
	e->user = set_owner(f, OWNER_USER, e->uid, &e->user_len);
	e->group = set_owner(f, OWNER_GROUP, e->gid, &e->group_len);
}

/* False: not all of them could be read. */
static bool read_xattrs(struct files *f, struct xattr_place place)
{
	struct xattr_trouble trouble = { f, &f->entry, false };

	xattrs_read(f->xattrs, place, &f->entry, xattr_unread, &trouble);
	return !trouble.any;
}

/* A folder that the walk goes into: its entry comes from the open folder itself. */
static void enter(struct files *f, int fd, const struct stat *st)
{
	begin_entry(f, ENTRY_FOLDER, st);
	(void)read_xattrs(f, (struct xattr_place){ .fd = fd });
	push(f, fd, st);
}

static bool is_apart(const struct files *f, const struct stat *st)
{
	for (size_t i = 0; i < f->apart_count; i++) {
		if (f->apart[i].device == st->st_dev && f->apart[i].inode == st->st_ino)
			return true;
	}
	return false;
}

static bool take_folder(struct files *f, int parent, const char *name, struct stat *st)
{
	if (st->st_dev != f->device && !f->cross_file_systems) {
		log_detail("'%.*s' is another file system: what is in it is not taken (cross_file_systems takes it)",
			   (int)f->path_len, f->path);
	} else if (is_apart(f, st)) {
		log_detail("'%.*s' is Nightfold's own: what is in it is not taken", (int)f->path_len, f->path);
	} else if (f->depth >= ENTRY_DEPTH_MAX) {
		files_complain(f, f->path, f->path_len,
			       "folders are nested more than %u deep: what is in it was not taken", ENTRY_DEPTH_MAX);
	} else {
		int fd = files_open_noatime(parent, name, strlen(name), O_RDONLY | O_DIRECTORY);

		if (fd >= 0 && fstat(fd, st) == 0 && (st->st_dev == f->device || f->cross_file_systems)) {
			enter(f, fd, st);
			return true;
		}
		int error = fd >= 0 ? ESTALE : errno;
		close_fd(&fd);
		if (error == ENOENT || error == ENOTDIR || error == ELOOP || error == ESTALE) {
			files_complain(f, f->path, f->path_len, "this folder vanished while it was being read");
			return false;
		}
		files_complain(f, f->path, f->path_len, "this folder cannot be opened: %s; what is in it was not taken",
			       strerror(error));
	}
	begin_entry(f, ENTRY_FOLDER, st);
	(void)read_xattrs(f, (struct xattr_place){ parent, name });
	return true;
}

static bool entry_type_of(mode_t mode, enum entry_type *type)
{
	static const struct {
		mode_t format;
		enum entry_type type;
	} types[] = {
		{ S_IFREG, ENTRY_FILE },    { S_IFLNK, ENTRY_SYMLINK }, { S_IFIFO, ENTRY_FIFO },
		{ S_IFSOCK, ENTRY_SOCKET }, { S_IFCHR, ENTRY_CHAR },    { S_IFBLK, ENTRY_BLOCK },
	};

	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
		if ((mode & S_IFMT) == types[i].format) {
			*type = types[i].type;
			return true;
		}
	}
	return false;
}

/*
 * A number that is free is given to the next file at once: its type and, where that is known, its birth tell them
 * apart.
 */
static uint64_t generation(int parent, const char *name, const struct stat *st)
{
	struct statx more;
	uint64_t born = 0;

	if (statx(parent, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_BTIME, &more) == 0 &&
	    (more.stx_mask & STATX_BTIME) != 0 && more.stx_ino == st->st_ino)
		born = (uint64_t)more.stx_btime.tv_sec * 1000000000u + more.stx_btime.tv_nsec;
	return born ^ (uint64_t)(st->st_mode & S_IFMT) << 48;
}

/* Whether this is a further name of a file that came before; then link is set. */
static bool is_further_name(struct files *f, int parent, const char *name, const struct stat *st)
{
	bool full = false;

	if (st->st_nlink < 2)
		return false;
	f->entry.link = links_seen(f->links, st->st_dev, st->st_ino, generation(parent, name, st), st->st_nlink,
				   f->path, f->path_len, &f->entry.link_len, &full);
	if (full)
		files_complain(f, f->path, f->path_len,
			       "too many files have names that were not seen yet: taken as a file of its own, no "
			       "longer a hard link");
	return f->entry.link != NULL;
}

static bool take_target(struct files *f, int parent, const char *name)
{
	ssize_t len = readlinkat(parent, name, f->target, TARGET_SIZE);

	if (len <= 0 || len == TARGET_SIZE) {
		files_complain(f, f->path, f->path_len, "this link cannot be read: %s",
			       strerror(len < 0 ? errno : ENAMETOOLONG));
		return false;
	}
	f->entry.target = f->target;
	f->entry.target_len = (uint32_t)len;
	return true;
}

static bool take_other(struct files *f, int parent, const char *name, const struct stat *st)
{
	enum entry_type type;

	if (!entry_type_of(st->st_mode, &type)) {
		files_complain(f, f->path, f->path_len, "of a type (%o) that is not known here",
			       (unsigned)(st->st_mode & S_IFMT));
		return false;
	}
	if (type == ENTRY_FILE && (uint64_t)st->st_size > ENTRY_SIZE_MAX) {
		files_complain(f, f->path, f->path_len, "larger than 4 EiB");
		return false;
	}
	begin_entry(f, type, st);
	if (is_further_name(f, parent, name, st))
		return true;
	if (type == ENTRY_SYMLINK && !take_target(f, parent, name)) {
		links_forget(f->links, f->path, f->path_len);
		return false;
	}
	if (type == ENTRY_CHAR || type == ENTRY_BLOCK) {
		f->entry.major = major(st->st_rdev);
		f->entry.minor = minor(st->st_rdev);
	}
	if (type != ENTRY_FILE)
		(void)read_xattrs(f, (struct xattr_place){ parent, name });
	return true;
}

/* Appends the name to the folder's path; false, with a complaint, where the result is over a limit. */
static bool set_path(struct files *f, const struct folder *folder, const char *name)
{
	size_t len = strlen(name), start = folder->path_len == 0 ? 0 : folder->path_len + 1;

	if (len > ENTRY_NAME_MAX || start + len > ENTRY_PATH_MAX) {
		files_complain(f, f->path, folder->path_len,
			       "something in it has a name or path that is too long: it was not taken");
		return false;
	}
	if (start > 0)
		f->path[start - 1] = '/';
	memcpy(f->path + start, name, len + 1);
	f->path_len = (uint32_t)(start + len);
	return true;
}

/* Makes f->entry of the name in the folder where the walk is; false: nothing to take. */
static bool take(struct files *f, const char *name, struct stat_print *print)
{
	int parent = f->folders[f->depth - 1].fd;
	struct stat st;

	if (!set_path(f, &f->folders[f->depth - 1], name))
		return false;
	if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0) {
		int error = errno;

		if (exclude_matches(f->exclude, f->path, name, false))
			return false;
		if (error == ENOENT)
			files_complain(f, f->path, f->path_len, "vanished while its folder was being read");
		else
			files_complain(f, f->path, f->path_len, "cannot be read: %s", strerror(error));
		return false;
	}
	if (exclude_matches(f->exclude, f->path, name, S_ISDIR(st.st_mode)))
		return false;
	if (S_ISREG(st.st_mode) && is_apart(f, &st)) {
		log_detail("'%.*s' is Nightfold's own: it is not taken", (int)f->path_len, f->path);
		return false;
	}
	if (!(S_ISDIR(st.st_mode) ? take_folder(f, parent, name, &st) : take_other(f, parent, name, &st)))
		return false;
	*print = (struct stat_print){ 0 };
	files_fill_print(print, &st);
	print->several = S_ISREG(st.st_mode) && st.st_nlink > 1 && f->entry.link == NULL;
	f->listed_device = st.st_dev;
	f->listed_inode = st.st_ino;
	return true;
}

static int files_next(struct source *s, const struct entry **entry, struct stat_print *print)
{
	struct files *f = (struct files *)s;
	const char *name;

	*entry = NULL;
	if (!f->started) {
		struct stat st;

		f->started = true;
		if (fstat(f->root, &st) != 0)
			return failed_errno(ERR_SYSTEM, "cannot read the source folder");
		enter(f, f->root, &st);
		*print = (struct stat_print){ 0 };
		files_fill_print(print, &st);
		*entry = &f->entry;
		return 0;
	}
	while (f->depth > 0) {
		if ((name = next_name(f)) == NULL) {
			pop(f);
		} else if (take(f, name, print)) {
			*entry = &f->entry;
			return 0;
		}
	}
	return 0;
}

static void files_attributes(struct source *s, struct stat_print *print)
{
	struct files *f = (struct files *)s;
	int parent = f->folders[f->depth - 1].fd;
	const char *name;
	size_t len;

	must(f->entry.type == ENTRY_FILE && f->entry.link == NULL);
	(void)beneath_parent(f->path, f->path_len, &name, &len);
	if (!read_xattrs(f, (struct xattr_place){ parent, name })) {
		print->partial = true;
		print->inode = 0;
	}
}

static void files_leave_out(struct source *s, const struct entry *e)
{
	links_forget(((struct files *)s)->links, e->path, e->path_len);
}

/* ---- open and close ---- */

static void files_close(struct source *s)
{
	struct files *f = (struct files *)s;

	files_read_close(f);
	free(f->reading.extents);
	free(f->reading.path);
	while (f->depth > 0)
		pop(f);
	close_fd(&f->root);
	exclude_free(f->exclude);
	free(f->apart);
	xattr_reader_free(f->xattrs);
	owners_free(f->owners);
	links_free(f->links);
	free(f->folders);
	free(f->target);
	free(f->path);
	free(f);
}

static int open_root(const char *path, int *fd)
{
	*fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*fd >= 0)
		return 0;
	if (errno == ENOENT)
		return failed(ERR_MISSING, "source '%s' does not exist: correct 'path', or mount what belongs there",
			      path);
	if (errno == ENOTDIR)
		return failed(
			ERR_USAGE,
			"source '%s' is not a folder: give the folder that it is in, and exclude what else is there",
			path);
	return failed_errno(ERR_SYSTEM, "cannot open source '%s'", path);
}

/* Those that are there. ERR_USAGE when the source itself is one of them. */
static int note_apart(struct files *f, const struct source_options *options, const struct stat *root)
{
	f->apart = xcalloc(options->apart_count + 1, sizeof *f->apart);
	for (size_t i = 0; i < options->apart_count; i++) {
		struct stat st;

		if (stat(options->apart[i], &st) != 0)
			continue;
		f->apart[f->apart_count].device = st.st_dev;
		f->apart[f->apart_count++].inode = st.st_ino;
	}
	if (is_apart(f, root))
		return failed(ERR_USAGE,
			      "source '%s' is a zone or the agent's own state folder: name the folder of the data",
			      options->path);
	return 0;
}

static int files_open(const struct source_options *options, source_complaint complain, void *context,
		      struct source **out)
{
	struct exclude *exclude = NULL;
	struct stat st;
	_fd_ int root = -1;
	int code;

	if (options->path == NULL || options->path[0] == '\0')
		return failed(ERR_USAGE, "a source of type files needs a path");
	if ((code = open_root(options->path, &root)) != 0)
		return code;
	if (fstat(root, &st) != 0)
		return failed_errno(ERR_SYSTEM, "cannot read source '%s'", options->path);
	if (access("/proc/self/fd", X_OK) != 0)
		return failed_errno(ERR_SYSTEM, "/proc is needed to read extended attributes, and not mounted here");
	if ((code = exclude_new(options->exclude, options->exclude_count, &exclude)) != 0)
		return code;

	struct files *f = xcalloc(1, sizeof *f);

	f->complain = complain;
	f->context = context;
	f->exclude = exclude;
	f->cross_file_systems = options->cross_file_systems;
	f->device = st.st_dev;
	f->root = root;
	root = -1;
	f->path = xcalloc(1, ENTRY_PATH_MAX + ENTRY_NAME_MAX + 2);
	f->target = xmalloc(TARGET_SIZE);
	f->xattrs = xattr_reader_new();
	f->owners = owners_new();
	f->links = links_new(LINKS_MEMORY_MAX);
	f->reading.fd = -1;
	f->reading.path = xmalloc(ENTRY_PATH_MAX);
	code = note_apart(f, options, &st);
	if (code != 0) {
		files_close(&f->source);
		return code;
	}
	*out = &f->source;
	return 0;
}

const struct source_driver source_files_driver = {
	.type = "files",
	.open = files_open,
	.close = files_close,
	.next = files_next,
	.attributes = files_attributes,
	.leave_out = files_leave_out,
	.read_begin = files_read_begin,
	.read = files_read,
	.read_end = files_read_end,
};
