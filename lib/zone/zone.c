#include "zone/zone.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "format/names.h"
#include "zone/call.h"
#include "zone/crew.h"
#include "zone/driver.h"

/* The one table of drivers. */
static const struct zone_driver *const drivers[] = {
	&zone_file_driver,
};

static const struct zone_driver *driver_of(const char *url)
{
	for (size_t i = 0; i < sizeof drivers / sizeof drivers[0]; i++) {
		size_t len = strlen(drivers[i]->scheme);

		if (strncmp(url, drivers[i]->scheme, len) == 0 && strncmp(url + len, "://", 3) == 0)
			return drivers[i];
	}
	return NULL;
}

static bool is_object_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
	       c == '-';
}

bool zone_component_ok(const char *component, size_t len)
{
	if (len == 0 || component[0] == '.')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!is_object_byte(component[i]))
			return false;
	return true;
}

/* Names come from listings, headers and the command line: nothing but these shapes may reach a path or a URL. */
static int check_name(const struct zone *z, const char *name)
{
	const char *at = name;

	for (;;) {
		size_t len = strcspn(at, "/");

		if (!zone_component_ok(at, len) || (size_t)(at - name) + len >= OBJECT_NAME_MAX)
			return failed(ERR_FORMAT, "zone %s: '%.*s' is no name of an object", z->name, OBJECT_NAME_MAX,
				      name);
		if (at[len] == '\0')
			return 0;
		at += len + 1;
	}
}

static int check_prefix(const struct zone *z, const char *prefix)
{
	size_t len = strlen(prefix);
	char folder[OBJECT_NAME_MAX];

	if (len == 0)
		return 0;
	if (len >= sizeof folder || prefix[len - 1] != '/')
		return failed(ERR_FORMAT, "zone %s: '%.*s' is no folder of objects", z->name, OBJECT_NAME_MAX, prefix);
	memcpy(folder, prefix, len - 1);
	folder[len - 1] = '\0';
	return check_name(z, folder);
}

int zone_check_url(const char *url)
{
	const struct zone_driver *driver = driver_of(url);

	if (strlen(url) >= ZONE_URL_MAX)
		return failed(ERR_USAGE, "the URL of a zone is longer than %d bytes: '%.40s...'", ZONE_URL_MAX - 1,
			      url);
	if (!driver)
		return failed(ERR_USAGE, "'%s' is no URL of a zone: expected one as in file:///srv/az1", url);
	return driver->check_url(url);
}

static int open_place(const struct zone_place *place, bool writing, struct zone **out)
{
	int code = zone_check_url(place->url);

	return code ? code : call_open(driver_of(place->url), place, writing, out);
}

int zone_open(const struct zone_place *place, struct zone **out)
{
	return open_place(place, false, out);
}

void zone_close(struct zone *z)
{
	if (z)
		call_close(z);
}

int zone_open_writer(const struct zone_place *place, struct zone_writer **out)
{
	struct zone *z;
	int code = open_place(place, true, &z);

	if (code)
		return code;
	*out = xcalloc(1, sizeof **out);
	(*out)->zone = z;
	return 0;
}

void zone_close_writer(struct zone_writer *w)
{
	if (!w)
		return;
	zone_close(w->zone);
	free(w);
}

struct zone *zone_reading(struct zone_writer *w)
{
	return w->zone;
}

bool zone_hangs(const struct zone *z)
{
	return crew_hangs(z->crew);
}

int zone_distinct(const struct zone_place *a, const struct zone_place *b, bool *same_device)
{
	bool same = false;
	int code = zone_check_url(a->url);

	if (code == 0)
		code = zone_check_url(b->url);
	if (code)
		return code;
	*same_device = false;
	if (driver_of(a->url) != driver_of(b->url))
		return 0;
	code = call_same_place(driver_of(a->url), a, b, &same, same_device);
	if (code)
		return code;
	if (same)
		return failed(
			ERR_REFUSED,
			"zones %s (%s) and %s (%s) are one place, or one lies in the other, so that what destroys one "
			"destroys both: give each zone a folder of its own, best on another machine",
			a->name, a->url, b->name, b->url);
	return 0;
}

char *zone_folder(const char *url)
{
	const struct zone_driver *driver = driver_of(url);

	return driver == NULL || driver->folder == NULL ? NULL : driver->folder(url);
}

int zone_get(struct zone *z, const char *name, struct buf *out)
{
	int code = check_name(z, name);

	return code ? code : call_get(z, name, out);
}

int zone_get_range(struct zone *z, const char *name, uint64_t offset, size_t len, void *out)
{
	struct zone_read r = { 0 };
	uint8_t *data;

	zone_read_begin(&r, z, name, offset, len);
	int code = zone_read_end(&r, &data);
	if (code == 0 && len > 0)
		memcpy(out, data, len);
	zone_read_release(&r);
	return code;
}

void zone_read_begin(struct zone_read *r, struct zone *z, const char *name, uint64_t offset, size_t len)
{
	call_read_begin(&r->call, z, check_name(z, name), name, offset, len);
}

int zone_read_end(struct zone_read *r, uint8_t **data)
{
	return call_read_end(&r->call, data);
}

size_t zone_read_room(const struct zone_read *r)
{
	return call_read_room(r->call);
}

void zone_read_release(struct zone_read *r)
{
	call_read_release(&r->call);
}

int zone_head(struct zone *z, const char *name, uint64_t *size)
{
	int code = check_name(z, name);

	return code ? code : call_head(z, name, size);
}

int zone_list(struct zone *z, const char *prefix, zone_list_call call, void *context)
{
	int code = check_prefix(z, prefix);

	return code ? code : call_list(z, prefix, call, context);
}

int zone_list_folders(struct zone *z, const char *prefix, zone_list_call call, void *context)
{
	int code = check_prefix(z, prefix);

	return code ? code : z->driver->list_folders(z, prefix, call, context);
}

int zone_clock(struct zone *z, int64_t *now, bool *independent)
{
	return call_clock(z, now, independent);
}

int zone_space(struct zone *z, uint64_t *free_bytes)
{
	return call_space(z, free_bytes);
}

int zone_put(struct zone_writer *w, const char *name, const void *data, size_t len)
{
	int code = check_name(w->zone, name);

	return code ? code : call_put(w->zone, name, data, len, false);
}

int zone_put_lent(struct zone_writer *w, const char *name, const void *data, size_t len, bool *kept)
{
	int code = check_name(w->zone, name);

	*kept = false;
	return code ? code : call_put_lent(w->zone, name, data, len, kept);
}

int zone_put_reserved(struct zone_writer *w, const char *name, const void *data, size_t len)
{
	int code = zone_put(w, name, data, len);

	while (code == ERR_FULL && call_give_reserve(w->zone))
		code = zone_put(w, name, data, len);
	return code;
}

void zone_keep_reserve(struct zone_writer *w)
{
	call_keep_reserve(w->zone);
}

int zone_replace(struct zone_writer *w, const char *name, const void *data, size_t len)
{
	int code = check_name(w->zone, name);

	return code ? code : call_put(w->zone, name, data, len, true);
}

int zone_delete(struct zone_writer *w, const char *name)
{
	int code = check_name(w->zone, name);

	return code ? code : call_remove(w->zone, name);
}

int zone_delete_many(struct zone_writer *w, const char (*names)[OBJECT_NAME_MAX], size_t count, bool durable)
{
	int code = 0;

	must(count <= ZONE_DELETE_MAX);
	for (size_t i = 0; i < count && code == 0; i++)
		code = check_name(w->zone, names[i]);
	return code != 0 || count == 0 ? code : call_remove_many(w->zone, names, count, durable);
}

int zone_sweep(struct zone_writer *w, const char *prefix, bool all, unsigned *count)
{
	int code = check_prefix(w->zone, prefix);

	return code ? code : call_sweep(w->zone, prefix, all, count);
}
