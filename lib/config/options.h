/*
 * Command lines: one table a command gives parsing, --help and shell completion (over getopt_long).
 *
 * A program is a table of commands; options_main() finds the command, parses its options into a struct by the offsets
 * in its table, and runs it. --config, --json, --verbose and --help are every command's, before or behind its name.
 */
#ifndef CONFIG_OPTIONS_H
#define CONFIG_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* FLAG: a bool. TEXT: a const char *, given at most once. LIST: a struct option_list, given any number of times. */
enum option_type { OPTION_FLAG, OPTION_TEXT, OPTION_LIST };

#define OPTION_LIST_MAX 64

struct option_list {
	const char *items[OPTION_LIST_MAX];
	size_t count;
};

struct option_row {
	const char *name;  /* "dry-run" */
	const char *value; /* "FILE", NULL for a flag */
	const char *help;
	size_t offset; /* in the command's own struct */
	enum option_type type;
	/*
	 * What the value may be. "FILE", "DIR": completed as such. "list|data": one of these, all else is refused. Or
	 * NULL.
	 */
	const char *choices;
};

struct common_options {
	const char *config; /* default CONFIG_DEFAULT */
	bool config_given, json, verbose;
};

struct command {
	const char *name;                 /* "restore" */
	const char *arguments;            /* "SNAPSHOT [PATH...]"; NULL or "" for none */
	const char *summary;              /* one line */
	const char *help;                 /* paragraphs: what it does, examples, exit statuses that matter */
	const struct option_row *options; /* ends with a NULL name; may be NULL */
	size_t options_size;              /* of the struct that `options` describes */
	int min_arguments, max_arguments; /* -1: any number */
	/* `own`: the filled struct, zeroed where nothing was given; NULL without options. Returns an exit status. */
	int (*run)(const struct common_options *common, const void *own, int argc, char **argv);
};

struct program {
	const char *name, *summary;
	const struct command *commands; /* ends with a NULL name */
};

/*
 * All of main() but the tables: --help, --version, completion (`PROGRAM --completion bash|zsh`), secret_init, log_init,
 * stop_on_signals. Texts live as long as argv. Returns the exit status; a result that could not be written to standard
 * output is EXIT_FAILED.
 */
int options_main(const struct program *program, int argc, char **argv);

#endif
