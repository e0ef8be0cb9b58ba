/* What lies in what: folders by their paths, links followed, also where the last components do not exist yet. */
#ifndef BASE_PLACE_H
#define BASE_PLACE_H

#include <stdbool.h>

/* As realpath(3); free() it. */
char *place_real(const char *path);

/*
 * Of a path in the folder, what comes behind the folder, within `path`; "" where it is the folder. NULL: it is not in
 * it. Both as place_real() says.
 */
const char *place_beneath(const char *path, const char *folder);

/* Whether it is the folder, or in it; both may be any path. */
bool place_lies_in(const char *path, const char *folder);

#endif
