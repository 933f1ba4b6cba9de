// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "meter/rapl_name.h"

static void test_ids(void **state)
{
	static const char *const wrong[] = {
		"",
		"intel-rapl",
		"intel-rapl:",
		"intel-rapl:x",
		"intel-rapl:0:",
		"intel-rapl:0:1:2",
		"intel-rapl:0x1",
		"intel-rapl-mmio",
		"intel-rapl:99999999999999999999",
		"dtpm:0",
		"intel-rapl: 1",
		"intel-rapl:-1",
	};
	struct rapl_id id = { .zone = 77 };

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_int_equal(rapl_id_parse(wrong[i], &id), -EINVAL);
	assert_int_equal(id.zone, 77);
	assert_int_equal(rapl_id_parse("intel-rapl:12:3", &id), 0);
	assert_false(id.mmio);
	assert_int_equal(id.zone, 12);
	assert_int_equal(id.sub, 3);
	assert_int_equal(rapl_id_parse("intel-rapl-mmio:0", &id), 0);
	assert_true(id.mmio);
	assert_int_equal(id.zone, 0);
	assert_int_equal(id.sub, RAPL_NO_SUB);
}

static void test_names(void **state)
{
	static const struct {
		const char *text;
		struct rapl_name name;
	} right[] = {
		{ "package-0", { DOMAIN_PACKAGE, 0, 0 } },
		{ "package-15", { DOMAIN_PACKAGE, 15, 0 } },
		{ "package-1-die-3", { DOMAIN_PACKAGE, 1, 3 } },
		{ "psys", { DOMAIN_PLATFORM, 0, 0 } },
		{ "psys-1", { DOMAIN_PLATFORM, 1, 0 } },
		{ "core", { DOMAIN_CORE, 0, 0 } },
		{ "uncore", { DOMAIN_UNCORE, 0, 0 } },
		{ "dram", { DOMAIN_DRAM, 0, 0 } },
	};
	static const char *const wrong[] = {
		"",           "package",        "package-",
		"package-0-", "package-0-die-", "package-0-die-1x",
		"psys-",      "package-x",      "package-4294967296",
		"dram-0",     "cores",          "Core",
		"package-0 ",
	};
	struct rapl_name name = { .die = 77 };

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_int_equal(rapl_name_parse(wrong[i], &name), -EINVAL);
	assert_int_equal(name.die, 77);
	for (size_t i = 0; i < ARRAY_SIZE(right); i++) {
		assert_int_equal(rapl_name_parse(right[i].text, &name), 0);
		assert_int_equal(name.domain, right[i].name.domain);
		assert_int_equal(name.socket, right[i].name.socket);
		assert_int_equal(name.die, right[i].name.die);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests_name("meter/rapl_name", tests, NULL, NULL);
}
