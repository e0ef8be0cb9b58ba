#include "repo/made_pack.h"

#include <string.h>

int made_pack_note(struct repo *r, struct journal *journal, const struct pack *pack)
{
	const struct pack_footer footer = { .kind = pack->kind,
					    .blobs = pack->blobs,
					    .children = pack->children,
					    .blob_count = pack->blob_count,
					    .child_count = pack->child_count };
	struct index_pack named = { .size = (uint32_t)pack->bytes.len, .footer = pack->footer, .kind = pack->kind };
	uint32_t number;

	memcpy(named.name, pack->name, DIGEST_SIZE);
	memcpy(named.footer_hash, pack->footer_hash, DIGEST_SIZE);
	int code = journal_add(journal, &named, pack->bytes.data + pack->bytes.len - PACK_TAIL_SIZE - pack->footer,
			       pack->footer);
	if (code == 0)
		code = catalog_add_pack(r->catalog, &named, &footer, PACK_MADE, &number);
	/* On its way to every zone; the next load says where it has arrived. */
	if (code == 0)
		repo_set_pack_bits(r, number, PACK_IN_ANY);
	return code;
}
