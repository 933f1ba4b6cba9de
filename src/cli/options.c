// SPDX-License-Identifier: Apache-2.0
#include "cli/options.h"

static void copy_order(const struct config_meters *from, struct meter_order *to)
{
	static const u8 ids[CONFIG_METER_MAX] = {
		[CONFIG_METER_RAPL_POWERCAP] = METER_RAPL_POWERCAP,
		[CONFIG_METER_RAPL_PERF] = METER_RAPL_PERF,
		[CONFIG_METER_RAPL_MSR] = METER_RAPL_MSR,
		[CONFIG_METER_HWMON] = METER_HWMON,
		[CONFIG_METER_ACPI] = METER_ACPI,
		[CONFIG_METER_IPMI] = METER_IPMI,
		[CONFIG_METER_REDFISH] = METER_REDFISH,
		[CONFIG_METER_PSYS] = METER_PSYS,
		[CONFIG_METER_NVML] = METER_NVML,
		[CONFIG_METER_DRM] = METER_DRM,
	};

	to->count = from->count;
	for (u32 i = 0; i < from->count; i++)
		to->id[i] = ids[from->meter[i]];
}

void options_meter(const struct config *config, struct meter_options *options)
{
	*options = (struct meter_options){
		.redfish = {
			.url = config->redfish_url,
			.credentials_file = config->redfish_credentials_file,
			.node_name = config->node_name,
			.ca_file = config->redfish_ca_file,
			.insecure = config->redfish_insecure,
			.interval_ns = config->redfish_interval_ns,
		},
		.hwmon_assign = config->hwmon_assign,
	};
	copy_order(&config->meter_cpu, &options->cpu);
	copy_order(&config->meter_platform, &options->platform);
	copy_order(&config->meter_gpu, &options->gpu);
}

int options_root(const struct config *config, struct sysroot *root, const char **which)
{
	int r = sysroot_init(root, config->host_procfs, config->host_sysfs, which);

	if (r == 0)
		sysroot_set_dev(root, config->host_devfs);
	return r;
}
