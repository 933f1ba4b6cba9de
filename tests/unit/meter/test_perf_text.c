// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "meter/cpu_topology.h"
#include "meter/perf_text.h"

/* 2^-32 J without rounding: all 23 digits are kept. */
static void test_kernel_scale(void **state)
{
	struct perf_scale scale;

	assert_int_equal(perf_scale_parse("2.3283064365386962890625e-10", &scale), 0);
	assert_int_equal(scale.uj, 15625);
	assert_true(scale.per_counts == 1 << 26);
	assert_true(perf_scale_uj(&scale, 1ULL << 32) == UJ_PER_J);
	assert_true(perf_scale_uj(&scale, 1ULL << 63) == (1ULL << 31) * UJ_PER_J);
	/* 61 uJ, one step of the hardware. */
	assert_true(perf_scale_uj(&scale, 1ULL << 18) == 61);
	/* Against the same in shifts: v uJ are v * 2^32 / 10^6 counts. */
	for (u64 count = 1; count < 1ULL << 62; count = count * 3 + 7)
		assert_true(perf_scale_uj(&scale, count) == (u64)(((u128)count * UJ_PER_J) >> 32));
}

static void test_other_scales(void **state)
{
	static const struct {
		const char *text;
		u64 count, uj;
	} cases[] = {
		{ "1e-9", 1234567890, 1234567 },
		{ "1", 3, 3000000 },
		{ "0.5", 3, 1500000 },
		{ ".25E1", 2, 5000000 },
		{ "6.103515625e-05", 2, 122 },
		{ "1e+3", 2, 2000000000 },
		{ "0.000001", UINT64_MAX, UINT64_MAX },
		/* As a program prints a double: cut, and all the same exact enough. */
		{ "2.3283064365386963e-10", 1ULL << 62, (1ULL << 30) * UJ_PER_J },
		{ "1e12", UINT64_MAX, UINT64_MAX },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct perf_scale scale;

		assert_int_equal(perf_scale_parse(cases[i].text, &scale), 0);
		assert_true(perf_scale_uj(&scale, cases[i].count) == cases[i].uj);
	}
}

static void test_bad_scales(void **state)
{
	static const char *const wrong[] = {
		"",    "e5",    ".",   "1e",  "1e+", "1.2.3", "-1",  "+1",   "0x1",
		"1 J", "1e--5", "nan", "inf", "0",   "0.0e5", "1,5", "1e5x", " 1",
	};
	static const char *const too_much[] = {
		"1e41",
		"1e-41",

		"1e20",
		"1e99999999999999999999",
		"99999999999999999999999999999999999999999",
		/* 21 digits that no power of two or five takes away. */
		"1.23456789012345678901",
	};
	struct perf_scale scale = { .uj = 4711 };

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_int_equal(perf_scale_parse(wrong[i], &scale), -EINVAL);
	for (size_t i = 0; i < ARRAY_SIZE(too_much); i++)
		assert_int_equal(perf_scale_parse(too_much[i], &scale), -ERANGE);
	assert_int_equal(scale.uj, 4711);
}

static void test_terms(void **state)
{
	const char *text = "event=0x02,umask=7,edge\n";
	struct perf_term term;

	assert_int_equal(perf_term_next(&text, &term), 1);
	assert_string_equal(term.name, "event");
	assert_int_equal(term.value, 2);
	assert_int_equal(perf_term_next(&text, &term), 1);
	assert_string_equal(term.name, "umask");
	assert_int_equal(term.value, 7);
	assert_int_equal(perf_term_next(&text, &term), 1);
	assert_string_equal(term.name, "edge");
	assert_int_equal(term.value, 1);
	assert_int_equal(perf_term_next(&text, &term), 0);
}

static void test_bad_terms(void **state)
{
	static const char *const wrong[] = {
		"=1",
		",event=1",
		"event=",
		"event=x",
		"event=-1",
		"event=1 ",
		"event=0x",
		"event=99999999999999999999",
		"a_name_that_is_longer_than_any=1",
	};

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		const char *text = wrong[i];
		struct perf_term term = { .value = 4711 };

		assert_int_equal(perf_term_next(&text, &term), -EINVAL);
		assert_ptr_equal(text, wrong[i]);
		assert_int_equal(term.value, 4711);
	}
}

static void test_formats(void **state)
{
	u64 config = 0;

	assert_int_equal(perf_format_put("config:0-7", 0x02, &config), 0);
	assert_true(config == 0x02);
	assert_int_equal(perf_format_put("config:8-15,32-35", 0x5a7, &config), 0);
	assert_true(config == 0x50000a702);
	assert_int_equal(perf_format_put("config:63", 1, &config), 0);
	assert_true(config == 0x800000050000a702);
	assert_int_equal(perf_format_put("config:0-63", 4, &config), 0);
	assert_true(config == 4);
	assert_int_equal(perf_format_put("config:0-7", 0x100, &config), -ERANGE);
	assert_int_equal(perf_format_put("config1:0-7", 1, &config), -EINVAL);
	assert_int_equal(perf_format_put("config:0-64", 1, &config), -EINVAL);
	assert_int_equal(perf_format_put("config:7-0", 1, &config), -EINVAL);
	assert_int_equal(perf_format_put("config:", 0, &config), -EINVAL);
	assert_int_equal(perf_format_put("", 1, &config), -EINVAL);
	assert_true(config == 4);
}

static void test_cpu_lists(void **state)
{
	const char *text = "0-3,8,10-11\n";
	u32 first, last;

	assert_true(cpu_list_has(text, 0) && cpu_list_has(text, 3) && cpu_list_has(text, 8));
	assert_true(cpu_list_has(text, 11));
	assert_false(cpu_list_has(text, 4) || cpu_list_has(text, 9) || cpu_list_has(text, 12));
	assert_int_equal(cpu_list_next(&text, &first, &last), 1);
	assert_int_equal(first, 0);
	assert_int_equal(last, 3);
	assert_int_equal(cpu_list_next(&text, &first, &last), 1);
	assert_int_equal(first, 8);
	assert_int_equal(last, 8);
	assert_int_equal(cpu_list_next(&text, &first, &last), 1);
	assert_int_equal(cpu_list_next(&text, &first, &last), 0);
	text = "";
	assert_int_equal(cpu_list_next(&text, &first, &last), 0);
}

static void test_bad_cpu_lists(void **state)
{
	static const char *const wrong[] = { ",",   "-1",         "3-",    "3-1",          "a",
					     "1;2", "00000001,f", "65536", "0-99999999999" };

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		const char *text = wrong[i];
		u32 first, last;
		int r;

		while ((r = cpu_list_next(&text, &first, &last)) == 1)
			;
		assert_int_equal(r, -EINVAL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kernel_scale), cmocka_unit_test(test_other_scales),
		cmocka_unit_test(test_bad_scales),   cmocka_unit_test(test_terms),
		cmocka_unit_test(test_bad_terms),    cmocka_unit_test(test_formats),
		cmocka_unit_test(test_cpu_lists),    cmocka_unit_test(test_bad_cpu_lists),
	};

	return cmocka_run_group_tests_name("meter/perf_text", tests, NULL, NULL);
}
