// SPDX-License-Identifier: Apache-2.0
/*
 * NVIDIA GPUs through the library of their driver, NVML, which is loaded when there is a GPU.
 *
 * Interface: libnvidia-ml.so.1; <sys>/bus/pci/devices for what must be known without waking a GPU.
 * Unit: millijoules since the driver was loaded (Volta and newer), updated every 20 to 100 ms; on
 * older boards milliwatts of the moment, which are integrated here.
 * Wrap: none known. The counter restarts with the driver, and on boards without persistence mode
 * whenever the last program that holds the GPU ends.
 * Permission: /dev/nvidiactl and /dev/nvidia0 and so on, which are everybody's by default; a
 * container must be given them, and the library. Pids are the host's only in its pid namespace.
 * Overlap: the board as a whole, its memory included; not part of any CPU zone.
 * Known lies: A100 and H100 sample their power a quarter of the time, so that loads in step with
 * the sampling are off by up to 5 %; some drivers return entries of process lists in another
 * width than their name says, or samples that were never filled (nvml_use.c).
 *
 * One zone per board, also when it is cut into MIG instances: the board has one meter.
 *
 * Calls into the library can take seconds, and wake a GPU that runtime power management has
 * switched off; holding it keeps it awake. So a suspended GPU is not asked. Where the driver may
 * suspend every GPU, as in laptops, the library is let go after a while in which nobody used one,
 * and taken up again when a GPU is active on its own account, or after a minute.
 */
#include "meter/nvml.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Processes are sampled about once a second: what is read more often says who used nothing. */
#define POLL_NS (NSEC_PER_SEC * 9 / 10)

/* How long until NVML is started again after it failed; doubles with each failure in a row. */
#define RETRY_MIN_NS (5 * NSEC_PER_SEC)
#define RETRY_MAX_NS (300 * NSEC_PER_SEC)

/* GPUs are looked for again this often: one may be plugged in or given to a virtual machine. */
#define LOOK_NS (60 * NSEC_PER_SEC)

/* A GPU that may be suspended is held this long after its last use, and left alone that long. */
#define HOLD_NS (15 * NSEC_PER_SEC)
#define REST_NS (60 * NSEC_PER_SEC)

static bool all_suspended(const struct nvml_pci *pci)
{
	return pci->count > 0 && nvml_pci_suspended(pci) == pci->count;
}

struct nvml_gpu *nvml_find(struct nvml *nvml, const char *address)
{
	for (u32 i = 0; i < nvml->count; i++) {
		if (strcmp(nvml->gpu[i].zone.device, address) == 0)
			return &nvml->gpu[i];
	}
	return NULL;
}

/* Numbers may be given anew when a GPU goes: the one that had it is not the one that has it. */
static void forget_namesakes(struct nvml *nvml, const struct nvml_gpu *now)
{
	for (u32 i = 0; i < nvml->count; i++) {
		struct nvml_gpu *gpu = &nvml->gpu[i];

		if (gpu != now && strcmp(gpu->zone.package, now->zone.package) == 0)
			gpu->zone.package[0] = '\0';
	}
}

static int adopt(struct nvml *nvml, nvml_device device, u32 number)
{
	char address[16], package[sizeof(nvml->gpu[0].zone.package)];
	struct nvml_gpu *gpu;
	int result = nvml_gpu_address(&nvml->api, device, address);

	if (result != NVML_OK)
		return result;
	gpu = nvml_find(nvml, address);
	if (!gpu && nvml->count == NVML_GPUS_MAX)
		return NVML_OK;
	if (!gpu) {
		gpu = &nvml->gpu[nvml->count++];
		nvml_gpu_init(gpu, address);
	}
	memcpy(package, gpu->zone.package, sizeof(package));
	/* Its place, in case the library can't tell the number. */
	snprintf(gpu->zone.package, sizeof(gpu->zone.package), "%u", number);
	nvml_gpu_adopt(gpu, &nvml->api, device);
	/* What it counted by another number is in the books: its zone does not go on from before.
	 */
	if (strcmp(package, gpu->zone.package) != 0)
		gpu->has_value = false;
	forget_namesakes(nvml, gpu);
	return NVML_OK;
}

/* Takes the handle that a question returned, if it did. */
static void take_handle(struct nvml *nvml, int result, nvml_device device, u32 number)
{
	if (result == NVML_OK)
		result = adopt(nvml, device, number);
	/* What NVML does not know at all is another driver's. */
	if (result == NVML_OK || result == NVML_NOT_FOUND)
		return;
	nvml->refused++;
	nvml->refused_why = result;
}

/* Finds the GPUs. To get a handle by number wakes a GPU; then those that are awake are named. */
static int look_for_gpus(struct nvml *nvml, u64 now_ns)
{
	bool by_address = nvml_pci_suspended(&nvml->pci) > 0;
	u32 count = nvml->pci.count;
	int result = NVML_OK;

	nvml->look_ns = now_ns + LOOK_NS;
	if (!by_address)
		result = NVML_CALL(&nvml->api, count, &count);
	if (result != NVML_OK)
		return result;
	nvml->refused = 0;
	for (u32 i = 0; i < nvml->count; i++) {
		if (!nvml_pci_is_suspended(&nvml->pci, nvml->gpu[i].zone.device))
			nvml->gpu[i].device = NULL;
	}
	for (u32 i = 0; i < count && i < NVML_GPUS_MAX; i++) {
		nvml_device device = NULL;

		if (!by_address)
			result = NVML_CALL(&nvml->api, by_index, i, &device);
		else if (nvml->pci.gpu[i].suspended)
			continue;
		else
			result = NVML_CALL(&nvml->api, by_pci, nvml->pci.gpu[i].address, &device);
		take_handle(nvml, result, device, i);
	}
	return NVML_OK;
}

/* Lets go of the library. Its successor may be of another version: it is loaded again. */
static void stop(struct nvml *nvml)
{
	for (u32 i = 0; i < nvml->count; i++) {
		nvml->gpu[i].device = NULL;
		nvml->gpu[i].reopened = true;
		nvml->gpu[i].use.no_busy = false;
	}
	if (nvml->state == NVML_UP)
		NVML_CALL(&nvml->api, shutdown);
	nvml_api_unload(&nvml->api);
	nvml->state = NVML_DOWN;
}

static void retry_later(struct nvml *nvml, u64 now_ns)
{
	nvml->retry_ns = now_ns + nvml->retry_gap_ns;
	nvml->retry_gap_ns = u64_min(2 * nvml->retry_gap_ns, RETRY_MAX_NS);
}

static void start(struct nvml *nvml, u64 now_ns)
{
	nvml->why = nvml->api.library ? 0 : nvml_api_load(&nvml->api);
	if (nvml->why == 0)
		nvml->why = NVML_CALL(&nvml->api, init);
	if (nvml->why == NVML_OK) {
		nvml->state = NVML_UP;
		nvml->used_ns = now_ns;
		nvml->why = look_for_gpus(nvml, now_ns);
	}
	if (nvml->why != NVML_OK) {
		stop(nvml);
		retry_later(nvml, now_ns);
	}
}

/* Whether NVML could have this GPU: it is there, and not bound to another driver. */
static bool is_ours(const struct nvml *nvml, const struct nvml_gpu *gpu)
{
	const struct nvml_pci_gpu *pci = nvml_pci_find(&nvml->pci, gpu->zone.device);

	if (!pci)
		return nvml->pci.count == 0;
	return !pci->suspended && !nvml_pci_is_foreign(pci);
}

/* Whether a GPU can only be had back by starting NVML anew. */
static bool is_broken(const struct nvml *nvml)
{
	for (u32 i = 0; i < nvml->count; i++) {
		const struct nvml_gpu *gpu = &nvml->gpu[i];

		if (is_ours(nvml, gpu) && (!gpu->device || nvml_gpu_is_broken(gpu)))
			return true;
	}
	return nvml->refused && nvml_status(nvml->refused_why) == METER_ABSENT;
}

/* Starts NVML, or starts it anew, or finds the GPUs again, if it is time. */
static void keep_up(struct nvml *nvml, u64 now_ns)
{
	bool woke = nvml_pci_refresh(&nvml->pci, &nvml->root);
	bool look = woke || now_ns >= nvml->look_ns;

	if (look) {
		nvml_pci_list(&nvml->pci, &nvml->root);
		nvml->look_ns = now_ns + LOOK_NS;
	}
	if (nvml->state == NVML_UP && is_broken(nvml)) {
		if (now_ns < nvml->retry_ns)
			return;
		stop(nvml);
		retry_later(nvml, now_ns);
		start(nvml, now_ns);
	} else if (nvml->state == NVML_UP) {
		nvml->retry_gap_ns = RETRY_MIN_NS;
		if (look)
			nvml->why = look_for_gpus(nvml, now_ns);
		if (nvml->why != NVML_OK)
			stop(nvml);
	} else if (!all_suspended(&nvml->pci) && (now_ns >= nvml->retry_ns || woke)) {
		start(nvml, now_ns);
	}
}

/* Lets go of GPUs that nobody uses, where the driver could suspend them all. */
static void rest(struct nvml *nvml, u64 now_ns)
{
	if (nvml->state != NVML_UP || nvml->pci.count == 0 || now_ns < nvml->used_ns + HOLD_NS)
		return;
	for (u32 i = 0; i < nvml->pci.count; i++) {
		if (!nvml->pci.gpu[i].can_suspend)
			return;
	}
	stop(nvml);
	nvml->state = NVML_RESTING;
	nvml->retry_ns = now_ns + REST_NS;
}

static void poll_gpu(struct nvml *nvml, struct nvml_gpu *gpu, const struct meter_poll *when,
		     struct meter_sample *sample)
{
	struct nvml_use *use = &nvml->use;
	u32 uses = sample->uses;

	if (!gpu->device || gpu->zone.package[0] == '\0') {
		gpu->status = METER_ABSENT;
		return;
	}
	nvml_gpu_read(gpu, &nvml->api, when, &nvml->epochs);
	if (gpu->status != METER_OK)
		return;
	use->api = &nvml->api;
	use->sample = sample;
	use->zone = sample->zones; /* the next that is added */
	nvml_use_poll(use, &gpu->use, gpu->device, when->now_ns);
	if (sample->uses > uses)
		nvml->used_ns = when->now_ns;
}

static void add_zone(struct nvml *nvml, const struct nvml_gpu *gpu, u64 now_ns,
		     struct meter_sample *sample)
{
	bool suspended = nvml_pci_is_suspended(&nvml->pci, gpu->zone.device);
	bool resting = nvml->state == NVML_RESTING && gpu->has_value;
	struct sample_zone *zone;

	if (gpu->zone.package[0] == '\0')
		return;
	zone = sample_add(sample, &gpu->zone);
	if (!zone)
		return;
	zone->status = gpu->status;
	zone->value_uj = gpu->value_uj;
	zone->taken_ns = gpu->taken_ns;
	zone->epoch = gpu->epoch;
	zone->zone.users_hidden = gpu->use.result != NVML_OK || gpu->use.unknown_pids;
	if (suspended && gpu->has_value) {
		zone->status = METER_OK;
		zone->taken_ns = now_ns;
	} else if (resting) {
		/* Nothing new until it is taken up again. */
		zone->status = METER_OK;
		zone->zone.period_ns = REST_NS;
	}
}

static void nvml_poll(void *priv, const struct meter_poll *when, struct meter_sample *sample)
{
	struct nvml *nvml = priv;

	report_begin(&sample->report);
	nvml->use.full = false;
	keep_up(nvml, when->now_ns);
	for (u32 i = 0; i < nvml->count; i++) {
		struct nvml_gpu *gpu = &nvml->gpu[i];

		if (nvml->state == NVML_DOWN)
			gpu->status = METER_ABSENT;
		else if (nvml_pci_is_suspended(&nvml->pci, gpu->zone.device))
			gpu->gauge.started = false; /* what is off draws nothing */
		else if (nvml->state == NVML_UP && !slow_stopping(when->stop))
			poll_gpu(nvml, gpu, when, sample);
		add_zone(nvml, gpu, when->now_ns, sample);
	}
	rest(nvml, when->now_ns);
	nvml_describe(nvml, &sample->report);
	sample->next_ns = when->now_ns + POLL_NS;
}

static void nvml_close(struct meter *meter)
{
	struct nvml *nvml = meter->priv;

	if (!nvml)
		return;
	stop(nvml);
	sysroot_deinit(&nvml->root);
	free(nvml);
	meter->priv = NULL;
}

static int nvml_open(struct meter *meter, const struct sysroot *root,
		     const struct meter_options *options)
{
	struct nvml *nvml;

	if (!nvml_pci_present(root)) {
		report_found(&meter->report, "no NVIDIA GPU");
		return 0;
	}
	nvml = calloc(1, sizeof(*nvml));
	if (!nvml)
		return -ENOMEM;
	meter->priv = nvml;
	nvml->root = *root;
	nvml->root.dev_fd = -1;
	nvml->root.proc_fd = fcntl(root->proc_fd, F_DUPFD_CLOEXEC, 0);
	nvml->root.sys_fd = fcntl(root->sys_fd, F_DUPFD_CLOEXEC, 0);
	nvml->retry_gap_ns = RETRY_MIN_NS;
	nvml_pci_list(&nvml->pci, &nvml->root);
	report_found(&meter->report, "an NVIDIA GPU, not asked yet");
	/* Loading touches no device, so that what is missing can be told at once. */
	nvml->why = nvml_api_load(&nvml->api);
	if (nvml->why != 0)
		nvml_describe_down(nvml, &meter->report);
	return 0;
}

const struct meter_ops meter_nvml = {
	.id = METER_NVML,
	.name = "nvml",
	.source = "nvml",
	.description = "NVIDIA GPUs through the driver's library (NVML)",
	.open = nvml_open,
	.poll = nvml_poll,
	.close = nvml_close,
};
