// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "meter/redfish_fault.h"

#define S NSEC_PER_SEC

/* Wherever the dice fall, between 3/4 and 5/4 of @want_s. */
static void assert_wait(const struct redfish_trouble *trouble, u32 failures, u64 interval_s,
			u64 want_s)
{
	u64 least = UINT64_MAX, most = 0;

	for (u32 random = 0; random < 1000; random++) {
		u64 wait_ns = redfish_fault_wait_ns(trouble, failures, interval_s * S,
						    random * 2654435761U);

		least = u64_min(least, wait_ns);
		most = u64_max(most, wait_ns);
	}
	assert_in_range(least, want_s * S * 3 / 4, want_s * S * 4 / 5);
	assert_in_range(most, want_s * S * 6 / 5, want_s * S * 5 / 4);
}

static void test_doubling(void **state)
{
	static const u64 want_s[] = { 30, 60, 120, 240, 300, 300, 300 };
	static const u64 denied_s[] = { 60, 120, 240, 480, 600, 600, 600 };
	struct redfish_trouble status = { .fault = REDFISH_STATUS };
	struct redfish_trouble login = { .fault = REDFISH_LOGIN };

	for (u32 i = 0; i < ARRAY_SIZE(want_s); i++) {
		assert_wait(&status, i + 1, 30, want_s[i]);
		assert_wait(&login, i + 1, 30, denied_s[i]);
	}
	assert_wait(&status, UINT32_MAX, 1, 300);
	assert_wait(&login, 1, 1, 60);
	/* never more often than was asked for */
	assert_wait(&status, 1, 3600, 3600);
	assert_wait(&status, 9, 3600, 3600);
}

static void test_retry_after(void **state)
{
	struct redfish_trouble busy = { .fault = REDFISH_BUSY, .retry_after_s = 100 };

	assert_int_equal(redfish_fault_wait_ns(&busy, 1, 30 * S, 5), 100 * S);
	busy.retry_after_s = UINT64_MAX;
	assert_int_equal(redfish_fault_wait_ns(&busy, 1, 30 * S, 5), 600 * S);
	busy.retry_after_s = 1;
	assert_wait(&busy, 1, 30, 30);
}

/* Every fault has words for people, and they say whom it is about. */
static void test_words(void **state)
{
	for (u32 fault = REDFISH_UNREACHABLE; fault < REDFISH_FAULTS; fault++) {
		struct redfish_trouble trouble = { .fault = (enum redfish_fault)fault,
						   .status = 418,
						   .text = "more of it" };
		struct meter_report report;

		redfish_path_set(&trouble.path, "/redfish/v1/Chassis");
		report_begin(&report);
		redfish_fault_describe(&trouble, "https://bmc.example", &report);
		assert_int_equal(report.none, redfish_fault_status(trouble.fault));
		assert_int_not_equal(report.none, METER_OK);
		assert_non_null(strstr(report.found, "https://bmc.example"));
		assert_non_null(strstr(report.found, "(HTTP 418): more of it"));
		assert_int_equal(report.notes, 1);
		assert_int_equal(report.note[0].severity, METER_PROBLEM);
		assert_non_null(
			strstr(report.note[0].text, "https://bmc.example/redfish/v1/Chassis "));
		assert_true(strlen(report.note[0].code) > 2);
		assert_true(strlen(report.note[0].remedy) > 10);
		assert_true(strlen(report.note[0].remedy) < sizeof(report.note[0].remedy) - 1);
	}
}

static void test_kinds(void **state)
{
	assert_int_equal(redfish_fault_status(REDFISH_LOGIN), METER_DENIED);
	assert_int_equal(redfish_fault_status(REDFISH_FORBIDDEN), METER_DENIED);
	assert_int_equal(redfish_fault_status(REDFISH_BUSY), METER_STALE);
	assert_int_equal(redfish_fault_status(REDFISH_NOTHING), METER_ABSENT);
	assert_int_equal(redfish_fault_status(REDFISH_CERTIFICATE), METER_ERROR);
	/* with these, whatever else is asked fails the same way */
	assert_false(redfish_fault_is_local(REDFISH_LOGIN));
	assert_false(redfish_fault_is_local(REDFISH_TIMEOUT));
	assert_false(redfish_fault_is_local(REDFISH_BUSY));
	assert_false(redfish_fault_is_local(REDFISH_STOPPED));
	assert_true(redfish_fault_is_local(REDFISH_MISSING));
	assert_true(redfish_fault_is_local(REDFISH_STATUS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_doubling),
		cmocka_unit_test(test_retry_after),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_kinds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
