// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "hwmon_tree.h"

#define SUPPLY "sys/class/power_supply"
#define W 1000000ULL /* uW, and uJ of a second */

static void supply(struct poll_meter *p, const char *name, const char *what, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), SUPPLY "/%s/%s", name, what);
	tree_write(p->tree, path, "%s\n", text);
}

static void test_battery(void **state)
{
	struct poll_meter *p = *state;
	const struct sample_zone *zone;

	supply(p, "AC", "type", "Mains");
	supply(p, "AC", "online", "1");
	supply(p, "BAT0", "type", "Battery");
	supply(p, "BAT0", "status", "Charging");
	supply(p, "BAT0", "power_now", "20000000");
	supply(p, "BAT1", "type", "Battery");
	supply(p, "BAT1", "status", "Full");
	supply(p, "BAT1", "current_now", "0");
	supply(p, "BAT1", "voltage_now", "12000000");
	supply(p, "hidpp_battery_0", "type", "Battery");
	supply(p, "hidpp_battery_0", "scope", "Device");
	supply(p, "hidpp_battery_0", "status", "Discharging");
	supply(p, "hidpp_battery_0", "power_now", "1000000");
	open_hwmon(p);
	poll_after(p, 0);
	assert_int_equal(p->sample.zones, 2);
	zone = poll_zone(p, DOMAIN_PLATFORM, "BAT0");
	assert_int_equal(zone->status, METER_ABSENT);
	assert_string_equal(zone->zone.name, "battery");
	assert_non_null(poll_note(p, "battery"));
	/* Unplugged: 20 W of one, 12 V times 0.5 A of the other, with a minus as some drivers have.
	 */
	supply(p, "AC", "online", "0");
	supply(p, "BAT0", "status", "Discharging");
	supply(p, "BAT1", "status", "Discharging");
	supply(p, "BAT1", "current_now", "-500000");
	poll_after(p, 1000);
	poll_after(p, 10000);
	assert_int_equal(poll_zone(p, DOMAIN_PLATFORM, "BAT0")->value_uj, 200 * W);
	assert_int_equal(poll_zone(p, DOMAIN_PLATFORM, "BAT1")->value_uj, 60 * W);
	/* Beside a weak adapter the battery is not the whole machine. */
	supply(p, "AC", "online", "1");
	poll_after(p, 10000);
	zone = poll_zone(p, DOMAIN_PLATFORM, "BAT0");
	assert_int_equal(zone->status, METER_ABSENT);
	assert_int_equal(zone->value_uj, 200 * W);
	/* What the mains gave meanwhile is not the battery's. */
	supply(p, "AC", "online", "0");
	poll_after(p, 10000);
	zone = poll_zone(p, DOMAIN_PLATFORM, "BAT0");
	assert_int_equal(zone->status, METER_OK);
	assert_int_equal(zone->value_uj, 200 * W);
	assert_int_equal(zone->epoch, 1);
}

/* A sensor of the machine is better than its battery, and never added to it. */
static void test_battery_and_sensor(void **state)
{
	struct poll_meter *p = *state;

	supply(p, "macsmc-battery", "type", "Battery");
	supply(p, "macsmc-battery", "status", "Discharging");
	supply(p, "macsmc-battery", "power_now", "-9000000");
	attr(p, 0, "name", "macsmc_hwmon");
	power(p, 0, 1, "Total System Power", 8 * W);
	power(p, 0, 2, "AC Input Power", 0);
	open_hwmon(p);
	poll_after(p, 0);
	poll_after(p, 1000);
	assert_int_equal(p->sample.zones, 1);
	assert_int_equal(poll_sum_uj(p, DOMAIN_PLATFORM), 8 * W);
}

static void test_battery_faults(void **state)
{
	struct poll_meter *p = *state;

	supply(p, "BAT0", "status", "Discharging");
	supply(p, "BAT0", "power_now", "garbage");
	open_hwmon(p);
	poll_after(p, 0);
	assert_int_equal(poll_zone(p, DOMAIN_PLATFORM, "BAT0")->status, METER_ERROR);
	supply(p, "BAT0", "power_now", "10000000");
	poll_after(p, 1000);
	assert_int_equal(poll_zone(p, DOMAIN_PLATFORM, "BAT0")->status, METER_OK);
}

#define WITH_METER(name) cmocka_unit_test_setup_teardown(name, poll_setup, poll_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_METER(test_battery),
		WITH_METER(test_battery_and_sensor),
		WITH_METER(test_battery_faults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
