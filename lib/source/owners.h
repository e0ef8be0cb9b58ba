/* Names of users and groups for their numbers and back, from this host's databases, remembered. Not thread-safe. */
#ifndef SOURCE_OWNERS_H
#define SOURCE_OWNERS_H

#include <stdbool.h>
#include <stdint.h>

enum owner_kind { OWNER_USER = 0, OWNER_GROUP = 1 };

/* One direction: use one for names of numbers, another for numbers of names. */
struct owners;
struct owners *owners_new(void);
void owners_free(struct owners *o);

/* "" where the host knows none, or a name longer than ENTRY_OWNER_MAX. Valid until the next call for the same kind. */
const char *owners_name(struct owners *o, enum owner_kind kind, uint32_t id);

/* Whether the host knows the name (`len` bytes); *id is untouched otherwise. */
bool owners_id(struct owners *o, enum owner_kind kind, const char *name, uint32_t len, uint32_t *id);

#endif
