#include "source/folder_names.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"

#define READ_SIZE (32u << 10)

static int compare(const void *a, const void *b, void *arena)
{
	const char *names = arena;

	return strcmp(names + *(const uint32_t *)a, names + *(const uint32_t *)b);
}

static void append(struct folder_names *n, const char *name)
{
	size_t size = strlen(name) + 1;

	if (n->arena == NULL || n->used + size > n->arena_size) {
		n->arena_size = n->arena_size == 0 ? 1024 : 2 * n->arena_size;
		while (n->used + size > n->arena_size)
			n->arena_size *= 2;
		n->arena = xrealloc(n->arena, n->arena_size, 1);
	}
	if (n->offsets == NULL || n->count == n->offsets_size) {
		n->offsets_size = n->offsets_size == 0 ? 64 : 2 * n->offsets_size;
		n->offsets = xrealloc(n->offsets, n->offsets_size, sizeof *n->offsets);
	}
	memcpy(n->arena + n->used, name, size);
	n->offsets[n->count++] = (uint32_t)n->used;
	n->used += size;
}

static void sort(struct folder_names *n)
{
	if (n->count > 1)
		qsort_r(n->offsets, n->count, sizeof *n->offsets, compare, n->arena);
}

/*
 * Drops the higher half: it comes back when the folder is read again. Returns a copy of the highest name kept: those
 * above it need not be looked at till then.
 */
static char *keep_lower_half(struct folder_names *n)
{
	struct folder_names kept = { 0 };

	sort(n);

	char *highest = xstrdup(n->arena + n->offsets[n->count / 2 - 1]);
	for (size_t i = 0; i < n->count / 2; i++)
		append(&kept, n->arena + n->offsets[i]);
	free(n->arena);
	free(n->offsets);
	n->arena = kept.arena;
	n->offsets = kept.offsets;
	n->used = kept.used;
	n->arena_size = kept.arena_size;
	n->count = kept.count;
	n->offsets_size = kept.offsets_size;
	n->more = true;
	return highest;
}

/* Takes a name if it belongs into this batch. */
static void consider(struct folder_names *n, const char *name, size_t limit, char **ceiling)
{
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || (n->last != NULL && strcmp(name, n->last) <= 0) ||
	    (*ceiling != NULL && strcmp(name, *ceiling) > 0))
		return;
	append(n, name);
	/* At least two names, so that every batch makes progress. */
	if (n->used + n->count * sizeof *n->offsets > limit && n->count >= 2) {
		free(*ceiling);
		*ceiling = keep_lower_half(n);
	}
}

static int load(struct folder_names *n, int fd, size_t limit)
{
	_Alignas(struct dirent64) char buffer[READ_SIZE];
	_free_ char *ceiling = NULL;
	ssize_t got;

	n->used = n->count = n->next = 0;
	n->more = false;
	n->loaded = true;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return errno;
	while ((got = getdents64(fd, buffer, sizeof buffer)) > 0) {
		for (ssize_t at = 0; at < got;) {
			const struct dirent64 *d = (const struct dirent64 *)(buffer + at);

			consider(n, d->d_name, limit, &ceiling);
			at += d->d_reclen;
		}
	}
	sort(n);
	return got < 0 ? errno : 0;
}

const char *folder_names_next(struct folder_names *n, int fd, size_t limit, int *error)
{
	*error = 0;
	for (;;) {
		while (n->next < n->count) {
			const char *name = n->arena + n->offsets[n->next++];

			/* A folder that changes while it is read may show a name twice. */
			if (n->next < 2 || strcmp(name, n->arena + n->offsets[n->next - 2]) != 0)
				return name;
		}
		if (n->loaded && !n->more)
			return NULL;
		if (n->count > 0) {
			char *last = xstrdup(n->arena + n->offsets[n->count - 1]);

			free(n->last);
			n->last = last;
		}
		*error = load(n, fd, limit);
		if (*error != 0)
			n->more = false;
	}
}

size_t folder_names_memory(const struct folder_names *n)
{
	return n->arena_size + n->offsets_size * sizeof *n->offsets;
}

void folder_names_release(struct folder_names *n)
{
	free(n->arena);
	free(n->offsets);
	free(n->last);
	*n = (struct folder_names){ 0 };
}
