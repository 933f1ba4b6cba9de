// SPDX-License-Identifier: Apache-2.0
/*
 * The verdict: one sentence on what is measured, and where that is not enough, what would change it
 * most.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/doctor.h"

#define VM_REMEDY                                                                         \
	"this is a virtual machine: run Kepler on its host, or let the host pass energy " \
	"counters in (QEMU: -accel kvm,rapl=true)"
#define WAIT_REMEDY \
	"a slow device has not answered yet: serve goes on asking it, or run doctor once more"
#define BARE_REMEDY                                                                               \
	"ask the BMC, by IPMI (modprobe ipmi_devintf) or Redfish (redfish.credentials-file), or " \
	"add a power sensor that the kernel's hwmon knows"

static void append(char *text, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void append(char *text, size_t size, const char *format, ...)
{
	size_t len = strlen(text);
	va_list args;

	va_start(args, format);
	vsnprintf(text + len, size - len, format, args);
	va_end(args);
}

static bool is_measured(const struct doctor *doctor, u32 meter, enum power_domain domain)
{
	for (u32 z = 0; z < doctor->zones; z++) {
		const struct doctor_zone *zone = &doctor->zone[z];

		if (zone->used && zone->zone->meter == meter && zone->zone->domain == domain &&
		    zone->zone->quality == QUALITY_MEASURED)
			return true;
	}
	return false;
}

/* "package, dram by rapl-powercap; gpu by nvml" */
static void list_measured(struct doctor *doctor, char *text, size_t size)
{
	text[0] = '\0';
	for (u32 m = 0; m < doctor->meters; m++) {
		const char *before = text[0] ? "; " : "";
		bool has = false;

		for (u32 d = 0; d < DOMAIN_MAX; d++) {
			if (!is_measured(doctor, m, (enum power_domain)d))
				continue;
			append(text, size, "%s%s", has ? ", " : before,
			       domain_name((enum power_domain)d));
			has = true;
			doctor->verdict.measured = true;
			if (d == DOMAIN_PACKAGE || d == DOMAIN_PLATFORM)
				doctor->verdict.complete = true;
		}
		if (has)
			append(text, size, " by %s", doctor->meter[m].state->name);
	}
}

/* The first note that says what to do, of meters in their order. NULL: there is none. */
static const struct meter_note *note_with_remedy(const struct doctor *doctor,
						 enum meter_severity severity, const char *code)
{
	for (u32 m = 0; m < doctor->meters; m++) {
		const struct meter_state *state = doctor->meter[m].state;

		for (u32 n = 0; n < state->notes; n++) {
			const struct meter_note *note = &state->note[n];

			if (note->remedy[0] && note->severity == severity &&
			    (!code || strcmp(note->code, code) == 0))
				return note;
		}
	}
	return NULL;
}

static bool any_denied(const struct doctor *doctor)
{
	for (u32 m = 0; m < doctor->meters; m++) {
		if (doctor->meter[m].permission >= PERMISSION_PARTLY)
			return true;
	}
	return false;
}

static bool any_waiting(const struct doctor *doctor)
{
	for (u32 m = 0; m < doctor->meters; m++) {
		if (doctor->meter[m].waiting)
			return true;
	}
	return false;
}

/* What is there and only not permitted comes first; a virtual machine's own drivers don't help. */
static const char *best_remedy(const struct doctor *doctor)
{
	static const enum meter_severity order[] = { METER_PROBLEM, METER_WARNING, METER_INFO };
	const struct meter_note *note = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(order) && !note; i++)
		note = note_with_remedy(doctor, order[i], "denied");
	if (!note && any_denied(doctor))
		return "run as root: there are counters that this user may not read";
	if (!note)
		note = note_with_remedy(doctor, METER_PROBLEM, NULL);
	if (!note && any_waiting(doctor))
		return WAIT_REMEDY;
	if (!note && doctor->virtual_machine)
		return VM_REMEDY;
	for (size_t i = 1; i < ARRAY_SIZE(order) && !note; i++)
		note = note_with_remedy(doctor, order[i], NULL);
	return note ? note->remedy : BARE_REMEDY;
}

static double estimate_error(const struct doctor *doctor)
{
	double error = 0.0;

	for (u32 z = 0; z < doctor->zones; z++) {
		const struct doctor_zone *zone = &doctor->zone[z];

		if (zone->used && zone->zone->error_ratio > error)
			error = zone->zone->error_ratio;
	}
	return error;
}

void doctor_judge(struct doctor *doctor)
{
	struct doctor_verdict *verdict = &doctor->verdict;
	char measured[320];

	list_measured(doctor, measured, sizeof(measured));
	if (!verdict->complete)
		snprintf(verdict->remedy, sizeof(verdict->remedy), "%s", best_remedy(doctor));
	if (verdict->complete) {
		snprintf(verdict->text, sizeof(verdict->text), "This machine is measured: %s.",
			 measured);
	} else if (verdict->measured) {
		snprintf(verdict->text, sizeof(verdict->text),
			 "This machine is measured in part: %s. Neither CPU sockets nor the whole "
			 "machine are.",
			 measured);
	} else {
		verdict->error_ratio = estimate_error(doctor);
		snprintf(verdict->text, sizeof(verdict->text),
			 "Nothing is measured here: numbers are estimates, +-%.0f %%.",
			 verdict->error_ratio * 100.0);
	}
}

const char *doctor_permission_name(enum doctor_permission permission)
{
	static const char *const names[] = {
		[PERMISSION_UNKNOWN] = "unknown",
		[PERMISSION_GRANTED] = "granted",
		[PERMISSION_PARTLY] = "partly",
		[PERMISSION_DENIED] = "denied",
	};

	return names[permission];
}

const char *doctor_severity_name(enum meter_severity severity)
{
	static const char *const names[] = {
		[METER_INFO] = "info",
		[METER_WARNING] = "warning",
		[METER_PROBLEM] = "problem",
	};

	return names[severity];
}
