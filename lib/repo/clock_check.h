/*
 * Whether the clock may be acted upon (R18): destroying needs this host's clock to agree with every independent source
 * that answers, at least one, or with a majority of at least three, within CLOCK_BOUND, and not to lie before the last
 * confirmed time.
 *
 * Sources: zones on other machines (with a test clock: every zone, by the test's times), and the kernel's NTP state
 * (adjtimex). `clock_check: off` accepts the host's clock alone. Asked only when something is due.
 */
#ifndef REPO_CLOCK_CHECK_H
#define REPO_CLOCK_CHECK_H

#include "repo/repo.h"

#define CLOCK_BOUND 300 /* seconds */

/* ERR_REFUSED with the reason. Confirmed, the time is noted in <state>/confirmed-time. */
must_check int clock_check(struct repo *r, const struct config *config);

#endif
