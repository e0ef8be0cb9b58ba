/*
 * The producer's side of gather.c (private to lib/repo, as is all here): the thread that walks and reads, and fills a
 * batch at a time. gather.c decides what becomes of an entry, gather_group.c reads small files, gather_large.c large
 * ones, gather_batch.c has what they share.
 */
#ifndef REPO_GATHERING_H
#define REPO_GATHERING_H

#include "repo/gather.h"
#include "repo/gather_item.h"

/* A file that changes while it is read is read again, so often in all. */
#define READ_ATTEMPTS 2

struct gathering {
	const struct gather_options *o;
	struct gather_counts *counts;
	struct pool *batches, *spans, *groups, *pieces;
	struct ordered *pipe;
	struct item *batch;             /* being filled; NULL once the pipeline failed */
	struct item *closing;           /* the one before, while its files are read; or NULL */
	bool failed;                    /* the pipeline knows why */
	uint8_t *grouping;              /* guarded */
	uint8_t *window;                /* bytes read and not yet cut: o->pipeline.window */
	struct file_sha256 *plain_hash; /* the producer's; NULL unless it is asked for */
	/* the cache's cursor */
	const struct shard *shard;
	uint32_t shard_at;
	/* the consumer's: the large file that is being put together */
	struct sha256 *file_hash;
};

/* ---- the batch ---- */

/* Leaves an entry out, and says why. */
void gathering_skip(struct gathering *g, const struct entry *e, const char *reason);

/* *added NULL: the entry is too large to be stored, and was skipped. */
must_check int gathering_add(struct gathering *g, const struct entry *e, const struct stat_print *print,
			     struct entry **added);

/*
 * Takes content, fingerprints and extents from the cached entry into the batch's last entry, its refs (`count`) behind
 * those that are there. false: there is no room.
 */
bool gathering_adopt(struct gathering *g, const struct entry *old, uint32_t count);

/* Reads what is to be read of the batch, gives it to the pipeline and begins a new one. */
must_check int gathering_close(struct gathering *g);

/* Gives the batch, which has nothing to be read, to the pipeline and begins a new one. */
must_check int gathering_send(struct gathering *g);

/* For the producer, which must not go on: what has failed, the pipeline says in the end. */
must_check int gathering_failed(struct gathering *g);

/*
 * The file changed while it was read, each time: what was read is taken, as the source describes it
 * (source_read_end()), and said to be changed. A member of a group that outgrew the group is cut off at what was read.
 */
void gathering_settle_changed(struct gathering *g, struct entry *e, uint64_t got);

/* Says that a file has no SHA-256 because of its holes. */
void gathering_tell_unhashed(struct gathering *g, const struct entry *e);

/* ---- files ---- */

/* `old`: the entry in the cache, which stands at the shard's cursor, or NULL; `known`: the file is the same. */
must_check int gathering_add_small(struct gathering *g, const struct entry *e, const struct stat_print *print,
				   const struct entry *old, bool known);

/* `old`: as above, of a file that is the same; NULL otherwise. */
must_check int gathering_add_large(struct gathering *g, const struct entry *e, const struct stat_print *print,
				   const struct entry *old);

/* Reads a large file. The batch is empty, before and after. */
must_check int gathering_read_large(struct gathering *g, const struct entry *e, const struct stat_print *print);

/* Decides which of a batch's small files share a chunk, and gives those to the pipeline whose chunk is not kept. */
must_check int gathering_store_groups(struct gathering *g, struct item *batch);

#endif
