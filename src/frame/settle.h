// SPDX-License-Identifier: Apache-2.0
/*
 * Settles who did the work of a frame: its rows, which are threads, become leaves, which are
 * processes in containers.
 */
#pragma once

#include "activity/activity.h"
#include "workload/registry.h"

/* What one process did in one container during a tick. */
struct leaf {
	u32 process; /* SLOT_NONE: no row of its own */
	u32 container;
	u32 vm; /* SLOT_NONE: none */
	u64 cpu_ns;
	u64 count[ABI_COUNTERS];
};

struct leaves {
	struct leaf *leaf;
	u32 count;
	u32 capacity;
	u64 cpu_ns; /* sum over the leaves */
	u64 tick;   /* number of this settlement */
	u32 v1_hierarchy;
};

void leaves_deinit(struct leaves *leaves);

/* Appends a leaf without work; NULL without memory. Valid until the next one. */
struct leaf *leaves_add(struct leaves *leaves, u32 process, struct whereabouts where);

/*
 * Learns the cgroups of @activity, then turns its rows into @leaves, which are emptied first.
 * Returns 0 or -ENOMEM: the rows that found no room are then missing from @leaves.
 */
int settle(struct registry *registry, const struct activity_table *activity, struct leaves *leaves);
