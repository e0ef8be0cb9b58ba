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

/* The configuration has checked the digits. */
static void take_hash(const char *text, uint8_t hash[DIGEST_SIZE])
{
	if (text == NULL || strcmp(text, "none") == 0)
		memset(hash, 0, DIGEST_SIZE);
	else
		must(hex_decode(text, strlen(text), hash, DIGEST_SIZE) == 0);
}

static void add_revocations(struct signer *s, const struct config_signer *row)
{
	s->revoked = xcalloc(row->revoked_count, sizeof *s->revoked);
	s->revoked_count = row->revoked_count;
	for (size_t i = 0; i < row->revoked_count; i++) {
		s->revoked[i].dataset = xstrdup(row->revoked_after[i].dataset);
		take_hash(row->revoked_after[i].header, s->revoked[i].header);
		take_hash(row->revoked_after[i].index, s->revoked[i].index);
	}
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
		if (row->revoked_count > 0)
			add_revocations(&out->signers[out->count - 1], row);
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
	for (size_t i = 0; i < t->count; i++) {
		for (size_t k = 0; k < t->signers[i].revoked_count; k++)
			free(t->signers[i].revoked[k].dataset);
		free(t->signers[i].revoked);
		free(t->signers[i].name);
	}
	free(t->signers);
	*t = (struct trust){ 0 };
}

const struct revocation *signer_revocation(const struct signer *s, const char *dataset)
{
	for (size_t i = 0; i < s->revoked_count; i++) {
		if (strcmp(s->revoked[i].dataset, dataset) == 0)
			return &s->revoked[i];
	}
	return NULL;
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

static int open_signed(const struct trust *t, enum signed_type type, const void *data, size_t len, const char *what,
		       bool verify, struct signed_view *view, const struct signer **signer)
{
	int code = signed_decode(type, data, len, what, view);

	*signer = NULL;
	if (code != 0)
		return code;
	const struct signer *found = trust_find(t, view->signer);
	if (found == NULL) {
		char id[KEY_ID_HEX];

		return failed(ERR_INTEGRITY, "%s is signed by key %s, which no configured signer has", what,
			      hex_encode(view->signer, KEY_ID_SIZE, id));
	}
	if ((found->roles & roles_that_may_sign(type)) == 0)
		return failed(ERR_INTEGRITY, "%s is signed by '%s', whose role does not allow it", what, found->name);
	code = verify ? signed_verify(type, view, &found->key) : 0;
	if (code != 0)
		return failed_in(code, "%s", what);
	*signer = found;
	if (signer_revoked(found) && (type == SIGNED_LEASE || type == SIGNED_CONDEMNED))
		return failed(ERR_INTEGRITY, "%s is signed by '%s', whose key is revoked", what, found->name);
	return 0;
}

int trust_open(const struct trust *t, enum signed_type type, const void *data, size_t len, const char *what,
	       struct signed_view *view, const struct signer **signer)
{
	return open_signed(t, type, data, len, what, true, view, signer);
}

int trust_reopen(const struct trust *t, enum signed_type type, const void *data, size_t len, const char *what,
		 struct signed_view *view, const struct signer **signer)
{
	return open_signed(t, type, data, len, what, false, view, signer);
}
