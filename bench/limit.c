/*
 * limit WORK THREADS [TARGET...] PATH...: how fast this machine can do a part of Nightfold's work when nothing else is
 * in the way. The pipeline's own primitives run on THREADS threads that share nothing and wait for nobody; no
 * catalogue, no index, no names.
 *
 *	store     a first night: cut, SHA-256, key, zstd at level 3, AES-256-GCM, SHA-256 of the packs; from memory,
 *	          nothing written
 *	night     the same, but read, and the packs written below two TARGETs and on their disks at the end
 *	scan      a night on which all was rewritten: read, cut, SHA-256
 *	restore   AES-256-GCM, zstd, SHA-256, and the files written below TARGET; from packs in memory
 *	sha256    a check by fingerprint: SHA-256 from memory
 *	check     the same, but read
 *
 * Large files are shared between the threads in parts; small ones go as groups, as the pipeline has them. Prints the
 * seconds, the seconds on CPUs, the bytes and the stored bytes as JSON.
 */
#include <fcntl.h>
#include <fts.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "chunk/chunker.h"
#include "chunk/grouping.h"
#include "crypto/secret.h"
#include "format/pack.h"
#include "zone/direct.h"

#define THREADS_MAX   64u
#define CHUNK_AVERAGE (1u << 20) /* the defaults of the configuration */
#define LEVEL         3
#define PART          (64u << 20) /* of a large file */
#define FOLDER_FILES  1000u       /* as restore writes them: not all into one folder */
#define READ_SIZE     (8u << 20)

struct file {
	char *path;
	uint64_t offset, size; /* a part of it */
};

/* What a thread takes at a time: files that follow one another, as one run of bytes. */
struct input {
	size_t first_file, file_count, size;
	uint8_t *data; /* NULL: not needed */
	struct blob *blobs;
	size_t blob_count;
};

/* A stored chunk, for restore. */
struct blob {
	struct blob_info info;
	uint8_t digest[DIGEST_SIZE];
	uint8_t *stored;
	size_t stored_len;
};

/* What each thread has for itself. */
struct worker {
	struct blob_codec *codec;
	struct pack *pack;
	uint8_t *key; /* guarded */
	uint8_t *buffer;
	int fd; /* the file that is being written, */
	size_t fd_file;
};

struct work {
	const char *name;
	void (*before)(struct worker *w, struct input *input); /* not measured */
	void (*measured)(struct worker *w, struct input *input);
	int targets; /* folders to write to */
	bool from_memory, writes_packs;
};

static const struct work *work;
static struct file *files;
static size_t file_count;
static struct input *inputs;
static size_t input_count;
static atomic_size_t input_next;
static atomic_uint_least64_t stored_bytes;
static uint8_t *dataset_key; /* guarded */
static struct chunker *chunker;
static char **targets;
static size_t target_count;
static atomic_size_t pack_number;

static void check(int code)
{
	if (code) {
		fprintf(stderr, "limit: %s\n", err_message());
		exit(1);
	}
}

static void check_system(bool good, const char *path)
{
	if (!good) {
		perror(path);
		exit(1);
	}
}

/* Which files there are -------------------------------------------------------------------------------------------- */

/* A small file goes into the input before it while that is a group with room. */
static void add_part(const char *path, uint64_t offset, uint64_t size, bool small)
{
	struct input *last = input_count ? &inputs[input_count - 1] : NULL;

	if (!small || !last || last->size >= GROUP_TARGET) {
		inputs = xrealloc(inputs, input_count + 1, sizeof *inputs);
		inputs[input_count++] = (struct input){ .first_file = file_count };
	}
	files = xrealloc(files, file_count + 1, sizeof *files);
	files[file_count++] = (struct file){ .path = xstrdup(path), .offset = offset, .size = size };
	inputs[input_count - 1].file_count++;
	inputs[input_count - 1].size += size;
}

static void add_tree(char **paths)
{
	FTS *tree = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	const FTSENT *entry;

	must(tree);
	while ((entry = fts_read(tree))) {
		uint64_t size = entry->fts_info == FTS_F ? (uint64_t)entry->fts_statp->st_size : 0;

		for (uint64_t at = 0; at < size; at += PART)
			add_part(entry->fts_accpath, at, size - at < PART ? size - at : PART, size <= GROUP_FILE_MAX);
	}
	fts_close(tree);
}

static void read_part(int fd, const struct file *file, uint64_t at, uint8_t *out, size_t len)
{
	while (len) {
		ssize_t got = pread(fd, out, len, (off_t)(file->offset + at));

		check_system(got > 0, file->path);
		out += got;
		at += (uint64_t)got;
		len -= (size_t)got;
	}
}

static int open_part(const struct file *file)
{
	int fd = open(file->path, O_RDONLY | O_CLOEXEC);

	check_system(fd >= 0, file->path);
	return fd;
}

static void load(struct input *input)
{
	uint8_t *at = input->data = xmalloc(input->size);

	for (size_t i = 0; i < input->file_count; i++) {
		const struct file *file = &files[input->first_file + i];
		int fd = open_part(file);

		read_part(fd, file, 0, at, file->size);
		close(fd);
		at += file->size;
	}
}

/* The works -------------------------------------------------------------------------------------------------------- */

static void write_all(int fd, const char *path, const uint8_t *data, size_t len, uint64_t at)
{
	while (len) {
		ssize_t written = pwrite(fd, data, len, (off_t)at);

		check_system(written > 0, path);
		data += written;
		at += (uint64_t)written;
		len -= (size_t)written;
	}
}

static void write_pack(const char *folder, size_t number, const struct pack *pack)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof path, "%s/%zu", folder, number);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	check_system(fd >= 0, path);
	check(direct_write(fd, pack->bytes.data, pack->bytes.len, path));
	close(fd);
}

static void finish(struct pack *pack)
{
	size_t number = atomic_fetch_add(&pack_number, 1);
	uint8_t random[16];

	random_bytes(random, sizeof random);
	check(pack_finish(pack, random));
	for (size_t i = 0; work->writes_packs && i < target_count; i++)
		write_pack(targets[i], number, pack);
	atomic_fetch_add(&stored_bytes, pack->bytes.len);
	pack_reset(pack, KIND_CONTENT);
}

static struct blob encode(struct worker *w, const uint8_t *chunk, size_t len)
{
	struct blob blob = { .info = { .kind = KIND_CONTENT, .suite = SUITE_AES256GCM, .plain = (uint32_t)len } };
	const uint8_t *stored;

	sha256(chunk, len, blob.digest);
	chunk_key(dataset_key, blob.info.kind, blob.info.suite, blob.digest, w->key, blob.info.id);
	check(blob_encode(w->codec, "bench", w->key, &blob.info, chunk, &stored, &blob.stored_len));
	if (!pack_has_room(w->pack, blob.stored_len, 0))
		finish(w->pack);
	check(pack_add(w->pack, &blob.info, stored, blob.stored_len, NULL, 0));
	blob.stored = w->pack->bytes.data + w->pack->bytes.len - blob.stored_len;
	return blob;
}

static void store(struct worker *w, struct input *input)
{
	for (size_t at = 0, len; at < input->size; at += len) {
		len = chunker_next(chunker, input->data + at, input->size - at, 1);
		encode(w, input->data + at, len);
	}
}

static void make_folders(void)
{
	char path[4096];

	for (size_t i = 0; i <= file_count / FOLDER_FILES; i++) {
		snprintf(path, sizeof path, "%s/%zu", targets[0], i);
		check_system(mkdir(path, 0700) == 0, path);
	}
}

/* For restore: the chunks are kept, the plaintext goes. */
static void prepare(struct worker *w, struct input *input)
{
	load(input);
	for (size_t at = 0, len; at < input->size; at += len) {
		struct blob blob;

		len = chunker_next(chunker, input->data + at, input->size - at, 1);
		blob = encode(w, input->data + at, len);
		blob.stored = memcpy(xmalloc(blob.stored_len), blob.stored, blob.stored_len);
		input->blobs = xrealloc(input->blobs, input->blob_count + 1, sizeof *input->blobs);
		input->blobs[input->blob_count++] = blob;
	}
	free(input->data);
	input->data = NULL;
}

static void write_file(struct worker *w, size_t number, uint64_t at, const uint8_t *data, size_t len)
{
	char path[4096];

	if (w->fd < 0 || w->fd_file != number) {
		if (w->fd >= 0)
			close(w->fd);
		snprintf(path, sizeof path, "%s/%zu/%zu", targets[0], number / FOLDER_FILES, number);
		w->fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		check_system(w->fd >= 0, path);
		w->fd_file = number;
	}
	write_all(w->fd, targets[0], data, len, at);
}

static void restore(struct worker *w, struct input *input)
{
	size_t file = input->first_file, in_file = 0;

	for (size_t i = 0; i < input->blob_count; i++) {
		struct blob *blob = &input->blobs[i];
		uint8_t digest[DIGEST_SIZE], id[ID_SIZE];
		size_t left = blob->info.plain, room = left;

		chunk_key(dataset_key, blob->info.kind, blob->info.suite, blob->digest, w->key, id);
		check(blob_decode(w->codec, "bench", w->key, &blob->info, blob->stored, blob->stored_len, w->buffer,
				  &room));
		sha256(w->buffer, blob->info.plain, digest);
		must(memcmp(digest, blob->digest, sizeof digest) == 0);
		while (left) {
			size_t rest = files[file].size - in_file, len = left < rest ? left : rest;

			write_file(w, file, in_file, w->buffer + blob->info.plain - left, len);
			left -= len;
			in_file += len;
			if (in_file == files[file].size) {
				file++;
				in_file = 0;
			}
		}
	}
}

/* An input's files, one after the other through the buffer, to use(), which says how many bytes stay in it. */
static void read_input(struct worker *w, const struct input *input,
		       size_t (*use)(struct worker *w, size_t have, bool last))
{
	size_t have = 0;

	for (size_t i = 0; i < input->file_count; i++) {
		const struct file *file = &files[input->first_file + i];
		int fd = open_part(file);

		for (uint64_t at = 0; at < file->size;) {
			size_t take = READ_SIZE - have;

			take = file->size - at < take ? file->size - at : take;
			read_part(fd, file, at, w->buffer + have, take);
			at += take;
			have += take;
			if (have == READ_SIZE || (i + 1 == input->file_count && at == file->size))
				have = use(w, have, have < READ_SIZE);
		}
		close(fd);
	}
	if (have)
		use(w, have, true);
}

static size_t cut(struct worker *w, size_t have, bool last, void (*use)(struct worker *w, const uint8_t *, size_t))
{
	size_t used = 0, len;

	while ((len = chunker_next(chunker, w->buffer + used, have - used, last))) {
		use(w, w->buffer + used, len);
		used += len;
	}
	memmove(w->buffer, w->buffer + used, have - used);
	return have - used;
}

static void hash_chunk(struct worker *w, const uint8_t *chunk, size_t len)
{
	uint8_t digest[DIGEST_SIZE];

	(void)w;
	sha256(chunk, len, digest);
}

static void encode_chunk(struct worker *w, const uint8_t *chunk, size_t len)
{
	encode(w, chunk, len);
}

static size_t cut_and_hash(struct worker *w, size_t have, bool last)
{
	return cut(w, have, last, hash_chunk);
}

static size_t cut_and_encode(struct worker *w, size_t have, bool last)
{
	return cut(w, have, last, encode_chunk);
}

static size_t hash_all(struct worker *w, size_t have, bool last)
{
	(void)last;
	hash_chunk(w, w->buffer, have);
	return 0;
}

static void scan(struct worker *w, struct input *input)
{
	read_input(w, input, cut_and_hash);
}

static void night(struct worker *w, struct input *input)
{
	read_input(w, input, cut_and_encode);
}

static void check_packs(struct worker *w, struct input *input)
{
	read_input(w, input, hash_all);
}

static void hash(struct worker *w, struct input *input)
{
	hash_chunk(w, input->data, input->size);
}

static const struct work works[] = {
	{ .name = "store", .measured = store, .from_memory = true },
	{ .name = "night", .measured = night, .targets = 2, .writes_packs = true },
	{ .name = "scan", .measured = scan },
	{ .name = "restore", .before = prepare, .measured = restore, .targets = 1 },
	{ .name = "sha256", .measured = hash, .from_memory = true },
	{ .name = "check", .measured = check_packs },
};

/* Threads ---------------------------------------------------------------------------------------------------------- */

static void *run_worker(void *context)
{
	void (*const *each)(struct worker * w, struct input * input) = context;
	struct worker w = { .codec = blob_codec_new(chunker_max(chunker), LEVEL),
			    .pack = pack_new(KIND_CONTENT),
			    .key = secret_new(KEY_SIZE),
			    .buffer = xmalloc(READ_SIZE),
			    .fd = -1 };
	size_t i;

	while ((i = atomic_fetch_add(&input_next, 1)) < input_count)
		(*each)(&w, &inputs[i]);
	if (w.pack->blob_count)
		finish(w.pack);
	if (w.fd >= 0)
		close(w.fd);
	free(w.buffer);
	secret_free(w.key);
	pack_free(w.pack);
	blob_codec_free(w.codec);
	return NULL;
}

static double seconds_of(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static double cpu_seconds(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
}

/* Until the packs are on their disks. */
static void sync_targets(void)
{
	for (size_t i = 0; i < target_count; i++) {
		int fd = open(targets[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		check_system(fd >= 0 && syncfs(fd) == 0, targets[i]);
		close(fd);
	}
}

/* The seconds that it takes. */
static double run_all(unsigned long threads, void (*each)(struct worker *w, struct input *input))
{
	pthread_t workers[2 * THREADS_MAX];
	struct timespec from, to;

	if (work->writes_packs)
		threads *= 2; /* one computes while another waits for the disk */
	atomic_store(&input_next, 0);
	atomic_store(&stored_bytes, 0);
	clock_gettime(CLOCK_MONOTONIC, &from);
	for (unsigned long t = 0; t < threads; t++)
		must(!pthread_create(&workers[t], NULL, run_worker, &each));
	for (unsigned long t = 0; t < threads; t++)
		must(!pthread_join(workers[t], NULL));
	if (work->writes_packs)
		sync_targets();
	clock_gettime(CLOCK_MONOTONIC, &to);
	return (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
}

static const struct work *work_named(const char *name)
{
	for (size_t i = 0; i < sizeof works / sizeof *works; i++) {
		if (strcmp(works[i].name, name) == 0)
			return &works[i];
	}
	return NULL;
}

int main(int argc, char **argv)
{
	unsigned long threads = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
	uint64_t bytes = 0, stored;
	double seconds, cpu;

	work = argc > 1 ? work_named(argv[1]) : NULL;
	if (!work || threads < 1 || threads > THREADS_MAX || argc <= 3 + work->targets) {
		fputs("usage: limit store|scan|sha256|check THREADS PATH...\n"
		      "       limit night THREADS TARGET TARGET PATH...\n"
		      "       limit restore THREADS TARGET PATH...\n",
		      stderr);
		return 2;
	}
	targets = argv + 3;
	target_count = (size_t)work->targets;
	check(secret_init());
	dataset_key = secret_new(KEY_SIZE);
	random_bytes(dataset_key, KEY_SIZE);
	check(chunker_new(dataset_key, CHUNK_AVERAGE, &chunker));
	add_tree(targets + target_count);
	for (size_t i = 0; i < input_count; i++) {
		bytes += inputs[i].size;
		if (work->from_memory)
			load(&inputs[i]);
	}
	if (work->before) {
		make_folders();
		run_all(threads, work->before);
	}
	stored = atomic_load(&stored_bytes);
	cpu = cpu_seconds();
	seconds = run_all(threads, work->measured);
	cpu = cpu_seconds() - cpu;
	if (!work->before)
		stored = atomic_load(&stored_bytes);
	printf("{\"seconds\": %.4f, \"cpu\": %.4f, \"bytes\": %" PRIu64 ", \"stored\": %" PRIu64 "}\n", seconds, cpu,
	       bytes, stored);
	return 0;
}
