#include "repo/piece_cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "crypto/digest.h"

#define SLOTS     (1u << 19)
#define SLOT_NAME 16 /* of a name's bytes; four more choose the slot */

struct slot {
	uint8_t name[SLOT_NAME];
	uint8_t digest[DIGEST_SIZE];
	uint8_t zones; /* 0: free */
};

/* Direct-mapped. */
struct piece_cache {
	pthread_mutex_t lock;
	struct slot *slots;
};

struct piece_cache *piece_cache_new(void)
{
	struct piece_cache *cache = xcalloc(1, sizeof *cache);

	must(pthread_mutex_init(&cache->lock, NULL) == 0);
	cache->slots = xcalloc(SLOTS, sizeof *cache->slots);
	return cache;
}

void piece_cache_free(struct piece_cache *cache)
{
	pthread_mutex_destroy(&cache->lock);
	free(cache->slots);
	free(cache);
}

void piece_name(const struct piece *piece, struct piece_name *name)
{
	uint8_t bytes[ID_SIZE + 2 * sizeof(uint64_t)];

	memcpy(bytes, piece->id, ID_SIZE);
	memcpy(bytes + ID_SIZE, &piece->offset, sizeof piece->offset);
	memcpy(bytes + ID_SIZE + sizeof piece->offset, &piece->length, sizeof piece->length);
	sha256(bytes, sizeof bytes, name->bytes);
}

static struct slot *slot_of(struct piece_cache *cache, const struct piece_name *name)
{
	uint32_t number;

	memcpy(&number, name->bytes + SLOT_NAME, sizeof number);
	return &cache->slots[number % SLOTS];
}

unsigned piece_cache_find(struct piece_cache *cache, const struct piece_name *name, uint8_t digest[DIGEST_SIZE])
{
	const struct slot *slot = slot_of(cache, name);
	unsigned zones = 0;

	pthread_mutex_lock(&cache->lock);
	if (memcmp(slot->name, name->bytes, SLOT_NAME) == 0) {
		zones = slot->zones;
		memcpy(digest, slot->digest, DIGEST_SIZE);
	}
	pthread_mutex_unlock(&cache->lock);
	return zones;
}

void piece_cache_add(struct piece_cache *cache, const struct piece_name *name, unsigned zones,
		     const uint8_t digest[DIGEST_SIZE])
{
	struct slot *slot = slot_of(cache, name);

	pthread_mutex_lock(&cache->lock);
	bool same = memcmp(slot->name, name->bytes, SLOT_NAME) == 0 && memcmp(slot->digest, digest, DIGEST_SIZE) == 0;
	memcpy(slot->name, name->bytes, SLOT_NAME);
	memcpy(slot->digest, digest, DIGEST_SIZE);
	slot->zones = (uint8_t)((same ? slot->zones : 0) | zones);
	pthread_mutex_unlock(&cache->lock);
}
