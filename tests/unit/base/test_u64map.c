// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/u64map.h"

static void test_empty(void **state)
{
	struct u64map map = { 0 };

	assert_int_equal(u64map_get(&map, 1, 2), U64MAP_NONE);
	u64map_del(&map, 1, 2);
	u64map_deinit(&map);
	u64map_deinit(&map);
}

/* Random puts, overwrites and deletions against a plain array that knows the answer. */
static void test_against_array(void **state)
{
	enum { KEYS = 2000, STEPS = 200000 };
	static u32 truth[KEYS];
	struct u64map map = { 0 };
	u32 members = 0;

	for (u32 i = 0; i < KEYS; i++)
		truth[i] = U64MAP_NONE;
	srand(7);
	for (u32 step = 0; step < STEPS; step++) {
		u32 key = (u32)rand() % KEYS;

		if (rand() % 2) {
			truth[key] = step;
			assert_int_equal(u64map_put(&map, key, key / 7, step), 0);
		} else {
			truth[key] = U64MAP_NONE;
			u64map_del(&map, key, key / 7);
		}
		key = (u32)rand() % KEYS;
		assert_int_equal(u64map_get(&map, key, key / 7), truth[key]);
	}
	for (u32 i = 0; i < KEYS; i++) {
		assert_int_equal(u64map_get(&map, i, i / 7), truth[i]);
		members += truth[i] != U64MAP_NONE;
	}
	assert_int_equal(map.used, members);
	u64map_deinit(&map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_against_array),
	};

	return cmocka_run_group_tests_name("base/u64map", tests, NULL, NULL);
}
