/*
 * What is wrong with a zone, a dataset or a run: collected, so that every command tells all of it and decides one exit
 * status. Each finding is told once as it is found (log_warning or log_error) and again in --json. Of each kind but
 * LOST the first 20 are told, and then how many more there were; --json has the first 5000 of all. Counts are exact.
 * Thread-safe.
 */
#ifndef REPO_FINDINGS_H
#define REPO_FINDINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "report/json.h"

enum finding_kind {
	FINDING_NOTE,        /* worth knowing; changes no exit status */
	FINDING_UNAVAILABLE, /* a zone does not answer or refuses */
	FINDING_LAG,         /* a zone lacks what the other has, and is to be caught up */
	FINDING_SKIPPED,     /* an entry of the source was not taken, or changed while it was read */
	FINDING_FORGED,      /* unsigned, or signed by nobody trusted for it: ignored */
	FINDING_REVOKED,     /* signed by a revoked key, behind what counts of it: ignored */
	FINDING_ROLLED_BACK, /* a zone serves something older than was seen */
	FINDING_MISSING,     /* an object that must be in a zone is not; the other zone has it */
	FINDING_DAMAGED,     /* an object's bytes fail its name, hash or signature; the other zone's are good */
	FINDING_LOST,        /* in no zone whole: data is lost */
	FINDING_REFUSED, /* not done although asked for: an intent or withdrawal without authority, a doubtful clock */
};

struct finding {
	enum finding_kind kind;
	char *zone;   /* NULL: none in particular */
	char *object; /* name of the object or path of the file; NULL: none */
	char *text;
	bool healed; /* by repair */
};

struct findings;
struct findings *findings_new(void);
void findings_free(struct findings *f);

printf_like(5, 6) void findings_add(struct findings *f, enum finding_kind kind, const char *zone, const char *object,
				    const char *format, ...);

/* Says how many findings were not told one by one, if any: before a command sums up. findings_free() does it else. */
void findings_tell_rest(struct findings *f);

/* Marks the findings of this object in this zone as healed. */
void findings_heal(struct findings *f, const char *zone, const char *object);

/* Marks the findings of this kind about this zone as a whole (which name no object) as healed. */
void findings_heal_zone(struct findings *f, enum finding_kind kind, const char *zone);

/* Exact, also where there are more than are kept. */
size_t findings_count(const struct findings *f, enum finding_kind kind, bool unhealed_only);
size_t findings_total(const struct findings *f);
const struct finding *findings_at(const struct findings *f, size_t i);
const char *finding_kind_name(enum finding_kind kind);

/* An array of objects under `key`. */
void findings_json(const struct findings *f, struct json *j, const char *key);

/*
 * The exit status of a command that otherwise succeeded: for_check: any damage, forgery, roll-back or loss that is not
 * healed is EXIT_INTEGRITY; otherwise only FINDING_LOST is, and anything else but notes is EXIT_DEGRADED.
 */
int findings_exit(const struct findings *f, bool for_check);

#endif
