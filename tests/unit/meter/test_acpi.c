// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "poll_meter.h"

#define IN_CLASS "sys/class/hwmon/hwmon2/device"
#define W 1000000ULL /* uW, and uJ of a second */

static void attr(struct poll_meter *p, const char *dir, const char *name, const char *text)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	tree_write(p->tree, path, "%s\n", text);
}

static void set_power(struct poll_meter *p, const char *dir, u64 uw)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)uw);
	attr(p, dir, "power1_average", text);
}

/* As Linux 6.1 shows it: everything in device/, the name too. */
static void make_meter(struct poll_meter *p, const char *dir, u64 uw)
{
	attr(p, dir, "name", "power_meter");
	attr(p, dir, "power1_average_interval", "1000");
	attr(p, dir, "power1_accuracy", "95.0%");
	attr(p, dir, "power1_is_battery", "0");
	attr(p, dir, "power1_model_number", "FEAS-PM");
	attr(p, dir, "power1_serial_number", "SECRET1");
	attr(p, dir, "power1_oem_info", "");
	set_power(p, dir, uw);
}

static void test_none(void **state)
{
	struct poll_meter *p = *state;

	tree_write(p->tree, "sys/class/hwmon/hwmon0/name", "coretemp\n");
	tree_write(p->tree, "sys/devices/LNXSYSTM:00/LNXSYBUS:00/PNP0C0C:00/status", "15\n");
	poll_open(p, &meter_acpi);
	assert_null(p->meter.priv);
	assert_non_null(strstr(p->meter.report.found, "no power meter"));
}

static void test_energy(void **state)
{
	struct poll_meter *p = *state;
	const struct sample_zone *zone;

	make_meter(p, IN_CLASS, 100 * W);
	poll_open(p, &meter_acpi);
	assert_non_null(p->meter.priv);
	poll_after(p, 0);
	zone = poll_zone(p, DOMAIN_PLATFORM, "acpi0");
	assert_non_null(zone);
	assert_int_equal(zone->value_uj, 0);
	assert_int_equal(zone->zone.period_ns, NSEC_PER_SEC);
	assert_true(zone->zone.error_ratio > 0.049 && zone->zone.error_ratio < 0.051);
	/* An average holds for the time before it. */
	set_power(p, IN_CLASS, 150 * W);
	poll_after(p, 2500);
	assert_int_equal(poll_sum_uj(p, DOMAIN_PLATFORM), 375 * W);
	set_power(p, IN_CLASS, 101 * W);
	poll_after(p, 1000);
	assert_int_equal(poll_sum_uj(p, DOMAIN_PLATFORM), 476 * W);
	assert_int_equal(p->sample.zones, 1);
	assert_non_null(strstr(p->sample.report.found, "FEAS-PM"));
	assert_null(strstr(p->sample.report.found, "SECRET1"));
}

/* Not more often than the meter averages; what was read last stays, with its time. */
static void test_interval(void **state)
{
	struct poll_meter *p = *state;
	u64 taken_ns;

	make_meter(p, IN_CLASS, 100 * W);
	attr(p, IN_CLASS, "power1_average_interval", "10000");
	poll_open(p, &meter_acpi);
	poll_after(p, 0);
	taken_ns = p->when.now_ns;
	assert_true(p->sample.next_ns > taken_ns + 9 * NSEC_PER_SEC);
	assert_true(p->sample.next_ns <= taken_ns + 10 * NSEC_PER_SEC);
	poll_after(p, 5000);
	assert_int_equal(p->sample.zone[0].taken_ns, taken_ns);
	assert_int_equal(p->sample.zone[0].value_uj, 0);
	poll_after(p, 5000);
	assert_int_equal(p->sample.zone[0].taken_ns, p->when.now_ns);
	assert_int_equal(p->sample.zone[0].value_uj, 1000 * W);
}

static void test_faults(void **state)
{
	static const char *const faults[] = { "", "garbage", "-1", "4294967295000",
					      "99999999999999999999999" };
	struct poll_meter *p = *state;

	make_meter(p, IN_CLASS, 100 * W);
	poll_open(p, &meter_acpi);
	poll_after(p, 0);
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		u64 before_uj = p->sample.zone[0].value_uj;

		attr(p, IN_CLASS, "power1_average", faults[i]);
		poll_after(p, 1000);
		assert_int_equal(p->sample.zone[0].status, METER_ERROR);
		assert_int_equal(p->sample.zone[0].value_uj, before_uj);
		set_power(p, IN_CLASS, 100 * W);
		poll_after(p, 1000);
		assert_int_equal(p->sample.zone[0].status, METER_OK);
		assert_int_equal(p->sample.zone[0].value_uj, before_uj + 200 * W);
		assert_int_equal(p->sample.zone[0].epoch, 0);
	}
}

/* Firmware that tells nothing but power. */
static void test_bare(void **state)
{
	struct poll_meter *p = *state;

	attr(p, IN_CLASS, "name", "power_meter");
	attr(p, IN_CLASS, "power1_average_interval", "soon");
	attr(p, IN_CLASS, "power1_accuracy", "0.0%");
	set_power(p, IN_CLASS, 100 * W);
	poll_open(p, &meter_acpi);
	poll_after(p, 0);
	poll_after(p, 1000);
	assert_int_equal(p->sample.zone[0].value_uj, 100 * W);
	assert_true(p->sample.zone[0].zone.error_ratio == 0);
	assert_int_equal(p->sample.zone[0].zone.period_ns, 0);
}

static void test_on_the_bus(void **state)
{
	struct poll_meter *p = *state;

	make_meter(p, "sys/bus/acpi/drivers/power_meter/ACPI000D:02", 30 * W);
	tree_write(p->tree, "sys/bus/acpi/drivers/power_meter/bind", "x\n");
	poll_open(p, &meter_acpi);
	poll_after(p, 0);
	poll_after(p, 1000);
	assert_int_equal(p->sample.zones, 1);
	assert_string_equal(p->sample.zone[0].zone.package, "acpi2");
	assert_string_equal(p->sample.zone[0].zone.name, "ACPI000D:02");
	assert_int_equal(p->sample.zone[0].value_uj, 30 * W);
}

static void test_by_walking(void **state)
{
	struct poll_meter *p = *state;

	make_meter(p, "sys/devices/LNXSYSTM:00/LNXSYBUS:00/PNP0A08:00/ACPI000D:00", 30 * W);
	make_meter(p, "sys/devices/LNXSYSTM:00/power/ACPI000D:01", 1000 * W);
	poll_open(p, &meter_acpi);
	poll_after(p, 0);
	poll_after(p, 1000);
	assert_int_equal(p->sample.zones, 1);
	assert_int_equal(p->sample.zone[0].value_uj, 30 * W);
}

/* The firmware has a meter, and nobody loaded its driver yet. */
static void test_driver_missing(void **state)
{
	struct poll_meter *p = *state;

	tree_write(p->tree, "sys/bus/acpi/devices/ACPI000D:00/hid", "ACPI000D\n");
	poll_open(p, &meter_acpi);
	assert_non_null(p->meter.priv);
	poll_after(p, 0);
	assert_int_equal(p->sample.zones, 0);
	assert_string_equal(poll_note(p, "driver")->remedy, "modprobe acpi_power_meter");
	make_meter(p, "sys/bus/acpi/devices/ACPI000D:00", 30 * W);
	poll_after(p, 60000);
	poll_after(p, 1000);
	assert_int_equal(p->sample.zone[0].value_uj, 30 * W);
	assert_null(poll_note(p, "driver"));
}

/* Rails that say what they are belong to the meter hwmon; a battery is not the machine. */
static void test_not_the_machine(void **state)
{
	struct poll_meter *p = *state;

	make_meter(p, "sys/class/hwmon/hwmon0/device", 200 * W);
	attr(p, "sys/class/hwmon/hwmon0/device", "power1_oem_info", "Grace Power Socket 0");
	make_meter(p, "sys/class/hwmon/hwmon1/device", 20 * W);
	attr(p, "sys/class/hwmon/hwmon1/device", "power1_is_battery", "1");
	make_meter(p, "sys/class/hwmon/hwmon2/device", 500 * W);
	poll_open(p, &meter_acpi);
	poll_after(p, 0);
	poll_after(p, 1000);
	assert_int_equal(p->sample.zones, 1);
	assert_int_equal(p->sample.zone[0].value_uj, 500 * W);
	assert_non_null(poll_note(p, "battery"));
	assert_non_null(poll_note(p, "rails"));
}

static void test_only_rails(void **state)
{
	struct poll_meter *p = *state;

	make_meter(p, IN_CLASS, 200 * W);
	attr(p, IN_CLASS, "power1_oem_info", "CPU Power Socket 0");
	poll_open(p, &meter_acpi);
	assert_null(p->meter.priv);
	assert_non_null(strstr(p->meter.report.found, "hwmon"));
}

#define BUS "sys/bus/acpi/drivers/power_meter/ACPI000D:"

static void test_several(void **state)
{
	struct poll_meter *p = *state;

	make_meter(p, BUS "00", 100 * W);
	make_meter(p, BUS "0a", 40 * W);
	poll_open(p, &meter_acpi);
	poll_after(p, 0);
	poll_after(p, 1000);
	assert_int_equal(poll_zone(p, DOMAIN_PLATFORM, "acpi0")->value_uj, 100 * W);
	assert_int_equal(poll_zone(p, DOMAIN_PLATFORM, "acpi10")->value_uj, 40 * W);
	assert_int_equal(poll_note(p, "several")->severity, METER_WARNING);
}

/* What a meter measures is told by links: one that has the whole machine needs no other. */
static void test_measures(void **state)
{
	struct poll_meter *p = *state;

	make_meter(p, BUS "00", 40 * W);
	tree_write(p->tree, BUS "00/measures/device:07", "x\n");
	make_meter(p, BUS "01", 100 * W);
	tree_write(p->tree, BUS "01/measures/LNXSYBUS:00", "x\n");
	make_meter(p, BUS "02", 100 * W);
	tree_write(p->tree, BUS "02/measures/LNXSYBUS:00", "x\n");
	poll_open(p, &meter_acpi);
	poll_after(p, 0);
	poll_after(p, 1000);
	assert_int_equal(p->sample.zones, 1);
	assert_int_equal(poll_zone(p, DOMAIN_PLATFORM, "acpi1")->value_uj, 100 * W);
	assert_non_null(poll_note(p, "duplicate"));
	assert_null(poll_note(p, "several"));
}

static void test_measures_parts(void **state)
{
	struct poll_meter *p = *state;

	make_meter(p, BUS "00", 40 * W);
	tree_write(p->tree, BUS "00/measures/device:07", "x\n");
	make_meter(p, BUS "01", 100 * W);
	tree_write(p->tree, BUS "01/measures/device:07", "x\n");
	tree_write(p->tree, BUS "01/measures/device:08", "x\n");
	make_meter(p, BUS "02", 5 * W);
	tree_write(p->tree, BUS "02/measures/device:09", "x\n");
	poll_open(p, &meter_acpi);
	poll_after(p, 0);
	poll_after(p, 1000);
	assert_int_equal(p->sample.zones, 2);
	assert_int_equal(poll_sum_uj(p, DOMAIN_PLATFORM), 105 * W);
}

/* The driver is unloaded and loaded again. */
static void test_reloaded(void **state)
{
	struct poll_meter *p = *state;
	char full[256];

	make_meter(p, IN_CLASS, 100 * W);
	poll_open(p, &meter_acpi);
	poll_after(p, 0);
	poll_after(p, 1000);
	snprintf(full, sizeof(full), "%s/" IN_CLASS "/power1_average", p->tree->dir);
	assert_int_equal(unlink(full), 0);
	for (u32 i = 0; i < 6; i++)
		poll_after(p, 1000);
	assert_int_equal(p->sample.zone[0].status, METER_ABSENT);
	assert_int_equal(p->sample.zone[0].value_uj, 100 * W);
	set_power(p, IN_CLASS, 100 * W);
	for (u32 i = 0; i < 10; i++)
		poll_after(p, 1000);
	assert_int_equal(p->sample.zone[0].status, METER_OK);
	assert_true(p->sample.zone[0].epoch > 0);
	assert_true(p->sample.zone[0].value_uj > 100 * W);
}

#define WITH_METER(name) cmocka_unit_test_setup_teardown(name, poll_setup, poll_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_METER(test_none),
		WITH_METER(test_energy),
		WITH_METER(test_interval),
		WITH_METER(test_faults),
		WITH_METER(test_bare),
		WITH_METER(test_on_the_bus),
		WITH_METER(test_by_walking),
		WITH_METER(test_driver_missing),
		WITH_METER(test_not_the_machine),
		WITH_METER(test_only_rails),
		WITH_METER(test_several),
		WITH_METER(test_measures),
		WITH_METER(test_measures_parts),
		WITH_METER(test_reloaded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
