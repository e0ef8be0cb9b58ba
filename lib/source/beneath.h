/*
 * Opening by a path beneath a folder, never through a symbolic link and never outside, however long the path is.
 *
 * openat2(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS) in pieces of less than PATH_MAX. Where the kernel (or valgrind, or a
 * seccomp filter) answers ENOSYS, component by component with O_NOFOLLOW: as strict, only slower.
 */
#ifndef SOURCE_BENEATH_H
#define SOURCE_BENEATH_H

#include <stddef.h>

/*
 * `path`: relative, clean as path_check() has it (".", ".." and empty components are EXDEV); "" is the folder itself.
 * O_CLOEXEC and O_NOFOLLOW are added to `flags`; O_CREAT is not for this. Returns a descriptor, or -1 with errno (ELOOP
 * or ENOTDIR for a link).
 */
int beneath_open(int folder, const char *path, size_t len, int flags);

/* Splits off the last component: the length of the parent's path (0: the root itself); *name points behind its '/'. */
size_t beneath_parent(const char *path, size_t len, const char **name, size_t *name_len);

#endif
