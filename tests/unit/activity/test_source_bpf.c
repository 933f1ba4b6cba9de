// SPDX-License-Identifier: Apache-2.0
/* The BPF source on the real kernel, against what it says of a child that is over. */
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

#include "activity/proc_stat.h"
#include "base/clock.h"
#include "child.h"

/* The unified cgroup of this process, as the kernel prints it. */
static void own_cgroup(const struct rig *rig, char *path, size_t size)
{
	char text[4096], other[1024];

	assert_true(sysroot_read_text(rig->root.proc_fd, "self/cgroup", text, sizeof(text)) > 0);
	assert_true(size >= sizeof(other));
	proc_pid_cgroup_parse(text, path, other, sizeof(other));
}

/* Reads until the last thread of @pid has told of its end. */
static void look_for_end(struct rig *rig, pid_t pid, struct told *told)
{
	for (int i = 0; i < LOOKS && !told->gone; i++) {
		rig_look(rig, pid, told, false);
		if (!told->gone)
			usleep(20000);
	}
	assert_true(told->gone);
}

static void check_cpu(u64 told_ns, u64 used_ns)
{
	assert_in_range(told_ns, used_ns * 99 / 100 - 2 * NSEC_PER_MSEC,
			used_ns * 101 / 100 + 2 * NSEC_PER_MSEC);
}

/* Lived and died between two reads: its whole account comes with its end records. */
static void test_short_life(void **state)
{
	struct rig *rig = *state;
	struct told told = { 0 };
	char path[1024], own[1024];
	u64 begin_ns, used_ns;
	pid_t pid;

	rig_open(rig, true);
	rig_baseline(rig);
	begin_ns = clock_boot_ns();
	pid = child_burn(50 * NSEC_PER_MSEC, false);
	assert_true(pid > 0);
	used_ns = child_used_ns(pid);
	look_for_end(rig, pid, &told);
	check_cpu(told.cpu_ns, used_ns);
	assert_in_range(told.start_ns, begin_ns - NSEC_PER_SEC, clock_boot_ns());
	assert_false(told.kthread);
	own_cgroup(rig, own, sizeof(own));
	if (own[0] &&
	    activity_cgroup_path(rig->activity, 0, told.cgroup_v2, path, sizeof(path)) == 0)
		assert_string_equal(path, own);
}

/* Of a child that lives: what a full pass shows of it, and nothing twice. */
static void test_long_life(void **state)
{
	struct rig *rig = *state;
	struct told told = { 0 }, again = { 0 };
	u64 used_ns;
	pid_t pid;

	rig_open(rig, true);
	rig_baseline(rig);
	pid = child_burn(50 * NSEC_PER_MSEC, true);
	assert_true(pid > 0);
	waitpid(pid, NULL, WUNTRACED);
	rig_look(rig, pid, &told, true);
	rig_look(rig, pid, &again, true);
	kill(pid, SIGKILL);
	used_ns = child_used_ns(pid);
	assert_int_equal(told.rows, 1);
	assert_int_equal(again.rows, 1);
	assert_int_equal(again.start_ns, told.start_ns);
	assert_in_range(again.cpu_ns, 0, NSEC_PER_MSEC);
	look_for_end(rig, pid, &told);
	check_cpu(told.cpu_ns + again.cpu_ns, used_ns);
}

/* True when BPF is permitted here; else a TAP plan that says why not is printed. */
static bool permitted(void)
{
	void *state;
	struct rig *rig;
	bool bpf;

	if (rig_setup(&state) < 0)
		return true; /* the tests will say so */
	rig = state;
	rig_open(rig, true);
	bpf = strcmp(activity_source(rig->activity), "bpf") == 0;
	if (!bpf)
		printf("1..0 # SKIP %s\n", activity_detail(rig->activity));
	rig_teardown(&state);
	return bpf;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_short_life, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_long_life, rig_setup, rig_teardown),
	};

	return permitted() ? cmocka_run_group_tests_name("activity/source_bpf", tests, NULL, NULL)
			   : 0;
}
