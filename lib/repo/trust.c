#include "repo/trust.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hex.h"

static void add_signer(struct trust *t, const char *name, const struct public_key *key, unsigned roles)
{
	t->signers = xrealloc(t->signers, t->count + 1, sizeof *t->signers);
	t->signers[t->count++] = (struct signer){ .name = xstrdup(name), .key = *key, .roles = roles };
}

int trust_load(const struct config *config, struct trust *out)
{
	*out = (struct trust){ 0 };
	for (size_t i = 0; i < config->signer_count; i++) {
		const struct config_signer *row = &config->signers[i];
		struct public_key key;
		int code = key_load_public(row->key, &key);

		if (code != 0) {
			trust_release(out);
			return row->line > 0
				       ? failed_in(ERR_USAGE, "%s:%d: signer '%s'", config->file, row->line, row->name)
				       : failed_in(ERR_USAGE, "%s: signer '%s'", config->file, row->name);
		}
		if ((row->roles & ~(1u << key.role)) != 0) {
			trust_release(out);
			return failed(ERR_USAGE,
				      "signer '%s': '%s' is a key for the role %s; its roles can be nothing else",
				      row->name, row->key, role_name(key.role));
		}
		add_signer(out, row->name, &key, row->roles);
	}
	return 0;
}

int trust_load_files(const char *const *paths, size_t count, struct trust *out)
{
	*out = (struct trust){ 0 };
	for (size_t i = 0; i < count; i++) {
		struct public_key key;
		int code = key_load_public(paths[i], &key);

		if (code != 0) {
			trust_release(out);
			return code;
		}
		add_signer(out, paths[i], &key, 1u << key.role);
	}
	return 0;
}

void trust_release(struct trust *t)
{
	for (size_t i = 0; i < t->count; i++)
		free(t->signers[i].name);
	free(t->signers);
	*t = (struct trust){ 0 };
}

const struct signer *trust_find(const struct trust *t, const uint8_t id[KEY_ID_SIZE])
{
	for (size_t i = 0; i < t->count; i++) {
		if (memcmp(t->signers[i].key.id, id, KEY_ID_SIZE) == 0)
			return &t->signers[i];
	}
	return NULL;
}

static unsigned roles_that_may_sign(enum signed_type type)
{
	const unsigned agent = 1u << ROLE_AGENT, operator= 1u << ROLE_OPERATOR, pruner = 1u << ROLE_PRUNER;

	switch (type) {
	case SIGNED_HEADER:
		return agent;
	case SIGNED_SEAL:
		return agent | operator;
	case SIGNED_INDEX:
	case SIGNED_INTENT:
	case SIGNED_CONDEMNED:
	case SIGNED_LEASE:
		return agent | pruner;
	default:
		return 0;
	}
}

int trust_open(const struct trust *t, enum signed_type type, const void *data, size_t len, const char *what,
	       struct signed_view *view, const struct signer **signer)
{
	int code = signed_decode(type, data, len, what, view);

	if (code != 0)
		return code;
	*signer = trust_find(t, view->signer);
	if (*signer == NULL) {
		char id[KEY_ID_HEX];

		return failed(ERR_INTEGRITY, "%s is signed by key %s, which no configured signer has", what,
			      hex_encode(view->signer, KEY_ID_SIZE, id));
	}
	if (((*signer)->roles & roles_that_may_sign(type)) == 0)
		return failed(ERR_INTEGRITY, "%s is signed by '%s', whose role does not allow it", what,
			      (*signer)->name);
	code = signed_verify(type, view, &(*signer)->key);
	return code == 0 ? 0 : failed_in(code, "%s", what);
}
