// SPDX-License-Identifier: Apache-2.0
#include "meter/meter_ops.h"

static int acpi_open(struct meter *meter, const struct sysroot *root,
		     const struct meter_options *options)
{
	return 0;
}

static void acpi_poll(void *priv, const struct meter_poll *when, struct meter_sample *sample)
{
}

static void acpi_close(struct meter *meter)
{
}

const struct meter_ops meter_acpi = {
	.id = METER_ACPI,
	.name = "acpi",
	.source = "acpi",
	.description = "power meter of the machine by its firmware (ACPI)",
	.open = acpi_open,
	.poll = acpi_poll,
	.close = acpi_close,
};
