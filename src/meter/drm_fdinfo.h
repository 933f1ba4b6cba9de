// SPDX-License-Identifier: Apache-2.0
/*
 * What the kernel tells of an open GPU: /proc/PID/fdinfo/FD of a DRM file. The keys are those of
 * the kernel's Documentation/gpu/drm-usage-stats.rst.
 */
#pragma once

#include "base/types.h"

#define DRM_ENGINES_MAX 12
#define DRM_CAPACITY_MAX 1024

/*
 * One kind of engine. i915 and amdgpu tell busy_ns; xe tells cycles and the GPU's own clock in the
 * same unit (total_cycles).
 */
struct drm_engine {
	char name[16];
	bool has_ns, has_cycles, has_total;
	u64 busy_ns;
	u64 cycles;
	u64 total_cycles;
	u32 capacity; /* so many engines of this kind are added up in the above; at least 1 */
};

struct drm_fdinfo {
	char driver[16];
	char address[16]; /* PCI, "0000:03:00.0"; "" not told */
	u64 client;       /* the same in all descriptors of one opened file */
	u32 engines;
	struct drm_engine engine[DRM_ENGINES_MAX];
};

/*
 * Parses the text of one fdinfo file. Returns 0, or -ENODATA when it is not that of a DRM file with
 * a client. Lines and engines that are not understood are passed over.
 */
int drm_fdinfo_parse(const char *text, struct drm_fdinfo *info);

/* The number at the end of "/dev/dri/card0" or "/dev/dri/renderD128"; false for other files. */
bool drm_node_parse(const char *target, bool *is_render, u32 *number);
