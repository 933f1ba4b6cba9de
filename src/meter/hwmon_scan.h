// SPDX-License-Identifier: Apache-2.0
/*
 * Finding what measures power or energy below class/hwmon: chips, and what each has.
 */
#pragma once

#include "base/types.h"

#define HWMON_CHIPS_MAX 64
#define HWMON_CHANNELS_MAX 320

struct hwmon_chip {
	u32 number;      /* of its directory, hwmonN: changes when a driver is loaded anew */
	char name[32];   /* as its driver registered it */
	char driver[32]; /* "" not known */
	char device[32]; /* where it sits, e.g. "1-0040"; "hwmonN" when that is not known */
	bool supply;     /* belongs to a battery or an adapter, which power_supply tells better */
};

struct hwmon_chips {
	u32 count;
	struct hwmon_chip chip[HWMON_CHIPS_MAX]; /* by name and device */
	u32 nameless;                            /* whose name could not be read */
	u32 no_room;
};

/* How a channel tells power, the best first. */
enum hwmon_tier {
	HWMON_ENERGY,  /* energyN_input, uJ */
	HWMON_AVERAGE, /* powerN_average, uW */
	HWMON_INPUT,   /* powerN_input, uW */
	HWMON_PAIR,    /* inN_input in mV times currN_input in mA */
};

struct hwmon_channel {
	enum hwmon_tier tier;
	u32 index;       /* N of the attribute; of a pair: of the voltage */
	u32 current;     /* of a pair: N of the current */
	bool has_input;  /* of HWMON_AVERAGE: there is powerN_input too */
	char sensor[24]; /* "power1", "in1*curr2" */
	char label[48];  /* or power1_oem_info; "" has none */
};

struct hwmon_channels {
	u32 count;
	struct hwmon_channel channel[HWMON_CHANNELS_MAX];
	char dir[48]; /* where the attributes are, relative to sysfs */
	u32 no_room;
};

/* The attributes of hwmon that matter here; what others there are is -EINVAL. */
enum hwmon_kind {
	HWMON_KIND_ENERGY,
	HWMON_KIND_POWER,
	HWMON_KIND_IN,
	HWMON_KIND_CURR,
	HWMON_KINDS
};
#define HWMON_HAS_INPUT 1
#define HWMON_HAS_AVERAGE 2
#define HWMON_HAS_LABEL 4
#define HWMON_HAS_ENABLE 8
#define HWMON_HAS_OEM 16
#define HWMON_INDEX_MAX 511

struct hwmon_attr {
	enum hwmon_kind kind;
	u32 index; /* at most HWMON_INDEX_MAX */
	u8 has;    /* one of HWMON_HAS_... */
};

/* Pure. Returns 0, or -EINVAL with @attr untouched. */
int hwmon_attr_parse(const char *name, struct hwmon_attr *attr);

/* Lists the chips under @sys_fd. Returns 0 or a negative errno: no such directory, may not. */
int hwmon_list(int sys_fd, struct hwmon_chips *chips);

/*
 * Lists what @chip has: every channel once, by its best tier. Sensors that are switched off are
 * left out. Their values are not read. Returns 0, or a negative errno when there is nothing.
 */
int hwmon_list_channels(int sys_fd, const struct hwmon_chip *chip, struct hwmon_channels *channels);
