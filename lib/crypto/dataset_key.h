/*
 * Dataset keys: random, one per dataset and epoch, 0600 files "<dataset>.<epoch>.dataset-key" in `keys_dir`. Never in
 * `state`, never derived from another key, no escrow: losing one costs deduplication, not data. The highest epoch is
 * the one in use. A file is one line, "nightfold-dataset-key 1 <dataset> <epoch> <began> <key, 64 lower-case
 * hexadecimal digits>"; `began` is when the key was made, as in 2026-11-21T02:00:00Z.
 */
#ifndef CRYPTO_DATASET_KEY_H
#define CRYPTO_DATASET_KEY_H

#include <stdint.h>

#include "crypto/secret.h"

#define DATASET_KEY_SUFFIX ".dataset-key"

/* Guarded; freed by secret_free(). */
struct dataset_key {
	uint8_t key[KEY_SIZE];
	uint32_t epoch; /* from 1 */
	int64_t began;
};

/*
 * Loads the key in use, making epoch 1 where there is none (of two that race, both get the same one), begun `now`.
 * ERR_REFUSED when the file is more open than 0600; ERR_MISSING when there is no such folder.
 */
must_check int dataset_key_load(const char *keys_dir, const char *dataset, int64_t now, struct dataset_key **out);

/* Which epoch is in use, and since when; makes nothing. ERR_MISSING when there is none. */
must_check int dataset_key_epoch(const char *keys_dir, const char *dataset, uint32_t *epoch, int64_t *began);

/*
 * Makes the next epoch, begun `now`, then wipes and unlinks the older ones. *epoch: the new one. ERR_MISSING when there
 * is none to rotate. May be repeated after an error. Interrupted at any moment, it leaves the old key, the new one, or
 * both: then the new one is in use, and dataset_key_destroy_older() ends what was begun.
 */
must_check int dataset_key_rotate(const char *keys_dir, const char *dataset, int64_t now, uint32_t *epoch);

/* Wipes and unlinks every epoch before `in_use`, which an interrupted rotation left. */
must_check int dataset_key_destroy_older(const char *keys_dir, const char *dataset, uint32_t in_use);

/* A key for another purpose, from a dataset key: BLAKE2b-256(key: dataset key, purpose). */
void dataset_subkey(const struct dataset_key *key, const char *purpose, uint8_t out[KEY_SIZE]);

#endif
