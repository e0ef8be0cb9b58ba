#include "repo/lease.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/io.h"
#include "base/log.h"

/*
 * One that begins later than this from now is not honoured. A clock that is an hour off (summer time) must not set two
 * runs against each other; who writes leases for next week is no run.
 */
#define LEASE_AHEAD (2 * LEASE_SECONDS)

/*
 * Nor do numbers get here by one an hour: what has a higher one, written to leave no room for the next, pushes nobody.
 */
#define LEASE_NUMBER_MAX 1000000000000u

struct lock {
	int fd;
};

int lock_take(const char *state, const char *dataset, const char *doing, struct lock **out)
{
	_free_ char *folder = xasprintf("%s/%s", state, dataset);
	_free_ char *path = xasprintf("%s/lock", folder);
	char text[256] = "";
	_fd_ int fd = -1;
	int code = io_make_dirs(folder, 0700);

	*out = NULL;
	if (code != 0)
		return code;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return failed_errno(ERR_SYSTEM, "cannot open the lock '%s'", path);
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK)
			return failed_errno(ERR_SYSTEM, "cannot lock '%s'", path);
		ssize_t len = pread(fd, text, sizeof text - 1, 0);
		if (len > 0)
			text[strcspn(text, "\n")] = '\0';
		return failed(ERR_LOCKED, "dataset %s is in use by %s; wait for it to end", dataset,
			      len > 0 ? text : "another run that has just started");
	}
	snprintf(text, sizeof text, "process %ld (%s)\n", (long)getpid(), doing);
	if (ftruncate(fd, 0) != 0 || pwrite(fd, text, strlen(text), 0) < 0)
		return failed_errno(ERR_SYSTEM, "cannot write '%s'", path);
	*out = xmalloc(sizeof **out);
	(*out)->fd = fd;
	fd = -1;
	return 0;
}

void lock_release(struct lock *l)
{
	if (l == NULL)
		return;
	if (ftruncate(l->fd, 0) != 0) {
		/* The lock itself is what counts; the text in it is for people. */
	}
	close(l->fd);
	free(l);
}

struct leases {
	struct repo *r;
	const struct secret_key *signer;
	uint8_t holder[16];
	int64_t until;
	unsigned zones;
	uint64_t number[REPO_ZONES_MAX]; /* of our newest lease there */
	bool alone;
	char *kept_out; /* what keeps us out of a zone that a pruner has; NULL: nothing */
};

static int load_holder(const char *state, const char *dataset, uint8_t holder[16])
{
	_free_ char *path = xasprintf("%s/%s/holder", state, dataset);
	_buf_ struct buf bytes = { 0 };

	buf_init(&bytes, 16, "holder");
	int code = io_load(path, &bytes);
	if (code == 0 && bytes.len == 16) {
		memcpy(holder, bytes.data, 16);
		return 0;
	}
	if (code != 0 && code != ERR_MISSING && code != ERR_FORMAT)
		return code;
	random_bytes(holder, 16);
	return io_save(path, holder, 16, 0600);
}

struct numbers { /* of leases; more than these are for the next time */
	uint64_t list[64];
	unsigned count;
};

struct seen { /* what a zone's lease folder holds: leases of ours, of others that ended or never count, a live one */
	struct leases *l;
	unsigned zone;
	uint64_t next; /* number that is free, behind those of all leases */
	struct numbers ours, dead;
	bool held;                     /* our newest one is there */
	bool other_lives, agent_lives; /* a lease of another holder; one that an agent's key signed */
	char other[HOST_TEXT_MAX + 1]; /* host of a live lease of another holder */
	const struct signer *other_signer;
	int64_t other_until;
};

static void note(struct numbers *n, uint64_t number)
{
	if (n->count < sizeof n->list / sizeof n->list[0])
		n->list[n->count++] = number;
}

static int open_lease(const struct seen *seen, const char *name, uint64_t number, struct lease *lease,
		      const struct signer **signer)
{
	const struct repo *r = seen->l->r;
	_buf_ struct buf object = { 0 };
	struct signed_view view;

	buf_init(&object, MARK_MAX, "lease");
	int code = zone_get(r->zones[seen->zone].zone, name, &object);
	if (code == 0)
		code = trust_open(r->trust, SIGNED_LEASE, object.data, object.len, "lease", &view, signer);
	if (code == 0)
		code = lease_decode(view.body, view.body_len, lease);
	if (code == 0 &&
	    (strcmp(lease->dataset, r->dataset) != 0 || lease->number != number || lease->until < lease->from))
		code = failed(ERR_INTEGRITY, "the lease is not what its name says, or ends before it begins");
	if (code != 0 || lease->until - lease->from <= LEASE_SECONDS)
		return code;
	lease->until = lease->from + LEASE_SECONDS;
	/* Told once, at the first look. */
	if (seen->l->number[seen->zone] == 0)
		findings_add(
			r->findings, FINDING_FORGED, r->zones[seen->zone].name, name,
			"claims more time than Nightfold ever does, with the key of signer %s, which may be stolen: it "
			"counts for its first %d minutes",
			(*signer)->name, LEASE_SECONDS / 60);
	return 0;
}

/* Names come in ascending order. */
static int see_lease(void *context, const char *name, uint64_t size)
{
	struct seen *seen = context;
	struct repo *r = seen->l->r;
	const struct signer *signer = NULL;
	struct lease lease;
	uint64_t number;

	(void)size;
	if (name_parse_lease(name, r->dataset, &number) != 0)
		return 0;
	int code = open_lease(seen, name, number, &lease, &signer);
	if (code == ERR_UNAVAILABLE || code == ERR_SYSTEM)
		return code;
	if ((code == 0 && number <= LEASE_NUMBER_MAX) || number == seen->next)
		seen->next = number + 1;
	if (code == ERR_MISSING)
		return 0; /* released meanwhile */
	if (code != 0) {
		bool revoked = signer != NULL && signer_revoked(signer);

		findings_add(r->findings, revoked ? FINDING_REVOKED : FINDING_FORGED, r->zones[seen->zone].name, name,
			     "ignored: %s", err_message());
		if (revoked)
			note(&seen->dead, number);
		return 0;
	}
	if (memcmp(lease.holder, seen->l->holder, 16) == 0) {
		note(&seen->ours, number);
		seen->held = seen->held || number == seen->l->number[seen->zone];
	} else if (lease.from > clock_now() + LEASE_AHEAD) {
		findings_add(
			r->findings, FINDING_FORGED, r->zones[seen->zone].name, name,
			"ignored: host %s says, with the key of signer %s, that it writes at a time that has not come "
			"yet: its clock is wrong, or the key is stolen",
			lease.host, signer->name);
		note(&seen->dead, number);
	} else if (lease.until > clock_now()) {
		memcpy(seen->other, lease.host, sizeof seen->other);
		seen->other_lives = true;
		seen->agent_lives = seen->agent_lives || (signer->roles & (1u << ROLE_AGENT)) != 0;
		seen->other_signer = signer;
		seen->other_until = lease.until;
	} else {
		note(&seen->dead, number);
	}
	return 0;
}

static int list_leases(struct leases *l, unsigned zone, struct seen *seen)
{
	char prefix[OBJECT_NAME_MAX];

	*seen = (struct seen){ .l = l, .zone = zone, .next = 1 };
	snprintf(prefix, sizeof prefix, "%s/lease/", l->r->dataset);
	return zone_list(l->r->zones[zone].zone, prefix, see_lease, seen);
}

/* ERR_LOCKED: another holder's lease lives. ERR_UNAVAILABLE: a pruner's does, which keeps us out of this zone alone. */
static int look(struct leases *l, unsigned zone, struct seen *seen)
{
	char until[CLOCK_TEXT_MAX], id[KEY_ID_HEX];
	int code = list_leases(l, zone, seen);

	if (code != 0 || !seen->other_lives)
		return code;
	code = failed(seen->agent_lives ? ERR_LOCKED : ERR_UNAVAILABLE,
		      "dataset %s is being written to in zone %s by host %s, whose lease ends at %s; it is signed by "
		      "%s (key %s): if no run of yours holds it, somebody put an old lease back, or that key is "
		      "stolen, and its leases stop counting once it is revoked in 'signers:' (revoked_after), or out "
		      "of there",
		      l->r->dataset, l->r->zones[zone].name, seen->other, clock_format(seen->other_until, until),
		      seen->other_signer->name, hex_encode(seen->other_signer->key.id, KEY_ID_SIZE, id));
	if (!seen->agent_lives) {
		free(l->kept_out);
		l->kept_out = xstrdup(err_message());
	}
	return code;
}

/* When no zone is left: whether somebody else has them, or they fail. */
static int none_left(const struct leases *l, const char *what)
{
	if (l->kept_out != NULL)
		return failed(ERR_LOCKED, "%s", l->kept_out);
	return failed_in(ERR_UNAVAILABLE, "dataset %s: %s", l->r->dataset, what);
}

static void remove_leases(struct leases *l, unsigned zone, const struct numbers *which, uint64_t below)
{
	char name[OBJECT_NAME_MAX];

	for (unsigned i = 0; i < which->count; i++) {
		/* One that cannot be deleted runs out by itself. */
		if (which->list[i] < below &&
		    zone_delete(l->r->zones[zone].writer, name_lease(l->r->dataset, which->list[i], name)) != 0)
			log_detail("%s", err_message());
	}
}

static int write_lease(struct leases *l, unsigned zone, uint64_t number, int64_t until)
{
	struct lease lease = { .number = number, .from = until - LEASE_SECONDS, .until = until };
	char name[OBJECT_NAME_MAX];
	_buf_ struct buf body = { 0 };
	_buf_ struct buf object = { 0 };

	memcpy(lease.dataset, l->r->dataset, sizeof lease.dataset);
	memcpy(lease.holder, l->holder, sizeof lease.holder);
	if (gethostname(lease.host, sizeof lease.host - 1) != 0)
		memcpy(lease.host, "?", 2);
	buf_init(&body, MARK_MAX, "lease");
	buf_init(&object, MARK_MAX, "lease");
	int code = lease_encode(&lease, &body);
	if (code == 0)
		code = signed_encode(SIGNED_LEASE, l->signer, &body, &object);
	if (code == 0)
		code = zone_put_reserved(l->r->zones[zone].writer, name_lease(l->r->dataset, number, name), object.data,
					 object.len);
	if (code == ERR_EXISTS)
		code = failed(ERR_LOCKED, "another host has just taken the lease of dataset %s in zone %s",
			      l->r->dataset, l->r->zones[zone].name);
	return code;
}

/*
 * A zone that fails, or that a pruner has, is left out; the other goes on. Whether the code was of that kind. What is
 * ours in a zone that fails runs out by itself; where it would hinder a pruner, it goes.
 */
static bool leave_out(struct leases *l, const struct seen *seen, int code, const char *what)
{
	if (code == 0 || code == ERR_LOCKED)
		return false;
	findings_add(l->r->findings, FINDING_UNAVAILABLE, l->r->zones[seen->zone].name, NULL, "%s%s", what,
		     err_message());
	if (seen->other_lives)
		remove_leases(l, seen->zone, &seen->ours, UINT64_MAX);
	l->zones &= ~ZONE_BIT(seen->zone);
	return true;
}

/*
 * Looks, writes the next number, looks again: of two that wrote at once, at least one sees the other and gives way.
 * What ended is removed only now, by who holds a lease: an old holder that wakes up then finds its own gone, and stops.
 */
static int take_in_zone(struct leases *l, unsigned zone, struct seen *seen)
{
	int code = look(l, zone, seen);

	if (code != 0)
		return code;
	l->alone = l->alone && seen->dead.count == 0;
	code = write_lease(l, zone, seen->next, l->until);
	if (code != 0)
		return code;
	/* Ours from here on, whatever the second look says: lease_release() takes it away again. */
	l->number[zone] = seen->next;
	l->zones |= ZONE_BIT(zone);
	code = look(l, zone, seen);
	if (code != 0)
		return code;
	remove_leases(l, zone, &seen->ours, l->number[zone]);
	remove_leases(l, zone, &seen->dead, UINT64_MAX);
	zone_keep_reserve(l->r->zones[zone].writer);
	return 0;
}

int lease_take(struct repo *r, const char *state, const struct secret_key *signer, struct leases **out)
{
	struct leases *l = xcalloc(1, sizeof *l);
	int code = load_holder(state, r->dataset, l->holder);

	*out = NULL;
	l->r = r;
	l->signer = signer;
	l->until = clock_now() + LEASE_SECONDS;
	l->alone = true;
	for (unsigned i = 0; i < r->zone_count && code == 0; i++) {
		struct seen seen;

		if (r->zones[i].zone == NULL)
			continue;
		code = take_in_zone(l, i, &seen);
		if (leave_out(l, &seen, code, "cannot be written to: "))
			code = 0;
	}
	if (code == 0 && l->zones == 0)
		code = none_left(l, "no zone can be written to");
	if (code != 0) {
		lease_release(l);
		return code;
	}
	*out = l;
	return 0;
}

/* Looks, and whether ours is still there. */
static int look_for_ours(struct leases *l, unsigned zone, struct seen *seen)
{
	int code = look(l, zone, seen);

	if (code != 0 || seen->held)
		return code;
	if (seen->ours.count > 0)
		return failed(ERR_LOCKED,
			      "the lease of dataset %s in zone %s was taken over by another run with this state folder",
			      l->r->dataset, l->r->zones[zone].name);
	if (clock_now() >= l->until)
		return failed(ERR_LOCKED,
			      "the lease of dataset %s in zone %s ran out, and another run has had it since",
			      l->r->dataset, l->r->zones[zone].name);
	/* look() told of another host's. Who can only delete things in one zone does not stop the other. */
	return failed(ERR_UNAVAILABLE,
		      "the lease of dataset %s in this zone is gone: somebody removed it, or the zone was rolled back",
		      l->r->dataset);
}

int lease_confirm(struct leases *l)
{
	int code = 0;

	for (unsigned i = 0; i < l->r->zone_count && code == 0; i++) {
		struct seen seen;

		if ((l->zones & ZONE_BIT(i)) == 0)
			continue;
		code = look_for_ours(l, i, &seen);
		if (leave_out(l, &seen, code, ""))
			code = 0;
	}
	if (code == 0 && l->zones == 0)
		code = none_left(l, "its lease is held in no zone any more");
	if (code == 0 && clock_now() >= l->until)
		code = failed(ERR_LOCKED, "the lease of dataset %s ran out before it was renewed", l->r->dataset);
	return code;
}

/* One that ran out and is still there was nobody else's meanwhile: whoever takes a lease removes those that ended. */
static int renew_in_zone(struct leases *l, unsigned zone, int64_t until, struct seen *seen)
{
	int code = look_for_ours(l, zone, seen);

	if (code == 0)
		code = write_lease(l, zone, seen->next, until);
	if (code != 0)
		return code;
	l->number[zone] = seen->next;
	/* Again, as when it was taken: another may have come in between where ours had run out. */
	code = look(l, zone, seen);
	if (code == 0)
		remove_leases(l, zone, &seen->ours, l->number[zone]);
	return code;
}

int lease_renew(struct leases *l)
{
	int64_t now = clock_now();
	int code = 0;

	if (now < l->until - LEASE_SECONDS / 2)
		return 0;
	for (unsigned i = 0; i < l->r->zone_count && code == 0; i++) {
		struct seen seen;

		if ((l->zones & ZONE_BIT(i)) == 0)
			continue;
		code = renew_in_zone(l, i, now + LEASE_SECONDS, &seen);
		if (leave_out(l, &seen, code, ""))
			code = 0;
	}
	if (code == 0 && l->zones == 0)
		code = none_left(l, "its lease can be renewed in no zone");
	if (code == 0)
		l->until = now + LEASE_SECONDS;
	return code;
}

bool lease_only_one(const struct leases *l)
{
	return l->alone;
}

unsigned lease_zones(const struct leases *l)
{
	return l->zones;
}

void lease_release(struct leases *l)
{
	if (l == NULL)
		return;
	for (unsigned i = 0; i < l->r->zone_count; i++) {
		struct seen seen;

		if ((l->zones & ZONE_BIT(i)) == 0)
			continue;
		/* Also when it is somebody else's by now: what is left of ours would lock them out. */
		if (list_leases(l, i, &seen) == 0)
			remove_leases(l, i, &seen.ours, UINT64_MAX);
		zone_keep_reserve(l->r->zones[i].writer);
	}
	free(l->kept_out);
	free(l);
}
