// SPDX-License-Identifier: Apache-2.0
/*
 * HOW MUCH: the power meters of the machine. A meter finds its zones when it is opened and then
 * reads the raw value of each, every tick. It knows nothing of workloads, and one that fails costs
 * nobody else anything. Meters that may be slow (a BMC, a vendor's library) are polled by threads
 * of their own, and the tick takes what they told last.
 */
#pragma once

#include "base/domain.h"
#include "base/sysroot.h"
#include "base/types.h"
#include "meter/options.h"

#define METER_ZONES_MAX 64
#define METER_USES_MAX 1024
#define METER_NOTES_MAX 8

enum meter_status {
	METER_OK,
	METER_ABSENT,      /* the machine has no such zone (any more) */
	METER_DENIED,      /* it has, but this process may not read it */
	METER_STALE,       /* too old to be used */
	METER_ERROR,       /* the read failed */
	METER_DEAD,        /* it reads, but never moves while the machine works */
	METER_IMPLAUSIBLE, /* it says what the hardware can't do; see gate.h */
	METER_STATUS_MAX,
};

/* One counter of energy: what it covers, and how it wraps. */
struct meter_zone {
	enum power_domain domain;
	enum power_quality quality;
	char package[32];   /* the `package` label: socket number, sensor id, or empty */
	char name[48];      /* the kernel's name for it, e.g. "intel-rapl:0:1 core" */
	char device[16];    /* GPUs: PCI address "0000:41:00.0", the same from every meter */
	char uuid[48];      /* GPUs: the vendor's id, or empty */
	u64 modulus_uj;     /* the counter counts modulo this; 0: it never wraps */
	u64 limit_uw;       /* most that this zone can draw; 0: the domain's limit of gate.h */
	u64 period_ns;      /* how far its readings are apart; 0: as far as ticks */
	double error_ratio; /* the zone's own relative error (0.3 = 30 %); 0: not known or
			       negligible */
	bool may_rest;      /* may stand still while the machine works (a GPU that is off) */
	bool users_hidden;  /* GPUs: it may be in use by somebody who can't be told now */
	u32 meter;          /* index of the meter that reports it; set by meter_set */
};

/* What was read from a zone at one instant, exactly as the hardware gave it. */
struct meter_reading {
	enum meter_status status;
	u32 zone;
	u64 value_uj; /* cumulative, modulo the zone's modulus; valid when status is METER_OK */
	u64 taken_ns; /* boot clock; the same as in the last reading: there is nothing new */
	u32 epoch; /* changes when the counter was restarted: no difference may be taken across */
};

/* That a process used what a zone measures: GPUs tell so themselves. */
struct meter_use {
	u32 zone;
	u32 pid;  /* as in the machine's first pid namespace */
	u64 work; /* since the last reading that had uses of this zone; comparable within a zone */
};

/* What a meter may know of the machine: time, and its activity for the estimating ones. */
struct meter_input {
	u64 now_ns;   /* boot clock: goes on in suspend */
	u64 awake_ns; /* monotonic clock: stands still in suspend */
	u64 run_ns;   /* CPU time of all tasks since the agent started */
	u32 cpus;     /* online CPUs */
};

enum meter_severity {
	METER_INFO,    /* good to know: a duplicate was left out */
	METER_WARNING, /* the numbers are worse than they could be */
	METER_PROBLEM, /* something that should measure does not */
};

/* A verdict of a meter on what it found, for doctor. */
struct meter_note {
	enum meter_severity severity;
	char code[24];    /* for machines: "mirror", "psys", "filtering", "denied", ... */
	char text[200];   /* what is the case */
	char remedy[200]; /* what to do, exactly; "" nothing */
};

struct meter_set;

/* What a meter says of itself, for kepler_meter_up, doctor and the page. */
struct meter_state {
	enum meter_id id;
	const char *name;         /* "rapl-powercap", "embedded" */
	const char *source;       /* the `source` label: "rapl-sysfs", "trained_power_model" */
	const char *description;  /* one line for people */
	bool enabled;             /* in the options; else it was not even looked for */
	enum meter_status status; /* METER_OK while at least one zone reads well */
	bool known;               /* has had a zone since the start, or one that can't be read */
	bool used;                /* at least one of its zones is reported */
	bool waiting;             /* slow, and has not told anything yet */
	u32 zones;
	u64 read_errors[METER_STATUS_MAX]; /* failed zone reads by status */
	char detail[256]; /* what was found, or why nothing and what would change it */
	u32 notes;
	struct meter_note note[METER_NOTES_MAX];
};

/*
 * Opens the meters of @options under @root, which must outlive the set. Never fails for want of a
 * sensor: the set then holds the embedded estimate alone. Returns 0 or -ENOMEM.
 */
int meter_set_new(const struct sysroot *root, const struct meter_options *options,
		  struct meter_set **set);
struct meter_set *meter_set_free(struct meter_set *set);

/* The capabilities that the meters which found something need to go on, as bits 1 << CAP_.... */
u64 meter_set_capabilities(const struct meter_set *set);

/*
 * Lets slow meters begin with their next reading, so that it is there when the tick asks. The
 * first call starts their threads: call it when privileges have been dropped.
 */
void meter_set_kick(struct meter_set *set);

/*
 * Reads every zone into @readings (room for METER_ZONES_MAX) and returns their number. Zones keep
 * their index for the life of the set; a zone that is gone reads METER_ABSENT, one found later gets
 * a new index. Waits for slow meters no longer than METER_WAIT_NS in all. Allocates nothing while
 * the zones stay the same.
 */
#define METER_WAIT_NS (2 * NSEC_PER_MSEC)
u32 meter_set_read(struct meter_set *set, const struct meter_input *input,
		   struct meter_reading *readings);

/* Who used the zones of the last meter_set_read(), *@count of them; valid until the next. */
const struct meter_use *meter_set_uses(const struct meter_set *set, u32 *count);

/* The zone of a reading; valid for the life of the set. */
const struct meter_zone *meter_set_zone(const struct meter_set *set, u32 zone);

/* What the zone's meter read last, believed or not; *@left_out (or NULL): on purpose not counted.
 */
const struct meter_reading *meter_set_raw(const struct meter_set *set, u32 zone, bool *left_out);

/* The state of meter @index, or NULL past the last. */
const struct meter_state *meter_set_state(const struct meter_set *set, u32 index);

/* "ok", "absent", "denied", "stale", "error", "dead", "implausible". */
const char *meter_status_name(enum meter_status status);
