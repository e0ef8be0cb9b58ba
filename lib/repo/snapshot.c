#include "repo/snapshot.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/processors.h"
#include "base/version.h"
#include "format/padme.h"
#include "repo/apart.h"
#include "repo/commit.h"
#include "repo/gather.h"

struct taking {
	struct repo *r;
	const struct snapshot_options *o;
	struct snapshot_result *result;
	struct key_cache *cache;
	struct sender *sender;
	struct chunk_store *store;
	struct tree_writer *tree;
	struct chunker *chunker;
	struct pipeline pipeline;
	struct source *source;
	struct apart apart; /* the source borrows it */
	uint64_t complaints;
	unsigned zones; /* that take part; those that fail on the way are left out */
};

static void complain(void *context, const char *path, size_t path_len, const char *reason)
{
	struct taking *t = context;
	_free_ char *copy = xstrndup(path, path_len);

	t->complaints++;
	findings_add(t->r->findings, FINDING_SKIPPED, NULL, copy[0] == '\0' ? "." : copy, "%s", reason);
}

/* The key cache of an epoch, and the folder in memory that its keys are in, or would be. */
static char *cache_folder(const struct taking *t, uint32_t epoch)
{
	return xasprintf("%s/keys-%" PRIu32, t->o->state, epoch);
}

/* Named after the state folder, too: several may use one memory_dir. */
static char *memory_folder(const struct taking *t, uint32_t epoch)
{
	uint8_t digest[DIGEST_SIZE];
	char hex[17];

	sha256(t->o->state, strlen(t->o->state), digest);
	return xasprintf("%s/%s-%s/keys-%" PRIu32, t->o->config->memory_dir, t->r->dataset, hex_encode(digest, 8, hex),
			 epoch);
}

static int destroy_cache(char *folder)
{
	int code = access(folder, F_OK) == 0 ? key_cache_destroy(folder) : 0;

	free(folder);
	return code;
}

/* Chunk keys of an older dataset key: after a rotation nothing of it is to be used, or kept. */
static int forget_older_epochs(const struct taking *t)
{
	int code = 0;

	for (uint32_t epoch = 1; epoch < t->o->key->epoch && code == 0; epoch++) {
		code = destroy_cache(cache_folder(t, epoch));
		if (code == 0)
			code = destroy_cache(memory_folder(t, epoch));
	}
	return code;
}

static int open_cache(struct taking *t)
{
	_free_ char *folder = cache_folder(t, t->o->key->epoch), *memory = memory_folder(t, t->o->key->epoch);
	int code = forget_older_epochs(t);

	if (code == 0 && t->o->dataset->cache_in_memory)
		code = key_cache_open(folder, memory, &t->cache);
	else if (code == 0 && (code = destroy_cache(xstrdup(memory))) == 0)
		code = key_cache_open(folder, NULL, &t->cache);
	t->result->cache_lost = code == 0 && key_cache_lost(t->cache);
	return code;
}

static int open_all(struct taking *t)
{
	const struct config_dataset *d = t->o->dataset;
	apart_find(t->o->config, &t->apart);
	const struct source_options source = { .type = d->source.type,
					       .path = d->source.path,
					       .exclude = (const char *const *)d->source.exclude,
					       .exclude_count = d->source.exclude_count,
					       .cross_file_systems = d->source.cross_file_systems,
					       .apart = (const char *const *)t->apart.paths,
					       .apart_count = t->apart.count };
	_secret_ uint8_t *secret = secret_new(KEY_SIZE);
	int code = suite_available(d->cipher);

	if (code == 0)
		code = source_open(&source, complain, t, &t->source);
	if (code == 0)
		code = open_cache(t);
	if (code != 0)
		return code;
	/* Lengths would betray what the dataset key cuts just so; where nothing deduplicates, no two runs need cut alike. */
	if (d->dedup == DEDUP_NONE)
		random_bytes(secret, KEY_SIZE);
	else
		dataset_subkey(t->o->key, "chunker", secret);
	code = chunker_new(secret, d->chunk, &t->chunker);
	if (code != 0)
		return code;
	t->pipeline = pipeline_plan(chunker_max(t->chunker), gather_codec_max(t->chunker), d->compression,
				    processors_usable());
	t->sender = sender_new(t->r, t->o->zones, t->pipeline.packs);
	t->store = chunk_store_new(t->r, t->o->key, d, t->sender, t->o->journal);
	t->tree = tree_writer_new(t->store, t->cache, t->o->key);
	return 0;
}

static void close_all(struct taking *t)
{
	tree_writer_free(t->tree);
	chunk_store_free(t->store);
	sender_free(t->sender);
	chunker_free(t->chunker);
	key_cache_close(t->cache);
	source_close(t->source);
	apart_release(&t->apart);
}

static int run_gather(struct taking *t, struct header *header, uint8_t root_key[KEY_SIZE])
{
	const struct gather_options options = { .source = t->source,
						.store = t->store,
						.cache = t->cache,
						.tree = t->tree,
						.findings = t->r->findings,
						.leases = t->o->leases,
						.progress = t->o->progress,
						.chunker = t->chunker,
						.key = t->o->key,
						.level = t->o->dataset->compression,
						.pipeline = t->pipeline,
						.sha256 = t->o->dataset->sha256 };
	struct gather_counts counts;
	struct chunk_store_counts stored;
	int code = gather(&options, &counts, header->root_id, root_key);

	if (code == 0)
		code = chunk_store_flush(t->store);
	if (code == 0)
		code = sender_wait(t->sender, &t->zones);
	if (code != 0)
		return code;
	chunk_store_counts(t->store, &stored);
	header->files = counts.files;
	header->folders = counts.folders;
	header->others = counts.others;
	/* In clear: from night to night it would tell the length of a single new file. */
	header->bytes = t->o->dataset->padding == PADDING_PADME ? padme(counts.bytes) : counts.bytes;
	header->skipped = t->complaints + counts.skipped;
	header->changed = counts.changed;
	header->new_bytes = stored.plain_bytes;
	header->new_stored = stored.stored_bytes;
	t->result->read_files = counts.read_files;
	t->result->read_bytes = counts.read_bytes;
	t->result->cached_files = counts.cached_files;
	t->result->new_chunks = stored.chunks;
	t->result->packs = stored.packs;
	return 0;
}

/* The packs are sent: looks again at what the zones hold now, and commits on that. */
static int commit(struct taking *t, struct header *header, const uint8_t root_key[KEY_SIZE])
{
	int code = lease_confirm(t->o->leases);
	const struct commit_options options = { .agent = t->o->agent,
						.recipients = t->o->recipients,
						.recipient_count = t->o->recipient_count,
						.root_key = root_key,
						.zones = t->zones & lease_zones(t->o->leases) };

	if (code == 0)
		code = repo_load(t->r);
	if (code == 0)
		code = commit_snapshot(t->r, &options, header, &t->result->zones);
	if (code == 0)
		code = catalog_flush(t->r->catalog, true);
	if (code == 0)
		code = journal_clear(t->o->journal);
	return code == 0 ? key_cache_commit(t->cache) : code;
}

int snapshot_take(struct repo *r, const struct snapshot_options *options, struct snapshot_result *result)
{
	struct taking t = { .r = r, .o = options, .result = result, .zones = options->zones };
	struct header *header = &result->header;
	_secret_ uint8_t *root_key = secret_new(KEY_SIZE);

	*result = (struct snapshot_result){ 0 };
	memcpy(header->dataset, r->dataset, sizeof header->dataset);
	strncpy(header->product, options->dataset->product->name, sizeof header->product - 1);
	strncpy(header->tool, "nightfold " NIGHTFOLD_VERSION, sizeof header->tool - 1);
	header->class = options->dataset->class;
	header->suite = options->dataset->cipher;
	random_bytes(header->id, SNAPSHOT_ID_SIZE);
	header->taken_at = header->consistent_at = clock_now();
	header->expires_at = duration_after(header->taken_at, options->dataset->product->backup);

	int code = open_all(&t);
	if (code == 0)
		code = run_gather(&t, header, root_key);
	if (code == 0)
		code = commit(&t, header, root_key);
	close_all(&t);
	return code;
}
