/*
 * A driver's operations, each on a thread of the zone's crew: as in driver.h, but ERR_UNAVAILABLE when one hangs, and
 * from then on at once for every other on this zone, and for opening the same URL again in this process.
 */
#ifndef ZONE_CALL_H
#define ZONE_CALL_H

#include "zone/driver.h"

must_check int call_open(const struct zone_driver *driver, const struct zone_place *place, bool writing,
			 struct zone **out);
void call_close(struct zone *z);
must_check int call_same_place(const struct zone_driver *driver, const struct zone_place *a, const struct zone_place *b,
			       bool *same, bool *same_device);
must_check int call_get(struct zone *z, const char *name, struct buf *out);
/* As zone_read_begin() and so on. `refused`: a code, with its message, that the end gives without asking the zone. */
struct call;
void call_read_begin(struct call **read, struct zone *z, int refused, const char *name, uint64_t offset, size_t len);
must_check int call_read_end(struct call **read, uint8_t **data);
size_t call_read_room(const struct call *read);
void call_read_release(struct call **read);
must_check int call_head(struct zone *z, const char *name, uint64_t *size);
/* The call-back runs in the caller's thread, and may call the zone. */
must_check int call_list(struct zone *z, const char *prefix, zone_list_call call, void *context);
must_check int call_clock(struct zone *z, int64_t *now, bool *independent);
must_check int call_space(struct zone *z, uint64_t *free_bytes);
must_check int call_put(struct zone *z, const char *name, const void *data, size_t len, bool replace);
must_check int call_put_lent(struct zone *z, const char *name, const void *data, size_t len, bool *kept);
must_check int call_remove(struct zone *z, const char *name);
must_check int call_remove_many(struct zone *z, const char (*names)[OBJECT_NAME_MAX], size_t count, bool durable);
must_check int call_sweep(struct zone *z, const char *prefix, bool all, unsigned *count);
void call_keep_reserve(struct zone *z);
bool call_give_reserve(struct zone *z);

#endif
