/*
 * Memory. Running out of it ends the program with a message and EXIT_FAILED: everything Nightfold writes is committed
 * by one atomic step, so this is no worse than kill -9, and no caller carries paths that nobody tests. Secrets never
 * live here but in crypto/secret.h.
 */
#ifndef BASE_ALLOC_H
#define BASE_ALLOC_H

#include <stddef.h>

void *xcalloc(size_t count, size_t size); /* zeroed */
void *xmalloc(size_t size);
/* Begins at a page, as O_DIRECT wants it; for free() and xrealloc(), which does not keep that. */
#define PAGE_ALIGNMENT 4096u
void *xmalloc_pages(size_t size);
void *xrealloc(void *old, size_t count, size_t size);
char *xstrdup(const char *text);
char *xstrndup(const char *text, size_t len);
__attribute__((format(printf, 1, 2))) char *xasprintf(const char *format, ...);

/* The end that all of these come to; for other allocators (guarded memory). */
__attribute__((noreturn)) void out_of_memory(size_t size);

/* For _cleanup_(free_pointer) on any pointer to heap memory. */
void free_pointer(void *pointer_to_pointer);
#define _free_ __attribute__((cleanup(free_pointer)))

#endif
