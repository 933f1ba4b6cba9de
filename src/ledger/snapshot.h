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
#include "ledger/snapshot_parts.h"

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
	struct snapshot_telemetry *qat; /* its own; few machines have any */
	u32 qats, qat_capacity;
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
