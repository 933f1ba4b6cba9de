// SPDX-License-Identifier: Apache-2.0
/*
 * The one command of DCMI (Data Center Manageability Interface 1.5, 6.6.1) that the agent needs:
 * Get Power Reading, in bytes. Pure; completion codes are those of IPMI 2.0, table 5-2.
 */
#pragma once

#include "base/types.h"

#define DCMI_NETFN 0x2c /* group extension; the first byte of the data names the group */
#define DCMI_GET_POWER_READING 0x02
#define DCMI_REQUEST_SIZE 4

/* What an answer is worth. */
enum dcmi_verdict {
	DCMI_POWER,       /* there is a reading */
	DCMI_INACTIVE,    /* the BMC measures, but not now */
	DCMI_IMPLAUSIBLE, /* a reading that can't be: 0 W of a machine that runs, or all ones */
	DCMI_BUSY,        /* passes: ask again soon */
	DCMI_UNSUPPORTED, /* this BMC has no DCMI power management */
	DCMI_DENIED,      /* it has, but not through this interface */
	DCMI_FAILED,      /* another error of the BMC */
	DCMI_GARBLED,     /* not an answer to this question */
};

struct dcmi_reply {
	enum dcmi_verdict verdict;
	u8 code; /* the completion code; 0xff where there is none */

	/* Valid for DCMI_POWER, DCMI_INACTIVE and DCMI_IMPLAUSIBLE. */
	u16 current_w, minimum_w, maximum_w, average_w;
	u32 timestamp_s; /* the BMC's clock, since 1970 */
	u32 period_ms;   /* that minimum, maximum and average are of */
	bool active;     /* the BMC says that it measures */
};

/* The data of the request: system power statistics. */
void dcmi_power_encode(u8 data[DCMI_REQUEST_SIZE]);

/* Decodes the data of an answer, completion code first. Any bytes will do. */
void dcmi_power_decode(const u8 *data, size_t len, struct dcmi_reply *reply);

/* A completion code in words that follow "the BMC": "is busy". */
const char *dcmi_code_text(u8 code);
