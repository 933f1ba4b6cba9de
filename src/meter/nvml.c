// SPDX-License-Identifier: Apache-2.0
#include "meter/meter_ops.h"

static int nvml_open(struct meter *meter, const struct sysroot *root,
		     const struct meter_options *options)
{
	return 0;
}

static void nvml_poll(void *priv, const struct meter_poll *when, struct meter_sample *sample)
{
}

static void nvml_close(struct meter *meter)
{
}

const struct meter_ops meter_nvml = {
	.id = METER_NVML,
	.name = "nvml",
	.source = "nvml",
	.description = "NVIDIA GPUs through the driver's library (NVML)",
	.open = nvml_open,
	.poll = nvml_poll,
	.close = nvml_close,
};
