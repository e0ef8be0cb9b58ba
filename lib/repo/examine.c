#include "repo/examine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "crypto/digest.h"
#include "repo/commit.h"

bool snapshot_stays(const struct repo *r, const struct snapshot *s)
{
	return snapshot_live(s) && !s->disputed && repo_expiry(r, s) > clock_now();
}

bool chain_start(const struct repo *r, const uint8_t signer[KEY_ID_SIZE], uint64_t *start)
{
	const struct signer *owner = trust_find(r->trust, signer);
	const struct chain *chain = NULL;

	for (size_t i = 0; i < r->chain_count && chain == NULL; i++)
		chain = memcmp(r->chains[i].signer, signer, KEY_ID_SIZE) == 0 ? &r->chains[i] : NULL;
	if (owner == NULL || chain == NULL)
		return false;
	*start = 0;
	if ((owner->roles & (1u << ROLE_AGENT)) == 0)
		return true;

	uint64_t checkpoint = chain->seq - chain->seq % CHECKPOINT_EVERY;
	for (size_t i = 0; i < r->index_count; i++) {
		if (r->indexes[i].seq == checkpoint && memcmp(r->indexes[i].signer, signer, KEY_ID_SIZE) == 0)
			*start = checkpoint;
	}
	return true;
}

/* A sector that cannot be read is damage to the object, not the end of the zone. */
static int get(struct repo *r, unsigned zone, const char *name, size_t max, const char *what, struct buf *object)
{
	buf_init(object, max, what);
	must(r->zones[zone].zone != NULL);

	int code = zone_get(r->zones[zone].zone, name, object);
	return code == ERR_SYSTEM ? ERR_INTEGRITY : code;
}

static int wrong_hash(const struct buf *object, const uint8_t expected[DIGEST_SIZE], const char *namer)
{
	uint8_t hash[DIGEST_SIZE];

	sha256(object->data, object->len, hash);
	return memcmp(hash, expected, DIGEST_SIZE) == 0
		       ? 0
		       : failed(ERR_INTEGRITY, "its bytes are not those that %s names", namer);
}

/* Names are not signed: what is inside must say the same. */
static int other_inside(bool same)
{
	return same ? 0 : failed(ERR_INTEGRITY, "it says another dataset, snapshot or number inside than its name");
}

#define INDEX_PIECE (1u << 20)

/* A checkpoint may be large: it comes by pieces, into a file. */
static int get_large(struct repo *r, unsigned zone, const char *name, struct buf *object)
{
	_free_ uint8_t *piece = xmalloc(INDEX_PIECE);
	uint64_t size = 0;
	int code = zone_head(r->zones[zone].zone, name, &size);

	if (code == 0 && size > object->max)
		code = failed(ERR_FORMAT, "zone %s: '%s' is larger than %zu bytes, the limit for an index",
			      r->zones[zone].name, name, object->max);
	for (uint64_t at = 0; at < size && code == 0; at += INDEX_PIECE) {
		size_t len = size - at < INDEX_PIECE ? (size_t)(size - at) : INDEX_PIECE;

		code = zone_get_range(r->zones[zone].zone, name, at, len, piece);
		if (code == 0)
			code = buf_append(object, piece, len);
	}
	return code;
}

static int get_index(struct repo *r, unsigned zone, const char *name, struct buf *object)
{
	_buf_ struct buf small = { 0 };
	int code = get(r, zone, name, INDEX_PIECE, "index", &small);

	buf_init_spilled(object, INDEX_MAX, "index", r->folder);
	if (code == 0)
		return buf_append(object, small.data, small.len);
	if (code == ERR_FORMAT)
		code = get_large(r, zone, name, object);
	return code == ERR_SYSTEM ? ERR_INTEGRITY : code;
}

int examine_index(struct repo *r, unsigned zone, const struct index_object *o, struct buf *object, struct index *out)
{
	char name[OBJECT_NAME_MAX];
	struct signed_view view;
	const struct signer *signer;
	struct index index = { 0 };

	int code = get_index(r, zone, name_index(r->dataset, o->signer, o->seq, o->hash, name), object);
	if (code == 0)
		code = wrong_hash(object, o->hash, "its name");
	if (code == 0)
		code = trust_open(r->trust, SIGNED_INDEX, object->data, object->len, "index", &view, &signer);
	if (code == 0)
		code = index_decode(view.body, view.body_len, &index);
	if (code != 0)
		return code;
	code = other_inside(strcmp(index.dataset, r->dataset) == 0 && index.seq == o->seq &&
			    memcmp(signer->key.id, o->signer, KEY_ID_SIZE) == 0);
	if (code == 0 && out != NULL)
		*out = index;
	else
		index_release(&index);
	return code;
}

int examine_header(struct repo *r, unsigned zone, const struct snapshot *s, struct buf *object)
{
	char name[OBJECT_NAME_MAX];
	int code = get(r, zone, name_header(r->dataset, s->header.taken_at, s->header.id, name), HEADER_MAX, "header",
		       object);

	return code == 0 ? wrong_hash(object, s->hash, "its signature") : code;
}

int examine_intent(struct repo *r, unsigned zone, const struct snapshot *s, struct buf *object)
{
	char name[OBJECT_NAME_MAX];
	struct signed_view view;
	const struct signer *signer;
	struct intent intent;

	int code = get(r, zone, name_intent(r->dataset, s->header.id, name), INTENT_MAX, "intent", object);
	if (code == 0)
		code = trust_open(r->trust, SIGNED_INTENT, object->data, object->len, "intent", &view, &signer);
	if (code == 0)
		code = intent_decode(view.body, view.body_len, &intent);
	if (code == 0)
		code = other_inside(strcmp(intent.dataset, r->dataset) == 0 &&
				    memcmp(intent.snapshot, s->header.id, SNAPSHOT_ID_SIZE) == 0 &&
				    intent.header_len == s->object.len &&
				    memcmp(intent.header, s->object.data, s->object.len) == 0);
	return code;
}

int examine_mark(struct repo *r, unsigned zone, const uint8_t pack[DIGEST_SIZE], struct buf *object)
{
	char name[OBJECT_NAME_MAX];
	struct signed_view view;
	const struct signer *signer;
	struct condemned mark;

	int code = get(r, zone, name_condemned(r->dataset, pack, name), MARK_MAX, "condemned mark", object);
	if (code == 0)
		code = trust_open(r->trust, SIGNED_CONDEMNED, object->data, object->len, "condemned mark", &view,
				  &signer);
	if (code == 0)
		code = condemned_decode(view.body, view.body_len, &mark);
	if (code == 0)
		code = other_inside(strcmp(mark.dataset, r->dataset) == 0 && memcmp(mark.pack, pack, DIGEST_SIZE) == 0);
	return code;
}

int examine_seal(struct repo *r, unsigned zone, const struct snapshot *s, uint32_t generation, struct buf *object)
{
	char name[OBJECT_NAME_MAX];
	struct signed_view view;
	const struct signer *signer;
	struct seal *seal = NULL;

	int code = get(r, zone, name_seal(r->dataset, s->header.id, generation, name), SEAL_MAX, "seal", object);
	if (code == 0 && generation == 1)
		code = wrong_hash(object, s->header.seal, "its snapshot's header");
	if (code == 0)
		code = trust_open(r->trust, SIGNED_SEAL, object->data, object->len, "seal", &view, &signer);
	if (code == 0 && generation > 1 && (signer->roles & (1u << ROLE_OPERATOR)) == 0)
		code = failed(ERR_INTEGRITY, "seal: generation %u is signed by '%s', who is no operator", generation,
			      signer->name);
	if (code != 0)
		return code;
	seal = xmalloc(sizeof *seal);
	code = seal_decode(view.body, view.body_len, seal);
	if (code == 0)
		code = other_inside(strcmp(seal->dataset, r->dataset) == 0 && seal->generation == generation &&
				    memcmp(seal->snapshot, s->header.id, SNAPSHOT_ID_SIZE) == 0);
	free(seal);
	return code;
}

#define WINDOW (512u << 10) /* of a pack */

struct pack_examiner {
	struct sha256 *hash;
	struct zone_read reads[2];
};

struct pack_examiner *pack_examiner_new(void)
{
	struct pack_examiner *x = xcalloc(1, sizeof *x);

	x->hash = sha256_new();
	return x;
}

void pack_examiner_free(struct pack_examiner *x)
{
	zone_read_release(&x->reads[0]);
	zone_read_release(&x->reads[1]);
	sha256_free(x->hash);
	free(x);
}

static size_t window_at(uint64_t at, uint64_t size)
{
	return size - at < WINDOW ? (size_t)(size - at) : WINDOW;
}

/* Ends each read that it begins, also behind one that failed. */
static int hash_object(struct pack_examiner *x, struct zone *z, const char *name, uint64_t size)
{
	uint64_t begun = 0;
	unsigned turn = 0;
	uint8_t *data;
	int code = 0;

	sha256_reset(x->hash);
	for (uint64_t at = 0; at < begun || (at < size && code == 0); turn ^= 1) {
		for (; begun < size && begun - at < 2 * (uint64_t)WINDOW && code == 0; begun += window_at(begun, size))
			zone_read_begin(&x->reads[begun / WINDOW % 2], z, name, begun, window_at(begun, size));
		int ended = zone_read_end(&x->reads[turn], &data);
		if (ended == 0 && code == 0)
			sha256_update(x->hash, data, window_at(at, size));
		code = code == 0 ? ended : code;
		at += window_at(at, size);
	}
	return code;
}

int examine_pack(struct pack_examiner *x, struct repo *r, unsigned zone, const uint8_t name[DIGEST_SIZE], uint64_t size)
{
	char text[OBJECT_NAME_MAX];
	uint8_t digest[DIGEST_SIZE];
	uint64_t there;
	int code = hash_object(x, r->zones[zone].zone, name_pack(r->dataset, name, text), size);

	if (code != 0)
		return code == ERR_SYSTEM ? ERR_INTEGRITY : code;
	sha256_final(x->hash, digest);
	if (memcmp(digest, name, DIGEST_SIZE) != 0)
		return failed(ERR_INTEGRITY, "its bytes are not those that its name says");

	code = zone_head(r->zones[zone].zone, text, &there);
	if (code == 0 && there != size)
		code = failed(ERR_INTEGRITY, "more bytes stand behind its end");
	return code;
}

struct seal_list {
	const char *dataset;
	struct seal_row *rows;
	size_t count, cap;
};

static int take_seal(void *context, const char *name, uint64_t size)
{
	struct seal_list *list = context;
	struct seal_row row;

	(void)size;
	if (name_parse_seal(name, list->dataset, row.snapshot, &row.generation) != 0)
		return 0;
	if (list->count == list->cap) {
		list->cap = list->cap * 2 + 64;
		list->rows = xrealloc(list->rows, list->cap, sizeof *list->rows);
	}
	list->rows[list->count++] = row;
	return 0;
}

static int compare_rows(const void *a, const void *b)
{
	const struct seal_row *x = a, *y = b;
	int order = memcmp(x->snapshot, y->snapshot, SNAPSHOT_ID_SIZE);

	return order != 0 ? order : (x->generation > y->generation) - (x->generation < y->generation);
}

int examine_seals(struct repo *r, unsigned zone, struct seal_row **rows, size_t *count)
{
	struct seal_list list = { .dataset = r->dataset };
	char prefix[OBJECT_NAME_MAX];

	snprintf(prefix, sizeof prefix, "%s/seals/", r->dataset);
	int code = zone_list(r->zones[zone].zone, prefix, take_seal, &list);
	if (code != 0) {
		free(list.rows);
		list = (struct seal_list){ 0 };
	} else if (list.count > 0) {
		qsort(list.rows, list.count, sizeof *list.rows, compare_rows);
	}
	*rows = list.rows;
	*count = list.count;
	return code;
}

const struct seal_row *seal_rows_of(const struct seal_row *rows, size_t count, const uint8_t snapshot[SNAPSHOT_ID_SIZE],
				    size_t *found)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (memcmp(rows[middle].snapshot, snapshot, SNAPSHOT_ID_SIZE) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (high = low; high < count && memcmp(rows[high].snapshot, snapshot, SNAPSHOT_ID_SIZE) == 0;)
		high++;
	*found = high - low;
	return *found == 0 ? NULL : rows + low;
}
