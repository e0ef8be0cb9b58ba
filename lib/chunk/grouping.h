/*
 * Where nodes and groups of small files begin. Rules that depend on each file alone (its path, its size), so that a
 * change in one place leaves distant nodes and groups as they were. Pure.
 *
 * Small files share a chunk of about GROUP_TARGET bytes. A file starts a new group when the keyed hash of its path
 * falls under size / GROUP_TARGET of the range, or when the group would pass GROUP_MAX. An entry starts a new node when
 * the low bits of the same hash are zero; where a node starts, a group starts too. Levels above take more zero bits.
 * (Who reads files, repo/gather_group.c, keeps the groups of the last snapshot that are whole, and groups the rest by
 * these rules; it also ends a group behind the first of a file's several names.)
 */
#ifndef CHUNK_GROUPING_H
#define CHUNK_GROUPING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GROUP_FILE_MAX   (32u << 10) /* larger files have chunks of their own */
#define GROUP_TARGET     (64u << 10)
#define GROUP_MAX        (256u << 10)
#define GROUP_STAYS_MIN  (16u << 10) /* less than this of a group goes into new ones */
#define NODE_BITS_LEAF   8           /* 2^8 entries a node on average */
#define NODE_BITS_BRANCH 6           /* 2^6 children a branch */
#define NODE_BITS_LIST   7           /* 2^7 children a list */

/* Keyed 64-bit hash of a path (SipHash-2-4 under the first 16 bytes of the dataset's grouping subkey). */
uint64_t grouping_hash(const uint8_t key[16], const char *path, size_t len);

/*
 * Whether the entry starts a new node at this level (0: entries, 1: lowest branch, ...); then it does at every level
 * below.
 */
bool grouping_starts_node(uint64_t path_hash, unsigned level);

/*
 * Whether a small file of `size` bytes starts a new group when `group_bytes` bytes are in the one before. Empty files
 * need no group.
 */
bool grouping_starts_group(uint64_t path_hash, uint64_t size, uint64_t group_bytes);

/*
 * Whether a list node ends after this child, its `children`-th (from 1), at any level: a list's id is as good a hash as
 * a chunk's. Never after the first: a file of one chunk repeated would otherwise get lists of one child each, and no
 * level fewer than the one beneath. Limits (NODE_CHILDREN_MAX) are the caller's.
 */
bool grouping_ends_list(const uint8_t child_id[32], uint32_t children);

#endif
