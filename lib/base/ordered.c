#include "base/ordered.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

/* A ring of `depth` slots, counted from the first item on: head <= next <= tail, all modulo depth in the ring. */
struct slot {
	void *item;
	bool done; /* ready for the consumer */
};

struct ordered {
	const struct ordered_calls *calls;
	void *context;
	pthread_t *workers, consumer;
	unsigned worker_count;

	pthread_mutex_t lock;                     /* guards all that follows */
	pthread_cond_t room, to_work, to_consume; /* for the producer, the workers, the consumer */
	struct slot *slots;
	size_t depth;
	uint64_t head; /* the next to be consumed */
	uint64_t next; /* the next to be worked on */
	uint64_t tail; /* where the next push goes */
	bool finishing;
	int code; /* first error; 0 while all is well */
	char message[ERR_MESSAGE_MAX];
};

static struct slot *slot_at(struct ordered *o, uint64_t number)
{
	return &o->slots[number % o->depth];
}

/* Called with the lock held. Takes this thread's message. */
static void stop_with(struct ordered *o, int code)
{
	if (o->code == 0) {
		o->code = code;
		snprintf(o->message, sizeof o->message, "%s", err_message());
	}
	pthread_cond_broadcast(&o->room);
	pthread_cond_broadcast(&o->to_work);
	pthread_cond_broadcast(&o->to_consume);
}

/* Called with the lock held. The number of the next item that needs work; false when there will be none. */
static bool claim(struct ordered *o, uint64_t *number)
{
	for (;;) {
		while (o->next < o->tail && slot_at(o, o->next)->done)
			o->next++;
		if (o->code)
			return false;
		if (o->next < o->tail) {
			*number = o->next++;
			return true;
		}
		if (o->finishing)
			return false;
		pthread_cond_wait(&o->to_work, &o->lock);
	}
}

static void *run_worker(void *argument)
{
	struct ordered *o = argument;
	void *worker = o->calls->worker_new ? o->calls->worker_new(o->context) : NULL;
	uint64_t number;

	pthread_mutex_lock(&o->lock);
	while (claim(o, &number)) {
		void *item = slot_at(o, number)->item;

		pthread_mutex_unlock(&o->lock);
		int code = o->calls->work(o->context, worker, item);
		pthread_mutex_lock(&o->lock);
		if (code) {
			stop_with(o, code);
			break;
		}
		slot_at(o, number)->done = true;
		if (number == o->head)
			pthread_cond_signal(&o->to_consume);
	}
	pthread_mutex_unlock(&o->lock);
	if (o->calls->worker_free)
		o->calls->worker_free(worker);
	return NULL;
}

/* Called with the lock held. Waits until the head may be consumed; false when nothing more will be. */
static bool await_head(struct ordered *o)
{
	while (o->code == 0) {
		if (o->head < o->tail && slot_at(o, o->head)->done)
			return true;
		if (o->head == o->tail && o->finishing)
			return false;
		pthread_cond_wait(&o->to_consume, &o->lock);
	}
	return false;
}

static void *run_consumer(void *argument)
{
	struct ordered *o = argument;

	pthread_mutex_lock(&o->lock);
	while (await_head(o)) {
		struct slot *slot = slot_at(o, o->head);
		void *item = slot->item;

		/* Whatever consume() makes of it, the item is the consumer's from here on: nobody may drop it. */
		slot->item = NULL;
		pthread_mutex_unlock(&o->lock);
		int code = o->calls->consume(o->context, item);
		pthread_mutex_lock(&o->lock);
		if (code)
			stop_with(o, code);
		if (o->next == o->head)
			o->next++;
		o->head++;
		pthread_cond_signal(&o->room);
	}
	pthread_mutex_unlock(&o->lock);
	return NULL;
}

struct ordered *ordered_new(size_t depth, unsigned workers, const struct ordered_calls *calls, void *context)
{
	struct ordered *o = xcalloc(1, sizeof *o);

	must(depth > 0 && workers > 0);
	o->calls = calls;
	o->context = context;
	o->depth = depth;
	o->slots = xcalloc(depth, sizeof *o->slots);
	o->worker_count = workers;
	o->workers = xcalloc(workers, sizeof *o->workers);
	must(pthread_mutex_init(&o->lock, NULL) == 0);
	must(pthread_cond_init(&o->room, NULL) == 0);
	must(pthread_cond_init(&o->to_work, NULL) == 0);
	must(pthread_cond_init(&o->to_consume, NULL) == 0);
	must(pthread_create(&o->consumer, NULL, run_consumer, o) == 0);
	for (unsigned i = 0; i < workers; i++)
		must(pthread_create(&o->workers[i], NULL, run_worker, o) == 0);
	return o;
}

int ordered_push(struct ordered *o, void *item, bool skip_work)
{
	char message[ERR_MESSAGE_MAX];

	pthread_mutex_lock(&o->lock);
	while (o->code == 0 && o->tail - o->head == o->depth)
		pthread_cond_wait(&o->room, &o->lock);
	int code = o->code;
	if (code == 0) {
		*slot_at(o, o->tail) = (struct slot){ .item = item, .done = skip_work };
		pthread_cond_signal(skip_work ? &o->to_consume : &o->to_work);
		o->tail++;
	} else {
		memcpy(message, o->message, sizeof message);
	}
	pthread_mutex_unlock(&o->lock);
	if (code) {
		o->calls->drop(o->context, item);
		code = err_adopt(code, message);
	}
	return code;
}

/* Ends the threads, drops what was not consumed, frees all. Returns the first error, its message adopted. */
static int end(struct ordered *o)
{
	pthread_mutex_lock(&o->lock);
	o->finishing = true;
	pthread_cond_broadcast(&o->to_work);
	pthread_cond_broadcast(&o->to_consume);
	pthread_mutex_unlock(&o->lock);

	for (unsigned i = 0; i < o->worker_count; i++)
		must(pthread_join(o->workers[i], NULL) == 0);
	must(pthread_join(o->consumer, NULL) == 0);

	for (; o->head < o->tail; o->head++)
		o->calls->drop(o->context, slot_at(o, o->head)->item);
	int code = o->code ? err_adopt(o->code, o->message) : 0;

	pthread_cond_destroy(&o->to_consume);
	pthread_cond_destroy(&o->to_work);
	pthread_cond_destroy(&o->room);
	pthread_mutex_destroy(&o->lock);
	free(o->workers);
	free(o->slots);
	free(o);
	return code;
}

int ordered_finish(struct ordered *o)
{
	return end(o);
}

int ordered_abort(struct ordered *o, int code)
{
	char message[ERR_MESSAGE_MAX];

	snprintf(message, sizeof message, "%s", err_message());
	pthread_mutex_lock(&o->lock);
	stop_with(o, code);
	pthread_mutex_unlock(&o->lock);
	(void)!end(o);
	return err_adopt(code, message);
}
