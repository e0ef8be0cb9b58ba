#include "repo/copy.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "crypto/digest.h"

/* The whole pack from one zone into `bytes`, which has pack->size. */
static int get_whole(struct repo *r, const struct index_pack *pack, const char *name, unsigned from, uint8_t *bytes)
{
	uint8_t hash[DIGEST_SIZE];
	int code = zone_get_range(r->zones[from].zone, name, 0, pack->size, bytes);

	if (code == ERR_MISSING || code == ERR_UNAVAILABLE)
		return code;
	if (code == 0) {
		sha256(bytes, pack->size, hash);
		if (memcmp(hash, pack->name, DIGEST_SIZE) != 0)
			code = failed(ERR_INTEGRITY, "its bytes are not those that its name says");
	}
	if (code == 0)
		return 0;
	/* A disk that cannot read one object has lost this object, no more. */
	findings_add(r->findings, FINDING_DAMAGED, r->zones[from].name, name, "%s", err_message());
	return ERR_INTEGRITY;
}

int copy_pack(struct repo *r, const struct index_pack *pack, unsigned to, bool replace)
{
	char name[OBJECT_NAME_MAX];
	struct zone_writer *writer = r->zones[to].writer;
	uint8_t *bytes = xmalloc(pack->size);
	int code = failed(ERR_MISSING, "pack %s is in no other zone that answers",
			  name_pack(r->dataset, pack->name, name));

	must(writer != NULL);
	for (unsigned from = 0; from < r->zone_count && code != 0; from++) {
		if (from != to && r->zones[from].up)
			code = get_whole(r, pack, name, from, bytes);
	}
	if (code == 0)
		code = replace ? zone_replace(writer, name, bytes, pack->size)
			       : zone_put(writer, name, bytes, pack->size);
	free(bytes);
	return code;
}
