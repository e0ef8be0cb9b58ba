/*
 * What every command of the agent needs: the configuration with its keys and signers, and for each dataset the lock,
 * the loaded repo and the lease.
 */
#ifndef AGENT_SESSION_H
#define AGENT_SESSION_H

#include "catalog/journal.h"
#include "config/config.h"
#include "config/options.h"
#include "repo/lease.h"
#include "repo/repo.h"

struct session {
	struct config *config;
	struct trust trust;
	struct secret_key *signer; /* the agent's key, or the pruner's on a host that has only that */
	struct public_key *recipients;
	size_t recipient_count;
};

enum session_need { NEED_NOTHING, NEED_AGENT, NEED_AGENT_OR_PRUNER };

/* Loads the configuration, starts the clock, and opens the keys that are needed. */
must_check int session_open(const struct common_options *common, enum session_need need, struct session *out);
void session_close(struct session *s);

/* One dataset, ready to be written to. */
struct work {
	const struct config_dataset *dataset;
	char *state; /* its folder */
	struct findings *findings;
	struct lock *lock;
	struct repo *repo;
	struct leases *leases;
	struct journal *journal;
};

/*
 * Lock, zones, catalogue (made anew when damaged), lease, packs of an interrupted run, load. *w is to be closed in any
 * case.
 */
must_check int work_open(const struct session *s, const struct config_dataset *dataset, const char *doing,
			 struct work *w);
void work_close(struct work *w);

/* ZONE_BITs that can be written to. */
unsigned work_zones(const struct work *w);

/*
 * The datasets named on the command line (all when none): ERR_USAGE for an unknown one. `call`'s worst exit status is
 * returned; EXIT_DEGRADED at least, with a warning, when `state` has a dataset that the configuration names no more.
 */
int session_each(const struct session *s, int argc, char **argv,
		 int (*call)(const struct session *s, const struct config_dataset *dataset, void *context),
		 void *context);

/* What about the configuration is worth repeating every time; constant texts. */
#define SESSION_NOTES_MAX 3
size_t session_notes(const struct session *s, const char *lines[SESSION_NOTES_MAX]);

/* Logs err_message() and gives the exit status. */
int exit_failed(int code);

#endif
