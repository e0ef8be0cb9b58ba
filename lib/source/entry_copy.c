#include "source/entry_copy.h"

#include <string.h>

#include "base/alloc.h"

/* Appends bytes and a NUL at *at, which moves on. */
static const char *put(char **at, const void *bytes, size_t len)
{
	char *start = *at;

	if (bytes == NULL)
		return NULL;
	if (len > 0)
		memcpy(start, bytes, len);
	start[len] = '\0';
	*at = start + len + 1;
	return start;
}

struct entry *entry_copy(const struct entry *e)
{
	size_t extents = e->extent_count * sizeof *e->extents, xattrs = e->xattr_count * sizeof *e->xattrs;
	size_t bytes = (size_t)e->path_len + e->user_len + e->group_len + e->target_len + e->link_len + 5;

	for (uint32_t i = 0; i < e->xattr_count; i++)
		bytes += (size_t)e->xattrs[i].name_len + e->xattrs[i].value_len + 2;

	/* What needs alignment first, the bytes behind it. */
	struct entry *copy = xmalloc(sizeof *copy + extents + xattrs + bytes);
	struct extent *extent = (struct extent *)(copy + 1);
	struct xattr *xattr = (struct xattr *)(extent + e->extent_count);
	char *at = (char *)(xattr + e->xattr_count);

	*copy = *e;
	copy->path = put(&at, e->path, e->path_len);
	copy->user = put(&at, e->user, e->user_len);
	copy->group = put(&at, e->group, e->group_len);
	copy->target = put(&at, e->target, e->target_len);
	copy->link = put(&at, e->link, e->link_len);
	copy->extents = e->extents == NULL ? NULL : extent;
	if (e->extents != NULL)
		memcpy(extent, e->extents, extents);
	copy->xattrs = e->xattrs == NULL ? NULL : xattr;
	for (uint32_t i = 0; i < e->xattr_count; i++) {
		xattr[i] = e->xattrs[i];
		xattr[i].name = put(&at, e->xattrs[i].name, e->xattrs[i].name_len);
		xattr[i].value = (const uint8_t *)put(&at, e->xattrs[i].value, e->xattrs[i].value_len);
	}
	return copy;
}
