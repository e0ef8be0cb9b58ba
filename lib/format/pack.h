/*
 * Packs: objects of many blobs (docs/FORMAT.md, "Pack").
 *
 *	"NFPACK1\n" | blobs | footer (CBOR) | footer length, 4 bytes big-endian | "NFPKEND\n"
 *
 * The footer lists the blobs in their order with their lengths (offsets follow from them), and for nodes the clear ids
 * of their children, so that a program without keys can walk; it starts with 16 random bytes, so that a withdrawn name
 * never returns. A pack is named by its SHA-256.
 */
#ifndef FORMAT_PACK_H
#define FORMAT_PACK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "format/blob.h"
#include "format/limits.h"

#define PACK_HEAD_SIZE 8
#define PACK_TAIL_SIZE 12

struct pack_blob {
	struct blob_info info;
	uint32_t offset, stored;           /* within the pack, bytes */
	uint32_t child_first, child_count; /* into the footer's children; nodes only */
};

/* A pack in the making. Content and nodes go to separate packs. */
struct pack {
	enum kind kind;
	struct buf bytes;
	struct pack_blob *blobs;
	uint8_t (*children)[ID_SIZE];
	uint32_t blob_count, blob_cap, child_count, child_cap;
	uint32_t footer; /* length of the footer; 0 until pack_finish() */
	uint8_t name[DIGEST_SIZE];
	uint8_t footer_hash[DIGEST_SIZE]; /* SHA-256 of the footer alone, as the index names it */
};

struct pack *pack_new(enum kind kind);           /* reserves PACK_TARGET and a little, touched only as it fills */
void pack_reset(struct pack *p, enum kind kind); /* empty again, memory kept */
void pack_free(struct pack *p);

/* Whether a blob of this size still goes in without passing PACK_TARGET (PACK_NODES_TARGET); an empty pack takes any. */
bool pack_has_room(const struct pack *p, size_t stored, size_t children);
must_check int pack_add(struct pack *p, const struct blob_info *info, const uint8_t *stored, size_t stored_len,
			const uint8_t (*children)[ID_SIZE], size_t child_count);

/* The most that a blob takes in a pack, with its row in the footer; and the most that a pack takes besides its blobs. */
uint64_t pack_blob_cost(size_t stored, size_t children);
uint64_t pack_frame_cost(void);

/* Writes the footer and computes the name. `random`: 16 bytes, fresh for each pack. */
must_check int pack_finish(struct pack *p, const uint8_t random[16]);

/* A decoded footer. */
struct pack_footer {
	enum kind kind;
	struct pack_blob *blobs;
	uint8_t (*children)[ID_SIZE];
	uint32_t blob_count, child_count;
};
void pack_footer_release(struct pack_footer *f);
#define _pack_footer_ __attribute__((cleanup(pack_footer_release)))

/*
 * Decodes a footer. Checks that blobs fill the room between head and footer, that counts and sizes are within limits,
 * that kinds and suites are known, and that only nodes have children. ERR_FORMAT; *out is to be released in any case.
 */
must_check int pack_footer_decode(const uint8_t *footer, size_t len, uint64_t pack_size, struct pack_footer *out);

#endif
