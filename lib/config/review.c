#include "config/review.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/place.h"
#include "source/exclude.h"
#include "source/source.h"

struct review {
	const struct config *c;
	review_call call;
	void *context;
	bool agent_here, pruner_here; /* their keys are on this host */
	struct public_key *signers;   /* those that could be read, as many as `signers` lists */
	size_t signer_count;
};

static printf_like(4, 5) void tell(const struct review *r, enum review_level level, int line, const char *format, ...)
{
	char text[2048];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	r->call(r->context, level, line, text);
}

static void tell_error(const struct review *r, int line, const char *what)
{
	tell(r, REVIEW_ERROR, line, "%s: %s", what, err_message());
}

/* ---- keys ---- */

static const struct public_key *find_signer(const struct review *r, const uint8_t id[KEY_ID_SIZE])
{
	for (size_t i = 0; i < r->signer_count; i++) {
		if (memcmp(r->signers[i].id, id, KEY_ID_SIZE) == 0)
			return &r->signers[i];
	}
	return NULL;
}

static void review_signers(struct review *r)
{
	const struct config *c = r->c;

	r->signers = xcalloc(c->signer_count + 1, sizeof *r->signers);
	for (size_t i = 0; i < c->signer_count; i++) {
		const struct config_signer *row = &c->signers[i];
		_free_ char *what = xasprintf("signer '%s'", row->name);
		struct public_key key;

		if (key_load_public(row->key, &key) != 0) {
			tell_error(r, row->line, what);
			continue;
		}
		if ((row->roles & ~(1u << key.role)) != 0)
			tell(r, REVIEW_ERROR, row->line,
			     "%s: '%s' is a key for the role %s; its roles can be nothing else", what, row->key,
			     role_name(key.role));
		if (find_signer(r, key.id) != NULL)
			tell(r, row->line > 0 ? REVIEW_ERROR : REVIEW_WARNING, row->line,
			     "%s: '%s' is the key of another signer too: one key is one signer", what, row->key);
		r->signers[r->signer_count++] = key;
	}
}

static void review_recipients(const struct review *r)
{
	const struct config *c = r->c;
	_free_ struct public_key *keys = xcalloc(c->recipient_count + 1, sizeof *keys);
	bool operator= false, all_read = true;

	for (size_t i = 0; i < c->recipient_count; i++) {
		const struct config_recipient *row = &c->recipients[i];
		_free_ char *what = xasprintf("recipient '%s'", row->name);

		if (key_load_public(row->key, &keys[i]) != 0) {
			tell_error(r, row->line, what);
			all_read = false;
			continue;
		}
		if (!role_has_box(keys[i].role))
			tell(r, REVIEW_ERROR, row->line,
			     "%s: '%s' is a key for the role %s, which cannot open anything; name an operator's or a "
			     "validator's",
			     what, row->key, role_name(keys[i].role));
		operator= operator|| keys[i].role == ROLE_OPERATOR;
		for (size_t k = 0; k < i; k++) {
			if (memcmp(keys[k].id, keys[i].id, KEY_ID_SIZE) == 0)
				tell(r, REVIEW_ERROR, row->line,
				     "%s: '%s' is the key of recipient '%s' too: who is meant to have one of their "
				     "own?",
				     what, row->key, c->recipients[k].name);
		}
	}
	if (!operator&& all_read)
		tell(r, REVIEW_ERROR, c->recipients[0].line,
		     "recipients: none is an operator, so nobody whose task it is could restore: name at least one "
		     "operator's .pub file");
}

static void review_private_key(const struct review *r, const char *name, const char *path, int line, enum role role)
{
	struct key_summary key;
	int code = path == NULL ? ERR_MISSING : key_summarize(path, &key);

	if (path == NULL)
		return;
	if (code == ERR_MISSING) {
		tell(r, REVIEW_ERROR, line,
		     "%s: '%s' does not exist: make it with 'nightfold-keys init', correct the "
		     "path, or leave '%s' out on this host",
		     name, path, name);
	} else if (code != 0) {
		tell_error(r, line, name);
	} else if (!key.secret) {
		tell(r, REVIEW_ERROR, line, "%s: '%s' is a public key: here the secret one is needed (%s.key)", name,
		     path, role_name(role));
	} else if (key.public.role != role) {
		tell(r, REVIEW_ERROR, line, "%s: '%s' is a key for the role %s, not %s", name, path,
		     role_name(key.public.role), role_name(role));
	} else if ((role == ROLE_AGENT || role == ROLE_PRUNER) && find_signer(r, key.public.id) == NULL) {
		tell(r, REVIEW_ERROR, line,
		     "%s: '%s' is not among the signers of %s: what it signs would be ignored by every reader", name,
		     path, r->c->file);
	} else if (role == ROLE_OPERATOR && find_signer(r, key.public.id) == NULL) {
		tell(r, REVIEW_WARNING, line,
		     "%s: '%s' is not among the signers: seals that 'nightfold-keys reseal' makes with it would be "
		     "ignored",
		     name, path);
	}
}

static void review_private_keys(const struct review *r)
{
	const struct config *c = r->c;
	bool named = c->agent_key_line > 0 || (c->operator_key == NULL && c->validator_key == NULL);

	/* The default path counts where it is the only key that could be meant. */
	if (named || r->agent_here)
		review_private_key(r, "agent_key", c->agent_key, c->agent_key_line, ROLE_AGENT);
	else if (c->agent_key != NULL)
		tell(r, REVIEW_NOTE, 0, "no agent_key, and no '%s': this host takes no snapshots", c->agent_key);
	review_private_key(r, "operator_key", c->operator_key, c->operator_key_line, ROLE_OPERATOR);
	review_private_key(r, "validator_key", c->validator_key, c->validator_key_line, ROLE_VALIDATOR);
	review_private_key(r, "pruner_key", c->pruner_key, c->pruner_key_line, ROLE_PRUNER);
}

/* That a host which takes snapshots can open none holds only where no such key is left behind. */
static void review_left_behind(const struct review *r)
{
	_free_ char *copy = xstrdup(r->c->agent_key);
	const char *folder = dirname(copy);
	_free_ char *names = xstrdup("");
	DIR *dir = opendir(folder);

	for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
		const char *ending = strrchr(entry->d_name, '.');
		_free_ char *path = xasprintf("%s/%s", folder, entry->d_name);
		struct key_summary key;

		if (ending == NULL || strcmp(ending, ".key") != 0 || key_summarize(path, &key) != 0 || !key.secret ||
		    !role_has_box(key.public.role))
			continue;
		char *longer = xasprintf("%s%s%s", names, names[0] == '\0' ? "" : ", ", entry->d_name);
		free(names);
		names = longer;
	}
	if (dir != NULL)
		closedir(dir);
	if (names[0] != '\0')
		tell(r, REVIEW_NOTE, 0, "beside agent_key lies what opens snapshots (%s): move it off this host",
		     names);
}

/* ---- places ---- */

struct own_place {
	const char *name, *path;
	int line;
	bool key;
};

#define OWN_PLACES 6

static size_t own_places(const struct config *c, struct own_place out[OWN_PLACES])
{
	const struct own_place all[OWN_PLACES] = { { "state", c->state, c->state_line, false },
						   { "keys_dir", c->keys_dir, c->keys_dir_line, false },
						   { "agent_key", c->agent_key, c->agent_key_line, true },
						   { "operator_key", c->operator_key, c->operator_key_line, true },
						   { "validator_key", c->validator_key, c->validator_key_line, true },
						   { "pruner_key", c->pruner_key, c->pruner_key_line, true } };
	size_t count = 0;

	for (size_t i = 0; i < OWN_PLACES; i++) {
		if (all[i].path != NULL)
			out[count++] = all[i];
	}
	return count;
}

#define BESIDE "%s: '%s' lies in zone %s: keys do not belong beside what they are to protect"

int config_check_apart(const struct config *c)
{
	struct own_place own[OWN_PLACES];
	size_t count = own_places(c, own);

	for (size_t z = 0; z < c->zone_count; z++) {
		_free_ char *folder = zone_folder(c->zones[z].url);

		for (size_t i = 0; i < count && folder != NULL; i++) {
			if (place_lies_in(own[i].path, folder))
				return failed(ERR_USAGE, "%s:%d: " BESIDE, c->file,
					      own[i].line > 0 ? own[i].line : c->zones[z].line, own[i].name,
					      own[i].path, c->zones[z].name);
		}
	}
	return 0;
}

static void review_zone(const struct review *r, const struct config_zone *row)
{
	const struct zone_place place = { .name = row->name, .url = row->url };
	enum review_level level = r->agent_here || r->pruner_here ? REVIEW_ERROR : REVIEW_WARNING;
	struct own_place own[OWN_PLACES];
	_free_ char *folder = zone_folder(row->url);
	struct zone *zone = NULL;
	size_t count = own_places(r->c, own);

	if (zone_open(&place, &zone) != 0)
		tell(r, level, row->line, "%s", err_message());
	else if (folder != NULL && faccessat(AT_FDCWD, folder, R_OK | W_OK | X_OK, AT_EACCESS) != 0)
		tell(r, level, row->line, "zone %s: '%s' cannot be written to by this user: %s", row->name, folder,
		     strerror(errno));
	zone_close(zone);
	for (size_t i = 0; i < count && folder != NULL; i++) {
		if (place_lies_in(own[i].path, folder))
			tell(r, REVIEW_ERROR, own[i].line > 0 ? own[i].line : row->line, BESIDE, own[i].name,
			     own[i].path, row->name);
	}
}

static void review_places(const struct review *r)
{
	const struct config *c = r->c;

	for (size_t i = 0; i < c->zone_count; i++)
		review_zone(r, &c->zones[i]);
	if (place_lies_in(c->keys_dir, c->state))
		tell(r, REVIEW_ERROR, c->keys_dir_line > 0 ? c->keys_dir_line : c->state_line,
		     "keys_dir: '%s' lies in the state folder '%s', which may be lost and made anew; keys may not",
		     c->keys_dir, c->state);
}

/* ---- datasets ---- */

static void no_complaint(void *context, const char *path, size_t path_len, const char *reason)
{
	(void)context;
	(void)path;
	(void)path_len;
	(void)reason;
}

/* Whether the file, or a folder above it, is left out of the source that it lies in. */
static bool is_excluded(const struct config_source *s, const char *rest)
{
	struct exclude *x;
	bool out = false;

	if (exclude_new((const char *const *)s->exclude, s->exclude_count, &x) != 0)
		return false;
	for (const char *at = rest; !out && *at != '\0';) {
		size_t len = strcspn(at, "/");
		_free_ char *path = xstrndup(rest, (size_t)(at - rest) + len), *name = xstrndup(at, len);

		out = exclude_matches(x, path, name, at[len] == '/');
		at += len + (at[len] == '/');
	}
	exclude_free(x);
	return out;
}

/* What of Nightfold's own lies in the source. Zones, `state` and dataset keys are left out by themselves. */
static void review_own_in_source(const struct review *r, const struct config_dataset *d)
{
	struct own_place own[OWN_PLACES];
	size_t count = own_places(r->c, own);
	_free_ char *source = place_real(d->source.path);

	for (size_t i = 0; i < count; i++) {
		_free_ char *path = place_real(own[i].path);
		const char *rest = place_beneath(path, source);

		if (rest == NULL || is_excluded(&d->source, rest))
			continue;
		if (own[i].key)
			tell(r, REVIEW_WARNING, d->source.line,
			     "dataset '%s': %s '%s' lies in its source and would be in every snapshot: exclude it",
			     d->name, own[i].name, own[i].path);
		else if (strcmp(own[i].name, "state") == 0 && rest[0] != '\0')
			tell(r, REVIEW_NOTE, d->source.line,
			     "dataset '%s': the state folder lies in its source, and is left out of it", d->name);
	}
	for (size_t i = 0; i < r->c->zone_count; i++) {
		_free_ char *folder = zone_folder(r->c->zones[i].url);

		if (folder != NULL && !place_lies_in(d->source.path, folder) && place_lies_in(folder, d->source.path))
			tell(r, REVIEW_WARNING, r->c->zones[i].line,
			     "zone %s lies in the source of dataset '%s': it is left out of it, but what destroys one "
			     "may well destroy the other",
			     r->c->zones[i].name, d->name);
	}
}

static void review_source(const struct review *r, const struct config_dataset *d)
{
	const struct source_options options = { .type = d->source.type,
						.path = d->source.path,
						.exclude = (const char *const *)d->source.exclude,
						.exclude_count = d->source.exclude_count };
	struct source *source = NULL;
	int code = source_open(&options, no_complaint, NULL, &source);

	if (code != 0 && (r->agent_here || code == ERR_USAGE))
		tell(r, REVIEW_ERROR, d->source.line, "dataset '%s': %s", d->name, err_message());
	else if (code != 0 && !r->pruner_here)
		tell(r, REVIEW_WARNING, d->source.line, "dataset '%s': %s", d->name, err_message());
	source_close(source);
	for (size_t i = 0; i < r->c->zone_count; i++) {
		_free_ char *folder = zone_folder(r->c->zones[i].url);

		if (folder != NULL && place_lies_in(d->source.path, folder))
			tell(r, REVIEW_ERROR, d->source.line, "dataset '%s': its source '%s' lies in zone %s", d->name,
			     d->source.path, r->c->zones[i].name);
	}
	if (place_lies_in(d->source.path, r->c->state))
		tell(r, REVIEW_ERROR, d->source.line, "dataset '%s': its source '%s' lies in the state folder", d->name,
		     d->source.path);
	review_own_in_source(r, d);
}

static void review_overlap(const struct review *r, const struct config_dataset *a, const struct config_dataset *b)
{
	if (place_lies_in(b->source.path, a->source.path) || place_lies_in(a->source.path, b->source.path))
		tell(r, REVIEW_WARNING, b->source.line,
		     "datasets '%s' and '%s' overlap: what lies in both sources is stored twice, and expires twice",
		     a->name, b->name);
}

static void review_datasets(const struct review *r)
{
	const struct config *c = r->c;

	for (size_t i = 0; i < c->dataset_count; i++) {
		const struct config_dataset *d = &c->datasets[i];

		review_source(r, d);
		/* From a month of 31 days on. */
		if (duration_after(0, d->rpo) > duration_after(0, d->product->backup))
			tell(r, REVIEW_WARNING, d->rpo_line > 0 ? d->rpo_line : d->line,
			     "dataset '%s': its rpo is longer than '%s', for which product '%s' keeps a snapshot: the "
			     "last one would be destroyed before 'status' alarms",
			     d->name, d->product->backup_text, d->product_name);
		for (size_t k = 0; k < i; k++)
			review_overlap(r, &c->datasets[k], d);
	}
}

/* Who writes the file names recipients, and so reads the next snapshot. */
static void review_file(const struct review *r)
{
	struct stat st;

	if (stat(r->c->file, &st) == 0 && (st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		tell(r, REVIEW_WARNING, 0,
		     "the file has mode %04o: others may write it, and who does can add a recipient or shorten what is "
		     "kept: chmod go-w it",
		     (unsigned)st.st_mode & 07777);
}

static void review_products(const struct review *r)
{
	const struct config *c = r->c;
	_free_ char *unused = xstrdup("");

	for (size_t i = 0; i < c->product_count; i++) {
		bool used = false;

		for (size_t k = 0; k < c->dataset_count && !used; k++)
			used = c->datasets[k].product == &c->products[i];
		if (used)
			continue;
		char *longer = xasprintf("%s%s%s", unused, unused[0] == '\0' ? "" : ", ", c->products[i].name);
		free(unused);
		unused = longer;
	}
	if (unused[0] != '\0')
		tell(r, REVIEW_NOTE, 0, "products of which no dataset is backed up: %s", unused);
}

void config_review(const struct config *c, review_call call, void *context)
{
	struct review r = { .c = c, .call = call, .context = context };

	r.agent_here = c->agent_key != NULL && access(c->agent_key, F_OK) == 0;
	r.pruner_here = c->pruner_key != NULL && access(c->pruner_key, F_OK) == 0;
	review_file(&r);
	review_signers(&r);
	review_private_keys(&r);
	if (r.agent_here)
		review_left_behind(&r);
	review_recipients(&r);
	review_places(&r);
	review_datasets(&r);
	review_products(&r);
	free(r.signers);
}
