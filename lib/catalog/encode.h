/* How the catalogue's tables are written: big-endian, of fixed length. Pure. Private to lib/catalog. */
#ifndef CATALOG_ENCODE_H
#define CATALOG_ENCODE_H

#include "catalog/catalog.h"
#include "catalog/pending.h"

#define NUMBER_SIZE    4
#define CHUNK_KEY_SIZE (ID_SIZE + NUMBER_SIZE)
#define PLACE_SIZE     15
#define ROW_SIZE       (2 * DIGEST_SIZE + 10)

/* The fact that holds catalog_pack_limit(). */
#define LIMIT_FACT ".limit"

void encode_number(uint8_t out[NUMBER_SIZE], uint32_t number);
uint32_t decode_number(const uint8_t *in);

/* The pack's number is inverted, so that a chunk's newest pack comes first. */
void encode_chunk_key(uint8_t out[CHUNK_KEY_SIZE], const uint8_t id[ID_SIZE], uint32_t pack);

void encode_place(uint8_t out[PLACE_SIZE], const struct pending_place *place);
void encode_row(uint8_t out[ROW_SIZE], const struct index_pack *pack, uint8_t origin);

/* False: another length, or a value that cannot be. */
must_check bool decode_place(const uint8_t *key, size_t key_len, const uint8_t *value, size_t len,
			     struct chunk_place *out);
must_check bool decode_row(const uint8_t *value, size_t len, struct index_pack *out, uint8_t *origin);

#endif
