#include "repo/pipeline.h"

#include "format/blob.h"
#include "format/pack.h"

/* Of a pack: its bytes, and what its footer is made from. */
#define CONTENT_PACK (PACK_TARGET + (1u << 20))
#define NODE_PACK    (PACK_NODES_TARGET + (3u << 20))

#define WORKERS_MAX    64
#define WORKERS_BEFORE 4 /* workers that matter more than a second pack on its way */
#define PIECES_BYTES   (24u << 20)
#define PIECES_MAX     64
#define PIECES_AHEAD   2 /* more pieces than workers, so that none waits for the reader */

/* A window of two chunks is looked through less often; of large ones that is too dear. */
#define WINDOW_TWICE (4u << 20)

size_t pipeline_memory(const struct pipeline *p, size_t chunk_max, size_t codec_max, int level)
{
	return p->window + p->pieces * chunk_max + p->workers * blob_codec_memory(codec_max, level) +
	       (p->packs - 1) * (size_t)CONTENT_PACK + NODE_PACK;
}

/* The first plan changed, if there is room for that. */
static bool take(struct pipeline *p, struct pipeline wanted, size_t chunk_max, size_t codec_max, int level)
{
	if (pipeline_memory(&wanted, chunk_max, codec_max, level) > PIPELINE_BYTES)
		return false;
	*p = wanted;
	return true;
}

struct pipeline pipeline_plan(size_t chunk_max, size_t codec_max, int level, unsigned processors)
{
	struct pipeline p = {
		.window = chunk_max <= WINDOW_TWICE ? 2 * chunk_max : chunk_max, .pieces = 1, .workers = 1, .packs = 3
	};
	unsigned workers = processors < 1 ? 1 : processors > WORKERS_MAX ? WORKERS_MAX : processors;
	struct pipeline wanted;
	bool more = true;

	for (unsigned n = 1; n <= workers && more; n++) {
		wanted = p;
		wanted.workers = n;
		wanted.pieces = n + PIECES_AHEAD;
		more = take(&p, wanted, chunk_max, codec_max, level);
		if (n == WORKERS_BEFORE || n == workers || !more) {
			wanted = p;
			wanted.packs = 4;
			(void)take(&p, wanted, chunk_max, codec_max, level);
		}
	}
	for (more = true; more && p.pieces < PIECES_MAX && p.pieces * chunk_max < PIECES_BYTES;) {
		wanted = p;
		wanted.pieces++;
		more = take(&p, wanted, chunk_max, codec_max, level);
	}
	return p;
}
