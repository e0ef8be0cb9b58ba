/*
 * What every command of nightfold-restore starts from: the zones and whom to trust, from the configuration or, on a
 * bare host, from --zone-url and --signer alone; the operator's key; and from a snapshot's name to its opened tree.
 */
#ifndef RESTORE_SESSION_H
#define RESTORE_SESSION_H

#include "config/options.h"
#include "repo/select.h"
#include "repo/tree.h"

struct access_options {
	const char *key, *passphrase_file, *zone, *dataset;
	struct option_list zone_urls, signers;
};

struct session {
	const struct access_options *access;
	struct config *config; /* NULL on a bare host */
	struct trust trust;
	struct zone_place places[REPO_ZONES_MAX];
	unsigned place_count;
	int only_zone;          /* -1: all */
	struct secret_key *key; /* NULL until session_key() */
	struct findings *findings;
	char **datasets; /* session_datasets() */
	size_t dataset_count;
};

must_check int session_open(const struct common_options *common, const struct access_options *access,
			    struct session *out);
void session_close(struct session *s); /* also of one that did not open */

/*
 * Ends a command: prints the message of `code` if it is an error, and returns the exit status, by the findings where
 * it is 0.
 */
int session_end(struct session *s, int code);

/* Loads the operator's key into s->key. */
must_check int session_key(struct session *s);

/*
 * Fills s->datasets: --dataset or `only` (may be NULL), else those of the configuration, else those that the zones
 * have.
 */
must_check int session_datasets(struct session *s, const char *only);

/*
 * A dataset's repo, loaded; headers_only: for lists, else to read on demand. `selector`: which snapshots are wanted, or
 * NULL (repo.h).
 */
must_check int session_repo(struct session *s, const char *dataset, bool headers_only, const char *selector,
			    struct repo **out);

/* A snapshot that may be read, with all that reading it needs. */
struct opened {
	struct repo *repo;
	const struct snapshot *snapshot;
	uint8_t *root_key; /* guarded */
	struct fetcher *fetcher;
	struct tree *tree;
	char name[SELECT_TEXT_MAX]; /* for people */
};

/*
 * Finds the snapshot that `text` names, in all datasets when it is an id alone, and opens it with the key.
 * ERR_REFUSED: its retention is over, or it is being destroyed.
 */
must_check int session_open_snapshot(struct session *s, const char *text, struct opened *out);

/* The same for a snapshot of a repo, which stays the caller's: opened_close() does not close it then. */
must_check int session_unlock(struct session *s, struct repo *r, const struct snapshot *snapshot, struct opened *out);
void opened_close(struct opened *o);   /* and its repo */
void opened_release(struct opened *o); /* without its repo */

/* 0, or why this snapshot may not be read any more (ERR_REFUSED). */
must_check int session_check_retention(const struct repo *r, const struct snapshot *s);

/* The snapshot as a JSON object under `key` (NULL: as a value). */
void put_snapshot(struct json *j, const char *key, const struct repo *r, const struct snapshot *s);

/* "live", "expired", "being destroyed", "quarantined", "disputed". */
const char *snapshot_state(const struct repo *r, const struct snapshot *s);

#endif
