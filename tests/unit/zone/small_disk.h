/* A small file system for tests of what happens when it is full. */
#ifndef TESTS_SMALL_DISK_H
#define TESTS_SMALL_DISK_H

#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

static inline bool small_disk_write(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	bool written = f && fputs(text, f) >= 0;

	return f && fclose(f) == 0 && written;
}

/*
 * Mounts one of `size` ("256k") on the folder `path`, in a mount namespace of this process's own, which it stays in:
 * for the last test of a program. False where that is not allowed.
 */
static inline bool small_disk_mount(const char *path, const char *size)
{
	char users[32], groups[32], options[32];
	bool root = geteuid() == 0;

	snprintf(options, sizeof options, "size=%s", size);
	snprintf(users, sizeof users, "0 %u 1\n", (unsigned)geteuid());
	snprintf(groups, sizeof groups, "0 %u 1\n", (unsigned)getegid());
	if (unshare(root ? CLONE_NEWNS : CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return false;
	/* In that order: user_namespaces(7). */
	if (!root && !(small_disk_write("/proc/self/setgroups", "deny") &&
		       small_disk_write("/proc/self/uid_map", users) && small_disk_write("/proc/self/gid_map", groups)))
		return false;
	return mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("none", path, "tmpfs", 0, options) == 0;
}

#endif
