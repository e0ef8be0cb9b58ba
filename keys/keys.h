/* The commands of nightfold-keys. Each returns an exit status. */
#ifndef KEYS_KEYS_H
#define KEYS_KEYS_H

#include "config/options.h"
#include "crypto/keyfile.h"

extern const struct option_row init_rows[], paper_rows[], rotate_rows[], reseal_rows[];

struct init_options {
	const char *dir, *role, *passphrase_file;
	bool passphrase;
};

struct paper_options {
	const char *dir;
	bool check, restore;
};

struct rotate_options {
	const char *dataset, *keys_dir;
};

struct reseal_command {
	const char *key, *passphrase_file;
};

int keys_init(const struct common_options *common, const void *own, int argc, char **argv);
int keys_show(const struct common_options *common, const void *own, int argc, char **argv);
int keys_paper(const struct common_options *common, const void *own, int argc, char **argv);
int keys_rotate(const struct common_options *common, const void *own, int argc, char **argv);
int keys_reseal(const struct common_options *common, const void *own, int argc, char **argv);

/* Says the message of an error; 0 or the error as an exit status. */
int keys_end(int code);

/* A key's id as people compare it: groups of four digits. */
#define FINGERPRINT_MAX (KEY_ID_HEX + KEY_ID_SIZE / 2)
const char *keys_fingerprint(const struct public_key *key, char out[FINGERPRINT_MAX]);

#endif
