// SPDX-License-Identifier: Apache-2.0
/*
 * HOW MUCH: the power meters of the machine. A meter finds its zones when it is opened and then
 * reads the raw value of each, every tick. It knows nothing of workloads, and one that fails costs
 * nobody else anything.
 */
#pragma once

#include "base/domain.h"
#include "base/sysroot.h"
#include "base/types.h"

#define METER_ZONES_MAX 64
#define METERS_MAX 16

enum meter_status {
	METER_OK,
	METER_ABSENT, /* the machine has no such zone (any more) */
	METER_DENIED, /* it has, but this process may not read it */
	METER_STALE,  /* too old to be used */
	METER_ERROR,  /* the read failed */
	METER_DEAD,   /* it reads, but never moves while the machine works */
};

/* One counter of energy: what it covers, and how it wraps. */
struct meter_zone {
	enum power_domain domain;
	enum power_quality quality;
	char package[16];   /* the `package` label: socket number, sensor id, or empty */
	char name[48];      /* the kernel's name for it, e.g. "intel-rapl:0:1 core" */
	u64 modulus_uj;     /* the counter counts modulo this; 0: it never wraps */
	double error_ratio; /* the zone's own relative error (0.3 = 30 %); 0: not known or
			       negligible */
	u32 meter;          /* index of the meter that reports it; set by meter_set */
};

/* What was read from a zone at one instant, exactly as the hardware gave it. */
struct meter_reading {
	enum meter_status status;
	u32 zone;
	u64 value_uj; /* cumulative, modulo the zone's modulus; valid when status is METER_OK */
	u64 taken_ns; /* boot clock */
	u32 epoch; /* changes when the counter was restarted: no difference may be taken across */
};

/* What a meter may know of the machine's activity: the estimating ones need it. */
struct meter_input {
	u64 now_ns; /* boot clock */
	u64 run_ns; /* CPU time of all tasks since the agent started */
	u32 cpus;   /* online CPUs */
};

struct meter_set;

/* What a meter says of itself, for kepler_meter_up, doctor and the page. */
struct meter_state {
	const char *name;         /* "rapl-powercap", "embedded" */
	const char *source;       /* the `source` label: "rapl-sysfs", "trained_power_model" */
	const char *description;  /* one line for people */
	enum meter_status status; /* METER_OK while at least one zone reads well */
	bool used;                /* its zones are the ones reported */
	u32 zones;
	u64 read_errors[METER_DEAD + 1]; /* failed zone reads by status */
	char detail[256]; /* what was found, or why nothing and what would change it */
};

/*
 * Opens every meter of the machine under @root. Never fails for want of a sensor: the set then
 * holds the embedded estimate alone. Returns 0 or -ENOMEM.
 */
int meter_set_new(const struct sysroot *root, struct meter_set **set);
struct meter_set *meter_set_free(struct meter_set *set);

/*
 * Reads every zone into @readings (room for METER_ZONES_MAX) and returns their number. Zones keep
 * their index for the life of the set; a zone that is gone reads METER_ABSENT, one found later gets
 * a new index. Allocates nothing while the zones stay the same.
 */
u32 meter_set_read(struct meter_set *set, const struct meter_input *input,
		   struct meter_reading *readings);

/* The zone of a reading; valid for the life of the set. */
const struct meter_zone *meter_set_zone(const struct meter_set *set, u32 zone);

/* The state of meter @index, or NULL past the last. */
const struct meter_state *meter_set_state(const struct meter_set *set, u32 index);
