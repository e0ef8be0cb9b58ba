#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/io.h"
#include "base/log.h"
#include "config/options.h"

/* ---- a program to try it on ---- */

struct check_options {
	const char *level;
	bool repair;
	struct option_list signers;
};

static const struct option_row check_rows[] = {
	{ .name = "level",
	  .value = "LEVEL",
	  .help = "How deep to look: names, bytes or contents.",
	  .offset = offsetof(struct check_options, level),
	  .type = OPTION_TEXT,
	  .choices = "list|fingerprint|data" },
	{ .name = "repair",
	  .help = "Heal what is damaged from the other zone's copy, object by object, without a key.",
	  .offset = offsetof(struct check_options, repair) },
	{ .name = "signer",
	  .value = "PUB",
	  .help = "Trust this [public] key: it's one of many.",
	  .offset = offsetof(struct check_options, signers),
	  .type = OPTION_LIST,
	  .choices = "FILE" },
	{ .name = "a-name-too-long-for-its-column",
	  .value = "DIR",
	  .help = "Goes on a line of its own.",
	  .offset = offsetof(struct check_options, level),
	  .type = OPTION_TEXT,
	  .choices = "DIR" },
	{ 0 },
};

/* What the command saw last. */
static struct {
	bool called, had_own;
	struct common_options common;
	struct check_options own;
	int argc;
	char *argv[4];
} seen;

static int run(const struct common_options *common, const void *own, int argc, char **argv)
{
	memset(&seen, 0, sizeof seen);
	seen.called = true;
	seen.common = *common;
	seen.had_own = own != NULL;
	if (own)
		seen.own = *(const struct check_options *)own;
	seen.argc = argc;
	for (int i = 0; i < argc && i < 4; i++)
		seen.argv[i] = argv[i];
	printf("result\n");
	log_detail("a detail");
	return EXIT_DEGRADED;
}

static const struct command commands[] = {
	{ "check", "[DATASET...]", "Check that the zones hold what they should.",
	  "Reads both zones.\n\nA paragraph of several lines, some of them shorter,\nis wrapped as one where the "
	  "terminal ends.\n"
	  "  1. what is indented stands as it is\n\n  $ nightfold-verify check --level list\n",
	  check_rows, sizeof(struct check_options), 0, -1, run },
	{ "report", "FROM TO", "Print a report: what happened, and when.", NULL, NULL, 0, 2, 2, run },
	{ "audit", NULL, "Print the audit log.", NULL, NULL, 0, 0, 0, run },
	{ 0 },
};

static const struct program program = { "nightfold-verify", "Proves that a backup can be trusted.", commands };

/* ---- running it ---- */

static char out[65536], err[65536];

static void take(int fd, char *text)
{
	ssize_t n = pread(fd, text, sizeof out - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	close(fd);
}

/* Runs with the words of `line`, its output in `out` and `err`. */
static int with(const char *line)
{
	char words[512], *argv[32] = { (char *)(uintptr_t) "nightfold-verify" };
	int argc = 1, files[2] = { memfd_create("out", 0), memfd_create("err", 0) };
	int saved[2] = { dup(STDOUT_FILENO), dup(STDERR_FILENO) };

	/* The words outlive the call, as argv does. */
	static char kept[64][512];
	static unsigned turn;
	snprintf(words, sizeof words, "%s", line);
	char *copy = strcpy(kept[turn++ % 64], words), *rest;
	for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		argv[argc++] = word;

	seen.called = false;
	fflush(stdout);
	dup2(files[0], STDOUT_FILENO);
	dup2(files[1], STDERR_FILENO);
	int status = options_main(&program, argc, argv);
	fflush(stdout);
	dup2(saved[0], STDOUT_FILENO);
	dup2(saved[1], STDERR_FILENO);
	close(saved[0]);
	close(saved[1]);
	take(files[0], out);
	take(files[1], err);
	return status;
}

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is not in:\n%s", part, text);
}

/* ---- tests ---- */

static void a_command_gets_its_options_and_arguments(void **state)
{
	(void)state;
	assert_int_equal(with("check --level data a --repair --signer x.pub b --signer=y.pub --config c.yaml"),
			 EXIT_DEGRADED);
	assert_string_equal(out, "result\n");
	assert_string_equal(err, "");
	assert_string_equal(seen.common.config, "c.yaml");
	assert_true(seen.common.config_given);
	assert_false(seen.common.json || seen.common.verbose);
	assert_string_equal(seen.own.level, "data");
	assert_true(seen.own.repair);
	assert_int_equal(seen.own.signers.count, 2);
	assert_string_equal(seen.own.signers.items[0], "x.pub");
	assert_string_equal(seen.own.signers.items[1], "y.pub");
	assert_int_equal(seen.argc, 2);
	assert_string_equal(seen.argv[0], "a");
	assert_string_equal(seen.argv[1], "b");
}

static void what_is_not_given_has_its_default(void **state)
{
	(void)state;
	assert_int_equal(with("check"), EXIT_DEGRADED);
	assert_string_equal(seen.common.config, "/etc/nightfold/nightfold.yaml");
	assert_false(seen.common.config_given);
	assert_null(seen.own.level);
	assert_false(seen.own.repair);
	assert_int_equal(seen.own.signers.count, 0);
	assert_int_equal(seen.argc, 0);

	assert_int_equal(with("audit"), EXIT_DEGRADED);
	assert_false(seen.had_own);
}

static void common_options_may_stand_before_the_command(void **state)
{
	(void)state;
	assert_int_equal(with("--config c.yaml --verbose check --json"), EXIT_DEGRADED);
	assert_string_equal(seen.common.config, "c.yaml");
	assert_true(seen.common.json && seen.common.verbose);
	assert_string_equal(err, "nightfold-verify: detail: a detail\n");
}

static void what_follows_two_dashes_is_an_argument(void **state)
{
	(void)state;
	assert_int_equal(with("report -- --json --repair"), EXIT_DEGRADED);
	assert_false(seen.common.json);
	assert_string_equal(seen.argv[0], "--json");
	assert_string_equal(seen.argv[1], "--repair");
}

static void mistakes_are_explained(void **state)
{
	static const struct {
		const char *line, *message;
	} rows[] = {
		{ "", "a command is missing: see 'nightfold-verify --help'" },
		{ "--json", "a command is missing: see 'nightfold-verify --help'" },
		{ "chekc", "unknown command 'chekc', did you mean 'check'?: see 'nightfold-verify --help'" },
		{ "destroy", "unknown command 'destroy': see 'nightfold-verify --help'" },
		{ "help chek", "unknown command 'chek', did you mean 'check'?: see 'nightfold-verify --help'" },
		{ "--jsno check", "unknown option '--jsno', did you mean --json?: see 'nightfold-verify --help'" },
		{ "check --repiar",
		  "unknown option '--repiar', did you mean --repair?: see 'nightfold-verify check --help'" },
		{ "check --levels=list",
		  "unknown option '--levels', did you mean --level?: see 'nightfold-verify check --help'" },
		{ "check --quick", "unknown option '--quick': see 'nightfold-verify check --help'" },
		{ "check -x", "unknown option '-x': see 'nightfold-verify check --help'" },
		{ "audit --repair", "unknown option '--repair': see 'nightfold-verify audit --help'" },
		{ "check --level", "--level needs a value: --level LEVEL" },
		{ "check --repair=yes", "--repair takes no value" },
		{ "check --level all", "--level: 'all' is none of list|fingerprint|data" },
		{ "check --level lis", "--level: 'lis' is none of list|fingerprint|data" },
		{ "check --level list --level data", "--level is given twice" },
		{ "--config a check --config b", "--config is given twice" },
		{ "report a", "report needs more arguments: nightfold-verify report FROM TO: see 'nightfold-verify "
			      "report --help'" },
		{ "audit a",
		  "audit takes fewer arguments: nightfold-verify audit: see 'nightfold-verify audit --help'" },
		{ "--completion fish", "--completion: 'fish' is no shell known here: expected bash or zsh" },
		{ "--completion", "--completion: '' is no shell known here: expected bash or zsh" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char expected[512];

		assert_int_equal(with(rows[i].line), EXIT_USAGE);
		snprintf(expected, sizeof expected, "nightfold-verify: error: %s\n", rows[i].message);
		assert_string_equal(err, expected);
		assert_string_equal(out, "");
		assert_false(seen.called);
	}
}

static void a_list_has_an_end(void **state)
{
	char line[1024] = "check";

	(void)state;
	for (int i = 0; i < 65; i++)
		strcat(line, " --s=x");
	/* More words than with() splits: one call by hand. */
	char *argv[80] = { (char *)(uintptr_t) "nightfold-verify" }, *rest;
	int argc = 1, quiet = open("/dev/null", O_WRONLY), saved = dup(STDERR_FILENO);
	for (char *word = strtok_r(line, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		argv[argc++] = word;
	dup2(quiet, STDERR_FILENO);
	int status = options_main(&program, argc, argv);
	dup2(saved, STDERR_FILENO);
	close(quiet);
	close(saved);
	assert_int_equal(status, EXIT_USAGE);
	assert_string_equal(err_message(), "--signer is given more than 64 times");
}

static void help_of_the_program_names_commands_options_and_statuses(void **state)
{
	static const char *const lines[] = { "--help", "-h", "help", "--json --help" };

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		assert_int_equal(with(lines[i]), EXIT_DONE);
		assert_has(out, "Usage: nightfold-verify COMMAND [OPTION...] [ARGUMENT...]\n\nProves that");
		assert_has(out, "\n  check   Check that the zones hold what they should.\n");
		assert_has(out, "\n  --config FILE");
		assert_has(out, "\n  --completion SHELL");
		assert_has(out, "\n  4   integrity: ");
		assert_string_equal(err, "");
	}
}

static void help_of_a_command_teaches_it(void **state)
{
	static const char *const lines[] = { "check --help", "help check", "--help check", "check -h a" };

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		assert_int_equal(with(lines[i]), EXIT_DONE);
		assert_false(seen.called);
		assert_has(out, "Usage: nightfold-verify check [OPTION...] [DATASET...]\n\nCheck that");
		assert_has(
			out,
			"\nReads both zones.\n\nA paragraph of several lines, some of them shorter, is wrapped as one "
			"where the\nterminal ends.\n  1. what is indented stands as it is\n\n"
			"  $ nightfold-verify check --level list\n\nOptions:\n");
		assert_has(out, "\n  --level LEVEL  How deep");
		assert_has(out,
			   "\n  --a-name-too-long-for-its-column DIR\n                 Goes on a line of its own.\n");
		assert_has(out, "\n  --json         Print");
		assert_has(out, "\n  0   done");
	}
	/* Lines fit a terminal. */
	for (char *line = strtok(out, "\n"); line; line = strtok(NULL, "\n"))
		assert_true(strlen(line) <= 80);

	assert_int_equal(with("audit --help"), EXIT_DONE);
	assert_has(out,
		   "Usage: nightfold-verify audit [OPTION...]\n\nPrint the audit log.\n\nOptions of every command:\n");
}

static void the_version_is_printed(void **state)
{
	(void)state;
	assert_int_equal(with("--version"), EXIT_DONE);
	assert_string_equal(out, "nightfold-verify 0.1.0\n");
}

/* The words that bash offers at the end of `words` (an array's elements, the last one being completed). */
static void complete(const char *script, const char *words, char *offered, size_t size)
{
	char path[] = "/tmp/nightfold-completion-XXXXXX", command[1024];
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, script, strlen(script)), strlen(script));
	close(fd);
	snprintf(command, sizeof command,
		 "source %s; COMP_WORDS=(nightfold-verify %s); COMP_CWORD=$((${#COMP_WORDS[@]}-1));"
		 " compopt() { :; }; _nightfold_verify; echo ${COMPREPLY[@]}",
		 path, words);
	int ends[2], status;
	assert_int_equal(pipe(ends), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		dup2(ends[1], STDOUT_FILENO);
		execlp("bash", "bash", "-c", command, (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	size_t len = 0;
	assert_int_equal(io_read(ends[0], offered, size - 1, &len, "bash"), 0);
	offered[len] = '\0';
	close(ends[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	unlink(path);
}

static void bash_completes_from_the_tables(void **state)
{
	static const struct {
		const char *words, *offered;
	} rows[] = {
		{ "\"\"", "check report audit --config --json --verbose --help --version --completion\n" },
		{ "ch", "check\n" },
		{ "check --re", "--repair\n" },
		{ "check --level \"\"", "list fingerprint data\n" },
		{ "check --level f", "fingerprint\n" },
		{ "check --level = d", "data\n" },
		{ "check --level =", "list fingerprint data\n" },
		{ "--completion b", "bash\n" },
		{ "--config /etc/host", NULL },
		{ "check --signer /etc/hostn", "/etc/hostname\n" },
		{ "check --a-name-too-long-for-its-column /et", "/etc\n" },
		{ "audit --re", "\n" },
	};

	(void)state;
	assert_int_equal(with("--completion bash"), EXIT_DONE);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char offered[1024];

		complete(out, rows[i].words, offered, sizeof offered);
		if (rows[i].offered)
			assert_string_equal(offered, rows[i].offered);
		else
			assert_has(offered, "/etc/hosts");
	}
}

static void zsh_gets_the_same_tables(void **state)
{
	(void)state;
	assert_int_equal(with("--completion zsh"), EXIT_DONE);
	assert_memory_equal(out, "#compdef nightfold-verify\n", 26);
	assert_has(out, "\t\t'report:Print a report\\: what happened, and when.'\n");
	assert_has(out, "'--level=[How deep to look\\: names, bytes or contents.]:LEVEL:(list fingerprint data)' \\\n");
	assert_has(out, "'*--signer=[Trust this \\[public\\] key\\: it'\\''s one of many.]:PUB:_files' \\\n");
	assert_has(out, ":DIR:_files -/' \\\n");
	assert_has(out, "'--repair[Heal");
}

static void a_result_that_cannot_be_written_is_a_failure(void **state)
{
	(void)state;
	fflush(stdout);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		char *argv[] = { (char *)(uintptr_t) "nightfold-verify", (char *)(uintptr_t) "--version", NULL };

		dup2(open("/dev/full", O_WRONLY), STDOUT_FILENO);
		dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
		_exit(options_main(&program, 2, argv));
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(WEXITSTATUS(status), EXIT_FAILED);
}

static void a_reader_that_left_is_no_failure(void **state)
{
	(void)state;
	fflush(stdout);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		char *argv[] = { (char *)(uintptr_t) "nightfold-verify", (char *)(uintptr_t) "--version", NULL };
		int ends[2];

		if (pipe(ends))
			_exit(99);
		dup2(ends[1], STDOUT_FILENO);
		close(ends[0]);
		_exit(options_main(&program, 2, argv));
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(WEXITSTATUS(status), EXIT_DONE);
}

static void closed_descriptors_are_not_given_to_files(void **state)
{
	(void)state;
	fflush(stdout);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		char *argv[] = { (char *)(uintptr_t) "nightfold-verify", (char *)(uintptr_t) "--version", NULL };

		close(0);
		close(1);
		close(2);
		int status = options_main(&program, 2, argv);
		_exit(status == EXIT_DONE && open("/dev/null", O_RDONLY) > 2 ? 0 : 1);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_command_gets_its_options_and_arguments),
		cmocka_unit_test(what_is_not_given_has_its_default),
		cmocka_unit_test(common_options_may_stand_before_the_command),
		cmocka_unit_test(what_follows_two_dashes_is_an_argument),
		cmocka_unit_test(mistakes_are_explained),
		cmocka_unit_test(a_list_has_an_end),
		cmocka_unit_test(help_of_the_program_names_commands_options_and_statuses),
		cmocka_unit_test(help_of_a_command_teaches_it),
		cmocka_unit_test(the_version_is_printed),
		cmocka_unit_test(bash_completes_from_the_tables),
		cmocka_unit_test(zsh_gets_the_same_tables),
		cmocka_unit_test(a_result_that_cannot_be_written_is_a_failure),
		cmocka_unit_test(a_reader_that_left_is_no_failure),
		cmocka_unit_test(closed_descriptors_are_not_given_to_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
