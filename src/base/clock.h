// SPDX-License-Identifier: Apache-2.0
/*
 * Time. Intervals are measured with CLOCK_BOOTTIME, which neither steps nor stops during suspend,
 * so that energy over time is true after a resume. The wall clock is only ever printed.
 */
#pragma once

#include <time.h>

#include "base/types.h"

static inline u64 clock_read_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (u64)ts.tv_sec * NSEC_PER_SEC + (u64)ts.tv_nsec;
}

/* Nanoseconds since boot, suspended time included. The clock of every frame and task start time. */
static inline u64 clock_boot_ns(void)
{
	return clock_read_ns(CLOCK_BOOTTIME);
}

/* Nanoseconds since 1970, for people and Prometheus. */
static inline u64 clock_unix_ns(void)
{
	return clock_read_ns(CLOCK_REALTIME);
}
