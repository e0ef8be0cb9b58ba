/*
 * The certificate of destruction: a signed JSON file, two lines. The first says what was destroyed, why, when and in
 * which stores; the second holds the signer's key id and an Ed25519 signature over the first line without its newline,
 * under the context "nightfold certificate v1". (NIST SP 800-88: cryptographic erase counts when every copy of the key
 * is gone and that is recorded.)
 */
#ifndef REPO_CERTIFICATE_H
#define REPO_CERTIFICATE_H

#include "repo/repo.h"

#define CERTIFICATE_CONTEXT "nightfold certificate v1"

/* <state>/certificates/<dataset>-<snapshot>.json */
char *certificate_path(const char *state, const char *dataset, const uint8_t snapshot[SNAPSHOT_ID_SIZE]);

/* Writes it for a snapshot whose seals are confirmed gone in every zone. Written already: nothing happens. */
must_check int certificate_write(const struct repo *r, const struct snapshot *s, const char *state,
				 const struct secret_key *signer);

/*
 * The same for seals of which no header was known any more (struct headless), confirmed gone in every zone: "header"
 * says so, and what only a header tells is left out.
 */
must_check int certificate_write_headless(const struct repo *r, const struct headless *h, const char *state,
					  const struct secret_key *signer);

#endif
