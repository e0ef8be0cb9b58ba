#include "repo/content.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "repo/decoder.h"
#include "repo/file_sha256.h"

struct content_reader {
	struct decoder *decoder;
	struct sha256 *hash;
	struct file_sha256 *plain;
};

struct reading {
	struct content_reader *reader;
	struct extent_walk walk; /* its entry is the file */
	content_call call;
	void *context;
};

uint64_t extent_walk_next(struct extent_walk *w, uint64_t len, uint64_t *offset)
{
	const struct entry *e = w->entry;

	if (!e->sparse) {
		*offset = w->within;
		w->within += len;
		return len;
	}
	if (w->extent < e->extent_count && w->within == e->extents[w->extent].length) {
		w->extent++;
		w->within = 0;
	}
	/* node_decode() has checked that the extents are as long as the content. */
	must(w->extent < e->extent_count);
	const struct extent *x = &e->extents[w->extent];
	uint64_t left = x->length - w->within;

	*offset = x->offset + w->within;
	len = len < left ? len : left;
	w->within += len;
	return len;
}

struct content_reader *content_reader_new(struct fetcher *f)
{
	struct content_reader *c = xcalloc(1, sizeof *c);

	c->decoder = decoder_new(f);
	c->hash = sha256_new();
	c->plain = file_sha256_new(NULL, NULL);
	return c;
}

void content_reader_free(struct content_reader *c)
{
	if (c == NULL)
		return;
	decoder_free(c->decoder);
	sha256_free(c->hash);
	file_sha256_free(c->plain);
	free(c);
}

int content_chunk(struct content_reader *c, const struct piece *piece, const uint8_t **data)
{
	int code = decoder_get(c->decoder, NULL, piece->id, piece->key, piece->chunk_size, data);

	*data += code == 0 ? piece->offset : 0;
	return code;
}

static int read_piece(void *context, const struct piece *piece)
{
	struct reading *r = context;
	uint8_t digest[DIGEST_SIZE];
	const uint8_t *data;
	uint64_t left = piece->length;
	int code = content_chunk(r->reader, piece, &data);

	if (code != 0)
		return code;
	sha256(data, (size_t)left, digest);
	sha256_update(r->reader->hash, digest, sizeof digest);
	if (r->walk.entry->has_sha256)
		code = file_sha256_add(r->reader->plain, data, (size_t)left);
	while (left > 0 && code == 0) {
		uint64_t offset, len = extent_walk_next(&r->walk, left, &offset);

		code = r->call(r->context, offset, data, (size_t)len);
		data += len;
		left -= len;
	}
	return code;
}

int content_read(struct content_reader *c, struct tree *t, const struct entry *e, const struct node *n,
		 content_call call, void *context)
{
	struct reading reading = { .reader = c, .walk = { .entry = e }, .call = call, .context = context };
	uint8_t fingerprint[DIGEST_SIZE], plain[DIGEST_SIZE];

	sha256_reset(c->hash);
	if (e->has_sha256)
		file_sha256_begin(c->plain, e);
	int code = tree_pieces(t, e, n, read_piece, &reading);
	decoder_done(c->decoder);
	if (code == 0 && e->has_sha256)
		code = file_sha256_end(c->plain, e->size, plain);
	if (code != 0)
		return code;
	sha256_final(c->hash, fingerprint);
	if (memcmp(fingerprint, e->fingerprint, DIGEST_SIZE) != 0)
		return failed(ERR_INTEGRITY, "its fingerprint is not the one that was taken at the backup");
	if (e->has_sha256 && memcmp(plain, e->sha256, DIGEST_SIZE) != 0)
		return failed(ERR_INTEGRITY, "its SHA-256 is not the one that was taken at the backup");
	return 0;
}
