/*
 * Getting chunks: from the healthier zone, from the other on error, damage or absence. Thread-safe: each thread has
 * its own codec.
 *
 * What a zone is asked for is decided from its listing and from what it has failed to give so far: first zones that
 * list the pack, gave no bad byte of it and have always answered; in the order of the configuration where that does
 * not decide. What the catalogue says of a chunk is not trusted until its tag has been checked under the key.
 */
#ifndef REPO_FETCH_H
#define REPO_FETCH_H

#include "format/blob.h"
#include "format/limits.h"
#include "format/node.h"
#include "repo/repo.h"

struct fetcher;
struct stretch;

/* `r` is loaded and stays as it is meanwhile. only_zone: -1, or the number of the one zone to read from. */
struct fetcher *fetcher_new(struct repo *r, int only_zone);
void fetcher_free(struct fetcher *f);

/*
 * Zones (bits) that must hold every chunk asked for from now on, because they hold the header of its snapshot: a
 * chunk that one of them does not list is a finding, also when another zone gives it. None before the first call.
 */
void fetcher_expect(struct fetcher *f, unsigned zones);

/*
 * Buffers for stored bytes of chunks up to FETCH_KEEP are kept, one for each thread that ever fetched at once. Who asks
 * for larger ones first reserves what it needs for them, here and on its own, or waits for it: FETCH_LARGE there is for
 * all of a fetcher's threads.
 */
#define FETCH_KEEP  (2u << 20)
#define FETCH_LARGE (2 * CHUNK_MAX + CHUNK_MAX / 16)
void fetcher_reserve(struct fetcher *f, size_t bytes);
void fetcher_release(struct fetcher *f, size_t bytes);

/* Where a chunk of content is asked for first. False: nowhere, or its size is not what the catalogue says. */
must_check bool fetch_first_place(struct fetcher *f, const uint8_t id[ID_SIZE], uint64_t size, unsigned *zone,
				  struct chunk_place *place);

/*
 * Begins to read bytes of a pack in a zone, whose answer zone_read_end() gives. False: the catalogue does not have the
 * pack.
 */
must_check bool fetch_begin(struct fetcher *f, unsigned zone, uint32_t pack, uint64_t offset, size_t len,
			    struct zone_read *read);

/*
 * Reads, checks and decodes one chunk into `out` (`size` bytes, which must be its plaintext length; guarded for
 * nodes). `ahead`: looked into first (repo/stretch.h); may be NULL. ERR_MISSING, ERR_INTEGRITY, ERR_UNAVAILABLE, ERR_FORMAT: in no zone (the message names chunk and pack).
 * What one zone failed to give is added to the findings once a pack and zone.
 */
must_check int fetch_chunk(struct fetcher *f, struct blob_codec *codec, struct stretch *ahead, enum kind kind,
			   const uint8_t id[ID_SIZE], const uint8_t key[KEY_SIZE], uint64_t size, uint8_t *out);

/* Whether a code of fetch_*() and of the tree says that data is lost, rather than that this host is in trouble. */
bool fetch_lost(int code);

/* Stored bytes that came from a zone so far. */
uint64_t fetcher_bytes(struct fetcher *f, unsigned zone);
struct repo *fetcher_repo(struct fetcher *f);

/* A node: plaintext in guarded memory, decoded, clear child ids compared. */
struct fetched_node {
	struct node node;
	uint8_t *plain; /* guarded; of at least `len` bytes */
	size_t len;
};
must_check int fetch_node(struct fetcher *f, struct blob_codec *codec, const uint8_t id[ID_SIZE],
			  const uint8_t key[KEY_SIZE], struct fetched_node *out);
void fetched_node_release(struct fetched_node *n); /* also of a zeroed struct */

#endif
