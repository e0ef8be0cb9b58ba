/*
 * Files that hold a secret: read from the opened descriptor whose owner-only mode was checked, so that the file checked is the
 * file read. Links are followed (systemd credentials may be links).
 */
#ifndef CRYPTO_SECRET_FILE_H
#define CRYPTO_SECRET_FILE_H

#include "base/buf.h"

/*
 * Appends the whole file to `out` (guarded). ERR_MISSING; ERR_REFUSED: more open than 0600, or no regular file; ERR_FORMAT: larger
 * than out->max; ERR_SYSTEM.
 */
must_check int secret_file_load(const char *path, struct buf *out);

#endif
