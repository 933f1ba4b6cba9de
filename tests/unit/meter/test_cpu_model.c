// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "meter/cpu_model.h"

static void test_parse_intel(void **state)
{
	struct cpu_id id;
	const char *text =
		"processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 85\n"
		"model name\t: Intel(R) Xeon(R) Gold 6248 CPU @ 2.50GHz\nstepping\t: 7\n\n"
		"processor\t: 1\nvendor_id\t: AuthenticAMD\ncpu family\t: 25\nmodel\t\t: 1\n";

	assert_int_equal(cpu_id_parse(text, &id), 0);
	assert_string_equal(id.vendor, "GenuineIntel");
	assert_int_equal(id.family, 6);
	assert_int_equal(id.model, 85);
	assert_int_equal(id.stepping, 7);
	assert_string_equal(cpu_model_find(&id)->name, "Cascade Lake");
}

static void test_parse_arm(void **state)
{
	struct cpu_id id;
	const char *text =
		"processor\t: 0\nBogoMIPS\t: 243.75\nCPU implementer\t: 0x41\n"
		"CPU architecture: 8\nCPU variant\t: 0x3\nCPU part\t: 0xd0c\nCPU revision\t: 1\n\n";

	assert_int_equal(cpu_id_parse(text, &id), 0);
	assert_string_equal(cpu_model_find(&id)->name, "neoverse_n1");
	assert_null(cpu_model_find(&id)->watts);
}

static void test_parse_wrong(void **state)
{
	static const char *const wrong[] = {
		"",
		"\n\n\n",
		"vendor_id",
		"vendor_id\t: GenuineIntel\n",
		"vendor_id : GenuineIntel\ncpu family : six\nmodel : 85\n",
		"vendor_id : GenuineIntelButFarTooLongToBeTrue\ncpu family : 6\nmodel : 85\n",
		"vendor_id : GenuineIntel\ncpu family : 6\nmodel : 99999999999999999999\n",
		"vendor_id : GenuineIntel\ncpu family : 6\nmodel name : 85\n",
	};
	struct cpu_id id = { .model = 77 };

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_int_equal(cpu_id_parse(wrong[i], &id), -EINVAL);
	assert_int_equal(id.model, 77);
}

static void test_find(void **state)
{
	static const struct {
		struct cpu_id id;
		const char *name;
	} cases[] = {
		{ { "GenuineIntel", 6, 63, 2 }, "Haswell" },
		{ { "GenuineIntel", 6, 85, 4 }, "Skylake" },
		{ { "GenuineIntel", 6, 85, 11 }, "Cooper Lake" },
		{ { "GenuineIntel", 6, 158, 9 }, "Kaby Lake" },
		{ { "GenuineIntel", 6, 158, 10 }, "Coffee Lake" },
		{ { "GenuineIntel", 6, 106, 6 }, "Sunny Cove" },
		{ { "GenuineIntel", 6, 143, 8 }, "Sapphire Rapids" },
		{ { "AuthenticAMD", 23, 49, 0 }, "Zen 2" },
		{ { "AuthenticAMD", 25, 17, 1 }, "Zen 4" },
		{ { "AuthenticAMD", 25, 160, 2 }, "Zen 4c" },
		{ { "GenuineIntel", 25, 17, 1 }, "unknown" },
		{ { "GenuineIntel", 6, 250, 0 }, "unknown" },
		{ { "", 0, 0, 0 }, "unknown" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(cpu_model_find(&cases[i].id)->name, cases[i].name);
}

static void test_this_machine(void **state)
{
	const char *which;
	struct sysroot root;

	assert_int_equal(sysroot_init(&root, "/proc", "/sys", &which), 0);
	assert_non_null(cpu_model_read(&root)->name);
	sysroot_deinit(&root);
	/* No procfs at all. */
	assert_string_equal(cpu_model_read(&root)->name, "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse_intel),  cmocka_unit_test(test_parse_arm),
		cmocka_unit_test(test_parse_wrong),  cmocka_unit_test(test_find),
		cmocka_unit_test(test_this_machine),
	};

	return cmocka_run_group_tests_name("meter/cpu_model", tests, NULL, NULL);
}
