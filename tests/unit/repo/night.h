/*
 * Nights of a whole agent in a temporary folder: a source, two zones, a state folder, and the steps of a run as the
 * agent takes them, with the clock of the test. Zones can be taken away and brought back; the state can be lost; a
 * second agent or a pruner can work on the same zones.
 */
#ifndef TEST_NIGHT_H
#define TEST_NIGHT_H

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
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
#include "base/clock.h"
#include "base/io.h"
#include "repo/collect.h"
#include "repo/commit.h"
#include "repo/lease.h"
#include "repo/reach.h"
#include "repo/retire.h"
#include "repo/snapshot.h"
#include "repo/sync.h"

#define NIGHT_DATASET "sms"
#define NIGHT_DAYS    30                  /* the window */
#define NIGHT_BEGAN   INT64_C(1790000000) /* the first */

/* Who works: keys and a state folder of their own. */
struct worker_host {
	struct secret_key *signer;
	char state[96];
	struct dataset_key *key;
};

struct nights {
	char folder[64], source[80], memory[80], zone_paths[2][80], urls[2][96];
	struct worker_host agent, second, pruner;
	struct secret_key *operator;
	struct trust trust;
	struct config config;
	struct config_product product;
	struct config_dataset dataset;
	struct zone_place places[2];
	int64_t now;
};

/* One run, open. */
struct night {
	struct nights *all;
	const struct worker_host *host;
	struct findings *findings;
	struct lock *lock;
	struct repo *repo;
	struct leases *leases;
	struct journal *journal;
	char state[128];
	struct retire_result retired;
	struct sync_result synced;
	struct snapshot_result taken;
	struct collect_result collected;
};

static inline void set_now(struct nights *n, int64_t now)
{
	char text[CLOCK_TEXT_MAX];

	n->now = now;
	assert_int_equal(setenv("NIGHTFOLD_TEST_NOW", clock_format(now, text), 1), 0);
	assert_int_equal(clock_init(true), 0);
}

static inline void days_pass(struct nights *n, int days)
{
	set_now(n, n->now + days * INT64_C(86400));
}

static inline int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static inline void remove_tree(const char *path)
{
	(void)nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- the source ---- */

/* `size` bytes made from the seed; times long ago, so that the cache trusts them. */
static inline void write_file(const struct nights *n, const char *name, size_t size, unsigned seed)
{
	_free_ char *path = xasprintf("%s/%s", n->source, name);
	uint8_t *data = xmalloc(size + 1);
	uint64_t x = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;

	for (size_t i = 0; i < size; i++) {
		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		data[i] = (uint8_t)(x >> 32);
	}
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(io_write(fd, data, size, name), 0);
	close(fd);
	free(data);
}

static inline void remove_file(const struct nights *n, const char *name)
{
	_free_ char *path = xasprintf("%s/%s", n->source, name);

	assert_int_equal(unlink(path), 0);
}

static inline void make_folder(const struct nights *n, const char *name)
{
	_free_ char *path = xasprintf("%s/%s", n->source, name);

	assert_int_equal(mkdir(path, 0755), 0);
}

/* The cache trusts files whose times are a tenth of a second old. */
static inline void let_times_settle(void)
{
	usleep(120 * 1000);
}

/* ---- making and ending ---- */

static inline void trust_add(struct nights *n, const char *name, const struct secret_key *key)
{
	n->trust.signers = xrealloc(n->trust.signers, n->trust.count + 1, sizeof *n->trust.signers);
	n->trust.signers[n->trust.count++] = (struct signer){ .name = xstrdup(name),
							      .key = key->public,
							      .roles = 1u << key->public.role };
}

static inline void trust_remove(struct nights *n, const struct secret_key *key)
{
	for (size_t i = 0; i < n->trust.count; i++) {
		if (memcmp(n->trust.signers[i].key.id, key->public.id, KEY_ID_SIZE) != 0)
			continue;
		free(n->trust.signers[i].name);
		n->trust.signers[i] = n->trust.signers[--n->trust.count];
	}
}

static inline void host_init(struct nights *n, struct worker_host *h, const char *name, enum role role)
{
	_free_ char *keys = xasprintf("%s/keys-%s", n->folder, name);

	h->signer = key_generate(role);
	snprintf(h->state, sizeof h->state, "%s/state-%s", n->folder, name);
	assert_int_equal(mkdir(keys, 0700), 0);
	if (role == ROLE_AGENT)
		assert_int_equal(dataset_key_load(keys, NIGHT_DATASET, NIGHT_BEGAN, &h->key), 0);
	trust_add(n, name, h->signer);
}

static inline struct nights *nights_new(void)
{
	struct nights *n = xcalloc(1, sizeof *n);

	strcpy(n->folder,
	       access("/dev/shm", W_OK) == 0 ? "/dev/shm/nightfold-night-XXXXXX" : "/tmp/nightfold-night-XXXXXX");
	assert_non_null(mkdtemp(n->folder));
	snprintf(n->source, sizeof n->source, "%s/source", n->folder);
	assert_int_equal(mkdir(n->source, 0755), 0);
	for (unsigned i = 0; i < 2; i++) {
		snprintf(n->zone_paths[i], sizeof n->zone_paths[i], "%s/z%u", n->folder, i);
		snprintf(n->urls[i], sizeof n->urls[i], "file://%s", n->zone_paths[i]);
		assert_int_equal(mkdir(n->zone_paths[i], 0755), 0);
		n->places[i] = (struct zone_place){ .name = i == 0 ? "z0" : "z1", .url = n->urls[i] };
	}
	n->operator= key_generate(ROLE_OPERATOR);
	trust_add(n, "operator", n->operator);
	host_init(n, &n->agent, "agent", ROLE_AGENT);
	host_init(n, &n->second, "second", ROLE_AGENT);
	host_init(n, &n->pruner, "pruner", ROLE_PRUNER);
	n->product = (struct config_product){ .name = (char *)(uintptr_t) "messaging",
					      .backup = { .seconds = NIGHT_DAYS * INT64_C(86400) } };
	n->dataset = (struct config_dataset){ .name = (char *)(uintptr_t)NIGHT_DATASET,
					      .product_name = n->product.name,
					      .product = &n->product,
					      .class = CLASS_MESSAGE,
					      .source = { .type = (char *)(uintptr_t) "files", .path = n->source },
					      .compression = 1,
					      .chunk = 64u << 10,
					      .cipher = SUITE_XCHACHA20POLY1305 };
	snprintf(n->memory, sizeof n->memory, "%s/memory", n->folder);
	n->config = (struct config){ .clock_check = true, .test_clock = true, .memory_dir = n->memory };
	set_now(n, NIGHT_BEGAN);
	return n;
}

static inline void nights_free(struct nights *n)
{
	struct worker_host *hosts[] = { &n->agent, &n->second, &n->pruner };

	for (size_t i = 0; i < 3; i++) {
		secret_free(hosts[i]->signer);
		secret_free(hosts[i]->key);
	}
	secret_free(n->operator);
	trust_release(&n->trust);
	remove_tree(n->folder);
	free(n);
	assert_int_equal(unsetenv("NIGHTFOLD_TEST_NOW"), 0);
	assert_int_equal(clock_init(false), 0);
}

/* ---- zones ---- */

static inline void zone_away(const struct nights *n, unsigned zone)
{
	_free_ char *away = xasprintf("%s.away", n->zone_paths[zone]);

	assert_int_equal(rename(n->zone_paths[zone], away), 0);
}

static inline void zone_back(const struct nights *n, unsigned zone)
{
	_free_ char *away = xasprintf("%s.away", n->zone_paths[zone]);

	assert_int_equal(rename(away, n->zone_paths[zone]), 0);
}

/* From now on everything in a zone that is open fails; and is as it was again. */
static inline void zone_break(const struct nights *n, unsigned zone)
{
	_free_ char *path = xasprintf("%s/" NIGHT_DATASET, n->zone_paths[zone]);
	_free_ char *away = xasprintf("%s.away", path);

	assert_int_equal(rename(path, away), 0);
	assert_int_equal(io_create(path, "", 0, 0600), 0);
}

static inline void zone_mend(const struct nights *n, unsigned zone)
{
	_free_ char *path = xasprintf("%s/" NIGHT_DATASET, n->zone_paths[zone]);
	_free_ char *away = xasprintf("%s.away", path);

	assert_int_equal(unlink(path), 0);
	assert_int_equal(rename(away, path), 0);
}

static inline void in_zone(const struct nights *n, unsigned zone, const char *name, char path[512])
{
	snprintf(path, 512, "%s/%s", n->zone_paths[zone], name);
}

/* zones: ZONE_BITs. */
static inline void put_object(const struct nights *n, unsigned zones, const char *name, const void *data, size_t len)
{
	struct zone_writer *writer;

	for (unsigned z = 0; z < 2; z++) {
		if ((zones & ZONE_BIT(z)) == 0)
			continue;
		assert_int_equal(zone_open_writer(&n->places[z], &writer), 0);
		assert_int_equal(zone_put(writer, name, data, len), 0);
		zone_close_writer(writer);
	}
}

static inline bool zone_has(const struct nights *n, unsigned zone, const char *name)
{
	char path[512];

	in_zone(n, zone, name, path);
	return access(path, F_OK) == 0;
}

static size_t counted; /* nftw() gives its call-back no context */

static inline int count_entry_of(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)path, (void)st, (void)ftw;
	counted += type == FTW_F;
	return 0;
}

/* Objects beneath a folder of the dataset in a zone: "packs", "seals", ... */
static inline size_t zone_count(const struct nights *n, unsigned zone, const char *folder)
{
	_free_ char *path = xasprintf("%s/" NIGHT_DATASET "/%s", n->zone_paths[zone], folder);

	counted = 0;
	(void)nftw(path, count_entry_of, 16, FTW_PHYS);
	return counted;
}

static inline void lose_state(const struct worker_host *h)
{
	remove_tree(h->state);
}

/* ---- a run ---- */

static inline int adopt_made(void *context, const struct index_pack *pack, const uint8_t *footer, size_t footer_len)
{
	struct repo *r = context;
	_pack_footer_ struct pack_footer decoded = { 0 };

	assert_int_equal(pack_footer_decode(footer, footer_len, pack->size, &decoded), 0);
	return catalog_add_pack(r->catalog, pack, &decoded, PACK_MADE, NULL);
}

static inline int night_try(struct nights *n, const struct worker_host *host, struct night *t)
{
	struct repo_options options = { .dataset = NIGHT_DATASET,
					.config = &n->dataset,
					.trust = &n->trust,
					.places = n->places,
					.place_count = 2,
					.writing = true,
					.state = host->state,
					.snapshots = true,
					.remember = true };

	*t = (struct night){ .all = n, .host = host, .findings = findings_new() };
	n->config.state = (char *)(uintptr_t)host->state;
	snprintf(t->state, sizeof t->state, "%s/" NIGHT_DATASET, host->state);
	_free_ char *catalog = xasprintf("%s/catalog", t->state);
	_free_ char *journal = xasprintf("%s/journal", t->state);
	options.catalog = catalog;
	int code = lock_take(host->state, NIGHT_DATASET, "a test", &t->lock);
	if (code == 0)
		code = repo_open(&options, t->findings, &t->repo);
	if (code == 0)
		code = lease_take(t->repo, host->state, host->signer, &t->leases);
	if (code == 0)
		code = journal_open(journal, &t->journal);
	if (code == 0)
		code = journal_each(t->journal, adopt_made, t->repo);
	return code == 0 ? repo_load(t->repo) : code;
}

static inline void night_begin(struct nights *n, const struct worker_host *host, struct night *t)
{
	int code = night_try(n, host, t);

	if (code != 0)
		fail_msg("%s", err_message());
}

static inline void night_end(struct night *t)
{
	journal_close(t->journal);
	lease_release(t->leases);
	repo_close(t->repo);
	lock_release(t->lock);
	findings_free(t->findings);
	*t = (struct night){ 0 };
}

static inline int night_snapshot(struct night *t)
{
	const struct snapshot_options options = { .config = &t->all->config,
						  .dataset = &t->all->dataset,
						  .agent = t->host->signer,
						  .key = t->host->key,
						  .recipients = &t->all->operator->public,
						  .recipient_count = 1,
						  .state = t->state,
						  .journal = t->journal,
						  .zones = lease_zones(t->leases) & repo_up(t->repo),
						  .leases = t->leases };

	return snapshot_take(t->repo, &options, &t->taken);
}

static inline int night_retire(struct night *t)
{
	const struct retire_options options = {
		.config = &t->all->config, .signer = t->host->signer, .state = t->host->state, .leases = t->leases
	};

	return retire_due(t->repo, &options, &t->retired);
}

static inline int night_collect(struct night *t)
{
	const struct collect_options options = { .config = &t->all->config,
						 .signer = t->host->signer,
						 .leases = t->leases,
						 .journal = t->host->signer->public.role == ROLE_AGENT ? t->journal
												       : NULL };

	return collect(t->repo, &options, &t->collected);
}

/* What `nightfold-agent run` does. The night stays open for a look. */
static inline void whole_run(struct nights *n, const struct worker_host *host, struct night *t)
{
	night_begin(n, host, t);
	int code = night_retire(t);

	if (code == 0)
		code = repo_sync(t->repo, t->leases, true, &t->synced);
	if (code == 0)
		code = night_snapshot(t);
	if (code == 0)
		code = night_collect(t);
	if (code != 0)
		fail_msg("%s", err_message());
}

/* The same, and closed. */
static inline void run_night(struct nights *n, const struct worker_host *host)
{
	struct night t;

	whole_run(n, host, &t);
	night_end(&t);
}

/* `nightfold-agent prune`. */
static inline void prune_night(struct nights *n, const struct worker_host *host, struct night *t)
{
	night_begin(n, host, t);
	int code = night_retire(t);

	if (code == 0)
		code = night_collect(t);
	if (code != 0)
		fail_msg("%s", err_message());
}

/* ---- looking ---- */

static inline struct repo *reader_open(struct nights *n, struct findings *findings)
{
	const struct repo_options options = { .dataset = NIGHT_DATASET,
					      .config = &n->dataset,
					      .trust = &n->trust,
					      .places = n->places,
					      .place_count = 2 };
	struct repo *r;

	assert_int_equal(repo_open(&options, findings, &r), 0);
	assert_int_equal(repo_load(r), 0);
	return r;
}

/*
 * A reader that knows nothing finds this many live snapshots, each whole in every zone that is there, and no finding.
 */
static inline void assert_sound(struct nights *n, size_t snapshots)
{
	struct findings *findings = findings_new();
	struct repo *r = reader_open(n, findings);
	size_t live = 0;

	for (size_t i = 0; i < r->snapshot_count; i++) {
		const struct snapshot *s = &r->snapshots[i];
		unsigned whole;

		if (!snapshot_live(s))
			continue;
		live++;
		for (unsigned z = 0; z < r->zone_count; z++) {
			struct reach *w = reach_new(r);

			if ((s->zones & ZONE_BIT(z)) == 0)
				continue;
			reach_only(w, (uint8_t)(PACK_IN_0 << z));
			assert_int_equal(reach_add(w, s->header.root_id, NULL, NULL), 0);
			assert_int_equal(reach_missing_count(w), 0);
			assert_true(s->seals[z] > 0);
			reach_free(w);
		}
		assert_int_equal(reach_whole(r, s->header.root_id, &whole), 0);
		assert_int_equal(whole, repo_up(r));
		assert_int_equal(s->zones, repo_up(r));
	}
	assert_int_equal(live, snapshots);
	assert_false(r->chain_broken);
	for (size_t i = 0; i < findings_total(findings); i++)
		assert_int_equal(findings_at(findings, i)->kind, FINDING_NOTE);
	repo_close(r);
	findings_free(findings);
}

static inline size_t told(const struct night *t, enum finding_kind kind)
{
	return findings_count(t->findings, kind, false);
}

#endif
