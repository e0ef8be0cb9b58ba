#include "repo/history.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/log.h"
#include "commands.h"
#include "report/json.h"

#define HASH_HEX (2 * DIGEST_SIZE + 1)

struct telling {
	struct config *config;
	struct trust trust;
	int64_t until;
	struct json *json; /* NULL: words */
};

static bool is_given(const uint8_t hash[DIGEST_SIZE])
{
	static const uint8_t none[DIGEST_SIZE] = { 0 };

	return memcmp(hash, none, DIGEST_SIZE) != 0;
}

static const char *hash_text(const uint8_t hash[DIGEST_SIZE], char out[HASH_HEX])
{
	return is_given(hash) ? hex_encode(hash, DIGEST_SIZE, out) : "none";
}

static void put_row(struct json *j, const struct repo *r, const struct history_row *row)
{
	json_object(j);
	json_put_time(j, "at", row->at);
	json_put_text(j, "what", row->what == HISTORY_HEADER ? "header" : "index");
	json_put_int(j, "sequence", (int64_t)row->seq);
	json_put_text(j, "signer", row->signer->name);
	json_put_hex(j, "hash", row->hash, DIGEST_SIZE);
	json_key(j, "zones");
	json_array(j);
	for (unsigned i = 0; i < r->zone_count; i++) {
		if ((row->zones & ZONE_BIT(i)) != 0)
			json_text(j, r->zones[i].name);
	}
	json_close_array(j);
	json_close_object(j);
}

static void print_row(const struct repo *r, const struct history_row *row)
{
	char time[CLOCK_TEXT_MAX], hash[HASH_HEX];
	const char *between = "";

	printf("%s  %-6s %5" PRIu64 "  %s  %s  ", clock_format(row->at, time),
	       row->what == HISTORY_HEADER ? "header" : "index", row->seq, hash_text(row->hash, hash),
	       row->signer->name);
	for (unsigned i = 0; i < r->zone_count; i++) {
		if ((row->zones & ZONE_BIT(i)) != 0) {
			printf("%s%s", between, r->zones[i].name);
			between = "+";
		}
	}
	printf("%s\n", row->zones == 0 ? "-" : "");
}

static bool signs_headers(const struct signer *signer)
{
	return (signer->roles & 1u << ROLE_AGENT) != 0;
}

static void put_last(struct json *j, const struct signer *signer, const struct revocation *last)
{
	char hash[HASH_HEX];

	json_object(j);
	json_put_text(j, "signer", signer->name);
	if (signs_headers(signer))
		json_put_text(j, "header", hash_text(last->header, hash));
	json_put_text(j, "index", hash_text(last->index, hash));
	json_close_object(j);
}

/* A line for the configuration. */
static void print_last(const struct repo *r, const struct signer *signer, const struct revocation *last, int64_t until)
{
	char header[HASH_HEX], index[HASH_HEX], time[CLOCK_TEXT_MAX];

	printf("# %s, revoked_after, if what it says it signed until %s is to count:\n", signer->name,
	       clock_format(until, time));
	printf("  - {dataset: %s, ", r->dataset);
	if (signs_headers(signer))
		printf("header: %s, ", hash_text(last->header, header));
	printf("index: %s}\n", hash_text(last->index, index));
}

static void tell(const struct telling *t, const struct repo *r, const struct history_row *rows, size_t count)
{
	struct json *j = t->json;

	if (j == NULL)
		printf("dataset %s\n", r->dataset);
	else
		json_put_text(j, "dataset", r->dataset);
	if (j != NULL) {
		json_key(j, "objects");
		json_array(j);
	}
	for (size_t i = 0; i < count; i++) {
		if (j != NULL)
			put_row(j, r, &rows[i]);
		else
			print_row(r, &rows[i]);
	}
	if (j != NULL) {
		json_close_array(j);
		json_put_time(j, "until", t->until);
		json_key(j, "last");
		json_array(j);
	}
	for (size_t i = 0; i < t->trust.count; i++) {
		struct revocation last;

		if (!history_last(r, rows, count, &t->trust.signers[i], t->until, &last))
			continue;
		if (j != NULL)
			put_last(j, &t->trust.signers[i], &last);
		else
			print_last(r, &t->trust.signers[i], &last, t->until);
	}
	if (j != NULL)
		json_close_array(j);
}

static int tell_dataset(const struct telling *t, const struct config_dataset *dataset)
{
	struct zone_place places[REPO_ZONES_MAX];
	struct repo_options options = {
		.dataset = dataset->name, .config = dataset, .trust = &t->trust, .places = places, .headers_only = true
	};
	struct findings *findings = findings_new();
	struct history_row *rows = NULL;
	struct repo *r = NULL;
	size_t count = 0;

	repo_places(t->config, places, &options.place_count);
	int code = repo_open(&options, findings, &r);
	if (code == 0)
		code = repo_load(r);
	if (code == 0)
		code = history_read(r, &rows, &count);
	if (t->json != NULL)
		json_object(t->json);
	if (code == 0)
		tell(t, r, rows, count);
	else
		log_error("%s: %s", dataset->name, err_message());
	int status = code == 0 ? findings_exit(findings, false) : err_exit(code);
	findings_tell_rest(findings);
	if (t->json != NULL) {
		findings_json(findings, t->json, "findings");
		json_close_object(t->json);
	}
	free(rows);
	repo_close(r);
	findings_free(findings);
	return status;
}

/* Trouble ends it: the objects of the other datasets are not what is asked for at that moment. */
static int tell_all(const struct telling *t, int argc, char **argv)
{
	int status = EXIT_DONE;

	for (size_t i = 0; i < t->config->dataset_count && argc == 0; i++)
		status = exit_worse(status, tell_dataset(t, &t->config->datasets[i]));
	for (int i = 0; i < argc; i++) {
		const struct config_dataset *dataset = NULL;

		if (config_dataset(t->config, argv[i], &dataset) != 0) {
			log_error("%s", err_message());
			return EXIT_USAGE;
		}
		status = exit_worse(status, tell_dataset(t, dataset));
	}
	return status;
}

int command_history(const struct common_options *common, const void *own, int argc, char **argv)
{
	const struct history_command_options *o = own;
	struct telling t = { .json = common->json ? json_new() : NULL };
	int status;
	int code = config_load(common->config, &t.config);

	if (code == 0)
		code = clock_init(t.config->test_clock);
	if (code == 0)
		code = trust_load(t.config, &t.trust);
	t.until = clock_now();
	if (code == 0 && o->until != NULL && clock_parse(o->until, &t.until) != 0)
		code = failed(ERR_USAGE, "'%.40s' is no time: expected one as in 2026-11-21T02:00:00Z", o->until);
	if (code != 0) {
		log_error("%s", err_message());
		status = err_exit(code);
	} else {
		if (t.json != NULL)
			json_array(t.json);
		status = tell_all(&t, argc, argv);
		if (t.json != NULL) {
			json_close_array(t.json);
			if (json_print(t.json, stdout) != 0) {
				log_error("%s", err_message());
				status = EXIT_FAILED;
			}
		}
	}
	json_free(t.json);
	trust_release(&t.trust);
	config_free(t.config);
	return status;
}
