#include "repo/findings.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"

/* A zone full of rubbish must not fill memory and log: what comes after this many is counted, not kept. */
#define FINDINGS_MAX 5000

struct findings {
	pthread_mutex_t lock;
	struct finding **list;
	size_t count, cap, unkept;
	unsigned unkept_kinds; /* bits 1 << enum finding_kind */
};

struct findings *findings_new(void)
{
	struct findings *f = xcalloc(1, sizeof *f);

	pthread_mutex_init(&f->lock, NULL);
	return f;
}

void findings_free(struct findings *f)
{
	if (f == NULL)
		return;
	for (size_t i = 0; i < f->count; i++) {
		free(f->list[i]->zone);
		free(f->list[i]->object);
		free(f->list[i]->text);
		free(f->list[i]);
	}
	free(f->list);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* A repo is loaded several times in a run: the same fact is told once. */
static bool known(const struct findings *f, enum finding_kind kind, const char *zone, const char *object,
		  const char *text)
{
	for (size_t i = f->count; i > 0; i--) {
		const struct finding *old = f->list[i - 1];

		if (old->kind == kind && same_text(old->zone, zone) && same_text(old->object, object) &&
		    same_text(old->text, text))
			return true;
	}
	return false;
}

static void tell(const struct finding *finding)
{
	char object[512] = "";

	if (finding->object != NULL)
		log_printable(finding->object, strlen(finding->object), object, sizeof object);

	const char *zone = finding->zone == NULL ? "" : finding->zone;
	const char *zone_end = finding->zone == NULL ? "" : ": ";
	const char *object_end = finding->object == NULL ? "" : ": ";

	switch (finding->kind) {
	case FINDING_NOTE:
		log_info("%s%s%s%s%s", zone, zone_end, object, object_end, finding->text);
		break;
	case FINDING_LOST:
		log_error("%s%s%s%s%s", zone, zone_end, object, object_end, finding->text);
		break;
	case FINDING_UNAVAILABLE:
	case FINDING_LAG:
	case FINDING_SKIPPED:
	case FINDING_FORGED:
	case FINDING_ROLLED_BACK:
	case FINDING_MISSING:
	case FINDING_DAMAGED:
	case FINDING_REFUSED:
	default:
		log_warning("%s%s%s%s%s", zone, zone_end, object, object_end, finding->text);
		break;
	}
}

void findings_add(struct findings *f, enum finding_kind kind, const char *zone, const char *object, const char *format,
		  ...)
{
	va_list arguments;
	char text[ERR_MESSAGE_MAX];

	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);

	pthread_mutex_lock(&f->lock);
	if (f->count == FINDINGS_MAX) {
		if (f->unkept++ == 0)
			log_error("more than %d findings: those after them are not told; the exit status counts them",
				  FINDINGS_MAX);
		f->unkept_kinds |= 1u << kind;
	} else if (!known(f, kind, zone, object, text)) {
		struct finding *new = xcalloc(1, sizeof *new);

		new->kind = kind;
		new->zone = zone == NULL ? NULL : xstrdup(zone);
		new->object = object == NULL ? NULL : xstrdup(object);
		new->text = xstrdup(text);
		if (f->count == f->cap) {
			f->cap = f->cap == 0 ? 16 : 2 * f->cap;
			f->list = xrealloc(f->list, f->cap, sizeof(struct finding *));
		}
		f->list[f->count++] = new;
		tell(new);
	}
	pthread_mutex_unlock(&f->lock);
}

void findings_heal(struct findings *f, const char *zone, const char *object)
{
	pthread_mutex_lock(&f->lock);
	for (size_t i = 0; i < f->count; i++) {
		if (same_text(f->list[i]->zone, zone) && same_text(f->list[i]->object, object))
			f->list[i]->healed = true;
	}
	pthread_mutex_unlock(&f->lock);
}

void findings_heal_zone(struct findings *f, enum finding_kind kind, const char *zone)
{
	pthread_mutex_lock(&f->lock);
	for (size_t i = 0; i < f->count; i++) {
		if (f->list[i]->kind == kind && same_text(f->list[i]->zone, zone) && f->list[i]->object == NULL)
			f->list[i]->healed = true;
	}
	pthread_mutex_unlock(&f->lock);
}

size_t findings_count(const struct findings *f, enum finding_kind kind, bool unhealed_only)
{
	size_t count = 0;

	for (size_t i = 0; i < f->count; i++)
		count += f->list[i]->kind == kind && !(unhealed_only && f->list[i]->healed);
	return count;
}

size_t findings_total(const struct findings *f)
{
	return f->count;
}

const struct finding *findings_at(const struct findings *f, size_t i)
{
	must(i < f->count);
	return f->list[i];
}

const char *finding_kind_name(enum finding_kind kind)
{
	static const char *const names[] = {
		[FINDING_NOTE] = "note",       [FINDING_UNAVAILABLE] = "unavailable",
		[FINDING_LAG] = "lag",         [FINDING_SKIPPED] = "skipped",
		[FINDING_FORGED] = "forged",   [FINDING_ROLLED_BACK] = "rolled-back",
		[FINDING_MISSING] = "missing", [FINDING_DAMAGED] = "damaged",
		[FINDING_LOST] = "lost",       [FINDING_REFUSED] = "refused",
	};

	return names[kind];
}

void findings_json(const struct findings *f, struct json *j, const char *key)
{
	json_key(j, key);
	json_array(j);
	for (size_t i = 0; i < f->count; i++) {
		const struct finding *finding = f->list[i];

		json_object(j);
		json_put_text(j, "kind", finding_kind_name(finding->kind));
		json_put_text(j, "zone", finding->zone);
		json_key(j, "object");
		if (finding->object == NULL)
			json_null(j);
		else
			json_bytes(j, finding->object, strlen(finding->object));
		json_put_text(j, "text", finding->text);
		json_put_bool(j, "healed", finding->healed);
		json_close_object(j);
	}
	json_close_array(j);
}

static bool is_damage(enum finding_kind kind)
{
	return kind == FINDING_FORGED || kind == FINDING_ROLLED_BACK || kind == FINDING_MISSING ||
	       kind == FINDING_DAMAGED;
}

int findings_exit(const struct findings *f, bool for_check)
{
	bool degraded = false;

	for (unsigned kind = 0; kind <= FINDING_REFUSED; kind++) {
		if ((f->unkept_kinds & 1u << kind) == 0 || kind == FINDING_NOTE)
			continue;
		degraded = true;
		if (kind == FINDING_LOST || (for_check && is_damage((enum finding_kind)kind)))
			return EXIT_INTEGRITY;
	}

	for (size_t i = 0; i < f->count; i++) {
		const struct finding *finding = f->list[i];

		if (finding->healed || finding->kind == FINDING_NOTE)
			continue;
		degraded = true;
		if (finding->kind == FINDING_LOST || (for_check && is_damage(finding->kind)))
			return EXIT_INTEGRITY;
	}
	return degraded ? EXIT_DEGRADED : EXIT_DONE;
}
