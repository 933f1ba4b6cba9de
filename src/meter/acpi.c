// SPDX-License-Identifier: Apache-2.0
/*
 * ACPI's power meter: the firmware says what the machine draws.
 *
 * Interface: devices ACPI000D, driver acpi_power_meter: power1_average and beside it
 * power1_average_interval, power1_accuracy, power1_is_battery, power1_oem_info, measures/
 * (Documentation/hwmon/acpi_power_meter.rst, ACPI specification 6.5, 10.4). The directory is the
 * device's: <sys>/class/hwmon/hwmonN/device; up to Linux 6.1 at least, even the name is only there.
 * Unit: uW, of a firmware that counts in mW. Rate: the average of an interval (usually 1 s) that
 * can be set; it is not read more often. Permission: none. Known lies: 4294967295 mW is the
 * firmware's "unknown"; the driver repeats the last value when the firmware fails; on NVIDIA Grace
 * each rail is a meter (read by the meter hwmon, not here); several meters may measure the same
 * (measures/ tells).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/sysroot.h"
#include "meter/acpi_find.h"
#include "meter/flow.h"
#include "meter/meter_ops.h"
#include "meter/sysfs_list.h"

#define UNKNOWN_UW (0xFFFFFFFFULL * 1000)
#define INTERVAL_MAX_NS (300 * NSEC_PER_SEC)
#define IDLE_NS (60 * NSEC_PER_SEC)

/* Ticks are not exact: a poll that comes this part of the interval early is in time. */
#define EARLY_PART 20

struct acpi_meter {
	struct acpi_found found;
	bool present;
	bool counts;
	u64 interval_ns;
	double error_ratio;
	struct flow flow;
	u64 next_ns; /* not to be read before */
	u64 taken_ns;
};

struct acpi {
	int sys_fd;
	struct rescan rescan;
	struct acpi_list list;
	u32 meters;
	struct acpi_meter meter[ACPI_METERS_MAX];
};

static ssize_t read_text(const struct acpi *acpi, const struct acpi_meter *m, const char *what,
			 char text[32])
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", m->found.dir, what);
	return sysfs_read_name(acpi->sys_fd, path, text, 32);
}

static struct acpi_meter *meter_of(struct acpi *acpi, const struct acpi_found *found)
{
	struct acpi_meter *m;

	for (u32 i = 0; i < acpi->meters; i++) {
		if (strcmp(acpi->meter[i].found.device, found->device) == 0)
			return &acpi->meter[i];
	}
	if (acpi->meters == ACPI_METERS_MAX)
		return NULL;
	m = &acpi->meter[acpi->meters++];
	m->flow.gauge.kind = GAUGE_AVERAGE;
	return m;
}

/* How it measures: may have been changed by somebody since. */
static void read_manner(const struct acpi *acpi, struct acpi_meter *m)
{
	char text[32];
	u64 interval_ms = 0;

	if (read_text(acpi, m, "power1_average_interval", text) > 0)
		sysroot_parse_u64(text, &interval_ms);
	m->interval_ns = u64_min(interval_ms, INTERVAL_MAX_NS / NSEC_PER_MSEC) * NSEC_PER_MSEC;
	m->flow.gauge.gap_ns = u64_max(FLOW_GAP_NS, 3 * m->interval_ns);
	m->error_ratio = 0;
	/* 0 % is what firmware says that does not know. */
	if (read_text(acpi, m, "power1_accuracy", text) > 0 &&
	    (acpi_accuracy_parse(text, &m->error_ratio) < 0 || m->error_ratio >= 1))
		m->error_ratio = 0;
}

static bool is_counted(const struct acpi_list *list, const struct acpi_found *found)
{
	if (!found->driver || found->battery)
		return false;
	for (u32 i = 0; i < list->count; i++) {
		const struct acpi_found *other = &list->found[i];

		if (other != found && other->driver && !other->battery &&
		    acpi_is_part(found, other))
			return false;
	}
	return true;
}

static void look(struct acpi *acpi)
{
	acpi_find(acpi->sys_fd, &acpi->list);
	for (u32 i = 0; i < acpi->meters; i++)
		acpi->meter[i].present = false;
	for (u32 i = 0; i < acpi->list.count; i++) {
		const struct acpi_found *found = &acpi->list.found[i];
		struct acpi_meter *m = meter_of(acpi, found);
		bool counts = is_counted(&acpi->list, found);

		if (!m)
			continue;
		m->found = *found;
		m->present = true;
		if (counts != m->counts)
			flow_stop(&m->flow, METER_ABSENT);
		m->counts = counts;
		if (counts)
			read_manner(acpi, m);
	}
	for (u32 i = 0; i < acpi->meters; i++) {
		if (!acpi->meter[i].present)
			flow_stop(&acpi->meter[i].flow, METER_ABSENT);
	}
}

static void read_power(const struct acpi *acpi, struct acpi_meter *m, const struct meter_poll *when)
{
	char text[32];
	ssize_t len = read_text(acpi, m, "power1_average", text);
	u64 power_uw;
	int r = len < 0 ? (int)len : sysroot_parse_u64(text, &power_uw);

	m->taken_ns = when->now_ns;
	m->next_ns = when->now_ns + m->interval_ns - m->interval_ns / EARLY_PART;
	if (r == 0 && power_uw >= UNKNOWN_UW)
		r = -ENODATA;
	if (r < 0)
		flow_miss(&m->flow, meter_status_of_errno(r));
	else
		flow_take_power(&m->flow, power_uw, when->awake_ns);
}

static void fill(const struct acpi_meter *m, struct meter_sample *sample)
{
	struct meter_zone zone = {
		.domain = DOMAIN_PLATFORM,
		.quality = QUALITY_MEASURED,
		.period_ns = m->interval_ns,
		.error_ratio = m->error_ratio,
	};
	struct sample_zone *place;

	snprintf(zone.package, sizeof(zone.package), "acpi%u", m->found.number % 1000);
	snprintf(zone.name, sizeof(zone.name), "%s", m->found.device);
	place = sample_add(sample, &zone);
	if (!place)
		return;
	place->status = m->flow.status;
	place->value_uj = flow_energy_uj(&m->flow);
	place->epoch = flow_epoch(&m->flow);
	place->taken_ns = m->taken_ns;
}

static void note_left_out(const struct acpi *acpi, struct meter_report *report)
{
	for (u32 i = 0; i < acpi->list.count; i++) {
		const struct acpi_found *found = &acpi->list.found[i];

		if (!found->driver)
			report_remedy(
				report_note(report, METER_WARNING, "driver",
					    "the firmware has the power meter %s, and no driver "
					    "shows it",
					    found->device),
				"modprobe acpi_power_meter");
		else if (found->battery)
			report_note(report, METER_INFO, "battery",
				    "%s measures a battery: not counted", found->device);
		else if (!is_counted(&acpi->list, found))
			report_note(report, METER_INFO, "duplicate",
				    "%s measures what another meter measures too: not counted",
				    found->device);
	}
	if (acpi->list.rails)
		report_note(report, METER_INFO, "rails",
			    "%u meters of rails: read by the meter hwmon", acpi->list.rails);
}

static void describe(const struct acpi *acpi, struct meter_sample *sample)
{
	struct meter_report *report = &sample->report;

	report_begin(report);
	if (!sample->zones)
		report_found(report, "no ACPI power meter of the machine");
	for (u32 i = 0; i < acpi->meters; i++) {
		const struct acpi_meter *m = &acpi->meter[i];

		if (!m->counts)
			continue;
		report_append(report, "%s%s%s%s", report->found[0] ? ", " : "", m->found.device,
			      m->found.text[0] ? " " : "", m->found.text);
		report_append(report, ", average of %.1f s",
			      (double)m->interval_ns / (double)NSEC_PER_SEC);
	}
	note_left_out(acpi, report);
	if (sample->zones > 1)
		report_note(
			report, METER_WARNING, "several",
			"%u meters are added: their firmware does not say that one contains another",
			sample->zones);
}

static void acpi_poll(void *priv, const struct meter_poll *when, struct meter_sample *sample)
{
	struct acpi *acpi = priv;
	u64 next_ns = UINT64_MAX;
	u32 lost = 0;

	for (u32 i = 0; i < acpi->meters; i++)
		lost += acpi->meter[i].counts && acpi->meter[i].flow.status == METER_ABSENT;
	if (rescan_due(&acpi->rescan, when->now_ns, lost))
		look(acpi);
	for (u32 i = 0; i < acpi->meters && !slow_stopping(when->stop); i++) {
		struct acpi_meter *m = &acpi->meter[i];

		if (!m->counts)
			continue;
		if (m->present && when->now_ns >= m->next_ns)
			read_power(acpi, m, when);
		fill(m, sample);
		next_ns = u64_min(next_ns, m->next_ns);
	}
	describe(acpi, sample);
	sample->next_ns = sample->zones ? next_ns : when->now_ns + IDLE_NS;
}

static void acpi_close(struct meter *meter)
{
	struct acpi *acpi = meter->priv;

	if (!acpi)
		return;
	if (acpi->sys_fd >= 0)
		close(acpi->sys_fd);
	free(acpi);
	meter->priv = NULL;
}

static int acpi_open(struct meter *meter, const struct sysroot *root,
		     const struct meter_options *options)
{
	struct acpi *acpi = calloc(1, sizeof(*acpi));

	if (!acpi)
		return -ENOMEM;
	acpi_find(root->sys_fd, &acpi->list);
	if (acpi->list.count == 0) {
		report_found(&meter->report,
			     acpi->list.rails ? "%s; the meter hwmon reads those of its rails"
					      : "%s",
			     "the firmware has no power meter of the machine (ACPI000D)");
		free(acpi);
		return 0;
	}
	/* Of its own, so that the caller may close its root. */
	acpi->sys_fd = fcntl(root->sys_fd, F_DUPFD_CLOEXEC, 0);
	meter->priv = acpi;
	report_found(&meter->report, "%s, not read yet", acpi->list.found[0].device);
	return 0;
}

const struct meter_ops meter_acpi = {
	.id = METER_ACPI,
	.name = "acpi",
	.source = "acpi",
	.description = "power meter of the machine by its firmware (ACPI)",
	.open = acpi_open,
	.poll = acpi_poll,
	.close = acpi_close,
};
