/* Naming a snapshot: DATASET@latest, DATASET@DATE, DATASET@TIME, DATASET@ID-PREFIX. */
#ifndef REPO_SELECT_H
#define REPO_SELECT_H

#include "repo/repo.h"

#define SELECT_ID_MIN 4 /* digits of an id prefix, at least */

/* Splits "DATASET@SELECTOR"; a text without '@' is all selector and dataset becomes "" (an id prefix). ERR_USAGE. */
must_check int select_split(const char *text, char dataset[DATASET_NAME_MAX + 1], const char **selector);

/* Whether a selector is an id prefix, the only kind that names a snapshot without its dataset. */
bool select_is_id(const char *selector);

/*
 * Whether the selector may mean a snapshot of this time and id, as a header's name says them; of "latest" any. Nothing
 * is what a malformed one may mean.
 */
bool select_may_mean(const char *selector, int64_t taken_at, const uint8_t id[SNAPSHOT_ID_SIZE]);
bool select_is_latest(const char *selector);

/*
 * latest: the newest live one. A date: the newest of that UTC day; a time: the newest of that minute, and not behind
 * the seconds if there are any. An id prefix: at least SELECT_ID_MIN digits, unique; it also finds what is being
 * destroyed. ERR_MISSING names the neighbours; ERR_USAGE for an ambiguous or malformed selector.
 */
must_check int select_snapshot(const struct repo *r, const char *selector, const struct snapshot **out);

/* "sms@2026-11-21T02:00:00Z (1a2b3c4d)", for people. out: SELECT_TEXT_MAX bytes. Returns out. */
#define SELECT_TEXT_MAX (DATASET_NAME_MAX + 64)
char *select_text(const struct repo *r, const struct snapshot *s, char *out);

#endif
