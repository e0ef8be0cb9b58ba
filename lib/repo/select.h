/* Naming a snapshot: DATASET@latest, DATASET@DATE, DATASET@TIME, DATASET@ID-PREFIX (docs: DESIGN section 11). */
#ifndef REPO_SELECT_H
#define REPO_SELECT_H

#include "repo/repo.h"

/* Splits "DATASET@SELECTOR"; a text without '@' is all selector and dataset becomes "" (an id prefix). ERR_USAGE. */
must_check int select_split(const char *text, char dataset[DATASET_NAME_MAX + 1], const char **selector);

/*
 * latest: the newest live one. A date: the newest of that UTC day; a time: the newest at or before it within that minute. An id
 * prefix: at least 4 digits, unique. ERR_MISSING names the neighbours; ERR_USAGE for an ambiguous or malformed selector.
 */
must_check int select_snapshot(const struct repo *r, const char *selector, const struct snapshot **out);

#endif
