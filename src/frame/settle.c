// SPDX-License-Identifier: Apache-2.0
#include "frame/settle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"

/* Once a second all these tables are cold: what is needed soon is fetched this many rows ahead. */
#define SETTLE_AHEAD 8

void leaves_deinit(struct leaves *leaves)
{
	free(leaves->leaf);
	*leaves = (struct leaves){ 0 };
}

static void learn_cgroups(struct registry *registry, const struct activity_table *activity)
{
	for (u32 i = 0; i < activity->event_count; i++) {
		const struct cgroup_event *event = &activity->events[i];

		if (event->gone)
			registry_cgroup_gone(registry, event->hierarchy, event->id,
					     activity->taken_ns);
		else
			registry_cgroup_new(registry, event->hierarchy, event->id,
					    activity->text + event->path);
	}
}

struct leaf *leaves_add(struct leaves *leaves, u32 process, struct whereabouts where)
{
	struct leaf *leaf;

	if (grow(&leaves->leaf, &leaves->capacity, leaves->count + 1, sizeof(*leaf)) < 0)
		return NULL;
	leaf = &leaves->leaf[leaves->count++];
	*leaf = (struct leaf){ .process = process, .container = where.container, .vm = where.vm };
	return leaf;
}

/* The leaf of @process in this tick, if it is in the same container; else a new one. */
static struct leaf *leaf_for(struct registry *registry, struct leaves *leaves, u32 index,
			     struct whereabouts where)
{
	struct process *process;
	struct leaf *leaf;

	if (index == SLOT_NONE)
		return leaves_add(leaves, index, where);
	process = &registry->process[index];
	if (process->leaf_tick == leaves->tick) {
		leaf = &leaves->leaf[process->leaf];
		if (leaf->process == index && leaf->container == where.container &&
		    leaf->vm == where.vm)
			return leaf;
	}
	leaf = leaves_add(leaves, index, where);
	if (leaf) {
		process->leaf_tick = leaves->tick;
		process->leaf = leaves->count - 1;
	}
	return leaf;
}

static struct whereabouts place_row(struct registry *registry, const struct task_record *row,
				    u32 v1_hierarchy)
{
	if (row->flags & ABI_TASK_KTHREAD)
		return (struct whereabouts){ CONTAINER_KERNEL, SLOT_NONE };
	return registry_place(registry, row->cgroup_v2, row->cgroup_v1, v1_hierarchy);
}

static int settle_row(struct registry *registry, const struct task_record *row,
		      struct leaves *leaves, u64 now_ns)
{
	const struct sighting sighting = {
		.pid = row->pid,
		.start_ns = row->start_ns,
		.exec_id = row->flags >> ABI_EXEC_SHIFT,
		.comm = row->comm,
		.where = place_row(registry, row, leaves->v1_hierarchy),
		.past = row->flags & (ABI_TASK_ENDED | ABI_TASK_MOVED),
		.leader = row->flags & ABI_TASK_LEADER,
		.gone = row->flags & ABI_TASK_GROUP_GONE,
	};
	u32 process = registry_process(registry, &sighting, now_ns);
	struct leaf *leaf;
	u64 any = row->cpu_ns;

	for (int i = 0; i < ABI_COUNTERS; i++)
		any |= row->count[i];
	if (!any)
		return 0;
	leaf = leaf_for(registry, leaves, process, sighting.where);
	if (!leaf)
		return -ENOMEM;
	leaf->cpu_ns += row->cpu_ns;
	leaves->cpu_ns += row->cpu_ns;
	for (int i = 0; i < ABI_COUNTERS; i++)
		leaf->count[i] += row->count[i];
	return 0;
}

/* Time whose owner's name was lost: to its container's row for ended processes. */
static int settle_overflow(struct registry *registry, const struct activity_overflow *overflow,
			   struct leaves *leaves)
{
	struct whereabouts where = { CONTAINER_KERNEL, SLOT_NONE };
	struct leaf *leaf;

	if (!overflow->key.kthread)
		where = registry_place(registry, overflow->key.cgroup_v2, overflow->key.cgroup_v1,
				       leaves->v1_hierarchy);
	leaf = leaf_for(registry, leaves, registry_many(registry, where.container, MANY_ENDED),
			where);
	if (!leaf)
		return -ENOMEM;
	leaf->cpu_ns += overflow->value.cpu_ns;
	leaves->cpu_ns += overflow->value.cpu_ns;
	return 0;
}

static int settle_idle(const struct activity_table *activity, struct leaves *leaves)
{
	struct leaf *leaf =
		leaves_add(leaves, SLOT_NONE, (struct whereabouts){ CONTAINER_KERNEL, SLOT_NONE });

	if (!leaf)
		return -ENOMEM;
	for (int i = 0; i < ABI_COUNTERS; i++)
		leaf->count[i] = activity->idle_count[i];
	return 0;
}

/* First the slot in the map, a little later the row that it leads to. */
static void fetch_ahead(const struct registry *registry, const struct activity_table *activity,
			u32 index)
{
	u32 process;

	if (index + SETTLE_AHEAD >= activity->count)
		return;
	u64map_prefetch(&registry->by_pid, activity->rows[index + SETTLE_AHEAD].pid, 0);
	process = u64map_get(&registry->by_pid, activity->rows[index + SETTLE_AHEAD / 2].pid, 0);
	if (process != U64MAP_NONE)
		__builtin_prefetch(&registry->process[process], 1);
}

int settle(struct registry *registry, const struct activity_table *activity, struct leaves *leaves)
{
	int r = 0;

	leaves->count = 0;
	leaves->cpu_ns = 0;
	leaves->tick++;
	registry->folded_processes = 0;
	learn_cgroups(registry, activity);
	for (u32 i = 0; i < activity->count && r == 0; i++) {
		fetch_ahead(registry, activity, i);
		r = settle_row(registry, &activity->rows[i], leaves, activity->taken_ns);
	}
	for (u32 i = 0; i < activity->overflow_count && r == 0; i++)
		r = settle_overflow(registry, &activity->overflow[i], leaves);
	if (r == 0)
		r = settle_idle(activity, leaves);
	if (activity->full)
		registry_full_pass_done(registry, activity->taken_ns);
	return r;
}

/* The leaf of the process with this id, of now or of before if it has ended since. */
static struct leaf *leaf_of_pid(struct registry *registry, u32 pid, struct leaves *leaves)
{
	struct whereabouts where = { CONTAINER_SYSTEM, SLOT_NONE };
	u32 row = u64map_get(&registry->by_pid, pid, 0);

	if (row == U64MAP_NONE)
		return leaf_for(registry, leaves,
				registry_many(registry, where.container, MANY_ENDED), where);
	where.container = registry->process[row].container;
	where.vm = registry->process[row].vm;
	return leaf_for(registry, leaves, row, where);
}

int settle_uses(struct registry *registry, const struct meter_use *from, u32 count,
		struct leaves *leaves, struct uses *uses)
{
	uses->count = 0;
	for (u32 i = 0; i < count && i < METER_USES_MAX; i++) {
		struct leaf *leaf;

		if (!from[i].work)
			continue;
		leaf = leaf_of_pid(registry, from[i].pid, leaves);
		if (!leaf)
			return -ENOMEM;
		uses->use[uses->count++] = (struct leaf_use){
			.zone = from[i].zone,
			.leaf = (u32)(leaf - leaves->leaf),
			.work = from[i].work,
		};
	}
	return 0;
}
