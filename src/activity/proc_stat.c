// SPDX-License-Identifier: Apache-2.0
#include "activity/proc_stat.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* USER_HZ, the unit of times in /proc, is 100 on every architecture Linux has kept since 2.6. */
#define TICK_NS (NSEC_PER_SEC / 100)

#define PF_KTHREAD 0x00200000

int proc_stat_parse(const char *text, struct proc_stat *stat)
{
	u64 irq, softirq, steal;
	u32 cpus = 0;

	/* cpu  user nice system idle iowait irq softirq steal ... */
	if (sscanf(text, "cpu %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64 " %" SCNu64, &irq, &softirq,
		   &steal) != 3)
		return -EINVAL;
	for (const char *line = strstr(text, "\ncpu"); line; line = strstr(line + 1, "\ncpu"))
		cpus++;
	if (!cpus)
		return -EINVAL;
	*stat = (struct proc_stat){
		.cpus = cpus,
		.irq_ns = irq * TICK_NS,
		.softirq_ns = softirq * TICK_NS,
		.steal_ns = steal * TICK_NS,
	};
	return 0;
}

int proc_pid_stat_parse(const char *text, struct proc_pid_stat *stat)
{
	const char *open = strchr(text, '('), *close = strrchr(text, ')');
	u64 utime, stime, start;
	u32 flags;
	char state;
	size_t len;

	if (!open || !close || close < open)
		return -EINVAL;
	/* state ppid pgrp session tty tpgid flags minflt cminflt majflt cmajflt utime stime ...
	 * starttime */
	if (sscanf(close + 1,
		   " %c %*d %*d %*d %*d %*d %" SCNu32 " %*u %*u %*u %*u %" SCNu64 " %" SCNu64
		   " %*d %*d %*d %*d %*d %*d %" SCNu64,
		   &state, &flags, &utime, &stime, &start) != 5)
		return -EINVAL;
	len = (size_t)(close - open - 1);
	if (len >= sizeof(stat->comm))
		len = sizeof(stat->comm) - 1;
	memset(stat, 0, sizeof(*stat));
	memcpy(stat->comm, open + 1, len);
	stat->kthread = flags & PF_KTHREAD;
	stat->zombie = state == 'Z';
	stat->cpu_ns = (utime + stime) * TICK_NS;
	stat->start_ns = start * TICK_NS;
	return 0;
}

static bool has_controller(const char *list, const char *end, const char *name)
{
	size_t len = strlen(name);

	while (list < end) {
		const char *comma = memchr(list, ',', (size_t)(end - list));
		const char *stop = comma ? comma : end;

		if ((size_t)(stop - list) == len && memcmp(list, name, len) == 0)
			return true;
		list = stop + 1;
	}
	return false;
}

static void copy_line(char *out, size_t size, const char *path)
{
	size_t len = strcspn(path, "\n");

	if (len >= size)
		len = size - 1;
	memcpy(out, path, len);
	out[len] = '\0';
}

void proc_pid_cgroup_parse(const char *text, char *unified, char *cpuacct, size_t size)
{
	unified[0] = '\0';
	cpuacct[0] = '\0';
	/* each line is hierarchy:controllers:path; the unified one has no controllers */
	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		const char *list, *path;

		if (*line == '\n')
			line++;
		list = strchr(line, ':');
		path = list ? strchr(list + 1, ':') : NULL;
		if (!path || path > line + strcspn(line, "\n"))
			continue;
		if (path == list + 1)
			copy_line(unified, size, path + 1);
		else if (has_controller(list + 1, path, "cpuacct"))
			copy_line(cpuacct, size, path + 1);
	}
}
