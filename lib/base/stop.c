#include "base/stop.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>

static atomic_bool stopping;

static void on_signal(int number)
{
	(void)number;
	atomic_store(&stopping, true);
	/* The next one, of either kind, ends the process. */
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
}

void stop_on_signals(void)
{
	/* No SA_RESTART: a prompt or a pause that waits for somebody ends when asked to stop. */
	struct sigaction action = { .sa_handler = on_signal };

	atomic_store(&stopping, false);
	sigemptyset(&action.sa_mask);
	must(sigaction(SIGINT, &action, NULL) == 0);
	must(sigaction(SIGTERM, &action, NULL) == 0);
	must(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
}

bool stop_requested(void)
{
	return atomic_load_explicit(&stopping, memory_order_relaxed);
}

int stop_check(void)
{
	if (stop_requested())
		return failed(ERR_INTERRUPTED, "interrupted: stopped as asked, nothing half done was committed");
	return 0;
}
