/*
 * How many processors this process may run on: those of its affinity (taskset, cpusets of a container), not all that
 * the machine has. At least 1.
 */
#ifndef BASE_PROCESSORS_H
#define BASE_PROCESSORS_H

unsigned processors_usable(void);

#endif
