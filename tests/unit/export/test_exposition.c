// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "export/exposition.h"
#include "fixture.h"

static const struct exposition_options all = {
	.levels = EXPOSITION_NODE | EXPOSITION_CONTAINER | EXPOSITION_PROCESS | EXPOSITION_VM,
	.node_label = true,
	.irq_counters = true,
	.node_name = "node-1",
	.cpu_architecture = "Skylake",
	.http_cut = { { "connection_limit", 0 }, { "header_timeout", 1 } },
};

/* The whole page as one string, read with a buffer of @size; *series, if wanted, is their number.
 */
static char *render(const struct snapshot *snapshot, const struct exposition_options *options,
		    size_t size, u64 *series)
{
	struct exposition *exposition = malloc(sizeof(*exposition));
	char *buf = malloc(size);
	char *page = NULL;
	size_t total = 0, len;

	assert_non_null(exposition);
	assert_non_null(buf);
	exposition_init(exposition, snapshot, options);
	while ((len = exposition_read(exposition, buf, size)) > 0) {
		assert_true(len <= size);
		assert_int_equal(buf[len - 1], '\n');
		page = realloc(page, total + len + 1);
		assert_non_null(page);
		memcpy(page + total, buf, len);
		total += len;
		page[total] = '\0';
	}
	assert_int_equal(exposition_read(exposition, buf, size), 0);
	if (series)
		*series = exposition->series;
	free(buf);
	free(exposition);
	assert_non_null(page);
	return page;
}

static void compare_with_golden(enum exposition_format format, const char *name)
{
	struct snapshot *snapshot = fixture_small();
	struct exposition_options options = all;
	char path[1024], *page, *golden;
	FILE *file;
	long size;

	options.format = format;
	page = render(snapshot, &options, EXPOSITION_LINE_MAX, NULL);
	snprintf(path, sizeof(path), "%s/%s", getenv("GOLDEN_DIR"), name);
	if (getenv("GOLDEN_UPDATE")) {
		file = fopen(path, "w");
		assert_non_null(file);
		fputs(page, file);
		fclose(file);
	}
	file = fopen(path, "r");
	assert_non_null(file);
	fseek(file, 0, SEEK_END);
	size = ftell(file);
	rewind(file);
	golden = calloc(1, (size_t)size + 1);
	assert_non_null(golden);
	assert_int_equal(fread(golden, 1, (size_t)size, file), size);
	fclose(file);
	assert_string_equal(page, golden);
	free(golden);
	free(page);
	fixture_free(snapshot);
}

static void test_text_is_the_golden_one(void **state)
{
	compare_with_golden(EXPOSITION_TEXT, "small.txt");
}

static void test_openmetrics_is_the_golden_one(void **state)
{
	compare_with_golden(EXPOSITION_OPENMETRICS, "small.openmetrics.txt");
}

/* However the reader asks, the page is the same. */
static void test_the_size_of_the_pieces_does_not_matter(void **state)
{
	static const size_t sizes[] = { EXPOSITION_LINE_MAX, EXPOSITION_LINE_MAX + 1, 9999, 32768,
					1 << 24 };
	struct snapshot *snapshot = fixture_big(150);
	char *first = render(snapshot, &all, sizes[0], NULL);

	for (u32 i = 1; i < ARRAY_SIZE(sizes); i++) {
		char *page = render(snapshot, &all, sizes[i], NULL);

		assert_string_equal(page, first);
		free(page);
	}
	free(first);
	fixture_free(snapshot);
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Splits @page into its sample lines, values cut off; returns their number. */
static size_t split_samples(char *page, char **lines, size_t max)
{
	size_t count = 0;

	for (char *line = strtok(page, "\n"); line; line = strtok(NULL, "\n")) {
		if (line[0] == '#')
			continue;
		assert_true(count < max);
		*strrchr(line, ' ') = '\0';
		lines[count++] = line;
	}
	return count;
}

static void test_no_two_series_share_a_label_set(void **state)
{
	enum { MAX = 100000 };
	struct snapshot *snapshot = fixture_big(2000);
	char **lines = calloc(MAX, sizeof(*lines));
	u64 series;
	char *page = render(snapshot, &all, 32768, &series);
	size_t count = split_samples(page, lines, MAX);

	assert_int_equal(count, series);
	assert_true(count > 2000 * 20);
	qsort(lines, count, sizeof(*lines), compare_lines);
	for (size_t i = 1; i < count; i++)
		assert_string_not_equal(lines[i - 1], lines[i]);
	free(lines);
	free(page);
	fixture_free(snapshot);
}

/* Heads come once, sorted, and every sample follows its own head. */
static void test_families_are_contiguous_and_sorted(void **state)
{
	struct snapshot *snapshot = fixture_big(100);
	char *page = render(snapshot, &all, 32768, NULL);
	char family[128] = "", previous[128];
	u32 heads = 0;

	for (char *line = strtok(page, "\n"); line; line = strtok(NULL, "\n")) {
		if (strncmp(line, "# HELP ", 7) == 0) {
			strcpy(previous, family);
			assert_int_equal(sscanf(line, "# HELP %127s", family), 1);
			assert_true(strcmp(previous, family) < 0);
			heads++;
		} else if (strncmp(line, "# TYPE ", 7) == 0) {
			assert_int_equal(strncmp(line + 7, family, strlen(family)), 0);
		} else {
			assert_int_equal(strncmp(line, family, strlen(family)), 0);
			assert_non_null(strchr("{ _", line[strlen(family)]));
		}
	}
	assert_true(heads > 50);
	free(page);
	fixture_free(snapshot);
}

static void expect_line(const char *page, const char *line, bool wanted)
{
	const char *at = strstr(page, line);

	if (wanted ? !at : !!at)
		fail_msg("%s: %s", wanted ? "missing" : "not wanted", line);
}

static void test_only_wanted_levels_and_present_domains(void **state)
{
	struct snapshot *snapshot = fixture_small();
	struct exposition_options options = all;
	char *page;

	options.levels = EXPOSITION_CONTAINER;
	options.node_label = false;
	options.irq_counters = false;
	page = render(snapshot, &options, EXPOSITION_LINE_MAX, NULL);
	expect_line(page, "\nkepler_container_core_joules_total{", true);
	expect_line(page, "kepler_container_gpu_joules_total", false);
	expect_line(page, "kepler_container_uncore_joules_total", false);
	expect_line(page, "\nkepler_container_bpf_cpu_time_us_total{", true);
	expect_line(page, "_irq_total", false);
	expect_line(page, "kepler_process_", false);
	expect_line(page, "kepler_vm_", false);
	expect_line(page, "kepler_node_package", false);
	expect_line(page, "\nkepler_namespace_joules_total{", true);
	expect_line(page, "\nkepler_node_unattributed_joules_total{", true);
	expect_line(page, "node=\"", false);
	expect_line(page, "container_id=\"hidden\"", false);
	free(page);
	fixture_free(snapshot);
}

/* Where BPF was refused nothing claims to come from it, and what only BPF counts is absent. */
static void test_proc_source_is_told(void **state)
{
	struct snapshot *snapshot = fixture_small();
	char *page;

	snapshot->activity_source = "proc";
	page = render(snapshot, &all, EXPOSITION_LINE_MAX, NULL);
	expect_line(page, "\nkepler_activity_info{source=\"proc\"} 1\n", true);
	expect_line(page, "source=\"bpf\"", false);
	expect_line(page,
		    "container_namespace=\"system\",source=\"proc\",node=\"node-1\"} 61500000\n",
		    true);
	expect_line(page, "_irq_total", false);
	expect_line(page, "page_cache", false);
	free(page);
	fixture_free(snapshot);
}

/* The page's own figures, read back as integers of microjoules, keep the books of the snapshot. */
static void test_energy_is_exact_to_the_last_digit(void **state)
{
	struct snapshot *snapshot = fixture_small();
	u64 *uj = snapshot->level[LEVEL_CONTAINER].row[0].account.energy_uj[MODE_DYNAMIC];
	char *page;

	uj[DOMAIN_PACKAGE] = UINT64_MAX;
	uj[DOMAIN_CORE] = 9007199254740993; /* no double holds this */
	uj[DOMAIN_DRAM] = 1;
	page = render(snapshot, &all, EXPOSITION_LINE_MAX, NULL);
	expect_line(
		page,
		"mode=\"dynamic\",source=\"rapl-sysfs\",node=\"node-1\"} 18446744073709.551615\n",
		true);
	expect_line(page,
		    "mode=\"dynamic\",source=\"rapl-sysfs\",node=\"node-1\"} 9007199254.740993\n",
		    true);
	expect_line(page, "mode=\"dynamic\",source=\"rapl-sysfs\",node=\"node-1\"} 0.000001\n",
		    true);
	free(page);
	fixture_free(snapshot);
}

static void test_estimates_say_so_in_help(void **state)
{
	struct snapshot *snapshot = fixture_small();
	char *page = render(snapshot, &all, EXPOSITION_LINE_MAX, NULL);
	const char *measured = strstr(page, "# HELP kepler_node_package_joules_total ");
	const char *estimated = strstr(page, "# HELP kepler_node_platform_joules_total ");

	assert_non_null(measured);
	assert_non_null(estimated);
	assert_null(memmem(measured, (size_t)(strchr(measured, '\n') - measured), "stimated", 8));
	assert_non_null(
		memmem(estimated, (size_t)(strchr(estimated, '\n') - estimated), "stimated", 8));
	expect_line(page, "\nkepler_estimate_error_ratio{domain=\"platform\"} 0.4\n", true);
	expect_line(page, "kepler_estimate_error_ratio{domain=\"package\"}", false);
	free(page);
	fixture_free(snapshot);
}

static void test_an_empty_machine_is_fine(void **state)
{
	struct snapshot snapshot = { .activity_source = "proc" };
	char *page = render(&snapshot, &all, EXPOSITION_LINE_MAX, NULL);

	expect_line(page, "joules_total{", false);
	expect_line(page, "components_power_source=\"none\"", true);
	free(page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_is_the_golden_one),
		cmocka_unit_test(test_openmetrics_is_the_golden_one),
		cmocka_unit_test(test_the_size_of_the_pieces_does_not_matter),
		cmocka_unit_test(test_no_two_series_share_a_label_set),
		cmocka_unit_test(test_families_are_contiguous_and_sorted),
		cmocka_unit_test(test_only_wanted_levels_and_present_domains),
		cmocka_unit_test(test_proc_source_is_told),
		cmocka_unit_test(test_energy_is_exact_to_the_last_digit),
		cmocka_unit_test(test_estimates_say_so_in_help),
		cmocka_unit_test(test_an_empty_machine_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
