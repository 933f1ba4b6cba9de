// SPDX-License-Identifier: Apache-2.0
#include "meter/meter_ops.h"

static int drm_open(struct meter *meter, const struct sysroot *root,
		    const struct meter_options *options)
{
	return 0;
}

static void drm_poll(void *priv, const struct meter_poll *when, struct meter_sample *sample)
{
}

static void drm_close(struct meter *meter)
{
}

const struct meter_ops meter_drm = {
	.id = METER_DRM,
	.name = "drm",
	.source = "drm",
	.description = "AMD and Intel GPUs through the kernel (DRM, hwmon)",
	.open = drm_open,
	.poll = drm_poll,
	.close = drm_close,
};
