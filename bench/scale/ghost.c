/*
 * The linker leads every call of the functions named here to its __wrap_ twin (-Wl,--wrap, see the Makefile): what would
 * hash, cut, compress, encrypt and copy content knows a ghost by its stamp; whatever else comes goes on as it was.
 */
#include "ghost.h"

#include <endian.h>
#include <string.h>

#include "base/alloc.h"
#include "chunk/chunker.h"
#include "crypto/digest.h"
#include "format/pack.h"

/* zstd's ratio on messages and mails, in percent; measured in bench/RESULTS.md. */
#define RATIO_PERCENT 340u

#define GHOST_WINDOW (64u << 10)

#define PACK_TAIL   "NFPKEND\n"
#define FOOTER_KIND 19 /* where a footer says its kind: behind the version and the random bytes */

static const uint8_t magic[16] = "ghost of content";
static const uint8_t nothing[1]; /* what stands for the bytes of a blob */
static uint32_t average = 512u << 10;

void __real_sha256(const void *data, size_t len, uint8_t out[DIGEST_SIZE]);
void __wrap_sha256(const void *data, size_t len, uint8_t out[DIGEST_SIZE]);
size_t __wrap_chunker_next(const struct chunker *c, const uint8_t *data, size_t len, int last);
size_t __wrap_chunker_max(const struct chunker *c);
int __real_blob_encode(struct blob_codec *codec, const char *dataset, const uint8_t key[KEY_SIZE],
		       struct blob_info *info, const void *data, const uint8_t **stored, size_t *stored_len);
int __wrap_blob_encode(struct blob_codec *codec, const char *dataset, const uint8_t key[KEY_SIZE],
		       struct blob_info *info, const void *data, const uint8_t **stored, size_t *stored_len);
int __real_pack_add(struct pack *p, const struct blob_info *info, const uint8_t *stored, size_t stored_len,
		    const uint8_t (*children)[ID_SIZE], size_t child_count);
int __wrap_pack_add(struct pack *p, const struct blob_info *info, const uint8_t *stored, size_t stored_len,
		    const uint8_t (*children)[ID_SIZE], size_t child_count);

void ghost_set_average(uint32_t bytes)
{
	average = bytes;
}

/* SplitMix64 (Steele, Lea, Flood, OOPSLA 2014). */
uint64_t ghost_mix(uint64_t a, uint64_t b)
{
	uint64_t z = (a + 1) * 0x9e3779b97f4a7c15u + b * 0xd1b54a32d192ed03u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

void ghost_write(uint8_t *out, uint64_t file, uint32_t version, uint32_t piece, uint32_t length)
{
	struct ghost_stamp stamp = { .file = file, .version = version, .piece = piece, .length = length };

	memcpy(stamp.magic, magic, sizeof magic);
	memcpy(out, &stamp, sizeof stamp);
}

/* The stamp at `at`, if one is there. */
static bool read_stamp(const uint8_t *data, size_t len, size_t at, struct ghost_stamp *out)
{
	if (len - at < sizeof *out || memcmp(data + at, magic, sizeof magic) != 0)
		return false;
	memcpy(out, data + at, sizeof *out);
	return out->length >= sizeof *out && out->length <= len - at;
}

bool ghost_pack(const uint8_t *data, size_t len, size_t *tail)
{
	uint32_t footer;

	if (len < PACK_HEAD_SIZE + PACK_TAIL_SIZE || memcmp(data, GHOST_HEAD, PACK_HEAD_SIZE) != 0 ||
	    memcmp(data + len - strlen(PACK_TAIL), PACK_TAIL, strlen(PACK_TAIL)) != 0)
		return false;
	memcpy(&footer, data + len - PACK_TAIL_SIZE, sizeof footer);
	*tail = be32toh(footer) + PACK_TAIL_SIZE;
	return *tail <= len && data[len - *tail + FOOTER_KIND] == KIND_CONTENT;
}

/* Of ghosts their stamps, of a pack of content its footer. */
void __wrap_sha256(const void *data, size_t len, uint8_t out[DIGEST_SIZE])
{
	struct ghost_stamp stamp;
	size_t tail;

	if (!read_stamp(data, len, 0, &stamp)) {
		if (ghost_pack(data, len, &tail))
			__real_sha256((const uint8_t *)data + len - tail, tail, out);
		else
			__real_sha256(data, len, out);
		return;
	}
	if (stamp.length == len) {
		__real_sha256(&stamp, sizeof stamp, out);
		return;
	}
	struct sha256 *group = sha256_new(); /* small files, one behind the other */
	for (size_t at = 0; at < len && read_stamp(data, len, at, &stamp); at += stamp.length)
		sha256_update(group, &stamp, sizeof stamp);
	sha256_final(group, out);
	sha256_free(group);
}

/* Only files of pieces come here: small ones are not cut. */
size_t __wrap_chunker_next(const struct chunker *c, const uint8_t *data, size_t len, int last)
{
	(void)c;
	(void)data;
	(void)last;
	return len >= GHOST_PIECE ? GHOST_PIECE : 0;
}

/* Small, so that the pipeline has many pieces on their way: ghosts take a worker no time, handing one over does. */
size_t __wrap_chunker_max(const struct chunker *c)
{
	(void)c;
	return GHOST_WINDOW;
}

int __wrap_blob_encode(struct blob_codec *codec, const char *dataset, const uint8_t key[KEY_SIZE],
		       struct blob_info *info, const void *data, const uint8_t **stored, size_t *stored_len)
{
	struct ghost_stamp stamp;

	if (info->kind != KIND_CONTENT || !read_stamp(data, info->plain, 0, &stamp))
		return __real_blob_encode(codec, dataset, key, info, data, stored, stored_len);
	if (info->plain == GHOST_PIECE)
		info->plain = average / 2 + (uint32_t)(ghost_mix(stamp.file, stamp.piece) % average);
	info->compression = COMPRESSION_ZSTD;
	*stored = nothing;
	*stored_len = (size_t)info->plain * 100 / RATIO_PERCENT + AEAD_OVERHEAD;
	return 0;
}

/* As pack_add(), but nothing is copied: the pack is as long as it should be, and its blobs are never touched. */
int __wrap_pack_add(struct pack *p, const struct blob_info *info, const uint8_t *stored, size_t stored_len,
		    const uint8_t (*children)[ID_SIZE], size_t child_count)
{
	uint8_t *at;

	if (stored != nothing)
		return __real_pack_add(p, info, stored, stored_len, children, child_count);
	must(p->footer == 0 && p->blob_count < PACK_BLOBS_MAX && child_count == 0);
	if (p->blob_count == p->blob_cap) {
		p->blob_cap = p->blob_cap ? 2 * p->blob_cap : 256;
		p->blobs = xrealloc(p->blobs, p->blob_cap, sizeof *p->blobs);
	}
	p->blobs[p->blob_count++] = (struct pack_blob){ .info = *info,
							.offset = (uint32_t)p->bytes.len,
							.stored = (uint32_t)stored_len,
							.child_first = p->child_count };
	int code = buf_reserve(&p->bytes, stored_len, &at);
	if (code == 0)
		p->bytes.len += stored_len;
	return code;
}
