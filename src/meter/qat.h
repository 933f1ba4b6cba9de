// SPDX-License-Identifier: Apache-2.0
/*
 * Telemetry of Intel QuickAssist accelerators: how busy they are and how long requests take. No
 * energy: a value is shown as it is, and nothing is made of it.
 */
#pragma once

#include "base/sysroot.h"
#include "base/types.h"

#define QAT_DEVICES_MAX 32
#define QAT_DEVICE_VALUES_MAX 128
#define QAT_VALUES_MAX (QAT_DEVICES_MAX * 16)

/* One number of one device. */
struct qat_value {
	char device[24]; /* PCI address, "0000:6b:00.0" */
	char type[24];   /* "latency" (average, ns), else the driver's own name: "util_cpr0" (%) */
	double value;
};

struct qat;

/*
 * Looks for devices with telemetry under @root, which is not needed afterwards. Changes nothing
 * on the machine. Returns 0, also when there are none (*@out is then NULL), or -ENOMEM.
 */
int qat_open(const struct sysroot *root, struct qat **out);

/*
 * Switches telemetry on where it is off: the device then measures itself once a second. Needs root
 * (the files are root's to write), so call it before privileges are dropped. Returns the number of
 * devices that tell now, or the negative errno of the last that could not be switched on when there
 * are none.
 */
int qat_enable(struct qat *qat);

/*
 * Reads all devices that tell into @values and returns how many there are, at most @max; up to
 * QAT_DEVICE_VALUES_MAX of each device. What a device counts is that of its last second. Allocates
 * nothing.
 */
u32 qat_read(struct qat *qat, struct qat_value *values, u32 max);

/* How many devices there are; 0 for NULL. */
u32 qat_devices(const struct qat *qat);

/* Switches telemetry off again where qat_enable() switched it on. Takes NULL; returns NULL. */
struct qat *qat_close(struct qat *qat);

/*
 * The values in the text of a device_data file: lines of a name and its current number, perhaps
 * with minimum, maximum and average behind it. Lines of another form are passed over. Writes type
 * and value of at most @max and returns how many.
 */
u32 qat_parse(const char *text, struct qat_value *values, u32 max);
