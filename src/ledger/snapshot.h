// SPDX-License-Identifier: Apache-2.0
/*
 * A snapshot: the books as they stood after one tick. Immutable once published; whoever reads it
 * holds a reference. It owns its rows; their identities are borrowed from the ledger, which keeps
 * them while any snapshot that names them lives.
 */
#pragma once

#include <stdatomic.h>

#include "base/domain.h"
#include "base/types.h"
#include "ledger/account.h"

struct identity;

enum snapshot_level {
	LEVEL_CONTAINER,
	LEVEL_PROCESS,
	LEVEL_VM,
	LEVEL_NAMESPACE,
	LEVEL_MAX,
};

#define SNAPSHOT_ZONES_MAX 64
#define SNAPSHOT_METERS_MAX 16
#define SNAPSHOT_GPUS_MAX 32
#define SNAPSHOT_QAT_MAX 512
#define SNAPSHOT_LOST_MAX 16
#define SNAPSHOT_TICK_BUCKETS 12

struct snapshot_row {
	struct identity *identity; /* NULL: the slot is empty, skip it */
	struct account account;
	u64 tick_uj;  /* dynamic + idle energy of the last tick: platform, or package + dram + gpu +
			 other */
	u64 tick_seq; /* the snapshot sequence tick_uj belongs to: when older, the row's power is 0
			 now */
	bool ended;   /* the workload has ended; the row stays for the retention time */
	bool exported; /* false: not a row of its own for the outside (folded elsewhere) */
};

struct snapshot_rows {
	struct snapshot_row *row;
	u32 count; /* slots, empty ones included */
	u32 capacity;
};

/* One sensor of the machine. */
struct snapshot_zone {
	enum power_domain domain;
	char package[16];
	const char *source; /* static string */
	u64 energy_uj[MODE_MAX];
};

/* One power domain of the machine over the last tick. */
struct snapshot_domain {
	bool present; /* it was read at least once */
	bool live;    /* it was read in the last tick; else its power is 0 */
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
	char package[16]; /* as in its energy */
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

struct snapshot {
	atomic_uint refs;
	u64 seq;         /* 1 for the first complete tick */
	u64 unix_ns;     /* wall clock of the tick */
	u64 boot_ns;     /* boot clock of the tick */
	u64 interval_ns; /* length of the tick */
	u32 cpus;
	double busy_ratio; /* 0..1: share of CPU time that tasks ran in the tick */
	double irq_ratio;  /* hardware interrupts, of all CPU time; tick-sampled by the kernel */
	double softirq_ratio;
	double steal_ratio;
	const char *activity_source; /* "bpf" or "proc" */
	const char *activity_detail; /* why proc, or what the kernel offers; static for the run */
	struct snapshot_rows level[LEVEL_MAX];
	u64 folded[LEVEL_MAX]; /* threads that worked, and cgroups, now without a row of their own
				*/
	struct snapshot_domain domain[DOMAIN_MAX];
	struct snapshot_zone zone[SNAPSHOT_ZONES_MAX];
	u32 zones;
	struct snapshot_meter meter[SNAPSHOT_METERS_MAX];
	u32 meters;
	struct snapshot_gpu gpu[SNAPSHOT_GPUS_MAX];
	u32 gpus;
	struct snapshot_telemetry qat[SNAPSHOT_QAT_MAX];
	u32 qats;
	bool filtering_known; /* whether the CPU blurs its energy counters */
	bool filtering;
	struct snapshot_lost lost[SNAPSHOT_LOST_MAX];
	u32 losts;
	struct snapshot_self self;
	bool config_reload_ok;
};

/* Upper bound of histogram bucket @index, ns; UINT64_MAX for the last. */
u64 snapshot_tick_bound_ns(u32 index);

/* "ok", "absent", "denied", "stale", "error", "dead". */
const char *snapshot_meter_reason(u32 status);

/* A row's power over the last tick, uW; 0 when it used nothing in it. */
u64 snapshot_row_power_uw(const struct snapshot *snapshot, const struct snapshot_row *row);

/*
 * The published snapshot, with writers and readers on different threads. snapshot_box_get() returns
 * a reference or NULL before the first tick; drop it with snapshot_unref(). A reference must not be
 * held for longer than SNAPSHOT_HOLD_MAX_NS, nor by more than SNAPSHOT_READERS_MAX readers: then
 * one is always left to publish into.
 */
#define SNAPSHOT_HOLD_MAX_NS (10 * NSEC_PER_SEC)
#define SNAPSHOT_READERS_MAX 12

struct snapshot_box;

const struct snapshot *snapshot_box_get(struct snapshot_box *box);
void snapshot_unref(const struct snapshot *snapshot);

/* Monotonic boot-clock time of the last tick that was begun (0: none yet): is the sampler alive? */
u64 snapshot_box_last_tick_ns(const struct snapshot_box *box);
