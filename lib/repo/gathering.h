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
	struct pool *batches, *pieces;
	struct ordered *pipe;
	struct item *batch;             /* being filled; NULL once the pipeline failed */
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

/* Reads the batch's group, unless it is kept, and gives the batch to the pipeline. */
must_check int gathering_close(struct gathering *g);

/* Gives the batch to the pipeline as it is, and begins a new one. */
must_check int gathering_send(struct gathering *g, bool skip_work);

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

/* `old`: the entry in the cache, which stands at the shard's cursor, when the file is unchanged; NULL otherwise. */
must_check int gathering_add_small(struct gathering *g, const struct entry *e, const struct stat_print *print,
				   const struct entry *old);
must_check int gathering_add_large(struct gathering *g, const struct entry *e, const struct stat_print *print,
				   const struct entry *old);

/* Whether the batch's files fill one known chunk, one behind the other, just as before. */
must_check int gathering_group_is_kept(struct gathering *g, bool *kept);

/* Reads the batch's small files into its data, which becomes the chunk of refs[0]. */
must_check int gathering_read_group(struct gathering *g);

#endif
