#include "zone/crew.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"

/* ThreadSanitizer wants its own pthread_cond_timedwait(), and no child with threads of its parent. */
#ifndef __SANITIZE_THREAD__
/* Time goes ten thousand times faster while this is set. */
static atomic_bool fast;

int clock_gettime(clockid_t clock, struct timespec *now)
{
	int result = (int)syscall(SYS_clock_gettime, clock, now);

	if (fast) {
		long long nanoseconds = (now->tv_sec % 10000) * 1000000000LL + now->tv_nsec;

		now->tv_sec = nanoseconds / 100000;
		now->tv_nsec = 0;
	}
	return result;
}

int pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *until)
{
	struct timespec soon;

	(void)until;
	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &soon);
	soon.tv_nsec += 5000000;
	soon.tv_sec += soon.tv_nsec / 1000000000;
	soon.tv_nsec %= 1000000000;
	return pthread_cond_clockwait(condition, mutex, CLOCK_MONOTONIC, &soon);
}
#endif

static atomic_uint released;

struct count {
	struct task task;
	unsigned number, limit;
	int result;
};

static void release(struct task *t)
{
	released++;
	free(t);
}

/* Pauses each time the number is one higher. */
static int count_up(struct task *t)
{
	struct count *c = (struct count *)t;

	while (c->number < c->limit) {
		c->number++;
		if (!crew_pause(t))
			return failed(ERR_UNAVAILABLE, "nobody waits");
	}
	return c->result == 0 ? 0 : failed(c->result, "counted to %u", c->number);
}

static struct count *count_new(unsigned limit, int result)
{
	struct count *c = xcalloc(1, sizeof *c);

	c->task.work = count_up;
	c->task.release = release;
	c->limit = limit;
	c->result = result;
	return c;
}

static void a_task_gives_its_code_and_message(void **state)
{
	struct crew *crew = crew_new("ams-1");
	struct count *good = count_new(0, 0), *bad = count_new(0, ERR_FULL);
	bool left = true;

	(void)state;
	assert_int_equal(crew_run(crew, &good->task, &left), 0);
	assert_false(left);
	assert_int_equal(good->task.state, TASK_ENDED);
	assert_int_equal(crew_run(crew, &bad->task, &left), ERR_FULL);
	assert_string_equal(err_message(), "counted to 0");
	release(&good->task);
	release(&bad->task);
	assert_false(crew_hangs(crew));
	assert_true(crew_free(crew));
}

static void a_task_that_pauses_waits_for_its_caller(void **state)
{
	struct crew *crew = crew_new("ams-1");
	struct count *c = count_new(3, 0), *other = count_new(0, 0);
	bool left;

	(void)state;
	for (unsigned i = 1; i <= 3; i++) {
		assert_int_equal(crew_run(crew, &c->task, &left), 0);
		assert_int_equal(c->task.state, TASK_PAUSED);
		assert_int_equal(c->number, i);
		c->number = i; /* ours to touch */
	}
	/* Meanwhile others are done. */
	assert_int_equal(crew_run(crew, &other->task, &left), 0);
	assert_int_equal(crew_run(crew, &c->task, &left), 0);
	assert_int_equal(c->task.state, TASK_ENDED);
	release(&c->task);
	release(&other->task);
	assert_true(crew_free(crew));
}

static void *run_many(void *argument)
{
	for (unsigned i = 0; i < 200; i++) {
		struct count *c = count_new(i % 3, 0);
		bool left;

		do {
			if (crew_run(argument, &c->task, &left) != 0)
				abort();
		} while (c->task.state == TASK_PAUSED);
		release(&c->task);
	}
	return NULL;
}

static void many_can_ask_at_once(void **state)
{
	struct crew *crew = crew_new("ams-1");
	pthread_t threads[8];

	(void)state;
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, run_many, crew), 0);
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_true(crew_free(crew));
}

#ifndef __SANITIZE_THREAD__
static void a_child_process_has_threads_of_its_own(void **state)
{
	struct crew *crew = crew_new("ams-1");
	struct count *c = count_new(0, 0);
	bool left;
	int status;

	(void)state;
	assert_int_equal(crew_run(crew, &c->task, &left), 0);
	release(&c->task);
	pid_t child = fork();
	if (child == 0) {
		alarm(10);
		c = count_new(0, 0);
		bool good = crew_run(crew, &c->task, &left) == 0 && crew_free(crew);
		release(&c->task);
		_exit(good ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_true(crew_free(crew));
}

static pthread_mutex_t blocked = PTHREAD_MUTEX_INITIALIZER;

static int hang(struct task *t)
{
	(void)t;
	pthread_mutex_lock(&blocked);
	pthread_mutex_unlock(&blocked);
	return 0;
}

static void what_hangs_is_left_behind_and_nothing_more_is_asked(void **state)
{
	static struct crew *crew; /* stays, for the thread that was left behind */
	struct count *hanging = count_new(0, 0), *paused = count_new(1, 0), *later = count_new(0, 0);
	bool left;

	(void)state;
	crew = crew_new("ams-1");
	assert_int_equal(crew_run(crew, &paused->task, &left), 0);
	hanging->task.work = hang;
	released = 0;
	pthread_mutex_lock(&blocked);
	fast = true;
	assert_int_equal(crew_run(crew, &hanging->task, &left), ERR_UNAVAILABLE);
	fast = false;
	assert_true(left);
	assert_non_null(strstr(err_message(), "did not answer for 300 seconds"));
	assert_true(crew_hangs(crew));

	assert_int_equal(crew_run(crew, &later->task, &left), ERR_UNAVAILABLE);
	assert_false(left);
	assert_non_null(strstr(err_message(), "not asked again"));
	release(&later->task);
	assert_int_equal(crew_run(crew, &paused->task, &left), ERR_UNAVAILABLE);
	assert_true(left);
	assert_false(crew_free(crew));

	/* Should it ever end, what belongs to it is released by its own thread. */
	pthread_mutex_unlock(&blocked);
	for (unsigned i = 0; i < 1000 && released < 3; i++)
		usleep(5000);
	assert_int_equal(released, 3);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_task_gives_its_code_and_message),
		cmocka_unit_test(a_task_that_pauses_waits_for_its_caller),
		cmocka_unit_test(many_can_ask_at_once),
#ifndef __SANITIZE_THREAD__
		cmocka_unit_test(a_child_process_has_threads_of_its_own),
		cmocka_unit_test(what_hangs_is_left_behind_and_nothing_more_is_asked),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
