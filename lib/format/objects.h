/*
 * The bodies of signed objects: header, index, seal, intent, condemned mark, lease (docs/FORMAT.md). Pure encode and
 * decode; who may sign what is decided in repo/trust.h.
 */
#ifndef FORMAT_OBJECTS_H
#define FORMAT_OBJECTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "crypto/keyfile.h"
#include "crypto/seal.h"
#include "format/limits.h"

#define PRODUCT_NAME_MAX 64
#define TOOL_TEXT_MAX    64
#define HOST_TEXT_MAX    255
#define REASON_TEXT_MAX  255

enum data_class { CLASS_MESSAGE = 1, CLASS_USER = 2, CLASS_CONFIGURATION = 3 };
const char *data_class_name(enum data_class c);

/* The newest index of a signer's chain, as somebody saw it. */
struct head {
	uint8_t signer[KEY_ID_SIZE];
	uint64_t seq;
	uint8_t hash[DIGEST_SIZE]; /* SHA-256 of the whole index object */
};

struct header {
	char dataset[DATASET_NAME_MAX + 1], product[PRODUCT_NAME_MAX + 1], tool[TOOL_TEXT_MAX + 1];
	enum data_class class;
	uint8_t id[SNAPSHOT_ID_SIZE];
	uint64_t seq;                  /* 1, 2, ... in the dataset */
	uint8_t previous[DIGEST_SIZE]; /* SHA-256 of the previous header object; zero for the first */
	int64_t taken_at, consistent_at, expires_at;
	enum suite suite;
	uint8_t root_id[ID_SIZE];
	uint8_t seal[DIGEST_SIZE];       /* SHA-256 of the first generation's seal object */
	uint64_t files, folders, others; /* entries by type */
	uint64_t bytes;                  /* apparent size of all files */
	uint64_t new_bytes, new_stored;  /* plaintext and stored bytes this snapshot added */
	uint64_t skipped, changed; /* entries that could not be read; files that changed while read: > 0 is degraded */
	struct head heads[HEADS_MAX]; /* index chains as seen, ascending by signer; at least the writer's own */
	uint32_t head_count;
};

must_check int header_encode(const struct header *h, struct buf *out);
must_check int header_decode(const uint8_t *body, size_t len, struct header *out);

struct index_pack {
	uint8_t name[DIGEST_SIZE];
	uint8_t footer_hash
		[DIGEST_SIZE]; /* SHA-256 of the footer: a part of the pack can be read and trusted without the rest */
	uint32_t size, footer; /* bytes of the pack, of its footer */
	enum kind kind;
};

struct index {
	char dataset[DATASET_NAME_MAX + 1];
	uint64_t seq;                  /* 1, 2, ... of this signer */
	uint8_t previous[DIGEST_SIZE]; /* SHA-256 of this signer's previous index object; zero for the first */
	int64_t made_at;
	bool checkpoint; /* `added` are all packs that count and `headers` all live headers: readers may start here */
	struct index_pack *added;
	uint32_t added_count;
	uint8_t (*withdrawn)[DIGEST_SIZE];
	uint32_t withdrawn_count;
	uint8_t (*headers)[DIGEST_SIZE];
	uint32_t header_count;
	struct head heads[HEADS_MAX]; /* of other signers, as seen */
	uint32_t head_count;
};

void index_release(struct index *i);
must_check int index_encode(const struct index *i, struct buf *out);
must_check int index_decode(const uint8_t *body, size_t len, struct index *out);

struct seal_share {
	uint8_t recipient[KEY_ID_SIZE];
	uint8_t sealed[SEALED_SIZE];
};

struct seal {
	char dataset[DATASET_NAME_MAX + 1];
	uint8_t snapshot[SNAPSHOT_ID_SIZE];
	uint32_t generation; /* 1: by the agent, named in the header; from 2 on by an operator */
	struct seal_share shares[SEAL_RECIPIENTS_MAX];
	uint32_t share_count;
};

must_check int seal_encode(const struct seal *s, struct buf *out);
must_check int seal_decode(const uint8_t *body, size_t len, struct seal *out);

/* "This snapshot is being destroyed." A record, never an authority. */
struct intent {
	char dataset[DATASET_NAME_MAX + 1];
	uint8_t snapshot[SNAPSHOT_ID_SIZE];
	int64_t made_at, expired_at; /* expired_at: the effective expiry, as its writer computed it */
	char reason[REASON_TEXT_MAX + 1];
	const uint8_t *header; /* the whole signed header object; borrowed */
	size_t header_len;
};

must_check int intent_encode(const struct intent *i, struct buf *out);
must_check int intent_decode(const uint8_t *body, size_t len, struct intent *out); /* header points into body */

struct condemned {
	char dataset[DATASET_NAME_MAX + 1];
	uint8_t pack[DIGEST_SIZE];
	int64_t since;
};

must_check int condemned_encode(const struct condemned *c, struct buf *out);
must_check int condemned_decode(const uint8_t *body, size_t len, struct condemned *out);

struct lease {
	char dataset[DATASET_NAME_MAX + 1];
	uint64_t number;
	uint8_t holder[16]; /* random, one a state folder */
	char host[HOST_TEXT_MAX + 1];
	int64_t from, until;
};

must_check int lease_encode(const struct lease *l, struct buf *out);
must_check int lease_decode(const uint8_t *body, size_t len, struct lease *out);

#endif
