// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "serve/host.h"

static void test_ours(void **state)
{
	static const char *const ours[] = { "localhost",    "LOCALHOST:1",    "localhost.:80",
					    "127.0.0.1",    "10.1.2.3:65535", "[::1]",
					    "[fe80::1]:80", "node-1",         "Node-1:28282",
					    "node-1.",      "localhost:",     "" };

	assert_true(host_is_ours(NULL, "node-1"));
	for (u32 i = 0; i < ARRAY_SIZE(ours); i++)
		if (!host_is_ours(ours[i], "node-1"))
			fail_msg("%s", ours[i]);
}

static void test_not_ours(void **state)
{
	static const char *const bad[] = { "evil.example",
					   "localhost.evil.example",
					   "node-1.example",
					   "127.0.0.1.example",
					   "127.0.0.1:80.a",
					   "[::1].example",
					   "[::1",
					   "[]",
					   "[localhost]",
					   "[::1]:x",
					   "1.2.3.4.5",
					   "localhost..",
					   ".",
					   ":",
					   "node-1 ",
					   "a@localhost",
					   "localhost:80:80",
					   "2130706433" };
	char longest[1000];

	for (u32 i = 0; i < ARRAY_SIZE(bad); i++)
		if (host_is_ours(bad[i], "node-1"))
			fail_msg("%s", bad[i]);
	memset(longest, '1', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_false(host_is_ours(longest, "node-1"));
	longest[0] = '[';
	assert_false(host_is_ours(longest, "node-1"));
	longest[sizeof(longest) - 2] = ']';
	assert_false(host_is_ours(longest, "node-1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ours),
		cmocka_unit_test(test_not_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
