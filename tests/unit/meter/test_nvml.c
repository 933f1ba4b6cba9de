// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "fake_nvml.h"
#include "meter/meter_ops.h"
#include "tree.h"

#define PCI "sys/bus/pci/devices"
#define FIRST "0000:41:00.0"
#define SECOND "0001:c1:00.0"
#define J 1000ULL /* mJ */

/* The driver's clock at the first poll, us. */
#define DRIVER_US 1700000000000000ULL

/* The library as our code finds it; linked with --wrap. */
static bool no_library;
static const char *missing; /* all functions whose name begins so */

void *__real_dlopen(const char *name, int flags);
void *__real_dlsym(void *library, const char *name);
void *__wrap_dlopen(const char *name, int flags);
void *__wrap_dlsym(void *library, const char *name);

void *__wrap_dlopen(const char *name, int flags)
{
	assert_string_equal(name, "libnvidia-ml.so.1");
	return no_library ? NULL : __real_dlopen(FAKE_NVML, flags);
}

void *__wrap_dlsym(void *library, const char *name)
{
	if (missing && strncmp(name, missing, strlen(missing)) == 0)
		return NULL;
	return __real_dlsym(library, name);
}

static struct fake_nvml *fake;

/* A machine with the meter on it, polled by hand. */
struct bench {
	struct tree *t;
	struct meter meter;
	struct meter_poll when;
	struct slow_stop stop;
	struct meter_sample sample;
};

static struct bench bench;

static void set_gpu(u32 i, u32 domain, u32 bus)
{
	fake->gpu[i] = (struct fake_gpu){ .domain = domain,
					  .bus = bus,
					  .name = "NVIDIA H100 80GB HBM3",
					  .uuid = "GPU-5f8dd1b6-86b7-4b0a-8f0d-000000000041",
					  .energy_mj = 1000000 * J,
					  .power_mw = 100000,
					  .limit_mw = 700000,
					  .percent = 100 };
}

static void add_pci(const struct tree *t, const char *address, const char *status)
{
	char path[128];

	snprintf(path, sizeof(path), PCI "/%s/vendor", address);
	tree_write(t, path, "0x10de\n");
	snprintf(path, sizeof(path), PCI "/%s/class", address);
	tree_write(t, path, "0x030200\n");
	snprintf(path, sizeof(path), PCI "/%s/power/runtime_status", address);
	tree_write(t, path, "%s\n", status);
}

static void set_driver(const struct tree *t, const char *address, const char *driver)
{
	char link[256], target[128];

	snprintf(link, sizeof(link), "%s/" PCI "/%s/driver", t->dir, address);
	snprintf(target, sizeof(target), "../../../../bus/pci/drivers/%s", driver);
	unlink(link);
	assert_int_equal(symlink(target, link), 0);
}

static void open_root(struct tree *t)
{
	char proc[128], sys[128], dev[128];
	const char *which;

	snprintf(proc, sizeof(proc), "%s/proc", t->dir);
	snprintf(sys, sizeof(sys), "%s/sys", t->dir);
	snprintf(dev, sizeof(dev), "%s/dev", t->dir);
	assert_int_equal(sysroot_init(&t->root, proc, sys, &which), 0);
	sysroot_set_dev(&t->root, dev);
}

/* Opens the meter. The tree's root is closed again: the meter keeps what it needs. */
static void open_meter(void)
{
	struct tree *t = bench.t;

	open_root(t);
	report_begin(&bench.meter.report);
	assert_int_equal(meter_nvml.open(&bench.meter, &t->root, &t->options), 0);
	sysroot_deinit(&t->root);
}

/* A poll, a second after the last. */
static void poll_once(void)
{
	bench.when.now_ns += NSEC_PER_SEC;
	bench.when.awake_ns += NSEC_PER_SEC;
	memset(&bench.sample, 0, sizeof(bench.sample));
	meter_nvml.poll(bench.meter.priv, &bench.when, &bench.sample);
	assert_in_range(bench.sample.next_ns, bench.when.now_ns, bench.when.now_ns + NSEC_PER_SEC);
}

/* Seconds in which each GPU draws 300 W. */
static void pass(u32 seconds)
{
	for (u32 s = 0; s < seconds; s++) {
		for (u32 i = 0; i < fake->gpus; i++)
			fake->gpu[i].energy_mj += 300 * J;
		poll_once();
	}
}

static struct sample_zone *zone_of(const char *device)
{
	for (u32 i = 0; i < bench.sample.zones; i++) {
		if (strcmp(bench.sample.zone[i].zone.device, device) == 0)
			return &bench.sample.zone[i];
	}
	return NULL;
}

static u64 joules(const char *device)
{
	const struct sample_zone *zone = zone_of(device);

	assert_non_null(zone);
	assert_int_equal(zone->status, METER_OK);
	return zone->value_uj / UJ_PER_J;
}

static bool reads_well(const char *device)
{
	const struct sample_zone *zone = zone_of(device);

	return zone && zone->status == METER_OK;
}

static u64 work_of(const char *device, u32 pid)
{
	for (u32 i = 0; i < bench.sample.uses; i++) {
		const struct meter_use *use = &bench.sample.use[i];

		assert_in_range(use->zone, 0, bench.sample.zones - 1);
		if (use->pid == pid && &bench.sample.zone[use->zone] == zone_of(device))
			return use->work;
	}
	return 0;
}

static bool has_note(const char *code)
{
	for (u32 i = 0; i < bench.sample.report.notes; i++) {
		if (strcmp(bench.sample.report.note[i].code, code) == 0)
			return true;
	}
	return false;
}

/* The time of the driver's clock at the poll to come. */
static u64 driver_us(void)
{
	return DRIVER_US + (bench.when.now_ns - 1000 * NSEC_PER_SEC) / NSEC_PER_USEC;
}

/* Adds a sample of now. */
static void busy(struct fake_gpu *gpu, u32 pid, u32 sm, u32 encoder)
{
	gpu->sample[gpu->samples++] = (struct fake_sample){
		.pid = pid, .time_us = driver_us(), .sm = sm, .encoder = encoder
	};
}

static void list(struct fake_list *to, u32 pid)
{
	to->pid[to->count++] = pid;
}

static int setup(void **state)
{
	void *library = __real_dlopen(FAKE_NVML, RTLD_NOW);
	struct fake_nvml *(*get)(void);
	void *address;

	/* Held once more than by our code, so that its state stays. */
	assert_non_null(library);
	address = __real_dlsym(library, "fake_nvml");
	assert_non_null(address);
	memcpy(&get, &address, sizeof(get));
	fake = get();
	memset(fake, 0, sizeof(*fake));
	fake->entry_size = 24;
	for (u32 i = 0; i < FAKE_CALLS; i++)
		fake->call[i].gpu = -1;
	no_library = false;
	missing = NULL;
	assert_int_equal(tree_setup(state), 0);
	memset(&bench, 0, sizeof(bench));
	bench.t = *state;
	bench.meter.ops = &meter_nvml;
	bench.stop.fd = eventfd(0, EFD_CLOEXEC);
	bench.when = (struct meter_poll){ .now_ns = 1000 * NSEC_PER_SEC,
					  .awake_ns = 900 * NSEC_PER_SEC,
					  .stop = &bench.stop };
	return 0;
}

/* Two GPUs, as most tests have them. */
static int setup_two(void **state)
{
	setup(state);
	fake->gpus = 2;
	set_gpu(0, 0, 0x41);
	set_gpu(1, 1, 0xc1);
	add_pci(bench.t, FIRST, "active");
	add_pci(bench.t, SECOND, "active");
	open_meter();
	return 0;
}

static int teardown(void **state)
{
	meter_nvml.close(&bench.meter);
	assert_null(bench.meter.priv);
	meter_nvml.close(&bench.meter);
	assert_int_equal(fake->open, 0);
	assert_int_equal(fake->misuses, 0);
	close(bench.stop.fd);
	return tree_teardown(state);
}

static void test_no_gpu(void **state)
{
	struct tree *t = *state;

	/* An audio function, a GPU of somebody else, a bridge. */
	tree_write(t, PCI "/0000:41:00.1/vendor", "0x10de\n");
	tree_write(t, PCI "/0000:41:00.1/class", "0x040300\n");
	tree_write(t, PCI "/0000:03:00.0/vendor", "0x1002\n");
	tree_write(t, PCI "/0000:03:00.0/class", "0x030000\n");
	tree_write(t, PCI "/0000:04:00.0/vendor", "0x10de\n");
	tree_write(t, PCI "/0000:04:00.0/class", "0x068000\n");
	open_meter();
	assert_null(bench.meter.priv);
	assert_string_equal(bench.meter.report.found, "no NVIDIA GPU");
	assert_int_equal(fake->call[FAKE_INIT].calls, 0);
}

static void test_present(void **state)
{
	static const char *const files[] = { "proc/driver/nvidia/version", "dev/nvidiactl" };
	struct tree *t = *state;

	for (u32 i = 0; i < ARRAY_SIZE(files); i++) {
		char path[256];

		tree_write(t, files[i], "\n");
		open_meter();
		assert_non_null(bench.meter.priv);
		meter_nvml.close(&bench.meter);
		snprintf(path, sizeof(path), "%s/%s", t->dir, files[i]);
		assert_int_equal(unlink(path), 0);
	}
	/* Opening never asks the driver. */
	assert_int_equal(fake->call[FAKE_INIT].calls, 0);
}

static void test_two_gpus(void **state)
{
	const struct sample_zone *zone;

	(void)state;
	fake->gpu[1].limit_mw = 0;
	poll_once();
	assert_int_equal(bench.sample.zones, 2);
	zone = zone_of(FIRST);
	assert_non_null(zone);
	assert_int_equal(zone->zone.domain, DOMAIN_GPU);
	assert_int_equal(zone->zone.quality, QUALITY_MEASURED);
	assert_string_equal(zone->zone.package, "0");
	assert_string_equal(zone->zone.name, "NVIDIA H100 80GB HBM3");
	assert_string_equal(zone->zone.uuid, "GPU-5f8dd1b6-86b7-4b0a-8f0d-000000000041");
	assert_true(zone->zone.limit_uw == 1050 * UJ_PER_J);
	assert_true(zone->zone.may_rest);
	assert_true(zone->taken_ns == bench.when.now_ns);
	assert_string_equal(zone_of(SECOND)->zone.package, "1");
	assert_true(zone_of(SECOND)->zone.limit_uw == 0);
	assert_true(joules(FIRST) == 1000000 && joules(SECOND) == 1000000);

	for (u32 s = 1; s <= 300; s++) {
		fake->gpu[0].energy_mj += 250 * J;
		fake->gpu[1].energy_mj += 70 * J;
		poll_once();
		assert_true(joules(FIRST) == 1000000 + 250 * s);
		assert_true(joules(SECOND) == 1000000 + 70 * s);
		assert_int_equal(zone_of(FIRST)->epoch, zone->epoch);
	}
	assert_string_equal(bench.sample.report.found, "2 of 2 GPUs");
	assert_int_equal(bench.sample.report.notes, 0);
	assert_int_equal(fake->call[FAKE_INIT].calls, 1);
	assert_int_equal(bench.sample.uses, 0);
}

/* Without PCI devices in sysfs, as in some virtual machines. */
static void test_no_pci(void **state)
{
	struct tree *t = *state;

	tree_write(t, "dev/nvidiactl", "\n");
	fake->gpus = 1;
	set_gpu(0, 0, 0x41);
	open_meter();
	pass(3);
	assert_true(reads_well(FIRST));
}

static void test_power_fallback(void **state)
{
	u64 first;
	u32 epoch;

	(void)state;
	fake->gpu[0].no_counter = true;
	poll_once();
	first = joules(FIRST);
	epoch = zone_of(FIRST)->epoch;
	assert_true(joules(SECOND) == 1000000);
	pass(10);
	assert_true(joules(FIRST) - first == 1000);
	fake->gpu[0].power_mw = 300000;
	poll_once(); /* from 100 W to 300 W: 200 W in the middle */
	assert_true(joules(FIRST) - first == 1200);
	pass(5);
	assert_true(joules(FIRST) - first == 2700);
	assert_int_equal(zone_of(FIRST)->epoch, epoch);
	assert_true(has_note("power-fallback"));

	/* What was not measured is not made up. */
	bench.when.now_ns += 600 * NSEC_PER_SEC;
	bench.when.awake_ns += 600 * NSEC_PER_SEC;
	poll_once();
	assert_true(joules(FIRST) - first == 2700);
	assert_int_not_equal(zone_of(FIRST)->epoch, epoch);
}

static void test_neither(void **state)
{
	(void)state;
	fake->gpu[0].no_counter = true;
	fake->call[FAKE_POWER].result = 3;
	pass(3);
	assert_int_equal(zone_of(FIRST)->status, METER_ABSENT);
	assert_true(reads_well(SECOND));
	assert_true(has_note("gpu"));
	/* No reason to begin anew. */
	pass(400);
	assert_int_equal(fake->call[FAKE_INIT].calls, 1);
}

/* Makes all that a GPU can be asked for give an answer: a plain one, a MIG one, one by power. */
static void make_rich(void)
{
	list(&fake->gpu[0].compute, 100);
	list(&fake->gpu[0].graphics, 101);
	fake->gpu[2].mig = true;
	fake->gpu[2].instance[0].there = true;
	fake->gpu[2].instance[0].multiprocessors = 16;
	list(&fake->gpu[2].instance[0].compute, 300);
	fake->gpu[3].no_counter = true;
	fake->gpu[3].no_busy = true;
	list(&fake->gpu[3].compute, 400);
}

/* One call fails, on one GPU and then on all, for ten seconds and then not any more. */
static void fail_call(enum fake_call call, int result, int gpu)
{
	pass(2);
	fake->call[call].result = result;
	fake->call[call].gpu = gpu;
	for (u32 s = 0; s < 10; s++) {
		busy(&fake->gpu[0], 100, 50, 0);
		pass(1);
		if (gpu >= 0 && call != FAKE_BY_PCI)
			assert_true(reads_well(SECOND));
	}
	fake->call[call].result = 0;
	/* Longer than the longest time between two tries. */
	pass(310);
	assert_int_equal(bench.sample.zones, 4);
	for (u32 i = 0; i < bench.sample.zones; i++)
		assert_int_equal(bench.sample.zone[i].status, METER_OK);
	assert_true(joules(SECOND) == fake->gpu[1].energy_mj / J);
	fake->gpu[0].samples = 0;
}

static void test_every_error(void **state)
{
	static const int errors[] = { 1,  2,  3,  4,  6,  7,  8,  9,  10, 12, 13, 14, 15,
				      16, 17, 18, 19, 20, 21, 23, 25, 27, 28, 29, 999 };

	(void)state;
	meter_nvml.close(&bench.meter);
	fake->gpus = 4;
	set_gpu(2, 1, 0xd1);
	set_gpu(3, 1, 0xe1);
	add_pci(bench.t, "0001:d1:00.0", "active");
	add_pci(bench.t, "0001:e1:00.0", "active");
	make_rich();
	for (u32 call = 0; call < FAKE_CALLS; call++) {
		for (u32 e = 0; e < ARRAY_SIZE(errors); e++) {
			u32 misuses = fake->misuses;

			open_meter();
			fail_call(call, errors[e], 0);
			fail_call(call, errors[e], -1);
			meter_nvml.close(&bench.meter);
			assert_int_equal(fake->open, 0);
			assert_int_equal(fake->misuses, misuses);
		}
	}
}

static void test_error_at_start(void **state)
{
	static const int errors[] = { 4, 9, 17, 18, 28, 999 };

	(void)state;
	meter_nvml.close(&bench.meter);
	for (u32 e = 0; e < ARRAY_SIZE(errors); e++) {
		fake->call[FAKE_INIT].result = errors[e];
		fake->call[FAKE_INIT].calls = 0;
		open_meter();
		pass(60);
		assert_int_equal(bench.sample.zones, 0);
		/* After 0, 5, 15 and 35 seconds. */
		assert_int_equal(fake->call[FAKE_INIT].calls, 4);
		assert_int_equal(bench.sample.report.notes, 1);
		assert_int_equal(bench.sample.report.none, e == 0 || e == 2   ? METER_DENIED
							   : e == 1 || e == 4 ? METER_ABSENT
									      : METER_ERROR);
		assert_true(bench.sample.report.note[0].remedy[0] != '\0');
		fake->call[FAKE_INIT].result = 0;
		pass(60);
		assert_int_equal(bench.sample.zones, 2);
		assert_int_equal(bench.sample.report.notes, 0);
		meter_nvml.close(&bench.meter);
	}
}

static void test_two_processes(void **state)
{
	u64 a = 0, b = 0, other = 0;

	(void)state;
	/* What happened before the first poll is nobody's. */
	busy(&fake->gpu[0], 100, 99, 0);
	poll_once();
	assert_int_equal(bench.sample.uses, 0);
	for (u32 s = 0; s < 100; s++) {
		fake->gpu[0].samples = fake->gpu[1].samples = 0;
		bench.when.now_ns++; /* newer than the last */
		bench.when.now_ns += NSEC_PER_USEC;
		busy(&fake->gpu[0], 100, 60, 0);
		busy(&fake->gpu[0], 200, 20, 0);
		busy(&fake->gpu[1], 100, 10, 0);
		poll_once();
		a += work_of(FIRST, 100);
		b += work_of(FIRST, 200);
		other += work_of(SECOND, 100);
	}
	/* 100 s at 60 %, 20 % and 10 %, in SM-microseconds. */
	assert_in_range(a, 59000000, 61000000);
	assert_in_range(b, 19600000, 20400000);
	assert_in_range(other, 9800000, 10200000);
	assert_in_range(a, 3 * b - 300, 3 * b + 300);

	/* A process that holds a context and does nothing gets nothing; then nobody does. */
	list(&fake->gpu[0].compute, 100);
	list(&fake->gpu[0].compute, 300);
	pass(1);
	assert_int_equal(bench.sample.uses, 0);
}

static void test_odd_samples(void **state)
{
	struct fake_gpu *gpu = &fake->gpu[0];

	(void)state;
	pass(2);
	busy(gpu, 0, 50, 0);
	busy(gpu, ~0U, 50, 0);
	busy(gpu, 100, 40, 0);
	busy(gpu, 200, 4000000, 0); /* never filled by the driver, with a time far ahead */
	gpu->sample[3].time_us = 1ULL << 62;
	busy(gpu, 300, 0, 100);
	pass(1);
	assert_int_equal(bench.sample.uses, 2);
	assert_true(has_note("pids"));
	/* The encoder weighs a tenth. */
	assert_in_range(work_of(FIRST, 100), 399000, 401000);
	assert_in_range(work_of(FIRST, 300), 99000, 101000);
	/* The same samples again are not new. */
	gpu->samples = 3;
	pass(1);
	assert_int_equal(bench.sample.uses, 0);
	assert_false(has_note("pids"));

	/* Several samples of a process: half of the time each. */
	gpu->samples = 0;
	busy(gpu, 100, 40, 0);
	busy(gpu, 100, 20, 0);
	busy(gpu, 200, 60, 0);
	pass(1);
	assert_in_range(work_of(FIRST, 100), 299000, 301000);
	assert_in_range(work_of(FIRST, 200), 299000, 301000);
}

/* The machine's clock, of which samples carry the time, is set back by an hour. */
static void test_clock_set_back(void **state)
{
	struct fake_gpu *gpu = &fake->gpu[0];
	u32 without = 0;

	(void)state;
	busy(gpu, 100, 50, 0);
	pass(2);
	for (u32 s = 0; s < 30; s++) {
		gpu->samples = 0;
		busy(gpu, 100, 50, 0);
		gpu->sample[0].time_us -= 3600 * 1000000ULL;
		pass(1);
		without += bench.sample.uses == 0;
		if (s > 15)
			assert_true(work_of(FIRST, 100) > 0);
	}
	assert_in_range(without, 1, 11);
}

static void test_lists(void **state)
{
	static const u32 sizes[] = { 16, 24, 32 };
	struct fake_gpu *gpu = &fake->gpu[0];

	(void)state;
	gpu->no_busy = true;
	gpu->percent = 50;
	list(&gpu->compute, 100);
	list(&gpu->compute, 200);
	list(&gpu->graphics, 100);
	list(&gpu->graphics, 300);
	pass(1);
	for (u32 i = 0; i < ARRAY_SIZE(sizes); i++) {
		fake->entry_size = sizes[i];
		pass(1);
		assert_int_equal(bench.sample.uses, 2);
		assert_int_equal(work_of(FIRST, 100), 250000);
		assert_int_equal(work_of(FIRST, 200), 250000);
		assert_true(has_note("equal-shares"));
	}
	/* Nobody computes. */
	gpu->compute.count = 0;
	gpu->percent = 80;
	pass(1);
	assert_int_equal(bench.sample.uses, 2);
	assert_int_equal(work_of(FIRST, 300), 400000);
	gpu->percent = 0;
	pass(1);
	assert_int_equal(bench.sample.uses, 0);
	/* One process, one whose pid is not known, one listed twice. */
	gpu->percent = 100;
	list(&gpu->compute, 0);
	list(&gpu->compute, 400);
	list(&gpu->compute, 400);
	pass(1);
	assert_int_equal(bench.sample.uses, 1);
	assert_int_equal(work_of(FIRST, 400), 1000000);
	assert_true(has_note("pids"));
}

static void test_mig(void **state)
{
	struct fake_gpu *gpu = &fake->gpu[0];

	(void)state;
	pass(1);
	/* 1g and 4g of an H100, and one that nobody uses; numbers have holes. */
	gpu->mig = true;
	gpu->instance[0] = (struct fake_instance){ .there = true, .multiprocessors = 16 };
	gpu->instance[3] = (struct fake_instance){ .there = true, .multiprocessors = 64 };
	gpu->instance[5] = (struct fake_instance){ .there = true, .multiprocessors = 32 };
	list(&gpu->instance[0].compute, 100);
	list(&gpu->instance[3].compute, 200);
	list(&gpu->instance[3].compute, 300);
	pass(1);
	assert_int_equal(bench.sample.uses, 3);
	assert_true(work_of(FIRST, 100) > 0);
	assert_in_range(work_of(FIRST, 200), 2 * work_of(FIRST, 100) - 2,
			2 * work_of(FIRST, 100) + 2);
	assert_int_equal(work_of(FIRST, 200), work_of(FIRST, 300));
	assert_int_equal(bench.sample.zones, 2);
	assert_true(has_note("mig"));

	/* Cut anew while we look: one process in two instances, the rest gone. */
	gpu->instance[3].there = false;
	list(&gpu->instance[5].compute, 100);
	pass(1);
	assert_int_equal(bench.sample.uses, 1);
	assert_in_range(work_of(FIRST, 100), 999990, 1000000);
	gpu->instance[0].there = gpu->instance[5].there = false;
	pass(1);
	assert_int_equal(bench.sample.uses, 0);

	gpu->mig = false;
	busy(gpu, 100, 50, 0);
	pass(1);
	assert_in_range(work_of(FIRST, 100), 499000, 501000);
	assert_false(has_note("mig"));
}

static void test_lost_and_back(void **state)
{
	u32 epoch;

	(void)state;
	pass(100);
	epoch = zone_of(FIRST)->epoch;
	for (u32 call = FAKE_ENERGY; call <= FAKE_MIG_MODE; call++) {
		fake->call[call].result = 15;
		fake->call[call].gpu = 0;
	}
	for (u32 s = 0; s < 120; s++) {
		pass(1);
		assert_int_equal(zone_of(FIRST)->status, METER_ABSENT);
		assert_true(reads_well(SECOND));
	}
	assert_true(has_note("gpu"));
	assert_in_range(fake->call[FAKE_INIT].calls, 3, 7);
	for (u32 call = FAKE_ENERGY; call <= FAKE_MIG_MODE; call++)
		fake->call[call].result = 0;
	pass(300);
	/* A counter that went on: nothing is lost. */
	assert_true(joules(FIRST) == fake->gpu[0].energy_mj / J);
	assert_int_equal(zone_of(FIRST)->epoch, epoch);
}

/* The driver goes, and comes back with counters that begin anew. */
static void test_driver_reload(void **state)
{
	u32 epoch, other;

	(void)state;
	pass(10);
	epoch = zone_of(FIRST)->epoch;
	other = zone_of(SECOND)->epoch;
	for (u32 call = 0; call < FAKE_CALLS; call++)
		fake->call[call].result = 9;
	pass(20);
	assert_int_equal(bench.sample.zones, 2);
	assert_int_equal(zone_of(FIRST)->status, METER_ABSENT);
	assert_int_equal(zone_of(SECOND)->status, METER_ABSENT);
	for (u32 call = 0; call < FAKE_CALLS; call++)
		fake->call[call].result = 0;
	fake->gpu[0].energy_mj = 5 * J;
	pass(60);
	assert_true(joules(FIRST) == fake->gpu[0].energy_mj / J);
	assert_int_not_equal(zone_of(FIRST)->epoch, epoch);
	/* The second could not have come so far in that time. */
	assert_int_equal(zone_of(SECOND)->epoch, other);

	/* A counter that falls without any error began anew as well. */
	epoch = zone_of(FIRST)->epoch;
	fake->gpu[0].energy_mj = 7 * J;
	pass(1);
	assert_int_not_equal(zone_of(FIRST)->epoch, epoch);
}

/* A counter that began anew and has come further than before, by the time that it is read. */
static void test_restart_beyond(void **state)
{
	u32 epoch;

	(void)state;
	fake->gpu[0].energy_mj = 100 * J;
	poll_once();
	epoch = zone_of(FIRST)->epoch;
	fake->call[FAKE_ENERGY].result = 9;
	pass(3);
	fake->call[FAKE_ENERGY].result = 0;
	fake->gpu[0].energy_mj = 200 * J;
	pass(20);
	assert_true(reads_well(FIRST));
	assert_int_not_equal(zone_of(FIRST)->epoch, epoch);
}

/* The first GPU is taken away; the second gets its number. */
static void test_renumbered(void **state)
{
	u32 epoch;
	char path[256];

	(void)state;
	pass(3);
	epoch = zone_of(FIRST)->epoch;
	fake->gpu[0] = fake->gpu[1];
	fake->gpus = 1;
	snprintf(path, sizeof(path), "%s/" PCI "/" FIRST "/vendor", bench.t->dir);
	assert_int_equal(unlink(path), 0);
	pass(70);
	assert_int_equal(bench.sample.zones, 1);
	assert_string_equal(zone_of(SECOND)->zone.package, "0");
	assert_true(joules(SECOND) == fake->gpu[0].energy_mj / J);
	/* It is not taken for the other one's counter. */
	assert_int_not_equal(zone_of(SECOND)->epoch, epoch);
}

static void test_suspended(void **state)
{
	struct tree *t = *state;
	u64 value;

	fake->gpus = 1;
	set_gpu(0, 0, 0x41);
	add_pci(t, FIRST, "suspended");
	open_meter();
	pass(200);
	assert_int_equal(fake->call[FAKE_INIT].calls, 0);
	assert_int_equal(bench.sample.zones, 0);
	assert_int_equal(bench.sample.report.notes, 0);
	assert_non_null(strstr(bench.sample.report.found, "suspended"));

	add_pci(t, FIRST, "active");
	pass(2);
	value = joules(FIRST);
	add_pci(t, FIRST, "suspended");
	fake->gpu[0].touched = 0;
	pass(200);
	assert_int_equal(fake->gpu[0].touched, 0);
	assert_true(joules(FIRST) == value);
	assert_true(zone_of(FIRST)->taken_ns == bench.when.now_ns);
	add_pci(t, FIRST, "active");
	pass(1);
	assert_true(joules(FIRST) == fake->gpu[0].energy_mj / J);
}

/* One sleeps, the other works: only that one is asked, by its address. */
static void test_one_suspended(void **state)
{
	add_pci(*state, FIRST, "suspended");
	meter_nvml.close(&bench.meter);
	open_meter();
	pass(200);
	assert_int_equal(fake->gpu[0].touched, 0);
	assert_true(reads_well(SECOND));
	assert_string_equal(zone_of(SECOND)->zone.package, "1");
	add_pci(*state, FIRST, "active");
	pass(1);
	assert_true(reads_well(FIRST) && reads_well(SECOND));
	assert_string_equal(zone_of(FIRST)->zone.package, "0");
}

/* A GPU that could be suspended is let go when nobody uses it. */
static void test_let_go(void **state)
{
	struct tree *t = *state;
	u64 taken_ns;

	fake->gpus = 1;
	set_gpu(0, 0, 0x41);
	add_pci(t, FIRST, "active");
	tree_write(t, "proc/driver/nvidia/gpus/" FIRST "/power",
		   "Runtime D3 status:          Enabled (fine-grained)\nVideo Memory: Active\n");
	open_meter();
	for (u32 s = 0; s < 60; s++) {
		fake->gpu[0].samples = 0;
		busy(&fake->gpu[0], 100, 50, 0);
		pass(1);
	}
	assert_int_equal(fake->open, 1);
	pass(20);
	assert_int_equal(fake->open, 0);
	taken_ns = zone_of(FIRST)->taken_ns;
	pass(30);
	assert_int_equal(fake->open, 0);
	/* The last reading stands, as the last one. */
	assert_true(reads_well(FIRST));
	assert_true(zone_of(FIRST)->taken_ns == taken_ns);
	/* Looked at again after a minute. */
	pass(40);
	assert_int_equal(fake->call[FAKE_INIT].calls, 2);
	assert_true(zone_of(FIRST)->taken_ns > taken_ns);
	pass(20);
	assert_int_equal(fake->open, 0);
	add_pci(t, FIRST, "suspended");
	pass(300);
	assert_int_equal(fake->call[FAKE_INIT].calls, 2);
	add_pci(t, FIRST, "active");
	pass(1);
	assert_int_equal(fake->open, 1);
	assert_true(joules(FIRST) == fake->gpu[0].energy_mj / J);
}

static void test_server_is_held(void **state)
{
	tree_write(*state, "proc/driver/nvidia/gpus/" FIRST "/power",
		   "Runtime D3 status:          Not supported\n");
	pass(200);
	assert_int_equal(fake->call[FAKE_INIT].calls, 1);
	assert_int_equal(fake->open, 1);
}

static void test_missing_library(void **state)
{
	struct tree *t = *state;

	no_library = true;
	fake->gpus = 1;
	set_gpu(0, 0, 0x41);
	add_pci(t, FIRST, "active");
	open_meter();
	assert_int_equal(bench.meter.report.notes, 1);
	assert_string_equal(bench.meter.report.note[0].code, "library");
	assert_non_null(strstr(bench.meter.report.note[0].remedy, "libnvidia-ml1"));
	pass(10);
	assert_true(has_note("library"));
	assert_int_equal(bench.sample.zones, 0);
	assert_int_equal(bench.sample.report.none, METER_ABSENT);
	/* It is installed while we run. */
	no_library = false;
	pass(310);
	assert_true(reads_well(FIRST));
	assert_false(has_note("library"));
}

static void test_other_driver(void **state)
{
	struct tree *t = *state;

	no_library = true;
	add_pci(t, FIRST, "active");
	set_driver(t, FIRST, "vfio-pci");
	open_meter();
	assert_string_equal(bench.meter.report.note[0].code, "other-driver");
	assert_int_equal(bench.meter.report.note[0].severity, METER_INFO);
	/* Another one is NVML's: it is measured, and the first is no fault. */
	no_library = false;
	fake->gpus = 1;
	set_gpu(0, 1, 0xc1);
	add_pci(t, SECOND, "active");
	set_driver(t, SECOND, "nvidia");
	pass(70);
	assert_true(reads_well(SECOND));
	assert_true(has_note("other-driver"));
	assert_false(has_note("not-seen"));
}

static void test_hidden_gpu(void **state)
{
	(void)state;
	fake->gpus = 1;
	pass(2);
	assert_true(reads_well(FIRST));
	assert_true(has_note("not-seen"));
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
	fake->gpu[1].mig = true;
	fake->gpu[1].instance[0] = (struct fake_instance){ .there = true, .multiprocessors = 16 };
	list(&fake->gpu[1].instance[0].compute, 300);
	list(&fake->gpu[0].compute, 100);
	for (u32 i = 0; i < ARRAY_SIZE(optional); i++) {
		meter_nvml.close(&bench.meter);
		missing = optional[i];
		open_meter();
		pass(5);
		assert_true(reads_well(FIRST) && reads_well(SECOND));
		assert_string_equal(zone_of(SECOND)->zone.package, "1");
	}
	for (u32 i = 0; i < ARRAY_SIZE(required); i++) {
		meter_nvml.close(&bench.meter);
		missing = required[i];
		open_meter();
		pass(2);
		assert_int_equal(bench.sample.zones, 0);
		assert_true(has_note("library"));
	}
}

/* More GPUs and more processes than there is room for. */
static void test_limits(void **state)
{
	struct tree *t = *state;

	tree_write(t, "dev/nvidiactl", "\n");
	fake->gpus = FAKE_GPUS;
	for (u32 i = 0; i < FAKE_GPUS; i++)
		set_gpu(i, 0, i + 1);
	open_meter();
	pass(2);
	assert_int_equal(bench.sample.zones, SAMPLE_ZONES_MAX);
	for (u32 g = 0; g < 2; g++) {
		for (u32 i = 0; i < 700; i++)
			busy(&fake->gpu[g], 1000 + i, 1, 0);
	}
	pass(1);
	assert_int_equal(bench.sample.uses, METER_USES_MAX);
	assert_true(has_note("many-processes"));

	/* A list that is longer than anything. */
	fake->gpu[0].no_busy = true;
	for (u32 i = 0; i < FAKE_PIDS; i++)
		list(&fake->gpu[0].compute, 1000 + i);
	pass(1);
	assert_true(reads_well("0000:01:00.0"));
	assert_true(has_note("many-processes"));
}

/* All of it: a thread that polls, the gate, and the set that hands out zones and uses. */
static void test_in_a_set(void **state)
{
	struct tree *t = *state;
	u64 used = 0, first_uj = 0, value_uj = 0;
	u32 zone = UINT32_MAX;

	fake->gpus = 1;
	set_gpu(0, 0, 0x41);
	add_pci(t, FIRST, "active");
	tree_open(t);
	for (u32 i = 0; i < 600 && (used == 0 || value_uj == first_uj); i++) {
		const struct meter_use *use;
		u32 count;

		fake->gpu[0].energy_mj += 1 * J;
		fake->gpu[0].sample[0] =
			(struct fake_sample){ .pid = 100, .sm = 50, .time_us = DRIVER_US + i };
		fake->gpu[0].samples = 1;
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
		cmocka_unit_test_setup_teardown(test_no_gpu, setup, teardown),
		cmocka_unit_test_setup_teardown(test_present, setup, teardown),
		cmocka_unit_test_setup_teardown(test_two_gpus, setup_two, teardown),
		cmocka_unit_test_setup_teardown(test_no_pci, setup, teardown),
		cmocka_unit_test_setup_teardown(test_power_fallback, setup_two, teardown),
		cmocka_unit_test_setup_teardown(test_neither, setup_two, teardown),
		cmocka_unit_test_setup_teardown(test_every_error, setup_two, teardown),
		cmocka_unit_test_setup_teardown(test_error_at_start, setup_two, teardown),
		cmocka_unit_test_setup_teardown(test_two_processes, setup_two, teardown),
		cmocka_unit_test_setup_teardown(test_odd_samples, setup_two, teardown),
		cmocka_unit_test_setup_teardown(test_clock_set_back, setup_two, teardown),
		cmocka_unit_test_setup_teardown(test_lists, setup_two, teardown),
		cmocka_unit_test_setup_teardown(test_mig, setup_two, teardown),
		cmocka_unit_test_setup_teardown(test_lost_and_back, setup_two, teardown),
		cmocka_unit_test_setup_teardown(test_driver_reload, setup_two, teardown),
		cmocka_unit_test_setup_teardown(test_restart_beyond, setup_two, teardown),
		cmocka_unit_test_setup_teardown(test_renumbered, setup_two, teardown),
		cmocka_unit_test_setup_teardown(test_suspended, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_suspended, setup_two, teardown),
		cmocka_unit_test_setup_teardown(test_let_go, setup, teardown),
		cmocka_unit_test_setup_teardown(test_server_is_held, setup_two, teardown),
		cmocka_unit_test_setup_teardown(test_missing_library, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_driver, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hidden_gpu, setup_two, teardown),
		cmocka_unit_test_setup_teardown(test_missing_functions, setup_two, teardown),
		cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_in_a_set, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
