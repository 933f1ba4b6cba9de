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

/* What was measured of a sensor, and how busy the machine was meanwhile. */
struct machine_news {
	u64 energy_uj;
	u64 interval_ns; /* 0: nothing */
	double busy_ns;  /* of it, times the busy share of the CPUs */
};

/* The state of the model: idle floors, and the balance of `other`. All zero at first. */
struct machine {
	struct idle_floor floor[MACHINE_ZONES_MAX];
	s64 other_balance_uj;  /* platform less its parts, not yet told as other */
	u64 other_interval_ns; /* the time that the balance is about */
	u64 other_parts_uj;    /* of the parts, since the platform was last read */
	u32 other_waits;       /* ticks in a row in which one of them was missing */
	bool other_anew;       /* the next reading of the platform is where the comparison begins */
};

/*
 * Learns the floor of sensor @zone from what was measured, while what drew the energy was busy a
 * share @busy (0..1) of the time.
 */
void machine_learn(struct machine *machine, u32 zone, enum power_domain domain,
		   const struct machine_news *news, double busy);

/* Splits @energy_uj of sensor @zone over energy->interval_ns into idle and dynamic by the floor so
 * far. */
void machine_split(const struct machine *machine, u32 zone, struct machine_energy *energy,
		   u64 energy_uj);

/* What the sensors of the whole machine and of its parts say of one tick. */
struct machine_other {
	bool fresh;      /* the platform was read in this tick */
	double position; /* when in the tick that was: 0 at its begin, 1 at its end */
	u64 platform_uj;
	u64 interval_ns; /* since the platform was read before, which platform_uj is about */
	u64 parts_uj;    /* package, dram and gpu, in this tick */
	bool complete;   /* none of them is missing */
	bool anew;       /* one of them began to count in this tick: they can't be compared */
};

/*
 * Energy of what is neither package, dram nor gpu, over the platform meter's own interval, and in
 * *@interval_ns the time it was used in; the parts' energy of the tick in which the platform was
 * read is divided at that moment. A deficit (the meters are not read at the same instant) is
 * carried over, never exported as a step back. While one of the sensors fails nothing is told, and
 * what it counted meanwhile evens out afterwards; after ten ticks without it, and where one counts
 * anew, the comparison begins anew.
 */
u64 machine_other_uj(struct machine *machine, const struct machine_other *tick, u64 *interval_ns);
