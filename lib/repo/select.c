#include "repo/select.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/hex.h"

#define DAY    86400
#define MINUTE 60

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool select_is_id(const char *selector)
{
	size_t len = strlen(selector);

	for (size_t i = 0; i < len; i++) {
		if (!is_hex(selector[i]))
			return false;
	}
	return len >= SELECT_ID_MIN && len < SNAPSHOT_ID_HEX;
}

static int malformed(const char *text)
{
	return failed(ERR_USAGE,
		      "'%s' names no snapshot: expected DATASET@latest, DATASET@2026-11-21, DATASET@2026-11-21T02:00 "
		      "or the first "
		      "digits (at least %d) of an id",
		      text, SELECT_ID_MIN);
}

int select_split(const char *text, char dataset[DATASET_NAME_MAX + 1], const char **selector)
{
	const char *at = strchr(text, '@');

	dataset[0] = '\0';
	*selector = text;
	if (at == NULL)
		return select_is_id(text) ? 0 : malformed(text);
	if (at == text || (size_t)(at - text) > DATASET_NAME_MAX || at[1] == '\0')
		return malformed(text);
	memcpy(dataset, text, (size_t)(at - text));
	dataset[at - text] = '\0';
	*selector = at + 1;
	return dataset_name_check(dataset) == 0 ? 0 : failed_in(ERR_USAGE, "'%s'", text);
}

char *select_text(const struct repo *r, const struct snapshot *s, char *out)
{
	char taken[CLOCK_TEXT_MAX], id[SNAPSHOT_ID_HEX];

	snprintf(out, SELECT_TEXT_MAX, "%s@%s (%.8s)", r->dataset, clock_format(s->header.taken_at, taken),
		 hex_encode(s->header.id, SNAPSHOT_ID_SIZE, id));
	return out;
}

static bool has_prefix(const uint8_t id[SNAPSHOT_ID_SIZE], const char *prefix)
{
	char hex[SNAPSHOT_ID_HEX];

	return strncasecmp(hex_encode(id, SNAPSHOT_ID_SIZE, hex), prefix, strlen(prefix)) == 0;
}

static int select_id(const struct repo *r, const char *prefix, const struct snapshot **out)
{
	char first[SELECT_TEXT_MAX], second[SELECT_TEXT_MAX];

	*out = NULL;
	for (size_t i = 0; i < r->snapshot_count; i++) {
		const struct snapshot *s = &r->snapshots[i];

		if (!has_prefix(s->header.id, prefix))
			continue;
		if (*out != NULL)
			return failed(ERR_USAGE, "the id prefix '%s' is ambiguous: %s and %s both begin with it",
				      prefix, select_text(r, *out, first), select_text(r, s, second));
		*out = s;
	}
	return *out != NULL ? 0
			    : failed(ERR_MISSING, "dataset %s has no snapshot whose id begins with '%s'", r->dataset,
				     prefix);
}

/* No snapshot in [from, until): says which come before and behind. */
static int none_there(const struct repo *r, const char *selector, int64_t from, int64_t until)
{
	const struct snapshot *before = NULL, *behind = NULL;
	char text_before[SELECT_TEXT_MAX], text_behind[SELECT_TEXT_MAX];

	for (size_t i = 0; i < r->snapshot_count; i++) {
		const struct snapshot *s = &r->snapshots[i];

		if (!snapshot_live(s))
			continue;
		if (s->header.taken_at < from)
			before = s;
		else if (s->header.taken_at >= until && behind == NULL)
			behind = s;
	}
	if (before == NULL && behind == NULL)
		return failed(ERR_MISSING, "dataset %s has no snapshot", r->dataset);
	if (before == NULL || behind == NULL)
		return failed(ERR_MISSING, "dataset %s has no snapshot of %s; the %s one is %s", r->dataset, selector,
			      before == NULL ? "oldest" : "newest",
			      select_text(r, before == NULL ? behind : before, text_before));
	return failed(ERR_MISSING, "dataset %s has no snapshot of %s; the one before is %s, the one behind %s",
		      r->dataset, selector, select_text(r, before, text_before), select_text(r, behind, text_behind));
}

/* When what a date or a time names was taken: in [from, until). */
static int time_range(const char *selector, int64_t *from, int64_t *until)
{
	if (clock_parse(selector, from) != 0)
		return malformed(selector);
	if (strchr(selector, 'T') == NULL) {
		*until = *from + DAY;
	} else {
		/* With seconds: that second is the last to count. */
		bool seconds = strlen(selector) > strlen("2026-11-21T02:00Z");

		*until = seconds ? *from + 1 : *from + MINUTE;
		*from -= *from % MINUTE;
	}
	return 0;
}

static int select_time(const struct repo *r, const char *selector, const struct snapshot **out)
{
	int64_t from, until;
	int code = time_range(selector, &from, &until);

	if (code != 0)
		return code;
	*out = NULL;
	for (size_t i = 0; i < r->snapshot_count; i++) {
		const struct snapshot *s = &r->snapshots[i];

		if (snapshot_live(s) && s->header.taken_at >= from && s->header.taken_at < until)
			*out = s;
	}
	return *out != NULL ? 0 : none_there(r, selector, from, until);
}

bool select_is_latest(const char *selector)
{
	return strcmp(selector, "latest") == 0;
}

bool select_may_mean(const char *selector, int64_t taken_at, const uint8_t id[SNAPSHOT_ID_SIZE])
{
	int64_t from, until;

	if (select_is_latest(selector))
		return true;
	if (select_is_id(selector))
		return has_prefix(id, selector);
	return time_range(selector, &from, &until) == 0 && taken_at >= from && taken_at < until;
}

int select_snapshot(const struct repo *r, const char *selector, const struct snapshot **out)
{
	if (select_is_latest(selector)) {
		*out = repo_newest(r);
		return *out != NULL ? 0 : none_there(r, selector, 0, 0);
	}
	return select_is_id(selector) ? select_id(r, selector, out) : select_time(r, selector, out);
}
