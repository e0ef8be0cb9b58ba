/*
 * Errors: one short enum, one message, made where the fact is known.
 *
 * A function that can fail returns 0 or one of these codes and is must_check. It calls failed() at the place that knows
 * what went wrong and, where the user can do something about it, says so; callers pass the code on, or add context with
 * failed_in(). The edge of a program prints err_message() and turns the code into an exit status with err_exit().
 *
 * Running out of memory and breaking a contract are not errors but the end: see base/alloc.h and die().
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stddef.h>

#define must_check         __attribute__((warn_unused_result))
#define printf_like(f, a)  __attribute__((format(printf, f, a)))
#define _cleanup_(release) __attribute__((cleanup(release)))

/* Longest message, in bytes with its NUL; a longer one is cut. */
#define ERR_MESSAGE_MAX 2048

enum {
	ERR_SYSTEM = -1,       /* the operating system refused: I/O error, no permission, no memory lock */
	ERR_USAGE = -2,        /* command line or configuration */
	ERR_FORMAT = -3,       /* bytes from outside are not what their format says, or exceed a limit */
	ERR_INTEGRITY = -4,    /* a signature, digest or authentication tag does not match */
	ERR_MISSING = -5,      /* what was asked for is not there */
	ERR_EXISTS = -6,       /* what was to be created is already there */
	ERR_LOCKED = -7,       /* another run holds it */
	ERR_REFUSED = -8,      /* retention or the clock forbids it, or it would be unsafe */
	ERR_KEY = -9,          /* this key does not open this */
	ERR_FULL = -10,        /* no space, or a quota */
	ERR_UNAVAILABLE = -11, /* a zone does not answer, or does not allow it */
	ERR_INTERRUPTED = -12, /* SIGINT or SIGTERM asked us to stop */
	ERR_DEGRADED = -13,    /* done, but not whole: only programs' edges see this */
};

/* Exit statuses, the same in every program: README.md. */
enum {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_DEGRADED = 3,
	EXIT_INTEGRITY = 4,
	EXIT_LOCKED = 5,
	EXIT_REFUSED = 6,
};

/* Records the message of this thread (printf-like, one line, no final dot or newline) and returns `code`. */
must_check printf_like(2, 3) int failed(int code, const char *format, ...);

/* The same with ": " and strerror(errno) behind the message; ENOSPC and EDQUOT turn `code` into ERR_FULL. */
must_check printf_like(2, 3) int failed_errno(int code, const char *format, ...);

/* Puts "context: " before the message that this thread recorded last, and returns `code`. */
must_check printf_like(2, 3) int failed_in(int code, const char *format, ...);

/* The message recorded last by this thread; never NULL, "" if none. Valid until the next failed*() of this thread. */
const char *err_message(void);

/* Carries a message from one thread to another: records `message` as this thread's last. Returns `code`. */
int err_adopt(int code, const char *message);

/* The exit status for a code (0 gives 0). */
int err_exit(int code);

/* The graver of two exit statuses. */
int exit_worse(int a, int b);

/* A programmer's error: says where and aborts. */
__attribute__((noreturn)) void die(const char *file, int line, const char *what);
#define must(condition) ((condition) ? (void)0 : die(__FILE__, __LINE__, #condition))

#endif
