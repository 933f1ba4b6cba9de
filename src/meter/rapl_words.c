// SPDX-License-Identifier: Apache-2.0
#include "meter/rapl_words.h"

#include <errno.h>

#include "meter/rapl_zone.h"

static const char denied_remedy[] =
	"run as root or grant CAP_DAC_READ_SEARCH (in a unit: "
	"AmbientCapabilities=CAP_DAC_READ_SEARCH); leave the files' mode alone: who may read them "
	"can learn secrets from power";

static const char hidden_remedy[] =
	"run on the host, or mount its /sys into the container and name it with --host.sysfs";

static u32 count_use(const struct rapl_scan *scan, enum rapl_use use)
{
	u32 count = 0;

	for (u32 i = 0; i < scan->count; i++)
		count += scan->found[i].use == use;
	return count;
}

static void note_hidden(const struct rapl_scan *scan, struct meter_report *report)
{
	struct meter_note *note;

	if (!scan->nameless)
		return;
	note = report_note(report, METER_PROBLEM, "hidden",
			   "%u RAPL zones are hidden, as container runtimes do", scan->nameless);
	report_remedy(note, "%s", hidden_remedy);
}

static void describe_none(struct meter_report *report, const struct rapl_scan *scan)
{
	struct meter_note *note;

	if (scan->error == -EACCES || scan->error == -EPERM) {
		report->none = METER_DENIED;
		report_found(report, "class/powercap may not be listed");
		note = report_note(report, METER_PROBLEM, "denied", "%s", report->found);
		report_remedy(note, "%s", denied_remedy);
	} else if (scan->nameless) {
		report_found(report, "the RAPL zones are hidden");
	} else {
		report_found(report,
			     "no RAPL zones in class/powercap: this is a virtual machine or "
			     "another kind of CPU, or the driver is missing (modprobe "
			     "intel_rapl_msr)");
	}
}

static void note_denied(struct meter_report *report, const struct rapl_summary *sum)
{
	struct meter_note *note;

	if (!sum->denied)
		return;
	note = report_note(report, METER_PROBLEM, "denied", "%u of %u zones may not be read",
			   sum->denied, sum->zones);
	report_remedy(note, "%s", denied_remedy);
}

static void note_left_out(struct meter_report *report, const struct rapl_scan *scan,
			  const struct rapl_summary *sum)
{
	u32 duplicates = count_use(scan, RAPL_DUPLICATE);
	u32 amd_cores = count_use(scan, RAPL_AMD_CORE);

	if (duplicates)
		report_note(report, METER_INFO, "duplicate",
			    "%u zones of intel-rapl-mmio show what intel-rapl shows: left out",
			    duplicates);
	if (sum->mirrors)
		report_note(report, METER_INFO, "mirror",
			    "%u zones move in step with another die of their socket, as one "
			    "counter shown twice does: left out",
			    sum->mirrors);
	if (amd_cores)
		report_note(report, METER_INFO, "amd-core",
			    "the core zones of powercap are one core's on this kind of CPU, not "
			    "the socket's: left out (rapl-perf adds up all cores)");
	rapl_note_psys(report, count_use(scan, RAPL_OTHER_PSYS));
	rapl_note_no_room(report, sum->no_room);
}

void rapl_describe(struct meter *meter, const struct rapl_scan *scan,
		   const struct rapl_summary *sum)
{
	struct meter_report *report = &meter->report;

	report_begin(report);
	note_hidden(scan, report);
	if (sum->zones == 0) {
		describe_none(report, scan);
		return;
	}
	rapl_describe_zones(meter);
	if (sum->lost)
		report_append(report, "; %u gone", sum->lost);
	note_denied(report, sum);
	note_left_out(report, scan, sum);
	if (sum->rounded_dram)
		report_note(report, METER_INFO, "dram-unit",
			    "dram reads 0.27 %% high: the kernel rounds the unit of this CPU's "
			    "counter, 15.26 uJ, to 15.3 uJ");
	rapl_filtering_note(sum->filtering, report);
}
