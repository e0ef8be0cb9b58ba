#include "zone/crew.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"

/* A pool that grows to as many threads as there are tasks at once, which its users bound. */
struct crew {
	pthread_mutex_t lock;
	pthread_cond_t changed; /* of a task that somebody waits for, or that paused */
	pthread_cond_t work;    /* there is more of it, or the end: of use to any idle thread */
	struct task *first;     /* that no thread has taken yet */
	pthread_t *threads;
	unsigned count, idle;
	pid_t process; /* that has these threads */
	bool hangs, warned, ending;
	char *zone;
};

static void begin(struct crew *c)
{
	pthread_condattr_t monotonic;

	pthread_mutex_init(&c->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&c->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	pthread_cond_init(&c->work, NULL);
	c->first = NULL;
	c->count = c->idle = 0;
	c->process = getpid();
}

struct crew *crew_new(const char *zone)
{
	struct crew *c = xcalloc(1, sizeof *c);

	c->zone = xstrdup(zone);
	begin(c);
	return c;
}

/* A child process has its parent's crew, but none of the threads: it begins anew, before it has threads itself. */
static void begin_in_child(struct crew *c)
{
	if (c->process != getpid())
		begin(c);
}

static void work_on(struct crew *c, struct task *t)
{
	int code = ERR_UNAVAILABLE;

	c->first = t->next;
	if (t->state == TASK_WAITING) {
		t->state = TASK_WORKING;
		pthread_mutex_unlock(&c->lock);
		code = t->work(t);
		pthread_mutex_lock(&c->lock);
	}
	if (t->state == TASK_LEFT) {
		t->release(t);
		return;
	}
	t->code = code;
	strncpy(t->message, code == 0 ? "" : err_message(), sizeof t->message - 1);
	t->state = TASK_ENDED;
	pthread_cond_broadcast(&c->changed);
}

static void *be_of_the_crew(void *argument)
{
	struct crew *c = argument;

	pthread_mutex_lock(&c->lock);
	for (;;) {
		if (c->first != NULL) {
			c->idle--;
			work_on(c, c->first);
			c->idle++;
		} else if (c->ending) {
			break;
		} else {
			pthread_cond_wait(&c->work, &c->lock);
		}
	}
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

/* Idle threads that are about to take what waits already do not count. */
static void find_a_thread(struct crew *c)
{
	unsigned waiting = 0;

	for (const struct task *t = c->first; t != NULL; t = t->next)
		waiting++;
	if (waiting <= c->idle)
		return;
	c->threads = xrealloc(c->threads, c->count + 1, sizeof *c->threads);
	must(pthread_create(&c->threads[c->count++], NULL, be_of_the_crew, c) == 0);
	c->idle++;
}

static void append(struct crew *c, struct task *t)
{
	struct task **end = &c->first;

	while (*end != NULL)
		end = &(*end)->next;
	t->next = NULL;
	*end = t;
}

static void warn(struct crew *c, uint64_t waited)
{
	if (c->warned || waited < CREW_WARNING * UINT64_C(1000000000))
		return;
	c->warned = true;
	log_warning("zone %s has not answered for %d seconds; waiting for it up to %d", c->zone, CREW_WARNING,
		    CREW_PATIENCE);
}

/* A second at a time: the clock is looked at, not trusted to wake us. */
static bool wait_for(struct crew *c, const struct task *t)
{
	while (t->state == TASK_WAITING || t->state == TASK_WORKING) {
		uint64_t waited = clock_ticks() - t->since;
		struct timespec until;

		warn(c, waited);
		if (waited >= CREW_PATIENCE * UINT64_C(1000000000))
			return false;
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec++;
		pthread_cond_timedwait(&c->changed, &c->lock, &until);
	}
	return true;
}

int crew_run(struct crew *c, struct task *t, bool *left)
{
	int code = 0;

	*left = false;
	begin_in_child(c);
	pthread_mutex_lock(&c->lock);
	t->crew = c;
	t->since = clock_ticks();
	if (c->hangs) {
		code = failed(ERR_UNAVAILABLE, "it did not answer before, and is not asked again");
		/* Of a listing that paused, the thread waits for us. */
		*left = t->state == TASK_PAUSED;
	} else if (t->state == TASK_PAUSED) {
		t->state = TASK_WORKING;
		pthread_cond_broadcast(&c->changed);
	} else {
		append(c, t);
		find_a_thread(c);
		pthread_cond_signal(&c->work);
	}
	if (code == 0 && !wait_for(c, t)) {
		c->hangs = true;
		*left = true;
		code = failed(ERR_UNAVAILABLE, "it did not answer for %d seconds, and is left alone", CREW_PATIENCE);
	}
	if (*left) {
		t->state = TASK_LEFT;
		pthread_cond_broadcast(&c->changed);
	} else if (code == 0 && t->state == TASK_ENDED) {
		code = t->code == 0 ? 0 : err_adopt(t->code, t->message);
	}
	pthread_mutex_unlock(&c->lock);
	return code;
}

bool crew_pause(struct task *t)
{
	struct crew *c = t->crew;

	pthread_mutex_lock(&c->lock);
	if (t->state != TASK_LEFT) {
		t->state = TASK_PAUSED;
		pthread_cond_broadcast(&c->changed);
	}
	while (t->state == TASK_PAUSED)
		pthread_cond_wait(&c->changed, &c->lock);
	bool goes_on = t->state == TASK_WORKING;
	pthread_mutex_unlock(&c->lock);
	return goes_on;
}

bool crew_hangs(struct crew *c)
{
	pthread_mutex_lock(&c->lock);
	bool hangs = c->hangs;
	pthread_mutex_unlock(&c->lock);
	return hangs;
}

bool crew_free(struct crew *c)
{
	begin_in_child(c);
	pthread_mutex_lock(&c->lock);
	bool hangs = c->hangs;
	c->ending = true;
	pthread_cond_broadcast(&c->work);
	pthread_mutex_unlock(&c->lock);
	if (hangs)
		return false;
	for (unsigned i = 0; i < c->count; i++)
		pthread_join(c->threads[i], NULL);
	free(c->threads);
	free(c->zone);
	pthread_mutex_destroy(&c->lock);
	pthread_cond_destroy(&c->changed);
	pthread_cond_destroy(&c->work);
	free(c);
	return true;
}
