/* The agent's commands: each reads its options, works dataset by dataset, and returns an exit status. */
#ifndef AGENT_COMMANDS_H
#define AGENT_COMMANDS_H

#include "config/options.h"

struct run_options {
	bool quiet; /* no progress, even on a terminal */
};

struct sync_options {
	struct option_list accept; /* zones whose disk was replaced */
};

struct prune_options {
	bool dry_run;
};

struct check_config_options {
	bool keys; /* describe them, and check nothing */
};

int command_run(const struct common_options *common, const void *own, int argc, char **argv);
int command_snapshot(const struct common_options *common, const void *own, int argc, char **argv);
int command_sync(const struct common_options *common, const void *own, int argc, char **argv);
int command_prune(const struct common_options *common, const void *own, int argc, char **argv);
int command_status(const struct common_options *common, const void *own, int argc, char **argv);
int command_rebuild(const struct common_options *common, const void *own, int argc, char **argv);
int command_check_config(const struct common_options *common, const void *own, int argc, char **argv);

#endif
