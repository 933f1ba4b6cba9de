// SPDX-License-Identifier: Apache-2.0
/*
 * Where a BMC tells the power of its machine: for each chassis the best of what it has, and of
 * chassis that are inside of one another the outer one only; but of a blade or sled, not of the
 * enclosure that it shares with others.
 */
#pragma once

#include "meter/redfish_bmc.h"

/* In the order in which they are preferred. */
enum redfish_kind {
	REDFISH_ENVIRONMENT, /* Chassis/.../EnvironmentMetrics: the chassis as a whole */
	REDFISH_SUPPLIES, /* PowerSubsystem/PowerSupplies/.../Metrics: the input of each supply */
	REDFISH_CONTROL,  /* Power, PowerControl: the classic one */
	REDFISH_INPUTS,   /* Power, PowerSupplies: the input of each supply */
	REDFISH_KINDS,
};

/* What is read to know the power of one chassis. */
struct redfish_source {
	char id[48]; /* of the chassis */
	enum redfish_kind kind;
	bool shared; /* it holds several computers */
	struct redfish_list documents;
	struct redfish_value value; /* as last read */
	u64 taken_ns, awake_ns;     /* when: boot clock, monotonic clock */
};

struct redfish_plan {
	u32 sources;
	struct redfish_source source[REDFISH_MEMBERS_MAX];
	u32 chassis;       /* how many the BMC has */
	u32 unread;        /* of these, beyond the limit */
	char inside[120];  /* ids of chassis that are inside of one that counts, or around it */
	char without[120]; /* ids of chassis that tell no power */
	struct redfish_trouble hidden; /* the first fault that may have hidden a source */
};

/*
 * Looks through the chassis of @bmc, or only at that with the id @only ("" all). Fails when none
 * tells its power, and when the BMC does not answer; @plan is of use on success only.
 */
enum redfish_fault redfish_find(struct redfish_bmc *bmc, const char *only,
				struct redfish_plan *plan);

/* Reads the documents of @source into its value. */
enum redfish_fault redfish_measure(struct redfish_bmc *bmc, struct redfish_source *source);

/* "EnvironmentMetrics", "PowerSubsystem/PowerSupplies", "PowerControl", "PowerSupplies". */
const char *redfish_kind_name(enum redfish_kind kind);
