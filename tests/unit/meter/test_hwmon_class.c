// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "meter/acpi_find.h"
#include "meter/hwmon_class.h"
#include "meter/hwmon_scan.h"

static struct hwmon_verdict classify(const struct hwmon_assign *assign, const char *name,
				     const char *label, const char *sensor)
{
	struct hwmon_id id = {
		.name = name, .driver = "", .device = "1-0040", .label = label, .sensor = sensor
	};

	return hwmon_classify(assign, &id);
}

static void test_match(void **state)
{
	u32 number = 4711;

	assert_true(hwmon_match("", "", &number));
	assert_false(hwmon_match("", "a", &number));
	assert_true(hwmon_match("*", "", &number));
	assert_true(hwmon_match("a*c", "abcbc", &number));
	assert_false(hwmon_match("a*c", "abcb", &number));
	assert_int_equal(number, 4711);
	assert_true(hwmon_match("Chip # Vdd", "Chip 8 Vdd", &number));
	assert_int_equal(number, 8);
	assert_true(hwmon_match("Ecore#", "Ecore017", &number));
	assert_int_equal(number, 17);
	assert_false(hwmon_match("Ecore#", "Ecore", &number));
	assert_false(hwmon_match("Ecore#", "Ecore1a", &number));
	assert_false(hwmon_match("Ecore#", "Ecore10000", &number));
	assert_true(hwmon_match("* Socket #", "DRAM Power Socket 1", &number));
	assert_int_equal(number, 1);
}

/* What the makers of the drivers say, by hand from their documents. */
static void test_table(void **state)
{
	static const struct {
		const char *name, *label;
		enum hwmon_class class;
		u32 number;
	} rows[] = {
		{ "amd_energy", "Esocket1", HWMON_PACKAGE, 1 },
		{ "amd_energy", "Ecore063", HWMON_CORE, 63 },
		{ "ibmpowernv", "Chip 8", HWMON_PACKAGE, 8 },
		{ "ibmpowernv", "Chip 8 Vdd", HWMON_CORE, 8 },
		{ "ibmpowernv", "Chip 0 Memory", HWMON_DRAM, 0 },
		{ "ibmpowernv", "System", HWMON_PLATFORM, HWMON_NO_NUMBER },
		{ "ibmpowernv", "APSS 15", HWMON_PART, HWMON_NO_NUMBER },
		{ "power_meter", "Grace Power Socket 1", HWMON_PACKAGE, 1 },
		{ "power_meter", "CPU Power Socket 0", HWMON_CORE, 0 },
		{ "power_meter", "SysIO Power Socket 0", HWMON_UNCORE, 0 },
		{ "power_meter", "Module Power Socket 1", HWMON_MODULE, 1 },
		{ "power_meter", "DRAM Power Socket 1", HWMON_PART, 1 },
		{ "power_meter", "", HWMON_METER, HWMON_NO_NUMBER },
		{ "power_meter", "Dell Inc.", HWMON_METER, HWMON_NO_NUMBER },
		{ "apm_xgene", "CPU power", HWMON_CORE_RAIL, HWMON_NO_NUMBER },
		{ "apm_xgene", "IO power", HWMON_UNCORE_RAIL, HWMON_NO_NUMBER },
		{ "smpro_hwmon", "power1 CORE VRD", HWMON_CORE_RAIL, HWMON_NO_NUMBER },
		{ "smpro_hwmon", "power2 SoC", HWMON_UNCORE_RAIL, HWMON_NO_NUMBER },
		{ "smpro_hwmon", "power3 DIMM VRD1", HWMON_DRAM, HWMON_NO_NUMBER },
		{ "smpro_hwmon", "power5 RCA VRD", HWMON_UNCORE_RAIL, HWMON_NO_NUMBER },
		{ "zenpower", "SVI2_P_Core", HWMON_CORE_RAIL, HWMON_NO_NUMBER },
		{ "zenpower", "SVI2_P_SoC", HWMON_UNCORE_RAIL, HWMON_NO_NUMBER },
		{ "amd_hsmp_hwmon", "", HWMON_PACKAGE, HWMON_NO_NUMBER },
		{ "fam15h_power", "", HWMON_PACKAGE, HWMON_NO_NUMBER },
		{ "macsmc_hwmon", "Total System Power", HWMON_PLATFORM, HWMON_NO_NUMBER },
		{ "macsmc_hwmon", "AC Input Power", HWMON_PART, HWMON_NO_NUMBER },
		{ "corsairpsu", "power total", HWMON_PLATFORM, HWMON_NO_NUMBER },
		{ "corsairpsu", "power +12v", HWMON_PART, HWMON_NO_NUMBER },
		{ "ina3221", "VDD_IN", HWMON_PLATFORM, HWMON_NO_NUMBER },
		{ "ina3221", "VDD_SOMETHING", HWMON_RAIL, HWMON_NO_NUMBER },
		{ "amdgpu", "PPT", HWMON_GPU, HWMON_NO_NUMBER },
		{ "i915", "", HWMON_GPU, HWMON_NO_NUMBER },
		{ "i915_gt0", "", HWMON_GPU, HWMON_NO_NUMBER },
		{ "xe", "pkg", HWMON_GPU, HWMON_NO_NUMBER },
		{ "nouveau", "", HWMON_GPU, HWMON_NO_NUMBER },
		{ "nvme", "", HWMON_DISK, HWMON_NO_NUMBER },
		{ "drivetemp", "", HWMON_DISK, HWMON_NO_NUMBER },
		{ "sfp_eth1", "RX_power", HWMON_NIC, HWMON_NO_NUMBER },
		{ "cffps2", "pin", HWMON_SUPPLY, HWMON_NO_NUMBER },
		{ "nct6798", "", HWMON_UNKNOWN, HWMON_NO_NUMBER },
		{ "rpi_volt", "", HWMON_UNKNOWN, HWMON_NO_NUMBER },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct hwmon_verdict v = classify(NULL, rows[i].name, rows[i].label, "power1");

		if (v.class != rows[i].class || v.number != rows[i].number)
			fail_msg("%s %s: class %d, number %u", rows[i].name, rows[i].label, v.class,
				 v.number);
	}
}

/* What only the maker of a board knows is never counted without being told. */
static void test_board_monitors(void **state)
{
	static const char *const names[] = {
		"ina209",   "ina219",   "ina226",    "ina230",  "ina233",    "ina238",   "ina260",
		"ina3221",  "ltc2945",  "ltc2947",   "ltc2992", "ltc4151",   "ltc4215",  "ltc4260",
		"ltc4261",  "ltc4282",  "adm1275",   "adm1278", "adm1293",   "max20730", "max34440",
		"max34451", "tps53679", "tps546d24", "ir35221", "xdpe12284", "mp2975",   "pmbus",
		"ucd9000",  "ucd90320", "lm25066",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct hwmon_verdict v = classify(NULL, names[i], "", "power1");

		assert_int_equal(hwmon_domains(v.class), 0);
		assert_true(hwmon_is_open(v.class));
	}
}

/* In one domain the chips of one name count together at most: their ranks are their own. */
static void test_ranks_differ(void **state)
{
	static const struct {
		const char *name, *label;
	} package[] = {
		{ "amd_energy", "Esocket0" },
		{ "ibmpowernv", "Chip 0" },
		{ "power_meter", "Grace Power Socket 0" },
		{ "amd_hsmp_hwmon", "" },
		{ "apm_xgene", "CPU power" },
		{ "smpro_hwmon", "power2 SoC" },
		{ "zenpower", "SVI2_P_SoC" },
		{ "fam15h_power", "" },
	};

	for (size_t i = 1; i < ARRAY_SIZE(package); i++) {
		struct hwmon_verdict a =
			classify(NULL, package[i - 1].name, package[i - 1].label, "power1");
		struct hwmon_verdict b =
			classify(NULL, package[i].name, package[i].label, "power1");

		assert_true(hwmon_domains(a.class) & 1U << DOMAIN_PACKAGE);
		assert_true(a.rank > 0 && a.rank < b.rank);
	}
	assert_int_equal(classify(NULL, "apm_xgene", "CPU power", "power1").rank,
			 classify(NULL, "apm_xgene", "IO power", "power2").rank);
}

static void test_driver_stands_in(void **state)
{
	struct hwmon_id id = { .name = "",
			       .driver = "zenpower",
			       .device = "",
			       .label = "SVI2_P_Core",
			       .sensor = "power1" };

	assert_int_equal(hwmon_classify(NULL, &id).class, HWMON_CORE_RAIL);
}

static void test_assign_parse(void **state)
{
	struct hwmon_assign assign = { 0 };
	const char *why = NULL;

	assert_int_equal(hwmon_assign_parse("", &assign, &why), 0);
	assert_int_equal(assign.count, 0);
	assert_int_equal(hwmon_assign_parse(NULL, &assign, &why), 0);
	assert_int_equal(hwmon_assign_parse(" ina219 = platform , 1-0041/VDD / CPU=Package,"
					    "ltc2947/in0*curr1=ignore",
					    &assign, &why),
			 0);
	assert_int_equal(assign.count, 3);
	assert_string_equal(assign.item[0].chip, "ina219");
	assert_string_equal(assign.item[0].label, "");
	assert_int_equal(assign.item[0].class, HWMON_PLATFORM);
	assert_string_equal(assign.item[1].chip, "1-0041");
	assert_string_equal(assign.item[1].label, "VDD / CPU");
	assert_int_equal(assign.item[1].class, HWMON_PACKAGE);
	assert_int_equal(assign.item[2].class, HWMON_IGNORED);
}

static void test_assign_refused(void **state)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{ "ina219", "=" },
		{ "=platform", "chip" },
		{ "/a=platform", "chip" },
		{ "ina219/=platform", "label" },
		{ "ina219=", "domain" },
		{ "ina219=gpu", "domain" },
		{ "ina219=platform,,x=core", "=" },
		{ "abcdefghijklmnopqrstuvwxyz0123456789=core", "too long" },
		{ "a/abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmn=core", "too long" },
	};
	char many[1024] = "a=core";

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct hwmon_assign assign = { .count = 4711 };
		const char *why = "";

		assert_int_equal(hwmon_assign_parse(rows[i].text, &assign, &why), -EINVAL);
		assert_non_null(strstr(why, rows[i].why));
		assert_int_equal(assign.count, 4711);
	}
	for (u32 i = 1; i <= HWMON_ASSIGN_MAX; i++) {
		struct hwmon_assign assign;
		const char *why = "";

		assert_int_equal(hwmon_assign_parse(many, &assign, &why), 0);
		snprintf(many + strlen(many), sizeof(many) - strlen(many), ",a=core");
		if (i == HWMON_ASSIGN_MAX)
			assert_int_equal(hwmon_assign_parse(many, &assign, &why), -EINVAL);
	}
}

static void test_assign_applies(void **state)
{
	struct hwmon_assign assign;
	const char *why;
	struct hwmon_verdict v;

	assert_int_equal(
		hwmon_assign_parse("ina226=platform,ina226/VCPU=package,1-0040/power3=dram,"
				   "corsairpsu=ignore,adm1275=platform",
				   &assign, &why),
		0);
	v = classify(&assign, "ina226", "", "power1");
	assert_int_equal(v.class, HWMON_PLATFORM);
	assert_int_equal(v.rank, 0);
	assert_int_equal(v.assigned, 1);
	assert_int_equal(classify(&assign, "ina226", "VCPU", "power1").class, HWMON_PACKAGE);
	assert_int_equal(classify(&assign, "anything", "", "power3").class, HWMON_DRAM);
	assert_int_equal(classify(&assign, "corsairpsu", "power total", "power1").class,
			 HWMON_IGNORED);
	assert_int_equal(classify(&assign, "ltc4282", "", "power1").class, HWMON_RAIL);
	/* What goes out of a chip came in: assigned as a whole, it counts once. */
	assert_int_equal(classify(&assign, "adm1275", "pin", "power1").class, HWMON_PLATFORM);
	assert_int_equal(classify(&assign, "adm1275", "pout1", "power2").class, HWMON_RAIL);
}

static void test_attr_parse(void **state)
{
	struct hwmon_attr attr = { .index = 4711 };

	assert_int_equal(hwmon_attr_parse("power12_average", &attr), 0);
	assert_int_equal(attr.kind, HWMON_KIND_POWER);
	assert_int_equal(attr.index, 12);
	assert_int_equal(attr.has, HWMON_HAS_AVERAGE);
	assert_int_equal(hwmon_attr_parse("in0_input", &attr), 0);
	assert_int_equal(attr.kind, HWMON_KIND_IN);
	assert_int_equal(attr.index, 0);
	attr.index = 4711;
	assert_int_equal(hwmon_attr_parse("power_input", &attr), -EINVAL);
	assert_int_equal(hwmon_attr_parse("power1_input_highest", &attr), -EINVAL);
	assert_int_equal(hwmon_attr_parse("power512_input", &attr), -EINVAL);
	assert_int_equal(hwmon_attr_parse("power99999999999999999999_input", &attr), -EINVAL);
	assert_int_equal(hwmon_attr_parse("temp1_input", &attr), -EINVAL);
	assert_int_equal(hwmon_attr_parse("in_voltage0_raw", &attr), -EINVAL);
	assert_int_equal(hwmon_attr_parse("", &attr), -EINVAL);
	assert_int_equal(attr.index, 4711);
}

static void test_accuracy(void **state)
{
	double error = 4711;

	assert_int_equal(acpi_accuracy_parse("95.0%", &error), 0);
	assert_true(error > 0.0499 && error < 0.0501);
	assert_int_equal(acpi_accuracy_parse("99.50%", &error), 0);
	assert_true(error > 0.00949 && error < 0.00951);
	assert_int_equal(acpi_accuracy_parse("100.0%", &error), 0);
	assert_true(error == 0);
	error = 4711;
	assert_int_equal(acpi_accuracy_parse("100.1%", &error), -EINVAL);
	assert_int_equal(acpi_accuracy_parse("-5.0%", &error), -EINVAL);
	assert_int_equal(acpi_accuracy_parse("95.0", &error), -EINVAL);
	assert_int_equal(acpi_accuracy_parse("95.0%x", &error), -EINVAL);
	assert_int_equal(acpi_accuracy_parse("", &error), -EINVAL);
	assert_true(error == 4711);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_match),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_board_monitors),
		cmocka_unit_test(test_ranks_differ),
		cmocka_unit_test(test_driver_stands_in),
		cmocka_unit_test(test_assign_parse),
		cmocka_unit_test(test_assign_refused),
		cmocka_unit_test(test_assign_applies),
		cmocka_unit_test(test_attr_parse),
		cmocka_unit_test(test_accuracy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
