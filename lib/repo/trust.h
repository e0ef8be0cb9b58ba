/*
 * Whom the signatures of a dataset may come from. Roles decide what a signer may sign:
 *
 *	agent      header, index (adding and withdrawing), seal of generation 1, intent, condemned mark, lease
 *	operator   seal of generation 2 and later
 *	pruner     index (withdrawing only), intent, condemned mark, lease
 */
#ifndef REPO_TRUST_H
#define REPO_TRUST_H

#include <stddef.h>

#include "config/config.h"
#include "format/signed.h"

struct signer {
	char *name;
	struct public_key key;
	unsigned roles; /* bits 1 << enum role */
};

struct trust {
	struct signer *signers;
	size_t count;
};

must_check int trust_load(const struct config *config, struct trust *out);
/* From .pub files alone, each with the role it names (restore and verify on a bare host). */
must_check int trust_load_files(const char *const *paths, size_t count, struct trust *out);
void trust_release(struct trust *t);

const struct signer *trust_find(const struct trust *t, const uint8_t id[KEY_ID_SIZE]);

/*
 * Opens a signed object: envelope, known signer with a role that may sign this type, signature. *signer and view point into
 * `t` and `data`. ERR_FORMAT, ERR_INTEGRITY.
 */
must_check int trust_open(const struct trust *t, enum signed_type type, const void *data, size_t len, const char *what,
			  struct signed_view *view, const struct signer **signer);

#endif
