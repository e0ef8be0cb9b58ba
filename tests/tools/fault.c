/*
 * Trouble at a chosen moment, for tests. Preloaded into a program, this counts the changes that the program makes to
 * file systems and, just before change number FAULT_AT (from 1), does what FAULT says:
 *
 *	kill, term, int, stop   sends the process that signal
 *	full                    from then on, what needs space fails with ENOSPC
 *	broken                  from then on, every change fails with EIO
 *	hang                    from then on, no change ever ends, and the monotonic clock goes a hundred times faster
 *	deaf                    the same, but to open a file or folder, or to look at one, counts and hangs as well
 *	                        (FAULT_SPEED: that many times)
 *
 * FAULT_UNDER=/folder counts and troubles only what lies beneath that folder. Standard output and error never count.
 */
#undef _FILE_OFFSET_BITS /* both kinds of names are defined here */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static atomic_long changes;

static bool lies_under(const char *folder, int at, const char *path)
{
	char link[32], place[PATH_MAX];
	size_t len = strlen(folder);

	if (path == NULL || path[0] != '/') {
		snprintf(link, sizeof link, at == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d", at);
		ssize_t got = readlink(link, place, sizeof place - 1);
		place[got < 0 ? 0 : got] = '\0';
		path = place;
	}
	return strncmp(path, folder, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

static void send(const char *what)
{
	static const struct {
		const char *name;
		int signal;
	} signals[] = { { "kill", SIGKILL }, { "term", SIGTERM }, { "int", SIGINT }, { "stop", SIGSTOP } };

	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
		if (strcmp(what, signals[i].name) == 0)
			kill(getpid(), signals[i].signal);
	}
}

/* When the first change hung, in nanoseconds of the real clock; 0: none has. */
static atomic_llong hung_at;

static long long real_time(void)
{
	struct timespec now;

	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void hang(void)
{
	long long never = 0;

	static const char told[] = "fault: hangs\n";

	if (atomic_compare_exchange_strong(&hung_at, &never, real_time()))
		syscall(SYS_write, STDERR_FILENO, told, sizeof told - 1);
	for (;;)
		pause();
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
	int result = (int)syscall(SYS_clock_gettime, clock, now);

	if (clock == CLOCK_MONOTONIC && hung_at != 0) {
		const char *speed = getenv("FAULT_SPEED");
		long long fast = hung_at + (real_time() - hung_at) * (speed == NULL ? 100 : strtol(speed, NULL, 10));

		now->tv_sec = fast / 1000000000;
		now->tv_nsec = fast % 1000000000;
	}
	return result;
}

/* Who waits by the fast clock waits a moment by the real one. */
int pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *until)
{
	struct timespec moment;

	if (hung_at == 0)
		return pthread_cond_clockwait(condition, mutex, CLOCK_MONOTONIC, until);
	long long soon = real_time() + 20 * 1000 * 1000;
	moment.tv_sec = soon / 1000000000;
	moment.tv_nsec = soon % 1000000000;
	return pthread_cond_clockwait(condition, mutex, CLOCK_MONOTONIC, &moment);
}

/*
 * Whether this change is to fail, with errno set. `at` and `path` as openat() has them; path NULL: the file `at`
 * itself.
 */
static bool trouble(int at, const char *path, bool needs_space)
{
	const char *what = getenv("FAULT"), *when = getenv("FAULT_AT"), *under = getenv("FAULT_UNDER");
	int saved = errno;

	if (what == NULL || when == NULL || (path == NULL && (at == STDOUT_FILENO || at == STDERR_FILENO)) ||
	    (under != NULL && !lies_under(under, at, path)))
		return false;
	long number = atomic_fetch_add(&changes, 1) + 1, moment = strtol(when, NULL, 10);

	if (number == moment)
		send(what);
	if (number >= moment && (strcmp(what, "hang") == 0 || strcmp(what, "deaf") == 0))
		hang();
	bool full = strcmp(what, "full") == 0 && needs_space, broken = strcmp(what, "broken") == 0;
	errno = full ? ENOSPC : broken ? EIO : saved;
	return number >= moment && (full || broken);
}

static bool is_deaf(void)
{
	const char *what = getenv("FAULT");

	return what != NULL && strcmp(what, "deaf") == 0;
}

static int open_at(int at, const char *path, int flags, va_list rest)
{
	bool creates = (flags & O_CREAT) != 0;
	mode_t mode = creates ? va_arg(rest, mode_t) : 0;

	return (creates || is_deaf()) && trouble(at, path, true) ? -1 : (int)syscall(SYS_openat, at, path, flags, mode);
}

int open(const char *path, int flags, ...)
{
	va_list rest;

	va_start(rest, flags);
	int fd = open_at(AT_FDCWD, path, flags, rest);
	va_end(rest);
	return fd;
}

int openat(int at, const char *path, int flags, ...)
{
	va_list rest;

	va_start(rest, flags);
	int fd = open_at(at, path, flags, rest);
	va_end(rest);
	return fd;
}

ssize_t write(int fd, const void *data, size_t size)
{
	return trouble(fd, NULL, true) ? -1 : syscall(SYS_write, fd, data, size);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
	return trouble(fd, NULL, true) ? -1 : syscall(SYS_writev, fd, parts, count);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
	return trouble(fd, NULL, true) ? -1 : syscall(SYS_pwrite64, fd, data, size, offset);
}

int ftruncate(int fd, off_t size)
{
	return trouble(fd, NULL, false) ? -1 : (int)syscall(SYS_ftruncate, fd, size);
}

int fallocate(int fd, int mode, off_t offset, off_t size)
{
	return trouble(fd, NULL, true) ? -1 : (int)syscall(SYS_fallocate, fd, mode, offset, size);
}

/*
 * Nothing here has to survive a power cut, and thousands of runs have to end today: syncing only fails or does nothing.
 */
int fsync(int fd)
{
	const char *what = getenv("FAULT");

	return what != NULL && strcmp(what, "broken") == 0 && trouble(fd, NULL, false) ? -1 : 0;
}

int fdatasync(int fd)
{
	return fsync(fd);
}

int syncfs(int fd)
{
	return fsync(fd);
}

int mkdir(const char *path, mode_t mode)
{
	return trouble(AT_FDCWD, path, true) ? -1 : (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}

int mkdirat(int at, const char *path, mode_t mode)
{
	return trouble(at, path, true) ? -1 : (int)syscall(SYS_mkdirat, at, path, mode);
}

int renameat2(int from_at, const char *from, int to_at, const char *to, unsigned flags)
{
	return trouble(to_at, to, false) ? -1 : (int)syscall(SYS_renameat2, from_at, from, to_at, to, flags);
}

int renameat(int from_at, const char *from, int to_at, const char *to)
{
	return renameat2(from_at, from, to_at, to, 0);
}

int rename(const char *from, const char *to)
{
	return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int unlinkat(int at, const char *path, int flags)
{
	return trouble(at, path, false) ? -1 : (int)syscall(SYS_unlinkat, at, path, flags);
}

int unlink(const char *path)
{
	return unlinkat(AT_FDCWD, path, 0);
}

int fstatat(int at, const char *restrict path, struct stat *restrict st, int flags)
{
	if (is_deaf())
		trouble(at, path, false);
	return (int)syscall(SYS_newfstatat, at, path, st, flags);
}

int fstatat64(int at, const char *restrict path, struct stat64 *restrict st, int flags)
{
	if (is_deaf())
		trouble(at, path, false);
	return (int)syscall(SYS_newfstatat, at, path, st, flags);
}

/* The names by which programs with large files call these, which are the same where off_t has 64 bits. */
__typeof__(open) open64 __attribute__((alias("open")));
__typeof__(openat) openat64 __attribute__((alias("openat")));
__typeof__(pwrite) pwrite64 __attribute__((alias("pwrite")));
__typeof__(ftruncate) ftruncate64 __attribute__((alias("ftruncate")));
__typeof__(fallocate) fallocate64 __attribute__((alias("fallocate")));
