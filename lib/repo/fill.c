#include "repo/fill.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/ordered.h"
#include "base/stop.h"
#include "crypto/digest.h"
#include "repo/decoder.h"
#include "repo/file_sha256.h"
#include "repo/stretch.h"

#define DEPTH        12         /* batches between the producer and the consumer */
#define PARTS_MAX    44         /* of a batch; with DEPTH this bounds the open files */
#define BATCH_BYTES  (4u << 20) /* of plaintext, more or less */
#define WRITTEN_SIZE (256u << 10)

/* A file being filled. It stands in the list of open ones until finish_file(). */
struct file {
	struct file *previous, *next;
	struct target_file *target;
	char *path;
	uint64_t size;
	uint8_t fingerprint[DIGEST_SIZE];
	struct sha256 *hash; /* the consumer's; NULL for a file of one piece */
	bool has_sha256;
	uint8_t sha256[DIGEST_SIZE];
	struct file_sha256 *plain; /* its maker, unless it is the hash of the one piece */
	atomic_bool bad;           /* no use in going on with it; `reason` is set before, by one thread only */
	atomic_flag reason_set;
	char *reason;
};

enum part_type {
	PART_PIECE, /* of a file of several */
	PART_SMALL, /* a file of one piece */
	PART_END,   /* of a file of several pieces, or of none */
};

struct part {
	enum part_type type;
	struct file *file;
	uint8_t id[ID_SIZE];
	uint64_t chunk_size, content_offset;
	uint32_t offset, length;     /* in the chunk */
	uint8_t digest[DIGEST_SIZE]; /* made by the worker */
};

/* What goes from thread to thread at once: parts whose chunks lie together in a pack, and one read of that. */
struct batch {
	struct stretch *stretch;
	uint8_t (*keys)[KEY_SIZE]; /* guarded, one a part */
	struct part parts[PARTS_MAX];
	unsigned count;
	uint64_t bytes;
};

struct fill {
	struct fetcher *fetcher;
	struct target *target;
	struct progress *progress;
	struct ordered *ordered;

	struct batch batches[DEPTH + 1];      /* one more than fits into `ordered`: the producer's */
	uint8_t (*keys)[PARTS_MAX][KEY_SIZE]; /* guarded, one row a batch */

	struct batch *batch;  /* being filled; NULL: none */
	struct file *current; /* the file whose pieces are being added */
	uint64_t current_offset;

	uint8_t *written; /* the consumer's: what the target gives back */

	pthread_mutex_t lock; /* guards all that follows; innermost */
	struct batch *free_batches[DEPTH + 1];
	unsigned free_count;
	struct file *open;
	struct fill_counts counts;
	struct fill_lost lost;
};

/* ---- batches ---- */

static struct batch *batch_take(struct fill *p)
{
	pthread_mutex_lock(&p->lock);
	must(p->free_count > 0);
	struct batch *batch = p->free_batches[--p->free_count];
	pthread_mutex_unlock(&p->lock);

	stretch_reset(batch->stretch);
	batch->count = 0;
	batch->bytes = 0;
	return batch;
}

static void batch_give(void *context, void *argument)
{
	struct fill *p = context;

	pthread_mutex_lock(&p->lock);
	p->free_batches[p->free_count++] = argument;
	pthread_mutex_unlock(&p->lock);
}

/* ---- files ---- */

static bool has_one_piece(const struct entry *e)
{
	return e->content.form == CONTENT_SLICE || (e->content.form == CONTENT_WHOLE && e->content.count == 1);
}

static int open_file(struct fill *p, const struct entry *e, struct file **out)
{
	struct target_file *target;
	int code = target_create_file(p->target, e, &target);

	if (code != 0)
		return code;
	struct file *file = xcalloc(1, sizeof *file);
	file->target = target;
	file->path = xstrndup(e->path, e->path_len);
	file->size = e->size;
	memcpy(file->fingerprint, e->fingerprint, DIGEST_SIZE);
	file->has_sha256 = e->has_sha256;
	memcpy(file->sha256, e->sha256, DIGEST_SIZE);
	if (e->has_sha256 && (e->sparse || !has_one_piece(e))) {
		file->plain = file_sha256_new(NULL, NULL);
		file_sha256_begin(file->plain, e);
	}
	atomic_flag_clear(&file->reason_set);

	pthread_mutex_lock(&p->lock);
	file->next = p->open;
	if (p->open != NULL)
		p->open->previous = file;
	p->open = file;
	pthread_mutex_unlock(&p->lock);
	*out = file;
	return 0;
}

/* The first reason stays. Takes this thread's message. */
static void spoil(struct file *file)
{
	if (!atomic_flag_test_and_set(&file->reason_set)) {
		file->reason = xstrdup(err_message());
		atomic_store(&file->bad, true);
	}
}

/* Called with the lock held. */
static void unlink_file(struct fill *p, struct file *file)
{
	if (file->previous != NULL)
		file->previous->next = file->next;
	else
		p->open = file->next;
	if (file->next != NULL)
		file->next->previous = file->previous;
}

static void free_file(struct file *file)
{
	sha256_free(file->hash);
	file_sha256_free(file->plain);
	free(file->path);
	free(file->reason);
	free(file);
}

static void count_file(struct fill *p, struct file *file, bool bad)
{
	pthread_mutex_lock(&p->lock);
	unlink_file(p, file);
	if (bad) {
		p->counts.lost++;
		p->lost.paths = xrealloc(p->lost.paths, p->lost.count + 1, sizeof *p->lost.paths);
		p->lost.paths[p->lost.count++] = xstrdup(file->path);
	} else {
		p->counts.files++;
		p->counts.bytes += file->size;
	}
	pthread_mutex_unlock(&p->lock);
}

/* Everything is written: the file is whole, or it goes. In whichever thread saw the last of it. */
static int finish_file(struct fill *p, struct file *file, const uint8_t fingerprint[DIGEST_SIZE])
{
	if (!atomic_load(&file->bad) && memcmp(fingerprint, file->fingerprint, DIGEST_SIZE) != 0) {
		(void)!failed(ERR_INTEGRITY, "its fingerprint is not the one that was taken at the backup");
		spoil(file);
	}
	bool bad = atomic_load(&file->bad);
	if (bad)
		findings_add(fetcher_repo(p->fetcher)->findings, FINDING_LOST, NULL, file->path, "%s", file->reason);
	int code = target_file_finish(file->target, bad);
	progress_add(p->progress, 0, 1);
	count_file(p, file, bad);
	free_file(file);
	return code;
}

/* ---- workers ---- */

static void *worker_new(void *context)
{
	struct fill *p = context;

	return decoder_new(p->fetcher);
}

static void worker_free(void *worker)
{
	decoder_free(worker);
}

static int write_piece(struct fill *p, struct part *part, const uint8_t *data)
{
	sha256(data, part->length, part->digest);
	progress_add(p->progress, part->length, 0);
	return target_file_write(part->file->target, part->content_offset, data, part->length);
}

/* The file's SHA-256, at its end. `digest`: of its one piece, which it is where file->plain is NULL. */
static int check_sha256(struct file *file, const uint8_t *digest)
{
	uint8_t plain[DIGEST_SIZE];
	int code = 0;

	if (!file->has_sha256 || atomic_load(&file->bad))
		return 0;
	if (file->plain == NULL) {
		must(digest != NULL);
		memcpy(plain, digest, DIGEST_SIZE);
	} else {
		code = file_sha256_end(file->plain, file->size, plain);
	}
	if (code == 0 && memcmp(plain, file->sha256, DIGEST_SIZE) != 0) {
		(void)!failed(ERR_INTEGRITY, "its SHA-256 is not the one that was taken at the backup");
		spoil(file);
	}
	return code;
}

static int write_small(struct fill *p, struct file *file, const uint8_t *data, size_t len)
{
	uint8_t digest[DIGEST_SIZE], fingerprint[DIGEST_SIZE];
	int code = target_file_write(file->target, 0, data, len);

	if (code != 0)
		return code;
	sha256(data, len, digest);
	sha256(digest, sizeof digest, fingerprint);
	progress_add(p->progress, len, 0);
	if (file->plain != NULL)
		code = file_sha256_add(file->plain, data, len);
	if (code == 0)
		code = check_sha256(file, digest);
	return code == 0 ? finish_file(p, file, fingerprint) : code;
}

static int fill_part(struct fill *p, struct decoder *d, struct stretch *ahead, struct part *part,
		     const uint8_t key[KEY_SIZE])
{
	static const uint8_t none[DIGEST_SIZE];
	const uint8_t *data;

	if (part->type == PART_END || (part->type == PART_PIECE && atomic_load(&part->file->bad)))
		return 0;
	int code = decoder_get(d, ahead, part->id, key, part->chunk_size, &data);
	if (code != 0 && !fetch_lost(code))
		return code;
	if (code != 0) {
		spoil(part->file);
		return part->type == PART_SMALL ? finish_file(p, part->file, none) : 0;
	}
	data += part->offset;
	return part->type == PART_SMALL ? write_small(p, part->file, data, part->length) : write_piece(p, part, data);
}

/* Files of several groups may take turns: those of one chunk go one after the other, so that it is decoded once. */
static int work(void *context, void *worker, void *argument)
{
	struct batch *batch = argument;
	bool filled[PARTS_MAX] = { false };
	int code = 0;

	for (unsigned i = 0; i < batch->count; i++) {
		for (unsigned k = i; !filled[i] && k < batch->count && code == 0; k++) {
			if (filled[k] || memcmp(batch->parts[k].id, batch->parts[i].id, ID_SIZE) != 0)
				continue;
			code = fill_part(context, worker, batch->stretch, &batch->parts[k], batch->keys[k]);
			filled[k] = k > i;
		}
	}
	decoder_done(worker);
	return code;
}

/* Pieces were written in any order: in theirs they are taken from the target, which has them in memory still. */
static int hash_written(struct fill *p, const struct part *part)
{
	uint64_t at = part->content_offset, end = at + part->length;
	int code = 0;

	if (p->written == NULL)
		p->written = xmalloc(WRITTEN_SIZE);
	while (at < end && code == 0) {
		size_t len = end - at < WRITTEN_SIZE ? (size_t)(end - at) : WRITTEN_SIZE;

		code = target_file_read(part->file->target, at, p->written, len);
		if (code == 0)
			code = file_sha256_add(part->file->plain, p->written, len);
		at += len;
	}
	return code;
}

static int consume_part(struct fill *p, const struct part *part)
{
	uint8_t fingerprint[DIGEST_SIZE];
	struct file *file = part->file;
	int code = 0;

	if (part->type == PART_PIECE) {
		sha256_update(file->hash, part->digest, DIGEST_SIZE);
		if (file->plain != NULL && !atomic_load(&file->bad))
			code = hash_written(p, part);
	} else if (part->type == PART_END) {
		sha256_final(file->hash, fingerprint);
		code = check_sha256(file, NULL);
		if (code == 0)
			code = finish_file(p, file, fingerprint);
	}
	return code;
}

static int consume(void *context, void *argument)
{
	struct fill *p = context;
	struct batch *batch = argument;
	int code = 0;

	for (unsigned i = 0; i < batch->count && code == 0; i++)
		code = consume_part(p, &batch->parts[i]);
	batch_give(p, batch);
	return code;
}

static const struct ordered_calls calls = {
	.worker_new = worker_new,
	.worker_free = worker_free,
	.work = work,
	.consume = consume,
	.drop = batch_give,
};

/* ---- the producer ---- */

struct fill *fill_new(struct fetcher *f, struct target *target, struct progress *progress)
{
	struct fill *p = xcalloc(1, sizeof *p);

	p->fetcher = f;
	p->target = target;
	p->progress = progress;
	p->keys = secret_new((DEPTH + 1) * sizeof *p->keys);
	for (unsigned i = 0; i < DEPTH + 1; i++) {
		p->batches[i].keys = p->keys[i];
		p->batches[i].stretch = stretch_new();
		p->free_batches[p->free_count++] = &p->batches[i];
	}
	must(pthread_mutex_init(&p->lock, NULL) == 0);
	p->ordered = ordered_new(DEPTH, decoder_threads(), &calls, p);
	return p;
}

static int push_batch(struct fill *p)
{
	struct batch *batch = p->batch;

	p->batch = NULL;
	if (batch == NULL)
		return 0;
	stretch_begin(batch->stretch, p->fetcher);
	return ordered_push(p->ordered, batch, false);
}

/* A part to fill; with a chunk it goes with those that lie beside it. */
static int next_part(struct fill *p, enum part_type type, const struct piece *piece, struct part **part)
{
	struct batch *batch = p->batch;
	bool full = batch != NULL && (batch->count == PARTS_MAX || batch->bytes >= BATCH_BYTES);
	bool apart = batch != NULL && !full && piece != NULL && batch->bytes > 0 &&
		     !stretch_add(batch->stretch, p->fetcher, piece->id, piece->chunk_size);
	int code = full || apart ? push_batch(p) : 0;

	if (code != 0)
		return code;
	if (p->batch == NULL)
		p->batch = batch_take(p);
	batch = p->batch;
	/* Alone where it can be in none. */
	if (piece != NULL && batch->bytes == 0)
		(void)!stretch_add(batch->stretch, p->fetcher, piece->id, piece->chunk_size);
	*part = &batch->parts[batch->count];
	**part = (struct part){ .type = type, .file = p->current };
	if (piece != NULL) {
		memcpy((*part)->id, piece->id, ID_SIZE);
		memcpy(batch->keys[batch->count], piece->key, KEY_SIZE);
		(*part)->chunk_size = piece->chunk_size;
		(*part)->offset = (uint32_t)piece->offset;
		(*part)->length = (uint32_t)piece->length;
		batch->bytes += piece->length;
	}
	batch->count++;
	return 0;
}

static int check_size(const struct piece *piece)
{
	return piece->chunk_size <= CHUNK_MAX ? 0
					      : failed(ERR_FORMAT, "a chunk of %llu bytes, the limit is %u",
						       (unsigned long long)piece->chunk_size, CHUNK_MAX);
}

static int add_small(void *context, const struct piece *piece)
{
	struct fill *p = context;
	struct part *part;
	int code = check_size(piece);

	if (code == 0)
		code = next_part(p, PART_SMALL, piece, &part);
	if (code == 0)
		p->current = NULL;
	return code;
}

static int add_piece(void *context, const struct piece *piece)
{
	struct fill *p = context;
	struct part *part;
	int code = check_size(piece);

	if (code == 0)
		code = stop_check();
	if (code == 0)
		code = next_part(p, PART_PIECE, piece, &part);
	if (code != 0)
		return code;
	part->content_offset = p->current_offset;
	p->current_offset += piece->length;
	return 0;
}

static int end_file(struct fill *p)
{
	struct part *part;
	int code = next_part(p, PART_END, NULL, &part);

	if (code == 0)
		p->current = NULL;
	return code;
}

int fill_add(struct fill *p, struct tree *t, const struct entry *e, const struct node *n)
{
	bool small = has_one_piece(e);
	int code = open_file(p, e, &p->current);

	if (code != 0)
		return code;
	if (!small) {
		p->current->hash = sha256_new();
		p->current_offset = 0;
	}
	code = tree_pieces(t, e, n, small ? add_small : add_piece, p);
	if (code != 0 && p->current != NULL && fetch_lost(code)) {
		spoil(p->current);
		if (p->current->hash == NULL)
			p->current->hash = sha256_new();
		code = 0;
	}
	return code == 0 && p->current != NULL ? end_file(p) : code;
}

/* ---- the end ---- */

static int compare_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void fill_lost_free(struct fill_lost *lost)
{
	for (size_t i = 0; i < lost->count; i++)
		free(lost->paths[i]);
	free(lost->paths);
	*lost = (struct fill_lost){ 0 };
}

bool fill_lost_has(const struct fill_lost *lost, const char *path, size_t len)
{
	_free_ char *key = xstrndup(path, len);

	return lost->count > 0 && bsearch(&key, lost->paths, lost->count, sizeof *lost->paths, compare_text) != NULL;
}

/* Files that nobody came to finish: an error ended everything before. They are not whole. */
static void discard_open(struct fill *p)
{
	while (p->open != NULL) {
		struct file *file = p->open;

		p->open = file->next;
		(void)!target_file_finish(file->target, true);
		free_file(file);
	}
}

static void release(struct fill *p)
{
	discard_open(p);
	free(p->written);
	for (unsigned i = 0; i < DEPTH + 1; i++)
		stretch_free(p->batches[i].stretch);
	pthread_mutex_destroy(&p->lock);
	fill_lost_free(&p->lost);
	secret_free(p->keys);
	free(p);
}

int fill_finish(struct fill *p, struct fill_counts *counts, struct fill_lost *lost)
{
	char message[ERR_MESSAGE_MAX];
	int code = push_batch(p);

	code = code != 0 ? ordered_abort(p->ordered, code) : ordered_finish(p->ordered);
	*counts = p->counts;
	*lost = p->lost;
	p->lost = (struct fill_lost){ 0 };
	if (lost->count > 0)
		qsort(lost->paths, lost->count, sizeof *lost->paths, compare_text);
	snprintf(message, sizeof message, "%s", err_message());
	release(p);
	return err_adopt(code, message);
}

int fill_abort(struct fill *p, int code)
{
	char message[ERR_MESSAGE_MAX];

	code = ordered_abort(p->ordered, code);
	snprintf(message, sizeof message, "%s", err_message());
	release(p);
	return err_adopt(code, message);
}
