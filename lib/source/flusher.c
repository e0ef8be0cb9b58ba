#include "source/flusher.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/err.h"

/* A disk's tenth of a second, or a few: less would be many commits of a journal, more would be left for the end. */
#define FLUSH_EVERY (128u << 20)

struct flusher {
	int fd;
	pthread_t thread;
	atomic_uint_least64_t written;

	pthread_mutex_t lock; /* guards all that follows */
	pthread_cond_t changed;
	bool due, ending;
	int error;
};

static void *run(void *argument)
{
	struct flusher *f = argument;

	pthread_mutex_lock(&f->lock);
	while (!f->ending) {
		if (!f->due) {
			pthread_cond_wait(&f->changed, &f->lock);
			continue;
		}
		f->due = false;
		pthread_mutex_unlock(&f->lock);
		int error = syncfs(f->fd) == 0 ? 0 : errno;
		pthread_mutex_lock(&f->lock);
		f->error = f->error == 0 ? error : f->error;
	}
	pthread_mutex_unlock(&f->lock);
	return NULL;
}

struct flusher *flusher_new(int fd)
{
	struct flusher *f = xcalloc(1, sizeof *f);

	f->fd = fd;
	must(pthread_mutex_init(&f->lock, NULL) == 0 && pthread_cond_init(&f->changed, NULL) == 0);
	must(pthread_create(&f->thread, NULL, run, f) == 0);
	return f;
}

void flusher_wrote(struct flusher *f, size_t bytes)
{
	uint64_t before = atomic_fetch_add_explicit(&f->written, bytes, memory_order_relaxed);

	if (before / FLUSH_EVERY == (before + bytes) / FLUSH_EVERY)
		return;
	pthread_mutex_lock(&f->lock);
	f->due = true;
	pthread_cond_signal(&f->changed);
	pthread_mutex_unlock(&f->lock);
}

int flusher_end(struct flusher *f)
{
	if (f == NULL)
		return 0;
	pthread_mutex_lock(&f->lock);
	f->ending = true;
	pthread_cond_signal(&f->changed);
	pthread_mutex_unlock(&f->lock);
	must(pthread_join(f->thread, NULL) == 0);

	int error = f->error;
	pthread_cond_destroy(&f->changed);
	pthread_mutex_destroy(&f->lock);
	free(f);
	return error;
}
