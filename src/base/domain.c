// SPDX-License-Identifier: Apache-2.0
#include "base/domain.h"

static const char *const domain_names[DOMAIN_MAX] = {
	[DOMAIN_PACKAGE] = "package",   [DOMAIN_CORE] = "core", [DOMAIN_UNCORE] = "uncore",
	[DOMAIN_DRAM] = "dram",         [DOMAIN_GPU] = "gpu",   [DOMAIN_OTHER] = "other",
	[DOMAIN_PLATFORM] = "platform",
};

static const char *const mode_names[MODE_MAX] = {
	[MODE_DYNAMIC] = "dynamic",
	[MODE_IDLE] = "idle",
};

static const char *const quality_names[] = {
	[QUALITY_MEASURED] = "measured",
	[QUALITY_LEARNED] = "learned",
	[QUALITY_MODEL] = "model",
	[QUALITY_PRIOR] = "prior",
};

const char *domain_name(enum power_domain domain)
{
	return domain_names[domain];
}

const char *mode_name(enum power_mode mode)
{
	return mode_names[mode];
}

const char *quality_name(enum power_quality quality)
{
	return quality_names[quality];
}
