/* ls and cat. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/log.h"
#include "commands.h"
#include "entries.h"
#include "repo/content.h"
#include "repo/selection.h"
#include "report/progress.h"

struct printing {
	bool json, sha256;
	struct rows rows;
	/* for SHA-256s */
	const struct opened *opened;
	struct tree *originals; /* where hard links lead; opened when first needed */
	bool to_terminal;
	uint64_t without;
};

static void print_owner(const char *name, uint32_t len, uint32_t id)
{
	char shown[64];

	if (len > 0)
		printf("%-8s ", log_printable(name, len, shown, sizeof shown));
	else
		printf("%-8" PRIu32 " ", id);
}

static void print_entry(const struct entry *e)
{
	char mode[11], time[CLOCK_TEXT_MAX];

	printf("%s ", format_mode(e, mode));
	print_owner(e->user, e->user_len, e->uid);
	print_owner(e->group, e->group_len, e->gid);
	if (e->type == ENTRY_CHAR || e->type == ENTRY_BLOCK)
		printf("%6" PRIu32 ",%5" PRIu32 " ", e->major, e->minor);
	else
		printf("%12" PRIu64 " ", e->size);
	printf("%s ", clock_format(e->mtime, time));
	if (e->path_len == 0)
		putchar('.');
	print_path(e->path, e->path_len);
	if (e->link != NULL) {
		fputs(" = ", stdout);
		print_path(e->link, e->link_len);
	} else if (e->type == ENTRY_SYMLINK) {
		fputs(" -> ", stdout);
		print_path(e->target, e->target_len);
	}
	putchar('\n');
}

/*
 * As sha256sum escapes names: a line that begins with a backslash has them for backslash, newline and carriage return.
 */
static void print_sum(const struct printing *p, const struct entry *e, const uint8_t sha256[DIGEST_SIZE])
{
	char hex[DIGEST_HEX];
	bool escaped = false;

	for (uint32_t i = 0; i < e->path_len; i++)
		escaped = escaped || strchr("\\\n\r", e->path[i]) != NULL;
	printf("%s%s  ", escaped ? "\\" : "", hex_encode(sha256, DIGEST_SIZE, hex));
	if (p->to_terminal)
		print_path(e->path, e->path_len);
	for (uint32_t i = 0; i < e->path_len && !p->to_terminal; i++) {
		char c = e->path[i];

		if (c == '\\' || c == '\n' || c == '\r')
			printf("\\%c", c == '\n' ? 'n' : c == '\r' ? 'r' : c);
		else
			putchar(c);
	}
	putchar('\n');
}

/* Of a further hard link, that of its file. */
static int show_sum(struct printing *p, const struct entry *e)
{
	const struct entry *original = e;
	const struct node *n;
	int code = 0;

	if (e->type != ENTRY_FILE)
		return 0;
	if (e->link != NULL && p->originals == NULL)
		code = tree_open(p->opened->fetcher, p->opened->snapshot->header.root_id, p->opened->root_key,
				 &p->originals);
	if (code == 0 && e->link != NULL)
		code = tree_original(p->originals, e, &original, &n);
	if (code != 0 && !fetch_lost(code))
		return code;
	if (code == 0 && original->has_sha256)
		print_sum(p, e, original->sha256);
	else
		p->without++;
	return ferror(stdout) ? failed(ERR_SYSTEM, "cannot write to standard output") : 0;
}

static void tell_without(struct session *s, const struct printing *p)
{
	char count[COUNT_TEXT_MAX];

	if (p->without > 0)
		findings_add(s->findings, FINDING_SKIPPED, NULL, p->opened->name,
			     "no SHA-256 was recorded of %s: 'sha256: true' in the dataset's configuration makes the "
			     "next run do it, but of "
			     "files with more than 64 GiB of holes",
			     format_count(p->without, "file", "files", count));
}

static int show_entry(void *context, const struct entry *e, const struct node *n)
{
	struct printing *p = context;

	(void)n;
	if (p->sha256)
		return show_sum(p, e);
	if (!p->json) {
		print_entry(e);
		return ferror(stdout) ? failed(ERR_SYSTEM, "cannot write to standard output") : 0;
	}
	struct json *j = json_new();
	json_object(j);
	put_entry(j, e);
	json_close_object(j);
	return rows_add(&p->rows, j);
}

int command_ls(const struct common_options *common, const void *own, int argc, char **argv)
{
	const struct ls_options *o = own;
	struct session s;
	struct opened opened = { 0 };
	struct printing p = {
		.json = common->json, .sha256 = o->sha256, .opened = &opened, .to_terminal = isatty(STDOUT_FILENO) == 1
	};
	struct selection selection = { 0 };
	int code = session_open(common, &o->access, &s);

	if (code == 0 && p.json && p.sha256)
		code = failed(ERR_USAGE, "--sha256 prints lines for sha256sum; with --json the entries have it anyway");
	if (code == 0)
		code = selection_make((const char *const *)(argv + 1), (size_t)argc - 1, &selection);
	if (code == 0)
		code = session_open_snapshot(&s, argv[0], &opened);
	if (code == 0)
		code = selection_check(&selection, opened.tree);
	if (code == 0)
		code = selection_walk(&selection, opened.tree, s.findings, NULL, show_entry, &p);
	if (code == 0 && p.json)
		code = rows_end(&p.rows);
	if (code == 0)
		tell_without(&s, &p);
	tree_close(p.originals);
	selection_release(&selection);
	opened_close(&opened);
	return session_end(&s, code);
}

/* ---- cat ---- */

struct printed {
	uint64_t at; /* bytes written so far */
};

static int write_out(struct printed *p, const void *data, size_t len)
{
	if (fwrite(data, 1, len, stdout) != len)
		return failed_errno(ERR_SYSTEM, "cannot write to standard output");
	p->at += len;
	return 0;
}

/* Holes are zeros. */
static int write_hole(struct printed *p, uint64_t until)
{
	static const uint8_t zeros[1u << 16];
	int code = 0;

	while (p->at < until && code == 0)
		code = write_out(p, zeros, until - p->at < sizeof zeros ? (size_t)(until - p->at) : sizeof zeros);
	return code;
}

static int print_content(void *context, uint64_t offset, const uint8_t *data, size_t len)
{
	int code = write_hole(context, offset);

	return code == 0 ? write_out(context, data, len) : code;
}

static int print_file(struct opened *o, const char *path)
{
	const struct entry *e;
	const struct node *n;
	struct selection selection;
	struct printed printed = { 0 };
	int code = selection_make(&path, 1, &selection);

	if (code != 0)
		return code;
	const char *clean = selection.count == 0 ? "" : selection.paths[0].path;
	code = tree_find(o->tree, clean, strlen(clean), &e, &n);
	if (code == 0 && e->link != NULL) {
		code = tree_original(o->tree, e, &e, &n);
		if (code == ERR_FORMAT)
			code = failed_in(ERR_INTEGRITY, "'%s'", path);
	}
	selection_release(&selection);
	if (code == 0 && e->type != ENTRY_FILE)
		code = failed(ERR_USAGE, "'%s' is no file but a %s", path, entry_type_name(e->type));
	if (code != 0)
		return code == ERR_USAGE || code == ERR_MISSING || !fetch_lost(code) ? code : ERR_INTEGRITY;

	struct content_reader *reader = content_reader_new(o->fetcher);
	code = content_read(reader, o->tree, e, n, print_content, &printed);
	if (code == 0)
		code = write_hole(&printed, e->size);
	content_reader_free(reader);
	if (code != 0 && fetch_lost(code))
		return failed_in(ERR_INTEGRITY, "'%s' cannot be had whole, so what was printed of it is not to be used",
				 path);
	return code == 0 && fflush(stdout) != 0 ? failed_errno(ERR_SYSTEM, "cannot write to standard output") : code;
}

int command_cat(const struct common_options *common, const void *own, int argc, char **argv)
{
	const struct view_options *o = own;
	struct session s;
	struct opened opened = { 0 };
	int code = session_open(common, &o->access, &s);

	(void)argc;
	if (code == 0 && common->json)
		code = failed(ERR_USAGE, "cat prints the file itself on standard output, where --json has no place");
	if (code == 0)
		code = session_open_snapshot(&s, argv[0], &opened);
	if (code == 0)
		code = print_file(&opened, argv[1]);
	opened_close(&opened);
	return session_end(&s, code);
}
