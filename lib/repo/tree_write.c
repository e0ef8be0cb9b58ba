#include "repo/tree_write.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "chunk/grouping.h"

/* A node is closed when it holds this much, whatever the paths say. */
#define NODE_SOFT_MAX     (256u << 10)
#define NODE_SOFT_ENTRIES 2048u
#define NODE_SOFT_REFS    4096u

struct level { /* of entries and branches, or of lists */
	struct node_writer *node;
	uint64_t bytes;          /* beneath it: the sum of its children's sizes */
	struct buf first_path;   /* of its first entry */
	struct chunk_ref *first; /* its first child, guarded: a node with no other child is not worth a level */
};

struct tree_writer {
	struct chunk_store *store;
	struct key_cache *cache;
	struct blob_codec *codec;
	uint8_t *grouping_key;               /* guarded */
	struct level levels[NODE_LEVEL_MAX]; /* 0: entries */
	unsigned level_count;
	struct level lists[NODE_LEVEL_MAX]; /* 0: unused; n: lists of level n */
	unsigned list_count;
	struct chunk_ref *pending; /* guarded: the chunks of the file being listed, while they are few */
	uint32_t pending_count;
	struct stat_print *prints;
	size_t print_count, print_cap;
	bool any;
};

static void level_begin(struct level *l, enum node_type type, uint32_t number)
{
	if (l->node == NULL) {
		l->node = node_writer_new();
		l->first = secret_new(sizeof *l->first);
		buf_init(&l->first_path, ENTRY_PATH_MAX, "path");
	}
	node_writer_reset(l->node, type, number);
	l->bytes = 0;
	buf_clear(&l->first_path);
}

struct tree_writer *tree_writer_new(struct chunk_store *store, struct key_cache *cache, const struct dataset_key *key)
{
	struct tree_writer *w = xcalloc(1, sizeof *w);

	w->store = store;
	w->cache = cache;
	w->codec = blob_codec_new(NODE_MAX, 3);
	w->grouping_key = secret_new(KEY_SIZE);
	dataset_subkey(key, "grouping", w->grouping_key);
	w->pending = secret_new(ENTRY_CHUNKS_MAX * sizeof *w->pending);
	level_begin(&w->levels[0], NODE_ENTRIES, 0);
	w->level_count = 1;
	return w;
}

void tree_writer_free(struct tree_writer *w)
{
	if (w == NULL)
		return;
	for (unsigned i = 0; i < NODE_LEVEL_MAX; i++) {
		node_writer_free(w->levels[i].node);
		secret_free(w->levels[i].first);
		buf_release(&w->levels[i].first_path);
		node_writer_free(w->lists[i].node);
		secret_free(w->lists[i].first);
		buf_release(&w->lists[i].first_path);
	}
	blob_codec_free(w->codec);
	secret_free(w->grouping_key);
	secret_free(w->pending);
	free(w->prints);
	free(w);
}

uint64_t tree_path_hash(const uint8_t grouping_key[KEY_SIZE], const struct entry *e)
{
	return grouping_hash(grouping_key, e->path, e->path_len);
}

/* A random key for a node that could be guessed; the one that it has in the last snapshot, if it stands there as it is. */
static int draw_key(struct tree_writer *w, const uint8_t name[ID_SIZE], struct chunk_ref *ref)
{
	bool found;
	int code = key_cache_recall(w->cache, name, ref->key, &found);

	if (code == 0 && found)
		chunk_id(ref->key, ref->id);
	else if (code == 0)
		chunk_key_random(ref->key, ref->id);
	return code;
}

/* A node, finished. */
struct made_node {
	const uint8_t *plain;
	size_t len;
	uint8_t name[ID_SIZE]; /* what the key cache calls it */
};

/* Finishes a node and stores it; *ref (guarded) refers to it. */
static int store_node(struct tree_writer *w, struct level *l, struct chunk_ref *ref, struct made_node *made)
{
	const uint8_t(*children)[ID_SIZE];
	uint32_t count;
	uint8_t digest[DIGEST_SIZE];
	int code = node_finish(l->node, &made->plain, &made->len, &children, &count);

	if (code != 0)
		return code;
	sha256(made->plain, made->len, digest);
	chunk_store_derive(w->store, KIND_NODE, digest, ref->key, ref->id);
	secret_wipe(digest, sizeof digest);
	memcpy(made->name, ref->id, ID_SIZE);
	if (count == 0 && chunk_store_draws_keys(w->store))
		code = draw_key(w, made->name, ref);
	if (code == 0)
		code = chunk_store_put(w->store, w->codec, KIND_NODE, made->plain, made->len, children, count, ref->key,
				       ref->id);
	ref->size = l->bytes;
	return code;
}

static int close_level(struct tree_writer *w, unsigned number);

/* Puts a finished node, whose first entry is at `path`, into the branch above. */
static int add_to_branch(struct tree_writer *w, unsigned number, const struct chunk_ref *ref, const struct buf *path)
{
	uint64_t hash = grouping_hash(w->grouping_key, (const char *)path->data, path->len);
	struct level *l;
	int code = 0;

	if (number == NODE_LEVEL_MAX)
		return failed(ERR_FORMAT, "the tree is too high");
	l = &w->levels[number];
	if (number == w->level_count) {
		level_begin(l, NODE_BRANCH, number);
		w->level_count++;
	}
	if (node_writer_children(l->node) > 0 &&
	    (grouping_starts_node(hash, number) || node_writer_children(l->node) >= NODE_SOFT_REFS ||
	     node_writer_size(l->node) >= NODE_SOFT_MAX))
		code = close_level(w, number);
	if (code == 0 && node_writer_children(l->node) == 0) {
		*l->first = *ref;
		code = buf_append(&l->first_path, path->data, path->len);
	}
	if (code == 0)
		code = node_add_child(l->node, ref->id, ref->key, ref->size, &(uint32_t){ 0 });
	if (code == 0)
		code = node_add_branch(l->node, (const char *)path->data, path->len);
	l->bytes += ref->size;
	return code;
}

static int close_level(struct tree_writer *w, unsigned number)
{
	struct level *l = &w->levels[number];
	_secret_ struct chunk_ref *ref = secret_new(sizeof *ref);
	struct made_node made;
	int code = store_node(w, l, ref, &made);

	if (code == 0 && number == 0)
		code = key_cache_add(w->cache, made.plain, made.len, made.name, ref->key, ref->size, w->prints,
				     w->print_count);
	if (code == 0)
		code = add_to_branch(w, number + 1, ref, &l->first_path);
	w->print_count = number == 0 ? 0 : w->print_count;
	level_begin(l, number == 0 ? NODE_ENTRIES : NODE_BRANCH, number);
	return code;
}

static int add_children(struct tree_writer *w, struct entry *e, const struct chunk_ref *refs)
{
	struct level *l = &w->levels[0];
	uint32_t first = node_writer_children(l->node), index = 0;
	int code = 0;

	if (e->content.form == CONTENT_NONE)
		return 0;
	/* Files of a group share the child; between them may be those of others. */
	if (e->content.form == CONTENT_SLICE && node_writer_find(l->node, refs[e->content.child].id, &index)) {
		e->content.child = index;
		return 0;
	}
	uint32_t count = e->content.form == CONTENT_WHOLE ? e->content.count : 1;
	for (uint32_t i = 0; i < count && code == 0; i++) {
		const struct chunk_ref *ref = &refs[e->content.child + i];

		code = node_add_child(l->node, ref->id, ref->key, ref->size, &index);
		l->bytes += ref->size;
	}
	e->content.child = first;
	return code;
}

int tree_add_entry(struct tree_writer *w, const struct entry *e, const struct chunk_ref *refs,
		   const struct stat_print *print)
{
	struct level *l = &w->levels[0];
	struct entry copy = *e;
	int code = 0;

	if (node_writer_entries(l->node) > 0 &&
	    (grouping_starts_node(tree_path_hash(w->grouping_key, e), 0) ||
	     node_writer_size(l->node) >= NODE_SOFT_MAX || node_writer_entries(l->node) >= NODE_SOFT_ENTRIES ||
	     node_writer_children(l->node) >= NODE_SOFT_REFS))
		code = close_level(w, 0);
	if (code == 0 && node_writer_entries(l->node) == 0)
		code = buf_append(&l->first_path, e->path, e->path_len);
	if (code == 0)
		code = add_children(w, &copy, refs);
	if (code == 0)
		code = node_add_entry(l->node, &copy);
	if (w->print_count == w->print_cap) {
		w->print_cap = w->print_cap * 2 + 256;
		w->prints = xrealloc(w->prints, w->print_cap, sizeof *w->prints);
	}
	w->prints[w->print_count++] = *print;
	w->any = true;
	return code;
}

void tree_list_begin(struct tree_writer *w)
{
	w->pending_count = 0;
	w->list_count = 0;
}

static int list_add(struct tree_writer *w, unsigned number, const struct chunk_ref *ref);

static int close_list(struct tree_writer *w, unsigned number)
{
	struct level *l = &w->lists[number];
	_secret_ struct chunk_ref *ref = secret_new(sizeof *ref);
	struct made_node made;
	int code = store_node(w, l, ref, &made);

	if (code == 0)
		code = list_add(w, number + 1, ref);
	level_begin(l, NODE_LIST, number);
	return code;
}

static int list_add(struct tree_writer *w, unsigned number, const struct chunk_ref *ref)
{
	struct level *l;
	uint32_t index = 0;

	if (number >= NODE_LEVEL_MAX)
		return failed(ERR_FORMAT, "a file's list is too high");
	l = &w->lists[number];
	if (number > w->list_count) {
		level_begin(l, NODE_LIST, number);
		w->list_count = number;
	}
	if (node_writer_children(l->node) == 0)
		*l->first = *ref;
	int code = node_add_child(l->node, ref->id, ref->key, ref->size, &index);
	l->bytes += ref->size;
	if (code == 0 && (grouping_ends_list(ref->id, index + 1) || index + 1 >= NODE_SOFT_REFS))
		code = close_list(w, number);
	return code;
}

int tree_list_add(struct tree_writer *w, const struct chunk_ref *ref)
{
	int code = 0;

	if (w->list_count == 0 && w->pending_count < ENTRY_CHUNKS_MAX) {
		w->pending[w->pending_count++] = *ref;
		return 0;
	}
	for (uint32_t i = 0; i < w->pending_count && code == 0; i++)
		code = list_add(w, 1, &w->pending[i]);
	w->pending_count = 0;
	return code == 0 ? list_add(w, 1, ref) : code;
}

/* From the lowest level up; at the top a list of one child is that child. */
int tree_list_end(struct tree_writer *w, struct content *content, const struct chunk_ref **refs)
{
	*refs = w->pending;
	if (w->list_count == 0) {
		*content = (struct content){ .form = w->pending_count == 0 ? CONTENT_NONE : CONTENT_WHOLE,
					     .count = w->pending_count };
		return 0;
	}
	for (unsigned number = 1; number <= w->list_count; number++) {
		struct level *l = &w->lists[number];
		uint32_t children = node_writer_children(l->node);

		if (number == w->list_count && number > 1 && children == 1) {
			w->pending[0] = *l->first;
			break;
		}
		if (number == w->list_count && children > 0) {
			struct made_node made;
			int code = store_node(w, l, &w->pending[0], &made);

			if (code != 0)
				return code;
			break;
		}
		if (children > 0) {
			int code = close_list(w, number);

			if (code != 0)
				return code;
		}
	}
	*content = (struct content){ .form = CONTENT_LIST, .count = 1 };
	return 0;
}

int tree_finish(struct tree_writer *w, uint8_t root_id[ID_SIZE], uint8_t root_key[KEY_SIZE])
{
	int code = 0;

	must(w->any);
	for (unsigned number = 0; number < w->level_count && code == 0; number++) {
		struct level *l = &w->levels[number];
		bool top = number + 1 == w->level_count;

		if (top && number > 0 && node_writer_children(l->node) == 1) {
			memcpy(root_id, l->first->id, ID_SIZE);
			memcpy(root_key, l->first->key, KEY_SIZE);
			return 0;
		}
		if (number == 0 ? node_writer_entries(l->node) > 0 : node_writer_children(l->node) > 0)
			code = close_level(w, number);
	}
	/* Closing the last level made one more, of a single child, which the loop has taken as the root. */
	return code != 0 ? code : failed(ERR_FORMAT, "the tree has no root");
}
