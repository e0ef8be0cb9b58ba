#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "format/cbor.h"
#include "format/node.h"

/* Golden vectors with every attribute are in golden_test.c: here are limits, and what breaks a rule. */

static uint8_t id[ID_SIZE] = "an id", key[KEY_SIZE] = "a key";

#define PATH(text) .path = (text), .path_len = sizeof(text) - 1

static int set_up(void **state)
{
	*state = node_writer_new();
	return 0;
}

static int tear_down(void **state)
{
	node_writer_free(*state);
	return 0;
}

static void add_child(struct node_writer *w, uint64_t size)
{
	uint32_t index, before = node_writer_children(w);

	assert_int_equal(node_add_child(w, id, key, size, &index), 0);
	assert_int_equal(index, before);
}

/* Finishes and decodes. */
static int decode(struct node_writer *w, struct node *n)
{
	const uint8_t *plain, (*children)[ID_SIZE];
	uint32_t count;
	size_t len;

	assert_int_equal(node_finish(w, &plain, &len, &children, &count), 0);
	assert_true(len <= node_writer_size(w));
	assert_int_equal(count, node_writer_children(w));
	int code = node_decode(plain, len, n);
	if (code == 0)
		assert_int_equal(node_check_children(n, children, count), 0);
	return code;
}

static void a_writer_can_be_used_again_for_any_type(void **state)
{
	struct entry root = { PATH(""), .type = ENTRY_FOLDER };
	struct node n;

	for (int round = 0; round < 2; round++) {
		node_writer_reset(*state, NODE_ENTRIES, 0);
		assert_int_equal(node_add_entry(*state, &root), 0);
		assert_int_equal(node_writer_entries(*state), 1);
		assert_int_equal(decode(*state, &n), 0);
		assert_int_equal(n.type, NODE_ENTRIES);
		assert_int_equal(n.child_count, 0);
		assert_int_equal(n.entries[0].path_len, 0);
		node_release(&n);

		node_writer_reset(*state, NODE_LIST, NODE_LEVEL_MAX);
		add_child(*state, 5);
		add_child(*state, ENTRY_SIZE_MAX - 5);
		assert_int_equal(decode(*state, &n), 0);
		assert_true(n.type == NODE_LIST && n.level == NODE_LEVEL_MAX);
		assert_true(n.bytes == ENTRY_SIZE_MAX);
		assert_memory_equal(n.children[1].id, id, ID_SIZE);
		assert_memory_equal(n.children[1].key, key, KEY_SIZE);
		node_release(&n);

		node_writer_reset(*state, NODE_BRANCH, 1);
		add_child(*state, 0);
		assert_int_equal(node_add_branch(*state, "", 0), 0);
		add_child(*state, 7);
		assert_int_equal(node_add_branch(*state, "a/b", 3), 0);
		assert_int_equal(decode(*state, &n), 0);
		assert_int_equal(n.bytes, 7);
		assert_memory_equal(n.children[1].first_path, "a/b", 3);
		node_release(&n);
	}
}

static const struct xattr two_xattrs[] = { { .name = "user.b", .name_len = 6, .value = id, .value_len = 2 },
					   { .name = "user.bb", .name_len = 7, .value = id, .value_len = 0 } };
static const struct xattr unordered_xattrs[] = { { .name = "user.b", .name_len = 6 },
						 { .name = "user.a", .name_len = 6 } };
static const struct xattr same_xattrs[] = { { .name = "user.b", .name_len = 6 }, { .name = "user.b", .name_len = 6 } };
static const struct xattr shorter_xattr[] = { { .name = "user.bb", .name_len = 7 },
					      { .name = "user.b", .name_len = 6 } };
static const struct xattr unnamed_xattr[] = { { .name = "", .name_len = 0 } };
static const struct xattr nul_xattr[] = { { .name = "a\0b", .name_len = 3 } };
static const struct xattr long_xattr[] = { { .name = "user.b", .name_len = 6, .value = id, .value_len = 65537 } };
static const struct extent extents[] = { { 10, 20 }, { 30, 5 } };
static const struct extent overlapping[] = { { 10, 20 }, { 29, 5 } };
static const struct extent empty_extent[] = { { 10, 25 }, { 40, 0 } };
static const struct extent beyond[] = { { 10, 20 }, { 96, 5 } };
static const struct extent far_beyond[] = { { 10, 20 }, { UINT64_MAX, 5 } };

#define FILE_OF(length)     PATH("f"), .type = ENTRY_FILE, .size = (length)
#define WHOLE(first, n)     .content = { .form = CONTENT_WHOLE, .child = (first), .count = (n) }
#define SLICE(first, at, n) .content = { .form = CONTENT_SLICE, .child = (first), .offset = (at), .length = (n) }
#define LIST(first)         .content = { .form = CONTENT_LIST, .child = (first) }
#define LINK(path)          .link = (path), .link_len = sizeof(path) - 1

/* Children of these entries: 100, 25 and 1000 bytes. */
static const struct {
	const char *message; /* NULL: accepted */
	struct entry entry;
} entries[] = {
	{ NULL, { FILE_OF(0) } },
	{ NULL, { FILE_OF(100), WHOLE(0, 1) } },
	{ NULL, { FILE_OF(125), WHOLE(0, 2) } },
	{ NULL, { FILE_OF(1025), WHOLE(1, 2) } },
	{ NULL, { FILE_OF(25), SLICE(1, 0, 25) } },
	{ NULL, { FILE_OF(1), SLICE(0, 99, 1) } },
	{ NULL, { FILE_OF(1000), LIST(2) } },
	{ NULL, { FILE_OF(100), .sparse = true } },
	{ NULL, { FILE_OF(100), WHOLE(1, 1), .sparse = true, .extents = extents, .extent_count = 2 } },
	{ NULL, { FILE_OF(9), LINK("e") } },
	{ NULL, { PATH("a/b"), .type = ENTRY_FIFO, LINK("a/a") } },
	{ NULL, { PATH("l"), .type = ENTRY_SYMLINK, .target = "/", .target_len = 1 } },
	{ NULL, { PATH("c"), .type = ENTRY_CHAR, .major = UINT32_MAX, .minor = UINT32_MAX } },
	{ NULL, { PATH("b"), .type = ENTRY_BLOCK } },
	{ NULL, { PATH("s"), .type = ENTRY_SOCKET, .uid = UINT32_MAX, .gid = UINT32_MAX, .mtime = INT64_MIN } },
	{ NULL, { PATH("x"), .type = ENTRY_FOLDER, .mode = 07777, .mtime = INT64_MAX, .mtime_ns = 999999999 } },
	{ NULL, { PATH("x"), .type = ENTRY_FOLDER, .xattrs = two_xattrs, .xattr_count = 2 } },
	{ "has a size but no content", { FILE_OF(1) } },
	{ "content has another length", { FILE_OF(99), WHOLE(0, 1) } },
	{ "content has another length", { FILE_OF(101), WHOLE(0, 1) } },
	{ "content has another length", { FILE_OF(100), WHOLE(0, 3) } },
	{ "content has another length", { FILE_OF(0), SLICE(0, 0, 0) } },
	{ "content has another length", { FILE_OF(2), SLICE(0, 0, 1) } },
	{ "content has another length", { FILE_OF(999), LIST(2) } },
	{ "content has another length",
	  { FILE_OF(100), WHOLE(0, 1), .sparse = true, .extents = extents, .extent_count = 2 } },
	{ "outside of its node's children", { FILE_OF(100), WHOLE(3, 1) } },
	{ "outside of its node's children", { FILE_OF(100), WHOLE(2, 2) } },
	{ "outside of its node's children", { FILE_OF(100), WHOLE(1, UINT32_MAX) } },
	{ "outside of its node's children", { FILE_OF(100), WHOLE(0, 0) } },
	{ "outside of its node's children", { FILE_OF(100), LIST(3) } },
	{ "outside of its child", { FILE_OF(2), SLICE(0, 99, 2) } },
	{ "outside of its child", { FILE_OF(2), SLICE(0, UINT64_MAX, 2) } },
	{ "content of an unknown form", { FILE_OF(2), .content = { .form = (enum content_form)4 } } },
	{ "extents are not ascending",
	  { FILE_OF(100), WHOLE(1, 1), .sparse = true, .extents = overlapping, .extent_count = 2 } },
	{ "extents are not ascending",
	  { FILE_OF(100), WHOLE(1, 1), .sparse = true, .extents = empty_extent, .extent_count = 2 } },
	{ "extents are not ascending",
	  { FILE_OF(100), WHOLE(1, 1), .sparse = true, .extents = beyond, .extent_count = 2 } },
	{ "extents are not ascending",
	  { FILE_OF(100), WHOLE(1, 1), .sparse = true, .extents = far_beyond, .extent_count = 2 } },
	{ "more than 8192 extents", { FILE_OF(100), .sparse = true, .extents = extents, .extent_count = 8193 } },
	{ "larger than the limit of 4 EiB", { FILE_OF(ENTRY_SIZE_MAX + 1), .sparse = true } },
	{ "larger than the limit of 4 EiB", { FILE_OF(ENTRY_SIZE_MAX + 1), LINK("e") } },
	{ "a hard link to an entry that does not come before it", { FILE_OF(0), LINK("f") } },
	{ "a hard link to an entry that does not come before it", { FILE_OF(0), LINK("g") } },
	{ "a hard link to an entry that does not come before it", { FILE_OF(0), LINK("") } },
	{ "has a component '.' or '..'", { FILE_OF(0), LINK("../e") } },
	{ "a hard link to a folder", { PATH("f"), .type = ENTRY_FOLDER, LINK("e") } },
	{ "the root is not a folder", { PATH(""), .type = ENTRY_FIFO } },
	{ "has a component '.' or '..'", { PATH("a/../../b"), .type = ENTRY_FIFO } },
	{ "has an empty component", { PATH("/etc/passwd"), .type = ENTRY_FIFO } },
	{ "target is not", { PATH("l"), .type = ENTRY_SYMLINK } },
	{ "target is not", { PATH("l"), .type = ENTRY_SYMLINK, .target = "a\0b", .target_len = 3 } },
	{ "an unknown type", { PATH("l"), .type = (enum entry_type)7 } },
	{ "mode bits beyond 07777", { PATH("l"), .type = ENTRY_FIFO, .mode = 010000 } },
	{ "nanoseconds", { PATH("l"), .type = ENTRY_FIFO, .mtime_ns = 1000000000 } },
	{ "an owner's name", { PATH("l"), .type = ENTRY_FIFO, .user = (const char *)id, .user_len = 256 } },
	{ "an owner's name", { PATH("l"), .type = ENTRY_FIFO, .group = (const char *)id, .group_len = 256 } },
	{ "not in ascending order", { PATH("x"), .type = ENTRY_FIFO, .xattrs = unordered_xattrs, .xattr_count = 2 } },
	{ "not in ascending order", { PATH("x"), .type = ENTRY_FIFO, .xattrs = same_xattrs, .xattr_count = 2 } },
	{ "not in ascending order", { PATH("x"), .type = ENTRY_FIFO, .xattrs = shorter_xattr, .xattr_count = 2 } },
	{ "the name of an extended", { PATH("x"), .type = ENTRY_FIFO, .xattrs = unnamed_xattr, .xattr_count = 1 } },
	{ "the name of an extended", { PATH("x"), .type = ENTRY_FIFO, .xattrs = nul_xattr, .xattr_count = 1 } },
	{ "longer than 64 KiB", { PATH("x"), .type = ENTRY_FIFO, .xattrs = long_xattr, .xattr_count = 1 } },
	{ "more than 1024 extended", { PATH("x"), .type = ENTRY_FIFO, .xattrs = two_xattrs, .xattr_count = 1025 } },
};

static void an_entry_is_written_only_when_a_reader_takes_it(void **state)
{
	for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++) {
		const struct entry *e = &entries[i].entry;
		struct node n;

		node_writer_reset(*state, NODE_ENTRIES, 0);
		add_child(*state, 100);
		add_child(*state, 25);
		add_child(*state, 1000);
		size_t before = node_writer_size(*state);
		int code = node_add_entry(*state, e);
		if (code == 0 && entries[i].message == NULL) {
			assert_int_equal(decode(*state, &n), 0);
			assert_memory_equal(n.entries[0].path, e->path, e->path_len);
			assert_memory_equal(&n.entries[0].content, &e->content, sizeof e->content);
			assert_int_equal(n.entries[0].size, e->size);
			assert_int_equal(n.entries[0].link_len, e->link_len);
			assert_true(n.entries[0].mtime == e->mtime);
			node_release(&n);
			continue;
		}
		assert_int_equal(code, ERR_FORMAT);
		if (entries[i].message == NULL || strstr(err_message(), entries[i].message) == NULL)
			fail_msg("row %zu: '%s'", i, err_message());
		assert_int_equal(node_writer_size(*state), before);
	}
}

static void entries_and_branches_are_taken_in_path_order_only(void **state)
{
	static const char *const after_ab[] = { "a/b", "a", "", "a/a", "A" };
	struct entry e = { PATH("a/b"), .type = ENTRY_FIFO };

	node_writer_reset(*state, NODE_ENTRIES, 0);
	assert_int_equal(node_add_entry(*state, &e), 0);
	for (size_t i = 0; i < sizeof after_ab / sizeof after_ab[0]; i++) {
		e.path = after_ab[i];
		e.path_len = (uint32_t)strlen(after_ab[i]);
		e.type = ENTRY_FOLDER;
		assert_int_equal(node_add_entry(*state, &e), ERR_FORMAT);
		assert_non_null(strstr(err_message(), "is not in path order"));
	}
	assert_int_equal(node_writer_entries(*state), 1);

	node_writer_reset(*state, NODE_BRANCH, 1);
	add_child(*state, 1);
	assert_int_equal(node_add_branch(*state, "a/b", 3), 0);
	add_child(*state, 2);
	assert_int_equal(node_add_branch(*state, "a/b", 3), ERR_FORMAT);
	assert_int_equal(node_writer_children(*state), 1); /* the child is out again */
	add_child(*state, 2);
	assert_int_equal(node_add_branch(*state, "a/../c", 6), ERR_FORMAT);
	add_child(*state, 2);
	assert_int_equal(node_add_branch(*state, "a.b", 3), 0); /* '/' sorts below '.' */

	struct node n;
	assert_int_equal(decode(*state, &n), 0);
	assert_int_equal(n.bytes, 3);
	node_release(&n);
}

static void a_node_is_full_before_it_passes_a_limit(void **state)
{
	char path[16], *long_path = xmalloc(ENTRY_PATH_MAX);
	struct entry e = { .path = path, .type = ENTRY_FIFO };
	uint32_t index, count = 0;
	struct node n;

	/* Entries by number. */
	node_writer_reset(*state, NODE_ENTRIES, 0);
	for (;; count++) {
		e.path_len = (uint32_t)snprintf(path, sizeof path, "%08u", count);
		if (node_add_entry(*state, &e) < 0)
			break;
	}
	assert_int_equal(count, NODE_ENTRIES_MAX);
	assert_int_equal(decode(*state, &n), 0);
	node_release(&n);

	/* Children by number, and by bytes beneath. */
	node_writer_reset(*state, NODE_LIST, 1);
	while (node_add_child(*state, id, key, 1, &index) == 0)
		;
	assert_int_equal(node_writer_children(*state), NODE_CHILDREN_MAX);
	assert_true(node_writer_find(*state, id, &index));
	assert_int_equal(index, NODE_CHILDREN_MAX - 1);
	assert_false(node_writer_find(*state, key, &index));
	assert_int_equal(decode(*state, &n), 0);
	node_release(&n);
	node_writer_reset(*state, NODE_LIST, 1);
	add_child(*state, ENTRY_SIZE_MAX);
	assert_int_equal(node_add_child(*state, id, key, 1, &index), ERR_FORMAT);
	assert_int_equal(node_add_child(*state, id, key, 0, &index), ERR_FORMAT);

	/* Bytes: long paths in a branch and in entries. */
	memset(long_path, 'x', ENTRY_PATH_MAX);
	for (size_t i = 100; i < ENTRY_PATH_MAX; i += 101)
		long_path[i] = '/';
	node_writer_reset(*state, NODE_BRANCH, 1);
	for (count = 0;; count++) {
		long_path[0] = (char)('A' + count);
		if (node_add_child(*state, id, key, 1, &index) < 0 ||
		    node_add_branch(*state, long_path, ENTRY_PATH_MAX - 1) < 0)
			break;
	}
	assert_int_equal(count, 15);
	assert_int_equal(decode(*state, &n), 0);
	node_release(&n);
	node_writer_reset(*state, NODE_ENTRIES, 0);
	e.path = long_path;
	e.path_len = ENTRY_PATH_MAX - 1;
	for (count = 0;; count++) {
		long_path[0] = (char)('A' + count);
		if (node_add_entry(*state, &e) < 0)
			break;
	}
	assert_int_equal(count, 15);
	assert_int_equal(decode(*state, &n), 0);
	node_release(&n);
	while (node_add_child(*state, id, key, 1, &index) == 0)
		;
	assert_non_null(strstr(err_message(), "larger than 1048576 bytes"));
	assert_true(node_writer_size(*state) <= NODE_MAX);
	free(long_path);
}

static void one_entry_has_a_limit_of_its_own(void **state)
{
	static uint8_t value[65536];
	static char names[12][8];
	struct xattr xattrs[12];
	struct entry e = { PATH("x"), .type = ENTRY_FIFO, .xattrs = xattrs, .xattr_count = 9 };

	for (unsigned i = 0; i < 12; i++) {
		snprintf(names[i], sizeof names[i], "user.%c", 'a' + i);
		xattrs[i] = (struct xattr){
			.name = names[i], .name_len = 6, .value = value, .value_len = sizeof value
		};
	}
	node_writer_reset(*state, NODE_ENTRIES, 0);
	assert_int_equal(node_add_entry(*state, &e), 0);
	node_writer_reset(*state, NODE_ENTRIES, 0);
	e.xattr_count = 12;
	assert_int_equal(node_add_entry(*state, &e), ERR_FORMAT);
	assert_non_null(strstr(err_message(), "the limit is 655360"));
}

/* A node in hex-like pieces: type, level, ids, keys, sizes, then the encoded body. */
static int decode_raw(unsigned type, unsigned level, size_t ids, size_t keys, const uint64_t *sizes, size_t size_count,
		      const char *body, size_t body_len)
{
	static const uint8_t zero[4 * ID_SIZE];
	_buf_ struct buf out = { 0 };
	struct node n;
	int code = 0;

	buf_init(&out, 4096, "node");
	code |= cbor_write_array(&out, 6) | cbor_write_uint(&out, type) | cbor_write_uint(&out, level);
	code |= cbor_write_bytes(&out, zero, ids) | cbor_write_bytes(&out, zero, keys) |
		cbor_write_array(&out, size_count);
	for (size_t i = 0; i < size_count; i++)
		code |= cbor_write_uint(&out, sizes[i]);
	code |= buf_append(&out, body, body_len);
	assert_int_equal(code, 0);
	code = node_decode(out.data, out.len, &n);
	node_release(&n);
	return code;
}

#define FIFO    "\x88\x41x\x03\x00\x00\x00\x00\x00" /* an entry up to its map */
#define REGULAR "\x88\x41x\x00\x00\x00\x00\x00\x00"
#define PRINT                                                                                                          \
	"\x04\x58\x20"                                                                                                 \
	"................................" /* a fingerprint */
#define SUM                                                                                                            \
	"\x0b\x58\x20"                                                                                                 \
	"................................" /* a SHA-256 */
#define ROW(message, type, level, ids, keys, sizes, body)                                                              \
	{                                                                                                              \
		message, type, level, ids, keys, sizes, body, sizeof(body) - 1                                         \
	}

static void nodes_that_break_a_rule_are_refused(void **state)
{
	static const uint64_t sizes[] = { 1, 2, 3 };
	static const struct {
		const char *message;
		unsigned type, level;
		size_t ids, keys, sizes;
		const char *body;
		size_t body_len;
	} rows[] = {
		ROW(NULL, 0, 0, 0, 0, 0, "\x81" FIFO "\xa0"),
		ROW(NULL, 1, 1, 64, 64, 2, "\x80"),
		ROW(NULL, 2, 16, 64, 64, 2, "\x82\x40\x41x"),
		ROW("is 3, the limit is 2", 3, 0, 0, 0, 0, "\x80"),
		ROW("type 0 at level 1", 0, 1, 0, 0, 0, "\x81" FIFO "\xa0"),
		ROW("type 1 at level 0", 1, 0, 64, 64, 2, "\x80"),
		ROW("type 2 at level 0", 2, 0, 64, 64, 2, "\x82\x40\x41x"),
		ROW("is 17, the limit is 16", 1, 17, 64, 64, 2, "\x80"),
		ROW("different lengths", 1, 1, 64, 32, 2, "\x80"),
		ROW("different lengths", 1, 1, 64, 64, 1, "\x80"),
		ROW("different lengths", 1, 1, 63, 64, 2, "\x80"),
		ROW("it has no children", 1, 1, 0, 0, 0, "\x80"),
		ROW("it has no children", 2, 1, 0, 0, 0, "\x80"),
		ROW("it has no entries", 0, 0, 0, 0, 0, "\x80"),
		ROW("1 items instead of 0", 1, 1, 64, 64, 2, "\x81\x00"),
		ROW("1 items instead of 2", 2, 1, 64, 64, 2, "\x81\x40"),
		ROW("not in path order", 2, 1, 64, 64, 2, "\x82\x41x\x41x"),
		ROW("'.' or '..'", 2, 1, 64, 64, 2, "\x82\x40\x42.."),
		ROW("1 bytes follow its end", 1, 1, 64, 64, 2, "\x80\x00"),
		ROW("not in path order", 0, 0, 0, 0, 0, "\x82" FIFO "\xa0" FIFO "\xa0"),
		ROW("ends early", 0, 0, 0, 0, 0, "\x82" FIFO "\xa0"),
		ROW("is 4097, the limit is 4096", 0, 0, 0, 0, 0, "\x99\x10\x01"),
		ROW("has 7 items instead of 8", 0, 0, 0, 0, 0, "\x81\x87\x41x\x03\x00\x00\x00\x00\xa0"),
		ROW("is 7, the limit is 6", 0, 0, 0, 0, 0, "\x81\x88\x41x\x07\x00\x00\x00\x00\x00\xa0"),
		ROW("not in ascending order", 0, 0, 0, 0, 0, "\x81" FIFO "\xa2\x01\x41g\x00\x41u"),
		ROW("not in ascending order", 0, 0, 0, 0, 0, "\x81" FIFO "\xa2\x01\x41g\x01\x41g"),
		ROW("is 12, the limit is 11", 0, 0, 0, 0, 0, "\x81" FIFO "\xa1\x0c\x41g"),
		ROW(NULL, 0, 0, 0, 0, 0, "\x81" REGULAR "\xa2" PRINT SUM),
		ROW(NULL, 0, 0, 0, 0, 0,
		    "\x81" REGULAR "\xa4\x02\x1b\x00\x00\x00\x10\x00\x00\x00\x00" PRINT "\x05\x80" SUM),
		ROW("though more than 64 GiB of it are holes", 0, 0, 0, 0, 0,
		    "\x81" REGULAR "\xa4\x02\x1b\x00\x00\x00\x10\x00\x00\x00\x01" PRINT "\x05\x80" SUM),
		ROW("has 31 bytes instead of 32", 0, 0, 0, 0, 0,
		    "\x81" REGULAR "\xa2" PRINT "\x0b\x58\x1f...............................0"),
		ROW("an attribute that its type does not have", 0, 0, 0, 0, 0, "\x81" FIFO "\xa1" SUM),
		ROW("an attribute that its type does not have", 0, 0, 0, 0, 0, "\x81" REGULAR "\xa2\x08\x41l" SUM),
		ROW("not in ascending order", 0, 0, 0, 0, 0, "\x81" REGULAR "\xa3" PRINT SUM SUM),
		ROW("an empty name", 0, 0, 0, 0, 0, "\x81" FIFO "\xa1\x00\x40"),
		ROW("an empty name", 0, 0, 0, 0, 0, "\x81" FIFO "\xa1\x01\x40"),
		ROW("an attribute that its type does not have", 0, 0, 0, 0, 0, "\x81" FIFO "\xa1\x02\x01"),
		ROW("an attribute that its type does not have", 0, 0, 0, 0, 0, "\x81" FIFO "\xa1\x07\x41t"),
		ROW("an attribute that its type does not have", 0, 0, 0, 0, 0,
		    "\x81" FIFO "\xa2\x08\x41l\x0a\x82\x41x\x40"),
		ROW("an attribute is missing", 0, 0, 0, 0, 0, "\x81" REGULAR "\xa0"),
		ROW("an attribute is missing", 0, 0, 0, 0, 0, "\x81\x88\x41x\x02\x00\x00\x00\x00\x00\xa0"),
		ROW("an attribute is missing", 0, 0, 0, 0, 0, "\x81\x88\x41x\x05\x00\x00\x00\x00\x00\xa0"),
		ROW("a size of 0", 0, 0, 0, 0, 0, "\x81" REGULAR "\xa2\x02\x00" PRINT),
		ROW(NULL, 0, 0, 32, 32, 1, "\x81" REGULAR "\xa3\x02\x01\x03\x83\x01\x00\x01" PRINT),
		ROW("content of an unknown form", 0, 0, 32, 32, 1, "\x81" REGULAR "\xa3\x02\x01\x03\x82\x00\x00" PRINT),
		ROW("content of an unknown form", 0, 0, 32, 32, 1, "\x81" REGULAR "\xa3\x02\x01\x03\x82\x01\x00" PRINT),
		ROW("content of an unknown form", 0, 0, 32, 32, 1,
		    "\x81" REGULAR "\xa3\x02\x01\x03\x83\x03\x00\x01" PRINT),
		ROW("is 4, the limit is 3", 0, 0, 32, 32, 1, "\x81" REGULAR "\xa3\x02\x01\x03\x82\x04\x00" PRINT),
		ROW(NULL, 0, 0, 0, 0, 0, "\x81" REGULAR "\xa2" PRINT "\x06\xf5"),
		ROW("a false", 0, 0, 0, 0, 0, "\x81" REGULAR "\xa2" PRINT "\x06\xf4"),
		ROW("has 1 items", 0, 0, 0, 0, 0, "\x81" REGULAR "\xa2" PRINT "\x05\x81\x01"),
		ROW("an empty list", 0, 0, 0, 0, 0, "\x81" FIFO "\xa1\x0a\x80"),
		ROW("has 1 items", 0, 0, 0, 0, 0, "\x81" FIFO "\xa1\x0a\x81\x41x"),
		ROW("expected a number", 0, 0, 0, 0, 0, "\x81\x88\x41x\x05\x00\x00\x00\x00\x00\xa1\x09\x82\x40\x01"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int code = decode_raw(rows[i].type, rows[i].level, rows[i].ids, rows[i].keys, sizes, rows[i].sizes,
				      rows[i].body, rows[i].body_len);

		if ((code == 0) != (rows[i].message == NULL))
			fail_msg("row %zu: %d, '%s'", i, code, err_message());
		if (rows[i].message != NULL && strstr(err_message(), rows[i].message) == NULL)
			fail_msg("row %zu: '%s' does not say '%s'", i, err_message(), rows[i].message);
	}
}

static void sizes_of_children_are_bounded(void **state)
{
	static const uint64_t zero[] = { 0 }, huge[] = { ENTRY_SIZE_MAX, 1 };

	(void)state;
	assert_int_equal(decode_raw(1, 1, 32, 32, zero, 1, "\x80", 1), ERR_FORMAT);
	assert_non_null(strstr(err_message(), "a child of no bytes"));
	assert_int_equal(decode_raw(2, 1, 32, 32, zero, 1, "\x81\x40", 2), 0);
	assert_int_equal(decode_raw(1, 1, 64, 64, huge, 2, "\x80", 1), ERR_FORMAT);
	assert_non_null(strstr(err_message(), "more bytes than any tree"));

	uint8_t *plain = xcalloc(1, NODE_MAX + 1);
	struct node n;
	assert_int_equal(node_decode(plain, NODE_MAX + 1, &n), ERR_FORMAT);
	free(plain);
}

static void a_clear_list_of_other_children_is_noticed(void **state)
{
	uint8_t ids[3][ID_SIZE] = { { 1 }, { 2 }, { 3 } };
	const uint8_t *plain, (*children)[ID_SIZE];
	uint32_t count, index;
	size_t len;
	struct node n;

	node_writer_reset(*state, NODE_LIST, 1);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(node_add_child(*state, ids[i], key, 1, &index), 0);
	assert_int_equal(node_finish(*state, &plain, &len, &children, &count), 0);
	assert_int_equal(node_decode(plain, len, &n), 0);
	assert_int_equal(node_check_children(&n, (const uint8_t(*)[ID_SIZE])ids, 2), 0);
	assert_int_equal(node_check_children(&n, (const uint8_t(*)[ID_SIZE])ids, 1), ERR_INTEGRITY);
	assert_int_equal(node_check_children(&n, (const uint8_t(*)[ID_SIZE])ids, 3), ERR_INTEGRITY);
	assert_int_equal(node_check_children(&n, (const uint8_t(*)[ID_SIZE])(ids + 1), 2), ERR_INTEGRITY);
	node_release(&n);
	node_writer_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_writer_can_be_used_again_for_any_type),
		cmocka_unit_test(an_entry_is_written_only_when_a_reader_takes_it),
		cmocka_unit_test(entries_and_branches_are_taken_in_path_order_only),
		cmocka_unit_test(a_node_is_full_before_it_passes_a_limit),
		cmocka_unit_test(one_entry_has_a_limit_of_its_own),
		cmocka_unit_test(nodes_that_break_a_rule_are_refused),
		cmocka_unit_test(sizes_of_children_are_bounded),
		cmocka_unit_test(a_clear_list_of_other_children_is_noticed),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
