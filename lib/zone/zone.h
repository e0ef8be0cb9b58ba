/*
 * A zone: a store of whole objects by name. One interface, a file a driver; drivers are named in zone.c's table only.
 *
 * A handle to read and a handle to write are different types, so that a function that only reads cannot be given more.
 * Handles are thread-safe. Names: format/names.h, which is letters, digits, '.', '_', '-' in components that do not
 * start with '.'; anything else is ERR_FORMAT before it reaches a driver. Objects appear whole or not at all, and no
 * put replaces one.
 *
 * No call waits for ever: what does not end, or get on with a listing, within 300 seconds is ERR_UNAVAILABLE, and so is
 * every later call on that zone, and opening it again in this process. The thread that hangs is left behind with copies
 * of what it was given.
 *
 * Errors: ERR_MISSING (no such object), ERR_EXISTS (put), ERR_FULL, ERR_UNAVAILABLE (does not answer, not mounted, no
 * permission), ERR_SYSTEM (I/O error), ERR_FORMAT (larger than asked for, no object name). Messages name the zone.
 */
#ifndef ZONE_ZONE_H
#define ZONE_ZONE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "format/names.h"

struct zone;        /* get, head, list, clock */
struct zone_writer; /* the above, and put, replace, delete */

#define ZONE_NAME_MAX 64
#define ZONE_URL_MAX  1024

/* How a driver is told where its zone is. Strings are copied. */
struct zone_place {
	const char *name; /* as configured: "ams-1" */
	const char *url;  /* "file:///srv/az1" */
};

/* A folder that does not exist is ERR_UNAVAILABLE: an unmounted disk must not be mistaken for an empty zone. */
must_check int zone_open(const struct zone_place *place, struct zone **out);
void zone_close(struct zone *z);
must_check int zone_open_writer(const struct zone_place *place, struct zone_writer **out);
void zone_close_writer(struct zone_writer *w);

/* The reading side of a writer; lives as long as the writer. */
struct zone *zone_reading(struct zone_writer *w);

/* Whether a call hung: every other one fails at once since. */
bool zone_hangs(const struct zone *z);

/* ERR_USAGE for an unknown scheme or a malformed URL. */
must_check int zone_check_url(const char *url);

/*
 * ERR_REFUSED when both are one place: the same folder by whatever path, or one inside the other. *same_device: one
 * disk under both, for `status`. A folder that is not there now is compared by the text of its path.
 */
must_check int zone_distinct(const struct zone_place *a, const struct zone_place *b, bool *same_device);

/* The folder on this machine that a zone is, to be freed; NULL for one that is elsewhere. The URL is a checked one. */
char *zone_folder(const char *url);

/* Appends the object to `out`; larger than out->max - out->len is ERR_FORMAT. */
must_check int zone_get(struct zone *z, const char *name, struct buf *out);

/* Exactly `len` bytes from `offset`; fewer there is ERR_FORMAT ("ends early"). */
must_check int zone_get_range(struct zone *z, const char *name, uint64_t offset, size_t len, void *out);

/*
 * The same without a copy, and while the caller does something else. The bytes come into memory of the read's own, since
 * a thread that hangs may write there at any time: what hung is left to it. Zeroed at first, then for one range after the
 * other; each that was begun is to be ended, by one thread at a time.
 */
struct zone_read {
	struct call *call;
};
void zone_read_begin(struct zone_read *r, struct zone *z, const char *name, uint64_t offset, size_t len);
/* *data: the bytes, the caller's to write to as well, until the next begin or the release. */
must_check int zone_read_end(struct zone_read *r, uint8_t **data);
size_t zone_read_room(const struct zone_read *r); /* bytes that it holds for the next */
void zone_read_release(struct zone_read *r);      /* ends it first; also of a zeroed struct */

must_check int zone_head(struct zone *z, const char *name, uint64_t *size);

/*
 * Calls back for every object whose name starts with `prefix` (which ends in '/', or is empty), in ascending name order
 * within a folder, folder by folder. What is no object is not listed: temporary files of interrupted puts, foreign
 * names, links. The call-back's non-zero result ends the listing and is returned. A folder that is not there is an
 * empty listing; one that cannot be read is an error: a listing is complete or fails.
 */
typedef int (*zone_list_call)(void *context, const char *name, uint64_t size);
must_check int zone_list(struct zone *z, const char *prefix, zone_list_call call, void *context);

/*
 * Calls back for every folder right beneath `prefix`, with its name and size 0, in ascending order; what is in them is
 * not looked at. Otherwise as zone_list().
 */
must_check int zone_list_folders(struct zone *z, const char *prefix, zone_list_call call, void *context);

/* The zone's own clock; *independent: whether it is another machine's (or a test's). */
must_check int zone_clock(struct zone *z, int64_t *now, bool *independent);

/* Free space for the agent's summary; ERR_MISSING where the protocol has no such thing. */
must_check int zone_space(struct zone *z, uint64_t *free_bytes);

/* Creates; ERR_EXISTS when the name is there, whatever its content. Durable when it returns 0. */
must_check int zone_put(struct zone_writer *w, const char *name, const void *data, size_t len);

/*
 * The same without a copy of what may be large: *kept means that the zone hangs and a thread may still read `data`,
 * which must stay as it is until the process ends.
 */
must_check int zone_put_lent(struct zone_writer *w, const char *name, const void *data, size_t len, bool *kept);

/*
 * The same for what must be written before anything can be deleted (lease, intent, mark, withdrawal): where the zone is
 * full, of the room that zone_keep_reserve() kept back.
 */
must_check int zone_put_reserved(struct zone_writer *w, const char *name, const void *data, size_t len);

/* Keeps a little room back, as far as there is any (the file driver: 64 blocks and inodes). For who holds the lease. */
void zone_keep_reserve(struct zone_writer *w);

/* Repair only: atomically puts these bytes in place of a damaged object (or of none). */
must_check int zone_replace(struct zone_writer *w, const char *name, const void *data, size_t len);

/* Deletes; ERR_MISSING when it is not there. Durable when it returns 0. */
must_check int zone_delete(struct zone_writer *w, const char *name);

/*
 * Deletes many, at the cost of few requests (S3: one for a thousand; the file driver: one sync for each folder). Names
 * that are near each other best stand so in the list, which has ZONE_DELETE_MAX at most; what is not there is as good
 * as deleted. Not `durable`: a power failure may bring some back. An error tells of one of them; any of the others may
 * be left too, so that whoever needs to know takes them one by one.
 */
#define ZONE_DELETE_MAX 256
must_check int zone_delete_many(struct zone_writer *w, const char (*names)[OBJECT_NAME_MAX], size_t count,
				bool durable);

/* Deletes what interrupted puts left (older than a day, or all when `all`). *count: how many. */
must_check int zone_sweep(struct zone_writer *w, const char *prefix, bool all, unsigned *count);

#endif
