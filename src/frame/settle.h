// SPDX-License-Identifier: Apache-2.0
/*
 * Settles who did the work of a frame: its rows, which are threads, become leaves, which are
 * processes in containers.
 */
#pragma once

#include "activity/activity.h"
#include "meter/meter.h"
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

/* What a leaf used of a device that tells so itself. */
struct leaf_use {
	u32 zone; /* of the meters */
	u32 leaf;
	u64 work; /* comparable within a zone */
};

struct uses {
	struct leaf_use use[METER_USES_MAX];
	u32 count;
};

void leaves_deinit(struct leaves *leaves);

/* Appends a leaf without work; NULL without memory. Valid until the next one. */
struct leaf *leaves_add(struct leaves *leaves, u32 process, struct whereabouts where);

/*
 * Learns the cgroups of @activity, then turns its rows into @leaves, which are emptied first.
 * Returns 0 or -ENOMEM: the rows that found no room are then missing from @leaves.
 */
int settle(struct registry *registry, const struct activity_table *activity, struct leaves *leaves);

/*
 * Finds the leaves of @count processes that used devices; one that did not run gets a leaf without
 * CPU time, one that nobody knows is system work. Returns 0 or -ENOMEM: the rest is then missing.
 */
int settle_uses(struct registry *registry, const struct meter_use *from, u32 count,
		struct leaves *leaves, struct uses *uses);
