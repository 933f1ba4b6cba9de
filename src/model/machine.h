// SPDX-License-Identifier: Apache-2.0
/*
 * What the machine used: from the readings of two frames to energy per sensor, idle and dynamic apart.
 */
#pragma once

#include "base/domain.h"
#include "base/types.h"
#include "model/idle.h"

#define MACHINE_ZONES_MAX 64

/* One sensor over one interval. */
struct machine_energy {
	enum power_domain domain;
	u64 energy_uj[MODE_MAX];
	u64 interval_ns; /* 0: nothing known of it in this tick */
	u64 floor_uw;
};

/* The state of the model: idle floors, and the deficit of `other`. All zero at first. */
struct machine {
	struct idle_floor floor[MACHINE_ZONES_MAX];
	u64 other_deficit_uj;
};

/*
 * Splits the energy of sensor @zone over @interval_ns, learning its floor on the way. @busy: share of the
 * machine's CPU time that tasks ran, 0..1.
 */
void machine_split(struct machine *machine, u32 zone, struct machine_energy *energy, u64 energy_uj, double busy);

/*
 * Energy of what is neither package, dram nor gpu: @platform_uj less @parts_uj. A deficit (the meters are
 * not read at the same instant) is carried over, never exported as a step back.
 */
u64 machine_other_uj(struct machine *machine, u64 platform_uj, u64 parts_uj);
