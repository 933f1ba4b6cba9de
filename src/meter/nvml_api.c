// SPDX-License-Identifier: Apache-2.0
#include "meter/nvml_api.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

#define NAMES_MAX 3

/* Where a function goes, and its names, the newest first. */
struct symbol {
	size_t offset;
	bool required;
	const char *name[NAMES_MAX];
};

#define AT(field) offsetof(struct nvml_api, field)

static const struct symbol symbols[] = {
	{ AT(init), true, { "nvmlInit_v2", "nvmlInit" } },
	{ AT(shutdown), true, { "nvmlShutdown" } },
	{ AT(count), true, { "nvmlDeviceGetCount_v2", "nvmlDeviceGetCount" } },
	{ AT(by_index), true, { "nvmlDeviceGetHandleByIndex_v2", "nvmlDeviceGetHandleByIndex" } },
	{ AT(by_pci),
	  false,
	  { "nvmlDeviceGetHandleByPciBusId_v2", "nvmlDeviceGetHandleByPciBusId" } },
	{ AT(index), false, { "nvmlDeviceGetIndex" } },
	{ AT(pci),
	  true,
	  { "nvmlDeviceGetPciInfo_v3", "nvmlDeviceGetPciInfo_v2", "nvmlDeviceGetPciInfo" } },
	{ AT(name), false, { "nvmlDeviceGetName" } },
	{ AT(uuid), false, { "nvmlDeviceGetUUID" } },
	{ AT(energy), false, { "nvmlDeviceGetTotalEnergyConsumption" } },
	{ AT(power), false, { "nvmlDeviceGetPowerUsage" } },
	{ AT(limits), false, { "nvmlDeviceGetPowerManagementLimitConstraints" } },
	{ AT(rates), false, { "nvmlDeviceGetUtilizationRates" } },
	{ AT(busy), false, { "nvmlDeviceGetProcessUtilization" } },
	{ AT(compute),
	  false,
	  { "nvmlDeviceGetComputeRunningProcesses_v3", "nvmlDeviceGetComputeRunningProcesses_v2",
	    "nvmlDeviceGetComputeRunningProcesses" } },
	{ AT(graphics),
	  false,
	  { "nvmlDeviceGetGraphicsRunningProcesses_v3", "nvmlDeviceGetGraphicsRunningProcesses_v2",
	    "nvmlDeviceGetGraphicsRunningProcesses" } },
	{ AT(mig_mode), false, { "nvmlDeviceGetMigMode" } },
	{ AT(mig_count), false, { "nvmlDeviceGetMaxMigDeviceCount" } },
	{ AT(mig_by_index), false, { "nvmlDeviceGetMigDeviceHandleByIndex" } },
	{ AT(attributes), false, { "nvmlDeviceGetAttributes_v2", "nvmlDeviceGetAttributes" } },
};

static void *find(void *library, const struct symbol *symbol)
{
	void *address = NULL;

	for (u32 i = 0; i < NAMES_MAX && symbol->name[i] && !address; i++)
		address = dlsym(library, symbol->name[i]);
	return address;
}

int nvml_api_load(struct nvml_api *api)
{
	memset(api, 0, sizeof(*api));
	api->library = dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
	if (!api->library)
		return -ENOENT;
	for (u32 i = 0; i < ARRAY_SIZE(symbols); i++) {
		void *address = find(api->library, &symbols[i]);

		if (!address && symbols[i].required) {
			nvml_api_unload(api);
			return -ENOSYS;
		}
		memcpy((char *)api + symbols[i].offset, &address, sizeof(address));
	}
	return 0;
}

void nvml_api_unload(struct nvml_api *api)
{
	if (api->library)
		dlclose(api->library);
	memset(api, 0, sizeof(*api));
}

bool nvml_unsupported(int result)
{
	return result == NVML_NOT_SUPPORTED || result == NVML_FUNCTION_NOT_FOUND;
}

const char *nvml_result_text(int result)
{
	switch (result) {
	case NVML_OK:
		return "no error";
	case NVML_UNINITIALIZED:
		return "NVML is not initialized";
	case NVML_INVALID_ARGUMENT:
		return "NVML does not know the device any more";
	case NVML_NOT_SUPPORTED:
	case NVML_FUNCTION_NOT_FOUND:
		return "not supported";
	case NVML_NO_PERMISSION:
	case NVML_OPERATING_SYSTEM:
		return "not permitted";
	case NVML_NOT_FOUND:
	case NVML_GPU_NOT_FOUND:
		return "no such GPU";
	case NVML_DRIVER_NOT_LOADED:
		return "the driver is not loaded";
	case NVML_TIMEOUT:
		return "no answer in time";
	case NVML_GPU_IS_LOST:
		return "the GPU has fallen off the bus";
	case NVML_RESET_REQUIRED:
		return "the GPU needs a reset";
	case NVML_VERSION_MISMATCH:
		return "library and kernel module are of different versions";
	default:
		return "an error of the driver";
	}
}
