/*
 * Whom the signatures of a dataset may come from. Roles decide what a signer may sign:
 *
 *	agent      header, index (adding and withdrawing), seal of generation 1, intent, condemned mark, lease
 *	operator   seal of generation 2 and later
 *	pruner     index (withdrawing only), intent, condemned mark, lease
 *
 * A stolen key is revoked by saying up to where it counts in each dataset: a header and an index. What it signed that
 * is neither of these, nor in their ancestry, is ignored (repo/revoked.h); leases and condemned marks always are. An
 * intent is a record and no authority, so it goes on to say why a snapshot is gone: that snapshot's header counts and
 * is past its time, or it says nothing. A seal of generation 1 is named by its header.
 */
#ifndef REPO_TRUST_H
#define REPO_TRUST_H

#include <stddef.h>

#include "config/config.h"
#include "format/signed.h"

struct revocation {
	char *dataset;
	uint8_t header[DIGEST_SIZE], index[DIGEST_SIZE]; /* zero: none counts */
};

struct signer {
	char *name;
	struct public_key key;
	unsigned roles; /* bits 1 << enum role */
	struct revocation *revoked;
	size_t revoked_count; /* 0: the key is in force */
};

struct trust {
	struct signer *signers;
	size_t count;
};

must_check int trust_load(const struct config *config, struct trust *out);
/* From .pub files alone, each with the role it names (restore and verify on a bare host). */
must_check int trust_load_files(const char *const *paths, size_t count, struct trust *out);
void trust_release(struct trust *t);

static inline bool signer_revoked(const struct signer *s)
{
	return s->revoked_count > 0;
}

/* Up to where a revoked key counts in a dataset; NULL where nothing is said about that. */
const struct revocation *signer_revocation(const struct signer *s, const char *dataset);

const struct signer *trust_find(const struct trust *t, const uint8_t id[KEY_ID_SIZE]);

/*
 * Opens a signed object: envelope, known signer with a role that may sign this type, signature. *signer and view point
 * into `t` and `data`; after an error *signer is NULL unless it signed this, and is revoked. ERR_FORMAT, ERR_INTEGRITY.
 *
 * Of a revoked key, headers and indexes open whether they count or not.
 */
must_check int trust_open(const struct trust *t, enum signed_type type, const void *data, size_t len, const char *what,
			  struct signed_view *view, const struct signer **signer);

/* The same of bytes that opened before: all is checked but the signature, which they cannot have lost since. */
must_check int trust_reopen(const struct trust *t, enum signed_type type, const void *data, size_t len,
			    const char *what, struct signed_view *view, const struct signer **signer);

#endif
