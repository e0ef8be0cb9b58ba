#include "format/names.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"

#define NUMBER_DIGITS 16
#define NUMBER_MAX    9999999999999999ULL

#define TIME_DIGITS 18 /* 2026-11-21T020000Z */

__attribute__((format(printf, 2, 3))) static char *make(char *out, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	int len = vsnprintf(out, OBJECT_NAME_MAX, format, args);
	va_end(args);
	must(len > 0 && len < OBJECT_NAME_MAX);
	return out;
}

char *name_pack(const char *dataset, const uint8_t pack[DIGEST_SIZE], char *out)
{
	char hex[DIGEST_HEX];

	hex_encode(pack, DIGEST_SIZE, hex);
	return make(out, "%s/packs/%.2s/%s", dataset, hex, hex);
}

char *name_index(const char *dataset, const uint8_t signer[KEY_ID_SIZE], uint64_t seq, const uint8_t hash[DIGEST_SIZE],
		 char *out)
{
	char signer_hex[KEY_ID_HEX], hash_hex[DIGEST_HEX];

	must(seq <= NUMBER_MAX);
	return make(out, "%s/index/%s/%016llu-%s", dataset, hex_encode(signer, KEY_ID_SIZE, signer_hex),
		    (unsigned long long)seq, hex_encode(hash, DIGEST_SIZE, hash_hex));
}

char *name_seal(const char *dataset, const uint8_t snapshot[SNAPSHOT_ID_SIZE], uint32_t generation, char *out)
{
	char hex[SNAPSHOT_ID_HEX];

	return make(out, "%s/seals/%s.%lu", dataset, hex_encode(snapshot, SNAPSHOT_ID_SIZE, hex),
		    (unsigned long)generation);
}

char *name_header(const char *dataset, int64_t taken_at, const uint8_t snapshot[SNAPSHOT_ID_SIZE], char *out)
{
	char time[CLOCK_TEXT_MAX], hex[SNAPSHOT_ID_HEX];

	return make(out, "%s/snapshots/%s-%s", dataset, clock_format_name(taken_at, time),
		    hex_encode(snapshot, SNAPSHOT_ID_SIZE, hex));
}

char *name_intent(const char *dataset, const uint8_t snapshot[SNAPSHOT_ID_SIZE], char *out)
{
	char hex[SNAPSHOT_ID_HEX];

	return make(out, "%s/intents/%s", dataset, hex_encode(snapshot, SNAPSHOT_ID_SIZE, hex));
}

char *name_condemned(const char *dataset, const uint8_t pack[DIGEST_SIZE], char *out)
{
	char hex[DIGEST_HEX];

	return make(out, "%s/condemned/%s", dataset, hex_encode(pack, DIGEST_SIZE, hex));
}

char *name_lease(const char *dataset, uint64_t number, char *out)
{
	must(number <= NUMBER_MAX);
	return make(out, "%s/lease/%016llu", dataset, (unsigned long long)number);
}

/*
 * The parsers take the fields from where they must stand, make the name that these fields have, and compare: one
 * spelling only, and no rule is written twice.
 */
static int foreign(const char *name)
{
	return failed(ERR_FORMAT, "'%.*s' is no name of this format", OBJECT_NAME_MAX, name);
}

static int same(const char *name, const char *made)
{
	return strcmp(name, made) == 0 ? 0 : foreign(name);
}

/* What follows "<dataset>/<folder>/", or NULL. */
static const char *inside(const char *name, const char *dataset, const char *folder)
{
	size_t dataset_len = strlen(dataset), folder_len = strlen(folder);

	if (strncmp(name, dataset, dataset_len) != 0 || name[dataset_len] != '/')
		return NULL;
	name += dataset_len + 1;
	return strncmp(name, folder, folder_len) == 0 && name[folder_len] == '/' ? name + folder_len + 1 : NULL;
}

/* `size` bytes in hex at the beginning of `text`, which may be NULL or shorter. Moves *text behind them. */
static bool take_hex(const char **text, void *out, size_t size)
{
	if (*text == NULL || strnlen(*text, 2 * size) < 2 * size || hex_decode(*text, 2 * size, out, size) < 0)
		return false;
	*text += 2 * size;
	return true;
}

/* Decimal digits; overflow and leading zeros are caught by the comparison with the made name. */
static bool take_number(const char **text, uint64_t max, uint64_t *value)
{
	if (*text == NULL || **text < '0' || **text > '9')
		return false;
	*value = 0;
	for (; **text >= '0' && **text <= '9'; (*text)++) {
		uint64_t digit = (uint64_t)(**text - '0');

		if (*value > (max - digit) / 10)
			return false;
		*value = *value * 10 + digit;
	}
	return true;
}

static bool take_byte(const char **text, char byte)
{
	if (*text == NULL || **text != byte)
		return false;
	(*text)++;
	return true;
}

int name_parse_pack(const char *name, const char *dataset, uint8_t pack[DIGEST_SIZE])
{
	char made[OBJECT_NAME_MAX];
	uint8_t shard;
	const char *at = inside(name, dataset, "packs");

	if (!take_hex(&at, &shard, 1) || !take_byte(&at, '/') || !take_hex(&at, pack, DIGEST_SIZE))
		return foreign(name);
	return same(name, name_pack(dataset, pack, made));
}

int name_parse_index(const char *name, const char *dataset, uint8_t signer[KEY_ID_SIZE], uint64_t *seq,
		     uint8_t hash[DIGEST_SIZE])
{
	char made[OBJECT_NAME_MAX];
	const char *at = inside(name, dataset, "index");

	if (!take_hex(&at, signer, KEY_ID_SIZE) || !take_byte(&at, '/') || !take_number(&at, NUMBER_MAX, seq) ||
	    !take_byte(&at, '-') || !take_hex(&at, hash, DIGEST_SIZE))
		return foreign(name);
	return same(name, name_index(dataset, signer, *seq, hash, made));
}

int name_parse_seal(const char *name, const char *dataset, uint8_t snapshot[SNAPSHOT_ID_SIZE], uint32_t *generation)
{
	char made[OBJECT_NAME_MAX];
	uint64_t number;
	const char *at = inside(name, dataset, "seals");

	if (!take_hex(&at, snapshot, SNAPSHOT_ID_SIZE) || !take_byte(&at, '.') ||
	    !take_number(&at, UINT32_MAX, &number) || number == 0)
		return foreign(name);
	*generation = (uint32_t)number;
	return same(name, name_seal(dataset, snapshot, *generation, made));
}

int name_parse_header(const char *name, const char *dataset, int64_t *taken_at, uint8_t snapshot[SNAPSHOT_ID_SIZE])
{
	char made[OBJECT_NAME_MAX], time[CLOCK_TEXT_MAX];
	const char *at = inside(name, dataset, "snapshots");

	if (at == NULL || strnlen(at, TIME_DIGITS) < TIME_DIGITS)
		return foreign(name);
	/* "2026-11-21T020000Z" with the colons that clock_parse() wants. */
	snprintf(time, sizeof time, "%.13s:%.2s:%.3s", at, at + 13, at + 15);
	at += TIME_DIGITS;
	if (clock_parse(time, taken_at) < 0 || !take_byte(&at, '-') || !take_hex(&at, snapshot, SNAPSHOT_ID_SIZE))
		return foreign(name);
	return same(name, name_header(dataset, *taken_at, snapshot, made));
}

int name_parse_intent(const char *name, const char *dataset, uint8_t snapshot[SNAPSHOT_ID_SIZE])
{
	char made[OBJECT_NAME_MAX];
	const char *at = inside(name, dataset, "intents");

	if (!take_hex(&at, snapshot, SNAPSHOT_ID_SIZE))
		return foreign(name);
	return same(name, name_intent(dataset, snapshot, made));
}

int name_parse_condemned(const char *name, const char *dataset, uint8_t pack[DIGEST_SIZE])
{
	char made[OBJECT_NAME_MAX];
	const char *at = inside(name, dataset, "condemned");

	if (!take_hex(&at, pack, DIGEST_SIZE))
		return foreign(name);
	return same(name, name_condemned(dataset, pack, made));
}

int name_parse_lease(const char *name, const char *dataset, uint64_t *number)
{
	char made[OBJECT_NAME_MAX];
	const char *at = inside(name, dataset, "lease");

	if (!take_number(&at, NUMBER_MAX, number))
		return foreign(name);
	return same(name, name_lease(dataset, *number, made));
}

int dataset_name_check(const char *name)
{
	size_t len = strnlen(name, DATASET_NAME_MAX + 1);

	if (len == 0 || len > DATASET_NAME_MAX)
		return failed(ERR_FORMAT, "a dataset's name has 1 to %d characters", DATASET_NAME_MAX);
	if (name[0] == '.' || name[0] == '-' || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") != len)
		return failed(
			ERR_FORMAT,
			"'%s' cannot name a dataset: a-z, 0-9, '.', '_' and '-' can, and '.' and '-' not at the start",
			name);
	return 0;
}
