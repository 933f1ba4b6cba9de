// SPDX-License-Identifier: Apache-2.0
/* Containers and namespaces: their limits, and who may speak for an id. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "workload/registry.h"

#define RETENTION_NS (60 * NSEC_PER_SEC)
#define NOW_NS (1000 * NSEC_PER_SEC)
#define LIMIT 10U

static int setup(void **state)
{
	const struct registry_limits limits = { .processes = 100,
						.groups = LIMIT,
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

static void add_container(struct registry *registry, u64 id, const char *format)
{
	char path[160];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(path, sizeof(path), format, (unsigned int)id);
#pragma GCC diagnostic pop
	registry_cgroup_new(registry, 0, id, path);
}

static const struct group *group_at(struct registry *registry, u64 cgroup)
{
	return &registry->group[GROUP_CONTAINER][registry_place(registry, cgroup, 0, 0).container];
}

#define DOCKER "/docker/%064x"
#define PODMAN "/machine.slice/libpod-%064x.scope"

static void test_reserved(void **state)
{
	struct registry *registry = *state;

	assert_string_equal(
		registry->group[GROUP_CONTAINER][CONTAINER_SYSTEM].identity->container_id,
		"system_processes");
	assert_string_equal(
		registry->group[GROUP_CONTAINER][CONTAINER_KERNEL].identity->container_id,
		"kernel_processes");
	for (u32 i = 0; i < CONTAINER_RESERVED; i++)
		assert_int_equal(registry->group[GROUP_CONTAINER][i].namespace, i);
	registry_sweep(registry, NOW_NS);
	registry_sweep(registry, UINT64_MAX);
	assert_int_equal(registry->groups[GROUP_CONTAINER].live, CONTAINER_RESERVED);
	assert_null(registry_free(NULL));
}

/* One namespace per runtime; it outlives its containers. */
static void test_namespaces(void **state)
{
	struct registry *registry = *state;
	u32 docker, podman;

	add_container(registry, 1, DOCKER);
	add_container(registry, 2, DOCKER);
	add_container(registry, 3, PODMAN);
	docker = group_at(registry, 1)->namespace;
	podman = group_at(registry, 3)->namespace;
	assert_int_equal(group_at(registry, 2)->namespace, docker);
	assert_int_not_equal(docker, podman);
	assert_string_equal(registry->namespace[docker] -> container_namespace, "docker");
	assert_string_equal(registry->namespace[podman] -> container_namespace, "podman");
	for (u64 id = 1; id <= 3; id++)
		registry_cgroup_gone(registry, 0, id, NOW_NS);
	registry_sweep(registry, NOW_NS + RETENTION_NS);
	registry_published(registry);
	assert_int_equal(registry->groups[GROUP_CONTAINER].live, CONTAINER_RESERVED);
	assert_int_equal(registry->namespaces.live, CONTAINER_RESERVED + 2);
	add_container(registry, 4, DOCKER);
	assert_int_equal(group_at(registry, 4)->namespace, docker);
}

/* Containers past the limit share the row "other"; it outlives them, and there is room again later.
 */
static void test_limit_of_containers(void **state)
{
	struct registry *registry = *state;

	for (u64 id = 1; id <= LIMIT + 5; id++)
		add_container(registry, id, DOCKER);
	assert_int_equal(registry->groups[GROUP_CONTAINER].live, CONTAINER_RESERVED + LIMIT);
	assert_int_equal(registry->group[GROUP_CONTAINER][CONTAINER_OTHER].cgroups, 5);
	for (u64 id = 1; id <= LIMIT + 5; id++)
		assert_int_equal(strcmp(group_at(registry, id)->identity->container_id, "other") ==
					 0,
				 id > LIMIT);
	for (u64 id = 2; id <= LIMIT + 5; id++)
		registry_cgroup_gone(registry, 0, id, NOW_NS);
	registry_sweep(registry, NOW_NS + RETENTION_NS);
	registry_published(registry);
	assert_int_equal(registry->groups[GROUP_CONTAINER].live, CONTAINER_RESERVED + 1);
	assert_non_null(registry->group[GROUP_CONTAINER][CONTAINER_OTHER].identity);
	add_container(registry, 100, DOCKER);
	assert_string_not_equal(group_at(registry, 100)->identity->container_id, "other");
	assert_int_not_equal(registry_place(registry, 100, 0, 0).container,
			     registry_place(registry, 1, 0, 0).container);
}

static void test_limit_of_vms(void **state)
{
	struct registry *registry = *state;

	for (u64 id = 1; id <= LIMIT + 5; id++)
		add_container(registry, id, "/machine.slice/machine-qemu\\x2d%u\\x2dvm.scope");
	for (u64 id = 1; id <= LIMIT + 5; id++) {
		struct whereabouts where = registry_place(registry, id, 0, 0);

		assert_int_equal(where.vm == SLOT_NONE, id > LIMIT);
		assert_int_equal(where.container, CONTAINER_SYSTEM);
	}
	for (u64 id = 1; id <= LIMIT + 5; id++)
		registry_cgroup_gone(registry, 0, id, NOW_NS);
	registry_sweep(registry, NOW_NS + RETENTION_NS);
	assert_int_equal(registry->groups[GROUP_VM].live, 0);
}

/* Whoever may make cgroups can name one after somebody's container: while that lives it is plain
 * work. */
static void test_impostor(void **state)
{
	struct registry *registry = *state;
	u32 container;

	add_container(registry, 7, DOCKER);
	container = registry_place(registry, 7, 0, 0).container;
	registry_cgroup_new(registry, 0, 8,
			    "/user.slice/user-1000.slice/docker/"
			    "0000000000000000000000000000000000000000000000000000000000000007");
	assert_int_equal(registry_place(registry, 8, 0, 0).container, CONTAINER_SYSTEM);
	registry_cgroup_new(
		registry, 0, 9,
		"/docker/0000000000000000000000000000000000000000000000000000000000000007/x");
	assert_int_equal(registry_place(registry, 9, 0, 0).container, container);
	/* its end does not end the container */
	registry_cgroup_gone(registry, 0, 8, NOW_NS);
	registry_sweep(registry, NOW_NS + 10 * RETENTION_NS);
	assert_int_equal(registry_place(registry, 7, 0, 0).container, container);
	assert_non_null(registry->group[GROUP_CONTAINER][container].identity);
}

/* A container that starts again before its row was retired goes on with its account. */
static void test_restart(void **state)
{
	struct registry *registry = *state;
	u32 container;

	add_container(registry, 7, DOCKER);
	container = registry_place(registry, 7, 0, 0).container;
	registry_cgroup_gone(registry, 0, 7, NOW_NS);
	registry_sweep(registry, NOW_NS + RETENTION_NS / 2);
	registry_published(registry);
	registry_cgroup_new(
		registry, 0, 8,
		"/docker/0000000000000000000000000000000000000000000000000000000000000007");
	assert_int_equal(registry_place(registry, 8, 0, 0).container, container);
	registry_sweep(registry, NOW_NS + 10 * RETENTION_NS);
	assert_non_null(registry->group[GROUP_CONTAINER][container].identity);
	assert_int_equal(registry->group[GROUP_CONTAINER][container].ended_ns, 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_reserved),     CASE(test_namespaces), CASE(test_limit_of_containers),
		CASE(test_limit_of_vms), CASE(test_impostor),   CASE(test_restart),
	};

	return cmocka_run_group_tests_name("workload/registry", tests, NULL, NULL);
}
