#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "config/config.h"
#include "config/options_text.h"

#define WIDTH      80
#define COLUMN_MAX 28

static const struct {
	int status;
	const char *meaning;
} statuses[] = {
	{ EXIT_DONE, "done; all is well" },
	{ EXIT_FAILED, "failed; or the key does not open it" },
	{ EXIT_USAGE, "wrong command line or configuration" },
	{ EXIT_DEGRADED, "done, but degraded: a zone lags, files were skipped, an object came from the other zone, "
			 "a recovery point objective was missed" },
	{ EXIT_INTEGRITY, "integrity: check found damage, or a restore lost a file" },
	{ EXIT_LOCKED, "locked by another run" },
	{ EXIT_REFUSED,
	  "refused: retention or the clock forbids it, a target is not empty, a key file is open to others" },
};

/* `text` in lines of WIDTH, those behind the first indented to `column`. The cursor is at `column` already. */
static void put_wrapped(const char *text, size_t column)
{
	size_t at = column;

	while (*text) {
		size_t word = strcspn(text, " ");

		if (at > column && at + 1 + word > WIDTH) {
			printf("\n%*s", (int)column, "");
			at = column;
		} else if (at > column) {
			putchar(' ');
			at++;
		}
		printf("%.*s", (int)word, text);
		at += word;
		text += word;
		text += strspn(text, " ");
	}
	putchar('\n');
}

/* Lines that follow one another are a paragraph, and wrapped; those that begin with a blank stand as they are. */
static void put_help(const char *text)
{
	_free_ char *paragraph = xstrdup("");

	for (const char *line = text;; line += strspn(line, "\n") > 0) {
		size_t len = strcspn(line, "\n");

		if (len > 0 && line[0] != ' ') {
			char *longer = xasprintf("%s%s%.*s", paragraph, *paragraph ? " " : "", (int)len, line);

			free(paragraph);
			paragraph = longer;
			line += len;
			continue;
		}
		if (*paragraph)
			put_wrapped(paragraph, 0);
		*paragraph = '\0';
		if (*line == '\0')
			return;
		printf("%.*s\n", (int)len, line);
		line += len;
	}
}

/* "  --key FILE     The key ...": the text begins at `column`, on a line of its own where the term is too long. */
static void put_term(const char *term, const char *text, size_t column)
{
	int len = printf("  %s", term);

	if (len + 2 > (int)column)
		printf("\n%*s", (int)column, "");
	else
		printf("%*s", (int)column - len, "");
	put_wrapped(text, column);
}

static void option_term(const struct option_row *row, char *out, size_t size)
{
	snprintf(out, size, "--%s%s%s", row->name, row->value ? " " : "", row->value ? row->value : "");
}

static size_t options_column(const struct option_row *rows, size_t column)
{
	for (; rows && rows->name; rows++) {
		size_t wanted = 2 + 2 + strlen(rows->name) + (rows->value ? 1 + strlen(rows->value) : 0) + 2;

		if (wanted > column && wanted <= COLUMN_MAX)
			column = wanted;
	}
	return column;
}

static void put_options(const char *title, const struct option_row *rows, size_t column)
{
	if (!rows || !rows->name)
		return;
	printf("\n%s:\n", title);
	for (; rows->name; rows++) {
		char term[128];

		option_term(rows, term, sizeof term);
		put_term(term, rows->help, column);
	}
}

static void put_statuses(void)
{
	printf("\nExit status, the same in every program of Nightfold:\n");
	for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
		char term[16];

		snprintf(term, sizeof term, "%d", statuses[i].status);
		put_term(term, statuses[i].meaning, 6);
	}
}

void options_help_program(const struct program *program)
{
	size_t column = 0;

	for (const struct command *c = program->commands; c->name; c++)
		if (strlen(c->name) + 4 > column)
			column = strlen(c->name) + 4;

	printf("Usage: %s COMMAND [OPTION...] [ARGUMENT...]\n\n", program->name);
	put_wrapped(program->summary, 0);
	printf("\nCommands:\n");
	for (const struct command *c = program->commands; c->name; c++)
		put_term(c->name, c->summary, column);

	static const struct option_row own[] = {
		{ .name = "version", .help = "Print the version." },
		{ .name = "completion", .value = "SHELL", .help = "Print a completion script for bash or zsh." },
		{ 0 },
	};
	column = options_column(own, options_column(options_common, 0));
	put_options("Options of every command", options_common, column);
	put_options("Options without a command", own, column);
	put_statuses();
	printf("\n'%s COMMAND --help' explains a command; 'man %s' has the whole.\n", program->name, program->name);
}

void options_help_command(const struct program *program, const struct command *command)
{
	const char *arguments = command->arguments ? command->arguments : "";
	size_t column = options_column(command->options, options_column(options_common, 0));

	printf("Usage: %s %s [OPTION...]%s%s\n\n", program->name, command->name, *arguments ? " " : "", arguments);
	put_wrapped(command->summary, 0);
	if (command->help) {
		putchar('\n');
		put_help(command->help);
	}
	put_options("Options", command->options, column);
	put_options("Options of every command", options_common, column);
	put_statuses();
}
