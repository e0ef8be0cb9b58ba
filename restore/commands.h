/* The operator's commands: each reads its options, opens what it needs, and returns an exit status. */
#ifndef RESTORE_COMMANDS_H
#define RESTORE_COMMANDS_H

#include "session.h"

struct list_options {
	struct access_options access;
	bool all;
	const char *sort; /* NULL: by dataset */
};

struct view_options { /* cat, diff */
	struct access_options access;
};

struct ls_options {
	struct access_options access;
	bool sha256;
};

struct find_options {
	struct access_options access;
	bool ignore_case;
};

struct restore_command_options {
	struct access_options access;
	const char *to;
	bool overwrite, dry_run, read_back, numeric_owner;
};

int command_list(const struct common_options *common, const void *own, int argc, char **argv);
int command_ls(const struct common_options *common, const void *own, int argc, char **argv);
int command_cat(const struct common_options *common, const void *own, int argc, char **argv);
int command_find(const struct common_options *common, const void *own, int argc, char **argv);
int command_diff(const struct common_options *common, const void *own, int argc, char **argv);
int command_restore(const struct common_options *common, const void *own, int argc, char **argv);

#endif
