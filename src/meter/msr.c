// SPDX-License-Identifier: Apache-2.0
#include "meter/meter_ops.h"

static int msr_open(struct meter *meter, const struct sysroot *root,
		    const struct meter_options *options)
{
	return 0;
}

static void msr_read(struct meter *meter, const struct meter_tick *tick)
{
}

static void msr_close(struct meter *meter)
{
}

const struct meter_ops meter_msr = {
	.id = METER_RAPL_MSR,
	.name = "rapl-msr",
	.source = "rapl-msr",
	.description = "energy counters of the CPU sockets (RAPL) from model-specific registers",
	.open = msr_open,
	.read = msr_read,
	.close = msr_close,
};
