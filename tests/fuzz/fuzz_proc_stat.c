// SPDX-License-Identifier: Apache-2.0
/* Texts of /proc that a process can colour: /proc/stat, /proc/PID/stat, /proc/PID/cgroup,
 * /proc/cgroups. */
#include <stdlib.h>
#include <string.h>

#include "activity/cgroup_tree.h"
#include "activity/proc_stat.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void machine(const char *text)
{
	struct proc_stat stat = { .cpus = 4711 };

	if (proc_stat_parse(text, &stat) < 0)
		check(stat.cpus == 4711);
	else
		check(stat.cpus > 0 && stat.cpus <= strlen(text) / 4);
}

/* The command is what stands between the first and the last parenthesis, cut to its size. */
static void process(const char *text)
{
	struct proc_pid_stat stat;
	const char *open, *close;
	size_t len;

	if (proc_pid_stat_parse(text, &stat) < 0)
		return;
	open = strchr(text, '(');
	close = strrchr(text, ')');
	check(open && close && open < close);
	len = (size_t)(close - open - 1);
	len = len < sizeof(stat.comm) ? len : sizeof(stat.comm) - 1;
	check(memcmp(stat.comm, open + 1, len) == 0 && stat.comm[len] == '\0');
	check(stat.cpu_ns % (NSEC_PER_SEC / 100) == 0 || stat.cpu_ns > UINT64_MAX / NSEC_PER_SEC);
}

/* Each path is the end of a line, or its beginning when it is long. */
static void cgroups(const char *text, size_t size)
{
	char *unified = malloc(size), *cpuacct = malloc(size);

	if (unified && cpuacct) {
		proc_pid_cgroup_parse(text, unified, cpuacct, size);
		check(strlen(unified) < size && strlen(cpuacct) < size);
		check(!strchr(unified, '\n') && !strchr(cpuacct, '\n'));
		check(strstr(text, unified) && strstr(text, cpuacct));
	}
	free(unified);
	free(cpuacct);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	machine(text);
	process(text);
	cgroups(text, 1);
	cgroups(text, 16);
	cgroups(text, 4096);
	check(cgroup_tree_parse_cpuacct(text) <= 999999999);
	free(text);
	return 0;
}
