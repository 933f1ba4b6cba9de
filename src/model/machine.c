// SPDX-License-Identifier: Apache-2.0
#include "model/machine.h"

/* Shorter intervals say too little of power: a counter moves in steps of about a millisecond. */
#define LEARN_INTERVAL_MIN_NS (50 * NSEC_PER_MSEC)

void machine_split(struct machine *machine, u32 zone, struct machine_energy *energy, u64 energy_uj, double busy)
{
	struct idle_floor *floor = &machine->floor[zone];
	double floor_uw;

	if (floor->prior_ratio == 0.0)
		idle_floor_init(floor, energy->domain);
	if (energy->interval_ns >= LEARN_INTERVAL_MIN_NS)
		idle_floor_learn(floor, (double)energy_uj * (double)NSEC_PER_SEC / (double)energy->interval_ns,
				 busy);
	floor_uw = idle_floor_uw(floor);
	energy->floor_uw = (u64)floor_uw;
	energy->energy_uj[MODE_IDLE] = idle_part_uj(floor_uw, energy_uj, energy->interval_ns);
	energy->energy_uj[MODE_DYNAMIC] = energy_uj - energy->energy_uj[MODE_IDLE];
}

u64 machine_other_uj(struct machine *machine, u64 platform_uj, u64 parts_uj)
{
	u64 owed_uj = parts_uj + machine->other_deficit_uj;

	if (platform_uj < owed_uj) {
		machine->other_deficit_uj = owed_uj - platform_uj;
		return 0;
	}
	machine->other_deficit_uj = 0;
	return platform_uj - owed_uj;
}
