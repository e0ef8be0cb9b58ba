#include "repo/fetch.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hex.h"
#include "repo/locate.h"
#include "repo/stretch.h"

#define SCRATCH_KEEP (FETCH_KEEP + FETCH_KEEP / 32 + AEAD_OVERHEAD) /* as it is stored: padded, and not smaller */

/* Bytes on their way from a zone to the codec. As many as threads were ever fetching at once. */
struct scratch {
	struct scratch *next;
	struct zone_read read;
};

struct fetcher {
	struct repo *r;
	int only_zone;
	uint32_t pack_limit;

	pthread_mutex_t lock; /* guards all that follows; nothing else is locked or called while it is held */
	struct scratch *scratch;
	size_t large; /* bytes left of FETCH_LARGE */
	pthread_cond_t released;
	unsigned expected;           /* zones */
	uint8_t *told;               /* zones (bits) that failed to give something of a pack, by its number */
	bool failed[REPO_ZONES_MAX]; /* did not answer once: asked last from then on */
	uint64_t bytes[REPO_ZONES_MAX];
};

struct fetcher *fetcher_new(struct repo *r, int only_zone)
{
	struct fetcher *f = xcalloc(1, sizeof *f);

	must(only_zone < (int)r->zone_count);
	f->r = r;
	f->only_zone = only_zone;
	f->pack_limit = catalog_pack_limit(r->catalog);
	f->told = xcalloc((size_t)f->pack_limit + 1, 1);
	f->large = FETCH_LARGE;
	must(pthread_mutex_init(&f->lock, NULL) == 0);
	must(pthread_cond_init(&f->released, NULL) == 0);
	return f;
}

void fetcher_free(struct fetcher *f)
{
	if (f == NULL)
		return;
	for (struct scratch *s = f->scratch, *next; s != NULL; s = next) {
		next = s->next;
		zone_read_release(&s->read);
		free(s);
	}
	free(f->told);
	pthread_cond_destroy(&f->released);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

void fetcher_expect(struct fetcher *f, unsigned zones)
{
	pthread_mutex_lock(&f->lock);
	f->expected = zones;
	pthread_mutex_unlock(&f->lock);
}

uint64_t fetcher_bytes(struct fetcher *f, unsigned zone)
{
	pthread_mutex_lock(&f->lock);
	uint64_t bytes = f->bytes[zone];
	pthread_mutex_unlock(&f->lock);
	return bytes;
}

struct repo *fetcher_repo(struct fetcher *f)
{
	return f->r;
}

bool fetch_lost(int code)
{
	return code == ERR_MISSING || code == ERR_INTEGRITY || code == ERR_FORMAT || code == ERR_UNAVAILABLE;
}

/* ---- buffers ---- */

void fetcher_reserve(struct fetcher *f, size_t bytes)
{
	must(bytes <= FETCH_LARGE);
	pthread_mutex_lock(&f->lock);
	while (f->large < bytes)
		pthread_cond_wait(&f->released, &f->lock);
	f->large -= bytes;
	pthread_mutex_unlock(&f->lock);
}

void fetcher_release(struct fetcher *f, size_t bytes)
{
	pthread_mutex_lock(&f->lock);
	f->large += bytes;
	pthread_cond_broadcast(&f->released);
	pthread_mutex_unlock(&f->lock);
}

static struct scratch *scratch_take(struct fetcher *f)
{
	pthread_mutex_lock(&f->lock);
	struct scratch *s = f->scratch;
	if (s != NULL)
		f->scratch = s->next;
	pthread_mutex_unlock(&f->lock);

	return s == NULL ? xcalloc(1, sizeof *s) : s;
}

static void scratch_give(struct fetcher *f, struct scratch *s)
{
	if (zone_read_room(&s->read) > SCRATCH_KEEP)
		zone_read_release(&s->read);
	pthread_mutex_lock(&f->lock);
	s->next = f->scratch;
	f->scratch = s;
	pthread_mutex_unlock(&f->lock);
}

/* ---- findings ---- */

/* Whether this is the first time that this zone fails to give something of this pack. */
static bool first_failure(struct fetcher *f, uint32_t pack, unsigned zone)
{
	pthread_mutex_lock(&f->lock);
	bool first = (f->told[pack] & ZONE_BIT(zone)) == 0;
	f->told[pack] |= (uint8_t)ZONE_BIT(zone);
	pthread_mutex_unlock(&f->lock);
	return first;
}

static int tell(struct fetcher *f, uint32_t number, unsigned zone, enum finding_kind kind, const char *text)
{
	char name[OBJECT_NAME_MAX];
	struct index_pack pack;
	enum pack_origin origin;

	if (!first_failure(f, number, zone))
		return 0;
	int code = catalog_pack(f->r->catalog, number, &pack, &origin);
	if (code == 0)
		findings_add(f->r->findings, kind, f->r->zones[zone].name, name_pack(f->r->dataset, pack.name, name),
			     "%s", text);
	return code;
}

static int note_failure(struct fetcher *f, uint32_t pack, unsigned zone, int reason)
{
	bool first;

	if (reason == ERR_MISSING)
		return tell(f, pack, zone, FINDING_MISSING, "is gone, although it was listed a moment ago");
	if (reason == ERR_INTEGRITY || reason == ERR_FORMAT)
		return tell(f, pack, zone, FINDING_DAMAGED, err_message());

	pthread_mutex_lock(&f->lock);
	first = !f->failed[zone];
	f->failed[zone] = true;
	pthread_mutex_unlock(&f->lock);
	if (first)
		findings_add(f->r->findings, FINDING_UNAVAILABLE, f->r->zones[zone].name, NULL, "%s", err_message());
	return 0;
}

/* ---- where to ask, in which order ---- */

enum { BEHIND_PACK = 2, BEHIND_FAILED = 4, BEHIND_UNLISTED = 8 }; /* the lowest bit is the zone's number */

struct attempt {
	unsigned rank, zone;
	const struct chunk_place *place;
};

static bool listed(const struct fetcher *f, const struct chunk_place *place, unsigned zone)
{
	return (repo_pack_bits(f->r, place->pack) & (PACK_IN_0 << zone)) != 0;
}

static void insert_attempt(struct attempt *list, size_t *count, struct attempt new)
{
	size_t at = *count;

	for (; at > 0 && list[at - 1].rank > new.rank; at--)
		list[at] = list[at - 1];
	list[at] = new;
	++*count;
}

/* What is asked for, and where it goes. */
struct wanted {
	enum kind kind;
	const uint8_t *key;
	bool sized;  /* its length must be `room`; else it is at most that */
	size_t room; /* at `out` */
	struct stretch *ahead;
	uint8_t *out;
	size_t len; /* what came */
};

static bool can_be(const struct chunk_place *p, const struct wanted *want)
{
	if (p->info.kind != want->kind || p->stored > BLOB_STORED_MAX)
		return false;
	return want->sized ? blob_describes(&p->info, want->room) : p->info.plain <= want->room;
}

/* Places that cannot be of this chunk are left out. */
static size_t plan(struct fetcher *f, const struct chunk_place *places, size_t count, const struct wanted *want,
		   struct attempt list[CATALOG_PLACES_MAX * REPO_ZONES_MAX])
{
	size_t planned = 0;

	pthread_mutex_lock(&f->lock);
	for (size_t i = 0; i < count; i++) {
		const struct chunk_place *p = &places[i];

		if (p->pack >= f->pack_limit || !can_be(p, want))
			continue;
		for (unsigned zone = 0; zone < f->r->zone_count; zone++) {
			unsigned rank = zone;

			if (f->r->zones[zone].zone == NULL || (f->only_zone >= 0 && zone != (unsigned)f->only_zone))
				continue;
			rank |= f->told[p->pack] & ZONE_BIT(zone) ? BEHIND_PACK : 0;
			rank |= f->failed[zone] ? BEHIND_FAILED : 0;
			rank |= listed(f, p, zone) ? 0 : BEHIND_UNLISTED;
			insert_attempt(list, &planned, (struct attempt){ .rank = rank, .zone = zone, .place = p });
		}
	}
	pthread_mutex_unlock(&f->lock);
	return planned;
}

/* A zone that has the snapshot's header must list one of the chunk's packs. */
static int check_listings(struct fetcher *f, const struct chunk_place *places, size_t count)
{
	pthread_mutex_lock(&f->lock);
	unsigned expected = f->expected;
	pthread_mutex_unlock(&f->lock);

	for (unsigned zone = 0; zone < f->r->zone_count; zone++) {
		bool there = false;

		if ((expected & ZONE_BIT(zone)) == 0 || !f->r->zones[zone].up || places[0].pack >= f->pack_limit)
			continue;
		for (size_t i = 0; i < count && !there; i++)
			there = listed(f, &places[i], zone);
		if (there)
			continue;
		int code = tell(f, places[0].pack, zone, FINDING_MISSING, "is not listed, or not with its size");
		if (code != 0)
			return code;
	}
	return 0;
}

/* ---- asking ---- */

static int begin_read(struct fetcher *f, unsigned zone, uint32_t number, uint64_t offset, size_t len,
		      struct zone_read *read)
{
	char name[OBJECT_NAME_MAX];
	struct index_pack pack;
	enum pack_origin origin;
	int code = catalog_pack(f->r->catalog, number, &pack, &origin);

	if (code == 0)
		zone_read_begin(read, f->r->zones[zone].zone, name_pack(f->r->dataset, pack.name, name), offset, len);
	return code;
}

bool fetch_begin(struct fetcher *f, unsigned zone, uint32_t pack, uint64_t offset, size_t len, struct zone_read *read)
{
	return begin_read(f, zone, pack, offset, len, read) == 0;
}

static int read_place(struct fetcher *f, unsigned zone, const struct chunk_place *place, struct zone_read *read,
		      uint8_t **stored)
{
	int code = begin_read(f, zone, place->pack, place->offset, place->stored, read);

	if (code != 0)
		return code;
	code = zone_read_end(read, stored);
	/* A sector that cannot be read is damage to the object, not trouble of this host: the other zone may do. */
	return code == ERR_SYSTEM ? ERR_INTEGRITY : code;
}

static int try_attempt(struct fetcher *f, struct blob_codec *codec, const struct attempt *a, struct wanted *want)
{
	struct scratch *s = NULL;
	char hex[ID_HEX];
	uint8_t *stored = stretch_take(want->ahead, a->zone, a->place);
	int code = 0;

	if (stored == NULL) {
		s = scratch_take(f);
		code = read_place(f, a->zone, a->place, &s->read, &stored);
	}
	want->len = want->room;
	if (code == 0)
		code = blob_decode(codec, f->r->dataset, want->key, &a->place->info, stored, a->place->stored,
				   want->out, &want->len);
	/* A padded blob tells its length only now, and under its tag: no zone is to blame for what the parent says. */
	if (want->sized && (code == 0 ? want->len != want->room : want->len > want->room)) {
		code = failed(ERR_INTEGRITY, "chunk %.16s has another length than its parent says",
			      hex_encode(a->place->info.id, ID_SIZE, hex));
	} else if (code == 0) {
		pthread_mutex_lock(&f->lock);
		f->bytes[a->zone] += a->place->stored;
		pthread_mutex_unlock(&f->lock);
	} else if ((a->rank & BEHIND_UNLISTED) == 0) {
		/* That nothing could be read from a pack that is not listed is no news. */
		char message[ERR_MESSAGE_MAX];

		strncpy(message, err_message(), sizeof message - 1);
		message[sizeof message - 1] = '\0';
		int told = note_failure(f, a->place->pack, a->zone, code);
		code = told != 0 ? told : err_adopt(code, message);
	}
	if (s != NULL)
		scratch_give(f, s);
	return code;
}

static int check_key(const uint8_t id[ID_SIZE], const uint8_t key[KEY_SIZE])
{
	uint8_t made[ID_SIZE];
	char hex[ID_HEX];

	chunk_id(key, made);
	return memcmp(made, id, ID_SIZE) == 0
		       ? 0
		       : failed(ERR_INTEGRITY, "the key that is given for chunk %.16s is another chunk's",
				hex_encode(id, ID_SIZE, hex));
}

static int fetch_from(struct fetcher *f, struct blob_codec *codec, const uint8_t id[ID_SIZE],
		      const struct chunk_place *places, size_t count, struct wanted *want)
{
	struct attempt list[CATALOG_PLACES_MAX * REPO_ZONES_MAX];
	char hex[ID_HEX];
	int code = check_key(id, want->key);

	if (code == 0)
		code = check_listings(f, places, count);
	if (code != 0)
		return code;

	size_t planned = plan(f, places, count, want, list);
	hex_encode(id, ID_SIZE, hex);
	if (planned == 0)
		return failed(ERR_INTEGRITY, "chunk %.16s is listed with another kind or length than its parent says",
			      hex);
	/* The first failure is the one to tell: what comes behind are last resorts. */
	char message[ERR_MESSAGE_MAX] = "";
	int first = 0;

	for (size_t i = 0; i < planned; i++) {
		code = try_attempt(f, codec, &list[i], want);
		if (code == 0 || !fetch_lost(code))
			return code;
		if (i == 0) {
			first = code;
			strncpy(message, err_message(), sizeof message - 1);
		}
	}
	(void)err_adopt(first, message);
	return failed_in(first, "chunk %.16s is %s", hex,
			 f->only_zone >= 0 ? "not to be had from this zone" : "in no zone whole");
}

bool fetch_first_place(struct fetcher *f, const uint8_t id[ID_SIZE], uint64_t size, unsigned *zone,
		       struct chunk_place *place)
{
	struct chunk_place places[CATALOG_PLACES_MAX];
	struct attempt list[CATALOG_PLACES_MAX * REPO_ZONES_MAX];
	const struct wanted want = { .kind = KIND_CONTENT, .sized = true, .room = size };
	size_t count;

	if (locate_chunk(f->r, KIND_CONTENT, id, places, &count) != 0 || plan(f, places, count, &want, list) == 0)
		return false;
	*zone = list[0].zone;
	*place = *list[0].place;
	return true;
}

/* Whether what could not be had (`code`, which stays) may be had now, from a pack that was not looked into. */
static bool try_again(struct fetcher *f, enum kind kind, int *code)
{
	char message[ERR_MESSAGE_MAX];
	bool more;

	if (!fetch_lost(*code))
		return false;
	strncpy(message, err_message(), sizeof message - 1);
	message[sizeof message - 1] = '\0';
	int rest = locate_rest(f->r, kind, &more);
	*code = rest != 0 ? rest : err_adopt(*code, message);
	return rest == 0 && more;
}

static int fetch_known(struct fetcher *f, struct blob_codec *codec, struct stretch *ahead, enum kind kind,
		       const uint8_t id[ID_SIZE], const uint8_t key[KEY_SIZE], uint64_t size, uint8_t *out)
{
	struct chunk_place places[CATALOG_PLACES_MAX];
	struct wanted want = { .kind = kind, .key = key, .sized = true, .room = size, .ahead = ahead, .out = out };
	char hex[ID_HEX];
	size_t count;
	int code = locate_chunk(f->r, kind, id, places, &count);

	if (code != 0)
		return code;
	if (count == 0)
		return failed(ERR_MISSING, "chunk %.16s is in no pack of %s that is listed",
			      hex_encode(id, ID_SIZE, hex), f->r->dataset);
	return fetch_from(f, codec, id, places, count, &want);
}

int fetch_chunk(struct fetcher *f, struct blob_codec *codec, struct stretch *ahead, enum kind kind,
		const uint8_t id[ID_SIZE], const uint8_t key[KEY_SIZE], uint64_t size, uint8_t *out)
{
	int code = fetch_known(f, codec, ahead, kind, id, key, size, out);

	return try_again(f, kind, &code) ? fetch_known(f, codec, ahead, kind, id, key, size, out) : code;
}

/* ---- nodes ---- */

void fetched_node_release(struct fetched_node *n)
{
	node_release(&n->node);
	secret_free(n->plain);
	n->plain = NULL;
	n->len = 0;
}

static int open_node(struct fetcher *f, const uint8_t id[ID_SIZE], struct fetched_node *n)
{
	_buf_ struct buf clear = { 0 };
	int code = node_decode(n->plain, n->len, &n->node);

	buf_init(&clear, (size_t)NODE_CHILDREN_MAX * ID_SIZE, "children of a node");
	if (code == 0)
		code = catalog_children(f->r->catalog, id, &clear);
	if (code == 0)
		code = node_check_children(&n->node, (const uint8_t(*)[ID_SIZE])clear.data, clear.len / ID_SIZE);
	return code;
}

/* A parent does not say how long a node is: there is room for the longest of its places, and the tag decides. */
static int fetch_known_node(struct fetcher *f, struct blob_codec *codec, const uint8_t id[ID_SIZE],
			    const uint8_t key[KEY_SIZE], struct fetched_node *out)
{
	struct chunk_place places[CATALOG_PLACES_MAX];
	struct wanted want = { .kind = KIND_NODE, .key = key };
	size_t count;
	char hex[ID_HEX];

	*out = (struct fetched_node){ 0 };
	int code = locate_chunk(f->r, KIND_NODE, id, places, &count);
	if (code != 0)
		return code;
	for (size_t i = 0; i < count; i++) {
		uint32_t plain = places[i].info.plain;

		if (places[i].info.kind == KIND_NODE && plain <= NODE_MAX && plain > want.room)
			want.room = plain;
	}
	if (want.room == 0)
		return failed(ERR_MISSING, "node %.16s is in no pack of %s that is listed",
			      hex_encode(id, ID_SIZE, hex), f->r->dataset);
	want.out = out->plain = secret_new(want.room);
	code = fetch_from(f, codec, id, places, count, &want);
	out->len = want.len;
	if (code == 0)
		code = open_node(f, id, out);
	if (code != 0)
		fetched_node_release(out);
	return code;
}

int fetch_node(struct fetcher *f, struct blob_codec *codec, const uint8_t id[ID_SIZE], const uint8_t key[KEY_SIZE],
	       struct fetched_node *out)
{
	int code = fetch_known_node(f, codec, id, key, out);

	return try_again(f, KIND_NODE, &code) ? fetch_known_node(f, codec, id, key, out) : code;
}
