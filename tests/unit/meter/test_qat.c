// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "meter/qat.h"
#include "tree.h"

#define DEBUG "sys/kernel/debug/qat_4xxx_0000:6b:00.0/telemetry/"
#define APART "sys/bus/pci/devices/0000:f3:00.0/telemetry/"
#define ENDPOINT "sys/devices/pci0000:f7/0000:f7:00.0/telemetry/"

/* As the kernel's driver writes it with control at 1. */
#define DATA                                  \
	"sample_cnt                     42\n" \
	"pci_trans_cnt                   7\n" \
	"max_rd_lat                   1234\n" \
	"gp_lat_acc_avg               8765\n" \
	"bw_in                        9001\n" \
	"util_cpr0                      55\n" \
	"exec_cpr0                 1048576\n"

static void open_roots(struct tree *t)
{
	char proc[128], sys[128];
	const char *which;

	snprintf(proc, sizeof(proc), "%s/proc", t->dir);
	snprintf(sys, sizeof(sys), "%s/sys", t->dir);
	assert_int_equal(sysroot_init(&t->root, proc, sys, &which), 0);
}

static struct qat *open_qat(struct tree *t)
{
	struct qat *qat;

	open_roots(t);
	assert_int_equal(qat_open(&t->root, &qat), 0);
	/* It keeps what it needs of the root. */
	sysroot_deinit(&t->root);
	return qat;
}

static void check_file(const struct tree *t, const char *path, const char *expected)
{
	char full[256], text[64];
	FILE *file;
	size_t len;

	snprintf(full, sizeof(full), "%s/%s", t->dir, path);
	file = fopen(full, "r");
	assert_non_null(file);
	len = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[len] = '\0';
	assert_string_equal(text, expected);
}

/* The value of @type of @device, or -1. */
static double value_of(const struct qat_value *values, u32 count, const char *device,
		       const char *type)
{
	for (u32 i = 0; i < count; i++) {
		if (strcmp(values[i].device, device) == 0 && strcmp(values[i].type, type) == 0)
			return values[i].value;
	}
	return -1;
}

static void test_none(void **state)
{
	struct tree *t = *state;
	struct qat_value value;
	struct qat *qat;

	tree_write(t, "sys/bus/pci/devices/0000:00:1f.3/vendor", "0x8086\n");
	tree_write(t, "sys/kernel/debug/qat_4xxx_nowhere/telemetry/control", "0\n");
	qat = open_qat(t);
	assert_null(qat);
	assert_int_equal(qat_devices(qat), 0);
	assert_int_equal(qat_enable(qat), 0);
	assert_int_equal(qat_read(qat, &value, 1), 0);
	assert_null(qat_close(qat));
}

static void test_kernel_driver(void **state)
{
	struct tree *t = *state;
	struct qat_value values[QAT_VALUES_MAX];
	struct qat *qat;
	u32 count;

	tree_write(t, DEBUG "control", "0\n");
	tree_write(t, DEBUG "device_data", "%s", "");
	qat = open_qat(t);
	assert_int_equal(qat_devices(qat), 1);
	/* Looking changes nothing. */
	assert_int_equal(qat_read(qat, values, QAT_VALUES_MAX), 0);
	check_file(t, DEBUG "control", "0\n");

	assert_int_equal(qat_enable(qat), 1);
	check_file(t, DEBUG "control", "1\n");
	tree_write(t, DEBUG "device_data", DATA);
	count = qat_read(qat, values, QAT_VALUES_MAX);
	assert_int_equal(count, 7);
	assert_true(value_of(values, count, "0000:6b:00.0", "sample_cnt") == 42);
	assert_true(value_of(values, count, "0000:6b:00.0", "latency") == 8765);
	assert_true(value_of(values, count, "0000:6b:00.0", "max_rd_lat") == 1234);
	assert_true(value_of(values, count, "0000:6b:00.0", "util_cpr0") == 55);
	assert_true(value_of(values, count, "0000:6b:00.0", "exec_cpr0") == 1048576);

	/* The next second, and room for less than there is. */
	tree_write(t, DEBUG "device_data", "sample_cnt 43\nutil_cpr0 56\n");
	assert_int_equal(qat_read(qat, values, 1), 1);
	assert_true(values[0].value == 43);
	assert_int_equal(qat_read(qat, values, 0), 0);

	assert_null(qat_close(qat));
	check_file(t, DEBUG "control", "0\n");
}

/* Three devices by three ways, one of them found twice; the one that was on stays on. */
static void test_all_places(void **state)
{
	struct tree *t = *state;
	struct qat_value values[QAT_VALUES_MAX];
	struct qat *qat;
	u32 count;

	tree_write(t, DEBUG "control", "3\n");
	tree_write(t, DEBUG "device_data", "sample_cnt 5 1 9 4\ngp_lat_acc_avg 70 60 90 71\n");
	tree_write(t, APART "control", "0\n");
	tree_write(t, APART "device_data", "sample_cnt 6\nlat_acc_avg 80\n");
	tree_write(t, ENDPOINT "control", "0\n");
	tree_write(t, ENDPOINT "device_data", "sample_cnt 7\n");
	tree_write(t, "sys/devices/pci0000:f3/0000:f3:00.0/telemetry/control", "0\n");
	tree_write(t, "sys/devices/pci0000:f3/0000:f3:00.0/telemetry/device_data",
		   "sample_cnt 8\n");
	qat = open_qat(t);
	assert_int_equal(qat_devices(qat), 3);
	assert_int_equal(qat_enable(qat), 3);
	/* Twice is once. */
	assert_int_equal(qat_enable(qat), 3);
	check_file(t, DEBUG "control", "3\n");
	check_file(t, APART "control", "1\n");
	check_file(t, ENDPOINT "control", "1\n");
	count = qat_read(qat, values, QAT_VALUES_MAX);
	assert_int_equal(count, 5);
	assert_true(value_of(values, count, "0000:6b:00.0", "latency") == 70);
	assert_true(value_of(values, count, "0000:f3:00.0", "latency") == 80);
	assert_true(value_of(values, count, "0000:f3:00.0", "sample_cnt") == 6);
	assert_true(value_of(values, count, "0000:f7:00.0", "sample_cnt") == 7);
	qat_close(qat);
	check_file(t, DEBUG "control", "3\n");
	check_file(t, APART "control", "0\n");
	check_file(t, ENDPOINT "control", "0\n");
}

/* The driver goes: its device falls silent and the other goes on. */
static void test_one_gone(void **state)
{
	struct tree *t = *state;
	struct qat_value values[QAT_VALUES_MAX];
	struct qat *qat;

	tree_write(t, DEBUG "control", "1\n");
	tree_write(t, DEBUG "device_data", DATA);
	tree_write(t, APART "control", "0\n");
	tree_write(t, APART "device_data", "sample_cnt 6\n");
	qat = open_qat(t);
	assert_int_equal(qat_enable(qat), 2);
	assert_int_equal(qat_read(qat, values, QAT_VALUES_MAX), 8);
	tree_write(t, DEBUG "device_data", "%s", "");
	assert_int_equal(qat_read(qat, values, QAT_VALUES_MAX), 1);
	assert_string_equal(values[0].device, "0000:f3:00.0");
	qat_close(qat);
}

static void stranger(struct tree *t)
{
	struct qat *qat;

	if (geteuid() == 0 && seteuid(65534) < 0)
		_exit(2);
	open_roots(t);
	if (qat_open(&t->root, &qat) < 0 || qat_devices(qat) != 1)
		_exit(3);
	if (qat_enable(qat) != -EACCES)
		_exit(4);
	qat_close(qat);
	_exit(0);
}

static void test_denied(void **state)
{
	struct tree *t = *state;
	char path[256];
	int status;
	pid_t child;

	tree_write(t, DEBUG "control", "0\n");
	tree_write(t, DEBUG "device_data", "%s", "");
	assert_int_equal(chmod(t->dir, 0755), 0);
	snprintf(path, sizeof(path), "%s/" DEBUG "control", t->dir);
	assert_int_equal(chmod(path, 0444), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		stranger(t);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	check_file(t, DEBUG "control", "0\n");
}

static void test_strange_lines(void **state)
{
	static const char text[] = "\n"
				   "sample_cnt 1\n"
				   "no_number\n"
				   "not a number\n"
				   "util_cpr0 12%\n"
				   "util_cpr1 -3\n"
				   "a_name_that_is_longer_than_any 4\n"
				   "UPPER 5\n"
				   "too_large 99999999999999999999\n"
				   "util_xlt0\t6\t1 2 3\n"
				   "last 7";
	struct qat_value values[8];

	(void)state;
	assert_int_equal(qat_parse(text, values, 8), 3);
	assert_string_equal(values[0].type, "sample_cnt");
	assert_string_equal(values[1].type, "util_xlt0");
	assert_true(values[1].value == 6);
	assert_string_equal(values[2].type, "last");
	assert_true(values[2].value == 7);
	assert_int_equal(qat_parse(text, values, 2), 2);
	assert_int_equal(qat_parse("", values, 8), 0);
}

#define WITH_TREE(test) cmocka_unit_test_setup_teardown(test, tree_setup, tree_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_TREE(test_none),       WITH_TREE(test_kernel_driver),
		WITH_TREE(test_all_places), WITH_TREE(test_one_gone),
		WITH_TREE(test_denied),     cmocka_unit_test(test_strange_lines),
	};

	return cmocka_run_group_tests_name("meter/qat", tests, NULL, NULL);
}
