// SPDX-License-Identifier: Apache-2.0
#include "meter/meter_ops.h"

static int hwmon_open(struct meter *meter, const struct sysroot *root,
		      const struct meter_options *options)
{
	return 0;
}

static void hwmon_poll(void *priv, const struct meter_poll *when, struct meter_sample *sample)
{
}

static void hwmon_close(struct meter *meter)
{
}

const struct meter_ops meter_hwmon = {
	.id = METER_HWMON,
	.name = "hwmon",
	.source = "hwmon",
	.description = "power and energy sensors of the board, the CPU and the battery (hwmon)",
	.open = hwmon_open,
	.poll = hwmon_poll,
	.close = hwmon_close,
};
