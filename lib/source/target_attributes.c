#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "source/target_parts.h"

static const char *const troubles[TROUBLE_COUNT] = {
	[TROUBLE_OWNER] = "owners could not be set",
	[TROUBLE_SET_ID] = "set-user-id or set-group-id bits were left out",
	[TROUBLE_MODE] = "permissions could not be set",
	[TROUBLE_TIME] = "times could not be set",
	[TROUBLE_XATTR_USER] = "user.* attributes could not be set",
	[TROUBLE_XATTR_SECURITY] = "security.* attributes could not be set",
	[TROUBLE_XATTR_ACL] = "access control lists could not be set",
	[TROUBLE_XATTR_OTHER] = "extended attributes could not be set",
	[TROUBLE_DEVICE] = "devices were not made",
	[TROUBLE_SOCKET] = "sockets were not made",
};

void target_trouble(struct target *t, enum trouble kind, const struct entry *e, const char *reason)
{
	pthread_mutex_lock(&t->lock);
	if (t->troubles[kind]++ == 0)
		t->complain(t->context, e->path, e->path_len, reason);
	pthread_mutex_unlock(&t->lock);
}

void target_tell_troubles(struct target *t)
{
	for (int i = 0; i < TROUBLE_COUNT; i++)
		if (t->troubles[i] > 1)
			log_warning("%s: %" PRIu64 " times in all", troubles[i], t->troubles[i]);
}

static void trouble_errno(struct target *t, enum trouble kind, const struct entry *e, const char *what)
{
	char reason[256];

	snprintf(reason, sizeof reason, "%s: %s", what, strerror(errno));
	target_trouble(t, kind, e, reason);
}

/* By name where this host has the name, since numbers differ between hosts. */
static void owner_of(struct target *t, const struct entry *e, uint32_t *uid, uint32_t *gid)
{
	*uid = e->uid;
	*gid = e->gid;
	if (t->numeric_owner)
		return;
	pthread_mutex_lock(&t->lock);
	(void)owners_id(t->owners, OWNER_USER, e->user, e->user_len, uid);
	(void)owners_id(t->owners, OWNER_GROUP, e->group, e->group_len, gid);
	pthread_mutex_unlock(&t->lock);
}

static int change_owner(struct xattr_place place, uid_t uid, gid_t gid)
{
	return place.name == NULL ? fchown(place.fd, uid, gid)
				  : fchownat(place.fd, place.name, uid, gid, AT_SYMLINK_NOFOLLOW);
}

static bool set_owner(struct target *t, struct xattr_place place, const struct entry *e)
{
	uint32_t uid, gid;

	owner_of(t, e, &uid, &gid);
	if (change_owner(place, uid, gid) == 0)
		return true;
	trouble_errno(t, TROUBLE_OWNER, e, "its owner could not be set (restoring as root sets owners)");
	/* The group alone may be one of ours. */
	(void)change_owner(place, (uid_t)-1, gid);
	return false;
}

struct xattr_trouble {
	struct target *target;
	const struct entry *entry;
};

static void xattr_not_set(void *context, const char *name, int error)
{
	static const struct {
		const char *prefix;
		enum trouble kind;
	} kinds[] = {
		{ "user.", TROUBLE_XATTR_USER },
		{ "security.", TROUBLE_XATTR_SECURITY },
		{ "system.posix_acl_", TROUBLE_XATTR_ACL },
		{ "", TROUBLE_XATTR_OTHER },
	};
	const struct xattr_trouble *trouble = context;
	char reason[512];
	size_t kind = 0;

	while (strncmp(name, kinds[kind].prefix, strlen(kinds[kind].prefix)) != 0)
		kind++;
	snprintf(reason, sizeof reason, "its extended attribute '%s' could not be set: %s", name, strerror(error));
	target_trouble(trouble->target, kinds[kind].kind, trouble->entry, reason);
}

static void set_mode(struct target *t, struct xattr_place place, const struct entry *e, bool owner_set)
{
	mode_t mode = e->mode;

	/* What ran with its owner's rights must not run with those of whoever restores. */
	if (!owner_set && (mode & (S_ISUID | S_ISGID)) != 0) {
		mode &= ~(mode_t)(S_ISUID | S_ISGID);
		target_trouble(t, TROUBLE_SET_ID, e,
			       "its set-user-id and set-group-id bits were left out, since its owner could not be set");
	}
	if ((place.name == NULL ? fchmod(place.fd, mode) : fchmodat(place.fd, place.name, mode, AT_SYMLINK_NOFOLLOW)) !=
	    0)
		trouble_errno(t, TROUBLE_MODE, e, "its permissions could not be set");
}

/*
 * In this order: a new owner clears set-id bits and capabilities, an ACL changes the mode, and everything changes
 * times.
 */
void target_set_attributes(struct target *t, struct xattr_place place, const struct entry *e)
{
	struct timespec times[2] = {
		{ .tv_nsec = UTIME_OMIT },
		{ .tv_sec = e->mtime, .tv_nsec = e->mtime_ns },
	};
	struct xattr_trouble trouble = { t, e };
	bool owner_set = set_owner(t, place, e);

	xattrs_write(place, e, xattr_not_set, &trouble);
	if (e->type != ENTRY_SYMLINK)
		set_mode(t, place, e, owner_set);
	if ((place.name == NULL ? futimens(place.fd, times)
				: utimensat(place.fd, place.name, times, AT_SYMLINK_NOFOLLOW)) != 0)
		trouble_errno(t, TROUBLE_TIME, e, "its time could not be set");
}
