// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "base/escape.h"
#include "cli/doctor.h"

/* Names come from firmware and drivers: a terminal must not obey them. */
static const char *clean(char *out, size_t size, const char *text)
{
	text_clean(out, size, text);
	return out;
}

/* What to call a zone's state in a few words. */
static const char *state_of(const struct doctor_zone *zone)
{
	if (zone->left_out)
		return "left out: counted elsewhere";
	if (zone->status == METER_DEAD)
		return "dead: never moves while the machine works";
	if (zone->status != METER_OK)
		return meter_status_name(zone->status);
	if (!zone->used)
		return "stands by: another meter is believed first";
	if (!zone->power_known)
		return "ok; watts follow with its next answer";
	if (!zone->moves && !zone->zone->may_rest)
		return "ok, but has not moved yet";
	return "ok";
}

static void print_zone(FILE *out, const struct doctor_zone *zone)
{
	char name[64], device[96] = "", package[64];

	if (zone->zone->device[0] || zone->zone->uuid[0])
		snprintf(device, sizeof(device), " %s%s%s", zone->zone->device,
			 zone->zone->device[0] && zone->zone->uuid[0] ? " " : "", zone->zone->uuid);
	fprintf(out, "       %-8s %-5s %-26s", domain_name(zone->zone->domain),
		clean(package, sizeof(package), zone->zone->package),
		clean(name, sizeof(name), zone->zone->name));
	if (zone->power_known)
		fprintf(out, " %9.2f W", (double)zone->power_uw / 1e6);
	else
		fprintf(out, " %11s", "-");
	fprintf(out, "  %s, %s", quality_name(zone->zone->quality), state_of(zone));
	if (zone->zone->error_ratio > 0.0)
		fprintf(out, ", +-%.0f %%", zone->zone->error_ratio * 100.0);
	if (device[0]) {
		char safe[96];

		fprintf(out, ",%s", clean(safe, sizeof(safe), device));
	}
	fprintf(out, "\n");
}

static void print_note(FILE *out, const struct meter_note *note)
{
	char text[sizeof(note->text) * 3], code[sizeof(note->code) * 3];

	fprintf(out, "       %s (%s): %s\n", doctor_severity_name(note->severity),
		clean(code, sizeof(code), note->code), clean(text, sizeof(text), note->text));
	if (note->remedy[0])
		fprintf(out, "         remedy: %s\n", clean(text, sizeof(text), note->remedy));
}

/* Whether the zone is worth a line: the estimate's are not where it is not needed. */
static bool shows(const struct doctor_zone *zone)
{
	return zone->used || zone->zone->quality == QUALITY_MEASURED;
}

static const char *mark_of(const struct doctor_meter *meter)
{
	if (!meter->state->enabled)
		return "off";
	if (meter->waiting)
		return "wait";
	return meter->state->used ? "yes" : "no";
}

static void print_meter(FILE *out, const struct doctor *doctor, u32 index)
{
	const struct doctor_meter *meter = &doctor->meter[index];
	const struct meter_state *state = meter->state;
	char detail[sizeof(state->detail) * 3];

	fprintf(out, "  %-4s %s: %s\n", mark_of(meter), state->name, state->description);
	if (state->detail[0])
		fprintf(out, "       %s\n", clean(detail, sizeof(detail), state->detail));
	if (meter->waiting)
		fprintf(out, "       has not answered; serve goes on asking\n");
	for (u32 z = 0; z < doctor->zones; z++) {
		if (doctor->zone[z].zone->meter == index && shows(&doctor->zone[z]))
			print_zone(out, &doctor->zone[z]);
	}
	for (u32 n = 0; n < state->notes; n++)
		print_note(out, &state->note[n]);
}

static void print_activity(FILE *out, const struct doctor_activity *activity)
{
	char detail[sizeof(activity->detail) * 3];

	fprintf(out, "\nactivity\n");
	clean(detail, sizeof(detail), activity->detail);
	if (activity->error) {
		fprintf(out, "  no   neither BPF nor /proc can be read: %s; run as root\n",
			strerror(-activity->error));
		return;
	}
	fprintf(out, "  yes  by %s: %s\n", activity->source, detail);
	fprintf(out, "       %u threads and %u cgroups seen; cgroup v1 accounting %s\n",
		activity->threads, activity->cgroups,
		activity->cgroup_v1 ? "is mounted beside v2" : "is not used");
}

void doctor_print_text(FILE *out, const struct doctor *doctor)
{
	const struct doctor_verdict *verdict = &doctor->verdict;
	char text[sizeof(verdict->text) * 3];

	fprintf(out, "%s\n", clean(text, sizeof(text), verdict->text));
	if (verdict->remedy[0])
		fprintf(out, "The most promising remedy: %s.\n",
			clean(text, sizeof(text), verdict->remedy));
	fprintf(out, "\nmachine\n  CPU  %s, %u online%s\n\npower\n", doctor->cpu, doctor->cpus,
		doctor->virtual_machine ? ", in a virtual machine" : "");
	for (u32 m = 0; m < doctor->meters; m++)
		print_meter(out, doctor, m);
	print_activity(out, &doctor->activity);
}
