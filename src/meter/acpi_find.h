// SPDX-License-Identifier: Apache-2.0
/*
 * Finding ACPI's power meters (devices ACPI000D), and what each of them measures.
 */
#pragma once

#include "base/types.h"

#define ACPI_METERS_MAX 8
#define ACPI_MEASURED_MAX 16

struct acpi_found {
	char device[24]; /* "ACPI000D:00", or the hwmon chip where that is not known */
	u32 number;      /* 0 of "ACPI000D:00" */
	char dir[192];   /* where its attributes are, relative to sysfs */
	bool driver;     /* a driver shows power1_average */
	bool battery;    /* measures what a battery gives */
	char text[48];   /* power1_oem_info, else power1_model_number; "" none */
	u32 measured;
	char measures[ACPI_MEASURED_MAX][24]; /* devices that it measures, as its firmware says */
};

struct acpi_list {
	u32 count;
	struct acpi_found found[ACPI_METERS_MAX]; /* by device */
	u32 rails; /* meters of parts that say so (hwmon_class.h): for the meter hwmon */
};

/* Lists the meters under @sys_fd, without reading what they measure. */
void acpi_find(int sys_fd, struct acpi_list *list);

/*
 * Whether @part measures only what @whole measures too; of two that measure the same, the second is
 * the part. Firmware that says nothing of either leaves them apart. Pure.
 */
bool acpi_is_part(const struct acpi_found *part, const struct acpi_found *whole);

/*
 * "95.0%" of power1_accuracy as a relative error. What follows the dot are thousandths of a
 * percent, without leading zeros: "99.50%" is 99.050 %. Returns 0, or -EINVAL with *@error
 * untouched. Pure.
 */
int acpi_accuracy_parse(const char *text, double *error);
