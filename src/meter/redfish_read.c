// SPDX-License-Identifier: Apache-2.0
#include "meter/redfish_read.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Real documents are 6 deep and have some hundred values; jansson takes about 300 bytes for each.
 */
#define DEPTH_MAX 24
#define VALUES_MAX 20000

#define UJ_PER_KWH 3.6e12
#define UW_PER_W 1e6

/* Beyond these a number is none: no machine behind one BMC draws 10 MW, or has used 10 GWh. */
#define WATTS_MAX 1e7
#define KWH_MAX 1e6
#define JOULES_MAX (KWH_MAX * 3.6e6)

/* What a double of this size still shows. */
#define DECIMALS_MAX 9

/* A cheap look before parsing: brackets and commas outside of strings. */
static bool is_modest(const char *data, size_t len)
{
	u32 depth = 0, values = 0;
	bool quoted = false;

	for (size_t i = 0; i < len; i++) {
		char c = data[i];

		if (c == '"')
			quoted = !quoted;
		else if (quoted)
			i += c == '\\';
		else if (c == '{' || c == '[')
			values += ++depth <= DEPTH_MAX ? 1 : VALUES_MAX;
		else if (c == '}' || c == ']')
			depth -= depth > 0;
		else
			values += c == ',';
		if (values >= VALUES_MAX)
			return false;
	}
	return true;
}

json_t *redfish_parse(const char *data, size_t len)
{
	json_error_t error;
	json_t *doc;

	if (!data || !is_modest(data, len))
		return NULL;
	/* All numbers as doubles: an integer beyond 64 bits in some other member is no error. */
	doc = json_loadb(data, len, JSON_DECODE_INT_AS_REAL, &error);
	if (json_is_object(doc))
		return doc;
	json_decref(doc);
	return NULL;
}

static bool is_path_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("/._-~%:@!$&'()*+,;=", c));
}

bool redfish_path_set(struct redfish_path *out, const char *path)
{
	size_t len = path ? strcspn(path, "#") : 0;

	out->text[0] = '\0';
	if (len < 2 || len >= sizeof(out->text) || path[0] != '/' || path[1] == '/')
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!is_path_char(path[i]))
			return false;
	}
	memcpy(out->text, path, len);
	out->text[len] = '\0';
	return true;
}

/* Its length without slashes at the end. */
static size_t path_len(const struct redfish_path *path)
{
	size_t len = strlen(path->text);

	while (len > 0 && path->text[len - 1] == '/')
		len--;
	return len;
}

bool redfish_path_same(const struct redfish_path *a, const struct redfish_path *b)
{
	size_t len = path_len(a);

	return len == path_len(b) && memcmp(a->text, b->text, len) == 0;
}

void redfish_path_id(const struct redfish_path *path, char *id, size_t size)
{
	size_t end = path_len(path), begin = end;

	while (begin > 0 && path->text[begin - 1] != '/')
		begin--;
	snprintf(id, size, "%.*s", (int)(end - begin), path->text + begin);
}

static const json_t *member(const json_t *object, const char *name)
{
	return object ? json_object_get(object, name) : NULL;
}

void redfish_read_link(const json_t *doc, const char *name, struct redfish_path *path)
{
	redfish_path_set(path, json_string_value(member(member(doc, name), "@odata.id")));
}

static void read_links(const json_t *array, struct redfish_list *list)
{
	memset(list, 0, sizeof(*list));
	for (size_t i = 0; i < json_array_size(array); i++) {
		const json_t *id = member(json_array_get(array, i), "@odata.id");

		if (list->count < REDFISH_MEMBERS_MAX &&
		    redfish_path_set(&list->path[list->count], json_string_value(id)))
			list->count++;
		else
			list->left_out++;
	}
}

void redfish_read_members(const json_t *doc, struct redfish_list *list)
{
	read_links(member(doc, "Members"), list);
}

bool redfish_read_member(const json_t *doc, u32 index, struct redfish_path *path)
{
	const json_t *members = member(doc, "Members");

	path->text[0] = '\0';
	if (index >= json_array_size(members))
		return false;
	redfish_path_set(path,
			 json_string_value(member(json_array_get(members, index), "@odata.id")));
	return true;
}

void redfish_read_root(const json_t *doc, struct redfish_root *root)
{
	redfish_read_link(doc, "Chassis", &root->chassis);
	redfish_read_link(member(doc, "Links"), "Sessions", &root->sessions);
}

void redfish_read_chassis(const json_t *doc, struct redfish_chassis *chassis)
{
	const char *type = json_string_value(member(doc, "ChassisType"));
	const json_t *links = member(doc, "Links");

	redfish_read_link(doc, "EnvironmentMetrics", &chassis->environment);
	redfish_read_link(doc, "PowerSubsystem", &chassis->subsystem);
	redfish_read_link(doc, "Power", &chassis->power);
	redfish_read_link(links, "ContainedBy", &chassis->contained_by);
	read_links(member(links, "Contains"), &chassis->contains);
	chassis->systems = (u32)json_array_size(member(links, "ComputerSystems"));
	chassis->sled = type && (strcmp(type, "Sled") == 0 || strcmp(type, "Blade") == 0);
}

bool redfish_read_vacant(const json_t *doc)
{
	const char *state = json_string_value(member(member(doc, "Status"), "State"));

	return state && strcmp(state, "Absent") == 0;
}

static bool read_number(const json_t *number, double max, double *value)
{
	double read = json_number_value(number);

	if (!json_is_number(number) || !isfinite(read) || read < 0 || read > max)
		return false;
	*value = read;
	return true;
}

/* Of a number that is not negative. The agent does without the mathematical library, which would
 * take 0.3 MB in every process. */
static u64 nearest(double number)
{
	return (u64)(number + 0.5);
}

static bool read_power(const json_t *number, u64 *power_uw)
{
	double watts;

	if (!read_number(number, WATTS_MAX, &watts))
		return false;
	*power_uw = nearest(watts * UW_PER_W);
	return true;
}

/* How many digits behind the point a number was written with; zeros at its end don't show. */
static int decimals(double value)
{
	char text[64];
	const char *point;
	int count;

	snprintf(text, sizeof(text), "%.14g", value);
	point = strchr(text, '.');
	count = strchr(text, 'e') ? DECIMALS_MAX : point ? (int)strlen(point + 1) : 0;
	return count < DECIMALS_MAX ? count : DECIMALS_MAX;
}

static void take_energy(struct redfish_value *value, double reading, double unit_uj)
{
	value->has_energy = true;
	value->energy_uj = nearest(reading * unit_uj);
	for (int i = decimals(reading); i > 0; i--)
		unit_uj /= 10;
	value->step_uj = nearest(unit_uj);
	if (value->step_uj == 0)
		value->step_uj = 1;
}

static const json_t *reading(const json_t *doc, const char *name)
{
	return member(member(doc, name), "Reading");
}

/* A metrics resource: energy and, in the sensor @power_name, power. */
static void read_metrics(const json_t *doc, const char *power_name, struct redfish_value *value)
{
	double energy;

	memset(value, 0, sizeof(*value));
	value->has_power = read_power(reading(doc, power_name), &value->power_uw);
	if (read_number(reading(doc, "EnergyJoules"), JOULES_MAX, &energy))
		take_energy(value, energy, UJ_PER_J);
	else if (read_number(reading(doc, "EnergykWh"), KWH_MAX, &energy))
		take_energy(value, energy, UJ_PER_KWH);
}

void redfish_read_environment(const json_t *doc, struct redfish_value *value)
{
	read_metrics(doc, "PowerWatts", value);
	/* Nothing that has a BMC draws 0 W; firmware that did not measure yet says so. */
	value->has_power = value->has_power && value->power_uw > 0;
}

void redfish_read_supply(const json_t *doc, struct redfish_value *value)
{
	read_metrics(doc, "InputPowerWatts", value);
}

/*
 * Contexts of PowerControl that stand for a machine; the others ("CPU", "Memory") are its parts.
 * Where there are none the first member is the machine.
 */
static bool is_whole(const json_t *control, bool first)
{
	static const char *const wholes[] = { "Chassis", "SystemBoard", "PowerSupply",
					      "PowerSubsystem", "System" };
	const char *context = json_string_value(member(control, "PhysicalContext"));

	for (size_t i = 0; context && i < ARRAY_SIZE(wholes); i++) {
		if (strcmp(context, wholes[i]) == 0)
			return true;
	}
	return first && !context;
}

void redfish_read_control(const json_t *doc, struct redfish_value *value)
{
	const json_t *controls = member(doc, "PowerControl");
	size_t count = json_array_size(controls);

	memset(value, 0, sizeof(*value));
	for (size_t i = 0; i < count; i++) {
		const json_t *control = json_array_get(controls, i);
		u64 power_uw;

		if ((count > 1 && !is_whole(control, i == 0)) ||
		    !read_power(member(control, "PowerConsumedWatts"), &power_uw) || !power_uw)
			continue;
		value->has_power = true;
		value->power_uw = power_uw;
		value->others = (u32)(count - 1);
		return;
	}
}

void redfish_read_inputs(const json_t *doc, struct redfish_value *value)
{
	const json_t *supplies = member(doc, "PowerSupplies");
	u64 power_uw;

	memset(value, 0, sizeof(*value));
	for (size_t i = 0; i < json_array_size(supplies); i++) {
		const json_t *supply = json_array_get(supplies, i);

		if (redfish_read_vacant(supply))
			continue;
		/* A sum without one of them would be wrong. */
		if (!read_power(member(supply, "PowerInputWatts"), &power_uw)) {
			value->has_power = false;
			return;
		}
		value->has_power = true;
		value->power_uw += power_uw;
	}
	value->has_power = value->has_power && value->power_uw > 0;
}
