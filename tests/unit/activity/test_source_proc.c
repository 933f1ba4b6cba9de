// SPDX-License-Identifier: Apache-2.0
/* The /proc source on the real kernel: it counts in steps, and tells of an end at the next read. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "child.h"

#define STEP_NS (10 * NSEC_PER_MSEC)

static void test_life_and_end(void **state)
{
	struct rig *rig = *state;
	struct told told = { 0 }, end = { 0 };
	u64 used_ns;
	pid_t pid;

	rig_open(rig, false);
	assert_string_equal(activity_source(rig->activity), "proc");
	assert_int_equal(activity_poll_fd(rig->activity), -1);
	rig_baseline(rig);
	pid = child_burn(100 * NSEC_PER_MSEC, true);
	assert_true(pid > 0);
	waitpid(pid, NULL, WUNTRACED);
	rig_look(rig, pid, &told, true);
	kill(pid, SIGKILL);
	used_ns = child_used_ns(pid);
	rig_look(rig, pid, &end, false);
	assert_int_equal(told.rows, 1);
	assert_false(told.gone);
	assert_in_range(told.cpu_ns, used_ns - 2 * STEP_NS, used_ns + 2 * STEP_NS);
	assert_int_equal(end.rows, 1);
	assert_true(end.gone);
	assert_int_equal(end.start_ns, told.start_ns);
}

/*
 * Each cgroup is told of once, by the path of a process in it: only of such can the end be told.
 * One that was found by a walk of the tree would be thought alive for ever.
 */
static void test_only_paths_of_processes(void **state)
{
	struct rig *rig = *state;

	rig_open(rig, false);
	assert_int_equal(activity_baseline(rig->activity, &rig->table), 0);
	assert_int_not_equal(rig->table.event_count, 0);
	for (u32 i = 0; i < rig->table.event_count; i++) {
		const struct cgroup_event *event = &rig->table.events[i];
		bool told = false;

		for (u32 row = 0; row < rig->table.count; row++)
			told |= rig->table.rows[row].cgroup_v2 == event->id ||
				rig->table.rows[row].cgroup_v1 == event->id;
		assert_true(told);
	}
}

static void test_free_nothing(void **state)
{
	assert_null(activity_free(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_life_and_end, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_only_paths_of_processes, rig_setup,
						rig_teardown),
		cmocka_unit_test(test_free_nothing),
	};

	return cmocka_run_group_tests_name("activity/source_proc", tests, NULL, NULL);
}
