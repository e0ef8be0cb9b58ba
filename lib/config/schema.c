#include "config/schema.h"

#include <string.h>

#include "base/hex.h"
#include "config/config.h"
#include "format/limits.h"
#include "format/names.h"

#define LABEL_MAX 64
_Static_assert(LABEL_MAX <= ZONE_NAME_MAX, "names of zones fit");
_Static_assert(LABEL_MAX <= PRODUCT_NAME_MAX, "names of products fit");

/* Values of these types are written through an int. */
_Static_assert(sizeof(enum data_class) == sizeof(int) && sizeof(enum suite) == sizeof(int),
	       "enums are as large as int");

static int check_label(const char *text)
{
	size_t len = strlen(text);

	if (len > LABEL_MAX)
		return failed(ERR_USAGE, "a name has at most %d characters", LABEL_MAX);
	if (text[0] == '.' || text[0] == '-' ||
	    strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") != len)
		return failed(
			ERR_USAGE,
			"'%s' cannot be a name: letters, digits, '.', '_' and '-' can, '.' and '-' not at the start",
			text);
	return 0;
}

static int check_chunk(const char *text)
{
	uint64_t size;
	int code = config_parse_size(text, &size);

	if (code)
		return code;
	if (size < CHUNK_AVERAGE_MIN || size > CHUNK_AVERAGE_MAX || (size & (size - 1)) != 0)
		return failed(ERR_USAGE, "'%s' is no size of chunks: expected a power of two from 16 KiB to 4 MiB",
			      text);
	return 0;
}

static const struct schema_word on_off[] = { { "on", true }, { "off", false }, { 0 } };
static const struct schema_word true_false[] = { { "true", true }, { "false", false }, { 0 } };
static const struct schema_word accepted[] = { { "accepted", true }, { 0 } };
static const struct schema_word roles[] = {
	{ "agent", 1 << ROLE_AGENT },
	{ "operator", 1 << ROLE_OPERATOR },
	{ "pruner", 1 << ROLE_PRUNER },
	{ 0 },
};
static const struct schema_word classes[] = {
	{ "message", CLASS_MESSAGE },
	{ "user", CLASS_USER },
	{ "configuration", CLASS_CONFIGURATION },
	{ 0 },
};
static const struct schema_word ciphers[] = {
	{ "aes-256-gcm", SUITE_AES256GCM },
	{ "xchacha20-poly1305", SUITE_XCHACHA20POLY1305 },
	{ 0 },
};
static const struct schema_word dedups[] = { { "content", DEDUP_CONTENT }, { "none", DEDUP_NONE }, { 0 } };
static const struct schema_word paddings[] = { { "none", PADDING_NONE }, { "padme", PADDING_PADME }, { 0 } };
static const struct schema_word cache_places[] = { { "disk", false }, { "memory", true }, { 0 } };
static const struct schema_word source_types[] = { { "files", 0 }, { 0 } };

static int check_hash(const char *text)
{
	uint8_t hash[DIGEST_SIZE];

	return strcmp(text, "none") == 0 || hex_decode(text, strlen(text), hash, sizeof hash) == 0
		       ? 0
		       : failed(ERR_USAGE,
				"'%.80s' is no hash of an object: expected 64 digits of 0-9 and a-f, or none", text);
}

static const struct schema_key revocation_keys[] = {
	{ .name = "dataset",
	  .help = "In which dataset.",
	  .offset = offsetof(struct config_revocation, dataset),
	  .required = true,
	  .check = dataset_name_check },
	{ .name = "header",
	  .help = "Of an agent: the hash of the last header that counts, or none.",
	  .offset = offsetof(struct config_revocation, header),
	  .check = check_hash },
	{ .name = "index",
	  .help = "The hash of the last index that counts, or none.",
	  .offset = offsetof(struct config_revocation, index),
	  .required = true,
	  .check = check_hash },
	{ 0 },
};
static const struct schema_table revocation_table = { "a revocation", revocation_keys, sizeof(struct config_revocation),
						      offsetof(struct config_revocation, line) };

static const struct schema_key signer_keys[] = {
	{ .name = "name",
	  .help = "What messages call this signer.",
	  .offset = offsetof(struct config_signer, name),
	  .required = true,
	  .check = check_label },
	{ .name = "key",
	  .help = "Its public key.",
	  .type = SCHEMA_PATH,
	  .offset = offsetof(struct config_signer, key),
	  .required = true },
	{ .name = "roles",
	  .help = "What its signatures count for: agent (snapshots, indexes, expiry), operator (seals made anew), "
		  "pruner (expiry only).",
	  .type = SCHEMA_WORDS,
	  .offset = offsetof(struct config_signer, roles),
	  .required = true,
	  .words = roles },
	{ .name = "revoked_after",
	  .help = "The key was stolen: what it signed counts only up to here, in each dataset. 'nightfold-verify "
		  "history' prints "
		  "these lines.",
	  .type = SCHEMA_LIST,
	  .offset = offsetof(struct config_signer, revoked_after),
	  .count_offset = offsetof(struct config_signer, revoked_count),
	  .min = 1,
	  .table = &revocation_table },
	{ 0 },
};
static const struct schema_table signer_table = { "a signer", signer_keys, sizeof(struct config_signer),
						  offsetof(struct config_signer, line) };

static const struct schema_key zone_keys[] = {
	{ .name = "name",
	  .help = "What messages and --zone call it.",
	  .offset = offsetof(struct config_zone, name),
	  .required = true,
	  .check = check_label },
	{ .name = "url",
	  .help = "Where it is: file:///absolute/path. The folder must exist: an unmounted disk is not taken for an "
		  "empty zone.",
	  .offset = offsetof(struct config_zone, url),
	  .required = true,
	  .check = zone_check_url },
	{ .name = "jurisdiction",
	  .help = "Under whose law it lies, as a country code: nl.",
	  .offset = offsetof(struct config_zone, jurisdiction),
	  .check = check_label },
	{ 0 },
};
static const struct schema_table zone_table = { "a zone", zone_keys, sizeof(struct config_zone),
						offsetof(struct config_zone, line) };

static const struct schema_key recipient_keys[] = {
	{ .name = "name",
	  .help = "What messages call this recipient.",
	  .offset = offsetof(struct config_recipient, name),
	  .required = true,
	  .check = check_label },
	{ .name = "key",
	  .help = "The public key of an operator or a validator.",
	  .type = SCHEMA_PATH,
	  .offset = offsetof(struct config_recipient, key),
	  .required = true },
	{ 0 },
};
static const struct schema_table recipient_table = { "a recipient", recipient_keys, sizeof(struct config_recipient),
						     offsetof(struct config_recipient, line) };

static const struct schema_key product_keys[] = {
	{ .name = "name",
	  .help = "What datasets call it.",
	  .offset = offsetof(struct config_product, name),
	  .required = true,
	  .check = check_label },
	{ .name = "backup",
	  .help = "How long a snapshot is kept: minutes, hours, days, weeks, and in the calendar months and years.",
	  .type = SCHEMA_DURATION,
	  .offset = offsetof(struct config_product, backup),
	  .text_offset = offsetof(struct config_product, backup_text),
	  .required = true,
	  .min = 1 },
	{ 0 },
};
static const struct schema_table product_table = { "a product", product_keys, sizeof(struct config_product),
						   offsetof(struct config_product, line) };

static const struct schema_key source_keys[] = {
	{ .name = "type",
	  .help = "What kind of source it is.",
	  .offset = offsetof(struct config_source, type),
	  .required = true,
	  .words = source_types },
	{ .name = "path",
	  .help = "The folder to be backed up, with all beneath it.",
	  .type = SCHEMA_PATH,
	  .offset = offsetof(struct config_source, path),
	  .required = true },
	{ .name = "exclude",
	  .help = "Patterns of names that are left out, as in a shell: \"*.tmp\".",
	  .type = SCHEMA_TEXTS,
	  .offset = offsetof(struct config_source, exclude),
	  .count_offset = offsetof(struct config_source, exclude_count) },
	{ .name = "cross_file_systems",
	  .help = "Whether other file systems that are mounted beneath the folder belong to it.",
	  .type = SCHEMA_SWITCH,
	  .offset = offsetof(struct config_source, cross_file_systems),
	  .initial = "false",
	  .words = true_false },
	{ 0 },
};
static const struct schema_table source_table = { "a source", source_keys, sizeof(struct config_source),
						  offsetof(struct config_source, line) };

static const struct schema_key dataset_keys[] = {
	{ .name = "name",
	  .help = "What commands, messages and folders in the zones call it.",
	  .offset = offsetof(struct config_dataset, name),
	  .required = true,
	  .check = dataset_name_check },
	{ .name = "product",
	  .help = "Whose retention it has: the name of one of `products`.",
	  .offset = offsetof(struct config_dataset, product_name),
	  .required = true,
	  .check = check_label },
	{ .name = "class",
	  .help = "What kind of data it is.",
	  .type = SCHEMA_WORD,
	  .offset = offsetof(struct config_dataset, class),
	  .required = true,
	  .words = classes },
	{ .name = "rpo",
	  .help = "Recovery point objective: `status` alarms when the newest snapshot is older.",
	  .type = SCHEMA_DURATION,
	  .offset = offsetof(struct config_dataset, rpo),
	  .line_offset = offsetof(struct config_dataset, rpo_line),
	  .initial = "26 hours",
	  .min = 1 },
	{ .name = "rto",
	  .help = "Recovery time objective: how long the restore of a whole snapshot may take; each says whether it "
		  "did.",
	  .type = SCHEMA_DURATION,
	  .offset = offsetof(struct config_dataset, rto),
	  .min = 1 },
	{ .name = "source",
	  .help = "Where the data comes from.",
	  .type = SCHEMA_MAPPING,
	  .offset = offsetof(struct config_dataset, source),
	  .required = true,
	  .table = &source_table },
	{ .name = "compression",
	  .help = "zstd level: 1 is fastest, 19 smallest.",
	  .type = SCHEMA_NUMBER,
	  .offset = offsetof(struct config_dataset, compression),
	  .initial = "3",
	  .min = 1,
	  .max = 19 },
	{ .name = "chunk",
	  .help = "Average size of the pieces that are deduplicated: a power of two from 16 KiB to 4 MiB.",
	  .type = SCHEMA_SIZE,
	  .offset = offsetof(struct config_dataset, chunk),
	  .initial = "1 MiB",
	  .check = check_chunk },
	{ .name = "cipher",
	  .help = "How data is encrypted. AES needs the CPU's instructions; without them the run fails, it never "
		  "changes cipher.",
	  .type = SCHEMA_WORD,
	  .offset = offsetof(struct config_dataset, cipher),
	  .initial = "aes-256-gcm",
	  .words = ciphers },
	{ .name = "dedup",
	  .help = "Whether content that is there already is stored once: `content`, or `none`. With `none` its "
		  "keys are random, so that not even who holds the dataset key can tell whether a guess of some "
		  "content is stored; a file that is read again is stored again, whole.",
	  .type = SCHEMA_WORD,
	  .offset = offsetof(struct config_dataset, dedup),
	  .initial = "content",
	  .words = dedups },
	{ .name = "padding",
	  .help = "Whether lengths that stand in clear are rounded up, so that they say less of content: `none`, or "
		  "`padme`, which costs at most 12 % and mostly far less.",
	  .type = SCHEMA_WORD,
	  .offset = offsetof(struct config_dataset, padding),
	  .initial = "none",
	  .words = paddings },
	{ .name = "sha256",
	  .help = "Whether the plain SHA-256 of each file is recorded, for `ls --sha256` and comparison with the world "
		  "outside. Content is hashed twice for it; when it is switched on, the next run reads every file.",
	  .type = SCHEMA_SWITCH,
	  .offset = offsetof(struct config_dataset, sha256),
	  .initial = "false",
	  .words = true_false },
	{ .name = "cache_key",
	  .help = "Where the keys are that open what the agent remembers of unchanged files: on `disk`, in `state`, or "
		  "in "
		  "`memory`, in memory_dir. After a restart of the host they are gone then, and the next night reads "
		  "every file again.",
	  .type = SCHEMA_SWITCH,
	  .offset = offsetof(struct config_dataset, cache_in_memory),
	  .initial = "disk",
	  .words = cache_places },
	{ .name = "dedup_key",
	  .help = "How long the dataset key is used, as in 12 months: then a new one takes its place and the old one "
		  "is "
		  "destroyed. What follows is stored again. Without it `nightfold-keys rotate` does so when asked.",
	  .type = SCHEMA_DURATION,
	  .offset = offsetof(struct config_dataset, dedup_key),
	  .min = 1 },
	{ 0 },
};
static const struct schema_table dataset_table = { "a dataset", dataset_keys, sizeof(struct config_dataset),
						   offsetof(struct config_dataset, line) };

static const struct schema_key top_keys[] = {
	{ .name = "state",
	  .help = "The agent's folder: catalogue, locks, certificates of destruction. It can be rebuilt from a zone.",
	  .type = SCHEMA_PATH,
	  .offset = offsetof(struct config, state),
	  .line_offset = offsetof(struct config, state_line),
	  .initial = "/var/lib/nightfold" },
	{ .name = "agent_key",
	  .help = "The key that signs snapshots. Default: /etc/nightfold/agent.key, unless pruner_key is given.",
	  .type = SCHEMA_PATH,
	  .offset = offsetof(struct config, agent_key),
	  .line_offset = offsetof(struct config, agent_key_line) },
	{ .name = "operator_key",
	  .help = "The key that opens snapshots. Only nightfold-restore and `nightfold-keys reseal` open it.",
	  .type = SCHEMA_PATH,
	  .offset = offsetof(struct config, operator_key),
	  .line_offset = offsetof(struct config, operator_key_line) },
	{ .name = "validator_key",
	  .help = "The key that `nightfold-verify check --level data` opens snapshots with.",
	  .type = SCHEMA_PATH,
	  .offset = offsetof(struct config, validator_key),
	  .line_offset = offsetof(struct config, validator_key_line) },
	{ .name = "pruner_key",
	  .help = "The key that signs expiry, on a host that only prunes.",
	  .type = SCHEMA_PATH,
	  .offset = offsetof(struct config, pruner_key),
	  .line_offset = offsetof(struct config, pruner_key_line) },
	{ .name = "keys_dir",
	  .help = "Where dataset keys are kept, never in `state`. Default: the folder of agent_key.",
	  .type = SCHEMA_PATH,
	  .offset = offsetof(struct config, keys_dir),
	  .line_offset = offsetof(struct config, keys_dir_line) },
	{ .name = "memory_dir",
	  .help = "Where `cache_key: memory` keeps its keys: a folder on tmpfs or ramfs.",
	  .type = SCHEMA_PATH,
	  .offset = offsetof(struct config, memory_dir),
	  .initial = "/run/nightfold" },
	{ .name = "signers",
	  .help = "Whose signatures count. Default: the .pub files beside agent_key, each with the role that it names.",
	  .type = SCHEMA_LIST,
	  .offset = offsetof(struct config, signers),
	  .count_offset = offsetof(struct config, signer_count),
	  .min = 1,
	  .table = &signer_table },
	{ .name = "zones",
	  .help = "The two places that every snapshot is kept in.",
	  .type = SCHEMA_LIST,
	  .offset = offsetof(struct config, zones),
	  .count_offset = offsetof(struct config, zone_count),
	  .required = true,
	  .min = CONFIG_ZONES_MAX,
	  .max = CONFIG_ZONES_MAX,
	  .table = &zone_table },
	{ .name = "same_host",
	  .help = "`accepted` silences the reminder that both zones lie on one machine.",
	  .type = SCHEMA_SWITCH,
	  .offset = offsetof(struct config, same_host_accepted),
	  .words = accepted },
	{ .name = "recipients",
	  .help = "Who can open new snapshots: one key of any of them suffices.",
	  .type = SCHEMA_LIST,
	  .offset = offsetof(struct config, recipients),
	  .count_offset = offsetof(struct config, recipient_count),
	  .required = true,
	  .min = 1,
	  .max = SEAL_RECIPIENTS_MAX,
	  .table = &recipient_table },
	{ .name = "products",
	  .help = "Retention policies.",
	  .type = SCHEMA_LIST,
	  .offset = offsetof(struct config, products),
	  .count_offset = offsetof(struct config, product_count),
	  .required = true,
	  .min = 1,
	  .table = &product_table },
	{ .name = "datasets",
	  .help = "What is backed up.",
	  .type = SCHEMA_LIST,
	  .offset = offsetof(struct config, datasets),
	  .count_offset = offsetof(struct config, dataset_count),
	  .required = true,
	  .min = 1,
	  .table = &dataset_table },
	{ .name = "grace",
	  .help = "How long a pack that nothing needs is kept before it is deleted, for writers and readers under way. "
		  "0 is "
		  "allowed where one agent alone writes.",
	  .type = SCHEMA_DURATION,
	  .offset = offsetof(struct config, grace),
	  .initial = "24 hours" },
	{ .name = "clock_check",
	  .help = "Whether destruction waits for an independent source that confirms this host's clock. `off` is said "
		  "in every "
		  "`status`.",
	  .type = SCHEMA_SWITCH,
	  .offset = offsetof(struct config, clock_check),
	  .initial = "on",
	  .words = on_off },
	{ .name = "test_clock",
	  .help = "For tests only: lets NIGHTFOLD_TEST_NOW set the time.",
	  .type = SCHEMA_SWITCH,
	  .offset = offsetof(struct config, test_clock),
	  .initial = "false",
	  .words = true_false },
	{ 0 },
};
const struct schema_table schema_top = { "the top level", top_keys, sizeof(struct config), 0 };
