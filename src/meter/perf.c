// SPDX-License-Identifier: Apache-2.0
#include "meter/meter_ops.h"

static int perf_open(struct meter *meter, const struct sysroot *root,
		     const struct meter_options *options)
{
	return 0;
}

static void perf_read(struct meter *meter, const struct meter_tick *tick)
{
}

static void perf_close(struct meter *meter)
{
}

const struct meter_ops meter_perf = {
	.id = METER_RAPL_PERF,
	.name = "rapl-perf",
	.source = "rapl-perf",
	.description = "energy counters of the CPU sockets (RAPL) through the kernel's perf events",
	.open = perf_open,
	.read = perf_read,
	.close = perf_close,
};
