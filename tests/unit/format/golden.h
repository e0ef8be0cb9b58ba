/*
 * The snapshot that tests/golden holds: what is in it, as the structures that the format's decoders fill. golden_test.c
 * makes the files from it (--write) and compares them with it, field by field.
 */
#ifndef GOLDEN_H
#define GOLDEN_H

#include <stdio.h>
#include <string.h>

#include "format/node.h"
#include "format/objects.h"

#define GOLDEN_DATASET    "sms"
#define GOLDEN_PASSPHRASE "correct horse battery staple"
#define GOLDEN_TAKEN_AT   1795226400 /* 2026-11-21T02:00:00Z */

/* Deterministic stand-ins: text shrinks, noise does not. */
static inline void golden_text(uint32_t seed, uint8_t *out, size_t len)
{
	char line[64];

	for (size_t at = 0; at < len;) {
		int n = snprintf(line, sizeof line, "message %u.%06zu: Your code is 493021\n", seed, at);
		size_t part = (size_t)n < len - at ? (size_t)n : len - at;

		memcpy(out + at, line, part);
		at += part;
	}
}

static inline void golden_noise(uint32_t seed, uint8_t *out, size_t len)
{
	uint8_t digest[DIGEST_SIZE], input[8] = { (uint8_t)seed };

	for (size_t at = 0; at < len; at += DIGEST_SIZE) {
		memcpy(input + 4, &(uint32_t){ (uint32_t)at }, 4);
		sha256(input, sizeof input, digest);
		memcpy(out + at, digest, len - at < DIGEST_SIZE ? len - at : DIGEST_SIZE);
	}
}

/* Content chunks. */
enum golden_piece {
	PIECE_LIST_1,
	PIECE_LIST_2,
	PIECE_LIST_3,
	PIECE_SPARSE,
	PIECE_WHOLE_1,
	PIECE_WHOLE_2,
	PIECE_GROUP,
	PIECES
};

static const struct {
	size_t size;
	enum suite suite;
	bool noise;
} golden_pieces[PIECES] = {
	[PIECE_LIST_1] = { 3000, SUITE_AES256GCM, false },
	[PIECE_LIST_2] = { 700, SUITE_AES256GCM, true },
	[PIECE_LIST_3] = { 1500, SUITE_AES256GCM, false },
	[PIECE_SPARSE] = { 300, SUITE_AES256GCM, false },
	[PIECE_WHOLE_1] = { 900, SUITE_XCHACHA20POLY1305, false },
	[PIECE_WHOLE_2] = { 100, SUITE_XCHACHA20POLY1305, true },
	[PIECE_GROUP] = { 600, SUITE_AES256GCM, false },
};
#define GOLDEN_PIECE_MAX 3000

static inline void golden_piece(enum golden_piece piece, uint8_t *out)
{
	if (golden_pieces[piece].noise)
		golden_noise(piece, out, golden_pieces[piece].size);
	else
		golden_text(piece, out, golden_pieces[piece].size);
}

/*
 * Two entries nodes under a branch, and a list. Children of the first: the list, sparse, whole 1, whole 2; of the
 * second: the group. Which bytes a file's fingerprint is over is said here by its pieces, or by a slice of the group.
 */
struct golden_file {
	struct entry entry;
	enum golden_piece first;
	unsigned pieces;
};

#define PATH(text)   .path = (text), .path_len = sizeof(text) - 1
#define OWNER        .uid = 1000, .gid = 1001, .user = "messages", .user_len = 8, .group = "staff", .group_len = 5
#define TIME(t, ns)  .mtime = (t), .mtime_ns = (ns)
#define GROUP(at, n) .size = (n), .content = { .form = CONTENT_SLICE, .offset = (at), .length = (n) }

static const struct extent golden_extents[] = { { 4096, 100 }, { 500000, 200 } };
static const struct xattr golden_xattrs[] = {
	{ .name = "user.empty", .name_len = 10, .value = (const uint8_t *)"", .value_len = 0 },
	{ .name = "user.sender", .name_len = 11, .value = (const uint8_t *)"\x00\xffOTP", .value_len = 5 },
};

static const struct golden_file golden_first[] = {
	{ { PATH(""), OWNER, .type = ENTRY_FOLDER, .mode = 0755, TIME(1795226399, 123456789) }, 0, 0 },
	{ { PATH("archive"), OWNER, .type = ENTRY_FOLDER, .mode = 02750, TIME(1600000000, 0) }, 0, 0 },
	{ { PATH("archive/big.log"), OWNER, .type = ENTRY_FILE, .mode = 0644, TIME(1600000000, 1), .size = 5200,
	    .content = { .form = CONTENT_LIST, .child = 0 } },
	  PIECE_LIST_1,
	  3 },
	{ { PATH("archive/hard"), OWNER, .type = ENTRY_FILE, .mode = 0644, TIME(1600000000, 1), .size = 5200,
	    .link = "archive/big.log", .link_len = 15 },
	  0,
	  0 },
	{ { PATH("archive/sparse.img"), OWNER, .type = ENTRY_FILE, .mode = 0600, TIME(-1, 999999999), .size = 1048576,
	    .content = { .form = CONTENT_WHOLE, .child = 1, .count = 1 }, .sparse = true, .extents = golden_extents,
	    .extent_count = 2 },
	  PIECE_SPARSE,
	  1 },
	{ { PATH("archive/whole.bin"), OWNER, .type = ENTRY_FILE, .mode = 0640, TIME(0, 0), .size = 1000,
	    .content = { .form = CONTENT_WHOLE, .child = 2, .count = 2 } },
	  PIECE_WHOLE_1,
	  2 },
};

static const struct golden_file golden_second[] = {
	{ { PATH("empty"), OWNER, .type = ENTRY_FILE, .mode = 0, TIME(1700000000, 5) }, 0, 0 },
	{ { PATH("inbox"), OWNER, .type = ENTRY_FOLDER, .mode = 01777, TIME(1700000000, 6) }, 0, 0 },
	{ { PATH("inbox/a.txt"), OWNER, .type = ENTRY_FILE, .mode = 0644, TIME(1700000000, 7), GROUP(0, 250) },
	  PIECE_GROUP,
	  0 },
	{ { PATH("inbox/\xff\xfe name\n"), OWNER, .type = ENTRY_FILE, .mode = 0644, TIME(1700000000, 8),
	    GROUP(250, 349) },
	  PIECE_GROUP,
	  0 },
	{ { PATH("pipe"), OWNER, .type = ENTRY_FIFO, .mode = 0600, TIME(1700000000, 9) }, 0, 0 },
	{ { PATH("setuid"), OWNER, .type = ENTRY_FILE, .mode = 04755, TIME(1700000000, 10), GROUP(599, 1),
	    .changed = true },
	  PIECE_GROUP,
	  0 },
	{ { PATH("socket"), OWNER, .type = ENTRY_SOCKET, .mode = 0700, TIME(1700000000, 11) }, 0, 0 },
	{ { PATH("soft"), .uid = 4294967294, .gid = 0, .type = ENTRY_SYMLINK, .mode = 0777, TIME(1700000000, 12),
	    .target = "inbox/a.txt", .target_len = 11 },
	  0,
	  0 },
	{ { PATH("tagged"), OWNER, .type = ENTRY_FILE, .mode = 0644, TIME(1700000000, 13), .xattrs = golden_xattrs,
	    .xattr_count = 2 },
	  0,
	  0 },
	{ { PATH("zero"), OWNER, .type = ENTRY_CHAR, .mode = 0666, TIME(1700000000, 14), .major = 1, .minor = 5 },
	  0,
	  0 },
};

#define GOLDEN_FIRST  (sizeof golden_first / sizeof golden_first[0])
#define GOLDEN_SECOND (sizeof golden_second / sizeof golden_second[0])

/* The entry with its fingerprint. */
static inline struct entry golden_entry(const struct golden_file *f)
{
	struct entry e = f->entry;
	uint8_t digests[3 * DIGEST_SIZE], bytes[GOLDEN_PIECE_MAX];
	unsigned pieces = f->pieces;

	if (e.type != ENTRY_FILE || e.link != NULL)
		return e;
	for (unsigned i = 0; i < pieces; i++) {
		golden_piece(f->first + i, bytes);
		sha256(bytes, golden_pieces[f->first + i].size, digests + i * DIGEST_SIZE);
	}
	if (e.content.form == CONTENT_SLICE) {
		golden_piece(f->first, bytes);
		sha256(bytes + e.content.offset, e.content.length, digests);
		pieces = 1;
	}
	sha256(digests, pieces * (size_t)DIGEST_SIZE, e.fingerprint);
	return e;
}

static const uint8_t snapshot_id[SNAPSHOT_ID_SIZE] = "golden snapshot";
static const uint8_t destroyed_id[SNAPSHOT_ID_SIZE] = "destroyed before";
static const uint8_t holder[16] = "a state's folder";
static const uint8_t dataset_key[KEY_SIZE] = "this is golden's key of dataset";
static const uint8_t gone[DIGEST_SIZE] = "a pack that was withdrawn ......";

static const struct {
	enum kind kind;
	enum suite suite;
	const char *content;
} chunk_key_rows[] = {
	{ KIND_CONTENT, SUITE_AES256GCM, "" },         { KIND_CONTENT, SUITE_AES256GCM, "abc" },
	{ KIND_NODE, SUITE_AES256GCM, "abc" },         { KIND_CONTENT, SUITE_XCHACHA20POLY1305, "abc" },
	{ KIND_NODE, SUITE_XCHACHA20POLY1305, "abc" },
};
#define CHUNK_KEY_ROWS (sizeof chunk_key_rows / sizeof chunk_key_rows[0])

/* Blobs of compression 2. Lengths are rounded up, but for the first, which is one that others are rounded up to. */
static const struct {
	enum kind kind;
	enum suite suite;
	size_t size;
	uint32_t plain;
	bool noise;
} golden_padded[] = {
	{ KIND_CONTENT, SUITE_AES256GCM, 1, 1, false },
	{ KIND_CONTENT, SUITE_AES256GCM, 601, 608, false },
	{ KIND_CONTENT, SUITE_XCHACHA20POLY1305, 300, 304, true },
	{ KIND_NODE, SUITE_XCHACHA20POLY1305, 519, 544, false },
};
#define GOLDEN_PADDED     (sizeof golden_padded / sizeof golden_padded[0])
#define GOLDEN_PADDED_MAX 640

static inline void golden_padded_content(size_t row, uint8_t *out)
{
	if (golden_padded[row].noise)
		golden_noise(100 + (uint32_t)row, out, golden_padded[row].size);
	else
		golden_text(100 + (uint32_t)row, out, golden_padded[row].size);
}

static inline void key_of(enum kind kind, enum suite suite, const void *data, size_t len, uint8_t key[KEY_SIZE],
			  uint8_t id[ID_SIZE])
{
	uint8_t digest[DIGEST_SIZE];

	sha256(data, len, digest);
	chunk_key(dataset_key, kind, suite, digest, key, id);
}

static inline void key_of_piece(enum golden_piece piece, uint8_t key[KEY_SIZE], uint8_t id[ID_SIZE])
{
	uint8_t bytes[GOLDEN_PIECE_MAX];

	golden_piece(piece, bytes);
	key_of(KIND_CONTENT, golden_pieces[piece].suite, bytes, golden_pieces[piece].size, key, id);
}

/* ---- the tree, as the writer makes it ---- */

static inline void add_piece(struct node_writer *w, enum golden_piece piece)
{
	uint8_t key[KEY_SIZE], id[ID_SIZE];
	uint32_t index;

	key_of_piece(piece, key, id);
	must(node_add_child(w, id, key, golden_pieces[piece].size, &index) == 0);
}

static inline void add_entries(struct node_writer *w, const struct golden_file *files, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct entry e = golden_entry(&files[i]);

		must(node_add_entry(w, &e) == 0);
	}
}

enum golden_node { TREE_LIST, TREE_FIRST, TREE_SECOND, TREE_ROOT, TREE_NODES };

static inline void make_node(struct node_writer *w, enum golden_node node);

static inline void add_node(struct node_writer *w, enum golden_node node, uint64_t size)
{
	struct node_writer *below = node_writer_new();
	const uint8_t *plain, (*children)[ID_SIZE];
	uint8_t key[KEY_SIZE], id[ID_SIZE];
	uint32_t count, index;
	size_t len;

	make_node(below, node);
	must(node_finish(below, &plain, &len, &children, &count) == 0);
	key_of(KIND_NODE, SUITE_AES256GCM, plain, len, key, id);
	must(node_add_child(w, id, key, size, &index) == 0);
	node_writer_free(below);
}

static inline void make_node(struct node_writer *w, enum golden_node node)
{
	switch (node) {
	case TREE_LIST:
		node_writer_reset(w, NODE_LIST, 1);
		add_piece(w, PIECE_LIST_1);
		add_piece(w, PIECE_LIST_2);
		add_piece(w, PIECE_LIST_3);
		break;
	case TREE_FIRST:
		node_writer_reset(w, NODE_ENTRIES, 0);
		add_node(w, TREE_LIST, 5200);
		add_piece(w, PIECE_SPARSE);
		add_piece(w, PIECE_WHOLE_1);
		add_piece(w, PIECE_WHOLE_2);
		add_entries(w, golden_first, GOLDEN_FIRST);
		break;
	case TREE_SECOND:
		node_writer_reset(w, NODE_ENTRIES, 0);
		add_piece(w, PIECE_GROUP);
		add_entries(w, golden_second, GOLDEN_SECOND);
		break;
	case TREE_ROOT:
		node_writer_reset(w, NODE_BRANCH, 1);
		add_node(w, TREE_FIRST, 6500);
		must(node_add_branch(w, "", 0) == 0);
		add_node(w, TREE_SECOND, 600);
		must(node_add_branch(w, "empty", 5) == 0);
		break;
	case TREE_NODES:
	default:
		must(!"no such node");
	}
}

/* ---- the objects' fields ---- */

static inline struct header golden_header(const uint8_t root_id[ID_SIZE], const uint8_t seal[DIGEST_SIZE],
					  const struct head *head)
{
	struct header h = { .dataset = GOLDEN_DATASET,
			    .product = "messaging",
			    .tool = "nightfold 0.1.0",
			    .class = CLASS_MESSAGE,
			    .seq = 2,
			    .taken_at = GOLDEN_TAKEN_AT,
			    .consistent_at = GOLDEN_TAKEN_AT + 5,
			    .expires_at = GOLDEN_TAKEN_AT + 92 * 86400,
			    .suite = SUITE_AES256GCM,
			    .files = 9,
			    .folders = 3,
			    .others = 4,
			    .bytes = 1055376,
			    .new_bytes = 7100,
			    .new_stored = 3000,
			    .skipped = 0,
			    .changed = 1,
			    .head_count = 1 };

	memcpy(h.id, snapshot_id, sizeof h.id);
	memset(h.previous, 0x77, sizeof h.previous);
	memcpy(h.root_id, root_id, sizeof h.root_id);
	memcpy(h.seal, seal, sizeof h.seal);
	h.heads[0] = *head;
	return h;
}

static inline struct condemned golden_condemned(void)
{
	struct condemned c = { .dataset = GOLDEN_DATASET, .since = GOLDEN_TAKEN_AT - 3600 };

	memcpy(c.pack, gone, sizeof c.pack);
	return c;
}

static inline struct lease golden_lease(void)
{
	struct lease l = { .dataset = GOLDEN_DATASET,
			   .number = 3,
			   .host = "gateway-1.example",
			   .from = GOLDEN_TAKEN_AT - 60,
			   .until = GOLDEN_TAKEN_AT + 3600 };

	memcpy(l.holder, holder, sizeof l.holder);
	return l;
}

#endif
