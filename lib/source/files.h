/* Inside of the files driver: what its walk (files.c) and its reading (files_read.c) share. */
#ifndef SOURCE_FILES_H
#define SOURCE_FILES_H

#include <sys/stat.h>

#include "source/exclude.h"
#include "source/folder_names.h"
#include "source/links.h"
#include "source/owners.h"
#include "source/source.h"
#include "source/xattrs.h"

/* One level of the walk. */
struct folder {
	int fd; /* -1: closed to save descriptors; opened again by its path */
	uint64_t device, inode;
	uint32_t path_len; /* how much of files.path is its own */
	struct folder_names names;
};

/* The file that is open for reading. Content is the data of its extents; a file that is not sparse has one extent. */
struct reading {
	int fd; /* -1: none */
	struct stat before;
	bool sparse, ended_early;
	struct extent *extents;
	uint32_t count, at;   /* the extent that is being read */
	uint64_t extent_done; /* bytes of it */
	char *path;           /* for complaints */
	uint32_t path_len;
	char user[ENTRY_OWNER_MAX], group[ENTRY_OWNER_MAX];
};

struct files {
	struct source source;
	source_complaint complain;
	void *context;
	struct exclude *exclude;
	struct {
		uint64_t device, inode;
	} * apart;
	size_t apart_count;
	bool cross_file_systems;
	uint64_t device; /* the root's */
	int root;

	/* walk */
	struct folder *folders; /* from the root to where the walk is */
	size_t depth, folders_size;
	bool started;
	char *path; /* of the entry: ENTRY_PATH_MAX bytes, a component more and a NUL */
	uint32_t path_len;
	struct entry entry;
	uint64_t listed_device, listed_inode; /* what the entry was made of */
	char *target;
	struct xattr_reader *xattrs;
	struct owners *owners;
	struct links *links;

	struct reading reading;
};

/* files.c */
int files_open_noatime(int folder, const char *path, size_t len, int flags);
void files_fill_entry(struct entry *e, const struct stat *st);
void files_fill_print(struct stat_print *print, const struct stat *st);
int64_t files_age_ns(const struct stat *st); /* since its ctime; < 0: in the future; at most some seconds */
printf_like(4, 5) void files_complain(struct files *f, const char *path, size_t len, const char *format, ...);

/* files_read.c */
void files_read_close(struct files *f);
must_check int files_read_begin(struct source *s, struct entry *e, struct stat_print *print);
must_check int files_read(struct source *s, void *data, size_t len, size_t *got);
must_check int files_read_end(struct source *s, struct entry *e, struct stat_print *print, bool *same);

#endif
