// SPDX-License-Identifier: Apache-2.0
/*
 * What may go wrong with a BMC, in words for people, and when it is asked again.
 */
#pragma once

#include "meter/redfish_read.h"
#include "meter/report.h"

enum redfish_fault {
	REDFISH_FINE,
	REDFISH_STOPPED,     /* the agent ends */
	REDFISH_UNREACHABLE, /* no name, no route, nobody listens, connection lost */
	REDFISH_TIMEOUT,
	REDFISH_CERTIFICATE,
	REDFISH_LOGIN,     /* 401, also with a new session */
	REDFISH_FORBIDDEN, /* 403 */
	REDFISH_MISSING,   /* 404 and the like: there is no such resource */
	REDFISH_BUSY,      /* 429, 503 */
	REDFISH_STATUS,    /* any other status */
	REDFISH_REDIRECT,  /* to another host */
	REDFISH_TOO_BIG,
	REDFISH_GARBAGE, /* not the JSON that it should be */
	REDFISH_NOTHING, /* there is no power in it */
	REDFISH_FAULTS,
};

/* The last thing that went wrong. */
struct redfish_trouble {
	enum redfish_fault fault;
	long status;       /* of HTTP; 0 none */
	u64 retry_after_s; /* what the BMC asks for; 0 nothing */
	struct redfish_path path;
	char text[128]; /* more of it, printable; "" nothing */
};

/* Whether it concerns one resource only, and others may be asked meanwhile. */
bool redfish_fault_is_local(enum redfish_fault fault);

/* What a zone reads that can't be read for this reason. */
enum meter_status redfish_fault_status(enum redfish_fault fault);

/* Adds the line and the note to @report. @origin: "https://bmc.example". */
void redfish_fault_describe(const struct redfish_trouble *trouble, const char *origin,
			    struct meter_report *report);

/*
 * How long to wait after the @failures-th failure in a row (from 1): twice as long each time, from
 * the interval or, for a refused account, which is locked after a few tries, from a minute; at most
 * 5 and 10 minutes, give or take a quarter by @random; and as long as the BMC asks for, up to 10
 * minutes.
 */
u64 redfish_fault_wait_ns(const struct redfish_trouble *trouble, u32 failures, u64 interval_ns,
			  u32 random);
