/* What a batch of the pipeline keeps of the entries that a source lends it. */
#include "repo/gather_item.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static int setup(void **state)
{
	struct pool *pool = pool_new(ITEM_BATCH, 1, 0);

	*state = pool_take(pool);
	return *state == NULL ? -1 : 0;
}

static int teardown(void **state)
{
	struct item *item = *state;
	struct pool *pool = item->pool;

	pool_give(item);
	pool_free(pool);
	return 0;
}

static struct entry *add(struct item *item, const char *path, const char *user)
{
	const struct stat_print print = { 0 };
	const struct entry e = { .path = path,
				 .path_len = (uint32_t)strlen(path),
				 .user = user,
				 .user_len = (uint32_t)strlen(user),
				 .group = "staff",
				 .group_len = 5 };

	assert_true(item_add_entry(item, &e, &print));
	return &item->entries[item->count - 1];
}

static void an_owner_that_was_refreshed_while_reading_outlives_the_next_file(void **state)
{
	struct item *item = *state;
	struct entry *first = add(item, "a", "root"), *second = add(item, "b", "root");
	char lent[16] = "postgres";

	first->user = lent;
	first->user_len = 8;
	item_keep_owners(item, first);
	memcpy(lent, "www-data", 8);
	second->user = lent;
	second->user_len = 8;
	item_keep_owners(item, second);
	memset(lent, 'x', sizeof lent);
	assert_memory_equal(first->user, "postgres", 9);
	assert_memory_equal(second->user, "www-data", 9);
	assert_memory_equal(first->group, "staff", 6);
}

static void an_owner_that_is_kept_takes_no_more_room(void **state)
{
	struct item *item = *state;
	struct entry *e = add(item, "a", "root");
	size_t before = item->text_len;
	const char *user = e->user;

	item_keep_owners(item, e);
	assert_ptr_equal(e->user, user);
	assert_int_equal(item->text_len, before);
}

static void an_owner_that_does_not_fit_is_left_out(void **state)
{
	struct item *item = *state;
	struct entry *e = add(item, "a", "root");
	char lent[] = "postgres";

	item->text_len = BATCH_TEXT - 4;
	e->user = lent;
	e->user_len = 8;
	item_keep_owners(item, e);
	assert_null(e->user);
	assert_int_equal(e->user_len, 0);
	assert_int_equal(e->group_len, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_owner_that_was_refreshed_while_reading_outlives_the_next_file, setup,
						teardown),
		cmocka_unit_test_setup_teardown(an_owner_that_is_kept_takes_no_more_room, setup, teardown),
		cmocka_unit_test_setup_teardown(an_owner_that_does_not_fit_is_left_out, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
