// SPDX-License-Identifier: Apache-2.0
/* The two sources on the real kernel, against what it says of a child that is over. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "activity/activity.h"
#include "activity/proc_stat.h"
#include "base/clock.h"

#define STEP_NS (10 * NSEC_PER_MSEC) /* of CPU times in /proc */
#define LOOKS 300 /* for an end record, which comes when the kernel gets round to it */

struct rig {
	struct sysroot root;
	struct activity *activity;
	struct activity_table table;
};

static int setup(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	const char *which;

	if (!rig || sysroot_init(&rig->root, "/proc", "/sys", &which) < 0)
		return -1;
	*state = rig;
	return 0;
}

static int teardown(void **state)
{
	struct rig *rig = *state;

	activity_free(rig->activity);
	activity_table_deinit(&rig->table);
	sysroot_deinit(&rig->root);
	free(rig);
	return 0;
}

/* A child that burns this much CPU time and then ends or, with @stop, waits to be killed. */
static pid_t burn(u64 cpu_ns, bool stop)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (clock_read_ns(CLOCK_PROCESS_CPUTIME_ID) < cpu_ns)
		;
	if (stop)
		raise(SIGSTOP);
	_exit(0);
}

static u64 used_ns(const struct rusage *usage)
{
	return (u64)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * NSEC_PER_SEC +
	       (u64)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) * NSEC_PER_USEC;
}

/* What the rows of a table say of one process. */
struct told {
	u32 rows;
	u64 cpu_ns;
	u64 start_ns;
	u64 cgroup_v2;
	bool gone;
	bool kthread;
};

static void listen_to(const struct activity_table *table, pid_t pid, struct told *told)
{
	for (u32 i = 0; i < table->count; i++) {
		const struct task_record *row = &table->rows[i];

		if (row->pid != (u32)pid)
			continue;
		told->rows++;
		told->cpu_ns += row->cpu_ns;
		told->cgroup_v2 = row->cgroup_v2;
		if (row->start_ns)
			told->start_ns = row->start_ns;
		told->gone = told->gone || row->flags & ABI_TASK_GROUP_GONE;
		told->kthread = told->kthread || row->flags & ABI_TASK_KTHREAD;
	}
}

static void look(struct rig *rig, pid_t pid, struct told *told, bool full)
{
	activity_table_reset(&rig->table);
	assert_int_equal(activity_read(rig->activity, &rig->table, full), 0);
	assert_int_equal(rig->table.full, full);
	listen_to(&rig->table, pid, told);
}

static void open_source(struct rig *rig, bool bpf)
{
	const struct activity_options options = { .bpf = bpf, .irq_counters = true };

	assert_int_equal(activity_new(&rig->root, &options, &rig->activity), 0);
}

/* Everybody who lives has a row, nobody has worked yet, and the machine has as many CPUs as it has.
 */
static void check_baseline(struct rig *rig)
{
	struct told self = { 0 };
	struct activity_lost lost[ACTIVITY_LOST_MAX];
	u32 roots = 0;

	assert_int_equal(activity_baseline(rig->activity, &rig->table), 0);
	listen_to(&rig->table, getpid(), &self);
	assert_int_not_equal(self.rows, 0);
	assert_int_equal(self.cpu_ns, 0);
	assert_true(rig->table.full);
	assert_int_equal(rig->table.cpus, sysconf(_SC_NPROCESSORS_ONLN));
	for (u32 i = 0; i < rig->table.event_count; i++)
		roots += strcmp(rig->table.text + rig->table.events[i].path, "/") == 0;
	assert_int_not_equal(roots, 0);
	assert_in_range(activity_lost(rig->activity, lost), 1, ACTIVITY_LOST_MAX);
	assert_int_not_equal(activity_detail(rig->activity)[0], '\0');
}

/* The unified cgroup of this process, as the kernel prints it. */
static void own_cgroup(const struct rig *rig, char *path, size_t size)
{
	char text[4096], other[1024];

	assert_true(sysroot_read_text(rig->root.proc_fd, "self/cgroup", text, sizeof(text)) > 0);
	assert_true(size >= sizeof(other));
	proc_pid_cgroup_parse(text, path, other, sizeof(other));
}

/* Lived and died between two reads: its whole account comes with its end records. */
static void test_bpf_short_life(void **state)
{
	struct rig *rig = *state;
	struct told told = { 0 };
	struct rusage usage;
	char path[1024], own[1024];
	u64 begin_ns;
	pid_t pid;

	open_source(rig, true);
	if (strcmp(activity_source(rig->activity), "bpf") != 0) {
		print_message("# %s\n", activity_detail(rig->activity));
		skip();
	}
	check_baseline(rig);
	begin_ns = clock_boot_ns();
	pid = burn(50 * NSEC_PER_MSEC, false);
	assert_true(pid > 0);
	assert_int_equal(wait4(pid, NULL, 0, &usage), pid);
	for (int i = 0; i < LOOKS && !told.gone; i++) {
		look(rig, pid, &told, false);
		if (!told.gone)
			usleep(20000);
	}
	assert_true(told.gone);
	assert_in_range(told.cpu_ns, used_ns(&usage) * 99 / 100 - 2 * NSEC_PER_MSEC,
			used_ns(&usage) * 101 / 100 + 2 * NSEC_PER_MSEC);
	assert_in_range(told.start_ns, begin_ns - NSEC_PER_SEC, clock_boot_ns());
	assert_false(told.kthread);
	own_cgroup(rig, own, sizeof(own));
	if (own[0] &&
	    activity_cgroup_path(rig->activity, 0, told.cgroup_v2, path, sizeof(path)) == 0)
		assert_string_equal(path, own);
}

/* Of a child that lives: what a full pass shows of it, and nothing twice. */
static void test_bpf_long_life(void **state)
{
	struct rig *rig = *state;
	struct told told = { 0 }, again = { 0 };
	struct rusage usage;
	pid_t pid;

	open_source(rig, true);
	if (strcmp(activity_source(rig->activity), "bpf") != 0) {
		print_message("# %s\n", activity_detail(rig->activity));
		skip();
	}
	check_baseline(rig);
	pid = burn(50 * NSEC_PER_MSEC, true);
	assert_true(pid > 0);
	waitpid(pid, NULL, WUNTRACED);
	look(rig, pid, &told, true);
	look(rig, pid, &again, true);
	kill(pid, SIGKILL);
	assert_int_equal(wait4(pid, NULL, 0, &usage), pid);
	assert_int_equal(told.rows, 1);
	assert_int_equal(again.rows, 1);
	assert_int_equal(again.start_ns, told.start_ns);
	assert_in_range(again.cpu_ns, 0, NSEC_PER_MSEC);
	for (int i = 0; i < LOOKS && !told.gone; i++) {
		look(rig, pid, &told, false);
		if (!told.gone)
			usleep(20000);
	}
	assert_true(told.gone);
	told.cpu_ns += again.cpu_ns;
	assert_in_range(told.cpu_ns, used_ns(&usage) * 99 / 100 - 2 * NSEC_PER_MSEC,
			used_ns(&usage) * 101 / 100 + 2 * NSEC_PER_MSEC);
}

/* The other source counts in steps, and tells of an end at the next read. */
static void test_proc(void **state)
{
	struct rig *rig = *state;
	struct told told = { 0 }, end = { 0 };
	struct rusage usage;
	pid_t pid;

	open_source(rig, false);
	assert_string_equal(activity_source(rig->activity), "proc");
	assert_int_equal(activity_poll_fd(rig->activity), -1);
	check_baseline(rig);
	pid = burn(100 * NSEC_PER_MSEC, true);
	assert_true(pid > 0);
	waitpid(pid, NULL, WUNTRACED);
	look(rig, pid, &told, true);
	kill(pid, SIGKILL);
	assert_int_equal(wait4(pid, NULL, 0, &usage), pid);
	look(rig, pid, &end, false);
	assert_int_equal(told.rows, 1);
	assert_false(told.gone);
	assert_in_range(told.cpu_ns, used_ns(&usage) - 2 * STEP_NS, used_ns(&usage) + 2 * STEP_NS);
	assert_int_equal(end.rows, 1);
	assert_true(end.gone);
	assert_int_equal(end.start_ns, told.start_ns);
}

static void test_free_nothing(void **state)
{
	assert_null(activity_free(NULL));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_bpf_short_life),
		CASE(test_bpf_long_life),
		CASE(test_proc),
		cmocka_unit_test(test_free_nothing),
	};

	return cmocka_run_group_tests_name("activity/activity", tests, NULL, NULL);
}
