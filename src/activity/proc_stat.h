// SPDX-License-Identifier: Apache-2.0
/*
 * Parsers of /proc/stat and /proc/PID/stat: text in, numbers out.
 */
#pragma once

#include "base/types.h"

struct proc_stat {
	u32 cpus; /* online CPUs */
	u64 irq_ns;
	u64 softirq_ns;
	u64 steal_ns;
};

/* Parses the text of /proc/stat. Returns 0 or -EINVAL. */
int proc_stat_parse(const char *text, struct proc_stat *stat);

struct proc_pid_stat {
	char comm[16];
	bool kthread;
	bool zombie;
	u64 cpu_ns;   /* user and system time of the thread group, its ended threads included */
	u64 start_ns; /* boot clock, in steps of a clock tick */
};

/* Parses the text of /proc/PID/stat, whose command may hold any bytes. Returns 0 or -EINVAL. */
int proc_pid_stat_parse(const char *text, struct proc_pid_stat *stat);

/*
 * Finds the unified and the cpuacct path in the text of /proc/PID/cgroup: "" when there is none.
 * Both buffers have @size bytes; longer paths are cut.
 */
void proc_pid_cgroup_parse(const char *text, char *unified, char *cpuacct, size_t size);
