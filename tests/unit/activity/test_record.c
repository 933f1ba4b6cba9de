// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "activity/record.h"

static struct task_record task(void)
{
	return (struct task_record){
		.flags = ABI_TASK_ENDED | ABI_TASK_LEADER | 5U << ABI_EXEC_SHIFT,
		.pid = 42,
		.start_ns = 7,
		.cgroup_v2 = 8,
		.cgroup_v1 = 9,
		.cpu_ns = 10,
		.count = { 1, 2, 3, 4 },
		.comm = "sixteen bytes!!", /* 15 and the NUL */
	};
}

static void test_task(void **state)
{
	struct activity_table table = { 0 };
	struct task_record record = task();

	assert_int_equal(record_add(&table, &record, sizeof(record)), 0);
	assert_int_equal(table.count, 1);
	assert_memory_equal(&table.rows[0], &record, sizeof(record));
	/* a command without its NUL is ended */
	record.comm[ABI_COMM_LEN - 1] = 'x';
	assert_int_equal(record_add(&table, &record, sizeof(record)), 0);
	assert_int_equal(table.count, 2);
	assert_string_equal(table.rows[1].comm, "sixteen bytes!!");
	activity_table_deinit(&table);
}

static void test_cgroup(void **state)
{
	struct activity_table table = { 0 };
	struct cgroup_record record = {
		.flags = ABI_CGROUP_NEW, .hierarchy = 3, .id = 1234, .path = "/docker/a"
	};

	assert_int_equal(record_add(&table, &record, sizeof(record)), 0);
	record = (struct cgroup_record){ .flags = ABI_CGROUP_GONE, .hierarchy = 3, .id = 1234 };
	assert_int_equal(record_add(&table, &record, sizeof(record)), 0);
	assert_int_equal(table.event_count, 2);
	assert_int_equal(table.events[0].hierarchy, 3);
	assert_int_equal(table.events[0].id, 1234);
	assert_false(table.events[0].gone);
	assert_string_equal(table.text + table.events[0].path, "/docker/a");
	assert_true(table.events[1].gone);
	assert_string_equal(table.text + table.events[1].path, "");
	assert_int_equal(table.count, 0);
	activity_table_deinit(&table);
}

static void test_no_records(void **state)
{
	struct activity_table table = { 0 };
	struct cgroup_record cgroup = { .flags = ABI_CGROUP_NEW, .id = 1, .path = "no slash" };
	struct task_record record = task();

	assert_int_equal(record_add(&table, &record, 0), -EPROTO);
	assert_int_equal(record_add(&table, &record, 3), -EPROTO);
	assert_int_equal(record_add(&table, &record, sizeof(record) - 1), -EPROTO);
	assert_int_equal(record_add(&table, &cgroup, sizeof(record)), -EPROTO);
	assert_int_equal(record_add(&table, &cgroup, sizeof(cgroup)), -EPROTO);
	cgroup.path[0] = '\0';
	assert_int_equal(record_add(&table, &cgroup, sizeof(cgroup)), -EPROTO);
	memset(cgroup.path, '/', sizeof(cgroup.path));
	assert_int_equal(record_add(&table, &cgroup, sizeof(cgroup)), -EPROTO);
	record.flags = ABI_TASK_LEADER; /* only ends come through the ring */
	assert_int_equal(record_add(&table, &record, sizeof(record)), -EPROTO);
	record.flags = 0;
	assert_int_equal(record_add(&table, &record, sizeof(record)), -EPROTO);
	assert_int_equal(table.count, 0);
	assert_int_equal(table.event_count, 0);
	activity_table_deinit(&table);
}

/* The longest path that the kernel's tracepoints give. */
static void test_long_path(void **state)
{
	struct activity_table table = { 0 };
	struct cgroup_record record = { .flags = ABI_CGROUP_NEW, .id = 1 };

	memset(record.path, 'a', sizeof(record.path) - 1);
	record.path[0] = '/';
	assert_int_equal(record_add(&table, &record, sizeof(record)), 0);
	assert_string_equal(table.text + table.events[0].path, record.path);
	activity_table_deinit(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_task),
		cmocka_unit_test(test_cgroup),
		cmocka_unit_test(test_no_records),
		cmocka_unit_test(test_long_path),
	};

	return cmocka_run_group_tests_name("activity/record", tests, NULL, NULL);
}
