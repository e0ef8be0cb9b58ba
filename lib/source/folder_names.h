/*
 * The names in a folder, sorted bytewise, in bounded memory: when they are more than fit, only the lowest are kept and
 * the folder is read again for the next. One packed arena and 32-bit offsets; no allocation a name.
 */
#ifndef SOURCE_FOLDER_NAMES_H
#define SOURCE_FOLDER_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct folder_names {
	char *arena;
	uint32_t *offsets; /* into the arena, of the names in order */
	size_t used, arena_size, count, next, offsets_size;
	char *last; /* up to here earlier batches went; NULL before the first */
	bool more;  /* the folder has names beyond this batch */
	bool loaded;
};

/*
 * The next name, or NULL at the end. `fd`: the folder, open for reading; its offset is moved. `limit`: bytes to use,
 * about. The name is valid until the next call. *error: 0, or the errno that ended the reading of the folder early:
 * names may be missing.
 */
const char *folder_names_next(struct folder_names *n, int fd, size_t limit, int *error);

/* Bytes in use. */
size_t folder_names_memory(const struct folder_names *n);
void folder_names_release(struct folder_names *n); /* also of a zeroed struct */

#endif
