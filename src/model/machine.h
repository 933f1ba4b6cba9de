// SPDX-License-Identifier: Apache-2.0
/*
 * What the machine used: from the readings of two frames to energy per sensor, idle and dynamic
 * apart.
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

/* The state of the model: idle floors, and the balance of `other`. All zero at first. */
struct machine {
	struct idle_floor floor[MACHINE_ZONES_MAX];
	s64 other_balance_uj;  /* platform less its parts, not yet told as other */
	u64 other_interval_ns; /* the time that the balance is about */
	u32 other_waits;       /* ticks in a row in which one of them was missing */
};

/*
 * Learns the floor of sensor @zone from @energy_uj over energy->interval_ns, in which tasks ran a
 * share
 * @busy (0..1) of the machine's CPU time.
 */
void machine_learn(struct machine *machine, u32 zone, const struct machine_energy *energy,
		   u64 energy_uj, double busy);

/* Splits @energy_uj of sensor @zone over energy->interval_ns into idle and dynamic by the floor so
 * far. */
void machine_split(const struct machine *machine, u32 zone, struct machine_energy *energy,
		   u64 energy_uj);

/* What the sensors of the whole machine and of its parts say of one tick. */
struct machine_other {
	u64 platform_uj;
	u64 parts_uj; /* package, dram and gpu */
	u64 interval_ns;
	bool complete; /* all of them were read */
	bool anew;     /* one of them began to count in this tick: the two can't be compared */
};

/*
 * Energy of what is neither package, dram nor gpu, and in *@interval_ns the time it was used in. A
 * deficit (the meters are not read at the same instant) is carried over, never exported as a step
 * back. While one of the sensors fails nothing is told, and what it counted meanwhile evens out
 * afterwards; after ten ticks without it, and where one counts anew, the comparison begins anew.
 */
u64 machine_other_uj(struct machine *machine, const struct machine_other *tick, u64 *interval_ns);
