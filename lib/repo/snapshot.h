/*
 * Taking a snapshot: walk and read, cut, hash, look up, compress, encrypt, pack, send to both zones, and at last
 * commit: packs, index, seal, header in each zone. docs/FORMAT.md, "Write order".
 */
#ifndef REPO_SNAPSHOT_H
#define REPO_SNAPSHOT_H

#include "catalog/journal.h"
#include "crypto/dataset_key.h"
#include "repo/lease.h"
#include "repo/repo.h"
#include "report/progress.h"

struct snapshot_options {
	const struct config *config;
	const struct config_dataset *dataset;
	const struct secret_key *agent;
	const struct dataset_key *key;
	const struct public_key *recipients;
	size_t recipient_count;
	const char *state;       /* this dataset's folder in state: the key cache */
	struct journal *journal; /* packs are written down before they are sent */
	unsigned zones; /* ZONE_BITs that are up and hold everything that is counted on: a header may go there */
	struct leases *leases;
	struct progress *progress; /* may be NULL */
};

struct snapshot_result {
	struct header header;
	unsigned zones;                  /* where it is whole */
	uint64_t read_files, read_bytes; /* content read from the source */
	uint64_t new_chunks, packs;
	uint64_t cached_files; /* unchanged, not read */
	bool cache_lost;       /* the keys of the key cache were gone, so that no file was known as unchanged */
};

/*
 * The repo is loaded, synced and leased. Skipped entries and lagging zones are findings. On any error nothing is
 * committed and what was sent is found again by the next run.
 */
must_check int snapshot_take(struct repo *r, const struct snapshot_options *options, struct snapshot_result *result);

#endif
