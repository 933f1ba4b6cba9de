// SPDX-License-Identifier: Apache-2.0
/*
 * Processes: identity is (pid, start time). by_pid holds the newest row of a pid; rows of processes
 * that had it before, or of the same one before it moved or ran another program, stay for the
 * retention time. Late tails of those go to their container's row for ended ones.
 */
#include <stdlib.h>
#include <string.h>

#include "workload/naming.h"
#include "workload/registry_internal.h"

static const struct identity *vm_identity(const struct registry *registry, u32 vm)
{
	return vm == SLOT_NONE ? NULL : registry->group[GROUP_VM][vm].identity;
}

static u32 open_row(struct registry *registry, const struct process *draft)
{
	struct slots *slots = &registry->processes;
	u32 index;

	if (!draft->identity)
		return SLOT_NONE;
	index = slots_open(slots);
	if (index == SLOT_NONE)
		return SLOT_NONE;
	if (slots_fit(slots, &registry->process, sizeof(struct process)) < 0) {
		slots_close(slots, index);
		return SLOT_NONE;
	}
	registry->process[index] = *draft;
	return index;
}

u32 registry_many(struct registry *registry, u32 container, int which)
{
	struct group *group = &registry->group[GROUP_CONTAINER][container];
	struct process draft = {
		.container = container,
		.vm = SLOT_NONE,
		.many = true,
	};

	if (group->many[which] != SLOT_NONE)
		return group->many[which];
	draft.identity = naming_many(which, group->identity);
	/* these rows are bounded by the containers: they may pass the limit of processes */
	registry->processes.limit++;
	group->many[which] = open_row(registry, &draft);
	if (group->many[which] == SLOT_NONE) {
		registry->processes.limit--;
		identity_unref(draft.identity);
	}
	return group->many[which];
}

void registry_close_process(struct registry *registry, u32 index)
{
	struct process *process = &registry->process[index];

	if (process->many) {
		registry->processes.limit--;
	} else if (u64map_get(&registry->by_pid, process->pid, 0) == index) {
		u64map_del(&registry->by_pid, process->pid, 0);
	}
	identity_unref(process->identity);
	*process = (struct process){ 0 };
	slots_close(&registry->processes, index);
}

static u32 open_process(struct registry *registry, const struct sighting *sighting)
{
	const struct identity *container =
		registry->group[GROUP_CONTAINER][sighting->where.container].identity;
	struct process draft = {
		.start_ns = sighting->start_ns,
		.pid = sighting->pid,
		.container = sighting->where.container,
		.vm = sighting->where.vm,
		.exec_id = sighting->exec_id,
		.seen = true,
	};
	u32 index;

	if (registry->processes.live >= registry->processes.limit) {
		registry->folded_processes++;
		return registry_many(registry, sighting->where.container, MANY_OTHER);
	}
	draft.identity = naming_process(sighting->pid, sighting->start_ns, sighting->comm,
					container, vm_identity(registry, sighting->where.vm));
	index = open_row(registry, &draft);
	if (index == SLOT_NONE || u64map_put(&registry->by_pid, sighting->pid, 0, index) < 0) {
		identity_unref(draft.identity);
		if (index != SLOT_NONE) {
			registry->process[index].identity = NULL;
			slots_close(&registry->processes, index);
		}
		registry->folded_processes++;
		return registry_many(registry, sighting->where.container, MANY_OTHER);
	}
	return index;
}

/* The leader has moved to another container, or runs another program: to the outside a new
 * workload. */
static bool reborn(const struct process *process, const struct sighting *sighting)
{
	if (!sighting->leader || sighting->past)
		return false;
	if (process->container != sighting->where.container || process->vm != sighting->where.vm)
		return true;
	return process->exec_id != sighting->exec_id &&
	       strncmp(process->identity->comm, sighting->comm, sizeof(process->identity->comm)) !=
		       0;
}

static void end_process(struct registry *registry, u32 index, u64 now_ns)
{
	struct process *process = &registry->process[index];

	if (process->ended_ns)
		return;
	process->ended_ns = now_ns;
	if (!process->missing_ns)
		slot_list_add(&registry->dying, index);
	process->missing_ns = 0;
}

/* The row with this pid when it is the same process; ends it when the pid is used again. */
static u32 same_process(struct registry *registry, const struct sighting *sighting, u64 now_ns,
			bool *late)
{
	u32 index = u64map_get(&registry->by_pid, sighting->pid, 0);
	const struct process *process;

	*late = false;
	if (index == U64MAP_NONE)
		return SLOT_NONE;
	process = &registry->process[index];
	if (!sighting->start_ns || process->start_ns == sighting->start_ns)
		return index;
	if (sighting->start_ns < process->start_ns)
		*late = true;
	else
		end_process(registry, index, now_ns);
	return SLOT_NONE;
}

/*
 * The row that had these labels before: of the same process, or of one that had its pid, container
 * and name. No two rows may share a label set, and no counter may fall, so the row goes on.
 */
static u32 resume(struct registry *registry, const struct sighting *sighting)
{
	const struct identity *container =
		registry->group[GROUP_CONTAINER][sighting->where.container].identity;

	for (u32 i = 0; i < registry->dying.count; i++) {
		u32 index = registry->dying.index[i];
		struct process *process = &registry->process[index];

		if (!process->identity || process->many || process->pid != sighting->pid ||
		    strcmp(process->identity->container_id, container->container_id) != 0 ||
		    process->vm != sighting->where.vm ||
		    strncmp(process->identity->comm, sighting->comm,
			    sizeof(process->identity->comm)) != 0)
			continue;
		if (u64map_put(&registry->by_pid, sighting->pid, 0, index) < 0)
			continue;
		process->ended_ns = 0;
		process->missing_ns = 0;
		process->start_ns = sighting->start_ns;
		process->container = sighting->where.container;
		process->exec_id = sighting->exec_id;
		process->seen = true;
		return index;
	}
	return SLOT_NONE;
}

/* A row for a process that has none under these labels. */
static u32 fresh_row(struct registry *registry, const struct sighting *sighting)
{
	u32 index = SLOT_NONE;

	if (u64map_get(&registry->by_pid, sighting->pid, 0) != U64MAP_NONE)
		index = resume(registry, sighting);
	return index == SLOT_NONE ? open_process(registry, sighting) : index;
}

u32 registry_process(struct registry *registry, const struct sighting *sighting, u64 now_ns)
{
	bool late;
	u32 index = same_process(registry, sighting, now_ns, &late);

	if (index == SLOT_NONE && (sighting->past || late))
		return registry_many(registry, sighting->where.container, MANY_ENDED);
	if (index == SLOT_NONE)
		return fresh_row(registry, sighting);
	if (reborn(&registry->process[index], sighting)) {
		/* labels never change: it goes on in another row, while there is room */
		end_process(registry, index, now_ns);
		return fresh_row(registry, sighting);
	}
	registry->process[index].seen = true;
	if (sighting->leader && !sighting->past)
		registry->process[index].ended_ns =
			0; /* it was given up for dead, or found no room elsewhere */
	if (sighting->gone)
		end_process(registry, index, now_ns);
	return index;
}

void registry_full_pass_done(struct registry *registry, u64 now_ns)
{
	for (u32 i = 0; i < registry->processes.count; i++) {
		struct process *process = &registry->process[i];

		if (!process->identity || process->many || process->ended_ns)
			continue;
		if (process->seen) {
			process->missing_ns = 0; /* it is back; the sweep takes it off the list */
		} else if (!process->missing_ns) {
			process->missing_ns = now_ns;
			slot_list_add(&registry->dying, i);
		}
		process->seen = false;
	}
}

/* True while the row stays on the list of the dying. */
static bool still_dying(struct registry *registry, u32 index, u64 now_ns)
{
	struct process *process = &registry->process[index];
	u64 linger_ns = process->exported ? registry->limits.retention_ns : TAIL_LINGER_NS;

	if (!process->identity || process->many)
		return false;
	if (process->missing_ns && process->seen) {
		process->missing_ns = 0;
		return false;
	}
	if (process->missing_ns && now_ns - process->missing_ns >= TAIL_LINGER_NS) {
		/* its end record is overdue: it ends here, at its last known value */
		registry->missing_ends++;
		process->missing_ns = 0;
		process->ended_ns = now_ns;
	}
	if (process->missing_ns)
		return true;
	if (!process->ended_ns)
		return false;
	if (now_ns - process->ended_ns < linger_ns)
		return true;
	registry_close_process(registry, index);
	return false;
}

void registry_sweep_processes(struct registry *registry, u64 now_ns)
{
	struct slot_list *dying = &registry->dying;
	u32 kept = 0;

	for (u32 i = 0; i < dying->count; i++) {
		u32 index = dying->index[i];

		if (still_dying(registry, index, now_ns))
			dying->index[kept++] = index;
	}
	dying->count = kept;
}
