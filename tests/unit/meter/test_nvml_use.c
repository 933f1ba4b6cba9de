// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "nvml_bench.h"

static void test_two_processes(void **state)
{
	u64 a = 0, b = 0, other = 0;

	(void)state;
	/* What happened before the first poll is nobody's. */
	nvml_busy_now(&nvml_fake->gpu[0], 100, 99, 0);
	nvml_poll_once();
	assert_int_equal(nvml_bench.sample.uses, 0);
	for (u32 s = 0; s < 100; s++) {
		nvml_fake->gpu[0].samples = nvml_fake->gpu[1].samples = 0;
		nvml_busy_now(&nvml_fake->gpu[0], 100, 60, 0);
		nvml_busy_now(&nvml_fake->gpu[0], 200, 20, 0);
		nvml_busy_now(&nvml_fake->gpu[1], 100, 10, 0);
		nvml_poll_once();
		a += nvml_work_of(NVML_FIRST, 100);
		b += nvml_work_of(NVML_FIRST, 200);
		other += nvml_work_of(NVML_SECOND, 100);
	}
	/* 100 s at 60 %, 20 % and 10 %, in SM-microseconds. */
	assert_in_range(a, 59000000, 61000000);
	assert_in_range(b, 19600000, 20400000);
	assert_in_range(other, 9800000, 10200000);
	assert_in_range(a, 3 * b - 300, 3 * b + 300);

	/* A process that holds a context and does nothing gets nothing; then nobody does. */
	nvml_list(&nvml_fake->gpu[0].compute, 100);
	nvml_list(&nvml_fake->gpu[0].compute, 300);
	nvml_pass(1);
	assert_int_equal(nvml_bench.sample.uses, 0);
}

static void test_odd_samples(void **state)
{
	struct fake_gpu *gpu = &nvml_fake->gpu[0];

	(void)state;
	nvml_pass(2);
	nvml_busy_now(gpu, 0, 50, 0);
	nvml_busy_now(gpu, ~0U, 50, 0);
	nvml_busy_now(gpu, 100, 40, 0);
	nvml_busy_now(gpu, 200, 4000000, 0); /* never filled by the driver, with a time far ahead */
	gpu->sample[3].time_us = 1ULL << 62;
	nvml_busy_now(gpu, 300, 0, 100);
	nvml_pass(1);
	assert_int_equal(nvml_bench.sample.uses, 2);
	assert_true(nvml_has_note("pids"));
	assert_true(nvml_zone_of(NVML_FIRST)->zone.users_hidden);
	assert_false(nvml_zone_of(NVML_SECOND)->zone.users_hidden);
	/* The encoder weighs a tenth. */
	assert_in_range(nvml_work_of(NVML_FIRST, 100), 399000, 401000);
	assert_in_range(nvml_work_of(NVML_FIRST, 300), 99000, 101000);
	/* The same samples again are not new. */
	gpu->samples = 3;
	nvml_pass(1);
	assert_int_equal(nvml_bench.sample.uses, 0);
	assert_false(nvml_has_note("pids"));

	/* Several samples of a process: half of the time each. */
	gpu->samples = 0;
	nvml_busy_now(gpu, 100, 40, 0);
	nvml_busy_now(gpu, 100, 20, 0);
	nvml_busy_now(gpu, 200, 60, 0);
	nvml_pass(1);
	assert_in_range(nvml_work_of(NVML_FIRST, 100), 299000, 301000);
	assert_in_range(nvml_work_of(NVML_FIRST, 200), 299000, 301000);
}

/* The machine's clock, of which samples carry the time, is set back by an hour. */
static void test_clock_set_back(void **state)
{
	struct fake_gpu *gpu = &nvml_fake->gpu[0];
	u32 without = 0;

	(void)state;
	nvml_busy_now(gpu, 100, 50, 0);
	nvml_pass(2);
	for (u32 s = 0; s < 30; s++) {
		gpu->samples = 0;
		nvml_busy_now(gpu, 100, 50, 0);
		gpu->sample[0].time_us -= 3600 * 1000000ULL;
		nvml_pass(1);
		without += nvml_bench.sample.uses == 0;
		if (s > 15)
			assert_true(nvml_work_of(NVML_FIRST, 100) > 0);
	}
	assert_in_range(without, 1, 11);
}

static void test_lists(void **state)
{
	static const u32 sizes[] = { 16, 24, 32 };
	struct fake_gpu *gpu = &nvml_fake->gpu[0];

	(void)state;
	gpu->no_busy = true;
	gpu->percent = 50;
	nvml_list(&gpu->compute, 100);
	nvml_list(&gpu->compute, 200);
	nvml_list(&gpu->graphics, 100);
	nvml_list(&gpu->graphics, 300);
	nvml_pass(1);
	for (u32 i = 0; i < ARRAY_SIZE(sizes); i++) {
		nvml_fake->entry_size = sizes[i];
		nvml_pass(1);
		assert_int_equal(nvml_bench.sample.uses, 2);
		assert_int_equal(nvml_work_of(NVML_FIRST, 100), 250000);
		assert_int_equal(nvml_work_of(NVML_FIRST, 200), 250000);
		assert_true(nvml_has_note("equal-shares"));
	}
	/* Nobody computes. */
	gpu->compute.count = 0;
	gpu->percent = 80;
	nvml_pass(1);
	assert_int_equal(nvml_bench.sample.uses, 2);
	assert_int_equal(nvml_work_of(NVML_FIRST, 300), 400000);
	gpu->percent = 0;
	nvml_pass(1);
	assert_int_equal(nvml_bench.sample.uses, 0);
	/* One process, one whose pid is not known, one listed twice. */
	gpu->percent = 100;
	nvml_list(&gpu->compute, 0);
	nvml_list(&gpu->compute, 400);
	nvml_list(&gpu->compute, 400);
	nvml_pass(1);
	assert_int_equal(nvml_bench.sample.uses, 1);
	assert_int_equal(nvml_work_of(NVML_FIRST, 400), 1000000);
	assert_true(nvml_has_note("pids"));
}

/* What is refused for good is like what is not supported; what fails today is told. */
static void test_busy_fails(void **state)
{
	struct fake_gpu *gpu = &nvml_fake->gpu[0];

	(void)state;
	nvml_list(&gpu->compute, 100);
	nvml_busy_now(gpu, 100, 50, 0);
	nvml_pass(1);
	nvml_fake->call[FAKE_BUSY].result = 999;
	nvml_pass(3);
	assert_int_equal(nvml_bench.sample.uses, 0);
	assert_true(nvml_has_note("gpu-clients"));
	assert_true(nvml_reads_well(NVML_FIRST));
	assert_true(nvml_zone_of(NVML_FIRST)->zone.users_hidden);
	nvml_fake->call[FAKE_BUSY].result = 0;
	nvml_busy_now(gpu, 100, 50, 0);
	nvml_pass(1);
	assert_in_range(nvml_work_of(NVML_FIRST, 100), 499000, 501000);
	assert_false(nvml_has_note("gpu-clients"));
	assert_false(nvml_zone_of(NVML_FIRST)->zone.users_hidden);

	nvml_fake->call[FAKE_BUSY].result = 4;
	nvml_pass(2);
	assert_int_equal(nvml_work_of(NVML_FIRST, 100), 1000000);
	assert_true(nvml_has_note("equal-shares"));
	assert_false(nvml_has_note("gpu-clients"));
	/* Nor are there lists. */
	nvml_fake->call[FAKE_COMPUTE].result = nvml_fake->call[FAKE_GRAPHICS].result = 4;
	nvml_pass(1);
	assert_int_equal(nvml_bench.sample.uses, 0);
	assert_true(nvml_has_note("gpu-clients"));
}

static void test_mig(void **state)
{
	struct fake_gpu *gpu = &nvml_fake->gpu[0];

	(void)state;
	nvml_pass(1);
	/* 1g and 4g of an H100, and one that nobody uses; numbers have holes. */
	gpu->mig = true;
	gpu->instance[0] = (struct fake_instance){ .there = true, .multiprocessors = 16 };
	gpu->instance[3] = (struct fake_instance){ .there = true, .multiprocessors = 64 };
	gpu->instance[5] = (struct fake_instance){ .there = true, .multiprocessors = 32 };
	nvml_list(&gpu->instance[0].compute, 100);
	nvml_list(&gpu->instance[3].compute, 200);
	nvml_list(&gpu->instance[3].compute, 300);
	nvml_pass(1);
	assert_int_equal(nvml_bench.sample.uses, 3);
	assert_true(nvml_work_of(NVML_FIRST, 100) > 0);
	assert_in_range(nvml_work_of(NVML_FIRST, 200), 2 * nvml_work_of(NVML_FIRST, 100) - 2,
			2 * nvml_work_of(NVML_FIRST, 100) + 2);
	assert_int_equal(nvml_work_of(NVML_FIRST, 200), nvml_work_of(NVML_FIRST, 300));
	assert_int_equal(nvml_bench.sample.zones, 2);
	assert_true(nvml_has_note("mig"));

	/* Cut anew while we look: one process in two instances, the rest gone. */
	gpu->instance[3].there = false;
	nvml_list(&gpu->instance[5].compute, 100);
	nvml_pass(1);
	assert_int_equal(nvml_bench.sample.uses, 1);
	assert_in_range(nvml_work_of(NVML_FIRST, 100), 999990, 1000000);
	gpu->instance[0].there = gpu->instance[5].there = false;
	nvml_pass(1);
	assert_int_equal(nvml_bench.sample.uses, 0);

	gpu->mig = false;
	nvml_busy_now(gpu, 100, 50, 0);
	nvml_pass(1);
	assert_in_range(nvml_work_of(NVML_FIRST, 100), 499000, 501000);
	assert_false(nvml_has_note("mig"));
}

/* More GPUs and more processes than there is room for. */
static void test_limits(void **state)
{
	struct tree *t = *state;

	tree_write(t, "dev/nvidiactl", "\n");
	nvml_fake->gpus = FAKE_GPUS;
	for (u32 i = 0; i < FAKE_GPUS; i++)
		nvml_set_gpu(i, 0, i + 1);
	nvml_open_meter();
	nvml_pass(2);
	assert_int_equal(nvml_bench.sample.zones, SAMPLE_ZONES_MAX);
	for (u32 g = 0; g < 2; g++) {
		for (u32 i = 0; i < 700; i++)
			nvml_busy_now(&nvml_fake->gpu[g], 1000 + i, 1, 0);
	}
	nvml_pass(1);
	assert_int_equal(nvml_bench.sample.uses, METER_USES_MAX);
	assert_true(nvml_has_note("many-processes"));

	/* A list that is longer than anything. */
	nvml_fake->gpu[0].no_busy = true;
	for (u32 i = 0; i < FAKE_PIDS; i++)
		nvml_list(&nvml_fake->gpu[0].compute, 1000 + i);
	nvml_pass(1);
	assert_true(nvml_reads_well("0000:01:00.0"));
	assert_true(nvml_has_note("many-processes"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_two_processes, nvml_setup_two, nvml_teardown),
		cmocka_unit_test_setup_teardown(test_odd_samples, nvml_setup_two, nvml_teardown),
		cmocka_unit_test_setup_teardown(test_clock_set_back, nvml_setup_two, nvml_teardown),
		cmocka_unit_test_setup_teardown(test_lists, nvml_setup_two, nvml_teardown),
		cmocka_unit_test_setup_teardown(test_busy_fails, nvml_setup_two, nvml_teardown),
		cmocka_unit_test_setup_teardown(test_mig, nvml_setup_two, nvml_teardown),
		cmocka_unit_test_setup_teardown(test_limits, nvml_setup, nvml_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
