#include "zone/crew.h"

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
	pthread_cond_t to_work;
	struct task *first; /* that no thread has taken yet */
	pthread_t *threads;
	unsigned count, idle;
	pid_t process; /* that has these threads */
	bool hangs, warned, ending;
	char *zone;
};

static void begin(struct crew *c)
{
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->to_work, NULL);
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
		pthread_cond_destroy(&t->changed);
		t->release(t);
		return;
	}
	t->code = code;
	strncpy(t->message, code == 0 ? "" : err_message(), sizeof t->message - 1);
	t->state = TASK_ENDED;
	pthread_cond_signal(&t->changed);
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
			pthread_cond_wait(&c->to_work, &c->lock);
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
	pthread_cond_signal(&c->to_work);
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
static bool wait_for(struct crew *c, struct task *t)
{
	while (t->state == TASK_WAITING || t->state == TASK_WORKING) {
		uint64_t waited = clock_ticks() - t->since;
		struct timespec until;

		warn(c, waited);
		if (waited >= CREW_PATIENCE * UINT64_C(1000000000))
			return false;
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec++;
		pthread_cond_timedwait(&t->changed, &c->lock, &until);
	}
	return true;
}

static void take_in(struct crew *c, struct task *t)
{
	pthread_condattr_t monotonic;

	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&t->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	t->crew = c;
	append(c, t);
	find_a_thread(c);
}

void crew_begin(struct crew *c, struct task *t)
{
	begin_in_child(c);
	pthread_mutex_lock(&c->lock);
	t->since = clock_ticks();
	/* A crew that hangs takes nothing: crew_wait() tells. */
	t->begun = !c->hangs;
	if (t->begun && t->state == TASK_PAUSED) {
		t->state = TASK_WORKING;
		pthread_cond_signal(&t->changed);
	} else if (t->begun) {
		take_in(c, t);
	}
	pthread_mutex_unlock(&c->lock);
}

int crew_wait(struct crew *c, struct task *t, bool *left)
{
	int code = 0;

	*left = false;
	pthread_mutex_lock(&c->lock);
	if (!t->begun) {
		code = failed(ERR_UNAVAILABLE, "it did not answer before, and is not asked again");
		/* Of a listing that paused, the thread waits for us. */
		*left = t->crew != NULL;
	} else if (!wait_for(c, t)) {
		c->hangs = true;
		*left = true;
		code = failed(ERR_UNAVAILABLE, "it did not answer for %d seconds, and is left alone", CREW_PATIENCE);
	}
	t->begun = false;
	if (*left) {
		t->state = TASK_LEFT;
		pthread_cond_signal(&t->changed);
	} else if (t->state == TASK_ENDED) {
		pthread_cond_destroy(&t->changed);
		t->crew = NULL;
		code = t->code == 0 ? 0 : err_adopt(t->code, t->message);
	}
	pthread_mutex_unlock(&c->lock);
	return code;
}

int crew_run(struct crew *c, struct task *t, bool *left)
{
	crew_begin(c, t);
	return crew_wait(c, t, left);
}

bool crew_pause(struct task *t)
{
	struct crew *c = t->crew;

	pthread_mutex_lock(&c->lock);
	if (t->state != TASK_LEFT) {
		t->state = TASK_PAUSED;
		pthread_cond_signal(&t->changed);
	}
	while (t->state == TASK_PAUSED)
		pthread_cond_wait(&t->changed, &c->lock);
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
	pthread_cond_broadcast(&c->to_work);
	pthread_mutex_unlock(&c->lock);
	if (hangs)
		return false;
	for (unsigned i = 0; i < c->count; i++)
		pthread_join(c->threads[i], NULL);
	free(c->threads);
	free(c->zone);
	pthread_mutex_destroy(&c->lock);
	pthread_cond_destroy(&c->to_work);
	free(c);
	return true;
}
