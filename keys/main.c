/* nightfold-keys: makes the keys of each role, shows them, puts them on paper, rotates dataset keys. */
#include <string.h>

#include "base/hex.h"
#include "base/log.h"
#include "keys.h"

static const char init_help[] = "Makes the keys of the roles: ROLE.key (secret, mode 0600) and ROLE.pub. Asks\n"
				"nothing, unless --passphrase is given. A key that exists is never overwritten:\n"
				"then nothing is written at all.\n\n"
				"A passphrase protects the keys of operators and validators. The agent and the\n"
				"pruner run unattended: the mode of their files protects their keys.\n\n"
				"  $ nightfold-keys init --dir /etc/nightfold --passphrase\n";

static const char show_help[] = "Prints role, fingerprint and public keys of .pub and .key files. Never asks\n"
				"for a passphrase and never prints a secret. Of a .key it also prints the line\n"
				"that its .pub holds.\n\n"
				"  $ nightfold-keys show /etc/nightfold/*.pub\n";

static const char paper_help[] = "Prints a secret key as numbered lines for a sheet of paper in a safe, each\n"
				 "with a checksum. The sheet has the protection that the file has: of a key\n"
				 "under a passphrase it is worth nothing without the passphrase; of any other\n"
				 "key, whoever has the sheet has the key.\n\n"
				 "--check KEYFILE TYPED proves that a typed copy ('-': standard input) is right,\n"
				 "or says which lines are wrong. --restore TYPED --dir DIR makes the key's files\n"
				 "from it.\n\n"
				 "  $ nightfold-keys paper operator.key | lpr\n"
				 "  $ nightfold-keys paper --check operator.key typed.txt\n"
				 "  $ nightfold-keys paper --restore typed.txt --dir /root/nightfold\n\n"
				 "Exit status 4: the typed copy has wrong or missing lines. 1: it is of another\n"
				 "key.\n";

static const char reseal_help[] =
	"After recipients were added to or removed from the configuration: opens each live snapshot's seal\n"
	"with the operator's key, writes a new one for the recipients as they are now into every zone,\n"
	"reads it back, and deletes the old one. Who opened a snapshot before may have kept its root key:\n"
	"taking a recipient away protects what they have not opened yet.\n"
	"\n"
	"Example:\n"
	"  $ nightfold-keys reseal --config nightfold.yaml\n";

static const char rotate_help[] = "Makes a new key for a dataset and destroys the old one, so that nobody who\n"
				  "gets hold of it can confirm a guess of what was backed up. Snapshots stay\n"
				  "readable. Deduplication starts afresh: the next snapshot stores everything\n"
				  "again.\n\n"
				  "  $ nightfold-keys rotate --dataset sms\n";

/* clang-format off */
static const struct command commands[] = {
	{ .name = "init",
	  .summary = "Make the keys of one role, or of all.",
	  .help = init_help,
	  .options = init_rows,
	  .options_size = sizeof(struct init_options),
	  .run = keys_init },
	{ .name = "show",
	  .arguments = "FILE...",
	  .summary = "Show public keys and fingerprints.",
	  .help = show_help,
	  .min_arguments = 1,
	  .max_arguments = -1,
	  .run = keys_show },
	{ .name = "paper",
	  .arguments = "KEYFILE [TYPED]",
	  .summary = "Print a secret key for a safe, check a typed copy, or restore from it.",
	  .help = paper_help,
	  .options = paper_rows,
	  .options_size = sizeof(struct paper_options),
	  .min_arguments = 1,
	  .max_arguments = 2,
	  .run = keys_paper },
	{ .name = "rotate",
	  .summary = "Start a new key for a dataset and destroy the old one.",
	  .help = rotate_help,
	  .options = rotate_rows,
	  .options_size = sizeof(struct rotate_options),
	  .run = keys_rotate },
	{ .name = "reseal",
	  .arguments = "[DATASET]",
	  .summary = "Seals every live snapshot to the recipients as configured now.",
	  .help = reseal_help,
	  .options = reseal_rows,
	  .options_size = sizeof(struct reseal_command),
	  .max_arguments = 1,
	  .run = keys_reseal },
	{ 0 },
};
/* clang-format on */

static const struct program program = { "nightfold-keys", "Makes, shows, rotates and keeps the keys.", commands };

int keys_end(int code)
{
	if (code != 0)
		log_error("%s", err_message());
	return err_exit(code);
}

const char *keys_fingerprint(const struct public_key *key, char out[FINGERPRINT_MAX])
{
	char digits[KEY_ID_HEX], *at = out;

	hex_encode(key->id, KEY_ID_SIZE, digits);
	for (size_t i = 0; i + 1 < KEY_ID_HEX; i++) {
		if (i > 0 && i % 4 == 0)
			*at++ = ' ';
		*at++ = digits[i];
	}
	*at = '\0';
	return out;
}

int main(int argc, char **argv)
{
	return options_main(&program, argc, argv);
}
