#include "hand_made.h"

#include "repo/content.h"
#include "repo/selection.h"
#include "repo/tree.h"

/* Nodes of two entries under two levels of branches; "large" has lists of two levels. In path order. */
static const struct hand_file files[] = {
	{ .path = "", .type = ENTRY_FOLDER },
	{ .path = "a", .type = ENTRY_FOLDER },
	{ .path = "a/b", .type = ENTRY_FOLDER },
	{ .path = "a/b/one", .type = ENTRY_FILE, .size = 100, .seed = 1 },
	{ .path = "a/b/two", .type = ENTRY_FILE, .size = 3 * HAND_PIECE + 5, .seed = 2 },
	{ .path = "a/c", .type = ENTRY_FILE, .size = 0 },
	{ .path = "a-b", .type = ENTRY_FILE, .size = 7, .seed = 3 },
	{ .path = "a.b", .type = ENTRY_SYMLINK, .text = "a/b/one" },
	{ .path = "b", .type = ENTRY_FOLDER },
	{ .path = "b/hole", .type = ENTRY_FILE, .size = 2 * HAND_PIECE, .seed = 4, .hole = true },
	{ .path = "b/link", .type = ENTRY_FILE, .text = "=a/b/two" },
	{ .path = "large", .type = ENTRY_FILE, .size = 21 * HAND_PIECE + 1, .seed = 5 },
};
#define FILES (sizeof files / sizeof files[0])

struct made {
	struct hand hand;
	struct header header;
	struct hand_ref root;
	struct repo *repo;
	struct fetcher *fetcher;
	struct tree *tree;
};

static int set_up_with(void **state, const struct hand_file *list, size_t count, size_t a_node)
{
	struct made *m = xcalloc(1, sizeof *m);

	hand_open(&m->hand);
	m->root = hand_tree(&m->hand, list, count, a_node);
	hand_publish(&m->hand, clock_now() - 60, &m->root, &m->header);
	m->repo = hand_repo(&m->hand);
	m->fetcher = fetcher_new(m->repo, -1);
	assert_int_equal(tree_open(m->fetcher, m->root.id, m->root.key, &m->tree), 0);
	*state = m;
	return 0;
}

static int set_up(void **state)
{
	return set_up_with(state, files, FILES, 2);
}

static int tear_down(void **state)
{
	struct made *m = *state;

	tree_close(m->tree);
	fetcher_free(m->fetcher);
	repo_close(m->repo);
	hand_close(&m->hand);
	free(m);
	return 0;
}

static void entries_come_in_path_order_whole_or_beneath_a_path(void **state)
{
	static const struct {
		const char *path;
		size_t first, count;
	} rows[] = {
		{ "", 0, FILES }, { "a", 1, 5 },     { "a/b", 2, 3 }, { "a/b/two", 4, 1 },
		{ "a/c", 5, 1 },  { "a-b", 6, 1 },   { "b", 8, 3 },   { "large", 11, 1 },
		{ "zz", 0, 0 },   { "a/b/t", 0, 0 }, { "a0", 0, 0 },  { "A", 0, 0 },
	};
	struct made *m = *state;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct entry *e;
		const struct node *n;

		assert_int_equal(tree_seek(m->tree, rows[i].path, strlen(rows[i].path)), 0);
		for (size_t k = 0; k < rows[i].count; k++) {
			const struct hand_file *f = &files[rows[i].first + k];

			assert_int_equal(tree_next(m->tree, &e, &n), 0);
			assert_non_null(e);
			assert_int_equal(e->path_len, strlen(f->path));
			assert_memory_equal(e->path, f->path, e->path_len);
			assert_int_equal(e->type, f->type);
		}
		assert_int_equal(tree_next(m->tree, &e, &n), 0);
		assert_null(e);
	}
	assert_int_equal(tree_seek(m->tree, "../a", 4), ERR_FORMAT);
}

static void a_path_is_found_or_missing(void **state)
{
	struct made *m = *state;
	const struct entry *e;
	const struct node *n;

	for (size_t i = 0; i < FILES; i++) {
		assert_int_equal(tree_find(m->tree, files[i].path, strlen(files[i].path), &e, &n), 0);
		assert_int_equal(e->path_len, strlen(files[i].path));
		assert_memory_equal(e->path, files[i].path, e->path_len);
	}
	assert_int_equal(tree_find(m->tree, "a/b/thr", 7, &e, &n), ERR_MISSING);
	assert_string_equal(err_message(), "there is no 'a/b/thr' in this snapshot");
	assert_int_equal(tree_find(m->tree, "0", 1, &e, &n), ERR_MISSING);
}

/* What content_read() gives, put where it belongs. */
struct image {
	uint8_t *bytes;
	uint64_t size, next;
};

static int paint(void *context, uint64_t offset, const uint8_t *data, size_t len)
{
	struct image *image = context;

	assert_true(offset >= image->next && offset + len <= image->size);
	memcpy(image->bytes + offset, data, len);
	image->next = offset + len;
	return 0;
}

static void content_is_read_in_order_through_slices_lists_and_holes(void **state)
{
	struct made *m = *state;
	struct content_reader *reader = content_reader_new(m->fetcher);

	for (size_t i = 0; i < FILES; i++) {
		const struct hand_file *f = &files[i];
		const struct entry *e;
		const struct node *n;

		if (f->type != ENTRY_FILE || f->text != NULL)
			continue;
		assert_int_equal(tree_find(m->tree, f->path, strlen(f->path), &e, &n), 0);
		struct image image = { .bytes = xcalloc(1, e->size + 1), .size = e->size };
		uint8_t *expected = xcalloc(1, e->size + 1);
		hand_bytes(f->seed, expected + (f->hole ? 1u << 20 : 0), f->size);
		assert_int_equal(content_read(reader, m->tree, e, n, paint, &image), 0);
		assert_memory_equal(image.bytes, expected, e->size);
		free(image.bytes);
		free(expected);
	}
	content_reader_free(reader);
	content_reader_free(NULL);
}

static int refuse(void *context, uint64_t offset, const uint8_t *data, size_t len)
{
	(void)context;
	(void)offset;
	(void)data;
	(void)len;
	return failed(ERR_FULL, "no room");
}

static void content_that_is_not_what_it_was_fails_at_its_end(void **state)
{
	struct made *m;
	struct hand_file list[] = {
		files[0], { .path = "wrong", .type = ENTRY_FILE, .size = 100, .seed = 1, .wrong_print = true }
	};
	const struct entry *e;
	const struct node *n;
	struct image image = { .bytes = xcalloc(1, 100), .size = 100 };

	tear_down(state);
	set_up_with(state, list, 2, 2);
	m = *state;
	struct content_reader *reader = content_reader_new(m->fetcher);
	assert_int_equal(tree_find(m->tree, "wrong", 5, &e, &n), 0);
	assert_int_equal(content_read(reader, m->tree, e, n, paint, &image), ERR_INTEGRITY);
	assert_int_equal(image.next, 100);
	assert_int_equal(content_read(reader, m->tree, e, n, refuse, NULL), ERR_FULL);

	struct piece huge = { .chunk_size = CHUNK_MAX + 1u };
	const uint8_t *data;
	assert_int_equal(content_chunk(reader, &huge, &data), ERR_FORMAT);
	content_reader_free(reader);
	free(image.bytes);
}

/* ---- damage ---- */

static void a_lost_node_loses_what_is_beneath_it_and_no_more(void **state)
{
	struct made *m = *state;
	const struct entry *e;
	const struct node *n;
	size_t seen = 0, lost = 0, len;

	/* All nodes but the root, which the tree has already, are gone from both zones. */
	hand_damage(&m->hand, 0, 1);
	hand_damage(&m->hand, 1, 1);
	for (;;) {
		int code = tree_next(m->tree, &e, &n);

		if (code != 0) {
			assert_true(fetch_lost(code));
			assert_string_equal(tree_lost(m->tree, &len), lost == 0 ? "" : "b");
			lost++;
			continue;
		}
		if (e == NULL)
			break;
		seen++;
	}
	assert_int_equal(seen, 0);
	assert_int_equal(lost, 2);
	/* Lost is not absent. */
	assert_int_equal(tree_find(m->tree, "large", 5, &e, &n), ERR_INTEGRITY);
	tree_close(m->tree);
	assert_int_equal(tree_open(m->fetcher, m->root.id, m->root.key, &m->tree), ERR_INTEGRITY);
	assert_non_null(strstr(err_message(), "the root of the snapshot"));
}

/* A branch whose children are not what it says of them. */
static void a_node_must_be_what_its_parent_says(void **state)
{
	static const struct {
		const char *first[2], *says;
		uint64_t size;
		uint32_t level;
	} rows[] = {
		{ { "", "a" }, "begins elsewhere", 0, 1 },
		{ { "", "b" }, "another size", 1, 1 },
		{ { "", "b" }, "another type or level", 0, 2 },
	};
	struct made *m = *state;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct hand_file list[] = { { .path = "", .type = ENTRY_FOLDER },
						  { .path = "b", .type = ENTRY_FOLDER, .seed = (unsigned)i } };
		struct node_writer *w = node_writer_new();
		struct hand_ref leaf[2] = { hand_tree(&m->hand, list, 1, 1), hand_tree(&m->hand, list + 1, 1, 1) };
		struct header header;
		const struct entry *e;
		const struct node *n;
		int code = 0;

		node_writer_reset(w, NODE_BRANCH, rows[i].level);
		for (size_t k = 0; k < 2; k++) {
			leaf[k].size += rows[i].size;
			hand_child(w, &leaf[k]);
			assert_int_equal(node_add_branch(w, rows[i].first[k], strlen(rows[i].first[k])), 0);
		}
		struct hand_ref root = hand_node(&m->hand, w, 2 * rows[i].size);
		node_writer_free(w);
		hand_publish(&m->hand, clock_now(), &root, &header);

		struct repo *r = hand_repo(&m->hand);
		struct fetcher *f = fetcher_new(r, -1);
		struct tree *t;
		assert_int_equal(tree_open(f, root.id, root.key, &t), 0);
		for (unsigned steps = 0; steps < 3 && code == 0; steps++)
			code = tree_next(t, &e, &n);
		assert_int_equal(code, ERR_FORMAT);
		assert_non_null(strstr(err_message(), rows[i].says));
		tree_close(t);
		fetcher_free(f);
		repo_close(r);
	}
}

static void a_node_must_end_before_its_neighbour_begins(void **state)
{
	const struct hand_file list[] = { { .path = "", .type = ENTRY_FOLDER },
					  { .path = "c", .type = ENTRY_FOLDER },
					  { .path = "b", .type = ENTRY_FOLDER } };
	struct made *m = *state;
	struct node_writer *w = node_writer_new();
	struct hand_ref leaf[2] = { hand_tree(&m->hand, list, 2, 2), hand_tree(&m->hand, list + 2, 1, 1) };
	struct header header;
	const struct entry *e;
	const struct node *n;

	node_writer_reset(w, NODE_BRANCH, 1);
	for (size_t k = 0; k < 2; k++) {
		hand_child(w, &leaf[k]);
		assert_int_equal(node_add_branch(w, k == 0 ? "" : "b", k), 0);
	}
	struct hand_ref root = hand_node(&m->hand, w, 0);
	node_writer_free(w);
	hand_publish(&m->hand, clock_now(), &root, &header);

	struct repo *r = hand_repo(&m->hand);
	struct fetcher *f = fetcher_new(r, -1);
	struct tree *t;
	assert_int_equal(tree_open(f, root.id, root.key, &t), 0);
	assert_int_equal(tree_next(t, &e, &n), ERR_FORMAT);
	assert_non_null(strstr(err_message(), "beyond where the next one begins"));
	assert_int_equal(tree_next(t, &e, &n), 0);
	assert_memory_equal(e->path, "b", 1);
	tree_close(t);
	fetcher_free(f);
	repo_close(r);
}

/*
 * What is at or beneath the path: the paths that are given, each behind a blank. Returns how often something was not.
 */
static unsigned read_all(struct made *m, const char *path, char *given, size_t size)
{
	const struct entry *e;
	const struct node *n;
	unsigned refused = 0;
	size_t len, at = 0;

	given[0] = '\0';
	assert_int_equal(tree_seek(m->tree, path, strlen(path)), 0);
	for (;;) {
		int code = tree_next(m->tree, &e, &n);

		if (code == 0 && e == NULL)
			return refused;
		if (code == 0) {
			at += (size_t)snprintf(given + at, size - at, " %.*s", (int)e->path_len, e->path);
			assert_true(at < size);
			continue;
		}
		assert_int_equal(code, ERR_FORMAT);
		assert_null(e);
		assert_non_null(strstr(err_message(), "which is no folder of this snapshot"));
		assert_non_null(strstr(err_message(), tree_lost(m->tree, &len)));
		refused++;
	}
}

static void what_is_beneath_no_folder_is_refused_wherever_nodes_begin(void **state)
{
	static const struct hand_file list[] = {
		{ .path = "", .type = ENTRY_FOLDER },    { .path = "a", .type = ENTRY_SYMLINK, .text = "/etc" },
		{ .path = "a/x", .type = ENTRY_FOLDER }, { .path = "a/x/y", .type = ENTRY_FOLDER },
		{ .path = "b", .type = ENTRY_FOLDER },   { .path = "b/f", .type = ENTRY_FILE },
		{ .path = "b/f/g", .type = ENTRY_FILE }, { .path = "b/f/h", .type = ENTRY_FILE },
		{ .path = "b/s", .type = ENTRY_FOLDER }, { .path = "b/s/t", .type = ENTRY_FILE },
		{ .path = "c/d", .type = ENTRY_FOLDER }, { .path = "e", .type = ENTRY_FILE },
	};
	static const size_t count = sizeof list / sizeof list[0], nodes_of[] = { 12, 5, 2, 1 };
	static const struct {
		const char *path, *given;
		unsigned refused; /* in one node: once a folder that is none */
	} rows[] = {
		{ "", "  a b b/f b/s b/s/t e", 3 },
		{ "b", " b b/f b/s b/s/t", 1 },
		{ "b/s/t", " b/s/t", 0 },
		{ "b/f", " b/f", 1 },
		{ "b/f/h", "", 1 },
		{ "a/x/y", "", 1 },
		{ "a/x", "", 1 },
		{ "a/none", "", 0 },
		{ "c", "", 1 },
		{ "e", " e", 0 },
	};

	for (size_t i = 0; i < sizeof nodes_of / sizeof nodes_of[0]; i++) {
		struct made *m;
		char given[256];

		tear_down(state);
		set_up_with(state, list, count, nodes_of[i]);
		m = *state;
		for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
			unsigned refused = read_all(m, rows[k].path, given, sizeof given);

			assert_string_equal(given, rows[k].given);
			assert_int_equal(refused > 0, rows[k].refused > 0);
			if (nodes_of[i] == count)
				assert_int_equal(refused, rows[k].refused);
		}
	}
}

static void a_snapshot_without_its_own_folder_has_nothing(void **state)
{
	static const struct hand_file list[] = { { .path = "a", .type = ENTRY_FOLDER },
						 { .path = "a/b", .type = ENTRY_FILE } };
	char given[256];

	tear_down(state);
	set_up_with(state, list, 2, 2);
	assert_int_equal(read_all(*state, "", given, sizeof given), 1);
	assert_string_equal(given, "");
	assert_non_null(strstr(err_message(), "'a' is said to be in '.', which is no folder"));
	assert_int_equal(read_all(*state, "a/b", given, sizeof given), 1);
}

/* Whether it was a folder cannot be told, so what is in it is not refused. */
static void what_is_in_a_lost_folder_can_be_had(void **state)
{
	static const struct hand_file list[] = {
		{ .path = "", .type = ENTRY_FOLDER },    { .path = "a", .type = ENTRY_SYMLINK, .text = "b" },
		{ .path = "b", .type = ENTRY_FOLDER },   { .path = "b/c", .type = ENTRY_FOLDER },
		{ .path = "b/c/d", .type = ENTRY_FILE }, { .path = "e", .type = ENTRY_FILE },
	};
	struct made *m = *state;
	struct hand_ref leaves[3];
	static const char *const first[] = { "", "b", "b/c/d" };
	struct node_writer *w = node_writer_new();
	const struct entry *e;
	const struct node *n;
	size_t len;

	for (size_t i = 0; i < 3; i++)
		leaves[i] = hand_tree(&m->hand, list + 2 * i, 2, 2);
	memcpy(leaves[1].key, leaves[0].key, KEY_SIZE); /* another node's: this one does not open */
	node_writer_reset(w, NODE_BRANCH, 1);
	for (size_t i = 0; i < 3; i++) {
		hand_child(w, &leaves[i]);
		assert_int_equal(node_add_branch(w, first[i], strlen(first[i])), 0);
	}
	m->root = hand_node(&m->hand, w, 0);
	node_writer_free(w);
	hand_publish(&m->hand, clock_now(), &m->root, &m->header);
	repo_close(m->repo);
	fetcher_free(m->fetcher);
	tree_close(m->tree);
	m->repo = hand_repo(&m->hand);
	m->fetcher = fetcher_new(m->repo, -1);
	assert_int_equal(tree_open(m->fetcher, m->root.id, m->root.key, &m->tree), 0);

	for (const char *path = "b/c/d"; path != NULL; path = path[0] == 'b' ? "" : NULL) {
		size_t seen = 0;

		assert_int_equal(tree_seek(m->tree, path, strlen(path)), 0);
		for (;;) {
			int code = tree_next(m->tree, &e, &n);

			if (code == 0 && e == NULL)
				break;
			seen += code == 0;
			if (code != 0)
				assert_string_equal(tree_lost(m->tree, &len), "b");
		}
		assert_int_equal(seen, path[0] == 'b' ? 1 : 4);
	}
}

static void a_hard_link_leads_to_an_entry_of_its_type_that_is_none_itself(void **state)
{
	static const struct hand_file list[] = {
		{ .path = "", .type = ENTRY_FOLDER },
		{ .path = "a", .type = ENTRY_FILE },
		{ .path = "b", .type = ENTRY_FILE, .text = "=a" },
		{ .path = "c", .type = ENTRY_FILE, .text = "=b" },
		{ .path = "d", .type = ENTRY_FIFO, .text = "=a" },
		{ .path = "e", .type = ENTRY_FILE, .text = "=absent" },
	};
	static const struct {
		const char *path, *says;
	} rows[] = { { "b", NULL },
		     { "c", "is said to be a hard link of 'b', which is a further link itself" },
		     { "d", "is said to be a hard link of 'a', which is of another type" },
		     { "e", "is said to be a hard link of 'absent', which is not in this snapshot" } };
	struct made *m;
	const struct entry *e;
	const struct node *n;

	tear_down(state);
	set_up_with(state, list, sizeof list / sizeof list[0], 2);
	m = *state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_int_equal(tree_find(m->tree, rows[i].path, 1, &e, &n), 0);
		int code = tree_original(m->tree, e, &e, &n);
		assert_int_equal(code, rows[i].says == NULL ? 0 : ERR_FORMAT);
		if (rows[i].says != NULL)
			assert_string_equal(err_message(), rows[i].says);
		else
			assert_memory_equal(e->path, "a", 1);
	}
}

static void a_list_is_no_root(void **state)
{
	struct made *m = *state;
	struct node_writer *w = node_writer_new();
	struct hand_ref chunk = hand_chunk(&m->hand, KIND_CONTENT, "abc", 3, NULL, 0);
	struct header header;
	struct tree *t;

	node_writer_reset(w, NODE_LIST, 1);
	hand_child(w, &chunk);
	struct hand_ref root = hand_node(&m->hand, w, 3);
	node_writer_free(w);
	hand_publish(&m->hand, clock_now(), &root, &header);
	struct repo *r = hand_repo(&m->hand);
	struct fetcher *f = fetcher_new(r, -1);
	assert_int_equal(tree_open(f, root.id, root.key, &t), ERR_FORMAT);
	assert_null(t);
	fetcher_free(f);
	repo_close(r);
}

/* ---- seals ---- */

static int unseal_with(struct made *m, const struct secret_key *key, int only_zone)
{
	uint8_t *root_key = secret_new(KEY_SIZE);
	struct repo *r = hand_repo(&m->hand);
	const struct snapshot *s = repo_find(r, m->header.id);

	assert_non_null(s);
	int code = tree_unseal(r, s, key, only_zone, root_key);
	if (code == 0)
		assert_memory_equal(root_key, m->root.key, KEY_SIZE);
	secret_free(root_key);
	repo_close(r);
	return code;
}

static void a_seal_opens_with_its_recipients_key_alone(void **state)
{
	struct made *m = *state;

	assert_int_equal(unseal_with(m, m->hand.operator, - 1), 0);
	assert_int_equal(unseal_with(m, m->hand.operator, 1), 0);
	assert_int_equal(unseal_with(m, m->hand.other, -1), ERR_KEY);
	assert_non_null(strstr(err_message(), "is not among its recipients"));
	assert_non_null(strstr(err_message(), "operator.pub")); /* as the trust names it */
	assert_int_equal(findings_total(m->hand.findings), 0);
}

static void a_bad_seal_in_one_zone_is_told_and_the_other_opens(void **state)
{
	struct made *m = *state;
	char name[OBJECT_NAME_MAX], path[512];

	name_seal(HAND_DATASET, m->header.id, 1, name);
	hand_zone_path(&m->hand, 0, name, path);
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(truncate(path, 100), 0);
	assert_int_equal(unseal_with(m, m->hand.operator, - 1), 0);
	assert_int_equal(findings_count(m->hand.findings, FINDING_DAMAGED, false), 1);
	assert_int_equal(unseal_with(m, m->hand.operator, 0), ERR_INTEGRITY);
	hand_delete(&m->hand, 0, name);
	assert_int_equal(unseal_with(m, m->hand.operator, - 1), 0);
	assert_int_equal(findings_count(m->hand.findings, FINDING_MISSING, false), 1);
	hand_delete(&m->hand, 1, name);
	assert_int_equal(unseal_with(m, m->hand.operator, - 1), ERR_MISSING);
	assert_non_null(strstr(err_message(), "has no seal"));
}

static void an_operators_newer_seal_counts_and_takes_recipients_off(void **state)
{
	struct made *m = *state;

	m->hand.recipient = m->hand.other->public;
	hand_seal(&m->hand, &m->header, &m->root, 2, m->header.id);
	assert_int_equal(unseal_with(m, m->hand.other, -1), 0);
	assert_int_equal(unseal_with(m, m->hand.operator, - 1), ERR_KEY);
}

static void a_newer_seal_that_is_not_an_operators_is_passed_over(void **state)
{
	struct made *m = *state;
	struct secret_key *operator= m->hand.operator;

	m->hand.operator= m->hand.agent;
	hand_seal(&m->hand, &m->header, &m->root, 2, m->header.id);
	m->hand.operator= operator;
	assert_int_equal(unseal_with(m, m->hand.operator, - 1), 0);
	assert_int_equal(findings_count(m->hand.findings, FINDING_DAMAGED, false), 2);
}

static void a_seal_of_another_snapshot_does_not_open_this_one(void **state)
{
	static const uint8_t another[SNAPSHOT_ID_SIZE] = { 9 };
	struct made *m = *state;

	hand_seal(&m->hand, &m->header, &m->root, 2, another);
	char name[OBJECT_NAME_MAX];
	for (unsigned i = 0; i < 2; i++)
		hand_delete(&m->hand, i, name_seal(HAND_DATASET, m->header.id, 1, name));
	assert_int_equal(unseal_with(m, m->hand.operator, - 1), ERR_INTEGRITY);
}

/* ---- selections ---- */

struct seen {
	char text[512];
};

static int note(void *context, const struct entry *e, const struct node *n)
{
	struct seen *seen = context;

	(void)n;
	snprintf(seen->text + strlen(seen->text), sizeof seen->text - strlen(seen->text), "%.*s;", (int)e->path_len,
		 e->path);
	return 0;
}

static int note_parent(void *context, const struct entry *e, const struct node *n)
{
	struct seen *seen = context;

	strcat(seen->text, "^");
	return note(context, e, n);
}

static void a_selection_is_cleaned_sorted_and_walked_once(void **state)
{
	static const struct {
		const char *paths[4], *walked;
	} rows[] = {
		{ { "a/b" }, "^a;a/b;a/b/one;a/b/two;" },
		{ { "/a//" }, NULL },
		{ { "./b/hole/", "a/b/one", "a/b", "a/b/two/." }, "^a;a/b;a/b/one;a/b/two;^b;b/hole;" },
		{ { "a/c", "a/b/one" }, "^a;^a/b;a/b/one;a/c;" },
		{ { "b", "." }, ";a;a/b;a/b/one;a/b/two;a/c;a-b;a.b;b;b/hole;b/link;large;" },
		{ { "large", "a-b" }, "a-b;large;" },
		{ { "/" }, ";a;a/b;a/b/one;a/b/two;a/c;a-b;a.b;b;b/hole;b/link;large;" },
	};
	struct made *m = *state;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct selection s;
		struct seen seen = { "" };
		size_t count = 0;

		while (count < 4 && rows[i].paths[count] != NULL)
			count++;
		assert_int_equal(selection_make(rows[i].paths, count, &s), 0);
		assert_int_equal(selection_check(&s, m->tree), 0);
		assert_int_equal(selection_walk(&s, m->tree, m->hand.findings, note_parent, note, &seen), 0);
		if (rows[i].walked != NULL)
			assert_string_equal(seen.text, rows[i].walked);
		selection_release(&s);
	}
}

static void a_selection_knows_what_it_has(void **state)
{
	static const char *const paths[] = { "a/b", "b", "large" };
	static const struct {
		const char *path;
		bool has;
	} rows[] = {
		{ "a/b", true }, { "a/b/one", true }, { "a", false }, { "a/bc", false },    { "b/hole", true },
		{ "bb", false }, { "large", true },   { "0", false }, { "largest", false }, { "", false },
	};
	struct selection s, all;
	struct made *m = *state;
	const char *bad[] = { "a/../b", "nope" };

	assert_int_equal(selection_make(paths, 3, &s), 0);
	assert_int_equal(selection_make(NULL, 0, &all), 0);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_int_equal(selection_has(&s, rows[i].path, strlen(rows[i].path)), rows[i].has);
		assert_true(selection_has(&all, rows[i].path, strlen(rows[i].path)));
	}
	selection_release(&s);
	selection_release(&all);
	assert_int_equal(selection_make(bad, 1, &s), ERR_USAGE);
	assert_int_equal(selection_make(bad + 1, 1, &s), 0);
	assert_int_equal(selection_check(&s, m->tree), ERR_MISSING);
	selection_release(&s);
}

static void what_is_lost_on_a_walk_is_told_and_the_walk_goes_on(void **state)
{
	static const struct selection all;
	struct made *m = *state;
	struct seen seen = { "" };

	hand_damage(&m->hand, 0, 1);
	hand_damage(&m->hand, 1, 1);
	assert_int_equal(selection_walk(&all, m->tree, m->hand.findings, NULL, note, &seen), 0);
	assert_int_equal(selection_walk(&all, m->tree, m->hand.findings, NULL, note, &seen), 0);
	assert_int_equal(findings_count(m->hand.findings, FINDING_LOST, false), 2);
	assert_int_equal(findings_exit(m->hand.findings, false), EXIT_INTEGRITY);
	const char *path = "large";
	struct selection s;
	assert_int_equal(selection_make(&path, 1, &s), 0);
	assert_int_equal(selection_check(&s, m->tree), 0);
	selection_release(&s);
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(entries_come_in_path_order_whole_or_beneath_a_path),
		test(a_path_is_found_or_missing),
		test(content_is_read_in_order_through_slices_lists_and_holes),
		test(content_that_is_not_what_it_was_fails_at_its_end),
		test(a_lost_node_loses_what_is_beneath_it_and_no_more),
		test(a_node_must_be_what_its_parent_says),
		test(a_node_must_end_before_its_neighbour_begins),
		test(what_is_beneath_no_folder_is_refused_wherever_nodes_begin),
		test(a_snapshot_without_its_own_folder_has_nothing),
		test(what_is_in_a_lost_folder_can_be_had),
		test(a_hard_link_leads_to_an_entry_of_its_type_that_is_none_itself),
		test(a_list_is_no_root),
		test(a_seal_opens_with_its_recipients_key_alone),
		test(a_bad_seal_in_one_zone_is_told_and_the_other_opens),
		test(an_operators_newer_seal_counts_and_takes_recipients_off),
		test(a_newer_seal_that_is_not_an_operators_is_passed_over),
		test(a_seal_of_another_snapshot_does_not_open_this_one),
		test(a_selection_is_cleaned_sorted_and_walked_once),
		test(a_selection_knows_what_it_has),
		test(what_is_lost_on_a_walk_is_told_and_the_walk_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
