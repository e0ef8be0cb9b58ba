#include "base/place.h"

#include <libgen.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

char *place_real(const char *path)
{
	char *found = realpath(path, NULL);

	if (found != NULL || strcmp(path, "/") == 0)
		return found != NULL ? found : xstrdup(path);
	_free_ char *copy = xstrdup(path), *other = xstrdup(path);
	_free_ char *parent = place_real(dirname(copy));
	return xasprintf("%s/%s", strcmp(parent, "/") == 0 ? "" : parent, basename(other));
}

const char *place_beneath(const char *path, const char *folder)
{
	size_t len = strcmp(folder, "/") == 0 ? 0 : strlen(folder);

	if (strncmp(path, folder, len) != 0 || (path[len] != '/' && path[len] != '\0'))
		return NULL;
	return path + len + (path[len] == '/');
}

bool place_lies_in(const char *path, const char *folder)
{
	_free_ char *p = place_real(path), *f = place_real(folder);

	return place_beneath(p, f) != NULL;
}
