// SPDX-License-Identifier: Apache-2.0
/*
 * A power gauge made into a counter of energy: power times the time that really passed. Energy of
 * a time in which the gauge could not be read, or the machine slept, is not made up.
 */
#pragma once

#include "base/types.h"

enum gauge_kind {
	GAUGE_INSTANT, /* power at this moment: the mean of two readings holds between them */
	GAUGE_AVERAGE, /* averaged by the device: holds for the time before the reading */
};

/* All zero at first, but for kind and gap_ns. */
struct gauge {
	enum gauge_kind kind;
	u64 gap_ns; /* a longer time between two readings is a gap */
	bool started;
	u64 awake_ns; /* of the last reading */
	u64 power_uw;
	u64 energy_uj;
	u64 carried; /* uW * ns, not yet a whole uJ */
	u32 epoch;   /* changes at a gap */
};

/* Takes a reading: power now, and the monotonic clock. Updates energy_uj and epoch. */
void gauge_take(struct gauge *gauge, u64 power_uw, u64 awake_ns);
