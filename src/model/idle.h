// SPDX-License-Identifier: Apache-2.0
/*
 * The idle floor of a sensor: what it shows when nobody works. A constant of the machine, learned
 * from power against the busy share, that does not rise with load.
 */
#pragma once

#include "base/domain.h"
#include "base/types.h"

#define IDLE_BUCKETS 20

struct idle_bucket {
	double power_uw; /* mean power while the busy share was in this twentieth */
	double busy;     /* mean busy share */
	u32 samples;     /* at most IDLE_SAMPLES_MAX: older ones fade */
};

struct idle_floor {
	double prior_ratio; /* idle over full-load power, assumed until the machine has shown its
			       own */
	struct idle_bucket bucket[IDLE_BUCKETS];
};

void idle_floor_init(struct idle_floor *floor, enum power_domain domain);

/* One observation: @power_uw at a busy share of 0..1. */
void idle_floor_learn(struct idle_floor *floor, double power_uw, double busy);

/* The floor as known now, uW; 0 before the first observation. */
double idle_floor_uw(const struct idle_floor *floor);

/*
 * The idle part of @energy_uj used over @interval_ns with this floor: never more than the energy
 * itself.
 */
u64 idle_part_uj(double floor_uw, u64 energy_uj, u64 interval_ns);
