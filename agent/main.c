/* nightfold-agent: the nightly job and what belongs to it. */
#include <stddef.h>

#include "commands.h"

/* clang-format off */
static const struct option_row run_rows[] = {
	{ .name = "quiet",
	  .help = "No progress, even on a terminal.",
	  .offset = offsetof(struct run_options, quiet),
	  .type = OPTION_FLAG },
	{ 0 },
};

static const struct option_row sync_rows[] = {
	{ .name = "accept-zone",
	  .value = "ZONE",
	  .help = "This zone's disk was replaced: what is there now is the zone. May be given several times.",
	  .offset = offsetof(struct sync_options, accept),
	  .type = OPTION_LIST },
	{ 0 },
};

static const struct option_row prune_rows[] = {
	{ .name = "dry-run",
	  .help = "Say what would be destroyed and freed, and change nothing.",
	  .offset = offsetof(struct prune_options, dry_run),
	  .type = OPTION_FLAG },
	{ 0 },
};

static const struct option_row check_rows[] = {
	{ .name = "keys",
	  .help = "Describe every key that a configuration can have, and check nothing.",
	  .offset = offsetof(struct check_config_options, keys),
	  .type = OPTION_FLAG },
	{ 0 },
};

static const char run_help[] =
	"For cron or a systemd timer. For each dataset of the configuration, or those named:\n"
	"  1. destroys the snapshots whose retention window is over, in every zone;\n"
	"  2. brings a zone that was away up to date;\n"
	"  3. takes a snapshot of the source into both zones;\n"
	"  4. frees the space of what no snapshot needs any more.\n"
	"Only what changed is read and sent. A run that was cut off is resumed by the next:\n"
	"nothing that both zones hold is sent twice. One zone down: the other is completed, the exit\n"
	"status is 3, and the next run catches up.\n"
	"\n"
	"Examples:\n"
	"  $ nightfold-agent run\n"
	"  $ nightfold-agent run sms --config ./nightfold.yaml --json\n";

static const char snapshot_help[] =
	"Like 'run', without destroying, catching up and collecting: for a snapshot between two\n"
	"nights.\n";

static const char sync_help[] =
	"Copies, as ciphertext and checked, what one zone has and the other lacks, and destroys in a\n"
	"zone that was away what was destroyed meanwhile. 'run' does this by itself.\n"
	"\n"
	"The agent remembers which zone it saw under a name, and writes nothing to another one in its\n"
	"place, which may be the empty folder of a disk that is not mounted. After a disk was replaced:\n"
	"  $ nightfold-agent sync --accept-zone ams-2\n";

static const char prune_help[] =
	"Expiry does not wait for the night: an hourly timer runs this, here and, with pruner_key: in\n"
	"the configuration, on a second host that can neither read nor write snapshots.\n"
	"A snapshot past its window loses its seal in every zone, confirmed by reading back: then what\n"
	"only it could reach is unreadable, wherever copies of the packs are. Packs that nothing needs\n"
	"are condemned, and deleted after 'grace:'. Refused (exit status 6) while the clock is in doubt.\n"
	"\n"
	"Example:\n"
	"  $ nightfold-agent prune --dry-run\n";

static const char status_help[] =
	"Per dataset: the newest snapshot and its age against the RPO, in which zones it is, how many\n"
	"there are, what is overdue; then what about the configuration is worth knowing. Exit status 3\n"
	"when a dataset is past its RPO, its newest snapshot is not in every zone or lacks what could\n"
	"not be read, something is overdue, or a class (message, user, configuration) has no fresh\n"
	"snapshot: fit for a monitoring check.\n";

static const char rebuild_help[] =
	"The catalogue in 'state:' is a cache. This removes it and reads it back from what the zones\n"
	"hold; one zone is enough. The next run uploads no content again.\n";

static const char check_help[] =
	"Reads the configuration and looks at all that it names on this host, without changing\n"
	"anything: keys, their roles and modes, recipients and signers, whether zones can be written\n"
	"to and sources be read, what lies in what, windows that do not fit. Says what is wrong on\n"
	"which line: errors with exit status 2. Warnings and notes alone end with 0; --json lists\n"
	"them as well. --keys prints instead what can stand in a configuration: every key with its\n"
	"type, its default and its meaning.\n";

static const struct command commands[] = {
	{ .name = "run",
	  .arguments = "[DATASET...]",
	  .summary = "The nightly job: destroy what is due, catch up, snapshot, collect.",
	  .help = run_help,
	  .options = run_rows,
	  .options_size = sizeof(struct run_options),
	  .max_arguments = -1,
	  .run = command_run },
	{ .name = "snapshot",
	  .arguments = "[DATASET...]",
	  .summary = "Takes a snapshot, and nothing else.",
	  .help = snapshot_help,
	  .options = run_rows,
	  .options_size = sizeof(struct run_options),
	  .max_arguments = -1,
	  .run = command_snapshot },
	{ .name = "sync",
	  .arguments = "[DATASET...]",
	  .summary = "Brings a lagging zone up to date.",
	  .help = sync_help,
	  .options = sync_rows,
	  .options_size = sizeof(struct sync_options),
	  .max_arguments = -1,
	  .run = command_sync },
	{ .name = "prune",
	  .arguments = "[DATASET...]",
	  .summary = "Destroys what is due and frees its space.",
	  .help = prune_help,
	  .options = prune_rows,
	  .options_size = sizeof(struct prune_options),
	  .max_arguments = -1,
	  .run = command_prune },
	{ .name = "status",
	  .arguments = "[DATASET...]",
	  .summary = "Says how fresh and how whole each dataset is.",
	  .help = status_help,
	  .max_arguments = -1,
	  .run = command_status },
	{ .name = "rebuild",
	  .arguments = "[DATASET...]",
	  .summary = "Makes the catalogue anew from the zones.",
	  .help = rebuild_help,
	  .max_arguments = -1,
	  .run = command_rebuild },
	{ .name = "check-config",
	  .arguments = "",
	  .summary = "Checks the configuration and all that it names.",
	  .help = check_help,
	  .options = check_rows,
	  .options_size = sizeof(struct check_config_options),
	  .run = command_check_config },
	{ 0 },
};
/* clang-format on */

static const struct program program = { "nightfold-agent", "Takes encrypted, deduplicated snapshots into two zones.",
					commands };

int main(int argc, char **argv)
{
	return options_main(&program, argc, argv);
}
