// SPDX-License-Identifier: Apache-2.0
/*
 * What the files of the ledger share; private to the room.
 */
#pragma once

#include "ledger/ledger.h"
#include "ledger/snapshot_pool.h"

struct ledger_row {
	struct account account;
	u64 tick_uj;
	u64 tick_seq;
	u64 changed_seq; /* of the posting that changed it last */
};

struct ledger_rows {
	struct ledger_row *row;
	u32 capacity;
};

struct ledger {
	struct ledger_rows level[LEVEL_MAX];
	struct snapshot_zone zone[SNAPSHOT_ZONES_MAX];
	u32 zones;
	u64 node_uj[MODE_MAX][DOMAIN_MAX];
	u64 unattributed_uj[MODE_MAX][DOMAIN_MAX];
	u64 seq;
	struct leaves equal; /* leaves of the equal policy, made anew each tick */
	struct snapshot_box box;
};

/* The registry's slots behind the rows of a level. */
const struct slots *ledger_slots(const struct registry *registry, int level);
