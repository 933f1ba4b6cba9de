// SPDX-License-Identifier: Apache-2.0
/*
 * What a meter must be able to do, and what it may see of the set it belongs to. Only the files of
 * this room include this header; each meter's file exports its operations and nothing else.
 *
 * There are two kinds. A meter with read() is read in the tick, and must answer within
 * microseconds. A meter with poll() is called on a thread of its own (slow.h) and may take its
 * time; what it tells is one struct meter_sample, which the tick takes when it is complete.
 */
#pragma once

#include "meter/meter.h"
#include "meter/report.h"

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

struct slow;

struct meter {
	const struct meter_ops *ops;
	void *priv;                /* of the meter; freed by its close() */
	struct meter_slots *slots; /* of the set, those of the other meters included */
	u32 index;
	struct meter_report
		report;    /* what was found; meters with poll() fill the sample's instead */
	struct slow *slow; /* the thread of a meter with poll(), or NULL */
};

struct meter_tick {
	struct meter_input input;
	u64 passed_ns; /* since the last tick; 0: this is the first */
	u64 slept_ns;  /* of it in suspend */
};

#define SAMPLE_ZONES_MAX 32

/* One zone in a sample. Zones are recognized by (domain, package, name) from sample to sample. */
struct sample_zone {
	struct meter_zone zone;
	enum meter_status status; /* METER_ABSENT and the like: there is no value this time */
	u64 value_uj;
	u64 taken_ns; /* boot clock, when the device was asked */
	u32 epoch;
};

/* Everything that a slow meter tells at once. */
struct meter_sample {
	u32 zones;
	struct sample_zone zone[SAMPLE_ZONES_MAX];
	u32 uses; /* zone: index into zone[] of this sample */
	struct meter_use use[METER_USES_MAX];
	struct meter_report report;
	u64 next_ns; /* boot clock: do not poll again before; 0: at the next kick */
};

/* How a poll is told that it should end: it must return within a second then. */
struct slow_stop {
	int fd; /* readable when it is time to end; for poll(2) */
};
bool slow_stopping(const struct slow_stop *stop);

/* When a poll happens; clocks as in struct meter_input. */
struct meter_poll {
	u64 now_ns;
	u64 awake_ns;
	const struct slow_stop *stop;
};

struct meter_ops {
	enum meter_id id;
	const char *name;
	const char *source;
	const char *description;
	u64 capabilities; /* bits 1 << CAP_...: needed from tick to tick where priv is not NULL */
	bool estimate;    /* stands in while no measured zone is alive; not read before that */

	/*
	 * Finds the zones and adds them; of a meter with poll(): finds out whether there is
	 * anything to be polled, without asking any device, and leaves priv NULL (and says why in
	 * the report) where there is not. Runs with all privileges, before they are dropped.
	 * Returns 0, also when there are no zones, or -ENOMEM.
	 */
	int (*open)(struct meter *meter, const struct sysroot *root,
		    const struct meter_options *options);
	/* Writes status, value and epoch of every zone of its own. May add zones. Allocates
	 * nothing. */
	void (*read)(struct meter *meter, const struct meter_tick *tick);
	/*
	 * Fills @sample, which comes zeroed. @priv is the meter's; the rest of struct meter is the
	 * sampler's and not to be touched.
	 */
	void (*poll)(void *priv, const struct meter_poll *when, struct meter_sample *sample);
	/* Releases what open() took. Also called after an open() that failed, and with priv NULL.
	 */
	void (*close)(struct meter *meter);
};

/* Adds a zone, absent until read. Returns its index in the slots or -ENOSPC. */
int meter_add_zone(struct meter *meter, const struct meter_zone *zone);

/* Adds a zone to a sample; NULL when it is full. The status is METER_ABSENT until set. */
struct sample_zone *sample_add(struct meter_sample *sample, const struct meter_zone *zone);

/* The status that a failed read with this negative errno means. */
enum meter_status meter_status_of_errno(int error);

extern const struct meter_ops meter_rapl;
extern const struct meter_ops meter_perf;
extern const struct meter_ops meter_msr;
extern const struct meter_ops meter_hwmon;
extern const struct meter_ops meter_acpi;
extern const struct meter_ops meter_ipmi;
extern const struct meter_ops meter_redfish;
extern const struct meter_ops meter_nvml;
extern const struct meter_ops meter_drm;
extern const struct meter_ops meter_embedded;
