/*
 * One queue of packs, one thread a zone. A pack leaves the queue for good when every zone has taken it or failed; one
 * that hangs fails too, after a while (zone.h): the other zone's backup must not wait for it.
 *
 * Lock order: sender.lock is the only lock; it is not held while a zone is written to.
 */
#include "repo/send.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/parallel.h"
#include "base/stop.h"

struct slot {
	struct pack *pack;
	unsigned waiting; /* zones that have it still to send */
	uint64_t order;   /* of sending; 0: free or being filled */
	bool filling;
	bool lent; /* a thread that hangs may still read the pack */
};

struct lane { /* one zone's thread */
	struct sender *sender;
	unsigned zone;
	pthread_t thread;
	bool running, failed;
};

struct sender {
	struct repo *r;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct slot *slots;
	unsigned slot_count;
	struct lane lanes[REPO_ZONES_MAX];
	unsigned zones; /* taking part and not failed */
	uint64_t next_order;
	bool ending;
	char message[ERR_MESSAGE_MAX]; /* of the last failure */
};

static struct slot *next_for(struct sender *s, unsigned zone)
{
	struct slot *next = NULL;

	for (unsigned i = 0; i < s->slot_count; i++) {
		struct slot *slot = &s->slots[i];

		if (slot->order != 0 && (slot->waiting & ZONE_BIT(zone)) != 0 &&
		    (next == NULL || slot->order < next->order))
			next = slot;
	}
	return next;
}

static void done_with(struct sender *s, struct slot *slot, unsigned zone)
{
	slot->waiting &= ~ZONE_BIT(zone);
	if (slot->waiting == 0) {
		slot->order = 0;
		/* Left to the end of the process. */
		slot->pack = slot->lent ? NULL : slot->pack;
		slot->lent = false;
	}
	pthread_cond_broadcast(&s->changed);
}

/* Leaves a zone out from here on. `message` is what the user is told. */
static void leave_out(struct sender *s, unsigned zone, const char *message)
{
	s->lanes[zone].failed = true;
	s->zones &= ~ZONE_BIT(zone);
	strncpy(s->message, message, sizeof s->message - 1);
	findings_add(s->r->findings, FINDING_LAG, s->r->zones[zone].name, NULL, "left behind: %s", message);
	pthread_cond_broadcast(&s->changed);
}

static void *run_lane(void *argument)
{
	struct lane *lane = argument;
	struct sender *s = lane->sender;

	pthread_mutex_lock(&s->lock);
	for (;;) {
		struct slot *slot = next_for(s, lane->zone);
		char name[OBJECT_NAME_MAX];

		if (slot == NULL) {
			if (s->ending)
				break;
			pthread_cond_wait(&s->changed, &s->lock);
			continue;
		}
		if (lane->failed) {
			done_with(s, slot, lane->zone);
			continue;
		}
		pthread_mutex_unlock(&s->lock);
		bool kept;
		int code = zone_put_lent(s->r->zones[lane->zone].writer,
					 name_pack(s->r->dataset, slot->pack->name, name), slot->pack->bytes.data,
					 slot->pack->bytes.len, &kept);
		pthread_mutex_lock(&s->lock);
		slot->lent = slot->lent || kept;
		/* The name is the hash of the bytes: what is there already is this pack. */
		if (code != 0 && code != ERR_EXISTS)
			leave_out(s, lane->zone, err_message());
		done_with(s, slot, lane->zone);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

struct sender *sender_new(struct repo *r, unsigned zones, unsigned buffers)
{
	struct sender *s = xcalloc(1, sizeof *s);

	must(buffers >= 2);
	s->r = r;
	s->zones = zones;
	s->next_order = 1;
	s->slot_count = buffers;
	s->slots = xcalloc(buffers, sizeof *s->slots);
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, NULL);
	for (unsigned i = 0; i < r->zone_count; i++) {
		struct lane *lane = &s->lanes[i];

		*lane = (struct lane){ .sender = s, .zone = i };
		if ((zones & ZONE_BIT(i)) == 0)
			continue;
		lane->running = true;
		must(pthread_create(&lane->thread, NULL, run_lane, lane) == 0);
	}
	return s;
}

/* One that had such a pack, if there is one. */
static struct slot *free_slot(struct sender *s, enum kind kind)
{
	struct slot *found = NULL;

	for (unsigned i = 0; i < s->slot_count; i++) {
		struct slot *slot = &s->slots[i];

		if (slot->filling || slot->order != 0)
			continue;
		if (slot->pack != NULL && slot->pack->kind == kind)
			return slot;
		found = slot;
	}
	return found;
}

struct pack *sender_take(struct sender *s, enum kind kind)
{
	struct slot *slot;

	pthread_mutex_lock(&s->lock);
	while ((slot = free_slot(s, kind)) == NULL)
		pthread_cond_wait(&s->changed, &s->lock);
	/* Nodes take less: the memory of a pack of content is not kept for them. */
	if (slot->pack != NULL && slot->pack->kind != kind) {
		pack_free(slot->pack);
		slot->pack = NULL;
	}
	if (slot->pack == NULL)
		slot->pack = pack_new(kind);
	else
		pack_reset(slot->pack, kind);
	slot->filling = true;
	pthread_mutex_unlock(&s->lock);
	return slot->pack;
}

static struct slot *slot_of(struct sender *s, const struct pack *pack)
{
	for (unsigned i = 0; i < s->slot_count; i++) {
		if (s->slots[i].pack == pack)
			return &s->slots[i];
	}
	die(__FILE__, __LINE__, "a pack of another sender");
}

void sender_return(struct sender *s, struct pack *pack)
{
	pthread_mutex_lock(&s->lock);
	slot_of(s, pack)->filling = false;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

int sender_send(struct sender *s, struct pack *pack)
{
	int code = 0;

	pthread_mutex_lock(&s->lock);
	struct slot *slot = slot_of(s, pack);
	slot->filling = false;
	if (s->zones == 0) {
		code = failed(ERR_UNAVAILABLE, "no zone takes packs any more: %s", s->message);
	} else {
		slot->waiting = s->zones;
		slot->order = s->next_order++;
	}
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	return code;
}

static bool anything_waiting(const struct sender *s)
{
	for (unsigned i = 0; i < s->slot_count; i++) {
		if (s->slots[i].order != 0 && (s->slots[i].waiting & s->zones) != 0)
			return true;
	}
	return false;
}

int sender_wait(struct sender *s, unsigned *zones)
{
	pthread_mutex_lock(&s->lock);
	while (anything_waiting(s))
		pthread_cond_wait(&s->changed, &s->lock);
	*zones = s->zones;
	pthread_mutex_unlock(&s->lock);
	return *zones == 0 ? failed(ERR_UNAVAILABLE, "no zone took everything: %s", s->message) : 0;
}

void sender_free(struct sender *s)
{
	if (s == NULL)
		return;
	pthread_mutex_lock(&s->lock);
	s->ending = true;
	for (unsigned i = 0; i < s->slot_count; i++) {
		if (s->zones == 0 || stop_requested())
			s->slots[i].order = 0;
	}
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	for (unsigned i = 0; i < s->r->zone_count; i++) {
		if (s->lanes[i].running)
			pthread_join(s->lanes[i].thread, NULL);
	}
	for (unsigned i = 0; i < s->slot_count; i++) {
		if (!s->slots[i].lent)
			pack_free(s->slots[i].pack);
	}
	free(s->slots);
	pthread_mutex_destroy(&s->lock);
	pthread_cond_destroy(&s->changed);
	free(s);
}

struct put_job {
	struct zone_writer *writer;
	const char *name;
	const void *data;
	size_t len;
	bool reserved;
	int code;
	char message[ERR_MESSAGE_MAX];
};

static void *run_put(void *argument)
{
	struct put_job *job = argument;

	job->code = (job->reserved ? zone_put_reserved : zone_put)(job->writer, job->name, job->data, job->len);
	if (job->code != 0)
		strncpy(job->message, err_message(), sizeof job->message - 1);
	return NULL;
}

int send_object(struct repo *r, unsigned zones, const char *name, const void *data, size_t len, bool reserved,
		unsigned *done)
{
	struct put_job jobs[REPO_ZONES_MAX] = { { 0 } };
	pthread_t threads[REPO_ZONES_MAX];
	int code = 0;

	*done = 0;
	for (unsigned i = 0; i < r->zone_count; i++) {
		if ((zones & ZONE_BIT(i)) == 0)
			continue;
		jobs[i] = (struct put_job){
			.writer = r->zones[i].writer, .name = name, .data = data, .len = len, .reserved = reserved
		};
		must(pthread_create(&threads[i], NULL, run_put, &jobs[i]) == 0);
		/* Each has a copy: of a large one, no two at a time. */
		if (len > SPILL_HEAP_MAX)
			pthread_join(threads[i], NULL);
	}
	for (unsigned i = 0; i < r->zone_count; i++) {
		if ((zones & ZONE_BIT(i)) == 0)
			continue;
		if (len <= SPILL_HEAP_MAX)
			pthread_join(threads[i], NULL);
		if (jobs[i].code == 0) {
			*done |= ZONE_BIT(i);
			continue;
		}
		findings_add(r->findings, FINDING_LAG, r->zones[i].name, name, "%s", jobs[i].message);
		code = err_adopt(jobs[i].code, jobs[i].message);
	}
	return *done != 0 || zones == 0 ? 0 : code;
}

struct dispatch {
	struct repo *r;
	struct parcel *parcels;
	atomic_uint failed; /* ZONE_BITs */
};

static void send_parcel(void *context, size_t i)
{
	struct dispatch *d = context;
	struct parcel *p = &d->parcels[i];
	struct zone_writer *writer = d->r->zones[p->zone].writer;

	if (p->object == NULL)
		return;
	p->code = ERR_UNAVAILABLE;
	if ((atomic_load(&d->failed) & ZONE_BIT(p->zone)) != 0)
		return;
	p->code = zone_put_reserved(writer, p->name, p->object->data, p->object->len);
	if (p->code == ERR_EXISTS)
		p->code = zone_replace(writer, p->name, p->object->data, p->object->len);
	if (p->code == 0)
		return;
	p->why = xstrdup(err_message());
	atomic_fetch_or(&d->failed, ZONE_BIT(p->zone));
}

void send_parcels(struct repo *r, struct parcel *parcels, size_t count)
{
	struct dispatch d = { .r = r, .parcels = parcels };

	parallel(count, send_parcel, &d);
}

void parcels_free(struct parcel *parcels, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(parcels[i].why);
	free(parcels);
}
