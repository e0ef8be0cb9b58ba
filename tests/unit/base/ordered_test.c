#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/ordered.h"

#define NONE UINT32_MAX

/* What a test arranges, and what it then finds. cmocka's assertions are for the main thread: call-backs only note. */
struct course {
	uint32_t fail_work, fail_consume; /* at which item */
	bool slow_work, slow_consume;
	uint32_t expected; /* next in order */
	bool out_of_order, unworked;
	atomic_uint made, freed, alive, alive_most, workers;
};

struct item {
	uint32_t number;
	bool skip, worked;
};

static struct item *item_new(struct course *c, uint32_t number, bool skip)
{
	struct item *item = xcalloc(1, sizeof *item);
	unsigned alive = atomic_fetch_add(&c->alive, 1) + 1;

	if (alive > atomic_load(&c->alive_most))
		atomic_store(&c->alive_most, alive);
	atomic_fetch_add(&c->made, 1);
	*item = (struct item){ .number = number, .skip = skip };
	return item;
}

static void drop(void *context, void *item)
{
	struct course *c = context;

	atomic_fetch_sub(&c->alive, 1);
	atomic_fetch_add(&c->freed, 1);
	free(item);
	/* A message of its own must not hide the one that counts. */
	(void)!failed(ERR_SYSTEM, "from drop");
}

static void *worker_new(void *context)
{
	struct course *c = context;

	atomic_fetch_add(&c->workers, 1);
	return xcalloc(1, sizeof(int));
}

static int work(void *context, void *worker, void *argument)
{
	struct course *c = context;
	struct item *item = argument;

	if (worker)
		++*(int *)worker;
	/* Uneven, so that items overtake one another. */
	if (c->slow_work)
		usleep(item->number % 7 * 50);
	if (item->number == c->fail_work)
		return failed(ERR_KEY, "work of %u", item->number);
	item->worked = true;
	return 0;
}

static int consume(void *context, void *argument)
{
	struct course *c = context;
	struct item *item = argument;
	uint32_t number = item->number;

	if (c->slow_consume)
		usleep(100);
	if (number != c->expected++)
		c->out_of_order = true;
	if (item->worked == item->skip)
		c->unworked = true;
	atomic_fetch_sub(&c->alive, 1);
	atomic_fetch_add(&c->freed, 1);
	free(item);
	if (number == c->fail_consume)
		return failed(ERR_FULL, "consume of %u", number);
	return 0;
}

static const struct ordered_calls calls = { worker_new, free, work, consume, drop };
static const struct ordered_calls plain = { NULL, NULL, work, consume, drop };

/* Pushes until the end or the first error; every fifth item skips work. */
static int push_all(struct ordered *o, struct course *c, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		bool skip = i % 5 == 4;
		int code = ordered_push(o, item_new(c, i, skip), skip);

		if (code)
			return code;
	}
	return 0;
}

static void assert_nothing_lost(const struct course *c)
{
	assert_int_equal(atomic_load(&c->freed), atomic_load(&c->made));
	assert_int_equal(atomic_load(&c->alive), 0);
	assert_false(c->out_of_order);
	assert_false(c->unworked);
}

static void items_are_consumed_in_order_whatever_overtakes(void **state)
{
	static const struct {
		size_t depth;
		unsigned workers;
		uint32_t count;
		bool slow_work, slow_consume;
	} rows[] = {
		{ 8, 4, 500, true, false }, { 8, 4, 500, false, true },   { 1, 1, 200, false, false },
		{ 1, 4, 200, true, true },  { 3, 2, 2000, false, false }, { 64, 8, 20000, false, false },
		{ 4, 2, 0, false, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct course c = { .fail_work = NONE,
				    .fail_consume = NONE,
				    .slow_work = rows[i].slow_work,
				    .slow_consume = rows[i].slow_consume };
		struct ordered *o = ordered_new(rows[i].depth, rows[i].workers, i % 2 ? &plain : &calls, &c);

		assert_int_equal(push_all(o, &c, rows[i].count), 0);
		assert_int_equal(ordered_finish(o), 0);
		assert_int_equal(c.expected, rows[i].count);
		assert_nothing_lost(&c);
		/* One more than fits is in the producer's hands while it waits. */
		assert_true(atomic_load(&c.alive_most) <= rows[i].depth + 1);
		assert_int_equal(atomic_load(&c.workers), i % 2 ? 0 : rows[i].workers);
	}
}

static void items_may_all_skip_the_workers(void **state)
{
	struct course c = { .fail_work = NONE, .fail_consume = NONE };
	struct ordered *o = ordered_new(2, 2, &calls, &c);

	(void)state;
	for (uint32_t i = 0; i < 1000; i++)
		assert_int_equal(ordered_push(o, item_new(&c, i, true), true), 0);
	assert_int_equal(ordered_finish(o), 0);
	assert_int_equal(c.expected, 1000);
	assert_nothing_lost(&c);
}

static void an_error_stops_everything_and_keeps_its_message(void **state)
{
	static const struct {
		size_t depth;
		uint32_t fail_work, fail_consume;
		int code;
		const char *message;
	} rows[] = {
		{ 8, 100, NONE, ERR_KEY, "work of 100" },   { 1, 100, NONE, ERR_KEY, "work of 100" },
		{ 8, 0, NONE, ERR_KEY, "work of 0" },       { 8, NONE, 50, ERR_FULL, "consume of 50" },
		{ 1, NONE, 50, ERR_FULL, "consume of 50" }, { 8, NONE, 399, ERR_FULL, "consume of 399" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct course c = { .fail_work = rows[i].fail_work,
				    .fail_consume = rows[i].fail_consume,
				    .slow_work = true };
		struct ordered *o = ordered_new(rows[i].depth, 3, &calls, &c);
		int pushed = push_all(o, &c, 400);

		if (pushed) {
			assert_int_equal(pushed, rows[i].code);
			assert_string_equal(err_message(), rows[i].message);
			/* Still refused, and still taken. */
			assert_int_equal(ordered_push(o, item_new(&c, NONE, false), false), rows[i].code);
		}
		err_adopt(ERR_SYSTEM, "something else");
		assert_int_equal(ordered_finish(o), rows[i].code);
		assert_string_equal(err_message(), rows[i].message);
		assert_nothing_lost(&c);
		assert_true(c.expected <= (rows[i].fail_work != NONE ? rows[i].fail_work : rows[i].fail_consume + 1));
	}
}

static void a_producer_that_failed_ends_early(void **state)
{
	struct course c = { .fail_work = NONE, .fail_consume = NONE, .slow_consume = true };
	struct ordered *o = ordered_new(16, 2, &calls, &c);

	(void)state;
	assert_int_equal(push_all(o, &c, 40), 0);
	int code = failed(ERR_SYSTEM, "cannot read 'x'");
	assert_int_equal(ordered_abort(o, code), ERR_SYSTEM);
	assert_string_equal(err_message(), "cannot read 'x'");
	assert_true(c.expected < 40);
	assert_nothing_lost(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(items_are_consumed_in_order_whatever_overtakes),
		cmocka_unit_test(items_may_all_skip_the_workers),
		cmocka_unit_test(an_error_stops_everything_and_keeps_its_message),
		cmocka_unit_test(a_producer_that_failed_ends_early),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
