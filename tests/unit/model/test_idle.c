// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "model/idle.h"

#define IDLE_UW 30e6
#define LOAD_UW 120e6 /* added by a busy share of 1 */

static double random_unit(void)
{
	return (double)rand() / RAND_MAX;
}

static double machine_uw(double busy)
{
	return IDLE_UW + LOAD_UW * busy;
}

static void test_nothing_known(void **state)
{
	struct idle_floor floor;

	idle_floor_init(&floor, DOMAIN_PACKAGE);
	assert_true(idle_floor_uw(&floor) == 0.0);
}

/* A straight line of power over load is found again from any loads that are not all alike. */
static void test_line_is_learned(void **state)
{
	srand(3);
	for (int domain = 0; domain < DOMAIN_MAX; domain++) {
		struct idle_floor floor;
		double low = 0.6 * random_unit();

		idle_floor_init(&floor, domain);
		for (int tick = 0; tick < 1000; tick++) {
			double busy = low + (1.0 - low) * random_unit();

			idle_floor_learn(&floor, machine_uw(busy), busy);
		}
		assert_true(fabs(idle_floor_uw(&floor) - IDLE_UW) < 1.0);
	}
}

/* Once the machine was seen idle, no load lifts the floor: not steady, not noisy, not for long. */
static void test_load_cannot_lift(void **state)
{
	struct idle_floor floor;

	srand(4);
	idle_floor_init(&floor, DOMAIN_PACKAGE);
	for (int tick = 0; tick < 10; tick++)
		idle_floor_learn(&floor, machine_uw(0.01), 0.01);
	for (int tick = 0; tick < 20000; tick++) {
		double busy = 0.05 + 0.95 * random_unit();
		double noise = 1.0 + 0.2 * random_unit();

		idle_floor_learn(&floor, machine_uw(busy) * noise, tick % 3 ? busy : 1.0);
		assert_true(idle_floor_uw(&floor) <= machine_uw(0.01));
		assert_true(idle_floor_uw(&floor) >= 0.0);
	}
	assert_true(idle_floor_uw(&floor) > 0.9 * IDLE_UW);
}

/* An agent that starts on a busy machine guesses from a typical one, until the machine shows its
 * own. */
static void test_start_under_load(void **state)
{
	struct idle_floor floor;

	idle_floor_init(&floor, DOMAIN_PACKAGE);
	for (int tick = 0; tick < 100; tick++)
		idle_floor_learn(&floor, 100e6, 1.0);
	/* 31 of 186 W is the typical machine: 17 % */
	assert_true(fabs(idle_floor_uw(&floor) - 17e6) < 1.0);
	idle_floor_learn(&floor, 40e6, 0.0);
	/* one look may be an accident */
	assert_true(fabs(idle_floor_uw(&floor) - 17e6) < 1.0);
	idle_floor_learn(&floor, 40e6, 0.0);
	assert_true(fabs(idle_floor_uw(&floor) - 40e6) < 1.0);
}

/* The prior is of the form a + b * busy too: at any load it gives its own idle part back. */
static void test_prior_is_a_line(void **state)
{
	for (double busy = 0.0; busy <= 1.0; busy += 0.125) {
		struct idle_floor floor;

		idle_floor_init(&floor, DOMAIN_PLATFORM);
		idle_floor_learn(&floor, 46e6 + 54e6 * busy, busy);
		assert_true(fabs(idle_floor_uw(&floor) - 46e6) < 1.0);
	}
}

/* A sensor that falls with load has a floor nonetheless, and it is no more than it was seen at. */
static void test_odd_sensors(void **state)
{
	struct idle_floor floor;

	idle_floor_init(&floor, DOMAIN_DRAM);
	for (int tick = 0; tick < 100; tick++)
		idle_floor_learn(&floor, 10e6 - 5e6 * (tick % 10) / 10.0, (tick % 10) / 10.0);
	assert_true(idle_floor_uw(&floor) > 0.0 && idle_floor_uw(&floor) <= 10e6);
	/* a dead one has none */
	idle_floor_init(&floor, DOMAIN_DRAM);
	for (int tick = 0; tick < 100; tick++)
		idle_floor_learn(&floor, 0.0, (tick % 10) / 10.0);
	assert_true(idle_floor_uw(&floor) == 0.0);
	/* a busy share beyond its range is taken for its end */
	idle_floor_init(&floor, DOMAIN_DRAM);
	idle_floor_learn(&floor, 10e6, 7.0);
	idle_floor_learn(&floor, 5e6, -3.0);
	assert_true(idle_floor_uw(&floor) > 0.0 && idle_floor_uw(&floor) <= 5e6);
}

/* The floor follows a machine whose idle power has changed. */
static void test_old_samples_fade(void **state)
{
	struct idle_floor floor;

	idle_floor_init(&floor, DOMAIN_PACKAGE);
	for (int tick = 0; tick < 10000; tick++)
		idle_floor_learn(&floor, 50e6, 0.0);
	for (int tick = 0; tick < 1000; tick++)
		idle_floor_learn(&floor, 20e6, 0.0);
	assert_true(fabs(idle_floor_uw(&floor) - 20e6) < 0.01 * 20e6);
}

static void test_part_never_exceeds(void **state)
{
	srand(9);
	assert_int_equal(idle_part_uj(0.0, 1000, NSEC_PER_SEC), 0);
	assert_int_equal(idle_part_uj(30e6, 0, NSEC_PER_SEC), 0);
	assert_int_equal(idle_part_uj(30e6, 100000000, NSEC_PER_SEC), 30000000);
	assert_int_equal(idle_part_uj(30e6, 100000000, NSEC_PER_SEC / 10), 3000000);
	assert_int_equal(idle_part_uj(30e6, 1000, NSEC_PER_SEC), 1000);
	assert_int_equal(idle_part_uj(1e30, UINT64_MAX, UINT64_MAX), UINT64_MAX);
	for (int i = 0; i < 100000; i++) {
		u64 energy_uj = (u64)rand() >> rand() % 32, interval_ns = (u64)rand()
									  << rand() % 16;
		double floor_uw = 1e9 * random_unit();
		u64 part_uj = idle_part_uj(floor_uw, energy_uj, interval_ns);
		double whole = floor_uw * (double)interval_ns / 1e9;

		assert_true(part_uj <= energy_uj);
		assert_true(part_uj == energy_uj || fabs((double)part_uj - whole) <= 1.0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_known),    cmocka_unit_test(test_line_is_learned),
		cmocka_unit_test(test_load_cannot_lift), cmocka_unit_test(test_start_under_load),
		cmocka_unit_test(test_prior_is_a_line),  cmocka_unit_test(test_odd_sensors),
		cmocka_unit_test(test_old_samples_fade), cmocka_unit_test(test_part_never_exceeds),
	};

	return cmocka_run_group_tests_name("model/idle", tests, NULL, NULL);
}
