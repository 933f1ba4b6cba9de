// SPDX-License-Identifier: Apache-2.0
/*
 * What the agent itself costs.
 */
#pragma once

#include "base/sysroot.h"
#include "ledger/snapshot.h"

struct self {
	int statm_fd;
	u64 host_pid; /* the agent's own pid as the host counts */
	u64 max_fds;
	u64 start_unix_ns;
	u32 ticks;
	u32 open_fds;
	u64 tick_sum_ns;
	u64 tick_bucket[SNAPSHOT_TICK_BUCKETS];
};

void self_init(struct self *self, const struct sysroot *root);
void self_deinit(struct self *self);

/* Notes how long a tick took. */
void self_note_tick(struct self *self, u64 duration_ns);

/* Fills everything but energy and BPF time. */
void self_read(struct self *self, struct snapshot_self *out);
