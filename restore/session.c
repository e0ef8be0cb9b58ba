#include "session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/io.h"
#include "base/log.h"
#include "crypto/passphrase.h"

/* ---- zones and trust ---- */

static int open_bare(struct session *s)
{
	const struct option_list *urls = &s->access->zone_urls, *signers = &s->access->signers;
	int code = clock_init(false);

	if (code == 0 && signers->count == 0)
		code = failed(ERR_USAGE, "without a configuration, --signer says whose snapshots to trust: name the "
					 "agent's .pub file, and "
					 "the operator's, whose seals count too");
	if (code == 0)
		code = repo_bare_places(urls->items, urls->count, s->places, &s->place_count);
	return code == 0 ? trust_load_files(signers->items, signers->count, &s->trust) : code;
}

static int open_configured(struct session *s, const struct common_options *common)
{
	int code = config_load(common->config, &s->config);

	if (code == 0)
		code = clock_init(s->config->test_clock);
	if (code == 0 && s->access->signers.count > 0)
		code = trust_load_files(s->access->signers.items, s->access->signers.count, &s->trust);
	else if (code == 0)
		code = trust_load(s->config, &s->trust);
	if (code == 0 && s->trust.count == 0)
		code = failed(ERR_USAGE,
			      "%s names no signers, and there are no .pub files beside its agent_key: say with "
			      "--signer whose "
			      "snapshots to trust",
			      s->config->file);
	if (code == 0)
		repo_places(s->config, s->places, &s->place_count);
	return code;
}

static int choose_zone(struct session *s)
{
	s->only_zone = -1;
	if (s->access->zone == NULL)
		return 0;
	for (unsigned i = 0; i < s->place_count; i++) {
		if (strcmp(s->places[i].name, s->access->zone) == 0)
			s->only_zone = (int)i;
	}
	if (s->only_zone >= 0)
		return 0;
	return failed(ERR_USAGE, "there is no zone '%s': there %s %s%s%s", s->access->zone,
		      s->place_count == 1 ? "is" : "are", s->places[0].name, s->place_count > 1 ? " and " : "",
		      s->place_count > 1 ? s->places[1].name : "");
}

int session_open(const struct common_options *common, const struct access_options *access, struct session *out)
{
	int code;

	*out = (struct session){ .access = access, .only_zone = -1, .findings = findings_new() };
	if (access->zone_urls.count > 0 && common->config_given)
		return failed(ERR_USAGE, "--zone-url does without a configuration: give it, or --config, not both");
	code = access->zone_urls.count > 0 ? open_bare(out) : open_configured(out, common);
	return code == 0 ? choose_zone(out) : code;
}

void session_close(struct session *s)
{
	for (size_t i = 0; i < s->dataset_count; i++)
		free(s->datasets[i]);
	free(s->datasets);
	secret_free(s->key);
	findings_free(s->findings);
	trust_release(&s->trust);
	config_free(s->config);
	*s = (struct session){ 0 };
}

int session_end(struct session *s, int code)
{
	/* A listing ends where nobody reads on. */
	if (code == ERR_SYSTEM && ferror(stdout) && io_reader_gone(STDOUT_FILENO))
		code = 0;
	int status = code != 0 ? err_exit(code) : findings_exit(s->findings, false);

	if (code != 0)
		log_error("%s", err_message());
	session_close(s);
	return status;
}

/* ---- the key ---- */

int session_key(struct session *s)
{
	const char *path = s->access->key;
	char *file = s->access->passphrase_file == NULL ? NULL : xstrdup(s->access->passphrase_file);

	if (path == NULL && s->config != NULL)
		path = s->config->operator_key;
	if (path == NULL) {
		free(file);
		return failed(ERR_USAGE, "reading a snapshot needs an operator's key: give --key FILE%s",
			      s->config == NULL ? "" : ", or operator_key: in the configuration");
	}
	int code = key_load(path, file == NULL ? passphrase_ask : passphrase_file, file, &s->key);
	free(file);
	if (code == 0 && !role_has_box(s->key->public.role))
		code = failed(ERR_USAGE, "'%s' is a key for the role %s, which opens no snapshot; give an operator's",
			      path, role_name(s->key->public.role));
	return code;
}

/* ---- datasets ---- */

static void add_dataset(struct session *s, const char *name, size_t len)
{
	for (size_t i = 0; i < s->dataset_count; i++) {
		if (strlen(s->datasets[i]) == len && memcmp(s->datasets[i], name, len) == 0)
			return;
	}
	s->datasets = xrealloc(s->datasets, s->dataset_count + 1, sizeof(char *));
	s->datasets[s->dataset_count++] = xstrndup(name, len);
}

struct folders {
	char **names;
	size_t count;
	bool snapshots; /* one of them is DATASET/snapshots */
};

static int note_folder(void *context, const char *name, uint64_t size)
{
	struct folders *f = context;
	const char *slash = strchr(name, '/');

	(void)size;
	if (slash != NULL) {
		f->snapshots = f->snapshots || strcmp(slash, "/snapshots") == 0;
	} else if (dataset_name_check(name) == 0) {
		f->names = xrealloc(f->names, f->count + 1, sizeof(char *));
		f->names[f->count++] = xstrdup(name);
	}
	return 0;
}

/* What has snapshots: two levels of folders, and nothing of what is in them. */
static int discover_in(struct session *s, struct zone *zone)
{
	struct folders f = { 0 };
	int code = zone_list_folders(zone, "", note_folder, &f);

	for (size_t i = 0; i < f.count && code == 0; i++) {
		_free_ char *prefix = xasprintf("%s/", f.names[i]);

		f.snapshots = false;
		code = zone_list_folders(zone, prefix, note_folder, &f);
		if (code == 0 && f.snapshots)
			add_dataset(s, f.names[i], strlen(f.names[i]));
	}
	for (size_t i = 0; i < f.count; i++)
		free(f.names[i]);
	free(f.names);
	return code;
}

/* On a bare host: in all zones. */
static int discover_datasets(struct session *s)
{
	int code = ERR_UNAVAILABLE;

	for (unsigned i = 0; i < s->place_count; i++) {
		struct zone *zone;
		int one = zone_open(&s->places[i], &zone);

		if (one == 0) {
			one = discover_in(s, zone);
			zone_close(zone);
		}
		if (one != 0)
			findings_add(s->findings, FINDING_UNAVAILABLE, s->places[i].name, NULL, "%s", err_message());
		code = one == 0 ? 0 : code;
	}
	if (code == 0 && s->dataset_count == 0)
		return failed(
			ERR_MISSING,
			"nothing in %s%s is Nightfold's: a zone's folder holds DATASET/snapshots for each dataset",
			s->places[0].url, s->place_count > 1 ? " and the other zone" : "");
	return code == 0 ? 0 : failed(code, "no zone answers");
}

int session_datasets(struct session *s, const char *only)
{
	const struct config_dataset *row;

	if (only == NULL)
		only = s->access->dataset;
	if (only != NULL) {
		int code = s->config != NULL ? config_dataset(s->config, only, &row) : dataset_name_check(only);

		if (code != 0)
			return ERR_USAGE;
		add_dataset(s, only, strlen(only));
		return 0;
	}
	if (s->config == NULL)
		return discover_datasets(s);
	for (size_t i = 0; i < s->config->dataset_count; i++)
		add_dataset(s, s->config->datasets[i].name, strlen(s->config->datasets[i].name));
	return 0;
}

int session_repo(struct session *s, const char *dataset, bool headers_only, const char *selector, struct repo **out)
{
	struct repo_options options = { .dataset = dataset,
					.trust = &s->trust,
					.places = s->places,
					.place_count = s->place_count,
					.headers_only = headers_only,
					.on_demand = !headers_only,
					.selector = selector };
	int code = 0;

	*out = NULL;
	if (s->config != NULL)
		code = config_dataset(s->config, dataset, &options.config);
	options.state = s->config == NULL ? NULL : s->config->state;
	if (code == 0)
		code = repo_open(&options, s->findings, out);
	if (code == 0)
		code = repo_load(*out);
	if (code != 0) {
		repo_close(*out);
		*out = NULL;
	}
	return code;
}

/* ---- snapshots ---- */

const char *snapshot_state(const struct repo *r, const struct snapshot *s)
{
	if (s->disputed)
		return "disputed";
	if (s->intents != 0)
		return "being destroyed";
	if (repo_expiry(r, s) <= clock_now())
		return "expired";
	return s->quarantined ? "quarantined" : "live";
}

int session_check_retention(const struct repo *r, const struct snapshot *s)
{
	char name[SELECT_TEXT_MAX], time[CLOCK_TEXT_MAX];

	select_text(r, s, name);
	if (s->disputed)
		return failed(ERR_INTEGRITY,
			      "%s has headers that differ, each signed by an agent, so which is the true one cannot be "
			      "told; find out, and read that zone alone (--zone-url URL --key FILE --signer PUB)",
			      name);
	if (s->intents != 0)
		return failed(ERR_REFUSED,
			      "%s is being destroyed since %s: its retention is over, and nothing brings it back", name,
			      clock_format(s->intent_at, time));
	if (repo_expiry(r, s) <= clock_now())
		return failed(ERR_REFUSED,
			      "%s expired at %s: its retention is over, so it is not opened any more, although the "
			      "next prune "
			      "has yet to destroy it",
			      name, clock_format(repo_expiry(r, s), time));
	return 0;
}

void put_snapshot(struct json *j, const char *key, const struct repo *r, const struct snapshot *s)
{
	const struct header *h = &s->header;

	if (key != NULL)
		json_key(j, key);
	json_object(j);
	json_put_hex(j, "id", h->id, SNAPSHOT_ID_SIZE);
	json_put_text(j, "dataset", h->dataset);
	json_put_text(j, "product", h->product);
	json_put_text(j, "class", data_class_name(h->class));
	json_put_int(j, "sequence", (int64_t)h->seq);
	json_put_hex(j, "header", s->hash, DIGEST_SIZE);
	json_put_text(j, "signer", s->signer->name);
	json_put_time(j, "taken_at", h->taken_at);
	json_put_time(j, "expires_at", repo_expiry(r, s));
	json_put_text(j, "state", snapshot_state(r, s));
	json_put_int(j, "files", (int64_t)h->files);
	json_put_int(j, "folders", (int64_t)h->folders);
	json_put_int(j, "others", (int64_t)h->others);
	json_put_int(j, "bytes", (int64_t)h->bytes);
	json_put_int(j, "new_bytes", (int64_t)h->new_bytes);
	json_put_int(j, "new_stored", (int64_t)h->new_stored);
	json_put_int(j, "skipped", (int64_t)h->skipped);
	json_put_int(j, "changed", (int64_t)h->changed);
	json_key(j, "zones");
	json_array(j);
	for (unsigned i = 0; i < r->zone_count; i++) {
		if ((s->zones & ZONE_BIT(i)) != 0)
			json_text(j, r->zones[i].name);
	}
	json_close_array(j);
	json_close_object(j);
}

/*
 * A zone that answers and does not have the snapshot is no source for it, which is worth saying before anybody
 * wonders.
 */
static int check_zones(struct session *s, struct repo *r, const struct snapshot *snapshot, const char *name)
{
	for (unsigned i = 0; i < r->zone_count; i++) {
		if (!r->zones[i].up || (snapshot->zones & ZONE_BIT(i)) != 0)
			continue;
		if (s->only_zone == (int)i)
			return failed(ERR_MISSING, "zone %s does not have %s", r->zones[i].name, name);
		findings_add(s->findings, FINDING_LAG, r->zones[i].name, NULL,
			     "does not have %s: it is read from the other zone", name);
	}
	if (s->only_zone >= 0 && !r->zones[s->only_zone].up)
		return failed(ERR_UNAVAILABLE, "zone %s does not answer", r->zones[s->only_zone].name);
	return 0;
}

int session_unlock(struct session *s, struct repo *r, const struct snapshot *snapshot, struct opened *out)
{
	*out = (struct opened){ .repo = r, .snapshot = snapshot };
	select_text(r, snapshot, out->name);
	int code = session_check_retention(r, snapshot);

	if (code == 0)
		code = check_zones(s, r, snapshot, out->name);
	if (code == 0 && s->key == NULL)
		code = session_key(s);
	if (code == 0) {
		out->root_key = secret_new(KEY_SIZE);
		code = tree_unseal(r, snapshot, s->key, s->only_zone, out->root_key);
		code = code == ERR_MISSING ? ERR_INTEGRITY : code;
	}
	if (code != 0)
		return code;
	out->fetcher = fetcher_new(r, s->only_zone);
	fetcher_expect(out->fetcher, s->only_zone >= 0 ? ZONE_BIT((unsigned)s->only_zone) : snapshot->zones);
	code = tree_open(out->fetcher, snapshot->header.root_id, out->root_key, &out->tree);
	/* Without its seal or root nothing of a snapshot can be had: that is a loss like others, told as one. */
	return code != 0 && fetch_lost(code) ? failed_in(ERR_INTEGRITY, "%s is lost", out->name) : code;
}

static int find_by_id(struct session *s, const char *id, struct opened *out)
{
	int code = session_datasets(s, NULL);

	for (size_t i = 0; i < s->dataset_count && code == 0; i++) {
		const struct snapshot *found;
		struct repo *r;

		code = session_repo(s, s->datasets[i], false, id, &r);
		if (code != 0)
			return code;
		code = select_snapshot(r, id, &found);
		if (code == 0 && out->repo != NULL)
			code = failed(ERR_USAGE, "the id prefix '%s' is ambiguous: datasets %s and %s both have one",
				      id, out->repo->dataset, r->dataset);
		else if (code == 0)
			*out = (struct opened){ .repo = r, .snapshot = found };
		if (out->repo != r)
			repo_close(r);
		code = code == ERR_MISSING ? 0 : code;
	}
	if (code == 0 && out->repo == NULL)
		code = failed(ERR_MISSING, "no dataset has a snapshot whose id begins with '%s'", id);
	return code;
}

int session_open_snapshot(struct session *s, const char *text, struct opened *out)
{
	char dataset[DATASET_NAME_MAX + 1];
	const char *selector;
	int code = select_split(text, dataset, &selector);

	*out = (struct opened){ 0 };
	if (code == 0 && dataset[0] == '\0') {
		code = find_by_id(s, selector, out);
	} else if (code == 0) {
		code = session_repo(s, dataset, false, selector, &out->repo);
		if (code == 0)
			code = select_snapshot(out->repo, selector, &out->snapshot);
		/* To say which come before and behind. */
		if (code == ERR_MISSING)
			code = repo_load_all(out->repo);
		if (code == 0 && out->snapshot == NULL)
			code = select_snapshot(out->repo, selector, &out->snapshot);
	}
	if (code != 0)
		return code;
	must(out->repo != NULL);
	return session_unlock(s, out->repo, out->snapshot, out);
}

void opened_release(struct opened *o)
{
	tree_close(o->tree);
	fetcher_free(o->fetcher);
	secret_free(o->root_key);
	*o = (struct opened){ 0 };
}

void opened_close(struct opened *o)
{
	struct repo *r = o->repo;

	opened_release(o);
	repo_close(r);
}
