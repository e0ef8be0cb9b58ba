/*
 * When a snapshot expires: the earlier of the moment stamped in its header and what today's policy says (R8, R11). A
 * policy change can shorten a window for what exists, never lengthen it. Pure.
 */
#ifndef RETAIN_EXPIRY_H
#define RETAIN_EXPIRY_H

#include <stdint.h>

#include "retain/duration.h"

/* backup: the product's window today, or NULL where the policy is not known (the stamp alone counts). */
int64_t expiry_effective(int64_t taken_at, int64_t stamped, const struct duration *backup);

#endif
