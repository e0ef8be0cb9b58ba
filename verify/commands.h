/* The commands of nightfold-verify: each gets its parsed options and returns an exit status. */
#ifndef VERIFY_COMMANDS_H
#define VERIFY_COMMANDS_H

#include "config/options.h"

struct check_command_options {
	const char *level, *slice, *key, *passphrase_file;
	bool repair, quiet;
	struct option_list zone_urls, signers;
};

struct history_command_options {
	const char *until;
};

int command_check(const struct common_options *common, const void *own, int argc, char **argv);
int command_history(const struct common_options *common, const void *own, int argc, char **argv);

#endif
