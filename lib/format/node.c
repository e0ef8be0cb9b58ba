#include "format/node.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "crypto/secret.h"
#include "format/cbor.h"
#include "format/entry.h"

/* Bytes of a finished node at most: around its lists, and of one child in them. */
#define FRAME_MAX 32
#define CHILD_MAX (ID_SIZE + KEY_SIZE + 9)

/* ---- writing ---- */

struct node_secrets { /* guarded */
	uint8_t keys[NODE_CHILDREN_MAX][KEY_SIZE];
};

struct node_writer {
	enum node_type type;
	uint32_t level, child_count, entry_count; /* entries, or paths of a branch */
	uint64_t bytes;                           /* sum of the children's sizes */
	struct node_secrets *secrets;
	uint8_t (*ids)[ID_SIZE];
	struct node_child *children; /* pointing into ids and keys */
	struct buf body, plain;      /* guarded: encoded entries or paths; the finished node */
	uint32_t last_len;
	char last[ENTRY_PATH_MAX]; /* the path added last */
};

struct node_writer *node_writer_new(void)
{
	struct node_writer *w = xcalloc(1, sizeof *w);

	w->secrets = secret_new(sizeof *w->secrets);
	w->ids = xcalloc(NODE_CHILDREN_MAX, sizeof *w->ids);
	w->children = xcalloc(NODE_CHILDREN_MAX, sizeof *w->children);
	for (size_t i = 0; i < NODE_CHILDREN_MAX; i++)
		w->children[i] = (struct node_child){ .id = w->ids[i], .key = w->secrets->keys[i] };
	buf_init_guarded(&w->body, NODE_MAX, "node");
	buf_init_guarded(&w->plain, NODE_MAX, "node");
	return w;
}

void node_writer_free(struct node_writer *w)
{
	if (w == NULL)
		return;
	buf_release(&w->body);
	buf_release(&w->plain);
	secret_free(w->secrets);
	free(w->ids);
	free(w->children);
	free(w);
}

void node_writer_reset(struct node_writer *w, enum node_type type, uint32_t level)
{
	must(type == NODE_ENTRIES ? level == 0 : level >= 1 && level <= NODE_LEVEL_MAX);
	w->type = type;
	w->level = level;
	w->child_count = w->entry_count = w->last_len = 0;
	w->bytes = 0;
	/*
	 * Not buf_clear(), which would wipe all of their maximum for every node: they are guarded, and wiped when
	 * freed.
	 */
	w->body.len = w->plain.len = 0;
}

uint32_t node_writer_children(const struct node_writer *w)
{
	return w->child_count;
}

uint32_t node_writer_entries(const struct node_writer *w)
{
	return w->entry_count;
}

bool node_writer_find(const struct node_writer *w, const uint8_t id[ID_SIZE], uint32_t *index)
{
	for (*index = w->child_count; (*index)-- > 0;) {
		if (memcmp(w->ids[*index], id, ID_SIZE) == 0)
			return true;
	}
	return false;
}

size_t node_writer_size(const struct node_writer *w)
{
	return FRAME_MAX + w->child_count * (size_t)CHILD_MAX + w->body.len;
}

int node_add_child(struct node_writer *w, const uint8_t id[ID_SIZE], const uint8_t key[KEY_SIZE], uint64_t size,
		   uint32_t *index)
{
	if (w->child_count == NODE_CHILDREN_MAX)
		return failed(ERR_FORMAT, "node: more than %u children", NODE_CHILDREN_MAX);
	if (node_writer_size(w) + CHILD_MAX > NODE_MAX)
		return failed(ERR_FORMAT, "node: larger than %u bytes", NODE_MAX);
	/* Only a subtree of entries can be without content. */
	if ((size == 0 && w->type != NODE_BRANCH) || size > ENTRY_SIZE_MAX - w->bytes)
		return failed(ERR_FORMAT, "node: a child of %llu bytes", (unsigned long long)size);
	w->bytes += size;
	memcpy(w->ids[w->child_count], id, ID_SIZE);
	memcpy(w->secrets->keys[w->child_count], key, KEY_SIZE);
	w->children[w->child_count].size = size;
	*index = w->child_count++;
	return 0;
}

/* 0 if `path` comes behind the one added last. */
static int check_order(const struct node_writer *w, const char *path, size_t len)
{
	char shown[256];

	if (w->entry_count == 0 || path_compare(w->last, w->last_len, path, len) < 0)
		return 0;
	return failed(ERR_FORMAT, "node: '%s' is not in path order", log_printable(path, len, shown, sizeof shown));
}

/* Keeps what was appended to the body since `start`, unless it is too much. */
static int keep(struct node_writer *w, size_t start, int code, const char *path, size_t len)
{
	if (code == 0 && w->body.len - start > ENTRY_MAX)
		code = failed(ERR_FORMAT, "node: an entry of %zu bytes, the limit is %u", w->body.len - start,
			      ENTRY_MAX);
	if (code == 0 && node_writer_size(w) > NODE_MAX)
		code = failed(ERR_FORMAT, "node: larger than %u bytes", NODE_MAX);
	if (code < 0) {
		w->body.len = start;
		return code;
	}
	memcpy(w->last, path, len);
	w->last_len = (uint32_t)len;
	w->entry_count++;
	return 0;
}

int node_add_entry(struct node_writer *w, const struct entry *e)
{
	size_t start = w->body.len;

	must(w->type == NODE_ENTRIES);
	if (w->entry_count == NODE_ENTRIES_MAX)
		return failed(ERR_FORMAT, "node: more than %u entries", NODE_ENTRIES_MAX);
	if (entry_check(e, w->children, w->child_count) < 0 || check_order(w, e->path, e->path_len) < 0)
		return ERR_FORMAT;
	return keep(w, start, entry_write(&w->body, e), e->path, e->path_len);
}

int node_add_branch(struct node_writer *w, const char *first_path, size_t len)
{
	size_t start = w->body.len;
	int code = path_check(first_path, len);

	must(w->type == NODE_BRANCH && w->entry_count + 1 == w->child_count);
	if (code == 0)
		code = check_order(w, first_path, len);
	if (code == 0)
		code = keep(w, start, cbor_write_bytes(&w->body, first_path, len), first_path, len);
	if (code < 0)
		w->bytes -= w->children[--w->child_count].size;
	return code;
}

int node_finish(struct node_writer *w, const uint8_t **plain, size_t *len, const uint8_t (**children)[ID_SIZE],
		uint32_t *count)
{
	struct buf *out = &w->plain;

	must(w->type == NODE_ENTRIES ? w->entry_count > 0 : w->child_count > 0);
	must(w->type != NODE_BRANCH || w->entry_count == w->child_count);
	out->len = 0;
	if (cbor_write_array(out, 6) < 0 || cbor_write_uint(out, w->type) < 0 || cbor_write_uint(out, w->level) < 0 ||
	    cbor_write_bytes(out, w->ids, w->child_count * (size_t)ID_SIZE) < 0 ||
	    cbor_write_bytes(out, w->secrets->keys, w->child_count * (size_t)KEY_SIZE) < 0 ||
	    cbor_write_array(out, w->child_count) < 0)
		return ERR_FORMAT;
	for (uint32_t i = 0; i < w->child_count; i++)
		if (cbor_write_uint(out, w->children[i].size) < 0)
			return ERR_FORMAT;
	if (cbor_write_array(out, w->entry_count) < 0 || buf_append(out, w->body.data, w->body.len) < 0)
		return ERR_FORMAT;
	*plain = out->data;
	*len = out->len;
	*children = (const uint8_t(*)[ID_SIZE])w->ids;
	*count = w->child_count;
	return 0;
}

/* ---- reading ---- */

void node_release(struct node *n)
{
	free(n->children);
	free(n->entries);
	free(n->xattrs);
	free(n->extents);
	*n = (struct node){ 0 };
}

static int read_type(struct cbor_reader *r, struct node *n)
{
	uint32_t type = 0;

	if (cbor_read_array_of(r, 6) < 0 || cbor_read_u32(r, NODE_BRANCH, &type) < 0 ||
	    cbor_read_u32(r, NODE_LEVEL_MAX, &n->level) < 0)
		return ERR_FORMAT;
	n->type = (enum node_type)type;
	if ((n->type == NODE_ENTRIES) != (n->level == 0))
		return failed(ERR_FORMAT, "node: type %u at level %u", type, n->level);
	return 0;
}

static int read_children(struct cbor_reader *r, struct node *n)
{
	const uint8_t *ids = NULL, *keys = NULL;
	size_t ids_len = 0, keys_len = 0, sizes = 0;

	if (cbor_read_bytes(r, (size_t)NODE_CHILDREN_MAX * ID_SIZE, &ids, &ids_len) < 0 ||
	    cbor_read_bytes(r, (size_t)NODE_CHILDREN_MAX * KEY_SIZE, &keys, &keys_len) < 0 ||
	    cbor_read_array(r, NODE_CHILDREN_MAX, &sizes) < 0)
		return ERR_FORMAT;
	if (ids_len != sizes * ID_SIZE || keys_len != sizes * KEY_SIZE)
		return failed(ERR_FORMAT, "node: its lists of children have different lengths");
	if (sizes == 0 && n->type != NODE_ENTRIES)
		return failed(ERR_FORMAT, "node: it has no children");

	n->child_count = (uint32_t)sizes;
	n->children = xcalloc(sizes, sizeof *n->children);
	for (size_t i = 0; i < sizes; i++) {
		struct node_child *c = &n->children[i];

		c->id = ids + i * ID_SIZE;
		c->key = keys + i * KEY_SIZE;
		if (cbor_read_uint(r, ENTRY_SIZE_MAX, &c->size) < 0)
			return ERR_FORMAT;
		if (c->size == 0 && n->type != NODE_BRANCH)
			return failed(ERR_FORMAT, "node: a child of no bytes");
		if (c->size > ENTRY_SIZE_MAX - n->bytes)
			return failed(ERR_FORMAT, "node: its children have more bytes than any tree");
		n->bytes += c->size;
	}
	return 0;
}

static int read_branch(struct cbor_reader *r, struct node *n)
{
	if (cbor_read_array_of(r, n->child_count) < 0)
		return ERR_FORMAT;
	for (uint32_t i = 0; i < n->child_count; i++) {
		struct node_child *c = &n->children[i];
		const uint8_t *path = NULL;
		size_t len = 0;

		if (cbor_read_bytes(r, ENTRY_PATH_MAX, &path, &len) < 0)
			return ERR_FORMAT;
		c->first_path = (const char *)path;
		c->first_path_len = (uint32_t)len;
		if (path_check(c->first_path, len) < 0)
			return ERR_FORMAT;
		if (i != 0 && path_compare(c[-1].first_path, c[-1].first_path_len, c->first_path, len) >= 0)
			return failed(ERR_FORMAT, "node: its children are not in path order");
	}
	return 0;
}

/* Entries follow one another in the lists, which stand still now. */
static void point_into_lists(struct node *n, const struct entry_lists *lists)
{
	struct xattr *xattr = lists->xattrs;
	struct extent *extent = lists->extents;

	for (uint32_t i = 0; i < n->entry_count; i++) {
		struct entry *e = &n->entries[i];

		if (e->xattr_count != 0) {
			e->xattrs = xattr;
			xattr += e->xattr_count;
		}
		if (e->extent_count != 0) {
			e->extents = extent;
			extent += e->extent_count;
		}
	}
}

static int read_entries(struct cbor_reader *r, struct node *n)
{
	struct entry_lists lists = { 0 };
	size_t count = 0;
	int code = 0;

	if (cbor_read_array(r, NODE_ENTRIES_MAX, &count) < 0)
		return ERR_FORMAT;
	if (count == 0)
		return failed(ERR_FORMAT, "node: it has no entries");
	n->entries = xcalloc(count, sizeof *n->entries);
	for (size_t i = 0; i < count && code == 0; i++)
		code = entry_read(r, &n->entries[i], &lists);
	n->entry_count = (uint32_t)count;
	n->xattrs = lists.xattrs;
	n->extents = lists.extents;
	if (code < 0)
		return code;

	point_into_lists(n, &lists);
	for (size_t i = 0; i < count; i++) {
		const struct entry *e = &n->entries[i];

		if (entry_check(e, n->children, n->child_count) < 0)
			return ERR_FORMAT;
		if (i != 0 && path_compare(e[-1].path, e[-1].path_len, e->path, e->path_len) >= 0)
			return failed(ERR_FORMAT, "node: its entries are not in path order");
	}
	return 0;
}

int node_decode(const uint8_t *plain, size_t len, struct node *out)
{
	struct cbor_reader r;
	int code;

	*out = (struct node){ 0 };
	if (len > NODE_MAX)
		return failed(ERR_FORMAT, "node: %zu bytes, the limit is %u", len, NODE_MAX);
	cbor_reader_init(&r, plain, len, "node");
	if (read_type(&r, out) < 0 || read_children(&r, out) < 0)
		return ERR_FORMAT;
	if (out->type == NODE_ENTRIES)
		code = read_entries(&r, out);
	else if (out->type == NODE_BRANCH)
		code = read_branch(&r, out);
	else
		code = cbor_read_array_of(&r, 0);
	return code < 0 ? code : cbor_read_end(&r);
}

int node_check_children(const struct node *n, const uint8_t (*children)[ID_SIZE], size_t count)
{
	bool same = count == n->child_count;

	for (size_t i = 0; same && i < count; i++)
		same = memcmp(n->children[i].id, children[i], ID_SIZE) == 0;
	return same ? 0 : failed(ERR_INTEGRITY, "the clear list of a node's children is not the one within it");
}
