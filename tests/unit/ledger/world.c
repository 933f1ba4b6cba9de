// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "world.h"

static const enum power_domain zone_domain[WORLD_ZONES] = {
	DOMAIN_PACKAGE, DOMAIN_PACKAGE,  DOMAIN_DRAM, DOMAIN_CORE,
	DOMAIN_OTHER,   DOMAIN_PLATFORM, DOMAIN_GPU,  DOMAIN_GPU,
};
static const char *const zone_package[WORLD_ZONES] = { "0", "1", "0", "0", "0", "0", "0", "1" };

static bool chance(u32 percent)
{
	return (u32)rand() % 100 < percent;
}

void world_init(struct world *world, const struct world_options *options)
{
	const struct cgroup_event root = { .id = 1 };

	memset(world, 0, sizeof(*world));
	world->options = *options;
	world->now_ns = 1000 * NSEC_PER_SEC;
	world->cgroups = 2;
	world->cgroup[1].lives = true;
	srand(options->seed);
	assert_int_equal(registry_new(&options->limits, &world->registry), 0);
	assert_int_equal(ledger_new(&world->ledger), 0);
	assert_int_equal(activity_table_add_event(&world->table, &root, "/"), 0);
	for (u32 i = 0; i < WORLD_PIDS; i++)
		world->process[i].pid = 100 + i;
}

void world_deinit(struct world *world)
{
	ledger_free(world->ledger);
	registry_free(world->registry);
	leaves_deinit(&world->leaves);
	activity_table_deinit(&world->table);
}

u32 world_cgroup(struct world *world, u32 container)
{
	struct world_cgroup *cgroup = &world->cgroup[world->cgroups];
	const struct cgroup_event event = { .id = world->cgroups };
	char path[128];

	*cgroup = (struct world_cgroup){ .lives = true,
					 .container = container,
					 .vm = !container && chance(30) };
	if (container)
		snprintf(path, sizeof(path), "/docker/%064x/%u", container, world->cgroups);
	else if (cgroup->vm)
		snprintf(path, sizeof(path), "/machine.slice/machine-qemu\\x2d%u\\x2dvm.scope",
			 world->cgroups);
	else
		snprintf(path, sizeof(path), "/system.slice/s%u.service", world->cgroups);
	assert_int_equal(activity_table_add_event(&world->table, &event, path), 0);
	return world->cgroups++;
}

void world_remove(struct world *world, u32 id)
{
	const struct cgroup_event event = { .id = id, .gone = true };

	world->cgroup[id].lives = false;
	assert_int_equal(activity_table_add_event(&world->table, &event, ""), 0);
}

static u32 any_cgroup(const struct world *world)
{
	for (;;) {
		u32 id = 1 + (u32)rand() % (world->cgroups - 1);

		if (world->cgroup[id].lives)
			return id;
	}
}

static bool in_use(const struct world *world, u32 id)
{
	for (u32 i = 0; i < WORLD_PIDS; i++)
		for (u32 t = 0; world->process[i].start_ns && t < world->process[i].threads; t++)
			if (world->process[i].cgroup[t] == id)
				return true;
	return false;
}

static void cgroups_come_and_go(struct world *world)
{
	if (world->cgroups < WORLD_CGROUPS && chance(40)) {
		bool again = world->containers && chance(30);

		world_cgroup(world, chance(30) ? 0
				    : again    ? 1 + (u32)rand() % world->containers
					       : ++world->containers);
	}
	for (u32 id = 2; id < world->cgroups; id++)
		if (world->cgroup[id].lives && chance(3) && !in_use(world, id))
			world_remove(world, id);
}

static struct task_record *add_row(struct world *world, u32 cgroup, u64 cpu_ns)
{
	struct activity_table *table = &world->table;
	struct task_record *row;

	assert_int_equal(activity_table_reserve(table, 1), 0);
	row = &table->rows[table->count++];
	*row = (struct task_record){ .cgroup_v2 = cgroup,
				     .cpu_ns = cpu_ns,
				     .count = { 1, 0, (u32)rand() % 9, 7 } };
	world->cpu_ns += cpu_ns;
	world->container_cpu_ns[world->cgroup[cgroup].container] += cpu_ns;
	return row;
}

struct task_record *world_row(struct world *world, u32 pid, u64 start_ns, u32 cgroup, u64 cpu_ns)
{
	struct task_record *row = add_row(world, cgroup, cpu_ns);

	row->flags = ABI_TASK_LEADER;
	row->pid = pid;
	row->start_ns = start_ns;
	memcpy(row->comm, "work", 5);
	return row;
}

static void thread_row(struct world *world, const struct world_process *process, u32 thread,
		       u32 flags)
{
	u64 cpu_ns = chance(20) ? 0 : (u64)rand() % (WORLD_TICK_NS / 100);
	struct task_record *row = add_row(world, process->cgroup[thread], cpu_ns);

	row->flags = flags | (thread ? 0 : ABI_TASK_LEADER) | process->exec_id << ABI_EXEC_SHIFT;
	row->pid = process->pid;
	row->start_ns = process->start_ns;
	memcpy(row->comm, process->comm, sizeof(row->comm));
}

static void be_born(struct world *world, struct world_process *process)
{
	process->start_ns = world->now_ns + process->pid;
	process->threads = 1 + (u32)rand() % 4;
	process->exec_id = 0;
	snprintf(process->comm, sizeof(process->comm), "c\"%d", rand() % 5);
	for (u32 t = 0; t < process->threads; t++)
		process->cgroup[t] = t && chance(80) ? process->cgroup[0] : any_cgroup(world);
}

static void change(struct world *world, struct world_process *process)
{
	if (chance(3)) {
		process->exec_id++;
		snprintf(process->comm, sizeof(process->comm), "x%d", rand() % 1000);
	}
	if (chance(3))
		process->cgroup[0] = any_cgroup(world);
}

/* Ends, with the record of each thread or without. */
static void end(struct world *world, struct world_process *process)
{
	bool seen = world->options.steady || chance(80);

	for (u32 t = 0; seen && t < process->threads; t++)
		thread_row(world, process, t,
			   ABI_TASK_ENDED | (t == process->threads - 1 ? ABI_TASK_GROUP_GONE : 0));
	process->start_ns = 0;
	if (!world->options.steady && chance(40)) {
		be_born(world, process);
	} else {
		/* a kernel hands a pid out again late */
		process->pid += WORLD_PIDS;
	}
}

static void live(struct world *world, struct world_process *process, bool full)
{
	if (!process->start_ns) {
		if (!chance(10))
			return;
		be_born(world, process);
	} else if (chance(4)) {
		end(world, process);
		return;
	}
	if (!world->options.steady)
		change(world, process);
	for (u32 t = 0; t < process->threads; t++)
		if (full || chance(60))
			thread_row(world, process, t, 0);
}

/* Processes that live between two ticks, kernel threads, and records that found no room. */
static void others(struct world *world)
{
	struct activity_overflow *overflow = calloc(2, sizeof(*overflow));
	u32 count = (u32)rand() % 20;

	assert_non_null(overflow);
	for (u32 i = 0; i < count; i++) {
		struct world_process brief = { .pid = 50000 + i,
					       .start_ns = world->now_ns,
					       .threads = 1 };

		brief.cgroup[0] = any_cgroup(world);
		thread_row(world, &brief, 0, ABI_TASK_ENDED | ABI_TASK_GROUP_GONE);
	}
	free(world->table.overflow);
	world->table.overflow = overflow;
	world->table.overflow_count = (u32)rand() % 3;
	for (u32 i = 0; i < world->table.overflow_count; i++) {
		u32 cgroup = any_cgroup(world);

		overflow[i] = (struct activity_overflow){
			.key = { .cgroup_v2 = cgroup },
			.value = { .cpu_ns = 12345, .records = 3 },
		};
		world->cpu_ns += 12345;
		world->container_cpu_ns[world->cgroup[cgroup].container] += 12345;
	}
	world->table.idle_count[ABI_NET_RX] = (u32)rand() % 100;
}

/* Some leaves use the GPUs; in a steady world each is always used. */
static u32 use_gpu(const struct world *world, struct zone_use *use, u32 max)
{
	u32 count = 0;

	for (u32 gpu = 0; gpu < WORLD_ZONES; gpu++) {
		bool first = world->options.steady;

		if (zone_domain[gpu] != DOMAIN_GPU)
			continue;
		for (u32 i = 0; i < world->leaves.count && count < max; i++) {
			if (world->leaves.leaf[i].process == SLOT_NONE || (!first && !chance(10)))
				continue;
			first = false;
			use[count++] = (struct zone_use){ gpu, i, 1 + (u64)rand() % 1000 };
		}
	}
	return count;
}

static void post(struct world *world)
{
	struct zone_energy zone[WORLD_ZONES];
	struct zone_use use[256];
	const struct posting posting = {
		.zone = zone,
		.zones = WORLD_ZONES,
		.leaves = &world->leaves,
		.use = use,
		.uses = use_gpu(world, use, ARRAY_SIZE(use)),
		.idle = world->options.idle,
	};

	for (u32 i = 0; i < WORLD_ZONES; i++) {
		zone[i] = (struct zone_energy){ zone_domain[i], zone_package[i], "test", { 0 } };
		for (int mode = 0; mode < MODE_MAX; mode++) {
			zone[i].energy_uj[mode] = chance(10) ? 0 : (u64)rand() >> rand() % 31;
			world->node_uj[mode][zone_domain[i]] += zone[i].energy_uj[mode];
		}
	}
	assert_int_equal(ledger_post(world->ledger, world->registry, &posting), 0);
}

void world_publish(struct world *world)
{
	enum power_domain domain;
	enum power_mode mode;
	struct snapshot *snapshot;

	world->tick++;
	world->now_ns += WORLD_TICK_NS;
	world->table.taken_ns = world->now_ns;
	assert_int_equal(settle(world->registry, &world->table, &world->leaves), 0);
	post(world);
	assert_int_equal(ledger_check(world->ledger, &domain, &mode), 0);
	registry_sweep(world->registry, world->now_ns);
	snapshot = ledger_snapshot(world->ledger, world->registry);
	if (snapshot) {
		snapshot->interval_ns = WORLD_TICK_NS;
		ledger_publish(world->ledger, snapshot);
	} else {
		world->skipped++;
	}
	registry_published(world->registry);
	activity_table_reset(&world->table);
}

void world_step(struct world *world)
{
	bool full = world->tick % 10 == 0, idle = !world->options.steady && chance(5);

	cgroups_come_and_go(world);
	for (u32 i = 0; i < WORLD_PIDS && !idle; i++)
		live(world, &world->process[i], full);
	if (!idle)
		others(world);
	if (world->options.steady)
		world_row(world, 99, 1, 1, 1000);
	world->table.full = full && !idle;
	world_publish(world);
}
