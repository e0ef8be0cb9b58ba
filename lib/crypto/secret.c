#include "crypto/secret.h"

#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <sodium.h>

#include "base/alloc.h"

int secret_init(void)
{
	const struct rlimit none = { 0, 0 };

	if (sodium_init() < 0)
		return failed(ERR_SYSTEM, "libsodium does not start: the system has no source of random numbers");
	if (setrlimit(RLIMIT_CORE, &none) != 0)
		return failed_errno(ERR_SYSTEM, "cannot turn core dumps off");
	/*
	 * A limit of 0 does not stop a core pattern that is a pipe; this does, and keeps other processes of the user
	 * out.
	 */
	if (prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L) != 0)
		return failed_errno(ERR_SYSTEM, "cannot keep other processes out of this one's memory");
	return 0;
}

void *secret_new(size_t size)
{
	/* sodium_malloc() needs the page size that sodium_init() finds; once it ran, this costs nothing. */
	void *secret = sodium_init() < 0 ? NULL : sodium_malloc(size);

	if (secret == NULL)
		out_of_memory(size);
	memset(secret, 0, size);
	return secret;
}

void secret_free(void *secret)
{
	sodium_free(secret);
}

void secret_free_pointer(void *pointer_to_pointer)
{
	void **pointer = pointer_to_pointer;

	secret_free(*pointer);
	*pointer = NULL;
}

void secret_wipe(void *data, size_t size)
{
	sodium_memzero(data, size);
}

void random_bytes(void *out, size_t size)
{
	randombytes_buf(out, size);
}
