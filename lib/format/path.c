#include "format/path.h"

#include <string.h>

#include "base/log.h"
#include "format/limits.h"

/* Where a byte sorts: '/' first, then all others in their order (a path has no NUL). */
static int rank(char byte)
{
	return byte == '/' ? 0 : (unsigned char)byte;
}

int path_compare(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t common = a_len < b_len ? a_len : b_len, i = 0;

	while (i < common && a[i] == b[i])
		i++;
	if (i < common)
		return rank(a[i]) - rank(b[i]);
	return (a_len > b_len) - (a_len < b_len);
}

static int bad(const char *path, size_t len, const char *why)
{
	char shown[128];

	return failed(ERR_FORMAT, "path '%s' %s", log_printable(path, len, shown, sizeof shown), why);
}

int path_check(const char *path, size_t len)
{
	if (len == 0)
		return 0;
	if (len > ENTRY_PATH_MAX)
		return bad(path, len, "is longer than 65535 bytes");
	if (memchr(path, '\0', len) != NULL)
		return bad(path, len, "holds a NUL byte");

	size_t depth = 0;
	const char *end = path + len;

	for (const char *name = path;; name++) {
		const char *slash = memchr(name, '/', (size_t)(end - name));
		size_t name_len = (size_t)((slash ? slash : end) - name);

		if (name_len == 0)
			return bad(path, len, "has an empty component");
		if (name_len > ENTRY_NAME_MAX)
			return bad(path, len, "has a component longer than 255 bytes");
		if (name[0] == '.' && (name_len == 1 || (name_len == 2 && name[1] == '.')))
			return bad(path, len, "has a component '.' or '..'");
		if (++depth > ENTRY_DEPTH_MAX)
			return bad(path, len, "is nested deeper than 4096 folders");
		if (slash == NULL)
			return 0;
		name = slash;
	}
}
