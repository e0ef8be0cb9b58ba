#include "format/entry.h"

#include <string.h>

#include "base/alloc.h"
#include "base/log.h"

/* Keys of the map of optional attributes. Numbers of the format: never reused. */
enum attribute {
	ATTRIBUTE_USER = 0,
	ATTRIBUTE_GROUP = 1,
	ATTRIBUTE_SIZE = 2,
	ATTRIBUTE_CONTENT = 3,
	ATTRIBUTE_FINGERPRINT = 4,
	ATTRIBUTE_EXTENTS = 5,
	ATTRIBUTE_CHANGED = 6,
	ATTRIBUTE_TARGET = 7,
	ATTRIBUTE_LINK = 8,
	ATTRIBUTE_DEVICE = 9,
	ATTRIBUTE_XATTRS = 10,
	ATTRIBUTE_SHA256 = 11,
	ATTRIBUTE_COUNT = 12,
};
#define BIT(attribute) (1u << ATTRIBUTE_##attribute)

#define XATTR_NAME_MAX  255u
#define XATTR_VALUE_MAX 65536u

static int bad(const struct entry *e, const char *why)
{
	char shown[256];

	return failed(ERR_FORMAT, "entry '%s': %s", log_printable(e->path, e->path_len, shown, sizeof shown), why);
}

/* ---- which attributes an entry may and must have ---- */

static uint32_t allowed_attributes(const struct entry *e)
{
	uint32_t owner = BIT(USER) | BIT(GROUP);

	/* A further hard link has what its inode's first entry has; the size is repeated for listings. */
	if (e->link != NULL)
		return owner | BIT(LINK) | (e->type == ENTRY_FILE ? BIT(SIZE) : 0);
	switch (e->type) {
	case ENTRY_FILE:
		return owner | BIT(XATTRS) | BIT(SIZE) | BIT(CONTENT) | BIT(FINGERPRINT) | BIT(EXTENTS) | BIT(CHANGED) |
		       BIT(SHA256);
	case ENTRY_SYMLINK:
		return owner | BIT(XATTRS) | BIT(TARGET);
	case ENTRY_CHAR:
	case ENTRY_BLOCK:
		return owner | BIT(XATTRS) | BIT(DEVICE);
	case ENTRY_FOLDER:
	case ENTRY_FIFO:
	case ENTRY_SOCKET:
	default:
		return owner | BIT(XATTRS);
	}
}

static uint32_t required_attributes(const struct entry *e)
{
	return allowed_attributes(e) & (BIT(LINK) | BIT(FINGERPRINT) | BIT(TARGET) | BIT(DEVICE));
}

/* What is written of an entry: what it may have, and of that what it must have or what says something. */
static uint32_t present_attributes(const struct entry *e)
{
	uint32_t present = (e->user_len != 0 ? BIT(USER) : 0) | (e->group_len != 0 ? BIT(GROUP) : 0) |
			   (e->size != 0 ? BIT(SIZE) : 0) | (e->content.form != CONTENT_NONE ? BIT(CONTENT) : 0) |
			   (e->sparse ? BIT(EXTENTS) : 0) | (e->changed ? BIT(CHANGED) : 0) |
			   (e->xattr_count != 0 ? BIT(XATTRS) : 0) | (e->has_sha256 ? BIT(SHA256) : 0);

	return (present & allowed_attributes(e)) | required_attributes(e);
}

/* ---- rules ---- */

static int check_xattrs(const struct entry *e)
{
	if (e->xattr_count > ENTRY_XATTRS_MAX)
		return bad(e, "more than 1024 extended attributes");
	for (uint32_t i = 0; i < e->xattr_count; i++) {
		const struct xattr *x = &e->xattrs[i];

		if (x->name_len == 0 || x->name_len > XATTR_NAME_MAX || memchr(x->name, '\0', x->name_len) != NULL)
			return bad(e, "the name of an extended attribute is not 1 to 255 bytes without NUL");
		if (x->value_len > XATTR_VALUE_MAX)
			return bad(e, "an extended attribute is longer than 64 KiB");
		if (i == 0)
			continue;

		const struct xattr *before = x - 1;
		size_t common = before->name_len < x->name_len ? before->name_len : x->name_len;
		int order = memcmp(before->name, x->name, common);
		if (order > 0 || (order == 0 && before->name_len >= x->name_len))
			return bad(e, "extended attributes are not in ascending order of their names");
	}
	return 0;
}

/* How many bytes the content has: of a sparse file, those of its extents. */
static int content_length(const struct entry *e, uint64_t *length)
{
	uint64_t end = 0;

	*length = e->size;
	if (!e->sparse)
		return 0;
	if (e->extent_count > ENTRY_EXTENTS_MAX)
		return bad(e, "more than 8192 extents");
	*length = 0;
	for (uint32_t i = 0; i < e->extent_count; i++) {
		const struct extent *x = &e->extents[i];

		if (x->length == 0 || x->offset < end || x->offset > e->size || x->length > e->size - x->offset)
			return bad(e, "extents are not ascending within the file's size");
		end = x->offset + x->length;
		*length += x->length;
	}
	return 0;
}

static int check_content(const struct entry *e, const struct node_child *children, uint32_t child_count)
{
	const struct content *c = &e->content;
	uint64_t length, sum = 0;

	if (content_length(e, &length) < 0)
		return ERR_FORMAT;
	if (e->has_sha256 && e->size - length > ENTRY_SHA256_HOLES_MAX)
		return bad(e, "has a SHA-256, though more than 64 GiB of it are holes");
	if (c->form == CONTENT_NONE)
		return length == 0 ? 0 : bad(e, "has a size but no content");

	uint32_t count = c->form == CONTENT_WHOLE ? c->count : 1;
	if (count == 0 || c->child >= child_count || count > child_count - c->child)
		return bad(e, "content lies outside of its node's children");
	switch (c->form) {
	case CONTENT_WHOLE:
	case CONTENT_LIST:
		/*
		 * No overflow: children are bounded by 2^62, and the sum is left behind as soon as it passes the
		 * length.
		 */
		for (uint32_t i = 0; i < count && sum <= length; i++)
			sum += children[c->child + i].size;
		break;
	case CONTENT_SLICE:
		if (c->offset > children[c->child].size || c->length > children[c->child].size - c->offset)
			return bad(e, "content lies outside of its child");
		sum = c->length;
		break;
	case CONTENT_NONE:
	default:
		return bad(e, "content of an unknown form");
	}
	if (length == 0 || sum != length)
		return bad(e, "content has another length than the file");
	return 0;
}

int entry_check(const struct entry *e, const struct node_child *children, uint32_t child_count)
{
	if (path_check(e->path, e->path_len) < 0)
		return ERR_FORMAT;
	if (e->type > ENTRY_BLOCK)
		return bad(e, "an unknown type");
	if (e->mode > 07777)
		return bad(e, "mode bits beyond 07777");
	if (e->mtime_ns > 999999999)
		return bad(e, "more than 999999999 nanoseconds in its time");
	if (e->user_len > ENTRY_OWNER_MAX || e->group_len > ENTRY_OWNER_MAX)
		return bad(e, "an owner's name longer than 255 bytes");
	if (e->path_len == 0 && e->type != ENTRY_FOLDER)
		return bad(e, "the root is not a folder");
	if (e->size > ENTRY_SIZE_MAX)
		return bad(e, "larger than the limit of 4 EiB");
	if (e->link != NULL) {
		if (e->type == ENTRY_FOLDER)
			return bad(e, "a hard link to a folder");
		if (path_check(e->link, e->link_len) < 0)
			return ERR_FORMAT;
		if (e->link_len == 0 || path_compare(e->link, e->link_len, e->path, e->path_len) >= 0)
			return bad(e, "a hard link to an entry that does not come before it");
		return 0;
	}
	if (e->type == ENTRY_SYMLINK &&
	    (e->target_len == 0 || e->target_len > ENTRY_TARGET_MAX || memchr(e->target, '\0', e->target_len) != NULL))
		return bad(e, "a symbolic link's target is not 1 to 65535 bytes without NUL");
	if (check_xattrs(e) < 0)
		return ERR_FORMAT;
	return e->type == ENTRY_FILE ? check_content(e, children, child_count) : 0;
}

/* ---- writing ---- */

static int write_content(struct buf *out, const struct content *c)
{
	if (cbor_write_array(out, c->form == CONTENT_SLICE   ? 4
				  : c->form == CONTENT_WHOLE ? 3
							     : 2) < 0 ||
	    cbor_write_uint(out, c->form) < 0 || cbor_write_uint(out, c->child) < 0)
		return ERR_FORMAT;
	if (c->form == CONTENT_WHOLE)
		return cbor_write_uint(out, c->count);
	if (c->form == CONTENT_SLICE)
		return cbor_write_uint(out, c->offset) < 0 ? ERR_FORMAT : cbor_write_uint(out, c->length);
	return 0;
}

static int write_extents(struct buf *out, const struct entry *e)
{
	if (cbor_write_array(out, 2 * (size_t)e->extent_count) < 0)
		return ERR_FORMAT;
	for (uint32_t i = 0; i < e->extent_count; i++)
		if (cbor_write_uint(out, e->extents[i].offset) < 0 || cbor_write_uint(out, e->extents[i].length) < 0)
			return ERR_FORMAT;
	return 0;
}

static int write_xattrs(struct buf *out, const struct entry *e)
{
	if (cbor_write_array(out, 2 * (size_t)e->xattr_count) < 0)
		return ERR_FORMAT;
	for (uint32_t i = 0; i < e->xattr_count; i++)
		if (cbor_write_bytes(out, e->xattrs[i].name, e->xattrs[i].name_len) < 0 ||
		    cbor_write_bytes(out, e->xattrs[i].value, e->xattrs[i].value_len) < 0)
			return ERR_FORMAT;
	return 0;
}

static int write_attribute(struct buf *out, const struct entry *e, enum attribute attribute)
{
	switch (attribute) {
	case ATTRIBUTE_USER:
		return cbor_write_bytes(out, e->user, e->user_len);
	case ATTRIBUTE_GROUP:
		return cbor_write_bytes(out, e->group, e->group_len);
	case ATTRIBUTE_SIZE:
		return cbor_write_uint(out, e->size);
	case ATTRIBUTE_CONTENT:
		return write_content(out, &e->content);
	case ATTRIBUTE_FINGERPRINT:
		return cbor_write_bytes(out, e->fingerprint, DIGEST_SIZE);
	case ATTRIBUTE_EXTENTS:
		return write_extents(out, e);
	case ATTRIBUTE_CHANGED:
		return cbor_write_bool(out, true);
	case ATTRIBUTE_TARGET:
		return cbor_write_bytes(out, e->target, e->target_len);
	case ATTRIBUTE_LINK:
		return cbor_write_bytes(out, e->link, e->link_len);
	case ATTRIBUTE_DEVICE:
		if (cbor_write_array(out, 2) < 0 || cbor_write_uint(out, e->major) < 0)
			return ERR_FORMAT;
		return cbor_write_uint(out, e->minor);
	case ATTRIBUTE_XATTRS:
		return write_xattrs(out, e);
	case ATTRIBUTE_SHA256:
		return cbor_write_bytes(out, e->sha256, DIGEST_SIZE);
	case ATTRIBUTE_COUNT:
	default:
		break;
	}
	die(__FILE__, __LINE__, "an attribute that cannot be written");
}

int entry_write(struct buf *out, const struct entry *e)
{
	uint32_t present = present_attributes(e);

	if (cbor_write_array(out, 8) < 0 || cbor_write_bytes(out, e->path, e->path_len) < 0 ||
	    cbor_write_uint(out, e->type) < 0 || cbor_write_uint(out, e->mode) < 0 ||
	    cbor_write_uint(out, e->uid) < 0 || cbor_write_uint(out, e->gid) < 0 || cbor_write_int(out, e->mtime) < 0 ||
	    cbor_write_uint(out, e->mtime_ns) < 0 || cbor_write_map(out, (size_t)__builtin_popcount(present)) < 0)
		return ERR_FORMAT;
	for (unsigned a = 0; a < ATTRIBUTE_COUNT; a++)
		if ((present >> a & 1) != 0 &&
		    (cbor_write_uint(out, a) < 0 || write_attribute(out, e, (enum attribute)a) < 0))
			return ERR_FORMAT;
	return 0;
}

/* ---- reading ---- */

static int read_string(struct cbor_reader *r, size_t max, const char **text, uint32_t *text_len)
{
	const uint8_t *data = NULL;
	size_t len = 0;

	if (cbor_read_bytes(r, max, &data, &len) < 0)
		return ERR_FORMAT;
	*text = (const char *)data;
	*text_len = (uint32_t)len;
	return 0;
}

/* What is present must say something: each entry has one encoding only. */
static int read_name(struct cbor_reader *r, const char **name, uint32_t *name_len)
{
	if (read_string(r, ENTRY_OWNER_MAX, name, name_len) < 0)
		return ERR_FORMAT;
	return *name_len != 0 ? 0 : failed(ERR_FORMAT, "%s: an empty name before byte %zu", r->what, r->at);
}

static int read_content(struct cbor_reader *r, struct content *c)
{
	static const size_t items[] = { [CONTENT_WHOLE] = 3, [CONTENT_SLICE] = 4, [CONTENT_LIST] = 2 };
	size_t count = 0;
	uint32_t form = 0;

	if (cbor_read_array(r, 4, &count) < 0 || cbor_read_u32(r, CONTENT_LIST, &form) < 0)
		return ERR_FORMAT;
	if (form == CONTENT_NONE || count != items[form])
		return failed(ERR_FORMAT, "%s: content of an unknown form before byte %zu", r->what, r->at);
	c->form = (enum content_form)form;
	if (cbor_read_u32(r, NODE_CHILDREN_MAX, &c->child) < 0)
		return ERR_FORMAT;
	if (c->form == CONTENT_WHOLE)
		return cbor_read_u32(r, NODE_CHILDREN_MAX, &c->count);
	if (c->form == CONTENT_SLICE)
		return cbor_read_uint(r, ENTRY_SIZE_MAX, &c->offset) < 0
			       ? ERR_FORMAT
			       : cbor_read_uint(r, ENTRY_SIZE_MAX, &c->length);
	return 0;
}

/* Number of pairs in an array that lists them flat. */
static int read_pairs(struct cbor_reader *r, size_t max, size_t *pairs)
{
	size_t items = 0;

	if (cbor_read_array(r, 2 * max, &items) < 0)
		return ERR_FORMAT;
	if (items % 2 != 0)
		return failed(ERR_FORMAT, "%s: a list of pairs before byte %zu has %zu items", r->what, r->at, items);
	*pairs = items / 2;
	return 0;
}

/* Makes room for `more` items behind `count`. */
static void *grow(void *list, size_t count, size_t more, size_t *cap, size_t size)
{
	if (count + more <= *cap)
		return list;
	*cap = 2 * (count + more);
	return xrealloc(list, *cap, size);
}

static int read_extents(struct cbor_reader *r, struct entry *e, struct entry_lists *l)
{
	size_t count = 0;

	if (read_pairs(r, ENTRY_EXTENTS_MAX, &count) < 0)
		return ERR_FORMAT;
	l->extents = grow(l->extents, l->extent_count, count, &l->extent_cap, sizeof *l->extents);
	for (size_t i = 0; i < count; i++) {
		struct extent *x = &l->extents[l->extent_count + i];

		if (cbor_read_uint(r, ENTRY_SIZE_MAX, &x->offset) < 0 ||
		    cbor_read_uint(r, ENTRY_SIZE_MAX, &x->length) < 0)
			return ERR_FORMAT;
	}
	l->extent_count += count;
	e->extent_count = (uint32_t)count;
	e->sparse = true;
	return 0;
}

static int read_xattrs(struct cbor_reader *r, struct entry *e, struct entry_lists *l)
{
	size_t count = 0;

	if (read_pairs(r, ENTRY_XATTRS_MAX, &count) < 0)
		return ERR_FORMAT;
	if (count == 0)
		return failed(ERR_FORMAT, "%s: an empty list before byte %zu", r->what, r->at);
	l->xattrs = grow(l->xattrs, l->xattr_count, count, &l->xattr_cap, sizeof *l->xattrs);
	for (size_t i = 0; i < count; i++) {
		struct xattr *x = &l->xattrs[l->xattr_count + i];
		const uint8_t *value = NULL;
		size_t value_len = 0;

		if (read_string(r, XATTR_NAME_MAX, &x->name, &x->name_len) < 0 ||
		    cbor_read_bytes(r, XATTR_VALUE_MAX, &value, &value_len) < 0)
			return ERR_FORMAT;
		x->value = value;
		x->value_len = (uint32_t)value_len;
	}
	l->xattr_count += count;
	e->xattr_count = (uint32_t)count;
	return 0;
}

static int read_attribute(struct cbor_reader *r, enum attribute attribute, struct entry *e, struct entry_lists *lists)
{
	switch (attribute) {
	case ATTRIBUTE_USER:
		return read_name(r, &e->user, &e->user_len);
	case ATTRIBUTE_GROUP:
		return read_name(r, &e->group, &e->group_len);
	case ATTRIBUTE_SIZE:
		if (cbor_read_uint(r, ENTRY_SIZE_MAX, &e->size) < 0)
			return ERR_FORMAT;
		return e->size != 0 ? 0 : failed(ERR_FORMAT, "%s: a size of 0 before byte %zu", r->what, r->at);
	case ATTRIBUTE_CONTENT:
		return read_content(r, &e->content);
	case ATTRIBUTE_FINGERPRINT:
		return cbor_read_bytes_of(r, DIGEST_SIZE, e->fingerprint);
	case ATTRIBUTE_EXTENTS:
		return read_extents(r, e, lists);
	case ATTRIBUTE_CHANGED:
		if (cbor_read_bool(r, &e->changed) < 0)
			return ERR_FORMAT;
		return e->changed ? 0 : failed(ERR_FORMAT, "%s: a false before byte %zu", r->what, r->at);
	case ATTRIBUTE_TARGET:
		return read_string(r, ENTRY_TARGET_MAX, &e->target, &e->target_len);
	case ATTRIBUTE_LINK:
		return read_string(r, ENTRY_PATH_MAX, &e->link, &e->link_len);
	case ATTRIBUTE_DEVICE:
		if (cbor_read_array_of(r, 2) < 0 || cbor_read_u32(r, UINT32_MAX, &e->major) < 0)
			return ERR_FORMAT;
		return cbor_read_u32(r, UINT32_MAX, &e->minor);
	case ATTRIBUTE_XATTRS:
		return read_xattrs(r, e, lists);
	case ATTRIBUTE_SHA256:
		e->has_sha256 = true;
		return cbor_read_bytes_of(r, DIGEST_SIZE, e->sha256);
	case ATTRIBUTE_COUNT:
	default:
		break;
	}
	die(__FILE__, __LINE__, "an attribute that cannot be read");
}

static int read_attributes(struct cbor_reader *r, struct entry *e, struct entry_lists *lists)
{
	size_t pairs = 0;
	uint32_t seen = 0, attribute = 0;

	if (cbor_read_map(r, ATTRIBUTE_COUNT, &pairs) < 0)
		return ERR_FORMAT;
	for (size_t i = 0; i < pairs; i++) {
		if (cbor_read_u32(r, ATTRIBUTE_COUNT - 1, &attribute) < 0)
			return ERR_FORMAT;
		if (seen >> attribute != 0)
			return failed(ERR_FORMAT, "%s: attributes are not in ascending order at byte %zu", r->what,
				      r->at);
		seen |= 1u << attribute;
		if (read_attribute(r, (enum attribute)attribute, e, lists) < 0)
			return ERR_FORMAT;
	}
	if ((seen & ~allowed_attributes(e)) != 0)
		return bad(e, "an attribute that its type does not have");
	if ((required_attributes(e) & ~seen) != 0)
		return bad(e, "an attribute is missing");
	return 0;
}

int entry_read(struct cbor_reader *r, struct entry *e, struct entry_lists *lists)
{
	size_t start = r->at;
	uint32_t type = 0;

	*e = (struct entry){ .user = "", .group = "" };
	if (cbor_read_array_of(r, 8) < 0 || read_string(r, ENTRY_PATH_MAX, &e->path, &e->path_len) < 0 ||
	    cbor_read_u32(r, ENTRY_BLOCK, &type) < 0 || cbor_read_u32(r, 07777, &e->mode) < 0 ||
	    cbor_read_u32(r, UINT32_MAX, &e->uid) < 0 || cbor_read_u32(r, UINT32_MAX, &e->gid) < 0 ||
	    cbor_read_int(r, &e->mtime) < 0 || cbor_read_u32(r, 999999999, &e->mtime_ns) < 0)
		return ERR_FORMAT;
	e->type = (enum entry_type)type;
	if (read_attributes(r, e, lists) < 0)
		return ERR_FORMAT;
	return r->at - start <= ENTRY_MAX ? 0 : bad(e, "is larger than the limit of an entry");
}
