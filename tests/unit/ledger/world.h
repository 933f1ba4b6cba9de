// SPDX-License-Identifier: Apache-2.0
/*
 * A machine made of random processes and cgroups, which knows what it did: it feeds a registry and
 * a ledger tick by tick, as the agent does.
 */
#pragma once

#include "frame/settle.h"
#include "ledger/ledger.h"
#include "workload/registry.h"

#define WORLD_PIDS 120
#define WORLD_CGROUPS 400
#define WORLD_ZONES 8
#define WORLD_TICK_NS NSEC_PER_SEC

/* What may happen in a world. */
struct world_options {
	struct registry_limits limits;
	enum ledger_idle idle;
	unsigned int seed;
	bool steady; /* no exec, no move, no lost end, no pid used again, somebody always runs */
};

struct world_process {
	u32 pid;
	u64 start_ns; /* 0: nobody has this pid */
	u32 threads;
	u32 exec_id;
	u32 cgroup[4]; /* of each thread */
	char comm[16];
};

struct world_cgroup {
	bool lives;
	u32 container; /* 0: none */
	bool vm;
};

struct world {
	struct world_options options;
	struct registry *registry;
	struct ledger *ledger;
	struct activity_table table;
	struct leaves leaves;
	struct world_process process[WORLD_PIDS];
	struct world_cgroup cgroup[WORLD_CGROUPS]; /* by id; 0 is nobody's, 1 the root */
	u32 cgroups;
	u32 containers;
	u64 now_ns;
	u64 tick;
	u64 node_uj[MODE_MAX][DOMAIN_MAX]; /* the truth */
	u64 cpu_ns;
	u64 container_cpu_ns[WORLD_CGROUPS];
	u32 skipped; /* ticks without a snapshot */
};

void world_init(struct world *world, const struct world_options *options);
void world_deinit(struct world *world);

/* One tick: something happens, is settled, posted and published. Fails the test when the books do
 * not balance. */
void world_step(struct world *world);

/* Adds a row of this process's leader to the next tick. */
struct task_record *world_row(struct world *world, u32 pid, u64 start_ns, u32 cgroup, u64 cpu_ns);

/* Settles, posts and publishes what the table holds. */
void world_publish(struct world *world);

/* A new cgroup of this container (0: of none). Returns its id. */
u32 world_cgroup(struct world *world, u32 container);
void world_remove(struct world *world, u32 cgroup);
