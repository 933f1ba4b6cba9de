// SPDX-License-Identifier: Apache-2.0
#include "ledger/snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "ledger/snapshot_pool.h"
#include "workload/identity.h"

static const u64 tick_bounds_ns[SNAPSHOT_TICK_BUCKETS] = {
	100000,   250000,   500000,   1000000,   2500000,   5000000,
	10000000, 25000000, 50000000, 100000000, 500000000, UINT64_MAX,
};

static const char *const meter_reasons[] = { "ok",    "absent", "denied",     "stale",
					     "error", "dead",   "implausible" };

u64 snapshot_tick_bound_ns(u32 index)
{
	return tick_bounds_ns[index];
}

const char *snapshot_meter_reason(u32 status)
{
	return meter_reasons[status];
}

u64 snapshot_row_power_uw(const struct snapshot *snapshot, const struct snapshot_row *row)
{
	if (row->tick_seq != snapshot->seq || !snapshot->interval_ns)
		return 0;
	return (u64)((u128)row->tick_uj * NSEC_PER_SEC / snapshot->interval_ns);
}

const struct snapshot *snapshot_box_get(struct snapshot_box *box)
{
	struct snapshot *snapshot;

	pthread_mutex_lock(&box->lock);
	snapshot = box->current;
	if (snapshot)
		atomic_fetch_add(&snapshot->refs, 1);
	pthread_mutex_unlock(&box->lock);
	return snapshot;
}

void snapshot_unref(const struct snapshot *snapshot)
{
	/* the count is the one member that readers change */
	if (snapshot)
		atomic_fetch_sub((atomic_uint *)(uintptr_t)&snapshot->refs, 1);
}

u64 snapshot_box_last_tick_ns(const struct snapshot_box *box)
{
	return atomic_load(&box->last_tick_ns);
}

void snapshot_box_init(struct snapshot_box *box)
{
	memset(box, 0, sizeof(*box));
	pthread_mutex_init(&box->lock, NULL);
}

static void snapshot_free(struct snapshot *snapshot)
{
	for (int level = 0; level < LEVEL_MAX; level++) {
		struct snapshot_rows *rows = &snapshot->level[level];

		for (u32 i = 0; i < rows->count; i++)
			identity_unref(rows->row[i].identity);
		free(rows->row);
	}
	free(snapshot->qat);
	free(snapshot);
}

void snapshot_box_deinit(struct snapshot_box *box)
{
	for (u32 i = 0; i < SNAPSHOT_POOL; i++)
		if (box->pool[i])
			snapshot_free(box->pool[i]);
	pthread_mutex_destroy(&box->lock);
}

struct snapshot *snapshot_box_take(struct snapshot_box *box)
{
	struct snapshot *best = NULL;
	u32 i;

	for (i = 0; i < SNAPSHOT_POOL && box->pool[i]; i++) {
		struct snapshot *one = box->pool[i];

		if (one != box->current && !atomic_load(&one->refs) &&
		    (!best || one->seq > best->seq))
			best = one;
	}
	if (!best && i < SNAPSHOT_POOL)
		best = box->pool[i] = calloc(1, sizeof(*best));
	return best;
}

void snapshot_box_publish(struct snapshot_box *box, struct snapshot *snapshot)
{
	pthread_mutex_lock(&box->lock);
	box->current = snapshot;
	pthread_mutex_unlock(&box->lock);
}

int snapshot_rows_fit(struct snapshot_rows *rows, u32 count)
{
	int r = grow(&rows->row, &rows->capacity, count, sizeof(*rows->row));

	if (r < 0)
		return r;
	if (count > rows->count)
		rows->count = count;
	return 0;
}
