// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hwmon_tree.h"

#define W 1000000ULL /* uW, and uJ of a second */

static void xgene(struct poll_meter *p, u32 chip, u64 cpu_uw, u64 io_uw)
{
	attr(p, chip, "name", "apm_xgene");
	power(p, chip, 1, "CPU power", cpu_uw);
	power(p, chip, 2, "IO power", io_uw);
}

static void test_nothing(void **state)
{
	struct poll_meter *p = *state;

	poll_open(p, &meter_hwmon);
	assert_null(p->meter.priv);
	assert_non_null(strstr(p->meter.report.found, "no chips"));
}

/* Chips without power: a machine like most. It is looked at once a minute. */
static void test_only_temperatures(void **state)
{
	struct poll_meter *p = *state;

	attr(p, 0, "name", "nvme");
	attr(p, 0, "temp1_input", "40000");
	attr(p, 1, "name", "nct6798");
	attr(p, 1, "in0_input", "800");
	attr(p, 1, "in1_input", "1000");
	open_hwmon(p);
	poll_after(p, 0);
	assert_int_equal(p->sample.zones, 0);
	assert_int_equal(p->sample.report.notes, 0);
	assert_int_equal(p->sample.next_ns, p->when.now_ns + 60 * NSEC_PER_SEC);
}

/* 60 W of cores and 20 W beside them over 10 s of steady polling, however far polls are apart. */
static void test_xgene_energy(void **state)
{
	static const u64 steps_ms[] = { 1000, 250, 3750, 5000 };
	struct poll_meter *p = *state;
	const struct sample_zone *core;

	xgene(p, 0, 60 * W, 20 * W);
	open_hwmon(p);
	poll_after(p, 0);
	assert_int_equal(poll_sum_uj(p, DOMAIN_PACKAGE), 0);
	for (size_t i = 0; i < ARRAY_SIZE(steps_ms); i++)
		poll_after(p, steps_ms[i]);
	assert_int_equal(p->sample.zones, 4);
	assert_int_equal(poll_sum_uj(p, DOMAIN_PACKAGE), 800 * W);
	assert_int_equal(poll_sum_uj(p, DOMAIN_UNCORE), 200 * W);
	core = poll_zone(p, DOMAIN_CORE, "0");
	assert_non_null(core);
	assert_int_equal(core->value_uj, 600 * W);
	assert_int_equal(core->status, METER_OK);
	assert_int_equal(core->taken_ns, p->when.now_ns);
	assert_int_equal(core->zone.modulus_uj, 0);
	assert_string_equal(core->zone.name, "apm_xgene power1 CPU power");
}

/* A ramp from 10 to 30 W in 4 s is 80 J: the mean of instants, the last of averages. */
static void test_instant_and_average(void **state)
{
	struct poll_meter *p = *state;

	attr(p, 0, "name", "amd_hsmp_hwmon");
	power(p, 0, 1, NULL, 10 * W);
	attr(p, 1, "name", "amd_hsmp_hwmon");
	value(p, 1, "power1_average", 10 * W);
	open_hwmon(p);
	poll_after(p, 0);
	value(p, 0, "power1_input", 30 * W);
	value(p, 1, "power1_average", 30 * W);
	poll_after(p, 4000);
	assert_int_equal(poll_zone(p, DOMAIN_PACKAGE, "0")->value_uj, 80 * W);
	assert_int_equal(poll_zone(p, DOMAIN_PACKAGE, "1")->value_uj, 120 * W);
}

/* The average of fam15h_power is of something smaller. */
static void test_fam15h(void **state)
{
	struct poll_meter *p = *state;

	attr(p, 0, "name", "fam15h_power");
	power(p, 0, 1, NULL, 50 * W);
	value(p, 0, "power1_average", 7 * W);
	open_hwmon(p);
	poll_after(p, 0);
	poll_after(p, 1000);
	assert_int_equal(poll_sum_uj(p, DOMAIN_PACKAGE), 50 * W);
}

static void test_smpro(void **state)
{
	struct poll_meter *p = *state;

	attr(p, 3, "name", "smpro_hwmon");
	power(p, 3, 1, "power1 CORE VRD", 100 * W);
	power(p, 3, 2, "power2 SoC", 30 * W);
	power(p, 3, 3, "power3 DIMM VRD1", 9 * W);
	power(p, 3, 4, "power4 DIMM VRD2", 8 * W);
	power(p, 3, 5, "power5 RCA VRD", 3 * W);
	value(p, 3, "in0_input", 900);
	value(p, 3, "curr1_input", 110000);
	open_hwmon(p);
	poll_after(p, 0);
	poll_after(p, 1000);
	assert_int_equal(poll_sum_uj(p, DOMAIN_PACKAGE), 133 * W);
	assert_int_equal(poll_sum_uj(p, DOMAIN_CORE), 100 * W);
	assert_int_equal(poll_sum_uj(p, DOMAIN_DRAM), 17 * W);
	assert_int_equal(poll_sum_uj(p, DOMAIN_PLATFORM), 0);
	assert_string_equal(poll_zone(p, DOMAIN_CORE, "0")->zone.name,
			    "smpro_hwmon power1 CORE VRD");
}

/* One meter per rail, as the firmware of Grace has them; everything is in device/. */
static void grace(struct poll_meter *p, u32 chip, const char *text, u64 uw)
{
	attr(p, chip, "device/name", "power_meter");
	attr(p, chip, "device/power1_oem_info", text);
	value(p, chip, "device/power1_average", uw);
}

static void test_grace(void **state)
{
	struct poll_meter *p = *state;

	grace(p, 0, "Grace Power Socket 0", 200 * W);
	grace(p, 1, "CPU Power Socket 0", 120 * W);
	grace(p, 2, "SysIO Power Socket 0", 40 * W);
	grace(p, 3, "Module Power Socket 0", 700 * W);
	grace(p, 4, "Grace Power Socket 1", 210 * W);
	grace(p, 5, "NVSwitch Power Socket 1", 33 * W);
	grace(p, 6, "", 900 * W);
	open_hwmon(p);
	poll_after(p, 0);
	poll_after(p, 1000);
	assert_int_equal(p->sample.zones, 4);
	assert_int_equal(poll_zone(p, DOMAIN_PACKAGE, "0")->value_uj, 200 * W);
	assert_int_equal(poll_zone(p, DOMAIN_PACKAGE, "1")->value_uj, 210 * W);
	assert_int_equal(poll_zone(p, DOMAIN_CORE, "0")->value_uj, 120 * W);
	assert_int_equal(poll_zone(p, DOMAIN_UNCORE, "0")->value_uj, 40 * W);
	assert_non_null(strstr(poll_note(p, "scope")->text, "Module Power Socket 0"));
	assert_non_null(strstr(poll_note(p, "scope")->remedy,
			       "power_meter/Module Power Socket 0=platform"));
	assert_null(poll_note(p, "unassigned"));
}

/* Cores of both sockets in turn, as on a machine with interleaved CPU numbers. */
static void test_amd_energy(void **state)
{
	struct poll_meter *p = *state;
	char path[96], label[16];

	attr(p, 0, "name", "amd_energy");
	for (u32 cpu = 0; cpu < 40; cpu++) {
		static const char *const files[] = { "physical_package_id", "die_id", "core_id" };
		u32 numbers[] = { cpu % 2, 0, cpu };

		for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
			snprintf(path, sizeof(path), "sys/devices/system/cpu/cpu%u/topology/%s",
				 cpu, files[i]);
			tree_write(p->tree, path, "%u\n", numbers[i]);
		}
		snprintf(label, sizeof(label), "Ecore%03u", cpu);
		energy(p, 0, cpu + 1, label, 1000 * W + cpu);
	}
	energy(p, 0, 41, "Esocket0", 5);
	energy(p, 0, 42, "Esocket1", 6);
	open_hwmon(p);
	poll_after(p, 0);
	assert_int_equal(p->sample.zones, 4);
	for (u32 cpu = 0; cpu < 40; cpu++)
		energy(p, 0, cpu + 1, NULL, 1000 * W + cpu + (cpu % 2 ? 3 : 2));
	energy(p, 0, 41, NULL, 5 + 77);
	energy(p, 0, 42, NULL, 6 + 88);
	/* One CPU goes offline: the others go on, and nothing goes down. */
	remove_attr(p, 0, "energy2_input");
	poll_after(p, 1000);
	assert_int_equal(poll_zone(p, DOMAIN_CORE, "0")->value_uj, 20 * 2);
	assert_int_equal(poll_zone(p, DOMAIN_CORE, "1")->value_uj, 19 * 3);
	assert_int_equal(poll_zone(p, DOMAIN_CORE, "1")->status, METER_OK);
	assert_int_equal(poll_zone(p, DOMAIN_PACKAGE, "0")->value_uj, 77);
	assert_int_equal(poll_zone(p, DOMAIN_PACKAGE, "1")->value_uj, 88);
	/* Started anew: nothing is made up, and nobody subtracts across. */
	energy(p, 0, 41, NULL, 1);
	poll_after(p, 1000);
	assert_int_equal(poll_zone(p, DOMAIN_PACKAGE, "0")->value_uj, 77);
	assert_int_equal(poll_zone(p, DOMAIN_PACKAGE, "0")->epoch, 1);
	assert_int_equal(poll_zone(p, DOMAIN_PACKAGE, "1")->epoch, 0);
}

static void test_power9(void **state)
{
	struct poll_meter *p = *state;
	static const struct {
		const char *label;
		u64 uj;
	} rows[] = {
		{ "Chip 0 ", 157 },      { "Chip 0 Vdd", 113 }, { "Chip 0 Vdn", 12 },
		{ "Chip 8 ", 99 },       { "System", 426 },     { "APSS 15 ", 426 },
		{ "Chip 0 Memory", 20 },
	};

	attr(p, 0, "name", "ibmpowernv");
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		energy(p, 0, i + 1, rows[i].label, 1000);
		power(p, 0, i + 1, rows[i].label, 999 * W);
	}
	open_hwmon(p);
	poll_after(p, 0);
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++)
		energy(p, 0, i + 1, rows[i].label, 1000 + rows[i].uj);
	poll_after(p, 1000);
	assert_int_equal(poll_zone(p, DOMAIN_PACKAGE, "0")->value_uj, 157);
	assert_int_equal(poll_zone(p, DOMAIN_PACKAGE, "8")->value_uj, 99);
	assert_int_equal(poll_zone(p, DOMAIN_CORE, "0")->value_uj, 113);
	assert_int_equal(poll_zone(p, DOMAIN_UNCORE, "0")->value_uj, 12);
	assert_int_equal(poll_zone(p, DOMAIN_DRAM, "0")->value_uj, 20);
	assert_int_equal(poll_count(p, DOMAIN_PLATFORM), 1);
	assert_int_equal(poll_sum_uj(p, DOMAIN_PLATFORM), 426);
}

/* Everything that is none of ours, beside one sensor that is: nothing is summed with it. */
static void test_unrelated(void **state)
{
	static const char *const names[] = { "amdgpu", "i915",      "xe",    "nouveau",
					     "nvme",   "drivetemp", "sfc",   "cffps1",
					     "ina226", "ltc4282",   "pmbus", "wonder" };
	struct poll_meter *p = *state;

	xgene(p, 0, 60 * W, 20 * W);
	for (u32 i = 0; i < ARRAY_SIZE(names); i++) {
		attr(p, i + 1, "name", names[i]);
		power(p, i + 1, 1, NULL, 1000 * W);
		energy(p, i + 1, 2, NULL, 1000 * W);
	}
	attr(p, 20, "name", "BAT0");
	attr(p, 20, "device/type", "Battery");
	power(p, 20, 1, NULL, 9 * W);
	open_hwmon(p);
	poll_after(p, 0);
	for (u32 i = 0; i < ARRAY_SIZE(names); i++)
		energy(p, i + 1, 2, NULL, 2000 * W);
	poll_after(p, 1000);
	assert_int_equal(p->sample.zones, 4);
	assert_int_equal(poll_sum_uj(p, DOMAIN_PACKAGE), 80 * W);
	assert_non_null(strstr(poll_note(p, "unassigned")->text, "10 sensors"));
	assert_null(strstr(poll_note(p, "unassigned")->text, "amdgpu"));
}

/* Two drivers that measure the same sockets are never added. */
static void test_rivals(void **state)
{
	struct poll_meter *p = *state;
	const struct sample_zone *zone;

	attr(p, 0, "name", "zenpower");
	power(p, 0, 1, "SVI2_P_Core", 40 * W);
	power(p, 0, 2, "SVI2_P_SoC", 10 * W);
	attr(p, 1, "name", "amd_hsmp_hwmon");
	power(p, 1, 1, NULL, 65 * W);
	open_hwmon(p);
	poll_after(p, 0);
	poll_after(p, 1000);
	assert_int_equal(poll_count(p, DOMAIN_PACKAGE), 1);
	assert_int_equal(poll_sum_uj(p, DOMAIN_PACKAGE), 65 * W);
	assert_int_equal(poll_sum_uj(p, DOMAIN_CORE), 40 * W);
	assert_non_null(strstr(poll_note(p, "duplicate")->text, "zenpower"));
	/* The better one fails for good: the other takes over, in a new epoch. */
	attr(p, 1, "power1_input", "broken");
	for (u32 i = 0; i < 20; i++)
		poll_after(p, 1000);
	assert_int_equal(poll_count(p, DOMAIN_PACKAGE), 2);
	zone = poll_zone(p, DOMAIN_PACKAGE, "0");
	assert_int_equal(zone->status, METER_OK);
	assert_int_equal(zone->epoch, 1);
	assert_int_equal(poll_sum_uj(p, DOMAIN_PACKAGE), 21 * 50 * W);
}

static void test_platform_sensors(void **state)
{
	struct poll_meter *p = *state;
	const struct sample_zone *zone;

	attr(p, 0, "name", "corsairpsu");
	power(p, 0, 1, "power total", 210 * W);
	power(p, 0, 2, "power +12v", 190 * W);
	value(p, 0, "in1_input", 12000);
	value(p, 0, "curr2_input", 15000);
	open_hwmon(p);
	poll_after(p, 0);
	poll_after(p, 2000);
	assert_int_equal(p->sample.zones, 1);
	zone = poll_zone(p, DOMAIN_PLATFORM, "corsairpsu-0");
	assert_non_null(zone);
	assert_int_equal(zone->value_uj, 420 * W);
	assert_true(zone->zone.error_ratio > 0.09 && zone->zone.error_ratio < 0.11);
	assert_non_null(strstr(poll_note(p, "scope")->text, "tenth"));
}

/* A Jetson: 19.5 V at 1.25 A are 24.375 W; only the voltage has a label. */
static void test_jetson(void **state)
{
	struct poll_meter *p = *state;

	attr(p, 1, "name", "ina3221");
	attr(p, 1, "in1_label", "VDD_IN");
	attr(p, 1, "in2_label", "VDD_CPU_GPU_CV");
	attr(p, 1, "in3_label", "VDD_SOC");
	for (u32 i = 1; i <= 3; i++) {
		char name[32];

		snprintf(name, sizeof(name), "in%u_input", i);
		value(p, 1, name, 19500);
		snprintf(name, sizeof(name), "curr%u_input", i);
		value(p, 1, name, 1250);
	}
	open_hwmon(p);
	poll_after(p, 0);
	poll_after(p, 1000);
	assert_int_equal(p->sample.zones, 1);
	assert_int_equal(poll_sum_uj(p, DOMAIN_PLATFORM), 24375000);
	assert_string_equal(p->sample.zone[0].zone.name, "ina3221 in1*curr1 VDD_IN");
	/* Without load the current is a little below zero; fed from behind it is no consumption. */
	attr(p, 1, "curr1_input", "-8");
	poll_after(p, 0);
	poll_after(p, 1000);
	assert_int_equal(poll_sum_uj(p, DOMAIN_PLATFORM), 24375000);
	assert_int_equal(p->sample.zone[0].status, METER_OK);
	attr(p, 1, "curr1_input", "-800");
	poll_after(p, 1000);
	assert_int_equal(p->sample.zone[0].status, METER_ERROR);
}

/* Voltage and current by equal labels, by the table, by equal numbers; switched off ones not. */
static void test_pairing(void **state)
{
	struct poll_meter *p = *state;

	p->tree->options.hwmon_assign = "alpha=platform,k10temp=platform,beta=platform";
	attr(p, 0, "name", "alpha");
	attr(p, 0, "in1_label", "vout2");
	attr(p, 0, "in2_label", "vout1");
	attr(p, 0, "curr1_label", "iout1");
	value(p, 0, "in1_input", 1);
	value(p, 0, "in2_input", 5000);
	value(p, 0, "curr1_input", 1000);
	attr(p, 1, "name", "k10temp");
	value(p, 1, "in0_input", 1100);
	value(p, 1, "in1_input", 1);
	value(p, 1, "curr1_input", 10000);
	/* Of a chip in the table nothing is guessed. */
	value(p, 1, "in3_input", 5000);
	value(p, 1, "curr3_input", 1000);
	attr(p, 2, "name", "beta");
	value(p, 2, "in3_input", 12000);
	value(p, 2, "curr3_input", 2000);
	value(p, 2, "in4_input", 12000);
	value(p, 2, "curr4_input", 2000);
	value(p, 2, "curr4_enable", 0);
	value(p, 2, "curr5_input", 2000);
	open_hwmon(p);
	poll_after(p, 0);
	poll_after(p, 1000);
	assert_int_equal(p->sample.zones, 3);
	assert_int_equal(poll_zone(p, DOMAIN_PLATFORM, "alpha-0")->value_uj, 5 * W);
	assert_int_equal(poll_zone(p, DOMAIN_PLATFORM, "k10temp-0")->value_uj, 11 * W);
	assert_int_equal(poll_zone(p, DOMAIN_PLATFORM, "beta-0")->value_uj, 24 * W);
}

/* The counter is better than the power beside it, and the power than a product. */
static void test_best_tier(void **state)
{
	struct poll_meter *p = *state;

	p->tree->options.hwmon_assign = "ina238=platform,adm1275=platform";
	attr(p, 0, "name", "ina238");
	energy(p, 0, 1, NULL, 0);
	power(p, 0, 1, NULL, 500 * W);
	value(p, 0, "in1_input", 12000);
	value(p, 0, "curr1_input", 12000);
	attr(p, 1, "name", "adm1275");
	power(p, 1, 1, "pin", 100 * W);
	power(p, 1, 2, "pout1", 95 * W);
	attr(p, 1, "in2_label", "vout1");
	attr(p, 1, "curr1_label", "iout1");
	value(p, 1, "in2_input", 12000);
	value(p, 1, "curr1_input", 8000);
	open_hwmon(p);
	poll_after(p, 0);
	energy(p, 0, 1, NULL, 123);
	poll_after(p, 1000);
	assert_int_equal(p->sample.zones, 2);
	assert_int_equal(poll_zone(p, DOMAIN_PLATFORM, "ina238-0")->value_uj, 123);
	assert_int_equal(poll_zone(p, DOMAIN_PLATFORM, "adm1275-0")->value_uj, 100 * W);
}

static void test_assign(void **state)
{
	struct poll_meter *p = *state;

	p->tree->options.hwmon_assign =
		"1-0040=platform,ina226/VCPU=package,corsairpsu=ignore,absent/x=dram";
	attr(p, 0, "name", "ina226");
	make_link(p, 0, "device", "../../../1-0040");
	power(p, 0, 1, NULL, 70 * W);
	attr(p, 1, "name", "ina226");
	power(p, 1, 1, "VCPU", 30 * W);
	attr(p, 2, "name", "ina226");
	power(p, 2, 1, "VFAN", 3 * W);
	attr(p, 3, "name", "corsairpsu");
	power(p, 3, 1, "power total", 210 * W);
	open_hwmon(p);
	poll_after(p, 0);
	poll_after(p, 1000);
	assert_int_equal(p->sample.zones, 2);
	assert_int_equal(poll_sum_uj(p, DOMAIN_PLATFORM), 70 * W);
	assert_int_equal(poll_sum_uj(p, DOMAIN_PACKAGE), 30 * W);
	assert_non_null(strstr(poll_note(p, "unassigned")->text, "ina226 hwmon2: VFAN"));
	assert_non_null(strstr(poll_note(p, "unassigned")->remedy, "ina226/VFAN=platform"));
	assert_non_null(strstr(poll_note(p, "assign")->text, "absent/x"));
}

static void test_assign_broken(void **state)
{
	struct poll_meter *p = *state;

	p->tree->options.hwmon_assign = "apm_xgene=everything";
	xgene(p, 0, W, W);
	open_hwmon(p);
	poll_after(p, 0);
	assert_int_equal(p->sample.zones, 4);
	assert_int_equal(poll_note(p, "assign")->severity, METER_PROBLEM);
	assert_non_null(strstr(poll_note(p, "assign")->text, "domain"));
}

/* What a driver may put in the way of one sensor does not touch the one beside it. */
static void test_faults(void **state)
{
	static const struct {
		const char *text;
		enum meter_status status;
	} faults[] = {
		{ "", METER_ERROR },
		{ "garbage", METER_ERROR },
		{ "-5000000", METER_ERROR },
		{ "99999999999999999999999", METER_ERROR },
		{ "12 34", METER_ERROR },
		{ "-", METER_ERROR },
		{ "18446744073709551615", METER_ERROR },
	};
	struct poll_meter *p = *state;
	u64 io_uj = 0, core_uj;

	xgene(p, 0, 60 * W, 20 * W);
	open_hwmon(p);
	poll_after(p, 0);
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		attr(p, 0, "power1_input", faults[i].text);
		core_uj = poll_zone(p, DOMAIN_CORE, "0")->value_uj;
		poll_after(p, 1000);
		assert_int_equal(poll_zone(p, DOMAIN_CORE, "0")->status, faults[i].status);
		assert_int_equal(poll_zone(p, DOMAIN_CORE, "0")->value_uj, core_uj);
		io_uj += 20 * W;
		assert_int_equal(poll_zone(p, DOMAIN_UNCORE, "0")->value_uj, io_uj);
		value(p, 0, "power1_input", 60 * W);
		/* One failed read hides nothing. */
		poll_after(p, 1000);
		assert_int_equal(poll_zone(p, DOMAIN_CORE, "0")->status, METER_OK);
		assert_int_equal(poll_zone(p, DOMAIN_CORE, "0")->value_uj, core_uj + 120 * W);
		assert_int_equal(poll_zone(p, DOMAIN_CORE, "0")->epoch, 0);
		io_uj += 20 * W;
	}
	/* A directory in place of the file is an error of the read itself. */
	remove_attr(p, 0, "power1_input");
	attr(p, 0, "power1_input/x", "");
	poll_after(p, 1000);
	assert_int_equal(poll_zone(p, DOMAIN_CORE, "0")->status, METER_ERROR);
}

/* After a long silence the time in between is not made up, and the epoch says so. */
static void test_silence(void **state)
{
	struct poll_meter *p = *state;
	u64 before_uj;

	xgene(p, 0, 60 * W, 20 * W);
	open_hwmon(p);
	poll_after(p, 0);
	poll_after(p, 1000);
	attr(p, 0, "power1_input", "broken");
	for (u32 i = 0; i < 8; i++)
		poll_after(p, 1000);
	before_uj = poll_zone(p, DOMAIN_CORE, "0")->value_uj;
	value(p, 0, "power1_input", 60 * W);
	poll_after(p, 1000);
	assert_int_equal(poll_zone(p, DOMAIN_CORE, "0")->value_uj, before_uj);
	assert_int_equal(poll_zone(p, DOMAIN_CORE, "0")->epoch, 1);
	poll_after(p, 1000);
	assert_int_equal(poll_zone(p, DOMAIN_CORE, "0")->value_uj, before_uj + 60 * W);
}

static void test_denied(void **state)
{
	struct poll_meter *p = *state;
	bool root = geteuid() == 0;
	char full[256];

	xgene(p, 0, 60 * W, 20 * W);
	full_path(p, full, sizeof(full), 0, "power1_input");
	assert_int_equal(chmod(full, 0), 0);
	assert_int_equal(chmod(p->tree->dir, 0755), 0);
	/* Root reads everything. */
	if (root && seteuid(65534) < 0)
		skip();
	open_hwmon(p);
	poll_after(p, 0);
	if (root)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(poll_zone(p, DOMAIN_CORE, "0")->status, METER_DENIED);
	assert_non_null(strstr(poll_note(p, "denied")->remedy, "CAP_DAC_READ_SEARCH"));
}

/* A supply is unplugged, and comes back under another number and HID instance. */
static void test_unplugged(void **state)
{
	struct poll_meter *p = *state;
	const struct sample_zone *zone;

	attr(p, 4, "name", "corsairpsu");
	make_link(p, 4, "device", "../../../0003:1B1C:1C05.0001");
	power(p, 4, 1, "power total", 100 * W);
	open_hwmon(p);
	poll_after(p, 0);
	poll_after(p, 1000);
	remove_attr(p, 4, "");
	poll_after(p, 1000);
	zone = poll_zone(p, DOMAIN_PLATFORM, "corsairpsu-0");
	assert_int_equal(zone->status, METER_ABSENT);
	assert_int_equal(zone->value_uj, 100 * W);
	attr(p, 7, "name", "corsairpsu");
	make_link(p, 7, "device", "../../../0003:1B1C:1C05.0002");
	power(p, 7, 1, "power total", 50 * W);
	/* It is looked for soon, not after a minute. */
	for (u32 i = 0; i < 5; i++)
		poll_after(p, 1000);
	assert_int_equal(p->sample.zones, 1);
	zone = poll_zone(p, DOMAIN_PLATFORM, "corsairpsu-0");
	assert_int_equal(zone->status, METER_OK);
	assert_true(zone->epoch > 0);
	assert_true(zone->value_uj >= 150 * W && zone->value_uj <= 300 * W);
}

/* The number of a chip that went is another chip's now: its power is not taken for the first's. */
static void test_number_used_again(void **state)
{
	struct poll_meter *p = *state;

	attr(p, 4, "name", "corsairpsu");
	power(p, 4, 1, "power total", 100 * W);
	open_hwmon(p);
	poll_after(p, 0);
	poll_after(p, 1000);
	remove_attr(p, 4, "");
	attr(p, 4, "name", "amdgpu");
	power(p, 4, 1, "PPT", 300 * W);
	for (u32 i = 0; i < 4; i++)
		poll_after(p, 1000);
	assert_int_equal(poll_sum_uj(p, DOMAIN_PLATFORM), 100 * W);
	assert_int_equal(p->sample.zone[0].status, METER_ABSENT);
}

/* A second socket that appears, and a first that goes, do not change places. */
static void test_sockets_stay(void **state)
{
	struct poll_meter *p = *state;

	xgene(p, 0, 10 * W, 0);
	make_link(p, 0, "device", "../../../APMC0D8A:00");
	xgene(p, 1, 30 * W, 0);
	make_link(p, 1, "device", "../../../APMC0D8A:01");
	open_hwmon(p);
	poll_after(p, 0);
	poll_after(p, 1000);
	assert_int_equal(poll_zone(p, DOMAIN_CORE, "0")->value_uj, 10 * W);
	assert_int_equal(poll_zone(p, DOMAIN_CORE, "1")->value_uj, 30 * W);
	remove_attr(p, 0, "");
	for (u32 i = 0; i < 61; i++)
		poll_after(p, 1000);
	assert_int_equal(poll_zone(p, DOMAIN_CORE, "0")->status, METER_ABSENT);
	assert_int_equal(poll_zone(p, DOMAIN_CORE, "0")->value_uj, 10 * W);
	assert_int_equal(poll_zone(p, DOMAIN_CORE, "1")->value_uj, 62 * 30 * W);
	assert_int_equal(poll_zone(p, DOMAIN_CORE, "1")->epoch, 0);
}

/* A driver that is loaded later is found within a minute. */
static void test_found_later(void **state)
{
	struct poll_meter *p = *state;

	attr(p, 0, "name", "coretemp");
	open_hwmon(p);
	poll_after(p, 0);
	xgene(p, 1, 10 * W, 0);
	poll_after(p, 60000);
	poll_after(p, 1000);
	assert_int_equal(poll_zone(p, DOMAIN_CORE, "0")->value_uj, 10 * W);
}

/* More sensors than there is room for: bounded, told, and what has room counts. */
static void test_too_many(void **state)
{
	struct poll_meter *p = *state;
	char name[32];

	p->tree->options.hwmon_assign = "big=dram";
	attr(p, 0, "name", "big");
	for (u32 i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "power%u_input", i);
		value(p, 0, name, W);
	}
	open_hwmon(p);
	poll_after(p, 0);
	assert_int_equal(p->sample.zones, SAMPLE_ZONES_MAX);
	assert_non_null(poll_note(p, "too-many"));
}

/* Labels are bytes of others: printable, and cut. */
static void test_hostile_labels(void **state)
{
	struct poll_meter *p = *state;

	p->tree->options.hwmon_assign = "odd=dram";
	attr(p, 0, "name", "odd");
	attr(p, 0, "power1_label",
	     "\x1b[31m\xff\"a label that is much longer than any label of a driver ought to be\"");
	value(p, 0, "power1_input", W);
	open_hwmon(p);
	poll_after(p, 0);
	assert_int_equal(p->sample.zones, 1);
	for (const char *c = p->sample.zone[0].zone.name; *c; c++)
		assert_in_range(*c, 0x20, 0x7e);
}

/* Through the set of meters, with its thread: the readings arrive. */
static void test_in_the_set(void **state)
{
	struct poll_meter *p = *state;
	bool found = false;

	xgene(p, 0, 60 * W, 20 * W);
	tree_open(p->tree);
	for (u32 i = 0; i < 3000 && !found; i++) {
		meter_set_kick(p->tree->set);
		tree_tick(p->tree, NSEC_PER_SEC);
		for (u32 z = 0; z < p->tree->count; z++)
			found = found || strcmp(meter_set_zone(p->tree->set, z)->name,
						"apm_xgene power1 CPU power") == 0;
		usleep(10000);
	}
	assert_true(found);
}

#define WITH_METER(name) cmocka_unit_test_setup_teardown(name, poll_setup, poll_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_METER(test_nothing),       WITH_METER(test_only_temperatures),
		WITH_METER(test_xgene_energy),  WITH_METER(test_instant_and_average),
		WITH_METER(test_fam15h),        WITH_METER(test_smpro),
		WITH_METER(test_grace),         WITH_METER(test_amd_energy),
		WITH_METER(test_power9),        WITH_METER(test_unrelated),
		WITH_METER(test_rivals),        WITH_METER(test_platform_sensors),
		WITH_METER(test_jetson),        WITH_METER(test_pairing),
		WITH_METER(test_best_tier),     WITH_METER(test_assign),
		WITH_METER(test_assign_broken), WITH_METER(test_faults),
		WITH_METER(test_silence),       WITH_METER(test_denied),
		WITH_METER(test_unplugged),     WITH_METER(test_number_used_again),
		WITH_METER(test_sockets_stay),  WITH_METER(test_found_later),
		WITH_METER(test_too_many),      WITH_METER(test_hostile_labels),
		WITH_METER(test_in_the_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
