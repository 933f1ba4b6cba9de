// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "model/pace.h"

/* 300 J that were measured over 30 s come out as 10 J a second, and all of it. */
static void test_even(void **state)
{
	struct pace pace = { 0 };
	u64 now_ns = 5 * NSEC_PER_SEC;

	pace_add(&pace, 300 * UJ_PER_J, 30 * NSEC_PER_SEC, now_ns);
	for (int tick = 0; tick < 30; tick++) {
		now_ns += NSEC_PER_SEC;
		assert_int_equal(pace_take(&pace, now_ns - NSEC_PER_SEC, now_ns), 10 * UJ_PER_J);
	}
	assert_int_equal(pace.pool_uj, 0);
	assert_int_equal(pace_take(&pace, now_ns, now_ns + NSEC_PER_SEC), 0);
}

/* Whatever the lengths of ticks and intervals: what is told and what is held is what was measured,
 * and when news stop all of it has been told. */
static void test_nothing_is_lost(void **state)
{
	struct pace pace = { 0 };
	u64 measured_uj = 0, told_uj = 0, now_ns = 0;

	srand(3);
	for (int tick = 0; tick < 100000; tick++) {
		u64 before_ns = now_ns;

		now_ns += 1 + (u64)rand() % (2 * NSEC_PER_SEC);
		if (rand() % 20 == 0) {
			u64 energy_uj = (u64)rand() * 10;

			pace_add(&pace, energy_uj, (u64)rand() * 30, before_ns);
			measured_uj += energy_uj;
		}
		told_uj += pace_take(&pace, before_ns, now_ns);
		assert_int_equal(told_uj + pace.pool_uj, measured_uj);
	}
	told_uj += pace_take(&pace, now_ns, now_ns + 400 * NSEC_PER_SEC);
	assert_int_equal(told_uj, measured_uj);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_even),
		cmocka_unit_test(test_nothing_is_lost),
	};

	return cmocka_run_group_tests_name("model/pace", tests, NULL, NULL);
}
