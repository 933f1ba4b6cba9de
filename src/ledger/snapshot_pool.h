// SPDX-License-Identifier: Apache-2.0
/*
 * The snapshots that are written to and read from; private to the room.
 */
#pragma once

#include <pthread.h>

#include "ledger/snapshot.h"

/* One is published, one is being filled, and readers that were just cut may hold theirs a little
 * longer. */
#define SNAPSHOT_POOL (SNAPSHOT_READERS_MAX + 4)

struct snapshot_box {
	pthread_mutex_t lock; /* guards current and its reference against a swap */
	struct snapshot *current;
	_Atomic u64 last_tick_ns;
	struct snapshot *pool[SNAPSHOT_POOL];
};

void snapshot_box_init(struct snapshot_box *box);
void snapshot_box_deinit(struct snapshot_box *box);

/* A snapshot nobody reads, the one filled last of those, or a new one; NULL when there is none. */
struct snapshot *snapshot_box_take(struct snapshot_box *box);
void snapshot_box_publish(struct snapshot_box *box, struct snapshot *snapshot);

/* Makes room for @count rows; new ones are empty. Returns 0 or -ENOMEM. */
int snapshot_rows_fit(struct snapshot_rows *rows, u32 count);
