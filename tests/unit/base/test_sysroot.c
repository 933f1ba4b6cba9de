// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/sysroot.h"

static void test_parse(void **state)
{
	u64 value = 5;

	assert_int_equal(sysroot_parse_u64("42", &value), 0);
	assert_int_equal(value, 42);
	assert_int_equal(sysroot_parse_u64(" 18446744073709551615\n", &value), 0);
	assert_true(value == UINT64_MAX);
	assert_int_equal(sysroot_parse_u64("18446744073709551616", &value), -ERANGE);
	assert_int_equal(sysroot_parse_u64("99999999999999999999999", &value), -ERANGE);
	assert_int_equal(sysroot_parse_u64("", &value), -EINVAL);
	assert_int_equal(sysroot_parse_u64("-1", &value), -EINVAL);
	assert_int_equal(sysroot_parse_u64("1x", &value), -EINVAL);
	assert_int_equal(sysroot_parse_u64("0x10", &value), -EINVAL);
	assert_true(value == UINT64_MAX);
}

static void test_read(void **state)
{
	struct sysroot root;
	const char *which;
	char buf[32];

	assert_int_equal(sysroot_init(&root, "/proc", "/sys", &which), 0);
	assert_int_equal(sysroot_read_text(root.proc_fd, "sys/kernel/ostype", buf, sizeof(buf)), 5);
	assert_string_equal(buf, "Linux");
	assert_int_equal(sysroot_read_text(root.proc_fd, "sys/kernel/ostype", buf, 4), 3);
	assert_string_equal(buf, "Lin");
	assert_int_equal(sysroot_read_text(root.proc_fd, "no/such/file", buf, sizeof(buf)),
			 -ENOENT);
	sysroot_deinit(&root);
	sysroot_deinit(&root);
	assert_int_equal(sysroot_init(&root, "/proc", "/no/such/dir", &which), -ENOENT);
	assert_string_equal(which, "/no/such/dir");
	assert_int_equal(root.proc_fd, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_read),
	};

	return cmocka_run_group_tests_name("base/sysroot", tests, NULL, NULL);
}
