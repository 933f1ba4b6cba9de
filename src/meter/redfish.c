// SPDX-License-Identifier: Apache-2.0
#include "meter/meter_ops.h"

static int redfish_open(struct meter *meter, const struct sysroot *root,
			const struct meter_options *options)
{
	return 0;
}

static void redfish_poll(void *priv, const struct meter_poll *when, struct meter_sample *sample)
{
}

static void redfish_close(struct meter *meter)
{
}

const struct meter_ops meter_redfish = {
	.id = METER_REDFISH,
	.name = "redfish",
	.source = "redfish",
	.description = "power of the machine from its BMC by Redfish",
	.open = redfish_open,
	.poll = redfish_poll,
	.close = redfish_close,
};
