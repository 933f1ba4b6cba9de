// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "meter/cpu_model.h"
#include "tree.h"

static const char *const used_rows[][3] = {
#define CPU_WATTS(name, idle, full) { name, #idle, #full },
#define CPU_WATTS_LEFT_OUT(name, reason)
#include "meter/cpu_watts.def"
#undef CPU_WATTS
#undef CPU_WATTS_LEFT_OUT
};

static const char *const left_out_rows[][2] = {
#define CPU_WATTS(name, idle, full)
#define CPU_WATTS_LEFT_OUT(name, reason) { name, reason },
#include "meter/cpu_watts.def"
#undef CPU_WATTS
#undef CPU_WATTS_LEFT_OUT
};

static const struct {
	struct cpu_id id;
	const char *row;
} cpus[] = {
#define CPU_MODEL(vendor, family, model, first, last, name, watts) \
	{ { vendor, family, model, first }, watts },
#include "meter/cpu_model.def"
#undef CPU_MODEL
};

/* Every row of the CSV is in the table, digit by digit, or left out with a reason; nothing else is.
 */
static void test_table_is_the_csv(void **state)
{
	FILE *csv = fopen(KEPLER_DATA_DIR "/cpu_watts_per_thread.csv", "re");
	char line[256];
	size_t rows = 0;

	assert_non_null(csv);
	assert_non_null(fgets(line, sizeof(line), csv));
	assert_string_equal(line, "index,Architecture,Min Watts,Max Watts,GB/Chip\n");
	while (fgets(line, sizeof(line), csv)) {
		char name[64], idle[32], full[32];
		int found = 0;

		assert_int_equal(sscanf(line, "%*d,%63[^,],%31[^,],%31[^,],", name, idle, full), 3);
		for (size_t i = 0; i < ARRAY_SIZE(used_rows); i++) {
			if (strcmp(used_rows[i][0], name) != 0)
				continue;
			assert_string_equal(used_rows[i][1], idle);
			assert_string_equal(used_rows[i][2], full);
			found++;
		}
		for (size_t i = 0; i < ARRAY_SIZE(left_out_rows); i++) {
			if (strcmp(left_out_rows[i][0], name) == 0) {
				assert_true(strlen(left_out_rows[i][1]) > 10);
				found++;
			}
		}
		assert_int_equal(found, 1);
		rows++;
	}
	fclose(csv);
	assert_int_equal(rows, ARRAY_SIZE(used_rows) + ARRAY_SIZE(left_out_rows));
}

static void write_cpuinfo(struct tree *t, const struct cpu_id *id)
{
	if (strcmp(id->vendor, "arm") == 0)
		tree_write(t, "proc/cpuinfo", "CPU implementer\t: 0x%x\nCPU part\t: 0x%x\n",
			   id->family, id->model);
	else
		tree_write(t, "proc/cpuinfo",
			   "vendor_id\t: %s\ncpu family\t: %u\nmodel\t\t: %u\nstepping\t: %u\n",
			   id->vendor, id->family, id->model, id->stepping);
}

static u64 value_of(const struct tree *t, enum power_domain domain)
{
	for (u32 i = 0; i < t->count; i++) {
		if (meter_set_zone(t->set, i)->domain == domain &&
		    t->readings[i].status == METER_OK)
			return t->readings[i].value_uj;
	}
	fail_msg("no zone of domain %s", domain_name(domain));
	return 0;
}

/* 100 s idle and 100 s at full load on 4 CPUs against watts times seconds. */
static void check_watts(struct tree *t, double idle, double full)
{
	static const double share[][2] = { { 1, 1 }, { 0.18, 0.50 }, { 0.22, 0.16 } };
	static const enum power_domain domain[] = { DOMAIN_PLATFORM, DOMAIN_PACKAGE, DOMAIN_DRAM };
	u64 start[3], middle[3];

	tree_open(t);
	tree_tick(t, 0);
	assert_int_equal(tree_count_ok(t), 3);
	for (int i = 0; i < 3; i++)
		start[i] = value_of(t, domain[i]);
	for (int i = 0; i < 100; i++)
		tree_tick(t, 0);
	for (int i = 0; i < 3; i++)
		middle[i] = value_of(t, domain[i]);
	for (int i = 0; i < 100; i++)
		tree_tick(t, 4 * NSEC_PER_SEC);
	for (int i = 0; i < 3; i++) {
		double idle_uj = 400e6 * idle * share[i][0], full_uj = 400e6 * full * share[i][1];

		assert_int_equal(start[i], 0);
		assert_true(fabs((double)middle[i] - idle_uj) < 2);
		assert_true(fabs((double)(value_of(t, domain[i]) - middle[i]) - full_uj) < 2);
	}
	t->set = meter_set_free(t->set);
	sysroot_deinit(&t->root);
}

static double row_of(const char *name, int column)
{
	for (size_t i = 0; i < ARRAY_SIZE(used_rows); i++) {
		if (strcmp(used_rows[i][0], name) == 0)
			return strtod(used_rows[i][column], NULL);
	}
	fail_msg("the CPU table names a row \"%s\" that is not there", name);
	return 0;
}

static void test_every_cpu(void **state)
{
	struct tree *t = *state;
	bool reached[ARRAY_SIZE(used_rows)] = { false };

	for (size_t i = 0; i < ARRAY_SIZE(cpus); i++) {
		write_cpuinfo(t, &cpus[i].id);
		if (!cpus[i].row) {
			/* The medians of the 15 rows, read off the sorted columns. */
			check_watts(t, 0.766796875, 4.063193520161689);
			continue;
		}
		check_watts(t, row_of(cpus[i].row, 1), row_of(cpus[i].row, 2));
		for (size_t row = 0; row < ARRAY_SIZE(used_rows); row++)
			reached[row] = reached[row] || strcmp(used_rows[row][0], cpus[i].row) == 0;
	}
	for (size_t row = 0; row < ARRAY_SIZE(used_rows); row++)
		assert_true(reached[row]);
}

static void test_half_load(void **state)
{
	struct tree *t = *state;

	tree_open(t);
	tree_tick(t, 0);
	for (int i = 0; i < 10; i++)
		tree_tick(t, 2 * NSEC_PER_SEC);
	/* EPYC 4th Gen, 4 threads, 10 s. */
	assert_true(fabs((double)value_of(t, DOMAIN_PLATFORM) -
			 40e6 * (0.7391482469512195 + 2.282155106707317) / 2) < 2);
}

static void test_load_is_clamped(void **state)
{
	struct tree *t = *state;

	tree_open(t);
	tree_tick(t, 0);
	tree_tick(t, 100 * NSEC_PER_SEC);
	assert_true(fabs((double)value_of(t, DOMAIN_PLATFORM) - 4e6 * 2.282155106707317) < 2);
	/* Counters that stand still or go back cost nothing and break nothing. */
	t->input.run_ns = 0;
	tree_tick(t, 0);
	assert_true(fabs((double)value_of(t, DOMAIN_PLATFORM) -
			 4e6 * (2.282155106707317 + 0.7391482469512195)) < 2);
	t->input.now_ns -= 10 * NSEC_PER_SEC;
	tree_tick(t, 0);
	assert_true(fabs((double)value_of(t, DOMAIN_PLATFORM) -
			 4e6 * (2.282155106707317 + 0.7391482469512195)) < 2);
}

/* A tick of one millisecond holds fractions of microjoules: none may be lost. */
static void test_fractions_are_carried(void **state)
{
	struct tree *t = *state;

	tree_open(t);
	tree_tick(t, 0);
	for (int i = 0; i < 100000; i++) {
		t->input.now_ns += 997;
		t->count = meter_set_read(t->set, &t->input, t->readings);
	}
	assert_true(fabs((double)value_of(t, DOMAIN_PLATFORM) -
			 99700e-6 * 4e6 * 0.7391482469512195) < 2);
}

static void test_what_it_says(void **state)
{
	struct tree *t = *state;
	const struct meter_state *s;
	double known;

	tree_open(t);
	tree_tick(t, 0);
	s = meter_set_state(t->set, METER_EMBEDDED);
	assert_string_equal(s->name, "embedded");
	assert_string_equal(s->source, "trained_power_model");
	assert_true(s->used);
	assert_int_equal(s->status, METER_OK);
	assert_non_null(strstr(s->detail, "Zen 4"));
	assert_int_equal(meter_set_zone(t->set, 0)->quality, QUALITY_PRIOR);
	assert_int_equal(meter_set_zone(t->set, 0)->domain, DOMAIN_PLATFORM);
	assert_string_equal(meter_set_zone(t->set, 1)->package, "0");
	known = meter_set_zone(t->set, 0)->error_ratio;
	assert_true(known > 0.1 && known < meter_set_zone(t->set, 1)->error_ratio);
	t->set = meter_set_free(t->set);
	sysroot_deinit(&t->root);

	tree_write(t, "proc/cpuinfo", "no such thing\n");
	tree_open(t);
	tree_tick(t, 0);
	assert_true(meter_set_zone(t->set, 0)->error_ratio > known);
	assert_non_null(strstr(meter_set_state(t->set, METER_EMBEDDED)->detail, "unknown"));
}

static int setup_zen(void **state)
{
	int r = tree_setup(state);

	tree_cpu(*state, "AuthenticAMD", 25, 17, "fpu");
	return r;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table_is_the_csv),
		cmocka_unit_test_setup_teardown(test_every_cpu, setup_zen, tree_teardown),
		cmocka_unit_test_setup_teardown(test_half_load, setup_zen, tree_teardown),
		cmocka_unit_test_setup_teardown(test_load_is_clamped, setup_zen, tree_teardown),
		cmocka_unit_test_setup_teardown(test_fractions_are_carried, setup_zen,
						tree_teardown),
		cmocka_unit_test_setup_teardown(test_what_it_says, setup_zen, tree_teardown),
	};

	return cmocka_run_group_tests_name("meter/embedded", tests, NULL, NULL);
}
