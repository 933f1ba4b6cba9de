// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "child.h"

int rig_setup(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	const char *which;

	if (!rig || sysroot_init(&rig->root, "/proc", "/sys", &which) < 0)
		return -1;
	*state = rig;
	return 0;
}

int rig_teardown(void **state)
{
	struct rig *rig = *state;

	activity_free(rig->activity);
	activity_table_deinit(&rig->table);
	sysroot_deinit(&rig->root);
	free(rig);
	return 0;
}

void rig_open(struct rig *rig, bool bpf)
{
	const struct activity_options options = { .bpf = bpf, .irq_counters = true };

	assert_int_equal(activity_new(&rig->root, &options, &rig->activity), 0);
}

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

void rig_look(struct rig *rig, pid_t pid, struct told *told, bool full)
{
	activity_table_reset(&rig->table);
	assert_int_equal(activity_read(rig->activity, &rig->table, full), 0);
	assert_int_equal(rig->table.full, full);
	listen_to(&rig->table, pid, told);
}

void rig_baseline(struct rig *rig)
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

pid_t child_burn(u64 cpu_ns, bool stop)
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

u64 child_used_ns(pid_t pid)
{
	struct rusage usage;

	assert_int_equal(wait4(pid, NULL, 0, &usage), pid);
	return (u64)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * NSEC_PER_SEC +
	       (u64)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * NSEC_PER_USEC;
}
