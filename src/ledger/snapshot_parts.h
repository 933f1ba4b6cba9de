// SPDX-License-Identifier: Apache-2.0
/*
 * What a snapshot says of the machine and of the agent itself, part by part.
 */
#pragma once

#include "base/domain.h"
#include "base/types.h"

#define SNAPSHOT_TICK_BUCKETS 12

/* One sensor of the machine. */
struct snapshot_zone {
	enum power_domain domain;
	char package[32];
	const char *source; /* static string */
	u64 energy_uj[MODE_MAX];
};

/* One power domain of the machine over the last tick. */
struct snapshot_domain {
	bool present; /* it was read at least once */
	bool live;    /* energy of the last tick is known; else its power is 0 */
	enum power_quality quality;
	const char *source;            /* "rapl-sysfs", "trained_power_model"; static string */
	u64 power_uw;                  /* over the last tick */
	u64 idle_uw;                   /* the learned floor */
	double error_ratio;            /* relative error of an estimate; 0 when measured */
	u64 node_uj[MODE_MAX];         /* sum over the domain's zones since start */
	u64 unattributed_uj[MODE_MAX]; /* what the books could not place */
};

struct snapshot_meter {
	const char *name;
	const char *source;
	bool known; /* there is, or was, something that it measures: others are not shown */
	bool up;
	u64 read_errors[7]; /* by enum meter_status; names in snapshot_meter_reason() */
	u32 domains;        /* bit per enum power_domain that it reports */
	enum power_quality quality;
};

/* One GPU. */
struct snapshot_gpu {
	char package[32]; /* as in its energy */
	char device[16];  /* PCI address */
	char name[48];
	char uuid[48]; /* or empty */
};

/* One value that an accelerator tells of itself. */
struct snapshot_telemetry {
	char device[24]; /* PCI address */
	char type[24];
	double value;
};

struct snapshot_lost {
	const char *source; /* "ring_full", "end_record", "bpf_recursion", ... static string */
	u64 count;
};

/* What the agent itself costs. */
struct snapshot_self {
	u64 cpu_ns;
	u64 resident_bytes;
	u64 virtual_bytes;
	u64 bpf_run_ns; /* 0 with bpf_run_known false: the kernel keeps no statistics */
	bool bpf_run_known;
	u64 energy_uj; /* of the agent's own process, dynamic + idle */
	u64 start_unix_ns;
	u32 open_fds;
	u64 max_fds;
	u64 tick_count;
	u64 tick_sum_ns;
	u64 tick_bucket[SNAPSHOT_TICK_BUCKETS]; /* each for itself, not cumulative */
};
