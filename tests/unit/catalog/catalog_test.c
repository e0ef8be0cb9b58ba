#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <lmdb.h>

#include "base/alloc.h"
#include "base/io.h"
#include "catalog/catalog.h"
#include "catalog/pending.h"

#include "../zone/small_disk.h"

static char folder[64];

static const char *in(const char *name)
{
	static char paths[4][256];
	static unsigned turn;
	char *path = paths[turn++ % 4];

	snprintf(path, sizeof paths[0], "%s/%s", folder, name);
	return path;
}

static int make_folder(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/nightfold-catalog-test-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static int remove_folder(void **state)
{
	(void)state;
	return nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static struct catalog *open_catalog(const char *name)
{
	struct catalog *c;

	assert_int_equal(catalog_open(in(name), &c), 0);
	return c;
}

/* What a written catalogue must answer just as one that has not written anything yet. */
enum stage { STAGE_PENDING, STAGE_FLUSHED, STAGE_REOPENED, STAGE_COUNT };

static void reach(enum stage stage, const char *name, struct catalog **c)
{
	if (stage == STAGE_PENDING)
		return;
	assert_int_equal(catalog_flush(*c, true), 0);
	if (stage == STAGE_REOPENED) {
		catalog_close(*c);
		*c = open_catalog(name);
	}
}

/* An id or a name, spread like a hash by its first bytes. */
static void make_id(uint8_t out[32], uint32_t number, char what)
{
	uint64_t x = number * 0x9e3779b97f4a7c15u + (uint8_t)what;

	memset(out, what, 32);
	for (int i = 0; i < 8; i++)
		out[i] = (uint8_t)(x >> (56 - 8 * i));
	memcpy(out + 8, &number, sizeof number);
}

static struct index_pack make_pack(uint32_t number, enum kind kind)
{
	struct index_pack pack = { .size = 1000 + number, .footer = 100 + number, .kind = kind };

	make_id(pack.name, number, 'p');
	make_id(pack.footer_hash, number, 'f');
	return pack;
}

struct footer {
	struct pack_footer footer;
	struct pack_blob blobs[64];
	uint8_t children[256][ID_SIZE];
};

/* A blob with the id of chunk `chunk`. */
static void add_blob(struct footer *f, uint32_t chunk)
{
	uint32_t i = f->footer.blob_count++;

	assert_true(i < 64);
	f->footer.blobs = f->blobs;
	f->footer.children = f->children;
	f->blobs[i] = (struct pack_blob){
		.info = { .kind = KIND_CONTENT,
			  .suite = SUITE_XCHACHA20POLY1305,
			  .compression = COMPRESSION_ZSTD,
			  .plain = 70000 + chunk },
		.offset = 8 + 50 * i,
		.stored = 50,
		.child_first = f->footer.child_count,
	};
	make_id(f->blobs[i].info.id, chunk, 'c');
}

static void add_node(struct footer *f, uint32_t chunk, uint32_t child_first, uint32_t child_count)
{
	add_blob(f, chunk);
	struct pack_blob *b = &f->blobs[f->footer.blob_count - 1];

	b->info.kind = KIND_NODE;
	b->child_count = child_count;
	for (uint32_t i = 0; i < child_count; i++)
		make_id(f->children[f->footer.child_count++], child_first + i, 'c');
}

/* Adds pack `number` with one chunk; returns the catalogue's number. */
static uint32_t add_simple(struct catalog *c, uint32_t number, uint32_t chunk)
{
	struct index_pack pack = make_pack(number, KIND_CONTENT);
	struct footer f = { 0 };
	uint32_t got;

	add_blob(&f, chunk);
	assert_int_equal(catalog_add_pack(c, &pack, &f.footer, PACK_MADE, &got), 0);
	return got;
}

static size_t places_of(struct catalog *c, uint32_t chunk, struct chunk_place places[CATALOG_PLACES_MAX])
{
	uint8_t id[ID_SIZE];
	size_t count = 99;

	make_id(id, chunk, 'c');
	assert_int_equal(catalog_locate(c, id, places, &count), 0);
	return count;
}

static size_t count_places(struct catalog *c, uint32_t chunk)
{
	struct chunk_place places[CATALOG_PLACES_MAX];

	return places_of(c, chunk, places);
}

static void a_pack_is_found_by_name_and_by_number(void **state)
{
	(void)state;
	for (enum stage stage = 0; stage < STAGE_COUNT; stage++) {
		char name[16];
		struct index_pack pack = make_pack(7, KIND_NODE), got;
		enum pack_origin origin;
		struct footer f = { 0 };
		uint32_t number = 99, found = 99;
		uint8_t other[DIGEST_SIZE];

		snprintf(name, sizeof name, "found-%d", stage);
		struct catalog *c = open_catalog(name);
		assert_int_equal(catalog_pack_limit(c), 0);
		add_node(&f, 1, 0, 0);
		assert_int_equal(catalog_add_pack(c, &pack, &f.footer, PACK_RETIRED, &number), 0);
		assert_int_equal(number, 0);
		reach(stage, name, &c);

		assert_int_equal(catalog_pack_limit(c), 1);
		assert_int_equal(catalog_find_pack(c, pack.name, &found), 0);
		assert_int_equal(found, 0);
		assert_int_equal(catalog_pack(c, 0, &got, &origin), 0);
		assert_memory_equal(got.name, pack.name, DIGEST_SIZE);
		assert_memory_equal(got.footer_hash, pack.footer_hash, DIGEST_SIZE);
		assert_int_equal(got.size, 1007);
		assert_int_equal(got.footer, 107);
		assert_int_equal(got.kind, KIND_NODE);
		assert_int_equal(origin, PACK_RETIRED);

		make_id(other, 8, 'p');
		assert_int_equal(catalog_find_pack(c, other, &found), ERR_MISSING);
		assert_int_equal(catalog_pack(c, 1, &got, &origin), ERR_MISSING);
		assert_int_equal(catalog_set_origin(c, 1, PACK_INDEXED), ERR_MISSING);
		assert_int_equal(catalog_remove_pack(c, UINT32_MAX), ERR_MISSING);
		catalog_close(c);
	}
}

static void a_known_pack_is_only_ever_raised_from_made_to_indexed(void **state)
{
	static const struct {
		enum pack_origin first, second, result;
	} rows[] = {
		{ PACK_MADE, PACK_INDEXED, PACK_INDEXED },    { PACK_MADE, PACK_MADE, PACK_MADE },
		{ PACK_INDEXED, PACK_MADE, PACK_INDEXED },    { PACK_INDEXED, PACK_INDEXED, PACK_INDEXED },
		{ PACK_RETIRED, PACK_INDEXED, PACK_RETIRED }, { PACK_RETIRED, PACK_MADE, PACK_RETIRED },
	};
	struct footer f = { 0 };

	(void)state;
	add_blob(&f, 1);
	for (enum stage stage = 0; stage < STAGE_COUNT; stage++) {
		char name[16];

		snprintf(name, sizeof name, "raised-%d", stage);
		struct catalog *c = open_catalog(name);
		for (uint32_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
			struct index_pack pack = make_pack(i, KIND_CONTENT), got;
			enum pack_origin origin;
			uint32_t number = 99;

			assert_int_equal(catalog_add_pack(c, &pack, &f.footer, rows[i].first, NULL), 0);
			reach(stage, name, &c);
			assert_int_equal(catalog_add_pack(c, &pack, &f.footer, rows[i].second, &number), 0);
			assert_int_equal(number, i);
			reach(stage, name, &c);
			assert_int_equal(catalog_pack(c, i, &got, &origin), 0);
			assert_int_equal(origin, rows[i].result);
		}
		assert_int_equal(catalog_set_origin(c, 0, PACK_RETIRED), 0);
		assert_int_equal(catalog_set_origin(c, 0, PACK_INDEXED), 0);
		assert_int_equal(catalog_set_origin(c, 1, PACK_RETIRED), 0);
		catalog_close(c);
	}
}

static void the_places_of_a_chunk_come_newest_first(void **state)
{
	struct chunk_place places[CATALOG_PLACES_MAX];

	(void)state;
	for (enum stage stage = 0; stage < STAGE_COUNT; stage++) {
		char name[16];

		snprintf(name, sizeof name, "places-%d", stage);
		struct catalog *c = open_catalog(name);
		for (uint32_t i = 0; i < 3; i++)
			add_simple(c, i, 5);
		reach(stage, name, &c);
		for (uint32_t i = 3; i < 6; i++)
			add_simple(c, i, 5);
		add_simple(c, 6, 6);
		assert_int_equal(places_of(c, 5, places), 6);
		for (uint32_t i = 0; i < 6; i++) {
			uint8_t id[ID_SIZE];

			make_id(id, 5, 'c');
			assert_int_equal(places[i].pack, 5 - i);
			assert_int_equal(places[i].offset, 8);
			assert_int_equal(places[i].stored, 50);
			assert_int_equal(places[i].info.plain, 70005);
			assert_int_equal(places[i].info.kind, KIND_CONTENT);
			assert_int_equal(places[i].info.suite, SUITE_XCHACHA20POLY1305);
			assert_int_equal(places[i].info.compression, COMPRESSION_ZSTD);
			assert_memory_equal(places[i].info.id, id, ID_SIZE);
		}
		reach(stage, name, &c);
		assert_int_equal(places_of(c, 6, places), 1);
		assert_int_equal(places[0].pack, 6);
		assert_int_equal(count_places(c, 7), 0);
		/* More than are reported: the newest are. */
		for (uint32_t i = 7; i < 17; i++)
			add_simple(c, i, 5);
		for (int again = 0; again < 2; again++) {
			assert_int_equal(places_of(c, 5, places), CATALOG_PLACES_MAX);
			for (uint32_t i = 0; i < CATALOG_PLACES_MAX; i++)
				assert_int_equal(places[i].pack, 16 - i);
			assert_int_equal(catalog_flush(c, false), 0);
		}
		catalog_close(c);
	}
}

static int note_blob(void *context, const uint8_t id[ID_SIZE], const struct chunk_place *place)
{
	struct buf *seen = context;
	uint32_t number;

	assert_memory_equal(id, place->info.id, ID_SIZE);
	memcpy(&number, id + 8, sizeof number);
	assert_int_equal(buf_printf(seen, "%u@%u ", number, place->offset), 0);
	return number == 666 ? ERR_INTERRUPTED : 0;
}

static void the_blobs_of_a_pack_come_in_its_order(void **state)
{
	(void)state;
	for (enum stage stage = 0; stage < STAGE_COUNT; stage++) {
		char name[16];
		struct index_pack pack = make_pack(1, KIND_CONTENT);
		struct footer f = { 0 };
		_buf_ struct buf seen;

		snprintf(name, sizeof name, "blobs-%d", stage);
		struct catalog *c = open_catalog(name);
		add_simple(c, 0, 9);
		add_blob(&f, 9);
		add_blob(&f, 3);
		add_blob(&f, 666);
		add_blob(&f, 4);
		assert_int_equal(catalog_add_pack(c, &pack, &f.footer, PACK_MADE, NULL), 0);
		reach(stage, name, &c);
		buf_init(&seen, 1000, "test");
		assert_int_equal(catalog_each_blob(c, 0, note_blob, &seen), 0);
		assert_int_equal(catalog_each_blob(c, 1, note_blob, &seen), ERR_INTERRUPTED);
		assert_int_equal(buf_terminate(&seen), 0);
		assert_string_equal((char *)seen.data, "9@8 9@8 3@58 666@108 ");
		assert_int_equal(catalog_each_blob(c, 2, note_blob, &seen), ERR_MISSING);
		catalog_close(c);
	}
}

static void what_is_in_a_pack_may_come_later(void **state)
{
	(void)state;
	for (enum stage before = 0; before < STAGE_COUNT; before++) {
		for (enum stage stage = 0; stage < STAGE_COUNT; stage++) {
			char name[24];
			struct index_pack pack = make_pack(1, KIND_NODE);
			struct footer f = { 0 };
			_buf_ struct buf seen, children;
			uint32_t number;

			snprintf(name, sizeof name, "later-%d-%d", before, stage);
			struct catalog *c = open_catalog(name);
			add_simple(c, 0, 9);
			assert_int_equal(catalog_add_pack(c, &pack, NULL, PACK_INDEXED, &number), 0);
			assert_int_equal(number, 1);
			add_simple(c, 2, 9);
			assert_int_equal(count_places(c, 9), 2);
			reach(before, name, &c);
			buf_init(&seen, 1000, "test");
			assert_int_equal(catalog_each_blob(c, 1, note_blob, &seen), 0);
			assert_int_equal(seen.len, 0);
			add_node(&f, 7, 100, 2);
			add_blob(&f, 9);
			assert_int_equal(catalog_add_blobs(c, 1, &f.footer), 0);
			reach(stage, name, &c);
			assert_int_equal(count_places(c, 7), 1);
			assert_int_equal(count_places(c, 9), 3);
			assert_int_equal(catalog_each_blob(c, 1, note_blob, &seen), 0);
			assert_int_equal(buf_terminate(&seen), 0);
			assert_string_equal((char *)seen.data, "7@8 9@58 ");
			uint8_t id[ID_SIZE];
			make_id(id, 7, 'c');
			buf_init(&children, 1000, "test");
			assert_int_equal(catalog_children(c, id, &children), 0);
			assert_int_equal(children.len, 2 * ID_SIZE);
			assert_int_equal(catalog_add_blobs(c, 3, &f.footer), ERR_MISSING);
			catalog_close(c);
		}
	}
}

static void assert_children(struct catalog *c, uint32_t node, uint32_t first, uint32_t count)
{
	_buf_ struct buf b;
	uint8_t id[ID_SIZE];

	buf_init(&b, 10000, "test");
	assert_int_equal(buf_append(&b, "-", 1), 0);
	make_id(id, node, 'c');
	assert_int_equal(catalog_children(c, id, &b), 0);
	assert_int_equal(b.len, 1 + count * ID_SIZE);
	for (uint32_t i = 0; i < count; i++) {
		make_id(id, first + i, 'c');
		assert_memory_equal(b.data + 1 + (size_t)i * ID_SIZE, id, ID_SIZE);
	}
}

static int children_code(struct catalog *c, uint32_t node, size_t room)
{
	_buf_ struct buf b;
	uint8_t id[ID_SIZE];

	buf_init(&b, room, "test");
	make_id(id, node, 'c');
	return catalog_children(c, id, &b);
}

static void the_children_of_a_node_are_known(void **state)
{
	(void)state;
	for (enum stage stage = 0; stage < STAGE_COUNT; stage++) {
		char name[16];
		struct index_pack pack = make_pack(1, KIND_NODE);
		struct footer f = { 0 };

		snprintf(name, sizeof name, "children-%d", stage);
		struct catalog *c = open_catalog(name);
		add_simple(c, 0, 9);
		add_node(&f, 100, 1000, 70);
		add_node(&f, 101, 0, 0);
		add_node(&f, 102, 2000, 3);
		assert_int_equal(catalog_add_pack(c, &pack, &f.footer, PACK_MADE, NULL), 0);
		reach(stage, name, &c);
		assert_children(c, 100, 1000, 70);
		assert_children(c, 101, 0, 0);
		assert_children(c, 102, 2000, 3);
		assert_int_equal(children_code(c, 9, 1000), ERR_MISSING);
		assert_int_equal(children_code(c, 1000, 1000), ERR_MISSING);
		assert_int_equal(children_code(c, 100, 100), ERR_FORMAT);
		catalog_close(c);
	}
}

static void a_removed_pack_is_gone_with_its_chunks_and_its_number(void **state)
{
	(void)state;
	for (enum stage before = 0; before < STAGE_COUNT; before++) {
		for (enum stage after = 0; after < STAGE_COUNT; after++) {
			char name[16];
			struct index_pack content = make_pack(0, KIND_CONTENT), nodes = make_pack(1, KIND_NODE), got;
			struct footer f = { 0 }, g = { 0 };
			enum pack_origin origin;
			uint32_t number;
			uint64_t packs, chunks, bytes;

			snprintf(name, sizeof name, "removed-%d%d", before, after);
			struct catalog *c = open_catalog(name);
			add_blob(&f, 1);
			add_blob(&f, 2);
			add_node(&g, 10, 1, 2);
			add_node(&g, 11, 1, 1);
			assert_int_equal(catalog_add_pack(c, &content, &f.footer, PACK_INDEXED, NULL), 0);
			assert_int_equal(catalog_add_pack(c, &nodes, &g.footer, PACK_INDEXED, NULL), 0);
			add_simple(c, 2, 2);
			struct index_pack copy = make_pack(3, KIND_NODE);
			struct footer h = { 0 };
			add_node(&h, 11, 1, 1);
			assert_int_equal(catalog_add_pack(c, &copy, &h.footer, PACK_INDEXED, NULL), 0);
			reach(before, name, &c);

			assert_int_equal(catalog_remove_pack(c, 0), 0);
			assert_int_equal(catalog_remove_pack(c, 1), 0);
			assert_int_equal(catalog_remove_pack(c, 1), ERR_MISSING);
			reach(after, name, &c);
			assert_int_equal(catalog_find_pack(c, content.name, &number), ERR_MISSING);
			assert_int_equal(catalog_pack(c, 0, &got, &origin), ERR_MISSING);
			assert_int_equal(count_places(c, 1), 0);
			assert_int_equal(count_places(c, 2), 1);
			assert_int_equal(count_places(c, 10), 0);
			assert_int_equal(children_code(c, 10, 1000), ERR_MISSING);
			assert_children(c, 11, 1, 1); /* also in pack 3 */
			assert_int_equal(catalog_pack_limit(c), 4);
			catalog_stats(c, &packs, &chunks, &bytes);
			assert_int_equal(packs, 2);
			assert_true(bytes > 0);

			/* The same bytes again: a new number, and nothing of the old. */
			assert_int_equal(catalog_add_pack(c, &content, &f.footer, PACK_MADE, &number), 0);
			assert_int_equal(number, 4);
			reach(after, name, &c);
			assert_int_equal(catalog_find_pack(c, content.name, &number), 0);
			assert_int_equal(number, 4);
			assert_int_equal(count_places(c, 1), 1);
			assert_int_equal(count_places(c, 2), 2);
			catalog_close(c);
		}
	}
}

static void numbers_are_not_used_again(void **state)
{
	(void)state;
	struct catalog *c = open_catalog("numbers");
	add_simple(c, 0, 1);
	add_simple(c, 1, 1);
	assert_int_equal(catalog_remove_pack(c, 1), 0);
	assert_int_equal(catalog_flush(c, false), 0);
	catalog_close(c);
	c = open_catalog("numbers");
	assert_int_equal(add_simple(c, 2, 1), 2);
	catalog_close(c);
}

struct pack_walk {
	struct catalog *catalog;
	uint32_t seen, last;
	bool remove;
};

static int see_pack(void *context, uint32_t number, const struct index_pack *pack, enum pack_origin origin)
{
	struct pack_walk *w = context;

	assert_true(w->seen == 0 || number > w->last);
	assert_int_equal(pack->size, 1000 + number);
	assert_int_equal(origin, number % 3 == 0 ? PACK_INDEXED : PACK_MADE);
	w->last = number;
	w->seen++;
	if (w->remove && number % 2 == 0)
		assert_int_equal(catalog_remove_pack(w->catalog, number), 0);
	return number == 1500 && !w->remove ? ERR_INTERRUPTED : 0;
}

static void packs_are_walked_in_order_and_may_be_removed_meanwhile(void **state)
{
	struct pack_walk w = { .remove = true };

	(void)state;
	w.catalog = open_catalog("walk");
	for (uint32_t i = 0; i < 1500; i++) {
		add_simple(w.catalog, i, i);
		if (i == 1000)
			assert_int_equal(catalog_flush(w.catalog, false), 0);
		if (i % 3 == 0)
			assert_int_equal(catalog_set_origin(w.catalog, i, PACK_INDEXED), 0);
	}
	for (uint32_t i = 0; i <= 1000; i += 3)
		assert_int_equal(catalog_set_origin(w.catalog, i, PACK_INDEXED), 0);
	assert_int_equal(catalog_each_pack(w.catalog, see_pack, &w), 0);
	assert_int_equal(w.seen, 1500);
	reach(STAGE_REOPENED, "walk", &w.catalog);
	w.seen = 0;
	assert_int_equal(catalog_each_pack(w.catalog, see_pack, &w), 0);
	assert_int_equal(w.seen, 750);
	add_simple(w.catalog, 1500, 1);
	assert_int_equal(catalog_set_origin(w.catalog, 1500, PACK_INDEXED), 0);
	w.remove = false;
	w.seen = 0;
	assert_int_equal(catalog_each_pack(w.catalog, see_pack, &w), ERR_INTERRUPTED);
	catalog_close(w.catalog);
}

static void assert_fact(struct catalog *c, const char *name, const char *expected)
{
	_buf_ struct buf b;

	buf_init(&b, CATALOG_FACT_MAX, "test");
	assert_int_equal(catalog_get_fact(c, name, &b), 0);
	assert_int_equal(b.len, strlen(expected));
	if (b.len != 0)
		assert_memory_equal(b.data, expected, b.len);
}

static void objects_and_facts_are_remembered(void **state)
{
	(void)state;
	for (enum stage stage = 0; stage < STAGE_COUNT; stage++) {
		char name[16];
		uint8_t hash[DIGEST_SIZE];
		bool known = false;
		_buf_ struct buf b;

		snprintf(name, sizeof name, "facts-%d", stage);
		struct catalog *c = open_catalog(name);
		buf_init(&b, 100, "test");
		for (uint32_t i = 0; i < 2 * PENDING_OBJECTS + 7; i++) {
			make_id(hash, i, 'o');
			assert_int_equal(catalog_note_object(c, hash, i), 0);
		}
		for (uint32_t i = 0; i < 2 * PENDING_FACTS + 7; i++) {
			char fact[16];

			snprintf(fact, sizeof fact, "fact-%u", i);
			assert_int_equal(catalog_set_fact(c, fact, fact, strlen(fact)), 0);
		}
		assert_int_equal(catalog_set_fact(c, "fact-3", "another", 7), 0);
		assert_int_equal(catalog_set_fact(c, "fact-3", "changed", 7), 0);
		assert_int_equal(catalog_set_fact(c, "empty", NULL, 0), 0);
		reach(stage, name, &c);
		for (uint32_t i = 0; i < 2 * PENDING_OBJECTS + 7; i++) {
			make_id(hash, i, 'o');
			assert_int_equal(catalog_knows_object(c, hash, &known), 0);
			assert_true(known);
		}
		make_id(hash, 1, 'x');
		assert_int_equal(catalog_knows_object(c, hash, &known), 0);
		assert_false(known);
		assert_fact(c, "fact-3", "changed");
		assert_fact(c, "fact-134", "fact-134");
		assert_fact(c, "empty", "");
		assert_int_equal(catalog_get_fact(c, "nothing", &b), ERR_MISSING);
		catalog_close(c);
	}
}

/* A footer of one pack as large as packs can be; to be freed. */
static struct pack_footer *large_footer(uint32_t blobs, uint32_t children, uint32_t first_chunk)
{
	struct pack_footer *f = xcalloc(1, sizeof *f);

	f->blobs = xcalloc(blobs, sizeof *f->blobs);
	f->children = xcalloc(children + 1, ID_SIZE);
	f->blob_count = blobs;
	f->child_count = children;
	for (uint32_t i = 0; i < blobs; i++) {
		f->blobs[i].info.kind = children ? KIND_NODE : KIND_CONTENT;
		f->blobs[i].stored = i;
		make_id(f->blobs[i].info.id, first_chunk + i, 'c');
	}
	for (uint32_t i = 0; i < children; i++)
		make_id(f->children[i], i, 'c');
	f->blobs[0].child_count = children;
	return f;
}

static void free_footer(struct pack_footer *f)
{
	free(f->blobs);
	free(f->children);
	free(f);
}

#define MANY_PACKS 5000u /* of 20 chunks: more than PENDING_PLACES */

static void more_than_is_kept_in_memory_goes_to_disk_by_itself(void **state)
{
	struct chunk_place places[CATALOG_PLACES_MAX];
	struct index_pack pack = make_pack(500000, KIND_CONTENT);
	uint64_t packs, chunks, bytes;
	_buf_ struct buf b;
	uint8_t id[ID_SIZE];
	uint32_t number;

	(void)state;
	struct catalog *c = open_catalog("large");
	for (uint32_t i = 0; i < MANY_PACKS + 100; i++) {
		struct footer f = { 0 };
		struct index_pack small = make_pack(i, KIND_CONTENT);

		for (uint32_t k = 0; k < 20; k++)
			add_blob(&f, 20 * i + k);
		assert_int_equal(catalog_add_pack(c, &small, &f.footer, PACK_MADE, NULL), 0);
	}
	for (int i = 0; i < 2; i++) { /* the second does not fit beside the first */
		struct pack_footer *f = large_footer(PACK_BLOBS_MAX, 0, 1000000u * (unsigned)(i + 1));

		pack = make_pack(500000 + (uint32_t)i, KIND_CONTENT);
		assert_int_equal(catalog_add_pack(c, &pack, f, PACK_MADE, NULL), 0);
		free_footer(f);
	}
	struct pack_footer *f = large_footer(2, 100000, 5000000);
	pack = make_pack(600000, KIND_NODE);
	assert_int_equal(catalog_add_pack(c, &pack, f, PACK_MADE, &number), 0);
	free_footer(f);

	for (enum stage stage = 0; stage < STAGE_COUNT; stage++) {
		reach(stage, "large", &c);
		catalog_stats(c, &packs, &chunks, &bytes);
		assert_int_equal(packs, MANY_PACKS + 103);
		assert_int_equal(chunks, 20 * (MANY_PACKS + 100) + 2 * PACK_BLOBS_MAX + 2);
		for (uint32_t i = 0; i < MANY_PACKS + 100; i += 7) {
			assert_int_equal(places_of(c, 20 * i + i % 20, places), 1);
			assert_int_equal(places[0].pack, i);
			assert_int_equal(places[0].offset, 8 + 50 * (i % 20));
		}
		assert_int_equal(places_of(c, 1000000 + 65535, places), 1);
		assert_int_equal(places[0].stored, 65535);
		assert_int_equal(places_of(c, 2000000, places), 1);
		buf_init(&b, 4000000, "test");
		make_id(id, 5000000, 'c');
		assert_int_equal(catalog_children(c, id, &b), 0);
		assert_int_equal(b.len, 100000 * ID_SIZE);
		make_id(id, 99999, 'c');
		assert_memory_equal(b.data + 99999 * ID_SIZE, id, ID_SIZE);
		buf_release(&b);
	}
	assert_int_equal(catalog_remove_pack(c, number - 1), 0);
	reach(STAGE_REOPENED, "large", &c);
	assert_int_equal(count_places(c, 2000000 + 500), 0);
	assert_int_equal(count_places(c, 1000000 + 500), 1);
	/* More changes than are collected. */
	for (uint32_t i = 0; i < PENDING_CHANGES + 10; i++)
		assert_int_equal(catalog_set_origin(c, i, PACK_INDEXED), 0);
	for (uint32_t i = 0; i < PENDING_CHANGES + 10; i++)
		assert_int_equal(catalog_remove_pack(c, i), 0);
	reach(STAGE_REOPENED, "large", &c);
	assert_int_equal(count_places(c, 20 * (PENDING_CHANGES + 10) - 1), 0);
	assert_int_equal(count_places(c, 20 * (PENDING_CHANGES + 10)), 1);
	catalog_close(c);
}

/* ---- threads ---- */

#define CHUNKS_ADDED 3000u

struct watched {
	struct catalog *catalog;
	_Atomic uint32_t added; /* chunks below are known */
	atomic_bool done;
	_Atomic uint32_t wrong;
};

static unsigned commits;

int fdatasync(int fd)
{
	commits++;
	return (int)syscall(SYS_fdatasync, fd);
}

/* Ids lie anywhere in the table: a pack alone touches nearly every page of it, and so would each of many by itself. */
static void many_packs_are_forgotten_in_few_passes(void **state)
{
	enum { PACKS = 10, BLOBS = 20000 };
	struct catalog *c = open_catalog("passes");

	(void)state;
	for (uint32_t i = 0; i < PACKS; i++) {
		struct pack_footer *f = large_footer(BLOBS, 0, i * BLOBS);
		struct index_pack pack = make_pack(i, KIND_CONTENT);

		assert_int_equal(catalog_add_pack(c, &pack, f, PACK_INDEXED, NULL), 0);
		free_footer(f);
	}
	assert_int_equal(catalog_flush(c, true), 0);
	for (uint32_t i = 1; i < PACKS; i++)
		assert_int_equal(catalog_remove_pack(c, i), 0);
	commits = 0;
	assert_int_equal(catalog_flush(c, true), 0);
	print_message("# %u transactions\n", commits);
	assert_true(commits <= 10);
	catalog_close(c);

	c = open_catalog("passes");
	for (uint32_t i = 0; i < PACKS * BLOBS; i += 997)
		assert_int_equal(count_places(c, i), i < BLOBS);
	catalog_close(c);
}

static void *look_up(void *context)
{
	struct watched *w = context;
	uint32_t next = 0;

	while (!atomic_load(&w->done)) {
		struct chunk_place places[CATALOG_PLACES_MAX];
		uint32_t added = atomic_load(&w->added), number;
		uint8_t id[ID_SIZE];
		size_t count;

		if (added == 0)
			continue;
		next = (next + 7919) % added;
		make_id(id, next, 'c');
		if (catalog_locate(w->catalog, id, places, &count) != 0 || count != 1 || places[0].pack != next)
			atomic_fetch_add(&w->wrong, 1);
		make_id(id, next, 'p');
		if (catalog_find_pack(w->catalog, id, &number) != 0 || number != next)
			atomic_fetch_add(&w->wrong, 1);
	}
	return NULL;
}

static void lookups_from_other_threads_see_everything_at_once(void **state)
{
	struct watched w = { 0 };
	pthread_t threads[3];

	(void)state;
	w.catalog = open_catalog("threads");
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, look_up, &w), 0);
	for (uint32_t i = 0; i < CHUNKS_ADDED; i++) {
		assert_int_equal(add_simple(w.catalog, i, i), i);
		atomic_store(&w.added, i + 1);
		if (i % 300 == 299)
			assert_int_equal(catalog_flush(w.catalog, false), 0);
	}
	atomic_store(&w.done, true);
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(atomic_load(&w.wrong), 0);
	catalog_close(w.catalog);
}

/* ---- what may lie in the folder ---- */

static void a_killed_process_leaves_what_it_had_flushed(void **state)
{
	int status;

	(void)state;
	pid_t child = fork();
	if (child == 0) {
		struct catalog *c;

		if (catalog_open(in("killed"), &c) != 0)
			_exit(1);
		add_simple(c, 0, 1);
		if (catalog_flush(c, false) != 0)
			_exit(2);
		add_simple(c, 1, 2);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	struct catalog *c = open_catalog("killed");
	assert_int_equal(count_places(c, 1), 1);
	assert_int_equal(count_places(c, 2), 0);
	assert_int_equal(add_simple(c, 1, 2), 1);
	catalog_close(c);
}

static void write_bytes(const char *path, size_t offset, const void *bytes, size_t len)
{
	_fd_ int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, len, (off_t)offset), len);
}

static void assert_refused(const char *name)
{
	struct catalog *c = NULL;

	assert_int_equal(catalog_open(in(name), &c), ERR_FORMAT);
	assert_non_null(strstr(err_message(), "rebuild"));
	assert_non_null(strstr(err_message(), in(name)));
	assert_null(c);
	assert_int_equal(catalog_destroy(in(name)), 0);
	assert_int_equal(access(in(name), F_OK), -1);
}

static void a_file_that_is_no_catalogue_is_refused(void **state)
{
	static const uint8_t zeros[8192];
	char text[8192];

	(void)state;
	memset(text, 'x', sizeof text);
	assert_int_equal(mkdir(in("foreign"), 0700), 0);
	write_bytes(in("foreign/data.mdb"), 0, text, sizeof text);
	assert_refused("foreign");
	assert_int_equal(mkdir(in("foreign"), 0700), 0);
	write_bytes(in("foreign/data.mdb"), 0, zeros, sizeof zeros);
	assert_refused("foreign");
	assert_int_equal(mkdir(in("foreign"), 0700), 0);
	write_bytes(in("foreign/data.mdb"), 0, text, 100);
	assert_refused("foreign");

	/* An empty file is what a kill at the very beginning leaves. */
	assert_int_equal(mkdir(in("foreign"), 0700), 0);
	write_bytes(in("foreign/data.mdb"), 0, text, 0);
	catalog_close(open_catalog("foreign"));
	assert_int_equal(catalog_destroy(in("foreign")), 0);
	assert_int_equal(catalog_destroy(in("foreign")), 0);
}

/* Makes an LMDB environment with one named table that has one entry. */
static void make_environment(const char *name, const char *table, const char *key, const char *value)
{
	MDB_val k = { strlen(key), (void *)(uintptr_t)key }, v = { strlen(value), (void *)(uintptr_t)value };
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;

	assert_int_equal(mkdir(in(name), 0700), 0);
	assert_int_equal(mdb_env_create(&env), 0);
	assert_int_equal(mdb_env_set_maxdbs(env, 4), 0);
	assert_int_equal(mdb_env_open(env, in(name), 0, 0600), 0);
	assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
	assert_int_equal(mdb_dbi_open(txn, table, MDB_CREATE, &dbi), 0);
	assert_int_equal(mdb_put(txn, dbi, &k, &v, 0), 0);
	assert_int_equal(mdb_txn_commit(txn), 0);
	mdb_env_close(env);
}

static void another_environment_or_version_is_refused(void **state)
{
	(void)state;
	make_environment("other", "addresses", "a", "b");
	assert_refused("other");
	make_environment("other", NULL, "facts", "b");
	assert_refused("other");
	make_environment("other", "facts", "a", "b");
	assert_refused("other");
	make_environment("other", "facts", ".format", "nightfold catalogue 9");
	assert_refused("other");
	make_environment("other", "facts", ".format", "nightfold catalogue 1");
	assert_refused("other");
}

static void fill_catalog(const char *name)
{
	struct catalog *c = open_catalog(name);

	for (uint32_t i = 0; i < 200; i++) {
		struct index_pack pack = make_pack(i, KIND_NODE);
		struct footer f = { 0 };

		for (uint32_t k = 0; k < 50; k++)
			add_node(&f, 50 * i + k, 7, 2);
		assert_int_equal(catalog_add_pack(c, &pack, &f.footer, PACK_INDEXED, NULL), 0);
	}
	assert_int_equal(catalog_flush(c, true), 0);
	catalog_close(c);
}

static void damage_to_the_first_pages_is_refused(void **state)
{
	static const uint32_t page_sizes[] = { 0, 1, 4095, 8192, 0x80000000u };
	static const uint64_t last = 1ull << 40;

	(void)state;
	for (size_t i = 0; i < sizeof page_sizes / sizeof page_sizes[0]; i++) {
		fill_catalog("meta");
		write_bytes(in("meta/data.mdb"), 40, &page_sizes[i], 4);
		assert_refused("meta");
		fill_catalog("meta");
		write_bytes(in("meta/data.mdb"), 4096 + 40, &page_sizes[i], 4);
		assert_refused("meta");
	}
	for (size_t page = 0; page < 2; page++) {
		fill_catalog("meta");
		write_bytes(in("meta/data.mdb"), page * 4096 + 136, &last, 8);
		assert_refused("meta");
		fill_catalog("meta");
		write_bytes(in("meta/data.mdb"), page * 4096 + 16, "XXXX", 4);
		assert_refused("meta");
	}
}

/*
 * In a process of its own: 0 when every lookup has an answer, EXIT_FAILED when LMDB gives up with a message, else the
 * code.
 */
static int look_everything_up(const char *name)
{
	struct chunk_place places[CATALOG_PLACES_MAX];
	struct catalog *c = NULL;
	size_t count;
	int status;

	pid_t child = fork();
	if (child == 0) {
		int code = catalog_open(in(name), &c);

		for (uint32_t i = 0; i < 10000 && code == 0; i += 9) {
			uint8_t id[ID_SIZE];

			make_id(id, i, 'c');
			code = catalog_locate(c, id, places, &count);
		}
		if (code != 0 && !strstr(err_message(), "rebuild"))
			_exit(99);
		_exit(-code);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status)); /* and not by a signal */
	return WEXITSTATUS(status);
}

static void a_catalogue_that_is_cut_off_is_refused_or_says_so_when_used(void **state)
{
	struct stat st;
	unsigned refused = 0;

	(void)state;
	fill_catalog("cut");
	assert_int_equal(stat(in("cut/data.mdb"), &st), 0);
	for (off_t size = 4096; size < st.st_size; size += st.st_size / 12 / 4096 * 4096 + 1000) {
		assert_int_equal(catalog_destroy(in("cut")), 0);
		fill_catalog("cut");
		assert_int_equal(truncate(in("cut/data.mdb"), size), 0);
		int code = look_everything_up("cut");
		assert_true(code == 0 || code == -ERR_FORMAT || code == EXIT_FAILED);
		refused += code != 0;
	}
	assert_true(refused >= 8);
}

static int files_in(const char *path)
{
	DIR *d = opendir(path);
	int count = 0;

	assert_non_null(d);
	while (readdir(d))
		count++;
	closedir(d);
	return count - 2;
}

static void a_temporary_catalogue_leaves_nothing(void **state)
{
	struct catalog *c = NULL, *other;

	(void)state;
	assert_int_equal(mkdir(in("tmp"), 0700), 0);
	assert_int_equal(setenv("TMPDIR", in("tmp"), 1), 0);
	assert_int_equal(catalog_open_temporary(&c), 0);
	assert_int_equal(catalog_open_temporary(&other), 0);
	assert_int_equal(files_in(in("tmp")), 0);
	add_simple(c, 0, 1);
	assert_int_equal(catalog_flush(c, true), 0);
	assert_int_equal(count_places(c, 1), 1);
	assert_int_equal(count_places(other, 1), 0);
	catalog_close(c);
	catalog_close(other);
	assert_int_equal(setenv("TMPDIR", in("nowhere"), 1), 0);
	assert_int_equal(catalog_open_temporary(&c), ERR_SYSTEM);
	assert_non_null(strstr(err_message(), in("nowhere")));
	assert_int_equal(unsetenv("TMPDIR"), 0);
	catalog_close(NULL);
}

static void a_folder_that_cannot_be_made_is_said(void **state)
{
	struct catalog *c = NULL;

	(void)state;
	write_bytes(in("file"), 0, "x", 1);
	assert_int_equal(catalog_open(in("file"), &c), ERR_SYSTEM);
	assert_int_equal(catalog_open(in("file/inner"), &c), ERR_SYSTEM);
	assert_null(c);
	assert_int_equal(catalog_destroy(in("file")), ERR_SYSTEM);
	assert_int_equal(mkdir(in("odd"), 0700), 0);
	assert_int_equal(mkdir(in("odd/data.mdb"), 0700), 0);
	assert_int_equal(catalog_open(in("odd"), &c), ERR_SYSTEM);
	assert_int_equal(catalog_destroy(in("odd")), ERR_SYSTEM);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

/* Where address space is short the map begins small, and grows. */
static void a_full_map_grows(void **state)
{
#ifdef SANITIZED
	(void)state;
	skip();
#else
	const uint32_t child_count = 250000; /* 8 MB in one value */
	struct rlimit old, small;
	char statm[100];
	struct catalog *c;
	_buf_ struct buf b;
	uint8_t id[ID_SIZE];

	(void)state;
	FILE *f = fopen("/proc/self/statm", "r");
	assert_non_null(f);
	assert_non_null(fgets(statm, sizeof statm, f));
	fclose(f);
	assert_int_equal(getrlimit(RLIMIT_AS, &old), 0);
	small = old;
	small.rlim_cur = strtoul(statm, NULL, 10) * 4096 + (200ul << 20);
	if (setrlimit(RLIMIT_AS, &small) != 0)
		skip();
	int code = catalog_open_temporary(&c);
	assert_int_equal(setrlimit(RLIMIT_AS, &old), 0);
	assert_int_equal(code, 0);
	for (uint32_t i = 0; i < 6; i++) {
		struct pack_footer *footer = large_footer(3, child_count, 10 * i);
		struct index_pack pack = make_pack(i, KIND_NODE);

		assert_int_equal(catalog_add_pack(c, &pack, footer, PACK_MADE, NULL), 0);
		assert_int_equal(catalog_set_fact(c, "last", &i, sizeof i), 0);
		free_footer(footer);
		assert_int_equal(catalog_flush(c, false), 0);
	}
	for (uint32_t i = 0; i < 6; i++) {
		make_id(id, 10 * i, 'c');
		buf_init(&b, (size_t)child_count * ID_SIZE, "test");
		assert_int_equal(catalog_children(c, id, &b), 0);
		assert_int_equal(b.len, (size_t)child_count * ID_SIZE);
		buf_release(&b);
		assert_int_equal(count_places(c, 10 * i + 2), 1);
	}
	catalog_close(c);
#endif
}

static void add_many(struct catalog *c, uint32_t first, uint32_t count)
{
	for (uint32_t i = first; i < first + count; i++) {
		struct index_pack pack = make_pack(i, KIND_CONTENT);
		struct footer f = { 0 };

		for (uint32_t k = 0; k < 60; k++)
			add_blob(&f, 60 * i + k);
		assert_int_equal(catalog_add_pack(c, &pack, &f.footer, PACK_INDEXED, NULL), 0);
	}
}

static void a_flush_that_failed_can_be_done_again(void **state)
{
	const struct rlimit small = { 100000, RLIM_INFINITY };
	struct rlimit old;

	(void)state;
	struct catalog *c = open_catalog("again");
	add_many(c, 0, 100);
	assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(catalog_flush(c, true), ERR_SYSTEM);
	assert_int_equal(catalog_flush(c, true), ERR_SYSTEM);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(count_places(c, 5999), 1);
	reach(STAGE_REOPENED, "again", &c);
	for (uint32_t i = 0; i < 6000; i += 11)
		assert_int_equal(count_places(c, i), 1);
	catalog_close(c);
}

/* Leaves the process in a mount namespace of its own: last. */
static void a_full_disk_is_said_to_be_one(void **state)
{
	struct catalog *c;

	(void)state;
	assert_int_equal(mkdir(in("small"), 0700), 0);
	if (!small_disk_mount(in("small"), "500k"))
		skip();
	c = open_catalog("small");
	add_many(c, 0, 200);
	assert_int_equal(catalog_flush(c, false), ERR_FULL);
	assert_non_null(strstr(err_message(), in("small")));
	catalog_close(c);
	assert_int_equal(umount(in("small")), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pack_is_found_by_name_and_by_number),
		cmocka_unit_test(a_known_pack_is_only_ever_raised_from_made_to_indexed),
		cmocka_unit_test(the_places_of_a_chunk_come_newest_first),
		cmocka_unit_test(the_blobs_of_a_pack_come_in_its_order),
		cmocka_unit_test(what_is_in_a_pack_may_come_later),
		cmocka_unit_test(the_children_of_a_node_are_known),
		cmocka_unit_test(a_removed_pack_is_gone_with_its_chunks_and_its_number),
		cmocka_unit_test(numbers_are_not_used_again),
		cmocka_unit_test(packs_are_walked_in_order_and_may_be_removed_meanwhile),
		cmocka_unit_test(objects_and_facts_are_remembered),
		cmocka_unit_test(more_than_is_kept_in_memory_goes_to_disk_by_itself),
		cmocka_unit_test(many_packs_are_forgotten_in_few_passes),
		cmocka_unit_test(lookups_from_other_threads_see_everything_at_once),
		cmocka_unit_test(a_killed_process_leaves_what_it_had_flushed),
		cmocka_unit_test(a_file_that_is_no_catalogue_is_refused),
		cmocka_unit_test(another_environment_or_version_is_refused),
		cmocka_unit_test(damage_to_the_first_pages_is_refused),
		cmocka_unit_test(a_catalogue_that_is_cut_off_is_refused_or_says_so_when_used),
		cmocka_unit_test(a_temporary_catalogue_leaves_nothing),
		cmocka_unit_test(a_folder_that_cannot_be_made_is_said),
		cmocka_unit_test(a_full_map_grows),
		cmocka_unit_test(a_flush_that_failed_can_be_done_again),
		cmocka_unit_test(a_full_disk_is_said_to_be_one),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
