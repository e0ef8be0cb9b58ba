/*
 * A source: something that is backed up as a tree of entries, and that can be restored. One interface, a file a driver.
 *
 * Backup: open a consistent view, take entries one by one in path order (format/node.h), read the content of files,
 * close. Only one thread uses a source.
 */
#ifndef SOURCE_SOURCE_H
#define SOURCE_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "catalog/key_cache.h"
#include "format/node.h"

struct source;

/* Options of all drivers; a driver ignores what is not its own. Strings are borrowed until source_close(). */
struct source_options {
	const char *type; /* "files" */
	const char *path;
	const char *const *exclude; /* patterns: source/exclude.h */
	size_t exclude_count;
	bool cross_file_systems;
	/* Files that are never taken, and folders of which nothing is but the folder itself, found by whatever path. */
	const char *const *apart;
	size_t apart_count;
};

/*
 * Something that could not be taken whole: unreadable, vanished, changed while read, unsupported. `reason`: a phrase.
 */
typedef void (*source_complaint)(void *context, const char *path, size_t path_len, const char *reason);

/*
 * ERR_USAGE: unknown type, a bad pattern, not a folder. ERR_MISSING: no such folder. ERR_SYSTEM: it cannot be opened.
 * Patterns: source/exclude.h.
 */
must_check int source_open(const struct source_options *options, source_complaint complain, void *context,
			   struct source **out);
void source_close(struct source *s); /* accepts NULL */

/*
 * The next entry in path order; *entry NULL at the end. Borrowed until the next source_next(). content, fingerprint,
 * changed, sparse and extents are not set; link is (the path of an earlier entry that is the same file; of files and
 * all else but folders). `print` says which file this is. An entry that cannot be taken is complained about and passed
 * over. Of a file that is no link, the extended attributes are not set either: source_attributes(). print->several: whoever reads the file later than before the next source_next() may find that it cannot be
 * taken when it has been named as a link already.
 */
must_check int source_next(struct source *s, const struct entry **entry, struct stat_print *print);

/*
 * Sets the extended attributes in the entry that source_next() returned last, a file that is no link: to list them costs
 * as much as all else, and a file whose times are as they were has those that it had. Some that cannot be read are
 * complained about, and print->partial is set.
 */
void source_attributes(struct source *s, struct stat_print *print);

/* The entry that source_next() returned last is not taken: the next of its hard links is the first. */
void source_leave_out(struct source *s, const struct entry *e);

/*
 * The content of a file that source_next() returned some time before (`e`, `print`: the caller's copies). begin
 * opens it, never through a link, and refreshes e (size, times, mode, owner, sparse, extents) and print from the open
 * file; source_read() gives the next bytes (0 at the end, and never more than e->size; of a sparse file only its data);
 * end closes it and says whether the file stayed as it was. *same false: it changed, shrank, grew or was removed
 * meanwhile. Then e is made to describe just the bytes that source_read() gave (size and extents; its time stays the
 * older one) and print is not to be trusted (inode 0). One file is open at a time; a begin without an end before it
 * closes the file before. Where it changed between source_next() and begin, print->partial is set: its attributes are those
 * of before. e's extents and owner names are borrowed until the next begin.
 *
 * ERR_MISSING from begin: vanished, no longer a file, or not readable; from read: an I/O error. Complained about
 * already: the entry is to be left out (end need not be called, and may be), and with it later entries whose link is
 * its path; once this was said, source_next() names the next of its hard links as the first. So it does when the file
 * is another one by now than was listed.
 */
must_check int source_read_begin(struct source *s, struct entry *e, struct stat_print *print);
must_check int source_read(struct source *s, void *data, size_t len, size_t *got);
must_check int source_read_end(struct source *s, struct entry *e, struct stat_print *print, bool *same);

/* What a driver implements; the driver's struct starts with struct source. */
struct source_driver {
	const char *type;
	int (*open)(const struct source_options *options, source_complaint complain, void *context,
		    struct source **out);
	void (*close)(struct source *s);
	int (*next)(struct source *s, const struct entry **entry, struct stat_print *print);
	void (*attributes)(struct source *s, struct stat_print *print);
	void (*leave_out)(struct source *s, const struct entry *e);
	int (*read_begin)(struct source *s, struct entry *e, struct stat_print *print);
	int (*read)(struct source *s, void *data, size_t len, size_t *got);
	int (*read_end)(struct source *s, struct entry *e, struct stat_print *print, bool *same);
};

struct source {
	const struct source_driver *driver;
};

extern const struct source_driver source_files_driver;

#endif
