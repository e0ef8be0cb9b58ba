#include "source/links.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

struct link {
	uint64_t device, inode, generation, seen;
	uint32_t len;
	char path[];
};

/* Open addressing with linear probing; never more than half full. */
struct links {
	struct link **slots;
	size_t size, count, memory, memory_max;
	struct link *spent; /* returned by the last call, and forgotten with the next */
};

/* What the allocator adds to each block, about. */
#define BLOCK_OVERHEAD 16

static size_t memory_of(size_t path_len)
{
	return sizeof(struct link) + path_len + BLOCK_OVERHEAD + 2 * sizeof(struct link *);
}

struct links *links_new(size_t memory_max)
{
	struct links *l = xcalloc(1, sizeof *l);

	l->memory_max = memory_max;
	l->size = 64;
	l->slots = xcalloc(l->size, sizeof(struct link *));
	return l;
}

void links_free(struct links *l)
{
	if (l == NULL)
		return;
	for (size_t i = 0; i < l->size; i++)
		free(l->slots[i]);
	free(l->slots);
	free(l->spent);
	free(l);
}

static size_t home(const struct links *l, uint64_t device, uint64_t inode)
{
	/* Fibonacci hashing: consecutive inodes spread. */
	return (size_t)((inode + device * 31) * 0x9e3779b97f4a7c15ULL >> 20) & (l->size - 1);
}

/* The slot that holds it, or the empty one where it belongs. */
static size_t find(const struct links *l, uint64_t device, uint64_t inode)
{
	size_t i = home(l, device, inode);

	while (l->slots[i] != NULL && (l->slots[i]->device != device || l->slots[i]->inode != inode))
		i = (i + 1) & (l->size - 1);
	return i;
}

static void grow(struct links *l)
{
	struct link **old = l->slots;
	size_t old_size = l->size;

	l->size *= 2;
	l->slots = xcalloc(l->size, sizeof(struct link *));
	for (size_t i = 0; i < old_size; i++)
		if (old[i] != NULL)
			l->slots[find(l, old[i]->device, old[i]->inode)] = old[i];
	free(old);
}

/* Takes the link out of slot `i` and moves up what was pushed beyond it. */
static struct link *take_out(struct links *l, size_t i)
{
	struct link *taken = l->slots[i];

	l->slots[i] = NULL;
	l->count--;
	l->memory -= memory_of(taken->len);
	for (size_t j = (i + 1) & (l->size - 1); l->slots[j] != NULL; j = (j + 1) & (l->size - 1)) {
		struct link *moved = l->slots[j];

		l->slots[j] = NULL;
		l->slots[find(l, moved->device, moved->inode)] = moved;
	}
	return taken;
}

const char *links_seen(struct links *l, uint64_t device, uint64_t inode, uint64_t generation, uint64_t names,
		       const char *path, size_t len, uint32_t *first_len, bool *full)
{
	size_t i = find(l, device, inode);
	struct link *link = l->slots[i];

	*full = false;
	free(l->spent);
	l->spent = NULL;
	if (link != NULL && link->generation != generation) {
		free(take_out(l, i));
		i = find(l, device, inode);
		link = NULL;
	}
	if (link != NULL) {
		*first_len = link->len;
		if (++link->seen >= names)
			l->spent = take_out(l, i);
		return link->path;
	}
	if (memory_of(len) > l->memory_max - l->memory) {
		*full = true;
		return NULL;
	}
	if (2 * (l->count + 1) > l->size) {
		grow(l);
		i = find(l, device, inode);
	}
	link = xmalloc(sizeof *link + len);
	*link = (struct link){
		.device = device, .inode = inode, .generation = generation, .seen = 1, .len = (uint32_t)len
	};
	memcpy(link->path, path, len);
	l->slots[i] = link;
	l->count++;
	l->memory += memory_of(len);
	return NULL;
}

void links_forget(struct links *l, const char *path, size_t len)
{
	for (size_t i = 0; l->count > 0 && i < l->size; i++) {
		if (l->slots[i] != NULL && l->slots[i]->len == len && memcmp(l->slots[i]->path, path, len) == 0) {
			free(take_out(l, i));
			return;
		}
	}
}
