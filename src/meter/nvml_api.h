// SPDX-License-Identifier: Apache-2.0
/*
 * The part of NVIDIA's management library (NVML) that is used here, found at run time: the program
 * runs without it, and with drivers that lack newer functions. Names, numbers and layouts are those
 * of NVIDIA's API reference; a name with a version is the newest whose arguments are known here.
 */
#pragma once

#include "base/types.h"

typedef struct nvml_handle *nvml_device;

/* What calls return. */
enum nvml_result {
	NVML_OK = 0,
	NVML_UNINITIALIZED = 1,
	NVML_INVALID_ARGUMENT = 2,
	NVML_NOT_SUPPORTED = 3,
	NVML_NO_PERMISSION = 4,
	NVML_NOT_FOUND = 6,
	NVML_INSUFFICIENT_SIZE = 7,
	NVML_DRIVER_NOT_LOADED = 9,
	NVML_TIMEOUT = 10,
	NVML_FUNCTION_NOT_FOUND = 13,
	NVML_GPU_IS_LOST = 15,
	NVML_RESET_REQUIRED = 16,
	NVML_OPERATING_SYSTEM = 17, /* the device file is kept from us, e.g. by a cgroup */
	NVML_VERSION_MISMATCH = 18, /* of library and kernel module */
	NVML_GPU_NOT_FOUND = 28,
	NVML_UNKNOWN = 999,
};

/* A pid that NVML could not tell. */
#define NVML_PID_UNKNOWN 0xffffffffU

/* Where a GPU is plugged in. Older versions end earlier or later, but begin the same. */
struct nvml_pci_info {
	char legacy_id[16];
	u32 domain, bus, device;
	u32 device_id, subsystem_id;
	char bus_id[32];
	u8 room[64];
};

/* How busy a process kept a GPU, in percent, up to @time_us. */
struct nvml_busy {
	u32 pid;
	u64 time_us; /* the driver's clock */
	u32 sm;      /* streaming multiprocessors: computing and drawing */
	u32 memory;
	u32 encoder;
	u32 decoder;
};

/* What a MIG device has. */
struct nvml_attributes {
	u32 multiprocessors;
	u32 copy_engines, decoders, encoders, jpegs, flows;
	u32 gpu_slices, compute_slices;
	u64 memory_mib;
};

/* Percent of the last sample period, a sixth of a second to a second. */
struct nvml_rates {
	u32 gpu, memory;
};

/* Functions that the library lacks are NULL: see NVML_CALL(). */
struct nvml_api {
	void *library;
	int (*init)(void);
	int (*shutdown)(void);
	int (*count)(u32 *count);
	int (*by_index)(u32 index, nvml_device *device);
	int (*by_pci)(const char *bus_id, nvml_device *device);
	int (*index)(nvml_device device, u32 *index);
	int (*pci)(nvml_device device, struct nvml_pci_info *info);
	int (*name)(nvml_device device, char *text, u32 size);
	int (*uuid)(nvml_device device, char *text, u32 size);
	int (*energy)(nvml_device device, unsigned long long *mj); /* since the driver's start */
	int (*power)(nvml_device device, u32 *mw);
	int (*limits)(nvml_device device, u32 *min_mw, u32 *max_mw);
	int (*rates)(nvml_device device, struct nvml_rates *rates);
	/* One entry per process that was busy after @since_us; NVML_NOT_FOUND if none was. */
	int (*busy)(nvml_device device, struct nvml_busy *list, u32 *count,
		    unsigned long long since_us);
	/* Entries are 16, 24 or 32 bytes wide, whatever the name says: see nvml_use.c. */
	int (*compute)(nvml_device device, u32 *count, void *list);
	int (*graphics)(nvml_device device, u32 *count, void *list);
	int (*mig_mode)(nvml_device device, u32 *current, u32 *pending);
	int (*mig_count)(nvml_device device, u32 *most);
	int (*mig_by_index)(nvml_device device, u32 index, nvml_device *mig);
	int (*attributes)(nvml_device device, struct nvml_attributes *attributes);
};

/* Calls api->what(...) where there is such a function. */
#define NVML_CALL(api, what, ...) \
	((api)->what ? (api)->what(__VA_ARGS__) : (int)NVML_FUNCTION_NOT_FOUND)

/*
 * Loads the library, which touches no device. Returns 0, -ENOENT when there is none, or -ENOSYS
 * when it lacks what every NVML has. @api is all zero on failure.
 */
int nvml_api_load(struct nvml_api *api);

/* Lets go of the library; @api may be all zero. */
void nvml_api_unload(struct nvml_api *api);

/* Whether the result says that this device or library will never answer this question. */
bool nvml_unsupported(int result);

/* What a result means, in a few words. */
const char *nvml_result_text(int result);
