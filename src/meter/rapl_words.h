// SPDX-License-Identifier: Apache-2.0
/*
 * What the powercap meter says of what it found.
 */
#pragma once

#include "meter/meter_ops.h"
#include "meter/rapl_filter.h"
#include "meter/rapl_scan.h"

struct rapl_summary {
	u32 zones;   /* that count */
	u32 denied;  /* of them: may not be read */
	u32 lost;    /* of them: gone */
	u32 mirrors; /* left out: they repeat another die's counter */
	u32 no_room;
	bool rounded_dram; /* the kernel's unit of dram is 15.3 uJ */
	enum rapl_filtering filtering;
};

/* Writes line and notes of @meter, whose slots know which zones are left out. */
void rapl_describe(struct meter *meter, const struct rapl_scan *scan,
		   const struct rapl_summary *sum);
