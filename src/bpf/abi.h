/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The contract between the BPF programs and user space: plain fixed-width types, included by both
 * sides.
 */
#pragma once

#ifdef __bpf__
typedef unsigned char __u8;
typedef unsigned int __u32;
typedef unsigned long long __u64;
#else
#include <linux/types.h>
#endif

#define ABI_COMM_LEN 16
#define ABI_PATH_LEN 1024 /* the kernel cuts paths in cgroup tracepoints at 1,023 bytes */
#define ABI_RING_BYTES (1024 * 1024)
#define ABI_OVERFLOW_CGROUPS 4096
#define ABI_CPUS_MAX 1024 /* a power of two; more CPUs share counters */

/* Bits of task_record.flags; the 24 bits above ABI_EXEC_SHIFT are the low bits of the exec counter.
 */
#define ABI_TASK_KTHREAD (1U << 0)    /* a kernel thread */
#define ABI_TASK_ENDED (1U << 1)      /* the last record of this thread: its account is final */
#define ABI_TASK_GROUP_GONE (1U << 2) /* no thread of the group is left */
#define ABI_CGROUP_NEW (1U << 3)      /* the record is a cgroup_record: made, found or renamed */
#define ABI_CGROUP_GONE (1U << 4)     /* the record is a cgroup_record: removed; no path */
#define ABI_TASK_LEADER (1U << 5)     /* the thread is its group's leader */
#define ABI_TASK_MOVED (1U << 6)      /* what the thread did before it moved out of this cgroup */
#define ABI_EXEC_SHIFT 8

enum abi_counter {
	ABI_NET_TX, /* softirq entries while the task was current */
	ABI_NET_RX,
	ABI_BLOCK,
	ABI_PAGE_CACHE, /* page-cache pages touched */
	ABI_COUNTERS,   /* a power of two */
};

/* What a thread did since its previous record (or since it was born, or since the first pass). */
struct task_record {
	__u32 flags;
	__u32 pid;       /* thread group id in the initial pid namespace */
	__u64 start_ns;  /* start of the thread group, boot clock; 0: unknown, its leader is gone */
	__u64 cgroup_v2; /* id in the unified hierarchy */
	__u64 cgroup_v1; /* id in the cpuacct hierarchy of cgroup v1; 0: not mounted */
	__u64 cpu_ns;    /* time on CPUs */
	__u32 count[ABI_COUNTERS];
	char comm[ABI_COMM_LEN]; /* of the group's leader where that is known */
};

struct cgroup_record {
	__u32 flags;
	__u32 hierarchy; /* 0: unified */
	__u64 id;
	char path[ABI_PATH_LEN]; /* below the hierarchy's root, NUL-terminated */
};

/* Run time of threads whose end record found no room, by cgroup: names are lost, totals are not. */
struct overflow_key {
	__u64 cgroup_v2;
	__u64 cgroup_v1;
	__u64 kthread; /* kernel threads share the root cgroup with others */
};

struct overflow_value {
	__u64 cpu_ns;
	__u64 records;
};

/* Faults, counted since start; the counts are published, the time is the system's. */
struct abi_faults {
	__u64 ring_full;   /* end records that found no room: their time went to the overflow map */
	__u64 cgroup_lost; /* cgroup records that found no room */
	__u64 overflow_full; /* end records that found room nowhere; time in unplaced_ns */
	__u64 unplaced_ns;
	__u64 storage;     /* a task's state could not be had */
	__u64 end_unknown; /* ended threads whose last figures could not be had: their tail is
			      missing */
};

struct abi_ends {
	__u64 exits;
	__u64 told;
};

/* Set by user space, read by the programs. */
struct abi_control {
	__u64 baseline_ns; /* boot clock when the first pass began: older tasks start from what they
			      had */
	__u64 last_pass_ns; /* boot clock when the last completed pass began */
	__u32 full_pass;    /* 1: report every task, also those that did nothing */
	__u32 woken;        /* a wake-up is under way; cleared when the ring has been drained */
};
