// SPDX-License-Identifier: Apache-2.0
/*
 * Any bytes come out of the ring buffer: what is taken for records is settled into a registry, tick
 * by tick, and the sums of the leaves stay those of the records. A byte before each record says how
 * long it is and whether a tick ends here.
 */
#include <stdlib.h>
#include <string.h>

#include "activity/record.h"
#include "frame/settle.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

#define RETENTION_NS (40 * NSEC_PER_SEC)
#define LIMIT 12

static void check(bool holds)
{
	if (!holds)
		abort();
}

struct machine {
	struct registry *registry;
	struct activity_table table;
	struct leaves leaves;
	u64 now_ns;
};

static void check_slots(const struct slots *slots)
{
	check(slots->live + slots->free.count + slots->closed.count == slots->count);
	check(slots->opened.count <= slots->count);
}

/* Rows that are live are those with an identity, and the tables point to them. */
static void check_registry(const struct registry *registry)
{
	u32 live = 0, many = 0;

	for (u32 i = 0; i < registry->processes.count; i++) {
		const struct process *process = &registry->process[i];

		live += process->identity != NULL;
		many += process->identity && process->many;
	}
	check(live == registry->processes.live && live - many <= LIMIT);
	check_slots(&registry->processes);
	for (int kind = 0; kind < GROUP_KINDS; kind++) {
		for (u32 i = live = 0; i < registry->groups[kind].count; i++)
			live += registry->group[kind][i].identity != NULL;
		check(live == registry->groups[kind].live && live <= registry->groups[kind].limit);
		check(registry->group_map[kind].used == live);
		check_slots(&registry->groups[kind]);
	}
	check(registry->place_map.used == registry->places.live);
	check_slots(&registry->places);
}

static void check_leaf(const struct registry *registry, const struct leaf *leaf)
{
	check(registry->group[GROUP_CONTAINER][leaf->container].identity != NULL);
	check(leaf->process == SLOT_NONE || registry->process[leaf->process].identity);
	check(leaf->vm == SLOT_NONE || registry->group[GROUP_VM][leaf->vm].identity);
}

/* Sums are modulo 2^64, as the bytes may say anything. */
static void tick(struct machine *machine, u64 step_ns)
{
	u64 cpu_ns = 0, leaves_ns = 0;

	machine->now_ns += step_ns;
	machine->table.taken_ns = machine->now_ns;
	machine->table.full = step_ns & 1;
	check(settle(machine->registry, &machine->table, &machine->leaves) == 0);
	for (u32 i = 0; i < machine->table.count; i++)
		cpu_ns += machine->table.rows[i].cpu_ns;
	for (u32 i = 0; i < machine->leaves.count; i++) {
		leaves_ns += machine->leaves.leaf[i].cpu_ns;
		check_leaf(machine->registry, &machine->leaves.leaf[i]);
	}
	check(cpu_ns == leaves_ns && cpu_ns == machine->leaves.cpu_ns);
	registry_sweep(machine->registry, machine->now_ns);
	check_registry(machine->registry);
	registry_published(machine->registry);
	activity_table_reset(&machine->table);
}

/* Small numbers meet each other again: pids, ids and start times from a few values. */
static void narrow(void *data, size_t size)
{
	struct task_record *task = data;
	struct cgroup_record *cgroup = data;

	if (size == sizeof(*task)) {
		task->pid %= 16;
		task->start_ns %= 4;
		task->cgroup_v2 %= 16;
		task->cgroup_v1 %= 4;
		task->comm[0] = (char)('a' + task->comm[0] % 2);
		task->comm[1] = '\0';
	} else if (size == sizeof(*cgroup)) {
		cgroup->id %= 16;
		cgroup->hierarchy %= 2;
	}
}

/* Adds a record made of the next bytes; those that are missing are 0. Returns how many it took. */
static size_t feed(struct machine *machine, u8 control, const u8 *data, size_t size)
{
	static const size_t sizes[] = { sizeof(struct task_record), sizeof(struct cgroup_record), 0,
					7 };
	size_t want = sizes[control & 3], len, count = machine->table.count,
	       events = machine->table.event_count;
	u64 *record = calloc(1, sizeof(struct cgroup_record));

	if (!record)
		return size;
	/* a path is short: what follows its NUL does not matter */
	len = want == sizeof(struct cgroup_record) ? 16 + 100 : want;
	len = len < size ? len : size;
	memcpy(record, data, len);
	if (control & 4)
		narrow(record, want);
	/* rows of living tasks come with a pass, not through the ring */
	if (want == sizeof(struct task_record) && control & 8 &&
	    activity_table_reserve(&machine->table, 1) == 0)
		memcpy(&machine->table.rows[machine->table.count++], record, want);
	else if (record_add(&machine->table, record, want) < 0)
		check(machine->table.count == count && machine->table.event_count == events);
	if (machine->table.count > count)
		machine->table.rows[count].comm[ABI_COMM_LEN - 1] = '\0';
	free(record);
	return len;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	const struct registry_limits limits = { .processes = LIMIT,
						.groups = 6,
						.retention_ns = RETENTION_NS };
	struct machine machine = { .now_ns = 1000 * NSEC_PER_SEC, .leaves = { .v1_hierarchy = 1 } };

	if (registry_new(&limits, &machine.registry) < 0)
		return 0;
	while (size) {
		u8 control = *data++;
		size_t took;

		size--;
		took = feed(&machine, control, data, size);
		data += took;
		size -= took;
		if (control & 0x80)
			tick(&machine,
			     (u64)(control >> 4 & 7) * 4 * NSEC_PER_SEC + (control >> 4 & 1));
	}
	tick(&machine, NSEC_PER_SEC + 1);
	/* long after: all that is left is what always is */
	for (int i = 0; i < 3; i++)
		tick(&machine, 2 * RETENTION_NS);
	registry_free(machine.registry);
	activity_table_deinit(&machine.table);
	leaves_deinit(&machine.leaves);
	return 0;
}
