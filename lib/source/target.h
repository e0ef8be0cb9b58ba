/*
 * Where a files source is restored to: a folder. Nothing is ever written outside of it, whatever the entries say: names
 * are resolved beneath it with openat2(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS) (source/beneath.h), what is made is made
 * with O_EXCL or its like, and Landlock confines the process where the kernel has it.
 *
 * One thread creates (target_create*(), target_has(), target_finish(), in path order); any thread writes content and
 * finishes files. Folders get their attributes when target_finish() is called or the order has left them: times last.
 * Until then they, like files, are open to nobody else. Folders on the way whose own entry is not restored are made,
 * with mode 0700.
 *
 * ERR_EXISTS: something that may not or cannot be removed is in an entry's place; ERR_FULL; ERR_FORMAT: an entry that
 * no writer makes; ERR_SYSTEM. After an error with one entry, others can go on.
 */
#ifndef SOURCE_TARGET_H
#define SOURCE_TARGET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "format/node.h"

struct target;
struct target_file; /* an open file under restoration */

struct target_options {
	const char *path;   /* made when absent, with mode 0700 */
	bool overwrite;     /* otherwise a target that is not empty is ERR_REFUSED (but for lost+found) */
	bool numeric_owner; /* ids as stored; otherwise by name where the name exists here (ACLs always have numbers) */
	bool confine; /* Landlock this thread and those it starts later to this folder for writing; for programs */
};

/*
 * Attributes that could not be set (owner when not root, xattr on this file system), devices and sockets that were left
 * out: told once a kind, how often is logged at the end; not fatal. One call at a time, from any thread; it must not
 * call the target.
 */
typedef void (*target_complaint)(void *context, const char *path, size_t path_len, const char *reason);

must_check int target_open(const struct target_options *options, target_complaint complain, void *context,
			   struct target **out);
void target_close(struct target *t); /* accepts NULL; every file has been finished */

/*
 * Anything but a regular file's content: folder, symlink, FIFO, device, hard link. Sockets are skipped with a
 * complaint. With overwrite, what is in the place of anything but a folder is unlinked first (ERR_EXISTS: a folder that
 * is not empty), never written through. Hard links: ERR_MISSING when the file itself was not restored.
 */
must_check int target_create(struct target *t, const struct entry *e);

/*
 * A regular file, empty; a sparse or large one at its full size as a hole, a small one grows as it is written. Attributes
 * come with target_file_finish(). Takes a copy of *e.
 */
must_check int target_create_file(struct target *t, const struct entry *e, struct target_file **out);

/*
 * content_offset: in the content, which for a sparse file is its data extents one after the other. ERR_FORMAT beyond
 * its end.
 */
must_check int target_file_write(struct target_file *f, uint64_t content_offset, const void *data, size_t len);

/* What was written there, as the file system gives it back. ERR_SYSTEM when it gives less. */
must_check int target_file_read(struct target_file *f, uint64_t content_offset, void *data, size_t len);

/*
 * Sets owner, mode, xattrs, times; closes; frees, also on error. `discard`: unlinks it instead (its content could not
 * be had), with the hard links that were made to it meanwhile.
 */
must_check int target_file_finish(struct target_file *f, bool discard);

/*
 * Whether a finished file of this entry is there already from an interrupted restore (same size and time, which is set
 * last).
 */
bool target_has(struct target *t, const struct entry *e);

/* Applies the attributes of all folders still open; call when everything is written. */
must_check int target_finish(struct target *t);

#endif
