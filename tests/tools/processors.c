/* Preloaded: a machine of as many processors as PROCESSORS says. */
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

long sysconf(int name)
{
	const char *processors = getenv("PROCESSORS");
	long (*original)(int) = (long (*)(int))dlsym(RTLD_NEXT, "sysconf");

	return name == _SC_NPROCESSORS_ONLN && processors != NULL ? strtol(processors, NULL, 10) : original(name);
}
