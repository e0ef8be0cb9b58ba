/* What a driver implements. Private to lib/zone. */
#ifndef ZONE_DRIVER_H
#define ZONE_DRIVER_H

#include "zone/zone.h"

struct crew;

/* Set by call.c once the driver has opened it. */
struct zone {
	struct crew *crew;
	const struct zone_driver *driver;
	char *name, *url; /* of the zone */
};

struct zone_writer {
	struct zone *zone;
};

/*
 * Contracts as in zone.h. The driver's struct starts with `struct zone`. URLs were checked by check_url, names and
 * prefixes by zone_component_ok(), before they come here.
 */
struct zone_driver {
	const char *scheme; /* "file" */
	int (*check_url)(const char *url);
	int (*open)(const struct zone_place *place, bool writing, struct zone **out);
	void (*close)(struct zone *z);
	int (*same_place)(const char *url_a, const char *url_b, bool *same, bool *same_device);
	char *(*folder)(const char *url); /* NULL: never on this machine */
	int (*get)(struct zone *z, const char *name, struct buf *out);
	int (*get_range)(struct zone *z, const char *name, uint64_t offset, size_t len, void *out);
	int (*head)(struct zone *z, const char *name, uint64_t *size);
	int (*list)(struct zone *z, const char *prefix, zone_list_call call, void *context);
	int (*list_folders)(struct zone *z, const char *prefix, zone_list_call call, void *context);
	int (*clock)(struct zone *z, int64_t *now, bool *independent);
	int (*space)(struct zone *z, uint64_t *free_bytes);
	int (*put)(struct zone *z, const char *name, const void *data, size_t len, bool replace);
	int (*remove)(struct zone *z, const char *name);
	int (*remove_many)(struct zone *z, const char (*names)[OBJECT_NAME_MAX], size_t count, bool durable);
	int (*sweep)(struct zone *z, const char *prefix, bool all, unsigned *count);
	void (*keep_reserve)(
		struct zone *z); /* NULL, and the next: such a zone is never full, or has nothing to keep back */
	bool (*give_reserve)(struct zone *z); /* a bit of it; false: nothing is left */
};

/* Whether these bytes may be one component of an object's name. */
bool zone_component_ok(const char *component, size_t len);

extern const struct zone_driver zone_file_driver;

#endif
