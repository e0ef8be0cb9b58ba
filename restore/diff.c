/* diff: two trees side by side, both in path order. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "entries.h"
#include "report/progress.h"

/* What can differ between two entries of one path, in the order in which it is told. */
enum { TYPE, CONTENT, TARGET, LINK, MODE, OWNER, TIME, ATTRIBUTES, ASPECTS };
static const char *const aspects[ASPECTS] = { "type", "content", "target", "hard link",
					      "mode", "owner",   "time",   "attributes" };

struct side {
	struct opened opened;
	const struct entry *entry; /* NULL: at its end */
};

struct comparing {
	struct findings *findings;
	bool json;
	struct rows rows;
	uint64_t added, removed, changed;
};

static bool same_bytes(const void *a, size_t a_len, const void *b, size_t b_len)
{
	return a_len == b_len && (a == NULL || b == NULL || memcmp(a, b, a_len) == 0);
}

static bool same_owner(const struct entry *a, const struct entry *b)
{
	return a->uid == b->uid && a->gid == b->gid && same_bytes(a->user, a->user_len, b->user, b->user_len) &&
	       same_bytes(a->group, a->group_len, b->group, b->group_len);
}

static bool same_attributes(const struct entry *a, const struct entry *b)
{
	if (a->xattr_count != b->xattr_count)
		return false;
	for (uint32_t i = 0; i < a->xattr_count; i++) {
		const struct xattr *x = &a->xattrs[i], *y = &b->xattrs[i];

		if (!same_bytes(x->name, x->name_len, y->name, y->name_len) ||
		    !same_bytes(x->value, x->value_len, y->value, y->value_len))
			return false;
	}
	return true;
}

/* Fingerprints depend on where a file was cut; SHA-256s, where both have one, do not. */
static bool same_content(const struct entry *a, const struct entry *b)
{
	return a->has_sha256 && b->has_sha256 ? memcmp(a->sha256, b->sha256, DIGEST_SIZE) == 0
					      : memcmp(a->fingerprint, b->fingerprint, DIGEST_SIZE) == 0;
}

/* Bits of aspects that differ. */
static unsigned compare(const struct entry *a, const struct entry *b)
{
	unsigned differ = 0;

	if (a->type != b->type)
		return 1u << TYPE;
	if ((a->link == NULL) != (b->link == NULL) || !same_bytes(a->link, a->link_len, b->link, b->link_len))
		differ |= 1u << LINK;
	if (a->link == NULL && b->link == NULL) {
		if (a->size != b->size || (a->type == ENTRY_FILE && !same_content(a, b)) || a->major != b->major ||
		    a->minor != b->minor)
			differ |= 1u << CONTENT;
		if (!same_bytes(a->target, a->target_len, b->target, b->target_len))
			differ |= 1u << TARGET;
	}
	differ |= a->mode != b->mode ? 1u << MODE : 0;
	differ |= !same_owner(a, b) ? 1u << OWNER : 0;
	differ |= a->mtime != b->mtime || a->mtime_ns != b->mtime_ns ? 1u << TIME : 0;
	differ |= !same_attributes(a, b) ? 1u << ATTRIBUTES : 0;
	return differ;
}

/* `e`: whichever of the two there is, `now` first. */
static int show_json(struct comparing *c, const struct entry *e, const struct entry *before, const struct entry *now,
		     unsigned differ)
{
	const char *change = before == NULL ? "added" : "removed";

	struct json *j = json_new();

	json_object(j);
	json_put_text(j, "change", before != NULL && now != NULL ? "changed" : change);
	put_entry(j, e);
	if (before != NULL && now != NULL) {
		json_key(j, "what");
		json_array(j);
		for (unsigned i = 0; i < ASPECTS; i++) {
			if ((differ >> i & 1) != 0)
				json_text(j, aspects[i]);
		}
		json_close_array(j);
		json_key(j, "before");
		json_object(j);
		put_entry(j, before);
		json_close_object(j);
	}
	json_close_object(j);
	return rows_add(&c->rows, j);
}

static int show(struct comparing *c, const struct entry *before, const struct entry *now, unsigned differ)
{
	const struct entry *e = now != NULL ? now : before;
	char was[BYTES_TEXT_MAX], is[BYTES_TEXT_MAX];

	must(e != NULL);
	if (c->json)
		return show_json(c, e, before, now, differ);
	printf("%c ", before == NULL ? '+' : now == NULL ? '-' : 'M');
	if (e->path_len == 0)
		putchar('.');
	print_path(e->path, e->path_len);
	if (e->type == ENTRY_FOLDER && e->path_len > 0)
		putchar('/');
	for (unsigned i = 0, told = 0; i < ASPECTS && differ != 0; i++) {
		if ((differ >> i & 1) != 0)
			printf("%s%s", told++ == 0 ? "  (" : ", ", aspects[i]);
	}
	if (differ != 0 && before != NULL && now != NULL && before->size != now->size)
		printf(": %s -> %s", format_bytes(before->size, was), format_bytes(now->size, is));
	puts(differ != 0 ? ")" : "");
	return ferror(stdout) ? failed(ERR_SYSTEM, "cannot write to standard output") : 0;
}

/* The next entry of a side; what it has lost is told and left out of the comparison. */
static int advance(struct comparing *c, struct side *s)
{
	const struct node *n;
	size_t len;

	for (;;) {
		int code = tree_next(s->opened.tree, &s->entry, &n);

		if (!fetch_lost(code))
			return code;
		findings_add(c->findings, FINDING_LOST, NULL, tree_lost(s->opened.tree, &len),
			     "%s: the list of entries that begins here is lost, and they with it: %s", s->opened.name,
			     err_message());
	}
}

static int step(struct comparing *c, struct side *a, struct side *b)
{
	int order = a->entry == NULL ? 1
		    : b->entry == NULL
			    ? -1
			    : path_compare(a->entry->path, a->entry->path_len, b->entry->path, b->entry->path_len);
	int code = 0;

	if (order < 0) {
		c->removed++;
		code = show(c, a->entry, NULL, 0);
	} else if (order > 0) {
		c->added++;
		code = show(c, NULL, b->entry, 0);
	} else {
		unsigned differ = compare(a->entry, b->entry);

		c->changed += differ != 0;
		code = differ != 0 ? show(c, a->entry, b->entry, differ) : 0;
	}
	if (code == 0 && order <= 0)
		code = advance(c, a);
	if (code == 0 && order >= 0)
		code = advance(c, b);
	return code;
}

static int compare_snapshots(struct comparing *c, struct side *a, struct side *b)
{
	int code = advance(c, a);

	if (code == 0)
		code = advance(c, b);
	while (code == 0 && (a->entry != NULL || b->entry != NULL))
		code = step(c, a, b);
	if (code != 0)
		return code;
	if (c->json)
		return rows_end(&c->rows);
	printf("%s -> %s: %" PRIu64 " added, %" PRIu64 " removed, %" PRIu64 " changed\n", a->opened.name,
	       b->opened.name, c->added, c->removed, c->changed);
	return 0;
}

int command_diff(const struct common_options *common, const void *own, int argc, char **argv)
{
	const struct view_options *o = own;
	struct session s;
	struct side a = { 0 }, b = { 0 };
	int code = session_open(common, &o->access, &s);
	struct comparing c = { .findings = s.findings, .json = common->json };

	(void)argc;
	if (code == 0)
		code = session_open_snapshot(&s, argv[0], &a.opened);
	if (code == 0)
		code = session_open_snapshot(&s, argv[1], &b.opened);
	if (code == 0)
		code = compare_snapshots(&c, &a, &b);
	opened_close(&a.opened);
	opened_close(&b.opened);
	return session_end(&s, code);
}
