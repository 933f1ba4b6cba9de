// SPDX-License-Identifier: Apache-2.0
/*
 * What the files of the registry share; private to the room.
 */
#pragma once

#include "workload/cgroup_path.h"
#include "workload/place.h"
#include "workload/registry.h"

/* A removed cgroup is remembered this long: the end records of its last tasks come after it. */
#define PLACE_LINGER_NS (30 * NSEC_PER_SEC)

/* An ended row that no snapshot has shown waits this long for the late tails of its other threads.
 */
#define TAIL_LINGER_NS (5 * NSEC_PER_SEC)

/* The row of this container or VM, made when it is new; CONTAINER_OTHER or SLOT_NONE past the
 * limit. */
u32 registry_group(struct registry *registry, enum registry_group_kind kind,
		   const struct cgroup_identity *path);

/* The mark of the place that the first @len bytes of @path name; never 0. */
u64 registry_prefix(const char *path, u32 len);

/*
 * Whether the place @prefix in @hierarchy may speak for this group. Ids are names that anyone with
 * a cgroup subtree of their own can repeat elsewhere: while a group lives, only its first place in
 * a hierarchy counts, and what poses as it is plain system work.
 */
bool registry_group_claims(struct registry *registry, enum registry_group_kind kind, u32 group,
			   u32 hierarchy, u64 prefix);

void registry_group_enter(struct registry *registry, enum registry_group_kind kind, u32 group);
void registry_group_leave(struct registry *registry, enum registry_group_kind kind, u32 group,
			  u64 now_ns);

/* The row of a namespace; the one of "other" past the limit. */
u32 registry_namespace(struct registry *registry, const char *name);

void registry_close_process(struct registry *registry, u32 index);
void registry_sweep_processes(struct registry *registry, u64 now_ns);
void registry_sweep_groups(struct registry *registry, enum registry_group_kind kind, u64 now_ns);
void registry_sweep_places(struct registry *registry, u64 now_ns);
