#include "base/alloc.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"

/*
 * Large blocks are the kernel's, and go back when they are freed. Left alone, glibc keeps them once one of their size
 * was freed, and then what a program has at most is the sum of what its parts had at different times.
 */
__attribute__((constructor)) static void give_back_large_blocks(void)
{
	mallopt(M_MMAP_THRESHOLD, 1 << 20);
}

void out_of_memory(size_t size)
{
	/* Neither stdio nor the log: both may allocate. */
	char text[96];
	int len = snprintf(text, sizeof text, "nightfold: error: out of memory (%zu bytes asked for)\n", size);

	if (write(STDERR_FILENO, text, (size_t)len) < 0)
		_exit(EXIT_FAILED);
	_exit(EXIT_FAILED);
}

void *xcalloc(size_t count, size_t size)
{
	void *p = calloc(count ? count : 1, size ? size : 1);

	if (!p)
		out_of_memory(size != 0 && count > SIZE_MAX / size ? SIZE_MAX : count * size);
	return p;
}

void *xmalloc(size_t size)
{
	void *p = malloc(size ? size : 1);

	if (!p)
		out_of_memory(size);
	return p;
}

void *xmalloc_pages(size_t size)
{
	void *p;

	if (posix_memalign(&p, PAGE_ALIGNMENT, size ? size : 1) != 0)
		out_of_memory(size);
	return p;
}

void *xrealloc(void *old, size_t count, size_t size)
{
	void *p = reallocarray(old, count ? count : 1, size ? size : 1);

	if (!p)
		out_of_memory(size != 0 && count > SIZE_MAX / size ? SIZE_MAX : count * size);
	return p;
}

char *xstrdup(const char *text)
{
	return xstrndup(text, strlen(text));
}

char *xstrndup(const char *text, size_t len)
{
	len = strnlen(text, len);
	char *copy = xmalloc(len + 1);

	memcpy(copy, text, len);
	copy[len] = '\0';
	return copy;
}

char *xasprintf(const char *format, ...)
{
	char *text;
	va_list args;

	va_start(args, format);
	int len = vasprintf(&text, format, args);
	va_end(args);
	if (len < 0)
		out_of_memory(strlen(format));
	return text;
}

void free_pointer(void *pointer_to_pointer)
{
	void **p = pointer_to_pointer;

	free(*p);
	*p = NULL;
}
