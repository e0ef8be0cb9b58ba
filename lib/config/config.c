#include "config/config.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "config/document.h"
#include "config/nearest.h"
#include "config/reader.h"
#include "config/schema.h"

#define AGENT_KEY_DEFAULT "/etc/nightfold/agent.key"

/* The folder of a path, which is absolute. */
static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == path ? xstrdup("/") : xstrndup(path, (size_t)(slash - path));
}

/* The folder of the key that this host signs with. */
static char *own_folder(struct config *c)
{
	const char *key = c->agent_key;

	if (!key)
		key = c->pruner_key;
	if (!key)
		key = c->agent_key = xstrdup(AGENT_KEY_DEFAULT);
	return folder_of(key);
}

/* ---- signers by default ---- */

static int is_public_key(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return entry->d_name[0] != '.' && len > 4 && strcmp(entry->d_name + len - 4, ".pub") == 0;
}

static int add_signer(struct config *c, const char *folder, const char *name)
{
	_free_ char *path = xasprintf("%s/%s", folder, name);
	struct public_key key;

	if (key_load_public(path, &key))
		return failed_in(ERR_USAGE,
				 "%s: 'signers' is not given, so every .pub file beside the agent's key is one",
				 c->file);
	c->signers = xrealloc(c->signers, c->signer_count + 1, sizeof *c->signers);
	c->signers[c->signer_count++] = (struct config_signer){ .name = xstrndup(name, strlen(name) - strlen(".pub")),
								.key = xstrdup(path),
								.roles = 1u << key.role };
	return 0;
}

static int add_default_signers(struct config *c, const char *folder)
{
	struct dirent **entries;
	int count = scandir(folder, &entries, is_public_key, alphasort), code = 0;

	/* Not there yet: who needs a signer will say so. */
	if (count < 0 && errno == ENOENT)
		return 0;
	if (count < 0)
		return failed_errno(ERR_USAGE,
				    "%s: 'signers' is not given, and the .pub files in '%s' cannot be listed", c->file,
				    folder);
	for (int i = 0; i < count; i++) {
		if (code == 0)
			code = add_signer(c, folder, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return code;
}

/* ---- what one key alone cannot tell ---- */

static int find_product(const struct config *c, struct config_dataset *dataset)
{
	struct nearest n = nearest_to(dataset->product_name);

	for (size_t i = 0; i < c->product_count; i++) {
		if (strcmp(c->products[i].name, dataset->product_name) == 0) {
			dataset->product = &c->products[i];
			return 0;
		}
		nearest_consider(&n, c->products[i].name);
	}
	return failed(ERR_USAGE, "%s:%d: dataset '%s': product '%s' is not one of `products`%s%s%s", c->file,
		      dataset->line, dataset->name, dataset->product_name, n.best ? ", did you mean '" : "",
		      n.best ? n.best : "", n.best ? "'?" : "");
}

static int check_revocation(const struct config *c, const struct config_signer *signer)
{
	const bool agent = (signer->roles & 1u << ROLE_AGENT) != 0;

	if ((signer->roles & 1u << ROLE_OPERATOR) != 0)
		return failed(ERR_USAGE,
			      "%s:%d: signer '%s': 'revoked_after' is for agents and pruners; take an operator's key "
			      "out of `signers` and run 'nightfold-keys reseal'",
			      c->file, signer->line, signer->name);
	for (size_t i = 0; i < signer->revoked_count; i++) {
		const struct config_revocation *row = &signer->revoked_after[i];

		if (agent != (row->header != NULL))
			return failed(ERR_USAGE, "%s:%d: signer '%s': revoked_after in dataset '%s' %s", c->file,
				      row->line, signer->name, row->dataset,
				      agent ? "lacks the key 'header': the hash of the last header that counts, or none"
					    : "has a 'header', which a pruner never signs");
	}
	return 0;
}

static int check_zones(const struct config *c)
{
	const struct zone_place a = { c->zones[0].name, c->zones[0].url }, b = { c->zones[1].name, c->zones[1].url };
	bool same_device;

	if (zone_distinct(&a, &b, &same_device)) {
		_free_ char *message = xstrdup(err_message());

		return failed(ERR_USAGE, "%s:%d: %s", c->file, c->zones[1].line, message);
	}
	return 0;
}

static int complete(struct config *c)
{
	_free_ char *folder = own_folder(c);
	int code = check_zones(c);

	if (!c->keys_dir)
		c->keys_dir = xstrdup(folder);
	for (size_t i = 0; code == 0 && i < c->dataset_count; i++)
		code = find_product(c, &c->datasets[i]);
	for (size_t i = 0; code == 0 && i < c->signer_count; i++) {
		if (c->signers[i].revoked_count > 0)
			code = check_revocation(c, &c->signers[i]);
	}
	if (code == 0 && c->signer_count == 0)
		code = add_default_signers(c, folder);
	return code;
}

int config_load(const char *path, struct config **out)
{
	struct document document;
	int code = document_load(path, CONFIG_FILE_MAX, &document);

	if (code)
		return code;

	struct config *c = xcalloc(1, sizeof *c);
	c->file = xstrdup(path);
	code = schema_read(&schema_top, &document, c);
	document_release(&document);
	if (code == 0)
		code = complete(c);
	if (code) {
		config_free(c);
		return code;
	}
	*out = c;
	return 0;
}

void config_free(struct config *c)
{
	if (!c)
		return;
	schema_release(&schema_top, c);
	free(c->file);
	free(c);
}

void config_describe(FILE *stream)
{
	schema_describe(&schema_top, stream, 0);
}

int config_dataset(const struct config *c, const char *name, const struct config_dataset **out)
{
	_free_ char *names = xstrdup("");

	for (size_t i = 0; i < c->dataset_count; i++) {
		if (strcmp(c->datasets[i].name, name) == 0) {
			*out = &c->datasets[i];
			return 0;
		}
		char *longer = xasprintf("%s%s%s", names, i == 0 ? "" : ", ", c->datasets[i].name);
		free(names);
		names = longer;
	}
	return failed(ERR_USAGE, "no dataset '%s' in %s: there %s %s", name, c->file,
		      c->dataset_count == 1 ? "is" : "are", names);
}

int config_parse_size(const char *text, uint64_t *bytes)
{
	static const struct {
		const char *name;
		unsigned shift;
	} units[] = { { "", 0 }, { "B", 0 }, { "KiB", 10 }, { "MiB", 20 }, { "GiB", 30 }, { "TiB", 40 } };
	char *rest;

	errno = 0;
	unsigned long long count = text[0] >= '0' && text[0] <= '9' ? strtoull(text, &rest, 10) : (rest = NULL, 0);
	if (rest && errno == 0) {
		rest += *rest == ' ';
		for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
			if (strcmp(rest, units[i].name) != 0 || count > UINT64_MAX >> units[i].shift)
				continue;
			*bytes = (uint64_t)count << units[i].shift;
			return 0;
		}
	}
	return failed(ERR_FORMAT, "'%.40s' is no size: expected one as in 512 KiB or 4 MiB", text);
}
