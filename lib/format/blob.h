/*
 * A blob: a piece compressed (zstd, RFC 8878; raw when that does not shrink it) and encrypted (docs/FORMAT.md, "Blob").
 * Stored bytes are nonce | ciphertext | tag. The associated data binds format, dataset, kind, suite, compression,
 * plaintext length and id, never the place: ciphertext moves between packs as it is.
 */
#ifndef FORMAT_BLOB_H
#define FORMAT_BLOB_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "crypto/suite.h"

enum compression { COMPRESSION_NONE = 0, COMPRESSION_ZSTD = 1 };

/* What the pack's footer says of a blob, besides its place. */
struct blob_info {
	uint8_t id[ID_SIZE];
	enum kind kind;
	enum suite suite;
	enum compression compression;
	uint32_t plain; /* plaintext length, bytes */
};

/*
 * What must hold between a blob's lengths, kind, suite and compression, whoever says so: a plaintext within its limit
 * and not empty; raw stored at its very length, compressed at less. ERR_FORMAT.
 */
must_check int blob_check(const struct blob_info *info, uint64_t stored_len);

/*
 * A worker's scratch: zstd contexts and buffers for pieces up to `max` bytes, `level` 1..22. What touches nodes, which
 * hold keys, is apart and in guarded memory.
 */
struct blob_codec;
struct blob_codec *blob_codec_new(size_t max, int level);
void blob_codec_free(struct blob_codec *codec);

/* What such a codec takes at most to encode content. */
size_t blob_codec_memory(size_t max, int level);

/*
 * Encodes `data` under key and info->id (kind, suite and plain are set by the caller; compression is set here). *stored
 * points into the codec and is valid until its next use.
 */
must_check int blob_encode(struct blob_codec *codec, const char *dataset, const uint8_t key[KEY_SIZE],
			   struct blob_info *info, const void *data, const uint8_t **stored, size_t *stored_len);

/*
 * Decodes into `out` (info->plain bytes; for nodes guarded memory). What is at `stored` is lost: content is decrypted
 * where it lies. ERR_FORMAT: `info` breaks blob_check() or is larger
 * than the codec's maximum. ERR_INTEGRITY: the key does not make the id, the tag does not match, or the plaintext's
 * length is another. For nodes the scratch that held the plaintext is wiped.
 */
must_check int blob_decode(struct blob_codec *codec, const char *dataset, const uint8_t key[KEY_SIZE],
			   const struct blob_info *info, uint8_t *stored, size_t stored_len, uint8_t *out);

#endif
