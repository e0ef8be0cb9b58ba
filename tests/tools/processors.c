/* Preloaded: a machine of as many processors as PROCESSORS says. */
#include <dlfcn.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

long sysconf(int name)
{
	const char *processors = getenv("PROCESSORS");
	long (*original)(int) = (long (*)(int))dlsym(RTLD_NEXT, "sysconf");

	return name == _SC_NPROCESSORS_ONLN && processors != NULL ? strtol(processors, NULL, 10) : original(name);
}

int sched_getaffinity(pid_t process, size_t size, cpu_set_t *set)
{
	const char *processors = getenv("PROCESSORS");
	int (*original)(pid_t, size_t, cpu_set_t *) = (int (*)(pid_t, size_t, cpu_set_t *))dlsym(RTLD_NEXT,
												 "sched_getaffinity");

	if (processors == NULL)
		return original(process, size, set);
	memset(set, 0, size);
	for (long i = strtol(processors, NULL, 10); i-- > 0;)
		CPU_SET_S((size_t)i, size, set);
	return 0;
}
