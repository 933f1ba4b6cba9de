// SPDX-License-Identifier: Apache-2.0
#include "meter/gate.h"

#include "meter/energy.h"

/* A short interval may hold a late update of the counter: allowed on top of what passed. */
#define SLACK_NS NSEC_PER_SEC

/* A zone that was away for longer than it takes to wrap at this power may have wrapped twice. */
#define WRAP_POWER_UW (1000ULL * UJ_PER_J)

static const u64 limits_w[DOMAIN_MAX] = {
	[DOMAIN_PACKAGE] = 3000,    [DOMAIN_CORE] = 3000, [DOMAIN_UNCORE] = 1000,
	[DOMAIN_DRAM] = 1000,       [DOMAIN_GPU] = 5000,  [DOMAIN_OTHER] = 100000,
	[DOMAIN_PLATFORM] = 100000,
};

u64 gate_domain_limit_uw(enum power_domain domain)
{
	return limits_w[domain] * UJ_PER_J;
}

static u64 limit_uj(const struct meter_zone *zone, u64 elapsed_ns)
{
	u64 limit_uw = zone->limit_uw ? zone->limit_uw : gate_domain_limit_uw(zone->domain);

	return (u64)((u128)limit_uw * (elapsed_ns + SLACK_NS) / NSEC_PER_SEC);
}

static bool plausible(const struct meter_zone *zone, u64 before_uj, u64 before_ns,
		      const struct meter_reading *now)
{
	if (now->taken_ns < before_ns || (now->value_uj < before_uj && !zone->modulus_uj))
		return false;
	return energy_delta_uj(before_uj, now->value_uj, zone->modulus_uj) <=
	       limit_uj(zone, now->taken_ns - before_ns);
}

/* Whether the counter can't be compared with its last value, whatever it says now. */
static bool restarted(const struct gate *gate, const struct meter_zone *zone,
		      const struct meter_reading *now, const struct gate_gap *gap)
{
	u64 elapsed_ns = now->taken_ns > gate->last_ns ? now->taken_ns - gate->last_ns : 0;

	if (now->epoch != gate->last_epoch)
		return true;
	if (now->value_uj < gate->last_uj && (!zone->modulus_uj || gap->slept_ns))
		return true;
	return gap->missed && zone->modulus_uj &&
	       (u128)elapsed_ns * WRAP_POWER_UW / NSEC_PER_SEC > zone->modulus_uj;
}

static void accept(struct gate *gate, const struct meter_reading *now)
{
	gate->open = true;
	gate->suspect = false;
	gate->last_epoch = now->epoch;
	gate->last_uj = now->value_uj;
	gate->last_ns = now->taken_ns;
}

enum gate_verdict gate_check(struct gate *gate, const struct meter_zone *zone,
			     const struct meter_reading *now, const struct gate_gap *gap)
{
	if (zone->modulus_uj && now->value_uj >= zone->modulus_uj)
		return GATE_REJECT;
	if (!gate->open) {
		accept(gate, now);
		return GATE_PASS;
	}
	if (restarted(gate, zone, now, gap)) {
		/* The meter's own new epoch shows already. */
		bool told = now->epoch != gate->last_epoch;

		gate->restarts += !told;
		accept(gate, now);
		return told ? GATE_PASS : GATE_RESTART;
	}
	if (plausible(zone, gate->last_uj, gate->last_ns, now)) {
		accept(gate, now);
		return GATE_PASS;
	}
	if (gate->suspect && plausible(zone, gate->suspect_uj, gate->suspect_ns, now)) {
		gate->restarts++;
		accept(gate, now);
		return GATE_RESTART;
	}
	gate->suspect = true;
	gate->suspect_uj = now->value_uj;
	gate->suspect_ns = now->taken_ns;
	return GATE_REJECT;
}
