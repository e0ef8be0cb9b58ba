/*
 * Restoring a snapshot, or a part of it, into a folder.
 *
 * What cannot be had is a finding (FINDING_LOST) and the rest is restored. A restore into an empty folder that was
 * interrupted leaves a marker there, ".nightfold-restore.<snapshot id>": the same restore into that folder then goes
 * on, and does not fetch again what is finished. The marker goes when the restore has come to its end. With
 * target.overwrite there is none: what is in the folder may be anybody's, and is written anew each time.
 */
#ifndef REPO_RESTORE_H
#define REPO_RESTORE_H

#include "repo/selection.h"
#include "report/progress.h"
#include "source/target.h"

struct restore_options {
	const struct snapshot *snapshot;
	const uint8_t *root_key; /* guarded */
	struct target_options target;
	const struct selection *selection;
	bool read_back;            /* read every file again, from the disk where possible, and compare fingerprints */
	struct progress *progress; /* may be NULL */
};

struct restore_result {
	uint64_t files, folders, others; /* entries restored; a further hard link of a file is a file */
	uint64_t bytes;                  /* apparent size of the files, each once */
	uint64_t kept;                   /* of the files: those that an interrupted restore had finished */
	uint64_t lost;                   /* findings of loss: files, and lists of entries */
	uint64_t read_back;              /* files compared */
	bool resumed;
};

/*
 * ERR_MISSING: a selected path is not in the snapshot (nothing was written). ERR_REFUSED: the target is not empty.
 * ERR_FULL.
 */
must_check int restore_run(struct fetcher *f, const struct restore_options *options, struct restore_result *result);

/* What a restore would take. */
struct restore_plan {
	uint64_t files, folders, others;
	uint64_t bytes;   /* apparent size of the files, each once */
	uint64_t content; /* bytes to fetch and write: holes and further hard links cost nothing */
	uint64_t disk;    /* space it takes, by blocks of 4 KiB */
	uint64_t free;    /* space there is */
	uint64_t lost;    /* lists of entries that cannot be had */
	uint64_t seconds; /* how long, by what reading a sample took */
};
must_check int restore_plan(struct fetcher *f, const struct restore_options *options, struct restore_plan *plan);

#endif
