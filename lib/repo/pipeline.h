/*
 * How much of a snapshot's pipeline there is at once. One budget for everything that holds plaintext or packs, so that
 * neither the data, nor its chunks' size, nor the level, nor the number of processors makes a night take more memory:
 *
 *	window    bytes read and not yet cut
 *	pieces    chunks on their way to a worker and in its hands
 *	workers   each with a compressor and what that gives
 *	packs     one of content and one of nodes being filled, one or two being sent
 *
 * The rest (batches of small files, the tree, the key cache, the catalogue's pending rows) is bounded on its own,
 * together well under the 28 MiB that are left of 128.
 *
 * Pure.
 */
#ifndef REPO_PIPELINE_H
#define REPO_PIPELINE_H

#include <stddef.h>

#define PIPELINE_BYTES (100u << 20)

struct pipeline {
	size_t window;
	unsigned pieces, workers, packs;
};

/*
 * As many workers as there are processors and room, at least one. `chunk_max`: of the chunker; `codec_max`: the largest
 * piece to be packed.
 */
struct pipeline pipeline_plan(size_t chunk_max, size_t codec_max, int level, unsigned processors);

/* What it takes at most. */
size_t pipeline_memory(const struct pipeline *p, size_t chunk_max, size_t codec_max, int level);

#endif
