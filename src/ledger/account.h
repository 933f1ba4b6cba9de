// SPDX-License-Identifier: Apache-2.0
/*
 * An account: what one workload (or the machine) has used since the agent started. All members only
 * grow.
 */
#pragma once

#include "base/domain.h"
#include "base/types.h"

enum account_counter {
	COUNTER_CPU_NS,     /* on-CPU time, ns */
	COUNTER_NET_TX,     /* softirq entries, network transmit */
	COUNTER_NET_RX,     /* softirq entries, network receive */
	COUNTER_BLOCK,      /* softirq entries, block */
	COUNTER_PAGE_CACHE, /* page-cache reads and writes */
	COUNTER_MAX,
};

struct account {
	u64 energy_uj[MODE_MAX][DOMAIN_MAX];
	u64 counter[COUNTER_MAX];
};

/* Package + dram + gpu + other of one mode, uJ: the parts that add up to the machine without
 * overlap. */
static inline u64 account_total_uj(const struct account *account, enum power_mode mode)
{
	const u64 *uj = account->energy_uj[mode];

	return uj[DOMAIN_PACKAGE] + uj[DOMAIN_DRAM] + uj[DOMAIN_GPU] + uj[DOMAIN_OTHER];
}
