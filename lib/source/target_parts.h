/* Inside of the target: what target.c (folders, order), target_file.c (content) and target_attributes.c share. */
#ifndef SOURCE_TARGET_PARTS_H
#define SOURCE_TARGET_PARTS_H

#include <pthread.h>

#include "source/flusher.h"
#include "source/owners.h"
#include "source/target.h"
#include "source/xattrs.h"

/* Kinds of what could not be set, each told once. */
enum trouble {
	TROUBLE_OWNER,
	TROUBLE_SET_ID,
	TROUBLE_MODE,
	TROUBLE_TIME,
	TROUBLE_XATTR_USER,
	TROUBLE_XATTR_SECURITY,
	TROUBLE_XATTR_ACL,
	TROUBLE_XATTR_OTHER,
	TROUBLE_DEVICE,
	TROUBLE_SOCKET,
	TROUBLE_COUNT,
};

/* A folder on the way to where entries are created. */
struct level {
	int fd; /* -1: closed to save descriptors */
	uint32_t path_len;
	struct entry *attributes; /* to be set when it is left; NULL: its entry was not restored */
};

struct target {
	target_complaint complain;
	void *context;
	bool overwrite, numeric_owner;
	int root;
	struct flusher *flusher;

	/* Of the thread that creates. */
	struct level *levels;
	size_t depth, levels_size;
	char *path; /* of the last level */

	/*
	 * names_lock guards open_files, the making of hard links, and keeps the removal of a discarded file apart from
	 * the setting of its folder's time. lock guards owners and troubles; complaints are made under it, so that they
	 * come one at a time. Order: names_lock, then lock.
	 */
	pthread_mutex_t names_lock, lock;
	struct target_file *open_files;
	struct owners *owners;
	uint64_t troubles[TROUBLE_COUNT];
};

/* target.c */
must_check int target_clear(struct target *t, int folder, const char *name, const struct entry *e);
must_check int target_parent(struct target *t, const struct entry *e, int *folder, char name[ENTRY_NAME_MAX + 1]);
must_check printf_like(3, 4) int target_failed(int code, const struct entry *e, const char *format, ...);

/* target_attributes.c: thread-safe, nothing in them is fatal. */
void target_trouble(struct target *t, enum trouble kind, const struct entry *e, const char *reason);
void target_tell_troubles(struct target *t);
void target_set_attributes(struct target *t, struct xattr_place place, const struct entry *e);

/*
 * target_file.c: makes the hard link; remembers it with the file while that is open. names_lock is held. 0, or -1 with
 * errno.
 */
int target_link(struct target *t, const struct entry *e, int folder, const char *name);

#endif
