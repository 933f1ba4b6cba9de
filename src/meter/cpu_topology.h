// SPDX-License-Identifier: Apache-2.0
/*
 * Where the CPUs of the machine sit, for meters that ask one CPU for its socket's counters.
 */
#pragma once

#include "base/types.h"

/* Room for any list of CPUs: a file of sysfs is at most a page. */
#define CPU_LIST_SIZE 4096

struct cpu_place {
	u32 cpu;
	u32 package; /* socket */
	u32 die;     /* within the socket; 0 where the kernel does not tell */
	u32 core;    /* within the die; the same for threads of one core */
};

/*
 * Takes the next range off *@text, a list of CPUs as sysfs writes it ("0-3,8"). Returns 1, 0 at
 * its end, or -EINVAL where it is not such a list. Pure.
 */
int cpu_list_next(const char **text, u32 *first, u32 *last);

/* Whether @cpu is in the list. Pure. */
bool cpu_list_has(const char *text, u32 cpu);

/*
 * Reads where @cpu sits from devices/system/cpu under @sys_fd. Returns 0 or a negative errno;
 * -ENOENT also for a CPU that is offline.
 */
int cpu_place_read(int sys_fd, u32 cpu, struct cpu_place *place);
