#include <ftw.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/io.h"
#include "config/config.h"

static char folder[64], file[80];

static int make_folder(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/nightfold-config-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(file, sizeof file, "%s/nightfold.yaml", folder);
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static int remove_folder(void **state)
{
	(void)state;
	return nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void free_config(struct config **c)
{
	config_free(*c);
}
#define _config_ _cleanup_(free_config)

static int load_bytes(const void *text, size_t len, struct config **out)
{
	assert_int_equal(io_save(file, text, len, 0644), 0);
	return config_load(file, out);
}

static int load(const char *text, struct config **out)
{
	return load_bytes(text, strlen(text), out);
}

/* The message, without the folder. */
static const char *message(void)
{
	size_t len = strlen(folder) + 1;

	return strncmp(err_message(), folder, len - 1) == 0 ? err_message() + len : err_message();
}

/* ---- files that load ---- */

static const char whole[] =
	"state: /var/lib/nightfold\n"
	"agent_key: /etc/nightfold/agent.key\n"
	"operator_key: /etc/nightfold/operator.key          # only nightfold-restore and reseal open it\n"
	"validator_key: /etc/nightfold/validator.key        # only nightfold-verify's data level and drills open it\n"
	"signers:                                           # default: the .pub files beside agent_key\n"
	"  - {name: agent, key: /etc/nightfold/agent.pub, roles: [agent]}\n"
	"  - {name: operator, key: /etc/nightfold/operator.pub, roles: [operator]}\n"
	"# pruner_key: /etc/nightfold/pruner.key            # on a host that only prunes\n"
	"zones:\n"
	"  - {name: ams-1, url: \"file:///srv/az1\", jurisdiction: nl}\n"
	"  - {name: ams-2, url: \"file:///srv/az2\", jurisdiction: nl}\n"
	"recipients:\n"
	"  - {name: operator, key: /etc/nightfold/operator.pub}\n"
	"  - {name: validator, key: /etc/nightfold/validator.pub}\n"
	"products:\n"
	"  - {name: messaging, backup: 3 months}\n"
	"  - {name: inspire, backup: 1 day}\n"
	"datasets:\n"
	"  - name: sms\n"
	"    product: messaging\n"
	"    class: message            # message | user | configuration\n"
	"    rpo: 26 hours\n"
	"    rto: 30 minutes\n"
	"    source: {type: files, path: /var/spool/messages, exclude: [\"*.tmp\"]}\n"
	"    compression: 3            # zstd level\n"
	"    chunk: 512 KiB            # average\n"
	"    cipher: aes-256-gcm       # or xchacha20-poly1305\n";

static void the_file_of_the_manual_works_as_it_stands(void **state)
{
	_config_ struct config *c = NULL;

	(void)state;
	assert_int_equal(load(whole, &c), 0);
	assert_string_equal(c->file, file);
	assert_string_equal(c->state, "/var/lib/nightfold");
	assert_string_equal(c->agent_key, "/etc/nightfold/agent.key");
	assert_string_equal(c->operator_key, "/etc/nightfold/operator.key");
	assert_string_equal(c->validator_key, "/etc/nightfold/validator.key");
	assert_null(c->pruner_key);
	assert_string_equal(c->keys_dir, "/etc/nightfold");
	assert_true(c->grace.seconds == 24 * 3600 && c->grace.months == 0);
	assert_true(c->clock_check && !c->test_clock && !c->same_host_accepted);

	assert_int_equal(c->signer_count, 2);
	assert_string_equal(c->signers[1].name, "operator");
	assert_string_equal(c->signers[1].key, "/etc/nightfold/operator.pub");
	assert_int_equal(c->signers[0].roles, 1u << ROLE_AGENT);
	assert_int_equal(c->signers[1].roles, 1u << ROLE_OPERATOR);
	assert_int_equal(c->signers[1].line, 7);

	assert_int_equal(c->zone_count, 2);
	assert_string_equal(c->zones[0].name, "ams-1");
	assert_string_equal(c->zones[1].url, "file:///srv/az2");
	assert_string_equal(c->zones[1].jurisdiction, "nl");
	assert_int_equal(c->zones[1].line, 11);

	assert_int_equal(c->recipient_count, 2);
	assert_string_equal(c->recipients[1].key, "/etc/nightfold/validator.pub");

	assert_int_equal(c->product_count, 2);
	assert_string_equal(c->products[0].backup_text, "3 months");
	assert_int_equal(c->products[0].backup.months, 3);
	assert_int_equal(c->products[1].backup.seconds, 86400);

	assert_int_equal(c->dataset_count, 1);
	const struct config_dataset *d = NULL;
	assert_int_equal(config_dataset(c, "sms", &d), 0);
	assert_ptr_equal(d, c->datasets);
	assert_ptr_equal(d->product, &c->products[0]);
	assert_int_equal(d->class, CLASS_MESSAGE);
	assert_int_equal(d->rpo.seconds, 26 * 3600);
	assert_int_equal(d->rto.seconds, 1800);
	assert_string_equal(d->source.type, "files");
	assert_string_equal(d->source.path, "/var/spool/messages");
	assert_int_equal(d->source.exclude_count, 1);
	assert_string_equal(d->source.exclude[0], "*.tmp");
	assert_false(d->source.cross_file_systems);
	assert_int_equal(d->compression, 3);
	assert_int_equal(d->chunk, 512 << 10);
	assert_int_equal(d->cipher, SUITE_AES256GCM);
	assert_int_equal(d->line, 19);
}

/* The least that is accepted; further lines go behind it. */
#define LEAST                                                                                                          \
	"signers: [{name: a, key: a.pub, roles: [agent]}]\n"                                                           \
	"zones: [{name: a, url: \"file:///srv/az1\"}, {name: b, url: \"file:///srv/az2\"}]\n"                          \
	"recipients: [{name: operator, key: operator.pub}]\n"                                                          \
	"products: [{name: p, backup: 1 day}]\n"                                                                       \
	"datasets: [{name: d, product: p, class: user, source: {type: files, path: data}}]\n"

static void what_is_left_out_has_its_default(void **state)
{
	_config_ struct config *c = NULL;
	char expected[128];

	(void)state;
	assert_int_equal(load(LEAST, &c), 0);
	assert_string_equal(c->state, "/var/lib/nightfold");
	assert_string_equal(c->agent_key, "/etc/nightfold/agent.key");
	assert_string_equal(c->keys_dir, "/etc/nightfold");
	assert_true(!c->operator_key && !c->validator_key && !c->pruner_key && !c->zones[0].jurisdiction);
	assert_int_equal(c->grace.seconds, 86400);
	assert_true(c->clock_check);
	assert_false(c->test_clock);
	assert_int_equal(c->datasets[0].rpo.seconds, 26 * 3600);
	assert_true(c->datasets[0].rto.seconds == 0 && c->datasets[0].rto.months == 0);
	assert_int_equal(c->datasets[0].compression, 3);
	assert_int_equal(c->datasets[0].chunk, 1 << 20);
	assert_int_equal(c->datasets[0].cipher, SUITE_AES256GCM);
	assert_int_equal(c->datasets[0].dedup, DEDUP_CONTENT);
	assert_int_equal(c->datasets[0].padding, PADDING_NONE);
	assert_int_equal(c->datasets[0].source.exclude_count, 0);

	/* Relative to the file's folder. */
	snprintf(expected, sizeof expected, "%s/data", folder);
	assert_string_equal(c->datasets[0].source.path, expected);
	snprintf(expected, sizeof expected, "%s/a.pub", folder);
	assert_string_equal(c->signers[0].key, expected);
}

static void every_optional_key_is_read(void **state)
{
	_config_ struct config *c = NULL;

	(void)state;
	assert_int_equal(
		load("state: s\npruner_key: /k/pruner.key\nkeys_dir: /keys\nmemory_dir: /ram\ngrace: 0\nclock_check: "
		     "off\n"
		     "test_clock: true\nsame_host: accepted\n"
		     "signers: [{name: a, key: a.pub, roles: [agent, pruner]}]\n"
		     "zones: [{name: a, url: \"file:///srv/az1\"}, {name: b, url: \"file:///srv/az2\"}]\n"
		     "recipients: [{name: operator, key: operator.pub}]\n"
		     "products: [{name: p, backup: 90 minutes}]\n"
		     "datasets:\n"
		     "- {name: c, product: p, class: configuration, compression: 19, chunk: 16 KiB, rto: 2 weeks,\n"
		     "   cipher: xchacha20-poly1305, dedup: none, padding: padme,\n"
		     "   source: {type: files, path: /d, exclude: [], cross_file_systems: true}}\n"
		     "- {name: u, product: p, class: user, chunk: 4 MiB, compression: 1, rpo: 1 month,\n"
		     "   cache_key: memory, dedup_key: 1 year,\n"
		     "   source: {type: files, path: /d, exclude: [a, 'b*', \"c d\"]}}\n",
		     &c),
		0);
	assert_null(c->agent_key);
	assert_string_equal(c->pruner_key, "/k/pruner.key");
	assert_string_equal(c->keys_dir, "/keys");
	assert_string_equal(c->memory_dir, "/ram");
	assert_true(!c->datasets[0].cache_in_memory && c->datasets[1].cache_in_memory);
	assert_true(c->datasets[0].dedup_key.months == 0 && c->datasets[1].dedup_key.months == 12);
	assert_true(c->grace.seconds == 0 && c->grace.months == 0);
	assert_false(c->clock_check);
	assert_true(c->test_clock && c->same_host_accepted);
	assert_int_equal(c->signers[0].roles, 1u << ROLE_AGENT | 1u << ROLE_PRUNER);
	assert_int_equal(c->products[0].backup.seconds, 5400);
	assert_int_equal(c->datasets[0].class, CLASS_CONFIGURATION);
	assert_int_equal(c->datasets[0].compression, 19);
	assert_int_equal(c->datasets[0].chunk, 16 << 10);
	assert_int_equal(c->datasets[0].cipher, SUITE_XCHACHA20POLY1305);
	assert_int_equal(c->datasets[0].dedup, DEDUP_NONE);
	assert_int_equal(c->datasets[0].padding, PADDING_PADME);
	assert_int_equal(c->datasets[0].rto.seconds, 14 * 86400);
	assert_true(c->datasets[0].source.cross_file_systems);
	assert_int_equal(c->datasets[1].class, CLASS_USER);
	assert_int_equal(c->datasets[1].chunk, 4 << 20);
	assert_int_equal(c->datasets[1].rpo.months, 1);
	assert_int_equal(c->datasets[1].source.exclude_count, 3);
	assert_string_equal(c->datasets[1].source.exclude[1], "b*");
	assert_string_equal(c->datasets[1].source.exclude[2], "c d");
}

static void a_relative_name_of_the_file_gives_absolute_paths(void **state)
{
	_config_ struct config *c = NULL;
	char expected[128], here[PATH_MAX];

	(void)state;
	assert_int_equal(io_save(file, LEAST, strlen(LEAST), 0644), 0);
	assert_non_null(getcwd(here, sizeof here));
	assert_int_equal(chdir(folder), 0);
	int code = config_load("nightfold.yaml", &c);
	assert_int_equal(chdir(here), 0);
	assert_int_equal(code, 0);
	snprintf(expected, sizeof expected, "%s/data", folder);
	assert_string_equal(c->datasets[0].source.path, expected);
}

static void signers_are_by_default_the_public_keys_beside_the_agents(void **state)
{
	static const char text[] = "agent_key: keys/agent.key\n"
				   "zones: [{name: a, url: \"file:///srv/az1\"}, {name: b, url: \"file:///srv/az2\"}]\n"
				   "recipients: [{name: operator, key: operator.pub}]\n"
				   "products: [{name: p, backup: 1 day}]\n"
				   "datasets: [{name: d, product: p, class: user, source: {type: files, path: /d}}]\n";
	static const enum role roles[] = { ROLE_PRUNER, ROLE_OPERATOR, ROLE_AGENT };
	char keys[80], path[128];
	struct config *c = NULL;

	(void)state;
	/* No folder yet, no signers. */
	assert_int_equal(load(text, &c), 0);
	assert_int_equal(c->signer_count, 0);
	config_free(c);

	snprintf(keys, sizeof keys, "%s/keys", folder);
	assert_int_equal(mkdir(keys, 0700), 0);
	for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
		struct secret_key *key = key_generate(roles[i]);

		assert_int_equal(key_save(keys, key, NULL), 0);
		secret_free(key);
	}
	snprintf(path, sizeof path, "%s/.hidden.pub", keys);
	assert_int_equal(io_save(path, "x", 1, 0600), 0);
	assert_int_equal(load(text, &c), 0);
	assert_int_equal(c->signer_count, 3);
	assert_string_equal(c->signers[0].name, "agent");
	assert_string_equal(c->signers[2].name, "pruner");
	assert_int_equal(c->signers[0].roles, 1u << ROLE_AGENT);
	assert_int_equal(c->signers[1].roles, 1u << ROLE_OPERATOR);
	assert_int_equal(c->signers[0].line, 0);
	snprintf(path, sizeof path, "%s/operator.pub", keys);
	assert_string_equal(c->signers[1].key, path);
	config_free(c);

	snprintf(path, sizeof path, "%s/foreign.pub", keys);
	assert_int_equal(io_save(path, "ssh-ed25519 AAAA\n", 17, 0600), 0);
	assert_int_equal(load(text, &c), ERR_USAGE);
	assert_non_null(
		strstr(err_message(), "'signers' is not given, so every .pub file beside the agent's key is one: "));
	assert_non_null(strstr(err_message(), "foreign.pub"));

	/* The folder of keys is a file. */
	assert_int_equal(nftw(keys, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
	assert_int_equal(io_save(keys, "", 0, 0600), 0);
	assert_int_equal(load(text, &c), ERR_USAGE);
	assert_non_null(strstr(err_message(), "/keys' cannot be listed: Not a directory"));
}

/* ---- files that do not ---- */

static void a_mistake_is_named_with_its_line_and_what_was_expected(void **state)
{
	static const struct {
		const char *text, *message;
	} rows[] = {
		/* keys */
		{ LEAST "recipents: []\n",
		  "nightfold.yaml:6: unknown key 'recipents' in the top level: expected one "
		  "of state, agent_key, operator_key, "
		  "validator_key, pruner_key, keys_dir, memory_dir, signers, zones, same_host, "
		  "recipients, products, datasets, grace, "
		  "clock_check, test_clock, did you mean 'recipients'?" },
		{ "zones: [{name: a, uri: x}, {name: b, url: y}]\n",
		  "nightfold.yaml:1: unknown key 'uri' in a zone: expected one of name, url, jurisdiction, did you "
		  "mean 'url'?" },
		{ "state: /a\ngrace: 1 day\nstate: /b\n",
		  "nightfold.yaml:3: duplicate key 'state': it stands in line 1 already" },
		{ "products:\n- {name: a,\n   name: b}\n",
		  "nightfold.yaml:3: duplicate key 'name': it stands in line 2 already" },
		{ "[a]: b\n", "nightfold.yaml:1: the top level: expected a key, found a list" },
		{ "state: /a\n",
		  "nightfold.yaml:1: the top level lacks the key 'zones': The two places that every snapshot is "
		  "kept in." },
		{ "products:\n- {name: a, backup: 1 day}\n- {backup: 1 day}\n",
		  "nightfold.yaml:3: a product lacks the key 'name': What datasets call it." },
		/* kinds */
		{ "- a\n", "nightfold.yaml:1: the top level: expected a mapping of keys to values, found a list" },
		{ "text\n", "nightfold.yaml:1: the top level: expected a mapping of keys to values, found a text" },
		{ "state: [a]\n", "nightfold.yaml:1: state: expected a path, found a list" },
		{ "state: {a: b}\n", "nightfold.yaml:1: state: expected a path, found a mapping" },
		{ "state:\n", "nightfold.yaml:1: state: expected a path, found nothing" },
		{ "state: \"\"\n", "nightfold.yaml:1: state: expected a path, found nothing" },
		{ "zones: ams-1\n", "nightfold.yaml:1: zones: expected a list of mappings, found a text" },
		{ "zones: [ams-1, ams-2]\n",
		  "nightfold.yaml:1: a zone: expected a mapping of keys to values, found a text" },
		{ "datasets: [{source: /a}]\n",
		  "nightfold.yaml:1: source: expected a mapping of keys to values, found a text" },
		{ "datasets: [{source: {exclude: \"*.tmp\"}}]\n",
		  "nightfold.yaml:1: exclude: expected a list of texts, found a text" },
		{ "datasets: [{source: {exclude: [[a]]}}]\n",
		  "nightfold.yaml:1: exclude: expected a text, found a list" },
		{ "signers: [{roles: agent}]\n", "nightfold.yaml:1: roles: expected a list of words, found a text" },
		{ "signers: [{roles: []}]\n", "nightfold.yaml:1: roles: expected a list of words, found a list" },
		{ "signers: [{roles: [{}]}]\n", "nightfold.yaml:1: roles: expected a word, found a mapping" },
		{ "state: \"a\\x07b\"\n", "nightfold.yaml:1: state: holds a character that cannot be shown (U+0007)" },
		{ "state: \"a\\0b\"\n", "nightfold.yaml:1: state: holds a character that cannot be shown (U+0000)" },
		/* numbers of things */
		{ "\nzones: [{name: a, url: \"file:///a\"}]\n",
		  "nightfold.yaml:2: zones: expected exactly 2, found 1" },
		{ "zones: [{}, {}, {}]\n", "nightfold.yaml:1: zones: expected exactly 2, found 3" },
		{ "recipients: []\n", "nightfold.yaml:1: recipients: expected at least 1, found 0" },
		/* names */
		{ "zones: [{name: a, url: \"file:///a\"},\n {name: a, url: \"file:///b\"}]\n",
		  "nightfold.yaml:2: zones: 'a' is there already, in line 1" },
		{ "products:\n- {name: a, backup: 1 day}\n- {name: b, backup: 1 day}\n- {name: a, backup: 2 days}\n",
		  "nightfold.yaml:4: products: 'a' is there already, in line 2" },
		{ "recipients:\n- {name: a, key: a}\n- {name: a, key: b}\n",
		  "nightfold.yaml:3: recipients: 'a' is there already, in line 2" },
		{ "signers:\n- {name: a, key: a, roles: [agent]}\n- {name: a, key: b, roles: [agent]}\n",
		  "nightfold.yaml:3: signers: 'a' is there already, in line 2" },
		{ "datasets:\n- {name: d, product: p, class: user, source: {type: files, path: a}}\n"
		  "- {name: d, product: p, class: user, source: {type: files, path: a}}\n",
		  "nightfold.yaml:3: datasets: 'd' is there already, in line 2" },
		{ "zones: [{name: a/b}, {}]\n",
		  "nightfold.yaml:1: name: 'a/b' cannot be a name: letters, digits, '.', '_' and "
		  "'-' can, '.' and '-' not at the start" },
		{ "zones: [{name: -b}, {}]\n",
		  "nightfold.yaml:1: name: '-b' cannot be a name: letters, digits, '.', '_' and "
		  "'-' can, '.' and '-' not at the start" },
		{ "zones: [{name: 12345678901234567890123456789012345678901234567890123456789012345}, {}]\n",
		  "nightfold.yaml:1: name: a name has at most 64 characters" },
		{ "datasets: [{name: SMS}]\n", "nightfold.yaml:1: name: 'SMS' cannot name a dataset: a-z, 0-9, '.', "
					       "'_' and '-' can, and '.' and '-' not at "
					       "the start" },
		/* words */
		{ "datasets: [{class: messages}]\n",
		  "nightfold.yaml:1: class: 'messages' is unknown: expected one of message, "
		  "user, configuration, did you mean 'message'?" },
		{ "datasets: [{dedup: off}]\n",
		  "nightfold.yaml:1: dedup: 'off' is unknown: expected one of content, none" },
		{ "datasets: [{cipher: none}]\n",
		  "nightfold.yaml:1: cipher: 'none' is unknown: expected one of aes-256-gcm, xchacha20-poly1305" },
		{ "datasets: [{source: {type: postgresql}}]\n",
		  "nightfold.yaml:1: type: 'postgresql' is unknown: expected files" },
		{ "clock_check: yes\n", "nightfold.yaml:1: clock_check: 'yes' is unknown: expected one of on, off" },
		{ "test_clock: on\n", "nightfold.yaml:1: test_clock: 'on' is unknown: expected one of true, false" },
		{ "same_host: true\n", "nightfold.yaml:1: same_host: 'true' is unknown: expected accepted" },
		{ "signers: [{roles: [validator]}]\n",
		  "nightfold.yaml:1: roles: 'validator' is unknown: expected one of agent, operator, pruner" },
		/* amounts */
		{ "products: [{backup: 3 moons}]\n",
		  "nightfold.yaml:1: backup: '3 moons' has no unit known here: expected "
		  "minutes, hours, days, weeks, months or years" },
		{ "products: [{backup: soon}]\n",
		  "nightfold.yaml:1: backup: 'soon' is no duration: expected a count and a unit, as in '3 months'" },
		{ "products: [{backup: 0 days}]\n", "nightfold.yaml:1: backup: '0 days' is no time at all" },
		{ "products: [{backup: 200 years}]\n",
		  "nightfold.yaml:1: backup: '200 years' is longer than 100 years" },
		{ "datasets: [{compression: 20}]\n",
		  "nightfold.yaml:1: compression: '20' is out of bounds: expected a number from 1 to 19" },
		{ "datasets: [{compression: 0}]\n",
		  "nightfold.yaml:1: compression: '0' is out of bounds: expected a number from 1 to 19" },
		{ "datasets: [{compression: fast}]\n",
		  "nightfold.yaml:1: compression: 'fast' is out of bounds: expected a number from 1 to 19" },
		{ "datasets: [{compression: 99999999999999999999}]\n",
		  "nightfold.yaml:1: compression: '99999999999999999999' is out of bounds: expected a number from 1 to "
		  "19" },
		{ "datasets: [{chunk: 500 KiB}]\n",
		  "nightfold.yaml:1: chunk: '500 KiB' is no size of chunks: expected a power "
		  "of two from 16 KiB to 4 MiB" },
		{ "datasets: [{chunk: 8 MiB}]\n",
		  "nightfold.yaml:1: chunk: '8 MiB' is no size of chunks: expected a power of "
		  "two from 16 KiB to 4 MiB" },
		{ "datasets: [{chunk: 8 KiB}]\n",
		  "nightfold.yaml:1: chunk: '8 KiB' is no size of chunks: expected a power of "
		  "two from 16 KiB to 4 MiB" },
		{ "datasets: [{chunk: big}]\n",
		  "nightfold.yaml:1: chunk: 'big' is no size: expected one as in 512 KiB or 4 MiB" },
		/* what one key alone does not tell */
		{ "zones: [{name: a, url: \"file:///srv/az1\"}, {name: b, url: \"file:///srv/az2\"}]\n"
		  "recipients: [{name: operator, key: operator.pub}]\n"
		  "products: [{name: messaging, backup: 1 day}]\n"
		  "datasets: [{name: d, product: mesaging, class: user, source: {type: files, path: data}}]\n",
		  "nightfold.yaml:4: dataset 'd': product 'mesaging' is not one of `products`, did you mean "
		  "'messaging'?" },
		/* YAML itself */
		{ "", "nightfold.yaml: the file is empty" },
		{ "# only a comment\n", "nightfold.yaml: the file is empty" },
		{ "state: /a\n---\nstate: /b\n", "nightfold.yaml:2: a second document begins here: expected one" },
		{ "a: &x /a\nb: *x\n", "nightfold.yaml:1: '&x': anchors are not used here: write it out" },
		{ "a: &x [b]\n", "nightfold.yaml:1: '&x': anchors are not used here: write it out" },
		{ "a: &x {b: c}\n", "nightfold.yaml:1: '&x': anchors are not used here: write it out" },
		{ "a: *x\n", "nightfold.yaml:1: '*x': aliases are not used here: write it out" },
		{ "a: !!str b\n", "nightfold.yaml:1: 'tag:yaml.org,2002:str': tags are not used here" },
		{ "a: [[[[[[[[b]]]]]]]]\n", "nightfold.yaml:1: nested deeper than 8 levels" },
		{ "state: /a\n  grace: 1 day\n", "nightfold.yaml:2: mapping values are not allowed in this context" },
		{ "state: 'a\n\n", "nightfold.yaml:3: found unexpected end of stream, while scanning a quoted scalar" },
		{ "state: /a\ngrace: \x01\n", "nightfold.yaml:2: control characters are not allowed" },
		{ "state: /a\ngrace: \xff\n", "nightfold.yaml:2: not UTF-8: save the file in that encoding" },
		{ "\xff\xfe\x61", "nightfold.yaml:1: not UTF-8: save the file in that encoding" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct config *c = NULL;

		assert_int_equal(load(rows[i].text, &c), ERR_USAGE);
		assert_string_equal(message(), rows[i].message);
		assert_null(c);
	}
}

static void bytes_that_are_no_text_are_refused(void **state)
{
	struct config *c = NULL;

	(void)state;
	assert_int_equal(load_bytes("state: /a\nb\0c\n", 14, &c), ERR_USAGE);
	assert_string_equal(message(), "nightfold.yaml:2: a NUL byte: this is no text file");
}

static void huge_and_deep_files_are_refused(void **state)
{
	struct config *c = NULL;
	size_t size = CONFIG_FILE_MAX + 1;
	_free_ char *text = xmalloc(size);

	(void)state;
	memset(text, '[', size);
	assert_int_equal(load_bytes(text, size, &c), ERR_USAGE);
	assert_non_null(strstr(err_message(), "is larger than 1048576 bytes, the limit for a configuration file"));
	assert_int_equal(load_bytes(text, size - 1, &c), ERR_USAGE);
	assert_string_equal(message(), "nightfold.yaml:1: nested deeper than 8 levels");

	memset(text, 'a', size);
	memcpy(text, "state: ", 7);
	assert_int_equal(load_bytes(text, 5000, &c), ERR_USAGE);
	assert_string_equal(message(), "nightfold.yaml:1: state: longer than 4095 bytes");
}

static void a_file_that_is_not_there_tells_how_to_name_another(void **state)
{
	struct config *c = NULL;

	(void)state;
	assert_int_equal(config_load("/nowhere/nightfold.yaml", &c), ERR_USAGE);
	assert_string_equal(err_message(), "no configuration (name one with --config FILE): cannot open "
					   "'/nowhere/nightfold.yaml': No such file or directory");
	assert_int_equal(config_load(folder, &c), ERR_USAGE);
	assert_non_null(strstr(err_message(), "configuration: cannot read '"));
	config_free(NULL);
}

static void zones_that_are_one_place_or_none_are_refused(void **state)
{
	_free_ char *real = xasprintf("%s/zone", folder);
	_free_ char *link = xasprintf("%s/link", folder);
	_free_ char *real_url = xasprintf("file://%s", real);
	_free_ char *link_url = xasprintf("file://%s", link);
	const struct {
		const char *a, *b, *part;
	} rows[] = {
		{ "file:///srv/az1", "file:///srv/az1", "are one place" },
		{ real_url, link_url, "are one place" },
		{ real_url, "gopher://host/a", "'gopher://host/a' is no URL of a zone" },
	};

	(void)state;
	assert_int_equal(mkdir(real, 0700), 0);
	assert_int_equal(symlink("zone", link), 0);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct config *c = NULL;
		_free_ char *text = xasprintf(
			"signers: [{name: a, key: a.pub, roles: [agent]}]\n"
			"zones:\n- {name: a, url: \"%s\"}\n- {name: b, url: \"%s\"}\n"
			"recipients: [{name: operator, key: operator.pub}]\n"
			"products: [{name: p, backup: 1 day}]\n"
			"datasets: [{name: d, product: p, class: user, source: {type: files, path: d}}]\n",
			rows[i].a, rows[i].b);

		assert_int_equal(load(text, &c), ERR_USAGE);
		assert_memory_equal(message(), "nightfold.yaml:4: ", 18);
		assert_non_null(strstr(err_message(), rows[i].part));
	}
}

#define HASH_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HASH_B "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static void a_stolen_key_is_revoked_in_each_dataset(void **state)
{
	static const struct {
		const char *roles, *revoked, *message; /* NULL: as it should be */
	} rows[] = {
		{ "agent",
		  "[{dataset: d, header: " HASH_A ", index: " HASH_B "}, {dataset: e, header: none, index: none}]",
		  NULL },
		{ "agent, pruner", "[{dataset: d, header: none, index: " HASH_B "}]", NULL },
		{ "pruner", "[{dataset: d, index: " HASH_B "}]", NULL },
		{ "agent", "[]", "nightfold.yaml:1: revoked_after: expected at least 1, found 0" },
		{ "agent", "[{dataset: D, header: none, index: none}]", "nightfold.yaml:1: dataset: " },
		{ "agent", "[{dataset: d, header: none}]", "nightfold.yaml:1: a revocation lacks the key 'index': " },
		{ "agent", "[{dataset: d, index: none}]",
		  "nightfold.yaml:1: signer 'a': revoked_after in dataset 'd' lacks the key 'header': " },
		{ "pruner", "[{dataset: d, header: none, index: none}]",
		  "nightfold.yaml:1: signer 'a': revoked_after in dataset 'd' has a 'header', which a pruner never " },
		{ "operator", "[{dataset: d, index: none}]",
		  "nightfold.yaml:1: signer 'a': 'revoked_after' is for agents and pruners; " },
		{ "agent", "[{dataset: d, header: none, index: 00}]",
		  "nightfold.yaml:1: index: '00' is no hash of an object: " },
		{ "agent", "[{dataset: d, header: " HASH_A "a, index: none}]",
		  "nightfold.yaml:1: header: '" HASH_A "a' is " },
		{ "agent", "[{dataset: d, header: none, index: none}, {dataset: d, header: none, index: none}]",
		  "nightfold.yaml:1: revoked_after: 'd' is there already, in line 1" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		_config_ struct config *c = NULL;
		_free_ char *text = xasprintf(
			"signers: [{name: a, key: a.pub, roles: [%s], revoked_after: %s}]\n"
			"zones: [{name: a, url: \"file:///srv/az1\"}, {name: b, url: \"file:///srv/az2\"}]\n"
			"recipients: [{name: operator, key: operator.pub}]\n"
			"products: [{name: p, backup: 1 day}]\n"
			"datasets: [{name: d, product: p, class: user, source: {type: files, path: d}}]\n",
			rows[i].roles, rows[i].revoked);

		assert_int_equal(load(text, &c), rows[i].message == NULL ? 0 : ERR_USAGE);
		if (rows[i].message != NULL) {
			assert_memory_equal(message(), rows[i].message, strlen(rows[i].message));
			continue;
		}
		assert_string_equal(c->signers[0].revoked_after[0].dataset, "d");
		assert_string_equal(c->signers[0].revoked_after[0].index, HASH_B);
		assert_int_equal(c->signers[0].revoked_count, i == 0 ? 2 : 1);
	}
}

static void an_unknown_dataset_is_answered_with_those_there_are(void **state)
{
	_config_ struct config *c = NULL;
	const struct config_dataset *d = NULL;

	(void)state;
	assert_int_equal(load(LEAST, &c), 0);
	assert_int_equal(config_dataset(c, "sms", &d), ERR_USAGE);
	assert_string_equal(err_message() + strlen("no dataset 'sms' in ") + strlen(file), ": there is d");
	assert_null(d);
}

static void sizes_are_read_in_binary_units(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = {
		{ "0", 0 },
		{ "65536", 65536 },
		{ "12 B", 12 },
		{ "512 KiB", 512 << 10 },
		{ "512KiB", 512 << 10 },
		{ "4 MiB", 4 << 20 },
		{ "3 GiB", 3ULL << 30 },
		{ "1 TiB", 1ULL << 40 },
		{ "18446744073709551615", UINT64_MAX },
	};
	static const char *const bad[] = { "",
					   "KiB",
					   "-1",
					   "+1",
					   " 1",
					   "1 kB",
					   "1  KiB",
					   "1.5 MiB",
					   "0x10",
					   "1 KiB ",
					   "18446744073709551616",
					   "18446744073709551615 KiB",
					   "16777216 TiB" };

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		uint64_t bytes = 7;

		assert_int_equal(config_parse_size(good[i].text, &bytes), 0);
		assert_int_equal(bytes, good[i].bytes);
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		uint64_t bytes = 7;

		assert_int_equal(config_parse_size(bad[i], &bytes), ERR_FORMAT);
		assert_int_equal(bytes, 7);
	}
}

static void every_key_is_described(void **state)
{
	char *text = NULL;
	size_t size = 0;

	(void)state;
	FILE *f = open_memstream(&text, &size);
	config_describe(f);
	fclose(f);
	assert_non_null(strstr(text, "state: a path; default: /var/lib/nightfold\n    The agent's folder"));
	assert_non_null(strstr(text, "\nzones: a list of mappings; required\n"));
	assert_non_null(strstr(text, "\n    class: one of message, user, configuration; required\n"));
	assert_non_null(strstr(text, "\n        exclude: a list of texts\n"));
	assert_non_null(strstr(text, "\nsame_host: accepted\n"));
	free(text);
}

/* ---- the sample ---- */

static void the_sample_has_every_product_and_mentions_every_key(void **state)
{
	static const struct {
		const char *product, *backup;
	} table[] = {
		{ "messaging", "3 months" },
		{ "voice", "30 days" },
		{ "ytp", "30 days" },
		{ "gt", "1 month" },
		{ "ga", "7 days" },
		{ "caic", "6 months" },
		{ "msc", "35 days" },
		{ "mmc", "30 days" },
		{ "cdp", "7 days" },
		{ "inspire", "1 day" },
		{ "sign", "30 days" },
		{ "identity", "1 day" },
		{ "online-payments", "7 years" },
	};
	_config_ struct config *c = NULL;
	_buf_ struct buf sample;
	char *keys = NULL, *rest;
	size_t size = 0;

	(void)state;
	/* Tests run from the top of the tree. */
	assert_int_equal(config_load("etc/nightfold.yaml", &c), 0);
	assert_int_equal(c->product_count, sizeof table / sizeof table[0]);
	for (size_t i = 0; i < c->product_count; i++) {
		assert_string_equal(c->products[i].name, table[i].product);
		assert_string_equal(c->products[i].backup_text, table[i].backup);
	}

	buf_init(&sample, CONFIG_FILE_MAX, "the sample");
	assert_int_equal(io_load("etc/nightfold.yaml", &sample), 0);
	assert_int_equal(buf_terminate(&sample), 0);
	FILE *f = open_memstream(&keys, &size);
	config_describe(f);
	fclose(f);
	for (char *line = strtok_r(keys, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char key[64];

		/* Lines of help have words, not a key, before their first colon. */
		line += strspn(line, " ");
		size_t len = strspn(line, "abcdefghijklmnopqrstuvwxyz_");
		if (line[len] != ':' || strncmp(line, "test_clock", len) == 0)
			continue;
		snprintf(key, sizeof key, "%.*s:", (int)len, line);
		if (!strstr((char *)sample.data, key))
			fail_msg("the sample does not mention %s", key);
	}
	assert_null(strstr((char *)sample.data, "test_clock"));
	free(keys);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_file_of_the_manual_works_as_it_stands),
		TEST(what_is_left_out_has_its_default),
		TEST(every_optional_key_is_read),
		TEST(a_relative_name_of_the_file_gives_absolute_paths),
		TEST(signers_are_by_default_the_public_keys_beside_the_agents),
		TEST(a_mistake_is_named_with_its_line_and_what_was_expected),
		TEST(bytes_that_are_no_text_are_refused),
		TEST(huge_and_deep_files_are_refused),
		TEST(a_file_that_is_not_there_tells_how_to_name_another),
		TEST(zones_that_are_one_place_or_none_are_refused),
		TEST(a_stolen_key_is_revoked_in_each_dataset),
		TEST(an_unknown_dataset_is_answered_with_those_there_are),
		TEST(sizes_are_read_in_binary_units),
		TEST(every_key_is_described),
		TEST(the_sample_has_every_product_and_mentions_every_key),
	};

	if (secret_init())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
