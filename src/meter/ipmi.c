// SPDX-License-Identifier: Apache-2.0
/*
 * The machine's own power as its BMC measures it, by IPMI with the DCMI extension.
 *
 * Interface: "Get Power Reading" of DCMI through the kernel's IPMI driver, <dev>/ipmi0 (also
 * ipmi/0, ipmidev/0); modules ipmi_si (or ipmi_ssif) and ipmi_devintf.
 * Unit: whole watts, 16 bits, at this moment; usually the input of the power supplies. A power, not
 * an energy: it is integrated here. The average that comes with it is of a period that the BMC
 * chooses, from a second to months, and cannot be asked for: it says nothing of the last seconds.
 * Update rate: about once a second in the BMC, which takes milliseconds to seconds to answer.
 * Permission: the device file is root's, 0600; nothing else is needed.
 * Known lies: 0 W or all ones from a BMC that is starting; OpenBMC tells true power and at the same
 * time that it does not measure (ipmi_dcmi.c); BMCs that refuse "Get DCMI Capabilities" but answer
 * this command, so the former is not asked.
 *
 * The device is opened for each question, as ipmitool does: an open file would keep the driver from
 * being unloaded, and what is answered too late goes with the file.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "meter/gauge.h"
#include "meter/ipmi_dcmi.h"
#include "meter/ipmi_link.h"
#include "meter/meter_ops.h"

#define PERIOD_NS (5 * NSEC_PER_SEC)
/* The poll belongs to a tick: a little less than the period, or it would come a tick later. */
#define EARLY_NS (NSEC_PER_SEC / 10)
#define RETRY_NS NSEC_PER_SEC            /* after the first failure; doubles with each */
#define RETRY_MAX_NS (60 * NSEC_PER_SEC) /* a BMC takes minutes to restart */
#define GIVEN_UP_NS (600 * NSEC_PER_SEC) /* new firmware may know what the old did not */
#define PERIOD_MAX_NS (120 * NSEC_PER_SEC)
#define GAP_PERIODS 3

#define ANSWER_MAX 272 /* IPMI_MAX_MSG_LENGTH */

struct ipmi {
	int dev_fd;
	char name[12]; /* of the device file */
	long asked;
	struct gauge gauge;
	bool known;    /* there has been a reading */
	u32 failures;  /* since the last reading */
	u64 period_ns; /* between two polls that went well */
};

/* What one poll came to. */
struct outcome {
	int error;               /* negative errno when there was no answer, else 0 */
	struct dcmi_reply reply; /* valid without error */
};

static int ask(struct ipmi *ipmi, const struct slow_stop *stop, struct dcmi_reply *reply)
{
	u8 question[DCMI_REQUEST_SIZE], answer[ANSWER_MAX];
	struct ipmi_request request = {
		.id = ++ipmi->asked,
		.netfn = DCMI_NETFN,
		.cmd = DCMI_GET_POWER_READING,
		.len = sizeof(question),
		.data = question,
	};
	const char *name = ipmi_link_find(ipmi->dev_fd);
	_cleanup_close_ int fd = -1;
	ssize_t len;

	if (!name)
		return -ENOENT;
	snprintf(ipmi->name, sizeof(ipmi->name), "%s", name);
	fd = openat(ipmi->dev_fd, name, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	dcmi_power_encode(question);
	len = ipmi_link_ask(fd, &request, stop, answer, sizeof(answer));
	if (len < 0)
		return (int)len;
	dcmi_power_decode(answer, (size_t)len, reply);
	return 0;
}

static enum meter_status status_of(const struct outcome *out)
{
	if (out->error)
		return meter_status_of_errno(out->error);
	switch (out->reply.verdict) {
	case DCMI_POWER:
		return METER_OK;
	case DCMI_INACTIVE:
	case DCMI_IMPLAUSIBLE:
	case DCMI_UNSUPPORTED:
		return METER_ABSENT;
	case DCMI_DENIED:
		return METER_DENIED;
	default:
		return METER_ERROR;
	}
}

/*
 * How long to leave the BMC alone. One that has told a power before will do so again, whatever it
 * says meanwhile: its firmware restarts.
 */
static u64 pause_ns(const struct ipmi *ipmi, const struct outcome *out)
{
	enum meter_status status = status_of(out);
	u32 doublings = ipmi->failures < 10 ? ipmi->failures : 10;

	if (status == METER_OK || (out->error && status == METER_ABSENT && ipmi->known))
		return PERIOD_NS - EARLY_NS;
	if (!out->error && !ipmi->known &&
	    (out->reply.verdict == DCMI_UNSUPPORTED || out->reply.verdict == DCMI_DENIED))
		return GIVEN_UP_NS;
	if (out->error && status != METER_ERROR)
		return RETRY_MAX_NS;
	return u64_min(RETRY_NS << doublings, RETRY_MAX_NS);
}

/*
 * Polls are as far apart as ticks where those are slower than the BMC; what is longer than usual is
 * a gap.
 */
static void take_power(struct ipmi *ipmi, u16 power_w, const struct meter_poll *when)
{
	u64 passed_ns = when->awake_ns - ipmi->gauge.awake_ns;

	ipmi->gauge.gap_ns = GAP_PERIODS * ipmi->period_ns;
	gauge_take(&ipmi->gauge, power_w * UJ_PER_J, when->awake_ns);
	if (ipmi->known && !ipmi->failures)
		ipmi->period_ns = u64_min(u64_max(passed_ns, PERIOD_NS), PERIOD_MAX_NS);
	ipmi->known = true;
	ipmi->failures = 0;
}

static void tell_no_answer(const struct ipmi *ipmi, int error, struct meter_report *report)
{
	struct meter_note *note;

	switch (meter_status_of_errno(error)) {
	case METER_ABSENT:
		report_found(report, "the machine has a BMC, but there is no /dev/%s", ipmi->name);
		note = report_note(report, METER_WARNING, "no-driver",
				   "there is no device file of the BMC: /dev/%s", ipmi->name);
		report_remedy(note, "modprobe -a ipmi_si ipmi_devintf; a container also needs "
				    "--device /dev/ipmi0");
		return;
	case METER_DENIED:
		report_found(report, "/dev/%s may not be used: %s", ipmi->name, strerror(-error));
		note = report_note(report, METER_PROBLEM, "denied", "/dev/%s may not be used",
				   ipmi->name);
		report_remedy(note,
			      "run as root, or let the user of the agent read and write /dev/%s",
			      ipmi->name);
		return;
	default:
		report_found(report, "the BMC gives no answer (/dev/%s: %s)", ipmi->name,
			     strerror(-error));
		note = report_note(report, METER_WARNING, "no-answer",
				   "the BMC gives no answer through /dev/%s", ipmi->name);
		report_remedy(note, "ask it yourself: ipmitool mc info; restart it: ipmitool mc "
				    "reset cold");
	}
}

static void tell_verdict(const struct outcome *out, struct meter_report *report)
{
	const struct dcmi_reply *reply = &out->reply;
	const char *text = dcmi_code_text(reply->code);
	struct meter_note *note;

	switch (reply->verdict) {
	case DCMI_UNSUPPORTED:
		report_found(report, "the BMC tells no power by DCMI: it %s (0x%02x)", text,
			     reply->code);
		note = report_note(report, METER_INFO, "no-dcmi", "the BMC tells no power by DCMI");
		report_remedy(note, "if it has Redfish, set redfish.credentials-file");
		return;
	case DCMI_DENIED:
		report_found(report, "the BMC %s (0x%02x)", text, reply->code);
		note = report_note(report, METER_PROBLEM, "denied", "the BMC %s", text);
		report_remedy(note, "allow DCMI over the system interface (KCS) in its settings");
		return;
	case DCMI_INACTIVE:
		report_found(report, "the BMC does not measure power at present");
		note = report_note(report, METER_WARNING, "inactive",
				   "the BMC says that its power measurement is not active");
		report_remedy(note, "switch power monitoring on in its settings");
		return;
	case DCMI_IMPLAUSIBLE:
		report_found(report, "the BMC tells %u W, which can't be", reply->current_w);
		report_note(report, METER_WARNING, "implausible",
			    "the BMC tells %u W of a machine that runs: not used",
			    reply->current_w);
		return;
	case DCMI_GARBLED:
		report_found(report, "the BMC's answer is not one to Get Power Reading");
		report_note(report, METER_WARNING, "garbled", "the BMC's answers are garbled");
		return;
	default:
		report_found(report, "the BMC %s (0x%02x)", text, reply->code);
		report_note(report, METER_WARNING, "bmc-error", "the BMC %s", text);
	}
}

static void tell(const struct ipmi *ipmi, const struct outcome *out, struct meter_report *report)
{
	report->none = status_of(out);
	if (out->error) {
		tell_no_answer(ipmi, out->error, report);
		return;
	}
	if (out->reply.verdict != DCMI_POWER) {
		tell_verdict(out, report);
		return;
	}
	report_found(report, "the BMC's own reading of the machine (DCMI, /dev/%s), every %llu s",
		     ipmi->name, (unsigned long long)(ipmi->period_ns / NSEC_PER_SEC));
	if (!out->reply.active)
		report_note(report, METER_INFO, "inactive",
			    "the BMC tells a power and that it does not measure, as OpenBMC does: "
			    "the power is used");
}

/* There is no zone before the first reading: a BMC without power is no failed sensor. */
static void tell_zone(const struct ipmi *ipmi, const struct outcome *out, u64 now_ns,
		      struct meter_sample *sample)
{
	const struct meter_zone zone = {
		.domain = DOMAIN_PLATFORM,
		.quality = QUALITY_MEASURED,
		.package = "dcmi",
		.name = "dcmi system power",
		.period_ns = ipmi->period_ns,
	};
	struct sample_zone *told = ipmi->known ? sample_add(sample, &zone) : NULL;

	if (!told)
		return;
	told->status = status_of(out);
	told->value_uj = ipmi->gauge.energy_uj;
	told->taken_ns = now_ns;
	told->epoch = ipmi->gauge.epoch;
}

static void ipmi_poll(void *priv, const struct meter_poll *when, struct meter_sample *sample)
{
	struct ipmi *ipmi = priv;
	struct outcome out = { 0 };

	report_begin(&sample->report);
	out.error = ask(ipmi, when->stop, &out.reply);
	sample->next_ns = when->now_ns + pause_ns(ipmi, &out);
	if (status_of(&out) == METER_OK)
		take_power(ipmi, out.reply.current_w, when);
	else
		ipmi->failures++;
	tell(ipmi, &out, &sample->report);
	tell_zone(ipmi, &out, when->now_ns, sample);
}

/* Whether the firmware tells of a BMC, for whose driver it is then worth waiting. */
static bool has_bmc(int sys_fd)
{
	static const char *const signs[] = {
		"bus/acpi/devices/IPI0001:00",
		"bus/platform/devices/dmi-ipmi-si.0",
		"bus/platform/devices/dmi-ipmi-ssif.0",
	};

	for (size_t i = 0; i < ARRAY_SIZE(signs); i++) {
		if (faccessat(sys_fd, signs[i], F_OK, 0) == 0)
			return true;
	}
	return false;
}

static void ipmi_close(struct meter *meter)
{
	struct ipmi *ipmi = meter->priv;

	if (!ipmi)
		return;
	if (ipmi->dev_fd >= 0)
		close(ipmi->dev_fd);
	free(ipmi);
	meter->priv = NULL;
}

static int ipmi_open(struct meter *meter, const struct sysroot *root,
		     const struct meter_options *options)
{
	const char *name = ipmi_link_find(root->dev_fd);
	struct ipmi *ipmi;

	if (!name && !has_bmc(root->sys_fd)) {
		report_found(&meter->report,
			     "no BMC device (/dev/ipmi0): there is no BMC, or its driver is not "
			     "loaded: modprobe -a ipmi_si ipmi_devintf");
		return 0;
	}
	ipmi = calloc(1, sizeof(*ipmi));
	if (!ipmi)
		return -ENOMEM;
	meter->priv = ipmi;
	/* Of its own, so that the caller may close its root. */
	ipmi->dev_fd = fcntl(root->dev_fd, F_DUPFD_CLOEXEC, 0);
	ipmi->period_ns = PERIOD_NS;
	ipmi->gauge.kind = GAUGE_INSTANT;
	snprintf(ipmi->name, sizeof(ipmi->name), "%s", name ? name : "ipmi0");
	report_found(&meter->report, "asking the BMC (/dev/%s)", ipmi->name);
	return 0;
}

const struct meter_ops meter_ipmi = {
	.id = METER_IPMI,
	.name = "ipmi",
	.source = "ipmi",
	.description = "power of the machine from its BMC by IPMI (DCMI)",
	.open = ipmi_open,
	.poll = ipmi_poll,
	.close = ipmi_close,
};
