#include "format/pack.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "format/cbor.h"

#define HEAD "NFPACK1\n"
#define TAIL "NFPKEND\n"

#define RANDOM_SIZE 16

/* Footer bytes at most: of one blob without its children, and of what stands around the blobs. */
#define FOOTER_BLOB_MAX  (1 + (2 + ID_SIZE) + 1 + 1 + 5 + 5 + 5)
#define FOOTER_FRAME_MAX (1 + 1 + (1 + RANDOM_SIZE) + 1 + 5)

/* The fewest bytes that a blob takes in a footer. */
#define FOOTER_BLOB_MIN (1 + (2 + ID_SIZE) + 1 + 1 + 1 + 1)

/* Over PACK_TARGET only by the padding and the frame of a single largest chunk. */
#define PACK_ROOM (PACK_TARGET + (1u << 20))
_Static_assert(PACK_HEAD_SIZE + BLOB_STORED_MAX + FOOTER_FRAME_MAX + FOOTER_BLOB_MAX + PACK_TAIL_SIZE <= PACK_ROOM,
	       "a pack has room for the largest chunk");
_Static_assert(NODE_MAX + (NODE_MAX >> 5) + AEAD_OVERHEAD + NODE_CHILDREN_MAX * ID_SIZE < CHUNK_MAX,
	       "and so for the largest node");

static void start(struct pack *p)
{
	buf_clear(&p->bytes);
	if (buf_append(&p->bytes, HEAD, PACK_HEAD_SIZE) < 0)
		must(!"a fresh pack has room for its first bytes");
}

static size_t target_of(enum kind kind)
{
	return kind == KIND_NODE ? PACK_NODES_TARGET : PACK_TARGET;
}

struct pack *pack_new(enum kind kind)
{
	struct pack *p = xcalloc(1, sizeof *p);
	uint8_t *at;

	buf_init(&p->bytes, PACK_ROOM, "pack");
	/* All at once: a buffer that grows by doubling would copy and touch twice as much. */
	if (buf_reserve(&p->bytes, PACK_ROOM, &at) < 0)
		must(!"a buffer has room up to its maximum");
	p->kind = kind;
	start(p);
	return p;
}

void pack_reset(struct pack *p, enum kind kind)
{
	p->kind = kind;
	p->blob_count = p->child_count = p->footer = 0;
	start(p);
}

void pack_free(struct pack *p)
{
	if (p == NULL)
		return;
	buf_release(&p->bytes);
	free(p->blobs);
	free(p->children);
	free(p);
}

bool pack_has_room(const struct pack *p, size_t stored, size_t children)
{
	if (p->blob_count == 0)
		return true;

	size_t footer = FOOTER_FRAME_MAX + (p->blob_count + 1) * (size_t)FOOTER_BLOB_MAX +
			(p->child_count + children) * ID_SIZE;
	return p->blob_count < PACK_BLOBS_MAX && p->bytes.len + stored + footer + PACK_TAIL_SIZE <= target_of(p->kind);
}

uint64_t pack_blob_cost(size_t stored, size_t children)
{
	return stored + FOOTER_BLOB_MAX + (uint64_t)children * ID_SIZE;
}

uint64_t pack_frame_cost(void)
{
	return PACK_HEAD_SIZE + FOOTER_FRAME_MAX + PACK_TAIL_SIZE;
}

/* The footer's rules for one blob, the same for whoever writes and whoever reads. */
static int check_blob(const struct blob_info *info, enum kind kind, uint64_t stored, size_t child_count)
{
	if (info->kind != kind)
		return failed(ERR_FORMAT, "pack: a blob of another kind than its pack");
	if (child_count > NODE_CHILDREN_MAX)
		return failed(ERR_FORMAT, "pack: a node with %zu children, the limit is %u", child_count,
			      NODE_CHILDREN_MAX);
	return blob_check(info, stored);
}

int pack_add(struct pack *p, const struct blob_info *info, const uint8_t *stored, size_t stored_len,
	     const uint8_t (*children)[ID_SIZE], size_t child_count)
{
	must(p->footer == 0 && p->blob_count < PACK_BLOBS_MAX);
	must(info->kind == KIND_NODE || child_count == 0);
	if (check_blob(info, p->kind, stored_len, child_count) < 0)
		return ERR_FORMAT;

	size_t offset = p->bytes.len;
	if (buf_append(&p->bytes, stored, stored_len) < 0)
		return ERR_FORMAT;
	if (p->blob_count == p->blob_cap) {
		p->blob_cap = p->blob_cap ? 2 * p->blob_cap : 256;
		p->blobs = xrealloc(p->blobs, p->blob_cap, sizeof *p->blobs);
	}
	if (p->child_count + child_count > p->child_cap) {
		p->child_cap = 2 * (p->child_count + (uint32_t)child_count);
		p->children = xrealloc(p->children, p->child_cap, sizeof *p->children);
	}
	if (child_count != 0)
		memcpy(p->children + p->child_count, children, child_count * ID_SIZE);
	p->blobs[p->blob_count++] = (struct pack_blob){ .info = *info,
							.offset = (uint32_t)offset,
							.stored = (uint32_t)stored_len,
							.child_first = p->child_count,
							.child_count = (uint32_t)child_count };
	p->child_count += (uint32_t)child_count;
	return 0;
}

static int write_footer(struct pack *p, const uint8_t random[RANDOM_SIZE])
{
	struct buf *out = &p->bytes;

	if (cbor_write_array(out, 4) < 0 || cbor_write_uint(out, FORMAT_VERSION) < 0 ||
	    cbor_write_bytes(out, random, RANDOM_SIZE) < 0 || cbor_write_uint(out, p->kind) < 0 ||
	    cbor_write_array(out, p->blob_count) < 0)
		return ERR_FORMAT;
	for (uint32_t i = 0; i < p->blob_count; i++) {
		const struct pack_blob *b = &p->blobs[i];

		if (cbor_write_array(out, p->kind == KIND_NODE ? 6 : 5) < 0 ||
		    cbor_write_bytes(out, b->info.id, ID_SIZE) < 0 || cbor_write_uint(out, b->info.suite) < 0 ||
		    cbor_write_uint(out, b->info.compression) < 0 || cbor_write_uint(out, b->info.plain) < 0 ||
		    cbor_write_uint(out, b->stored) < 0)
			return ERR_FORMAT;
		if (p->kind == KIND_NODE &&
		    cbor_write_bytes(out, p->children + b->child_first, (size_t)b->child_count * ID_SIZE) < 0)
			return ERR_FORMAT;
	}
	return 0;
}

int pack_finish(struct pack *p, const uint8_t random[RANDOM_SIZE])
{
	size_t start_of_footer = p->bytes.len;

	must(p->blob_count > 0 && p->footer == 0);
	if (write_footer(p, random) < 0)
		return ERR_FORMAT;
	p->footer = (uint32_t)(p->bytes.len - start_of_footer);
	sha256(p->bytes.data + start_of_footer, p->footer, p->footer_hash);

	uint32_t length = htobe32(p->footer);
	if (buf_append(&p->bytes, &length, sizeof length) < 0 || buf_append(&p->bytes, TAIL, strlen(TAIL)) < 0)
		return ERR_FORMAT;
	sha256(p->bytes.data, p->bytes.len, p->name);
	return 0;
}

void pack_footer_release(struct pack_footer *f)
{
	free(f->blobs);
	free(f->children);
	*f = (struct pack_footer){ 0 };
}

static int read_children(struct cbor_reader *r, struct pack_footer *f, struct pack_blob *b)
{
	const uint8_t *ids = NULL;
	size_t len = 0;

	if (cbor_read_bytes(r, (size_t)NODE_CHILDREN_MAX * ID_SIZE, &ids, &len) < 0)
		return ERR_FORMAT;
	if (len % ID_SIZE != 0)
		return failed(ERR_FORMAT, "%s: a list of children has %zu bytes, no multiple of %d", r->what, len,
			      ID_SIZE);
	b->child_first = f->child_count;
	b->child_count = (uint32_t)(len / ID_SIZE);
	memcpy(f->children + f->child_count, ids, len);
	f->child_count += b->child_count;
	return 0;
}

static int read_blob(struct cbor_reader *r, struct pack_footer *f, struct pack_blob *b, uint32_t offset)
{
	uint32_t suite = 0, compression = 0;

	if (cbor_read_array_of(r, f->kind == KIND_NODE ? 6 : 5) < 0 || cbor_read_bytes_of(r, ID_SIZE, b->info.id) < 0 ||
	    cbor_read_u32(r, SUITE_XCHACHA20POLY1305, &suite) < 0 ||
	    cbor_read_u32(r, COMPRESSION_PADDED, &compression) < 0 || cbor_read_u32(r, CHUNK_MAX, &b->info.plain) < 0 ||
	    cbor_read_u32(r, PACK_MAX, &b->stored) < 0)
		return ERR_FORMAT;
	b->info.kind = f->kind;
	b->info.suite = (enum suite)suite;
	b->info.compression = (enum compression)compression;
	b->offset = offset;
	if (f->kind == KIND_NODE && read_children(r, f, b) < 0)
		return ERR_FORMAT;
	return check_blob(&b->info, f->kind, b->stored, b->child_count);
}

/* What stands before the list of blobs. */
static int read_frame(struct cbor_reader *r, struct pack_footer *out, size_t *count)
{
	uint8_t random[RANDOM_SIZE];
	uint32_t version = 0, kind = 0;

	if (cbor_read_array_of(r, 4) < 0 || cbor_read_u32(r, UINT32_MAX, &version) < 0)
		return ERR_FORMAT;
	if (version != FORMAT_VERSION)
		return failed(ERR_FORMAT, "%s: is of format version %u, this program reads version %d: use a newer one",
			      r->what, version, FORMAT_VERSION);
	if (cbor_read_bytes_of(r, RANDOM_SIZE, random) < 0 || cbor_read_u32(r, KIND_NODE, &kind) < 0)
		return ERR_FORMAT;
	if (kind != KIND_CONTENT && kind != KIND_NODE)
		return failed(ERR_FORMAT, "%s: kind %u is not known to this version", r->what, kind);
	out->kind = (enum kind)kind;
	if (cbor_read_array(r, PACK_BLOBS_MAX, count) < 0)
		return ERR_FORMAT;
	if (*count == 0 || *count > (r->len - r->at) / FOOTER_BLOB_MIN)
		return failed(ERR_FORMAT, "%s: it cannot hold %zu blobs", r->what, *count);
	return 0;
}

int pack_footer_decode(const uint8_t *footer, size_t len, uint64_t pack_size, struct pack_footer *out)
{
	struct cbor_reader r;
	size_t count = 0;

	*out = (struct pack_footer){ 0 };
	if (len > PACK_FOOTER_MAX || pack_size > PACK_MAX || len + PACK_HEAD_SIZE + PACK_TAIL_SIZE > pack_size)
		return failed(ERR_FORMAT, "pack: a footer of %zu bytes in %llu", len, (unsigned long long)pack_size);
	cbor_reader_init(&r, footer, len, "pack's footer");
	if (read_frame(&r, out, &count) < 0)
		return ERR_FORMAT;

	/* Children are nowhere longer than in the footer's own bytes: one allocation holds them all. */
	out->blobs = xcalloc(count, sizeof *out->blobs);
	out->children = xmalloc(len);
	uint64_t offset = PACK_HEAD_SIZE, end = pack_size - PACK_TAIL_SIZE - len;
	for (size_t i = 0; i < count; i++) {
		if (read_blob(&r, out, &out->blobs[i], (uint32_t)offset) < 0)
			return ERR_FORMAT;
		offset += out->blobs[i].stored;
		if (offset > end)
			return failed(ERR_FORMAT, "%s: its blobs reach over its own place", r.what);
		out->blob_count++;
	}
	if (offset != end)
		return failed(ERR_FORMAT, "%s: its blobs leave a gap of %llu bytes", r.what,
			      (unsigned long long)(end - offset));
	return cbor_read_end(&r);
}
