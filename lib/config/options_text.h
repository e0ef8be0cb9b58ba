/* What the tables of a program become as text: help and completion scripts. Private to lib/config. */
#ifndef CONFIG_OPTIONS_TEXT_H
#define CONFIG_OPTIONS_TEXT_H

#include "config/options.h"

/* The options that every command has; ends with a NULL name. */
extern const struct option_row options_common[];

void options_help_program(const struct program *program);
void options_help_command(const struct program *program, const struct command *command);

/* ERR_USAGE for another shell than bash and zsh. */
must_check int options_completion(const struct program *program, const char *shell);

#endif
