/*
 * Checking what zones hold of a dataset, and repairing one zone from the other.
 *
 *	list         every live snapshot in every zone: header, seal, index chain, and each pack that it reaches listed with its size
 *	fingerprint  also every pack of each zone read whole: its SHA-256 is its name
 *	data         also every file of every live snapshot decoded from each zone by itself, and compared with its fingerprint
 *
 * What several zones hold in a pack that this run has found whole in each (the same SHA-256, so the same bytes) is
 * decoded once for them.
 *
 * list and fingerprint need no private key. What is wrong is added to the repo's findings (findings_exit() decides):
 * MISSING, DAMAGED for one zone's copy, LOST for what no zone holds whole. A snapshot that is past its expiry and not
 * destroyed yet is a note.
 */
#ifndef REPO_CHECK_H
#define REPO_CHECK_H

#include "repo/repo.h"

enum check_level { CHECK_LIST, CHECK_FINGERPRINT, CHECK_DATA };

must_check int check_level_parse(const char *text, enum check_level *level); /* ERR_USAGE names the levels */
const char *check_level_name(enum check_level level);

/* Reads "n/m", 1 <= n <= m: ERR_USAGE else. */
must_check int check_slice_parse(const char *text, unsigned *slice, unsigned *slices);

struct check_options {
	enum check_level level;
	/* Packs by name and files by fingerprint: the slice-th part of `slices`, so that as many runs cover all; 0: all. */
	unsigned slice, slices;
	bool repair;                  /* the repo has writers */
	const struct secret_key *key; /* a recipient of the seals, for level data */
	/* Of the configuration: after it, finished intents are swept away. NULL: not known. */
	const struct duration *grace;
	unsigned threads; /* 0: as many as there are processors (base/processors.h) */
	bool quiet;       /* no progress */
};

struct check_result {
	uint64_t snapshots;         /* live ones that were checked */
	uint64_t objects;           /* indexes, headers, seals, intents and marks examined, each in each zone */
	uint64_t packs, bytes;      /* read whole, each in each zone */
	uint64_t files, file_bytes; /* decoded and compared, each in each zone */
	uint64_t lost_files;        /* of the newest snapshots that lack them: in no zone whole */
	uint64_t healed;            /* objects that repair put or replaced */
	uint64_t healable;          /* findings that a repair would heal; counted without one */
};

/*
 * Needs a loaded repo; after a repair it is loaded again. Damage is no error: those are ERR_KEY (the key opens no
 * seal), ERR_INTERRUPTED and local trouble.
 */
must_check int repo_check(struct repo *r, const struct check_options *options, struct check_result *result);

#endif
