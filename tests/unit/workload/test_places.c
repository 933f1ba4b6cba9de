// SPDX-License-Identifier: Apache-2.0
/* Which container or VM a cgroup is, on pure, hybrid and forgetful machines. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "workload/registry.h"

#define V1 2U /* the cpuacct hierarchy */
#define ID_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ID_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define PATH_A "/docker/" ID_A
#define PATH_B "/docker/" ID_B
#define PATH_VM "/machine.slice/machine-qemu\\x2d6\\x2dcirros.scope"
#define PATH_UNIT "/system.slice/cron.service"
#define LINGER_NS (30 * NSEC_PER_SEC)
#define RETENTION_NS (300 * NSEC_PER_SEC)

static int setup(void **state)
{
	const struct registry_limits limits = { .processes = 100,
						.groups = 10,
						.retention_ns = RETENTION_NS };
	struct registry *registry;

	if (registry_new(&limits, &registry) < 0)
		return -1;
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

static const char *container_at(struct registry *registry, u64 v2, u64 v1)
{
	struct whereabouts where = registry_place(registry, v2, v1, V1);

	return registry->group[GROUP_CONTAINER][where.container].identity->container_id;
}

static void test_nothing_known(void **state)
{
	assert_string_equal(container_at(*state, 0, 0), "system_processes");
}

/* On a hybrid machine a runtime may use one hierarchy and leave its tasks at the root of the other.
 */
static void test_hybrid(void **state)
{
	struct registry *registry = *state;

	registry_cgroup_new(registry, 0, 1, "/");
	registry_cgroup_new(registry, V1, 1, "/");
	registry_cgroup_new(registry, V1, 5, PATH_A);
	registry_cgroup_new(registry, 0, 6, PATH_B);
	registry_cgroup_new(registry, 0, 7, PATH_UNIT);
	registry_cgroup_new(registry, V1, 8, PATH_UNIT);
	assert_string_equal(container_at(registry, 1, 5), ID_A);
	assert_string_equal(container_at(registry, 7, 5), ID_A);
	assert_string_equal(container_at(registry, 0, 5), ID_A);
	assert_string_equal(container_at(registry, 6, 1), ID_B);
	assert_string_equal(container_at(registry, 6, 8), ID_B);
	assert_string_equal(container_at(registry, 6, 0), ID_B);
	assert_string_equal(container_at(registry, 7, 8), "system_processes");
	assert_string_equal(container_at(registry, 1, 1), "system_processes");
	/* ids are unique within a hierarchy only */
	registry_cgroup_new(registry, 0, 5, PATH_UNIT);
	assert_string_equal(container_at(registry, 5, 0), "system_processes");
	assert_string_equal(container_at(registry, 5, 5), ID_A);
	assert_int_equal(registry->unknown_cgroups, 0);
}

/* The same container in both hierarchies is one row, and lives until both cgroups are gone. */
static void test_both_hierarchies(void **state)
{
	struct registry *registry = *state;
	u32 container;

	registry_cgroup_new(registry, V1, 5, PATH_A);
	registry_cgroup_new(registry, 0, 9, PATH_A);
	registry_cgroup_new(registry, 0, 10, PATH_A "/inner");
	container = registry_place(registry, 9, 5, V1).container;
	assert_int_equal(registry_place(registry, 10, 0, V1).container, container);
	registry_cgroup_gone(registry, V1, 5, 100);
	registry_cgroup_gone(registry, 0, 9, 200);
	assert_int_equal(registry->group[GROUP_CONTAINER][container].ended_ns, 0);
	registry_cgroup_gone(registry, 0, 10, 300);
	assert_int_equal(registry->group[GROUP_CONTAINER][container].ended_ns, 300);
	/* late end records still find it, and its row stays for the retention time */
	assert_int_equal(registry_place(registry, 9, 5, V1).container, container);
	tick(registry, 300 + RETENTION_NS - 1);
	assert_non_null(registry->group[GROUP_CONTAINER][container].identity);
	tick(registry, 300 + RETENTION_NS);
	assert_null(registry->group[GROUP_CONTAINER][container].identity);
}

static void test_vm(void **state)
{
	struct registry *registry = *state;
	struct whereabouts where;

	registry_cgroup_new(registry, V1, 5, PATH_VM);
	registry_cgroup_new(registry, V1, 6, PATH_VM "/libvirt/emulator");
	where = registry_place(registry, 0, 5, V1);
	assert_int_equal(where.container, CONTAINER_SYSTEM);
	assert_int_not_equal(where.vm, SLOT_NONE);
	assert_string_equal(registry->group[GROUP_VM][where.vm].identity->vm_id,
			    "machine-qemu-6-cirros");
	assert_int_equal(registry_place(registry, 0, 6, V1).vm, where.vm);
	registry_cgroup_gone(registry, V1, 6, 10);
	registry_cgroup_gone(registry, V1, 5, 10);
	tick(registry, 10 + RETENTION_NS);
	assert_null(registry->group[GROUP_VM][where.vm].identity);
}

/* What a resolver was asked, and what it says. */
struct oracle {
	u32 asked;
	const char *path; /* NULL: it does not know */
};

static int resolve(void *ctx, u32 hierarchy, u64 id, char *path, size_t size)
{
	struct oracle *oracle = ctx;

	oracle->asked++;
	if (!oracle->path)
		return -ENOENT;
	snprintf(path, size, "%s", oracle->path);
	return 0;
}

/* A cgroup whose event was lost is asked for once, whether or not there is an answer. */
static void test_resolver(void **state)
{
	struct registry *registry = *state;
	struct oracle oracle = { .path = PATH_A };

	registry_set_resolver(registry, resolve, &oracle);
	for (int i = 0; i < 10; i++)
		assert_string_equal(container_at(registry, 77, 0), ID_A);
	assert_int_equal(oracle.asked, 1);
	assert_int_equal(registry->unknown_cgroups, 0);
	oracle.path = NULL;
	for (int i = 0; i < 10; i++) {
		assert_string_equal(container_at(registry, 78, 0), "system_processes");
		assert_string_equal(container_at(registry, 0, 78), "system_processes");
	}
	assert_int_equal(oracle.asked, 3);
	assert_int_equal(registry->unknown_cgroups, 2);
}

/* What is not known is remembered for a while only, and not against what is told later. */
static void test_unknown_is_forgotten(void **state)
{
	struct registry *registry = *state;
	struct oracle oracle = { 0 };
	u64 now_ns = 1000 * NSEC_PER_SEC;

	registry_set_resolver(registry, resolve, &oracle);
	tick(registry, now_ns);
	container_at(registry, 78, 0);
	tick(registry, now_ns + 1);
	tick(registry, now_ns + LINGER_NS - 1);
	container_at(registry, 78, 0);
	assert_int_equal(oracle.asked, 1);
	tick(registry, now_ns + LINGER_NS);
	assert_int_equal(registry->places.live, 0);
	container_at(registry, 79, 0);
	registry_cgroup_new(registry, 0, 79, PATH_B);
	assert_string_equal(container_at(registry, 79, 0), ID_B);
	tick(registry, now_ns + 2 * LINGER_NS);
	tick(registry, now_ns + 3 * LINGER_NS);
	assert_string_equal(container_at(registry, 79, 0), ID_B);
}

/* A removal that was not told of is found by asking; what still exists, or can't be told, stays. */
static void test_untold_end_is_found(void **state)
{
	struct registry *registry = *state;
	struct oracle oracle = { .path = PATH_A };
	u32 container;

	registry_set_resolver(registry, resolve, &oracle);
	registry_cgroup_new(registry, 0, 5, PATH_A);
	container = registry_place(registry, 5, 0, 0).container;
	registry_audit_places(registry, 100);
	assert_int_equal(registry->group[GROUP_CONTAINER][container].ended_ns, 0);
	oracle.path = NULL;
	registry_audit_places(registry, 200);
	assert_int_equal(registry->group[GROUP_CONTAINER][container].ended_ns, 200);
}

/* A removed cgroup answers for the linger, then its id is free. */
static void test_gone_is_forgotten(void **state)
{
	struct registry *registry = *state;
	struct oracle oracle = { .path = PATH_B };

	registry_set_resolver(registry, resolve, &oracle);
	registry_cgroup_new(registry, 0, 5, PATH_A);
	registry_cgroup_gone(registry, 0, 5, 100);
	registry_cgroup_gone(registry, 0, 5, 100);
	registry_cgroup_gone(registry, 0, 4711, 100);
	tick(registry, 100 + LINGER_NS - 1);
	assert_string_equal(container_at(registry, 5, 0), ID_A);
	assert_int_equal(oracle.asked, 0);
	tick(registry, 100 + LINGER_NS);
	assert_int_equal(registry->places.live, 0);
	assert_string_equal(container_at(registry, 5, 0), ID_B);
}

/* Told twice, by the walk and by the event: still one cgroup. */
static void test_told_twice(void **state)
{
	struct registry *registry = *state;
	u32 container;

	registry_cgroup_new(registry, 0, 5, PATH_A);
	registry_cgroup_new(registry, 0, 5, PATH_A);
	container = registry_place(registry, 5, 0, V1).container;
	assert_int_equal(registry->group[GROUP_CONTAINER][container].cgroups, 1);
	registry_cgroup_gone(registry, 0, 5, 100);
	assert_int_equal(registry->group[GROUP_CONTAINER][container].ended_ns, 100);
}

/* Renamed on v1: work goes to the new name from here on, the old row stays for the retention time.
 */
static void test_renamed(void **state)
{
	struct registry *registry = *state;
	u64 now_ns = 1000 * NSEC_PER_SEC;
	u32 before;

	registry_cgroup_new(registry, V1, 4, PATH_A "/child");
	registry_cgroup_new(registry, V1, 5, PATH_A);
	before = registry_place(registry, 0, 5, V1).container;
	tick(registry, now_ns);
	registry_cgroup_gone(registry, V1, 4, now_ns);
	registry_cgroup_new(registry, V1, 5, PATH_B);
	assert_string_equal(container_at(registry, 0, 5), ID_B);
	tick(registry, now_ns);
	/* late records of the child's tasks still find their container */
	assert_string_equal(container_at(registry, 0, 4), ID_A);
	tick(registry, now_ns + RETENTION_NS / 2);
	assert_string_equal(registry->group[GROUP_CONTAINER][before].identity->container_id, ID_A);
	tick(registry, now_ns + 2 * RETENTION_NS);
	assert_null(registry->group[GROUP_CONTAINER][before].identity);
	assert_string_equal(container_at(registry, 0, 5), ID_B);
}

/* Stopped, started and stopped again between two ticks: one row, retired once. */
static void test_restart_within_a_tick(void **state)
{
	struct registry *registry = *state;
	u64 now_ns = NSEC_PER_SEC;
	u32 a, b;

	for (u64 id = 10; id < 20; id++) {
		registry_cgroup_new(registry, 0, id, PATH_A);
		registry_cgroup_gone(registry, 0, id, now_ns);
	}
	/* the same id again, as a lost event and its late answer can have it */
	for (int i = 0; i < 5; i++) {
		registry_cgroup_new(registry, 0, 19, PATH_A);
		registry_cgroup_gone(registry, 0, 19, now_ns);
	}
	tick(registry, now_ns);
	tick(registry, now_ns + RETENTION_NS);
	assert_int_equal(registry->groups[GROUP_CONTAINER].live, CONTAINER_RESERVED);
	assert_int_equal(registry->places.live, 0);
	/* what is free is handed out once */
	registry_cgroup_new(registry, 0, 30, PATH_A);
	registry_cgroup_new(registry, 0, 31, PATH_B);
	a = registry_place(registry, 30, 0, V1).container;
	b = registry_place(registry, 31, 0, V1).container;
	assert_int_not_equal(a, b);
	assert_string_equal(container_at(registry, 30, 0), ID_A);
	assert_string_equal(container_at(registry, 31, 0), ID_B);
	assert_int_equal(registry->groups[GROUP_CONTAINER].live, CONTAINER_RESERVED + 2);
	assert_int_equal(registry->places.live, 2);
}

/* More cgroups than there is room for: their work is the system's, and they are counted. */
static void test_limit_of_cgroups(void **state)
{
	struct registry *registry = *state;
	char path[128];

	registry->places.limit = 200;
	for (u64 id = 1; id < 1000; id++) {
		snprintf(path, sizeof(path), "/system.slice/s%u.service", (unsigned int)id);
		registry_cgroup_new(registry, 0, id, path);
	}
	assert_int_equal(registry->places.live, registry->places.limit);
	for (u64 id = 1; id < 1000; id++)
		assert_string_equal(container_at(registry, id, 0), "system_processes");
	assert_int_equal(registry->places_refused, 1000 - 1 - 200);
	for (u64 id = 1; id < 1000; id++)
		registry_cgroup_gone(registry, 0, id, 5);
	tick(registry, 5 + LINGER_NS);
	assert_int_equal(registry->places.live, 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_nothing_known),
		CASE(test_hybrid),
		CASE(test_both_hierarchies),
		CASE(test_vm),
		CASE(test_resolver),
		CASE(test_untold_end_is_found),
		CASE(test_unknown_is_forgotten),
		CASE(test_gone_is_forgotten),
		CASE(test_told_twice),
		CASE(test_renamed),
		CASE(test_restart_within_a_tick),
		CASE(test_limit_of_cgroups),
	};

	return cmocka_run_group_tests_name("workload/places", tests, NULL, NULL);
}
