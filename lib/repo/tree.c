/*
 * The way from the root to an entry is a stack of nodes, each with the child to go to next. A node is checked against
 * what its parent says of it: type, level, size beneath, first path, and that it ends before its neighbour begins. So
 * entries come in path order whatever a node claims. A trail then sees to it that each is in a folder.
 */
#include "repo/tree.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/stop.h"
#include "repo/trail.h"

struct frame {
	struct fetched_node fetched;
	uint32_t next;     /* child or entry to go to next */
	const char *limit; /* the path that its entries come before; NULL: none. Points into a node further up */
	size_t limit_len;
};

struct tree {
	struct fetcher *fetcher;
	struct blob_codec *codec;
	struct frame frames[NODE_LEVEL_MAX + 2]; /* the root first */
	size_t depth;
	char *path; /* what is sought */
	size_t path_len;
	bool all;
	struct trail trail;
	char *lost;
	size_t lost_len;
};

int tree_open(struct fetcher *f, const uint8_t root_id[ID_SIZE], const uint8_t root_key[KEY_SIZE], struct tree **out)
{
	struct tree *t = xcalloc(1, sizeof *t);
	struct frame *root = &t->frames[0];

	*out = NULL;
	t->fetcher = f;
	t->codec = blob_codec_new(NODE_MAX, 3);
	t->path = xstrdup("");
	t->all = true;
	int code = fetch_node(f, t->codec, root_id, root_key, &root->fetched);
	t->depth = code == 0;
	if (code == 0 && root->fetched.node.type == NODE_LIST)
		code = failed(ERR_FORMAT, "the root of the snapshot is a list of content");
	if (code != 0) {
		code = failed_in(code, "the root of the snapshot");
		tree_close(t);
		return code;
	}
	*out = t;
	return 0;
}

static void pop(struct tree *t)
{
	struct frame *frame = &t->frames[--t->depth];

	fetched_node_release(&frame->fetched);
	*frame = (struct frame){ 0 };
}

void tree_close(struct tree *t)
{
	if (t == NULL)
		return;
	while (t->depth > 0)
		pop(t);
	blob_codec_free(t->codec);
	trail_release(&t->trail);
	free(t->path);
	free(t->lost);
	free(t);
}

static bool is_beneath(const struct tree *t, const char *path, size_t len)
{
	if (t->all)
		return true;
	return len >= t->path_len && memcmp(path, t->path, t->path_len) == 0 &&
	       (len == t->path_len || path[t->path_len] == '/');
}

/* Where to begin in a node: the first entry at or behind the path, or the child that would hold it. */
static uint32_t first_in(const struct tree *t, const struct node *n)
{
	uint32_t low = 0, high = n->type == NODE_BRANCH ? n->child_count : n->entry_count;

	/* The lowest one that is not before the path; of children, the one before may still hold the path. */
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		int order = n->type == NODE_BRANCH
				    ? path_compare(n->children[middle].first_path, n->children[middle].first_path_len,
						   t->path, t->path_len)
				    : path_compare(n->entries[middle].path, n->entries[middle].path_len, t->path,
						   t->path_len);

		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (n->type != NODE_BRANCH || low == 0)
		return low;
	bool exact = low < n->child_count && path_compare(n->children[low].first_path, n->children[low].first_path_len,
							  t->path, t->path_len) == 0;
	return exact ? low : low - 1;
}

/* Whether the path is, or would be, in the node. */
static bool holds(const struct frame *frame, const char *path, size_t len)
{
	const struct node *n = &frame->fetched.node;
	bool branch = n->type == NODE_BRANCH;
	const char *first = branch ? n->children[0].first_path : n->entries[0].path;
	size_t first_len = branch ? n->children[0].first_path_len : n->entries[0].path_len;

	return path_compare(first, first_len, path, len) <= 0 &&
	       (frame->limit == NULL || path_compare(path, len, frame->limit, frame->limit_len) < 0);
}

/* From here on the stream gives what is at or beneath the path. Nodes that hold it are not fetched again. */
static void go_to(struct tree *t, const char *path, size_t len)
{
	free(t->path);
	t->path = xstrndup(path, len);
	t->path_len = len;
	t->all = len == 0;
	while (t->depth > 1 && !holds(&t->frames[t->depth - 1], path, len))
		pop(t);
	struct frame *top = &t->frames[t->depth - 1];
	top->next = first_in(t, &top->fetched.node);
}

static int wrong(const struct node_child *child, const char *what)
{
	char shown[256];

	return failed(ERR_FORMAT, "the node at '%s' %s",
		      log_printable(child->first_path, child->first_path_len, shown, sizeof shown), what);
}

/* Whether a node is the one that its parent names. */
static int check_child(const struct node *parent, const struct node_child *child, const struct node *n,
		       const struct frame *frame)
{
	const char *first, *last;
	size_t first_len, last_len;

	if (parent->level == 1 ? n->type != NODE_ENTRIES : n->type != NODE_BRANCH || n->level != parent->level - 1)
		return wrong(child, "has another type or level than its parent says");
	if (n->bytes != child->size)
		return wrong(child, "has another size beneath it than its parent says");
	if (n->type == NODE_BRANCH) {
		first = n->children[0].first_path;
		first_len = n->children[0].first_path_len;
		last = n->children[n->child_count - 1].first_path;
		last_len = n->children[n->child_count - 1].first_path_len;
	} else {
		first = n->entries[0].path;
		first_len = n->entries[0].path_len;
		last = n->entries[n->entry_count - 1].path;
		last_len = n->entries[n->entry_count - 1].path_len;
	}
	if (path_compare(first, first_len, child->first_path, child->first_path_len) != 0)
		return wrong(child, "begins elsewhere");
	if (frame->limit != NULL && path_compare(last, last_len, frame->limit, frame->limit_len) >= 0)
		return wrong(child, "reaches beyond where the next one begins");
	return 0;
}

static void set_lost(struct tree *t, const char *path, size_t len)
{
	free(t->lost);
	t->lost = xstrndup(path, len);
	t->lost_len = len;
}

/* Goes down to the child that the branch on top stands at. Whatever happens, the branch then stands behind it. */
static int descend(struct tree *t)
{
	struct frame *top = &t->frames[t->depth - 1], *frame = &t->frames[t->depth];
	const struct node *parent = &top->fetched.node;
	const struct node_child *child = &parent->children[top->next++];

	*frame = (struct frame){ .limit = top->limit, .limit_len = top->limit_len };
	if (top->next < parent->child_count) {
		frame->limit = parent->children[top->next].first_path;
		frame->limit_len = parent->children[top->next].first_path_len;
	}
	int code = fetch_node(t->fetcher, t->codec, child->id, child->key, &frame->fetched);
	if (code == 0)
		code = check_child(parent, child, &frame->fetched.node, frame);
	if (code != 0) {
		fetched_node_release(&frame->fetched);
		set_lost(t, child->first_path, child->first_path_len);
		trail_lose(&t->trail, child->first_path, child->first_path_len);
		return code;
	}
	frame->next = t->all ? 0 : first_in(t, &frame->fetched.node);
	t->depth++;
	return 0;
}

/* Whether everything from this path on lies behind what is sought. */
static bool is_behind(const struct tree *t, const char *path, size_t len)
{
	return !is_beneath(t, path, len) && path_compare(path, len, t->path, t->path_len) > 0;
}

/* The next entry, wherever it says to be. */
static int step(struct tree *t, const struct entry **entry, const struct node **node)
{
	*entry = NULL;
	*node = NULL;
	for (;;) {
		struct frame *top = &t->frames[t->depth - 1];
		const struct node *n = &top->fetched.node;

		if (n->type == NODE_ENTRIES) {
			if (top->next < n->entry_count) {
				const struct entry *e = &n->entries[top->next];

				if (!is_beneath(t, e->path, e->path_len))
					return 0;
				top->next++;
				*entry = e;
				*node = n;
				return 0;
			}
		} else if (top->next < n->child_count) {
			const struct node_child *child = &n->children[top->next];
			int code = stop_check();

			if (is_behind(t, child->first_path, child->first_path_len))
				return 0;
			if (code == 0)
				code = descend(t);
			if (code != 0)
				return code;
			continue;
		}
		if (t->depth == 1)
			return 0;
		pop(t);
	}
}

int tree_seek(struct tree *t, const char *path, size_t len)
{
	int code = path_check(path, len);
	size_t folder;

	if (code != 0)
		return code;
	trail_turn(&t->trail, path, len);
	while (trail_lacks(&t->trail, path, len, &folder)) {
		struct entry unknown = { .path = path, .path_len = (uint32_t)folder, .type = ENTRY_FOLDER };
		const struct entry *e;
		const struct node *n;

		go_to(t, path, folder);
		code = step(t, &e, &n);
		/* Whether it is one cannot be told, but what is in it may still be had. */
		if (fetch_lost(code))
			e = &unknown;
		else if (code != 0)
			return code;
		/* No folder: tree_next() refuses what is said to be in it. */
		if (e == NULL || e->path_len != folder || e->type != ENTRY_FOLDER || trail_add(&t->trail, e) != 0)
			break;
	}
	go_to(t, path, len);
	return 0;
}

/* Leaves out what stands in the node on top and is in the same folder as the entry that was refused. */
static void pass_over(struct tree *t, const struct entry *refused)
{
	struct frame *top = &t->frames[t->depth - 1];
	const struct node *n = &top->fetched.node;
	const char *slash = memrchr(refused->path, '/', refused->path_len);
	size_t len = slash == NULL ? 0 : (size_t)(slash - refused->path) + 1;

	while (top->next < n->entry_count && n->entries[top->next].path_len > len &&
	       memcmp(n->entries[top->next].path, refused->path, len) == 0)
		top->next++;
}

int tree_next(struct tree *t, const struct entry **entry, const struct node **node)
{
	int code = step(t, entry, node);

	if (code != 0 || *entry == NULL)
		return code;
	code = trail_add(&t->trail, *entry);
	if (code != 0) {
		set_lost(t, (*entry)->path, (*entry)->path_len);
		pass_over(t, *entry);
		*entry = NULL;
		*node = NULL;
	}
	return code;
}

const char *tree_lost(const struct tree *t, size_t *len)
{
	*len = t->lost_len;
	return t->lost;
}

int tree_find(struct tree *t, const char *path, size_t len, const struct entry **entry, const struct node **node)
{
	char shown[512];
	int code = tree_seek(t, path, len);

	*entry = NULL;
	if (code == 0)
		code = tree_next(t, entry, node);
	if (code != 0)
		return code == ERR_MISSING ? ERR_INTEGRITY : code;
	if (*entry == NULL || (*entry)->path_len != len)
		return failed(ERR_MISSING, "there is no '%s' in this snapshot",
			      log_printable(path, len, shown, sizeof shown));
	return 0;
}

int tree_original(struct tree *t, const struct entry *link, const struct entry **entry, const struct node **node)
{
	/* The link may stand in a node of this very stream. */
	_free_ char *path = xstrndup(link->link, link->link_len);
	enum entry_type type = link->type;
	char shown[512];
	int code = tree_find(t, path, link->link_len, entry, node);
	bool other = code == 0 && ((*entry)->link != NULL || (*entry)->type != type);

	if (code != ERR_MISSING && !other)
		return code;
	return failed(ERR_FORMAT, "is said to be a hard link of '%s', which is %s",
		      log_printable(path, strlen(path), shown, sizeof shown),
		      code == ERR_MISSING      ? "not in this snapshot"
		      : (*entry)->link != NULL ? "a further link itself"
					       : "of another type");
}

/* ---- content ---- */

struct listing_pieces {
	struct tree *t;
	tree_piece_call call;
	void *context;
};

/* `level`: what the parent demands; 0: any. */
static int list_pieces(struct listing_pieces *l, const struct node_child *list, uint32_t level)
{
	struct fetched_node fetched;
	int code = fetch_node(l->t->fetcher, l->t->codec, list->id, list->key, &fetched);

	if (code != 0)
		return code;
	const struct node *n = &fetched.node;
	if (n->type != NODE_LIST || (level != 0 && n->level != level) || n->bytes != list->size)
		code = failed(ERR_FORMAT, "a list of content has another type, level or size than its parent says");
	for (uint32_t i = 0; i < n->child_count && code == 0; i++) {
		const struct node_child *child = &n->children[i];

		code = stop_check();
		if (code == 0 && n->level > 1)
			code = list_pieces(l, child, n->level - 1);
		else if (code == 0)
			code = l->call(l->context, &(struct piece){ .id = child->id,
								    .key = child->key,
								    .chunk_size = child->size,
								    .length = child->size });
	}
	fetched_node_release(&fetched);
	return code;
}

int tree_pieces(struct tree *t, const struct entry *e, const struct node *n, tree_piece_call call, void *context)
{
	struct listing_pieces l = { .t = t, .call = call, .context = context };
	const struct content *c = &e->content;
	const struct node_child *child = n->children + c->child;
	int code = 0;

	/* node_decode() has checked that the content lies within the children and is as long as the file. */
	switch (c->form) {
	case CONTENT_WHOLE:
		for (uint32_t i = 0; i < c->count && code == 0; i++)
			code = call(context, &(struct piece){ .id = child[i].id,
							      .key = child[i].key,
							      .chunk_size = child[i].size,
							      .length = child[i].size });
		return code;
	case CONTENT_SLICE:
		return call(context, &(struct piece){ .id = child->id,
						      .key = child->key,
						      .chunk_size = child->size,
						      .offset = c->offset,
						      .length = c->length });
	case CONTENT_LIST:
		return list_pieces(&l, child, 0);
	case CONTENT_NONE:
	default:
		return 0;
	}
}
