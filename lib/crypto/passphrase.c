#include "crypto/passphrase.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <sodium.h>

#include "base/io.h"
#include "base/log.h"
#include "base/stop.h"

#define CTRL_C    3
#define SHOWN_MAX 512

/* Ends `out` at its first line end; refuses what cannot be a passphrase. */
static int take_line(struct buf *out, const char *from)
{
	uint8_t *end = out->len == 0 ? NULL : memchr(out->data, '\n', out->len);

	if (end == NULL && out->len == out->max)
		return failed(ERR_USAGE, "%s: the passphrase is longer than %d bytes", from, PASSPHRASE_MAX - 1);
	if (end != NULL)
		out->len = (size_t)(end - out->data);
	if (out->len > 0 && out->data[out->len - 1] == '\r')
		out->len--;
	if (out->len == 0)
		return failed(ERR_USAGE, "%s: an empty passphrase protects nothing", from);
	if (memchr(out->data, 0, out->len) != NULL)
		return failed(ERR_USAGE, "%s: a passphrase is one line of text", from);
	return buf_terminate(out);
}

/*
 * Waits in poll(), which a signal ends, so that no read() is left hanging when asked to stop; and looks up a few times
 * a second, since a signal may come just before.
 */
static int read_line(int terminal, struct buf *out)
{
	struct pollfd wait = { .fd = terminal, .events = POLLIN };
	uint8_t *at;
	int code = buf_reserve(out, out->max, &at);

	for (int ready = 0; code == 0 && ready <= 0;) {
		ready = poll(&wait, 1, 200);
		code = ready < 0 && errno != EINTR ? failed_errno(ERR_SYSTEM, "cannot wait for the terminal")
						   : stop_check();
	}
	if (code != 0)
		return code;

	ssize_t got = read(terminal, at, out->max);

	if (got < 0)
		return failed_errno(ERR_SYSTEM, "cannot read from the terminal");
	out->len = (size_t)got;
	if (got > 0 && at[got - 1] == CTRL_C)
		return failed(ERR_INTERRUPTED, "interrupted while asking for the passphrase");
	return 0;
}

static int ask(const char *prompt, const char *path, struct buf *out)
{
	_fd_ int terminal = open("/dev/tty", O_RDWR | O_CLOEXEC);
	struct termios before, silent;
	char shown[SHOWN_MAX];
	_buf_ struct buf text = { 0 };

	log_printable(path, strlen(path), shown, sizeof shown);
	if (terminal < 0 || tcgetattr(terminal, &before) != 0)
		return failed(ERR_USAGE,
			      "there is no terminal to ask for the passphrase of '%s': give --passphrase-file", shown);

	/* Ctrl-C ends the line instead of the program, so that the terminal never stays without echo. */
	silent = before;
	silent.c_lflag = (silent.c_lflag | ICANON) & ~(tcflag_t)(ECHO | ECHONL | ISIG);
	silent.c_cc[VEOL] = CTRL_C;
	buf_init(&text, sizeof shown + 64, "a prompt");

	int code = buf_printf(&text, "%s '%s': ", prompt, shown);

	if (code == 0 && tcsetattr(terminal, TCSAFLUSH, &silent) != 0)
		return failed_errno(ERR_SYSTEM, "cannot turn the terminal's echo off");
	if (code == 0)
		code = io_write(terminal, text.data, text.len, "the terminal");
	if (code == 0)
		code = read_line(terminal, out);
	if (code == 0)
		code = io_write(terminal, "\n", 1, "the terminal");
	if (tcsetattr(terminal, TCSAFLUSH, &before) != 0 && code == 0)
		code = failed_errno(ERR_SYSTEM, "cannot turn the terminal's echo on again: run 'stty echo'");
	return code != 0 ? code : take_line(out, "the terminal");
}

int passphrase_ask(void *context, const char *path, struct buf *out)
{
	(void)context;
	return ask("Passphrase for", path, out);
}

int passphrase_choose(const char *path, struct buf *out)
{
	_buf_ struct buf again = { 0 };

	buf_init_guarded(&again, PASSPHRASE_MAX, "the passphrase");

	int code = ask("New passphrase for", path, out);

	if (code == 0)
		code = ask("The same again for", path, &again);
	if (code == 0 && (again.len != out->len || sodium_memcmp(again.data, out->data, out->len) != 0))
		code = failed(ERR_USAGE, "the two passphrases differ");
	return code;
}

int passphrase_file(void *context, const char *path, struct buf *out)
{
	const char *file = context;
	_fd_ int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat st;
	uint8_t *at;
	size_t got = 0;

	(void)path;
	if (fd < 0 || fstat(fd, &st) != 0)
		return failed_errno(errno == ENOENT ? ERR_MISSING : ERR_SYSTEM, "cannot open the passphrase file '%s'",
				    file);
	/* Pipes are welcome: --passphrase-file <(pass show nightfold). */
	if (S_ISREG(st.st_mode) && (st.st_mode & 077) != 0)
		log_warning("the passphrase file '%s' has mode %04o: others can read it; chmod 600 it", file,
			    (unsigned)st.st_mode & 07777);

	int code = buf_reserve(out, out->max, &at);

	if (code == 0)
		code = io_read(fd, at, out->max, &got, file);
	if (code != 0)
		return code;
	out->len = got;
	return take_line(out, file);
}
