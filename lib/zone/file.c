/* The driver of file:///path, the embedded default: a folder on this machine, or one that is mounted here. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/io.h"
#include "base/log.h"
#include "crypto/secret.h"
#include "format/names.h"
#include "zone/direct.h"
#include "zone/driver.h"
#include "zone/reserve.h"

#define SCHEME           "file"
#define TEMPORARY_PREFIX ".tmp-"
#define TEMPORARY_RANDOM 8 /* bytes */
#define TEMPORARY_SIZE   (sizeof TEMPORARY_PREFIX + 2 * (size_t)TEMPORARY_RANDOM)
#define TEMPORARY_AGE    86400 /* seconds: older ones are nobody's any more */

struct file_zone {
	struct zone zone;
	int root;
};

static struct file_zone *file_zone(struct zone *z)
{
	return (struct file_zone *)z;
}

/* ---- errors ---- */

static int code_of(int reason)
{
	switch (reason) {
	case EACCES:
	case EPERM:
	case EROFS:
	case ESTALE:
	case ENODEV:
	case ENXIO:
	case ENOTCONN: /* a FUSE server that died */
	case ETIMEDOUT:
	case EHOSTDOWN:
		return ERR_UNAVAILABLE;
	default:
		return ERR_SYSTEM;
	}
}

/* "zone ams-1: cannot <verb> '<name>': <errno>" */
static int refused(const struct zone *z, const char *verb, const char *name)
{
	return failed_errno(code_of(errno), "zone %s: cannot %s '%s'", z->name, verb, name);
}

/* ERR_UNAVAILABLE when the root was removed beneath us: an empty zone must not be made of that. */
static int root_is_there(const struct zone *z, int root)
{
	struct stat st;

	if (fstat(root, &st) < 0 || st.st_nlink == 0)
		return failed(ERR_UNAVAILABLE, "zone %s: its folder is gone", z->name);
	return 0;
}

static int absent(const struct zone *z, int root, const char *name)
{
	int code = root_is_there(z, root);

	return code ? code : failed(ERR_MISSING, "zone %s: there is no '%s'", z->name, name);
}

/* ---- URLs ---- */

/* The path in a checked or unchecked URL, without slashes at its end, into `path` (ZONE_URL_MAX bytes). */
static int decode_url(const char *url, char *path)
{
	const char *from = url + strlen(SCHEME "://");
	size_t len = 0;

	if (*from != '/')
		return failed(ERR_USAGE,
			      "'%s': a file URL has three slashes and an absolute path, as in file:///srv/az1", url);
	for (; *from; from++) {
		uint8_t byte = (uint8_t)*from;

		if (byte == '?' || byte == '#')
			return failed(ERR_USAGE, "'%s': write %%%02X for '%c' in a file URL", url, byte, byte);
		if (byte == '%') {
			char digits[2] = { from[1], from[1] ? from[2] : '\0' };

			for (size_t i = 0; i < 2; i++) /* RFC 3986 allows capitals */
				if (digits[i] >= 'A' && digits[i] <= 'F')
					digits[i] = (char)(digits[i] - 'A' + 'a');
			if (hex_decode(digits, 2, &byte, 1) || byte == '\0')
				return failed(ERR_USAGE,
					      "'%s': behind '%%' two hexadecimal digits other than 00 are expected",
					      url);
			from += 2;
		}
		if (byte != '/' || len == 0 || path[len - 1] != '/')
			path[len++] = (char)byte;
	}
	if (len > 1 && path[len - 1] == '/')
		len--;
	path[len] = '\0';
	return 0;
}

static int file_check_url(const char *url)
{
	char path[ZONE_URL_MAX];

	return decode_url(url, path);
}

/* ---- opening ---- */

static int file_open(const struct zone_place *place, bool writing, struct zone **out)
{
	char path[ZONE_URL_MAX];
	struct statvfs fs;
	int code = decode_url(place->url, path);

	if (code)
		return code;
	_fd_ int root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return failed_errno(ERR_UNAVAILABLE, "zone %s: cannot open its folder '%s' (is it made and mounted?)",
				    place->name, path);
	if (writing && fstatvfs(root, &fs) == 0 && (fs.f_flag & ST_RDONLY))
		return failed(ERR_UNAVAILABLE, "zone %s: '%s' is mounted read-only", place->name, path);

	struct file_zone *z = xcalloc(1, sizeof *z);
	z->root = root;
	root = -1;
	*out = &z->zone;
	return 0;
}

static void file_close(struct zone *z)
{
	close_fd(&file_zone(z)->root);
	free(z);
}

/* Whether the folder `fd` is the one of `outer`, or lies somewhere beneath it. */
static bool lies_in(int fd, const struct stat *outer)
{
	_fd_ int at = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	struct stat st, up;

	while (at >= 0 && fstat(at, &st) == 0) {
		if (st.st_dev == outer->st_dev && st.st_ino == outer->st_ino)
			return true;
		int parent = openat(at, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		close_fd(&at);
		at = parent;
		if (at < 0 || fstat(at, &up) < 0 || (up.st_dev == st.st_dev && up.st_ino == st.st_ino))
			return false;
	}
	return false;
}

/* The same by text alone, for folders that are not there now. */
static bool path_lies_in(const char *path, const char *outer)
{
	size_t len = strlen(outer);

	return strncmp(path, outer, len) == 0 && (path[len] == '\0' || path[len] == '/' || outer[len - 1] == '/');
}

static char *file_folder(const char *url)
{
	char path[ZONE_URL_MAX];

	return decode_url(url, path) == 0 ? xstrdup(path) : NULL;
}

static int file_same_place(const char *url_a, const char *url_b, bool *same, bool *same_device)
{
	char path_a[ZONE_URL_MAX], path_b[ZONE_URL_MAX];
	struct stat a, b;
	int code = decode_url(url_a, path_a);

	if (code == 0)
		code = decode_url(url_b, path_b);
	if (code)
		return code;
	_fd_ int fd_a = open(path_a, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_fd_ int fd_b = open(path_b, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd_a < 0 || fd_b < 0 || fstat(fd_a, &a) < 0 || fstat(fd_b, &b) < 0) {
		*same = path_lies_in(path_a, path_b) || path_lies_in(path_b, path_a);
		*same_device = *same;
		return 0;
	}
	*same = lies_in(fd_a, &b) || lies_in(fd_b, &a);
	*same_device = a.st_dev == b.st_dev;
	return 0;
}

/* ---- folders ---- */

/* Opens the folder `name` in `at`, never through a link. With `make` it is made, durably, where it is absent. */
static int open_step(struct file_zone *z, int at, const char *name, bool make, int *out)
{
	int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

	*out = openat(at, name, flags);
	if (*out < 0 && errno == ENOENT && make) {
		if (mkdirat(at, name, 0755) < 0 && errno != EEXIST)
			return errno == ENOENT ? absent(&z->zone, z->root, name)
					       : refused(&z->zone, "make folder", name);
		if (fsync(at) < 0)
			return refused(&z->zone, "sync the folder of", name);
		*out = openat(at, name, flags);
	}
	if (*out >= 0)
		return 0;
	if (errno == ENOENT)
		return absent(&z->zone, z->root, name);
	if ((errno == ENOTDIR || errno == ELOOP) && !make) {
		log_warning("zone %s: '%s' is a link or a file where a folder of objects is expected: ignored",
			    z->zone.name, name);
		return failed(ERR_MISSING, "zone %s: '%s' is no folder", z->zone.name, name);
	}
	return refused(&z->zone, "open folder", name);
}

/* Opens the folder that the first `len` bytes of `name` spell. */
static int open_folder(struct file_zone *z, const char *name, size_t len, bool make, int *out)
{
	char component[OBJECT_NAME_MAX];
	_fd_ int at = openat(z->root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (at < 0)
		return errno == ENOENT ? absent(&z->zone, z->root, name)
				       : refused(&z->zone, "open the folder of", name);
	for (size_t from = 0; from < len;) {
		size_t n = strcspn(name + from, "/");
		int next = -1;

		snprintf(component, sizeof component, "%.*s", (int)n, name + from);
		int code = open_step(z, at, component, make, &next);
		close_fd(&at);
		if (code)
			return code;
		at = next;
		from += n + 1;
	}
	*out = at;
	at = -1;
	return 0;
}

/* The folder of an object, and the object's name in it. */
static int open_parent(struct file_zone *z, const char *name, bool make, int *folder, const char **base)
{
	const char *slash = strrchr(name, '/');

	*base = slash ? slash + 1 : name;
	return open_folder(z, name, slash ? (size_t)(slash - name) : 0, make, folder);
}

/* ---- reading ---- */

static int no_object(const struct zone *z, const char *name)
{
	return failed(ERR_MISSING, "zone %s: '%s' is a link, a folder or a device, no object", z->name, name);
}

/* O_NONBLOCK: a FIFO must not hold us up. */
#define OBJECT_FLAGS (O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)

/* The whole way in one system call. -1: not to be had so; why not, the way step by step tells. */
static int open_at_once(struct file_zone *z, const char *name)
{
	static atomic_bool missing; /* asked once: valgrind complains about each call that it does not know */
	struct open_how how = { .flags = OBJECT_FLAGS, .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS };
	int fd = -1;

	if (!atomic_load(&missing)) {
		fd = (int)syscall(SYS_openat2, z->root, name, &how, sizeof how);
		if (fd < 0 && errno == ENOSYS)
			atomic_store(&missing, true);
	}
	return fd;
}

static int open_by_steps(struct file_zone *z, const char *name, int *out)
{
	const char *base;
	_fd_ int folder = -1;
	int code = open_parent(z, name, false, &folder, &base);

	if (code)
		return code;
	*out = openat(folder, base, OBJECT_FLAGS);
	if (*out >= 0)
		return 0;
	if (errno == ENOENT)
		return absent(&z->zone, z->root, name);
	if (errno == ELOOP || errno == ENXIO) /* a link, a socket */
		return no_object(&z->zone, name);
	return refused(&z->zone, "open", name);
}

static int open_object(struct file_zone *z, const char *name, int *out, uint64_t *size)
{
	_fd_ int fd = open_at_once(z, name);
	struct stat st;
	int code = fd < 0 ? open_by_steps(z, name, &fd) : 0;

	if (code)
		return code;
	if (fstat(fd, &st) < 0)
		return refused(&z->zone, "open", name);
	if (!S_ISREG(st.st_mode))
		return no_object(&z->zone, name);
	*size = (uint64_t)st.st_size;
	*out = fd;
	fd = -1;
	return 0;
}

static int read_exactly(const struct zone *z, int fd, const char *name, uint64_t offset, size_t len, void *out)
{
	size_t got;
	int code = io_pread(fd, out, len, offset, &got, name);

	if (code)
		return failed_in(code, "zone %s", z->name);
	if (got < len)
		return failed(ERR_FORMAT, "zone %s: '%s' ends early", z->name, name);
	return 0;
}

static int file_get(struct zone *z, const char *name, struct buf *out)
{
	_fd_ int fd = -1;
	uint64_t size;
	uint8_t *at;
	int code = open_object(file_zone(z), name, &fd, &size);

	if (code)
		return code;
	if (size > out->max - out->len)
		return failed(ERR_FORMAT, "zone %s: '%s' is larger than %zu bytes, the limit for %s", z->name, name,
			      out->max - out->len, out->what);
	code = buf_reserve(out, (size_t)size, &at);
	if (code == 0)
		code = read_exactly(z, fd, name, 0, (size_t)size, at);
	if (code == 0)
		out->len += (size_t)size;
	return code;
}

static int file_get_range(struct zone *z, const char *name, uint64_t offset, size_t len, void *out)
{
	_fd_ int fd = -1;
	uint64_t size;
	int code = open_object(file_zone(z), name, &fd, &size);

	if (code)
		return code;
	if (offset > size || len > size - offset)
		return failed(ERR_FORMAT, "zone %s: '%s' ends early: it has %llu bytes", z->name, name,
			      (unsigned long long)size);
	return read_exactly(z, fd, name, offset, len, out);
}

static int file_head(struct zone *z, const char *name, uint64_t *size)
{
	const char *base;
	struct stat st;
	_fd_ int folder = -1;
	int code = open_parent(file_zone(z), name, false, &folder, &base);

	if (code)
		return code;
	if (fstatat(folder, base, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? absent(z, file_zone(z)->root, name) : refused(z, "look at", name);
	if (!S_ISREG(st.st_mode))
		return no_object(z, name);
	*size = (uint64_t)st.st_size;
	return 0;
}

static int file_clock(struct zone *z, int64_t *now, bool *independent)
{
	/* A folder has no clock of its own: it is this host's, unless a test says otherwise. */
	*now = clock_now_zone(z->name);
	*independent = clock_is_test();
	return 0;
}

static int file_space(struct zone *z, uint64_t *free_bytes)
{
	struct statvfs fs;

	if (fstatvfs(file_zone(z)->root, &fs) < 0)
		return refused(z, "ask for the free space of", ".");
	*free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
	return 0;
}

/* ---- walking: listing and sweeping ---- */

struct walk {
	struct file_zone *zone;
	bool temporary; /* visit what interrupted puts left; otherwise objects */
	bool folders;   /* visit folders, and go into none */
	int (*visit)(struct walk *w, int folder, const char *base, const struct stat *st);
	zone_list_call call;
	void *context;
	int64_t before; /* sweep: files last written earlier go */
	unsigned count;
	char name[OBJECT_NAME_MAX]; /* of the folder, with '/' behind it; or of the object being visited */
	size_t len;
};

struct names {
	char **items;
	size_t count, cap;
};

static void names_release(struct names *n)
{
	for (size_t i = 0; i < n->count; i++)
		free(n->items[i]);
	free(n->items);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_temporary(const char *base)
{
	return strncmp(base, TEMPORARY_PREFIX, strlen(TEMPORARY_PREFIX)) == 0;
}

/* Whether the walk has no use for it, as far as can be told without a look at it. */
static bool is_passed_over(const struct walk *w, const struct dirent *d)
{
	bool object = d->d_type == DT_REG && !is_temporary(d->d_name);

	return object && (w->temporary || w->folders);
}

/* All names of a folder that concern the walk, sorted: this one folder is what a walk keeps in memory. */
static int read_names(struct walk *w, DIR *dir, struct names *out)
{
	for (;;) {
		errno = 0;
		const struct dirent *d = readdir(dir);
		if (!d && errno != 0)
			return refused(&w->zone->zone, "list folder", w->name);
		if (!d)
			break;
		size_t len = strlen(d->d_name);
		bool fits = w->len + len + 1 < sizeof w->name && zone_component_ok(d->d_name, len);
		if (is_passed_over(w, d))
			continue;
		if (!fits && !(w->temporary && is_temporary(d->d_name))) {
			if (d->d_name[0] != '.')
				log_detail("zone %s: '%s%s' is no object: ignored", w->zone->zone.name, w->name,
					   d->d_name);
			continue;
		}
		if (out->count == out->cap) {
			out->cap = out->cap ? 2 * out->cap : 64;
			out->items = xrealloc(out->items, out->cap, sizeof *out->items);
		}
		out->items[out->count++] = xstrdup(d->d_name);
	}
	if (out->count > 1)
		qsort(out->items, out->count, sizeof *out->items, compare_names);
	return 0;
}

static int walk_folder(struct walk *w, int fd);

static int walk_entry(struct walk *w, int folder, const char *base)
{
	struct stat st;

	if (fstatat(folder, base, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : refused(&w->zone->zone, "look at", base); /* ENOENT: deleted meanwhile */
	if (S_ISREG(st.st_mode))
		return is_temporary(base) == w->temporary && !w->folders ? w->visit(w, folder, base, &st) : 0;
	if (!S_ISDIR(st.st_mode)) {
		log_warning("zone %s: '%s%s' is a link or a device: ignored", w->zone->zone.name, w->name, base);
		return 0;
	}
	if (is_temporary(base))
		return 0;
	if (w->folders)
		return w->visit(w, folder, base, &st);

	size_t len = w->len;
	int fd, code = open_step(w->zone, folder, base, false, &fd);
	if (code)
		return code == ERR_MISSING ? 0 : code;
	w->len += (size_t)snprintf(w->name + len, sizeof w->name - len, "%s/", base);
	code = walk_folder(w, fd);
	w->len = len;
	w->name[len] = '\0';
	return code;
}

/* Takes `fd` over. */
static int walk_folder(struct walk *w, int fd)
{
	struct names names = { 0 };
	DIR *dir = fdopendir(fd);

	if (!dir) {
		int code = refused(&w->zone->zone, "list folder", w->name);
		close(fd);
		return code;
	}
	int code = read_names(w, dir, &names);
	for (size_t i = 0; i < names.count && code == 0; i++)
		code = walk_entry(w, dirfd(dir), names.items[i]);
	names_release(&names);
	closedir(dir);
	return code;
}

static int walk_prefix(struct walk *w, const char *prefix)
{
	size_t len = strlen(prefix);
	int fd, code = open_folder(w->zone, prefix, len ? len - 1 : 0, false, &fd);

	if (code)
		return code == ERR_MISSING ? 0 : code;
	memcpy(w->name, prefix, len + 1);
	w->len = len;
	code = walk_folder(w, fd);
	return code ? code : root_is_there(&w->zone->zone, w->zone->root);
}

static int visit_listed(struct walk *w, int folder, const char *base, const struct stat *st)
{
	(void)folder;
	snprintf(w->name + w->len, sizeof w->name - w->len, "%s", base);
	int code = w->call(w->context, w->name, S_ISDIR(st->st_mode) ? 0 : (uint64_t)st->st_size);
	w->name[w->len] = '\0';
	return code;
}

static int file_list(struct zone *z, const char *prefix, zone_list_call call, void *context)
{
	struct walk w = { .zone = file_zone(z), .visit = visit_listed, .call = call, .context = context };

	return walk_prefix(&w, prefix);
}

static int file_list_folders(struct zone *z, const char *prefix, zone_list_call call, void *context)
{
	struct walk w = {
		.zone = file_zone(z), .folders = true, .visit = visit_listed, .call = call, .context = context
	};

	return walk_prefix(&w, prefix);
}

static int visit_swept(struct walk *w, int folder, const char *base, const struct stat *st)
{
	if (st->st_mtim.tv_sec >= w->before)
		return 0;
	if (unlinkat(folder, base, 0) < 0 && errno != ENOENT)
		return refused(&w->zone->zone, "delete", base);
	w->count++;
	return 0;
}

static int file_sweep(struct zone *z, const char *prefix, bool all, unsigned *count)
{
	struct walk w = { .zone = file_zone(z), .visit = visit_swept, .temporary = true };

	w.before = all ? INT64_MAX : clock_now() - TEMPORARY_AGE;
	int code = walk_prefix(&w, prefix);
	*count = w.count;
	return code;
}

/* ---- writing ---- */

static int write_temporary(struct zone *z, int folder, const char *name, const void *data, size_t len, char *temporary)
{
	uint8_t random[TEMPORARY_RANDOM];
	char digits[2 * TEMPORARY_RANDOM + 1];

	random_bytes(random, sizeof random);
	snprintf(temporary, TEMPORARY_SIZE, TEMPORARY_PREFIX "%s", hex_encode(random, sizeof random, digits));
	_fd_ int fd = openat(folder, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return refused(z, "create", name);
	int code = direct_write(fd, data, len, name);
	if (code)
		code = failed_in(code, "zone %s", z->name);
	else if (fsync(fd) < 0)
		code = refused(z, "sync", name);
	if (code)
		unlinkat(folder, temporary, 0);
	return code;
}

/* Gives the temporary file its name; whoever comes second gets EEXIST. */
static int create_exclusively(int folder, const char *temporary, const char *base)
{
	if (renameat2(folder, temporary, folder, base, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	/* A file system that has no such rename (NFS): a link does not replace either. */
	if (linkat(folder, temporary, folder, base, 0) < 0)
		return -1;
	unlinkat(folder, temporary, 0);
	return 0;
}

static int exists(struct zone *z, int folder, const char *name)
{
	/* Whoever put it may have been killed before its name was durable, and it counts from now on. */
	if (fsync(folder) < 0)
		return refused(z, "sync the folder of", name);
	return failed(ERR_EXISTS, "zone %s: '%s' is there already", z->name, name);
}

static int file_put(struct zone *z, const char *name, const void *data, size_t len, bool replace)
{
	char temporary[TEMPORARY_SIZE];
	const char *base;
	struct stat st;
	_fd_ int folder = -1;
	int code = open_parent(file_zone(z), name, true, &folder, &base);

	if (code)
		return code;
	if (!replace && fstatat(folder, base, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return exists(z, folder, name);
	code = write_temporary(z, folder, name, data, len, temporary);
	if (code)
		return code;
	int done = replace ? renameat(folder, temporary, folder, base) : create_exclusively(folder, temporary, base);
	if (done < 0) {
		code = errno == EEXIST ? exists(z, folder, name) : refused(z, "name", name);
		unlinkat(folder, temporary, 0);
		return code;
	}
	if (fsync(folder) < 0)
		return refused(z, "sync the folder of", name);
	return 0;
}

static int file_remove(struct zone *z, const char *name)
{
	const char *base;
	_fd_ int folder = -1;
	int code = open_parent(file_zone(z), name, false, &folder, &base);

	if (code)
		return code;
	if (unlinkat(folder, base, 0) < 0) {
		if (errno == EISDIR)
			return no_object(z, name);
		return errno == ENOENT ? absent(z, file_zone(z)->root, name) : refused(z, "delete", name);
	}
	if (fsync(folder) < 0)
		return refused(z, "sync the folder of", name);
	return 0;
}

static size_t folder_len(const char *name)
{
	const char *slash = strrchr(name, '/');

	return slash ? (size_t)(slash - name) : 0;
}

/* How many of the names lie in the folder of the first, one behind the other. */
static size_t in_one_folder(const char (*names)[OBJECT_NAME_MAX], size_t count)
{
	size_t len = folder_len(names[0]), same = 1;

	while (same < count && folder_len(names[same]) == len && memcmp(names[same], names[0], len) == 0)
		same++;
	return same;
}

static int remove_in_folder(struct file_zone *z, int folder, const char (*names)[OBJECT_NAME_MAX], size_t count)
{
	size_t len = folder_len(names[0]);

	for (size_t i = 0; i < count; i++) {
		const char *base = names[i] + (len ? len + 1 : 0);

		if (unlinkat(folder, base, 0) < 0 && errno != ENOENT && errno != EISDIR)
			return refused(&z->zone, "delete", names[i]);
	}
	return 0;
}

/* Everything is removed before anything is synced: a journal takes it all in with the first sync. */
static int file_remove_many(struct zone *z, const char (*names)[OBJECT_NAME_MAX], size_t count, bool durable)
{
	for (unsigned pass = 0; pass < (durable ? 2 : 1); pass++) {
		for (size_t at = 0, run; at < count; at += run) {
			_fd_ int folder = -1;
			int code = open_folder(file_zone(z), names[at], folder_len(names[at]), false, &folder);

			run = in_one_folder(names + at, count - at);
			if (code == 0 && pass == 0)
				code = remove_in_folder(file_zone(z), folder, names + at, run);
			else if (code == 0 && fsync(folder) < 0)
				code = refused(z, "sync the folder of", names[at]);
			if (code != 0 && code != ERR_MISSING)
				return code;
		}
	}
	return root_is_there(z, file_zone(z)->root);
}

static void file_keep_reserve(struct zone *z)
{
	reserve_keep(file_zone(z)->root);
}

static bool file_give_reserve(struct zone *z)
{
	return reserve_give(file_zone(z)->root);
}

const struct zone_driver zone_file_driver = {
	.scheme = SCHEME,
	.check_url = file_check_url,
	.open = file_open,
	.close = file_close,
	.same_place = file_same_place,
	.folder = file_folder,
	.get = file_get,
	.get_range = file_get_range,
	.head = file_head,
	.list = file_list,
	.list_folders = file_list_folders,
	.clock = file_clock,
	.space = file_space,
	.put = file_put,
	.remove = file_remove,
	.remove_many = file_remove_many,
	.sweep = file_sweep,
	.keep_reserve = file_keep_reserve,
	.give_reserve = file_give_reserve,
};
