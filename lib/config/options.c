#include "config/options.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/io.h"
#include "base/log.h"
#include "base/stop.h"
#include "base/version.h"
#include "config/config.h"
#include "config/nearest.h"
#include "config/options_text.h"
#include "crypto/secret.h"

/* What every command line may hold beside the command's own. */
struct frame {
	struct common_options common;
	bool help;
};

const struct option_row options_common[] = {
	{ .name = "config",
	  .value = "FILE",
	  .help = "The configuration, instead of " CONFIG_DEFAULT ".",
	  .offset = offsetof(struct frame, common.config),
	  .type = OPTION_TEXT,
	  .choices = "FILE" },
	{ .name = "json",
	  .help = "Print the result as JSON, alone on standard output; messages go to standard error.",
	  .offset = offsetof(struct frame, common.json) },
	{ .name = "verbose", .help = "Say more on standard error.", .offset = offsetof(struct frame, common.verbose) },
	{ .name = "help", .help = "Explain, and do nothing.", .offset = offsetof(struct frame, help) },
	{ 0 },
};

/* What getopt_long() returns for the n-th row: above all characters. */
#define FIRST_ROW 256

/* An option and the member that it fills. */
struct slot {
	const struct option_row *row;
	void *out;
};

/* A command line being parsed: the common options, then the command's. */
struct parse {
	const struct program *program;
	const struct command *command; /* NULL before its name was found */
	struct frame *frame;
	struct slot *slots;
	size_t slot_count;
	struct option *table; /* for getopt_long() */
};

static size_t count_rows(const struct option_row *rows)
{
	size_t count = 0;

	while (rows && rows[count].name)
		count++;
	return count;
}

static void add_slots(struct parse *p, const struct option_row *rows, void *base)
{
	for (; rows && rows->name; rows++) {
		size_t i = p->slot_count++;

		must((rows->type == OPTION_FLAG) == (rows->value == NULL));
		p->slots[i] = (struct slot){ rows, (char *)base + rows->offset };
		p->table[i] = (struct option){ .name = rows->name,
					       .has_arg = rows->value ? required_argument : no_argument,
					       .val = FIRST_ROW + (int)i };
	}
}

/* `own`: the command's struct; NULL without a command or without options. */
static void parse_init(struct parse *p, void *own)
{
	const struct option_row *rows = p->command ? p->command->options : NULL;
	size_t most = count_rows(options_common) + count_rows(rows);

	p->slots = xcalloc(most, sizeof(struct slot));
	p->table = xcalloc(most + 1, sizeof(struct option));
	p->slot_count = 0;
	add_slots(p, options_common, p->frame);
	add_slots(p, rows, own);
}

static void parse_release(struct parse *p)
{
	free(p->slots);
	free(p->table);
}

static int check_choice(const struct option_row *row, const char *value)
{
	if (!row->choices || !strchr(row->choices, '|'))
		return 0;

	size_t len = strlen(value);
	for (const char *at = row->choices; at; at = strchr(at, '|') ? strchr(at, '|') + 1 : NULL)
		if (strcspn(at, "|") == len && strncmp(at, value, len) == 0)
			return 0;
	return failed(ERR_USAGE, "--%s: '%s' is none of %s", row->name, value, row->choices);
}

static int take_option(const struct slot *slot, const char *value)
{
	const struct option_row *row = slot->row;

	if (row->type == OPTION_FLAG) {
		*(bool *)slot->out = true;
		return 0;
	}

	int code = check_choice(row, value);
	if (code)
		return code;
	if (row->type == OPTION_LIST) {
		struct option_list *list = slot->out;

		if (list->count == OPTION_LIST_MAX)
			return failed(ERR_USAGE, "--%s is given more than %d times", row->name, OPTION_LIST_MAX);
		list->items[list->count++] = value;
	} else {
		const char **text = slot->out;

		if (*text)
			return failed(ERR_USAGE, "--%s is given twice", row->name);
		*text = value;
	}
	return 0;
}

static int unknown_option(const struct parse *p, const char *text)
{
	size_t len = strcspn(text, "=");
	_free_ char *word = xstrndup(text + strspn(text, "-"), len - strspn(text, "-"));
	struct nearest n = nearest_to(word);

	for (size_t i = 0; i < p->slot_count; i++)
		nearest_consider(&n, p->slots[i].row->name);
	return failed(ERR_USAGE, "unknown option '%.*s'%s%s%s: see '%s%s%s --help'", (int)len, text,
		      n.best ? ", did you mean --" : "", n.best ? n.best : "", n.best ? "?" : "", p->program->name,
		      p->command ? " " : "", p->command ? p->command->name : "");
}

/* What getopt_long() could not make sense of. optopt: the row, a short option's letter, or 0 for an unknown name. */
static int bad_option(const struct parse *p, int result, char **argv)
{
	if (optopt < FIRST_ROW) {
		const char letter[] = { '-', (char)optopt, '\0' };

		return unknown_option(p, optopt ? letter : argv[optind - 1]);
	}

	const struct option_row *row = p->slots[optopt - FIRST_ROW].row;
	if (result == ':')
		return failed(ERR_USAGE, "--%s needs a value: --%s %s", row->name, row->name, row->value);
	return failed(ERR_USAGE, "--%s takes no value", row->name);
}

/* Parses options up to the first argument (`stop_early`) or all of them. Arguments remain from argv[optind] on. */
static int parse_options(struct parse *p, int argc, char **argv, bool stop_early)
{
	int result, code = 0;

	opterr = 0;
	optind = 0; /* GNU's way to begin afresh */
	while (code == 0 && (result = getopt_long(argc, argv, stop_early ? "+:h" : ":h", p->table, NULL)) != -1) {
		if (result == 'h')
			p->frame->help = true;
		else if (result >= FIRST_ROW)
			code = take_option(&p->slots[result - FIRST_ROW], optarg);
		else
			code = bad_option(p, result, argv);
	}
	return code;
}

static const struct command *find_command(const struct program *program, const char *name)
{
	for (const struct command *c = program->commands; c->name; c++)
		if (strcmp(c->name, name) == 0)
			return c;
	return NULL;
}

static int unknown_command(const struct program *program, const char *name)
{
	struct nearest n = nearest_to(name);

	for (const struct command *c = program->commands; c->name; c++)
		nearest_consider(&n, c->name);
	return failed(ERR_USAGE, "unknown command '%s'%s%s%s: see '%s --help'", name, n.best ? ", did you mean '" : "",
		      n.best ? n.best : "", n.best ? "'?" : "", program->name);
}

static int check_arguments(const struct parse *p, int count)
{
	const struct command *c = p->command;
	const char *arguments = c->arguments ? c->arguments : "";
	const char *complaint = count < c->min_arguments                            ? "needs more arguments"
				: c->max_arguments >= 0 && count > c->max_arguments ? "takes fewer arguments"
										    : NULL;

	if (!complaint)
		return 0;
	return failed(ERR_USAGE, "%s %s: %s %s%s%s: see '%s %s --help'", c->name, complaint, p->program->name, c->name,
		      *arguments ? " " : "", arguments, p->program->name, c->name);
}

/* A descriptor 0, 1 or 2 that is closed would be given to the next file opened, and messages written into it. */
static void fill_standard_descriptors(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
			must(open("/dev/null", O_RDWR) == fd);
}

static int report(int code)
{
	log_error("%s", err_message());
	return err_exit(code);
}

/*
 * A result that did not reach standard output is no success. Whoever closed the pipe did not want the rest. What failed
 * has said why already.
 */
static int finish_output(int status)
{
	errno = 0;
	bool lost = fflush(stdout) != 0 || ferror(stdout);

	if (!lost || status == EXIT_FAILED || io_reader_gone(STDOUT_FILENO))
		return status;
	log_error("cannot write to standard output%s%s", errno ? ": " : "", errno ? strerror(errno) : "");
	return status == EXIT_DONE ? EXIT_FAILED : status;
}

static int run_command(struct parse *p, int argc, char **argv)
{
	_free_ void *own = p->command->options ? xcalloc(1, p->command->options_size) : NULL;

	parse_init(p, own);
	int code = parse_options(p, argc, argv, false);
	parse_release(p);
	if (code == 0 && p->frame->help) {
		options_help_command(p->program, p->command);
		return EXIT_DONE;
	}
	if (code == 0)
		code = check_arguments(p, argc - optind);
	if (code)
		return report(code);

	struct common_options *common = &p->frame->common;
	common->config_given = common->config != NULL;
	if (!common->config)
		common->config = CONFIG_DEFAULT;
	log_init(p->program->name, common->verbose);
	return p->command->run(common, own, argc - optind, argv + optind);
}

/* What is asked of the program itself; -1: it is a command line. */
static int run_without_command(const struct program *program, int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		printf("%s %s\n", program->name, NIGHTFOLD_VERSION);
		return EXIT_DONE;
	}
	if (argc >= 2 && strcmp(argv[1], "--completion") == 0) {
		int code = options_completion(program, argc == 3 ? argv[2] : "");

		return code ? report(code) : EXIT_DONE;
	}
	if (argc >= 2 && strcmp(argv[1], "help") == 0) {
		const struct command *command = argc > 2 ? find_command(program, argv[2]) : NULL;

		if (argc > 2 && !command)
			return report(unknown_command(program, argv[2]));
		if (command)
			options_help_command(program, command);
		else
			options_help_program(program);
		return EXIT_DONE;
	}
	return -1;
}

static int run_program(const struct program *program, int argc, char **argv)
{
	int status = run_without_command(program, argc, argv);
	struct frame frame = { 0 };
	struct parse p = { .program = program, .frame = &frame };

	if (status >= 0)
		return status;
	parse_init(&p, NULL);
	int code = parse_options(&p, argc, argv, true);
	parse_release(&p);
	if (code)
		return report(code);
	if (frame.help && optind == argc) {
		options_help_program(program);
		return EXIT_DONE;
	}
	if (optind == argc)
		return report(failed(ERR_USAGE, "a command is missing: see '%s --help'", program->name));

	p.command = find_command(program, argv[optind]);
	if (!p.command)
		return report(unknown_command(program, argv[optind]));
	return run_command(&p, argc - optind, argv + optind);
}

int options_main(const struct program *program, int argc, char **argv)
{
	fill_standard_descriptors();
	log_init(program->name, false);
	stop_on_signals();

	int code = secret_init();
	return finish_output(code ? report(code) : run_program(program, argc, argv));
}
