#include "repo/read_back.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/io.h"
#include "crypto/digest.h"
#include "repo/content.h"
#include "repo/file_sha256.h"
#include "source/beneath.h"

struct read_back {
	int folder;
	uint8_t *data;
	size_t cap;
	struct sha256 *hash;
	struct file_sha256 *plain;

	/* the file that is being compared */
	int fd;
	struct extent_walk walk;
	bool differs; /* it ends early, or cannot be read: the rest need not be */
};

struct read_back *read_back_new(const char *folder)
{
	struct read_back *b = xcalloc(1, sizeof *b);

	b->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (b->folder >= 0)
		(void)syncfs(b->folder);
	b->hash = sha256_new();
	b->plain = file_sha256_new(NULL, NULL);
	return b;
}

void read_back_free(struct read_back *b)
{
	if (b == NULL)
		return;
	close_fd(&b->folder);
	sha256_free(b->hash);
	file_sha256_free(b->plain);
	free(b->data);
	free(b);
}

/* Reads as many bytes as the piece is long, from where they lie in the file. */
static int read_piece(void *context, const struct piece *piece)
{
	struct read_back *b = context;
	uint8_t digest[DIGEST_SIZE];
	size_t at = 0;

	if (piece->length > CHUNK_MAX)
		return failed(ERR_FORMAT, "a piece of %llu bytes, the limit is %u", (unsigned long long)piece->length,
			      CHUNK_MAX);
	if (piece->length > b->cap) {
		free(b->data);
		b->cap = (size_t)piece->length;
		b->data = xmalloc(b->cap);
	}
	while (at < piece->length && !b->differs) {
		uint64_t offset, len = extent_walk_next(&b->walk, piece->length - at, &offset);
		size_t got = 0;

		b->differs = io_pread(b->fd, b->data + at, (size_t)len, offset, &got, "it") != 0 || got != len;
		at += (size_t)len;
	}
	sha256(b->data, (size_t)piece->length, digest);
	sha256_update(b->hash, digest, sizeof digest);
	return b->walk.entry->has_sha256 && !b->differs ? file_sha256_add(b->plain, b->data, (size_t)piece->length) : 0;
}

int read_back_file(struct read_back *b, struct tree *t, const struct entry *e, const struct node *n,
		   struct findings *findings)
{
	_free_ char *path = xstrndup(e->path, e->path_len);
	_fd_ int fd = beneath_open(b->folder, e->path, e->path_len, O_RDONLY);
	uint8_t fingerprint[DIGEST_SIZE], plain[DIGEST_SIZE];
	struct stat st;

	if (fd < 0 && errno == EACCES) {
		findings_add(findings, FINDING_SKIPPED, NULL, path, "may not be read back: %s", strerror(errno));
		return 0;
	}
	b->fd = fd;
	b->walk = (struct extent_walk){ .entry = e };
	b->differs = fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size != e->size;
	sha256_reset(b->hash);
	file_sha256_begin(b->plain, e);
	if (!b->differs) {
		(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
		int code = tree_pieces(t, e, n, read_piece, b);
		if (code == 0 && e->has_sha256 && !b->differs)
			code = file_sha256_end(b->plain, e->size, plain);
		if (code != 0)
			return code;
	}
	sha256_final(b->hash, fingerprint);
	if (b->differs || memcmp(fingerprint, e->fingerprint, DIGEST_SIZE) != 0 ||
	    (e->has_sha256 && memcmp(plain, e->sha256, DIGEST_SIZE) != 0))
		findings_add(findings, FINDING_LOST, NULL, path,
			     "read back, it is not what was written: its file system or disk has damaged it");
	return 0;
}
