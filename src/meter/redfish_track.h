// SPDX-License-Identifier: Apache-2.0
/*
 * The energy of one chassis, from whichever of its two tellings serves better: a counter of kWh is
 * exact, but in steps of 3.6 kJ or more, and some stand still; a power is of one moment only.
 */
#pragma once

#include "meter/gauge.h"
#include "meter/redfish_read.h"

/* All zero at first, but for interval_ns. */
struct redfish_track {
	u64 interval_ns; /* between two polls */
	bool counting;   /* energy_uj is the BMC's counter; else power over time */
	bool distrusted; /* the counter contradicts the power */
	bool coarse;     /* the counter's steps are too large */
	u64 energy_uj;
	u32 epoch;

	struct gauge gauge;
	u64 step_uj;              /* the least step that the counter has shown */
	u32 missing;              /* readings in a row without the counter */
	u32 compared;             /* readings since the comparison began */
	u64 power_uj, counter_uj; /* of both tellings since then */
};

/* Takes what was read at @awake_ns (monotonic). Returns false when the energy was not in it. */
bool redfish_track_take(struct redfish_track *track, const struct redfish_value *value,
			u64 awake_ns);
