/* Files that hold a secret: 0600, whole or absent. */
#ifndef CRYPTO_SECRET_FILE_H
#define CRYPTO_SECRET_FILE_H

#include <sys/types.h>

#include "base/buf.h"

/*
 * Appends the whole file to `out` (guarded). The file whose mode is checked is the one that is read; links are
 * followed, since systemd's credentials may be links. ERR_MISSING; ERR_REFUSED: more open than 0600, or no regular
 * file; ERR_FORMAT: larger than out->max; ERR_SYSTEM.
 */
must_check int secret_file_load(const char *path, struct buf *out);

/* The two halves of it, for a file of which only the content says whether it is a secret. */
must_check int secret_file_read(const char *path, struct buf *out, mode_t *mode);
must_check int secret_file_check_mode(const char *path, mode_t mode);

/*
 * Creates dir/name (0600) with all of its content at once: a crash leaves no file of that name that is not whole.
 * ERR_EXISTS when it is there. Durable on return.
 */
must_check int secret_file_create(const char *dir, const char *name, const void *data, size_t len);

/*
 * Overwrites and removes dir/name; an absent one is no error. Durable on return. Other copies (a backup of the folder,
 * old blocks of an SSD) are beyond it.
 */
must_check int secret_file_destroy(const char *dir, const char *name);

#endif
