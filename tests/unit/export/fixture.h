// SPDX-License-Identifier: Apache-2.0
/*
 * Snapshots built by hand, for the tests of export and serve.
 */
#pragma once

#include "ledger/snapshot.h"

/*
 * A small machine with fixed numbers: two sockets of measured RAPL, an estimated platform, four
 * container rows (one ended, one not exported), processes with hostile names, a VM, namespaces.
 */
struct snapshot *fixture_small(void);

/* A machine with @processes processes in one container per 20 of them, every domain present. */
struct snapshot *fixture_big(u32 processes);

/* Lets time pass: one more tick of @interval_ns, in which every row uses some energy. */
void fixture_tick(struct snapshot *snapshot, u64 interval_ns);

void fixture_free(struct snapshot *snapshot);

/* A process row more: @comm is any bytes. */
void fixture_add_process(struct snapshot *snapshot, u32 pid, const char *container_id,
			 const char *comm, u64 energy_uj);
