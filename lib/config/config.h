/*
 * The configuration file: YAML through libyaml's document API, checked against one table of keys (schema.c). An
 * unknown or duplicate key, a wrong type, an unknown product, a duplicate name or a bad duration is ERR_USAGE with
 * file, line and what was expected; so are two zones that are one place. Loading opens no private key. It opens public
 * keys only where `signers` is absent: the default is the .pub files beside agent_key, and their roles stand in them.
 *
 * Everything is owned by struct config and freed by config_free(). Optional texts are NULL when absent, after defaults.
 * Relative paths are relative to the folder of the file.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "crypto/keyfile.h"
#include "crypto/suite.h"
#include "format/objects.h"
#include "retain/duration.h"
#include "zone/zone.h"

#define CONFIG_DEFAULT   "/etc/nightfold/nightfold.yaml"
#define CONFIG_FILE_MAX  (1u << 20)
#define CONFIG_ZONES_MAX 2

/* Where the keys of content chunks come from: from the content, or from nowhere. */
enum dedup { DEDUP_CONTENT = 0, DEDUP_NONE = 1 };

/* What lengths in clear are rounded up to (format/padme.h). */
enum padding { PADDING_NONE = 0, PADDING_PADME = 1 };

/* Up to where a revoked key's signatures count in one dataset: hashes (64 digits) of objects, or "none". */
struct config_revocation {
	char *dataset, *header, *index; /* header: NULL for a pruner, who signs none */
	int line;
};

struct config_signer {
	char *name, *key; /* key: path of a .pub file */
	unsigned roles;   /* bits 1 << enum role */
	struct config_revocation *revoked_after;
	size_t revoked_count; /* 0: the key is in force */
	int line;
};

struct config_zone {
	char *name, *url, *jurisdiction;
	int line;
};

struct config_recipient {
	char *name, *key;
	int line;
};

struct config_product {
	char *name;
	struct duration backup;
	char *backup_text;
	int line;
};

struct config_source {
	char *type, *path;
	char **exclude;
	size_t exclude_count;
	bool cross_file_systems;
	int line;
};

struct config_dataset {
	char *name, *product_name;
	const struct config_product *product;
	enum data_class class;
	struct duration rpo; /* default 26 hours */
	struct duration rto; /* zero: none set */
	struct config_source source;
	int compression; /* zstd level 1..19, default 3 */
	uint32_t chunk;  /* average, bytes, default 1 MiB */
	enum suite cipher;
	enum dedup dedup;
	enum padding padding;
	bool cache_in_memory;      /* `cache_key: memory`: keys of the key cache in memory_dir */
	bool sha256;               /* record the plain SHA-256 of each file */
	struct duration dedup_key; /* how long a dataset key is used; zero: until it is rotated by hand */
	int line, rpo_line;        /* rpo_line: 0 where the default stands */
};

struct config {
	char *file;
	/* agent_key: NULL where only pruner_key is given. keys_dir: default beside agent_key (or pruner_key). */
	char *state, *agent_key, *operator_key, *validator_key, *pruner_key, *keys_dir;
	int state_line, agent_key_line, operator_key_line, validator_key_line, pruner_key_line,
		keys_dir_line; /* 0: default */
	char *memory_dir;      /* default /run/nightfold */
	struct duration grace; /* default 24 hours */
	bool test_clock;
	bool clock_check; /* `clock_check: off` makes it false */
	bool same_host_accepted;
	/* Default: the .pub files beside agent_key (or pruner_key), each with the role it names and line 0; maybe none. */
	struct config_signer *signers;
	size_t signer_count;
	struct config_zone *zones; /* CONFIG_ZONES_MAX; who has only one needs no configuration (--zone-url) */
	size_t zone_count;
	struct config_recipient *recipients;
	size_t recipient_count;
	struct config_product *products;
	size_t product_count;
	struct config_dataset *datasets;
	size_t dataset_count;
};

must_check int config_load(const char *path, struct config **out);
void config_free(struct config *c);

/* Prints every key of the file with type, default and meaning, from the table that config_load() reads by. */
void config_describe(FILE *stream);

/* The dataset of that name; ERR_USAGE names those there are. */
must_check int config_dataset(const struct config *c, const char *name, const struct config_dataset **out);

/* "512 KiB", "4 MiB", "2 GiB", "65536": ERR_FORMAT else. Exposed for the command line too. */
must_check int config_parse_size(const char *text, uint64_t *bytes);

#endif
