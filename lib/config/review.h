/*
 * What a configuration names, looked at on this host without changing anything: keys and their roles, folders of zones
 * and sources, what lies in what, windows that do not fit. What config_load() refuses is not looked for again.
 *
 * A host that lacks what its role needs is in error; elsewhere the same file may name what is not there: sources and
 * zones count where the agent's key (zones: or a pruner's) is.
 */
#ifndef CONFIG_REVIEW_H
#define CONFIG_REVIEW_H

#include "config/config.h"

enum review_level {
	REVIEW_NOTE,    /* allowed, and worth knowing */
	REVIEW_WARNING, /* works, but hardly as meant */
	REVIEW_ERROR    /* a command will fail, or what it makes is of no use */
};

/* line: in c->file, 0 for none. text: borrowed. */
typedef void (*review_call)(void *context, enum review_level level, int line, const char *text);
void config_review(const struct config *c, review_call tell, void *context);

/*
 * ERR_USAGE: the state folder, the folder of dataset keys or a key lies in a zone. Asked by whatever writes there, not
 * by who runs check-config alone: what opens a zone must not get into it, nor into what copies it.
 */
must_check int config_check_apart(const struct config *c);

#endif
