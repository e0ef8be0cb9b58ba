#include "session.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "config/review.h"
#include "format/pack.h"

static int load_recipients(struct session *s)
{
	const struct config *config = s->config;

	if (config->recipient_count == 0)
		return failed(
			ERR_USAGE,
			"%s has no recipients: nobody could open a snapshot; name at least one operator's .pub file",
			config->file);
	if (config->recipient_count > SEAL_RECIPIENTS_MAX)
		return failed(ERR_USAGE, "%s has more than %u recipients", config->file, SEAL_RECIPIENTS_MAX);
	s->recipients = xcalloc(config->recipient_count, sizeof *s->recipients);
	for (size_t i = 0; i < config->recipient_count; i++) {
		const struct config_recipient *row = &config->recipients[i];
		int code = key_load_public(row->key, &s->recipients[i]);

		if (code == 0 && !role_has_box(s->recipients[i].role))
			code = failed(ERR_USAGE,
				      "'%s' is a key for the role %s, which cannot open anything; name an operator's "
				      "or a validator's",
				      row->key, role_name(s->recipients[i].role));
		if (code != 0)
			return failed_in(ERR_USAGE, "%s:%d: recipient '%s'", config->file, row->line, row->name);
	}
	s->recipient_count = config->recipient_count;
	return 0;
}

static int load_signer(struct session *s, enum session_need need)
{
	const struct config *config = s->config;
	const char *path = config->agent_key;
	enum role role = ROLE_AGENT;

	if (need == NEED_AGENT_OR_PRUNER && config->pruner_key != NULL) {
		path = config->pruner_key;
		role = ROLE_PRUNER;
	}
	if (path == NULL)
		return failed(ERR_USAGE, "%s names no agent_key; make one with 'nightfold-keys init'", config->file);
	int code = key_load(path, NULL, NULL, &s->signer);
	if (code == 0 && s->signer->public.role != role)
		code = failed(ERR_USAGE, "'%s' is a key for the role %s, not %s", path,
			      role_name(s->signer->public.role), role_name(role));
	if (code == 0 && trust_find(&s->trust, s->signer->public.id) == NULL)
		code = failed(ERR_USAGE,
			      "'%s' is not among the signers of %s: what it signs would be ignored by every reader",
			      path, config->file);
	if (code == 0 && signer_revoked(trust_find(&s->trust, s->signer->public.id)))
		code = failed(ERR_USAGE,
			      "'%s' is revoked in %s: what it signs is ignored by every reader; make a new key with "
			      "'nightfold-keys init --role %s', and add it to `signers`",
			      path, config->file, role_name(role));
	return code;
}

int session_open(const struct common_options *common, enum session_need need, struct session *out)
{
	*out = (struct session){ 0 };
	int code = config_load(common->config, &out->config);

	if (code == 0)
		code = clock_init(out->config->test_clock);
	if (code == 0 && need != NEED_NOTHING)
		code = config_check_apart(out->config);
	if (code == 0)
		code = trust_load(out->config, &out->trust);
	if (code == 0 && need == NEED_AGENT)
		code = load_recipients(out);
	if (code == 0 && need != NEED_NOTHING)
		code = load_signer(out, need);
	return code;
}

void session_close(struct session *s)
{
	secret_free(s->signer);
	trust_release(&s->trust);
	free(s->recipients);
	config_free(s->config);
	*s = (struct session){ 0 };
}

static int open_repo(const struct session *s, struct work *w)
{
	struct zone_place places[REPO_ZONES_MAX];
	_free_ char *catalog = xasprintf("%s/catalog", w->state);
	struct repo_options options = { .dataset = w->dataset->name,
					.config = w->dataset,
					.trust = &s->trust,
					.places = places,
					.writing = true,
					.catalog = catalog,
					.state = s->config->state,
					.snapshots = true,
					.remember = true };

	repo_places(s->config, places, &options.place_count);
	int code = repo_open(&options, w->findings, &w->repo);
	if (code != ERR_FORMAT)
		return code;
	/* A cache: what it held stands in the zones. */
	log_info("%s: the catalogue is made anew from the zones: %s", w->dataset->name, err_message());
	code = catalog_destroy(catalog);
	return code == 0 ? repo_open(&options, w->findings, &w->repo) : code;
}

/* A pack that an interrupted run made: ours, so that it counts where a zone lists it. */
static int adopt_pack(void *context, const struct index_pack *pack, const uint8_t *footer, size_t footer_len)
{
	struct work *w = context;
	_pack_footer_ struct pack_footer decoded = { 0 };
	int code = pack_footer_decode(footer, footer_len, pack->size, &decoded);

	return code == 0 ? catalog_add_pack(w->repo->catalog, pack, &decoded, PACK_MADE, NULL) : code;
}

struct never_sent {
	struct repo *r;
	uint32_t *numbers;
	size_t count;
};

static int note_never_sent(void *context, uint32_t number, const struct index_pack *pack, enum pack_origin origin)
{
	struct never_sent *n = context;

	(void)pack;
	if (origin == PACK_MADE && (repo_pack_bits(n->r, number) & PACK_IN_ANY) == 0) {
		n->numbers = xrealloc(n->numbers, n->count + 1, sizeof *n->numbers);
		n->numbers[n->count++] = number;
	}
	return 0;
}

/* Packs that were written down and never arrived anywhere are forgotten, once every zone has been asked. */
static int forget_never_sent(struct repo *r)
{
	struct never_sent n = { .r = r };
	int code = r->complete ? catalog_each_pack(r->catalog, note_never_sent, &n) : 0;

	for (size_t i = 0; i < n.count && code == 0; i++)
		code = catalog_remove_pack(r->catalog, n.numbers[i]);
	free(n.numbers);
	return code;
}

int work_open(const struct session *s, const struct config_dataset *dataset, const char *doing, struct work *w)
{
	*w = (struct work){ .dataset = dataset, .findings = findings_new() };
	w->state = xasprintf("%s/%s", s->config->state, dataset->name);
	_free_ char *journal = xasprintf("%s/journal", w->state);
	int code = lock_take(s->config->state, dataset->name, doing, &w->lock);

	if (code == 0)
		code = open_repo(s, w);
	if (code == 0)
		code = lease_take(w->repo, s->config->state, s->signer, &w->leases);
	if (code == 0)
		code = journal_open(journal, &w->journal);
	if (code == 0)
		code = journal_each(w->journal, adopt_pack, w);
	if (code == 0)
		code = repo_load(w->repo);
	if (code == 0)
		code = forget_never_sent(w->repo);
	return code;
}

void work_close(struct work *w)
{
	journal_close(w->journal);
	lease_release(w->leases);
	repo_close(w->repo);
	lock_release(w->lock);
	findings_free(w->findings);
	free(w->state);
	*w = (struct work){ 0 };
}

unsigned work_zones(const struct work *w)
{
	return lease_zones(w->leases) & repo_up(w->repo);
}

int exit_failed(int code)
{
	log_error("%s", err_message());
	return err_exit(code);
}

/*
 * A dataset that was renamed or left out: what the zones hold of it would stay there for ever, and nobody would know.
 */
static int tell_forgotten(const struct session *s)
{
	DIR *state = opendir(s->config->state);
	int status = EXIT_DONE;

	for (struct dirent *entry; state != NULL && (entry = readdir(state)) != NULL;) {
		_free_ char *catalog = xasprintf("%s/%s/catalog", s->config->state, entry->d_name);
		bool named = entry->d_name[0] == '.';

		for (size_t i = 0; i < s->config->dataset_count && !named; i++)
			named = strcmp(s->config->datasets[i].name, entry->d_name) == 0;
		if (named || access(catalog, F_OK) != 0)
			continue;
		log_warning("dataset %s is not in %s any more, but was backed up with this state folder: nothing of it "
			    "expires; put it back until its "
			    "last snapshot has expired, or delete its folder in each zone and '%s/%s'",
			    entry->d_name, s->config->file, s->config->state, entry->d_name);
		status = EXIT_DEGRADED;
	}
	if (state != NULL)
		closedir(state);
	return status;
}

int session_each(const struct session *s, int argc, char **argv,
		 int (*call)(const struct session *s, const struct config_dataset *dataset, void *context),
		 void *context)
{
	int status = EXIT_DONE;

	for (int i = 0; i < argc; i++) {
		const struct config_dataset *dataset;
		int code = config_dataset(s->config, argv[i], &dataset);

		if (code != 0)
			return exit_failed(code);
	}
	for (size_t i = 0; i < s->config->dataset_count; i++) {
		const struct config_dataset *dataset = &s->config->datasets[i];
		bool named = argc == 0;

		for (int k = 0; k < argc; k++)
			named = named || strcmp(argv[k], dataset->name) == 0;
		if (named)
			status = exit_worse(status, call(s, dataset, context));
	}
	return argc == 0 ? exit_worse(status, tell_forgotten(s)) : status;
}

size_t session_notes(const struct session *s, const char *lines[SESSION_NOTES_MAX])
{
	struct zone_place places[REPO_ZONES_MAX];
	unsigned count;
	bool same_device = false;
	size_t n = 0;

	repo_places(s->config, places, &count);
	if (count == 2 && zone_distinct(&places[0], &places[1], &same_device) != 0)
		same_device = false;
	if (s->config->test_clock)
		lines[n++] = "the clock may be a test's (test_clock: true): never in production";
	if (!s->config->clock_check)
		lines[n++] = "clock_check: off: this host's clock is believed without confirmation when snapshots are "
			     "destroyed";
	if (count == 2 && !s->config->same_host_accepted)
		lines[n++] = same_device ? "both zones are on one file system: losing it loses both (same_host: "
					   "accepted acknowledges this)"
					 : "both zones are on this host: losing it loses both (same_host: accepted "
					   "acknowledges this)";
	return n;
}
