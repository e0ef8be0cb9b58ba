#include "source/owners.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "format/limits.h"

/* A collision only asks again. */
#define SLOTS 256

/* A group's record holds its members' names: tens of thousands of them in a large directory. */
#define RECORD_MAX (4u << 20)

struct slot {
	bool used, known;
	uint32_t id;
	char name[ENTRY_OWNER_MAX + 1];
};

struct owners {
	struct slot slots[2][SLOTS];
	char *record; /* what getpwuid_r() and its like put strings into */
	size_t record_size;
};

struct owners *owners_new(void)
{
	struct owners *o = xcalloc(1, sizeof *o);

	o->record_size = 4096;
	o->record = xmalloc(o->record_size);
	return o;
}

void owners_free(struct owners *o)
{
	if (o != NULL)
		free(o->record);
	free(o);
}

/* By `name`, or by `id` where name is NULL. Fills the other one in. */
static int ask(struct owners *o, enum owner_kind kind, const char *name, uint32_t *id, const char **found)
{
	int code;

	*found = NULL;
	if (kind == OWNER_USER) {
		struct passwd p, *result = NULL;

		code = name != NULL ? getpwnam_r(name, &p, o->record, o->record_size, &result)
				    : getpwuid_r(*id, &p, o->record, o->record_size, &result);
		if (result != NULL) {
			*id = p.pw_uid;
			*found = p.pw_name;
		}
	} else {
		struct group g, *result = NULL;

		code = name != NULL ? getgrnam_r(name, &g, o->record, o->record_size, &result)
				    : getgrgid_r(*id, &g, o->record, o->record_size, &result);
		if (result != NULL) {
			*id = g.gr_gid;
			*found = g.gr_name;
		}
	}
	return code;
}

static bool look_up(struct owners *o, enum owner_kind kind, const char *name, uint32_t *id, const char **found)
{
	while (ask(o, kind, name, id, found) == ERANGE && o->record_size < RECORD_MAX) {
		o->record_size *= 2;
		o->record = xrealloc(o->record, o->record_size, 1);
	}
	return *found != NULL;
}

const char *owners_name(struct owners *o, enum owner_kind kind, uint32_t id)
{
	struct slot *s = &o->slots[kind][id % SLOTS];

	if (!s->used || s->id != id) {
		uint32_t same = id;
		const char *found;

		*s = (struct slot){ .used = true, .id = id };
		if (look_up(o, kind, NULL, &same, &found) && strlen(found) <= ENTRY_OWNER_MAX)
			memcpy(s->name, found, strlen(found) + 1);
	}
	return s->name;
}

bool owners_id(struct owners *o, enum owner_kind kind, const char *name, uint32_t len, uint32_t *id)
{
	uint32_t hash = 0;

	if (len == 0 || len > ENTRY_OWNER_MAX || memchr(name, '\0', len) != NULL)
		return false;
	for (uint32_t i = 0; i < len; i++)
		hash = hash * 31 + (unsigned char)name[i];

	struct slot *s = &o->slots[kind][hash % SLOTS];

	if (!s->used || strlen(s->name) != len || memcmp(s->name, name, len) != 0) {
		const char *found;

		*s = (struct slot){ .used = true };
		memcpy(s->name, name, len);
		s->known = look_up(o, kind, s->name, &s->id, &found);
	}
	if (s->known)
		*id = s->id;
	return s->known;
}
