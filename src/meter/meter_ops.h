// SPDX-License-Identifier: Apache-2.0
/*
 * What a meter must be able to do, and what it may see of the set it belongs to. Only the files of
 * this room include this header; each meter's file exports its operations and nothing else.
 */
#pragma once

#include "meter/meter.h"

/* One zone as its meter and the set see it. */
struct meter_slot {
	struct meter_zone zone;
	struct meter_reading reading; /* written by the meter's read(); kept from tick to tick */
	bool left_out; /* on purpose, e.g. a duplicate: reads as absent, is no error */
};

struct meter_slots {
	u32 count;
	struct meter_slot slot[METER_ZONES_MAX];
};

struct meter {
	const struct meter_ops *ops;
	void *priv;                /* of the meter; freed by its close() */
	struct meter_slots *slots; /* of the set, those of the other meters included */
	u32 index;
	enum meter_status none; /* the meter's status as long as it has no zone */
	char found[160];        /* what was found, or why nothing and what would change it */
};

struct meter_tick {
	struct meter_input input;
	u64 slept_ns; /* time in suspend since the last tick */
};

struct meter_ops {
	const char *name;
	const char *source;
	const char *description;
	bool estimate; /* stands in while no measured zone is alive; not read before that */

	/* Finds the zones and adds them. Returns 0, also when there are none, or -ENOMEM. */
	int (*open)(struct meter *meter, const struct sysroot *root);
	/* Writes status, value and epoch of every zone of its own. May add zones. Allocates
	 * nothing. */
	void (*read)(struct meter *meter, const struct meter_tick *tick);
	/* Releases what open() took. Also called after an open() that failed, and with priv NULL.
	 */
	void (*close)(struct meter *meter);
};

/* Adds a zone, absent until read. Returns its index in the slots or -ENOSPC. */
int meter_add_zone(struct meter *meter, const struct meter_zone *zone);

extern const struct meter_ops meter_rapl;
extern const struct meter_ops meter_embedded;
