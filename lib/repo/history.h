/*
 * Who signed what of a dataset, and when it says that was: its headers and indexes, by time. To find up to where a
 * stolen key counts.
 */
#ifndef REPO_HISTORY_H
#define REPO_HISTORY_H

#include "repo/repo.h"

enum history_what { HISTORY_INDEX, HISTORY_HEADER };

struct history_row {
	enum history_what what;
	int64_t at; /* as the signer says: taken_at, made_at */
	uint64_t seq;
	const struct signer *signer;
	uint8_t hash[DIGEST_SIZE]; /* of the object */
	unsigned zones;            /* that hold it whole */
};

/*
 * Ascending by time; free() it. The repo is loaded (headers suffice); its objects that do not open are left out. Of a
 * revoked key, headers that do not count are left out too, indexes are not.
 */
must_check int history_read(struct repo *r, struct history_row **rows, size_t *count);

/*
 * The last header and the last index of a signer until then: what `revoked_after` would say. They are looked for by
 * number, up to the first that is later, or dated before the one that it follows: only a thief's are. The index is
 * never before the one that the header names. zero: there is none. False: it signed nothing at all.
 */
bool history_last(const struct repo *r, const struct history_row *rows, size_t count, const struct signer *signer,
		  int64_t until, struct revocation *out);

#endif
