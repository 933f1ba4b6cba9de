// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "nvml_bench.h"

static void test_no_gpu(void **state)
{
	struct tree *t = *state;

	/* An audio function, a GPU of somebody else, a bridge. */
	tree_write(t, NVML_PCI "/0000:41:00.1/vendor", "0x10de\n");
	tree_write(t, NVML_PCI "/0000:41:00.1/class", "0x040300\n");
	tree_write(t, NVML_PCI "/0000:03:00.0/vendor", "0x1002\n");
	tree_write(t, NVML_PCI "/0000:03:00.0/class", "0x030000\n");
	tree_write(t, NVML_PCI "/0000:04:00.0/vendor", "0x10de\n");
	tree_write(t, NVML_PCI "/0000:04:00.0/class", "0x068000\n");
	nvml_open_meter();
	assert_null(nvml_bench.meter.priv);
	assert_string_equal(nvml_bench.meter.report.found, "no NVIDIA GPU");
	assert_int_equal(nvml_fake->call[FAKE_INIT].calls, 0);
}

static void test_present(void **state)
{
	static const char *const files[] = { "proc/driver/nvidia/version", "dev/nvidiactl" };
	struct tree *t = *state;

	for (u32 i = 0; i < ARRAY_SIZE(files); i++) {
		char path[256];

		tree_write(t, files[i], "\n");
		nvml_open_meter();
		assert_non_null(nvml_bench.meter.priv);
		meter_nvml.close(&nvml_bench.meter);
		snprintf(path, sizeof(path), "%s/%s", t->dir, files[i]);
		assert_int_equal(unlink(path), 0);
	}
	/* Opening never asks the driver. */
	assert_int_equal(nvml_fake->call[FAKE_INIT].calls, 0);
}

static void test_two_gpus(void **state)
{
	const struct sample_zone *zone;

	(void)state;
	nvml_fake->gpu[1].limit_mw = 0;
	nvml_poll_once();
	assert_int_equal(nvml_bench.sample.zones, 2);
	zone = nvml_zone_of(NVML_FIRST);
	assert_non_null(zone);
	assert_int_equal(zone->zone.domain, DOMAIN_GPU);
	assert_int_equal(zone->zone.quality, QUALITY_MEASURED);
	assert_string_equal(zone->zone.package, "0");
	assert_string_equal(zone->zone.name, "NVIDIA H100 80GB HBM3");
	assert_string_equal(zone->zone.uuid, "GPU-5f8dd1b6-86b7-4b0a-8f0d-000000000041");
	assert_true(zone->zone.limit_uw == 1050 * UJ_PER_J);
	assert_true(zone->zone.may_rest);
	assert_true(zone->taken_ns == nvml_bench.when.now_ns);
	assert_string_equal(nvml_zone_of(NVML_SECOND)->zone.package, "1");
	assert_true(nvml_zone_of(NVML_SECOND)->zone.limit_uw == 0);
	assert_true(nvml_joules(NVML_FIRST) == 1000000 && nvml_joules(NVML_SECOND) == 1000000);

	for (u32 s = 1; s <= 300; s++) {
		nvml_fake->gpu[0].energy_mj += 250 * NVML_J;
		nvml_fake->gpu[1].energy_mj += 70 * NVML_J;
		nvml_poll_once();
		assert_true(nvml_joules(NVML_FIRST) == 1000000 + 250 * s);
		assert_true(nvml_joules(NVML_SECOND) == 1000000 + 70 * s);
		assert_int_equal(nvml_zone_of(NVML_FIRST)->epoch, zone->epoch);
	}
	assert_string_equal(nvml_bench.sample.report.found, "2 of 2 GPUs");
	assert_int_equal(nvml_bench.sample.report.notes, 0);
	assert_int_equal(nvml_fake->call[FAKE_INIT].calls, 1);
	assert_int_equal(nvml_bench.sample.uses, 0);
}

/* Without PCI devices in sysfs, as in some virtual machines. */
static void test_no_pci(void **state)
{
	struct tree *t = *state;

	tree_write(t, "dev/nvidiactl", "\n");
	nvml_fake->gpus = 1;
	nvml_set_gpu(0, 0, 0x41);
	nvml_open_meter();
	nvml_pass(3);
	assert_true(nvml_reads_well(NVML_FIRST));
}

static void test_power_fallback(void **state)
{
	u64 first;
	u32 epoch;

	(void)state;
	nvml_fake->gpu[0].no_counter = true;
	nvml_poll_once();
	first = nvml_joules(NVML_FIRST);
	epoch = nvml_zone_of(NVML_FIRST)->epoch;
	assert_true(nvml_joules(NVML_SECOND) == 1000000);
	nvml_pass(10);
	assert_true(nvml_joules(NVML_FIRST) - first == 1000);
	nvml_fake->gpu[0].power_mw = 300000;
	nvml_poll_once(); /* from 100 W to 300 W: 200 W in the middle */
	assert_true(nvml_joules(NVML_FIRST) - first == 1200);
	nvml_pass(5);
	assert_true(nvml_joules(NVML_FIRST) - first == 2700);
	assert_int_equal(nvml_zone_of(NVML_FIRST)->epoch, epoch);
	assert_true(nvml_has_note("power-fallback"));

	/* What was not measured is not made up. */
	nvml_bench.when.now_ns += 600 * NSEC_PER_SEC;
	nvml_bench.when.awake_ns += 600 * NSEC_PER_SEC;
	nvml_poll_once();
	assert_true(nvml_joules(NVML_FIRST) - first == 2700);
	assert_int_not_equal(nvml_zone_of(NVML_FIRST)->epoch, epoch);
}

static void test_neither(void **state)
{
	(void)state;
	nvml_fake->gpu[0].no_counter = true;
	nvml_fake->call[FAKE_POWER].result = 3;
	nvml_pass(3);
	assert_int_equal(nvml_zone_of(NVML_FIRST)->status, METER_ABSENT);
	assert_true(nvml_reads_well(NVML_SECOND));
	assert_true(nvml_has_note("gpu"));
	/* No reason to begin anew. */
	nvml_pass(400);
	assert_int_equal(nvml_fake->call[FAKE_INIT].calls, 1);
}

/* Makes all that a GPU can be asked for give an answer: a plain one, a MIG one, one by power. */
static void make_rich(void)
{
	nvml_list(&nvml_fake->gpu[0].compute, 100);
	nvml_list(&nvml_fake->gpu[0].graphics, 101);
	nvml_fake->gpu[2].mig = true;
	nvml_fake->gpu[2].instance[0].there = true;
	nvml_fake->gpu[2].instance[0].multiprocessors = 16;
	nvml_list(&nvml_fake->gpu[2].instance[0].compute, 300);
	nvml_fake->gpu[3].no_counter = true;
	nvml_fake->gpu[3].no_busy = true;
	nvml_list(&nvml_fake->gpu[3].compute, 400);
}

/* One call fails, on one GPU and then on all, for ten seconds and then not any more. */
static void fail_call(enum fake_call call, int result, int gpu)
{
	nvml_pass(2);
	nvml_fake->call[call].result = result;
	nvml_fake->call[call].gpu = gpu;
	for (u32 s = 0; s < 10; s++) {
		nvml_busy_now(&nvml_fake->gpu[0], 100, 50, 0);
		nvml_pass(1);
		if (gpu >= 0 && call != FAKE_BY_PCI)
			assert_true(nvml_reads_well(NVML_SECOND));
	}
	nvml_fake->call[call].result = 0;
	/* Longer than the longest time between two tries. */
	nvml_pass(310);
	assert_int_equal(nvml_bench.sample.zones, 4);
	for (u32 i = 0; i < nvml_bench.sample.zones; i++)
		assert_int_equal(nvml_bench.sample.zone[i].status, METER_OK);
	assert_true(nvml_joules(NVML_SECOND) == nvml_fake->gpu[1].energy_mj / NVML_J);
	nvml_fake->gpu[0].samples = 0;
}

static void test_every_error(void **state)
{
	static const int errors[] = { 1,  2,  3,  4,  6,  7,  8,  9,  10, 12, 13, 14, 15,
				      16, 17, 18, 19, 20, 21, 23, 25, 27, 28, 29, 999 };

	(void)state;
	meter_nvml.close(&nvml_bench.meter);
	nvml_fake->gpus = 4;
	nvml_set_gpu(2, 1, 0xd1);
	nvml_set_gpu(3, 1, 0xe1);
	nvml_add_pci(nvml_bench.t, "0001:d1:00.0", "active");
	nvml_add_pci(nvml_bench.t, "0001:e1:00.0", "active");
	make_rich();
	for (u32 call = 0; call < FAKE_CALLS; call++) {
		for (u32 e = 0; e < ARRAY_SIZE(errors); e++) {
			u32 misuses = nvml_fake->misuses;

			nvml_open_meter();
			fail_call(call, errors[e], 0);
			fail_call(call, errors[e], -1);
			meter_nvml.close(&nvml_bench.meter);
			assert_int_equal(nvml_fake->open, 0);
			assert_int_equal(nvml_fake->misuses, misuses);
		}
	}
}

static void test_error_at_start(void **state)
{
	static const int errors[] = { 4, 9, 17, 18, 28, 999 };

	(void)state;
	meter_nvml.close(&nvml_bench.meter);
	for (u32 e = 0; e < ARRAY_SIZE(errors); e++) {
		nvml_fake->call[FAKE_INIT].result = errors[e];
		nvml_fake->call[FAKE_INIT].calls = 0;
		nvml_open_meter();
		nvml_pass(60);
		assert_int_equal(nvml_bench.sample.zones, 0);
		/* After 0, 5, 15 and 35 seconds. */
		assert_int_equal(nvml_fake->call[FAKE_INIT].calls, 4);
		assert_int_equal(nvml_bench.sample.report.notes, 1);
		assert_int_equal(nvml_bench.sample.report.none, e == 0 || e == 2   ? METER_DENIED
								: e == 1 || e == 4 ? METER_ABSENT
										   : METER_ERROR);
		assert_true(nvml_bench.sample.report.note[0].remedy[0] != '\0');
		nvml_fake->call[FAKE_INIT].result = 0;
		nvml_pass(60);
		assert_int_equal(nvml_bench.sample.zones, 2);
		assert_int_equal(nvml_bench.sample.report.notes, 0);
		meter_nvml.close(&nvml_bench.meter);
	}
}

static void test_lost_and_back(void **state)
{
	u32 epoch;

	(void)state;
	nvml_pass(100);
	epoch = nvml_zone_of(NVML_FIRST)->epoch;
	for (u32 call = FAKE_ENERGY; call <= FAKE_MIG_MODE; call++) {
		nvml_fake->call[call].result = 15;
		nvml_fake->call[call].gpu = 0;
	}
	for (u32 s = 0; s < 120; s++) {
		nvml_pass(1);
		assert_int_equal(nvml_zone_of(NVML_FIRST)->status, METER_ABSENT);
		assert_true(nvml_reads_well(NVML_SECOND));
	}
	assert_true(nvml_has_note("gpu"));
	assert_in_range(nvml_fake->call[FAKE_INIT].calls, 3, 7);
	for (u32 call = FAKE_ENERGY; call <= FAKE_MIG_MODE; call++)
		nvml_fake->call[call].result = 0;
	nvml_pass(300);
	/* A counter that went on: nothing is lost. */
	assert_true(nvml_joules(NVML_FIRST) == nvml_fake->gpu[0].energy_mj / NVML_J);
	assert_int_equal(nvml_zone_of(NVML_FIRST)->epoch, epoch);
}

/* Errors that say nothing: NVML is started anew, less and less often, and often again later. */
static void test_keeps_failing(void **state)
{
	(void)state;
	for (u32 round = 0; round < 2; round++) {
		u32 before = nvml_fake->call[FAKE_INIT].calls;

		nvml_pass(10);
		nvml_fake->call[FAKE_ENERGY].result = 999;
		nvml_fake->call[FAKE_ENERGY].gpu = 0;
		nvml_pass(60);
		assert_in_range(nvml_fake->call[FAKE_INIT].calls - before, 3, 5);
		assert_true(nvml_reads_well(NVML_SECOND));
		nvml_fake->call[FAKE_ENERGY].result = 0;
		nvml_pass(300);
		assert_true(nvml_reads_well(NVML_FIRST));
	}
}

/* The driver goes, and comes back with counters that begin anew. */
static void test_driver_reload(void **state)
{
	u32 epoch, other;

	(void)state;
	nvml_pass(10);
	epoch = nvml_zone_of(NVML_FIRST)->epoch;
	other = nvml_zone_of(NVML_SECOND)->epoch;
	for (u32 call = 0; call < FAKE_CALLS; call++)
		nvml_fake->call[call].result = 9;
	nvml_pass(20);
	assert_int_equal(nvml_bench.sample.zones, 2);
	assert_int_equal(nvml_zone_of(NVML_FIRST)->status, METER_ABSENT);
	assert_int_equal(nvml_zone_of(NVML_SECOND)->status, METER_ABSENT);
	for (u32 call = 0; call < FAKE_CALLS; call++)
		nvml_fake->call[call].result = 0;
	nvml_fake->gpu[0].energy_mj = 5 * NVML_J;
	nvml_pass(60);
	assert_true(nvml_joules(NVML_FIRST) == nvml_fake->gpu[0].energy_mj / NVML_J);
	assert_int_not_equal(nvml_zone_of(NVML_FIRST)->epoch, epoch);
	/* The second could not have come so far in that time. */
	assert_int_equal(nvml_zone_of(NVML_SECOND)->epoch, other);

	/* A counter that falls without any error began anew as well. */
	epoch = nvml_zone_of(NVML_FIRST)->epoch;
	nvml_fake->gpu[0].energy_mj = 7 * NVML_J;
	nvml_pass(1);
	assert_int_not_equal(nvml_zone_of(NVML_FIRST)->epoch, epoch);
}

/* A counter that began anew and has come further than before, by the time that it is read. */
static void test_restart_beyond(void **state)
{
	u32 epoch;

	(void)state;
	nvml_fake->gpu[0].energy_mj = 100 * NVML_J;
	nvml_poll_once();
	epoch = nvml_zone_of(NVML_FIRST)->epoch;
	nvml_fake->call[FAKE_ENERGY].result = 9;
	nvml_pass(3);
	nvml_fake->call[FAKE_ENERGY].result = 0;
	nvml_fake->gpu[0].energy_mj = 200 * NVML_J;
	nvml_pass(20);
	assert_true(nvml_reads_well(NVML_FIRST));
	assert_int_not_equal(nvml_zone_of(NVML_FIRST)->epoch, epoch);
}

/* The first GPU is taken away; the second gets its number. */
static void test_renumbered(void **state)
{
	u32 epoch;
	char path[256];

	(void)state;
	nvml_pass(3);
	epoch = nvml_zone_of(NVML_FIRST)->epoch;
	nvml_fake->gpu[0] = nvml_fake->gpu[1];
	nvml_fake->gpus = 1;
	snprintf(path, sizeof(path), "%s/" NVML_PCI "/" NVML_FIRST "/vendor", nvml_bench.t->dir);
	assert_int_equal(unlink(path), 0);
	nvml_pass(70);
	assert_int_equal(nvml_bench.sample.zones, 1);
	assert_string_equal(nvml_zone_of(NVML_SECOND)->zone.package, "0");
	assert_true(nvml_joules(NVML_SECOND) == nvml_fake->gpu[0].energy_mj / NVML_J);
	/* It is not taken for the other one's counter. */
	assert_int_not_equal(nvml_zone_of(NVML_SECOND)->epoch, epoch);
}

/* It comes back, and each has its number again: what was told by the other number is not news. */
static void test_number_returns(void **state)
{
	struct fake_gpu first = nvml_fake->gpu[0];
	u32 epoch;
	char path[256];

	(void)state;
	nvml_pass(3);
	epoch = nvml_zone_of(NVML_SECOND)->epoch;
	first.energy_mj = nvml_fake->gpu[0].energy_mj;
	nvml_fake->gpu[0] = nvml_fake->gpu[1];
	nvml_fake->gpus = 1;
	snprintf(path, sizeof(path), "%s/" NVML_PCI "/" NVML_FIRST "/vendor", nvml_bench.t->dir);
	assert_int_equal(unlink(path), 0);
	nvml_pass(70);
	assert_string_equal(nvml_zone_of(NVML_SECOND)->zone.package, "0");
	/* One that wakes makes the meter look at once, before a handle leads to another GPU. */
	nvml_add_pci(nvml_bench.t, NVML_SECOND, "suspended");
	nvml_pass(1);
	nvml_fake->gpu[1] = nvml_fake->gpu[0];
	nvml_fake->gpu[0] = first;
	nvml_fake->gpus = 2;
	nvml_add_pci(nvml_bench.t, NVML_FIRST, "active");
	nvml_add_pci(nvml_bench.t, NVML_SECOND, "active");
	nvml_pass(3);
	assert_string_equal(nvml_zone_of(NVML_FIRST)->zone.package, "0");
	assert_string_equal(nvml_zone_of(NVML_SECOND)->zone.package, "1");
	assert_true(nvml_reads_well(NVML_FIRST) && nvml_reads_well(NVML_SECOND));
	assert_int_not_equal(nvml_zone_of(NVML_SECOND)->epoch, epoch);
}

/* Power of before and after says nothing of the time in which the GPU was off. */
static void test_power_asleep(void **state)
{
	u64 before;

	nvml_fake->gpu[0].no_counter = true;
	nvml_pass(10);
	before = nvml_joules(NVML_FIRST);
	nvml_add_pci(*state, NVML_FIRST, "suspended");
	nvml_pass(60);
	assert_true(nvml_joules(NVML_FIRST) == before);
	nvml_add_pci(*state, NVML_FIRST, "active");
	nvml_pass(1);
	assert_true(nvml_joules(NVML_FIRST) == before);
	nvml_pass(10);
	assert_true(nvml_joules(NVML_FIRST) == before + 1000);
}

static void test_suspended(void **state)
{
	struct tree *t = *state;
	u64 value;

	nvml_fake->gpus = 1;
	nvml_set_gpu(0, 0, 0x41);
	nvml_add_pci(t, NVML_FIRST, "suspended");
	nvml_open_meter();
	nvml_pass(200);
	assert_int_equal(nvml_fake->call[FAKE_INIT].calls, 0);
	assert_int_equal(nvml_bench.sample.zones, 0);
	assert_int_equal(nvml_bench.sample.report.notes, 0);
	assert_non_null(strstr(nvml_bench.sample.report.found, "suspended"));

	nvml_add_pci(t, NVML_FIRST, "active");
	nvml_pass(2);
	value = nvml_joules(NVML_FIRST);
	nvml_add_pci(t, NVML_FIRST, "suspended");
	nvml_fake->gpu[0].touched = 0;
	nvml_pass(200);
	assert_int_equal(nvml_fake->gpu[0].touched, 0);
	assert_true(nvml_joules(NVML_FIRST) == value);
	assert_true(nvml_zone_of(NVML_FIRST)->taken_ns == nvml_bench.when.now_ns);
	nvml_add_pci(t, NVML_FIRST, "active");
	nvml_pass(1);
	assert_true(nvml_joules(NVML_FIRST) == nvml_fake->gpu[0].energy_mj / NVML_J);
}

/* One sleeps, the other works: only that one is asked, by its address. */
static void test_one_suspended(void **state)
{
	nvml_add_pci(*state, NVML_FIRST, "suspended");
	meter_nvml.close(&nvml_bench.meter);
	nvml_open_meter();
	nvml_pass(200);
	assert_int_equal(nvml_fake->gpu[0].touched, 0);
	assert_true(nvml_reads_well(NVML_SECOND));
	assert_string_equal(nvml_zone_of(NVML_SECOND)->zone.package, "1");
	nvml_add_pci(*state, NVML_FIRST, "active");
	nvml_pass(1);
	assert_true(nvml_reads_well(NVML_FIRST) && nvml_reads_well(NVML_SECOND));
	assert_string_equal(nvml_zone_of(NVML_FIRST)->zone.package, "0");
}

/* A GPU that could be suspended is let go when nobody uses it. */
static void test_let_go(void **state)
{
	struct tree *t = *state;
	u64 taken_ns;

	nvml_fake->gpus = 1;
	nvml_set_gpu(0, 0, 0x41);
	nvml_add_pci(t, NVML_FIRST, "active");
	tree_write(t, "proc/driver/nvidia/gpus/" NVML_FIRST "/power",
		   "Runtime D3 status:          Enabled (fine-grained)\nVideo Memory: Active\n");
	nvml_open_meter();
	for (u32 s = 0; s < 60; s++) {
		nvml_fake->gpu[0].samples = 0;
		nvml_busy_now(&nvml_fake->gpu[0], 100, 50, 0);
		nvml_pass(1);
	}
	assert_int_equal(nvml_fake->open, 1);
	nvml_pass(20);
	assert_int_equal(nvml_fake->open, 0);
	taken_ns = nvml_zone_of(NVML_FIRST)->taken_ns;
	nvml_pass(30);
	assert_int_equal(nvml_fake->open, 0);
	/* The last reading stands, as the last one. */
	assert_true(nvml_reads_well(NVML_FIRST));
	assert_true(nvml_zone_of(NVML_FIRST)->taken_ns == taken_ns);
	assert_true(nvml_zone_of(NVML_FIRST)->zone.period_ns == 60 * NSEC_PER_SEC);
	/* Looked at again after a minute. */
	nvml_pass(40);
	assert_int_equal(nvml_fake->call[FAKE_INIT].calls, 2);
	assert_true(nvml_zone_of(NVML_FIRST)->taken_ns > taken_ns);
	nvml_pass(20);
	assert_int_equal(nvml_fake->open, 0);
	nvml_add_pci(t, NVML_FIRST, "suspended");
	nvml_pass(300);
	assert_int_equal(nvml_fake->call[FAKE_INIT].calls, 2);
	nvml_add_pci(t, NVML_FIRST, "active");
	nvml_pass(1);
	assert_int_equal(nvml_fake->open, 1);
	assert_true(nvml_joules(NVML_FIRST) == nvml_fake->gpu[0].energy_mj / NVML_J);
}

static void test_server_is_held(void **state)
{
	tree_write(*state, "proc/driver/nvidia/gpus/" NVML_FIRST "/power",
		   "Runtime D3 status:          Not supported\n");
	nvml_pass(200);
	assert_int_equal(nvml_fake->call[FAKE_INIT].calls, 1);
	assert_int_equal(nvml_fake->open, 1);
}

static void test_missing_library(void **state)
{
	struct tree *t = *state;

	nvml_no_library = true;
	nvml_fake->gpus = 1;
	nvml_set_gpu(0, 0, 0x41);
	nvml_add_pci(t, NVML_FIRST, "active");
	nvml_open_meter();
	assert_int_equal(nvml_bench.meter.report.notes, 1);
	assert_string_equal(nvml_bench.meter.report.note[0].code, "library");
	assert_non_null(strstr(nvml_bench.meter.report.note[0].remedy, "libnvidia-ml1"));
	nvml_pass(10);
	assert_true(nvml_has_note("library"));
	assert_int_equal(nvml_bench.sample.zones, 0);
	assert_int_equal(nvml_bench.sample.report.none, METER_ABSENT);
	/* It is installed while we run. */
	nvml_no_library = false;
	nvml_pass(310);
	assert_true(nvml_reads_well(NVML_FIRST));
	assert_false(nvml_has_note("library"));
}

static void test_other_driver(void **state)
{
	struct tree *t = *state;

	nvml_no_library = true;
	nvml_add_pci(t, NVML_FIRST, "active");
	nvml_set_driver(t, NVML_FIRST, "vfio-pci");
	nvml_open_meter();
	assert_string_equal(nvml_bench.meter.report.note[0].code, "other-driver");
	assert_int_equal(nvml_bench.meter.report.note[0].severity, METER_INFO);
	/* Another one is NVML's: it is measured, and the first is no fault. */
	nvml_no_library = false;
	nvml_fake->gpus = 1;
	nvml_set_gpu(0, 1, 0xc1);
	nvml_add_pci(t, NVML_SECOND, "active");
	nvml_set_driver(t, NVML_SECOND, "nvidia");
	nvml_pass(70);
	assert_true(nvml_reads_well(NVML_SECOND));
	assert_true(nvml_has_note("other-driver"));
	assert_false(nvml_has_note("not-seen"));
}

static void test_hidden_gpu(void **state)
{
	(void)state;
	nvml_fake->gpus = 1;
	nvml_pass(2);
	assert_true(nvml_reads_well(NVML_FIRST));
	assert_true(nvml_has_note("not-seen"));
}

static void test_missing_functions(void **state)
{
	static const char *const optional[] = { "nvmlDeviceGetHandleByPciBusId",
						"nvmlDeviceGetIndex",
						"nvmlDeviceGetName",
						"nvmlDeviceGetUUID",
						"nvmlDeviceGetTotalEnergyConsumption",
						"nvmlDeviceGetPowerUsage",
						"nvmlDeviceGetPowerManagementLimitConstraints",
						"nvmlDeviceGetUtilizationRates",
						"nvmlDeviceGetProcessUtilization",
						"nvmlDeviceGetComputeRunningProcesses",
						"nvmlDeviceGetGraphicsRunningProcesses",
						"nvmlDeviceGetMigMode",
						"nvmlDeviceGetMaxMigDeviceCount",
						"nvmlDeviceGetMigDeviceHandleByIndex",
						"nvmlDeviceGetAttributes" };
	static const char *const required[] = { "nvmlInit", "nvmlShutdown", "nvmlDeviceGetCount",
						"nvmlDeviceGetHandleByIndex",
						"nvmlDeviceGetPciInfo" };

	(void)state;
	nvml_fake->gpu[1].mig = true;
	nvml_fake->gpu[1].instance[0] =
		(struct fake_instance){ .there = true, .multiprocessors = 16 };
	nvml_list(&nvml_fake->gpu[1].instance[0].compute, 300);
	nvml_list(&nvml_fake->gpu[0].compute, 100);
	for (u32 i = 0; i < ARRAY_SIZE(optional); i++) {
		meter_nvml.close(&nvml_bench.meter);
		nvml_missing = optional[i];
		nvml_open_meter();
		nvml_pass(5);
		assert_true(nvml_reads_well(NVML_FIRST) && nvml_reads_well(NVML_SECOND));
		assert_string_equal(nvml_zone_of(NVML_SECOND)->zone.package, "1");
	}
	for (u32 i = 0; i < ARRAY_SIZE(required); i++) {
		meter_nvml.close(&nvml_bench.meter);
		nvml_missing = required[i];
		nvml_open_meter();
		nvml_pass(2);
		assert_int_equal(nvml_bench.sample.zones, 0);
		assert_true(nvml_has_note("library"));
	}
}

/* All of it: a thread that polls, the gate, and the set that hands out zones and uses. */
static void test_in_a_set(void **state)
{
	struct tree *t = *state;
	u64 used = 0, first_uj = 0, value_uj = 0;
	u32 zone = UINT32_MAX;

	nvml_fake->gpus = 1;
	nvml_set_gpu(0, 0, 0x41);
	nvml_add_pci(t, NVML_FIRST, "active");
	tree_open(t);
	for (u32 i = 0; i < 600 && (used == 0 || value_uj == first_uj); i++) {
		const struct meter_use *use;
		u32 count;

		nvml_fake->gpu[0].energy_mj += 1 * NVML_J;
		nvml_fake->gpu[0].sample[0] =
			(struct fake_sample){ .pid = 100, .sm = 50, .time_us = NVML_DRIVER_US + i };
		nvml_fake->gpu[0].samples = 1;
		t->input.now_ns = clock_boot_ns();
		t->input.awake_ns = clock_read_ns(CLOCK_MONOTONIC);
		meter_set_kick(t->set);
		t->count = meter_set_read(t->set, &t->input, t->readings);
		use = meter_set_uses(t->set, &count);
		zone = tree_find(t, "NVIDIA H100 80GB HBM3");
		if (zone != UINT32_MAX) {
			value_uj = t->readings[zone].value_uj;
			first_uj = first_uj ? first_uj : value_uj;
		}
		for (u32 u = 0; u < count; u++) {
			assert_int_equal(use[u].zone, zone);
			assert_int_equal(use[u].pid, 100);
			used += use[u].work;
		}
		usleep(50000);
	}
	assert_true(used > 0);
	assert_true(value_uj > first_uj);
	assert_int_equal(meter_set_state(t->set, METER_NVML)->status, METER_OK);
	t->set = meter_set_free(t->set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_no_gpu, nvml_setup, nvml_teardown),
		cmocka_unit_test_setup_teardown(test_present, nvml_setup, nvml_teardown),
		cmocka_unit_test_setup_teardown(test_two_gpus, nvml_setup_two, nvml_teardown),
		cmocka_unit_test_setup_teardown(test_no_pci, nvml_setup, nvml_teardown),
		cmocka_unit_test_setup_teardown(test_power_fallback, nvml_setup_two, nvml_teardown),
		cmocka_unit_test_setup_teardown(test_neither, nvml_setup_two, nvml_teardown),
		cmocka_unit_test_setup_teardown(test_every_error, nvml_setup_two, nvml_teardown),
		cmocka_unit_test_setup_teardown(test_error_at_start, nvml_setup_two, nvml_teardown),
		cmocka_unit_test_setup_teardown(test_lost_and_back, nvml_setup_two, nvml_teardown),
		cmocka_unit_test_setup_teardown(test_keeps_failing, nvml_setup_two, nvml_teardown),
		cmocka_unit_test_setup_teardown(test_driver_reload, nvml_setup_two, nvml_teardown),
		cmocka_unit_test_setup_teardown(test_restart_beyond, nvml_setup_two, nvml_teardown),
		cmocka_unit_test_setup_teardown(test_renumbered, nvml_setup_two, nvml_teardown),
		cmocka_unit_test_setup_teardown(test_number_returns, nvml_setup_two, nvml_teardown),
		cmocka_unit_test_setup_teardown(test_power_asleep, nvml_setup_two, nvml_teardown),
		cmocka_unit_test_setup_teardown(test_suspended, nvml_setup, nvml_teardown),
		cmocka_unit_test_setup_teardown(test_one_suspended, nvml_setup_two, nvml_teardown),
		cmocka_unit_test_setup_teardown(test_let_go, nvml_setup, nvml_teardown),
		cmocka_unit_test_setup_teardown(test_server_is_held, nvml_setup_two, nvml_teardown),
		cmocka_unit_test_setup_teardown(test_missing_library, nvml_setup, nvml_teardown),
		cmocka_unit_test_setup_teardown(test_other_driver, nvml_setup, nvml_teardown),
		cmocka_unit_test_setup_teardown(test_hidden_gpu, nvml_setup_two, nvml_teardown),
		cmocka_unit_test_setup_teardown(test_missing_functions, nvml_setup_two,
						nvml_teardown),
		cmocka_unit_test_setup_teardown(test_in_a_set, nvml_setup, nvml_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
