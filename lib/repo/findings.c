#include "repo/findings.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "crypto/digest.h"

/* A zone full of rubbish must not fill memory: what comes after this many is counted, not kept. */
#define FINDINGS_MAX 5000
#define KINDS        (FINDING_REFUSED + 1)

/*
 * Nor the log: of each kind this many are told. What is lost is told all the same: nobody else says which files those
 * are.
 */
#define TOLD_MAX 20

struct findings {
	pthread_mutex_t lock;
	struct finding **list;
	size_t count, cap;
	/*
	 * Fingerprints of all that were ever added, open addressing, 0: free; so that a fact is told and counted once.
	 */
	uint64_t *prints;
	size_t print_count, print_cap; /* the latter a power of two */
	size_t unkept[KINDS], told[KINDS], untold[KINDS];
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
	findings_tell_rest(f);
	for (size_t i = 0; i < f->count; i++) {
		free(f->list[i]->zone);
		free(f->list[i]->object);
		free(f->list[i]->text);
		free(f->list[i]);
	}
	free(f->list);
	free(f->prints);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static uint64_t print_of(enum finding_kind kind, const char *zone, const char *object, const char *text)
{
	const char *parts[] = { zone, object, text };
	uint8_t head[1 + 3] = { (uint8_t)kind }, digest[DIGEST_SIZE];
	struct sha256 *hash = sha256_new();
	uint64_t print = 0;

	for (size_t i = 0; i < 3; i++)
		head[1 + i] = parts[i] != NULL;
	sha256_reset(hash);
	sha256_update(hash, head, sizeof head);
	for (size_t i = 0; i < 3; i++) {
		if (parts[i] != NULL)
			sha256_update(hash, parts[i], strlen(parts[i]) + 1);
	}
	sha256_final(hash, digest);
	sha256_free(hash);
	for (size_t i = 0; i < 8; i++)
		print = print << 8 | digest[i];
	return print == 0 ? 1 : print;
}

/* Where a print is, or would go. */
static size_t slot_of(const uint64_t *prints, size_t cap, uint64_t print)
{
	size_t slot = print & (cap - 1);

	while (prints[slot] != 0 && prints[slot] != print)
		slot = (slot + 1) & (cap - 1);
	return slot;
}

/* A repo is loaded several times in a run: the same fact is told once. */
static bool known(struct findings *f, uint64_t print)
{
	if (2 * f->print_count >= f->print_cap) {
		size_t cap = f->print_cap == 0 ? 64 : 2 * f->print_cap;
		uint64_t *wider = xcalloc(cap, sizeof *wider);

		for (size_t i = 0; i < f->print_cap; i++) {
			if (f->prints[i] != 0)
				wider[slot_of(wider, cap, f->prints[i])] = f->prints[i];
		}
		free(f->prints);
		f->prints = wider;
		f->print_cap = cap;
	}
	size_t slot = slot_of(f->prints, f->print_cap, print);
	if (f->prints[slot] != 0)
		return true;
	f->prints[slot] = print;
	f->print_count++;
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
	case FINDING_REVOKED:
	case FINDING_ROLLED_BACK:
	case FINDING_MISSING:
	case FINDING_DAMAGED:
	case FINDING_REFUSED:
	default:
		log_warning("%s%s%s%s%s", zone, zone_end, object, object_end, finding->text);
		break;
	}
}

static void keep(struct findings *f, const struct finding *finding)
{
	struct finding *new = xcalloc(1, sizeof *new);

	new->kind = finding->kind;
	new->zone = finding->zone == NULL ? NULL : xstrdup(finding->zone);
	new->object = finding->object == NULL ? NULL : xstrdup(finding->object);
	new->text = xstrdup(finding->text);
	if (f->count == f->cap) {
		f->cap = f->cap == 0 ? 16 : 2 * f->cap;
		f->list = xrealloc(f->list, f->cap, sizeof(struct finding *));
	}
	f->list[f->count++] = new;
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
	if (!known(f, print_of(kind, zone, object, text))) {
		struct finding new = {
			.kind = kind, .zone = (char *)(uintptr_t)zone, .object = (char *)(uintptr_t)object, .text = text
		};

		if (f->count == FINDINGS_MAX)
			f->unkept[kind]++;
		else
			keep(f, &new);
		if (kind == FINDING_LOST || f->told[kind] < TOLD_MAX) {
			f->told[kind]++;
			tell(&new);
		} else {
			f->untold[kind]++;
		}
	}
	pthread_mutex_unlock(&f->lock);
}

void findings_tell_rest(struct findings *f)
{
	pthread_mutex_lock(&f->lock);
	for (unsigned kind = 0; kind < KINDS; kind++) {
		const char *name = finding_kind_name((enum finding_kind)kind),
			   *listed = f->unkept[kind] == 0 ? "all" : "the first 5000 findings";

		if (f->untold[kind] == 0)
			continue;
		if (kind == FINDING_NOTE)
			log_info("and %zu more of this kind (%s): --json lists %s", f->untold[kind], name, listed);
		else
			log_warning("and %zu more of this kind (%s): --json lists %s", f->untold[kind], name, listed);
		f->untold[kind] = 0;
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
	size_t count = f->unkept[kind];

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
		[FINDING_REVOKED] = "revoked",
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
	return kind == FINDING_FORGED || kind == FINDING_REVOKED || kind == FINDING_ROLLED_BACK ||
	       kind == FINDING_MISSING || kind == FINDING_DAMAGED;
}

int findings_exit(const struct findings *f, bool for_check)
{
	bool degraded = false;

	for (unsigned kind = 0; kind < KINDS; kind++) {
		if (f->unkept[kind] == 0 || kind == FINDING_NOTE)
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
