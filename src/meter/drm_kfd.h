// SPDX-License-Identifier: Apache-2.0
/*
 * Compute processes on AMD GPUs (ROCm). Their queues are the hardware's own: the engine time of
 * drm_clients.h does not know of them. The kernel's compute driver tells how many of the GPU's
 * compute units a process occupies right now, which is a sample of what it did since the last one.
 *
 * Interface: <sys>/class/kfd/kfd/topology/nodes/N/{gpu_id,properties} and
 * <sys>/class/kfd/kfd/proc/PID/stats_GPU/cu_occupancy (since Linux 5.10; MI100 and later, and cards
 * of the same generation). All may read both.
 */
#pragma once

#include "meter/drm_gpu.h"

/* What compute calls a GPU; id 0: it does not know it. */
struct drm_kfd_node {
	u32 id;
	u32 units; /* compute units */
};

/* The node of the GPU with this PCI address. */
struct drm_kfd_node drm_kfd_find(int sys_fd, const char *address);

/* Adds what compute processes do on those of @gpus that are open to @sample. */
void drm_kfd_poll(int sys_fd, struct drm_gpu *gpus, u32 count, struct meter_sample *sample);

/* The number on the line of @key in the text of a properties file: 0, or -ENODATA. */
int drm_kfd_property(const char *text, const char *key, u64 *value);
