// SPDX-License-Identifier: Apache-2.0
/*
 * What sysfs says of a PMU and its energy events, below bus/event_source/devices.
 */
#pragma once

#include "meter/perf_text.h"

#define PERF_DEVICES "bus/event_source/devices"

/* How to open an event, and what a count of it is. */
struct perf_event {
	u64 config;
	struct perf_scale scale;
};

/* The PMU's number for perf_event_open(2). Returns 0 or a negative errno. */
int perf_pmu_type(int sys_fd, const char *pmu, u32 *type);

/*
 * Reads the description of an event that counts joules. Returns 0, -ENOENT where the PMU has no
 * such event, or -EINVAL for a description that is not understood; @event is untouched then.
 */
int perf_event_read(int sys_fd, const char *pmu, const char *name, struct perf_event *event);
