/*
 * In place of the driver of `files`: a tree that is nowhere, as the file `shape` in the source's folder says in one line
 * of numbers: files; one of how many is large (0: none), the others have 1 to 12 KiB; pieces of a large one on average;
 * bytes of the chunk that a piece stands for; the number of the night; and one of how many folders has other files every
 * night (0: none).
 */
#include "source/source.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/io.h"
#include "ghost.h"

#define FOLDER_FILES  1000u
#define MAIL_MIN      1024u
#define MAIL_SPREAD   (11u << 10)
#define PIECES_MIN    9u /* fewer make a small file: chunk/grouping.h */
#define NUMBER_DIGITS 9
#define SHAPE_MAX     200u
#define BORN          INT64_C(1700000000)

struct ghosts {
	struct source source;
	uint64_t files;
	uint32_t large, pieces, average, night, changing;
	uint64_t next; /* entry: the root, then each folder before its files */
	struct entry entry;
	char path[64];
	/* the file that is open */
	uint64_t file, size, at;
	uint32_t version;
};

/* The last night in which the file became another one. */
static uint32_t version_of(const struct ghosts *g, uint64_t file)
{
	uint32_t night = g->changing == 0 ? 0 : g->night;

	while (night > 0 && ghost_mix(file / FOLDER_FILES, night) % g->changing != 0)
		night--;
	return night;
}

static bool is_large(const struct ghosts *g, uint64_t file)
{
	return g->large != 0 && file % g->large == 0;
}

static uint64_t size_of(const struct ghosts *g, uint64_t file)
{
	uint32_t least = g->pieces / 2 < PIECES_MIN ? PIECES_MIN : g->pieces / 2, spread = 2 * (g->pieces - least) + 1;

	if (!is_large(g, file))
		return MAIL_MIN + ghost_mix(file, 0) % MAIL_SPREAD;
	return (least + ghost_mix(file, 0) % spread) * (uint64_t)GHOST_PIECE;
}

/* As many numbers as there are, one behind the other. */
static bool read_numbers(const char *text, uint64_t *out, size_t count)
{
	char *end = NULL;

	for (size_t i = 0; i < count; i++, text = end) {
		out[i] = strtoull(text, &end, 10);
		if (end == text)
			return false;
	}
	return true;
}

static int ghosts_open(const struct source_options *options, source_complaint complain, void *context,
		       struct source **out)
{
	_free_ char *path = xasprintf("%s/shape", options->path);
	_buf_ struct buf text = { 0 };
	uint64_t n[6];

	(void)complain;
	(void)context;
	buf_init(&text, SHAPE_MAX, "shape");
	int code = io_load(path, &text);
	if (code == 0)
		code = buf_terminate(&text);
	if (code == 0 && !read_numbers((const char *)text.data, n, sizeof n / sizeof n[0]))
		code = failed(ERR_USAGE, "'%s' is no shape of a simulated source", path);
	if (code != 0)
		return code;
	struct ghosts *g = xcalloc(1, sizeof *g);
	*g = (struct ghosts){ .files = n[0],
			      .large = (uint32_t)n[1],
			      .pieces = (uint32_t)n[2],
			      .average = (uint32_t)n[3],
			      .night = (uint32_t)n[4],
			      .changing = (uint32_t)n[5] };
	must(g->large == 0 || g->pieces >= PIECES_MIN);
	ghost_set_average(g->average);
	*out = &g->source;
	return 0;
}

static void ghosts_close(struct source *s)
{
	free(s);
}

static void fill(struct ghosts *g, uint64_t file, struct entry *e, struct stat_print *print)
{
	uint32_t version = version_of(g, file);
	int64_t time = BORN + (int64_t)version * 86400 + (int64_t)(file % 86400);

	e->mode = 0640;
	e->uid = e->gid = 1000;
	e->user = e->group = "messages";
	e->user_len = e->group_len = (uint32_t)strlen("messages");
	e->mtime = time;
	e->mtime_ns = (uint32_t)(ghost_mix(file, version) % 1000000000);
	e->size = size_of(g, file);
	*print = (struct stat_print){ .device = 1, .inode = file + 1, .ctime = time, .ctime_ns = e->mtime_ns };
}

static int ghosts_next(struct source *s, const struct entry **entry, struct stat_print *print)
{
	struct ghosts *g = (struct ghosts *)s;
	uint64_t at = g->next++, folder = (at - 1) / (FOLDER_FILES + 1), in = (at - 1) % (FOLDER_FILES + 1),
		 file = folder * FOLDER_FILES + in - 1;

	g->entry = (struct entry){ .path = g->path, .type = ENTRY_FOLDER, .mode = 0750 };
	*print = (struct stat_print){ .device = 1 };
	*entry = &g->entry;
	if (at == 0)
		return 0;
	if (folder * FOLDER_FILES >= g->files || (in > 0 && file >= g->files)) {
		*entry = NULL;
		return 0;
	}
	g->entry.mtime = BORN;
	if (in == 0) {
		g->entry.path_len = (uint32_t)snprintf(g->path, sizeof g->path, "box-%07" PRIu64, folder);
		return 0;
	}
	g->entry.type = ENTRY_FILE;
	g->entry.path_len = (uint32_t)snprintf(g->path, sizeof g->path, "box-%07" PRIu64 "/message-%09" PRIu64, folder,
					       file);
	fill(g, file, &g->entry, print);
	return 0;
}

/* It has none. */
static void ghosts_attributes(struct source *s, struct stat_print *print)
{
	(void)s;
	(void)print;
}

static void ghosts_leave_out(struct source *s, const struct entry *e)
{
	(void)s;
	(void)e;
}

static int ghosts_read_begin(struct source *s, struct entry *e, struct stat_print *print)
{
	struct ghosts *g = (struct ghosts *)s;
	char number[NUMBER_DIGITS + 1] = "";

	/* A path ends in the file's number. */
	memcpy(number, e->path + e->path_len - NUMBER_DIGITS, NUMBER_DIGITS);
	g->file = strtoull(number, NULL, 10);
	g->version = version_of(g, g->file);
	g->at = 0;
	fill(g, g->file, e, print);
	g->size = e->size;
	return 0;
}

static int ghosts_read(struct source *s, void *data, size_t len, size_t *got)
{
	struct ghosts *g = (struct ghosts *)s;
	uint32_t length = is_large(g, g->file) ? GHOST_PIECE : (uint32_t)g->size;

	*got = 0;
	while (g->at < g->size && len - *got >= length) {
		ghost_write((uint8_t *)data + *got, g->file, g->version, (uint32_t)(g->at / length), length);
		g->at += length;
		*got += length;
	}
	return 0;
}

static int ghosts_read_end(struct source *s, struct entry *e, struct stat_print *print, bool *same)
{
	(void)s;
	(void)e;
	(void)print;
	*same = true;
	return 0;
}

const struct source_driver source_files_driver = {
	.type = "files",
	.open = ghosts_open,
	.close = ghosts_close,
	.next = ghosts_next,
	.attributes = ghosts_attributes,
	.leave_out = ghosts_leave_out,
	.read_begin = ghosts_read_begin,
	.read = ghosts_read,
	.read_end = ghosts_read_end,
};
