/*
 * Threads that do a zone's work, so that whoever wants it need not wait for ever: a file system that hangs (NFS without
 * its server, a dead FUSE) holds up the thread that called it, and nothing can take that thread back. It is left behind
 * with the task, and the crew takes no more. What a task touches must belong to the task.
 *
 * Lock order: the crew's lock is the only one; it is not held while a task works.
 */
#ifndef ZONE_CREW_H
#define ZONE_CREW_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* Seconds in which a task must end, or pause: 16 MiB at 56 KiB a second. */
#define CREW_PATIENCE 300
#define CREW_WARNING  30 /* after so many somebody is told why nothing happens */

struct crew;

/* Embedded at the start of what the task needs, which is on the heap. */
struct task {
	int (*work)(struct task *t);     /* on a thread of the crew */
	void (*release)(struct task *t); /* the last that is done with it */
	/* the crew's */
	enum task_state { TASK_WAITING, TASK_WORKING, TASK_PAUSED, TASK_ENDED, TASK_LEFT } state;
	int code;
	char message[ERR_MESSAGE_MAX];
	uint64_t since; /* clock_ticks() when it was given to the crew, or resumed */
	struct task *next;
	struct crew *crew;      /* NULL: the crew has not taken it, or is done with it */
	bool begun;             /* and not waited for yet */
	pthread_cond_t changed; /* for the one that waits: the caller, or the thread while the task is paused */
};

/* `zone`: whose, for the warning that it keeps somebody waiting; copied. */
struct crew *crew_new(const char *zone);
/*
 * Ends the threads; with a task left behind, what it may still touch stays until the process ends. False: that was so.
 */
bool crew_free(struct crew *c);

/* Starts the task, or goes on with one that paused. crew_wait() must follow, from the same thread or another. */
void crew_begin(struct crew *c, struct task *t);

/*
 * Waits until the task ends (its code, with its message) or pauses (0: the caller looks at t->state). ERR_UNAVAILABLE
 * with *left: it hangs, and is no more the caller's; later tasks are refused at once, and are the caller's.
 */
must_check int crew_wait(struct crew *c, struct task *t, bool *left);

/* Both. */
must_check int crew_run(struct crew *c, struct task *t, bool *left);

/* Whether a task was left behind. */
bool crew_hangs(struct crew *c);

/* For work(): waits until the caller has done its part. False: nobody waits any more. */
must_check bool crew_pause(struct task *t);

#endif
