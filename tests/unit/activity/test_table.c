// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "activity/activity.h"

static void test_empty(void **state)
{
	struct activity_table table = { 0 };

	activity_table_reset(&table);
	activity_table_deinit(&table);
	activity_table_deinit(&table);
}

/* Rows survive growth; at the limit the table refuses and keeps what it has. */
static void test_rows_have_a_limit(void **state)
{
	struct activity_table table = { 0 };

	while (table.count < ACTIVITY_ROWS_MAX) {
		assert_int_equal(activity_table_reserve(&table, 4096), 0);
		for (u32 i = 0; i < 4096; i++) {
			table.rows[table.count].pid = table.count;
			table.count++;
		}
	}
	assert_int_equal(activity_table_reserve(&table, 1), -ENOBUFS);
	assert_int_equal(table.count, ACTIVITY_ROWS_MAX);
	for (u32 i = 0; i < table.count; i++)
		assert_int_equal(table.rows[i].pid, i);
	activity_table_deinit(&table);
}

/* Paths are found by their offset, also after the text has moved. */
static void test_events(void **state)
{
	struct activity_table table = { 0 };
	char path[64];

	for (u32 i = 0; i < 5000; i++) {
		const struct cgroup_event event = { .hierarchy = i % 3,
						    .gone = i % 5 == 0,
						    .id = i };

		snprintf(path, sizeof(path), "/slice/%u", i * i);
		assert_int_equal(activity_table_add_event(&table, &event, i % 5 ? path : ""), 0);
	}
	assert_int_equal(table.event_count, 5000);
	for (u32 i = 0; i < 5000; i++) {
		snprintf(path, sizeof(path), "/slice/%u", i * i);
		assert_int_equal(table.events[i].id, i);
		assert_int_equal(table.events[i].hierarchy, i % 3);
		assert_int_equal(table.events[i].gone, i % 5 == 0);
		assert_string_equal(table.text + table.events[i].path, i % 5 ? path : "");
	}
	activity_table_deinit(&table);
}

/* The next tick begins empty, in the same buffers. */
static void test_reset_keeps_buffers(void **state)
{
	struct activity_table table = { 0 };
	const struct cgroup_event event = { .id = 1 };
	const void *rows, *events, *text;

	assert_int_equal(activity_table_reserve(&table, 10), 0);
	table.count = 10;
	table.overflow_count = 0;
	table.full = true;
	table.idle_count[ABI_BLOCK] = 3;
	assert_int_equal(activity_table_add_event(&table, &event, "/a"), 0);
	rows = table.rows;
	events = table.events;
	text = table.text;
	activity_table_reset(&table);
	assert_int_equal(
		table.count + table.event_count + table.text_len + table.idle_count[ABI_BLOCK], 0);
	assert_false(table.full);
	assert_int_equal(activity_table_reserve(&table, 10), 0);
	assert_int_equal(activity_table_add_event(&table, &event, "/b"), 0);
	assert_ptr_equal(table.rows, rows);
	assert_ptr_equal(table.events, events);
	assert_ptr_equal(table.text, text);
	activity_table_deinit(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_rows_have_a_limit),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_reset_keeps_buffers),
	};

	return cmocka_run_group_tests_name("activity/table", tests, NULL, NULL);
}
