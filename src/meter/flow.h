// SPDX-License-Identifier: Apache-2.0
/*
 * The energy that one sensor has told since it was found, whether it tells power or counts energy
 * itself. A sensor that fails for a moment loses nothing; one that was away for longer, or counts
 * from the start again, begins a new epoch.
 */
#pragma once

#include "meter/gauge.h"
#include "meter/meter.h"

/* All zero at first, but for gauge.kind and gauge.gap_ns. */
struct flow {
	struct gauge gauge; /* of power sensors */
	bool counting;      /* raw_uj is valid */
	u64 raw_uj;         /* of energy counters: the last value */
	u64 counted_uj;     /* by it, since it was found */
	u32 epoch;
	u32 missed;               /* reads since the last good one */
	enum meter_status status; /* of the last read */
};

/*
 * Most that ticks are apart is a minute; a power reading that is three times as old says nothing of
 * the time since.
 */
#define FLOW_GAP_NS (180 * NSEC_PER_SEC)

/* Takes a good reading: power now, or the value of an energy counter. */
void flow_take_power(struct flow *flow, u64 power_uw, u64 awake_ns);
void flow_take_energy(struct flow *flow, u64 raw_uj);

/* The read failed. */
void flow_miss(struct flow *flow, enum meter_status why);

/* Nothing is measured from here on, until the next reading: it begins a new epoch. */
void flow_stop(struct flow *flow, enum meter_status why);

u64 flow_energy_uj(const struct flow *flow);
u32 flow_epoch(const struct flow *flow);
