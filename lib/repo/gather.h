/*
 * From a source to a tree: one thread walks, reads and cuts, the workers hash and store, one thread writes the tree in
 * order. Files that the key cache knows as unchanged are not read; small files go in groups. Memory is bounded by fixed
 * pools, whose sizes repo/pipeline.h plans.
 */
#ifndef REPO_GATHER_H
#define REPO_GATHER_H

#include "chunk/chunker.h"
#include "repo/lease.h"
#include "repo/pipeline.h"
#include "repo/tree_write.h"
#include "report/progress.h"
#include "source/source.h"

struct gather_options {
	struct source *source;
	struct chunk_store *store;
	struct key_cache *cache;
	struct tree_writer *tree;
	struct findings *findings;
	struct leases *leases;
	struct progress *progress; /* may be NULL */
	const struct chunker *chunker;
	const struct dataset_key *key;
	int level; /* of zstd */
	struct pipeline pipeline;
	bool sha256; /* record it of every file; what the cache knows without is read again */
};

/* The largest piece that a worker packs: a chunk, or a group of small files. */
size_t gather_codec_max(const struct chunker *chunker);

struct gather_counts {
	uint64_t files, folders, others, bytes; /* entries taken; apparent size of files */
	uint64_t read_files, read_bytes, cached_files;
	uint64_t skipped, changed; /* skipped counts what gather itself passed over */
};

must_check int gather(const struct gather_options *options, struct gather_counts *counts, uint8_t root_id[ID_SIZE],
		      uint8_t root_key[KEY_SIZE]);

#endif
