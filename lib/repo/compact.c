#include "repo/compact.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "repo/commit.h"
#include "repo/made_pack.h"
#include "repo/send.h"

struct compacting {
	struct repo *r;
	const struct collect_options *o;
	const struct reach *reach;
	struct collect_result *result;
	struct sender *sender;
	struct pack *open[KIND_NODE + 1];
	struct buf whole;    /* the pack that is read */
	struct buf children; /* of one node */
	uint8_t (*done)[DIGEST_SIZE];
	uint32_t done_count;
};

/* The whole pack from a zone in which its bytes make its name. */
static int read_pack(struct compacting *c, const struct index_pack *pack)
{
	char name[OBJECT_NAME_MAX];
	int code = failed(ERR_MISSING, "%s is in no zone", name_pack(c->r->dataset, pack->name, name));

	for (unsigned i = 0; i < c->r->zone_count; i++) {
		uint8_t hash[DIGEST_SIZE];

		/* An empty buffer is given the bytes as they are, another one a copy. */
		buf_release(&c->whole);
		buf_init(&c->whole, PACK_MAX, "pack");
		code = zone_get(c->r->zones[i].zone, name, &c->whole);
		if (code == 0) {
			sha256(c->whole.data, c->whole.len, hash);
			if (c->whole.len == pack->size && memcmp(hash, pack->name, DIGEST_SIZE) == 0)
				return 0;
			code = failed(ERR_INTEGRITY, "its bytes do not make its name");
		}
		findings_add(c->r->findings, code == ERR_MISSING ? FINDING_MISSING : FINDING_DAMAGED,
			     c->r->zones[i].name, name, "%s", err_message());
	}
	return code;
}

static int ship(struct compacting *c, struct pack *pack)
{
	uint8_t random[16];

	random_bytes(random, sizeof random);
	int code = pack_finish(pack, random);
	if (code == 0)
		code = made_pack_note(c->r, c->o->journal, pack);
	if (code != 0) {
		sender_return(c->sender, pack);
		return code;
	}
	c->result->rewritten_bytes += pack->bytes.len;
	return sender_send(c->sender, pack);
}

static int copy_blob(void *context, const uint8_t id[ID_SIZE], const struct chunk_place *place)
{
	struct compacting *c = context;
	enum kind kind = place->info.kind;
	bool live;
	int code = reach_counts(c->reach, id, place->pack, &live);

	if (code != 0 || !live)
		return code;
	buf_clear(&c->children);
	if (kind == KIND_NODE)
		code = catalog_children(c->r->catalog, id, &c->children);
	size_t child_count = c->children.len / ID_SIZE;
	if (code == 0 && c->open[kind] != NULL && !pack_has_room(c->open[kind], place->stored, child_count)) {
		code = ship(c, c->open[kind]);
		c->open[kind] = NULL;
	}
	if (code != 0)
		return code;
	if (c->open[kind] == NULL)
		c->open[kind] = sender_take(c->sender, kind);
	must((size_t)place->offset + place->stored <= c->whole.len);
	return pack_add(c->open[kind], &place->info, c->whole.data + place->offset, place->stored,
			(const uint8_t(*)[ID_SIZE])c->children.data, child_count);
}

static int compact_one(struct compacting *c, uint32_t number)
{
	struct index_pack pack;
	enum pack_origin origin;
	int code = catalog_pack(c->r->catalog, number, &pack, &origin);

	if (code == 0 && read_pack(c, &pack) != 0)
		return 0;
	if (code == 0)
		code = catalog_each_blob(c->r->catalog, number, copy_blob, c);
	if (code == 0)
		code = lease_renew(c->o->leases);
	if (code == 0)
		memcpy(c->done[c->done_count++], pack.name, DIGEST_SIZE);
	return code;
}

/* The new packs count from here on, and the old ones no more. Only when every zone has taken everything. */
static int settle(struct compacting *c)
{
	unsigned zones, all = ZONE_BIT(c->r->zone_count) - 1;
	int code = sender_wait(c->sender, &zones);

	if (code != 0 || zones != all)
		return code;
	code = commit_index(c->r, c->o->signer, all, true, (const uint8_t(*)[DIGEST_SIZE])c->done, c->done_count);
	for (uint32_t i = 0; i < c->done_count && code == 0; i++) {
		uint32_t number;

		code = catalog_find_pack(c->r->catalog, c->done[i], &number);
		if (code == 0)
			code = catalog_set_origin(c->r->catalog, number, PACK_RETIRED);
	}
	if (code == 0)
		code = catalog_flush(c->r->catalog, true);
	if (code == 0)
		code = journal_clear(c->o->journal);
	if (code == 0)
		c->result->compacted += c->done_count;
	return code;
}

int compact(struct repo *r, const struct collect_options *options, const struct reach *reach, const uint32_t *packs,
	    size_t count, struct collect_result *result)
{
	struct compacting c = { .r = r, .o = options, .reach = reach, .result = result };
	int code = 0;

	c.sender = sender_new(r, ZONE_BIT(r->zone_count) - 1, 3);
	c.done = xcalloc(count, DIGEST_SIZE);
	buf_init(&c.whole, PACK_MAX, "pack");
	buf_init(&c.children, (size_t)NODE_CHILDREN_MAX * ID_SIZE, "children of a node");
	for (size_t i = 0; i < count && code == 0 && result->rewritten_bytes < COMPACT_BYTES_MAX; i++)
		code = compact_one(&c, packs[i]);
	for (size_t kind = 0; kind <= KIND_NODE; kind++) {
		if (c.open[kind] == NULL)
			continue;
		if (code == 0)
			code = ship(&c, c.open[kind]);
		else
			sender_return(c.sender, c.open[kind]);
	}
	if (code == 0 && c.done_count > 0)
		code = settle(&c);
	sender_free(c.sender);
	buf_release(&c.whole);
	buf_release(&c.children);
	free(c.done);
	return code;
}
