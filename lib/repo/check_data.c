/*
 * The data level: every file of every snapshot decoded from one zone at a time, nothing written. This thread walks the
 * trees and hands batches of pieces to workers, which fetch, decode and hash; the consumer sees them in order and folds
 * piece hashes into fingerprints.
 *
 * The hash of a piece is remembered, so that what many snapshots share is decoded once a zone; and what both zones hold
 * byte for byte, as the SHA-256 of its pack has just shown in each, once for both. Files that some zone did not give are
 * read once more from whichever zone does: what fails then is lost.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/ordered.h"
#include "base/stop.h"
#include "repo/checking.h"
#include "repo/content.h"
#include "repo/decoder.h"
#include "repo/examine.h"
#include "repo/locate.h"
#include "repo/piece_cache.h"
#include "repo/stretch.h"

#define DEPTH        12 /* batches between the walk and the consumer */
#define BATCH_PARTS  256
#define BATCH_BYTES  (4u << 20)
#define LOST_NAMED   1000 /* lost files of one snapshot that are told by name */
#define PROVEN_SLOTS (1u << 16)
#define PROVEN_KEY   16

/* ---- SHA-256s that were recorded ---- */

/*
 * The hashes of pieces do not give the SHA-256 of a file of several pieces, or with holes: it is read once more for
 * that, in order. Since fingerprint and extents together say what the file is, that is done once, whichever snapshot
 * and zone it comes from. Touched by the walking thread alone; direct-mapped.
 */
struct proven {
	uint8_t (*slots)[PROVEN_KEY];
};

static uint8_t *proven_slot(struct proven *proven, const struct entry *e, uint8_t key[DIGEST_SIZE])
{
	struct sha256 *hash = sha256_new();
	uint32_t slot;

	sha256_update(hash, e->fingerprint, DIGEST_SIZE);
	sha256_update(hash, e->sha256, DIGEST_SIZE);
	sha256_update(hash, &e->size, sizeof e->size);
	if (e->extent_count > 0)
		sha256_update(hash, e->extents, e->extent_count * sizeof *e->extents);
	sha256_final(hash, key);
	sha256_free(hash);
	memcpy(&slot, key + PROVEN_KEY, sizeof slot);
	if (proven->slots == NULL)
		proven->slots = xcalloc(PROVEN_SLOTS, sizeof *proven->slots);
	return proven->slots[slot % PROVEN_SLOTS];
}

/* ---- one pass: one snapshot from one zone, or from any ---- */

struct file {
	bool node; /* no file, but a node that could not be had: all that it leads to */
	uint8_t fingerprint[DIGEST_SIZE];
	uint8_t sha256[DIGEST_SIZE]; /* to be that of the one piece, where has_sha256 says so */
	bool has_sha256;
	uint64_t size;
	size_t path_len;
	char path[];
};

struct part {
	struct file *file; /* the end of this file; NULL: a piece of the file that ends next */
	uint8_t id[ID_SIZE], digest[DIGEST_SIZE];
	struct piece_name name;
	bool known; /* its digest is: nothing to decode */
	uint64_t chunk_size, offset, length;
	char *reason; /* why it could not be had; NULL: it could */
};

struct batch {
	struct batch *next; /* of the pool */
	struct stretch *stretch;
	struct part parts[BATCH_PARTS];
	uint8_t (*keys)[KEY_SIZE]; /* guarded, one a part */
	size_t count;
	uint64_t bytes, fetched;
};

/* Batches that are used again and again, with their guarded memory and that of their reads. */
struct pool {
	pthread_mutex_t lock;
	struct batch *free;
};

struct pass {
	struct checking *c;
	struct fetcher *fetcher;
	struct piece_cache *cache;
	struct pool *pool;
	struct proven *proven;
	struct content_reader *reader; /* the walk's, for SHA-256s; opened when first needed */
	struct progress *progress;
	const struct snapshot *snapshot;
	int zone; /* -1: any; what fails is lost */
	const uint8_t *root_key;
	struct tree *originals; /* where hard links lead; opened when first needed */
	struct ordered *ordered;
	struct batch *batch; /* being filled; NULL: none */
	atomic_bool gone;    /* the zone does not answer any more */
	/* the consumer's */
	struct sha256 *hash; /* over the pieces of the file at hand */
	uint8_t last_piece[DIGEST_SIZE];
	char *reason; /* why the file at hand failed; NULL: it did not */
	uint64_t files, bytes, failed;
	char first[256]; /* the first that failed, to be shown */
};

/* ---- batches ---- */

static struct batch *batch_take(struct pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	struct batch *batch = pool->free;
	if (batch != NULL)
		pool->free = batch->next;
	pthread_mutex_unlock(&pool->lock);

	if (batch == NULL) {
		batch = xcalloc(1, sizeof *batch);
		batch->keys = secret_new(BATCH_PARTS * sizeof *batch->keys);
		batch->stretch = stretch_new();
	}
	stretch_reset(batch->stretch);
	batch->count = 0;
	batch->bytes = batch->fetched = 0;
	return batch;
}

static void batch_give(void *context, void *item)
{
	struct pass *p = context;
	struct batch *batch = item;

	for (size_t i = 0; i < batch->count; i++) {
		free(batch->parts[i].file);
		free(batch->parts[i].reason);
	}
	pthread_mutex_lock(&p->pool->lock);
	batch->next = p->pool->free;
	p->pool->free = batch;
	pthread_mutex_unlock(&p->pool->lock);
}

static void pool_release(struct pool *pool)
{
	for (struct batch *batch = pool->free, *next; batch != NULL; batch = next) {
		next = batch->next;
		stretch_free(batch->stretch);
		secret_free(batch->keys);
		free(batch);
	}
	pthread_mutex_destroy(&pool->lock);
}

/* ---- workers ---- */

static void *worker_new(void *context)
{
	struct pass *p = context;

	return decoder_new(p->fetcher);
}

static void worker_free(void *worker)
{
	decoder_free(worker);
}

static int load_part(struct decoder *d, struct stretch *ahead, const struct part *part, const uint8_t key[KEY_SIZE],
		     const uint8_t **data)
{
	if (part->offset > part->chunk_size || part->length > part->chunk_size - part->offset)
		return failed(ERR_FORMAT, "a piece of %" PRIu64 " bytes at %" PRIu64 " of a chunk of %" PRIu64,
			      part->length, part->offset, part->chunk_size);
	int code = decoder_get(d, ahead, part->id, key, part->chunk_size, data);
	*data += code == 0 ? part->offset : 0;
	return code;
}

/* The zone that this pass is about, as the cache has it; of a pass over all of them, one that is none. */
static unsigned zone_bit(const struct pass *p)
{
	return ZONE_BIT(p->zone < 0 ? REPO_ZONES_MAX : (unsigned)p->zone);
}

static int hash_part(struct pass *p, struct decoder *d, struct stretch *ahead, struct part *part,
		     const uint8_t chunk_key[KEY_SIZE])
{
	const uint8_t *data;
	int code = load_part(d, ahead, part, chunk_key, &data);

	if (code == ERR_UNAVAILABLE && p->zone >= 0)
		atomic_store(&p->gone, true);
	if (code != 0 && fetch_lost(code)) {
		part->reason = xstrdup(err_message());
		return 0;
	}
	if (code != 0)
		return code;
	sha256(data, part->length, part->digest);
	piece_cache_add(p->cache, &part->name, zone_bit(p), part->digest);
	return 0;
}

/* Parts of one chunk one after the other, so that it is decoded once. */
static int work(void *context, void *worker, void *item)
{
	struct pass *p = context;
	struct batch *batch = item;
	bool hashed[BATCH_PARTS] = { false };
	int code = stop_check();

	for (size_t i = 0; i < batch->count; i++) {
		for (size_t k = i; !hashed[i] && k < batch->count && code == 0; k++) {
			struct part *part = &batch->parts[k];

			if (hashed[k] || part->file != NULL || part->reason != NULL || part->known ||
			    memcmp(part->id, batch->parts[i].id, ID_SIZE) != 0)
				continue;
			code = hash_part(p, worker, batch->stretch, part, batch->keys[k]);
			hashed[k] = k > i;
		}
	}
	decoder_done(worker);
	return code;
}

/* ---- the consumer ---- */

/* Something of the snapshot could not be had: a file, or all that a node leads to. */
static void note_failure(struct pass *p, const char *path, size_t len, bool node, const char *reason)
{
	struct findings *findings = p->c->r->findings;
	char snapshot[CHECK_SNAPSHOT_NAME];
	_free_ char *object = len == 0 ? xstrdup(".") : xstrndup(path, len);

	if (p->failed++ == 0)
		log_printable(object, strlen(object), p->first, sizeof p->first);
	if (p->zone >= 0)
		return;
	p->c->result->lost_files++;
	check_snapshot_name(p->c->r, p->snapshot, snapshot);
	if (p->failed > LOST_NAMED)
		return;
	findings_add(findings, FINDING_LOST, NULL, object, "%s of %s: %s",
		     node ? "this and what follows on it" : "this file", snapshot, reason);
}

static void end_file(struct pass *p, const struct file *file)
{
	uint8_t digest[DIGEST_SIZE];

	sha256_final(p->hash, digest);
	sha256_reset(p->hash);
	if (p->reason == NULL && memcmp(digest, file->fingerprint, DIGEST_SIZE) != 0)
		p->reason = xstrdup("its content is not what its fingerprint says");
	if (p->reason == NULL && file->has_sha256 && memcmp(p->last_piece, file->sha256, DIGEST_SIZE) != 0)
		p->reason = xstrdup("its content is not what its SHA-256 says");
	if (p->reason != NULL) {
		note_failure(p, file->path, file->path_len, file->node, p->reason);
	} else {
		p->files++;
		p->bytes += file->size;
	}
	free(p->reason);
	p->reason = NULL;
}

static int consume(void *context, void *item)
{
	struct pass *p = context;
	struct batch *batch = item;

	for (size_t i = 0; i < batch->count; i++) {
		struct part *part = &batch->parts[i];

		if (part->reason != NULL && p->reason == NULL) {
			p->reason = part->reason;
			part->reason = NULL;
		}
		if (part->file != NULL) {
			end_file(p, part->file);
			continue;
		}
		sha256_update(p->hash, part->digest, DIGEST_SIZE);
		memcpy(p->last_piece, part->digest, DIGEST_SIZE);
	}
	progress_add(p->progress, batch->bytes, 1);
	batch_give(p, batch);
	return 0;
}

/* ---- the walk ---- */

static int flush_batch(struct pass *p)
{
	struct batch *batch = p->batch;

	p->batch = NULL;
	if (batch == NULL)
		return 0;
	stretch_begin(batch->stretch, p->fetcher);
	return ordered_push(p->ordered, batch, false);
}

/* A part to fill. Its batch may be handed on only when it is filled: so before, not behind. */
static int next_part(struct pass *p, struct part **part, uint8_t **key)
{
	int code = 0;

	if (p->batch != NULL && (p->batch->count == BATCH_PARTS || p->batch->fetched >= BATCH_BYTES))
		code = flush_batch(p);
	if (p->batch == NULL)
		p->batch = batch_take(p->pool);
	*key = p->batch->keys[p->batch->count];
	*part = &p->batch->parts[p->batch->count++];
	**part = (struct part){ 0 };
	return code;
}

/* Whether what some zones gave is what this zone has: they gave it of a pack that this run found whole here and there. */
static bool is_same_here(struct pass *p, unsigned gave, const uint8_t id[ID_SIZE])
{
	struct chunk_place places[CATALOG_PLACES_MAX];
	size_t count;

	if (locate_chunk(p->c->r, KIND_CONTENT, id, places, &count) != 0 || count != 1)
		return false;
	unsigned whole = check_whole(p->c, places[0].pack);
	return (whole & zone_bit(p)) != 0 && (whole & gave) != 0;
}

static bool is_known(struct pass *p, const struct piece *piece, struct part *part)
{
	piece_name(piece, &part->name);
	unsigned gave = piece_cache_find(p->cache, &part->name, part->digest);

	if (gave == 0)
		return false;
	if (p->zone < 0 || (gave & zone_bit(p)) != 0)
		return true;
	if (!is_same_here(p, gave, piece->id))
		return false;
	piece_cache_add(p->cache, &part->name, zone_bit(p), part->digest);
	return true;
}

static int add_piece(void *context, const struct piece *piece)
{
	struct pass *p = context;
	struct part new = { .chunk_size = piece->chunk_size, .offset = piece->offset, .length = piece->length }, *part;
	uint8_t *key;
	int code = 0;

	memcpy(new.id, piece->id, ID_SIZE);
	new.known = is_known(p, piece, &new);
	/* A batch is what one read gives. */
	if (!new.known && p->batch != NULL && p->batch->fetched > 0 &&
	    !stretch_add(p->batch->stretch, p->fetcher, piece->id, piece->chunk_size))
		code = flush_batch(p);
	if (code == 0)
		code = next_part(p, &part, &key);
	if (code != 0)
		return code;
	*part = new;
	memcpy(key, piece->key, KEY_SIZE);
	p->batch->bytes += piece->length;
	if (new.known)
		return 0;
	if (p->batch->fetched == 0)
		(void)!stretch_add(p->batch->stretch, p->fetcher, piece->id, piece->chunk_size);
	p->batch->fetched += piece->length;
	return 0;
}

/* Its SHA-256 is that of the piece. */
static bool is_one_piece(const struct entry *e)
{
	return !e->sparse &&
	       (e->content.form == CONTENT_SLICE || (e->content.form == CONTENT_WHOLE && e->content.count == 1));
}

/* In order with the pieces, since the consumer counts by them. `reason`: given away. */
static int add_end(struct pass *p, const struct entry *e, const char *path, size_t len, char *reason)
{
	struct part *part;
	uint8_t *key;
	int code = next_part(p, &part, &key);

	part->reason = reason;
	part->file = xmalloc(sizeof *part->file + len);
	*part->file = (struct file){ .node = e == NULL, .size = e == NULL ? 0 : e->size, .path_len = len };
	memcpy(part->file->path, path, len);
	if (e != NULL) {
		memcpy(part->file->fingerprint, e->fingerprint, DIGEST_SIZE);
		memcpy(part->file->sha256, e->sha256, DIGEST_SIZE);
		part->file->has_sha256 = e->has_sha256 && is_one_piece(e);
	}
	return code;
}

static int pass_over(void *context, uint64_t offset, const uint8_t *data, size_t len)
{
	(void)context, (void)offset, (void)data, (void)len;
	return stop_check();
}

/* content_read() compares the SHA-256. */
static int prove_sha256(struct pass *p, struct tree *tree, const struct entry *e, const struct node *node)
{
	uint8_t key[DIGEST_SIZE], *slot;

	if (!e->has_sha256 || is_one_piece(e))
		return 0;
	slot = proven_slot(p->proven, e, key);
	if (memcmp(slot, key, PROVEN_KEY) == 0)
		return 0;
	if (p->reader == NULL)
		p->reader = content_reader_new(p->fetcher);
	int code = content_read(p->reader, tree, e, node, pass_over, NULL);
	if (code == 0)
		memcpy(slot, key, PROVEN_KEY);
	if (code == ERR_UNAVAILABLE && p->zone >= 0)
		atomic_store(&p->gone, true);
	return code;
}

static int add_file(struct pass *p, struct tree *tree, const struct entry *e, const struct node *node)
{
	int code = prove_sha256(p, tree, e, node);

	if (code == 0)
		code = tree_pieces(tree, e, node, add_piece, p);
	if (code != 0 && !fetch_lost(code))
		return code;
	return add_end(p, e, e->path, e->path_len, code == 0 ? NULL : xstrdup(err_message()));
}

/* A hard link has to lead to what it says. Where that is lost, the walk tells. */
static int check_link(struct pass *p, const struct entry *e)
{
	uint8_t digest[DIGEST_SIZE];
	const struct entry *original;
	const struct node *node;
	int code = 0;

	sha256((const uint8_t *)e->path, e->path_len, digest);
	if (!check_in_slice(p->c->options, digest))
		return 0;
	if (p->originals == NULL)
		code = tree_open(p->fetcher, p->snapshot->header.root_id, p->root_key, &p->originals);
	if (code == 0)
		code = tree_original(p->originals, e, &original, &node);
	if (code == ERR_FORMAT)
		return add_end(p, e, e->path, e->path_len, xstrdup(err_message()));
	return fetch_lost(code) ? 0 : code;
}

static int step(struct pass *p, struct tree *tree, bool *end)
{
	const struct entry *e;
	const struct node *node;
	size_t len;
	int code = tree_next(tree, &e, &node);

	if (code != 0 && fetch_lost(code)) {
		const char *path = tree_lost(tree, &len);

		return add_end(p, NULL, path, len, xstrdup(err_message()));
	}
	*end = code == 0 && e == NULL;
	if (code != 0 || *end)
		return code;
	if (e->link != NULL)
		return check_link(p, e);
	if (e->type != ENTRY_FILE || !check_in_slice(p->c->options, e->fingerprint))
		return 0;
	return add_file(p, tree, e, node);
}

static int walk(struct pass *p, const uint8_t root_key[KEY_SIZE])
{
	static const struct ordered_calls calls = { .worker_new = worker_new,
						    .worker_free = worker_free,
						    .work = work,
						    .consume = consume,
						    .drop = batch_give };
	unsigned threads = check_threads(p->c->options), most = decoder_threads();
	struct tree *tree;
	bool end = false;
	int code = tree_open(p->fetcher, p->snapshot->header.root_id, root_key, &tree);

	if (code != 0 && fetch_lost(code)) {
		_free_ char *reason = xstrdup(err_message());

		note_failure(p, "", 0, true, reason);
		return 0;
	}
	if (code != 0)
		return code;
	p->root_key = root_key;
	p->hash = sha256_new();
	threads = threads < most ? threads : most;
	p->ordered = ordered_new(DEPTH, threads, &calls, p);
	while (code == 0 && !end && !atomic_load(&p->gone)) {
		code = stop_check();
		if (code == 0)
			code = step(p, tree, &end);
	}
	if (code == 0)
		code = flush_batch(p);
	else if (p->batch != NULL)
		batch_give(p, p->batch);
	code = code == 0 ? ordered_finish(p->ordered) : ordered_abort(p->ordered, code);
	tree_close(tree);
	tree_close(p->originals);
	content_reader_free(p->reader);
	sha256_free(p->hash);
	free(p->reason);
	return code;
}

/* ---- all snapshots ---- */

struct data {
	struct checking *c;
	struct piece_cache *cache;
	struct pool pool;
	struct proven proven;
	struct progress *progress;
	unsigned *failed; /* by snapshot: zones that did not give all of it */
	unsigned *tried;  /* by snapshot: zones that were asked */
	unsigned gone;    /* zones that stopped answering */
	uint64_t opened, refused;
};

/* Opens the snapshot's seal. *opened false: told, and nothing more to do with it. */
static int open_seal(struct data *d, const struct snapshot *s, int zone, uint8_t root_key[KEY_SIZE], bool *opened)
{
	char name[CHECK_SNAPSHOT_NAME];
	int code = tree_unseal(d->c->r, s, d->c->options->key, zone, root_key);

	*opened = code == 0;
	d->opened += *opened;
	if (code == 0)
		return 0;
	check_snapshot_name(d->c->r, s, name);
	if (code == ERR_KEY) {
		d->refused++;
		findings_add(d->c->r->findings, FINDING_REFUSED, NULL, name,
			     "is not sealed to this key: its data was not checked");
	} else if (fetch_lost(code)) {
		findings_add(d->c->r->findings, code == ERR_UNAVAILABLE ? FINDING_UNAVAILABLE : FINDING_DAMAGED,
			     zone < 0 ? NULL : d->c->r->zones[zone].name, name, "%s", err_message());
	} else {
		return code;
	}
	return 0;
}

static int check_snapshot(struct data *d, struct fetcher *fetcher, size_t number, int zone)
{
	struct repo *r = d->c->r;
	struct pass p = { .c = d->c,
			  .fetcher = fetcher,
			  .cache = d->cache,
			  .pool = &d->pool,
			  .proven = &d->proven,
			  .progress = d->progress,
			  .snapshot = &r->snapshots[number],
			  .zone = zone };
	_secret_ uint8_t *root_key = secret_new(KEY_SIZE);
	char name[CHECK_SNAPSHOT_NAME];
	bool opened;

	int code = open_seal(d, p.snapshot, zone, root_key, &opened);
	if (code == 0 && opened)
		code = walk(&p, root_key);
	if (code != 0)
		return code;
	if (zone < 0) {
		if (p.failed > LOST_NAMED)
			findings_add(r->findings, FINDING_LOST, NULL, check_snapshot_name(r, p.snapshot, name),
				     "%" PRIu64 " more of its files are lost", p.failed - LOST_NAMED);
		return 0;
	}
	d->c->result->files += p.files;
	d->c->result->file_bytes += p.bytes;
	d->gone |= atomic_load(&p.gone) ? ZONE_BIT(zone) : 0;
	d->tried[number] |= opened ? ZONE_BIT(zone) : 0;
	d->failed[number] |= p.failed > 0 ? ZONE_BIT(zone) : 0;
	if (p.failed > 0 && !atomic_load(&p.gone))
		findings_add(r->findings, FINDING_DAMAGED, r->zones[zone].name,
			     check_snapshot_name(r, p.snapshot, name),
			     "%" PRIu64 " files cannot be restored from this zone alone; the first is '%s'", p.failed,
			     p.first);
	return 0;
}

static int check_zone(struct data *d, unsigned zone)
{
	struct repo *r = d->c->r;
	struct fetcher *fetcher = fetcher_new(r, (int)zone);
	int code = 0;

	/* Newest first: what matters most is known first. */
	for (size_t i = r->snapshot_count; i-- > 0 && code == 0 && (d->gone & ZONE_BIT(zone)) == 0;) {
		const struct snapshot *s = &r->snapshots[i];

		/* Without header or seal here, that was told, and from here nobody restores it. */
		if (snapshot_stays(r, s) && (s->zones & ZONE_BIT(zone)) != 0 && s->seals[zone] != 0)
			code = check_snapshot(d, fetcher, i, (int)zone);
	}
	fetcher_free(fetcher);
	return code;
}

/* Snapshots that no zone alone gave whole, from whichever zone gives each chunk. */
static int check_losses(struct data *d)
{
	struct repo *r = d->c->r;
	struct fetcher *fetcher = fetcher_new(r, -1);
	int code = 0;

	for (size_t i = r->snapshot_count; i-- > 0 && code == 0;) {
		if (d->failed[i] != 0 && d->failed[i] == d->tried[i])
			code = check_snapshot(d, fetcher, i, -1);
	}
	fetcher_free(fetcher);
	return code;
}

static uint64_t expected_bytes(const struct repo *r)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < r->snapshot_count; i++) {
		if (snapshot_stays(r, &r->snapshots[i]))
			bytes += r->snapshots[i].header.bytes *
				 (uint64_t)__builtin_popcount(r->snapshots[i].zones & repo_up(r));
	}
	return bytes;
}

int check_data(struct checking *c)
{
	struct repo *r = c->r;
	struct data d = { .c = c };
	int code = 0;

	d.cache = piece_cache_new();
	must(pthread_mutex_init(&d.pool.lock, NULL) == 0);
	d.failed = xcalloc(r->snapshot_count + 1, sizeof *d.failed);
	d.tried = xcalloc(r->snapshot_count + 1, sizeof *d.tried);
	d.progress = progress_new("decoding", c->options->slices > 1 ? 0 : expected_bytes(r), c->options->quiet);
	for (unsigned zone = 0; zone < r->zone_count && code == 0; zone++) {
		if (r->zones[zone].up)
			code = check_zone(&d, zone);
	}
	if (code == 0 && d.opened == 0 && d.refused > 0)
		code = failed(ERR_KEY, "none of the %" PRIu64 " snapshots of %s is sealed to this key",
			      c->result->snapshots, r->dataset);
	/* One that stopped answering may have it whole. */
	if (code == 0 && r->complete && d.gone == 0)
		code = check_losses(&d);
	progress_free(d.progress);
	free(d.failed);
	free(d.tried);
	free(d.proven.slots);
	pool_release(&d.pool);
	piece_cache_free(d.cache);
	return code;
}
