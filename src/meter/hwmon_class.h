// SPDX-License-Identifier: Apache-2.0
/*
 * What a power sensor measures: facts about drivers and their labels (hwmon_chips.def), and what
 * the person who knows the board says (hwmon.assign). Pure text.
 */
#pragma once

#include "base/domain.h"
#include "base/types.h"

enum hwmon_class {
	HWMON_UNKNOWN, /* no fact is known of the chip */
	HWMON_RAIL,    /* a monitor on a board: what it feeds is the choice of the board's maker */
	HWMON_SUPPLY,  /* a power supply: may feed several machines of a chassis */
	HWMON_PACKAGE, /* a CPU socket */
	HWMON_CORE,    /* the cores of a socket, where the socket has a sensor too */
	HWMON_UNCORE,  /* likewise the rest of it */
	HWMON_CORE_RAIL,   /* the cores, where the sum of the rails is the socket */
	HWMON_UNCORE_RAIL, /* likewise the rest of it */
	HWMON_DRAM,
	HWMON_PLATFORM, /* the whole machine */
	HWMON_MODULE,   /* CPU and GPU together, which are both measured on their own */
	HWMON_PART,     /* inside of what is counted from the same chip */
	HWMON_METER,    /* ACPI's power meter: the meter acpi reads it */
	HWMON_GPU,      /* the meters of GPUs read it */
	HWMON_DISK,
	HWMON_NIC,
	HWMON_BATTERY, /* read through power_supply */
	HWMON_IGNORED, /* the person says so */
	HWMON_CLASS_MAX,
};

#define HWMON_NO_NUMBER UINT32_MAX

/* Flags of a fact. */
#define HWMON_BY_CPU 1  /* one sensor per CPU; the number is the CPU's. Summed per socket */
#define HWMON_INSTANT 2 /* powerN_average is something else than the average of powerN_input */

/* One line of hwmon_chips.def. In patterns * stands for any text, # for a number. */
struct hwmon_fact {
	const char *chip;
	const char *label;
	enum hwmon_class class;
	u32 flags;
	double error_ratio; /* as in struct meter_zone */
	const char *remark; /* what a person should know of it, or NULL */
};

struct hwmon_assignment {
	char chip[32];
	char label[48]; /* "" all sensors of the chip */
	enum hwmon_class class;
};

#define HWMON_ASSIGN_MAX 80

struct hwmon_assign {
	u32 count;
	struct hwmon_assignment item[HWMON_ASSIGN_MAX];
};

/* How a sensor is known. */
struct hwmon_id {
	const char *name;   /* of the chip, as its driver registered it */
	const char *driver; /* "" not known */
	const char *device; /* of the chip, e.g. "1-0040"; "" not known */
	const char *label;  /* what the driver or the board says; "" nothing */
	const char *sensor; /* "power1", "energy2", "in1*curr1" */
};

struct hwmon_verdict {
	enum hwmon_class class;
	/* Of several chips that measure one domain the one with the lowest rank is believed. 0:
	 * what the person assigned; these all count. */
	u32 rank;
	u32 number;                    /* in the label: a socket or a CPU; or HWMON_NO_NUMBER */
	const struct hwmon_fact *fact; /* NULL: assigned, or nothing is known */
	u32 assigned;                  /* index of the assignment + 1, or 0 */
};

/*
 * "CHIP[/LABEL]=DOMAIN,...": CHIP is the name of a chip, its driver or its device; LABEL the text
 * of a label, or the sensor; DOMAIN one of package, core, dram, platform, ignore. White space
 * around each is ignored; the last = of an item counts, the first / ends CHIP. Without a label all
 * sensors of the chip are meant, but for those that repeat another one of it.
 * Returns 0, or -EINVAL with *@why telling what is wrong and @assign untouched.
 */
int hwmon_assign_parse(const char *text, struct hwmon_assign *assign, const char **why);

struct hwmon_verdict hwmon_classify(const struct hwmon_assign *assign, const struct hwmon_id *id);

/* Bit per enum power_domain that a sensor of this class is counted in; 0: in none. */
u32 hwmon_domains(enum hwmon_class class);

/* Whether what it measures can't be known without being told. */
bool hwmon_is_open(enum hwmon_class class);

/* Whether @text as a whole is of the form @pattern; *@number is what # stands for, at most 9999. */
bool hwmon_match(const char *pattern, const char *text, u32 *number);
