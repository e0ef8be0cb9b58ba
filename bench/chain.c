/*
 * chain THREADS PATH...: the limit of this machine for a first night. The files' bytes, mapped and read in advance, go
 * through the pipeline's own primitives (cut, SHA-256, key, zstd at level 3, AES-256-GCM, SHA-256 of the packs) on
 * THREADS threads that share nothing and wait for nobody. No reading, no writing, no catalogue. Prints the seconds, the
 * bytes and the stored bytes as JSON.
 */
#include <fcntl.h>
#include <fts.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "chunk/chunker.h"
#include "crypto/secret.h"
#include "format/pack.h"

#define THREADS_MAX   64u
#define CHUNK_AVERAGE (512u << 10) /* the defaults of the configuration */
#define LEVEL         3

struct input {
	const uint8_t *data;
	size_t size;
};

static struct input *inputs;
static size_t input_count;
static atomic_size_t input_next;
static atomic_uint_least64_t stored_bytes;
static uint8_t *dataset_key; /* guarded */

static void check(int code)
{
	if (code) {
		fprintf(stderr, "chain: %s\n", err_message());
		exit(1);
	}
}

static void add_file(const char *path, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	void *data = size ? mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0) : NULL;

	if (fd < 0 || data == MAP_FAILED) {
		perror(path);
		exit(1);
	}
	close(fd);
	inputs = xrealloc(inputs, input_count + 1, sizeof *inputs);
	inputs[input_count++] = (struct input){ .data = data, .size = size };
}

static void add_tree(char **paths)
{
	FTS *tree = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	const FTSENT *entry;

	must(tree);
	while ((entry = fts_read(tree))) {
		if (entry->fts_info == FTS_F)
			add_file(entry->fts_accpath, (size_t)entry->fts_statp->st_size);
	}
	fts_close(tree);
}

static void finish(struct pack *pack)
{
	uint8_t random[16];

	random_bytes(random, sizeof random);
	check(pack_finish(pack, random));
	atomic_fetch_add(&stored_bytes, pack->bytes.len);
	pack_reset(pack, KIND_CONTENT);
}

static void put(struct blob_codec *codec, struct pack *pack, uint8_t *key, const uint8_t *chunk, size_t len)
{
	struct blob_info info = { .kind = KIND_CONTENT, .suite = SUITE_AES256GCM, .plain = (uint32_t)len };
	uint8_t digest[DIGEST_SIZE];
	const uint8_t *stored;
	size_t stored_len;

	sha256(chunk, len, digest);
	chunk_key(dataset_key, info.kind, info.suite, digest, key, info.id);
	check(blob_encode(codec, "bench", key, &info, chunk, &stored, &stored_len));
	if (!pack_has_room(pack, stored_len, 0))
		finish(pack);
	check(pack_add(pack, &info, stored, stored_len, NULL, 0));
}

static void *work(void *context)
{
	const struct chunker *chunker = context;
	struct blob_codec *codec = blob_codec_new(chunker_max(chunker), LEVEL);
	struct pack *pack = pack_new(KIND_CONTENT);
	uint8_t *key = secret_new(KEY_SIZE);
	size_t i;

	while ((i = atomic_fetch_add(&input_next, 1)) < input_count) {
		for (size_t at = 0; at < inputs[i].size;) {
			const uint8_t *data = inputs[i].data + at;
			size_t len = chunker_next(chunker, data, inputs[i].size - at, 1);

			put(codec, pack, key, data, len);
			at += len;
		}
	}
	if (pack->blob_count)
		finish(pack);
	secret_free(key);
	pack_free(pack);
	blob_codec_free(codec);
	return NULL;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	unsigned long threads = argc > 2 ? strtoul(argv[1], NULL, 10) : 0;
	pthread_t workers[THREADS_MAX];
	struct chunker *chunker;
	uint64_t bytes = 0;
	double started;

	if (threads < 1 || threads > THREADS_MAX) {
		fputs("usage: chain THREADS PATH...\n", stderr);
		return 2;
	}
	check(secret_init());
	dataset_key = secret_new(KEY_SIZE);
	random_bytes(dataset_key, KEY_SIZE);
	check(chunker_new(dataset_key, CHUNK_AVERAGE, &chunker));
	add_tree(argv + 2);
	for (size_t i = 0; i < input_count; i++)
		bytes += inputs[i].size;

	started = now();
	for (unsigned long t = 0; t < threads; t++)
		must(!pthread_create(&workers[t], NULL, work, chunker));
	for (unsigned long t = 0; t < threads; t++)
		must(!pthread_join(workers[t], NULL));
	printf("{\"seconds\": %.4f, \"bytes\": %" PRIu64 ", \"stored\": %" PRIu64 "}\n", now() - started, bytes,
	       (uint64_t)atomic_load(&stored_bytes));

	chunker_free(chunker);
	secret_free(dataset_key);
	free(inputs);
	return 0;
}
