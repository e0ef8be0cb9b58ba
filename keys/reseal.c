#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "config/config.h"
#include "crypto/passphrase.h"
#include "keys.h"
#include "repo/reseal.h"
#include "report/json.h"

/* clang-format off */
const struct option_row reseal_rows[] = {
	{ .name = "key",
	  .value = "FILE",
	  .help = "The operator's key (default: operator_key of the configuration).",
	  .offset = offsetof(struct reseal_command, key),
	  .type = OPTION_TEXT,
	  .choices = "FILE" },
	{ .name = "passphrase-file",
	  .value = "FILE",
	  .help = "The key's passphrase is the first line of FILE (default: it is asked for).",
	  .offset = offsetof(struct reseal_command, passphrase_file),
	  .type = OPTION_TEXT,
	  .choices = "FILE" },
	{ 0 },
};
/* clang-format on */

static int load_recipients(const struct config *config, struct public_key **out)
{
	struct public_key *keys = xcalloc(config->recipient_count + 1, sizeof *keys);
	int code = config->recipient_count > 0 && config->recipient_count <= SEAL_RECIPIENTS_MAX
			   ? 0
			   : failed(ERR_USAGE, "%s names no recipients, or too many", config->file);

	for (size_t i = 0; i < config->recipient_count && code == 0; i++) {
		code = key_load_public(config->recipients[i].key, &keys[i]);
		if (code == 0 && !role_has_box(keys[i].role))
			code = failed(ERR_USAGE, "recipient '%s': a key for the role %s cannot open anything",
				      config->recipients[i].name, role_name(keys[i].role));
	}
	*out = keys;
	return code;
}

static int reseal_dataset(const struct config *config, const struct config_dataset *dataset, const struct trust *trust,
			  const struct reseal_options *options, struct findings *findings, struct json *json)
{
	struct zone_place places[REPO_ZONES_MAX];
	struct repo_options open = { .dataset = dataset->name,
				     .config = dataset,
				     .trust = trust,
				     .places = places,
				     .writing = true,
				     .state = config->state,
				     .headers_only = true };
	struct reseal_result result = { 0 };
	struct repo *r;

	repo_places(config, places, &open.place_count);
	int code = repo_open(&open, findings, &r);
	if (code == 0)
		code = repo_load(r);
	if (code == 0)
		code = reseal(r, options, &result);
	if (json != NULL) {
		json_object(json);
		json_put_text(json, "dataset", dataset->name);
		json_put_int(json, "resealed", (int64_t)result.resealed);
		json_put_int(json, "skipped", (int64_t)result.skipped);
		json_close_object(json);
	} else if (code == 0) {
		printf("%s: %llu snapshots sealed to %zu recipients; older seals deleted\n", dataset->name,
		       (unsigned long long)result.resealed, options->recipient_count);
	}
	repo_close(r);
	return code;
}

int keys_reseal(const struct common_options *common, const void *own, int argc, char **argv)
{
	const struct reseal_command *o = own;
	struct json *json = common->json ? json_new() : NULL;
	struct findings *findings = findings_new();
	struct config *config = NULL;
	struct trust trust = { 0 };
	struct public_key *recipients = NULL;
	struct secret_key *key = NULL;
	int code = config_load(common->config, &config);

	if (code == 0)
		code = clock_init(config->test_clock);
	if (code == 0)
		code = trust_load(config, &trust);
	if (code == 0)
		code = load_recipients(config, &recipients);
	const char *path = o->key != NULL || config == NULL ? o->key : config->operator_key;
	if (code == 0 && path == NULL)
		code = failed(ERR_USAGE,
			      "no operator's key: name it with --key FILE or operator_key: in the configuration");
	if (code == 0)
		code = key_load(path, o->passphrase_file != NULL ? passphrase_file : passphrase_ask,
				(void *)(uintptr_t)o->passphrase_file, &key);
	if (code == 0 && key->public.role != ROLE_OPERATOR)
		code = failed(ERR_USAGE, "'%s' is a key for the role %s; only an operator's may reseal", path,
			      role_name(key->public.role));
	if (json != NULL)
		json_array(json);
	for (size_t i = 0; code == 0 && i < config->dataset_count; i++) {
		const struct config_dataset *dataset;
		const struct reseal_options options = { .operator= key,
							.recipients = recipients,
							.recipient_count = config->recipient_count };

		code = argc == 0 ? 0 : config_dataset(config, argv[0], &dataset);
		if (code == 0 && (argc == 0 || dataset == &config->datasets[i]))
			code = reseal_dataset(config, &config->datasets[i], &trust, &options, findings, json);
	}
	if (json != NULL && code == 0) {
		json_close_array(json);
		code = json_print(json, stdout);
	}
	int status = code != 0 ? keys_end(code) : findings_exit(findings, false);
	json_free(json);
	secret_free(key);
	free(recipients);
	trust_release(&trust);
	config_free(config);
	findings_free(findings);
	return status;
}
