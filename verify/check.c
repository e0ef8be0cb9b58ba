#include "repo/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "commands.h"
#include "crypto/passphrase.h"
#include "report/progress.h"

/* What the command line and the configuration come to. */
struct checker {
	struct config *config; /* NULL on a bare host */
	struct trust trust;
	struct zone_place places[REPO_ZONES_MAX];
	unsigned place_count;
	struct secret_key *key;
	struct check_options options;
	struct json *json; /* NULL: words */
};

/* ---- setting up ---- */

static int take_config(struct checker *v, const struct common_options *common)
{
	int code = config_load(common->config, &v->config);

	if (code == 0)
		code = clock_init(v->config->test_clock);
	if (code == 0)
		code = trust_load(v->config, &v->trust);
	if (code == 0)
		repo_places(v->config, v->places, &v->place_count);
	return code;
}

static int take_bare(struct checker *v, const struct check_command_options *own, int datasets)
{
	if (own->signers.count == 0)
		return failed(ERR_USAGE, "--zone-url needs --signer: the agent's .pub file, and the operator's where "
					 "seals were renewed");
	if (datasets == 0)
		return failed(ERR_USAGE, "--zone-url needs the names of the datasets to check");
	int code = repo_bare_places(own->zone_urls.items, own->zone_urls.count, v->places, &v->place_count);

	if (code == 0)
		code = clock_init(false);
	return code == 0 ? trust_load_files(own->signers.items, own->signers.count, &v->trust) : code;
}

static int take_key(struct checker *v, const struct check_command_options *own)
{
	const char *path = own->key;

	if (path == NULL && v->config != NULL)
		path = v->config->validator_key;
	if (path == NULL)
		return failed(ERR_USAGE, "level data needs a key that opens snapshots: --key FILE, or validator_key in "
					 "the configuration");
	int code = own->passphrase_file == NULL
			   ? key_load(path, passphrase_ask, NULL, &v->key)
			   : key_load(path, passphrase_file, (void *)(uintptr_t)own->passphrase_file, &v->key);
	if (code == 0 && !role_has_box(v->key->public.role))
		code = failed(
			ERR_KEY,
			"'%s' is a key for the role %s, which opens nothing; a validator's or an operator's is needed",
			path, role_name(v->key->public.role));
	v->options.key = v->key;
	return code;
}

static int take_options(struct checker *v, const struct common_options *common, const struct check_command_options *own,
			int datasets)
{
	struct check_options *options = &v->options;
	int code = 0;

	*options = (struct check_options){ .level = CHECK_FINGERPRINT,
					   .repair = own->repair,
					   .quiet = own->quiet || common->json };
	if (own->level != NULL)
		code = check_level_parse(own->level, &options->level);
	if (code == 0 && own->slice != NULL)
		code = check_slice_parse(own->slice, &options->slice, &options->slices);
	if (code == 0 && own->zone_urls.count > 0 && common->config_given)
		code = failed(ERR_USAGE, "--config and --zone-url exclude each other");
	if (code == 0 && own->zone_urls.count == 0 && own->signers.count > 0)
		code = failed(ERR_USAGE,
			      "--signer goes with --zone-url; otherwise the configuration names the signers");
	if (code == 0)
		code = own->zone_urls.count > 0 ? take_bare(v, own, datasets) : take_config(v, common);
	options->grace = v->config == NULL ? NULL : &v->config->grace;
	if (code == 0 && options->level == CHECK_DATA)
		code = take_key(v, own);
	return code;
}

static void release(struct checker *v)
{
	json_free(v->json);
	secret_free(v->key);
	trust_release(&v->trust);
	config_free(v->config);
}

/* ---- telling ---- */

static void tell_json(struct checker *v, const char *dataset, const struct findings *findings,
		      const struct check_result *result, double seconds, int status)
{
	struct json *j = v->json;

	json_object(j);
	json_put_text(j, "dataset", dataset);
	json_put_text(j, "level", check_level_name(v->options.level));
	if (v->options.slices > 0) {
		json_put_int(j, "slice", v->options.slice);
		json_put_int(j, "slices", v->options.slices);
	}
	json_put_bool(j, "repair", v->options.repair);
	json_put_int(j, "status", status);
	json_put_real(j, "seconds", seconds);
	json_put_int(j, "snapshots", (int64_t)result->snapshots);
	json_put_int(j, "objects", (int64_t)result->objects);
	json_put_int(j, "packs", (int64_t)result->packs);
	json_put_int(j, "bytes", (int64_t)result->bytes);
	json_put_int(j, "files", (int64_t)result->files);
	json_put_int(j, "file_bytes", (int64_t)result->file_bytes);
	json_put_int(j, "lost_files", (int64_t)result->lost_files);
	json_put_int(j, "healed", (int64_t)result->healed);
	json_put_int(j, "healable", (int64_t)result->healable);
	findings_json(findings, j, "findings");
	json_close_object(j);
}

/* "2 missing, 1 damaged"; "" when there is nothing. */
static void count_findings(const struct findings *findings, char *out, size_t size)
{
	static const enum finding_kind kinds[] = { FINDING_LOST,        FINDING_MISSING,     FINDING_DAMAGED,
						   FINDING_FORGED,      FINDING_ROLLED_BACK, FINDING_LAG,
						   FINDING_UNAVAILABLE, FINDING_REFUSED,     FINDING_REVOKED };
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		size_t count = findings_count(findings, kinds[i], true);

		if (count > 0 && len < size)
			len += (size_t)snprintf(out + len, size - len, "%s%zu %s", len > 0 ? ", " : "", count,
						finding_kind_name(kinds[i]));
	}
}

static void tell_verdict(const struct checker *v, const struct findings *findings, const struct check_result *result)
{
	char wrong[256], healed[COUNT_TEXT_MAX];

	format_count(result->healed, "object", "objects", healed);
	count_findings(findings, wrong, sizeof wrong);
	if (wrong[0] == '\0' && result->healed == 0)
		printf("all is well\n");
	else if (wrong[0] == '\0')
		printf("all that was wrong is healed: %s brought from the other zone and read back\n", healed);
	else if (v->options.repair)
		printf("%s healed; NOT healed: %s\n", healed, wrong);
	else
		printf("NOT well: %s%s\n", wrong,
		       result->healable > 0 ? "; --repair heals one zone from the other" : "");
}

static void tell_words(const struct checker *v, const char *dataset, const struct findings *findings,
		       const struct check_result *result, double seconds)
{
	char bytes[BYTES_TEXT_MAX], span[CLOCK_TEXT_MAX], count[COUNT_TEXT_MAX], zones[COUNT_TEXT_MAX];

	printf("%s: %s in %s at level %s", dataset, format_count(result->snapshots, "snapshot", "snapshots", count),
	       format_count(v->place_count, "zone", "zones", zones), check_level_name(v->options.level));
	if (v->options.slices > 0)
		printf(", slice %u/%u", v->options.slice, v->options.slices);
	printf(": %s", format_count(result->objects, "signed object", "signed objects", count));
	if (v->options.level >= CHECK_FINGERPRINT)
		printf(", %s of %s", format_count(result->packs, "pack", "packs", count),
		       format_bytes(result->bytes, bytes));
	if (v->options.level >= CHECK_DATA)
		printf(", %s of %s", format_count(result->files, "file", "files", count),
		       format_bytes(result->file_bytes, bytes));
	printf(" in %s: ", clock_format_span((int64_t)(seconds + 0.5), span));
	tell_verdict(v, findings, result);
}

/* ---- checking ---- */

static int check_dataset(struct checker *v, const char *name, const struct config_dataset *config)
{
	struct repo_options options = { .dataset = name,
					.config = config,
					.trust = &v->trust,
					.places = v->places,
					.place_count = v->place_count,
					.state = v->config == NULL ? NULL : v->config->state,
					.snapshots = true,
					.writing = v->options.repair };
	struct findings *findings = findings_new();
	struct check_result result = { 0 };
	struct repo *r = NULL;
	uint64_t started = clock_ticks();

	int code = repo_open(&options, findings, &r);
	if (code == 0)
		code = repo_load(r);
	if (code == 0)
		code = repo_check(r, &v->options, &result);

	int status = code == 0 ? findings_exit(findings, true) : err_exit(code);
	double seconds = (double)(clock_ticks() - started) / 1e9;
	findings_tell_rest(findings);
	if (code != 0)
		log_error("%s: %s", name, err_message());
	if (v->json != NULL)
		tell_json(v, name, findings, &result, seconds, status);
	else if (code == 0)
		tell_words(v, name, findings, &result, seconds);
	repo_close(r);
	findings_free(findings);
	return status;
}

static int check_all(struct checker *v, int argc, char **argv)
{
	int status = EXIT_DONE;

	if (v->config != NULL && argc == 0) {
		for (size_t i = 0; i < v->config->dataset_count; i++)
			status = exit_worse(status,
					    check_dataset(v, v->config->datasets[i].name, &v->config->datasets[i]));
	}
	for (int i = 0; i < argc; i++) {
		const struct config_dataset *config = NULL;
		int code = v->config == NULL ? dataset_name_check(argv[i])
					     : config_dataset(v->config, argv[i], &config);

		if (code != 0) {
			log_error("%s", err_message());
			return EXIT_USAGE;
		}
		status = exit_worse(status, check_dataset(v, argv[i], config));
	}
	return status;
}

int command_check(const struct common_options *common, const void *own, int argc, char **argv)
{
	struct checker v = { .config = NULL };
	int code = take_options(&v, common, own, argc);
	int status;

	if (code != 0) {
		log_error("%s", err_message());
		release(&v);
		return err_exit(code);
	}
	v.json = common->json ? json_new() : NULL;
	if (v.json != NULL)
		json_array(v.json);
	status = check_all(&v, argc, argv);
	if (v.json != NULL) {
		json_close_array(v.json);
		if (json_print(v.json, stdout) != 0) {
			log_error("%s", err_message());
			status = exit_worse(status, EXIT_FAILED);
		}
	}
	release(&v);
	return status;
}
