#include "catalog/encode.h"

#include <string.h>

static uint8_t *put_u32(uint8_t *to, uint32_t value)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		*to++ = (uint8_t)(value >> shift);
	return to;
}

static uint32_t get_u32(const uint8_t *from)
{
	return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
}

void encode_number(uint8_t out[NUMBER_SIZE], uint32_t number)
{
	put_u32(out, number);
}

uint32_t decode_number(const uint8_t *in)
{
	return get_u32(in);
}

void encode_chunk_key(uint8_t out[CHUNK_KEY_SIZE], const uint8_t id[ID_SIZE], uint32_t pack)
{
	memcpy(out, id, ID_SIZE);
	put_u32(out + ID_SIZE, ~pack);
}

void encode_place(uint8_t out[PLACE_SIZE], const struct pending_place *place)
{
	uint8_t *at = put_u32(put_u32(put_u32(out, place->offset), place->stored), place->plain);

	at[0] = place->kind;
	at[1] = place->suite;
	at[2] = place->compression;
}

bool decode_place(const uint8_t *key, size_t key_len, const uint8_t *value, size_t len, struct chunk_place *out)
{
	if (key_len != CHUNK_KEY_SIZE || len != PLACE_SIZE)
		return false;
	*out = (struct chunk_place){
		.pack = ~get_u32(key + ID_SIZE),
		.offset = get_u32(value),
		.stored = get_u32(value + 4),
		.info = { .plain = get_u32(value + 8),
			  .kind = (enum kind)value[12],
			  .suite = (enum suite)value[13],
			  .compression = (enum compression)value[14] },
	};
	memcpy(out->info.id, key, ID_SIZE);
	return true;
}

void encode_row(uint8_t out[ROW_SIZE], const struct index_pack *pack, uint8_t origin)
{
	uint8_t *at = out;

	memcpy(at, pack->name, DIGEST_SIZE);
	memcpy(at + DIGEST_SIZE, pack->footer_hash, DIGEST_SIZE);
	at = put_u32(put_u32(at + 2 * (size_t)DIGEST_SIZE, pack->size), pack->footer);
	at[0] = (uint8_t)pack->kind;
	at[1] = origin;
}

bool decode_row(const uint8_t *value, size_t len, struct index_pack *out, uint8_t *origin)
{
	const uint8_t *at = value + 2 * (size_t)DIGEST_SIZE;

	if (len != ROW_SIZE)
		return false;
	memcpy(out->name, value, DIGEST_SIZE);
	memcpy(out->footer_hash, value + DIGEST_SIZE, DIGEST_SIZE);
	out->size = get_u32(at);
	out->footer = get_u32(at + 4);
	out->kind = (enum kind)at[8];
	*origin = at[9];
	return *origin >= PACK_INDEXED && *origin <= PACK_RETIRED;
}
