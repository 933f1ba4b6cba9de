// SPDX-License-Identifier: Apache-2.0
/*
 * The configuration. options.def is the one table: every setting has one name, spelt --a.b-c as a flag,
 * a: {b-c: } in the YAML file and KEPLER_A_B_C in the environment; some have classic environment names
 * too. Precedence: flag > environment > file > default.
 */
#pragma once

#include <stdio.h>

#include "base/log.h"
#include "base/types.h"

enum config_level {
	CONFIG_LEVEL_NODE = 1 << 0,
	CONFIG_LEVEL_CONTAINER = 1 << 1,
	CONFIG_LEVEL_PROCESS = 1 << 2,
	CONFIG_LEVEL_VM = 1 << 3,
};

enum config_idle {
	CONFIG_IDLE_USAGE, /* by CPU time in the tick */
	CONFIG_IDLE_EQUAL, /* the same for every workload that lives */
	CONFIG_IDLE_NONE,  /* to nobody: unattributed */
};

struct config {
	char config_file[256];            /* config.file; "" none */
	char web_listen_address[128];     /* web.listen-address, default 127.0.0.1:28282 */
	char web_telemetry_path[128];     /* web.telemetry-path, default /metrics */
	char host_sysfs[256];             /* host.sysfs, default /sys */
	char host_procfs[256];            /* host.procfs, default /proc */
	char node_name[256];              /* node.name; default NODE_NAME, else the host's name */
	u64 monitor_interval_ns;          /* monitor.interval, default 1s; 100ms..1h */
	u32 exporter_levels;              /* exporter.levels, bits of enum config_level */
	u64 exporter_retention_ns;        /* exporter.retention, default 5m */
	bool exporter_node_label;         /* exporter.node-label, default true */
	bool exporter_irq_counters;       /* exporter.irq-counters, default true; EXPOSE_IRQ_COUNTER_METRICS */
	u32 exporter_max_series;          /* exporter.max-series, default 1000000 */
	enum config_idle attribution_idle; /* attribution.idle */
	bool activity_bpf;                /* activity.bpf, default true; false: read /proc */
	enum log_level log_level;         /* log.level */
	enum log_format log_format;       /* log.format */
};

/* One error, ready to print: what, where (file:line, flag or variable), what was expected, an example. */
struct config_error {
	char text[1024];
};

/*
 * Reads defaults, file, environment (@environ-style array) and flags (@argv[0..argc-1], program and
 * subcommand names not included). Returns 0 or -EINVAL with @error set; @config is then untouched.
 */
int config_load(struct config *config, int argc, char *const *argv, char *const *env, struct config_error *error);

/* Prints every option with its flag, default, environment names and meaning: the body of --help. */
void config_print_help(FILE *out);

/* The same as a Markdown page (doc/configuration.md). */
void config_print_markdown(FILE *out);

/* An example YAML file with every key, its default and meaning as comments. */
void config_print_yaml(FILE *out);
