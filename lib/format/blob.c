#define ZSTD_STATIC_LINKING_ONLY /* ZSTD_customMem */

#include "format/blob.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/alloc.h"
#include "base/hex.h"
#include "crypto/secret.h"
#include "format/padme.h"

/*
 * Of one compressor, beside the chunk: level 3 takes a little over 1 MiB; level 19 would take 33 MiB for chunks of 2
 * MiB and 81 for those of 16, and make them smaller by 0.2 and by 1 %.
 */
#define COMPRESSOR_MAX (9u << 20)

#define AAD_MAGIC "NFBLOB1\n"
#define AAD_SIZE  (8 + DIGEST_SIZE + 3 + 4 + ID_SIZE)

/* A frame is never longer than this: stored blocks, and what stands around them. docs/FORMAT.md, "Blob". */
static uint64_t frame_max(uint64_t len)
{
	return len + len / 256 + 64;
}

_Static_assert(ZSTD_COMPRESSBOUND(1) <= 1 + 64 && ZSTD_COMPRESSBOUND(NODE_MAX) <= NODE_MAX + NODE_MAX / 256 + 64 &&
		       ZSTD_COMPRESSBOUND(CHUNK_MAX) <= CHUNK_MAX + CHUNK_MAX / 256 + 64,
	       "nor does zstd think so");

/* What is encrypted of a piece of up to `max` bytes, at most. */
static size_t packed_max(size_t max)
{
	return padme(frame_max(padme(max)));
}

/* zstd's contexts, and the bytes between compression and encryption, which is done in place: room for nonce and tag. */
struct workspace {
	ZSTD_CCtx *compressor;
	ZSTD_DCtx *decompressor;
	uint8_t *packed;
};

/*
 * Nodes have a workspace of their own: their plaintext holds keys, and zstd copies parts of what it works on into its
 * contexts (literals, sequences). So these contexts are made with an allocator of guarded memory, which is locked, left
 * out of core dumps and wiped when freed. Content takes the plain allocator: its contexts are larger, and it holds no
 * keys.
 */
struct blob_codec {
	struct workspace content, node; /* made when first used */
	size_t max;
	int level;
};

/* zstd asks for alignment that sodium_malloc() gives only to multiples of it: its blocks end at a page's end. */
static void *guarded_alloc(void *unused, size_t size)
{
	(void)unused;
	return secret_new((size + 63) & ~(size_t)63);
}

static void guarded_free(void *unused, void *memory)
{
	(void)unused;
	secret_free(memory);
}

struct blob_codec *blob_codec_new(size_t max, int level)
{
	struct blob_codec *c = xcalloc(1, sizeof *c);

	must(max >= 1 && max <= CHUNK_MAX);
	c->max = max;
	c->level = level;
	return c;
}

void blob_codec_free(struct blob_codec *c)
{
	if (c == NULL)
		return;
	ZSTD_freeCCtx(c->content.compressor);
	ZSTD_freeDCtx(c->content.decompressor);
	free(c->content.packed);
	ZSTD_freeCCtx(c->node.compressor);
	ZSTD_freeDCtx(c->node.decompressor);
	secret_free(c->node.packed);
	free(c);
}

/* What zstd does at a level with so many bytes, in no more memory than COMPRESSOR_MAX. */
static ZSTD_compressionParameters parameters_for(int level, size_t size)
{
	ZSTD_compressionParameters p = ZSTD_getCParams(level, size, 0);

	while (ZSTD_estimateCCtxSize_usingCParams(p) > COMPRESSOR_MAX) {
		if (p.chainLog > p.hashLog)
			p.chainLog--;
		else
			p.hashLog--;
	}
	return p;
}

size_t blob_codec_memory(size_t max, int level)
{
	return packed_max(max) + AEAD_OVERHEAD + ZSTD_estimateCCtxSize_usingCParams(parameters_for(level, max));
}

/* With a buffer for the packed bytes: encoding. What decodes content has none: that is decrypted where it lies. */
static struct workspace *workspace_for(struct blob_codec *c, enum kind kind, bool packed)
{
	struct workspace *w = kind == KIND_NODE ? &c->node : &c->content;

	if (kind == KIND_NODE && packed && w->packed == NULL)
		w->packed = secret_new(packed_max(NODE_MAX) + AEAD_OVERHEAD);
	else if (packed && w->packed == NULL)
		w->packed = xmalloc(packed_max(c->max) + AEAD_OVERHEAD);
	return w;
}

static ZSTD_customMem memory_for(enum kind kind)
{
	if (kind == KIND_NODE)
		return (ZSTD_customMem){ .customAlloc = guarded_alloc, .customFree = guarded_free };
	return ZSTD_defaultCMem;
}

static void set(ZSTD_CCtx *compressor, ZSTD_cParameter parameter, int value)
{
	must(!ZSTD_isError(ZSTD_CCtx_setParameter(compressor, parameter, value)));
}

static ZSTD_CCtx *compressor_for(const struct blob_codec *c, struct workspace *w, enum kind kind, size_t size)
{
	const ZSTD_compressionParameters own = ZSTD_getCParams(c->level, size, 0),
					 bounded = parameters_for(c->level, size);

	if (w->compressor == NULL) {
		w->compressor = ZSTD_createCCtx_advanced(memory_for(kind));
		must(w->compressor != NULL);
		set(w->compressor, ZSTD_c_compressionLevel, c->level);
		/* The AEAD's tag already says whether the bytes are right. */
		set(w->compressor, ZSTD_c_checksumFlag, 0);
	}
	/* 0: as the level has it. */
	set(w->compressor, ZSTD_c_hashLog, bounded.hashLog < own.hashLog ? (int)bounded.hashLog : 0);
	set(w->compressor, ZSTD_c_chainLog, bounded.chainLog < own.chainLog ? (int)bounded.chainLog : 0);
	return w->compressor;
}

static size_t max_for(const struct blob_codec *c, enum kind kind)
{
	return kind == KIND_NODE ? NODE_MAX : c->max;
}

/* The same of what a footer says. */
static size_t described_max_for(const struct blob_codec *c, const struct blob_info *info)
{
	size_t max = max_for(c, info->kind);

	return info->compression == COMPRESSION_PADDED ? padme(max) : max;
}

/* docs/FORMAT.md, "Blob": fixed layout, numbers big-endian. */
static void make_aad(const char *dataset, const struct blob_info *info, uint8_t aad[AAD_SIZE])
{
	uint32_t plain = htobe32(info->plain);
	uint8_t *at = aad;

	memcpy(at, AAD_MAGIC, 8);
	at += 8;
	sha256(dataset, strlen(dataset), at);
	at += DIGEST_SIZE;
	*at++ = (uint8_t)info->kind;
	*at++ = (uint8_t)info->suite;
	*at++ = (uint8_t)info->compression;
	memcpy(at, &plain, sizeof plain);
	at += sizeof plain;
	memcpy(at, info->id, ID_SIZE);
}

bool blob_describes(const struct blob_info *info, uint64_t len)
{
	return info->plain == (info->compression == COMPRESSION_PADDED ? padme(len) : len);
}

static bool lengths_agree(const struct blob_info *info, uint64_t stored_len)
{
	uint64_t overhead = suite_overhead(info->suite);

	if (info->compression == COMPRESSION_NONE)
		return stored_len == info->plain + overhead;
	if (stored_len <= overhead)
		return false;
	uint64_t packed = stored_len - overhead;
	if (info->compression == COMPRESSION_ZSTD)
		return packed < info->plain;
	return padme_makes(info->plain) && padme_makes(packed) && packed <= padme(frame_max(info->plain));
}

int blob_check(const struct blob_info *info, uint64_t stored_len)
{
	if (info->kind != KIND_CONTENT && info->kind != KIND_NODE)
		return failed(ERR_FORMAT, "blob: kind %u is not known to this version", (unsigned)info->kind);
	if (info->suite != SUITE_AES256GCM && info->suite != SUITE_XCHACHA20POLY1305)
		return failed(ERR_FORMAT, "blob: cipher suite %u is not known to this version", (unsigned)info->suite);
	if (info->compression != COMPRESSION_NONE && info->compression != COMPRESSION_ZSTD &&
	    info->compression != COMPRESSION_PADDED)
		return failed(ERR_FORMAT, "blob: compression %u is not known to this version",
			      (unsigned)info->compression);
	if (info->plain == 0 || info->plain > (info->kind == KIND_NODE ? NODE_MAX : CHUNK_MAX))
		return failed(ERR_FORMAT, "blob: a plaintext of %u bytes is not within its limits", info->plain);

	if (!lengths_agree(info, stored_len))
		return failed(ERR_FORMAT, "blob: %llu stored bytes cannot hold %u", (unsigned long long)stored_len,
			      info->plain);
	return 0;
}

/* How a piece goes out whose frame, at `frame`, has `packed` bytes: the length of what is to be encrypted. */
static size_t choose_form(struct blob_info *info, uint8_t *frame, size_t packed)
{
	if (info->compression == COMPRESSION_PADDED) {
		size_t padded = padme(packed);

		memset(frame + packed, 0, padded - packed);
		info->plain = (uint32_t)padme(info->plain);
		return padded;
	}
	info->compression = packed < info->plain ? COMPRESSION_ZSTD : COMPRESSION_NONE;
	return info->compression == COMPRESSION_NONE ? info->plain : packed;
}

int blob_encode(struct blob_codec *c, const char *dataset, const uint8_t key[KEY_SIZE], struct blob_info *info,
		const void *data, const uint8_t **stored, size_t *stored_len)
{
	uint8_t aad[AAD_SIZE];
	size_t max = max_for(c, info->kind);

	must(info->plain >= 1);
	if (info->plain > max)
		return failed(ERR_FORMAT, "blob: %u bytes, the limit is %zu", info->plain, max);

	struct workspace *w = workspace_for(c, info->kind, true);
	uint8_t *plain = w->packed + suite_overhead(info->suite) - AEAD_TAG_SIZE; /* behind the nonce */
	size_t packed = ZSTD_compress2(compressor_for(c, w, info->kind, info->plain), plain, frame_max(info->plain),
				       data, info->plain);
	/* With room for the worst case, compression fails only for want of memory. */
	if (ZSTD_isError(packed))
		out_of_memory(info->plain);

	size_t len = choose_form(info, plain, packed);
	make_aad(dataset, info, aad);
	aead_seal(info->suite, key, aad, sizeof aad, info->compression == COMPRESSION_NONE ? data : plain, len,
		  w->packed);
	/* Of packed bytes that were not taken, the end is not written over. */
	if (info->kind == KIND_NODE && packed > len + AEAD_TAG_SIZE)
		secret_wipe(plain + len + AEAD_TAG_SIZE, packed - len - AEAD_TAG_SIZE);
	*stored = w->packed;
	*stored_len = len + suite_overhead(info->suite);
	return 0;
}

static int damaged(const struct blob_info *info, const char *why)
{
	char id[ID_HEX];

	return failed(ERR_INTEGRITY, "chunk %.16s %s", hex_encode(info->id, ID_SIZE, id), why);
}

static bool all_zero(const uint8_t *data, size_t len)
{
	uint8_t any = 0;

	for (size_t i = 0; i < len; i++)
		any |= data[i];
	return any == 0;
}

/* The length of the one frame (RFC 8878) that was encrypted, without padding; 0: it is none. */
static size_t frame_length(const struct blob_info *info, const uint8_t *packed, size_t len)
{
	uint32_t magic = 0;

	if (len >= sizeof magic)
		memcpy(&magic, packed, sizeof magic);
	/* Neither a skippable frame nor one of zstd's formats before 1.0, which libzstd would take as well. */
	if (le32toh(magic) != ZSTD_MAGICNUMBER)
		return 0;
	size_t frame = ZSTD_findFrameCompressedSize(packed, len);
	if (ZSTD_isError(frame) || frame > len)
		return 0;
	if (info->compression == COMPRESSION_PADDED)
		return padme(frame) == len && all_zero(packed + frame, len - frame) ? frame : 0;
	return frame == len ? frame : 0;
}

/* A frame of exactly the length that is described and fits; what its header says of its size is not relied upon. */
static int decompress(struct workspace *w, const struct blob_info *info, const uint8_t *packed, size_t packed_len,
		      uint8_t *out, size_t *len)
{
	size_t frame = frame_length(info, packed, packed_len), room = *len < info->plain ? *len : info->plain;

	if (frame == 0)
		return damaged(info, info->compression == COMPRESSION_PADDED
					     ? "is not one whole zstd frame with zeros behind it"
					     : "is not one whole zstd frame");
	if (w->decompressor == NULL) {
		w->decompressor = ZSTD_createDCtx_advanced(memory_for(info->kind));
		must(w->decompressor != NULL);
	}
	size_t got = ZSTD_decompressDCtx(w->decompressor, out, room, packed, frame);
	if (ZSTD_getErrorCode(got) == ZSTD_error_dstSize_tooSmall && room < info->plain) {
		*len = info->plain;
		return damaged(info, "is longer than it should be");
	}
	if (ZSTD_isError(got) || got == 0 || !blob_describes(info, got))
		return damaged(info, "does not decompress to its length");
	*len = got;
	return 0;
}

static int open_blob(const struct blob_info *info, const uint8_t key[KEY_SIZE], const uint8_t aad[AAD_SIZE],
		     const uint8_t *stored, size_t stored_len, uint8_t *out)
{
	int code = aead_open(info->suite, key, aad, AAD_SIZE, stored, stored_len, out);

	return code == ERR_INTEGRITY ? damaged(info, "fails its authentication tag") : code;
}

int blob_decode(struct blob_codec *c, const char *dataset, const uint8_t key[KEY_SIZE], const struct blob_info *info,
		uint8_t *stored, size_t stored_len, uint8_t *out, size_t *len)
{
	uint8_t aad[AAD_SIZE], id[ID_SIZE];

	if (blob_check(info, stored_len) < 0)
		return ERR_FORMAT;
	size_t max = described_max_for(c, info);
	if (info->plain > max)
		return failed(ERR_FORMAT, "blob: %u bytes, the limit here is %zu", info->plain, max);
	if (info->plain > *len && info->compression != COMPRESSION_PADDED)
		return failed(ERR_FORMAT, "blob: %u bytes, where %zu are expected", info->plain, *len);
	chunk_id(key, id);
	if (memcmp(id, info->id, ID_SIZE) != 0)
		return damaged(info, "does not belong to the key that was given for it");
	make_aad(dataset, info, aad);
	if (info->compression == COMPRESSION_NONE) {
		*len = info->plain;
		return open_blob(info, key, aad, stored, stored_len, out);
	}

	bool node = info->kind == KIND_NODE;
	struct workspace *w = workspace_for(c, info->kind, node);
	size_t overhead = suite_overhead(info->suite), packed_len = stored_len - overhead;
	uint8_t *packed = node ? w->packed : stored + overhead - AEAD_TAG_SIZE;
	int code = open_blob(info, key, aad, stored, stored_len, packed);
	if (code == 0)
		code = decompress(w, info, packed, packed_len, out, len);
	if (node)
		secret_wipe(packed, packed_len);
	return code;
}
