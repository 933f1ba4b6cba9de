// SPDX-License-Identifier: Apache-2.0
/*
 * What the benchmarks share: caches made cold, CPU time of the calling thread, medians.
 */
#pragma once

#include "base/types.h"

/* CPU time of the calling thread, user and kernel. */
u64 measure_cpu_ns(void);

/* Walks a buffer larger than the caches, whose pages also displace those that the TLB knows. */
void measure_chill(void);

/* The median of @count values, which it sorts. */
u64 measure_median(u64 *values, u32 count);

/* Sleeps until @boot_ns of the boot clock. */
void measure_sleep_until(u64 boot_ns);

/* Says what went wrong and ends the program. */
_Noreturn void measure_die(const char *what, int error);
