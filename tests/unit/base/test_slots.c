// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/slots.h"

enum { LIMIT = 100, INDICES = 100000 };

static void test_empty(void **state)
{
	struct slots slots = { 0 };

	assert_int_equal(slots_open(&slots), SLOT_NONE);
	slots_forget(&slots);
	slots_deinit(&slots);
	slots_deinit(&slots);
}

/* An index that was closed is not handed out before it has been forgotten. */
static void test_closed_waits(void **state)
{
	struct slots slots = { .limit = 2 };
	u32 first = slots_open(&slots);

	slots_close(&slots, first);
	assert_int_not_equal(slots_open(&slots), first);
	assert_int_equal(slots.live, 1);
	slots_forget(&slots);
	assert_int_equal(slots.opened.count, 0);
	assert_int_equal(slots.closed.count, 0);
	assert_int_equal(slots_open(&slots), first);
	assert_int_equal(slots_open(&slots), SLOT_NONE);
	slots_deinit(&slots);
}

static void test_fit_zeroes(void **state)
{
	struct slots slots = { .limit = 1000 };
	u64 *array = NULL;

	for (u32 i = 0; i < 1000; i++) {
		u32 index = slots_open(&slots);

		assert_int_equal(index, i);
		assert_int_equal(slots_fit(&slots, &array, sizeof(*array)), 0);
		assert_true(slots.capacity >= slots.count);
		assert_int_equal(array[index], 0);
		array[index] = i + 1;
	}
	for (u32 i = 0; i < 1000; i++)
		assert_int_equal(array[i], i + 1);
	free(array);
	slots_deinit(&slots);
}

/* What the random walk knows of each index. */
enum fate { FREE, OPEN, CLOSED };

struct walk {
	struct slots slots;
	enum fate fate[INDICES];
	u32 open[LIMIT];
	u32 opens, opened, closed; /* open now; opened and closed since the last look */
};

static void open_one(struct walk *walk)
{
	u32 index = slots_open(&walk->slots);

	if (walk->opens == LIMIT) {
		assert_int_equal(index, SLOT_NONE);
		return;
	}
	assert_true(index < walk->slots.count && index < INDICES);
	assert_int_equal(walk->fate[index], FREE);
	walk->fate[index] = OPEN;
	walk->open[walk->opens++] = index;
	assert_int_equal(walk->slots.opened.index[walk->opened++], index);
}

static void close_one(struct walk *walk)
{
	u32 which;

	if (!walk->opens)
		return;
	which = (u32)rand() % walk->opens;
	slots_close(&walk->slots, walk->open[which]);
	walk->fate[walk->open[which]] = CLOSED;
	walk->open[which] = walk->open[--walk->opens];
	walk->closed++;
}

static void forget(struct walk *walk)
{
	slots_forget(&walk->slots);
	walk->opened = walk->closed = 0;
	for (u32 i = 0; i < walk->slots.count; i++)
		if (walk->fate[i] == CLOSED)
			walk->fate[i] = FREE;
}

static void test_random_walk(void **state)
{
	static struct walk walk = { .slots = { .limit = LIMIT } };

	srand(11);
	for (u32 step = 0; step < 200000; step++) {
		int what = rand() % 100;

		if (what < 52)
			open_one(&walk);
		else if (what < 98)
			close_one(&walk);
		else
			forget(&walk);
		assert_int_equal(walk.slots.live, walk.opens);
		assert_int_equal(walk.slots.opened.count, walk.opened);
		assert_int_equal(walk.slots.closed.count, walk.closed);
	}
	/* indices are used again: no more than live at once and closed between two looks */
	assert_true(walk.slots.count < LIMIT * 20);
	slots_deinit(&walk.slots);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_closed_waits),
		cmocka_unit_test(test_fit_zeroes),
		cmocka_unit_test(test_random_walk),
	};

	return cmocka_run_group_tests_name("base/slots", tests, NULL, NULL);
}
