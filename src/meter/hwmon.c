// SPDX-License-Identifier: Apache-2.0
/*
 * Power and energy sensors that the kernel's hwmon shows: of the CPU, of the board, of the power
 * supply; and the batteries of a laptop (hwmon_battery.h).
 *
 * Interface: <sys>/class/hwmon/hwmonN/{name,energyN_input,powerN_average,powerN_input,inN_input,
 * currN_input,*_label,*_enable} (Documentation/hwmon/sysfs-interface.rst); older drivers have them
 * in hwmonN/device. Units: uJ, uW, mV, mA.
 * Rate: from 1 ms (AMD's counters) to seconds (supplies); a read may take long (I2C, mailboxes of
 * the firmware), hence the thread. Power is integrated over the time between polls (flow.h).
 * Wrap: energy counters are extended by their drivers. Permission: none, but for amd_energy (0440).
 * Known lies: what a sensor feeds is often known to the board's maker only. A sensor counts when
 * its driver and label say what it measures (hwmon_chips.def) or the person does (hwmon.assign). Of
 * several drivers that measure one domain only the best counts, never their sum.
 *
 * Grace's meters are ACPI's by driver and are read here, because their text says what they measure;
 * the others of that driver are for the meter acpi.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "meter/hwmon_battery.h"
#include "meter/hwmon_table.h"
#include "meter/meter_ops.h"
#include "meter/sysfs_list.h"

#define NOBODY UINT32_MAX
#define RANK_BATTERY (UINT32_MAX - 1) /* the last resort for the platform */

/* A chip that fails for this many polls is not preferred to another any more. */
#define GIVE_UP_MISSES 10

/* What is looked for on a machine that has nothing to read is looked for once a minute. */
#define IDLE_NS (60 * NSEC_PER_SEC)

struct hwmon {
	struct hwmon_table table;
	struct batteries batteries;
	struct rescan rescan;
	const char *assign_error; /* or NULL */
	u32 chosen[DOMAIN_MAX];   /* rank of the chip that is believed */
	u32 handovers[DOMAIN_MAX];
};

/* Tells the sensors of each domain that count: those of the best chip that reads well. */
static void choose(struct hwmon *hwmon)
{
	u32 best[DOMAIN_MAX];

	for (u32 d = 0; d < DOMAIN_MAX; d++)
		best[d] = d == DOMAIN_PLATFORM && batteries_present(&hwmon->batteries)
				  ? RANK_BATTERY
				  : NOBODY;
	for (u32 i = 0; i < hwmon->table.sensors; i++) {
		const struct hwmon_sensor *sensor = &hwmon->table.sensor[i];
		u32 domains = hwmon_domains(sensor->verdict.class);

		if (!sensor->present || sensor->flow.missed >= GIVE_UP_MISSES)
			continue;
		for (u32 d = 0; d < DOMAIN_MAX; d++) {
			if (domains & 1U << d)
				best[d] = (u32)u64_min(best[d], sensor->verdict.rank);
		}
	}
	for (u32 d = 0; d < DOMAIN_MAX; d++) {
		if (best[d] == NOBODY || best[d] == hwmon->chosen[d])
			continue;
		/* What was used meanwhile was told by the other. */
		hwmon->handovers[d] += hwmon->chosen[d] != NOBODY;
		hwmon->chosen[d] = best[d];
	}
}

/* The zone of the sample with these labels, added when it is new; NULL when there is no room. */
static struct sample_zone *zone_in(struct meter_sample *sample, const struct meter_zone *zone)
{
	struct sample_zone *place;

	for (u32 i = 0; i < sample->zones; i++) {
		place = &sample->zone[i];
		if (place->zone.domain == zone->domain &&
		    strcmp(place->zone.package, zone->package) == 0 &&
		    strcmp(place->zone.name, zone->name) == 0)
			return place;
	}
	return sample_add(sample, zone);
}

/* Adds what @flow told to the zone; it reads well while one of its sensors does. */
static void add_flow(struct sample_zone *place, const struct flow *flow,
		     const struct meter_poll *when)
{
	bool first = !place->taken_ns;

	place->value_uj += flow_energy_uj(flow);
	place->epoch += flow_epoch(flow);
	if (first || flow->status == METER_OK)
		place->status = flow->status;
	place->taken_ns = when->now_ns;
}

static void name_zone(struct meter_zone *zone, const struct hwmon_sensor *sensor)
{
	const struct hwmon_fact *fact = sensor->verdict.fact;
	bool tells = strncmp(sensor->label, sensor->sensor, strlen(sensor->sensor)) == 0;

	if (fact && (fact->flags & HWMON_BY_CPU))
		snprintf(zone->name, sizeof(zone->name), "%.15s %.15s", sensor->chip_name,
			 fact->label);
	else if (tells || !sensor->label[0])
		snprintf(zone->name, sizeof(zone->name), "%.15s %.31s", sensor->chip_name,
			 tells ? sensor->label : sensor->sensor);
	else
		snprintf(zone->name, sizeof(zone->name), "%.15s %.11s %.19s", sensor->chip_name,
			 sensor->sensor, sensor->label);
	if (zone->domain == DOMAIN_PLATFORM)
		snprintf(zone->package, sizeof(zone->package), "%.10s-%u", sensor->chip_name,
			 sensor->ordinal % 1000);
	else
		snprintf(zone->package, sizeof(zone->package), "%u", sensor->socket);
}

static u32 add_sensor(struct hwmon *hwmon, const struct hwmon_sensor *sensor,
		      const struct meter_poll *when, struct meter_sample *sample)
{
	u32 domains = hwmon_domains(sensor->verdict.class), lost = 0;

	for (u32 d = 0; d < DOMAIN_MAX; d++) {
		struct meter_zone zone = { .domain = (enum power_domain)d,
					   .quality = QUALITY_MEASURED };
		struct sample_zone *place;

		if (!(domains & 1U << d) || sensor->verdict.rank != hwmon->chosen[d])
			continue;
		if (sensor->verdict.fact)
			zone.error_ratio = sensor->verdict.fact->error_ratio;
		name_zone(&zone, sensor);
		place = zone_in(sample, &zone);
		if (place)
			add_flow(place, &sensor->flow, when);
		lost += place == NULL;
	}
	return lost;
}

static void add_batteries(struct hwmon *hwmon, const struct meter_poll *when,
			  struct meter_sample *sample)
{
	if (hwmon->chosen[DOMAIN_PLATFORM] != RANK_BATTERY)
		return;
	for (u32 i = 0; i < hwmon->batteries.count; i++) {
		const struct battery *battery = &hwmon->batteries.battery[i];
		struct meter_zone zone = { .domain = DOMAIN_PLATFORM,
					   .quality = QUALITY_MEASURED,
					   .name = "battery" };
		struct sample_zone *place;

		snprintf(zone.package, sizeof(zone.package), "%.15s", battery->name);
		place = zone_in(sample, &zone);
		if (place)
			add_flow(place, &battery->flow, when);
	}
}

/* Returns how many zones found no room. */
static u32 fill(struct hwmon *hwmon, const struct meter_poll *when, struct meter_sample *sample)
{
	u32 lost = hwmon->table.no_room;

	for (u32 i = 0; i < hwmon->table.sensors; i++)
		lost += add_sensor(hwmon, &hwmon->table.sensor[i], when, sample);
	add_batteries(hwmon, when, sample);
	/* Where another chip was believed before, nothing may be subtracted from that. */
	for (u32 i = 0; i < sample->zones; i++)
		sample->zone[i].epoch += hwmon->handovers[sample->zone[i].zone.domain];
	return lost;
}

static void note_open(const struct hwmon_open *open, struct meter_report *report)
{
	struct meter_note *note;

	if (!open->count)
		return;
	note = report_note(report, METER_INFO, "unassigned",
			   "%u sensor%s not counted, what they measure is not known: %s",
			   open->count, open->count == 1 ? "" : "s", open->text);
	report_remedy(note,
		      "if you know, say so in hwmon.assign, e.g. --hwmon.assign='%s=platform'; "
		      "package, core, dram, platform or ignore",
		      open->example);
}

static void note_assignments(const struct hwmon *hwmon, struct meter_report *report)
{
	const struct hwmon_assign *assign = &hwmon->table.assign;

	if (hwmon->assign_error)
		report_note(report, METER_PROBLEM, "assign", "hwmon.assign is not used: %s",
			    hwmon->assign_error);
	for (u32 i = 0; i < assign->count; i++) {
		const struct hwmon_assignment *item = &assign->item[i];

		if (!hwmon->table.used[i])
			report_note(report, METER_WARNING, "assign",
				    "hwmon.assign names %s%s%s, and there is no such sensor",
				    item->chip, item->label[0] ? "/" : "", item->label);
	}
}

/* Chips that measure what another one is believed for. */
static void note_rivals(const struct hwmon *hwmon, struct meter_report *report)
{
	for (u32 i = 0; i < hwmon->table.sensors; i++) {
		const struct hwmon_sensor *sensor = &hwmon->table.sensor[i];
		u32 domains = hwmon_domains(sensor->verdict.class);

		for (u32 d = 0; d < DOMAIN_MAX && sensor->present; d++) {
			if ((domains & 1U << d) && sensor->verdict.rank != hwmon->chosen[d])
				report_note(report, METER_INFO, "duplicate",
					    "%s is left out for %s: another chip tells it",
					    sensor->chip_name, domain_name((enum power_domain)d));
		}
	}
}

static void note_sensors(const struct hwmon *hwmon, struct meter_report *report)
{
	u32 denied = 0;

	for (u32 i = 0; i < hwmon->table.sensors; i++) {
		const struct hwmon_sensor *sensor = &hwmon->table.sensor[i];

		denied += sensor->present && sensor->flow.status == METER_DENIED;
		if (sensor->present && sensor->verdict.fact && sensor->verdict.fact->remark)
			report_note(report, METER_INFO, "scope", "%s %s: %s", sensor->chip_name,
				    sensor->label, sensor->verdict.fact->remark);
	}
	if (hwmon->table.left_out)
		report_remedy(
			report_note(report, METER_INFO, "scope", "%s is not counted: %s",
				    hwmon->table.left_out_label, hwmon->table.left_out->remark),
			"where nothing else measures the machine: --hwmon.assign='%s/%s=platform'",
			hwmon->table.left_out->chip, hwmon->table.left_out_label);
	if (denied)
		report_remedy(report_note(report, METER_PROBLEM, "denied",
					  "%u sensor%s may not be read", denied,
					  denied == 1 ? "" : "s"),
			      "run as root or grant CAP_DAC_READ_SEARCH");
	if (batteries_present(&hwmon->batteries))
		report_note(report, METER_INFO, "battery",
			    "the battery measures the machine while nothing else feeds it");
}

/* "package x2, core x2" */
static void describe_zones(const struct meter_sample *sample, struct meter_report *report)
{
	u32 zones[DOMAIN_MAX] = { 0 };
	const char *comma = "";

	for (u32 i = 0; i < sample->zones; i++)
		zones[sample->zone[i].zone.domain]++;
	for (u32 d = 0; d < DOMAIN_MAX; d++) {
		if (!zones[d])
			continue;
		report_append(report, "%s%s x%u", comma, domain_name((enum power_domain)d),
			      zones[d]);
		comma = ", ";
	}
}

static void describe(const struct hwmon *hwmon, struct meter_sample *sample, u32 lost)
{
	struct meter_report *report = &sample->report;
	const struct hwmon_table *table = &hwmon->table;

	report_begin(report);
	if (table->error < 0 && table->error != -ENOENT) {
		report->none = meter_status_of_errno(table->error);
		report_found(report, "class/hwmon can't be listed: %s",
			     strerrordesc_np(-table->error));
	} else if (sample->zones) {
		describe_zones(sample, report);
	} else {
		report_found(report, "%u chips, none with a power sensor of known meaning",
			     table->chips.count);
	}
	note_assignments(hwmon, report);
	note_sensors(hwmon, report);
	note_rivals(hwmon, report);
	note_open(&table->open, report);
	if (lost)
		report_note(report, METER_WARNING, "too-many",
			    "%u sensors more than there is room for", lost);
}

static void hwmon_poll(void *priv, const struct meter_poll *when, struct meter_sample *sample)
{
	struct hwmon *hwmon = priv;
	u32 lost = hwmon_table_lost(&hwmon->table);

	if (rescan_due(&hwmon->rescan, when->now_ns, lost)) {
		hwmon_table_scan(&hwmon->table);
		batteries_scan(hwmon->table.sys_fd, &hwmon->batteries);
	}
	hwmon_table_read(&hwmon->table, when);
	batteries_read(hwmon->table.sys_fd, &hwmon->batteries, when->awake_ns);
	choose(hwmon);
	lost = fill(hwmon, when, sample);
	describe(hwmon, sample, lost);
	if (!sample->zones)
		sample->next_ns = when->now_ns + IDLE_NS;
}

static void hwmon_close(struct meter *meter)
{
	struct hwmon *hwmon = meter->priv;

	if (!hwmon)
		return;
	hwmon_table_deinit(&hwmon->table);
	if (hwmon->table.sys_fd >= 0)
		close(hwmon->table.sys_fd);
	free(hwmon);
	meter->priv = NULL;
}

static int find_any(void *arg, const char *name)
{
	return 1;
}

static int hwmon_open(struct meter *meter, const struct sysroot *root,
		      const struct meter_options *options)
{
	struct hwmon *hwmon;

	if (sysfs_list(root->sys_fd, "class/hwmon", find_any, NULL) != 1 &&
	    sysfs_list(root->sys_fd, "class/power_supply", find_any, NULL) != 1) {
		report_found(
			&meter->report,
			"no chips in class/hwmon: this is a virtual machine, or the drivers of "
			"its sensors are missing");
		return 0;
	}
	hwmon = calloc(1, sizeof(*hwmon));
	if (!hwmon)
		return -ENOMEM;
	meter->priv = hwmon;
	/* Of its own, so that the caller may close its root. */
	hwmon->table.sys_fd = fcntl(root->sys_fd, F_DUPFD_CLOEXEC, 0);
	for (u32 d = 0; d < DOMAIN_MAX; d++)
		hwmon->chosen[d] = NOBODY;
	if (hwmon_assign_parse(options->hwmon_assign, &hwmon->table.assign, &hwmon->assign_error) ==
	    0)
		hwmon->assign_error = NULL;
	report_found(&meter->report, "chips in class/hwmon, not read yet");
	return 0;
}

const struct meter_ops meter_hwmon = {
	.id = METER_HWMON,
	.name = "hwmon",
	.source = "hwmon",
	.description = "power and energy sensors of the board, the CPU and the battery (hwmon)",
	.open = hwmon_open,
	.poll = hwmon_poll,
	.close = hwmon_close,
};
