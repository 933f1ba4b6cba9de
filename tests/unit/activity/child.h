// SPDX-License-Identifier: Apache-2.0
/*
 * A source on the real kernel, and children that burn CPU time for it to see.
 */
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include "activity/activity.h"

#define LOOKS 300 /* for an end record, which comes when the kernel gets round to it */

struct rig {
	struct sysroot root;
	struct activity *activity;
	struct activity_table table;
};

/* What the rows of a table say of one process. */
struct told {
	u32 rows;
	u64 cpu_ns;
	u64 start_ns;
	u64 cgroup_v2;
	bool gone;
	bool kthread;
};

int rig_setup(void **state);
int rig_teardown(void **state);
void rig_open(struct rig *rig, bool bpf);

/* The first pass, checked: everybody who lives has a row, nobody has worked yet. */
void rig_baseline(struct rig *rig);

/* Reads once, and adds what is said of @pid to @told. */
void rig_look(struct rig *rig, pid_t pid, struct told *told, bool full);

/* A child that burns this much CPU time and then ends or, with @stop, waits to be killed. */
pid_t child_burn(u64 cpu_ns, bool stop);

/* Waits for its end and returns the CPU time that the kernel charged it. */
u64 child_used_ns(pid_t pid);
