// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "workload/naming.h"
#include "workload/registry.h"

static void test_reserved(void **state)
{
	static const char *const want[CONTAINER_RESERVED] = {
		[CONTAINER_SYSTEM] =
			"container_id=\"system_processes\",container_name=\"system_processes\","
			"pod_name=\"system_processes\",container_namespace=\"system\"",
		[CONTAINER_KERNEL] =
			"container_id=\"kernel_processes\",container_name=\"kernel_processes\","
			"pod_name=\"kernel_processes\",container_namespace=\"kernel\"",
		[CONTAINER_OTHER] = "container_id=\"other\",container_name=\"other\","
				    "pod_name=\"other\",container_namespace=\"other\"",
	};

	for (u32 i = 0; i < CONTAINER_RESERVED; i++) {
		struct identity *identity = naming_reserved(i);

		assert_string_equal(identity->labels, want[i]);
		assert_int_equal(identity->labels_len, strlen(want[i]));
		identity_unref(identity);
	}
}

/* Outside Kubernetes: the first 12 characters of the id, no pod, the runtime as namespace. */
static void test_container(void **state)
{
	struct cgroup_identity path = { .kind = CGROUP_CONTAINER,
					.id = "0123456789abcdef0123",
					.runtime = "podman" };
	struct identity *identity = naming_container(&path);

	assert_string_equal(identity->labels,
			    "container_id=\"0123456789abcdef0123\",container_name=\"0123456789ab\","
			    "pod_name=\"\",container_namespace=\"podman\"");
	assert_string_equal(identity->container_namespace, "podman");
	assert_int_equal(identity->pid, 0);
	identity_unref(identity);
}

static void test_pod_container(void **state)
{
	struct cgroup_identity path = { .kind = CGROUP_CONTAINER, .id = "web", .pod_uid = "uid-1" };
	struct identity *identity = naming_container(&path);

	assert_string_equal(identity->pod_name, "uid-1");
	assert_string_equal(identity->container_namespace, "kubernetes");
	identity_unref(identity);
	path.pod_uid[0] = '\0';
	assert_string_equal(naming_path_namespace(&path), "containers");
}

static void test_vm_and_namespace(void **state)
{
	struct cgroup_identity path = { .kind = CGROUP_VM, .id = "machine-qemu-6-cirros" };
	struct identity *vm = naming_vm(&path), *namespace = naming_namespace("a\"b");

	assert_string_equal(vm->labels, "vm_id=\"machine-qemu-6-cirros\"");
	assert_string_equal(namespace->labels, "container_namespace=\"a\\\"b\"");
	identity_unref(vm);
	identity_unref(namespace);
}

static void test_process(void **state)
{
	struct cgroup_identity path = { .kind = CGROUP_VM, .id = "vm7" };
	struct identity *container = naming_reserved(CONTAINER_SYSTEM), *vm = naming_vm(&path);
	struct identity *process = naming_process(42, 99, "qemu", container, vm);

	assert_string_equal(
		process->labels,
		"pid=\"42\",container_id=\"system_processes\",vm_id=\"vm7\",command=\"qemu\"");
	assert_int_equal(process->pid, 42);
	assert_int_equal(process->start_ns, 99);
	assert_string_equal(process->container_namespace, "system");
	identity_unref(process);
	process = naming_many(MANY_ENDED, container);
	assert_string_equal(
		process->labels,
		"pid=\"\",container_id=\"system_processes\",vm_id=\"\",command=\"ended_processes\"");
	identity_unref(process);
	process = naming_many(MANY_OTHER, container);
	assert_string_equal(
		process->labels,
		"pid=\"\",container_id=\"system_processes\",vm_id=\"\",command=\"other_processes\"");
	assert_int_equal(process->pid, 0);
	identity_unref(process);
	identity_unref(vm);
	identity_unref(container);
}

/* True when @labels is a list of name="value" in which quotes, newlines and backslashes are
 * escaped. */
static bool well_formed(const char *labels)
{
	while (*labels) {
		labels += strspn(labels, "abcdefghijklmnopqrstuvwxyz_");
		if (strncmp(labels, "=\"", 2) != 0)
			return false;
		for (labels += 2; *labels && *labels != '"'; labels++) {
			if (*labels == '\n')
				return false;
			if (*labels == '\\' && !strchr("\\\"n", *++labels))
				return false;
		}
		if (*labels++ != '"' || (*labels && *labels++ != ','))
			return false;
	}
	return true;
}

/* A command is 15 bytes that somebody else chose: all labels keep their place around it. */
static void test_hostile_command(void **state)
{
	static const char *const comms[] = {
		"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"",
		"\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\",
		"\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n",
		"\",pid=\"1",
		"\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8\xf7\xf6\xf5\xf4\xf3\xf2\xf1",
		""
	};
	struct cgroup_identity path = { .kind = CGROUP_CONTAINER };
	struct identity *container;

	memset(path.id, '"', sizeof(path.id) - 1);
	memset(path.runtime, '\\', sizeof(path.runtime) - 1);
	memset(path.pod_uid, '\n', sizeof(path.pod_uid) - 1);
	container = naming_container(&path);
	assert_true(well_formed(container->labels));
	for (size_t i = 0; i < ARRAY_SIZE(comms); i++) {
		struct identity *process = naming_process(1, 2, comms[i], container, NULL);

		assert_int_equal(process->labels_len, strlen(process->labels));
		assert_true(well_formed(process->labels));
		assert_non_null(strstr(process->labels, "command=\""));
		identity_unref(process);
	}
	identity_unref(container);
}

static void test_references(void **state)
{
	struct identity *identity = naming_namespace("x");

	assert_int_equal(identity->refs, 1);
	assert_ptr_equal(identity_ref(identity), identity);
	assert_null(identity_unref(identity));
	assert_string_equal(identity->container_namespace, "x");
	assert_null(identity_unref(identity));
	assert_null(identity_ref(NULL));
	assert_null(identity_unref(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reserved),      cmocka_unit_test(test_container),
		cmocka_unit_test(test_pod_container), cmocka_unit_test(test_vm_and_namespace),
		cmocka_unit_test(test_process),       cmocka_unit_test(test_hostile_command),
		cmocka_unit_test(test_references),
	};

	return cmocka_run_group_tests_name("workload/naming", tests, NULL, NULL);
}
