// SPDX-License-Identifier: Apache-2.0
/* The books of a random machine, recomputed from every snapshot and held against what it did. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "workload/identity.h"
#include "world.h"

enum { TICKS = 200, ROWS_MAX = 4096 };

#define LONG_NS (1000000 * NSEC_PER_SEC)

static const struct registry_limits wide = { .processes = 1000,
					     .groups = 500,
					     .retention_ns = LONG_NS };

static struct world world;

/* The sum over the rows of a level. */
static struct account sum_of(const struct snapshot *snapshot, enum snapshot_level level)
{
	struct account sum = { 0 };

	for (u32 i = 0; i < snapshot->level[level].count; i++) {
		const struct snapshot_row *row = &snapshot->level[level].row[i];

		if (!row->identity)
			continue;
		for (int domain = 0; domain < DOMAIN_MAX; domain++)
			for (int mode = 0; mode < MODE_MAX; mode++)
				sum.energy_uj[mode][domain] += row->account.energy_uj[mode][domain];
		for (int counter = 0; counter < COUNTER_MAX; counter++)
			sum.counter[counter] += row->account.counter[counter];
	}
	return sum;
}

/* Zones, domains and namespaces say the same, and it is what the meters counted. */
static void check_balance(const struct snapshot *snapshot)
{
	struct account sum = sum_of(snapshot, LEVEL_NAMESPACE);
	u64 zones_uj[MODE_MAX][DOMAIN_MAX] = { 0 };

	for (u32 i = 0; i < snapshot->zones; i++)
		for (int mode = 0; mode < MODE_MAX; mode++)
			zones_uj[mode][snapshot->zone[i].domain] +=
				snapshot->zone[i].energy_uj[mode];
	for (int domain = 0; domain < DOMAIN_MAX; domain++) {
		for (int mode = 0; mode < MODE_MAX; mode++) {
			u64 nobody_uj = snapshot->domain[domain].unattributed_uj[mode];
			u64 truth_uj = world.node_uj[mode][domain];

			assert_int_equal(snapshot->domain[domain].node_uj[mode], truth_uj);
			assert_int_equal(zones_uj[mode][domain], truth_uj);
			assert_int_equal(sum.energy_uj[mode][domain] + nobody_uj, truth_uj);
		}
	}
	assert_int_equal(sum.counter[COUNTER_CPU_NS], world.cpu_ns);
}

static int compare_labels(const void *a, const void *b)
{
	const struct snapshot_row *const *x = a, *const *y = b;

	return strcmp((*x)->identity->labels, (*y)->identity->labels);
}

/* The rows of a level in the order of their labels. */
static u32 sort_rows(const struct snapshot *snapshot, int level, const struct snapshot_row **rows)
{
	u32 count = 0;

	for (u32 i = 0; i < snapshot->level[level].count; i++)
		if (snapshot->level[level].row[i].identity)
			rows[count++] = &snapshot->level[level].row[i];
	assert_true(count < ROWS_MAX);
	qsort(rows, count, sizeof(rows[0]), compare_labels);
	return count;
}

static void check_labels_differ(const struct snapshot *snapshot)
{
	static const struct snapshot_row *rows[ROWS_MAX];

	for (int level = 0; level < LEVEL_MAX; level++) {
		u32 count = sort_rows(snapshot, level, rows);

		for (u32 i = 1; i < count; i++)
			assert_int_not_equal(compare_labels(&rows[i - 1], &rows[i]), 0);
	}
}

static void check_grown(const struct account *before, const struct account *now)
{
	for (int domain = 0; domain < DOMAIN_MAX; domain++)
		for (int mode = 0; mode < MODE_MAX; mode++)
			assert_true(now->energy_uj[mode][domain] >=
				    before->energy_uj[mode][domain]);
	for (int counter = 0; counter < COUNTER_MAX; counter++)
		assert_true(now->counter[counter] >= before->counter[counter]);
}

/* No counter of a label set falls from one snapshot to the next. */
static void check_monotonic(const struct snapshot *before, const struct snapshot *now)
{
	static const struct snapshot_row *a[ROWS_MAX], *b[ROWS_MAX];

	for (int level = 0; before && level < LEVEL_MAX; level++) {
		u32 old = sort_rows(before, level, a), young = sort_rows(now, level, b);

		for (u32 i = 0, j = 0; i < old && j < young;) {
			int order = compare_labels(&a[i], &b[j]);

			if (order == 0)
				check_grown(&a[i]->account, &b[j]->account);
			i += order <= 0;
			j += order >= 0;
		}
	}
}

/* The containers of the truth have the time that was spent in their cgroups, to the nanosecond. */
static void check_containers(const struct snapshot *snapshot)
{
	for (u32 i = CONTAINER_RESERVED; i < snapshot->level[LEVEL_CONTAINER].count; i++) {
		const struct snapshot_row *row = &snapshot->level[LEVEL_CONTAINER].row[i];
		u32 container;

		if (!row->identity)
			continue;
		container = (u32)strtoul(row->identity->container_id, NULL, 16);
		assert_in_range(container, 1, world.containers);
		assert_int_equal(row->account.counter[COUNTER_CPU_NS],
				 world.container_cpu_ns[container]);
	}
}

static void run(const struct world_options *options, void (*check)(const struct snapshot *snapshot))
{
	const struct snapshot *before = NULL;

	world_init(&world, options);
	for (int tick = 0; tick < TICKS; tick++) {
		const struct snapshot *now;

		world_step(&world);
		now = snapshot_box_get(ledger_box(world.ledger));
		check_balance(now);
		check_labels_differ(now);
		check_monotonic(before, now);
		if (check)
			check(now);
		snapshot_unref(before);
		before = now;
	}
	assert_int_equal(world.skipped, 0);
	snapshot_unref(before);
	world_deinit(&world);
}

static void check_all_containers(const struct snapshot *snapshot)
{
	struct account containers = sum_of(snapshot, LEVEL_CONTAINER);
	struct account namespaces = sum_of(snapshot, LEVEL_NAMESPACE);

	assert_memory_equal(&containers, &namespaces, sizeof(containers));
	check_containers(snapshot);
}

/* While no container is retired the containers are the namespaces. */
static void test_containers_add_up(void **state)
{
	for (unsigned int i = 0; i < 6; i++)
		run(&(struct world_options){ .limits = wide, .idle = i % 3, .seed = 100 + i },
		    check_all_containers);
}

static void check_all_processes(const struct snapshot *snapshot)
{
	struct account containers = sum_of(snapshot, LEVEL_CONTAINER);
	struct account processes = sum_of(snapshot, LEVEL_PROCESS);

	assert_memory_equal(containers.energy_uj, processes.energy_uj,
			    sizeof(containers.energy_uj));
	assert_int_equal(containers.counter[COUNTER_CPU_NS], processes.counter[COUNTER_CPU_NS]);
	check_all_containers(snapshot);
}

/* While no process is retired the processes are the containers. */
static void test_processes_add_up(void **state)
{
	for (unsigned int i = 0; i < 6; i++)
		run(
			&(struct world_options){
				.limits = wide, .idle = i % 3, .seed = 200 + i, .steady = true },
			check_all_processes);
	assert_int_equal(world.skipped, 0);
}

/* Rows come and go: the namespaces balance all the same. */
static void test_short_retention(void **state)
{
	for (unsigned int i = 0; i < 6; i++) {
		struct world_options options = { .limits = wide, .idle = i % 3, .seed = 300 + i };

		options.limits.retention_ns = 3 * NSEC_PER_SEC;
		run(&options, NULL);
	}
}

static void check_limits(const struct snapshot *snapshot)
{
	u32 live = 0;

	for (u32 i = 0; i < snapshot->level[LEVEL_CONTAINER].count; i++)
		live += snapshot->level[LEVEL_CONTAINER].row[i].identity != NULL;
	assert_true(live <= CONTAINER_RESERVED + 8);
	for (u32 i = live = 0; i < snapshot->level[LEVEL_PROCESS].count; i++) {
		const struct identity *identity = snapshot->level[LEVEL_PROCESS].row[i].identity;

		live += identity && identity->pid;
	}
	assert_true(live <= 20);
}

/* Far more of everything than the limits allow. */
static void test_narrow_limits(void **state)
{
	for (unsigned int i = 0; i < 6; i++) {
		struct world_options options = { .idle = i % 3, .seed = 400 + i };

		options.limits = (struct registry_limits){ 20, 8, 40 * NSEC_PER_SEC };
		run(&options, check_limits);
	}
}

static void check_none_idle(const struct snapshot *snapshot)
{
	struct account sum = sum_of(snapshot, LEVEL_NAMESPACE);

	for (int domain = 0; domain < DOMAIN_MAX; domain++) {
		assert_int_equal(sum.energy_uj[MODE_IDLE][domain], 0);
		assert_int_equal(snapshot->domain[domain].unattributed_uj[MODE_IDLE],
				 world.node_uj[MODE_IDLE][domain]);
	}
}

static void check_all_attributed(const struct snapshot *snapshot)
{
	for (int domain = 0; domain < DOMAIN_MAX; domain++)
		for (int mode = 0; mode < MODE_MAX; mode++)
			assert_int_equal(snapshot->domain[domain].unattributed_uj[mode], 0);
}

/* With somebody always running, only the policy "none" leaves anything to nobody. */
static void test_unattributed(void **state)
{
	struct world_options options = { .limits = wide, .seed = 7, .steady = true };

	options.idle = LEDGER_IDLE_NONE;
	run(&options, check_none_idle);
	options.idle = LEDGER_IDLE_USAGE;
	run(&options, check_all_attributed);
	options.idle = LEDGER_IDLE_EQUAL;
	run(&options, check_all_attributed);
}

/* An energy of one domain and mode, posted over two containers at 3 to 1. */
static void test_shares(void **state)
{
	const struct zone_energy zone = { DOMAIN_PACKAGE, "0", "test", { 8000, 400 } };
	struct posting posting = { .zone = &zone, .zones = 1, .leaves = &world.leaves };
	const struct account *account;
	u32 a, b;

	world_init(&world, &(struct world_options){ .limits = wide });
	a = world_cgroup(&world, 1);
	b = world_cgroup(&world, 2);
	world_row(&world, 10, 1, a, 3000000);
	world_row(&world, 20, 1, b, 1000000);
	assert_int_equal(settle(world.registry, &world.table, &world.leaves), 0);
	assert_int_equal(ledger_post(world.ledger, world.registry, &posting), 0);
	account = ledger_process_account(world.ledger, u64map_get(&world.registry->by_pid, 10, 0));
	assert_in_range(account->energy_uj[MODE_DYNAMIC][DOMAIN_PACKAGE], 5999, 6001);
	assert_in_range(account->energy_uj[MODE_IDLE][DOMAIN_PACKAGE], 299, 301);
	assert_int_equal(account->counter[COUNTER_CPU_NS], 3000000);
	registry_published(world.registry);
	/* equal: a quarter to each container there is, "other" is none */
	posting.idle = LEDGER_IDLE_EQUAL;
	assert_int_equal(ledger_post(world.ledger, world.registry, &posting), 0);
	assert_in_range(account->energy_uj[MODE_IDLE][DOMAIN_PACKAGE], 299, 301);
	account = ledger_process_account(
		world.ledger, world.registry->group[GROUP_CONTAINER][4].many[MANY_OTHER]);
	assert_in_range(account->energy_uj[MODE_IDLE][DOMAIN_PACKAGE], 99, 101);
	world_deinit(&world);
}

/* Energy of a process's row in one domain and mode. */
static u64 energy_of(u32 pid, enum power_domain domain, enum power_mode mode)
{
	u32 row = u64map_get(&world.registry->by_pid, pid, 0);

	return ledger_process_account(world.ledger, row)->energy_uj[mode][domain];
}

/*
 * Three GPUs: each one's energy goes to who used it, by work, however little CPU time that took.
 * What a GPU drew without a user is nobody's; what it drew idle goes by CPU time then.
 */
static void test_gpu_shares(void **state)
{
	const struct zone_energy zone[] = { { DOMAIN_GPU, "0", "test", { 8000, 400 } },
					    { DOMAIN_GPU, "1", "test", { 500, 0 } },
					    { DOMAIN_GPU, "2", "test", { 77, 1000 } },
					    { DOMAIN_PACKAGE, "0", "test", { 1000, 0 } } };
	const struct zone_use use[] = { { 0, 0, 300 }, { 0, 1, 100 }, { 1, 1, 5 }, { 1, 0, 0 } };
	struct posting posting = { .zone = zone,
				   .zones = ARRAY_SIZE(zone),
				   .leaves = &world.leaves,
				   .use = use,
				   .uses = ARRAY_SIZE(use) };
	enum power_domain domain;
	enum power_mode mode;

	world_init(&world, &(struct world_options){ .limits = wide });
	world_row(&world, 10, 1, world_cgroup(&world, 1), 1000);
	world_row(&world, 20, 1, world_cgroup(&world, 2), 3000);
	assert_int_equal(settle(world.registry, &world.table, &world.leaves), 0);
	assert_int_equal(ledger_post(world.ledger, world.registry, &posting), 0);
	assert_in_range(energy_of(10, DOMAIN_GPU, MODE_DYNAMIC), 5999, 6001);
	assert_in_range(energy_of(20, DOMAIN_GPU, MODE_DYNAMIC), 2499, 2501);
	assert_in_range(energy_of(10, DOMAIN_GPU, MODE_IDLE), 549, 551);
	assert_in_range(energy_of(20, DOMAIN_GPU, MODE_IDLE), 849, 851);
	assert_in_range(energy_of(20, DOMAIN_PACKAGE, MODE_DYNAMIC), 749, 751);
	assert_int_equal(ledger_check(world.ledger, &domain, &mode), 0);
	registry_published(world.registry);
	posting.idle = LEDGER_IDLE_NONE;
	assert_int_equal(ledger_post(world.ledger, world.registry, &posting), 0);
	assert_in_range(energy_of(10, DOMAIN_GPU, MODE_IDLE), 549, 551);
	assert_in_range(energy_of(10, DOMAIN_GPU, MODE_DYNAMIC), 11998, 12002);
	assert_int_equal(ledger_check(world.ledger, &domain, &mode), 0);
	world_deinit(&world);
}

static const struct snapshot_row *find_pid(const struct snapshot *snapshot, u32 pid)
{
	for (u32 i = 0; i < snapshot->level[LEVEL_PROCESS].count; i++) {
		const struct snapshot_row *row = &snapshot->level[LEVEL_PROCESS].row[i];

		if (row->identity && row->identity->pid == pid)
			return row;
	}
	return NULL;
}

/* An ended process that was exported stays as it was for the retention time, says so, and goes. */
static void test_ended_process_stays(void **state)
{
	struct world_options options = { .limits = wide };
	struct account last = { 0 };
	u32 cgroup;

	options.limits.retention_ns = 10 * WORLD_TICK_NS;
	world_init(&world, &options);
	cgroup = world_cgroup(&world, 1);
	world_row(&world, 10, 1, cgroup, 5000);
	world_publish(&world);
	world_row(&world, 10, 1, cgroup, 7000)->flags |= ABI_TASK_ENDED | ABI_TASK_GROUP_GONE;
	for (int tick = 0; tick < 20; tick++) {
		const struct snapshot *snapshot;
		const struct snapshot_row *row;

		world_publish(&world);
		snapshot = snapshot_box_get(ledger_box(world.ledger));
		row = find_pid(snapshot, 10);
		assert_int_equal(row != NULL, tick < 10);
		if (row) {
			assert_true(row->ended);
			assert_int_equal(row->account.counter[COUNTER_CPU_NS], 12000);
			if (tick)
				assert_memory_equal(&row->account, &last, sizeof(last));
			assert_int_equal(snapshot_row_power_uw(snapshot, row) == 0, tick > 0);
			last = row->account;
		}
		snapshot_unref(snapshot);
	}
	world_deinit(&world);
}

/* The row for folded containers is out of sight until there is something in it. */
static void test_other_is_hidden(void **state)
{
	const struct snapshot *snapshot;

	world_init(&world, &(struct world_options){ .limits = { 10, 1, LONG_NS } });
	world_row(&world, 10, 1, world_cgroup(&world, 1), 5000);
	world_publish(&world);
	snapshot = snapshot_box_get(ledger_box(world.ledger));
	assert_false(snapshot->level[LEVEL_CONTAINER].row[CONTAINER_OTHER].exported);
	assert_false(snapshot->level[LEVEL_NAMESPACE].row[CONTAINER_OTHER].exported);
	assert_true(snapshot->level[LEVEL_CONTAINER].row[CONTAINER_SYSTEM].exported);
	snapshot_unref(snapshot);
	world_row(&world, 11, 1, world_cgroup(&world, 2), 5000);
	world_publish(&world);
	snapshot = snapshot_box_get(ledger_box(world.ledger));
	assert_true(snapshot->level[LEVEL_CONTAINER].row[CONTAINER_OTHER].exported);
	assert_true(snapshot->level[LEVEL_NAMESPACE].row[CONTAINER_OTHER].exported);
	assert_int_equal(snapshot->level[LEVEL_CONTAINER]
				 .row[CONTAINER_OTHER]
				 .account.counter[COUNTER_CPU_NS],
			 5000);
	snapshot_unref(snapshot);
	world_deinit(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_containers_add_up),
		cmocka_unit_test(test_processes_add_up),
		cmocka_unit_test(test_short_retention),
		cmocka_unit_test(test_narrow_limits),
		cmocka_unit_test(test_unattributed),
		cmocka_unit_test(test_gpu_shares),
		cmocka_unit_test(test_shares),
		cmocka_unit_test(test_ended_process_stays),
		cmocka_unit_test(test_other_is_hidden),
	};

	return cmocka_run_group_tests_name("ledger/ledger", tests, NULL, NULL);
}
