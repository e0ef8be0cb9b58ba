#include "chunk/grouping.h"

#include <endian.h>
#include <sodium.h>
#include <string.h>

uint64_t grouping_hash(const uint8_t key[16], const char *path, size_t len)
{
	uint8_t out[crypto_shorthash_siphash24_BYTES];
	uint64_t hash;

	crypto_shorthash_siphash24(out, (const unsigned char *)path, len, key);
	memcpy(&hash, out, sizeof hash);
	return le64toh(hash);
}

bool grouping_starts_node(uint64_t path_hash, unsigned level)
{
	/* Beyond 64 bits there is nothing left to split: no tree has so many entries. */
	if (level > (64 - NODE_BITS_LEAF) / NODE_BITS_BRANCH)
		return false;

	unsigned bits = NODE_BITS_LEAF + level * NODE_BITS_BRANCH;

	return (path_hash & ((1ULL << bits) - 1)) == 0;
}

bool grouping_starts_group(uint64_t path_hash, uint64_t size, uint64_t group_bytes)
{
	if (size >= GROUP_TARGET || group_bytes > GROUP_MAX - size)
		return true;
	/* The high half decides here and the low bits about nodes: the two are independent. */
	return path_hash >> 32 < size * ((1ULL << 32) / GROUP_TARGET);
}

bool grouping_ends_list(const uint8_t child_id[32], uint32_t children)
{
	return children >= 2 && (child_id[0] & ((1u << NODE_BITS_LIST) - 1)) == 0;
}
