// SPDX-License-Identifier: Apache-2.0
#include "meter/hwmon_battery.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/sysroot.h"
#include "meter/meter_ops.h"
#include "meter/sysfs_list.h"

#define SUPPLY_DIR "class/power_supply"
#define SUPPLY_PATH 96

struct supply_scan {
	int sys_fd;
	struct batteries *batteries;
};

static ssize_t read_text(int sys_fd, const char *supply, const char *what, char text[32])
{
	char path[SUPPLY_PATH];

	snprintf(path, sizeof(path), SUPPLY_DIR "/%s/%s", supply, what);
	return sysfs_read_name(sys_fd, path, text, 32);
}

static void take_battery(struct batteries *batteries, const char *name)
{
	struct battery *battery = NULL;

	for (u32 i = 0; i < batteries->count; i++) {
		if (strcmp(batteries->battery[i].name, name) == 0)
			battery = &batteries->battery[i];
	}
	if (!battery && batteries->count < BATTERIES_MAX) {
		battery = &batteries->battery[batteries->count++];
		snprintf(battery->name, sizeof(battery->name), "%s", name);
		battery->flow.gauge.gap_ns = FLOW_GAP_NS;
		flow_stop(&battery->flow, METER_ABSENT);
	}
	if (battery)
		battery->present = true;
}

static int take_supply(void *arg, const char *name)
{
	const struct supply_scan *scan = arg;
	struct batteries *batteries = scan->batteries;
	char type[32], scope[32];

	if (strlen(name) >= sizeof(batteries->battery[0].name))
		return 0;
	if (read_text(scan->sys_fd, name, "type", type) <= 0)
		snprintf(type, sizeof(type), "%s", strncmp(name, "BAT", 3) == 0 ? "Battery" : "");
	read_text(scan->sys_fd, name, "scope", scope);
	if (strcmp(scope, "Device") == 0)
		return 0;
	if (strcmp(type, "Battery") == 0)
		take_battery(batteries, name);
	else if ((strcmp(type, "Mains") == 0 || strncmp(type, "USB", 3) == 0) &&
		 batteries->adapters < ADAPTERS_MAX)
		snprintf(batteries->adapter[batteries->adapters++], sizeof(batteries->adapter[0]),
			 "%s", name);
	return 0;
}

void batteries_scan(int sys_fd, struct batteries *batteries)
{
	struct supply_scan scan = { .sys_fd = sys_fd, .batteries = batteries };

	batteries->adapters = 0;
	for (u32 i = 0; i < batteries->count; i++)
		batteries->battery[i].present = false;
	sysfs_list(sys_fd, SUPPLY_DIR, take_supply, &scan);
}

/* Reads a number without its sign. Returns 0 or a negative errno. */
static int read_size(int sys_fd, const char *supply, const char *what, u64 *value)
{
	char text[32];
	ssize_t len = read_text(sys_fd, supply, what, text);

	return len < 0 ? (int)len : sysroot_parse_u64(text + (text[0] == '-'), value);
}

static int read_power(int sys_fd, const char *battery, u64 *power_uw)
{
	u64 current_ua, voltage_uv;
	int r = read_size(sys_fd, battery, "power_now", power_uw);

	if (r != -ENOENT)
		return r;
	r = read_size(sys_fd, battery, "current_now", &current_ua);
	if (r == 0)
		r = read_size(sys_fd, battery, "voltage_now", &voltage_uv);
	if (r == 0)
		*power_uw = (u64)((u128)current_ua * voltage_uv / 1000000);
	return r;
}

static bool has_adapter(int sys_fd, const struct batteries *batteries)
{
	u64 online;

	for (u32 i = 0; i < batteries->adapters; i++) {
		if (read_size(sys_fd, batteries->adapter[i], "online", &online) == 0 && online)
			return true;
	}
	return false;
}

static void read_battery(int sys_fd, struct battery *battery, bool alone, u64 awake_ns)
{
	char status[32];
	ssize_t len = read_text(sys_fd, battery->name, "status", status);
	u64 power_uw = 0;
	int r;

	if (len < 0) {
		flow_miss(&battery->flow, meter_status_of_errno((int)len));
		return;
	}
	if (!alone || strcmp(status, "Discharging") != 0) {
		flow_stop(&battery->flow, METER_ABSENT);
		return;
	}
	r = read_power(sys_fd, battery->name, &power_uw);
	if (r < 0)
		flow_miss(&battery->flow, meter_status_of_errno(r));
	else
		flow_take_power(&battery->flow, power_uw, awake_ns);
}

void batteries_read(int sys_fd, struct batteries *batteries, u64 awake_ns)
{
	bool alone = !has_adapter(sys_fd, batteries);

	for (u32 i = 0; i < batteries->count; i++) {
		if (batteries->battery[i].present)
			read_battery(sys_fd, &batteries->battery[i], alone, awake_ns);
		else
			flow_stop(&batteries->battery[i].flow, METER_ABSENT);
	}
}

u32 batteries_present(const struct batteries *batteries)
{
	u32 present = 0;

	for (u32 i = 0; i < batteries->count; i++)
		present += batteries->battery[i].present;
	return present;
}
