/*
 * A blob: a piece compressed (zstd, RFC 8878; raw when that does not shrink it) and encrypted (docs/FORMAT.md, "Blob").
 * Stored bytes are nonce | ciphertext | tag. The associated data binds format, dataset, kind, suite, compression,
 * plaintext length and id, never the place: ciphertext moves between packs as it is.
 *
 * A padded blob (`padding: padme`) says only PADME(n) of its plaintext's n bytes (format/padme.h), in the footer and
 * in the associated data; what is encrypted is always a zstd frame, followed by zeros up to PADME of the frame's
 * length. So neither the length of a piece nor how well it compresses shows but roughly. Whoever has the key finds n
 * from the frame.
 */
#ifndef FORMAT_BLOB_H
#define FORMAT_BLOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "crypto/suite.h"
#include "format/limits.h"

/* Numbers of the format: never reused. */
enum compression { COMPRESSION_NONE = 0, COMPRESSION_ZSTD = 1, COMPRESSION_PADDED = 2 };

/* Stored bytes of one blob at most: the largest chunk as a padded frame that does not shrink. */
#define BLOB_STORED_MAX (CHUNK_MAX + (CHUNK_MAX >> 5) + AEAD_OVERHEAD)

/* What the pack's footer says of a blob, besides its place. */
struct blob_info {
	uint8_t id[ID_SIZE];
	enum kind kind;
	enum suite suite;
	enum compression compression;
	uint32_t plain; /* plaintext length, bytes; of a padded blob PADME of it */
};

/*
 * What must hold between a blob's lengths, kind, suite and compression, whoever says so: a plaintext within its limit
 * and not empty; raw stored at its very length, compressed at less, padded at a PADME length no longer than that of a
 * frame that does not shrink. ERR_FORMAT.
 */
must_check int blob_check(const struct blob_info *info, uint64_t stored_len);

/* Whether a plaintext of `len` bytes would be described so. */
bool blob_describes(const struct blob_info *info, uint64_t len);

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
 * Encodes `data` under key and info->id. The caller sets kind, suite, plain to the length of the data, and
 * compression to COMPRESSION_PADDED where padding is wanted; compression and plain are then as the footer is to say
 * them. *stored points into the codec and is valid until its next use.
 */
must_check int blob_encode(struct blob_codec *codec, const char *dataset, const uint8_t key[KEY_SIZE],
			   struct blob_info *info, const void *data, const uint8_t **stored, size_t *stored_len);

/*
 * Decodes into `out` (for nodes guarded memory). *len: the room there, at most which is written; then the plaintext's
 * length. What is at `stored` is lost: content is decrypted where it lies. ERR_FORMAT: `info` breaks blob_check(), or
 * is larger than the codec's maximum or, unless padded, than the room. ERR_INTEGRITY: the key does not make the id,
 * the tag does not match, or the plaintext's length is another than described; or it is whole and longer than the
 * room, and *len is then more than that. For nodes the scratch that held the plaintext is wiped.
 */
must_check int blob_decode(struct blob_codec *codec, const char *dataset, const uint8_t key[KEY_SIZE],
			   const struct blob_info *info, uint8_t *stored, size_t stored_len, uint8_t *out, size_t *len);

#endif
