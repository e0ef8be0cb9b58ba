#include "base/processors.h"

#include <sched.h>
#include <stddef.h>

/* The kernel refuses a set that is smaller than its own: this is more than any that is built. */
#define SET_SIZE CPU_ALLOC_SIZE(8192)

unsigned processors_usable(void)
{
	union {
		cpu_set_t set;
		unsigned char room[SET_SIZE];
	} mine = { 0 };

	if (sched_getaffinity(0, SET_SIZE, &mine.set) != 0)
		return 1;

	int count = CPU_COUNT_S(SET_SIZE, &mine.set);
	return count < 1 ? 1 : (unsigned)count;
}
