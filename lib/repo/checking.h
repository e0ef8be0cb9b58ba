/* The parts of a check (private to lib/repo). */
#ifndef REPO_CHECKING_H
#define REPO_CHECKING_H

#include "repo/check.h"
#include "repo/reach.h"
#include "report/progress.h"

/* Missing packs of one zone that are told by name; the others are counted in one finding. */
#define CHECK_NAMED_MAX 100

struct checking {
	struct repo *r;
	const struct check_options *options;
	struct check_result *result;
	struct reach *reach; /* what the snapshots that stay reach in any zone, before anything was read */
	/* Packs that a signed index adds and nobody withdrew, but whose footer is nowhere whole. */
	uint8_t (*unknown)[DIGEST_SIZE];
	size_t unknown_count;
	uint8_t *whole; /* by pack: zones (bits) in which this run read it and found it good; `whole_count` packs */
	uint32_t whole_count;
};

/* Adds a finding unless one of damage tells of this object in this zone already. */
printf_like(5, 6) void check_tell(struct checking *c, enum finding_kind kind, unsigned zone, const char *object,
				  const char *format, ...);

/* "sms@2026-11-21T02:00:00Z". out: at least DATASET_NAME_MAX + CLOCK_TEXT_MAX + 2 bytes. */
char *check_snapshot_name(const struct repo *r, const struct snapshot *s, char *out);
#define CHECK_SNAPSHOT_NAME (DATASET_NAME_MAX + 40)

/* Whether a digest falls into the slice. */
bool check_in_slice(const struct check_options *options, const uint8_t digest[DIGEST_SIZE]);
unsigned check_threads(const struct check_options *options);

/* check_objects.c: the small ones. What is bad in a zone does not count there any more: its bits are taken away. */
must_check int check_indexes(struct checking *c);
must_check int check_snapshots(struct checking *c);

/*
 * check_packs.c. check_read() reads packs (all in the slice, or those that `before` does not have but the repo's bits
 * now do) and takes the bits of bad ones away.
 */
must_check int check_listed(struct checking *c);
must_check int check_count_lacking(struct checking *c, unsigned zone, uint64_t *lacking); /* tells nothing */
must_check int check_read(struct checking *c, const uint8_t *before, uint32_t before_limit);
must_check int check_lost(struct checking *c);
unsigned check_whole(const struct checking *c, uint32_t pack); /* zones where check_read() found it good */

/* repair.c */
must_check int check_repair(struct checking *c);
/* How many of the findings a repair would heal: their object is good in the other zone, or nobody needs it. */
uint64_t check_healable(struct checking *c);

/* check_data.c */
must_check int check_data(struct checking *c);

#endif
