/*
 * Secrets: guarded memory, and a process that cannot leak them.
 *
 * Every key and every plaintext that holds keys lives in memory from secret_new() (sodium_malloc: guard pages, locked
 * where the limit allows, wiped on free, left out of core dumps). They reach no log, argument, environment or core
 * dump.
 */
#ifndef CRYPTO_SECRET_H
#define CRYPTO_SECRET_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define KEY_SIZE 32

/* Starts libsodium, turns core dumps and ptrace by others off (RLIMIT_CORE, PR_SET_DUMPABLE). Call first in main(). */
must_check int secret_init(void);

/* Zeroed guarded memory; never NULL. Freed (and wiped) by secret_free(), which accepts NULL. */
void *secret_new(size_t size);
void secret_free(void *secret);

/* For _cleanup_(secret_free_pointer) on a pointer from secret_new(). */
void secret_free_pointer(void *pointer_to_pointer);
#define _secret_ __attribute__((cleanup(secret_free_pointer)))

void secret_wipe(void *data, size_t size);

/* Random bytes from the kernel's generator. */
void random_bytes(void *out, size_t size);

#endif
