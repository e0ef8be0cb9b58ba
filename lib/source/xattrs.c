#include "source/xattrs.h"

#include <errno.h>
#include <limits.h>
#include <linux/limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "base/alloc.h"

/*
 * "/proc/self/fd/<fd>/<name>": the l-variants of the calls take no descriptor of a folder, and no path beyond PATH_MAX.
 */
#define PLACE_TEXT (32 + ENTRY_NAME_MAX + 1)

struct xattr_reader {
	struct xattr list[ENTRY_XATTRS_MAX];
	char names[XATTR_LIST_MAX];
	uint8_t values[XATTRS_BYTES_MAX];
};

struct xattr_reader *xattr_reader_new(void)
{
	return xmalloc(sizeof(struct xattr_reader));
}

void xattr_reader_free(struct xattr_reader *r)
{
	free(r);
}

static const char *place_text(struct xattr_place place, char text[PLACE_TEXT])
{
	snprintf(text, PLACE_TEXT, "/proc/self/fd/%d/%s", place.fd, place.name);
	return text;
}

static ssize_t list(struct xattr_place place, char names[XATTR_LIST_MAX])
{
	char text[PLACE_TEXT];

	return place.name == NULL ? flistxattr(place.fd, names, XATTR_LIST_MAX)
				  : llistxattr(place_text(place, text), names, XATTR_LIST_MAX);
}

static ssize_t get(struct xattr_place place, const char *name, void *value, size_t size)
{
	char text[PLACE_TEXT];

	return place.name == NULL ? fgetxattr(place.fd, name, value, size)
				  : lgetxattr(place_text(place, text), name, value, size);
}

static int set(struct xattr_place place, const char *name, const void *value, size_t size)
{
	char text[PLACE_TEXT];

	return place.name == NULL ? fsetxattr(place.fd, name, value, size, 0)
				  : lsetxattr(place_text(place, text), name, value, size, 0);
}

static int drop(struct xattr_place place, const char *name)
{
	char text[PLACE_TEXT];

	return place.name == NULL ? fremovexattr(place.fd, name) : lremovexattr(place_text(place, text), name);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct xattr *)a)->name, ((const struct xattr *)b)->name);
}

void xattrs_read(struct xattr_reader *r, struct xattr_place place, struct entry *e, xattr_complaint complain,
		 void *context)
{
	ssize_t len = list(place, r->names);
	size_t used = 0, bytes = 0;

	e->xattrs = r->list;
	e->xattr_count = 0;
	if (len < 0 && errno != ENOTSUP)
		complain(context, NULL, errno);
	for (ssize_t at = 0; at < len;) {
		const char *name = r->names + at;
		size_t name_len = strlen(name);
		/* The size 0 would only ask how long the value is. */
		ssize_t got = used < sizeof r->values ? get(place, name, r->values + used, sizeof r->values - used)
						      : -2;

		at += (ssize_t)name_len + 1;
		if (got == -1 && errno == ENODATA)
			continue; /* removed since it was listed */
		if (got == -1 && errno != ERANGE) {
			complain(context, name, errno);
		} else if (got < 0 || bytes + name_len + (size_t)got > XATTRS_BYTES_MAX ||
			   e->xattr_count == ENTRY_XATTRS_MAX) {
			complain(context, name, E2BIG);
		} else {
			r->list[e->xattr_count++] = (struct xattr){
				.name = name,
				.value = r->values + used,
				.name_len = (uint32_t)name_len,
				.value_len = (uint32_t)got,
			};
			used += (size_t)got;
			bytes += name_len + (size_t)got;
		}
	}
	if (e->xattr_count > 1)
		qsort(r->list, e->xattr_count, sizeof r->list[0], by_name);
}

static bool has(const struct entry *e, const char *name)
{
	size_t len = strlen(name);

	for (uint32_t i = 0; i < e->xattr_count; i++)
		if (e->xattrs[i].name_len == len && memcmp(e->xattrs[i].name, name, len) == 0)
			return true;
	return false;
}

/* What an entry may have got from its folder's default ACL, or have had before; labels are the system's own to set. */
static bool is_ours_to_remove(const char *name)
{
	return strncmp(name, "user.", 5) == 0 || strncmp(name, "system.posix_acl_", 17) == 0;
}

static void remove_others(struct xattr_place place, const struct entry *e, xattr_complaint complain, void *context)
{
	char names[XATTR_LIST_MAX];
	ssize_t len = list(place, names);

	for (ssize_t at = 0; at < len; at += (ssize_t)strlen(names + at) + 1)
		if (is_ours_to_remove(names + at) && !has(e, names + at) && drop(place, names + at) != 0 &&
		    errno != ENODATA)
			complain(context, names + at, errno);
}

void xattrs_write(struct xattr_place place, const struct entry *e, xattr_complaint complain, void *context)
{
	remove_others(place, e, complain, context);
	for (uint32_t i = 0; i < e->xattr_count; i++) {
		const struct xattr *x = &e->xattrs[i];
		char name[XATTR_NAME_MAX + 1];

		/* Cut there, it is no longer this name; the kernel would refuse a longer one too. */
		if (x->name_len > XATTR_NAME_MAX) {
			complain(context, "(too long)", ENAMETOOLONG);
			continue;
		}
		memcpy(name, x->name, x->name_len);
		name[x->name_len] = '\0';
		if (set(place, name, x->value, x->value_len) != 0)
			complain(context, name, errno);
	}
}
