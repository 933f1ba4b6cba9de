// SPDX-License-Identifier: Apache-2.0
#include "meter/cpu_topology.h"

#include <errno.h>
#include <stdio.h>

#include "base/sysroot.h"

/* More than any kernel is built for; keeps ranges and labels short. */
#define CPU_NUMBER_MAX 65535

/* Reads decimal digits at *@text and goes behind them. */
static bool take_number(const char **text, u32 *value)
{
	const char *c = *text;
	u32 parsed = 0;

	while (*c >= '0' && *c <= '9') {
		parsed = parsed * 10 + (u32)(*c++ - '0');
		if (parsed > CPU_NUMBER_MAX)
			return false;
	}
	if (c == *text)
		return false;
	*text = c;
	*value = parsed;
	return true;
}

int cpu_list_next(const char **text, u32 *first, u32 *last)
{
	const char *c = *text;
	u32 from, to;

	if (*c == '\0' || *c == '\n')
		return 0;
	if (!take_number(&c, &from))
		return -EINVAL;
	to = from;
	if (*c == '-') {
		c++;
		if (!take_number(&c, &to) || to < from)
			return -EINVAL;
	}
	if (*c == ',')
		c++;
	else if (*c != '\0' && *c != '\n')
		return -EINVAL;
	*text = c;
	*first = from;
	*last = to;
	return 1;
}

bool cpu_list_has(const char *text, u32 cpu)
{
	u32 first, last;

	while (cpu_list_next(&text, &first, &last) == 1) {
		if (cpu >= first && cpu <= last)
			return true;
	}
	return false;
}

static int read_id(int sys_fd, u32 cpu, const char *what, u32 *id)
{
	char path[80];
	u64 value;
	int r;

	snprintf(path, sizeof(path), "devices/system/cpu/cpu%u/topology/%s", cpu, what);
	r = sysroot_read_u64(sys_fd, path, &value);
	if (r < 0)
		return r;
	if (value > CPU_NUMBER_MAX)
		return -ERANGE;
	*id = (u32)value;
	return 0;
}

int cpu_place_read(int sys_fd, u32 cpu, struct cpu_place *place)
{
	struct cpu_place found = { .cpu = cpu };
	int r = read_id(sys_fd, cpu, "physical_package_id", &found.package);

	if (r < 0)
		return r;
	/* Kernels before 5.2 know no dies; a core of its own is the safe guess of a core. */
	if (read_id(sys_fd, cpu, "die_id", &found.die) < 0)
		found.die = 0;
	if (read_id(sys_fd, cpu, "core_id", &found.core) < 0)
		found.core = cpu;
	*place = found;
	return 0;
}
