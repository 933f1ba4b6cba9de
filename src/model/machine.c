// SPDX-License-Identifier: Apache-2.0
#include "model/machine.h"

/* Shorter intervals say too little of power: a counter moves in steps of about a millisecond. */
#define LEARN_INTERVAL_MIN_NS (50 * NSEC_PER_MSEC)

#define OTHER_WAITS_MAX 10

void machine_learn(struct machine *machine, u32 zone, enum power_domain domain,
		   const struct machine_news *news, double busy)
{
	struct idle_floor *floor = &machine->floor[zone];

	if (news->interval_ns < LEARN_INTERVAL_MIN_NS)
		return;
	if (floor->prior_ratio == 0.0)
		idle_floor_init(floor, domain);
	idle_floor_learn(floor,
			 (double)news->energy_uj * (double)NSEC_PER_SEC / (double)news->interval_ns,
			 busy);
}

void machine_split(const struct machine *machine, u32 zone, struct machine_energy *energy,
		   u64 energy_uj)
{
	double floor_uw = idle_floor_uw(&machine->floor[zone]);

	energy->floor_uw = (u64)floor_uw;
	energy->energy_uj[MODE_IDLE] = idle_part_uj(floor_uw, energy_uj, energy->interval_ns);
	energy->energy_uj[MODE_DYNAMIC] = energy_uj - energy->energy_uj[MODE_IDLE];
}

static void begin_other(struct machine *machine)
{
	machine->other_balance_uj = 0;
	machine->other_interval_ns = 0;
}

/* What the parts used before the platform was read, of this tick and those before it. */
static u64 parts_until(struct machine *machine, const struct machine_other *tick)
{
	u64 before_uj = (u64)((double)tick->parts_uj * tick->position);
	u64 until_uj;

	before_uj = u64_min(before_uj, tick->parts_uj);
	until_uj = machine->other_parts_uj + before_uj;
	machine->other_parts_uj = tick->parts_uj - before_uj;
	return until_uj;
}

u64 machine_other_uj(struct machine *machine, const struct machine_other *tick, u64 *interval_ns)
{
	u64 parts_uj, other_uj;

	*interval_ns = 0;
	machine->other_waits = tick->complete ? 0 : machine->other_waits + 1;
	machine->other_anew |= tick->anew || machine->other_waits >= OTHER_WAITS_MAX;
	if (!tick->fresh) {
		machine->other_parts_uj += tick->parts_uj;
		return 0;
	}
	parts_uj = parts_until(machine, tick);
	if (machine->other_anew) {
		begin_other(machine);
		machine->other_anew = !tick->complete;
		return 0;
	}
	machine->other_balance_uj += (s64)tick->platform_uj - (s64)parts_uj;
	machine->other_interval_ns += tick->interval_ns;
	if (!tick->complete || machine->other_balance_uj < 0)
		return 0;
	other_uj = (u64)machine->other_balance_uj;
	*interval_ns = machine->other_interval_ns;
	begin_other(machine);
	return other_uj;
}
