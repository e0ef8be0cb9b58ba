/*
 * Landlock: from here on this thread, and every thread and process it starts, creates, writes and removes files beneath
 * one folder only (landlock(7)). What is open already stays usable; reading is not restricted, nor are attributes.
 */
#ifndef SOURCE_CONFINE_H
#define SOURCE_CONFINE_H

#include "base/err.h"

/*
 * `folder`: open. Call before threads are started. Where the kernel has no Landlock, or one before hard links could be
 * allowed (version 2, Linux 5.19): a detail in the log, and 0. ERR_SYSTEM: it has, and refused.
 */
must_check int confine_writes(int folder);

#endif
