// SPDX-License-Identifier: Apache-2.0
#include "meter/rapl_zone.h"

#include <stdio.h>
#include <string.h>

#include "meter/cpu_model.h"

struct meter_zone rapl_zone_at(enum power_domain domain, const char *counter,
			       const struct cpu_place *place)
{
	struct meter_zone zone = { .domain = domain, .quality = QUALITY_MEASURED };
	char die[24] = "";

	if (domain == DOMAIN_PLATFORM) {
		snprintf(zone.package, sizeof(zone.package), "psys");
		snprintf(zone.name, sizeof(zone.name), "%s", counter);
		return zone;
	}
	if (place->die)
		snprintf(die, sizeof(die), "-die-%u", place->die);
	snprintf(zone.package, sizeof(zone.package), "%u", place->package);
	snprintf(zone.name, sizeof(zone.name), "%s package-%u%s", counter, place->package, die);
	return zone;
}

bool rapl_is_amd(const struct sysroot *root)
{
	struct cpu_id id;

	if (cpu_id_read(root, &id) < 0)
		return false;
	return strcmp(id.vendor, "AuthenticAMD") == 0 || strcmp(id.vendor, "HygonGenuine") == 0;
}

static bool is_own(const struct meter *meter, const struct meter_slot *slot)
{
	return slot->zone.meter == meter->index && !slot->left_out;
}

/* Whether no slot before @number is a package zone of the same socket. */
static bool is_first_of_socket(const struct meter *meter, u32 number)
{
	const struct meter_slot *slots = meter->slots->slot;

	for (u32 i = 0; i < number; i++) {
		if (is_own(meter, &slots[i]) && slots[i].zone.domain == DOMAIN_PACKAGE &&
		    strcmp(slots[i].zone.package, slots[number].zone.package) == 0)
			return false;
	}
	return true;
}

void rapl_describe_zones(struct meter *meter)
{
	u32 of_domain[DOMAIN_MAX] = { 0 };
	u32 sockets = 0;

	for (u32 i = 0; i < meter->slots->count; i++) {
		const struct meter_slot *slot = &meter->slots->slot[i];

		if (!is_own(meter, slot))
			continue;
		of_domain[slot->zone.domain]++;
		sockets += slot->zone.domain == DOMAIN_PACKAGE && is_first_of_socket(meter, i);
	}
	report_append(&meter->report, "%u socket%s:", sockets, sockets == 1 ? "" : "s");
	for (u32 d = 0; d < DOMAIN_MAX; d++) {
		if (of_domain[d])
			report_append(&meter->report, " %s x%u", domain_name((enum power_domain)d),
				      of_domain[d]);
	}
}

void rapl_note_psys(struct meter_report *report, u32 left_out)
{
	if (left_out)
		report_note(report, METER_INFO, "psys",
			    "%u further psys zone%s: psys stands for the whole machine, only the "
			    "first one counts",
			    left_out, left_out == 1 ? "" : "s");
}

void rapl_note_no_room(struct meter_report *report, u32 left_out)
{
	if (left_out)
		report_note(report, METER_PROBLEM, "no-room",
			    "%u zones are not read: there is room for %u zones of all meters",
			    left_out, METER_ZONES_MAX);
}
