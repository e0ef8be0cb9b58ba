/*
 * What this host remembers of snapshots, so that it can be told from what zones say: a folder of small files in
 * `state`. Not in the catalogue, which is a cache and made anew when in doubt, while nothing can tell again what both
 * zones lost. Public things only.
 *
 *	<id>.header      the signed header of a snapshot that was seen in a zone, until its end
 *	<id>.unfinished  the seal of this snapshot is about to be put, or was; its header was not seen since
 *	<id>.seen        a seal without a header was there at this time (seconds, decimal) of a confirmed clock
 *
 * One process at a time writes (the dataset is locked); others may read. Other files in the folder are ignored.
 */
#ifndef CATALOG_REMEMBERED_H
#define CATALOG_REMEMBERED_H

#include <stdbool.h>

#include "base/buf.h"
#include "format/limits.h"
#include "format/objects.h"

enum remembered_kind { REMEMBERED_HEADER, REMEMBERED_UNFINISHED, REMEMBERED_SEEN };

struct remembered {
	enum remembered_kind kind;
	uint8_t snapshot[SNAPSHOT_ID_SIZE];
};

struct remembered_list {
	struct remembered *rows; /* ascending by kind and snapshot */
	size_t count;
};

/* A folder that is not there remembers nothing. */
must_check int remembered_list(const char *folder, struct remembered_list *out);
void remembered_release(struct remembered_list *list);
bool remembered_has(const struct remembered_list *list, enum remembered_kind kind,
		    const uint8_t snapshot[SNAPSHOT_ID_SIZE]);

/* The bytes of a header, appended to `out`. ERR_MISSING. */
must_check int remembered_header(const char *folder, const uint8_t snapshot[SNAPSHOT_ID_SIZE], struct buf *out);
/* ERR_MISSING; ERR_FORMAT: it holds no time. */
must_check int remembered_seen(const char *folder, const uint8_t snapshot[SNAPSHOT_ID_SIZE], int64_t *seen_at);

/* Durable when they return; the folder is made. What is remembered already is replaced. */
must_check int remember_header(const char *folder, const uint8_t snapshot[SNAPSHOT_ID_SIZE], const struct buf *object);
must_check int remember_unfinished(const char *folder, const uint8_t snapshot[SNAPSHOT_ID_SIZE]);
must_check int remember_seen(const char *folder, const uint8_t snapshot[SNAPSHOT_ID_SIZE], int64_t seen_at);

/* Forgotten already is what was wanted. */
must_check int remembered_forget(const char *folder, enum remembered_kind kind,
				 const uint8_t snapshot[SNAPSHOT_ID_SIZE]);

#endif
