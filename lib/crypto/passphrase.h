/*
 * Where a passphrase comes from: the terminal (no echo), or the first line of a file. Never an argument or the
 * environment.
 */
#ifndef CRYPTO_PASSPHRASE_H
#define CRYPTO_PASSPHRASE_H

#include "base/buf.h"

#define PASSPHRASE_MAX 1024 /* with the end of its line */

/*
 * Both are a passphrase_source (crypto/keyfile.h). context: unused, or the file's path (char *). ERR_USAGE: no
 * terminal, an empty or too long passphrase; ERR_INTERRUPTED: Ctrl-C.
 */
must_check int passphrase_ask(void *context, const char *path, struct buf *out);
must_check int passphrase_file(void *context, const char *path, struct buf *out);

/* Asks twice and compares: for new keys. ERR_USAGE when the two differ. */
must_check int passphrase_choose(const char *path, struct buf *out);

#endif
