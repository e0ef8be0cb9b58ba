/*
 * Names of objects in a zone (docs/FORMAT.md, "Names"):
 *
 *	<dataset>/packs/ab/<64 hex>                     SHA-256 of the object
 *	<dataset>/index/<signer, 32 hex>/<seq, 16 digits>-<64 hex>
 *	<dataset>/seals/<snapshot, 32 hex>.<generation>
 *	<dataset>/snapshots/<2026-11-21T020000Z>-<snapshot, 32 hex>
 *	<dataset>/intents/<snapshot, 32 hex>
 *	<dataset>/condemned/<64 hex>
 *	<dataset>/lease/<16 digits>
 *
 * Parsers take a whole name and are strict: another dataset, folder or spelling is ERR_FORMAT, without a
 * message that matters (callers count foreign objects).
 */
#ifndef FORMAT_NAMES_H
#define FORMAT_NAMES_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "crypto/keyfile.h"
#include "crypto/seal.h"

#define OBJECT_NAME_MAX 256

/* Each writes at most OBJECT_NAME_MAX bytes to `out` and returns it. */
char *name_pack(const char *dataset, const uint8_t pack[DIGEST_SIZE], char *out);
char *name_index(const char *dataset, const uint8_t signer[KEY_ID_SIZE], uint64_t seq, const uint8_t hash[DIGEST_SIZE],
		 char *out);
char *name_seal(const char *dataset, const uint8_t snapshot[SNAPSHOT_ID_SIZE], uint32_t generation, char *out);
char *name_header(const char *dataset, int64_t taken_at, const uint8_t snapshot[SNAPSHOT_ID_SIZE], char *out);
char *name_intent(const char *dataset, const uint8_t snapshot[SNAPSHOT_ID_SIZE], char *out);
char *name_condemned(const char *dataset, const uint8_t pack[DIGEST_SIZE], char *out);
char *name_lease(const char *dataset, uint64_t number, char *out);

/* `name`: a whole object name; `dataset` must match. */
must_check int name_parse_pack(const char *name, const char *dataset, uint8_t pack[DIGEST_SIZE]);
must_check int name_parse_index(const char *name, const char *dataset, uint8_t signer[KEY_ID_SIZE], uint64_t *seq,
				uint8_t hash[DIGEST_SIZE]);
must_check int name_parse_seal(const char *name, const char *dataset, uint8_t snapshot[SNAPSHOT_ID_SIZE],
			       uint32_t *generation);
must_check int name_parse_header(const char *name, const char *dataset, int64_t *taken_at,
				 uint8_t snapshot[SNAPSHOT_ID_SIZE]);
must_check int name_parse_intent(const char *name, const char *dataset, uint8_t snapshot[SNAPSHOT_ID_SIZE]);
must_check int name_parse_condemned(const char *name, const char *dataset, uint8_t pack[DIGEST_SIZE]);
must_check int name_parse_lease(const char *name, const char *dataset, uint64_t *number);

/* 1..DATASET_NAME_MAX of a-z 0-9 . _ -, not starting with '.' or '-'. */
must_check int dataset_name_check(const char *name);

#endif
