// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "meter/rapl_filter.h"
#include "tree.h"

static void write_reg(const struct tree *t, u32 reg, u64 value)
{
	char path[160];
	int fd;

	tree_write(t, "dev/cpu/0/cpuid", "%s", "");
	snprintf(path, sizeof(path), "%s/dev/cpu/0/msr", t->dir);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, &value, sizeof(value), (off_t)reg), sizeof(value));
	close(fd);
}

/* Opens the tree and asks; the tree's machine is Intel's unless a test made it another. */
static enum rapl_filtering filtering(struct tree *t)
{
	char dev[128];
	const char *which;
	char proc[128], sys[128];
	enum rapl_filtering found;

	snprintf(proc, sizeof(proc), "%s/proc", t->dir);
	snprintf(sys, sizeof(sys), "%s/sys", t->dir);
	snprintf(dev, sizeof(dev), "%s/dev", t->dir);
	assert_int_equal(sysroot_init(&t->root, proc, sys, &which), 0);
	sysroot_set_dev(&t->root, dev);
	found = rapl_filtering_read(&t->root);
	sysroot_deinit(&t->root);
	return found;
}

#define CONTROLS (3ULL << 10)

static void test_registers(void **state)
{
	struct tree *t = *state;

	write_reg(t, 0x10a, CONTROLS);
	write_reg(t, 0xbc, 1);
	assert_int_equal(filtering(t), RAPL_FILTERING_ON);
	write_reg(t, 0xbc, 2);
	assert_int_equal(filtering(t), RAPL_FILTERING_OFF);
	/* Without both bits the register says nothing. */
	write_reg(t, 0xbc, 1);
	write_reg(t, 0x10a, 1ULL << 10);
	assert_int_equal(filtering(t), RAPL_FILTERING_OFF);
	write_reg(t, 0x10a, 1ULL << 11);
	assert_int_equal(filtering(t), RAPL_FILTERING_OFF);
}

static void test_sgx(void **state)
{
	struct tree *t = *state;

	/* No registers, no SGX. */
	assert_int_equal(filtering(t), RAPL_FILTERING_UNKNOWN);
	tree_cpu(t, "GenuineIntel", 6, 106, "fpu sgx_lc nosgx");
	assert_int_equal(filtering(t), RAPL_FILTERING_UNKNOWN);
	tree_cpu(t, "GenuineIntel", 6, 106, "fpu sgx avx");
	assert_int_equal(filtering(t), RAPL_FILTERING_POSSIBLE);
	tree_cpu(t, "GenuineIntel", 6, 106, "fpu avx sgx");
	write_reg(t, 0x10a, CONTROLS);
	write_reg(t, 0xbc, 0);
	assert_int_equal(filtering(t), RAPL_FILTERING_POSSIBLE);
	write_reg(t, 0xbc, 1);
	assert_int_equal(filtering(t), RAPL_FILTERING_ON);
}

/* AMD has none; of a CPU that can't be told nothing is known. */
static void test_others(void **state)
{
	struct tree *t = *state;

	write_reg(t, 0x10a, CONTROLS);
	write_reg(t, 0xbc, 1);
	tree_cpu(t, "AuthenticAMD", 25, 17, "fpu sgx");
	assert_int_equal(filtering(t), RAPL_FILTERING_OFF);
	tree_write(t, "proc/cpuinfo", "?\n");
	assert_int_equal(filtering(t), RAPL_FILTERING_UNKNOWN);
}

/* Registers that fault or can't be reached. */
static void test_faults(void **state)
{
	struct tree *t = *state;

	write_reg(t, 0x10, 0);
	assert_int_equal(filtering(t), RAPL_FILTERING_OFF);
	tree_cpu(t, "GenuineIntel", 6, 106, "sgx");
	assert_int_equal(filtering(t), RAPL_FILTERING_POSSIBLE);
}

static void test_notes(void **state)
{
	struct meter_report report;

	report_begin(&report);
	rapl_filtering_note(RAPL_FILTERING_OFF, &report);
	rapl_filtering_note(RAPL_FILTERING_UNKNOWN, &report);
	assert_int_equal(report.notes, 0);
	rapl_filtering_note(RAPL_FILTERING_POSSIBLE, &report);
	rapl_filtering_note(RAPL_FILTERING_ON, &report);
	assert_int_equal(report.notes, 2);
	for (u32 i = 0; i < report.notes; i++) {
		assert_string_equal(report.note[i].code, "filtering");
		/* Nothing was cut. */
		assert_true(strlen(report.note[i].text) < sizeof(report.note[i].text) - 1);
		assert_true(strlen(report.note[i].remedy) < sizeof(report.note[i].remedy) - 1);
	}
	assert_int_equal(report.note[0].severity, METER_INFO);
	assert_int_equal(report.note[1].severity, METER_WARNING);
}

#define WITH_TREE(test) cmocka_unit_test_setup_teardown(test, tree_setup, tree_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_TREE(test_registers), WITH_TREE(test_sgx),          WITH_TREE(test_others),
		WITH_TREE(test_faults),    cmocka_unit_test(test_notes),
	};

	return cmocka_run_group_tests_name("meter/rapl_filter", tests, NULL, NULL);
}
