// SPDX-License-Identifier: Apache-2.0
/*
 * The gate that every reading passes: no counter may claim what the hardware can't do. A garbled
 * value is rejected and the next good one is compared with the last good one, so that a glitch
 * costs nothing; a counter that has really started anew is recognized by going on from where it
 * was found, and begins a new epoch.
 */
#pragma once

#include "meter/meter.h"

/* All zero at first. */
struct gate {
	bool open; /* there is a last good reading */
	bool suspect;
	u32 restarts;   /* added to the epoch of what the meter reads */
	u32 last_epoch; /* the meter's own */
	u64 last_uj, last_ns;
	u64 suspect_uj, suspect_ns; /* the last reading that was rejected */
};

enum gate_verdict {
	GATE_PASS,
	GATE_RESTART, /* passes, but in a new epoch */
	GATE_REJECT,
};

/* What lies between a reading and the last good one. */
struct gate_gap {
	u64 slept_ns; /* time in suspend: a counter may begin anew then */
	bool missed;  /* reads failed: a counter may have wrapped more than once */
};

/* Judges a reading that the meter holds for good (status METER_OK). */
enum gate_verdict gate_check(struct gate *gate, const struct meter_zone *zone,
			     const struct meter_reading *reading, const struct gate_gap *gap);

/*
 * Most that one zone of this domain can draw, uW: several times the largest part that is sold (CPU
 * sockets of 0.5 kW, accelerators of 1.2 kW, racks of 40 kW behind one BMC).
 */
u64 gate_domain_limit_uw(enum power_domain domain);
