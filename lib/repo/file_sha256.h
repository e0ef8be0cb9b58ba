/*
 * The SHA-256 of a file as sha256sum(1) makes it: all of its bytes, the holes of a sparse file as zeros. For one
 * thread. Hashing a hole takes as long as hashing data, so ENTRY_SHA256_HOLES_MAX bounds them.
 */
#ifndef REPO_FILE_SHA256_H
#define REPO_FILE_SHA256_H

#include "crypto/digest.h"
#include "format/node.h"

struct file_sha256;

/* `tick` (may be NULL) is called now and then while a long hole is hashed; its error ends that. */
struct file_sha256 *file_sha256_new(int (*tick)(void *context), void *context);
void file_sha256_free(struct file_sha256 *h); /* accepts NULL */

/* A file whose content is to come; its extents are copied. */
void file_sha256_begin(struct file_sha256 *h, const struct entry *e);
/*
 * The next bytes of its content: of a sparse file, of its extents one after the other. ERR_INTERRUPTED, or the tick's.
 */
must_check int file_sha256_add(struct file_sha256 *h, const void *data, size_t len);
/* The content is complete; the file's apparent size may by now be another than at the beginning. */
must_check int file_sha256_end(struct file_sha256 *h, uint64_t size, uint8_t out[DIGEST_SIZE]);

/* The bytes of a file's content: of a sparse file, of its extents. The rest of its size are holes. */
uint64_t file_content_length(const struct entry *e);
bool file_sha256_possible(const struct entry *e);

#endif
