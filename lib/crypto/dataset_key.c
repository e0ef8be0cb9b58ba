#include "crypto/dataset_key.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hex.h"
#include "crypto/digest.h"
#include "crypto/secret_file.h"

#define MAGIC        "nightfold-dataset-key 1"
#define KEY_TEXT_MAX 512
#define EPOCH_MAX    999999999u
#define EPOCH_DIGITS 9
#define TIME_SIZE    20 /* 2026-11-21T02:00:00Z */
#define ATTEMPTS     3

static char *file_name(const char *dataset, uint32_t epoch)
{
	return xasprintf("%s.%u" DATASET_KEY_SUFFIX, dataset, (unsigned)epoch);
}

/* The epoch that a file name says, 0 when it is no key of this dataset. A dataset's name may contain dots. */
static uint32_t parse_name(const char *name, const char *dataset)
{
	size_t prefix = strlen(dataset);

	if (strncmp(name, dataset, prefix) != 0 || name[prefix] != '.')
		return 0;

	const char *digits = name + prefix + 1;
	size_t count = strspn(digits, "0123456789");

	if (count == 0 || count > EPOCH_DIGITS || digits[0] == '0' || strcmp(digits + count, DATASET_KEY_SUFFIX) != 0)
		return 0;
	return (uint32_t)strtoul(digits, NULL, 10);
}

/* Calls `each` for every epoch that lies in the folder. */
static int for_each_epoch(const char *keys_dir, const char *dataset, int (*each)(void *context, uint32_t epoch),
			  void *context)
{
	DIR *dir = opendir(keys_dir);
	int code = 0;

	if (dir == NULL && errno == ENOENT)
		return failed(ERR_MISSING, "there is no folder '%s' for dataset keys: make it (mode 0700), or mount it",
			      keys_dir);
	if (dir == NULL)
		return failed_errno(ERR_SYSTEM, "cannot open folder '%s'", keys_dir);
	while (code == 0) {
		errno = 0;

		const struct dirent *entry = readdir(dir);

		if (entry == NULL) {
			code = errno != 0 ? failed_errno(ERR_SYSTEM, "cannot list folder '%s'", keys_dir) : 0;
			break;
		}

		uint32_t epoch = parse_name(entry->d_name, dataset);

		if (epoch != 0)
			code = each(context, epoch);
	}
	closedir(dir);
	return code;
}

static int keep_highest(void *context, uint32_t epoch)
{
	uint32_t *highest = context;

	if (epoch > *highest)
		*highest = epoch;
	return 0;
}

static int find_highest(const char *keys_dir, const char *dataset, uint32_t *highest)
{
	*highest = 0;
	if (dataset[0] == '\0' || strchr(dataset, '/') != NULL)
		return failed(ERR_USAGE, "'%s' is no name of a dataset", dataset);
	return for_each_epoch(keys_dir, dataset, keep_highest, highest);
}

struct older {
	const char *keys_dir, *dataset;
	uint32_t in_use;
	int code; /* of one that cannot be destroyed; the others are */
};

static int destroy_older(void *context, uint32_t epoch)
{
	struct older *o = context;

	if (epoch >= o->in_use)
		return 0;

	_free_ char *name = file_name(o->dataset, epoch);

	int code = secret_file_destroy(o->keys_dir, name);
	if (code != 0)
		o->code = code;
	return 0;
}

int dataset_key_destroy_older(const char *keys_dir, const char *dataset, uint32_t in_use)
{
	struct older older = { keys_dir, dataset, in_use, 0 };
	int code = for_each_epoch(keys_dir, dataset, destroy_older, &older);

	return code == 0 ? older.code : code;
}

static int make(const char *keys_dir, const char *dataset, uint32_t epoch, int64_t now)
{
	_secret_ uint8_t *key = secret_new(KEY_SIZE);
	_buf_ struct buf text = { 0 };
	_free_ char *name = file_name(dataset, epoch);
	char began[CLOCK_TEXT_MAX];
	uint8_t *at;

	buf_init_guarded(&text, KEY_TEXT_MAX, "a dataset key");
	random_bytes(key, KEY_SIZE);

	int code = buf_printf(&text, MAGIC " %s %u %s ", dataset, (unsigned)epoch, clock_format(now, began));

	if (code == 0)
		code = buf_reserve(&text, 2 * KEY_SIZE + 1, &at);
	if (code == 0) {
		hex_encode(key, KEY_SIZE, (char *)at);
		text.len += 2 * KEY_SIZE;
		code = buf_append_byte(&text, '\n');
	}
	return code != 0 ? code : secret_file_create(keys_dir, name, text.data, text.len);
}

/* Exactly as it is written: 2026-11-21T02:00:00Z */
static bool parse_began(const char *text, int64_t *began)
{
	_free_ char *copy = xstrndup(text, TIME_SIZE);
	char again[CLOCK_TEXT_MAX];

	return clock_parse(copy, began) == 0 && strcmp(clock_format(*began, again), copy) == 0;
}

/* The reverse of make(), with the dataset and the epoch in the text as in the name. */
static int load(const char *keys_dir, const char *dataset, uint32_t epoch, struct dataset_key *key)
{
	_buf_ struct buf text = { 0 };
	_free_ char *name = file_name(dataset, epoch);
	_free_ char *path = xasprintf("%s/%s", keys_dir, name);
	_free_ char *head = xasprintf(MAGIC " %s %u ", dataset, (unsigned)epoch);
	size_t head_len = strlen(head), key_at = head_len + TIME_SIZE + 1, len = key_at + 2 * KEY_SIZE;

	buf_init_guarded(&text, KEY_TEXT_MAX, "a dataset key");

	int code = secret_file_load(path, &text);

	if (code == 0)
		code = buf_terminate(&text);
	if (code != 0)
		return code;

	const char *at = (const char *)text.data;

	if (text.len != len + 1 || at[len] != '\n' || memcmp(at, head, head_len) != 0 ||
	    !parse_began(at + head_len, &key->began) || at[key_at - 1] != ' ' ||
	    strspn(at + key_at, "0123456789abcdef") != 2 * KEY_SIZE ||
	    hex_decode(at + key_at, 2 * KEY_SIZE, key->key, KEY_SIZE) != 0)
		return failed(ERR_FORMAT,
			      "'%s' is no key of dataset %s, or a damaged one: restore the file, or remove it to start "
			      "a new one (that costs deduplication, not data)",
			      path, dataset);
	key->epoch = epoch;
	return 0;
}

/* `now`: NULL: none is made. */
static int load_newest(const char *keys_dir, const char *dataset, const int64_t *now, struct dataset_key *key)
{
	uint32_t epoch;
	int code = find_highest(keys_dir, dataset, &epoch);

	if (code == 0 && epoch == 0 && now == NULL)
		return failed(ERR_MISSING, "dataset %s has no key in '%s' yet", dataset, keys_dir);
	if (code == 0 && epoch == 0) {
		epoch = 1;
		code = make(keys_dir, dataset, epoch, *now);
		/* Somebody else was first: theirs is the key, for both. */
		if (code == ERR_EXISTS)
			code = 0;
	}
	return code != 0 ? code : load(keys_dir, dataset, epoch, key);
}

/* A rotation at the same moment wipes the key while it is being read: the next look finds the new one. */
static int load_steadily(const char *keys_dir, const char *dataset, const int64_t *now, struct dataset_key *key)
{
	int code = load_newest(keys_dir, dataset, now, key);

	for (int attempt = 1; (code == ERR_MISSING || code == ERR_FORMAT) && attempt < ATTEMPTS; attempt++)
		code = load_newest(keys_dir, dataset, now, key);
	return code;
}

int dataset_key_load(const char *keys_dir, const char *dataset, int64_t now, struct dataset_key **out)
{
	_secret_ struct dataset_key *key = secret_new(sizeof *key);
	int code = load_steadily(keys_dir, dataset, &now, key);

	if (code != 0)
		return code;
	*out = key;
	key = NULL;
	return 0;
}

int dataset_key_epoch(const char *keys_dir, const char *dataset, uint32_t *epoch, int64_t *began)
{
	_secret_ struct dataset_key *key = secret_new(sizeof *key);
	int code = load_steadily(keys_dir, dataset, NULL, key);

	*epoch = key->epoch;
	*began = key->began;
	return code;
}

int dataset_key_rotate(const char *keys_dir, const char *dataset, int64_t now, uint32_t *epoch)
{
	uint32_t old;
	int code = find_highest(keys_dir, dataset, &old);

	if (code != 0)
		return code;
	if (old == 0)
		return failed(ERR_MISSING, "dataset %s has no key in '%s': nothing to rotate", dataset, keys_dir);
	if (old >= EPOCH_MAX)
		return failed(ERR_FORMAT, "epoch %u of dataset %s cannot be followed by another", (unsigned)old,
			      dataset);

	code = make(keys_dir, dataset, old + 1, now);
	/* ERR_EXISTS: somebody else rotated at the same moment, which is what was asked for. */
	if (code != 0 && code != ERR_EXISTS)
		return code;
	*epoch = old + 1;
	code = dataset_key_destroy_older(keys_dir, dataset, old + 1);
	return code == 0 ? 0
			 : failed_in(code, "epoch %u of dataset %s is in use, but an older key still exists",
				     (unsigned)*epoch, dataset);
}

void dataset_subkey(const struct dataset_key *key, const char *purpose, uint8_t out[KEY_SIZE])
{
	blake2b_keyed(key->key, purpose, strlen(purpose), out);
}
