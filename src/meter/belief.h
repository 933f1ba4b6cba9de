// SPDX-License-Identifier: Apache-2.0
/*
 * Who is believed. A zone is alive when it reads well, or did so within the last few reads (a short
 * fault hides no energy, the counter goes on), and is neither dead nor contradicted. For every
 * domain the first meter in the configured order with a live zone is the one reported; of GPUs
 * every meter is, each device by the first. The estimate is reported only while no measured zone is
 * alive but GPUs: an estimated platform beside a measured package would make up a remainder that
 * nobody measured. Beside GPUs it tells of package and DRAM; the platform of a typical server has
 * no GPUs in it.
 *
 * Every joule has one reporter: a zone that was not responsible for a while comes back with a new
 * epoch, because the energy in between was told by somebody else.
 */
#pragma once

#include "meter/gate.h"
#include "meter/meter_ops.h"

/* What is known of a zone beyond its last reading. */
struct zone_life {
	struct gate gate;
	u64 seen_uj, seen_ns;
	u64 judged_ns;    /* when the last reading was taken that the gate has judged */
	u32 judged_epoch; /* likewise */
	u64 moved_run_ns; /* CPU time of the machine when the value last changed */
	u64 window_uj;    /* counted since the window of comparison began */
	u64 window_ns;    /* of it, the time that was counted over */
	u32 same;         /* equal readings in a row */
	u32 missed;       /* reads since the last good one */
	u32 handovers;  /* times it came back after another meter was responsible: part of its epoch
			 */
	u32 seen_epoch; /* the meter's and the gate's */
	bool judged;    /* there is such a reading */
	bool rejected;  /* by the gate, and nothing newer has been read */
	bool seen;      /* it has read well at least once */
	bool dead;
	bool relieved; /* somebody else is responsible for its domain */
};

struct belief {
	const struct meter_slots *slots;
	struct meter_options options;
	const struct meter_ops *const *ops; /* by meter index */
	struct zone_life life[METER_ZONES_MAX];
	u32 responsible[DOMAIN_MAX]; /* rank of the meter that reports it, or BELIEF_NOBODY */
	bool estimating;
	u64 window_awake_ns; /* when the window of comparison began */
	u64 now_ns;
	u32 doubted;      /* bit per meter: so in the last window, for the first time */
	u32 contradicted; /* bit per meter: its platform zones count less than what is inside them
			   */
};

#define BELIEF_NOBODY UINT32_MAX

/* Follows what was read: moved, dead, missed, rejected. @errors: of the zone's meter, by status. */
void belief_follow(struct belief *belief, u32 zone, const struct meter_tick *tick,
		   u64 errors[METER_STATUS_MAX]);

/* Decides who reports what from now on. Call it after all zones were followed. */
void belief_choose(struct belief *belief, const struct meter_tick *tick);

/* What the zone's own meter makes of it, whoever reports its domain. */
enum meter_status belief_status(const struct belief *belief, u32 zone);

/* Turns what the meter read into what is reported. */
struct meter_reading belief_report(struct belief *belief, u32 zone);

/* Place of the zone's meter in the order for its domain, or BELIEF_NOBODY where it has none. */
u32 belief_rank(const struct belief *belief, const struct meter_zone *zone);
