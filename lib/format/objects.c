#include "format/objects.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "format/cbor.h"
#include "format/names.h"

/* Bounds of numbers that only have to be sane. */
#define TIME_MAX   253402300799ULL     /* 9999-12-31T23:59:59Z */
#define SEQ_MAX    9999999999999999ULL /* 16 digits, as in names */
#define COUNT_MAX  (1ULL << 62)
#define SUITE_LAST SUITE_XCHACHA20POLY1305

/* The fewest bytes that one item of a list can take, so that no list is allocated for more than its object can hold. */
#define INDEX_PACK_ENCODED_MIN (1 + 2 * (2 + DIGEST_SIZE) + 3)

const char *data_class_name(enum data_class c)
{
	static const char *const names[] = { "unknown", "message", "user", "configuration" };

	return c >= CLASS_MESSAGE && c <= CLASS_CONFIGURATION ? names[c] : names[0];
}

static int read_dataset(struct cbor_reader *r, char out[DATASET_NAME_MAX + 1])
{
	int code = cbor_read_text_into(r, out, DATASET_NAME_MAX + 1);

	if (code == 0)
		code = dataset_name_check(out);
	return code;
}

static int read_time(struct cbor_reader *r, int64_t *t)
{
	uint64_t value = 0;

	if (cbor_read_uint(r, TIME_MAX, &value) < 0)
		return ERR_FORMAT;
	*t = (int64_t)value;
	return 0;
}

static int write_time(struct buf *out, int64_t t)
{
	if (t < 0 || (uint64_t)t > TIME_MAX)
		return failed(ERR_FORMAT, "%s: a time is not in the years 1970 to 9999: check this host's clock",
			      out->what);
	return cbor_write_uint(out, (uint64_t)t);
}

/* A number from 1 to `max`, into any enum or u32. */
static int read_from_one(struct cbor_reader *r, uint32_t max, const char *name, uint32_t *value)
{
	if (cbor_read_u32(r, UINT32_MAX, value) < 0)
		return ERR_FORMAT;
	if (*value < 1 || *value > max)
		return failed(ERR_FORMAT, "%s: %s %u is not known to this version", r->what, name, *value);
	return 0;
}

static int read_seq(struct cbor_reader *r, uint64_t *seq)
{
	if (cbor_read_uint(r, SEQ_MAX, seq) < 0)
		return ERR_FORMAT;
	return *seq != 0 ? 0 : failed(ERR_FORMAT, "%s: sequence numbers start at 1", r->what);
}

/* ---- heads ---- */

static int write_heads(struct buf *out, const struct head *heads, uint32_t count)
{
	must(count <= HEADS_MAX);
	if (cbor_write_array(out, count) < 0)
		return ERR_FORMAT;
	for (uint32_t i = 0; i < count; i++) {
		must(i == 0 || memcmp(heads[i - 1].signer, heads[i].signer, KEY_ID_SIZE) < 0);
		if (cbor_write_array(out, 3) < 0 || cbor_write_bytes(out, heads[i].signer, KEY_ID_SIZE) < 0 ||
		    cbor_write_uint(out, heads[i].seq) < 0 || cbor_write_bytes(out, heads[i].hash, DIGEST_SIZE) < 0)
			return ERR_FORMAT;
	}
	return 0;
}

static int read_heads(struct cbor_reader *r, struct head *heads, uint32_t *count)
{
	size_t n = 0;

	if (cbor_read_array(r, HEADS_MAX, &n) < 0)
		return ERR_FORMAT;
	for (size_t i = 0; i < n; i++) {
		if (cbor_read_array_of(r, 3) < 0 || cbor_read_bytes_of(r, KEY_ID_SIZE, heads[i].signer) < 0 ||
		    read_seq(r, &heads[i].seq) < 0 || cbor_read_bytes_of(r, DIGEST_SIZE, heads[i].hash) < 0)
			return ERR_FORMAT;
		if (i != 0 && memcmp(heads[i - 1].signer, heads[i].signer, KEY_ID_SIZE) >= 0)
			return failed(ERR_FORMAT, "%s: its heads are not in ascending order of their signers", r->what);
	}
	*count = (uint32_t)n;
	return 0;
}

/* ---- header ---- */

int header_encode(const struct header *h, struct buf *out)
{
	if (cbor_write_array(out, 22) < 0 || cbor_write_text(out, h->dataset) < 0 ||
	    cbor_write_text(out, h->product) < 0 || cbor_write_uint(out, h->class) < 0 ||
	    cbor_write_bytes(out, h->id, sizeof h->id) < 0 || cbor_write_uint(out, h->seq) < 0 ||
	    cbor_write_bytes(out, h->previous, sizeof h->previous) < 0 || write_time(out, h->taken_at) < 0 ||
	    write_time(out, h->consistent_at) < 0 || write_time(out, h->expires_at) < 0 ||
	    cbor_write_uint(out, h->suite) < 0 || cbor_write_bytes(out, h->root_id, sizeof h->root_id) < 0 ||
	    cbor_write_bytes(out, h->seal, sizeof h->seal) < 0)
		return ERR_FORMAT;

	const uint64_t counts[] = { h->files,     h->folders,    h->others,  h->bytes,
				    h->new_bytes, h->new_stored, h->skipped, h->changed };
	for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
		if (cbor_write_uint(out, counts[i]) < 0)
			return ERR_FORMAT;

	if (cbor_write_text(out, h->tool) < 0)
		return ERR_FORMAT;
	return write_heads(out, h->heads, h->head_count);
}

static int read_header_facts(struct cbor_reader *r, struct header *h)
{
	uint32_t class = 0, suite = 0;

	if (read_dataset(r, h->dataset) < 0 || cbor_read_text_into(r, h->product, sizeof h->product) < 0 ||
	    read_from_one(r, CLASS_CONFIGURATION, "class", &class) < 0 ||
	    cbor_read_bytes_of(r, sizeof h->id, h->id) < 0 || read_seq(r, &h->seq) < 0 ||
	    cbor_read_bytes_of(r, sizeof h->previous, h->previous) < 0 || read_time(r, &h->taken_at) < 0 ||
	    read_time(r, &h->consistent_at) < 0 || read_time(r, &h->expires_at) < 0 ||
	    read_from_one(r, SUITE_LAST, "cipher suite", &suite) < 0 ||
	    cbor_read_bytes_of(r, sizeof h->root_id, h->root_id) < 0 ||
	    cbor_read_bytes_of(r, sizeof h->seal, h->seal) < 0)
		return ERR_FORMAT;
	h->class = (enum data_class) class;
	h->suite = (enum suite)suite;
	return 0;
}

int header_decode(const uint8_t *body, size_t len, struct header *out)
{
	struct cbor_reader r;
	uint64_t *const counts[] = { &out->files,     &out->folders,    &out->others,  &out->bytes,
				     &out->new_bytes, &out->new_stored, &out->skipped, &out->changed };

	*out = (struct header){ 0 };
	cbor_reader_init(&r, body, len, "header");
	if (cbor_read_array_of(&r, 22) < 0 || read_header_facts(&r, out) < 0)
		return ERR_FORMAT;
	for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
		if (cbor_read_uint(&r, COUNT_MAX, counts[i]) < 0)
			return ERR_FORMAT;
	if (cbor_read_text_into(&r, out->tool, sizeof out->tool) < 0 ||
	    read_heads(&r, out->heads, &out->head_count) < 0)
		return ERR_FORMAT;
	return cbor_read_end(&r);
}

/* ---- index ---- */

void index_release(struct index *i)
{
	free(i->added);
	free(i->withdrawn);
	free(i->headers);
	*i = (struct index){ 0 };
}

/* A list of digests is one byte string: there is nothing between them. */
static int write_digests(struct buf *out, const void *digests, uint32_t count)
{
	return cbor_write_bytes(out, digests, (size_t)count * DIGEST_SIZE);
}

static int read_digests(struct cbor_reader *r, uint8_t (**digests)[DIGEST_SIZE], uint32_t *count)
{
	const uint8_t *data = NULL;
	size_t len = 0;

	if (cbor_read_bytes(r, (size_t)INDEX_PACKS_MAX * DIGEST_SIZE, &data, &len) < 0)
		return ERR_FORMAT;
	if (len % DIGEST_SIZE != 0)
		return failed(ERR_FORMAT, "%s: a list of digests before byte %zu has %zu bytes, no multiple of %d",
			      r->what, r->at, len, DIGEST_SIZE);
	if (len != 0) {
		*digests = xmalloc(len);
		memcpy(*digests, data, len);
	}
	*count = (uint32_t)(len / DIGEST_SIZE);
	return 0;
}

static int write_packs(struct buf *out, const struct index_pack *packs, uint32_t count)
{
	if (cbor_write_array(out, count) < 0)
		return ERR_FORMAT;
	for (uint32_t i = 0; i < count; i++)
		if (cbor_write_array(out, 5) < 0 || cbor_write_bytes(out, packs[i].name, DIGEST_SIZE) < 0 ||
		    cbor_write_bytes(out, packs[i].footer_hash, DIGEST_SIZE) < 0 ||
		    cbor_write_uint(out, packs[i].size) < 0 || cbor_write_uint(out, packs[i].footer) < 0 ||
		    cbor_write_uint(out, packs[i].kind) < 0)
			return ERR_FORMAT;
	return 0;
}

static int read_packs(struct cbor_reader *r, struct index_pack **packs, uint32_t *count)
{
	size_t n = 0;

	if (cbor_read_array(r, INDEX_PACKS_MAX, &n) < 0)
		return ERR_FORMAT;
	if (n > (r->len - r->at) / INDEX_PACK_ENCODED_MIN)
		return failed(ERR_FORMAT, "%s: ends early, it cannot hold %zu packs", r->what, n);
	*packs = n != 0 ? xcalloc(n, sizeof **packs) : NULL;
	for (size_t i = 0; i < n; i++) {
		struct index_pack *p = *packs + i;
		uint32_t kind = 0;

		if (cbor_read_array_of(r, 5) < 0 || cbor_read_bytes_of(r, DIGEST_SIZE, p->name) < 0 ||
		    cbor_read_bytes_of(r, DIGEST_SIZE, p->footer_hash) < 0 ||
		    cbor_read_u32(r, PACK_MAX, &p->size) < 0 || cbor_read_u32(r, PACK_FOOTER_MAX, &p->footer) < 0 ||
		    read_from_one(r, KIND_NODE, "kind of pack", &kind) < 0)
			return ERR_FORMAT;
		if (p->footer >= p->size)
			return failed(ERR_FORMAT, "%s: a pack of %u bytes with a footer of %u", r->what, p->size,
				      p->footer);
		p->kind = (enum kind)kind;
	}
	*count = (uint32_t)n;
	return 0;
}

int index_encode(const struct index *i, struct buf *out)
{
	must(i->added_count <= INDEX_PACKS_MAX && i->withdrawn_count <= INDEX_PACKS_MAX &&
	     i->header_count <= INDEX_PACKS_MAX);
	if (cbor_write_array(out, 9) < 0 || cbor_write_text(out, i->dataset) < 0 || cbor_write_uint(out, i->seq) < 0 ||
	    cbor_write_bytes(out, i->previous, sizeof i->previous) < 0 || write_time(out, i->made_at) < 0 ||
	    cbor_write_bool(out, i->checkpoint) < 0 || write_packs(out, i->added, i->added_count) < 0 ||
	    write_digests(out, i->withdrawn, i->withdrawn_count) < 0 ||
	    write_digests(out, i->headers, i->header_count) < 0)
		return ERR_FORMAT;
	return write_heads(out, i->heads, i->head_count);
}

int index_decode(const uint8_t *body, size_t len, struct index *out)
{
	struct cbor_reader r;

	*out = (struct index){ 0 };
	cbor_reader_init(&r, body, len, "index");
	if (cbor_read_array_of(&r, 9) < 0 || read_dataset(&r, out->dataset) < 0 || read_seq(&r, &out->seq) < 0 ||
	    cbor_read_bytes_of(&r, sizeof out->previous, out->previous) < 0 || read_time(&r, &out->made_at) < 0 ||
	    cbor_read_bool(&r, &out->checkpoint) < 0 || read_packs(&r, &out->added, &out->added_count) < 0 ||
	    read_digests(&r, &out->withdrawn, &out->withdrawn_count) < 0 ||
	    read_digests(&r, &out->headers, &out->header_count) < 0 || read_heads(&r, out->heads, &out->head_count) < 0)
		return ERR_FORMAT;
	return cbor_read_end(&r);
}

/* ---- seal ---- */

int seal_encode(const struct seal *s, struct buf *out)
{
	must(s->share_count >= 1 && s->share_count <= SEAL_RECIPIENTS_MAX);
	if (cbor_write_array(out, 4) < 0 || cbor_write_text(out, s->dataset) < 0 ||
	    cbor_write_bytes(out, s->snapshot, sizeof s->snapshot) < 0 || cbor_write_uint(out, s->generation) < 0 ||
	    cbor_write_array(out, s->share_count) < 0)
		return ERR_FORMAT;
	for (uint32_t i = 0; i < s->share_count; i++)
		if (cbor_write_array(out, 2) < 0 || cbor_write_bytes(out, s->shares[i].recipient, KEY_ID_SIZE) < 0 ||
		    cbor_write_bytes(out, s->shares[i].sealed, SEALED_SIZE) < 0)
			return ERR_FORMAT;
	return 0;
}

int seal_decode(const uint8_t *body, size_t len, struct seal *out)
{
	struct cbor_reader r;
	size_t count = 0;

	*out = (struct seal){ 0 };
	cbor_reader_init(&r, body, len, "seal");
	if (cbor_read_array_of(&r, 4) < 0 || read_dataset(&r, out->dataset) < 0 ||
	    cbor_read_bytes_of(&r, sizeof out->snapshot, out->snapshot) < 0 ||
	    read_from_one(&r, UINT32_MAX, "generation", &out->generation) < 0 ||
	    cbor_read_array(&r, SEAL_RECIPIENTS_MAX, &count) < 0)
		return ERR_FORMAT;
	if (count == 0)
		return failed(ERR_FORMAT, "seal: it is made for nobody");
	for (size_t i = 0; i < count; i++)
		if (cbor_read_array_of(&r, 2) < 0 ||
		    cbor_read_bytes_of(&r, KEY_ID_SIZE, out->shares[i].recipient) < 0 ||
		    cbor_read_bytes_of(&r, SEALED_SIZE, out->shares[i].sealed) < 0)
			return ERR_FORMAT;
	out->share_count = (uint32_t)count;
	return cbor_read_end(&r);
}

/* ---- intent ---- */

int intent_encode(const struct intent *i, struct buf *out)
{
	must(i->header_len >= 1 && i->header_len <= HEADER_MAX);
	if (cbor_write_array(out, 6) < 0 || cbor_write_text(out, i->dataset) < 0 ||
	    cbor_write_bytes(out, i->snapshot, sizeof i->snapshot) < 0 || write_time(out, i->made_at) < 0 ||
	    write_time(out, i->expired_at) < 0 || cbor_write_text(out, i->reason) < 0)
		return ERR_FORMAT;
	return cbor_write_bytes(out, i->header, i->header_len);
}

int intent_decode(const uint8_t *body, size_t len, struct intent *out)
{
	struct cbor_reader r;

	*out = (struct intent){ 0 };
	cbor_reader_init(&r, body, len, "intent");
	if (cbor_read_array_of(&r, 6) < 0 || read_dataset(&r, out->dataset) < 0 ||
	    cbor_read_bytes_of(&r, sizeof out->snapshot, out->snapshot) < 0 || read_time(&r, &out->made_at) < 0 ||
	    read_time(&r, &out->expired_at) < 0 || cbor_read_text_into(&r, out->reason, sizeof out->reason) < 0 ||
	    cbor_read_bytes(&r, HEADER_MAX, &out->header, &out->header_len) < 0)
		return ERR_FORMAT;
	if (out->header_len == 0)
		return failed(ERR_FORMAT, "intent: it holds no header");
	return cbor_read_end(&r);
}

/* ---- condemned mark, lease ---- */

int condemned_encode(const struct condemned *c, struct buf *out)
{
	if (cbor_write_array(out, 3) < 0 || cbor_write_text(out, c->dataset) < 0 ||
	    cbor_write_bytes(out, c->pack, sizeof c->pack) < 0)
		return ERR_FORMAT;
	return write_time(out, c->since);
}

int condemned_decode(const uint8_t *body, size_t len, struct condemned *out)
{
	struct cbor_reader r;

	*out = (struct condemned){ 0 };
	cbor_reader_init(&r, body, len, "condemned mark");
	if (cbor_read_array_of(&r, 3) < 0 || read_dataset(&r, out->dataset) < 0 ||
	    cbor_read_bytes_of(&r, sizeof out->pack, out->pack) < 0 || read_time(&r, &out->since) < 0)
		return ERR_FORMAT;
	return cbor_read_end(&r);
}

int lease_encode(const struct lease *l, struct buf *out)
{
	if (cbor_write_array(out, 6) < 0 || cbor_write_text(out, l->dataset) < 0 ||
	    cbor_write_uint(out, l->number) < 0 || cbor_write_bytes(out, l->holder, sizeof l->holder) < 0 ||
	    cbor_write_text(out, l->host) < 0 || write_time(out, l->from) < 0)
		return ERR_FORMAT;
	return write_time(out, l->until);
}

int lease_decode(const uint8_t *body, size_t len, struct lease *out)
{
	struct cbor_reader r;

	*out = (struct lease){ 0 };
	cbor_reader_init(&r, body, len, "lease");
	if (cbor_read_array_of(&r, 6) < 0 || read_dataset(&r, out->dataset) < 0 || read_seq(&r, &out->number) < 0 ||
	    cbor_read_bytes_of(&r, sizeof out->holder, out->holder) < 0 ||
	    cbor_read_text_into(&r, out->host, sizeof out->host) < 0 || read_time(&r, &out->from) < 0 ||
	    read_time(&r, &out->until) < 0)
		return ERR_FORMAT;
	return cbor_read_end(&r);
}
