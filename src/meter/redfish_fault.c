// SPDX-License-Identifier: Apache-2.0
#include "meter/redfish_fault.h"

#include <stdio.h>

#define MINUTE_NS (60 * NSEC_PER_SEC)
#define WAIT_MAX_NS (5 * MINUTE_NS)
#define DENIED_MIN_NS MINUTE_NS
#define DENIED_MAX_NS (10 * MINUTE_NS)
#define RETRY_AFTER_MAX_NS (10 * MINUTE_NS)

struct kind {
	const char *code;
	enum meter_status status;
	const char *what;
	const char *remedy;
};

static const struct kind kinds[REDFISH_FAULTS] = {
	[REDFISH_FINE] = { "", METER_OK, "", "" },
	[REDFISH_STOPPED] = { "stopped", METER_STALE, "interrupted", "" },
	[REDFISH_UNREACHABLE] = { "unreachable", METER_ERROR, "cannot be reached",
				  "check redfish.url, the network and the BMC: curl -k URL/redfish/v1/" },
	[REDFISH_TIMEOUT] = { "timeout", METER_ERROR, "does not answer in time",
			      "check the network and the BMC; a BMC that hangs wants a reset" },
	[REDFISH_CERTIFICATE] = { "certificate", METER_ERROR,
				  "has a certificate that does not hold",
				  "name the PEM file of its issuer in redfish.ca-file and use the "
				  "host name or address in the certificate; redfish.insecure: true "
				  "goes without" },
	[REDFISH_LOGIN] = { "login", METER_DENIED, "refuses the user or the password",
			    "correct the credentials file, and restart; the account may be locked for "
			    "some minutes now" },
	[REDFISH_FORBIDDEN] = { "forbidden", METER_DENIED, "does not let this account read",
				"give the account the role ReadOnly on the BMC (privilege Login), and "
				"set its first password" },
	[REDFISH_MISSING] = { "missing", METER_ERROR, "does not have a resource",
			      "check that redfish.url is a BMC with Redfish; updated firmware may "
			      "have it" },
	[REDFISH_BUSY] = { "busy", METER_STALE, "asks to be left alone",
			   "a longer redfish.interval, if it goes on" },
	[REDFISH_STATUS] = { "status", METER_ERROR, "answers with an error",
			     "look at the BMC's own log; a reset of the BMC often helps" },
	[REDFISH_REDIRECT] = { "redirect", METER_ERROR, "sends to another host",
			       "write the address that it names into redfish.url, if you trust it" },
	[REDFISH_TOO_BIG] = { "too-big", METER_ERROR, "answers with more than 1 MiB",
			      "check that redfish.url is a BMC" },
	[REDFISH_GARBAGE] = { "garbage", METER_ERROR, "answers with something that is not Redfish",
			      "check that redfish.url is a BMC with Redfish" },
	[REDFISH_NOTHING] = { "no-power", METER_ABSENT, "tells no power",
			      "updated firmware, or a licence of its vendor, may be wanted for it" },
};

bool redfish_fault_is_local(enum redfish_fault fault)
{
	return fault == REDFISH_FORBIDDEN || fault == REDFISH_MISSING || fault == REDFISH_STATUS ||
	       fault == REDFISH_REDIRECT || fault == REDFISH_TOO_BIG || fault == REDFISH_GARBAGE ||
	       fault == REDFISH_NOTHING;
}

enum meter_status redfish_fault_status(enum redfish_fault fault)
{
	return kinds[fault].status;
}

void redfish_fault_describe(const struct redfish_trouble *trouble, const char *origin,
			    struct meter_report *report)
{
	const struct kind *kind = &kinds[trouble->fault];
	char status[24] = "";
	struct meter_note *note;

	if (trouble->status)
		snprintf(status, sizeof(status), " (HTTP %ld)", trouble->status);
	report->none = kind->status;
	report_found(report, "%s %s%s", origin, kind->what, status);
	if (trouble->text[0])
		report_append(report, ": %s", trouble->text);
	note = report_note(report, METER_PROBLEM, kind->code, "%.60s%s %s%s%s%s", origin,
			   trouble->path.text, kind->what, status, trouble->text[0] ? ": " : "",
			   trouble->text);
	report_remedy(note, "%s", kind->remedy);
}

u64 redfish_fault_wait_ns(const struct redfish_trouble *trouble, u32 failures, u64 interval_ns,
			  u32 random)
{
	bool denied = redfish_fault_status(trouble->fault) == METER_DENIED;
	u64 most_ns = u64_max(denied ? DENIED_MAX_NS : WAIT_MAX_NS, interval_ns);
	u64 wait_ns = denied ? u64_max(interval_ns, DENIED_MIN_NS) : interval_ns;
	u64 asked_ns =
		u64_min(trouble->retry_after_s, RETRY_AFTER_MAX_NS / NSEC_PER_SEC) * NSEC_PER_SEC;

	for (u32 i = 1; i < failures && wait_ns < most_ns; i++)
		wait_ns *= 2;
	wait_ns = u64_min(wait_ns, most_ns);
	/* between 3/4 and 5/4 of it */
	wait_ns = wait_ns / 4 * 3 + (wait_ns / 2 / UINT16_MAX) * (random & UINT16_MAX);
	return u64_max(wait_ns, asked_ns);
}
