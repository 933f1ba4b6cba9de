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
#include "model/pace.h"

/* What is remembered of a zone of a meter. */
struct power_sensor {
	struct meter_reading good; /* last METER_OK one; taken_ns 0: none */
	struct pace pace;          /* of zones that are read less often than ticks come */
	double busy_ns;            /* power.busy_ns when it was read last */
	u64 slept_ns;              /* in suspend until then, since the start */
	u32 place;                 /* in the books; POWER_NO_PLACE: none */
};

#define POWER_NO_PLACE UINT32_MAX

/* A place in the books for each (domain, package, source) that was ever read. */
struct power_zone {
	enum power_domain domain;
	char package[32];
	const char *source;
	bool users_hidden; /* as the meter's zone says */
	/* of the tick under way: */
	u64 energy_uj; /* to be posted */
	u64 interval_ns;
	struct machine_news news; /* what was measured, over the meter's own time */
};

struct power_tick {
	u64 now_ns;      /* boot clock, at its end */
	u64 interval_ns; /* of it, awake */
	u64 slept_ns;    /* before that, in suspend */
	double busy;     /* share of CPU time that tasks ran, 0..1 */
	bool complete;   /* all of the activity was read: the busy share can be trusted */
};

/* All zero at first. */
struct power {
	struct machine machine;
	struct power_sensor sensor[METER_ZONES_MAX]; /* by zone of the meters */
	struct power_zone zone[SNAPSHOT_ZONES_MAX];
	struct zone_energy posting[SNAPSHOT_ZONES_MAX]; /* what power_take() made of the tick */
	struct snapshot_domain domain[DOMAIN_MAX];      /* the same by domain, without the books */
	u32 zones;
	double busy_ns;        /* tick by tick, busy share times length, since the start */
	u64 slept_ns, woke_ns; /* in suspend, since the start; and the end of the last one */
	u64 last_sleep_ns;
	double other_busy_ns;
	struct pace other;
	u32 gpu_missed;             /* ticks in a row without a GPU, where there was one */
	u64 platform_period_ns;     /* 0: it is read as often as ticks come */
	struct power_tick tick;     /* the one under way */
	u32 read;                   /* bit per domain: a zone of it was read well in it */
	struct machine_other parts; /* of it */
};

/* The first readings: counting begins here. */
void power_start(struct power *power, const struct frame *frame);

/* Takes the readings of @frame: fills posting[0..zones-1] and domain[]. */
void power_take(struct power *power, const struct meter_set *meters, const struct frame *frame,
		const struct power_tick *tick);

/* The place in posting[] that a zone of the meters has, or POWER_NO_PLACE. */
u32 power_place(const struct power *power, u32 zone);
