// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "model/machine.h"

/* Both modes are the energy, to the microjoule, whatever was learned. */
static void test_split_is_exact(void **state)
{
	static struct machine machine;

	srand(1);
	for (int tick = 0; tick < 50000; tick++) {
		struct machine_energy energy = {
			.domain = (enum power_domain)(tick % DOMAIN_MAX),
			.interval_ns = (u64)rand() % (2 * NSEC_PER_SEC),
		};
		u64 energy_uj = (u64)rand() >> rand() % 32;
		struct machine_news news = { energy_uj, energy.interval_ns, 0.0 };
		u32 zone = (u32)tick % DOMAIN_MAX;

		machine_learn(&machine, zone, energy.domain, &news, (double)rand() / RAND_MAX);
		machine_split(&machine, zone, &energy, energy_uj);
		assert_int_equal(energy.energy_uj[MODE_IDLE] + energy.energy_uj[MODE_DYNAMIC],
				 energy_uj);
	}
}

static struct machine_energy split(struct machine *machine, u32 zone, u64 power_w, double busy)
{
	struct machine_energy energy = { .domain = DOMAIN_PACKAGE, .interval_ns = NSEC_PER_SEC };
	struct machine_news news = { power_w * UJ_PER_J, NSEC_PER_SEC, 0.0 };

	machine_learn(machine, zone, DOMAIN_PACKAGE, &news, busy);
	machine_split(machine, zone, &energy, power_w * UJ_PER_J);
	return energy;
}

/* 20 W idle and 80 W more at full load: of 60 W at half load 20 are idle; the zones learn apart. */
static void test_split_learns(void **state)
{
	static struct machine machine;
	struct machine_energy energy;

	for (int tick = 0; tick < 10; tick++) {
		split(&machine, 3, 20, 0.0);
		split(&machine, 3, 100, 1.0);
		split(&machine, 4, 5, 0.0);
	}
	energy = split(&machine, 3, 60, 0.5);
	assert_int_equal(energy.floor_uw, 20 * UJ_PER_J);
	assert_int_equal(energy.energy_uj[MODE_IDLE], 20 * UJ_PER_J);
	assert_int_equal(energy.energy_uj[MODE_DYNAMIC], 40 * UJ_PER_J);
	energy = split(&machine, 4, 60, 0.5);
	assert_int_equal(energy.energy_uj[MODE_IDLE], 5 * UJ_PER_J);
}

/* A counter moves in steps: what it shows over a millisecond says nothing of power. */
static void test_short_intervals_teach_nothing(void **state)
{
	static struct machine machine;
	struct machine_energy energy = { .domain = DOMAIN_PACKAGE, .interval_ns = NSEC_PER_MSEC };

	struct machine_news news = { 123456, NSEC_PER_MSEC, 0.0 };

	machine_learn(&machine, 0, DOMAIN_PACKAGE, &news, 0.0);
	machine_split(&machine, 0, &energy, 123456);
	assert_int_equal(energy.energy_uj[MODE_IDLE], 0);
	assert_int_equal(energy.energy_uj[MODE_DYNAMIC], 123456);
	energy.interval_ns = news.interval_ns = 0;
	machine_learn(&machine, 0, DOMAIN_PACKAGE, &news, 0.0);
	machine_split(&machine, 0, &energy, 0);
	assert_int_equal(energy.floor_uw, 0);
}

/*
 * The meters are read one after the other, so `other` may come out below 0 for a tick. What is
 * posted adds up to the highest that the true difference has been so far: never down, never lost.
 */
static void test_other_is_the_highest_so_far(void **state)
{
	static struct machine machine;
	s64 difference = 0, highest = 0;
	u64 posted = 0, told_ns = 0, interval_ns;

	srand(2);
	for (int tick = 0; tick < 100000; tick++) {
		u64 platform_uj = (u64)rand() % 1000000, parts_uj = (u64)rand() % 990000;

		if (rand() % 50 == 0)
			platform_uj = 0; /* a meter that hangs */
		difference += (s64)platform_uj - (s64)parts_uj;
		if (difference > highest)
			highest = difference;
		posted += machine_other_uj(&machine,
					   &(struct machine_other){ .fresh = true,
								    .position = 1.0,
								    .platform_uj = platform_uj,
								    .parts_uj = parts_uj,
								    .interval_ns = 1,
								    .complete = true },
					   &interval_ns);
		told_ns += interval_ns;
		assert_int_equal(posted, highest);
		assert_int_equal(-machine.other_balance_uj, highest - difference);
		assert_int_equal(told_ns + machine.other_interval_ns, tick + 1);
	}
}

/* A platform that draws 40 W more than its parts, whatever they do. */
static u64 parts_of(int tick)
{
	return (u64)(tick / 7 % 3 * 50 + 10) * UJ_PER_J;
}

/*
 * The platform is read every 30 ticks, in the middle of one. What comes out as `other` after each
 * reading is 40 J per second of the platform's own interval, to the microjoule, though the parts
 * change power in between.
 */
static void test_other_of_a_slow_platform(void **state)
{
	static struct machine machine;
	u64 platform_uj = 0, told_uj = 0, told_ns = 0, interval_ns;

	for (int tick = 0; tick < 3000; tick++) {
		struct machine_other news = { .parts_uj = parts_of(tick), .complete = true };
		u64 other_uj;

		news.fresh = tick % 30 == 11;
		news.position = news.fresh ? 0.5 : 1.0;
		news.anew = tick == 11;
		if (news.fresh) {
			news.platform_uj = platform_uj + (parts_of(tick) + 40 * UJ_PER_J) / 2;
			news.interval_ns = 30 * NSEC_PER_SEC;
			platform_uj = (parts_of(tick) + 40 * UJ_PER_J) / 2;
		} else {
			platform_uj += parts_of(tick) + 40 * UJ_PER_J;
		}
		other_uj = machine_other_uj(&machine, &news, &interval_ns);
		told_uj += other_uj;
		told_ns += interval_ns;
		if (news.fresh && !news.anew)
			assert_int_equal(other_uj, 30 * 40 * UJ_PER_J);
		else
			assert_int_equal(other_uj, 0);
	}
	assert_int_equal(told_uj, told_ns / NSEC_PER_SEC * 40 * UJ_PER_J);
	assert_true(told_ns > 2900 * NSEC_PER_SEC);
}

/* A part that begins to count between two readings of the platform spoils that interval only. */
static void test_other_begins_anew(void **state)
{
	static struct machine machine;
	u64 interval_ns, told_uj = 0;

	for (int tick = 1; tick <= 100; tick++) {
		bool gpu = tick > 25;
		struct machine_other news = {
			.fresh = tick % 10 == 0,
			.position = 1.0,
			.platform_uj = 10 * 100 * UJ_PER_J,
			.interval_ns = 10 * NSEC_PER_SEC,
			.parts_uj = (gpu ? 90 : 40) * UJ_PER_J,
			.complete = true,
			.anew = tick == 10 || tick == 26,
		};
		u64 other_uj = machine_other_uj(&machine, &news, &interval_ns);

		if (tick == 20)
			assert_int_equal(other_uj, 600 * UJ_PER_J);
		else if (tick % 10 == 0 && tick > 30)
			assert_int_equal(other_uj, 100 * UJ_PER_J);
		else
			assert_int_equal(other_uj, 0);
		told_uj += other_uj;
	}
	assert_int_equal(told_uj, (600 + 7 * 100) * UJ_PER_J);
}

/* A part that fails now and then, never ten times in a row, costs `other` nothing. */
static void test_other_of_a_flaky_part(void **state)
{
	static struct machine machine;
	u64 interval_ns, told_uj = 0, held_uj = 0;

	for (int tick = 0; tick < 300; tick++) {
		bool away = tick % 3 == 1;
		struct machine_other news = {
			.fresh = tick % 30 == 29,
			.position = 1.0,
			.platform_uj = 30 * 100 * UJ_PER_J,
			.interval_ns = 30 * NSEC_PER_SEC,
			.parts_uj = (away            ? 0
				     : tick % 3 == 2 ? 140
						     : 70) *
				    UJ_PER_J,
			.complete = !away,
		};

		told_uj += machine_other_uj(&machine, &news, &interval_ns);
		held_uj += (tick % 30 == 29 ? 30 * 30 : 0) * UJ_PER_J;
	}
	assert_int_equal(told_uj, held_uj);
}

/* A part that was away for long: what it counted meanwhile is nobody's deficit. */
static void test_other_after_a_gap(void **state)
{
	static struct machine machine;
	u64 interval_ns;

	for (int tick = 0; tick < 60; tick++) {
		bool away = tick >= 20 && tick < 40;
		struct machine_other news = {
			.fresh = true,
			.position = 1.0,
			.platform_uj = 100 * UJ_PER_J,
			.interval_ns = NSEC_PER_SEC,
			.parts_uj = away         ? 0
				    : tick == 40 ? 21 * 70 * UJ_PER_J
						 : 70 * UJ_PER_J,
			.complete = !away,
		};
		u64 other_uj = machine_other_uj(&machine, &news, &interval_ns);

		assert_int_equal(other_uj, away || tick == 40 ? 0 : 30 * UJ_PER_J);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split_is_exact),
		cmocka_unit_test(test_split_learns),
		cmocka_unit_test(test_short_intervals_teach_nothing),
		cmocka_unit_test(test_other_is_the_highest_so_far),
		cmocka_unit_test(test_other_of_a_slow_platform),
		cmocka_unit_test(test_other_begins_anew),
		cmocka_unit_test(test_other_after_a_gap),
		cmocka_unit_test(test_other_of_a_flaky_part),
	};

	return cmocka_run_group_tests_name("model/machine", tests, NULL, NULL);
}
