// SPDX-License-Identifier: Apache-2.0
/*
 * WHO WORKED: what every thread did since the last read. Two sources, the same rows: BPF, which
 * loses nobody, and /proc where BPF is refused, which sees only who lives at the tick and in steps
 * of 10 ms.
 */
#pragma once

#include "base/sysroot.h"
#include "base/types.h"
#include "bpf/abi.h"

#define ACTIVITY_LOST_MAX 12
#define ACTIVITY_ROWS_MAX (1U << 20)
#define ACTIVITY_EVENTS_MAX (1U << 18) /* with their paths at most 256 MiB */

/* A cgroup that was found, made, renamed or removed. */
struct cgroup_event {
	u32 hierarchy; /* 0: unified, else cpuacct of v1 */
	bool gone;
	u64 id;
	u32 path; /* offset of its path in activity_table.text; for gone ones an empty string */
};

/* Run time of ended threads whose own records were lost, by cgroup. */
struct activity_overflow {
	struct overflow_key key;
	struct overflow_value value;
};

/* Everything read for one tick; the buffers grow to what a tick needs and are then used again. */
struct activity_table {
	struct task_record *rows;
	u32 count;
	u32 capacity;
	struct cgroup_event *events;
	u32 event_count;
	u32 event_capacity;
	char *text;
	u32 text_len;
	u32 text_capacity;
	struct activity_overflow *overflow;
	u32 overflow_count;
	u32 idle_count[ABI_COUNTERS]; /* softirqs of idle CPUs */
	u64 taken_ns;                 /* boot clock of the read */
	bool full;                    /* every thread alive has a row */
	u32 cpus;                     /* online */
	double irq_ratio;             /* of all CPU time lately; tick-sampled by the kernel */
	double softirq_ratio;
	double steal_ratio;
};

void activity_table_reset(struct activity_table *table);
void activity_table_deinit(struct activity_table *table);

/* Room for @rows more rows; -ENOMEM, or -ENOBUFS past ACTIVITY_ROWS_MAX. */
int activity_table_reserve(struct activity_table *table, u32 rows);
int activity_table_add_event(struct activity_table *table, const struct cgroup_event *event,
			     const char *path);

struct activity_lost {
	const char *source; /* static string */
	u64 count;          /* since start */
};

struct activity_options {
	bool bpf;          /* try BPF first */
	bool irq_counters; /* count softirqs */
};

struct activity;

/*
 * Opens the best source. When BPF is refused, the /proc source takes over and activity_detail()
 * says why. Returns 0 or a negative errno when not even /proc can be read.
 */
int activity_new(const struct sysroot *root, const struct activity_options *options,
		 struct activity **activity);
struct activity *activity_free(struct activity *activity);

/*
 * The first pass: from here on work is counted. @table receives all cgroups that exist and a row,
 * without run time, for every live thread.
 */
int activity_baseline(struct activity *activity, struct activity_table *table);

/*
 * Appends what has happened since the last read to @table, whose rows may already hold what
 * activity_drain() took. With @full every live thread gets a row. Returns 0 or a negative errno;
 * what was not delivered then comes with the next read.
 */
int activity_read(struct activity *activity, struct activity_table *table, bool full);

/* The descriptor that becomes readable when activity_drain() should be called between ticks, or -1.
 */
int activity_poll_fd(const struct activity *activity);
void activity_drain(struct activity *activity, struct activity_table *table);

/*
 * Path of a cgroup by its id, for one whose event was lost. Returns 0, -ENOENT when it is gone, or
 * another errno when that can't be told.
 */
int activity_cgroup_path(struct activity *activity, u32 hierarchy, u64 id, char *path, size_t size);

/* The id of the v1 hierarchy that task_record.cgroup_v1 belongs to; 0: none is told of. */
u32 activity_v1_hierarchy(const struct activity *activity);

/* Whether cgroup ids are the kernel's own, so that activity_cgroup_path() can tell which are gone.
 */
bool activity_knows_ids(const struct activity *activity);

/* "bpf" or "proc", and a sentence on what the source can and cannot see here. */
const char *activity_source(const struct activity *activity);
const char *activity_detail(const struct activity *activity);

/* Fills @lost (room for ACTIVITY_LOST_MAX) and returns the number of entries. */
u32 activity_lost(const struct activity *activity, struct activity_lost *lost);

/* Run time of the BPF programs, ns; false when the kernel keeps no statistics of it. */
bool activity_bpf_run_ns(const struct activity *activity, u64 *run_ns);
