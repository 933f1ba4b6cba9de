// SPDX-License-Identifier: Apache-2.0
/*
 * From readings to postings, with made-up meters: what is posted is what was measured, at the pace
 * of the ticks, and never a step back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/power.h"

#define J UJ_PER_J
#define S NSEC_PER_SEC

enum { PACKAGE, PLATFORM, GPU, ZONES };

static struct meter_zone zones[ZONES];
static const struct meter_state states[] = { { .source = "rapl-sysfs" },
					     { .source = "redfish" },
					     { .source = "nvml" } };

/* In the place of the set's. */
const struct meter_zone *__wrap_meter_set_zone(const struct meter_set *set, u32 zone);
const struct meter_state *__wrap_meter_set_state(const struct meter_set *set, u32 index);

const struct meter_zone *__wrap_meter_set_zone(const struct meter_set *set, u32 zone)
{
	return &zones[zone];
}

const struct meter_state *__wrap_meter_set_state(const struct meter_set *set, u32 index)
{
	return &states[index];
}

struct rig {
	struct power power;
	struct frame frame;
	u64 now_ns;
	u64 slept_ns;                                  /* in the tick under way */
	u64 value_uj[ZONES];                           /* of the counters */
	u64 sum_uj[DOMAIN_MAX];                        /* posted */
	u64 most_uj[DOMAIN_MAX], least_uj[DOMAIN_MAX]; /* in a tick since watch() */
};

static int setup(void **state)
{
	static struct rig rig;

	memset(&rig, 0, sizeof(rig));
	zones[PACKAGE] =
		(struct meter_zone){ .domain = DOMAIN_PACKAGE, .package = "0", .meter = 0 };
	zones[PLATFORM] =
		(struct meter_zone){ .domain = DOMAIN_PLATFORM, .package = "1U", .meter = 1 };
	zones[GPU] = (struct meter_zone){ .domain = DOMAIN_GPU, .package = "0", .meter = 2 };
	rig.now_ns = 1000 * S;
	rig.frame.readings = 2; /* no GPU as yet */
	for (u32 z = 0; z < ZONES; z++)
		rig.frame.reading[z] = (struct meter_reading){ .zone = z, .taken_ns = rig.now_ns };
	power_start(&rig.power, &rig.frame);
	*state = &rig;
	return 0;
}

static void watch(struct rig *rig)
{
	memset(rig->most_uj, 0, sizeof(rig->most_uj));
	memset(rig->least_uj, 0xff, sizeof(rig->least_uj));
}

/* What a zone's meter says at the end of the next tick. */
static void reads(struct rig *rig, u32 zone, u64 value_uj, u64 taken_ns)
{
	rig->frame.reading[zone].value_uj = value_uj;
	rig->frame.reading[zone].taken_ns = taken_ns;
}

static void take(struct rig *rig, double busy)
{
	struct power_tick tick = {
		.interval_ns = S, .slept_ns = rig->slept_ns, .busy = busy, .complete = true
	};
	u64 tick_uj[DOMAIN_MAX] = { 0 };

	tick.now_ns = rig->now_ns;
	power_take(&rig->power, NULL, &rig->frame, &tick);
	for (u32 i = 0; i < rig->power.zones; i++) {
		const struct zone_energy *posting = &rig->power.posting[i];

		tick_uj[posting->domain] +=
			posting->energy_uj[MODE_DYNAMIC] + posting->energy_uj[MODE_IDLE];
	}
	for (int d = 0; d < DOMAIN_MAX; d++) {
		rig->sum_uj[d] += tick_uj[d];
		rig->most_uj[d] = u64_max(rig->most_uj[d], tick_uj[d]);
		rig->least_uj[d] = u64_min(rig->least_uj[d], tick_uj[d]);
	}
}

/* A second in which the package draws 50 W and the machine 150 W; the BMC is asked every 30 s. */
static void second(struct rig *rig, bool asked)
{
	rig->now_ns += S;
	rig->value_uj[PACKAGE] += 50 * J;
	rig->value_uj[PLATFORM] += 150 * J;
	reads(rig, PACKAGE, rig->value_uj[PACKAGE], rig->now_ns);
	if (asked)
		reads(rig, PLATFORM, rig->value_uj[PLATFORM] - 75 * J, rig->now_ns - S / 2);
	take(rig, 0.5);
}

/* A BMC that is asked every 30 s, in the middle of a tick: even steps, and the right sums. */
static void test_slow_platform(void **state)
{
	struct rig *rig = *state;

	zones[PLATFORM].period_ns = 30 * S;
	watch(rig);
	for (int i = 1; i <= 600; i++) {
		second(rig, i % 30 == 0);
		if (i == 90)
			watch(rig);
	}
	assert_int_equal(rig->sum_uj[DOMAIN_PACKAGE], 600 * 50 * J);
	/* the last 30 s, and the 30 s before it that are still being told, are not in yet */
	assert_in_range(rig->sum_uj[DOMAIN_PLATFORM], 540 * 150 * J, 600 * 150 * J);
	assert_in_range(rig->sum_uj[DOMAIN_OTHER], 530 * 100 * J, 600 * 100 * J);
	assert_in_range(rig->least_uj[DOMAIN_PLATFORM], 149 * J, 151 * J);
	assert_in_range(rig->most_uj[DOMAIN_PLATFORM], 149 * J, 151 * J);
	assert_in_range(rig->least_uj[DOMAIN_OTHER], 99 * J, 101 * J);
	assert_in_range(rig->most_uj[DOMAIN_OTHER], 99 * J, 101 * J);
	/* what was measured is told when nothing new comes */
	rig->frame.reading[PLATFORM].status = METER_STALE;
	for (int i = 0; i < 60; i++)
		second(rig, false);
	assert_int_equal(rig->sum_uj[DOMAIN_PLATFORM], rig->frame.reading[PLATFORM].value_uj);
}

/* One that is asked every 15 minutes is told as evenly. */
static void test_very_slow_platform(void **state)
{
	struct rig *rig = *state;

	zones[PLATFORM].period_ns = 900 * S;
	for (int i = 1; i <= 5400; i++) {
		if (i == 1800)
			watch(rig);
		second(rig, i % 900 == 0);
	}
	assert_in_range(rig->least_uj[DOMAIN_PLATFORM], 149 * J, 151 * J);
	assert_in_range(rig->most_uj[DOMAIN_PLATFORM], 149 * J, 151 * J);
	assert_in_range(rig->least_uj[DOMAIN_OTHER], 99 * J, 101 * J);
	assert_in_range(rig->most_uj[DOMAIN_OTHER], 99 * J, 101 * J);
	/* what was counted while it could not be read is not held back for as long again */
	for (int i = 1; i <= 7200; i++)
		second(rig, false);
	second(rig, true);
	for (int i = 1; i <= 1800; i++)
		second(rig, false);
	assert_int_equal(rig->sum_uj[DOMAIN_PLATFORM], rig->frame.reading[PLATFORM].value_uj);
}

/* A fast platform says it all in its tick. */
static void test_fast_platform(void **state)
{
	struct rig *rig = *state;

	for (int i = 1; i <= 100; i++) {
		rig->now_ns += S;
		reads(rig, PACKAGE, (u64)i * 50 * J, rig->now_ns);
		reads(rig, PLATFORM, (u64)i * 80 * J, rig->now_ns);
		take(rig, 0.5);
		assert_int_equal(rig->sum_uj[DOMAIN_PLATFORM], (u64)i * 80 * J);
		assert_int_equal(rig->sum_uj[DOMAIN_OTHER], (u64)i * 30 * J);
	}
}

/*
 * The floor of a GPU is what it draws when nobody uses it, however busy the CPUs are: 60 W idle,
 * 300 W in use.
 */
static void test_gpu_floor(void **state)
{
	struct rig *rig = *state;
	u32 place;

	rig->frame.readings = 3;
	for (int i = 0; i < 60; i++) {
		bool used = i % 3 == 0;

		rig->now_ns += S;
		rig->value_uj[GPU] += (used ? 300 : 60) * J;
		reads(rig, GPU, rig->value_uj[GPU], rig->now_ns);
		rig->frame.use[0] = (struct meter_use){ .zone = GPU, .pid = 7, .work = 5 };
		rig->frame.uses = used;
		take(rig, used ? 0.01 : 0.99);
	}
	place = power_place(&rig->power, GPU);
	assert_int_not_equal(place, POWER_NO_PLACE);
	assert_in_range(rig->power.posting[place].energy_uj[MODE_IDLE], 59 * J, 60 * J);
	assert_int_equal(power_place(&rig->power, METER_ZONES_MAX), POWER_NO_PLACE);
}

/* Of a GPU whose users can't be told nothing is learned of when it is idle: it may be at work. */
static void test_gpu_users_hidden(void **state)
{
	struct rig *rig = *state;
	u32 place;

	zones[GPU].users_hidden = true;
	rig->frame.readings = 3;
	for (int i = 0; i < 60; i++) {
		rig->now_ns += S;
		rig->value_uj[GPU] += 300 * J;
		reads(rig, GPU, rig->value_uj[GPU], rig->now_ns);
		take(rig, 0.5);
	}
	place = power_place(&rig->power, GPU);
	assert_int_equal(rig->power.posting[place].energy_uj[MODE_DYNAMIC], 300 * J);
	/* Now they can, and there is none. */
	zones[GPU].users_hidden = false;
	for (int i = 0; i < 60; i++) {
		rig->now_ns += S;
		rig->value_uj[GPU] += 60 * J;
		reads(rig, GPU, rig->value_uj[GPU], rig->now_ns);
		take(rig, 0.5);
	}
	assert_int_equal(rig->power.posting[place].energy_uj[MODE_IDLE], 60 * J);
}

/*
 * A laptop that is suspended for hours every minute: power is energy by the time awake, and what is
 * learned of idle power is of that time too. Idle it draws 20 W, at work 50.
 */
static void test_suspend(void **state)
{
	struct rig *rig = *state;
	const struct snapshot_domain *domain = rig->power.domain;

	zones[PLATFORM].period_ns = 10 * S;
	for (int i = 1; i <= 600; i++) {
		bool idle = i % 4 == 0;

		rig->slept_ns = i % 60 == 0 ? 7200 * S : 0;
		rig->now_ns += rig->slept_ns;
		rig->now_ns += S;
		rig->value_uj[PACKAGE] += (idle ? 20 : 50) * J;
		rig->value_uj[PLATFORM] += 80 * J;
		reads(rig, PACKAGE, rig->value_uj[PACKAGE], rig->now_ns);
		if (i % 10 == 5)
			reads(rig, PLATFORM, rig->value_uj[PLATFORM], rig->now_ns);
		take(rig, idle ? 0.06 : 0.5);
		assert_int_equal(domain[DOMAIN_PACKAGE].power_uw, (idle ? 20 : 50) * J);
		if (i == 100)
			watch(rig);
	}
	assert_in_range(domain[DOMAIN_PACKAGE].idle_uw, 15 * J, 17 * J);
	assert_in_range(rig->least_uj[DOMAIN_PLATFORM], 79 * J, 81 * J);
	assert_in_range(rig->most_uj[DOMAIN_PLATFORM], 79 * J, 81 * J);
	assert_in_range(domain[DOMAIN_PLATFORM].power_uw, 79 * J, 81 * J);
	assert_in_range(domain[DOMAIN_PLATFORM].idle_uw, 35 * J, 81 * J);
}

/* A counter that started anew: nothing is made of the step. */
static void test_epoch(void **state)
{
	struct rig *rig = *state;

	for (int i = 1; i <= 10; i++) {
		rig->now_ns += S;
		rig->frame.reading[PACKAGE].epoch = i >= 5;
		reads(rig, PACKAGE, i < 5 ? (u64)i * 10 * J : 100000 * J + (u64)i * 10 * J,
		      rig->now_ns);
		take(rig, 0.5);
	}
	assert_int_equal(rig->sum_uj[DOMAIN_PACKAGE], 9 * 10 * J);
}

#define CASE(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_slow_platform),
		CASE(test_very_slow_platform),
		CASE(test_fast_platform),
		CASE(test_gpu_floor),
		CASE(test_epoch),
		CASE(test_suspend),
		CASE(test_gpu_users_hidden),
	};

	return cmocka_run_group_tests_name("cli/power", tests, NULL, NULL);
}
