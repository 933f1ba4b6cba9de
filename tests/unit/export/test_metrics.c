// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "export/metrics.h"
#include "export/number.h"

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

static void test_table_is_sorted_and_well_formed(void **state)
{
	assert_true(metric_families_count > 50);
	for (u32 i = 0; i < metric_families_count; i++) {
		const struct metric_family *family = &metric_families[i];

		if (i > 0)
			assert_true(strcmp(metric_families[i - 1].name, family->name) < 0);
		assert_int_equal(ends_with(family->name, "_total"), family->type == METRIC_COUNTER);
		assert_null(strpbrk(family->help, "\\\"\n|"));
		assert_int_equal(family->help[strlen(family->help) - 1], '.');
		assert_true(family->kind == METRIC_SAMPLED ? family->sample != NULL
							   : family->level < LEVEL_MAX);
	}
}

static void test_series_per_row_covers_a_row(void **state)
{
	/* eight figures of energy in two modes, six counters */
	assert_int_equal(metrics_series_per_row(LEVEL_CONTAINER), 8 * 2 + 6);
	assert_int_equal(metrics_series_per_row(LEVEL_PROCESS), 8 * 2 + 6);
	assert_int_equal(metrics_series_per_row(LEVEL_VM), 8 * 2 + 6);
	assert_int_equal(metrics_series_per_row(LEVEL_NAMESPACE), 7 * 2);
}

static void test_the_page_is_the_committed_one(void **state)
{
	char *page = NULL, committed[65536];
	size_t size = 0, len;
	FILE *out = open_memstream(&page, &size);
	FILE *file = fopen(getenv("DOC_METRICS"), "r");

	assert_non_null(out);
	assert_non_null(file);
	metrics_print_markdown(out);
	fclose(out);
	len = fread(committed, 1, sizeof(committed) - 1, file);
	committed[len] = '\0';
	fclose(file);
	assert_string_equal(page, committed);
	free(page);
}

static void expect_number(u64 value, u32 decimals, const char *wanted)
{
	char text[NUMBER_MAX + 1];

	*number_put_fixed(text, value, decimals) = '\0';
	assert_string_equal(text, wanted);
}

static void test_numbers_are_exact(void **state)
{
	char text[NUMBER_MAX + 1], wanted[NUMBER_MAX + 1];

	expect_number(0, 6, "0");
	expect_number(1, 6, "0.000001");
	expect_number(1000000, 6, "1");
	expect_number(12500000, 6, "12.5");
	expect_number(1000001, 6, "1.000001");
	expect_number(UINT64_MAX, 6, "18446744073709.551615");
	expect_number(UINT64_MAX, 0, "18446744073709551615");
	expect_number(1700000060250, 3, "1700000060.25");
	for (u64 value = 1, i = 0; i < 64; i++, value = value * 3 + i) {
		*number_put_u64(text, value) = '\0';
		snprintf(wanted, sizeof(wanted), "%ju", (uintmax_t)value);
		assert_string_equal(text, wanted);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table_is_sorted_and_well_formed),
		cmocka_unit_test(test_series_per_row_covers_a_row),
		cmocka_unit_test(test_the_page_is_the_committed_one),
		cmocka_unit_test(test_numbers_are_exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
