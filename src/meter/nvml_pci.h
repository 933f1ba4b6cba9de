// SPDX-License-Identifier: Apache-2.0
/*
 * NVIDIA's GPUs as the kernel's PCI bus knows them: what can be learnt without waking one.
 */
#pragma once

#include "base/sysroot.h"

#define NVML_GPUS_MAX 32

struct nvml_pci_gpu {
	char address[16]; /* "0000:41:00.0" */
	char driver[16];  /* "nvidia", "vfio-pci", "nouveau"; or empty */
	bool suspended;   /* switched off by runtime power management; a query would wake it */
	bool can_suspend; /* the driver suspends it when nobody holds it */
};

struct nvml_pci {
	u32 count;
	struct nvml_pci_gpu gpu[NVML_GPUS_MAX]; /* in order of address, as NVML counts them */
};

/* Whether the machine may have such a GPU. Reads a few small files. */
bool nvml_pci_present(const struct sysroot *root);

/* Lists the GPUs. */
void nvml_pci_list(struct nvml_pci *pci, const struct sysroot *root);

/* Looks again which of them are suspended; returns whether one is not any more. */
bool nvml_pci_refresh(struct nvml_pci *pci, const struct sysroot *root);

/* How many are suspended, and whether the one at @address is. */
u32 nvml_pci_suspended(const struct nvml_pci *pci);
bool nvml_pci_is_suspended(const struct nvml_pci *pci, const char *address);

/* The GPU at @address, or NULL. */
const struct nvml_pci_gpu *nvml_pci_find(const struct nvml_pci *pci, const char *address);

/* Whether a driver has it that NVML does not know of: vfio-pci, nouveau. */
bool nvml_pci_is_foreign(const struct nvml_pci_gpu *gpu);
