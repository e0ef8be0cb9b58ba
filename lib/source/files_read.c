#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/io.h"
#include "base/log.h"
#include "source/beneath.h"
#include "source/files.h"

/* Larger files are announced to the kernel's read-ahead. */
#define SEQUENTIAL_MIN (256u << 10)

/* A lease (Samba's oplocks) is broken by opening the file; its holder gets this long to give way. */
#define LEASE_TRIES   40
#define LEASE_WAIT_NS 50000000

/* One tick of the coarsest clock that stamps files (HZ=100). */
#define TICK_NS 10000000

void files_read_close(struct files *f)
{
	close_fd(&f->reading.fd);
}

/* ---- sparse files ---- */

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/*
 * Joins extents over their smallest gaps until at most ENTRY_EXTENTS_MAX are left: those gaps are then read, as zeros.
 */
static uint32_t merge_extents(struct extent *x, uint32_t count)
{
	if (count <= ENTRY_EXTENTS_MAX)
		return count;

	_free_ uint64_t *gaps = xcalloc(count - 1, sizeof *gaps);
	for (uint32_t i = 0; i + 1 < count; i++)
		gaps[i] = x[i + 1].offset - (x[i].offset + x[i].length);
	qsort(gaps, count - 1, sizeof *gaps, by_value);

	uint64_t largest = gaps[count - ENTRY_EXTENTS_MAX - 1];
	uint32_t last = 0;
	for (uint32_t i = 1; i < count; i++) {
		if (x[i].offset - (x[last].offset + x[last].length) <= largest)
			x[last].length = x[i].offset + x[i].length - x[last].offset;
		else
			x[++last] = x[i];
	}
	return last + 1;
}

static void add_extent(struct reading *r, off_t data, off_t hole)
{
	r->extents[r->count++] = (struct extent){ (uint64_t)data, (uint64_t)(hole - data) };
	if (r->count == 2 * ENTRY_EXTENTS_MAX)
		r->count = merge_extents(r->extents, r->count);
}

/*
 * Whether the file system says where data is. The file may change meanwhile: extents are ascending and within the size
 * seen at first.
 */
static bool find_data(struct reading *r)
{
	off_t size = r->before.st_size, data, hole;

	for (off_t at = 0; at < size; at = hole) {
		if ((data = lseek(r->fd, at, SEEK_DATA)) < 0)
			return errno == ENXIO; /* no data from here on */
		if (data >= size)
			return true;
		hole = lseek(r->fd, data, SEEK_HOLE);
		if (hole <= data || hole > size)
			hole = size;
		add_extent(r, data, hole);
	}
	return true;
}

static void find_extents(struct reading *r)
{
	uint64_t size = (uint64_t)r->before.st_size;

	if (r->extents == NULL)
		r->extents = xcalloc(2 * ENTRY_EXTENTS_MAX, sizeof *r->extents);
	r->count = 0;
	/* Blocks that are missing hint at holes (or at a file system that compresses). */
	if ((uint64_t)r->before.st_blocks * 512 < size && find_data(r)) {
		r->count = merge_extents(r->extents, r->count);
		r->sparse = r->count != 1 || r->extents[0].length < size;
		return;
	}
	r->sparse = false;
	r->extents[0] = (struct extent){ 0, size };
	r->count = size > 0;
}

/* ---- begin ---- */

/* In the folder where the walk is, mostly; from the root otherwise. */
static int open_file(struct files *f, const struct entry *e)
{
	static const struct timespec wait = { .tv_nsec = LEASE_WAIT_NS };
	const struct folder *top = f->depth > 0 ? &f->folders[f->depth - 1] : NULL;
	const char *path = e->path, *name;
	size_t len = e->path_len, name_len, parent_len = beneath_parent(e->path, e->path_len, &name, &name_len);
	int folder = f->root, fd;

	if (top != NULL && top->fd >= 0 && top->path_len == parent_len && memcmp(f->path, e->path, parent_len) == 0) {
		folder = top->fd;
		path = name;
		len = name_len;
	}
	/* O_NONBLOCK: what is a FIFO by now must not hold the night up. */
	for (int tries = 0;; tries++) {
		fd = files_open_noatime(folder, path, len, O_RDONLY | O_NONBLOCK | O_NOCTTY);
		if (fd >= 0 || errno != EWOULDBLOCK || tries == LEASE_TRIES)
			return fd;
		nanosleep(&wait, NULL);
	}
}

/* Its other names are to stand for themselves. */
static int leave_out(struct files *f, const char *reason)
{
	const struct reading *r = &f->reading;
	char shown[256];

	links_forget(f->links, r->path, r->path_len);
	files_complain(f, r->path, r->path_len, "%s", reason);
	files_read_close(f);
	return failed(ERR_MISSING, "'%s' %s", log_printable(r->path, r->path_len, shown, sizeof shown), reason);
}

static int leave_out_errno(struct files *f, const char *what)
{
	char reason[160];

	if (errno == ENOENT || errno == ENOTDIR || errno == ESTALE)
		return leave_out(f, "vanished before it could be read");
	if (errno == ELOOP)
		return leave_out(f, "became a link before it could be read");
	snprintf(reason, sizeof reason, "%s: %s", what, strerror(errno));
	return leave_out(f, reason);
}

/*
 * While a file was written to in this very tick of the clock, a further write would not show in its times. Waiting for
 * the next tick makes every change from now on visible to files_read_end().
 */
static int stat_settled(int fd, struct stat *st)
{
	struct timespec tick = { .tv_nsec = TICK_NS };

	if (fstat(fd, st) != 0)
		return -1;

	int64_t age = files_age_ns(st);
	if (age < 0 || age >= TICK_NS)
		return 0;
	nanosleep(&tick, NULL);
	return fstat(fd, st);
}

/* Where the owner is another one by now: its name, in memory that lasts until the next begin. */
static void refresh_owner(struct files *f, enum owner_kind kind, uint32_t id, char *kept, const char **name,
			  uint32_t *len)
{
	const char *known = owners_name(f->owners, kind, id);

	*len = (uint32_t)strlen(known);
	memcpy(kept, known, *len);
	*name = kept;
}

static void refresh(struct files *f, struct entry *e, struct stat_print *print)
{
	struct reading *r = &f->reading;

	if (e->uid != r->before.st_uid)
		refresh_owner(f, OWNER_USER, r->before.st_uid, r->user, &e->user, &e->user_len);
	if (e->gid != r->before.st_gid)
		refresh_owner(f, OWNER_GROUP, r->before.st_gid, r->group, &e->group, &e->group_len);
	files_fill_entry(e, &r->before);
	/* Listed within a tick of its last change, its attributes may have changed since without another time. */
	if (print->inode == 0 || print->ctime != r->before.st_ctim.tv_sec ||
	    print->ctime_ns != (uint32_t)r->before.st_ctim.tv_nsec)
		print->partial = true;
	files_fill_print(print, &r->before);
	e->sparse = r->sparse;
	e->extents = r->sparse ? r->extents : NULL;
	e->extent_count = r->sparse ? r->count : 0;
}

/* Another file took the place of the one that was listed just now: what is linked to that one is none of its names. */
static void note_replaced(struct files *f)
{
	const struct reading *r = &f->reading;
	bool listed = r->path_len == f->path_len && memcmp(r->path, f->path, f->path_len) == 0;

	if (listed && (r->before.st_ino != f->listed_inode || r->before.st_dev != f->listed_device))
		links_forget(f->links, r->path, r->path_len);
}

int files_read_begin(struct source *s, struct entry *e, struct stat_print *print)
{
	struct files *f = (struct files *)s;
	struct reading *r = &f->reading;

	files_read_close(f);
	must(e->path_len <= ENTRY_PATH_MAX);
	memcpy(r->path, e->path, e->path_len);
	r->path_len = e->path_len;
	r->fd = open_file(f, e);
	if (r->fd < 0 || stat_settled(r->fd, &r->before) != 0)
		return leave_out_errno(f, "cannot be opened");
	if (!S_ISREG(r->before.st_mode))
		return leave_out(f, "is no regular file any more");
	if ((uint64_t)r->before.st_size > ENTRY_SIZE_MAX)
		return leave_out(f, "is larger than 4 EiB");

	note_replaced(f);
	find_extents(r);
	r->at = 0;
	r->extent_done = 0;
	r->ended_early = false;
	/*
	 * No FADV_DONTNEED behind it: what the services of this host read all day would be thrown out of memory every
	 * night. FADV_NOREUSE (from Linux 6.3 on) keeps the backup's own reading from pushing it out.
	 */
	if ((uint64_t)r->before.st_size >= SEQUENTIAL_MIN) {
		(void)posix_fadvise(r->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
		(void)posix_fadvise(r->fd, 0, 0, POSIX_FADV_NOREUSE);
	}
	refresh(f, e, print);
	return 0;
}

/* ---- read and end ---- */

int files_read(struct source *s, void *data, size_t len, size_t *got)
{
	struct files *f = (struct files *)s;
	struct reading *r = &f->reading;
	uint8_t *to = data;

	must(r->fd >= 0);
	*got = 0;
	while (*got < len && r->at < r->count && !r->ended_early) {
		const struct extent *x = &r->extents[r->at];
		uint64_t left = x->length - r->extent_done;
		ssize_t n = pread(r->fd, to + *got, left < len - *got ? left : len - *got,
				  (off_t)(x->offset + r->extent_done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return leave_out_errno(f, "cannot be read");
		r->ended_early = n == 0;
		*got += (size_t)n;
		r->extent_done += (uint64_t)n;
		if (r->extent_done == x->length) {
			r->at++;
			r->extent_done = 0;
		}
	}
	return 0;
}

/* The file got shorter than it was: what is recorded of it is what was read. */
static void shorten(struct reading *r, struct entry *e, uint64_t size_now)
{
	uint64_t end = 0;

	r->extents[r->at].length = r->extent_done;
	r->count = r->at + (r->extent_done > 0);
	if (r->count > 0)
		end = r->extents[r->count - 1].offset + r->extents[r->count - 1].length;
	if (!e->sparse) {
		e->size = end;
		return;
	}
	e->extent_count = r->count;
	/* A hole at the end has no bytes that could be missing. */
	e->size = size_now > end && size_now < e->size ? size_now : end;
}

int files_read_end(struct source *s, struct entry *e, struct stat_print *print, bool *same)
{
	struct files *f = (struct files *)s;
	struct reading *r = &f->reading;
	const struct stat *before = &r->before;
	struct stat now = { 0 };

	/* Closed already: reading failed, and the entry is to be left out. */
	*same = r->fd >= 0 && !r->ended_early && fstat(r->fd, &now) == 0 && now.st_size == before->st_size &&
		now.st_mtim.tv_sec == before->st_mtim.tv_sec && now.st_mtim.tv_nsec == before->st_mtim.tv_nsec &&
		now.st_ctim.tv_sec == before->st_ctim.tv_sec && now.st_ctim.tv_nsec == before->st_ctim.tv_nsec;
	if (!*same)
		print->inode = 0;
	if (r->fd >= 0 && r->ended_early)
		shorten(r, e, fstat(r->fd, &now) == 0 ? (uint64_t)now.st_size : 0);
	files_read_close(f);
	return 0;
}
