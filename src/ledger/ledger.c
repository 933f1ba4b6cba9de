// SPDX-License-Identifier: Apache-2.0
/*
 * One posting walks the leaves of a tick once. Each domain and mode with energy in it is a pot;
 * every pot is divided among the leaves by the same weights, and each share is written to the
 * leaf's process, container, VM and namespace. So the sums over any level are those of the leaves,
 * to the microjoule.
 */
#include "ledger/ledger.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "ledger/ledger_internal.h"
#include "model/apportion.h"

/* The energy of one domain and mode while it is divided. */
struct pot {
	enum power_domain domain;
	enum power_mode mode;
	bool headline; /* counts for the row's power */
	u64 energy_uj;
	struct apportion apportion;
};

struct pots {
	struct pot pot[DOMAIN_MAX * MODE_MAX];
	u32 count;
};

int ledger_new(struct ledger **out)
{
	struct ledger *ledger = calloc(1, sizeof(*ledger));

	if (!ledger)
		return -ENOMEM;
	snapshot_box_init(&ledger->box);
	*out = ledger;
	return 0;
}

struct ledger *ledger_free(struct ledger *ledger)
{
	if (!ledger)
		return NULL;
	for (int level = 0; level < LEVEL_MAX; level++)
		free(ledger->level[level].row);
	leaves_deinit(&ledger->equal);
	snapshot_box_deinit(&ledger->box);
	free(ledger);
	return NULL;
}

static void clear_rows(struct ledger *ledger, int level, const struct slot_list *list)
{
	for (u32 i = 0; i < list->count; i++) {
		struct ledger_row *row = &ledger->level[level].row[list->index[i]];

		*row = (struct ledger_row){ .changed_seq = ledger->seq };
	}
}

/* Brings the books to the registry's rows: room for all, and a clean page for each that is new. */
static int follow_registry(struct ledger *ledger, const struct registry *registry)
{
	for (int level = 0; level < LEVEL_MAX; level++)
		if (grow(&ledger->level[level].row, &ledger->level[level].capacity,
			 ledger_slots(registry, level)->count, sizeof(struct ledger_row)) < 0)
			return -ENOMEM;
	for (int level = 0; level < LEVEL_MAX; level++)
		clear_rows(ledger, level, &ledger_slots(registry, level)->opened);
	return 0;
}

static struct ledger_row *touch(struct ledger *ledger, int level, u32 index)
{
	struct ledger_row *row = &ledger->level[level].row[index];

	row->changed_seq = ledger->seq;
	if (row->tick_seq != ledger->seq) {
		row->tick_seq = ledger->seq;
		row->tick_uj = 0;
	}
	return row;
}

/* The rows that one leaf's work goes to: process, container, namespace, VM. */
struct targets {
	struct ledger_row *row[LEVEL_MAX];
	u32 count;
};

static struct targets targets_of(struct ledger *ledger, const struct registry *registry,
				 const struct leaf *leaf)
{
	struct targets targets = { .count = 2 };
	u32 namespace = registry->group[GROUP_CONTAINER][leaf->container].namespace;

	targets.row[0] = touch(ledger, LEVEL_CONTAINER, leaf->container);
	targets.row[1] = touch(ledger, LEVEL_NAMESPACE, namespace);
	if (leaf->process != SLOT_NONE)
		targets.row[targets.count++] = touch(ledger, LEVEL_PROCESS, leaf->process);
	if (leaf->vm != SLOT_NONE)
		targets.row[targets.count++] = touch(ledger, LEVEL_VM, leaf->vm);
	return targets;
}

static void post_share(const struct targets *targets, const struct pot *pot, u64 share_uj)
{
	u64 headline_uj = pot->headline ? share_uj : 0;

	for (u32 i = 0; i < targets->count; i++) {
		targets->row[i]->account.energy_uj[pot->mode][pot->domain] += share_uj;
		targets->row[i]->tick_uj += headline_uj;
	}
}

static void post_counters(const struct targets *targets, const struct leaf *leaf)
{
	for (u32 i = 0; i < targets->count; i++) {
		u64 *counter = targets->row[i]->account.counter;

		counter[COUNTER_CPU_NS] += leaf->cpu_ns;
		counter[COUNTER_NET_TX] += leaf->count[ABI_NET_TX];
		counter[COUNTER_NET_RX] += leaf->count[ABI_NET_RX];
		counter[COUNTER_BLOCK] += leaf->count[ABI_BLOCK];
		counter[COUNTER_PAGE_CACHE] += leaf->count[ABI_PAGE_CACHE];
	}
}

static void begin_pots(const struct ledger *ledger, struct pots *pots, u64 weights)
{
	for (u32 i = 0; i < pots->count; i++) {
		struct pot *pot = &pots->pot[i];

		apportion_init(&pot->apportion, pot->energy_uj, weights, (u32)ledger->seq + i);
	}
}

/* Once a second the rows are cold: those that are needed soon are fetched this many leaves ahead.
 */
#define POST_AHEAD 6

static void fetch_ahead(const struct ledger *ledger, const struct leaves *leaves, u32 index)
{
	const char *row;
	u32 process;

	if (index + POST_AHEAD >= leaves->count)
		return;
	process = leaves->leaf[index + POST_AHEAD].process;
	if (process == SLOT_NONE)
		return;
	row = (const char *)&ledger->level[LEVEL_PROCESS].row[process];
	for (size_t at = 0; at < sizeof(struct ledger_row); at += 64)
		__builtin_prefetch(row + at, 1);
}

static void post_leaf(const struct targets *targets, struct pots *pots, u64 reached, u64 weights)
{
	for (u32 i = 0; i < pots->count; i++) {
		struct apportion *apportion = &pots->pot[i].apportion;
		u64 share_uj = reached == weights ? apportion_rest(apportion)
						  : apportion_next(apportion, reached);

		post_share(targets, &pots->pot[i], share_uj);
	}
}

/*
 * Divides all pots among the leaves by weight, and posts what they counted unless the weights are
 * not theirs. The last leaf with a weight takes what rounding left.
 */
static void divide(struct ledger *ledger, const struct registry *registry,
		   const struct leaves *leaves, struct pots *pots, bool counters)
{
	u64 reached = 0;

	if (leaves->cpu_ns)
		begin_pots(ledger, pots, leaves->cpu_ns);
	for (u32 i = 0; i < leaves->count; i++) {
		const struct leaf *leaf = &leaves->leaf[i];
		struct targets targets;

		fetch_ahead(ledger, leaves, i);
		targets = targets_of(ledger, registry, leaf);
		if (counters)
			post_counters(&targets, leaf);
		if (!leaf->cpu_ns)
			continue;
		reached += leaf->cpu_ns;
		post_leaf(&targets, pots, reached, leaves->cpu_ns);
	}
}

static void to_nobody(struct ledger *ledger, const struct pots *pots)
{
	for (u32 i = 0; i < pots->count; i++)
		ledger->unattributed_uj[pots->pot[i].mode][pots->pot[i].domain] +=
			pots->pot[i].energy_uj;
}

/* Idle energy of a tick in which nobody ran. */
static void to_system(struct ledger *ledger, const struct registry *registry,
		      const struct pots *pots)
{
	const struct leaf leaf = { .process = SLOT_NONE,
				   .container = CONTAINER_SYSTEM,
				   .vm = SLOT_NONE };
	struct targets targets = targets_of(ledger, registry, &leaf);

	for (u32 i = 0; i < pots->count; i++)
		post_share(&targets, &pots->pot[i], pots->pot[i].energy_uj);
}

#define EQUAL_WEIGHT (1U << 20) /* of one container */

/*
 * One leaf per living container, of equal weight. Within a container the energy stays with the row
 * for many processes: idle power has no owner among them.
 */
static int equal_leaves(struct registry *registry, struct leaves *leaves)
{
	leaves->count = 0;
	leaves->cpu_ns = 0;
	for (u32 i = 0; i < registry->groups[GROUP_CONTAINER].count; i++) {
		const struct group *group = &registry->group[GROUP_CONTAINER][i];
		struct leaf *leaf;

		if (!group->identity || group->ended_ns || i == CONTAINER_OTHER)
			continue;
		leaf = leaves_add(leaves, registry_many(registry, i, MANY_OTHER),
				  (struct whereabouts){ i, SLOT_NONE });
		if (!leaf)
			return -ENOMEM;
		leaf->cpu_ns = EQUAL_WEIGHT;
		leaves->cpu_ns += EQUAL_WEIGHT;
	}
	return 0;
}

/* Whether the domain counts for the power of a row: the whole machine, or its parts. */
static bool is_headline(const u64 energy_uj[MODE_MAX][DOMAIN_MAX], enum power_domain domain)
{
	if (energy_uj[MODE_DYNAMIC][DOMAIN_PLATFORM] || energy_uj[MODE_IDLE][DOMAIN_PLATFORM])
		return domain == DOMAIN_PLATFORM;
	return domain == DOMAIN_PACKAGE || domain == DOMAIN_DRAM || domain == DOMAIN_GPU ||
	       domain == DOMAIN_OTHER;
}

static void add_pots(const u64 energy_uj[MODE_MAX][DOMAIN_MAX], enum power_mode mode,
		     struct pots *pots)
{
	for (int domain = 0; domain < DOMAIN_MAX; domain++) {
		if (!energy_uj[mode][domain])
			continue;
		pots->pot[pots->count++] = (struct pot){
			.domain = domain,
			.mode = mode,
			.headline = is_headline(energy_uj, domain),
			.energy_uj = energy_uj[mode][domain],
		};
	}
}

static u64 work_of_zone(const struct posting *posting, u32 zone)
{
	u64 work = 0;

	for (u32 i = 0; i < posting->uses; i++)
		if (posting->use[i].zone == zone)
			work += posting->use[i].work;
	return work;
}

/* Whether this part of a zone's energy is divided among those who used the device. */
static bool goes_to_users(const struct posting *posting, u32 zone, enum power_mode mode)
{
	if (posting->zone[zone].domain != DOMAIN_GPU ||
	    (mode == MODE_IDLE && posting->idle != LEDGER_IDLE_USAGE))
		return false;
	return work_of_zone(posting, zone) > 0;
}

/* Divides what @zone used in @mode among its users, by their work. */
static void post_users(struct ledger *ledger, const struct registry *registry,
		       const struct posting *posting, u32 zone, struct pot *pot)
{
	u64 all = work_of_zone(posting, zone), reached = 0;

	apportion_init(&pot->apportion, pot->energy_uj, all, (u32)ledger->seq + zone);
	for (u32 i = 0; i < posting->uses; i++) {
		const struct zone_use *use = &posting->use[i];
		struct targets targets;
		u64 share_uj;

		if (use->zone != zone || !use->work)
			continue;
		reached += use->work;
		share_uj = reached == all ? apportion_rest(&pot->apportion)
					  : apportion_next(&pot->apportion, reached);
		targets = targets_of(ledger, registry, &posting->leaves->leaf[use->leaf]);
		post_share(&targets, pot, share_uj);
	}
}

/* The energy of devices that tell who used them. */
static void post_devices(struct ledger *ledger, const struct registry *registry,
			 const struct posting *posting, bool headline)
{
	for (u32 i = 0; i < posting->zones; i++) {
		for (int mode = 0; mode < MODE_MAX; mode++) {
			struct pot pot = { .domain = posting->zone[i].domain,
					   .mode = mode,
					   .headline = headline,
					   .energy_uj = posting->zone[i].energy_uj[mode] };

			if (pot.energy_uj && goes_to_users(posting, i, mode))
				post_users(ledger, registry, posting, i, &pot);
		}
	}
}

static void post_zones(struct ledger *ledger, const struct posting *posting,
		       u64 sum_uj[MODE_MAX][DOMAIN_MAX])
{
	for (u32 i = 0; i < posting->zones && i < SNAPSHOT_ZONES_MAX; i++) {
		const struct zone_energy *from = &posting->zone[i];
		struct snapshot_zone *zone = &ledger->zone[i];

		if (i >= ledger->zones) {
			zone->domain = from->domain;
			strncpy(zone->package, from->package, sizeof(zone->package) - 1);
			ledger->zones = i + 1;
		}
		zone->source = from->source;
		for (int mode = 0; mode < MODE_MAX; mode++) {
			zone->energy_uj[mode] += from->energy_uj[mode];
			ledger->node_uj[mode][zone->domain] += from->energy_uj[mode];
			/* of GPUs only what nobody in particular used is in the common pots */
			if (!goes_to_users(posting, i, mode))
				sum_uj[mode][zone->domain] += from->energy_uj[mode];
		}
	}
}

/* Idle energy that does not go the way of dynamic energy. */
static void post_idle(struct ledger *ledger, const struct registry *registry,
		      enum ledger_idle policy, struct pots *pots)
{
	if (policy == LEDGER_IDLE_NONE)
		to_nobody(ledger, pots);
	else if (policy == LEDGER_IDLE_EQUAL)
		divide(ledger, registry, &ledger->equal, pots, false);
	else
		to_system(ledger, registry, pots);
}

int ledger_post(struct ledger *ledger, struct registry *registry, const struct posting *posting)
{
	u64 sum_uj[MODE_MAX][DOMAIN_MAX] = { 0 };
	const struct leaves *leaves = posting->leaves;
	struct pots worked = { .count = 0 }, idle = { .count = 0 };

	if (posting->idle == LEDGER_IDLE_EQUAL && equal_leaves(registry, &ledger->equal) < 0)
		return -ENOMEM;
	ledger->seq++;
	if (follow_registry(ledger, registry) < 0) {
		ledger->seq--;
		return -ENOMEM;
	}
	post_zones(ledger, posting, sum_uj);
	post_devices(ledger, registry, posting, is_headline(sum_uj, DOMAIN_GPU));
	/* a GPU that works for nobody: CPU time says nothing of who it was */
	ledger->unattributed_uj[MODE_DYNAMIC][DOMAIN_GPU] += sum_uj[MODE_DYNAMIC][DOMAIN_GPU];
	sum_uj[MODE_DYNAMIC][DOMAIN_GPU] = 0;
	add_pots(sum_uj, MODE_DYNAMIC, &worked);
	if (!leaves->cpu_ns) {
		to_nobody(ledger, &worked);
		worked.count = 0;
	}
	/* by usage, idle energy has the same weights: one walk over the leaves does it all */
	if (posting->idle == LEDGER_IDLE_USAGE && leaves->cpu_ns)
		add_pots(sum_uj, MODE_IDLE, &worked);
	else
		add_pots(sum_uj, MODE_IDLE, &idle);
	divide(ledger, registry, leaves, &worked, true);
	if (idle.count)
		post_idle(ledger, registry, posting->idle, &idle);
	return 0;
}

const struct account *ledger_process_account(const struct ledger *ledger, u32 index)
{
	return &ledger->level[LEVEL_PROCESS].row[index].account;
}

s64 ledger_check(const struct ledger *ledger, enum power_domain *domain, enum power_mode *mode)
{
	for (int m = 0; m < MODE_MAX; m++) {
		for (int d = 0; d < DOMAIN_MAX; d++) {
			u64 sum_uj = ledger->unattributed_uj[m][d];

			for (u32 i = 0; i < ledger->level[LEVEL_NAMESPACE].capacity; i++)
				sum_uj += ledger->level[LEVEL_NAMESPACE]
						  .row[i]
						  .account.energy_uj[m][d];
			if (sum_uj != ledger->node_uj[m][d]) {
				*domain = d;
				*mode = m;
				return (s64)(sum_uj - ledger->node_uj[m][d]);
			}
		}
	}
	return 0;
}
