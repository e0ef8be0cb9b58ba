/*
 * The limits of the format. Every number read from a zone is compared with one of these before anything is allocated.
 */
#ifndef FORMAT_LIMITS_H
#define FORMAT_LIMITS_H

#define CHUNK_AVERAGE_MIN   (16u << 10)
#define CHUNK_AVERAGE_MAX   (4u << 20)
#define CHUNK_MAX           (16u << 20) /* 4 x the largest average */
#define NODE_MAX            (1u << 20)  /* plaintext of a node */
#define NODE_CHILDREN_MAX   8192u
#define NODE_ENTRIES_MAX    4096u
#define NODE_LEVEL_MAX      16u
#define PACK_TARGET         (16u << 20) /* a pack is closed when its next blob would pass this */
#define PACK_NODES_TARGET   (4u << 20)  /* of nodes: one stays open beside that of content, and there are few */
#define PACK_MAX            (64u << 20)
#define PACK_BLOBS_MAX      65536u
#define PACK_FOOTER_MAX     (16u << 20)
#define INDEX_MAX           (64u << 20)
#define INDEX_PACKS_MAX     1000000u
#define HEADER_MAX          (16u << 10)
#define SEAL_MAX            (64u << 10)
#define SEAL_RECIPIENTS_MAX 128u
#define INTENT_MAX          (64u << 10)
#define MARK_MAX            (4u << 10) /* condemned marks and leases */
#define HEADS_MAX           64u        /* chains that one header or index may name */

#define ENTRY_MAX              (640u << 10) /* one encoded entry */
#define ENTRY_PATH_MAX         65535u
#define ENTRY_NAME_MAX         255u /* one component */
#define ENTRY_DEPTH_MAX        4096u
#define ENTRY_OWNER_MAX        255u /* user or group name */
#define ENTRY_TARGET_MAX       65535u
#define ENTRY_XATTRS_MAX       1024u
#define ENTRY_EXTENTS_MAX      8192u
#define ENTRY_SIZE_MAX         (1ULL << 62)
/*
 * Of a file with more bytes of holes no SHA-256 is recorded: nothing makes hashing zeros faster, and 64 GiB take a
 * minute.
 */
#define ENTRY_SHA256_HOLES_MAX (1ULL << 36)

#endif
