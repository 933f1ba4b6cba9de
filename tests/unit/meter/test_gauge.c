// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "meter/gauge.h"

#define W UJ_PER_J

/* 100 W for 21 s are 2100 J, however unevenly it is read. */
static void test_constant(void **state)
{
	for (int kind = GAUGE_INSTANT; kind <= GAUGE_AVERAGE; kind++) {
		struct gauge gauge = { .kind = kind, .gap_ns = 10 * NSEC_PER_SEC };
		u64 now_ns = 77 * NSEC_PER_SEC, end_ns = now_ns + 21 * NSEC_PER_SEC;

		srand(5);
		gauge_take(&gauge, 100 * W, now_ns);
		while (now_ns < end_ns) {
			now_ns = u64_min(end_ns, now_ns + 1 + (u64)rand() % NSEC_PER_SEC);
			gauge_take(&gauge, 100 * W, now_ns);
		}
		assert_int_equal(gauge.energy_uj, 2100 * UJ_PER_J);
		assert_int_equal(gauge.epoch, 0);
	}
}

/* A ramp read as it is has the mean of its ends; an average holds for the time before it. */
static void test_kinds(void **state)
{
	struct gauge instant = { .kind = GAUGE_INSTANT, .gap_ns = 60 * NSEC_PER_SEC };
	struct gauge average = { .kind = GAUGE_AVERAGE, .gap_ns = 60 * NSEC_PER_SEC };

	for (u64 s = 0; s <= 10; s++) {
		gauge_take(&instant, s * 10 * W, s * NSEC_PER_SEC);
		gauge_take(&average, s * 10 * W, s * NSEC_PER_SEC);
	}
	assert_int_equal(instant.energy_uj, 500 * UJ_PER_J);
	assert_int_equal(average.energy_uj, 550 * UJ_PER_J);
}

/* Nothing is made up for a time that was not watched. */
static void test_gap(void **state)
{
	struct gauge gauge = { .gap_ns = 5 * NSEC_PER_SEC };

	gauge_take(&gauge, 50 * W, NSEC_PER_SEC);
	gauge_take(&gauge, 50 * W, 3 * NSEC_PER_SEC);
	gauge_take(&gauge, 50 * W, 3603 * NSEC_PER_SEC);
	assert_int_equal(gauge.energy_uj, 100 * UJ_PER_J);
	assert_int_equal(gauge.epoch, 1);
	gauge_take(&gauge, 50 * W, 3605 * NSEC_PER_SEC);
	assert_int_equal(gauge.energy_uj, 200 * UJ_PER_J);
	/* nor when the clock stands still */
	gauge_take(&gauge, 50 * W, 3605 * NSEC_PER_SEC);
	gauge_take(&gauge, 50 * W, 3604 * NSEC_PER_SEC);
	assert_int_equal(gauge.energy_uj, 200 * UJ_PER_J);
}

/* A microwatt for an hour is 3600 uJ though no second of it is a whole one. */
static void test_small(void **state)
{
	struct gauge gauge = { .gap_ns = NSEC_PER_SEC };

	for (u64 i = 0; i <= 36000; i++)
		gauge_take(&gauge, 1, i * NSEC_PER_SEC / 10);
	assert_int_equal(gauge.energy_uj, 3600);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_constant),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_gap),
		cmocka_unit_test(test_small),
	};

	return cmocka_run_group_tests_name("meter/gauge", tests, NULL, NULL);
}
