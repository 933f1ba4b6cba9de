// SPDX-License-Identifier: Apache-2.0
/*
 * HOW MUCH, tick by tick: what the sensors counted, brought to the places that the books have for
 * it, idle and dynamic apart.
 */
#pragma once

#include "frame/frame.h"
#include "ledger/ledger.h"
#include "ledger/snapshot.h"
#include "meter/meter.h"
#include "model/machine.h"

/* A place in the books for each (domain, package, source) that was ever read. */
struct power_zone {
	enum power_domain domain;
	char package[16];
	const char *source;
	u64 energy_uj; /* of the tick under way */
	u64 interval_ns;
};

/* All zero at first. */
struct power {
	struct machine machine;
	struct meter_reading
		good[METER_ZONES_MAX]; /* last METER_OK one by zone; taken_ns 0: none */
	struct power_zone zone[SNAPSHOT_ZONES_MAX];
	struct zone_energy posting[SNAPSHOT_ZONES_MAX]; /* what power_take() made of the tick */
	struct snapshot_domain domain[DOMAIN_MAX];      /* the same by domain, without the books */
	u32 zones;
	bool anew; /* a sensor of platform, package, dram or gpu began to count in this tick */
};

struct power_tick {
	u64 interval_ns;
	double busy;   /* share of CPU time that tasks ran, 0..1 */
	bool complete; /* all of the activity was read: the busy share can be trusted */
};

/* The first readings: counting begins here. */
void power_start(struct power *power, const struct frame *frame);

/* Takes the readings of @frame: fills posting[0..zones-1] and domain[]. */
void power_take(struct power *power, const struct meter_set *meters, const struct frame *frame,
		const struct power_tick *tick);
