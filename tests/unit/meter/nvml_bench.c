// SPDX-License-Identifier: Apache-2.0
#include "nvml_bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* The library as our code finds it; linked with --wrap. */
bool nvml_no_library;
const char *nvml_missing;

void *__real_dlopen(const char *name, int flags);
void *__real_dlsym(void *library, const char *name);
void *__wrap_dlopen(const char *name, int flags);
void *__wrap_dlsym(void *library, const char *name);

void *__wrap_dlopen(const char *name, int flags)
{
	assert_string_equal(name, "libnvidia-ml.so.1");
	return nvml_no_library ? NULL : __real_dlopen(FAKE_NVML, flags);
}

void *__wrap_dlsym(void *library, const char *name)
{
	if (nvml_missing && strncmp(name, nvml_missing, strlen(nvml_missing)) == 0)
		return NULL;
	return __real_dlsym(library, name);
}

struct fake_nvml *nvml_fake;

struct nvml_bench nvml_bench;

void nvml_set_gpu(u32 i, u32 domain, u32 bus)
{
	nvml_fake->gpu[i] = (struct fake_gpu){ .domain = domain,
					       .bus = bus,
					       .name = "NVIDIA H100 80GB HBM3",
					       .uuid = "GPU-5f8dd1b6-86b7-4b0a-8f0d-000000000041",
					       .energy_mj = 1000000 * NVML_J,
					       .power_mw = 100000,
					       .limit_mw = 700000,
					       .percent = 100 };
}

void nvml_add_pci(const struct tree *t, const char *address, const char *status)
{
	char path[128];

	snprintf(path, sizeof(path), NVML_PCI "/%s/vendor", address);
	tree_write(t, path, "0x10de\n");
	snprintf(path, sizeof(path), NVML_PCI "/%s/class", address);
	tree_write(t, path, "0x030200\n");
	snprintf(path, sizeof(path), NVML_PCI "/%s/power/runtime_status", address);
	tree_write(t, path, "%s\n", status);
}

void nvml_set_driver(const struct tree *t, const char *address, const char *driver)
{
	char link[256], target[128];

	snprintf(link, sizeof(link), "%s/" NVML_PCI "/%s/driver", t->dir, address);
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
void nvml_open_meter(void)
{
	struct tree *t = nvml_bench.t;

	open_root(t);
	report_begin(&nvml_bench.meter.report);
	assert_int_equal(meter_nvml.open(&nvml_bench.meter, &t->root, &t->options), 0);
	sysroot_deinit(&t->root);
}

/* A poll, a second after the last. */
void nvml_poll_once(void)
{
	nvml_bench.when.now_ns += NSEC_PER_SEC;
	nvml_bench.when.awake_ns += NSEC_PER_SEC;
	memset(&nvml_bench.sample, 0, sizeof(nvml_bench.sample));
	meter_nvml.poll(nvml_bench.meter.priv, &nvml_bench.when, &nvml_bench.sample);
	assert_in_range(nvml_bench.sample.next_ns, nvml_bench.when.now_ns,
			nvml_bench.when.now_ns + NSEC_PER_SEC);
}

/* Seconds in which each GPU draws 300 W. */
void nvml_pass(u32 seconds)
{
	for (u32 s = 0; s < seconds; s++) {
		for (u32 i = 0; i < nvml_fake->gpus; i++)
			nvml_fake->gpu[i].energy_mj += 300 * NVML_J;
		nvml_poll_once();
	}
}

struct sample_zone *nvml_zone_of(const char *device)
{
	for (u32 i = 0; i < nvml_bench.sample.zones; i++) {
		if (strcmp(nvml_bench.sample.zone[i].zone.device, device) == 0)
			return &nvml_bench.sample.zone[i];
	}
	return NULL;
}

u64 nvml_joules(const char *device)
{
	const struct sample_zone *zone = nvml_zone_of(device);

	assert_non_null(zone);
	assert_int_equal(zone->status, METER_OK);
	return zone->value_uj / UJ_PER_J;
}

bool nvml_reads_well(const char *device)
{
	const struct sample_zone *zone = nvml_zone_of(device);

	return zone && zone->status == METER_OK;
}

u64 nvml_work_of(const char *device, u32 pid)
{
	for (u32 i = 0; i < nvml_bench.sample.uses; i++) {
		const struct meter_use *use = &nvml_bench.sample.use[i];

		assert_in_range(use->zone, 0, nvml_bench.sample.zones - 1);
		if (use->pid == pid && &nvml_bench.sample.zone[use->zone] == nvml_zone_of(device))
			return use->work;
	}
	return 0;
}

bool nvml_has_note(const char *code)
{
	for (u32 i = 0; i < nvml_bench.sample.report.notes; i++) {
		if (strcmp(nvml_bench.sample.report.note[i].code, code) == 0)
			return true;
	}
	return false;
}

/* The time of the driver's clock at the poll to come. */
static u64 driver_us(void)
{
	return NVML_DRIVER_US + (nvml_bench.when.now_ns - 1000 * NSEC_PER_SEC) / NSEC_PER_USEC;
}

/* Adds a sample of now. */
void nvml_busy_now(struct fake_gpu *gpu, u32 pid, u32 sm, u32 encoder)
{
	gpu->sample[gpu->samples++] = (struct fake_sample){
		.pid = pid, .time_us = driver_us(), .sm = sm, .encoder = encoder
	};
}

void nvml_list(struct fake_list *to, u32 pid)
{
	to->pid[to->count++] = pid;
}

int nvml_setup(void **state)
{
	void *library = __real_dlopen(FAKE_NVML, RTLD_NOW);
	struct fake_nvml *(*get)(void);
	void *address;

	/* Held once more than by our code, so that its state stays. */
	assert_non_null(library);
	address = __real_dlsym(library, "fake_nvml");
	assert_non_null(address);
	memcpy(&get, &address, sizeof(get));
	nvml_fake = get();
	memset(nvml_fake, 0, sizeof(*nvml_fake));
	nvml_fake->entry_size = 24;
	for (u32 i = 0; i < FAKE_CALLS; i++)
		nvml_fake->call[i].gpu = -1;
	nvml_no_library = false;
	nvml_missing = NULL;
	assert_int_equal(tree_setup(state), 0);
	memset(&nvml_bench, 0, sizeof(nvml_bench));
	nvml_bench.t = *state;
	nvml_bench.meter.ops = &meter_nvml;
	nvml_bench.stop.fd = eventfd(0, EFD_CLOEXEC);
	nvml_bench.when = (struct meter_poll){ .now_ns = 1000 * NSEC_PER_SEC,
					       .awake_ns = 900 * NSEC_PER_SEC,
					       .stop = &nvml_bench.stop };
	return 0;
}

/* Two GPUs, as most tests have them. */
int nvml_setup_two(void **state)
{
	nvml_setup(state);
	nvml_fake->gpus = 2;
	nvml_set_gpu(0, 0, 0x41);
	nvml_set_gpu(1, 1, 0xc1);
	nvml_add_pci(nvml_bench.t, NVML_FIRST, "active");
	nvml_add_pci(nvml_bench.t, NVML_SECOND, "active");
	nvml_open_meter();
	return 0;
}

int nvml_teardown(void **state)
{
	meter_nvml.close(&nvml_bench.meter);
	assert_null(nvml_bench.meter.priv);
	meter_nvml.close(&nvml_bench.meter);
	assert_int_equal(nvml_fake->open, 0);
	assert_int_equal(nvml_fake->misuses, 0);
	close(nvml_bench.stop.fd);
	return tree_teardown(state);
}
