// SPDX-License-Identifier: Apache-2.0
/*
 * How the kernel describes a perf event in sysfs: pure text.
 */
#pragma once

#include "base/types.h"

/* Microjoules of one count, as an exact fraction. */
struct perf_scale {
	u64 uj;
	u128 per_counts;
};

/* One term of an event, "event=0x02". */
struct perf_term {
	char name[24];
	u64 value;
};

/*
 * Reads joules per count, a decimal number such as "2.3283064365386962890625e-10" (2^-32).
 * Returns 0, -EINVAL for what is no positive number, or -ERANGE where it is none that an energy
 * counter has or can't be kept exactly; @scale is untouched then.
 */
int perf_scale_parse(const char *text, struct perf_scale *scale);

/* What @count counts are in uJ, rounded down; UINT64_MAX where that is too much. */
u64 perf_scale_uj(const struct perf_scale *scale, u64 count);

/*
 * Takes the next term off *@text ("event=0x02,umask=0x1"; a name alone stands for 1). Returns 1, 0
 * at the end, or -EINVAL.
 */
int perf_term_next(const char **text, struct perf_term *term);

/*
 * Puts @value into the bits of @config that a format names ("config:0-7,21"). Returns 0, -EINVAL
 * for another format or another word than config, or -ERANGE where the value has more bits.
 */
int perf_format_put(const char *format, u64 value, u64 *config);
