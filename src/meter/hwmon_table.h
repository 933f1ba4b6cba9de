// SPDX-License-Identifier: Apache-2.0
/*
 * The chips of class/hwmon and those of their sensors that count, over time: they come, go and
 * return under other numbers, and are the same sensors then.
 */
#pragma once

#include "meter/flow.h"
#include "meter/hwmon_class.h"
#include "meter/hwmon_scan.h"
#include "meter/meter_ops.h"

#define HWMON_SENSORS_MAX 512

/* A sensor that is counted in a domain. */
struct hwmon_sensor {
	struct flow flow;
	struct hwmon_verdict verdict;
	bool present;
	u32 chip;   /* index in the table's chips */
	u32 socket; /* number in its label, socket of its CPU, or the chip's ordinal */
	enum hwmon_tier tier;
	u32 index, current;
	char chip_name[32];
	u32 ordinal; /* of the chip among those of its name */
	char sensor[24];
	char label[48];
};

struct hwmon_place {
	struct hwmon_chip chip;
	bool present;
	u32 ordinal; /* the same as long as it is present, whatever comes and goes beside it */
	int dir_fd;  /* where its attributes are, or -1; dies with the device */
};

/* Sensors of which nobody knows what they measure. */
struct hwmon_open {
	u32 count;
	char text[160];   /* "ina219 1-0040: power1; ..." */
	char example[80]; /* the first of them as in hwmon.assign, without =DOMAIN */
};

struct hwmon_table {
	int sys_fd;
	struct hwmon_assign assign;
	bool used[HWMON_ASSIGN_MAX]; /* the assignment fits something, ever */
	struct hwmon_open open;
	const struct hwmon_fact *left_out; /* one that is not counted for its remark, or NULL */
	char left_out_label[48];
	u32 sensors;
	u32 no_room;
	int error; /* of the last scan: 0, or why class/hwmon could not be listed */
	struct hwmon_sensor sensor[HWMON_SENSORS_MAX];
	u32 places;
	struct hwmon_place place[HWMON_CHIPS_MAX];
	struct hwmon_chips chips;       /* scratch of the scan */
	struct hwmon_channels channels; /* likewise */
};

/* Looks which chips and sensors there are. */
void hwmon_table_scan(struct hwmon_table *table);

/* Reads every sensor; ends early when the poll is to stop. */
void hwmon_table_read(struct hwmon_table *table, const struct meter_poll *when);

/* How many of the sensors that were there once are not. */
u32 hwmon_table_lost(const struct hwmon_table *table);

/* Releases what the table holds, but not its memory. */
void hwmon_table_deinit(struct hwmon_table *table);
