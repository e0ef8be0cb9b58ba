#include "repo/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/processors.h"
#include "repo/checking.h"
#include "repo/examine.h"

#define THREADS_MAX 16 /* each with a window of a pack */
#define SLICES_MAX  10000

static const char *const level_names[] = {
	[CHECK_LIST] = "list", [CHECK_FINGERPRINT] = "fingerprint", [CHECK_DATA] = "data"
};

int check_level_parse(const char *text, enum check_level *level)
{
	for (size_t i = 0; i < sizeof level_names / sizeof level_names[0]; i++) {
		if (strcmp(text, level_names[i]) == 0) {
			*level = (enum check_level)i;
			return 0;
		}
	}
	return failed(ERR_USAGE, "'%.64s' is no level of checking: expected list, fingerprint or data", text);
}

const char *check_level_name(enum check_level level)
{
	return level_names[level];
}

/* One to five digits; *end: what follows on them. */
static bool parse_count(const char *text, const char **end, unsigned *value)
{
	*value = 0;
	for (*end = text; **end >= '0' && **end <= '9' && *end - text < 5; ++*end)
		*value = *value * 10 + (unsigned)(**end - '0');
	return *end > text;
}

int check_slice_parse(const char *text, unsigned *slice, unsigned *slices)
{
	const char *end;
	unsigned n = 0, m = 0;

	if (!parse_count(text, &end, &n) || *end != '/' || !parse_count(end + 1, &end, &m) || *end != '\0' || n < 1 ||
	    n > m || m > SLICES_MAX)
		return failed(ERR_USAGE,
			      "'%.64s' is no slice: expected n/m with n from 1 to m, as in 1/7, and m at most %d", text,
			      SLICES_MAX);
	*slice = n;
	*slices = m;
	return 0;
}

bool check_in_slice(const struct check_options *options, const uint8_t digest[DIGEST_SIZE])
{
	uint64_t part = 0;

	for (size_t i = 0; i < 8; i++)
		part = part << 8 | digest[i];
	return options->slices == 0 || part % options->slices == options->slice - 1;
}

unsigned check_threads(const struct check_options *options)
{
	unsigned threads = options->threads > 0 ? options->threads : processors_usable();

	return threads > THREADS_MAX ? THREADS_MAX : threads;
}

char *check_snapshot_name(const struct repo *r, const struct snapshot *s, char *out)
{
	char time[CLOCK_TEXT_MAX];

	snprintf(out, CHECK_SNAPSHOT_NAME, "%s@%s", r->dataset, clock_format(s->header.taken_at, time));
	return out;
}

static bool same(const char *a, const char *b)
{
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

void check_tell(struct checking *c, enum finding_kind kind, unsigned zone, const char *object, const char *format, ...)
{
	struct findings *f = c->r->findings;
	const char *name = c->r->zones[zone].name;
	char text[ERR_MESSAGE_MAX];
	va_list arguments;

	for (size_t i = 0; i < findings_total(f); i++) {
		const struct finding *old = findings_at(f, i);

		if ((old->kind == FINDING_MISSING || old->kind == FINDING_DAMAGED || old->kind == FINDING_FORGED) &&
		    same(old->zone, name) && same(old->object, object))
			return;
	}
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	findings_add(f, kind, name, object, "%s", text);
}

/* Everything that must be there, in any zone: to tell what is needed from what merely lies there. */
static int reach_all(struct checking *c)
{
	int code = 0;

	c->reach = reach_new(c->r);
	for (size_t i = 0; i < c->r->snapshot_count && code == 0; i++) {
		if (snapshot_stays(c->r, &c->r->snapshots[i]))
			code = reach_add(c->reach, c->r->snapshots[i].header.root_id, NULL, NULL);
	}
	return code;
}

/* A check that finds nothing to check must not say that all is well. */
static void tell_emptiness(struct checking *c)
{
	struct repo *r = c->r;

	if (c->result->snapshots > 0 || !r->complete)
		return;
	if (r->snapshot_count == 0 && r->index_count == 0)
		findings_add(r->findings, FINDING_MISSING, NULL, NULL,
			     "the zones hold nothing of %s: it was never backed up, or both lost it", r->dataset);
	else
		findings_add(r->findings, FINDING_NOTE, NULL, NULL, "%s has no live snapshot: nothing can be restored",
			     r->dataset);
}

int repo_check(struct repo *r, const struct check_options *options, struct check_result *result)
{
	struct checking c = { .r = r, .options = options, .result = result };
	int code;

	must(options->level != CHECK_DATA || options->key != NULL);
	*result = (struct check_result){ 0 };
	code = reach_all(&c);
	if (code == 0)
		code = check_indexes(&c);
	if (code == 0)
		code = check_snapshots(&c);
	if (code == 0) {
		tell_emptiness(&c);
		code = check_listed(&c);
	}
	if (code == 0 && options->level >= CHECK_FINGERPRINT)
		code = check_read(&c, NULL, 0);
	if (code == 0)
		code = check_lost(&c);
	if (code == 0 && options->repair)
		code = check_repair(&c);
	if (code == 0 && options->level >= CHECK_DATA)
		code = check_data(&c);
	if (code == 0 && !options->repair)
		result->healable = check_healable(&c);
	reach_free(c.reach);
	free(c.unknown);
	free(c.whole);
	return code;
}
