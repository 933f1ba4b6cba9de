// SPDX-License-Identifier: Apache-2.0
/*
 * What the NVML meter knows, shared by what it does (nvml.c) and what it says (nvml_report.c).
 */
#pragma once

#include "meter/nvml_gpu.h"
#include "meter/nvml_pci.h"

enum nvml_state {
	NVML_DOWN,    /* not started, or it failed: see why */
	NVML_UP,      /* GPUs can be asked */
	NVML_RESTING, /* let go, so that GPUs can be suspended */
};

struct nvml {
	struct sysroot root; /* proc_fd and sys_fd, of its own */
	struct nvml_api api; /* all zero while the library is not loaded */
	struct nvml_pci pci;
	enum nvml_state state;
	int why;          /* result of the last start: an enum nvml_result, or a negative errno */
	u64 retry_ns;     /* boot clock: not to be started, or started anew, before */
	u64 retry_gap_ns; /* to the next retry */
	u64 look_ns;      /* boot clock: when GPUs are looked for again */
	u64 used_ns;      /* boot clock: when a GPU was in use last */
	u32 epochs;       /* given to counters so far */
	u32 refused;      /* GPUs that NVML counts but does not show */
	int refused_why;
	u32 count;
	struct nvml_gpu gpu[NVML_GPUS_MAX];
	struct nvml_use use;
};

/* The GPU at this PCI address, or NULL. */
struct nvml_gpu *nvml_find(struct nvml *nvml, const char *address);

/* Writes what was found, and what people should know of it, into an empty report. */
void nvml_describe(struct nvml *nvml, struct meter_report *report);

/* The same while NVML can't be used, for the reason in nvml->why. */
void nvml_describe_down(const struct nvml *nvml, struct meter_report *report);
