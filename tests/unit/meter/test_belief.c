// SPDX-License-Identifier: Apache-2.0
/* Who is believed, over made-up meters and a made-up clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "meter/belief.h"
#include "meter/energy.h"

#define J UJ_PER_J

static const struct meter_ops table[METER_ID_MAX] = {
	{ .id = METER_RAPL_POWERCAP }, { .id = METER_RAPL_PERF },
	{ .id = METER_RAPL_MSR },      { .id = METER_HWMON },
	{ .id = METER_ACPI },          { .id = METER_IPMI },
	{ .id = METER_REDFISH },       { .id = METER_NVML },
	{ .id = METER_DRM },           { .id = METER_EMBEDDED, .estimate = true },
};
static const struct meter_ops *ops[METER_ID_MAX];

struct rig {
	struct meter_slots slots;
	struct belief belief;
	struct meter_tick tick;
	u64 errors[METER_STATUS_MAX];
	struct meter_reading report[METER_ZONES_MAX], last[METER_ZONES_MAX];
	u64 sum_uj[METER_ZONES_MAX]; /* as a consumer adds it up */
	u64 watts[METER_ZONES_MAX];  /* that each zone draws in the next ticks */
};

static int setup(void **state)
{
	static struct rig rig;

	for (u32 i = 0; i < METER_ID_MAX; i++)
		ops[i] = &table[i];
	memset(&rig, 0, sizeof(rig));
	rig.belief.slots = &rig.slots;
	rig.belief.ops = ops;
	rig.belief.options = meter_options_default();
	rig.tick.input.now_ns = rig.tick.input.awake_ns = 1000 * NSEC_PER_SEC;
	*state = &rig;
	return 0;
}

static u32 add_zone(struct rig *rig, enum meter_id meter, enum power_domain domain, u64 watts)
{
	struct meter_slot *slot = &rig->slots.slot[rig->slots.count];

	slot->zone = (struct meter_zone){ .domain = domain, .meter = meter };
	slot->reading.status = METER_OK;
	slot->reading.value_uj = 5000 * J;
	rig->watts[rig->slots.count] = watts;
	return rig->slots.count++;
}

/* A second passes in which the machine works. */
static void tick(struct rig *rig)
{
	rig->tick.input.now_ns += NSEC_PER_SEC;
	rig->tick.input.awake_ns += NSEC_PER_SEC;
	rig->tick.input.run_ns += NSEC_PER_SEC;
	for (u32 z = 0; z < rig->slots.count; z++) {
		struct meter_slot *slot = &rig->slots.slot[z];

		slot->reading.value_uj += rig->watts[z] * J;
		slot->reading.taken_ns = rig->tick.input.now_ns;
		belief_follow(&rig->belief, z, &rig->tick, rig->errors);
	}
	belief_choose(&rig->belief, &rig->tick);
	for (u32 z = 0; z < rig->slots.count; z++) {
		struct meter_reading now = belief_report(&rig->belief, z);

		rig->report[z] = now;
		if (now.status != METER_OK)
			continue;
		if (rig->last[z].taken_ns && rig->last[z].epoch == now.epoch)
			rig->sum_uj[z] += energy_delta_uj(rig->last[z].value_uj, now.value_uj, 0);
		rig->last[z] = now;
	}
}

static void ticks(struct rig *rig, int count)
{
	for (int i = 0; i < count; i++)
		tick(rig);
}

static bool reported(const struct rig *rig, u32 zone)
{
	return rig->report[zone].status == METER_OK;
}

/* redfish, ipmi, acpi, hwmon, psys: the best that lives; each second has one reporter. */
static void test_platform_order(void **state)
{
	struct rig *rig = *state;
	static const enum meter_id order[] = { METER_REDFISH, METER_IPMI, METER_ACPI, METER_HWMON,
					       METER_RAPL_POWERCAP };
	u64 sum_uj = 0;
	u32 zone[5];

	for (int i = 4; i >= 0; i--)
		zone[i] = add_zone(rig, order[i], DOMAIN_PLATFORM, 100);
	tick(rig);
	for (int best = 0; best < 5; best++) {
		ticks(rig, 30);
		for (int i = 0; i < 5; i++)
			assert_int_equal(reported(rig, zone[i]), i == best);
		rig->slots.slot[zone[best]].reading.status = METER_ERROR;
	}
	ticks(rig, 30);
	/* they come back, the best last */
	for (int best = 4; best >= 0; best--) {
		rig->slots.slot[zone[best]].reading.status = METER_OK;
		ticks(rig, 30);
		for (int i = 0; i < 5; i++)
			assert_int_equal(reported(rig, zone[i]), i == best);
	}
	for (int i = 0; i < 5; i++)
		sum_uj += rig->sum_uj[i];
	/* never more than was drawn in 330 s, and nearly all of the 300 s with a meter: a hand-over
	 * costs the seconds until it is noticed */
	assert_true(sum_uj <= 330 * 100 * J);
	assert_true(sum_uj >= 200 * 100 * J);
}

/* Each domain has its own reporter, by the order that was asked for. */
static void test_cpu_order(void **state)
{
	struct rig *rig = *state;
	u32 powercap = add_zone(rig, METER_RAPL_POWERCAP, DOMAIN_PACKAGE, 50);
	u32 perf = add_zone(rig, METER_RAPL_PERF, DOMAIN_PACKAGE, 50);
	u32 dram = add_zone(rig, METER_RAPL_PERF, DOMAIN_DRAM, 10);
	u32 msr = add_zone(rig, METER_RAPL_MSR, DOMAIN_DRAM, 10);

	ticks(rig, 3);
	assert_true(reported(rig, powercap));
	assert_false(reported(rig, perf));
	assert_true(reported(rig, dram));
	assert_false(reported(rig, msr)); /* in no list */
	rig->belief.options.cpu = (struct meter_order){ 2, { METER_RAPL_MSR, METER_RAPL_PERF } };
	ticks(rig, 3);
	assert_false(reported(rig, powercap));
	assert_true(reported(rig, perf));
	assert_false(reported(rig, dram));
	assert_true(reported(rig, msr));
}

/* All GPUs count, a device that two meters know counts once. */
static void test_gpus(void **state)
{
	struct rig *rig = *state;
	u32 nvidia = add_zone(rig, METER_NVML, DOMAIN_GPU, 300);
	u32 nouveau = add_zone(rig, METER_DRM, DOMAIN_GPU, 300);
	u32 amd = add_zone(rig, METER_DRM, DOMAIN_GPU, 200);

	strcpy(rig->slots.slot[nvidia].zone.device, "0000:41:00.0");
	strcpy(rig->slots.slot[nouveau].zone.device, "0000:41:00.0");
	strcpy(rig->slots.slot[amd].zone.device, "0000:03:00.0");
	ticks(rig, 3);
	assert_true(reported(rig, nvidia));
	assert_false(reported(rig, nouveau));
	assert_true(reported(rig, amd));
	rig->slots.slot[nvidia].reading.status = METER_ABSENT;
	ticks(rig, 20);
	assert_true(reported(rig, nouveau));
}

/* A psys that counts less than the sockets inside it is not the platform. */
static void test_contradiction(void **state)
{
	struct rig *rig = *state;
	u32 package = add_zone(rig, METER_RAPL_POWERCAP, DOMAIN_PACKAGE, 100);
	u32 psys = add_zone(rig, METER_RAPL_POWERCAP, DOMAIN_PLATFORM, 60);

	/* one bad minute may be a gauge that lags: two are not */
	ticks(rig, 110);
	assert_true(reported(rig, psys));
	ticks(rig, 20);
	assert_int_equal(rig->report[psys].status, METER_IMPLAUSIBLE);
	assert_true(reported(rig, package));
	assert_true(rig->belief.contradicted & 1U << METER_RAPL_POWERCAP);
	/* psys is taken again when a whole minute makes sense */
	rig->watts[psys] = 120;
	ticks(rig, 130);
	assert_true(reported(rig, psys));
	assert_int_equal(rig->belief.contradicted, 0);
}

/* A battery that feeds the machine for a part of the minute tells that part, and is no liar. */
static void test_part_of_a_minute(void **state)
{
	struct rig *rig = *state;
	u32 battery;

	add_zone(rig, METER_RAPL_POWERCAP, DOMAIN_PACKAGE, 20);
	ticks(rig, 30);
	battery = add_zone(rig, METER_HWMON, DOMAIN_PLATFORM, 30);
	for (int i = 0; i < 600; i++) {
		bool plugged_in = i % 100 > 50;

		rig->slots.slot[battery].reading.status = plugged_in ? METER_ABSENT : METER_OK;
		rig->slots.slot[battery].reading.epoch += i % 100 == 0;
		tick(rig);
		assert_int_equal(rig->belief.contradicted, 0);
		assert_int_equal(reported(rig, battery), !plugged_in);
	}
	/* while it does all the time, it is compared */
	rig->slots.slot[battery].reading.status = METER_OK;
	rig->watts[battery] = 10;
	ticks(rig, 200);
	assert_int_equal(rig->report[battery].status, METER_IMPLAUSIBLE);
}

/* A socket's counter that began anew in suspend has not wrapped: the platform is no liar. */
static void test_contradiction_after_suspend(void **state)
{
	struct rig *rig = *state;
	u32 package = add_zone(rig, METER_RAPL_POWERCAP, DOMAIN_PACKAGE, 20);
	u32 battery = add_zone(rig, METER_HWMON, DOMAIN_PLATFORM, 30);

	rig->slots.slot[package].zone.modulus_uj = 262144 * J;
	ticks(rig, 30);
	rig->slots.slot[package].reading.value_uj = 0;
	rig->tick.slept_ns = 100 * NSEC_PER_SEC;
	rig->tick.input.now_ns += rig->tick.slept_ns;
	tick(rig);
	rig->tick.slept_ns = 0;
	for (int i = 0; i < 130; i++) {
		tick(rig);
		assert_int_equal(rig->belief.contradicted, 0);
		assert_true(reported(rig, battery));
	}
}

/* Two meters of the same sockets tell one energy, and what is slow is not compared in a minute. */
static void test_no_contradiction(void **state)
{
	struct rig *rig = *state;
	u32 slow;

	add_zone(rig, METER_RAPL_POWERCAP, DOMAIN_PACKAGE, 100);
	add_zone(rig, METER_RAPL_PERF, DOMAIN_PACKAGE, 100);
	add_zone(rig, METER_RAPL_POWERCAP, DOMAIN_PLATFORM, 120);
	slow = add_zone(rig, METER_REDFISH, DOMAIN_PLATFORM, 10);
	rig->slots.slot[slow].zone.period_ns = 30 * NSEC_PER_SEC;
	ticks(rig, 200);
	assert_int_equal(rig->belief.contradicted, 0);
}

/* Of two ways to read one psys only one is reported, by the order of the CPU's meters. */
static void test_psys_twice(void **state)
{
	struct rig *rig = *state;
	u32 perf = add_zone(rig, METER_RAPL_PERF, DOMAIN_PLATFORM, 60);
	u32 powercap = add_zone(rig, METER_RAPL_POWERCAP, DOMAIN_PLATFORM, 60);

	ticks(rig, 3);
	assert_true(reported(rig, powercap));
	assert_false(reported(rig, perf));
}

/* A counter that goes on from somewhere else does so in a new epoch: the jump is no energy. */
static void test_jump(void **state)
{
	struct rig *rig = *state;
	u32 package = add_zone(rig, METER_RAPL_POWERCAP, DOMAIN_PACKAGE, 100);

	ticks(rig, 5);
	rig->slots.slot[package].reading.value_uj += 1000000000 * J;
	ticks(rig, 5);
	assert_true(reported(rig, package));
	assert_in_range(rig->sum_uj[package], 7 * 100 * J, 8 * 100 * J);
}

/*
 * A machine with nothing but a metered GPU: package and DRAM are estimated beside it, the platform
 * of a machine without GPUs is not.
 */
static void test_gpu_alone(void **state)
{
	struct rig *rig = *state;
	u32 gpu = add_zone(rig, METER_NVML, DOMAIN_GPU, 300);
	u32 package = add_zone(rig, METER_EMBEDDED, DOMAIN_PACKAGE, 30);
	u32 platform = add_zone(rig, METER_EMBEDDED, DOMAIN_PLATFORM, 90);

	ticks(rig, 3);
	assert_true(rig->belief.estimating);
	assert_true(reported(rig, gpu));
	assert_true(reported(rig, package));
	assert_false(reported(rig, platform));
	rig->slots.slot[gpu].reading.status = METER_ABSENT;
	ticks(rig, 20);
	assert_true(reported(rig, platform));
	assert_true(reported(rig, package));
}

/* A BMC that did not answer once is not lost: nobody takes over for the rest of its period. */
static void test_slow_grace(void **state)
{
	struct rig *rig = *state;
	u32 bmc = add_zone(rig, METER_REDFISH, DOMAIN_PLATFORM, 100);
	u32 acpi = add_zone(rig, METER_ACPI, DOMAIN_PLATFORM, 100);

	rig->slots.slot[bmc].zone.period_ns = 30 * NSEC_PER_SEC;
	ticks(rig, 5);
	rig->slots.slot[bmc].reading.status = METER_ERROR;
	ticks(rig, 60);
	assert_false(reported(rig, acpi));
	ticks(rig, 40);
	assert_true(reported(rig, acpi));
}

/* A GPU that is off stands still while the machine works, and is no dead counter. */
static void test_rest(void **state)
{
	struct rig *rig = *state;
	u32 gpu = add_zone(rig, METER_DRM, DOMAIN_GPU, 0);
	u32 dead = add_zone(rig, METER_RAPL_POWERCAP, DOMAIN_DRAM, 0);

	rig->slots.slot[gpu].zone.may_rest = true;
	ticks(rig, 60);
	assert_true(reported(rig, gpu));
	assert_int_equal(rig->report[dead].status, METER_DEAD);
	assert_int_equal(rig->errors[METER_DEAD], 1);
}

/* A slow meter that told nothing new for a while is not dead: only its own readings count. */
static void test_slow_is_not_dead(void **state)
{
	struct rig *rig = *state;
	u32 bmc = add_zone(rig, METER_REDFISH, DOMAIN_PLATFORM, 0);

	for (int i = 0; i < 120; i++) {
		struct meter_reading *reading = &rig->slots.slot[bmc].reading;

		if (i % 30 == 0) {
			reading->value_uj += 9000 * J;
			reading->taken_ns = rig->tick.input.now_ns;
		}
		rig->tick.input.now_ns += NSEC_PER_SEC;
		rig->tick.input.run_ns += 4 * NSEC_PER_SEC;
		belief_follow(&rig->belief, bmc, &rig->tick, rig->errors);
		belief_choose(&rig->belief, &rig->tick);
		assert_int_equal(belief_report(&rig->belief, bmc).status, METER_OK);
	}
}

/* What hardware can't do is rejected, counted, and never reported. */
static void test_implausible(void **state)
{
	struct rig *rig = *state;
	u32 package = add_zone(rig, METER_RAPL_POWERCAP, DOMAIN_PACKAGE, 100);

	ticks(rig, 5);
	rig->slots.slot[package].reading.value_uj += 1000000000 * J;
	tick(rig);
	assert_int_equal(rig->report[package].status, METER_IMPLAUSIBLE);
	assert_int_equal(belief_status(&rig->belief, package), METER_IMPLAUSIBLE);
	rig->slots.slot[package].reading.value_uj -= 1000000000 * J;
	ticks(rig, 5);
	assert_true(reported(rig, package));
	assert_int_equal(rig->errors[METER_IMPLAUSIBLE], 1);
	assert_int_equal(rig->sum_uj[package], 10 * 100 * J);
}

/* A second, in which a slow meter tells something new or not. */
static struct meter_reading slow_tick(struct rig *rig, u32 zone, bool news)
{
	struct meter_reading *reading = &rig->slots.slot[zone].reading;

	rig->tick.input.now_ns += NSEC_PER_SEC;
	rig->tick.input.awake_ns += NSEC_PER_SEC;
	rig->tick.input.run_ns += NSEC_PER_SEC;
	if (news)
		reading->taken_ns = rig->tick.input.now_ns;
	belief_follow(&rig->belief, zone, &rig->tick, rig->errors);
	belief_choose(&rig->belief, &rig->tick);
	return belief_report(&rig->belief, zone);
}

/* A garbled answer of a slow meter stays garbled in the ticks until the next one. */
static void test_implausible_slow(void **state)
{
	struct rig *rig = *state;
	u32 bmc = add_zone(rig, METER_REDFISH, DOMAIN_PLATFORM, 0);
	u64 *value_uj = &rig->slots.slot[bmc].reading.value_uj;
	u32 epoch = slow_tick(rig, bmc, true).epoch;

	*value_uj += 100000000000 * J;
	for (int i = 0; i < 5; i++)
		assert_int_equal(slow_tick(rig, bmc, i == 0).status, METER_IMPLAUSIBLE);
	assert_int_equal(rig->errors[METER_IMPLAUSIBLE], 1);
	*value_uj -= 100000000000 * J;
	*value_uj += 500 * J;
	for (int i = 0; i < 5; i++) {
		struct meter_reading now = slow_tick(rig, bmc, i == 0);

		assert_int_equal(now.status, METER_OK);
		assert_int_equal(now.epoch, epoch); /* a glitch costs nothing */
	}
}

#define CASE(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_platform_order),
		CASE(test_cpu_order),
		CASE(test_gpus),
		CASE(test_contradiction),
		CASE(test_gpu_alone),
		CASE(test_slow_grace),
		CASE(test_rest),
		CASE(test_slow_is_not_dead),
		CASE(test_implausible),
		CASE(test_implausible_slow),
		CASE(test_part_of_a_minute),
		CASE(test_no_contradiction),
		CASE(test_jump),
		CASE(test_psys_twice),
		CASE(test_contradiction_after_suspend),
	};

	return cmocka_run_group_tests_name("meter/belief", tests, NULL, NULL);
}
