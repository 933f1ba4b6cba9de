// SPDX-License-Identifier: Apache-2.0
/*
 * THE ACCOUNTS: integer microjoules per workload, domain and mode. For every domain, mode and tick
 * the sum over namespaces plus what is unattributed is what the machine's zones show, exactly.
 */
#pragma once

#include "frame/settle.h"
#include "ledger/account.h"
#include "ledger/snapshot.h"
#include "workload/registry.h"

/* How idle energy is shared. */
enum ledger_idle {
	LEDGER_IDLE_USAGE, /* by CPU time in the tick */
	LEDGER_IDLE_EQUAL, /* the same for every container that lives */
	LEDGER_IDLE_NONE,  /* to nobody: it is unattributed */
};

/* What one sensor used in the tick. */
struct zone_energy {
	enum power_domain domain;
	const char *package; /* copied when the zone is first posted */
	const char *source;  /* static string */
	u64 energy_uj[MODE_MAX];
};

/* Work that a leaf did on one device, comparable among the uses of its zone. */
struct zone_use {
	u32 zone; /* index into posting.zone */
	u32 leaf; /* index into posting.leaves */
	u64 work; /* below 2^48 */
};

/*
 * What is to be posted. The energy of a GPU goes to who used that GPU, all other energy by CPU
 * time.
 */
struct posting {
	const struct zone_energy *zone; /* index: the same sensor in every posting */
	u32 zones;
	const struct leaves *leaves;
	const struct zone_use *use;
	u32 uses;
	enum ledger_idle idle;
};

struct ledger;

int ledger_new(struct ledger **ledger);

/* Snapshots that are still held by readers must have been dropped before. */
struct ledger *ledger_free(struct ledger *ledger);

/* Posts one tick. Returns 0, or -ENOMEM with nothing posted. */
int ledger_post(struct ledger *ledger, struct registry *registry, const struct posting *posting);

/*
 * Fills a snapshot with the books as they stand and returns it for the caller to complete, or NULL
 * when all are held by readers or there is no memory: nothing is lost, the next one shows it all.
 * Allocates only while the books grow.
 */
struct snapshot *ledger_snapshot(struct ledger *ledger, const struct registry *registry);

/* Makes the snapshot of ledger_snapshot() the one that snapshot_box_get() returns. */
void ledger_publish(struct ledger *ledger, struct snapshot *snapshot);

/* Tells readers that a tick has begun: the sampler is alive. */
void ledger_heartbeat(struct ledger *ledger, u64 boot_ns);

struct snapshot_box *ledger_box(struct ledger *ledger);

/* The account of process row @index: what the agent has cost so far, for one. */
const struct account *ledger_process_account(const struct ledger *ledger, u32 index);

/* 0 when the books balance, else the first difference found, in uJ, with its domain and mode. */
s64 ledger_check(const struct ledger *ledger, enum power_domain *domain, enum power_mode *mode);
