#include "entries.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"

#define ROW_MAX (4u << 20) /* an entry, with every byte of its path and target written as \u00NN */

static const struct {
	char letter;
	const char *name;
} types[] = {
	[ENTRY_FILE] = { '-', "file" },          [ENTRY_FOLDER] = { 'd', "folder" },
	[ENTRY_SYMLINK] = { 'l', "symlink" },    [ENTRY_FIFO] = { 'p', "fifo" },
	[ENTRY_SOCKET] = { 's', "socket" },      [ENTRY_CHAR] = { 'c', "character-device" },
	[ENTRY_BLOCK] = { 'b', "block-device" },
};

const char *entry_type_name(enum entry_type type)
{
	return types[type].name;
}

const char *format_mode(const struct entry *e, char *out)
{
	static const char letters[] = "rwxrwxrwx";

	out[0] = types[e->type].letter;
	for (unsigned i = 0; i < 9; i++)
		out[1 + i] = (e->mode >> (8 - i) & 1) != 0 ? letters[i] : '-';
	if ((e->mode & 04000) != 0)
		out[3] = out[3] == 'x' ? 's' : 'S';
	if ((e->mode & 02000) != 0)
		out[6] = out[6] == 'x' ? 's' : 'S';
	if ((e->mode & 01000) != 0)
		out[9] = out[9] == 'x' ? 't' : 'T';
	out[10] = '\0';
	return out;
}

void put_entry(struct json *j, const struct entry *e)
{
	char mode[8];

	snprintf(mode, sizeof mode, "%04o", e->mode);
	json_put_path(j, "path", e->path, e->path_len);
	json_put_text(j, "type", entry_type_name(e->type));
	json_put_text(j, "mode", mode);
	json_put_int(j, "uid", e->uid);
	json_put_int(j, "gid", e->gid);
	json_key(j, "user");
	json_bytes(j, e->user, e->user_len);
	json_key(j, "group");
	json_bytes(j, e->group, e->group_len);
	json_put_int(j, "size", (int64_t)e->size);
	json_put_time(j, "mtime", e->mtime);
	json_put_int(j, "mtime_ns", e->mtime_ns);
	if (e->type == ENTRY_FILE && e->link == NULL)
		json_put_hex(j, "fingerprint", e->fingerprint, DIGEST_SIZE);
	if (e->has_sha256)
		json_put_hex(j, "sha256", e->sha256, DIGEST_SIZE);
	if (e->type == ENTRY_SYMLINK && e->link == NULL)
		json_put_path(j, "target", e->target, e->target_len);
	if (e->link != NULL)
		json_put_path(j, "link", e->link, e->link_len);
	if (e->changed)
		json_put_bool(j, "changed_while_read", true);
}

int rows_add(struct rows *rows, struct json *object)
{
	_buf_ struct buf text = { 0 };

	buf_init(&text, ROW_MAX, "an entry as JSON");
	int code = json_take(object, &text);
	json_free(object);
	if (code != 0)
		return code;
	/* json_take() ends a document with a newline. */
	if (fputs(rows->begun ? ",\n" : "[", stdout) == EOF ||
	    fwrite(text.data, 1, text.len - 1, stdout) != text.len - 1)
		return failed_errno(ERR_SYSTEM, "cannot write to standard output");
	rows->begun = true;
	return 0;
}

int rows_end(struct rows *rows)
{
	return fputs(rows->begun ? "]\n" : "[]\n", stdout) != EOF && fflush(stdout) == 0
		       ? 0
		       : failed_errno(ERR_SYSTEM, "cannot write to standard output");
}

void print_path(const char *path, size_t len)
{
	size_t size = 4 * len + 1;
	_free_ char *shown = xmalloc(size);

	fputs(log_printable(path, len, shown, size), stdout);
}
