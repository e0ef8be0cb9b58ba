#include <stddef.h>

#include "commands.h"

#define OWN(field) offsetof(struct check_command_options, field)

static const struct option_row check_rows[] = {
	{ "level", "LEVEL", "How deep to look: list, fingerprint (the default) or data.", OWN(level), OPTION_TEXT,
	  "list|fingerprint|data" },
	{ "slice", "N/M", "Only the N-th of M parts of the packs and files: M runs cover all.", OWN(slice), OPTION_TEXT,
	  NULL },
	{ "repair", NULL, "Put what is missing or damaged in one zone back from the other, and read it back.",
	  OWN(repair), OPTION_FLAG, NULL },
	{ "key", "FILE", "The key that opens snapshots at level data (default: validator_key of the configuration).",
	  OWN(key), OPTION_TEXT, "FILE" },
	{ "passphrase-file", "FILE", "Take the key's passphrase from the first line of FILE.", OWN(passphrase_file),
	  OPTION_TEXT, "FILE" },
	{ "zone-url", "URL", "Check this zone, without a configuration; twice for two zones.", OWN(zone_urls),
	  OPTION_LIST, NULL },
	{ "signer", "PUB", "Trust this public key, without a configuration; any number of times.", OWN(signers),
	  OPTION_LIST, "FILE" },
	{ "quiet", NULL, "No progress, even on a terminal.", OWN(quiet), OPTION_FLAG, NULL },
	{ 0 },
};

static const struct option_row history_rows[] = {
	{ "until", "TIME", "Up to when a stolen key is to count, as in 2026-11-21T12:00:00Z (default: now).",
	  offsetof(struct history_command_options, until), OPTION_TEXT, NULL },
	{ 0 },
};

static const struct command commands[] = {
	{ "check", "[DATASET...]", "Checks what the zones hold, and repairs one from the other.",
	  "Checks the datasets named, or all of the configuration, at one of three levels.\n\n"
	  "list: Every live snapshot has its header, seal and index chain in every zone, and each pack that it needs "
	  "is listed there with its "
	  "size.\n\n"
	  "fingerprint: Also every pack of every zone is read whole and compared with its fingerprint. Needs no "
	  "private key.\n\n"
	  "data: Also every file of every live snapshot is decrypted from each zone by itself and compared with its "
	  "fingerprint (once, where packs of the same SHA-256 hold it in both); nothing is "
	  "written anywhere.\n\n"
	  "What is missing or damaged is named with its zone. --repair brings it back from the other zone, checked "
	  "before and after; what no "
	  "zone has whole is lost, and is named. A large zone can be checked in parts: --slice 1/7 on Monday, 2/7 on "
	  "Tuesday.\n\n"
	  "Exit status: 0 all is well, or all was healed; 1 failed, or the key opens no snapshot; 2 usage or "
	  "configuration; 3 a zone did not "
	  "answer, or something was refused; 4 damage that is not healed.",
	  check_rows, sizeof(struct check_command_options), 0, -1, command_check },
	{ "history", "[DATASET...]", "Lists who signed which snapshot and index, and when.",
	  "Lists headers and indexes of the datasets named, or of all: when they say they were signed, kind, number, "
	  "SHA-256, signer, zones. "
	  "Behind them, for each agent and pruner, the line for `revoked_after` in the configuration that lets count "
	  "what it signed until "
	  "--until, and nothing later. A thief writes any time they like: compare with what the agent's `run --json` "
	  "said. Needs no private "
	  "key.\n\n"
	  "  $ nightfold-verify history --until 2026-11-21T12:00:00Z\n\n"
	  "Exit status: 0 done; 1 failed; 2 usage or configuration; 3 a zone did not answer, or something was ignored.",
	  history_rows, sizeof(struct history_command_options), 0, -1, command_history },
	{ 0 },
};

int main(int argc, char **argv)
{
	static const struct program program = { "nightfold-verify", "Checks, repairs and proves what the zones hold.",
						commands };

	return options_main(&program, argc, argv);
}
