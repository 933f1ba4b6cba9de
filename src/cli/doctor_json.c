// SPDX-License-Identifier: Apache-2.0
/*
 * The report for machines. Its keys are described in doc/doctor.md and stay: new ones may come, and
 * "format" changes when one goes or changes its meaning. What is not known is null.
 */
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "base/escape.h"
#include "cli/doctor.h"
#include "kepler_version.h"

#define FORMAT 1
#define DIGITS 9

static json_t *text_or_null(const char *text)
{
	char safe[2048];

	if (!text || !text[0])
		return json_null();
	utf8_clean(safe, sizeof(safe), text);
	return json_string(safe);
}

static json_t *ratio_or_null(double ratio)
{
	return ratio > 0.0 ? json_real(ratio) : json_null();
}

static json_t *watts_or_null(bool known, u64 power_uw)
{
	return known ? json_real((double)power_uw / 1e6) : json_null();
}

/*
 * Sets a key; what could not be made for want of memory is told by the sum of all: 0 while
 * everything went well.
 */
static int set(json_t *object, const char *key, json_t *value)
{
	return json_object_set_new(object, key, value);
}

static json_t *finish(json_t *value, int failures)
{
	if (failures == 0)
		return value;
	json_decref(value);
	return NULL;
}

static json_t *machine_json(const struct doctor *doctor)
{
	json_t *o = json_object();
	int r = 0;

	r += set(o, "cpu", text_or_null(doctor->cpu));
	r += set(o, "cpus", json_integer(doctor->cpus));
	r += set(o, "virtual", json_boolean(doctor->virtual_machine));
	return finish(o, r);
}

static json_t *verdict_json(const struct doctor *doctor)
{
	const struct doctor_verdict *verdict = &doctor->verdict;
	json_t *o = json_object();
	int r = 0;

	r += set(o, "measured", json_boolean(verdict->measured));
	r += set(o, "complete", json_boolean(verdict->complete));
	r += set(o, "error_ratio", ratio_or_null(verdict->error_ratio));
	r += set(o, "text", text_or_null(verdict->text));
	r += set(o, "remedy", text_or_null(verdict->remedy));
	return finish(o, r);
}

static json_t *zone_json(const struct doctor *doctor, const struct doctor_zone *zone)
{
	const struct meter_zone *z = zone->zone;
	bool judged = zone->power_known && z->quality == QUALITY_MEASURED;
	json_t *o = json_object();
	int r = 0;

	r += set(o, "index", json_integer(zone - doctor->zone));
	r += set(o, "domain", json_string(domain_name(z->domain)));
	r += set(o, "package", text_or_null(z->package));
	r += set(o, "name", text_or_null(z->name));
	r += set(o, "device", text_or_null(z->device));
	r += set(o, "uuid", text_or_null(z->uuid));
	r += set(o, "quality", json_string(quality_name(z->quality)));
	r += set(o, "error_ratio", ratio_or_null(z->error_ratio));
	r += set(o, "status", json_string(meter_status_name(zone->status)));
	r += set(o, "used", json_boolean(zone->used));
	r += set(o, "left_out", json_boolean(zone->left_out));
	r += set(o, "moves", judged ? json_boolean(zone->moves) : json_null());
	r += set(o, "power_w", watts_or_null(zone->power_known, zone->power_uw));
	return finish(o, r);
}

static json_t *note_json(const struct meter_note *note)
{
	json_t *o = json_object();
	int r = 0;

	r += set(o, "severity", json_string(doctor_severity_name(note->severity)));
	r += set(o, "code", text_or_null(note->code));
	r += set(o, "text", text_or_null(note->text));
	r += set(o, "remedy", text_or_null(note->remedy));
	return finish(o, r);
}

static json_t *zones_json(const struct doctor *doctor, u32 meter)
{
	json_t *list = json_array();
	int r = 0;

	for (u32 z = 0; z < doctor->zones; z++) {
		const struct doctor_zone *zone = &doctor->zone[z];

		if (zone->zone->meter == meter &&
		    (zone->used || zone->zone->quality == QUALITY_MEASURED))
			r += json_array_append_new(list, zone_json(doctor, zone));
	}
	return finish(list, r);
}

static json_t *notes_json(const struct meter_state *state)
{
	json_t *list = json_array();
	int r = 0;

	for (u32 n = 0; n < state->notes; n++)
		r += json_array_append_new(list, note_json(&state->note[n]));
	return finish(list, r);
}

static json_t *meter_json(const struct doctor *doctor, u32 index)
{
	const struct doctor_meter *meter = &doctor->meter[index];
	const struct meter_state *state = meter->state;
	json_t *o = json_object();
	int r = 0;

	r += set(o, "name", json_string(state->name));
	r += set(o, "source", json_string(state->source));
	r += set(o, "description", text_or_null(state->description));
	r += set(o, "enabled", json_boolean(state->enabled));
	r += set(o, "found", json_boolean(state->zones > 0));
	r += set(o, "used", json_boolean(state->used));
	r += set(o, "answered", json_boolean(!meter->waiting));
	r += set(o, "status", json_string(meter_status_name(state->status)));
	r += set(o, "permission", json_string(doctor_permission_name(meter->permission)));
	r += set(o, "detail", text_or_null(state->detail));
	r += set(o, "zones", zones_json(doctor, index));
	r += set(o, "notes", notes_json(state));
	return finish(o, r);
}

static json_t *activity_json(const struct doctor_activity *activity)
{
	json_t *o = json_object();
	int r = 0;

	r += set(o, "readable", json_boolean(activity->error == 0));
	r += set(o, "error", text_or_null(activity->error ? strerror(-activity->error) : NULL));
	r += set(o, "source", text_or_null(activity->source));
	r += set(o, "detail", text_or_null(activity->detail));
	r += set(o, "threads", json_integer(activity->threads));
	r += set(o, "cgroups", json_integer(activity->cgroups));
	r += set(o, "cgroup_v1", json_boolean(activity->cgroup_v1));
	return finish(o, r);
}

static json_t *meters_json(const struct doctor *doctor)
{
	json_t *list = json_array();
	int r = 0;

	for (u32 m = 0; m < doctor->meters; m++)
		r += json_array_append_new(list, meter_json(doctor, m));
	return finish(list, r);
}

int doctor_print_json(FILE *out, const struct doctor *doctor)
{
	json_t *o = json_object();
	int r = 0;

	r += set(o, "format", json_integer(FORMAT));
	r += set(o, "kepler", json_string(KEPLER_VERSION));
	r += set(o, "verdict", verdict_json(doctor));
	r += set(o, "machine", machine_json(doctor));
	r += set(o, "meters", meters_json(doctor));
	r += set(o, "activity", activity_json(&doctor->activity));
	o = finish(o, r);
	if (!o)
		return -ENOMEM;
	/* What can't be written shows in the stream's state, where main() looks. */
	json_dumpf(o, out, JSON_INDENT(2) | JSON_REAL_PRECISION(DIGITS));
	fputc('\n', out);
	json_decref(o);
	return 0;
}
