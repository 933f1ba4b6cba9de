// SPDX-License-Identifier: Apache-2.0
/*
 * One GPU and its energy: the counter of the board, or its power made into one.
 */
#pragma once

#include "meter/gauge.h"
#include "meter/meter_ops.h"
#include "meter/nvml_api.h"
#include "meter/nvml_use.h"

struct nvml_gpu {
	struct meter_zone zone; /* zone.device is what a GPU is known by */
	nvml_device device;     /* NULL while NVML does not show it */
	enum meter_status status;
	int result;     /* of the last question about energy */
	u32 failures;   /* in a row */
	bool by_power;  /* there is no counter: power is integrated */
	bool adopted;   /* since the last reading: there may be a counter now */
	bool has_value; /* value_uj and taken_ns are a reading */
	bool reopened;  /* NVML was closed since that reading: the counter may have restarted */
	u64 value_uj;
	u64 taken_ns; /* boot clock */
	u32 epoch;
	struct gauge gauge;
	struct nvml_use_state use;
};

/* "0000:41:00.0", as the kernel writes it. Returns NVML_OK or why not. */
int nvml_gpu_address(const struct nvml_api *api, nvml_device device, char address[16]);

/* Makes @gpu the one at @address, of which nothing is known yet. */
void nvml_gpu_init(struct nvml_gpu *gpu, const char *address);

/* Takes the handle by which @gpu can be asked from now on, and what it tells of itself. */
void nvml_gpu_adopt(struct nvml_gpu *gpu, const struct nvml_api *api, nvml_device device);

/*
 * Reads the energy: status, value_uj, taken_ns and epoch. @epochs is what the epochs of all GPUs
 * are numbered by, so that two that take each other's place never look the same.
 */
void nvml_gpu_read(struct nvml_gpu *gpu, const struct nvml_api *api, const struct meter_poll *when,
		   u32 *epochs);

/* Whether only starting NVML anew can make this GPU answer again. */
bool nvml_gpu_is_broken(const struct nvml_gpu *gpu);

/* What a failed call means for a zone. */
enum meter_status nvml_status(int result);
