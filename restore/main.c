#include <stddef.h>

#include "commands.h"

#define STATUSES                                                                                                       \
	"Exit status: 0 done; 1 failed, or a key that does not open it; 2 usage or configuration; 3 done but "         \
	"degraded (a zone is away "                                                                                    \
	"or lags, or something came from the other zone); 4 something is lost; 6 refused (its retention is over, the " \
	"target is not "                                                                                               \
	"empty)."

#define SNAPSHOTS                                                                                                      \
	"A snapshot is named DATASET@latest, DATASET@2026-11-21 (the newest of that UTC day), "                        \
	"DATASET@2026-11-21T02:00, or by the first "                                                                   \
	"digits of its id, with or without DATASET@ before them.\n\n"

#define BARE_HOST                                                                                                      \
	"On a host without a configuration, --zone-url (once or twice), --key and --signer (the agent's .pub file, "   \
	"and the operator's) "                                                                                         \
	"are enough.\n\n"

#define ZONE_ROWS(own)                                                                                                 \
	{ "zone-url",                                                                                                  \
	  "URL",                                                                                                       \
	  "A zone, without a configuration; twice for both.",                                                          \
	  offsetof(struct own, access.zone_urls),                                                                      \
	  OPTION_LIST,                                                                                                 \
	  NULL },                                                                                                      \
	{                                                                                                              \
		"signer", "PUB",                                                                                       \
			"A public key whose signatures count, instead of the configuration's; once for each.",         \
			offsetof(struct own, access.signers), OPTION_LIST, "FILE"                                      \
	}

#define KEY_ROWS(own)                                                                                                  \
	{ "key",                                                                                                       \
	  "FILE",                                                                                                      \
	  "The operator's key, instead of operator_key: of the configuration.",                                        \
	  offsetof(struct own, access.key),                                                                            \
	  OPTION_TEXT,                                                                                                 \
	  "FILE" },                                                                                                    \
		{ "passphrase-file",                                                                                   \
		  "FILE",                                                                                              \
		  "The key's passphrase is its first line, instead of asking on the terminal.",                        \
		  offsetof(struct own, access.passphrase_file),                                                        \
		  OPTION_TEXT,                                                                                         \
		  "FILE" },                                                                                            \
		{ "zone",                                                                                              \
		  "NAME",                                                                                              \
		  "Read from this zone only (zone-1 and zone-2 with --zone-url).",                                     \
		  offsetof(struct own, access.zone),                                                                   \
		  OPTION_TEXT,                                                                                         \
		  NULL },                                                                                              \
	{                                                                                                              \
		"dataset", "DATASET", "Where to look for an id alone, or for a pattern; otherwise in all.",            \
			offsetof(struct own, access.dataset), OPTION_TEXT, NULL                                        \
	}

static const struct option_row list_rows[] = {
	{ "all", NULL, "Also what has expired or is being destroyed.", offsetof(struct list_options, all), OPTION_FLAG,
	  NULL },
	{ "sort", "ORDER",
	  "One list of all datasets, the oldest (taken), the soonest to expire or the smallest first; without it by "
	  "dataset.",
	  offsetof(struct list_options, sort), OPTION_TEXT, "taken|expires|size|dataset" },
	ZONE_ROWS(list_options),
	{ 0 },
};

static const struct option_row view_rows[] = { KEY_ROWS(view_options), ZONE_ROWS(view_options), { 0 } };

static const struct option_row ls_rows[] = {
	{ "sha256", NULL, "Print the files' SHA-256s, as sha256sum does and `sha256sum -c` reads them.",
	  offsetof(struct ls_options, sha256), OPTION_FLAG, NULL },
	KEY_ROWS(ls_options),
	ZONE_ROWS(ls_options),
	{ 0 },
};

static const struct option_row find_rows[] = {
	{ "ignore-case", NULL, "Letters match in either case.", offsetof(struct find_options, ignore_case), OPTION_FLAG,
	  NULL },
	KEY_ROWS(find_options),
	ZONE_ROWS(find_options),
	{ 0 },
};

static const struct option_row restore_rows[] = {
	{ "to", "DIR", "The folder to restore into; made when it is not there.",
	  offsetof(struct restore_command_options, to), OPTION_TEXT, "DIR" },
	{ "overwrite", NULL,
	  "Also into a folder that is not empty: what the snapshot has replaces what is there, other things stay.",
	  offsetof(struct restore_command_options, overwrite), OPTION_FLAG, NULL },
	{ "dry-run", NULL, "Say size, expected time and free space, and write nothing.",
	  offsetof(struct restore_command_options, dry_run), OPTION_FLAG, NULL },
	{ "read-back", NULL, "Read every file again from the disk and compare its fingerprint.",
	  offsetof(struct restore_command_options, read_back), OPTION_FLAG, NULL },
	{ "numeric-owner", NULL, "Owners by their numbers, not by the names that this host knows.",
	  offsetof(struct restore_command_options, numeric_owner), OPTION_FLAG, NULL },
	KEY_ROWS(restore_command_options),
	ZONE_ROWS(restore_command_options),
	{ 0 },
};

static const struct command commands[] = {
	{ "list", "[DATASET]", "Lists which snapshots there are.",
	  "Needs no key. For each dataset its live snapshots, the newest last: when taken, when they expire, size, and "
	  "in which zones they "
	  "are whole.\n\n"
	  "On a host without a configuration, --zone-url (once or twice) and --signer (the agent's .pub file) are "
	  "enough.\n\n" STATUSES,
	  list_rows, sizeof(struct list_options), 0, 1, command_list },
	{ "ls", "SNAPSHOT [PATH...]", "Lists what is in a snapshot.",
	  "Lists the entries at and beneath each PATH (all without one): mode, owners, size, time of last change, "
	  "path. '->' shows the "
	  "target of a symbolic link, '=' the file that a hard link belongs to.\n\n"
	  "--sha256 needs a dataset with `sha256: true`; files without one are told (exit status 3).\n\n"
	  "  $ nightfold-restore ls sms@latest --sha256 >~/sums\n"
	  "  $ cd /srv/restored && sha256sum -c --quiet ~/sums\n\n" SNAPSHOTS BARE_HOST STATUSES,
	  ls_rows, sizeof(struct ls_options), 1, -1, command_ls },
	{ "restore", "SNAPSHOT [PATH...]", "Restores a snapshot, or a part of it, into a folder.",
	  "Entries land at DIR/path, relative to the source's root, with owners, times and all other attributes. "
	  "Objects are read from the "
	  "healthier zone, and from the other on error, absence or damage; every file's fingerprint is checked on the "
	  "bytes that are "
	  "written. What no zone has whole is named and left out, and the rest is restored (exit status 4).\n\n"
	  "Nothing is written outside of DIR, whatever the snapshot says. A restore that was interrupted is resumed by "
	  "the same command: "
	  "what is finished is not fetched again.\n\n"
	  "  $ nightfold-restore restore sms@latest --to /srv/restored\n"
	  "  $ nightfold-restore restore sms@2026-11-21 --to /tmp/x inbox/2026 --zone ams-2\n\n" SNAPSHOTS BARE_HOST
		  STATUSES,
	  restore_rows, sizeof(struct restore_command_options), 1, -1, command_restore },
	{ "cat", "SNAPSHOT PATH", "Prints one file of a snapshot.",
	  "Writes the file to standard output, and checks its fingerprint behind its last byte: exit status 4 says "
	  "that what was printed is "
	  "not to be used.\n\n" SNAPSHOTS BARE_HOST STATUSES,
	  view_rows, sizeof(struct view_options), 2, 2, command_cat },
	{ "find", "PATTERN", "Says which snapshots have a file.",
	  "Looks in all live snapshots of all datasets, or of --dataset. PATTERN is a shell pattern: against the last "
	  "component of a path, "
	  "or, with a '/' in it, against the whole path from the source's root, where '*' does not match '/'.\n\n"
	  "  $ nightfold-restore find 'report-*.jsonl' --dataset sms\n\n" BARE_HOST STATUSES,
	  find_rows, sizeof(struct find_options), 1, 1, command_find },
	{ "diff", "SNAPSHOT SNAPSHOT", "Says what changed from one snapshot to another.",
	  "One line an entry: '+' added, '-' removed, 'M' changed, and what of it. Content is compared by fingerprint, "
	  "without fetching it; "
	  "between two dataset keys (nightfold-keys rotate) files of several chunks count as changed, unless both "
	  "snapshots have "
	  "SHA-256s.\n\n" SNAPSHOTS BARE_HOST STATUSES,
	  view_rows, sizeof(struct view_options), 2, 2, command_diff },
	{ 0 },
};

int main(int argc, char **argv)
{
	static const struct program program = { "nightfold-restore", "Finds and restores what is in the zones.",
						commands };

	return options_main(&program, argc, argv);
}
