#include "catalog/remembered.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/hex.h"
#include "base/io.h"

#define SEEN_TEXT_MAX 32
#define SEEN_DIGITS   12 /* the year 9999 has as many */

static const char *const suffixes[] = {
	[REMEMBERED_HEADER] = ".header", [REMEMBERED_UNFINISHED] = ".unfinished", [REMEMBERED_SEEN] = ".seen"
};

static char *path_of(const char *folder, enum remembered_kind kind, const uint8_t snapshot[SNAPSHOT_ID_SIZE])
{
	char id[SNAPSHOT_ID_HEX];

	return xasprintf("%s/%s%s", folder, hex_encode(snapshot, SNAPSHOT_ID_SIZE, id), suffixes[kind]);
}

static int compare(const void *a, const void *b)
{
	const struct remembered *x = a, *y = b;

	return x->kind != y->kind ? (x->kind > y->kind) - (x->kind < y->kind)
				  : memcmp(x->snapshot, y->snapshot, SNAPSHOT_ID_SIZE);
}

static bool parse(const char *name, struct remembered *row)
{
	const size_t digits = SNAPSHOT_ID_HEX - 1;

	if (strlen(name) <= digits || hex_decode(name, digits, row->snapshot, SNAPSHOT_ID_SIZE) != 0)
		return false;
	for (size_t kind = 0; kind < sizeof suffixes / sizeof suffixes[0]; kind++) {
		if (strcmp(name + digits, suffixes[kind]) == 0) {
			row->kind = (enum remembered_kind)kind;
			return true;
		}
	}
	return false;
}

int remembered_list(const char *folder, struct remembered_list *out)
{
	DIR *dir = opendir(folder);
	size_t cap = 0;

	*out = (struct remembered_list){ 0 };
	if (dir == NULL)
		return errno == ENOENT ? 0 : failed_errno(ERR_SYSTEM, "cannot read '%s'", folder);
	errno = 0;
	for (struct dirent *entry; (entry = readdir(dir)) != NULL; errno = 0) {
		struct remembered row;

		if (!parse(entry->d_name, &row))
			continue;
		if (out->count == cap) {
			cap = 2 * cap + 64;
			out->rows = xrealloc(out->rows, cap, sizeof *out->rows);
		}
		out->rows[out->count++] = row;
	}
	int code = errno == 0 ? 0 : failed_errno(ERR_SYSTEM, "cannot read '%s'", folder);
	closedir(dir);
	if (code != 0)
		remembered_release(out);
	else if (out->count > 0)
		qsort(out->rows, out->count, sizeof *out->rows, compare);
	return code;
}

void remembered_release(struct remembered_list *list)
{
	free(list->rows);
	*list = (struct remembered_list){ 0 };
}

bool remembered_has(const struct remembered_list *list, enum remembered_kind kind,
		    const uint8_t snapshot[SNAPSHOT_ID_SIZE])
{
	struct remembered wanted = { .kind = kind };

	memcpy(wanted.snapshot, snapshot, SNAPSHOT_ID_SIZE);
	return list->count > 0 && bsearch(&wanted, list->rows, list->count, sizeof wanted, compare) != NULL;
}

int remembered_header(const char *folder, const uint8_t snapshot[SNAPSHOT_ID_SIZE], struct buf *out)
{
	_free_ char *path = path_of(folder, REMEMBERED_HEADER, snapshot);

	return io_load(path, out);
}

int remembered_seen(const char *folder, const uint8_t snapshot[SNAPSHOT_ID_SIZE], int64_t *seen_at)
{
	_free_ char *path = path_of(folder, REMEMBERED_SEEN, snapshot);
	_buf_ struct buf text = { 0 };
	int64_t seconds = 0;

	buf_init(&text, SEEN_TEXT_MAX, path);
	int code = io_load(path, &text);
	if (code != 0)
		return code;
	bool good = text.len > 1 && text.len <= SEEN_DIGITS + 1 && text.data[text.len - 1] == '\n';
	for (size_t i = 0; good && i + 1 < text.len; i++) {
		good = text.data[i] >= '0' && text.data[i] <= '9';
		seconds = 10 * seconds + (text.data[i] - '0');
	}
	if (!good)
		return failed(ERR_FORMAT, "'%s' holds no time", path);
	*seen_at = seconds;
	return 0;
}

static int save(const char *folder, enum remembered_kind kind, const uint8_t snapshot[SNAPSHOT_ID_SIZE],
		const void *data, size_t len)
{
	_free_ char *path = path_of(folder, kind, snapshot);
	int code = io_make_dirs(folder, 0700);

	return code == 0 ? io_save(path, data, len, 0600) : code;
}

int remember_header(const char *folder, const uint8_t snapshot[SNAPSHOT_ID_SIZE], const struct buf *object)
{
	return save(folder, REMEMBERED_HEADER, snapshot, object->data, object->len);
}

int remember_unfinished(const char *folder, const uint8_t snapshot[SNAPSHOT_ID_SIZE])
{
	return save(folder, REMEMBERED_UNFINISHED, snapshot, "", 0);
}

int remember_seen(const char *folder, const uint8_t snapshot[SNAPSHOT_ID_SIZE], int64_t seen_at)
{
	char text[SEEN_TEXT_MAX];
	int len = snprintf(text, sizeof text, "%" PRId64 "\n", seen_at);

	return save(folder, REMEMBERED_SEEN, snapshot, text, (size_t)len);
}

int remembered_forget(const char *folder, enum remembered_kind kind, const uint8_t snapshot[SNAPSHOT_ID_SIZE])
{
	_free_ char *path = path_of(folder, kind, snapshot);

	return unlink(path) == 0 || errno == ENOENT ? 0 : failed_errno(ERR_SYSTEM, "cannot remove '%s'", path);
}
