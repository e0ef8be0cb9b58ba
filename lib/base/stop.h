/*
 * Being asked to stop. SIGINT and SIGTERM set a flag; long loops ask stop_requested() and return ERR_INTERRUPTED, so
 * that what is half done is left as after a kill: resumable, nothing committed. A second signal ends the process at
 * once.
 */
#ifndef BASE_STOP_H
#define BASE_STOP_H

#include <stdbool.h>

#include "base/err.h"

void stop_on_signals(void); /* also ignores SIGPIPE */
bool stop_requested(void);

/* 0, or ERR_INTERRUPTED with a message. */
must_check int stop_check(void);

#endif
