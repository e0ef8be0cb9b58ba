/*
 * Command lines: one table a command gives parsing, --help and shell completion (over getopt_long).
 *
 * A program is a table of commands; options_main() finds the command, parses its options into `struct options` by the offsets in
 * its table, and runs it. --config, --json, --verbose and --help are every command's.
 */
#ifndef CONFIG_OPTIONS_H
#define CONFIG_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum option_type { OPTION_FLAG, OPTION_TEXT };

struct option_row {
	const char *name; /* "dry-run" */
	const char *value; /* "FILE", NULL for a flag */
	const char *help;
	size_t offset; /* of a bool or a const char * in the command's own struct */
	enum option_type type;
	const char *choices; /* completion: "list|fingerprint|data", "FILE", "DIR", or NULL */
};

struct common_options {
	const char *config; /* default CONFIG_DEFAULT */
	bool config_given, json, verbose;
};

struct command {
	const char *name;      /* "restore" */
	const char *arguments; /* "SNAPSHOT [PATH...]" */
	const char *summary;   /* one line */
	const char *help;      /* paragraphs: what it does, examples, exit statuses that matter */
	const struct option_row *options; /* ends with a NULL name; may be NULL */
	size_t options_size;   /* of the struct that `options` describes */
	int min_arguments, max_arguments; /* -1: any number */
	/* `own`: the filled struct. Returns an exit status. */
	int (*run)(const struct common_options *common, const void *own, int argc, char **argv);
};

struct program {
	const char *name, *summary;
	const struct command *commands; /* ends with a NULL name */
};

/* All of main() but the tables: --help, --version, completion (`PROGRAM --completion bash|zsh`), secret_init, log_init, stop_on_signals. */
int options_main(const struct program *program, int argc, char **argv);

#endif
