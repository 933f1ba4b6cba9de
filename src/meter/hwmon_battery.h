// SPDX-License-Identifier: Apache-2.0
/*
 * The batteries of a laptop: while nothing else feeds it, what they give is what the whole machine
 * draws.
 *
 * Interface: <sys>/class/power_supply/<name>/{type,scope,status,online,power_now,current_now,
 * voltage_now} (Documentation/ABI/testing/sysfs-class-power). Units: uW, uA, uV; some drivers give
 * what leaves the battery a minus sign. Rate: what the embedded controller does, 1 to 30 s.
 * Permission: none. Known lies: "Discharging" beside an adapter that is too weak, hence the look at
 * the adapters; batteries of mice and keyboards, which have the scope "Device".
 */
#pragma once

#include "meter/flow.h"

#define BATTERIES_MAX 4
#define ADAPTERS_MAX 8

struct battery {
	char name[24];
	bool present;
	struct flow flow; /* METER_ABSENT while it does not feed the machine */
};

struct batteries {
	u32 count;
	struct battery battery[BATTERIES_MAX];
	u32 adapters;
	char adapter[ADAPTERS_MAX][24];
};

/* Looks which batteries and adapters there are. */
void batteries_scan(int sys_fd, struct batteries *batteries);

/* Reads those that feed the machine. */
void batteries_read(int sys_fd, struct batteries *batteries, u64 awake_ns);

/* How many are present. */
u32 batteries_present(const struct batteries *batteries);
