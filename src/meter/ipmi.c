// SPDX-License-Identifier: Apache-2.0
#include "meter/meter_ops.h"

static int ipmi_open(struct meter *meter, const struct sysroot *root,
		     const struct meter_options *options)
{
	return 0;
}

static void ipmi_poll(void *priv, const struct meter_poll *when, struct meter_sample *sample)
{
}

static void ipmi_close(struct meter *meter)
{
}

const struct meter_ops meter_ipmi = {
	.id = METER_IPMI,
	.name = "ipmi",
	.source = "ipmi",
	.description = "power of the machine from its BMC by IPMI (DCMI)",
	.open = ipmi_open,
	.poll = ipmi_poll,
	.close = ipmi_close,
};
