// SPDX-License-Identifier: Apache-2.0
/*
 * From the books to a snapshot: only rows that changed since the snapshot was filled last are
 * copied, so that publishing costs what the number of active workloads costs.
 */
#include <errno.h>
#include <string.h>

#include "ledger/ledger_internal.h"

const struct slots *ledger_slots(const struct registry *registry, int level)
{
	switch (level) {
	case LEVEL_CONTAINER:
		return &registry->groups[GROUP_CONTAINER];
	case LEVEL_VM:
		return &registry->groups[GROUP_VM];
	case LEVEL_NAMESPACE:
		return &registry->namespaces;
	default:
		return &registry->processes;
	}
}

static bool row_ended(const struct registry *registry, int level, u32 index)
{
	switch (level) {
	case LEVEL_PROCESS:
		return registry->process[index].ended_ns;
	case LEVEL_CONTAINER:
		return registry->group[GROUP_CONTAINER][index].ended_ns;
	case LEVEL_VM:
		return registry->group[GROUP_VM][index].ended_ns;
	default:
		return false;
	}
}

static struct identity *row_identity(const struct registry *registry, int level, u32 index)
{
	switch (level) {
	case LEVEL_PROCESS:
		return registry->process[index].identity;
	case LEVEL_CONTAINER:
		return registry->group[GROUP_CONTAINER][index].identity;
	case LEVEL_VM:
		return registry->group[GROUP_VM][index].identity;
	default:
		return registry->namespace[index];
	}
}

/* The rows for what the limits fold stay out of sight until there is something in them. */
static bool row_exported(int level, u32 index, const struct ledger_row *row)
{
	bool fold =
		index == CONTAINER_OTHER && (level == LEVEL_CONTAINER || level == LEVEL_NAMESPACE);

	return !fold || row->tick_seq;
}

static void mark(struct ledger *ledger, int level, const struct slot_list *list)
{
	for (u32 i = 0; i < list->count; i++)
		if (list->index[i] < ledger->level[level].capacity)
			ledger->level[level].row[list->index[i]].changed_seq = ledger->seq;
}

/* Rows whose state may have changed although nothing was posted to them. */
static void mark_quiet_changes(struct ledger *ledger, const struct registry *registry)
{
	for (int level = 0; level < LEVEL_MAX; level++)
		mark(ledger, level, &ledger_slots(registry, level)->closed);
	mark(ledger, LEVEL_PROCESS, &registry->dying);
	mark(ledger, LEVEL_CONTAINER, &registry->dying_group[GROUP_CONTAINER]);
	mark(ledger, LEVEL_VM, &registry->dying_group[GROUP_VM]);
}

static int copy_rows(const struct ledger *ledger, const struct registry *registry, int level,
		     struct snapshot *snapshot)
{
	struct snapshot_rows *to = &snapshot->level[level];
	u32 count = ledger_slots(registry, level)->count;

	if (snapshot_rows_fit(to, count) < 0)
		return -ENOMEM;
	for (u32 i = 0; i < count; i++) {
		const struct ledger_row *from = &ledger->level[level].row[i];
		struct snapshot_row *row = &to->row[i];
		struct identity *identity;

		if (from->changed_seq <= snapshot->seq)
			continue;
		identity = row_identity(registry, level, i);
		if (row->identity != identity) {
			identity_unref(row->identity);
			row->identity = identity_ref(identity);
		}
		row->account = from->account;
		row->tick_uj = from->tick_uj;
		row->tick_seq = from->tick_seq;
		row->ended = identity && row_ended(registry, level, i);
		row->exported = row_exported(level, i, from);
	}
	return 0;
}

static void copy_domains(const struct ledger *ledger, struct snapshot *snapshot)
{
	memcpy(snapshot->zone, ledger->zone, sizeof(snapshot->zone));
	snapshot->zones = ledger->zones;
	for (int domain = 0; domain < DOMAIN_MAX; domain++) {
		struct snapshot_domain *to = &snapshot->domain[domain];

		for (int mode = 0; mode < MODE_MAX; mode++) {
			to->node_uj[mode] = ledger->node_uj[mode][domain];
			to->unattributed_uj[mode] = ledger->unattributed_uj[mode][domain];
		}
	}
}

struct snapshot *ledger_snapshot(struct ledger *ledger, const struct registry *registry)
{
	struct snapshot *snapshot;

	mark_quiet_changes(ledger, registry);
	snapshot = snapshot_box_take(&ledger->box);
	if (!snapshot)
		return NULL;
	for (int level = 0; level < LEVEL_MAX; level++)
		if (copy_rows(ledger, registry, level, snapshot) < 0)
			return NULL;
	copy_domains(ledger, snapshot);
	snapshot->seq = ledger->seq;
	return snapshot;
}

void ledger_publish(struct ledger *ledger, struct snapshot *snapshot)
{
	snapshot_box_publish(&ledger->box, snapshot);
}

void ledger_heartbeat(struct ledger *ledger, u64 boot_ns)
{
	atomic_store(&ledger->box.last_tick_ns, boot_ns);
}

struct snapshot_box *ledger_box(struct ledger *ledger)
{
	return &ledger->box;
}
