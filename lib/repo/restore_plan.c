/*
 * What a restore would take: a walk over the entries, and a sample of their content fetched to see how fast that
 * goes.
 */
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "repo/content.h"
#include "repo/decoder.h"
#include "repo/restore.h"

#define BLOCK        4096
#define SAMPLE_BYTES (32u << 20)
#define SAMPLE_TICKS 1000000000u /* one second */
#define ENTRY_TICKS  50000u      /* to make an entry and set its attributes */

struct planning {
	const struct restore_options *options;
	struct findings *findings;
	struct restore_plan *plan;
	struct tree *tree;
	struct content_reader *reader;
	uint64_t sampled, ticks;
};

static uint64_t blocks(uint64_t bytes)
{
	return (bytes + BLOCK - 1) / BLOCK * BLOCK;
}

static int sample_piece(void *context, const struct piece *piece)
{
	struct planning *p = context;
	const uint8_t *data;
	uint64_t began = clock_ticks();

	if (p->sampled >= SAMPLE_BYTES || p->ticks >= SAMPLE_TICKS)
		return 0;
	int code = content_chunk(p->reader, piece, &data);
	/* What is lost, and why, is the restore's to tell. */
	if (code != 0)
		return fetch_lost(code) ? 0 : code;
	p->ticks += clock_ticks() - began;
	p->sampled += piece->length;
	return 0;
}

static int add_entry(void *context, const struct entry *e, const struct node *n)
{
	struct planning *p = context;
	uint64_t content = e->size, disk = 0;

	if (e->type == ENTRY_FOLDER) {
		p->plan->folders++;
		p->plan->disk += BLOCK;
		return 0;
	}
	if (e->type != ENTRY_FILE) {
		p->plan->others++;
		return 0;
	}
	p->plan->files++;
	if (e->link != NULL)
		return 0;
	p->plan->bytes += e->size;
	if (e->sparse) {
		content = 0;
		for (uint32_t i = 0; i < e->extent_count; i++) {
			content += e->extents[i].length;
			disk += blocks(e->extents[i].length);
		}
	} else {
		disk = blocks(e->size);
	}
	p->plan->content += content;
	p->plan->disk += disk;
	return tree_pieces(p->tree, e, n, sample_piece, p);
}

/* Of the folder, or of the nearest one above it that is there. */
static uint64_t free_space(const char *folder)
{
	_free_ char *path = xstrdup(folder);
	char *at = path;
	struct statvfs fs;

	while (statvfs(at, &fs) != 0) {
		if (strcmp(at, "/") == 0 || strcmp(at, ".") == 0)
			return 0;
		at = dirname(at);
	}
	return (uint64_t)fs.f_bavail * fs.f_frsize;
}

static uint64_t expected_seconds(const struct planning *p)
{
	const struct restore_plan *plan = p->plan;
	double workers = decoder_threads();
	double ticks = (double)(plan->files + plan->folders + plan->others) * ENTRY_TICKS;

	if (p->sampled > 0)
		ticks += (double)p->ticks / (double)p->sampled * (double)plan->content / workers;
	return (uint64_t)(ticks / 1e9 + 0.999);
}

int restore_plan(struct fetcher *f, const struct restore_options *o, struct restore_plan *plan)
{
	struct planning p = { .options = o, .findings = fetcher_repo(f)->findings, .plan = plan };
	size_t lost_before = findings_count(p.findings, FINDING_LOST, false);

	*plan = (struct restore_plan){ 0 };
	int code = tree_open(f, o->snapshot->header.root_id, o->root_key, &p.tree);
	if (code != 0)
		return code;
	p.reader = content_reader_new(f);
	code = selection_check(o->selection, p.tree);
	if (code == 0)
		code = selection_walk(o->selection, p.tree, p.findings, NULL, add_entry, &p);
	plan->lost = findings_count(p.findings, FINDING_LOST, false) - lost_before;
	plan->free = free_space(o->target.path);
	plan->seconds = expected_seconds(&p);
	content_reader_free(p.reader);
	tree_close(p.tree);
	return code;
}
