// SPDX-License-Identifier: Apache-2.0
/*
 * The configuration. options.def is the one table: every setting has one name, spelt --a.b-c as a
 * flag, a: {b-c: } or a.b-c: in the YAML file and KEPLER_A_B_C in the environment; some have
 * classic environment names too, which count where the KEPLER_ name is not set. A variable that is
 * set to nothing is not set. Precedence: flag > environment > file > default.
 */
#pragma once

#include <stdio.h>

#include "base/log.h"
#include "base/types.h"

#define CONFIG_WARNINGS_MAX 16

enum config_level {
	CONFIG_LEVEL_NODE = 1 << 0,
	CONFIG_LEVEL_CONTAINER = 1 << 1,
	CONFIG_LEVEL_PROCESS = 1 << 2,
	CONFIG_LEVEL_VM = 1 << 3,
};

enum config_schema {
	CONFIG_SCHEMA_CLASSIC = 1 << 0,
};

enum config_idle {
	CONFIG_IDLE_USAGE, /* by CPU time in the tick */
	CONFIG_IDLE_EQUAL, /* the same for every workload that lives */
	CONFIG_IDLE_NONE,  /* to nobody: unattributed */
};

/* The power meters of the lists meter.cpu, meter.platform and meter.gpu. */
enum config_meter {
	CONFIG_METER_RAPL_POWERCAP,
	CONFIG_METER_RAPL_PERF,
	CONFIG_METER_RAPL_MSR,
	CONFIG_METER_HWMON,
	CONFIG_METER_ACPI,
	CONFIG_METER_IPMI,
	CONFIG_METER_REDFISH,
	CONFIG_METER_PSYS,
	CONFIG_METER_NVML,
	CONFIG_METER_DRM,
	CONFIG_METER_MAX,
};

/* Meters in the order in which they are tried, each once. */
struct config_meters {
	u8 count;
	u8 meter[CONFIG_METER_MAX]; /* enum config_meter; the rest is 0 */
};

struct config {
	char config_file[256];        /* config.file; "" none */
	char web_listen_address[128]; /* web.listen-address: address:port, [v6]:port or :port */
	char web_telemetry_path[128]; /* web.telemetry-path, starts with / */
	char host_sysfs[256];         /* host.sysfs, absolute */
	char host_procfs[256];        /* host.procfs, absolute */
	char host_devfs[256];         /* host.devfs, absolute */
	char node_name[256];          /* node.name, never empty, valid UTF-8 */
	u64 monitor_interval_ns;      /* monitor.interval, 100ms..1h */
	u32 exporter_schemas;         /* exporter.schemas, bits of enum config_schema */
	u32 exporter_levels;          /* exporter.levels, bits of enum config_level */
	u64 exporter_retention_ns;    /* exporter.retention, 0..24h */
	bool exporter_node_label;     /* exporter.node-label */
	bool exporter_irq_counters;   /* exporter.irq-counters */
	u32 exporter_max_series;      /* exporter.max-series, at least 10000 */
	enum config_idle attribution_idle;   /* attribution.idle */
	bool activity_bpf;                   /* activity.bpf; false: read procfs */
	struct config_meters meter_cpu;      /* meter.cpu */
	struct config_meters meter_platform; /* meter.platform */
	struct config_meters meter_gpu;      /* meter.gpu */
	bool meter_qat;                      /* meter.qat */
	char hwmon_assign[512];              /* hwmon.assign, CHIP[/LABEL]=DOMAIN,... */
	char redfish_url[256];               /* redfish.url; "" from the credentials */
	char redfish_credentials_file[256];  /* redfish.credentials-file; "" no Redfish */
	char redfish_ca_file[256];           /* redfish.ca-file; "" the system's */
	bool redfish_insecure;               /* redfish.insecure */
	u64 redfish_interval_ns;             /* redfish.interval, 1s..1h */
	enum log_level log_level;            /* log.level */
	enum log_format log_format;          /* log.format */
	/* What was ignored: variables KEPLER_... that are no setting, and classic ones without
	 * effect. For the log. */
	u32 warning_count; /* may be more than are kept */
	char warnings[CONFIG_WARNINGS_MAX][256];
};

/* One error, ready to print: where (file:line, flag or variable), what, what was expected. */
struct config_error {
	char text[1024];
};

/*
 * Reads defaults, file, environment (@environ-style array) and flags (@argv[0..argc-1], program and
 * subcommand names not included). Returns 0 or -EINVAL with @error set; @config is then untouched.
 * Call it again to reload.
 */
int config_load(struct config *config, int argc, char *const *argv, char *const *env,
		struct config_error *error);

/*
 * Writes the names of the settings that differ between @before and @now and only count from the
 * start of the program, with commas between, to @names of @size bytes; "" where there are none.
 */
void config_needs_restart(const struct config *before, const struct config *now, char *names,
			  size_t size);

/* Prints every option with its flag, default, environment names and meaning: the body of --help. */
void config_print_help(FILE *out);

/* The same as a Markdown page (doc/configuration.md). */
void config_print_markdown(FILE *out);

/* The same as a list for a manual page in mdoc. */
void config_print_man(FILE *out);

/* An example YAML file with every key, its default and meaning as comments. */
void config_print_yaml(FILE *out);
