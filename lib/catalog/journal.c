/*
 * File: MAGIC, then records: length of the body (u32), body, SHA-256 of both. Body: the pack's name, its footer's hash,
 * size, footer's length, kind, footer. Numbers big-endian.
 *
 * Records are not synced: a kill loses nothing that was written, and a power loss at worst some records, whose packs
 * are then sent once more.
 */
#include "catalog/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/io.h"
#include "base/log.h"
#include "catalog/encode.h"
#include "crypto/digest.h"

#define MAGIC       "NFJRNL1\n"
#define MAGIC_SIZE  8
#define LENGTH_SIZE 4
#define FIXED_SIZE  (2 * DIGEST_SIZE + 9)
#define BODY_MAX    (FIXED_SIZE + PACK_FOOTER_MAX)

struct journal {
	int fd;
	char *path;
	uint64_t end; /* of the last whole record */
};

static void record_hash(const uint8_t length[LENGTH_SIZE], const uint8_t *body, size_t len, uint8_t hash[DIGEST_SIZE])
{
	struct sha256 *s = sha256_new();

	sha256_update(s, length, LENGTH_SIZE);
	sha256_update(s, body, len);
	sha256_final(s, hash);
	sha256_free(s);
}

/*
 * Reads the record at `offset` into `body` (cleared before) and says where the next begins. ERR_MISSING, without a
 * message, where no whole record is.
 */
static int read_record(const struct journal *j, uint64_t offset, uint64_t file_size, struct buf *body, uint64_t *next)
{
	uint8_t length[LENGTH_SIZE], hash[DIGEST_SIZE], expected[DIGEST_SIZE], *at;
	size_t got;

	buf_clear(body);
	int code = io_pread(j->fd, length, sizeof length, offset, &got, j->path);
	if (code)
		return code;
	uint32_t len = got == sizeof length ? decode_number(length) : 0;
	if (len < FIXED_SIZE || len > BODY_MAX || file_size - offset < LENGTH_SIZE + (uint64_t)len + DIGEST_SIZE)
		return ERR_MISSING;
	code = buf_reserve(body, len, &at);
	if (code == 0)
		code = io_pread(j->fd, at, len, offset + LENGTH_SIZE, &got, j->path);
	if (code)
		return code;
	body->len = got;
	code = io_pread(j->fd, hash, sizeof hash, offset + LENGTH_SIZE + len, &got, j->path);
	if (code)
		return code;
	if (body->len < len || got < sizeof hash)
		return ERR_MISSING;
	record_hash(length, body->data, len, expected);
	if (memcmp(hash, expected, sizeof hash) != 0)
		return ERR_MISSING;
	*next = offset + LENGTH_SIZE + len + DIGEST_SIZE;
	return 0;
}

static int file_size(const struct journal *j, uint64_t *size)
{
	struct stat st;

	if (fstat(j->fd, &st) < 0)
		return failed_errno(ERR_SYSTEM, "cannot look at '%s'", j->path);
	*size = (uint64_t)st.st_size;
	return 0;
}

static int cut(struct journal *j, uint64_t end)
{
	if (ftruncate(j->fd, (off_t)end) < 0)
		return failed_errno(ERR_SYSTEM, "cannot shorten '%s'", j->path);
	j->end = end;
	return 0;
}

/* Starts an empty file; tells one that is something else. */
static int check_magic(struct journal *j, uint64_t size)
{
	uint8_t magic[MAGIC_SIZE];
	size_t got;
	int code = io_pread(j->fd, magic, sizeof magic, 0, &got, j->path);

	if (code)
		return code;
	if (memcmp(magic, MAGIC, got) != 0)
		return failed(ERR_FORMAT,
			      "'%s' is no journal of this version: move it away, and its packs are sent again",
			      j->path);
	/* Less than the whole: killed while it was made. */
	return size < MAGIC_SIZE ? io_pwrite(j->fd, MAGIC, MAGIC_SIZE, 0, j->path) : 0;
}

static int find_end(struct journal *j)
{
	_buf_ struct buf body = { 0 };
	uint64_t size = 0, next = MAGIC_SIZE;
	int code = file_size(j, &size);

	buf_init(&body, BODY_MAX, "a record of the journal");
	if (code == 0)
		code = check_magic(j, size);
	while (code == 0) {
		j->end = next;
		code = read_record(j, j->end, size, &body, &next);
	}
	if (code != ERR_MISSING)
		return code;
	if (size > j->end)
		log_detail("'%s': a last record that was not written whole is dropped", j->path);
	return cut(j, j->end);
}

int journal_open(const char *path, struct journal **out)
{
	struct journal *j = xcalloc(1, sizeof *j);
	int code = 0;

	j->path = xstrdup(path);
	j->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (j->fd < 0)
		code = failed_errno(ERR_SYSTEM, "cannot open '%s'", path);
	if (code == 0)
		code = find_end(j);
	if (code) {
		journal_close(j);
		return code;
	}
	*out = j;
	return 0;
}

void journal_close(struct journal *j)
{
	if (!j)
		return;
	close_fd(&j->fd);
	free(j->path);
	free(j);
}

int journal_add(struct journal *j, const struct index_pack *pack, const uint8_t *footer, size_t footer_len)
{
	uint8_t hash[DIGEST_SIZE], *at;
	_buf_ struct buf record = { 0 };

	buf_init(&record, LENGTH_SIZE + BODY_MAX + DIGEST_SIZE, "a record of the journal");
	must(footer_len <= PACK_FOOTER_MAX);
	int code = buf_reserve(&record, LENGTH_SIZE + FIXED_SIZE + footer_len + DIGEST_SIZE, &at);
	if (code)
		return code;
	encode_number(at, (uint32_t)(FIXED_SIZE + footer_len));
	at += LENGTH_SIZE;
	memcpy(at, pack->name, DIGEST_SIZE);
	memcpy(at + DIGEST_SIZE, pack->footer_hash, DIGEST_SIZE);
	at += 2 * (size_t)DIGEST_SIZE;
	encode_number(at, pack->size);
	encode_number(at + 4, pack->footer);
	at[8] = (uint8_t)pack->kind;
	memcpy(at + 9, footer, footer_len);
	record_hash(record.data, record.data + LENGTH_SIZE, FIXED_SIZE + footer_len, hash);
	memcpy(at + 9 + footer_len, hash, sizeof hash);
	record.len = LENGTH_SIZE + FIXED_SIZE + footer_len + DIGEST_SIZE;

	code = io_pwrite(j->fd, record.data, record.len, j->end, j->path);
	if (code)
		return code; /* half a record behind the end: the next is written over it, or the next open drops it */
	j->end += record.len;
	return 0;
}

int journal_each(struct journal *j, journal_call call, void *context)
{
	_buf_ struct buf body = { 0 };
	uint64_t next = MAGIC_SIZE;
	int code = 0;

	buf_init(&body, BODY_MAX, "a record of the journal");
	while (next < j->end && code == 0) {
		struct index_pack pack;
		const uint8_t *at;

		code = read_record(j, next, j->end, &body, &next);
		if (code == ERR_MISSING)
			return failed(ERR_SYSTEM, "'%s' changed while it was read", j->path);
		if (code)
			return code;
		at = body.data + 2 * (size_t)DIGEST_SIZE;
		memcpy(pack.name, body.data, DIGEST_SIZE);
		memcpy(pack.footer_hash, body.data + DIGEST_SIZE, DIGEST_SIZE);
		pack.size = decode_number(at);
		pack.footer = decode_number(at + 4);
		pack.kind = (enum kind)at[8];
		code = call(context, &pack, at + 9, body.len - FIXED_SIZE);
	}
	return code;
}

int journal_clear(struct journal *j)
{
	int code = cut(j, MAGIC_SIZE);

	if (code == 0 && fsync(j->fd) < 0)
		code = failed_errno(ERR_SYSTEM, "cannot sync '%s'", j->path);
	return code;
}
