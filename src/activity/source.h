// SPDX-License-Identifier: Apache-2.0
/*
 * What a source of activity does; private to the room. activity.h says what each operation means.
 */
#pragma once

#include "activity/activity.h"
#include "activity/cgroup_tree.h"
#include "activity/proc_stat.h"

#define ACTIVITY_DETAIL_MAX 512

struct activity {
	const struct activity_source_ops *ops;
	const struct sysroot *root;
	struct activity_options options;
	struct cgroup_tree tree;
	int stat_fd; /* <proc>/stat */
	char *stat_buf;
	size_t stat_size;
	struct proc_stat stat; /* as last read, */
	u64 stat_ns;           /* at this boot clock */
	u32 reads;
	double irq_ratio, softirq_ratio, steal_ratio;
	char detail[ACTIVITY_DETAIL_MAX];
	void *state; /* of the source */
};

struct activity_source_ops {
	const char *name;
	/* On failure activity->detail says what was tried and what would change it. */
	int (*open)(struct activity *activity);
	int (*baseline)(struct activity *activity, struct activity_table *table);
	int (*read)(struct activity *activity, struct activity_table *table, bool full);
	void (*drain)(struct activity *activity, struct activity_table *table); /* may be NULL */
	int (*poll_fd)(const struct activity *activity);                        /* may be NULL */
	u32 (*lost)(const struct activity *activity, struct activity_lost *lost);
	bool (*bpf_run_ns)(const struct activity *activity, u64 *run_ns); /* may be NULL */
	void (*close)(struct activity *activity);
};

extern const struct activity_source_ops activity_source_bpf;
extern const struct activity_source_ops activity_source_proc;
