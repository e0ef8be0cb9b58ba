#include "crypto/passphrase.h"

#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <termios.h>

#include "base/log.h"
#include "base/stop.h"
#include "folder.h"

static int from_file(const char *name, struct buf *out)
{
	char path[256];

	snprintf(path, sizeof path, "%s", in(name));
	return passphrase_file(path, "operator.key", out);
}

static void a_file_gives_its_first_line(void **state)
{
	static const struct {
		const char *content, *passphrase;
	} rows[] = {
		{ "correct horse", "correct horse" },
		{ "correct horse\n", "correct horse" },
		{ "correct horse\r\nsecond line\n", "correct horse" },
		{ " spaces count \n", " spaces count " },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		_buf_ struct buf out = { 0 };

		put("file", rows[i].content, 0600);
		buf_init_guarded(&out, PASSPHRASE_MAX, "test");
		assert_int_equal(from_file("file", &out), 0);
		assert_string_equal((char *)out.data, rows[i].passphrase);
		assert_int_equal(out.len, strlen(rows[i].passphrase));
	}
}

static void a_file_without_a_usable_line_is_refused(void **state)
{
	char content[PASSPHRASE_MAX + 1];
	_buf_ struct buf out = { 0 };

	(void)state;
	buf_init_guarded(&out, PASSPHRASE_MAX, "test");
	put("file", "\nsecond line\n", 0600);
	assert_int_equal(from_file("file", &out), ERR_USAGE);
	assert_non_null(strstr(err_message(), "an empty passphrase protects nothing"));

	buf_clear(&out);
	memset(content, 'x', sizeof content);
	content[PASSPHRASE_MAX] = '\0';
	put("file", content, 0600);
	assert_int_equal(from_file("file", &out), ERR_USAGE);
	assert_non_null(strstr(err_message(), "longer than 1023 bytes"));

	buf_clear(&out);
	assert_int_equal(io_save(in("file"), "a\0b\n", 4, 0600), 0);
	assert_int_equal(from_file("file", &out), ERR_USAGE);

	buf_clear(&out);
	assert_int_equal(from_file("missing", &out), ERR_MISSING);
	assert_int_equal(from_file(".", &out), ERR_SYSTEM);
}

static void a_file_that_others_can_read_is_warned_about(void **state)
{
	_buf_ struct buf out = { 0 };

	(void)state;
	log_init("test", false);
	put("file", "correct horse\n", 0644);
	buf_init_guarded(&out, PASSPHRASE_MAX, "test");

	_fd_ int told = open(in("told"), O_RDWR | O_CREAT, 0600), before = dup(STDERR_FILENO);

	assert_true(told >= 0 && dup2(told, STDERR_FILENO) >= 0);

	int code = from_file("file", &out);

	assert_true(dup2(before, STDERR_FILENO) >= 0);
	assert_int_equal(code, 0);

	char text[512] = "";
	size_t got;

	assert_int_equal(io_pread(told, text, sizeof text - 1, 0, &got, "told"), 0);
	assert_non_null(strstr(text, "has mode 0644: others can read it; chmod 600 it"));
}

/* A child on a terminal of its own that asks and reports "<code> <passphrase or message>" through a pipe. */
struct session {
	int terminal, report;
	pid_t child;
};

static void child_asks(int report, int (*asks)(struct buf *out))
{
	_buf_ struct buf out = { 0 };
	char text[2048];

	log_init("test", false);
	stop_on_signals();
	buf_init_guarded(&out, PASSPHRASE_MAX, "test");

	int code = asks(&out);
	struct termios now;
	bool echo = tcgetattr(STDIN_FILENO, &now) == 0 && (now.c_lflag & ECHO) != 0;
	int len = snprintf(text, sizeof text, "%d %s%s", code, echo ? "" : "(no echo) ",
			   code == 0 ? (const char *)out.data : err_message());

	if (write(report, text, (size_t)len) != len)
		abort();
}

static struct session start(int (*asks)(struct buf *out))
{
	struct session s;
	int pipes[2];

	assert_int_equal(pipe(pipes), 0);
	fflush(NULL);
	s.child = forkpty(&s.terminal, NULL, NULL, NULL);
	assert_true(s.child >= 0);
	if (s.child == 0) {
		child_asks(pipes[1], asks);
		exit(0);
	}
	close(pipes[1]);
	s.report = pipes[0];
	return s;
}

/* Waits until the terminal shows `text`; what it shows is kept in `seen`. */
static void expect(struct session *s, const char *text, char *seen, size_t size)
{
	size_t len = strlen(seen);

	while (strstr(seen, text) == NULL) {
		struct pollfd wait = { .fd = s->terminal, .events = POLLIN };

		assert_int_equal(poll(&wait, 1, 5000), 1);

		ssize_t got = read(s->terminal, seen + len, size - 1 - len);

		assert_true(got > 0);
		len += (size_t)got;
		seen[len] = '\0';
	}
}

static void type(struct session *s, const char *text)
{
	assert_int_equal(write(s->terminal, text, strlen(text)), strlen(text));
}

static void assert_report(struct session *s, const char *expected)
{
	char text[2048] = "";
	size_t got;
	int status;

	assert_int_equal(io_read(s->report, text, sizeof text - 1, &got, "report"), 0);
	close(s->terminal);
	close(s->report);
	assert_int_equal(waitpid(s->child, &status, 0), s->child);
	assert_string_equal(text, expected);
}

static int ask_once(struct buf *out)
{
	return passphrase_ask(NULL, "operator\x1b.key", out);
}

static int choose(struct buf *out)
{
	return passphrase_choose("operator.key", out);
}

static void the_terminal_asks_without_showing_what_is_typed(void **state)
{
	char seen[1024] = "";
	struct session s = start(ask_once);

	(void)state;
	expect(&s, "Passphrase for 'operator\\x1B.key': ", seen, sizeof seen);
	type(&s, "correct horsy\x7f"
		 "e\n");
	assert_report(&s, "0 correct horse");
	assert_null(strstr(seen, "horse"));
}

static void control_c_at_the_prompt_gives_the_terminal_back(void **state)
{
	char seen[1024] = "";
	struct session s = start(ask_once);

	(void)state;
	expect(&s, "key': ", seen, sizeof seen);
	type(&s, "half\x03");
	assert_report(&s, "-12 interrupted while asking for the passphrase");
}

static void a_signal_at_the_prompt_gives_the_terminal_back(void **state)
{
	char seen[1024] = "";
	struct session s = start(ask_once);

	(void)state;
	expect(&s, "key': ", seen, sizeof seen);
	assert_int_equal(kill(s.child, SIGTERM), 0);
	assert_report(&s, "-12 interrupted: stopped as asked, nothing half done was committed");
}

static void an_empty_line_and_the_end_of_input_are_no_passphrase(void **state)
{
	static const char *const typed[] = { "\n", "\x04" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		char seen[1024] = "";
		struct session s = start(ask_once);

		expect(&s, "key': ", seen, sizeof seen);
		type(&s, typed[i]);
		assert_report(&s, "-2 the terminal: an empty passphrase protects nothing");
	}
}

static void a_new_passphrase_is_asked_for_twice(void **state)
{
	static const struct {
		const char *again, *report;
	} rows[] = {
		{ "correct horse\n", "0 correct horse" },
		{ "correct hearse\n", "-2 the two passphrases differ" },
		{ "correct house\n", "-2 the two passphrases differ" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char seen[1024] = "";
		struct session s = start(choose);

		expect(&s, "New passphrase for 'operator.key': ", seen, sizeof seen);
		type(&s, "correct horse\n");
		expect(&s, "The same again for 'operator.key': ", seen, sizeof seen);
		type(&s, rows[i].again);
		assert_report(&s, rows[i].report);
	}
}

static void without_a_terminal_there_is_nobody_to_ask(void **state)
{
	int pipes[2], status;
	char text[2048] = "";
	size_t got;

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	fflush(NULL);

	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		if (setsid() < 0)
			abort();
		child_asks(pipes[1], choose);
		exit(0);
	}
	close(pipes[1]);
	assert_int_equal(io_read(pipes[0], text, sizeof text - 1, &got, "report"), 0);
	close(pipes[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_non_null(strstr(
		text, "there is no terminal to ask for the passphrase of 'operator.key': give --passphrase-file"));
	assert_memory_equal(text, "-2 ", 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_folder(a_file_gives_its_first_line),
		in_folder(a_file_without_a_usable_line_is_refused),
		in_folder(a_file_that_others_can_read_is_warned_about),
		cmocka_unit_test(the_terminal_asks_without_showing_what_is_typed),
		cmocka_unit_test(control_c_at_the_prompt_gives_the_terminal_back),
		cmocka_unit_test(a_signal_at_the_prompt_gives_the_terminal_back),
		cmocka_unit_test(an_empty_line_and_the_end_of_input_are_no_passphrase),
		cmocka_unit_test(a_new_passphrase_is_asked_for_twice),
		cmocka_unit_test(without_a_terminal_there_is_nobody_to_ask),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
