// SPDX-License-Identifier: Apache-2.0
#include "meter/nvml_gpu.h"

#include <stdio.h>
#include <string.h>

#include "meter/gate.h"

#define UJ_PER_MJ 1000ULL
#define UW_PER_MW 1000ULL

/* Boards exceed their highest limit for milliseconds only. */
#define LIMIT_MARGIN(uw) ((uw) / 2 * 3)

/*
 * Relative error of the boards' sensors: NVIDIA says 5 % of the power. Boards without a counter of
 * energy are also sampled here, once a poll, while their power changes in milliseconds.
 */
#define ERROR_COUNTER 0.05
#define ERROR_POWER 0.10

/* Twice the longest interval of readings: what is longer was not measured. */
#define POWER_GAP_NS (120 * NSEC_PER_SEC)

/* Errors in a row after which a GPU that says nothing definite is held for broken. */
#define FAILURES_MAX 3

int nvml_gpu_address(const struct nvml_api *api, nvml_device device, char address[16])
{
	struct nvml_pci_info info = { 0 };
	int result = NVML_CALL(api, pci, device, &info);

	if (result == NVML_OK)
		snprintf(address, 16, "%04x:%02x:%02x.0", info.domain, info.bus & 0xff,
			 info.device & 0x1f);
	return result;
}

void nvml_gpu_init(struct nvml_gpu *gpu, const char *address)
{
	*gpu = (struct nvml_gpu){
		.zone = { .domain = DOMAIN_GPU,
			  .quality = QUALITY_MEASURED,
			  .error_ratio = ERROR_COUNTER,
			  .name = "NVIDIA GPU",
			  .may_rest = true },
		.status = METER_ABSENT,
	};
	snprintf(gpu->zone.device, sizeof(gpu->zone.device), "%s", address);
}

/* A text that the library wrote, made short and certain to end. */
static void take_text(char *to, size_t size, const char *from, size_t from_size)
{
	size_t len = strnlen(from, from_size);

	if (len >= size)
		len = size - 1;
	memcpy(to, from, len);
	to[len] = '\0';
}

void nvml_gpu_adopt(struct nvml_gpu *gpu, const struct nvml_api *api, nvml_device device)
{
	struct meter_zone *zone = &gpu->zone;
	char text[128] = "";
	u32 number, most_mw;

	gpu->device = device;
	gpu->adopted = true;
	if (NVML_CALL(api, index, device, &number) == NVML_OK)
		snprintf(zone->package, sizeof(zone->package), "%u", number);
	if (NVML_CALL(api, name, device, text, sizeof(text)) == NVML_OK)
		take_text(zone->name, sizeof(zone->name), text, sizeof(text));
	if (NVML_CALL(api, uuid, device, text, sizeof(text)) == NVML_OK)
		take_text(zone->uuid, sizeof(zone->uuid), text, sizeof(text));
	if (NVML_CALL(api, limits, device, &number, &most_mw) == NVML_OK)
		zone->limit_uw = LIMIT_MARGIN(most_mw * UW_PER_MW);
}

/*
 * Whether the counter may have begun anew since the last reading, as it does when the driver is
 * loaded. One that did can't have come further than the board can draw.
 */
static bool has_restarted(const struct nvml_gpu *gpu, u64 value_uj, u64 now_ns)
{
	u64 limit_uw = gpu->zone.limit_uw ? gpu->zone.limit_uw : gate_domain_limit_uw(DOMAIN_GPU);
	u64 passed_ns = now_ns - u64_min(gpu->taken_ns, now_ns);

	if (value_uj < gpu->value_uj)
		return true;
	return gpu->reopened && value_uj <= (u128)limit_uw * passed_ns / NSEC_PER_SEC;
}

static void take_value(struct nvml_gpu *gpu, u64 value_uj, u64 now_ns)
{
	gpu->value_uj = value_uj;
	gpu->taken_ns = now_ns;
	gpu->has_value = true;
	gpu->reopened = false;
	gpu->status = METER_OK;
}

static int read_counter(struct nvml_gpu *gpu, const struct nvml_api *api, u64 now_ns, u32 *epochs)
{
	unsigned long long mj = 0;
	int result = NVML_CALL(api, energy, gpu->device, &mj);

	if (result != NVML_OK)
		return result;
	if (gpu->by_power) {
		gpu->by_power = false;
		gpu->has_value = false;
		gpu->zone.error_ratio = ERROR_COUNTER;
	}
	if (!gpu->has_value || has_restarted(gpu, mj * UJ_PER_MJ, now_ns))
		gpu->epoch = ++*epochs;
	take_value(gpu, mj * UJ_PER_MJ, now_ns);
	return NVML_OK;
}

static int read_power(struct nvml_gpu *gpu, const struct nvml_api *api,
		      const struct meter_poll *when, u32 *epochs)
{
	u32 epoch = gpu->gauge.epoch;
	u32 mw = 0;
	int result = NVML_CALL(api, power, gpu->device, &mw);

	if (result != NVML_OK)
		return result;
	gauge_take(&gpu->gauge, mw * UW_PER_MW, when->awake_ns);
	if (!gpu->has_value || gpu->gauge.epoch != epoch)
		gpu->epoch = ++*epochs;
	take_value(gpu, gpu->gauge.energy_uj, when->now_ns);
	return NVML_OK;
}

/* Boards before Volta have no counter, but tell the power of the moment. */
static void turn_to_power(struct nvml_gpu *gpu)
{
	gpu->by_power = true;
	gpu->has_value = false;
	gpu->gauge = (struct gauge){ .kind = GAUGE_INSTANT, .gap_ns = POWER_GAP_NS };
	gpu->zone.error_ratio = ERROR_POWER;
}

void nvml_gpu_read(struct nvml_gpu *gpu, const struct nvml_api *api, const struct meter_poll *when,
		   u32 *epochs)
{
	int result = NVML_NOT_SUPPORTED;

	if (!gpu->by_power || gpu->adopted) {
		result = read_counter(gpu, api, when->now_ns, epochs);
		if (nvml_unsupported(result) && !gpu->by_power)
			turn_to_power(gpu);
	}
	gpu->adopted = false;
	if (gpu->by_power)
		result = read_power(gpu, api, when, epochs);
	gpu->result = result;
	gpu->failures = result == NVML_OK ? 0 : gpu->failures + 1;
	if (result != NVML_OK)
		gpu->status = nvml_status(result);
}

bool nvml_gpu_is_broken(const struct nvml_gpu *gpu)
{
	if (gpu->failures == 0 || nvml_unsupported(gpu->result))
		return false;
	return nvml_status(gpu->result) == METER_ABSENT || gpu->failures >= FAILURES_MAX;
}

enum meter_status nvml_status(int result)
{
	switch (result) {
	case NVML_NO_PERMISSION:
	case NVML_OPERATING_SYSTEM:
		return METER_DENIED;
	case NVML_UNINITIALIZED:
	case NVML_INVALID_ARGUMENT:
	case NVML_NOT_SUPPORTED:
	case NVML_FUNCTION_NOT_FOUND:
	case NVML_NOT_FOUND:
	case NVML_DRIVER_NOT_LOADED:
	case NVML_GPU_IS_LOST:
	case NVML_RESET_REQUIRED:
	case NVML_GPU_NOT_FOUND:
		return METER_ABSENT;
	default:
		return METER_ERROR;
	}
}
