#include <stddef.h>

#include "commands.h"

#define STATUSES                                                                                                                  \
	"Exit status: 0 done; 1 failed; 2 usage or configuration; 3 done but degraded (a zone lags, files were skipped or changed, "  \
	"RPO missed); 4 integrity; 5 locked by another run; 6 refused (retention, clock)."

static const struct option_row run_rows[] = {
	{ "quiet", NULL, "no progress, even on a terminal", offsetof(struct run_options, quiet), OPTION_FLAG, NULL },
	{ 0 },
};

static const struct option_row prune_rows[] = {
	{ "dry-run", NULL, "say what would be destroyed and freed, and change nothing", offsetof(struct prune_options, dry_run),
	  OPTION_FLAG, NULL },
	{ 0 },
};

static const struct command commands[] = {
	{ "run", "[DATASET...]", "the nightly job: destroy what is due, snapshot, catch a zone up, collect",
	  "For cron or a systemd timer. For each dataset (all of the configuration, or those named):\n"
	  "first destroys the snapshots whose retention window is over; then brings a zone that was away up to date; takes a "
	  "snapshot of the source into both zones; and frees the space of what no snapshot needs any more.\n"
	  "Only what changed is read and sent. A run that was killed is resumed: nothing that both zones hold is sent twice. One zone "
	  "down: the other is completed, exit status 3, and the next run catches up.\n" STATUSES,
	  run_rows, sizeof(struct run_options), 0, -1, command_run },
	{ "snapshot", "[DATASET...]", "take a snapshot, and nothing else",
	  "Like 'run', without destroying, catching up and collecting: for a snapshot between two nights.\n" STATUSES, run_rows,
	  sizeof(struct run_options), 0, -1, command_snapshot },
	{ "sync", "[DATASET...]", "bring a lagging zone up to date",
	  "Copies, as ciphertext and checked, what one zone has and the other lacks; destroys in a zone that was away what was "
	  "destroyed meanwhile. 'run' does this by itself.\n" STATUSES,
	  NULL, 0, 0, -1, command_sync },
	{ "prune", "[DATASET...]", "destroy what is due and free its space",
	  "Expiry does not wait for the night: an hourly timer runs this, here and, with 'pruner_key:' in the configuration, on a second "
	  "host that can neither read nor write snapshots.\n"
	  "A snapshot past its window loses its seal in every zone, confirmed by reading back; then what only it could reach is "
	  "unreadable, wherever copies of the packs are. Packs that nothing reaches are condemned, and deleted after 'grace:'. "
	  "Refused (exit status 6) while the clock is in doubt.\n" STATUSES,
	  prune_rows, sizeof(struct prune_options), 0, -1, command_prune },
	{ "status", "[DATASET...]", "how fresh and how whole each dataset is",
	  "Per dataset: the newest snapshot and its age against the RPO, in which zones it is, how many there are, what is overdue; and "
	  "what about the configuration is worth knowing (test clock, clock_check: off, zones on one host).\n"
	  "Exit status 3 when a dataset is past its RPO or a class (message, user, configuration) has no fresh snapshot.\n" STATUSES,
	  NULL, 0, 0, -1, command_status },
	{ "rebuild", "[DATASET...]", "make the catalogue anew from the zones",
	  "The catalogue in 'state:' is a cache. This removes it and reads it back from what the zones hold; one zone is enough. The next "
	  "run uploads no content again.\n" STATUSES,
	  NULL, 0, 0, -1, command_rebuild },
	{ "check-config", "", "check the configuration and the keys it names",
	  "Reads the configuration, the public keys of signers and recipients and the agent's key, and says what is wrong with which line. "
	  "Exit status 2 when something is.",
	  NULL, 0, 0, 0, command_check_config },
	{ 0 },
};

int main(int argc, char **argv)
{
	static const struct program program = { "nightfold-agent", "encrypted, deduplicated snapshots into two zones", commands };

	return options_main(&program, argc, argv);
}
