#include "repo/restore.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/hex.h"
#include "base/io.h"
#include "base/log.h"
#include "crypto/digest.h"
#include "repo/fill.h"
#include "repo/read_back.h"
#include "repo/stand_ins.h"

/* So many entries that the file system does not take, and it is not the entries' fault. */
#define REFUSALS_MAX 100

#define MARKER_PREFIX ".nightfold-restore."
#define MARKER_MAX    (sizeof MARKER_PREFIX + 2 * (size_t)(SNAPSHOT_ID_SIZE + DIGEST_SIZE) + 1)

struct restore {
	const struct restore_options *options;
	struct fetcher *fetcher;
	struct findings *findings;
	struct restore_result *result;
	struct tree *tree;
	struct tree *originals; /* for entries outside of the selection; opened when first needed */
	struct target *target;
	struct fill *fill;
	struct stand_ins stand_ins;
	struct fill_lost lost;
	struct read_back *read_back;
	size_t refusals;
	bool links_seen;
};

static int add_entry(void *context, const struct entry *e, const struct node *n);

/* ---- the marker ---- */

/* Of this snapshot and, if that is not all of it, of these paths: another restore has nothing to do with it. */
static void marker_name(const struct restore *x, char out[MARKER_MAX])
{
	const struct selection *s = x->options->selection;
	char id[SNAPSHOT_ID_HEX], paths[DIGEST_HEX] = "";

	if (s->count > 0) {
		struct sha256 *hash = sha256_new();
		uint8_t digest[DIGEST_SIZE];

		for (size_t i = 0; i < s->count; i++)
			sha256_update(hash, s->paths[i].path, s->paths[i].len + 1);
		sha256_final(hash, digest);
		sha256_free(hash);
		hex_encode(digest, 4, paths);
	}
	snprintf(out, MARKER_MAX, "%s%s%s%s", MARKER_PREFIX,
		 hex_encode(x->options->snapshot->header.id, SNAPSHOT_ID_SIZE, id), s->count > 0 ? "." : "", paths);
}

/* Whether the folder is one where this restore was interrupted. */
static bool was_interrupted(const struct restore *x)
{
	char name[MARKER_MAX];
	struct stat st;
	_fd_ int folder = open(x->options->target.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	marker_name(x, name);
	return folder >= 0 && fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
}

static int put_marker(const struct restore *x)
{
	static const char text[] =
		"A restore into this folder is not finished. The same command again goes on with it.\n";
	char name[MARKER_MAX];
	_free_ char *path = NULL;

	marker_name(x, name);
	path = xasprintf("%s/%s", x->options->target.path, name);
	int code = io_create(path, text, sizeof text - 1, 0600);
	return code == ERR_EXISTS ? 0 : code;
}

/* The folder has its times by now, and keeps them. */
static void take_marker(const struct restore *x)
{
	char name[MARKER_MAX];
	struct stat st;
	_fd_ int folder = open(x->options->target.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	marker_name(x, name);
	if (folder < 0 || fstat(folder, &st) != 0)
		return;
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, st.st_mtim };
	if (unlinkat(folder, name, 0) != 0)
		log_warning("cannot remove '%s/%s': %s", x->options->target.path, name, strerror(errno));
	(void)futimens(folder, times);
}

/* ---- entries ---- */

static void complain(void *context, const char *path, size_t path_len, const char *reason)
{
	struct restore *x = context;
	_free_ char *name = xstrndup(path, path_len);

	/* Who is not root cannot give files away, and knows. */
	findings_add(x->findings, geteuid() == 0 ? FINDING_SKIPPED : FINDING_NOTE, NULL, name, "%s", reason);
}

/*
 * An entry that could not be made is told and left out, unless it is the target that is in trouble. Takes the last
 * message.
 */
static int settle(struct restore *x, const struct entry *e, int code)
{
	if (code == 0 || code == ERR_FULL || code == ERR_INTERRUPTED)
		return code;
	if (code == ERR_SYSTEM && ++x->refusals == REFUSALS_MAX)
		return failed_in(code, "%d entries could not be made; the restore ends with this one", REFUSALS_MAX);
	_free_ char *path = xstrndup(e->path, e->path_len);
	findings_add(x->findings, FINDING_LOST, NULL, path, "%s", err_message());
	return 0;
}

static void tell_link_lost(struct restore *x, const struct entry *e)
{
	_free_ char *path = xstrndup(e->path, e->path_len);
	char original[512];

	findings_add(x->findings, FINDING_LOST, NULL, path, "is a hard link of '%s', which is lost",
		     log_printable(e->link, e->link_len, original, sizeof original));
}

/* What a hard link names, by a stream of its own. *e: valid until the next call. */
static int find_original(struct restore *x, const struct entry *link, const struct entry **e, const struct node **n)
{
	int code = 0;

	if (x->originals == NULL)
		code = tree_open(x->fetcher, x->options->snapshot->header.root_id, x->options->root_key, &x->originals);
	return code == 0 ? tree_original(x->originals, link, e, n) : code;
}

/* A hard link could not be made: because of the snapshot, of what was lost of it, or of the target. */
static int settle_link(struct restore *x, const struct entry *e, int code)
{
	_free_ char *said = xstrdup(err_message());
	const struct entry *original;
	const struct node *n;

	if (find_original(x, e, &original, &n) == ERR_FORMAT)
		return settle(x, e, ERR_FORMAT);
	if (code != ERR_MISSING)
		return settle(x, e, err_adopt(code, said));
	tell_link_lost(x, e);
	return 0;
}

/* Anything but a file with content of its own. */
static int create(struct restore *x, const struct entry *e)
{
	if (e->type == ENTRY_SOCKET && e->link == NULL) {
		_free_ char *path = xstrndup(e->path, e->path_len);

		findings_add(x->findings, FINDING_NOTE, NULL, path,
			     "is a socket, which its program makes by itself: left out");
		return 0;
	}
	int code = target_create(x->target, e);

	if (code != 0)
		return code;
	if (e->type == ENTRY_FOLDER)
		x->result->folders++;
	else if (e->type == ENTRY_FILE)
		x->result->files++;
	else
		x->result->others++;
	return 0;
}

/* The entry that a hard link names, under the link's own path. *copy points into the node of x->originals. */
static int stand_for_original(struct restore *x, const struct entry *link, struct entry *copy, const struct node **n)
{
	const struct entry *original;
	int code = find_original(x, link, &original, n);

	if (code != 0)
		return code;
	*copy = *original;
	copy->path = link->path;
	copy->path_len = link->path_len;
	return 0;
}

/*
 * The file itself is outside of what was asked for: the first of its links becomes the file, later ones become its
 * links.
 */
static int add_link_of_outsider(struct restore *x, const struct entry *e)
{
	const char *path = stand_ins_find(&x->stand_ins, e->link, e->link_len);
	struct tree *tree = x->tree;
	struct entry copy = *e;
	const struct node *n;

	if (path != NULL) {
		copy.link = path;
		copy.link_len = (uint32_t)strlen(path);
		int made = create(x, &copy);
		if (made != ERR_MISSING)
			return settle(x, &copy, made);
		tell_link_lost(x, &copy);
		return 0;
	}
	int code = stand_for_original(x, e, &copy, &n);
	if (code == ERR_FORMAT)
		return settle(x, e, code);
	if (fetch_lost(code)) {
		tell_link_lost(x, e);
		return 0;
	}
	if (code != 0)
		return code;
	stand_ins_add(&x->stand_ins, e->link, e->link_len, e->path, e->path_len);
	x->tree = x->originals; /* lists of its content are fetched by the tree that it came from */
	code = add_entry(x, &copy, n);
	x->tree = tree;
	return code;
}

static int add_entry(void *context, const struct entry *e, const struct node *n)
{
	struct restore *x = context;

	if (e->link != NULL) {
		x->links_seen = true;
		if (!selection_has(x->options->selection, e->link, e->link_len))
			return add_link_of_outsider(x, e);
		int code = create(x, e);
		return code == 0 || code == ERR_FULL ? code : settle_link(x, e, code);
	}
	if (e->type != ENTRY_FILE)
		return settle(x, e, create(x, e));
	if (x->result->resumed && target_has(x->target, e)) {
		x->result->kept++;
		x->result->files++;
		x->result->bytes += e->size;
		progress_add(x->options->progress, e->size, 1);
		return 0;
	}
	return settle(x, e, fill_add(x->fill, x->tree, e, n));
}

/* ---- behind the first walk ---- */

/* Links that were made while their file was still being filled went with it: they are lost as well. */
static int tell_lost_link(void *context, const struct entry *e, const struct node *n)
{
	struct restore *x = context;
	const char *path = e->link == NULL ? NULL : stand_ins_find(&x->stand_ins, e->link, e->link_len);
	struct entry link = *e;

	(void)n;
	if (path != NULL) {
		link.link = path;
		link.link_len = (uint32_t)strlen(path);
	}
	bool itself = path != NULL && path_compare(path, link.link_len, e->path, e->path_len) == 0;
	if (e->link == NULL || itself || !fill_lost_has(&x->lost, link.link, link.link_len))
		return 0;
	size_t told = findings_total(x->findings);
	tell_link_lost(x, &link);
	/* Not told before: it was made, and counted. */
	if (findings_total(x->findings) > told)
		x->result->files--;
	return 0;
}

static int read_back_entry(void *context, const struct entry *e, const struct node *n)
{
	struct restore *x = context;
	struct tree *tree = x->tree;
	struct entry copy = *e;
	int code = 0;

	if (e->link != NULL) {
		const char *path = stand_ins_find(&x->stand_ins, e->link, e->link_len);

		/* None of them where there was no room for more: it may be a file of its own. */
		bool own = path == NULL ? x->stand_ins.left_out > 0
					: path_compare(path, strlen(path), e->path, e->path_len) == 0;
		if (!own)
			return 0;
		tree = x->originals;
		code = stand_for_original(x, e, &copy, &n);
		if (code != 0)
			return fetch_lost(code) ? 0 : code;
	}
	if (copy.type != ENTRY_FILE || fill_lost_has(&x->lost, copy.path, copy.path_len))
		return 0;
	x->result->read_back++;
	return read_back_file(x->read_back, tree, &copy, n, x->findings);
}

static int walk(struct restore *x, selection_call parent, selection_call call)
{
	return selection_walk(x->options->selection, x->tree, x->findings, parent, call, x);
}

static int fill_target(struct restore *x)
{
	struct fill_counts counts;
	int code;

	x->fill = fill_new(x->fetcher, x->target, x->options->progress);
	code = walk(x, add_entry, add_entry);
	if (code != 0)
		return fill_abort(x->fill, code);
	code = fill_finish(x->fill, &counts, &x->lost);
	x->result->files += counts.files;
	x->result->bytes += counts.bytes;
	return code;
}

static int run(struct restore *x)
{
	int code = fill_target(x);

	if (x->stand_ins.left_out > 0)
		findings_add(x->findings, FINDING_NOTE, NULL, NULL,
			     "%" PRIu64 " hard links to files outside of what is restored are files of their own now, "
			     "each with all of the content: there are more than are kept in memory",
			     x->stand_ins.left_out);
	if (code == 0 && x->links_seen && x->lost.count > 0)
		code = walk(x, NULL, tell_lost_link);
	if (code == 0 && x->options->read_back) {
		x->read_back = read_back_new(x->options->target.path);
		code = walk(x, NULL, read_back_entry);
		read_back_free(x->read_back);
	}
	return code == 0 ? target_finish(x->target) : code;
}

int restore_run(struct fetcher *f, const struct restore_options *o, struct restore_result *result)
{
	struct restore x = { .options = o, .fetcher = f, .findings = fetcher_repo(f)->findings, .result = result };
	struct target_options target = o->target;
	size_t lost_before = findings_count(x.findings, FINDING_LOST, false);

	*result = (struct restore_result){ 0 };
	int code = tree_open(f, o->snapshot->header.root_id, o->root_key, &x.tree);
	if (code == 0)
		code = selection_check(o->selection, x.tree);

	/*
	 * Where something else may be, nothing is taken for finished, by its size and time alone: no marker says that
	 * this restore has made it.
	 */
	bool interrupted = was_interrupted(&x), marked = interrupted || !target.overwrite;
	if (code == 0) {
		result->resumed = interrupted;
		target.overwrite = target.overwrite || result->resumed;
		code = target_open(&target, complain, &x, &x.target);
	}
	if (code == 0 && marked)
		code = put_marker(&x);
	if (code == 0)
		code = run(&x);
	if (code == 0 && marked)
		take_marker(&x);
	if (code != 0 && x.target != NULL)
		code = failed_in(code, "the restore into '%s' is not finished (the same command again %s)",
				 o->target.path, marked ? "goes on with it" : "does it anew");
	result->lost = findings_count(x.findings, FINDING_LOST, false) - lost_before;
	target_close(x.target);
	tree_close(x.originals);
	tree_close(x.tree);
	fill_lost_free(&x.lost);
	stand_ins_release(&x.stand_ins);
	return code;
}
