#include "repo/commit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hex.h"
#include "repo/examine.h"
#include "repo/load.h"
#include "repo/reach.h"
#include "repo/send.h"

/*
 * Facts: seq (8 bytes, big-endian) and SHA-256 of the newest header that was written here, and of the newest index of a
 * signer. They are followed on when none is left, and while a zone is away that may have what the others lack: else the
 * chain would be forked.
 */
#define FACT_HEADER "newest-header"
#define FACT_INDEX  "newest-index."
#define FACT_SIZE   (8 + DIGEST_SIZE)

static int remember(struct repo *r, const char *name, uint64_t seq, const uint8_t hash[DIGEST_SIZE])
{
	uint8_t fact[FACT_SIZE];

	for (size_t i = 0; i < 8; i++)
		fact[i] = (uint8_t)(seq >> (56 - 8 * i));
	memcpy(fact + 8, hash, DIGEST_SIZE);
	return catalog_set_fact(r->catalog, name, fact, sizeof fact);
}

/* *seq 0, *hash zero: nothing is remembered. */
static int recall(struct repo *r, const char *name, uint64_t *seq, uint8_t hash[DIGEST_SIZE])
{
	_buf_ struct buf fact = { 0 };

	*seq = 0;
	memset(hash, 0, DIGEST_SIZE);
	buf_init(&fact, FACT_SIZE, "fact");
	int code = catalog_get_fact(r->catalog, name, &fact);
	if (code != 0 || fact.len != FACT_SIZE)
		return code == ERR_MISSING ? 0 : code;
	for (size_t i = 0; i < 8; i++)
		*seq = *seq << 8 | fact.data[i];
	memcpy(hash, fact.data + 8, DIGEST_SIZE);
	return 0;
}

static const char *index_fact(const uint8_t signer[KEY_ID_SIZE], char out[CATALOG_FACT_NAME_MAX + 1])
{
	char hex[KEY_ID_HEX];

	snprintf(out, CATALOG_FACT_NAME_MAX + 1, FACT_INDEX "%s", hex_encode(signer, KEY_ID_SIZE, hex));
	return out;
}

int commit_newest(struct repo *r, const uint8_t *signer, uint64_t *seq)
{
	char fact[CATALOG_FACT_NAME_MAX + 1];
	uint8_t hash[DIGEST_SIZE];

	return recall(r, signer == NULL ? FACT_HEADER : index_fact(signer, fact), seq, hash);
}

static struct chain *find_chain(struct repo *r, const uint8_t signer[KEY_ID_SIZE])
{
	for (size_t i = 0; i < r->chain_count; i++) {
		if (memcmp(r->chains[i].signer, signer, KEY_ID_SIZE) == 0)
			return &r->chains[i];
	}
	r->chains = xrealloc(r->chains, r->chain_count + 1, sizeof *r->chains);
	struct chain *chain = &r->chains[r->chain_count++];
	*chain = (struct chain){ 0 };
	memcpy(chain->signer, signer, KEY_ID_SIZE);
	return chain;
}

static int compare_heads(const void *a, const void *b)
{
	return memcmp(((const struct head *)a)->signer, ((const struct head *)b)->signer, KEY_ID_SIZE);
}

static void collect_heads(const struct repo *r, struct head heads[HEADS_MAX], uint32_t *count, const uint8_t *but)
{
	*count = 0;
	for (size_t i = 0; i < r->chain_count && *count < HEADS_MAX; i++) {
		const struct chain *chain = &r->chains[i];

		if (chain->seq == 0 || (but != NULL && memcmp(chain->signer, but, KEY_ID_SIZE) == 0))
			continue;
		struct head *head = &heads[(*count)++];
		head->seq = chain->seq;
		memcpy(head->signer, chain->signer, KEY_ID_SIZE);
		memcpy(head->hash, chain->hash, DIGEST_SIZE);
	}
	qsort(heads, *count, sizeof *heads, compare_heads);
}

static void add_row(struct index *index, const struct index_pack *pack)
{
	/* Grows by doubling: capacities are powers of two. */
	if ((index->added_count & (index->added_count - 1)) == 0)
		index->added = xrealloc(index->added, index->added_count == 0 ? 1 : 2 * (size_t)index->added_count,
					sizeof *index->added);
	index->added[index->added_count++] = *pack;
}

struct gathered {
	struct repo *r;
	struct index *index;
	uint32_t *numbers; /* of the packs that are indexed for the first time */
	size_t number_count;
	bool add, everything;
	bool more; /* packs are left for another index */
};

/*
 * A pack that was made and is nowhere listed was never sent. One that is indexed counts, listed or not: the zone that
 * has it may be away, and a reader who starts at a checkpoint knows of no other pack.
 */
static int gather_pack(void *context, uint32_t number, const struct index_pack *pack, enum pack_origin origin)
{
	struct gathered *g = context;
	bool fresh = g->add && origin == PACK_MADE && (repo_pack_bits(g->r, number) & PACK_IN_ANY) != 0;

	if (!fresh && !(g->everything && origin == PACK_INDEXED))
		return 0;
	g->more = !g->everything && g->index->added_count == COMMIT_ADDED_MAX;
	if (g->more)
		return 0;
	if (g->index->added_count == INDEX_PACKS_MAX)
		return failed(ERR_FORMAT, "more than %u packs in one index", INDEX_PACKS_MAX);
	add_row(g->index, pack);
	if (fresh) {
		g->numbers = xrealloc(g->numbers, g->number_count + 1, sizeof *g->numbers);
		g->numbers[g->number_count++] = number;
	}
	return 0;
}

/* What a checkpoint says besides the packs of the catalogue. */
static int gather_rest(struct repo *r, struct index *index)
{
	for (size_t i = 0; i < r->unplaced_count; i++) {
		if (index->added_count == INDEX_PACKS_MAX)
			return failed(ERR_FORMAT, "more than %u packs in one index", INDEX_PACKS_MAX);
		add_row(index, &r->unplaced[i]);
	}
	index->headers = xcalloc(r->snapshot_count + 1, DIGEST_SIZE);
	for (size_t i = 0; i < r->snapshot_count; i++) {
		if (snapshot_live(&r->snapshots[i]))
			memcpy(index->headers[index->header_count++], r->snapshots[i].hash, DIGEST_SIZE);
	}
	return 0;
}

/* Signs a body and puts it under the name that its hash (for indexes) or the caller makes. */
static int sign(enum signed_type type, const struct secret_key *key, const struct buf *body, struct buf *object,
		uint8_t hash[DIGEST_SIZE])
{
	int code = signed_encode(type, key, body, object);

	if (code == 0)
		sha256(object->data, object->len, hash);
	return code;
}

static int write_index(struct repo *r, const struct secret_key *signer, unsigned zones, struct index *index,
		       struct chain *chain, bool reserved)
{
	_buf_ struct buf body = { 0 };
	_buf_ struct buf object = { 0 };
	char name[OBJECT_NAME_MAX];
	uint8_t hash[DIGEST_SIZE];
	unsigned done = 0;

	buf_init_spilled(&body, INDEX_MAX - 4096, "index", r->folder);
	buf_init_spilled(&object, INDEX_MAX, "index", r->folder);
	int code = index_encode(index, &body);
	/* Of a checkpoint these are many, and all is said. */
	free(index->added);
	index->added = NULL;
	index->added_count = 0;
	if (code == 0)
		code = sign(SIGNED_INDEX, signer, &body, &object, hash);
	if (code == 0)
		code = send_object(r, zones, name_index(r->dataset, chain->signer, index->seq, hash, name), object.data,
				   object.len, reserved, &done);
	if (code != 0)
		return code;
	chain->seq = index->seq;
	memcpy(chain->hash, hash, DIGEST_SIZE);
	for (unsigned i = 0; i < r->zone_count; i++) {
		if ((done & ZONE_BIT(i)) != 0)
			chain->zone_seq[i] = index->seq;
	}
	code = remember(r, index_fact(chain->signer, name), index->seq, hash);
	/* Not noted, it is opened by each load until all that it names could be taken in. */
	if (code == 0 && !(index->checkpoint && r->unplaced_count > 0))
		code = load_note_index(r, chain->signer, index->seq, hash);
	return code;
}

static int follow_on_index(struct repo *r, const struct chain *chain, struct index *index)
{
	char fact[CATALOG_FACT_NAME_MAX + 1];
	uint64_t seq;
	int code = recall(r, index_fact(chain->signer, fact), &seq, index->previous);

	if (r->complete || seq < chain->seq) {
		seq = chain->seq;
		memcpy(index->previous, chain->hash, DIGEST_SIZE);
	}
	index->seq = seq + 1;
	return code;
}

/* *more: packs are left for another one, which then is to say what is withdrawn. */
static int commit_one(struct repo *r, const struct secret_key *signer, unsigned zones, bool add,
		      const uint8_t (*withdrawn)[DIGEST_SIZE], uint32_t withdrawn_count, bool *more)
{
	struct chain *chain = find_chain(r, signer->public.id);
	struct index index = { .made_at = clock_now() };
	struct gathered g = { .r = r, .index = &index, .add = add };
	bool agent = signer->public.role == ROLE_AGENT;
	int code = follow_on_index(r, chain, &index);

	index.checkpoint = agent && index.seq % CHECKPOINT_EVERY == 0;
	g.everything = index.checkpoint;
	memcpy(index.dataset, r->dataset, sizeof index.dataset);
	if (code == 0 && agent)
		code = catalog_each_pack(r->catalog, gather_pack, &g);
	if (code == 0 && (g.number_count > 0 || withdrawn_count > 0)) {
		if (index.checkpoint)
			code = gather_rest(r, &index);
		if (withdrawn_count > 0 && !g.more) {
			index.withdrawn = xcalloc(withdrawn_count, DIGEST_SIZE);
			memcpy(index.withdrawn, withdrawn, (size_t)withdrawn_count * DIGEST_SIZE);
			index.withdrawn_count = withdrawn_count;
		}
		collect_heads(r, index.heads, &index.head_count, chain->signer);
		if (code == 0)
			code = write_index(r, signer, zones, &index, chain, !add);
	}
	for (size_t i = 0; i < g.number_count && code == 0; i++)
		code = catalog_set_origin(r->catalog, g.numbers[i], PACK_INDEXED);
	*more = g.more;
	free(g.numbers);
	index_release(&index);
	return code;
}

int commit_index(struct repo *r, const struct secret_key *signer, unsigned zones, bool add,
		 const uint8_t (*withdrawn)[DIGEST_SIZE], uint32_t withdrawn_count)
{
	bool more = true;
	int code = 0;

	while (more && code == 0)
		code = commit_one(r, signer, zones, add, withdrawn, withdrawn_count, &more);
	return code;
}

int commit_checkpoint_time(struct repo *r, const struct index_object *o, int64_t *made_at)
{
	for (unsigned z = 0; z < r->zone_count; z++) {
		_buf_ struct buf object = { 0 };
		struct index index = { 0 };
		int code = (o->zones & ZONE_BIT(z)) == 0 ? ERR_MISSING : examine_index(r, z, o, &object, &index);

		*made_at = index.made_at;
		if (code == 0 && !index.checkpoint)
			code = ERR_MISSING;
		index_release(&index);
		if (code != 0)
			return ERR_MISSING;
	}
	return 0;
}

static int follow_on(struct repo *r, struct header *header)
{
	const struct snapshot *newest = NULL;
	uint64_t seq;
	int code = recall(r, FACT_HEADER, &seq, header->previous);

	for (size_t i = 0; i < r->snapshot_count; i++) {
		const struct snapshot *s = &r->snapshots[i];

		if (!s->quarantined && !snapshot_lost(s) && (newest == NULL || s->header.seq > newest->header.seq))
			newest = s;
	}
	if (newest != NULL && (r->complete || seq < newest->header.seq)) {
		seq = newest->header.seq;
		memcpy(header->previous, newest->hash, DIGEST_SIZE);
	}
	header->seq = seq + 1;
	return code;
}

static int make_seal(struct repo *r, const struct commit_options *o, const struct header *header, struct buf *object,
		     uint8_t hash[DIGEST_SIZE])
{
	struct seal *seal = xcalloc(1, sizeof *seal);
	struct seal_binding binding = { .dataset = r->dataset };
	_buf_ struct buf body = { 0 };
	int code = 0;

	buf_init(&body, SEAL_MAX, "seal");
	memcpy(binding.snapshot, header->id, SNAPSHOT_ID_SIZE);
	memcpy(binding.root_id, header->root_id, ID_SIZE);
	memcpy(seal->dataset, header->dataset, sizeof seal->dataset);
	memcpy(seal->snapshot, header->id, SNAPSHOT_ID_SIZE);
	seal->generation = 1;
	must(o->recipient_count > 0 && o->recipient_count <= SEAL_RECIPIENTS_MAX);
	for (size_t i = 0; i < o->recipient_count && code == 0; i++) {
		memcpy(seal->shares[i].recipient, o->recipients[i].id, KEY_ID_SIZE);
		code = seal_make(&o->recipients[i], &binding, o->root_key, seal->shares[i].sealed);
		seal->share_count++;
	}
	if (code == 0)
		code = seal_encode(seal, &body);
	if (code == 0)
		code = sign(SIGNED_SEAL, o->agent, &body, object, hash);
	free(seal);
	return code;
}

int commit_snapshot(struct repo *r, const struct commit_options *o, struct header *header, unsigned *zones)
{
	_buf_ struct buf seal = { 0 };
	_buf_ struct buf body = { 0 };
	_buf_ struct buf object = { 0 };
	char name[OBJECT_NAME_MAX];
	uint8_t hash[DIGEST_SIZE];
	unsigned whole = 0, sealed = 0;

	*zones = 0;
	buf_init(&seal, SEAL_MAX, "seal");
	buf_init(&body, HEADER_MAX, "header");
	buf_init(&object, HEADER_MAX, "header");
	int code = commit_index(r, o->agent, o->zones, true, NULL, 0);
	if (code == 0)
		code = reach_whole(r, header->root_id, &whole);
	if (code != 0)
		return code;

	/* Only where the newest index of ours is too: a header names it. */
	const struct chain *chain = find_chain(r, o->agent->public.id);
	for (unsigned i = 0; i < r->zone_count; i++) {
		if (chain->zone_seq[i] != chain->seq)
			whole &= ~ZONE_BIT(i);
	}
	whole &= o->zones;
	if (whole == 0)
		return failed(ERR_UNAVAILABLE, "no zone holds all of the snapshot: nothing was committed; what was "
					       "sent is used by the next run");

	code = follow_on(r, header);
	if (code == 0)
		code = make_seal(r, o, header, &seal, header->seal);
	collect_heads(r, header->heads, &header->head_count, NULL);
	if (code == 0)
		code = header_encode(header, &body);
	if (code == 0)
		code = sign(SIGNED_HEADER, o->agent, &body, &object, hash);
	/* Killed from here on, the next run knows its seal for a stray one. */
	if (code == 0 && r->remembers && r->memory != NULL)
		code = remember_unfinished(r->memory, header->id);
	if (code == 0)
		code = send_object(r, whole, name_seal(r->dataset, header->id, 1, name), seal.data, seal.len, false,
				   &sealed);
	if (code == 0)
		code = send_object(r, sealed, name_header(r->dataset, header->taken_at, header->id, name), object.data,
				   object.len, false, zones);
	if (code == 0 && r->remembers && r->memory != NULL)
		code = remember_header(r->memory, header->id, &object);
	if (code == 0 && r->remembers && r->memory != NULL)
		code = remembered_forget(r->memory, REMEMBERED_UNFINISHED, header->id);
	return code == 0 ? remember(r, FACT_HEADER, header->seq, hash) : code;
}
