// SPDX-License-Identifier: Apache-2.0
/*
 * WHO IS WHO: every process belongs to one container (or to the system's or the kernel's own row),
 * maybe to a VM, and through its container to one namespace. Rows are dense indices, the same in
 * the ledger. Known from cgroup ids and paths alone; one thread owns the registry.
 */
#pragma once

#include "base/slots.h"
#include "base/types.h"
#include "base/u64map.h"
#include "workload/identity.h"

/* Containers that are always there. */
enum {
	CONTAINER_SYSTEM, /* work outside any container */
	CONTAINER_KERNEL, /* kernel threads */
	CONTAINER_OTHER,  /* containers past the limit */
	CONTAINER_RESERVED,
};

/* Rows that stand for many processes of one container. */
enum {
	MANY_ENDED, /* processes that were never exported while alive, and late tails of reused pids
		     */
	MANY_OTHER, /* processes past the limit */
	MANY_MAX,
};

/* A container or a VM. */
struct group {
	struct identity *identity; /* NULL: the slot is free */
	u64 key_a, key_b;          /* hash of its id */
	u64 ended_ns;              /* boot clock; 0: alive */
	u32 namespace;
	u32 cgroups;   /* cgroups that exist, in all hierarchies */
	bool listed;   /* among the dying */
	u64 prefix[2]; /* hash of its own cgroup's path, unified and v1; 0: not seen there */
	u32 many[MANY_MAX];
};

struct process {
	struct identity *identity; /* NULL: the slot is free */
	u64 start_ns;
	u64 ended_ns;   /* boot clock; 0: alive */
	u64 missing_ns; /* boot clock when a full pass did not see it; 0: it was seen */
	u64 leaf_tick;
	u32 pid;
	u32 container;
	u32 vm;
	u32 exec_id;
	u32 leaf;      /* of the last tick, valid when leaf_tick is this tick's */
	bool exported; /* a published snapshot has shown it: its labels are fixed */
	bool seen;     /* by the full pass under way */
	bool many;     /* stands for many processes */
};

struct registry_limits {
	u32 processes;
	u32 groups;
	u64 retention_ns; /* how long an ended row that was exported stays */
};

/* Asks for the path of a cgroup whose event was lost. Returns 0 or a negative errno. */
typedef int registry_resolve_fn(void *ctx, u32 hierarchy, u64 id, char *path, size_t size);

enum registry_group_kind { GROUP_CONTAINER, GROUP_VM, GROUP_KINDS };

struct registry {
	struct registry_limits limits;
	registry_resolve_fn *resolve;
	void *resolve_ctx;
	u64 now_ns; /* boot clock, as last told */
	struct group *group[GROUP_KINDS];
	struct slots groups[GROUP_KINDS];
	struct u64map group_map[GROUP_KINDS];
	struct process *process;
	struct slots processes;
	struct u64map by_pid;
	struct identity **namespace;
	struct slots namespaces;
	struct place *place;
	struct slots places;
	struct u64map place_map;
	struct slot_list dying; /* processes that have ended or are missing */
	struct slot_list dying_group[GROUP_KINDS];
	struct slot_list dying_places;
	u64 folded_processes; /* threads that found no row of their own; settle() starts it anew */
	u32 audited;          /* the place that was audited last */
	u64 places_refused;   /* cgroups beyond the limit */
	u64 unknown_cgroups;
	u64 impostors;    /* cgroups with the id of a container that lives elsewhere */
	u64 missing_ends; /* processes that went without an end record */
};

int registry_new(const struct registry_limits *limits, struct registry **registry);
struct registry *registry_free(struct registry *registry);
void registry_set_resolver(struct registry *registry, registry_resolve_fn *resolve, void *ctx);

/* A cgroup exists at @path / is gone. @now_ns: boot clock. */
void registry_cgroup_new(struct registry *registry, u32 hierarchy, u64 id, const char *path);
void registry_cgroup_gone(struct registry *registry, u32 hierarchy, u64 id, u64 now_ns);

/* Asks for some cgroups whether they still exist: an end that was not told of is found within
 * minutes. */
void registry_audit_places(struct registry *registry, u64 now_ns);

/* Where work in this pair of cgroups belongs. */
struct whereabouts {
	u32 container;
	u32 vm; /* SLOT_NONE: not in a VM */
};

struct whereabouts registry_place(struct registry *registry, u64 cgroup_v2, u64 cgroup_v1,
				  u32 v1_hierarchy);

/* What is known of a process from one of its threads. */
struct sighting {
	u32 pid;
	u64 start_ns; /* 0: unknown */
	u32 exec_id;
	const char *comm;
	struct whereabouts where;
	bool past;   /* it tells of what was: the thread has ended, or has moved away */
	bool leader; /* the thread is the group's leader */
	bool gone;   /* no thread of the group is left */
};

/* The row to which this thread's work goes; SLOT_NONE without memory. */
u32 registry_process(struct registry *registry, const struct sighting *sighting, u64 now_ns);

/* The row of @container that stands for many processes (enum MANY_*); SLOT_NONE without memory. */
u32 registry_many(struct registry *registry, u32 container, int which);

/* After a full pass: processes that it did not see are missing. Clears the marks. */
void registry_full_pass_done(struct registry *registry, u64 now_ns);

/* Retires rows whose time has come; call once a tick, after the postings. */
void registry_sweep(struct registry *registry, u64 now_ns);

/* Marks every live row as exported, and starts new lists of opened and closed rows. */
void registry_published(struct registry *registry);
