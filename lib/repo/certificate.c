#include "repo/certificate.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/io.h"
#include "report/json.h"

#define CERTIFICATE_MAX (64u << 10)

char *certificate_path(const char *state, const char *dataset, const uint8_t snapshot[SNAPSHOT_ID_SIZE])
{
	char id[SNAPSHOT_ID_HEX];

	return xasprintf("%s/certificates/%s-%s.json", state, dataset, hex_encode(snapshot, SNAPSHOT_ID_SIZE, id));
}

static void describe_head(const struct repo *r, struct json *j)
{
	json_object(j);
	json_put_text(j, "type", "nightfold certificate of destruction");
	json_put_int(j, "format", 1);
	json_put_text(j, "dataset", r->dataset);
}

static void describe_stores(const struct repo *r, struct json *j)
{
	json_key(j, "stores");
	json_array(j);
	for (unsigned i = 0; i < r->zone_count; i++) {
		json_object(j);
		json_put_text(j, "zone", r->zones[i].name);
		json_put_text(j, "seals", "deleted, read back absent");
		json_put_text(j, "versions",
			      "none kept by Nightfold; copies that the file system's owner makes of it are not seen");
		json_close_object(j);
	}
	json_close_array(j);
	json_put_bool(j, "complete", true);
	json_close_object(j);
}

static void describe(const struct repo *r, const struct snapshot *s, struct json *j)
{
	describe_head(r, j);
	json_put_text(j, "product", s->header.product);
	json_put_text(j, "class", data_class_name(s->header.class));
	json_put_hex(j, "snapshot", s->header.id, SNAPSHOT_ID_SIZE);
	json_put_int(j, "sequence", (int64_t)s->header.seq);
	json_put_time(j, "taken_at", s->header.taken_at);
	json_put_time(j, "expires_at", s->header.expires_at);
	json_put_time(j, "effective_expiry", repo_expiry(r, s));
	json_put_text(j, "reason", "retention window ended");
	json_put_time(j, "intent_at", s->intent_at);
	json_put_time(j, "confirmed_at", clock_now());
	json_put_hex(j, "header_sha256", s->hash, DIGEST_SIZE);
	json_put_hex(j, "seal_sha256", s->header.seal, DIGEST_SIZE);
	describe_stores(r, j);
}

static void describe_headless(const struct repo *r, const struct headless *h, struct json *j)
{
	describe_head(r, j);
	if (r->config != NULL)
		json_put_text(j, "product", r->config->product->name);
	json_put_hex(j, "snapshot", h->id, SNAPSHOT_ID_SIZE);
	json_put_text(j, "header", h->headers != 0 ? "damaged in every zone" : "missing in every zone");
	if (h->headers != 0)
		json_put_time(j, "taken_at_by_name", h->taken_at);
	json_put_time(j, "effective_expiry_at_the_latest", h->due_at);
	json_put_text(j, "reason", "retention window ended");
	json_put_time(j, "confirmed_at", clock_now());
	describe_stores(r, j);
}

/* Signs what was described, and writes it. Frees `body`. */
static int write_signed(const struct repo *r, const uint8_t id[SNAPSHOT_ID_SIZE], struct json *body, const char *state,
			const struct secret_key *signer)
{
	_free_ char *folder = xasprintf("%s/certificates", state);
	_free_ char *path = certificate_path(state, r->dataset, id);
	struct json *line = json_new();
	uint8_t signature[SIGNATURE_SIZE];
	_buf_ struct buf text = { 0 };

	buf_init(&text, CERTIFICATE_MAX, "certificate");
	int code = json_take(body, &text);
	if (code == 0) {
		key_sign(signer, CERTIFICATE_CONTEXT, text.data, text.len - 1, signature);
		json_object(line);
		json_put_hex(line, "signer", signer->public.id, KEY_ID_SIZE);
		json_put_hex(line, "signature", signature, sizeof signature);
		json_close_object(line);
		code = json_take(line, &text);
	}
	if (code == 0)
		code = io_make_dirs(folder, 0700);
	if (code == 0)
		code = io_create(path, text.data, text.len, 0600);
	json_free(body);
	json_free(line);
	return code == ERR_EXISTS ? 0 : code;
}

int certificate_write(const struct repo *r, const struct snapshot *s, const char *state,
		      const struct secret_key *signer)
{
	struct json *body = json_new();

	describe(r, s, body);
	return write_signed(r, s->header.id, body, state, signer);
}

int certificate_write_headless(const struct repo *r, const struct headless *h, const char *state,
			       const struct secret_key *signer)
{
	struct json *body = json_new();

	describe_headless(r, h, body);
	return write_signed(r, h->id, body, state, signer);
}
