/*
 * Sending objects to both zones: one buffer, all zones in parallel. Packs go through a queue with a thread a zone; a
 * zone that fails is told once, left out from then on, and counted as lagging.
 */
#ifndef REPO_SEND_H
#define REPO_SEND_H

#include "format/pack.h"
#include "repo/repo.h"

struct sender;

/* `zones`: ZONE_BITs to send to. `buffers`: how many packs there are in all, being filled or sent; at least 2. */
struct sender *sender_new(struct repo *r, unsigned zones, unsigned buffers);
void sender_free(struct sender *s);

/* An empty pack to fill; waits while all are in use. */
struct pack *sender_take(struct sender *s, enum kind kind);

/*
 * Gives a finished pack (pack_finish()) away: it is sent, then free for sender_take(). ERR_UNAVAILABLE: every zone has
 * failed.
 */
must_check int sender_send(struct sender *s, struct pack *pack);
/* Gives a pack back unsent. */
void sender_return(struct sender *s, struct pack *pack);

/* Waits until all is sent. *zones: those that took everything so far. ERR_UNAVAILABLE: none did. */
must_check int sender_wait(struct sender *s, unsigned *zones);

/*
 * Puts a small object into each of these zones (bits), in parallel where there are two. *done: where it is now.
 * `reserved`: it serves to delete something, zone_put_reserved().
 */
must_check int send_object(struct repo *r, unsigned zones, const char *name, const void *data, size_t len,
			   bool reserved, unsigned *done);

/* A small object for one zone. */
struct parcel {
	unsigned zone;
	char name[OBJECT_NAME_MAX];
	const struct buf *object; /* the caller's; NULL: nothing is to be put */
	int code;                 /* what became of it */
	char *why;                /* the message of an error, or NULL; parcels_free() */
};

/*
 * Puts many small objects that serve to delete something (zone_put_reserved()), several at once. What stands in the
 * place of one is replaced. Once a zone has failed nothing more is tried there: the code of what was not is
 * ERR_UNAVAILABLE, without a message.
 */
void send_parcels(struct repo *r, struct parcel *parcels, size_t count);
void parcels_free(struct parcel *parcels, size_t count);

#endif
