// SPDX-License-Identifier: Apache-2.0
/* From threads to leaves: every nanosecond and count of the table is in exactly one leaf. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "frame/settle.h"

#define ID_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ID_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define NOW_NS (1000 * NSEC_PER_SEC)

enum { CGROUP_ROOT = 1, CGROUP_A, CGROUP_B, CGROUP_GUEST };

struct rig {
	struct registry *registry;
	struct activity_table table;
	struct leaves leaves;
};

static void add_cgroup(struct rig *rig, u64 id, bool gone, const char *path)
{
	const struct cgroup_event event = { .id = id, .gone = gone };

	assert_int_equal(activity_table_add_event(&rig->table, &event, path), 0);
}

static int setup(void **state)
{
	const struct registry_limits limits = { .processes = 100,
						.groups = 10,
						.retention_ns = NSEC_PER_SEC };
	struct rig *rig = calloc(1, sizeof(*rig));

	if (!rig || registry_new(&limits, &rig->registry) < 0)
		return -1;
	rig->table.taken_ns = NOW_NS;
	add_cgroup(rig, CGROUP_ROOT, false, "/");
	add_cgroup(rig, CGROUP_A, false, "/docker/" ID_A);
	add_cgroup(rig, CGROUP_B, false, "/docker/" ID_B);
	add_cgroup(rig, CGROUP_GUEST, false, "/machine.slice/machine-qemu\\x2d6\\x2dcirros.scope");
	*state = rig;
	return 0;
}

static int teardown(void **state)
{
	struct rig *rig = *state;

	leaves_deinit(&rig->leaves);
	leaves_deinit(&rig->leaves);
	activity_table_deinit(&rig->table);
	registry_free(rig->registry);
	free(rig);
	return 0;
}

static struct task_record *add_row(struct rig *rig, u32 flags, u32 pid, u64 cgroup, u64 cpu_ns)
{
	struct task_record *row;

	assert_int_equal(activity_table_reserve(&rig->table, 1), 0);
	row = &rig->table.rows[rig->table.count++];
	*row = (struct task_record){
		.flags = flags,
		.pid = pid,
		.start_ns = pid * 10,
		.cgroup_v2 = cgroup,
		.cpu_ns = cpu_ns,
		.count = { 1, 2, 3, 4 },
		.comm = "work",
	};
	return row;
}

static void settle_it(struct rig *rig)
{
	assert_int_equal(settle(rig->registry, &rig->table, &rig->leaves), 0);
}

static void next_tick(struct rig *rig)
{
	registry_sweep(rig->registry, NOW_NS);
	registry_published(rig->registry);
	activity_table_reset(&rig->table);
}

/* Time in a container, of the process row with this command ("" any). */
static u64 time_of(const struct rig *rig, const char *container_id, const char *comm)
{
	u64 sum_ns = 0;

	for (u32 i = 0; i < rig->leaves.count; i++) {
		const struct leaf *leaf = &rig->leaves.leaf[i];
		const struct group *group = &rig->registry->group[GROUP_CONTAINER][leaf->container];

		if (strcmp(group->identity->container_id, container_id) != 0)
			continue;
		if (comm[0] &&
		    (leaf->process == SLOT_NONE ||
		     strcmp(rig->registry->process[leaf->process].identity->comm, comm) != 0))
			continue;
		sum_ns += leaf->cpu_ns;
	}
	return sum_ns;
}

static void test_threads_add_up(void **state)
{
	struct rig *rig = *state;

	add_row(rig, ABI_TASK_LEADER, 42, CGROUP_A, 100);
	add_row(rig, 0, 42, CGROUP_A, 10);
	add_row(rig, ABI_TASK_ENDED, 42, CGROUP_A, 1);
	settle_it(rig);
	assert_int_equal(rig->leaves.cpu_ns, 111);
	/* one leaf for the process, one for the softirqs of idle CPUs */
	assert_int_equal(rig->leaves.count, 2);
	assert_int_equal(rig->leaves.leaf[0].cpu_ns, 111);
	assert_int_equal(rig->leaves.leaf[0].count[ABI_NET_TX], 3);
	assert_int_equal(rig->leaves.leaf[0].count[ABI_PAGE_CACHE], 12);
	assert_int_equal(time_of(rig, ID_A, "work"), 111);
}

/* A thread is charged to its own cgroup, wherever its process is. */
static void test_thread_elsewhere(void **state)
{
	struct rig *rig = *state;

	add_row(rig, ABI_TASK_LEADER, 42, CGROUP_A, 100);
	add_row(rig, 0, 42, CGROUP_B, 20);
	add_row(rig, 0, 42, CGROUP_A, 3);
	settle_it(rig);
	assert_int_equal(time_of(rig, ID_A, "work"), 103);
	assert_int_equal(time_of(rig, ID_B, "work"), 20);
	assert_int_equal(rig->registry->processes.live, 1);
}

static void test_kernel_threads(void **state)
{
	struct rig *rig = *state;

	add_row(rig, ABI_TASK_KTHREAD | ABI_TASK_LEADER, 2, CGROUP_A, 100);
	settle_it(rig);
	assert_int_equal(time_of(rig, "kernel_processes", "work"), 100);
	assert_int_equal(time_of(rig, ID_A, ""), 0);
}

static void test_vm(void **state)
{
	struct rig *rig = *state;

	add_row(rig, ABI_TASK_LEADER, 42, CGROUP_GUEST, 100);
	settle_it(rig);
	assert_int_equal(rig->leaves.leaf[0].vm,
			 registry_place(rig->registry, CGROUP_GUEST, 0, 0).vm);
	assert_int_not_equal(rig->leaves.leaf[0].vm, SLOT_NONE);
	assert_int_equal(time_of(rig, "system_processes", "work"), 100);
}

/* A container that came and went within the tick: its work is its own. */
static void test_short_container(void **state)
{
	struct rig *rig = *state;

	settle_it(rig);
	next_tick(rig);
	add_cgroup(rig, 99, false,
		   "/docker/cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc");
	add_cgroup(rig, 99, true, "");
	add_row(rig, ABI_TASK_ENDED | ABI_TASK_GROUP_GONE, 42, 99, 100);
	settle_it(rig);
	assert_int_equal(time_of(rig,
				 "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc",
				 "ended_processes"),
			 100);
}

/* The old owner of a pid was posted to before the new one showed up: both have their time. */
static void test_pid_reuse_within_tick(void **state)
{
	struct rig *rig = *state;

	add_row(rig, ABI_TASK_LEADER, 42, CGROUP_A, 100);
	settle_it(rig);
	next_tick(rig);
	add_row(rig, ABI_TASK_ENDED | ABI_TASK_GROUP_GONE, 42, CGROUP_A, 30);
	add_row(rig, ABI_TASK_LEADER, 42, CGROUP_B, 7)->start_ns = 9999;
	settle_it(rig);
	assert_int_equal(rig->leaves.cpu_ns, 37);
	assert_int_equal(time_of(rig, ID_A, "work"), 30);
	assert_int_equal(time_of(rig, ID_B, "work"), 7);
}

/* Work of lost records has no name, but a container. */
static void test_overflow(void **state)
{
	struct activity_overflow overflow[] = {
		{ .key = { .cgroup_v2 = CGROUP_A }, .value = { .cpu_ns = 50, .records = 5 } },
		{ .key = { .cgroup_v2 = CGROUP_ROOT, .kthread = ABI_TASK_KTHREAD },
		  .value = { .cpu_ns = 4 } },
		{ .key = { .cgroup_v2 = CGROUP_ROOT }, .value = { .cpu_ns = 3 } },
	};
	struct rig *rig = *state;

	add_row(rig, ABI_TASK_LEADER, 42, CGROUP_A, 100);
	rig->table.overflow = overflow;
	rig->table.overflow_count = ARRAY_SIZE(overflow);
	settle_it(rig);
	rig->table.overflow = NULL;
	assert_int_equal(rig->leaves.cpu_ns, 157);
	assert_int_equal(time_of(rig, ID_A, "ended_processes"), 50);
	assert_int_equal(time_of(rig, ID_A, "work"), 100);
	assert_int_equal(time_of(rig, "kernel_processes", "ended_processes"), 4);
	assert_int_equal(time_of(rig, "system_processes", "ended_processes"), 3);
}

/* Softirqs of idle CPUs are the kernel's. */
static void test_idle_counts(void **state)
{
	struct rig *rig = *state;
	const struct leaf *leaf;

	rig->table.idle_count[ABI_NET_RX] = 77;
	settle_it(rig);
	leaf = &rig->leaves.leaf[rig->leaves.count - 1];
	assert_int_equal(leaf->container, CONTAINER_KERNEL);
	assert_int_equal(leaf->count[ABI_NET_RX], 77);
	assert_int_equal(rig->leaves.cpu_ns, 0);
}

static void test_sleepers_have_no_leaf(void **state)
{
	struct rig *rig = *state;

	memset(add_row(rig, ABI_TASK_LEADER, 42, CGROUP_A, 0)->count, 0,
	       sizeof(u32) * ABI_COUNTERS);
	settle_it(rig);
	assert_int_equal(rig->leaves.count, 1);
	assert_int_equal(rig->registry->processes.live, 1);
}

/* A full pass that does not show a process makes it missing; one that is not full proves nothing.
 */
static void test_full_pass(void **state)
{
	struct rig *rig = *state;

	add_row(rig, ABI_TASK_LEADER, 42, CGROUP_A, 1);
	rig->table.full = true;
	settle_it(rig);
	next_tick(rig);
	settle_it(rig);
	registry_sweep(rig->registry, NOW_NS + 60 * NSEC_PER_SEC);
	assert_int_equal(rig->registry->missing_ends, 0);
	rig->table.full = true;
	settle_it(rig);
	registry_sweep(rig->registry, NOW_NS + 60 * NSEC_PER_SEC);
	assert_int_equal(rig->registry->missing_ends, 1);
}

static void add_random_row(struct rig *rig)
{
	static const u32 flags[] = { 0,
				     ABI_TASK_LEADER,
				     ABI_TASK_KTHREAD,
				     ABI_TASK_ENDED,
				     ABI_TASK_ENDED | ABI_TASK_LEADER,
				     ABI_TASK_ENDED | ABI_TASK_GROUP_GONE };
	struct task_record *row = add_row(rig, flags[rand() % (int)ARRAY_SIZE(flags)],
					  1 + (u32)rand() % 150, (u64)rand() % 6, (u64)rand());

	row->start_ns = (u64)rand() % 4;
	row->flags |= (u32)rand() % 3 << ABI_EXEC_SHIFT;
	row->comm[0] = (char)('a' + rand() % 3);
	for (int i = 0; i < ABI_COUNTERS; i++)
		row->count[i] = (u32)rand();
}

/* Whatever comes in: the sums over the leaves are those of the table, and each leaf has a row. */
static void check_sums(const struct rig *rig)
{
	u64 cpu_ns = 0, count[ABI_COUNTERS] = { 0 };

	for (u32 i = 0; i < rig->table.count; i++) {
		cpu_ns += rig->table.rows[i].cpu_ns;
		for (int c = 0; c < ABI_COUNTERS; c++)
			count[c] += rig->table.rows[i].count[c];
	}
	assert_true(cpu_ns == rig->leaves.cpu_ns);
	for (u32 i = 0; i < rig->leaves.count; i++) {
		const struct leaf *leaf = &rig->leaves.leaf[i];

		cpu_ns -= leaf->cpu_ns;
		for (int c = 0; c < ABI_COUNTERS; c++)
			count[c] -= leaf->count[c];
		assert_non_null(rig->registry->group[GROUP_CONTAINER][leaf->container].identity);
		if (leaf->process != SLOT_NONE)
			assert_non_null(rig->registry->process[leaf->process].identity);
		if (leaf->vm != SLOT_NONE)
			assert_non_null(rig->registry->group[GROUP_VM][leaf->vm].identity);
	}
	assert_true(cpu_ns == 0);
	for (int c = 0; c < ABI_COUNTERS; c++)
		assert_true(count[c] == 0);
}

static void test_random_tables(void **state)
{
	struct rig *rig = *state;

	srand(21);
	for (u64 tick = 0; tick < 500; tick++) {
		u32 rows = (u32)rand() % 300;

		for (u32 i = 0; i < rows; i++)
			add_random_row(rig);
		rig->table.full = tick % 7 == 0;
		rig->table.taken_ns = NOW_NS + tick * NSEC_PER_SEC;
		settle_it(rig);
		check_sums(rig);
		registry_sweep(rig->registry, rig->table.taken_ns);
		registry_published(rig->registry);
		activity_table_reset(&rig->table);
	}
}

/* What was done on a device finds the process, also one that slept, and else the system. */
static void test_uses(void **state)
{
	struct rig *rig = *state;
	const struct meter_use from[] = {
		{ 7, 10, 500 }, { 7, 20, 300 }, { 9, 20, 40 }, { 9, 99, 1 }, { 9, 10, 0 },
	};
	static struct uses uses;
	u64 cpu_ns;

	add_row(rig, ABI_TASK_LEADER, 10, CGROUP_A, 1000);
	add_row(rig, ABI_TASK_LEADER, 20, CGROUP_B, 1000);
	settle_it(rig);
	next_tick(rig);
	/* only one of the two ran in this tick */
	add_row(rig, ABI_TASK_LEADER, 10, CGROUP_A, 1000);
	settle_it(rig);
	cpu_ns = rig->leaves.cpu_ns;
	assert_int_equal(settle_uses(rig->registry, from, ARRAY_SIZE(from), &rig->leaves, &uses),
			 0);
	assert_int_equal(uses.count, 4);
	assert_int_equal(rig->leaves.cpu_ns, cpu_ns);
	for (u32 i = 0; i < uses.count; i++) {
		const struct leaf *leaf = &rig->leaves.leaf[uses.use[i].leaf];
		const struct identity *where =
			rig->registry->group[GROUP_CONTAINER][leaf->container].identity;

		assert_int_equal(uses.use[i].zone, from[i].zone);
		assert_int_equal(uses.use[i].work, from[i].work);
		if (from[i].pid == 99)
			assert_int_equal(leaf->container, CONTAINER_SYSTEM);
		else
			assert_string_equal(where->container_id, from[i].pid == 10 ? ID_A : ID_B);
	}
	/* the process that slept has one leaf for both devices */
	assert_int_equal(uses.use[1].leaf, uses.use[2].leaf);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_threads_add_up),
		CASE(test_thread_elsewhere),
		CASE(test_kernel_threads),
		CASE(test_vm),
		CASE(test_short_container),
		CASE(test_pid_reuse_within_tick),
		CASE(test_overflow),
		CASE(test_idle_counts),
		CASE(test_sleepers_have_no_leaf),
		CASE(test_full_pass),
		CASE(test_uses),
		CASE(test_random_tables),
	};

	return cmocka_run_group_tests_name("frame/settle", tests, NULL, NULL);
}
