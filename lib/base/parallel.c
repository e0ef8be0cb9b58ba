#include "base/parallel.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/err.h"

struct parallel {
	size_t count;
	void (*work)(void *context, size_t i);
	void *context;
	atomic_size_t next;
};

static void *run(void *argument)
{
	struct parallel *p = argument;

	for (size_t i; (i = atomic_fetch_add(&p->next, 1)) < p->count;)
		p->work(p->context, i);
	return NULL;
}

void parallel(size_t count, void (*work)(void *context, size_t i), void *context)
{
	struct parallel p = { .count = count, .work = work, .context = context };
	pthread_t threads[PARALLEL_MAX];
	size_t others = count < PARALLEL_MAX ? count : PARALLEL_MAX;

	/* One is this thread. */
	others -= others > 0;
	for (size_t i = 0; i < others; i++)
		must(pthread_create(&threads[i], NULL, run, &p) == 0);
	run(&p);
	for (size_t i = 0; i < others; i++)
		must(pthread_join(threads[i], NULL) == 0);
}
