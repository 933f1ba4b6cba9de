// SPDX-License-Identifier: Apache-2.0
/*
 * Which meters are wanted, in which order they are believed, and what they must be told.
 */
#pragma once

#include "base/types.h"

#define METERS_MAX 16

/* Every meter there is, by the names of meter_name(). */
enum meter_id {
	METER_RAPL_POWERCAP,
	METER_RAPL_PERF,
	METER_RAPL_MSR,
	METER_HWMON,
	METER_ACPI,
	METER_IPMI,
	METER_REDFISH,
	METER_NVML,
	METER_DRM,
	METER_EMBEDDED, /* the estimate; always last */
	METER_ID_MAX,
	METER_PSYS = METER_ID_MAX, /* in meter_options.platform: psys zones of any RAPL meter */
};

/* Meters in the order in which they are believed; those that are in no list are not opened. */
struct meter_order {
	u8 count;
	u8 id[METERS_MAX]; /* enum meter_id */
};

/* How to reach a BMC; all strings outlive the set. */
struct redfish_options {
	const char *url;              /* "https://bmc.example"; "" or NULL: from the credentials */
	const char *credentials_file; /* 0600 YAML or the classic CSV; "" or NULL: no Redfish */
	const char *node_name;        /* chooses the row of the file */
	const char *ca_file;          /* PEM; "" or NULL: the system's */
	bool insecure;                /* do not verify the BMC's certificate */
	u64 interval_ns;              /* between two polls */
};

struct meter_options {
	struct meter_order cpu;      /* for package, core, uncore, dram */
	struct meter_order platform; /* for platform */
	struct meter_order gpu;      /* for gpu: all in the list count, each device once */
	struct redfish_options redfish;
	const char
		*hwmon_assign; /* "CHIP[/LABEL]=DOMAIN,...", see hwmon_class.h; "" or NULL none */
};

/* The defaults of doc/configuration.md: everything but rapl-msr and Redfish. */
struct meter_options meter_options_default(void);
