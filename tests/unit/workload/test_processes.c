// SPDX-License-Identifier: Apache-2.0
/* The life of process rows: birth, exec, moves, ends seen and unseen, pids used again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "workload/registry.h"

#define ID_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define PATH_A "/docker/" ID_A
#define RETENTION_NS (300 * NSEC_PER_SEC)
#define MISSING_NS (5 * NSEC_PER_SEC)
#define NOW_NS (1000 * NSEC_PER_SEC)
#define LIMIT 8

static int setup(void **state)
{
	const struct registry_limits limits = { .processes = LIMIT,
						.groups = 10,
						.retention_ns = RETENTION_NS };
	struct registry *registry;

	if (registry_new(&limits, &registry) < 0)
		return -1;
	registry_cgroup_new(registry, 0, 1, "/system.slice/cron.service");
	registry_cgroup_new(registry, 0, 2, PATH_A);
	*state = registry;
	return 0;
}

static int teardown(void **state)
{
	*state = registry_free(*state);
	return 0;
}

static void tick(struct registry *registry, u64 now_ns)
{
	registry_sweep(registry, now_ns);
	registry_published(registry);
}

static struct sighting alive(struct registry *registry, u32 pid, u64 start_ns, u64 cgroup)
{
	return (struct sighting){
		.pid = pid,
		.start_ns = start_ns,
		.comm = "work",
		.where = registry_place(registry, cgroup, 0, 0),
		.leader = true,
	};
}

static struct sighting ended(struct registry *registry, u32 pid, u64 start_ns, u64 cgroup)
{
	struct sighting sighting = alive(registry, pid, start_ns, cgroup);

	sighting.past = sighting.gone = true;
	return sighting;
}

static u32 see(struct registry *registry, struct sighting sighting)
{
	return registry_process(registry, &sighting, NOW_NS);
}

static bool is_any_many(struct registry *registry, struct sighting sighting)
{
	u32 index = see(registry, sighting);

	return registry->process[index].many;
}

static bool is_many(const struct registry *registry, u32 index, const char *comm,
		    const char *container_id)
{
	const struct identity *identity = registry->process[index].identity;

	return registry->process[index].many && strcmp(identity->comm, comm) == 0 &&
	       strcmp(identity->container_id, container_id) == 0;
}

static void test_one_row_per_process(void **state)
{
	struct registry *registry = *state;
	u32 index = see(registry, alive(registry, 42, 7, 2));
	struct sighting thread = alive(registry, 42, 7, 1);

	assert_string_equal(registry->process[index].identity->container_id, ID_A);
	assert_int_equal(registry->process[index].identity->pid, 42);
	assert_int_equal(see(registry, alive(registry, 42, 7, 2)), index);
	/* a thread in another cgroup is still the same process; one whose leader is gone, too */
	thread.leader = false;
	assert_int_equal(see(registry, thread), index);
	thread.start_ns = 0;
	assert_int_equal(see(registry, thread), index);
	assert_int_not_equal(see(registry, alive(registry, 43, 7, 2)), index);
	assert_int_equal(registry->processes.live, 2);
}

/* Exec of another program and a move of the leader make a new workload; the same name does not. */
static void test_rebirth(void **state)
{
	struct registry *registry = *state;
	struct sighting sighting = alive(registry, 42, 7, 2);
	u32 first = see(registry, sighting), second, third;

	sighting.exec_id = 1;
	assert_int_equal(see(registry, sighting), first);
	sighting.exec_id = 2;
	sighting.comm = "other";
	second = see(registry, sighting);
	assert_int_not_equal(second, first);
	assert_string_equal(registry->process[second].identity->comm, "other");
	sighting.where = registry_place(registry, 1, 0, 0);
	third = see(registry, sighting);
	assert_string_equal(registry->process[third].identity->container_id, "system_processes");
	assert_int_equal(see(registry, sighting), third);
	/* what it was before has ended, and stays for the retention time */
	assert_int_equal(registry->process[first].ended_ns, NOW_NS);
	assert_int_equal(registry->process[second].ended_ns, NOW_NS);
	assert_int_equal(registry->process[third].ended_ns, 0);
	tick(registry, NOW_NS);
	tick(registry, NOW_NS + RETENTION_NS);
	assert_null(registry->process[first].identity);
	assert_null(registry->process[second].identity);
	assert_int_equal(registry->processes.live, 1);
	assert_int_equal(registry->missing_ends, 0);
}

/* Back where it was, under the name it had: its old row goes on. */
static void test_move_and_back(void **state)
{
	struct registry *registry = *state;
	u32 here = see(registry, alive(registry, 42, 7, 2)),
	    there = see(registry, alive(registry, 42, 7, 1));

	for (int i = 0; i < 10; i++) {
		assert_int_equal(see(registry, alive(registry, 42, 7, 2)), here);
		assert_int_equal(registry->process[here].ended_ns, 0);
		assert_int_equal(registry->process[there].ended_ns, NOW_NS);
		assert_int_equal(see(registry, alive(registry, 42, 7, 1)), there);
		if (i % 2)
			tick(registry, NOW_NS);
	}
	assert_int_equal(registry->processes.live, 2);
	/* a younger process with this pid takes over the row whose labels it has; the other has
	 * ended */
	assert_int_equal(see(registry, alive(registry, 42, 8, 1)), there);
	assert_int_equal(registry->process[there].ended_ns, 0);
	assert_int_equal(registry->process[here].ended_ns, NOW_NS);
	tick(registry, NOW_NS + RETENTION_NS);
	assert_null(registry->process[here].identity);
	assert_int_equal(registry->processes.live, 1);
}

/* A move for which there is no room: whatever comes next, no second row has the same labels. */
static void test_move_at_the_limit(void **state)
{
	struct registry *registry = *state;
	u32 first = see(registry, alive(registry, 42, 7, 2));

	for (u32 pid = 1; pid < LIMIT; pid++)
		see(registry, alive(registry, pid, 7, 2));
	assert_true(is_any_many(registry, alive(registry, 42, 7, 1)));
	assert_true(is_any_many(registry, alive(registry, 42, 7, 1)));
	assert_int_equal(see(registry, alive(registry, 42, 7, 2)), first);
	assert_int_equal(registry->process[first].ended_ns, 0);
	/* room again */
	see(registry, ended(registry, 1, 7, 2));
	tick(registry, NOW_NS + RETENTION_NS);
	assert_false(is_any_many(registry, alive(registry, 42, 7, 1)));
	assert_int_equal(registry->process[first].ended_ns, NOW_NS);
}

/* The name that a thread gives itself without exec is no new workload. */
static void test_renamed_thread(void **state)
{
	struct registry *registry = *state;
	struct sighting sighting = alive(registry, 42, 7, 2);
	u32 index = see(registry, sighting);

	sighting.comm = "renamed";
	assert_int_equal(see(registry, sighting), index);
	sighting.leader = false;
	sighting.exec_id = 9;
	assert_int_equal(see(registry, sighting), index);
}

/* A row that was exported stays for the retention time after its end, others for their late tails.
 */
static void test_end(void **state)
{
	struct registry *registry = *state;
	u32 index = see(registry, alive(registry, 42, 7, 2));

	registry_published(registry);
	assert_true(registry->process[index].exported);
	assert_int_equal(see(registry, ended(registry, 42, 7, 2)), index);
	assert_int_equal(registry->process[index].ended_ns, NOW_NS);
	assert_int_equal(see(registry, ended(registry, 42, 7, 2)), index);
	tick(registry, NOW_NS + RETENTION_NS - 1);
	assert_non_null(registry->process[index].identity);
	tick(registry, NOW_NS + RETENTION_NS);
	assert_null(registry->process[index].identity);
	/* afterwards it is nobody's pid */
	assert_true(is_many(registry, see(registry, ended(registry, 42, 7, 2)), "ended_processes",
			    ID_A));
	assert_int_equal(registry->missing_ends, 0);
}

/* Born and ended between two ticks: straight to its container's row for ended processes. */
static void test_short_life(void **state)
{
	struct registry *registry = *state;
	u32 many = see(registry, ended(registry, 42, 7, 2));

	assert_true(is_many(registry, many, "ended_processes", ID_A));
	for (u32 pid = 50; pid < 1000; pid++)
		assert_int_equal(see(registry, ended(registry, pid, pid, 2)), many);
	assert_int_equal(registry->processes.live, 1);
	assert_true(is_many(registry, see(registry, ended(registry, 9, 7, 1)), "ended_processes",
			    "system_processes"));
}

/* A pid that is used again: the old row has ended, and its late tail goes to the ended processes.
 */
static void test_pid_reuse(void **state)
{
	struct registry *registry = *state;
	u32 old = see(registry, alive(registry, 42, 7, 2)), young;

	registry_published(registry);
	young = see(registry, alive(registry, 42, 8, 1));
	assert_int_not_equal(young, old);
	assert_int_equal(registry->process[old].ended_ns, NOW_NS);
	assert_true(is_many(registry, see(registry, ended(registry, 42, 7, 2)), "ended_processes",
			    ID_A));
	assert_int_equal(see(registry, alive(registry, 42, 8, 1)), young);
	assert_int_equal(registry->process[young].ended_ns, 0);
	/* the end of a still younger one that was never seen ends this one */
	assert_true(is_many(registry, see(registry, ended(registry, 42, 9, 2)), "ended_processes",
			    ID_A));
	assert_int_equal(registry->process[young].ended_ns, NOW_NS);
	tick(registry, NOW_NS);
	tick(registry, NOW_NS + RETENTION_NS);
	assert_null(registry->process[old].identity);
	assert_null(registry->process[young].identity);
	assert_int_equal(u64map_get(&registry->by_pid, 42, 0), U64MAP_NONE);
}

/* The same pid, container and name again: the labels are in use, so their row goes on counting. */
static void test_equal_labels(void **state)
{
	struct registry *registry = *state;
	u32 index = see(registry, alive(registry, 42, 7, 2));

	registry_published(registry);
	see(registry, ended(registry, 42, 7, 2));
	tick(registry, NOW_NS + 1);
	assert_int_equal(see(registry, alive(registry, 42, 8, 2)), index);
	assert_int_equal(registry->process[index].ended_ns, 0);
	assert_int_equal(see(registry, alive(registry, 42, 9, 2)), index);
	tick(registry, NOW_NS + 2 * RETENTION_NS);
	assert_non_null(registry->process[index].identity);
	assert_int_equal(registry->processes.live, 1);
}

/* The end record never came: a full pass tells, after a while the row closes, and it is counted. */
static void test_missing_end(void **state)
{
	struct registry *registry = *state;
	u32 gone = see(registry, alive(registry, 42, 7, 2)),
	    stays = see(registry, alive(registry, 43, 7, 2));

	registry_full_pass_done(registry, NOW_NS);
	tick(registry, NOW_NS);
	see(registry, alive(registry, 43, 7, 2));
	registry_full_pass_done(registry, NOW_NS + 1);
	tick(registry, NOW_NS + MISSING_NS);
	assert_int_equal(registry->missing_ends, 0);
	assert_int_equal(registry->process[gone].ended_ns, 0);
	tick(registry, NOW_NS + 1 + MISSING_NS);
	assert_int_equal(registry->missing_ends, 1);
	assert_int_equal(registry->process[gone].ended_ns, NOW_NS + 1 + MISSING_NS);
	tick(registry, NOW_NS + 1 + MISSING_NS + RETENTION_NS);
	assert_null(registry->process[gone].identity);
	assert_non_null(registry->process[stays].identity);
	assert_int_equal(registry->process[stays].ended_ns, 0);
	assert_int_equal(registry->missing_ends, 1);
}

/* Missed by one pass and back in the next, or its record comes late: nothing is missing. */
static void test_missed_but_back(void **state)
{
	struct registry *registry = *state;
	u32 back = see(registry, alive(registry, 42, 7, 2)),
	    late = see(registry, alive(registry, 43, 7, 2));

	registry_full_pass_done(registry, NOW_NS);
	registry_full_pass_done(registry, NOW_NS + 1);
	tick(registry, NOW_NS + 1);
	see(registry, alive(registry, 42, 7, 2));
	see(registry, ended(registry, 43, 7, 2));
	registry_full_pass_done(registry, NOW_NS + 2);
	for (u64 s = 1; s < 20; s++)
		tick(registry, NOW_NS + s * NSEC_PER_SEC);
	assert_int_equal(registry->missing_ends, 0);
	assert_int_equal(registry->process[back].ended_ns, 0);
	assert_int_equal(registry->process[late].ended_ns, NOW_NS);
}

/* Past the limit a process has no row of its own, but its container's row for others has its work.
 */
static void test_limit(void **state)
{
	struct registry *registry = *state;
	u32 many;

	for (u32 pid = 1; pid <= LIMIT; pid++)
		assert_false(is_any_many(registry, alive(registry, pid, 7, 2)));
	many = see(registry, alive(registry, 100, 7, 2));
	assert_true(is_many(registry, many, "other_processes", ID_A));
	assert_int_equal(see(registry, alive(registry, 101, 7, 2)), many);
	assert_true(is_many(registry, see(registry, alive(registry, 102, 7, 1)), "other_processes",
			    "system_processes"));
	assert_int_equal(registry->folded_processes, 3);
	assert_int_equal(registry->processes.live, LIMIT + 2);
	/* room again: the rows for many have not eaten into it */
	see(registry, ended(registry, 1, 7, 2));
	tick(registry, NOW_NS + RETENTION_NS);
	tick(registry, NOW_NS + RETENTION_NS);
	assert_false(is_any_many(registry, alive(registry, 100, 7, 2)));
	assert_true(is_any_many(registry, alive(registry, 101, 7, 2)));
}

/* Rows for many end with their container, and give back the room they took. */
static void test_many_ends_with_container(void **state)
{
	struct registry *registry = *state;
	u32 limit = registry->processes.limit,
	    container = registry_place(registry, 2, 0, 0).container;
	u32 many = registry_many(registry, container, MANY_ENDED);

	assert_int_equal(registry_many(registry, container, MANY_ENDED), many);
	assert_int_not_equal(registry_many(registry, container, MANY_OTHER), many);
	registry_full_pass_done(registry, NOW_NS);
	registry_cgroup_gone(registry, 0, 2, NOW_NS);
	tick(registry, NOW_NS + RETENTION_NS);
	assert_null(registry->process[many].identity);
	assert_int_equal(registry->processes.live, 0);
	assert_int_equal(registry->processes.limit, limit);
	assert_int_equal(registry->missing_ends, 0);
}

/* In a VM's cgroup the process is the VM's, and its labels say so. */
static void test_vm(void **state)
{
	struct registry *registry = *state;
	u32 index;

	registry_cgroup_new(registry, 0, 3, "/machine.slice/machine-qemu\\x2d6\\x2dcirros.scope");
	index = see(registry, alive(registry, 42, 7, 3));
	assert_string_equal(registry->process[index].identity->vm_id, "machine-qemu-6-cirros");
	assert_string_equal(registry->process[index].identity->container_id, "system_processes");
	assert_int_not_equal(see(registry, alive(registry, 42, 7, 1)), index);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_one_row_per_process),
		CASE(test_rebirth),
		CASE(test_move_and_back),
		CASE(test_move_at_the_limit),
		CASE(test_renamed_thread),
		CASE(test_end),
		CASE(test_short_life),
		CASE(test_pid_reuse),
		CASE(test_equal_labels),
		CASE(test_missing_end),
		CASE(test_missed_but_back),
		CASE(test_limit),
		CASE(test_many_ends_with_container),
		CASE(test_vm),
	};

	return cmocka_run_group_tests_name("workload/processes", tests, NULL, NULL);
}
