// SPDX-License-Identifier: Apache-2.0
/*
 * What the live page shows, as JSON: the node's power, how good it is, the top consumers, the
 * meters and what the agent itself costs. Bounded whatever runs on the machine.
 */
#pragma once

#include "base/types.h"
#include "ledger/snapshot.h"

#define TOP_LIMIT_DEFAULT 20
#define TOP_LIMIT_MAX 100

struct top_options {
	u32 limit;             /* rows per table; 0: the default; more than TOP_LIMIT_MAX is cut */
	const char *node_name; /* any bytes */
	const char *cpu_architecture; /* any bytes */
};

/*
 * Renders @snapshot. On success *text is a string of *len bytes, to be freed by the caller.
 * Returns 0 or -ENOMEM.
 */
int top_render(const struct snapshot *snapshot, const struct top_options *options, char **text,
	       size_t *len);

/*
 * The rows of @level with the most power, most energy first where it is equal: at most @max into
 * @rows, sorted. Returns their number.
 */
u32 top_rows(const struct snapshot *snapshot, enum snapshot_level level,
	     const struct snapshot_row **rows, u32 max);

/* Energy of @row so far, in the terms in which its power is given: the whole machine's, or its
 * known parts. */
u64 top_row_energy_uj(const struct snapshot *snapshot, const struct snapshot_row *row);
