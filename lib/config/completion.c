#include <stdio.h>
#include <string.h>

#include "config/nearest.h"
#include "config/options_text.h"

/* A shell function's name from the program's: nightfold-agent -> _nightfold_agent. */
static void function_name(const struct program *program, char *out, size_t size)
{
	snprintf(out, size, "_%s", program->name);
	for (char *p = out; *p; p++)
		if (*p == '-')
			*p = '_';
}

static bool is_enumeration(const char *choices)
{
	return choices && strchr(choices, '|');
}

/* ---- bash ---- */

/* "a|b" -> "a b" */
static void put_words(const char *choices)
{
	for (; *choices; choices++)
		putchar(*choices == '|' ? ' ' : *choices);
}

static void bash_values(const char *command, const struct option_row *rows)
{
	for (; rows && rows->name; rows++) {
		if (!rows->value)
			continue;
		printf("\t%s:--%s)\n\t\t", command, rows->name);
		if (is_enumeration(rows->choices)) {
			printf("mapfile -t COMPREPLY < <(compgen -W '");
			put_words(rows->choices);
			printf("' -- \"$cur\")\n");
		} else if (rows->choices && strcmp(rows->choices, "DIR") == 0) {
			printf("compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- \"$cur\")\n");
		} else if (rows->choices && strcmp(rows->choices, "FILE") == 0) {
			printf("compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n");
		} else {
			printf(":\n");
		}
		printf("\t\treturn ;;\n");
	}
}

static void bash_options(const struct option_row *rows)
{
	for (; rows && rows->name; rows++)
		printf("--%s ", rows->name);
}

static void bash_script(const struct program *program)
{
	char function[64];

	function_name(program, function, sizeof function);
	printf("# bash completion of %s; made by '%s --completion bash'\n", program->name, program->name);
	printf("%s()\n{\n", function);
	printf("\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command= word words\n\n");
	/* bash breaks --level=data into three words. */
	printf("\tif [[ $cur == = ]]; then cur=; elif [[ $prev == = ]]; then prev=${COMP_WORDS[COMP_CWORD-2]}; fi\n");
	printf("\tfor word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n\t\tcase $word in\n\t\t");
	for (const struct command *c = program->commands; c->name; c++)
		printf("%s%s", c == program->commands ? "" : "|", c->name);
	printf(") command=$word; break ;;\n\t\tesac\n\tdone\n\n");

	printf("\tcase $command:$prev in\n");
	bash_values("*", options_common);
	printf("\t:--completion)\n\t\tmapfile -t COMPREPLY < <(compgen -W 'bash zsh' -- \"$cur\")\n\t\treturn ;;\n");
	for (const struct command *c = program->commands; c->name; c++)
		bash_values(c->name, c->options);
	printf("\tesac\n\n");

	printf("\tcase $command in\n\t'') words='");
	for (const struct command *c = program->commands; c->name; c++)
		printf("%s ", c->name);
	bash_options(options_common);
	printf("--version --completion' ;;\n");
	for (const struct command *c = program->commands; c->name; c++) {
		printf("\t%s) words='", c->name);
		bash_options(c->options);
		bash_options(options_common);
		printf("' ;;\n");
	}
	printf("\tesac\n\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n}\n");
	printf("complete -F %s %s\n", function, program->name);
}

/* ---- zsh ---- */

/* Text within single quotes in an argument of _arguments or _describe, where brackets and colons mean something. */
static void zsh_text(const char *text)
{
	for (; *text; text++) {
		if (*text == '\'')
			printf("'\\''");
		else if (strchr("[]:\\", *text))
			printf("\\%c", *text);
		else
			putchar(*text);
	}
}

static void zsh_options(const struct option_row *rows)
{
	for (; rows && rows->name; rows++) {
		printf("\t\t\t'%s--%s%s[", rows->type == OPTION_LIST ? "*" : "", rows->name, rows->value ? "=" : "");
		zsh_text(rows->help);
		printf("]");
		if (rows->value) {
			printf(":");
			zsh_text(rows->value);
			printf(":");
			if (is_enumeration(rows->choices)) {
				printf("(");
				put_words(rows->choices);
				printf(")");
			} else if (rows->choices) {
				printf("%s", strcmp(rows->choices, "DIR") == 0 ? "_files -/" : "_files");
			}
		}
		printf("' \\\n");
	}
}

static void zsh_script(const struct program *program)
{
	char function[64];

	function_name(program, function, sizeof function);
	printf("#compdef %s\n# zsh completion; made by '%s --completion zsh'\n", program->name, program->name);
	printf("%s()\n{\n\tlocal context state line\n\ttypeset -A opt_args\n\tlocal -a commands=(\n", function);
	for (const struct command *c = program->commands; c->name; c++) {
		printf("\t\t'%s:", c->name);
		zsh_text(c->summary);
		printf("'\n");
	}
	printf("\t)\n\n\t_arguments -C \\\n");
	zsh_options(options_common);
	printf("\t\t\t'--version[Print the version.]' \\\n"
	       "\t\t\t'--completion=[Print a completion script.]:SHELL:(bash zsh)' \\\n"
	       "\t\t\t'1:command:->command' \\\n\t\t\t'*::argument:->argument'\n\n");
	printf("\tcase $state in\n\tcommand)\n\t\t_describe command commands ;;\n\targument)\n\t\tcase $words[1] in\n");
	for (const struct command *c = program->commands; c->name; c++) {
		printf("\t\t%s)\n\t\t\t_arguments \\\n", c->name);
		zsh_options(c->options);
		zsh_options(options_common);
		printf("\t\t\t'*:argument:' ;;\n");
	}
	printf("\t\tesac ;;\n\tesac\n}\n\n");
	/* Autoloaded from $fpath this file is the function's body; sourced it only defines it. */
	printf("if [[ $funcstack[1] == %s ]]; then\n\t%s \"$@\"\nelse\n\tcompdef %s %s\nfi\n", function, function,
	       function, program->name);
}

int options_completion(const struct program *program, const char *shell)
{
	if (strcmp(shell, "bash") == 0)
		bash_script(program);
	else if (strcmp(shell, "zsh") == 0)
		zsh_script(program);
	else
		return failed(ERR_USAGE, "--completion: '%s' is no shell known here: expected bash or zsh", shell);
	return 0;
}
