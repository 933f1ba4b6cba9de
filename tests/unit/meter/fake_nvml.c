// SPDX-License-Identifier: Apache-2.0
#include "fake_nvml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define EXPORT __attribute__((visibility("default")))

enum { OK = 0, UNINITIALIZED = 1, INVALID = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, TOO_SMALL = 7 };

/* A handle is the address of a fake_gpu, or of a fake_instance. */
typedef void *device;

typedef struct {
	char legacy[16];
	unsigned int domain, bus, device, id, subsystem;
	char text[32];
} pci_info;

typedef struct {
	unsigned int multiprocessors, copy, decoders, encoders, jpegs, flows, gpu_slices,
		compute_slices;
	unsigned long long memory;
} attributes;

typedef struct {
	unsigned int gpu, memory;
} rates;

/* The widest of the three entries of process lists; the others are its beginning. */
typedef struct {
	unsigned int pid;
	unsigned long long memory;
	unsigned int gpu_instance, compute_instance;
	unsigned long long protected_memory;
} process;

static struct fake_nvml fake = { .entry_size = 24 };

EXPORT struct fake_nvml *fake_nvml(void)
{
	return &fake;
}

static struct fake_instance *instance_of(device d, int *gpu)
{
	for (unsigned int g = 0; g < FAKE_GPUS; g++) {
		for (unsigned int i = 0; i < FAKE_INSTANCES; i++) {
			if (d == &fake.gpu[g].instance[i]) {
				*gpu = (int)g;
				return &fake.gpu[g].instance[i];
			}
		}
	}
	return NULL;
}

static struct fake_gpu *gpu_of(device d, int *gpu)
{
	for (unsigned int g = 0; g < FAKE_GPUS; g++) {
		if (d == &fake.gpu[g]) {
			*gpu = (int)g;
			return &fake.gpu[g];
		}
	}
	return NULL;
}

/* Counts a call that concerns @gpu, or none (-1). Returns what it must return instead of OK. */
static int step(enum fake_call call, int gpu)
{
	fake.call[call].calls++;
	if (gpu >= 0)
		fake.gpu[gpu].touched++;
	if (!fake.open && call != FAKE_INIT) {
		fake.misuses++;
		return UNINITIALIZED;
	}
	if (fake.call[call].result && (fake.call[call].gpu < 0 || fake.call[call].gpu == gpu))
		return fake.call[call].result;
	return OK;
}

/* The same for a call on a board: *@g is the board. */
static int step_gpu(enum fake_call call, device d, struct fake_gpu **g)
{
	int number = -1;
	int result;

	*g = gpu_of(d, &number);
	result = step(call, number);
	if (result != OK)
		return result;
	return *g ? OK : INVALID;
}

EXPORT int nvmlInit_v2(void);
EXPORT int nvmlInit_v2(void)
{
	const char *watts = getenv("FAKE_NVML_WATTS");
	int result = step(FAKE_INIT, -1);

	if (result != OK)
		return result;
	if (watts && fake.gpus == 0) {
		fake.gpus = 1;
		fake.gpu[0].bus = 0x41;
		fake.gpu[0].power_mw = (unsigned int)atoi(watts) * 1000;
	}
	fake.open++;
	return OK;
}

EXPORT int nvmlShutdown(void);
EXPORT int nvmlShutdown(void)
{
	int result = step(FAKE_SHUTDOWN, -1);

	if (fake.open)
		fake.open--;
	return result;
}

EXPORT int nvmlDeviceGetCount_v2(unsigned int *count);
EXPORT int nvmlDeviceGetCount_v2(unsigned int *count)
{
	int result = step(FAKE_COUNT, -1);

	if (result == OK)
		*count = fake.gpus;
	return result;
}

EXPORT int nvmlDeviceGetHandleByIndex_v2(unsigned int index, device *d);
EXPORT int nvmlDeviceGetHandleByIndex_v2(unsigned int index, device *d)
{
	int result = step(FAKE_BY_INDEX, index < fake.gpus ? (int)index : -1);

	if (result != OK)
		return result;
	if (index >= fake.gpus)
		return INVALID;
	*d = &fake.gpu[index];
	return OK;
}

EXPORT int nvmlDeviceGetHandleByPciBusId_v2(const char *id, device *d);
EXPORT int nvmlDeviceGetHandleByPciBusId_v2(const char *id, device *d)
{
	unsigned int domain, bus, slot, function;

	if (sscanf(id, "%x:%x:%x.%x", &domain, &bus, &slot, &function) != 4)
		return INVALID;
	for (unsigned int i = 0; i < fake.gpus; i++) {
		int result;

		if (fake.gpu[i].domain != domain || fake.gpu[i].bus != bus)
			continue;
		result = step(FAKE_BY_PCI, (int)i);
		*d = &fake.gpu[i];
		return result;
	}
	return NOT_FOUND;
}

EXPORT int nvmlDeviceGetIndex(device d, unsigned int *index);
EXPORT int nvmlDeviceGetIndex(device d, unsigned int *index)
{
	struct fake_gpu *g;
	int result = step_gpu(FAKE_INDEX, d, &g);

	if (result == OK)
		*index = (unsigned int)(g - fake.gpu);
	return result;
}

EXPORT int nvmlDeviceGetPciInfo_v3(device d, pci_info *info);
EXPORT int nvmlDeviceGetPciInfo_v3(device d, pci_info *info)
{
	struct fake_gpu *g;
	int result = step_gpu(FAKE_PCI, d, &g);

	if (result != OK)
		return result;
	memset(info, 0, sizeof(*info));
	info->domain = g->domain;
	info->bus = g->bus;
	snprintf(info->text, sizeof(info->text), "%08X:%02X:00.0", g->domain, g->bus);
	return OK;
}

EXPORT int nvmlDeviceGetName(device d, char *text, unsigned int size);
EXPORT int nvmlDeviceGetName(device d, char *text, unsigned int size)
{
	struct fake_gpu *g;
	int result = step_gpu(FAKE_NAME, d, &g);

	if (result == OK)
		snprintf(text, size, "%s", g->name ? g->name : "Fake GPU");
	return result;
}

EXPORT int nvmlDeviceGetUUID(device d, char *text, unsigned int size);
EXPORT int nvmlDeviceGetUUID(device d, char *text, unsigned int size)
{
	struct fake_gpu *g;
	int result = step_gpu(FAKE_UUID, d, &g);

	if (result == OK)
		snprintf(text, size, "%s", g->uuid ? g->uuid : "GPU-fake");
	return result;
}

static unsigned long long clock_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (unsigned long long)now.tv_sec * 1000000 + (unsigned long long)now.tv_nsec / 1000;
}

EXPORT int nvmlDeviceGetTotalEnergyConsumption(device d, unsigned long long *mj);
EXPORT int nvmlDeviceGetTotalEnergyConsumption(device d, unsigned long long *mj)
{
	struct fake_gpu *g;
	int result = step_gpu(FAKE_ENERGY, d, &g);

	if (result != OK)
		return result;
	if (g->no_counter)
		return NOT_SUPPORTED;
	*mj = getenv("FAKE_NVML_WATTS") ? g->power_mw * clock_us() / 1000000 : g->energy_mj;
	return OK;
}

EXPORT int nvmlDeviceGetPowerUsage(device d, unsigned int *mw);
EXPORT int nvmlDeviceGetPowerUsage(device d, unsigned int *mw)
{
	struct fake_gpu *g;
	int result = step_gpu(FAKE_POWER, d, &g);

	if (result == OK)
		*mw = g->power_mw;
	return result;
}

EXPORT int nvmlDeviceGetPowerManagementLimitConstraints(device d, unsigned int *least,
							unsigned int *most);
EXPORT int nvmlDeviceGetPowerManagementLimitConstraints(device d, unsigned int *least,
							unsigned int *most)
{
	struct fake_gpu *g;
	int result = step_gpu(FAKE_LIMITS, d, &g);

	if (result != OK)
		return result;
	if (!g->limit_mw)
		return NOT_SUPPORTED;
	*least = g->limit_mw / 2;
	*most = g->limit_mw;
	return OK;
}

EXPORT int nvmlDeviceGetUtilizationRates(device d, rates *r);
EXPORT int nvmlDeviceGetUtilizationRates(device d, rates *r)
{
	struct fake_gpu *g;
	int result = step_gpu(FAKE_RATES, d, &g);

	if (result == OK)
		*r = (rates){ .gpu = g->percent };
	return result;
}

/* The processes of FAKE_NVML_BUSY, as sampled now. */
static void sample_processes(struct fake_gpu *g, const char *text)
{
	unsigned int pid, percent;
	int used;

	g->samples = 0;
	while (g->samples < FAKE_PIDS && sscanf(text, "%u:%u%n", &pid, &percent, &used) == 2) {
		g->sample[g->samples++] =
			(struct fake_sample){ .pid = pid, .time_us = clock_us(), .sm = percent };
		text += used;
		text += *text == ',';
	}
}

EXPORT int nvmlDeviceGetProcessUtilization(device d, struct fake_sample *list, unsigned int *count,
					   unsigned long long since_us);
EXPORT int nvmlDeviceGetProcessUtilization(device d, struct fake_sample *list, unsigned int *count,
					   unsigned long long since_us)
{
	struct fake_gpu *g;
	int result = step_gpu(FAKE_BUSY, d, &g);
	unsigned int found = 0;

	if (result != OK)
		return result;
	if (g->no_busy || g->mig)
		return NOT_SUPPORTED;
	if (getenv("FAKE_NVML_BUSY"))
		sample_processes(g, getenv("FAKE_NVML_BUSY"));
	if (*count < g->samples)
		return TOO_SMALL;
	for (unsigned int i = 0; i < g->samples; i++) {
		if (g->sample[i].time_us > since_us)
			list[found++] = g->sample[i];
	}
	*count = found;
	return found ? OK : NOT_FOUND;
}

static int give_list(const struct fake_list *from, unsigned int *count, void *list)
{
	if (*count < from->count) {
		*count = from->count;
		return TOO_SMALL;
	}
	*count = from->count;
	for (unsigned int i = 0; i < from->count; i++) {
		process p;

		memset(&p, 0, sizeof(p));
		p.pid = from->pid[i];
		p.memory = 1 << 20;
		p.gpu_instance = p.compute_instance = ~0U;
		memcpy((char *)list + (size_t)i * fake.entry_size, &p, fake.entry_size);
	}
	return OK;
}

EXPORT int nvmlDeviceGetComputeRunningProcesses_v3(device d, unsigned int *count, void *list);
EXPORT int nvmlDeviceGetComputeRunningProcesses_v3(device d, unsigned int *count, void *list)
{
	int gpu = -1;
	const struct fake_instance *instance = instance_of(d, &gpu);
	const struct fake_gpu *g = instance ? NULL : gpu_of(d, &gpu);
	int result = step(FAKE_COMPUTE, gpu);

	if (result != OK)
		return result;
	if (!instance && !g)
		return INVALID;
	return give_list(instance ? &instance->compute : &g->compute, count, list);
}

EXPORT int nvmlDeviceGetGraphicsRunningProcesses_v3(device d, unsigned int *count, void *list);
EXPORT int nvmlDeviceGetGraphicsRunningProcesses_v3(device d, unsigned int *count, void *list)
{
	int gpu = -1;
	const struct fake_gpu *g = instance_of(d, &gpu) ? NULL : gpu_of(d, &gpu);
	int result = step(FAKE_GRAPHICS, gpu);

	if (result != OK)
		return result;
	if (!g)
		return NOT_SUPPORTED;
	return give_list(&g->graphics, count, list);
}

EXPORT int nvmlDeviceGetMigMode(device d, unsigned int *now, unsigned int *pending);
EXPORT int nvmlDeviceGetMigMode(device d, unsigned int *now, unsigned int *pending)
{
	struct fake_gpu *g;
	int result = step_gpu(FAKE_MIG_MODE, d, &g);

	if (result == OK)
		*now = *pending = g->mig;
	return result;
}

EXPORT int nvmlDeviceGetMaxMigDeviceCount(device d, unsigned int *count);
EXPORT int nvmlDeviceGetMaxMigDeviceCount(device d, unsigned int *count)
{
	struct fake_gpu *g;
	int result = step_gpu(FAKE_MIG_COUNT, d, &g);

	if (result == OK)
		*count = FAKE_INSTANCES - 1;
	return result;
}

EXPORT int nvmlDeviceGetMigDeviceHandleByIndex(device d, unsigned int index, device *mig);
EXPORT int nvmlDeviceGetMigDeviceHandleByIndex(device d, unsigned int index, device *mig)
{
	struct fake_gpu *g;
	int result = step_gpu(FAKE_MIG_BY_INDEX, d, &g);

	if (result != OK)
		return result;
	if (index >= FAKE_INSTANCES || !g->instance[index].there)
		return NOT_FOUND;
	*mig = &g->instance[index];
	return OK;
}

EXPORT int nvmlDeviceGetAttributes_v2(device d, attributes *a);
EXPORT int nvmlDeviceGetAttributes_v2(device d, attributes *a)
{
	int gpu = -1;
	const struct fake_instance *instance = instance_of(d, &gpu);
	int result = step(FAKE_ATTRIBUTES, gpu);

	if (result != OK)
		return result;
	if (!instance)
		return NOT_SUPPORTED;
	memset(a, 0, sizeof(*a));
	a->multiprocessors = instance->multiprocessors;
	return OK;
}
