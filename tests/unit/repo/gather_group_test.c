/* Which small files share a chunk, night after night. */
#include "restored.h"

static int setup(void **state)
{
	*state = nights_new();
	return 0;
}

static int teardown(void **state)
{
	nights_free(*state);
	return 0;
}

#define FILES 120
#define SIZE  1500

/* File `number`, of bytes that no other has with this `version`. Names leave room between them. */
static void write_numbered(const struct nights *n, unsigned number, unsigned version)
{
	char name[32];

	snprintf(name, sizeof name, "f%05u", number);
	write_file(n, name, SIZE, 1 + number + 100000 * version);
}

static void remove_numbered(const struct nights *n, unsigned number)
{
	char name[32];

	snprintf(name, sizeof name, "f%05u", number);
	remove_file(n, name);
}

static void write_many(const struct nights *n, unsigned version)
{
	for (unsigned i = 0; i < FILES; i++)
		write_numbered(n, i * 100, version);
}

static struct snapshot_result night_passes(struct nights *n)
{
	struct snapshot_result taken;
	struct night t;

	let_times_settle();
	days_pass(n, 1);
	whole_run(n, &n->agent, &t);
	taken = t.taken;
	night_end(&t);
	return taken;
}

/* Adds up the chunks of content that a node refers to, each once. */
static void add_content(struct repo *r, const uint8_t id[ID_SIZE], struct buf *seen, uint64_t *bytes)
{
	struct chunk_place places[CATALOG_PLACES_MAX];
	_buf_ struct buf children = { 0 };
	size_t count;

	for (size_t at = 0; at < seen->len; at += ID_SIZE) {
		if (memcmp(seen->data + at, id, ID_SIZE) == 0)
			return;
	}
	assert_int_equal(buf_append(seen, id, ID_SIZE), 0);
	assert_int_equal(catalog_locate(r->catalog, id, places, &count), 0);
	assert_true(count > 0);
	if (places[0].info.kind == KIND_CONTENT) {
		*bytes += places[0].info.plain;
		return;
	}
	buf_init(&children, 1 << 20, "children");
	assert_int_equal(catalog_children(r->catalog, id, &children), 0);
	for (size_t at = 0; at < children.len; at += ID_SIZE)
		add_content(r, children.data + at, seen, bytes);
}

/* Bytes of all chunks that the newest snapshot opens. */
static uint64_t opened_bytes(struct nights *n)
{
	struct findings *findings = findings_new();
	struct repo *r = reader_open(n, findings);
	_buf_ struct buf seen = { 0 };
	uint64_t bytes = 0;

	buf_init(&seen, 1 << 20, "ids");
	add_content(r, repo_newest(r)->header.root_id, &seen, &bytes);
	repo_close(r);
	findings_free(findings);
	return bytes;
}

static void new_files_disturb_no_group(void **state)
{
	struct nights *n = *state;

	write_many(n, 0);
	assert_int_equal(night_passes(n).read_files, FILES);
	for (unsigned i = 0; i < FILES; i += 10)
		write_numbered(n, i * 100 + 50, 0);
	assert_int_equal(night_passes(n).read_files, FILES / 10);
	for (unsigned i = 5; i < FILES; i += 10)
		write_numbered(n, i * 100 + 70, 0);
	assert_int_equal(night_passes(n).read_files, FILES / 10);
	assert_int_equal(night_passes(n).read_files, 0);
	assert_int_equal(opened_bytes(n), (FILES + FILES / 5) * SIZE);
	assert_restores(n);
}

static void a_large_file_between_members_disturbs_no_group(void **state)
{
	struct nights *n = *state;

	write_many(n, 0);
	(void)night_passes(n);
	for (unsigned i = 0; i < FILES; i += 20) {
		char name[32];

		snprintf(name, sizeof name, "f%05u-large", i * 100);
		write_file(n, name, 200000 + i, 77777 + i);
	}
	assert_int_equal(night_passes(n).read_files, FILES / 20);
	assert_int_equal(night_passes(n).read_files, 0);
	assert_restores(n);
}

static void a_chunk_goes_with_the_first_of_its_files(void **state)
{
	struct nights *n = *state;
	unsigned files = FILES;

	write_many(n, 0);
	(void)night_passes(n);
	for (unsigned i = 3; i < FILES; i += 40, files--)
		remove_numbered(n, i * 100);
	(void)night_passes(n);
	assert_int_equal(opened_bytes(n), files * SIZE);
	for (unsigned i = 4; i < FILES; i += 30)
		write_numbered(n, i * 100, 1);
	(void)night_passes(n);
	assert_int_equal(opened_bytes(n), files * SIZE);
	assert_int_equal(night_passes(n).read_files, 0);
	assert_restores(n);
}

static void what_changes_every_night_ends_apart(void **state)
{
	struct nights *n = *state;

	write_many(n, 0);
	(void)night_passes(n);
	for (unsigned version = 1; version < 4; version++) {
		write_numbered(n, 5000, version);
		struct snapshot_result taken = night_passes(n);

		if (version == 1)
			assert_true(taken.read_files > 1);
		else
			assert_int_equal(taken.read_files, 1);
		assert_int_equal(opened_bytes(n), FILES * SIZE);
	}
	assert_restores(n);
}

static void what_was_saved_anew_with_the_same_bytes_is_known(void **state)
{
	struct nights *n = *state;

	write_many(n, 0);
	for (unsigned i = 0; i < FILES; i += 10)
		write_numbered(n, i * 100 + 50, 0);
	(void)night_passes(n);
	/* Groups by now that would not be made of these files at once. */
	for (unsigned i = 5; i < FILES; i += 10)
		write_numbered(n, i * 100 + 50, 0);
	(void)night_passes(n);
	write_many(n, 0);
	for (unsigned i = 0; i < FILES; i += 5)
		write_numbered(n, i * 100 + 50, 0);
	struct snapshot_result taken = night_passes(n);
	assert_int_equal(taken.read_files, FILES + FILES / 5);
	assert_true(taken.header.new_bytes < FILES * SIZE / 2); /* nodes */
	assert_int_equal(opened_bytes(n), (FILES + FILES / 5) * SIZE);
	assert_restores(n);
}

static void groups_of_the_same_bytes_are_told_apart(void **state)
{
	struct nights *n = *state;

	for (unsigned i = 0; i < FILES; i++)
		write_file(n, (char[4]){ (char)('a' + i / 26), (char)('a' + i % 26), 'x', '\0' }, SIZE, i % 2);
	(void)night_passes(n);
	assert_int_equal(night_passes(n).read_files, 0);
	remove_file(n, "bbx");
	(void)night_passes(n);
	assert_int_equal(night_passes(n).read_files, 0);
	assert_restores(n);
}

static void without_the_cache_groups_follow_from_the_files(void **state)
{
	struct nights *n = *state;

	write_many(n, 0);
	struct snapshot_result first = night_passes(n);
	lose_state(&n->agent);
	struct snapshot_result again = night_passes(n);
	assert_int_equal(again.read_files, FILES);
	assert_int_equal(again.new_chunks, 0);
	assert_memory_equal(again.header.root_id, first.header.root_id, ID_SIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(new_files_disturb_no_group, setup, teardown),
		cmocka_unit_test_setup_teardown(a_large_file_between_members_disturbs_no_group, setup, teardown),
		cmocka_unit_test_setup_teardown(a_chunk_goes_with_the_first_of_its_files, setup, teardown),
		cmocka_unit_test_setup_teardown(what_changes_every_night_ends_apart, setup, teardown),
		cmocka_unit_test_setup_teardown(what_was_saved_anew_with_the_same_bytes_is_known, setup, teardown),
		cmocka_unit_test_setup_teardown(groups_of_the_same_bytes_are_told_apart, setup, teardown),
		cmocka_unit_test_setup_teardown(without_the_cache_groups_follow_from_the_files, setup, teardown),
	};

	if (secret_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
